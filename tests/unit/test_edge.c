/* What edges are told to do, against what smartimg does itself: every row of
 * tests/data/edge_vectors.tsv, and numbers as regular expressions; and what verify-cdn reads from
 * replies. tests/cdn has the edges. */
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
#include "cli/edge/verify.h"
#include "client/client.h"

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
    headers.network.save_data = columns[SAVE_DATA];
    headers.network.ect = columns[ECT];
    headers.network.downlink = columns[DOWNLINK];
    headers.network.rtt = columns[RTT];
    si_client_classify(&headers, &client);
    si_client_print(&client, text);
    si_str expected = columns[CLASS];
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

/* ---- signs of caches ---- */

typedef struct sign_row {
    const char *name, *value, *before; /* `before`: the same header of an earlier reply, or NULL */
    si_verify_sign sign;
} sign_row;

static void set_header(si_verify_reply *reply, const char *name, const char *value) {
    si_verify_header *h = &reply->headers[reply->header_count++];
    snprintf(h->name, sizeof h->name, "%s", name);
    snprintf(h->value, sizeof h->value, "%s", value);
}

static void signs_of_caches_are_read(void **state) {
    (void)state;
    static const sign_row rows[] = {
        {"X-Other", "HIT", NULL, SI_VERIFY_UNKNOWN},
        {"Cache-Status", "Edge; hit; ttl=5", NULL, SI_VERIFY_HIT},
        {"cache-status", "Edge; fwd=uri-miss; stored", NULL, SI_VERIFY_MISS},
        {"CF-Cache-Status", "HIT", NULL, SI_VERIFY_HIT},
        {"CF-Cache-Status", "UPDATING", NULL, SI_VERIFY_HIT},
        {"CF-Cache-Status", "DYNAMIC", NULL, SI_VERIFY_MISS},
        {"X-Cache-Status", "STALE", NULL, SI_VERIFY_HIT},
        {"X-Cache-Status", "EXPIRED", NULL, SI_VERIFY_MISS},
        {"X-Varnish", "32770 3", NULL, SI_VERIFY_HIT},
        {"X-Varnish", "32770", NULL, SI_VERIFY_MISS},
        {"X-Cache", "Hit from cloudfront", NULL, SI_VERIFY_HIT},
        {"X-Cache", "RefreshHit from cloudfront", NULL, SI_VERIFY_HIT},
        {"X-Cache", "Miss from cloudfront", NULL, SI_VERIFY_MISS},
        {"X-Cache", "MISS, HIT", NULL, SI_VERIFY_HIT},
        {"X-Cache", "MISS, MISS", NULL, SI_VERIFY_MISS},
        {"X-Cache", "TCP_MEM_HIT from a23-1-2-3 (AkamaiGHost/1.0)", NULL, SI_VERIFY_HIT},
        {"X-Cache", "TCP_REFRESH_MISS from a23-1-2-3", NULL, SI_VERIFY_MISS},
        {"X-Cache-Hits", "0, 3", NULL, SI_VERIFY_UNKNOWN},
        {"X-Cache-Hits", "2", NULL, SI_VERIFY_HIT},
        {"Age", "7", NULL, SI_VERIFY_HIT},
        {"Age", "0", NULL, SI_VERIFY_UNKNOWN},
        /* smartimg's own */
        {"X-Cache", "hit", NULL, SI_VERIFY_UNKNOWN},
        {"X-Cache", "miss", NULL, SI_VERIFY_UNKNOWN},
        {"X-Cache", "miss", "miss", SI_VERIFY_HIT},
        {"X-Cache", "hit", "miss", SI_VERIFY_MISS},
        {"X-Cache", "hit", "hit", SI_VERIFY_UNKNOWN},
    };
    static si_verify_reply reply, before;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reply.header_count = before.header_count = 0;
        set_header(&reply, rows[i].name, rows[i].value);
        if (rows[i].before != NULL) {
            set_header(&before, rows[i].name, rows[i].before);
        }
        si_verify_sign sign = si_verify_sign_of(&reply, rows[i].before != NULL ? &before : NULL);
        if (sign != rows[i].sign) {
            fail_msg("%s: %s: %s", rows[i].name, rows[i].value, si_verify_sign_text(sign));
        }
    }
}

static void directives_are_read(void **state) {
    (void)state;
    const char *text = "public, max-age=36000, S-MaxAge = 60, x=\"1\", stale-while-revalidate";
    assert_int_equal(si_verify_directive(text, "max-age"), 36000);
    assert_int_equal(si_verify_directive(text, "s-maxage"), 60);
    assert_int_equal(si_verify_directive(text, "age"), -1);
    assert_int_equal(si_verify_directive(text, "stale-while-revalidate"), -1);
    assert_int_equal(si_verify_directive("", "max-age"), -1);
    assert_true(si_verify_names("Accept, user-agent", "User-Agent"));
    assert_false(si_verify_names("Accept-Encoding", "Accept"));
}

static void formats_are_told_by_bytes_and_by_type(void **state) {
    (void)state;
    static si_verify_reply reply;
    assert_int_equal(si_verify_format_of_body(&reply), SI_FORMAT_COUNT);
    static const struct {
        const char *type, *bytes;
        size_t len;
        si_format format;
    } rows[] = {
        {"image/jpeg", "\xff\xd8\xff\xe0", 4, SI_FORMAT_JPEG},
        {"image/webp; x=y", "RIFF\1\0\0\0WEBPVP8 ", 16, SI_FORMAT_WEBP},
        {"image/avif",
            "\0\0\0\x20"
            "ftypavif",
            12, SI_FORMAT_AVIF},
        {"IMAGE/JXL", "\0\0\0\xcJXL ", 8, SI_FORMAT_JXL},
        {"image/jp2", "\0\0\0\xcjP  ", 8, SI_FORMAT_JP2},
        {"image/jxr", "II\xbc\1", 4, SI_FORMAT_JXR},
        {"image/vnd.ms-photo", "II\xbc\1", 4, SI_FORMAT_JXR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reply.header_count = 0;
        set_header(&reply, "content-type", rows[i].type);
        assert_true(si_bytes_append(&reply.body, rows[i].bytes, rows[i].len));
        assert_int_equal(si_verify_format_of_body(&reply), rows[i].format);
        assert_int_equal(si_verify_format_of_type(&reply), rows[i].format);
        si_bytes_free(&reply.body);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_what_smartimg_says),
        cmocka_unit_test(numbers_are_compared),
        cmocka_unit_test(what_is_no_number_compares_with_nothing),
        cmocka_unit_test(a_single_ratio_makes_no_rules),
        cmocka_unit_test(signs_of_caches_are_read),
        cmocka_unit_test(directives_are_read),
        cmocka_unit_test(formats_are_told_by_bytes_and_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
