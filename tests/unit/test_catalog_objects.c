/* Objects and locales (catalog/catalog.h, catalog/locale.h). */
#include "catalog_fixture.h"

/* What an object is: "company record:id path" or "company file:path", or an error. */
static void resolve(const si_catalog *c, const char *main, const char *object, bool from_url,
    const char *locale, si_record_table table, char out[300]) {
    si_arena arena = {0};
    si_resolved r;
    si_diag diag = {0};
    si_object_query q = {.object = si_str_of(object), .from_url = from_url, .table = table};
    if (!from_url) {
        q.main = main[0] != '\0' ? company_of(c, main) : si_catalog_default(c);
    }
    q.locale = si_str_of(locale);
    si_result result = si_catalog_resolve(c, &q, &arena, &r, &diag);
    if (result != SI_OK) {
        snprintf(out, 300, "error %d", result);
        assert_int_equal(diag.code, result);
    } else if (r.record != NULL) {
        assert_string_equal(r.object, r.record->id);
        assert_string_equal(r.path, r.record->path);
        snprintf(out, 300, "%s record:%s of %s", r.company->id, r.object, r.owner->id);
        if (r.crop != NULL || r.swatch) {
            snprintf(
                out + strlen(out), 300 - strlen(out), ", %s", r.swatch ? "swatch" : r.crop->name);
        }
    } else {
        assert_ptr_equal(r.owner, r.company);
        assert_string_equal(r.path, r.object);
        snprintf(out, 300, "%s file:%s%s%s", r.company->id, r.path,
            r.crop != NULL || r.swatch ? ", " : "",
            r.swatch         ? "swatch"
            : r.crop != NULL ? r.crop->name
                             : "");
    }
    si_arena_free(&arena);
}

/* A row: `main` NULL = the path of a URL, else a reference with that main company. */
typedef struct row {
    const char *main, *object, *is;
} row;

static void check_rows(const row *rows, size_t count) {
    si_catalog *c = load();
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        char have[300];
        const row *r = &rows[i];
        resolve(c, r->main, r->object, r->main == NULL, NULL, SI_TABLE_IMAGE, have);
        if (strcmp(have, r->is) != 0) {
            print_error("%s from %s: \"%s\", not \"%s\"\n", r->object,
                r->main != NULL ? r->main : "URL", have, r->is);
            failed++;
        }
    }
    si_catalog_free(c);
    assert_int_equal(failed, 0);
}

static void test_order(void **state) {
    (void)state;
    static const row rows[] = {
        /* the path of a URL: catalog first, then record, then the default catalog's, then file */
        {NULL, "acme/shoe", "acme record:shoe of acme"},
        {NULL, "acme/deep/id", "acme record:deep/id of acme"}, /* ids may hold "/" */
        {NULL, "acme/common", "acme record:common of "},
        {NULL, "acme/other", "acme file:other"},
        {NULL, "acme/beta/hat", "acme record:beta/hat of acme"},
        {NULL, "nobody/shoe", " file:nobody/shoe"},
        {NULL, "nobody/record", " record:nobody/record of "},
        {NULL, "common", " record:common of "},
        {NULL, "folder/x.tif", "folder file:x.tif"},
        {NULL, "folder/common", "folder record:common of "},
        {NULL, "acme", "acme file:"},             /* a bare root id, for req=catalogprops */
        {NULL, "folder", " file:folder"},         /* a bare name that is no configured company */
        {NULL, "ACME/shoe", " file:ACME/shoe"},   /* case counts */
        {NULL, "/acme/shoe", " file:/acme/shoe"}, /* an empty element, which finding refuses */
        /* references: the whole string in the main company first */
        {"acme", "shoe", "acme record:shoe of acme"},
        {"acme", "beta/hat", "acme record:beta/hat of acme"},
        {"beta", "beta/hat", "beta record:hat of beta"}, /* its own root id */
        {"acme", "beta/boot", "beta record:boot of beta"},
        {"beta", "acme/shoe", "acme record:shoe of acme"},
        {"acme", "beta/common", "beta record:common of "},
        {"acme", "common", "acme record:common of "},
        {"acme", "nobody/record", "acme record:nobody/record of "},
        {"acme", "beta/gone", "beta file:gone"},
        {"acme", "gone", "acme file:gone"},
        {"acme", "deep/gone", "acme file:deep/gone"},
        {"", "acme/shoe", "acme record:shoe of acme"},
        /* a leading "/": the default catalog in place of the main one */
        {"acme", "/shoe", " file:shoe"},
        {"acme", "/common", " record:common of "},
        {"acme", "/acme/shoe", "acme record:shoe of acme"},
        {"acme", "/both", " record:both of "},
        {"acme", "both", "acme record:both of acme"},
    };
    make_dir("root/folder");
    write_company("default",
        "FolderCompanies = true\n[objects]\ncommon = c.tif\nnobody/record = n.tif\nboth = "
        "d.tif\n");
    write_company(
        "acme", "[objects]\nshoe = s.tif\ndeep/id = d.tif\nbeta/hat = own-hat.tif\nboth = a.tif\n");
    write_company("beta", "[objects]\nhat = hat.tif\nboot = boot.tif\n");
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void test_full_match(void **state) {
    (void)state;
    static const row rows[] = {
        {NULL, "acme/shoe", "acme record:shoe of acme"},
        {NULL, "acme/gone", " file:acme/gone"}, /* as if no catalog had matched */
        {NULL, "acme/kept", " record:acme/kept of "}, {"beta", "acme/gone", " file:acme/gone"},
        {"beta", "acme/shoe", "acme record:shoe of acme"},
        {"acme", "gone", "acme file:gone"}, /* no catalog is named, so the main one governs */
    };
    write_company("default", "RootPath =\n[objects]\nacme/kept = k.tif\n");
    write_company("acme", "FullMatch = 1\n[objects]\nshoe = s.tif\n");
    write_company("beta", "");
    check_rows(rows, sizeof rows / sizeof *rows);
}

/* With a configuration, folders are companies, and the root is the default company's, only if it
 * says so. */
static void test_folders(void **state) {
    (void)state;
    static const row closed[] = {{NULL, "folder/x", "error 4"}, {"acme", "/folder/x", "error 4"},
        {"", "folder/x", "error 4"}, {NULL, "folder/kept", " record:folder/kept of "},
        {NULL, "x", " file:x"}, {NULL, "folder", " file:folder"},
        {"acme", "folder/x", "acme file:folder/x"}};
    static const row rooted[] = {{NULL, "folder/x", " file:folder/x"}};
    static const row opened[] = {{NULL, "folder/x", "folder file:x"},
        {"acme", "folder/x", "folder file:x"}, {NULL, "nothing/x", " file:nothing/x"}};
    make_dir("root/folder");
    write_company("acme", "");
    write_company("default", "[objects]\nfolder/kept = k.tif\n");
    check_rows(closed, sizeof closed / sizeof *closed);
    write_company("default", "RootPath =\n");
    check_rows(rooted, sizeof rooted / sizeof *rooted);
    write_company("default", "FolderCompanies = true\n");
    check_rows(opened, sizeof opened / sizeof *opened);
}

static void test_crops(void **state) {
    (void)state;
    static const row rows[] = {
        {NULL, "acme/shoe:Large", "acme record:shoe of acme, Large"},
        {NULL, "acme/shoe:Swatch", "acme record:shoe of acme, swatch"},
        {NULL, "acme/shoe:Wide one", "acme record:shoe of acme, Wide one"},
        {NULL, "acme/deep/file:Tiny", "acme file:deep/file, Tiny"},  /* of the default company */
        {NULL, "acme/shoe:Small", "acme record:shoe:Small of acme"}, /* a record of that name */
        {NULL, "acme/shoe:large", "acme file:shoe:large"},
        {NULL, "acme/a:b:Large", "acme file:a:b, Large"},
        {NULL, "acme/:Large", "acme file:, Large"}, /* which finding refuses */
        {"beta", "acme/shoe:Large", "acme record:shoe of acme, Large"},
        {"acme", "shoe:Large", "acme record:shoe of acme, Large"},
        {NULL, "beta/x:Large", "beta file:x:Large"}, /* who governs the object has the crops */
        {NULL, "shut/shoe:Swatch", "shut record:shoe of shut, swatch"},
        {NULL, "shut/gone:Swatch", "error 4"},
        {NULL, "shut/shoe:Nothing", "error 4"},
    };
    write_company("default", "[crops]\nTiny = 10x10\n");
    write_company("acme", "[objects]\nshoe = s.tif\nshoe:Small = small.tif\n"
                          "[crops]\nLarge = 1600x900\nSmall = 400x225\nWide one = 2x1\n");
    write_company("beta", "");
    write_company("shut", "AllowDirectAccess =\n[objects]\nshoe = s.tif\n");
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void test_direct_access(void **state) {
    (void)state;
    static const row rows[] = {
        {NULL, "none/x", "error 4"},
        {NULL, "none/known", "none record:known of none"},
        {NULL, "images/x.tif", "images file:x.tif"},
        {NULL, "images/x.SVG", "error 4"},
        {NULL, "nosvg/x.svg", "error 4"},
        {NULL, "nosvg/x", "nosvg file:x"},
        {NULL, "all/x.svg", "all file:x.svg"},
        {"all", "none/x", "error 4"}, /* who governs the path decides */
        {"none", "all/x", "all file:x"},
    };
    assert_int_equal(SI_ERR_FORBIDDEN, 4);
    write_company("none", "AllowDirectAccess =\n[objects]\nknown = k.tif\n");
    write_company("images", "AllowDirectAccess = IS,STATIC\n");
    write_company("nosvg", "AllowDirectAccess = exclude:SVG\n");
    write_company("all", "");
    check_rows(rows, sizeof rows / sizeof *rows);
    si_catalog *c = load();
    char have[300];
    resolve(c, NULL, "none/x", true, NULL, SI_TABLE_STATIC, have);
    assert_string_equal(have, "error 4");
    resolve(c, NULL, "images/x", true, NULL, SI_TABLE_STATIC, have);
    assert_string_equal(have, "images file:x");
    si_catalog_free(c);
}

/* ---- id translation ---- */

static void test_id_translation(void **state) {
    (void)state;
    static const struct {
        const char *company, *locale, *id, *is;
    } rows[] = {
        {"tiers", "w2", "tiers/img", "tiers record:img-W of tiers"}, /* -W2 is missing */
        {"tiers", "W1", "tiers/img", "tiers record:img-W of tiers"}, /* case does not count */
        {"tiers", "m1", "tiers/img", "tiers record:img of tiers"},   /* the empty suffix */
        {"tiers", "ja", "tiers/img", "tiers record:img of tiers"},   /* unknown: the empty locale */
        {"tiers", "", "tiers/img", "tiers record:img of tiers"},
        {"tiers", "w2", "tiers/common", "tiers record:common-W2 of "}, /* also in the default one */
        {"tiers", "w2", "tiers/file", "tiers file:file"}, /* files are not translated */
        {"two", "fr", "two/a", "two record:a_F of two"},
        {"two", "ja", "two/a", "two record:a_E of two"},
        {"two", NULL, "two/a", "two record:a_F of two"}, /* DefaultLocale */
        {"two", "ja", "two/b", "two record:b of two"},
        {"strict", "de", "strict/a", "strict record:a_D of strict"},
        {"strict", "fr", "strict/a", "error 2"}, /* no rule for every other locale */
        {"strict", "", "strict/a", "error 2"},
        {"nomap", "fr", "nomap/a", "nomap record:a of nomap"}, /* locale= is ignored */
        {"no-plain", "x", "no-plain/a", "no-plain file:a"},    /* only suffixed ids are tried */
    };
    assert_int_equal(SI_ERR_RANGE, 2);
    write_company("default", "[objects]\ncommon-W2 = c.tif\n");
    write_company("tiers", "LocaleMap = w1,-W,|w2,-W2,-W,|w3,-W,|m1,-M1,-M,|,\n"
                           "[objects]\nimg = i.tif\nimg-W = w.tif\n");
    write_company("two", "LocaleMap = fr,_F,|,_E,\nDefaultLocale = FR\n"
                         "[objects]\na = a.tif\na_F = af.tif\na_E = ae.tif\nb = b.tif\n");
    write_company("strict", "LocaleMap = de,_D,\n[objects]\na_D = ad.tif\na = a.tif\n");
    write_company("nomap", "[objects]\na = a.tif\na_F = f.tif\n");
    write_company("no-plain", "LocaleMap = ,_1,_2,_3|fr,_22\n[objects]\na = a.tif\nb_2 = b.tif\n");
    si_catalog *c = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char have[300];
        resolve(c, NULL, rows[i].id, true, rows[i].locale, SI_TABLE_IMAGE, have);
        if (strcmp(have, rows[i].is) != 0) {
            fail_msg("%s in %s: %s", rows[i].id, rows[i].locale, have);
        }
    }
    /* the main company's map holds for references, too, and only it */
    char have[300];
    resolve(c, "two", "strict/a", false, "fr", SI_TABLE_IMAGE, have);
    assert_string_equal(have, "strict record:a of strict");
    resolve(c, "nomap", "two/a", false, "fr", SI_TABLE_IMAGE, have);
    assert_string_equal(have, "two record:a of two");

    si_arena arena = {0};
    const char *const *ids;
    assert_int_equal(
        si_catalog_translations(c, company_of(c, "two"), SI_STR("a"), SI_TABLE_IMAGE, &arena, &ids),
        3);
    assert_string_equal(ids[0], "a");
    assert_string_equal(ids[1], "a_F");
    assert_string_equal(ids[2], "a_E");
    si_arena_free(&arena);
    si_catalog_free(c);
}

/* ---- strings ---- */

static void test_strings(void **state) {
    (void)state;
    static const char first[] = "en,E|nl,N|de,D|,";
    static const char family[] = "en,E|en_us,EUS,E|en_uk,EUK,E|de,D|de_at,DAT,D|de_de,D";
    static const struct {
        const char *map, *locale, *text, *is;
    } rows[] = {
        {first, "nl", "111", "111"}, {first, "nl", "Default1^loc=N^Dutch1^loc=D^German1", "Dutch1"},
        {first, "nl", "^loc=E^English2^loc=N^Dutch2^loc=D^German2", "Dutch2"},
        {first, "de", "Default1^loc=N^Dutch1^loc=D^German1", "German1"},
        {first, "en", "Default1^loc=N^Dutch1^loc=D^German1", ""},
        {first, "ja", "Default1^loc=N^Dutch1", "Default1"},
        {first, "ja", "^loc=E^English2^loc=N^Dutch2", ""}, {first, "ja", "value2", "value2"},
        {family, "en_uk", "^loc=E^English^loc=EUK^UK-English^loc=D^German^loc=DAT^Austrian",
            "UK-English"},
        {family, "en_us", "^loc=E^English^loc=EUK^UK-English", "English"},
        {family, "de_at", "^loc=E^English^loc=D^German^loc=DAT^Austrian", "Austrian"},
        {family, "DE_de", "^loc=E^English^loc=D^German^loc=DAT^Austrian", "German"},
        {family, "fr", "^loc=E^English^loc=D^German", ""},                     /* all others */
        {family, "de", "%5Eloc%3DE%5eEnglish%5Eloc=D^German%21", "German%21"}, /* encoded tokens */
        {first, "nl", "a^b^loc", "a^b^loc"},                                   /* no token */
        {first, "nl", "x^loc=N^", ""}, {first, "nl", "", ""},
        {"", "nl", "Default^loc=N^Dutch", "Default^loc=N^Dutch"}, /* no map: as it is */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        const si_locale_map *map;
        assert_true(si_locale_map_read(si_str_of(rows[i].map), &arena, &map));
        si_str have = si_locale_string(map, si_str_of(rows[i].locale), si_str_of(rows[i].text));
        if (!si_str_eq(have, si_str_of(rows[i].is))) {
            fail_msg("%s in %s: %.*s", rows[i].text, rows[i].locale, SI_STR_ARG(have));
        }
        si_arena_free(&arena);
    }
}

static void test_fields(void **state) {
    (void)state;
    static const struct {
        si_locale_field field;
        const char *text, *is;
    } rows[] = {
        {SI_LOCALE_USER_DATA,
            "val1=111\r\nstr1=Default1^loc=N^Dutch1^loc=D^German1\r\nval2=value2\r\n"
            "str2=^loc=E^English2^loc=N^Dutch2",
            "val1=111\r\nstr1=Dutch1\r\nval2=value2\r\nstr2=Dutch2"},
        {SI_LOCALE_USER_DATA, "no property^loc=N^x\r\n\r\n=^loc=N^y",
            "no property^loc=N^x\r\n\r\n=y"},
        {SI_LOCALE_TARGETS,
            "Target.1.label=a^loc=N^b\r\nTarget.1.rect=1^loc=N^2\r\ntarget.2.userData=^loc=N^c",
            "Target.1.label=b\r\nTarget.1.rect=1^loc=N^2\r\ntarget.2.userData=c"},
        {SI_LOCALE_MAP,
            "<AREA COORDS=\"1,2^loc=N^3\" shape='rect^loc=N^x' href='a^loc=N^b' "
            "alt=\"x'^loc=N^y\">",
            "<AREA COORDS=\"1,2^loc=N^3\" shape='rect^loc=N^x' href='b' alt=\"y\">"},
        {SI_LOCALE_MAP, "<AREA alt=\"open^loc=N^x", "<AREA alt=\"x"},
        {SI_LOCALE_IMAGE_SET, "a^loc=N^b,c;{0xff0000 red^loc=N^rood},(d:e^loc=N^f)",
            "b,c;{0xff0000 rood},(d:f)"},
        {SI_LOCALE_IMAGE_SET, "a,b;c", "a,b;c"},
    };
    si_arena arena = {0};
    const si_locale_map *map;
    assert_true(si_locale_map_read(SI_STR("nl,N|,"), &arena, &map));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_str text = si_str_of(rows[i].text);
        si_str have = si_locale_apply(map, SI_STR("nl"), rows[i].field, text, &arena);
        if (!si_str_eq(have, si_str_of(rows[i].is))) {
            fail_msg("%s: %.*s", rows[i].text, SI_STR_ARG(have));
        }
        assert_ptr_equal(
            si_locale_apply(NULL, SI_STR("nl"), rows[i].field, text, &arena).p, text.p);
    }
    si_arena_free(&arena);
}

/* ---- files ---- */

static void test_files(void **state) {
    (void)state;
    make_dir("root/pictures");
    make_dir("root/pictures/fonts");
    make_dir("root/static");
    write_file("root/pictures/shoe.tif", "tif");
    write_file("root/pictures/shoe.jpg", "jpg");
    write_file("root/pictures/fonts/a.ttf", "font");
    write_file("root/static/film.mp4", "film");
    write_file("outside.txt", "secret");
    assert_int_equal(symlink("../../outside.txt", in_folder("root/static/link.txt")), 0);
    write_company(
        "acme", "RootPath = pictures\nDefaultExt = .tif\nStaticContentRootPath = static\n");
    write_company("off", "RootPath = pictures\nDefaultExt =\n");
    si_catalog *c = load();
    si_arena arena = {0};
    si_file f;
    const si_company *acme = company_of(c, "acme"), *off = company_of(c, "off");
    assert_int_equal(si_catalog_find(c, acme, SI_STR("shoe"), &arena, &f, NULL), SI_OK);
    assert_string_equal(f.path, "pictures/shoe.tif");
    assert_int_equal(si_catalog_find(c, acme, SI_STR("shoe.jpg"), &arena, &f, NULL), SI_OK);
    assert_string_equal(f.path, "pictures/shoe.jpg");
    assert_int_equal(si_catalog_find(c, off, SI_STR("shoe"), &arena, &f, NULL), SI_OK);
    assert_string_equal(f.path, "pictures/shoe.jpg"); /* our own order of extensions */
    assert_int_equal(
        si_catalog_find_exact(c, acme, SI_STR("fonts/a.ttf"), &arena, &f, NULL), SI_OK);
    assert_string_equal(f.path, "pictures/fonts/a.ttf");
    assert_int_equal(
        si_catalog_find_exact(c, acme, SI_STR("fonts/a"), &arena, &f, NULL), SI_ERR_NOT_FOUND);
    assert_int_equal(si_catalog_find_exact(c, acme, SI_STR("../secret.txt"), &arena, &f, NULL),
        SI_ERR_FORBIDDEN);
    assert_int_equal(si_catalog_find_static(c, acme, SI_STR("film.mp4"), &arena, &f, NULL), SI_OK);
    assert_string_equal(f.path, "static/film.mp4");
    assert_int_equal(f.size, 4);
    /* static content has its exact name, is beneath the served root, and off where no folder is
     * named */
    assert_int_equal(
        si_catalog_find_static(c, acme, SI_STR("link.txt"), &arena, &f, NULL), SI_ERR_NOT_FOUND);
    assert_int_equal(
        si_catalog_find_static(c, acme, SI_STR("film"), &arena, &f, NULL), SI_ERR_NOT_FOUND);
    assert_int_equal(
        si_catalog_find_static(c, acme, SI_STR("../pictures/shoe.tif"), &arena, &f, NULL),
        SI_ERR_FORBIDDEN);
    assert_int_equal(
        si_catalog_find_static(c, off, SI_STR("film.mp4"), &arena, &f, NULL), SI_ERR_NOT_FOUND);
    si_arena_free(&arena);
    si_catalog_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, clean),
        cmocka_unit_test_setup(test_full_match, clean),
        cmocka_unit_test_setup(test_folders, clean),
        cmocka_unit_test_setup(test_crops, clean),
        cmocka_unit_test_setup(test_direct_access, clean),
        cmocka_unit_test_setup(test_id_translation, clean),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_fields),
        cmocka_unit_test_setup(test_files, clean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
