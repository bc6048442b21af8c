/* The grammar of ImageSet and types of sets (catalog/imageset.h). */
#include "catalog/imageset.h"
#include "catalog_fixture.h"

static void print_set(const si_image_set *set, char *out, size_t room);

static void print_part(const si_set_part *p, char *out, size_t room) {
    size_t n = strlen(out);
    switch (p->kind) {
    case SI_SET_PART_NONE:
        snprintf(out + n, room - n, "-");
        break;
    case SI_SET_PART_ID:
        snprintf(out + n, room - n, "<%s>", p->text);
        break;
    case SI_SET_PART_COLOR:
        snprintf(out + n, room - n, "#%06x'%s'", p->color, p->text);
        break;
    case SI_SET_PART_SET:
        print_set(p->set, out, room);
        break;
    }
}

/* A set as "[type item:item|swatch|type item…]". */
static void print_set(const si_image_set *set, char *out, size_t room) {
    static const char *const shapes[] = {"?", "image", "media", "ecat", "spin", "spin2d", "video"};
    snprintf(out + strlen(out), room - strlen(out), "[%s", shapes[set->shape]);
    for (int i = 0; i < set->count; i++) {
        const si_set_entry *e = &set->entries[i];
        for (int k = 0; k < e->page_count; k++) {
            snprintf(out + strlen(out), room - strlen(out), "%s", k > 0 ? ":" : " ");
            print_part(&e->pages[k], out, room);
        }
        if (e->part_count > 1) {
            snprintf(out + strlen(out), room - strlen(out), "|");
            print_part(&e->swatch, out, room);
        }
        if (e->part_count > 2) {
            snprintf(out + strlen(out), room - strlen(out), "|%s", e->type);
        }
    }
    snprintf(out + strlen(out), room - strlen(out), "]");
}

static void test_grammar(void **state) {
    (void)state;
    static const struct {
        const char *text;
        si_asset asset;
        const char *is;
    } rows[] = {
        {"", SI_ASSET_UNKNOWN, "[?]"},
        {"co/a", SI_ASSET_UNKNOWN, "[? <co/a>]"},
        {"co/a, co/b ,co/c", SI_ASSET_UNKNOWN, "[? <co/a> <co/b> <co/c>]"},
        /* swatch sets */
        {"a;s,b", SI_ASSET_UNKNOWN, "[image <a>|<s> <b>]"},
        {"a;{0xff8000 Orange},b;(0X00ff00)", SI_ASSET_UNKNOWN,
            "[image <a>|#ff8000'Orange' <b>|#00ff00'']"},
        {"{set;sw},a;s", SI_ASSET_UNKNOWN, "[image [image <set>|<sw>] <a>|<s>]"},
        /* spin sets: commas and, if the type says spin, semicolons (!!) */
        {"a,b,c", SI_ASSET_SPINSET, "[? <a> <b> <c>]"},
        {"a;b;c;d;e", SI_ASSET_SPINSET, "[? <a> <b> <c> <d> <e>]"},
        {"{a,b},{c,d}", SI_ASSET_UNKNOWN, "[spin2d [? <a> <b>] [? <c> <d>]]"},
        {"{a,b},(c,d),e", SI_ASSET_SPINSET2D, "[spin2d [? <a> <b>] [? <c> <d>] <e>]"},
        /* page sets */
        {"a:b,c,d:e:f", SI_ASSET_UNKNOWN, "[ecat <a>:<b> <c> <d>:<e>:<f>]"},
        /* media sets */
        {"a;s;img,v.mp4;;video,set;s;;res", SI_ASSET_UNKNOWN,
            "[media <a>|<s>|img <v.mp4>|-|video <set>|<s>|]"},
        {"{a,b};s;spin,{p:q};;ecat", SI_ASSET_UNKNOWN,
            "[media [? <a> <b>]|<s>|spin [ecat <p>:<q>]|-|ecat]"},
        {"{{a,b},{c,d}};s;spin", SI_ASSET_UNKNOWN,
            "[media [spin2d [? <a> <b>] [? <c> <d>]]|<s>|spin]"},
        /* separators inside ids and labels are encoded, and decoded after the split */
        {"shoe%3aLarge%2C1,b%7B%7d;{0xffffff 50%25%3B grey}", SI_ASSET_UNKNOWN,
            "[image <shoe:Large,1> <b{}>|#ffffff'50%; grey']"},
        {"a,,b", SI_ASSET_UNKNOWN, "[? <a> - <b>]"},
        {"{notacolor label}", SI_ASSET_UNKNOWN, "[spin2d [? <notacolor label>]]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        const si_image_set *set;
        char have[1000] = "";
        si_result r = si_image_set_parse(
            si_str_of(rows[i].text), rows[i].asset, 0, (si_set_locale){0}, &arena, &set, NULL);
        assert_int_equal(r, SI_OK);
        print_set(set, have, sizeof have);
        if (strcmp(have, rows[i].is) != 0) {
            fail_msg("%s: %s", rows[i].text, have);
        }
        si_arena_free(&arena);
    }
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int depth;
        si_result result;
    } rows[] = {
        {"{a,b", 0, SI_ERR_SYNTAX},
        {"a,b}", 0, SI_ERR_SYNTAX},
        {"{a,b)", 0, SI_ERR_SYNTAX},
        {"{(a})", 0, SI_ERR_SYNTAX},
        {"a:b:c:d", 0, SI_ERR_SYNTAX},
        {"a;b;c;d;e", 0, SI_ERR_SYNTAX},
        {"{a;b;img};s;img_set", 0, SI_ERR_SYNTAX}, /* a media set in a media set */
        {"{{{{{{{{{{a}}}}}}}}}}", 0, SI_OK},       /* 10 deep */
        {"{{{{{{{{{{{a}}}}}}}}}}}", 0, SI_ERR_LIMIT},
        {"{{a}}", 8, SI_OK},
        {"{{a}}", 9, SI_ERR_LIMIT},
        {"a", 10, SI_OK},
        {"a", 11, SI_ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        const si_image_set *set;
        si_diag diag = {0};
        si_result r = si_image_set_parse(si_str_of(rows[i].text), SI_ASSET_UNKNOWN, rows[i].depth,
            (si_set_locale){0}, &arena, &set, &diag);
        if (r != rows[i].result || diag.code != r) {
            fail_msg("%s at %d: %d", rows[i].text, rows[i].depth, r);
        }
        si_arena_free(&arena);
    }
}

static void test_localized(void **state) {
    (void)state;
    si_arena arena = {0};
    const si_locale_map *map;
    const si_image_set *set;
    char have[500] = "";
    assert_true(si_locale_map_read(SI_STR("de,D|,"), &arena, &map));
    assert_int_equal(
        si_image_set_parse(SI_STR("a^loc=D^a_D;{0xff0000 red^loc=D^rot},b;{0x00ff00^loc=D^grün}"),
            SI_ASSET_UNKNOWN, 0, (si_set_locale){map, SI_STR("de")}, &arena, &set, NULL),
        SI_OK);
    print_set(set, have, sizeof have);
    assert_string_equal(have, "[image <a_D>|#ff0000'rot' <b>|#00ff00'grün']");
    si_arena_free(&arena);
}

/* Any cut and any changed byte is read or refused. */
static void test_damage(void **state) {
    (void)state;
    static const char text[] = "{a,b%2c;{0xff0000 x}};s;spin,(p:q:r);;ecat,v;{0x00ff00 ^loc=a^b}";
    int read = 0, refused = 0;
    for (size_t i = 0; i < sizeof text; i++) {
        for (int flip = 0; flip < 256; flip += 5) {
            si_arena arena = {0};
            const si_image_set *set;
            char copy[sizeof text];
            memcpy(copy, text, sizeof text);
            copy[i] = (char)(copy[i] ^ flip);
            si_diag diag = {0};
            si_result code = si_image_set_parse((si_str){copy, flip == 0 ? i : sizeof text - 1},
                SI_ASSET_UNKNOWN, 0, (si_set_locale){0}, &arena, &set, &diag);
            assert_int_equal(code, diag.code);
            if (code == SI_OK) { /* what was read can be looked through */
                static char have[4000];
                have[0] = '\0';
                print_set(set, have, sizeof have);
                read++;
            } else {
                assert_true(diag.text[0] != '\0');
                refused++;
            }
            si_arena_free(&arena);
        }
    }
    assert_true(read > 100);
    assert_true(refused > 100);
}

static void test_types(void **state) {
    (void)state;
    write_company("acme",
        "[objects]\nimg = i.tif\nboth = b.tif\nfilm = f.tif\n"
        "[object plainset]\nImageSet = img,both\n"
        "[object typed]\nImageSet = a,b\nAssetType = SPINSET\n"
        "[static both]\nPath = b.pdf\n[static film]\nPath = f.MP4\n[static doc]\nPath = d.pdf\n");
    write_company("beta", "");
    si_catalog *c = load();
    const si_company *acme = company_of(c, "acme");
    static const struct {
        const char *id;
        si_item_type type;
    } items[] = {{"img", SI_ITEM_IMAGE}, {"both", SI_ITEM_IMAGE}, {"film", SI_ITEM_VIDEO},
        {"doc", SI_ITEM_STATIC}, {"gone", SI_ITEM_IMAGE}, {"path/x.flv", SI_ITEM_VIDEO},
        {"acme/doc", SI_ITEM_STATIC}, {"beta/doc", SI_ITEM_IMAGE}};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        assert_int_equal(si_item_type_found(c, acme, si_str_of(items[i].id)), items[i].type);
    }
    static const struct {
        const char *text;
        si_set_type type;
    } sets[] = {{"img,both", SI_SET_UNKNOWN}, {"acme/plainset,img", SI_SET_SPIN_2D},
        {"{img,both}", SI_SET_SPIN_2D}, {"plainset;img", SI_SET_IMAGE}, {"a;b;c", SI_SET_MEDIA},
        {"a:b,c;d;e", SI_SET_ECATALOG}};
    si_arena arena = {0};
    const si_image_set *set = NULL;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        assert_int_equal(si_image_set_parse(si_str_of(sets[i].text), SI_ASSET_UNKNOWN, 0,
                             (si_set_locale){0}, &arena, &set, NULL),
            SI_OK);
        assert_int_equal(si_image_set_type(c, acme, NULL, set), sets[i].type);
    }
    const si_record *typed = si_catalog_record(c, acme, SI_STR("typed"), SI_TABLE_IMAGE, NULL);
    assert_int_equal(si_image_set_type(c, acme, typed, set), SI_SET_SPIN);
    si_item_type type;
    assert_true(si_item_type_written(SI_STR("advanced_image"), &type) && type == SI_ITEM_IMAGE);
    assert_true(
        si_item_type_written(SI_STR("advanced_swatchset"), &type) && type == SI_ITEM_IMAGE_SET);
    assert_string_equal(si_item_type_name(type), "img_set");
    assert_false(si_item_type_written(SI_STR("movie"), &type));
    assert_false(si_item_type_written(SI_STR(""), &type));
    si_arena_free(&arena);
    si_catalog_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_localized),
        cmocka_unit_test(test_damage),
        cmocka_unit_test_setup(test_types, clean),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
