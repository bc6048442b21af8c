/* The vendor's data files (catalog/datafile.h). */
#include "base/clock.h"
#include "catalog_fixture.h"

static const si_record *record_of(const si_catalog *c, const char *id) {
    return si_catalog_record(c, company_of(c, "acme"), si_str_of(id), SI_TABLE_IMAGE, NULL);
}

static void test_records(void **state) {
    (void)state;
    write_company("acme", "CatalogFile = all.txt\n");
    write_file("conf/companies/all.txt",
        "ID\tpath\t.note\tModifier\tUnknown\tUserData\tAnchor\tTimeStamp\tTargets\r\n"
        "one\tone.tif\tignored, \"too\twid=1\tx\ta=1??b=2\t 3 , 4 \t\t\r"
        "two\ttwo.tif\t\t\"text=a\tb\r\nc \"\"q\"\"\"\t\t\"a=1??b=2\"\n"
        "three\tthree.tif\t\t hei=5 \t\t\t\tnever\t\"a=1\r\nb=2\"\n"
        "\n"
        "one\tagain.tif\n");
    si_catalog *c = load();
    assert_int_equal(warning_count, 2); /* the unknown column, the date */
    assert_non_null(strstr(reports, "unknown column \"Unknown\""));
    assert_non_null(strstr(reports, "companies/all.txt:5: warning: TimeStamp"));
    const si_record *r = record_of(c, "one");
    assert_string_equal(r->path, "again.tif"); /* a duplicate: the last, as a whole */
    assert_string_equal(r->modifier, "");
    assert_false(SI_RECORD_HAS(r, anchor));
    r = record_of(c, "two");
    assert_string_equal(r->modifier, "text=a\tbc \"q\"");
    assert_string_equal(r->user_data, "a=1??b=2"); /* quoted as a whole: ?? stays */
    r = record_of(c, "three");
    assert_string_equal(r->modifier, " hei=5 "); /* blanks count */
    assert_int_equal(r->time_stamp, 0);
    assert_string_equal(r->targets, "a=1\r\nb=2");
    si_catalog_free(c);
}

static void test_unquoted_properties(void **state) {
    (void)state;
    write_company("acme", "CatalogFile = all.txt\n");
    write_file("conf/companies/all.txt", "Id\tUserData\tAnchor\none\ta=1??b=2\t 3 , 4 \n");
    si_catalog *c = load();
    assert_string_equal(record_of(c, "one")->user_data, "a=1\r\nb=2");
    assert_int_equal(record_of(c, "one")->anchor.h, 4);
    si_catalog_free(c);
}

/* Line ends inside of quotes part properties, are kept in maps, which are HTML, and otherwise no
 * part of a value, whatever system wrote the file. */
static void test_line_ends_in_quotes(void **state) {
    (void)state;
    static const char *const ends[] = {"\r\n", "\n", "\r"};
    write_company("acme",
        "CatalogFile = all.txt\r\nMacroFile = macros.txt\r\nFontMapFile = fonts.txt\r\n"
        "PublishInfo = a\\\r\n b\r\n[object ini]\r\nPath = x.tif\r\nModifier = wid=1\r\n "
        "&hei=2\r\n"
        "UserData = a=1??b=2\r\n");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char text[800];
        const char *e = ends[i];
        snprintf(text, sizeof text,
            "Id\tPath\tModifier\tImageSet\tMap\tUserData\tTargets\tResolution\tUserType%s"
            "one\t\"a.tif%s\"\t\"wid=1&%s  hei=2%s\"\t\"a,%sb;c%s\"\t\"<AREA%sHREF=\"\"x\"\">\"\t"
            "\"k=??%sl=2%s\"\tm=1??n=2\t\"300%s\"\tshoe%s",
            e, e, e, e, e, e, e, e, e, e, e);
        write_file("conf/companies/all.txt", text);
        snprintf(text, sizeof text, "Name\tDefinition%s\"big%s\"\t\"wid=900&%shei=900%s\"%s", e, e,
            e, e, e);
        write_file("conf/companies/macros.txt", text);
        snprintf(text, sizeof text, "Name\tFontPath%s\"Arial%s\"\t\"arial.ttf%s\"%s", e, e, e, e);
        write_file("conf/companies/fonts.txt", text);
        si_catalog *c = load();
        assert_int_equal(warning_count, 0);
        const si_record *r = record_of(c, "one");
        assert_string_equal(r->path, "a.tif");
        assert_string_equal(r->modifier, "wid=1&hei=2");
        assert_string_equal(r->image_set, "a,b;c");
        assert_string_equal(r->user_data, "k=??\r\nl=2\r\n");
        assert_string_equal(r->targets, "m=1\r\nn=2");
        assert_true(r->resolution == 300);
        assert_string_equal(r->user_type, "shoe");
        snprintf(text, sizeof text, "<AREA%sHREF=\"x\">", e);
        assert_string_equal(r->map, text);
        const si_company *acme = company_of(c, "acme");
        assert_string_equal(si_company_preset(c, acme, SI_STR("big")), "wid=900&hei=900");
        const si_font *f[4];
        assert_int_equal(si_catalog_font(c, acme, SI_STR("Arial"), f), 1);
        assert_string_equal(f[0]->path, "arial.ttf");
        assert_string_equal(acme->attributes.publish_info, "ab");
        assert_string_equal(record_of(c, "ini")->modifier, "wid=1&hei=2");
        assert_string_equal(record_of(c, "ini")->user_data, "a=1\r\nb=2");
        si_catalog_free(c);
    }
}

static void test_several_files(void **state) {
    (void)state;
    write_company("acme", "CatalogFile = all.txt, delta.txt\nSvgCatalogFile = svg.txt\n"
                          "StaticContentCatalogFile = static.txt\n[objects]\nlast = ini.tif?wid=1\n"
                          "[object c]\nResolution = 3\n");
    write_file("conf/companies/all.txt",
        "Id\tPath\tModifier\na\ta.tif\twid=1\nb\tb.tif\t\nc\tc.tif\twid=3\nlast\tl.tif\twid=9\n");
    write_file("conf/companies/delta.txt", "Id\tPath\nb\tnew-b.tif\nd\td.tif\n");
    write_file("conf/companies/svg.txt", "Id\tPath\na\ta.svg\nlogo\tlogo.svg\nlogo\tlogo2.svg\n");
    write_file("conf/companies/static.txt",
        "Id\tPath\tVideoBitRate\tVideoSize\na\ta.mp4\t900000\t640,480\n");
    si_catalog *c = load();
    assert_string_equal(record_of(c, "b")->path, "new-b.tif");
    assert_string_equal(record_of(c, "d")->path, "d.tif");
    /* !! an SVG record with the id of an image is discarded; among SVGs the last wins */
    assert_string_equal(record_of(c, "a")->path, "a.tif");
    assert_int_equal(warning_count, 1);
    assert_string_equal(record_of(c, "logo")->path, "logo2.svg");
    assert_true(record_of(c, "logo")->svg && !record_of(c, "a")->svg);
    /* sections of the company file come last: lines replace path and Modifier, sections fields */
    assert_string_equal(record_of(c, "last")->path, "ini.tif");
    assert_string_equal(record_of(c, "last")->modifier, "wid=1");
    assert_true(record_of(c, "c")->resolution == 3);
    assert_string_equal(record_of(c, "c")->modifier, "wid=3");
    const si_record *s =
        si_catalog_record(c, company_of(c, "acme"), SI_STR("a"), SI_TABLE_STATIC, NULL);
    assert_string_equal(s->path, "a.mp4");
    assert_int_equal(s->video_bit_rate, 900000);
    si_catalog_free(c);
}

static void test_encoding(void **state) {
    (void)state;
    write_company("acme", "CatalogFile = all.txt\n");
    write_file("conf/companies/all.txt", "Id\tUserType\nk\xe4se\tf\xfcr\n"); /* ISO-8859-1 */
    si_catalog *c = load();
    assert_int_equal(warning_count, 0);
    assert_string_equal(record_of(c, "k\xc3\xa4se")->user_type, "f\xc3\xbcr");
    si_catalog_free(c);
    write_file("conf/companies/all.txt", "\xEF\xBB\xBFId\tUserType\nk\xc3\xa4se\tx\n");
    c = load();
    assert_int_equal(warning_count, 0);
    assert_non_null(record_of(c, "k\xc3\xa4se"));
    si_catalog_free(c);
    /* UTF-8 without its mark is ISO-8859-1, which somebody should know */
    write_file("conf/companies/all.txt", "Id\tUserType\nk\xc3\xa4se\tx\n");
    c = load();
    assert_int_equal(warning_count, 1);
    assert_null(record_of(c, "k\xc3\xa4se"));
    assert_non_null(record_of(c, "k\xc3\x83\xc2\xa4se"));
    si_catalog_free(c);
}

static void test_maps(void **state) {
    (void)state;
    write_company("default", "MacroFile = std.txt\n");
    write_company("acme",
        "MacroFile = macros.txt\nFontMapFile = fonts.txt\nIccProfileMapFile = icc.txt\n"
        "[presets]\nlocal = $mine$&wid=2\n");
    write_file("conf/companies/std.txt", "Name\tDefinition\nbase\tqlt=70\n");
    write_file("conf/companies/macros.txt",
        "Definition\tName\n\"wid=1&$base$\"\tMine\n$mine$&hei=1\tb\n\tbare\n\" \"\tblank\n");
    write_file("conf/companies/fonts.txt",
        "Name\tBold\tItalic\tFontPath\tMetricsPath\tPsName\n"
        "Arial\t\t0\tarial.ttf\t\t\nArial\t1\t\tarialb.pfb\tm/arialb.afm\tArial-Bold\n");
    write_file("conf/companies/icc.txt", "Name\tProfilePath\nHouse\ticc/house.icc\n");
    si_catalog *c = load();
    const si_company *acme = company_of(c, "acme");
    assert_string_equal(si_company_preset(c, acme, SI_STR("b")), "wid=1&qlt=70&hei=1");
    assert_string_equal(si_company_preset(c, acme, SI_STR("LOCAL")), "wid=1&qlt=70&wid=2");
    assert_string_equal(si_company_preset(c, acme, SI_STR("bare")), ""); /* with a warning */
    assert_string_equal(si_company_preset(c, acme, SI_STR("blank")), "");
    assert_int_equal(warning_count, 2);
    const si_font *f[4];
    assert_int_equal(si_catalog_font(c, acme, SI_STR("Arial"), f), 2);
    assert_true(f[1]->bold && strcmp(f[1]->metrics_path, "m/arialb.afm") == 0);
    assert_string_equal(f[1]->ps_name, "Arial-Bold");
    assert_string_equal(si_catalog_profile(c, acme, SI_STR("House"))->path, "icc/house.icc");
    si_catalog_free(c);
}

static void test_mistakes(void **state) {
    (void)state;
    static const mistake rows[] = {
        {"", 1, "begins with the names"},
        {"Path\tModifier\nx\ty\n", 1, "column Id"},
        {"Id\tPath\tPATH\nx\ty\tz\n", 1, "same name"},
        {"Id\t\tPath\n", 1, "without a name"},
        {"Id\tMy path\n", 1, "blank"},
        {"Id\tPath\na\tb\tc\n", 2, "more fields"},
        {"Id\tPath\na\t\"b\n", 2, "never closed"},
        {"Id\tModifier\tPath\na\t\"b\nc\"\tx\nd\t\"b\" c\tx\n", 4, "behind closing quotes"},
        {"Id\tPath\n\tb\n", 2, "record id"},
        {"Id\tPath\na,b\tb\n", 2, "record id"},
        {"Id\tPath\na?b\tb\n", 2, "record id"},
        {"Id\tPath\na\t../../etc/passwd\n", 2, "relative to RootPath"},
        {"Id\tResolution\na\thigh\n", 2, "Resolution"},
    };
    write_company("acme", "CatalogFile = all.txt\n");
    check_mistakes("all.txt", ROWS(rows));
    write_bytes("conf/companies/all.txt", "Id\0\tPath\n", 9);
    assert_null(try_load());
    assert_non_null(strstr(reports, "NUL"));
    /* a link may not lead out of the folder, a folder is no file */
    write_file("outside.txt", "Id\tPath\n");
    assert_int_equal(unlink(in_folder("conf/companies/all.txt")), 0);
    assert_int_equal(symlink(in_folder("outside.txt"), in_folder("conf/companies/all.txt")), 0);
    assert_null(try_load());
    assert_non_null(strstr(reports, "outside of the folder"));
    assert_int_equal(unlink(in_folder("conf/companies/all.txt")), 0);
    make_dir("conf/companies/all.txt");
    assert_null(try_load());
}

/* A file that is refused is named, with its line; what is read of one is whole. */
static void read_or_refused(int *read, int *refused) {
    si_catalog *c = try_load();
    if (c == NULL) {
        assert_non_null(strstr(reports, "all.txt"));
        ++*refused;
    } else {
        const si_company *acme = company_of(c, "acme");
        const si_record *a = si_catalog_record(c, acme, SI_STR("a"), SI_TABLE_IMAGE, NULL);
        assert_true(a == NULL || a->path == NULL || strlen(a->path) <= strlen("b.tif"));
        ++*read;
    }
    si_catalog_free(c);
}

/* Any cut of a file, and any byte of it changed, is read or refused, never worse. */
static void test_damage(void **state) {
    (void)state;
    static const char text[] =
        "\xEF\xBB\xBFId\tPath\tModifier\tUserData\r\na\tb.tif\t\"wid=1\t\n\"\t"
        "a=1??b=2\nc\td.tif\n";
    int read = 0, refused = 0;
    write_company("acme", "CatalogFile = all.txt\n");
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        write_bytes("conf/companies/all.txt", text, i);
        read_or_refused(&read, &refused);
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        copy[i] ^= 0x2b;
        write_bytes("conf/companies/all.txt", copy, sizeof text - 1);
        read_or_refused(&read, &refused);
    }
    assert_true(read > 10);
    assert_true(refused > 10);
}

/* Catalogs have 100,000 records; looking one up must not depend on how many there are. */
static void test_many_records(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    FILE *f = fopen(in_folder("conf/companies/many.txt"), "w");
    assert_non_null(f);
    fputs("Id\tPath\tModifier\tUserData\n", f);
    for (int i = 0; i < COUNT; i++) {
        fprintf(f, "product/%d\tfolder/%d.tif\twid=%d&qlt=80\tname=Product %d??x=y\n", i, i, i, i);
    }
    assert_int_equal(fclose(f), 0);
    write_company("acme", "CatalogFile = many.txt\n");
    int64_t start = si_now_ns();
    si_catalog *c = load();
    print_message("%d records loaded in %lld ms\n", COUNT,
        (long long)((si_now_ns() - start) / SI_MILLISECOND));
    for (int i = 0; i < COUNT; i += 7) {
        char id[40], path[40];
        snprintf(id, sizeof id, "product/%d", i);
        snprintf(path, sizeof path, "folder/%d.tif", i);
        assert_string_equal(record_of(c, id)->path, path);
    }
    assert_null(record_of(c, "product/100000"));
    si_catalog_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_records, clean),
        cmocka_unit_test_setup(test_unquoted_properties, clean),
        cmocka_unit_test_setup(test_line_ends_in_quotes, clean),
        cmocka_unit_test_setup(test_several_files, clean),
        cmocka_unit_test_setup(test_encoding, clean),
        cmocka_unit_test_setup(test_maps, clean),
        cmocka_unit_test_setup(test_mistakes, clean),
        cmocka_unit_test_setup(test_damage, clean),
        cmocka_unit_test_setup(test_many_records, clean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
