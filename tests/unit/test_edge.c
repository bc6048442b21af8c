/* What edges are told to do, against what smartimg does itself: every row of
 * tests/data/edge_vectors.tsv, and numbers as regular expressions. tests/cdn has the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cli/edge/rules.h"
#include "client/client.h"

/* Who finds ratios and networks in src/client; without them only the formats are compared. */
#if __has_include("client/density.h") && __has_include("client/network.h")
#define WHOLE 1
#else
#define WHOLE 0
#endif

enum { COLUMNS = 11, ROWS_MIN = 250, LINE_SIZE = 10000 };

typedef enum column {
    NAME,
    CLASS,
    LEFT,
    ACCEPT,
    USER_AGENT,
    SEC_CH_DPR,
    DPR,
    SAVE_DATA,
    ECT,
    DOWNLINK,
    RTT
} column;

/* Changes the text in place. */
static si_str unescape(char *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\' && i + 3 < len && p[i + 1] == 'x') {
            char hex[3] = {p[i + 2], p[i + 3], '\0'};
            p[n++] = (char)strtoul(hex, NULL, 16);
            i += 3;
        } else if (p[i] == '\\' && i + 1 < len) {
            i++;
            p[n++] = (char)(p[i] == 't' ? '\t' : p[i]);
        } else {
            p[n++] = p[i];
        }
    }
    return (si_str){p, n};
}

static void read_columns(char *line, si_str *columns) {
    int n = 0;
    char *rest = line, *text;
    while ((text = strsep(&rest, "\t")) != NULL) {
        assert_true(n < COLUMNS);
        columns[n] = strcmp(text, "-") == 0 ? (si_str){NULL, 0} : unescape(text, strlen(text));
        n++;
    }
    assert_int_equal(n, COLUMNS);
}

static void check_row(const si_str *columns) {
    char text[SI_CLIENT_CLASS_SIZE];
    si_client client;
    si_str hint = columns[SEC_CH_DPR].p != NULL ? columns[SEC_CH_DPR] : columns[DPR];
    si_client_headers headers = {
        .accept = columns[ACCEPT], .user_agent = columns[USER_AGENT], .dpr = hint};
#if WHOLE
    headers.network.save_data = columns[SAVE_DATA];
    headers.network.ect = columns[ECT];
    headers.network.downlink = columns[DOWNLINK];
    headers.network.rtt = columns[RTT];
    si_client_classify(&headers, &client);
    si_client_print(&client, text);
    si_str expected = columns[CLASS];
#else
    si_client_classify(&headers, &client);
    si_client_name(&client, text);
    si_str expected = {columns[CLASS].p, strcspn(columns[CLASS].p, ";")};
#endif
    if (!si_str_eq(si_str_of(text), expected)) {
        fail_msg("%.*s: smartimg says %s, the vectors %.*s", SI_STR_ARG(columns[NAME]), text,
            SI_STR_ARG(expected));
    }
}

static void vectors_are_what_smartimg_says(void **state) {
    (void)state;
    char path[4096], line[LINE_SIZE];
    const char *root = getenv("SMARTIMG_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/data/edge_vectors.tsv", root != NULL ? root : ".");
    FILE *f = fopen(path, "r");
    int rows = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        si_str columns[COLUMNS];
        line[strcspn(line, "\n")] = '\0';
        read_columns(line, columns);
        check_row(columns);
        rows++;
    }
    fclose(f);
    assert_true(rows >= ROWS_MIN);
}

/* ---- expressions ---- */

static pcre2_code *compile(const char *pattern) {
    int error;
    size_t at;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &at, NULL);
    assert_non_null(code);
    return code;
}

static bool matches(const pcre2_code *code, const char *text) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int found = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
    pcre2_match_data_free(data);
    return found >= 0;
}

/* All numbers in steps of 0.01, in several spellings, against all limits. */
static void check_limit(double limit) {
    char pattern[SI_EDGE_PATTERN_SIZE], text[40];
    static const char *const spellings[] = {"%.2f", "0%.2f", " %.3f\t", "%.6f"};
    for (int c = SI_EDGE_ABOVE; c <= SI_EDGE_BELOW; c++) {
        si_edge_number((si_edge_comparison)c, limit, pattern);
        pcre2_code *code = compile(pattern);
        for (int i = 0; i < 1500; i++) {
            double v = i / 100.0;
            double difference = v - limit;
            bool expected = c == SI_EDGE_ABOVE      ? difference > 1e-6
                            : c == SI_EDGE_AT_LEAST ? difference > -1e-6
                                                    : difference < -1e-6;
            snprintf(text, sizeof text, spellings[i % 4], v);
            if (matches(code, text) != expected) {
                fail_msg("%s, limit %g: %s", text, limit, pattern);
            }
        }
        pcre2_code_free(code);
    }
}

static void numbers_are_compared(void **state) {
    (void)state;
    static const double limits[] = {0.05, 0.7, 0.99, 1, 1.125, 1.25, 1.5, 1.75, 1.9, 2, 2.25, 2.5,
        3.5, 4, 9, 9.5, 9.99, 10, 12};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        check_limit(limits[i]);
    }
}

static void what_is_no_number_compares_with_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", " ", ".", "-2", "+2", "2e0", "2.5.1", "two", "2x", "0x2", "1,5", "2 2", "inf"};
    for (int c = SI_EDGE_ABOVE; c <= SI_EDGE_BELOW; c++) {
        char pattern[SI_EDGE_PATTERN_SIZE];
        si_edge_number((si_edge_comparison)c, 1.5, pattern);
        pcre2_code *code = compile(pattern);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            if (matches(code, texts[i])) {
                fail_msg("\"%s\" matches %s", texts[i], pattern);
            }
        }
        pcre2_code_free(code);
    }
}

static void a_single_ratio_makes_no_rules(void **state) {
    (void)state;
    si_edge_rules rules;
    si_edge_rules_make((double[]){1}, 1, false, &rules);
    assert_int_equal(rules.ratios.count, 0);
    assert_int_equal(rules.devices.count, 0);
    assert_int_equal(rules.network_count, 0);
    si_edge_rules_make((double[]){1, 3}, 2, true, &rules);
    assert_string_equal(rules.ratios.rules[0].result, ";dpr=3");
    assert_true(rules.network_count > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_what_smartimg_says),
        cmocka_unit_test(numbers_are_compared),
        cmocka_unit_test(what_is_no_number_compares_with_nothing),
        cmocka_unit_test(a_single_ratio_makes_no_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
