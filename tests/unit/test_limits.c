/* Limits of values (picture/limits.h): whatever a request may say, the recipe's reader takes.
 */
#include "request/command.h"
#include "picture/schema.h"

#include "command_samples.h"
#include "plans.h"

static si_catalog *catalog;

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/none.jpg", "none");
    write_file("root/acme/font.ttf", "font");
    write_file("conf/companies/acme.ini",
        "DefaultFont = Sans\nResolution = 0.000001\nThumbType = 3\nThumbRes = 1000000\n"
        "MaxPix = 0,0\n[fonts]\nSans = font.ttf\n[crops]\nWide = 65500x1\n"
        "[object fine]\nPath = shoe.jpg\nResolution = 0.00000001\nAnchor = -1000000,1000000\n"
        "[object card]\nModifier = size=9,9&color=1,2,3\n");
    write_file("conf/companies/coarse.ini",
        "RootPath = acme\nDefaultFont = Sans\nResolution = 1000000\nThumbType = 3\n"
        "ThumbRes = 0.000001\nMaxPix = 65500,65500\n[fonts]\nSans = font.ttf\n"
        "[object card]\nModifier = size=9,9&color=1,2,3\n");
    catalog = load("conf");
    return 0;
}

static int tear_down(void **state) {
    si_catalog_free(catalog);
    return remove_folders(state);
}

static const char *const extremes[] = {"0", "-0", "1", "-1", "0.0000001", "-0.0000001", "0.9999999",
    "359.9999999", "255.5", "65536", "999999999.9999999", "1000000000", "-1000000000",
    "1000000000.4", "1000000001", "1073741823", "1073741824", "1073741825", "2147483647",
    "2147483648", "-2147483648", "-2147483649", "4294967297", "9223372036854775808",
    "-99999999999999999999999999999999999999999999999999999999999999999999", "NaN", "-inf", "0x7f",
    "1e9", "00000000000000000000000000000000000000000000000000000000000000000000001",
    ".000000000000000000000000000000000000000000000000000000000000000000000001"};

enum { EXTREME_COUNT = sizeof extremes / sizeof *extremes };

/* Where a command may stand; its value goes in for "~". */
static const char *const places[] = {"acme/shoe?~", "coarse/shoe?wid=50&hei=40&~",
    "acme/fine?layer=0&~", "acme/shoe?layer=1&src=none&~", "acme/shoe?layer=1&src=fine&~",
    "coarse/shoe?layer=1&textPs=Hi&size=50,0&~", "acme/shoe?layer=1&color=1,2,3&size=9,9&~",
    "acme/shoe?layer=1&src=none&effect=-1&color=1,2,3&~", "acme/shoe?layer=1&src=is{acme/fine?~}",
    "acme/fine:Wide?req=tmb&~", "coarse/shoe?req=tmb&~", "acme/shoe?req=mask&~",
    "acme/shoe?req=props&mask=none&~"};

enum { PLACE_COUNT = sizeof places / sizeof *places };

static long accepted, refused;

/* Plans a request; what is accepted must read back as itself. */
static void check(const char *url) {
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    si_recipe again;
    const char *text = "";
    if (plan_url(catalog, url, chrome, &arena, &plan, &diag) != SI_OK) {
        refused++;
        if (diag.text[0] == '\0' || strstr(diag.text, "malformed") != NULL) {
            fail_msg("%s: %s", url, diag.text);
        }
    } else if (plan.body == NULL) {
        accepted++;
        if (si_recipe_scan(si_str_of(plan.recipe_text), &arena, &again, &diag) != SI_OK ||
            si_recipe_print(&again, &arena, &text, &diag) != SI_OK ||
            strcmp(text, plan.recipe_text) != 0) {
            fail_msg("%s: %s\n%s\n%s", url, diag.text, plan.recipe_text, text);
        }
    }
    si_arena_free(&arena);
}

static bool is_digit(char c) {
    return (c >= '0' && c <= '9') || c == '.';
}

/* Length of the number that `s` begins with; escapes hold none. */
static size_t number_length(const char *s) {
    size_t n = *s == '-';
    while (is_digit(s[n])) {
        n++;
    }
    return n > 0 && is_digit(s[n - 1]) ? n : 0;
}

/* Writes a value with its number `which` replaced, −1 = all of them. Returns how many it has. */
static int replace(const char *value, int which, const char *by, char *out, size_t room) {
    int count = 0;
    size_t n = 0;
    while (*value != '\0') {
        size_t len = *value == '%' ? 0 : number_length(value);
        size_t plain = len > 0 ? len : *value == '%' ? 3 : 1;
        bool swap = len > 0 && (which < 0 || which == count);
        n += (size_t)snprintf(
            out + n, room - n, "%.*s", swap ? (int)strlen(by) : (int)plain, swap ? by : value);
        assert_true(n < room);
        count += len > 0;
        value += plain;
    }
    return count;
}

static void try_everywhere(const char *name, const char *value) {
    for (int p = 0; p < PLACE_COUNT; p++) {
        char url[4000];
        const char *mark = strchr(places[p], '~');
        int n = snprintf(url, sizeof url, "%.*s%s=%s%s", (int)(mark - places[p]), places[p], name,
            value, mark + 1);
        assert_true(n > 0 && n < (int)sizeof url);
        check(url);
    }
}

static void test_extremes_of_every_command(void **state) {
    (void)state;
    assert_int_equal(SAMPLE_COUNT, si_command_count);
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        char value[2000];
        int count = replace(samples[i].value, 0, "0", value, sizeof value);
        for (int which = -1; which < count; which++) {
            for (int k = 0; k < EXTREME_COUNT && count > 0; k++) {
                (void)replace(samples[i].value, which, extremes[k], value, sizeof value);
                try_everywhere(samples[i].name, value);
            }
        }
        for (int k = 0; k < EXTREME_COUNT && count == 0; k++) { /* keywords and texts */
            try_everywhere(samples[i].name, extremes[k]);
        }
    }
    assert_true(accepted > 10000 && refused > 10000);
}

/* Nested as deep as may be, with what has most brackets of its own innermost. */
static void test_depth(void **state) {
    (void)state;
    static const char open[] = "layer=1&src=is{acme/shoe?";
    static const char inner[] = "layer=1&src=none&op_usm=1,1,1,1&effect=-1&color=1,2,3&layer=2&"
                                "textPs=Hi&size=9,9&layer=comp&effect=1&color=4,5,6";
    for (int depth = SI_MAX_NESTING - 1; depth <= SI_MAX_NESTING + 1; depth++) {
        char url[2000] = "acme/shoe?";
        for (int i = 0; i < depth; i++) {
            strcat(url, open);
        }
        strcat(url, inner);
        for (int i = 0; i < depth; i++) {
            strcat(url, "}");
        }
        long before = accepted;
        check(url);
        assert_int_equal(accepted - before, depth <= SI_MAX_NESTING);
    }
}

/* As many layers and effects as there may be. */
static void test_counts(void **state) {
    (void)state;
    static char url[40000];
    int n = snprintf(url, sizeof url, "acme/shoe?size=9,9");
    for (int i = 1; i < SI_MAX_LAYERS; i++) {
        n += snprintf(url + n, sizeof url - (size_t)n, "&layer=%d&color=1,2,3&size=9,9", i);
        if (i <= SI_MAX_EFFECTS) {
            n += snprintf(url + n, sizeof url - (size_t)n, "&effect=-1&color=1,2,3");
        }
    }
    long before = accepted;
    check(url);
    assert_int_equal(accepted, before + 1);
}

/* What setters and the reader take from limits.h, told in the grammar of help and messages. */
static void test_grammar(void **state) {
    (void)state;
    static const struct {
        const char *name, *values;
    } rows[] = {{"align", "real,real in -1…1"}, {"op_hue", "-180…180"},
        {"op_usm", "0…5[,0…250[,0…255[,0|1]]]"}, {"opac", "0…100[,0…100]"}, {"qlt", "1…100[,0|1]"},
        {"op_colorBalance", "r,g,b in -100…100"},
        {"quantize", "adaptive|web|mac[,diffuse|off[,2…256[,RRGGBB…]]]"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char grammar[SI_GRAMMAR_MAX];
        const si_command_row *row = si_command_find(si_str_of(rows[i].name));
        assert_string_equal(si_command_grammar(row, grammar), rows[i].values);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extremes_of_every_command),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_grammar),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
