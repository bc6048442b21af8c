/* Who is asking: every row of tests/data/clients.tsv is a test of its own, and what a table cannot
 * say: long headers, pixel ratio, time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/wire.h"
#include "client/client.h"

enum { COLUMNS = 5, ROWS_MIN = 60, NAME_SIZE = 64, LIMIT = 8192 };

typedef struct row {
    si_str name, accept, user_agent, expected, used;
} row;

typedef struct table {
    char *text; /* the file, NUL-terminated; columns point into it, unescaped in place */
    row *rows;
    size_t count;
} table;

static si_client classify(si_str accept, si_str user_agent) {
    si_client c;
    si_client_classify(&(si_client_headers){.accept = accept, .user_agent = user_agent}, &c);
    return c;
}

static si_client classify_dpr(const char *dpr) {
    si_client c;
    si_client_classify(&(si_client_headers){.dpr = si_str_of(dpr)}, &c);
    return c;
}

static void assert_class(si_str accept, si_str user_agent, const char *expected) {
    si_client c = classify(accept, user_agent);
    char name[NAME_SIZE];
    assert_string_equal(si_client_name(&c, name), expected);
}

/* A copy without anything behind it, so that address checking sees every byte read too many. */
static si_str exact_copy(si_str s) {
    char *p = malloc(s.len > 0 ? s.len : 1);
    assert_non_null(p);
    if (s.len > 0) {
        memcpy(p, s.p, s.len);
    }
    return (si_str){p, s.len};
}

/* ---- the table ---- */

static si_str unescape(char *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = p[i];
        if (c == '\\' && i + 1 < len) {
            c = p[++i];
            if (c == 'x' && i + 2 < len) {
                char hex[3] = {p[i + 1], p[i + 2], '\0'};
                c = (char)strtoul(hex, NULL, 16);
                i += 2;
            } else {
                c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
            }
        }
        p[n++] = c;
    }
    return (si_str){p, n};
}

static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(size + 1);
    if (text != NULL) {
        text[fread(text, 1, size, f)] = '\0';
    }
    fclose(f);
    return text;
}

static bool read_row(char *line, row *out) {
    si_str *columns[COLUMNS] = {
        &out->name, &out->accept, &out->user_agent, &out->expected, &out->used};
    si_str rest = si_str_of(line), column;
    int n = 0;
    for (; si_str_next(&rest, '\t', &column); n++) {
        if (n == COLUMNS) {
            return false;
        }
        bool absent = si_str_eq(column, SI_STR("-"));
        *columns[n] = absent ? (si_str){NULL, 0} : unescape(line + (column.p - line), column.len);
    }
    return n == COLUMNS && out->name.len > 0;
}

static bool read_table(table *t) {
    const char *root = getenv("SMARTIMG_SOURCE_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/clients.tsv", root != NULL ? root : ".");
    t->text = read_file(path);
    if (t->text == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    size_t lines = 1;
    for (const char *p = t->text; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    t->rows = calloc(lines, sizeof *t->rows);
    if (t->rows == NULL) {
        return false;
    }
    char *rest = t->text, *line;
    for (int number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (!read_row(line, &t->rows[t->count++])) {
            fprintf(stderr, "%s:%d: not %d columns\n", path, number, COLUMNS);
            return false;
        }
    }
    return true;
}

static void test_row(void **state) {
    const row *r = *state;
    si_str accept = r->accept.p != NULL ? exact_copy(r->accept) : r->accept;
    si_str user_agent = r->user_agent.p != NULL ? exact_copy(r->user_agent) : r->user_agent;
    si_client c = classify(accept, user_agent);
    free((char *)accept.p);
    free((char *)user_agent.p);

    char expected[NAME_SIZE], name[NAME_SIZE], used[NAME_SIZE];
    snprintf(expected, sizeof expected, "%.*s", SI_STR_ARG(r->expected));
    assert_string_equal(si_client_name(&c, name), expected);

    snprintf(used, sizeof used, "%.*s", SI_STR_ARG(r->used));
    unsigned headers = SI_USED_ACCEPT;
    if (strcmp(used, "accept+user-agent") == 0) {
        headers |= SI_USED_USER_AGENT;
    } else {
        assert_string_equal(used, "accept");
    }
    assert_int_equal(c.used, headers);

    /* the names say which of them are Apple's handhelds with 2 pixels or more */
    static const char *const apples[] = {"iOS", "iPhone", "iPod", "iPad"};
    static const char *const others[] = {"posing", "desktop site", "iOS 4", "CFNetwork"};
    char title[NAME_SIZE];
    snprintf(title, sizeof title, "%.*s", SI_STR_ARG(r->name));
    bool dense = false;
    for (size_t i = 0; i < sizeof apples / sizeof *apples; i++) {
        dense |= strstr(title, apples[i]) != NULL;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        dense &= strstr(title, others[i]) == NULL;
    }
    assert_true(c.dpr == (dense ? 2 : 1));
}

static void table_is_large_and_names_differ(void **state) {
    const table *t = *state;
    assert_true(t->count >= ROWS_MIN);
    for (size_t i = 0; i < t->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (si_str_eq(t->rows[i].name, t->rows[j].name)) {
                fail_msg("two rows are called %.*s", SI_STR_ARG(t->rows[i].name));
            }
        }
    }
}

/* Headers that end anywhere: for the address checker, which sees any byte read beyond. */
static void every_prefix_is_safe(void **state) {
    const table *t = *state;
    for (size_t i = 0; i < t->count; i++) {
        const row *r = &t->rows[i];
        for (size_t len = 0; len <= r->accept.len; len++) {
            si_str accept = exact_copy((si_str){r->accept.p, len});
            si_client c = classify(accept, r->user_agent);
            assert_true(c.used & SI_USED_ACCEPT);
            free((char *)accept.p);
        }
        for (size_t len = 0; len <= r->user_agent.len; len++) {
            si_str user_agent = exact_copy((si_str){r->user_agent.p, len});
            si_client c = classify(r->accept, user_agent);
            assert_true(c.used & SI_USED_ACCEPT);
            free((char *)user_agent.p);
        }
    }
}

/* ---- long headers ---- */

/* `len` bytes: `front`, then `filler` again and again, then `back`. */
static si_str stretch(si_str front, si_str filler, si_str back, size_t len) {
    char *p = malloc(len);
    assert_non_null(p);
    size_t middle_end = len - back.len;
    for (size_t i = 0; i < middle_end; i++) {
        p[i] = i < front.len ? front.p[i] : filler.p[(i - front.len) % filler.len];
    }
    memcpy(p + middle_end, back.p, back.len);
    return (si_str){p, len};
}

static void accept_of_8_kb_is_read_to_its_end(void **state) {
    (void)state;
    si_str accept =
        stretch(SI_STR("image/avif,"), SI_STR("image/png;q=0.5,"), SI_STR(",image/webp"), LIMIT);
    assert_class(accept, SI_STR("curl/8.7.1"), "avif+webp");
    free((char *)accept.p);
}

static void accept_over_8_kb_is_read_up_to_there(void **state) {
    (void)state;
    si_str accept =
        stretch(SI_STR("image/avif,"), SI_STR("image/png,"), SI_STR(",image/webp"), LIMIT + 1);
    assert_class(accept, SI_STR("curl/8.7.1"), "avif");
    free((char *)accept.p);
}

/* The first 8 KB end with "image/webp", but what was asked for is refused, or is another type. */
static void element_cut_at_8_kb_says_nothing(void **state) {
    (void)state;
    static const char *const tails[] = {",image/webp;q=0", ",image/webp-sequence", ",image/webpx"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        si_str tail = si_str_of(tails[i]);
        size_t visible = strlen(",image/webp");
        si_str accept =
            stretch(SI_STR("image/avif,"), SI_STR("x,"), tail, LIMIT + tail.len - visible);
        assert_memory_equal(accept.p + LIMIT - visible, ",image/webp", visible);
        assert_class(accept, SI_STR("curl/8.7.1"), "avif");
        free((char *)accept.p);
    }
}

static void user_agent_is_read_up_to_8_kb(void **state) {
    (void)state;
    si_str engine = SI_STR(" Trident/7.0");
    si_str within = stretch(SI_STR("Mozilla/5.0 "), SI_STR("x "), engine, LIMIT);
    si_str beyond = stretch(SI_STR("Mozilla/5.0 "), SI_STR("x "), engine, LIMIT + engine.len);
    assert_class(SI_STR("*/*"), within, "jxr");
    assert_class(SI_STR("*/*"), beyond, "plain");
    free((char *)within.p);
    free((char *)beyond.p);
}

/* Edge 18 must not turn into Edge 1, nor 170 into 17, because the header ends there. */
static void version_cut_at_8_kb_is_no_version(void **state) {
    (void)state;
    si_str browser = SI_STR(" Edge/170");
    si_str user_agent = stretch(SI_STR("Mozilla/5.0 "), SI_STR("x "), browser, LIMIT + 1);
    assert_class(SI_STR("*/*"), user_agent, "plain");
    free((char *)user_agent.p);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The least processor time of some tries for headers of so many bytes. */
static double seconds_for(const char *filler, size_t len) {
    enum { TRIES = 5 };
    si_str s = stretch(SI_STR(""), si_str_of(filler), SI_STR(""), len);
    double least = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        double start = seconds();
        classify(s, s);
        classify(SI_STR("*/*"), s);
        si_client c;
        si_client_classify(&(si_client_headers){.dpr = s}, &c);
        assert_true(c.dpr == 1);
        least = fmin(least, seconds() - start);
    }
    free((char *)s.p);
    return least;
}

/* Headers made to be slow: 16 MB of each take about as long as 8 KB do, and not 2000 times that.
 * The least of some tries counts, and there is a millisecond for what clocks cannot tell. */
static void time_does_not_grow_beyond_8_kb(void **state) {
    (void)state;
    static const char *const fillers[] = {
        ",", ";", "\"", "\\", "a", " ", "image/*;q=0,", "*/*;q=1;", "0", "OS ", "/1"};
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        double some = seconds_for(fillers[i], 8 << 10), many = seconds_for(fillers[i], 16 << 20);
        if (many > 50 * (some + 1e-3)) {
            fail_msg("%s: %g s, and %g s for 8 KB", fillers[i], many, some);
        }
    }
}

/* ---- pixel ratio ---- */

static void dpr_is_a_plain_number(void **state) {
    (void)state;
    static const struct {
        const char *header;
        double dpr;
    } rows[] = {{"1", 1}, {"2", 2}, {"2.0", 2}, {"1.5", 1.5}, {" 3\t", 3}, {".5", 1},
        {"2.625", 2.5}, {"0.1", 1}, {"16", 4}, {"1000000", 4}, {"", 1}, {"0", 1}, {"0.0", 1},
        {"-2", 1}, {"2x", 1}, {"2,3", 1}, {"2, 2", 1}, {"2 3", 1}, {"1e3", 1}, {"0x2", 1},
        {"inf", 1}, {"nan", 1}, {"two", 1}, {".", 1}, {"2.0.0", 1}, {"\"2\"", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_client c = classify_dpr(rows[i].header);
        if (c.dpr != rows[i].dpr) {
            fail_msg("DPR \"%s\" is %g, not %g", rows[i].header, c.dpr, rows[i].dpr);
        }
    }
    assert_true(classify_dpr(NULL).dpr == 1);
}

static void dpr_is_left_to_the_caller_to_vary_on(void **state) {
    (void)state;
    assert_int_equal(classify_dpr("2").used & SI_USED_DPR, 0);
    assert_int_equal(classify_dpr("2").dpr_used, SI_USED_DPR);
    assert_int_equal(
        classify_dpr(NULL).dpr_used, SI_USED_DPR | SI_USED_ACCEPT | SI_USED_USER_AGENT);
}

static void longest_name_fits(void **state) {
    (void)state;
    si_client c = {.formats = ~0u};
    char name[NAME_SIZE];
    assert_ptr_equal(si_client_name(&c, name), name);
    assert_string_equal(name, "avif+jxl+webp+jp2+jxr");
}

/* ---- Vary ---- */

/* What lets replies of one URL differ in Vary (client.h): that of requests with the same Accept
 * does not, whatever else they say, and has Accept. */
static void vary_depends_on_accept_alone(void **state) {
    const table *t = *state;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t j = 0; j < t->count; j++) {
            si_client c = classify(t->rows[i].accept, t->rows[j].user_agent);
            assert_int_equal(c.used, classify(t->rows[i].accept, t->rows[i].user_agent).used);
            assert_true(c.used & SI_USED_ACCEPT);
        }
    }
}

/* The class's bytes where Accept alone decided do not depend on the User-Agent. */
static void user_agent_adds_nothing_where_vary_does_not_name_it(void **state) {
    const table *t = *state;
    size_t alone = 0;
    for (size_t i = 0; i < t->count; i++) {
        si_client c = classify(t->rows[i].accept, t->rows[i].user_agent);
        alone += c.used == SI_USED_ACCEPT;
        for (size_t j = 0; c.used == SI_USED_ACCEPT && j < t->count; j++) {
            assert_int_equal(classify(t->rows[i].accept, t->rows[j].user_agent).formats, c.formats);
        }
    }
    assert_true(alone > 0);
}

static void vary_names_each_header_once(void **state) {
    (void)state;
    static const char *const names[] = {
#define X(name, words) words,
        SI_CLIENT_INPUTS(X)
#undef X
    };
    for (unsigned used = 0; used <= SI_USED_ALL; used++) {
        char expected[SI_CLIENT_VARY_SIZE] = "", vary[SI_CLIENT_VARY_SIZE];
        size_t n = 0;
        for (unsigned i = 0; i < SI_USED_COUNT; i++) {
            if (used & (1u << i)) {
                n += (size_t)snprintf(
                    expected + n, sizeof expected - n, "%s%s", n > 0 ? ", " : "", names[i]);
                assert_true(n < sizeof expected);
            }
        }
        assert_string_equal(si_client_vary(used, vary), expected);
    }
}

/* ---- classes of trusted edges ---- */

static si_client read_class(const char *text) {
    si_client c;
    si_client_read(si_str_of(text), &c);
    return c;
}

/* Texts, and how the class that they stand for is printed. */
static void classes_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text, *class;
    } rows[] = {
        {"plain", "plain"},
        {"avif+webp", "avif+webp"},
        {"avif+jxl+webp+jp2+jxr", "avif+jxl+webp+jp2+jxr"},
        {"avif+webp;dpr=2", "avif+webp;dpr=2"},
        {"plain;dpr=1.5", "plain;dpr=1.5"},
        /* one text for a class */
        {"webp+avif", "avif+webp"},
        {"avif+avif", "avif"},
        {" WebP + AVIF ; DPR = 2.0 ", "avif+webp;dpr=2"},
        {"jp2;dpr=1", "jp2"},
        {"jp2;dpr=1.0;dpr=3", "jp2"},
        {"jp2;dpr=3;dpr=2", "jp2;dpr=3"},
        /* what is not known is left out */
        {"avif+heic+webp", "avif+webp"},
        {"jpg+png+gif", "plain"},
        {"avif;save-data=on;dpr=2;network", "avif;dpr=2"},
        {"avif,webp", "plain"},
        {"image/avif", "plain"},
        {"avif webp", "plain"},
        {"", "plain"},
        {" ", "plain"},
        {";", "plain"},
        {";dpr=2", "plain;dpr=2"},
        {"dpr=2", "plain"},
        {"+avif+", "avif"},
        {"plain+avif", "avif"},
        /* ratios as of client hints */
        {"avif;dpr=", "avif"},
        {"avif;dpr", "avif"},
        {"avif;dpr=0", "avif"},
        {"avif;dpr=two", "avif"},
        {"avif;dpr=-1", "avif"},
        {"avif;dpr=99", "avif;dpr=4"},
        {"avif;dpr=0.01", "avif"},
        {"avif;dpr=2.625", "avif;dpr=2.5"},
        {"avif;dpr=2=3", "avif"},
        /* networks */
        {"avif;net=good", "avif;net=good"},
        {"avif;net=POOR;dpr=2", "avif;dpr=2;net=poor"},
        {" plain ; net = poor ", "plain;net=poor"},
        {"avif;net=excellent", "avif"},
        {"avif;net=", "avif"},
        {"avif;net=fast", "avif"},
        {"avif;net=unknown", "avif"},
        {"avif;net=poor;net=good", "avif;net=poor"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_str text = exact_copy(si_str_of(rows[i].text));
        si_client c;
        si_client_read(text, &c);
        free((char *)text.p);
        char printed[SI_CLIENT_CLASS_SIZE];
        assert_string_equal(si_client_print(&c, printed), rows[i].class);
        assert_int_equal(c.used, SI_USED_CLASS);
        assert_int_equal(c.dpr_used, SI_USED_CLASS);
        assert_int_equal(c.network_used, SI_USED_CLASS);
        assert_int_equal(c.told.edge, c.network);
    }
}

static void reading_undoes_printing(void **state) {
    (void)state;
    static const si_format formats[] = {
        SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_WEBP, SI_FORMAT_JP2, SI_FORMAT_JXR};
    static const double ratios[] = {1, 1.25, 1.5, 2, 2.5, 3, 4};
    char printed[SI_CLIENT_CLASS_SIZE];
    for (unsigned set = 0; set < 1u << 5; set++) {
        for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
            si_client c = {.dpr = ratios[i]};
            for (unsigned f = 0; f < 5; f++) {
                c.formats |= set & (1u << f) ? SI_FORMAT_BIT(formats[f]) : 0;
            }
            for (int n = SI_NETWORK_EXCELLENT; n < SI_NETWORK_COUNT; n++) {
                c.network = (si_network)n;
                si_client back = read_class(si_client_print(&c, printed));
                assert_int_equal(back.formats, c.formats);
                assert_true(back.dpr == c.dpr);
                assert_int_equal(back.network, c.network);
            }
        }
    }
}

static void class_counts_of_trusted_edges_only(void **state) {
    (void)state;
    si_client_headers h = {.accept = SI_STR("image/webp"),
        .user_agent = SI_STR("curl/8.7.1"),
        .dpr = SI_STR("3"),
        .edge_class = SI_STR("avif;dpr=2")};
    si_client c;
    si_client_classify(&h, &c);
    assert_int_equal(c.formats, SI_FORMAT_BIT(SI_FORMAT_WEBP));
    assert_int_equal(c.used, SI_USED_ACCEPT);
    assert_true(c.dpr == 3 && c.dpr_used == SI_USED_DPR);
    h.trusted_edge = true;
    si_client_classify(&h, &c);
    assert_int_equal(c.formats, SI_FORMAT_BIT(SI_FORMAT_AVIF));
    assert_int_equal(c.used, SI_USED_CLASS);
    assert_true(c.dpr == 2 && c.dpr_used == SI_USED_CLASS);
    h.edge_class = SI_STR("");
    si_client_classify(&h, &c);
    assert_int_equal(c.formats, 0); /* told, but nothing */
    assert_int_equal(c.used, SI_USED_CLASS);
    h.edge_class = (si_str){NULL, 0};
    si_client_classify(&h, &c);
    assert_int_equal(c.formats, SI_FORMAT_BIT(SI_FORMAT_WEBP));
    assert_int_equal(c.used, SI_USED_ACCEPT | SI_USED_CLASS);
    assert_true(c.dpr == 3 && c.dpr_used == (SI_USED_DPR | SI_USED_CLASS));
}

static void pages_are_for_who_asks_for_them(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        bool page;
    } rows[] = {{"text/html", true}, {"TEXT/HTML", true}, {"", false}, {"*/*", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true},
        {"image/webp,image/*,*/*;q=0.8", false}, {"text/html;q=0", false},
        {"text/html; q=0.0", false}, {"text/html;q=0.1", true}, {"text/html;level=1;q=1", true},
        {"text/html;q=2", false}, {"text/html,text/html;q=0", false}, {"text/htmlx", false},
        {"text/*", false}, {"image/png , text/html ;q=0.5", true},
        {"image/png;x=\"text/html,\"", false}, {"image/png;x=\",text/html", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (si_client_wants_page(si_str_of(rows[i].accept)) != rows[i].page) {
            fail_msg("%s", rows[i].accept);
        }
    }
    assert_false(si_client_wants_page((si_str){NULL, 0}));
}

int main(void) {
    static table t;
    if (!read_table(&t)) {
        return 1;
    }
    struct CMUnitTest others[] = {
        cmocka_unit_test_prestate(table_is_large_and_names_differ, &t),
        cmocka_unit_test_prestate(every_prefix_is_safe, &t),
        cmocka_unit_test(accept_of_8_kb_is_read_to_its_end),
        cmocka_unit_test(accept_over_8_kb_is_read_up_to_there),
        cmocka_unit_test(element_cut_at_8_kb_says_nothing),
        cmocka_unit_test(user_agent_is_read_up_to_8_kb),
        cmocka_unit_test(version_cut_at_8_kb_is_no_version),
        cmocka_unit_test(time_does_not_grow_beyond_8_kb),
        cmocka_unit_test(dpr_is_a_plain_number),
        cmocka_unit_test(dpr_is_left_to_the_caller_to_vary_on),
        cmocka_unit_test(longest_name_fits),
        cmocka_unit_test_prestate(vary_depends_on_accept_alone, &t),
        cmocka_unit_test_prestate(user_agent_adds_nothing_where_vary_does_not_name_it, &t),
        cmocka_unit_test(vary_names_each_header_once),
        cmocka_unit_test(classes_are_read),
        cmocka_unit_test(reading_undoes_printing),
        cmocka_unit_test(class_counts_of_trusted_edges_only),
        cmocka_unit_test(pages_are_for_who_asks_for_them),
    };
    /* the macros of cmocka count a fixed array; this one is as long as the table */
    struct CMUnitTest *rows = calloc(t.count, sizeof *rows);
    if (rows == NULL) {
        return 1;
    }
    for (size_t i = 0; i < t.count; i++) {
        char *name = strndup(t.rows[i].name.p, t.rows[i].name.len);
        rows[i] =
            (struct CMUnitTest){.name = name, .test_func = test_row, .initial_state = &t.rows[i]};
    }
    int failed = _cmocka_run_group_tests("clients.tsv", rows, t.count, NULL, NULL);
    failed += cmocka_run_group_tests_name("client", others, NULL, NULL);
    for (size_t i = 0; i < t.count; i++) {
        free((char *)rows[i].name);
    }
    free(rows);
    free(t.rows);
    free(t.text);
    return failed > 0;
}
