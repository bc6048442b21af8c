/* What logs are made of: texts as JSON, ids of requests, and traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/request_id.h"
#include "base/trace.h"

#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }

static void test_json(void **state) {
    (void)state;
    static const struct {
        si_str text;
        const char *json;
    } rows[] = {
        {BYTES(""), "\"\""}, {BYTES("Mozilla/5.0 (X11; <b>)"), "\"Mozilla/5.0 (X11; <b>)\""},
        {BYTES("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
        {BYTES("\x00\x1f\x7f\r\n\t"), "\"\\u0000\\u001f\\u007f\\u000d\\u000a\\u0009\""},
        {BYTES("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {BYTES("\xe9t\xe9"), "\"\\u00e9t\\u00e9\""},                     /* Latin-1 */
        {BYTES("\xc3"), "\"\\u00c3\""},                                  /* cut off */
        {BYTES("\xc0\xaf\xff"), "\"\\u00c0\\u00af\\u00ff\""},            /* overlong */
        {BYTES("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\""},            /* a surrogate */
        {BYTES("\xf4\x90\x80\x80"), "\"\\u00f4\\u0090\\u0080\\u0080\""}, /* beyond Unicode */
        {BYTES("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7"),
            "\"\\u0085\\u2028\\u2029\xe2\x80\xa7\""}, /* ends of lines, but the last */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t room = SI_JSON_ROOM(rows[i].text.len);
        char *out = malloc(room); /* exactly as much as is promised to do */
        assert_non_null(out);
        size_t len = (size_t)(si_json_write(rows[i].text, out) - out);
        assert_true(len <= room);
        assert_int_equal(len, strlen(rows[i].json));
        assert_memory_equal(out, rows[i].json, len);
        free(out);
    }
}

/* Every text of two bytes: within its room, on one line, and without a byte that JSON forbids. */
static void test_json_of_any_bytes(void **state) {
    (void)state;
    for (int i = 0; i < 65536; i++) {
        char text[] = {(char)(i >> 8), (char)i}, out[SI_JSON_ROOM(2)];
        size_t len = (size_t)(si_json_write((si_str){text, 2}, out) - out);
        assert_true(len >= 4 && len <= sizeof out && out[0] == '"' && out[len - 1] == '"');
        for (size_t k = 1, n; k + 1 < len; k += n) {
            n = si_str_utf8((si_str){out + k, len - 1 - k});
            assert_true(n > 0 && (unsigned char)out[k] >= 0x20 && out[k] != '"');
            n += out[k] == '\\'; /* what is escaped */
        }
    }
}

static void test_request_ids(void **state) {
    (void)state;
    static const char *const good[] = {"a", "0123456789abcdef0123456789abcdef",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479", "1-67891233:abc/def+ghi=@x_y.z"};
    static const char *const bad[] = {
        "", " a", "a b", "a\"b", "a\\b", "a\nb", "a;b", "a,b", "\xc3\xa9", "<a>", "\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(si_request_id_is_good(si_str_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(si_request_id_is_good(si_str_of(bad[i])));
    }
    char longest[SI_REQUEST_ID_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_true(si_request_id_is_good((si_str){longest, SI_REQUEST_ID_MAX}));
    assert_false(si_request_id_is_good((si_str){longest, SI_REQUEST_ID_MAX + 1}));
    assert_false(si_request_id_is_good((si_str){"a\0b", 3}));
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define ZEROS "0000000000000000"

static void test_traces(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *passed_on; /* NULL = it is none */
    } rows[] = {
        {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00"},
        {"00-" TRACE "-" SPAN "-ff", "00-" TRACE "-" SPAN "-01"}, /* flags nobody knows */
        {"00-" TRACE "-" SPAN "-fe", "00-" TRACE "-" SPAN "-00"},
        {"01-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"}, /* later versions */
        {"cc-" TRACE "-" SPAN "-01-what-comes", "00-" TRACE "-" SPAN "-01"},
        {"cc-" TRACE "-" SPAN "-01-", "00-" TRACE "-" SPAN "-01"},
        {"cc-" TRACE "-" SPAN "-01.what-comes", NULL},
        {"00-" TRACE "-" SPAN "-01-", NULL},
        {"00-" TRACE "-" SPAN "-01 ", NULL},
        {"ff-" TRACE "-" SPAN "-01", NULL},
        {"00-" ZEROS ZEROS "-" SPAN "-01", NULL},
        {"00-" TRACE "-" ZEROS "-01", NULL},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", NULL},
        {"00-" TRACE "-00F067AA0BA902B7-01", NULL},
        {"0X-" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "-0x", NULL},
        {"00-" TRACE "-" SPAN "-1", NULL},
        {"00_" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "_" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "_01", NULL},
        {"00-" TRACE "-" SPAN, NULL},
        {"", NULL},
        {"00", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const si_trace before = {.flags = 77};
        si_trace t = before;
        char text[SI_TRACE_TEXT];
        print_message("%s\n", rows[i].text);
        bool read = si_trace_read(si_str_of(rows[i].text), &t);
        assert_int_equal(read, rows[i].passed_on != NULL);
        if (read) {
            assert_string_equal(si_trace_print(&t, text), rows[i].passed_on);
        } else {
            assert_memory_equal(&t, &before, sizeof t);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_any_bytes),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_traces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
