/* Limits of values (picture/limits.h): whatever a request may say, the recipe's reader takes.
 */
#include "request/command.h"
#include "picture/limits.h"
#include "picture/schema.h"

#include <math.h>

#include "command_samples.h"
#include "shared_catalog.h"

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
    return share_catalog();
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

/* ---- the table, the setters and the recipe agree ---- */

/* Samples of which every part counts. */
static const char *const full_samples[][2] = {{"cache", "on"}, {"colorize", "ff0000,norm,5"},
    {"op_colorize", "ff0000,norm,5"}, {"dpr", "on,1"}, {"op_usmR", "1,2,3,1"},
    {"pathAttr", "norm,0,1"}, {"perspectiveN", "0,0,1,0,1,1,0,1,R2"}, {"req", "props,xml,UTF-8"},
    {"textAttr", "90,off,maxRes,noWrap"}, {"pscan", "4&fmt=pjpeg"}};

static const char *sample_of(const char *name) {
    for (size_t i = 0; i < sizeof full_samples / sizeof *full_samples; i++) {
        if (strcmp(full_samples[i][0], name) == 0) {
            return full_samples[i][1];
        }
    }
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        if (strcasecmp(samples[i].name, name) == 0) {
            return samples[i].value;
        }
    }
    fail_msg("no sample of %s", name);
    return NULL;
}

/* What comes of a command at a place: the recipe's text or that of the error, for the caller to
 * free. `name` NULL = without any command. */
static char *outcome(const char *place, const char *name, const char *value) {
    char url[2000], text[20000];
    const char *mark = strchr(place, '~');
    snprintf(url, sizeof url, "%.*s%s%s%s%s", (int)(mark - place), place, name != NULL ? name : "",
        name != NULL ? "=" : "", value, mark + 1);
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    bool fine = plan_url(catalog, url, chrome, &arena, &plan, &diag) == SI_OK;
    snprintf(text, sizeof text, "%s", fine ? plan.recipe_text : diag.text);
    si_arena_free(&arena);
    check(url);
    return strdup(text);
}

/* The place where a command changes most: one where its sample makes a difference, else one where
 * it is taken. */
static const char *place_of(const si_command_row *row) {
    const char *taken = NULL;
    for (int p = 0; p < PLACE_COUNT; p++) {
        char *with = outcome(places[p], row->name.p, sample_of(row->name.p));
        char *without = outcome(places[p], NULL, "");
        bool fine = strncmp(with, "smartimg/", 9) == 0, differs = strcmp(with, without) != 0;
        taken = fine && (taken == NULL || differs) ? places[p] : taken;
        free(with);
        free(without);
        if (fine && differs) {
            break;
        }
    }
    assert_non_null(taken);
    return taken;
}

/* The sample of a row with number, word or flag `k` of part `index` replaced. */
static void with_part(const si_command_row *row, int index, int k, const char *by, char *out) {
    si_str rest = si_str_of(sample_of(row->name.p)), part;
    int at = k;
    for (int i = 0; i < index; i++) {
        at += row->parts[i].count > 1 ? row->parts[i].count : 1;
    }
    size_t n = 0;
    for (int i = 0; si_str_next(&rest, ',', &part) || i <= at; i++) {
        si_str text = i == at ? si_str_of(by) : part;
        n += (size_t)sprintf(out + n, "%s%.*s", i > 0 ? "," : "", SI_STR_ARG(text));
    }
}

typedef struct trial {
    const si_command_row *row;
    const char *place;
    int index, k;
} trial;

static char *try_part(const trial *t, const char *by) {
    char value[500];
    with_part(t->row, t->index, t->k, by, value);
    return outcome(t->place, t->row->name.p, value);
}

/* Refused values are told with the command's name; other errors are about whole requests. */
static void expect(const trial *t, const char *by, bool wanted) {
    char *text = try_part(t, by);
    bool wrong = strncmp(text, t->row->name.p, t->row->name.len) == 0;
    if (wrong == wanted) {
        fail_msg("%s, part %d: \"%s\" gives %s", t->row->name.p, t->index, by, text);
    }
    free(text);
}

static void expect_same(const trial *t, const char *a, const char *b, bool wanted) {
    char *x = try_part(t, a), *y = try_part(t, b);
    if ((strcmp(x, y) == 0) != wanted) {
        fail_msg(
            "%s, part %d: \"%s\" and \"%s\" give %s and %s", t->row->name.p, t->index, a, b, x, y);
    }
    free(x);
    free(y);
}

/* The bound itself, a step inside and a step outside. Steps of reals are what 7 digits hold. */
static void try_bound(const trial *t, double bound, double outward, bool held, bool open) {
    char at[32], inside[32], outside[32];
    double step = t->row->parts[t->index].kind == SI_PART_INT || fabs(bound) > 1000 ? 1 : 1e-4;
    snprintf(at, sizeof at, "%.7f", bound);
    snprintf(inside, sizeof inside, "%.7f", bound - outward * step);
    snprintf(outside, sizeof outside, "%.7f", bound + outward * step);
    expect(t, at, !open);
    expect(t, inside, true);
    expect(t, outside, held);
    if (held) {
        expect_same(t, at, outside, true);
        expect_same(t, at, inside, false);
    }
}

static void try_number(const trial *t, const si_part *part) {
    for (trial one = *t; one.k < part->count; one.k++) {
        try_bound(&one, part->min, -1, (part->flags & SI_PART_LOW_HELD) != 0,
            (part->flags & SI_PART_LOW_OPEN) != 0);
        try_bound(&one, part->max, 1, (part->flags & SI_PART_HIGH_HELD) != 0,
            (part->flags & SI_PART_HIGH_OPEN) != 0);
        expect(&one, "x", false);
    }
}

static void try_words(const trial *t, const si_part *part) {
    si_str word;
    for (int i = 0; (word = si_words_at(part->words, i)).p != NULL; i++) {
        char text[40], upper[40], other[42];
        snprintf(text, sizeof text, "%.*s", SI_STR_ARG(word));
        snprintf(other, sizeof other, "%sx", text);
        for (size_t k = 0; k <= word.len; k++) {
            upper[k] = (char)(text[k] >= 'a' && text[k] <= 'z' ? text[k] - 32 : text[k]);
        }
        expect(t, text, true);
        expect(t, other, (part->flags & SI_PART_LENIENT) != 0);
        if ((part->flags & SI_PART_CASE) == 0) {
            expect_same(t, text, upper, true);
        }
    }
}

static void test_parts_of_every_command(void **state) {
    (void)state;
    for (int i = 0; i < si_command_count; i++) {
        const si_command_row *row = &si_command_rows[i];
        trial t = {.row = row, .place = row->set != NULL ? place_of(row) : NULL};
        for (; t.index < SI_MAX_PARTS && row->set != NULL; t.index++) {
            const si_part *part = &row->parts[t.index];
            bool end = part->label != NULL && strcmp(part->label, "end") == 0; /* > start */
            if ((part->kind == SI_PART_INT || part->kind == SI_PART_REAL) && !end) {
                try_number(&t, part);
            } else if (part->kind == SI_PART_WORDS) {
                try_words(&t, part);
            } else if (part->kind == SI_PART_FLAG) {
                expect(&t, "0", true);
                expect(&t, "1", true);
                expect(&t, "2", false);
            }
        }
    }
}

/* A default that is a value says what saying nothing says. A point that is given is kept as given,
 * even if it is 0,0; a colour has no default here. */
static void test_defaults(void **state) {
    (void)state;
    static const char *const except[] = {"anchorN", "pos", "posN", "colorize", "op_colorize"};
    for (int i = 0; i < si_command_count; i++) {
        const si_command_row *row = &si_command_rows[i];
        bool tried = !row->initial_told && row->initial[0] != '\0';
        for (size_t k = 0; k < sizeof except / sizeof *except; k++) {
            tried = tried && strcmp(row->name.p, except[k]) != 0;
        }
        for (int p = 0; p < PLACE_COUNT && tried; p++) {
            if (strstr(places[p], "req=") != NULL || strstr(places[p], row->name.p) != NULL) {
                continue; /* what the place says itself is not the default */
            }
            char *with = outcome(places[p], row->name.p, row->initial);
            char *without = outcome(places[p], NULL, "");
            if (strcmp(with, without) != 0) {
                fail_msg("%s=%s at %s gives %s, not %s", row->name.p, row->initial, places[p], with,
                    without);
            }
            free(with);
            free(without);
        }
    }
}

/* Words count along the enumerations of recipes. */
static void test_words(void **state) {
    (void)state;
    static const struct {
        const char *words;
        int last;
    } lists[] = {{SI_FIT_WORDS, SI_FIT_VFIT}, {SI_RESMODE_WORDS, SI_RESMODE_BISHARP},
        {SI_MASK_USE_WORDS, SI_MASK_OFF}, {SI_BLEND_WORDS, SI_BLEND_SCREEN},
        {"none|" SI_COLORIZE_WORDS, SI_COLORIZE_NORM},
        {"none|" SI_PERSPECTIVE_WORDS, SI_PERSPECTIVE_SUPER},
        {SI_COMPRESSION_WORDS, SI_COMPRESSION_JPEG}, {SI_PIXEL_WORDS, SI_PIXEL_CMYK},
        {SI_QUANTIZE_WORDS, SI_QUANTIZE_MAC}, {SI_INTENT_WORDS, SI_INTENT_ABSOLUTE},
        {SI_BODY_WORDS, SI_BODY_JSON}, {SI_ANTIALIAS_WORDS, SI_ANTIALIAS_MAX},
        {SI_TEXT_RESOLUTION_WORDS, SI_TEXT_RESOLUTION_MAX}, {SI_TEXT_WRAP_WORDS, SI_TEXT_WRAP_MAX}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_non_null(si_words_at(lists[i].words, lists[i].last).p);
        assert_null(si_words_at(lists[i].words, lists[i].last + 1).p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extremes_of_every_command),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_parts_of_every_command),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
