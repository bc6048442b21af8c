/* The base: arenas, bytes, lexical rules, results, formats. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/host.h"
#include "base/map_links.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/format.h"
#include "base/percent.h"
#include "base/result.h"
#include "base/str.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- arena ---- */

static void arena_hands_out_zeroed_aligned_memory(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4000, 8191, 8192, 8193, 100000};
    si_arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            unsigned char *p = si_arena_alloc(&a, sizes[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            for (size_t j = 0; j < sizes[i]; j++) {
                assert_int_equal(p[j], 0);
            }
            memset(p, 0xff, sizes[i]); /* whoever shares this memory is no longer zero */
        }
    }
    si_arena_free(&a);
}

static void arena_keeps_to_its_limit(void **state) {
    (void)state;
    si_arena a = {.limit = 1000};
    assert_null(si_arena_alloc(&a, 1001));
    assert_non_null(si_arena_alloc(&a, 900));
    assert_null(si_arena_alloc(&a, 200));
    assert_non_null(si_arena_alloc(&a, 64));
    assert_true(a.total <= 1000);
    assert_null(si_arena_alloc(&a, SIZE_MAX));
    assert_null(si_arena_alloc(&a, SIZE_MAX - 8));
    assert_null(si_arena_copy(&a, "x", SIZE_MAX));
    si_arena_free(&a);
    assert_int_equal(a.total, 0);
    assert_non_null(si_arena_alloc(&a, 900));
    si_arena_free(&a);
}

static void arena_has_a_limit_of_its_own(void **state) {
    (void)state;
    si_arena a = {0};
    assert_null(si_arena_alloc(&a, SI_ARENA_LIMIT + 1));
    assert_non_null(si_arena_alloc(&a, SI_ARENA_LIMIT));
    assert_null(si_arena_alloc(&a, 1));
    si_arena_free(&a);
}

static void arena_copies_and_prints(void **state) {
    (void)state;
    si_arena a = {0};
    char text[] = {'a', '\0', 'b', 'c'};
    char *copy = si_arena_copy(&a, text, 3);
    assert_memory_equal(copy, "a\0b", 4);
    text[0] = 'z';
    assert_int_equal(copy[0], 'a');
    assert_string_equal(si_arena_copy(&a, NULL, 0), "");
    assert_string_equal(si_arena_printf(&a, "%s-%d", "x", 42), "x-42");
    char *wide = si_arena_printf(&a, "%20000d", 7);
    assert_int_equal(strlen(wide), 20000);
    si_arena_free(&a);
    a.limit = 16;
    assert_null(si_arena_printf(&a, "%100d", 7));
    si_arena_free(&a);
}

/* ---- bytes ---- */

static void bytes_grow_and_keep_what_they_have(void **state) {
    (void)state;
    si_bytes b = {0};
    assert_true(si_bytes_append(&b, NULL, 0));
    assert_int_equal(b.len, 0);
    uint8_t chunk[1000];
    for (int i = 0; i < 100; i++) {
        memset(chunk, i, sizeof chunk);
        assert_true(si_bytes_append(&b, chunk, sizeof chunk));
    }
    assert_int_equal(b.len, 100 * sizeof chunk);
    assert_true(b.cap >= b.len);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], i / sizeof chunk);
    }
    assert_false(si_bytes_append(&b, chunk, SIZE_MAX - 1));
    assert_int_equal(b.len, 100 * sizeof chunk);
    si_bytes_free(&b);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
    si_bytes_free(&b);
}

static void bytes_move_to_a_new_owner(void **state) {
    (void)state;
    si_bytes from = {0}, to = {0};
    assert_true(si_bytes_append(&from, "new", 3));
    assert_true(si_bytes_append(&to, "old", 3));
    si_bytes_move(&to, &from);
    assert_memory_equal(to.data, "new", 3);
    assert_int_equal(to.len, 3);
    assert_null(from.data);
    assert_int_equal(from.len + from.cap, 0);
    si_bytes_free(&to);
    si_bytes_free(&from);
}

/* ---- text ---- */

static void text_compares(void **state) {
    (void)state;
    si_str none = {NULL, 0};
    assert_true(si_str_eq(none, SI_STR("")));
    assert_true(si_str_eq(SI_STR("a\0b"), SI_STR("a\0b")));
    assert_false(si_str_eq(SI_STR("a\0b"), SI_STR("a\0c")));
    assert_false(si_str_eq(SI_STR("ab"), SI_STR("abc")));
    assert_true(si_str_eq_nocase(SI_STR("ReSMode"), SI_STR("resmode")));
    assert_false(si_str_eq_nocase(SI_STR("resmode"), SI_STR("resmod")));
    /* one bit apart like upper and lower case, but no letters */
    assert_false(si_str_eq_nocase(SI_STR("@[`{"), SI_STR("`{@[")));
    assert_false(si_str_eq_nocase(SI_STR("\xc4"), SI_STR("\xe4")));
    assert_true(si_str_starts(SI_STR("abc"), SI_STR("ab")));
    assert_true(si_str_starts(SI_STR("abc"), SI_STR("")));
    assert_false(si_str_starts(SI_STR("ab"), SI_STR("abc")));
    assert_false(si_str_starts(SI_STR("xab"), SI_STR("ab")));
    assert_true(si_str_starts(none, SI_STR("")));
    assert_true(si_str_starts(none, none));
    assert_int_equal(si_str_of(NULL).len, 0);
}

static void text_is_trimmed(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", ""}, {" \t ", ""}, {"a", "a"}, {" a b\t", "a b"}, {"\na\r", "\na\r"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(si_str_eq(si_str_trim(si_str_of(rows[i][0])), si_str_of(rows[i][1])));
    }
    assert_int_equal(si_str_trim((si_str){NULL, 0}).len, 0);
}

/* Splits at ',' and joins the parts again as <part>. */
static void test_lines(void **unused) {
    (void)unused;
    si_str rest = SI_STR("a\r\nb\n\rc\r"), line;
    static const char *const want[] = {"a", "b", "", "c", ""};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(si_str_next_line(&rest, &line));
        assert_true(si_str_eq(line, si_str_of(want[i])));
    }
    assert_false(si_str_next_line(&rest, &line));
    assert_int_equal(line.len, 0);
}

static void test_utf8(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        size_t want;
    } rows[] = {{"a", 1}, {"\xc3\xa9", 2}, {"\xe2\x80\xa8", 3}, {"\xf0\x9f\x98\x80", 4}, {"", 0},
        {"\x80", 0}, {"\xc3", 0}, {"\xc3z", 0}, {"\xc0\xaf", 0}, {"\xe0\x80\xaf", 0},
        {"\xed\xa0\x80", 0}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0}, {"\xff", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(si_str_utf8(si_str_of(rows[i].text)), rows[i].want);
    }
    si_diag diag = {0};
    (void)si_fail(&diag, SI_ERR_SYNTAX, "a\n\xff\xc3\xa9%s", "\xc3");
    assert_string_equal(diag.text, "a??\xc3\xa9?");
}

static void assert_split(si_str text, const char *expected) {
    char joined[100] = "";
    si_str rest = text, part;
    while (si_str_next(&rest, ',', &part)) {
        size_t len = strlen(joined);
        snprintf(joined + len, sizeof joined - len, "<%.*s>", SI_STR_ARG(part));
    }
    assert_null(rest.p);
    assert_string_equal(joined, expected);
}

static void text_is_split(void **state) {
    (void)state;
    assert_split((si_str){NULL, 0}, "");
    assert_split(SI_STR(""), "<>");
    assert_split(SI_STR("a"), "<a>");
    assert_split(SI_STR("a,b"), "<a><b>");
    assert_split(SI_STR(",a,,b,"), "<><a><><b><>");
}

static void ints_round_half_up(void **state) {
    (void)state;
    static const struct {
        const char *text;
        long value;
    } good[] = {{"0", 0}, {"-0", 0}, {"+7", 7}, {"-7", -7}, {"007", 7}, {"1.4", 1}, {"1.5", 2},
        {"2.5", 3}, {"-1.4", -1}, {"-1.5", -1}, {"-1.6", -2}, {".5", 1}, {"3.", 3},
        {"2147483648", 2147483648L}, {"9000000000000000", 9000000000000000L}};
    for (size_t i = 0; i < COUNT(good); i++) {
        long v = 12345;
        if (!si_str_int(si_str_of(good[i].text), &v) || v != good[i].value) {
            fail_msg("\"%s\" is %ld, not %ld", good[i].text, v, good[i].value);
        }
    }
    static const char *const bad[] = {"", "+", "-", ".", "1 ", " 1", "1x", "0x10", "1e3", "--1",
        "1.2.3", "nan", "inf", "9000000000000001000", "99999999999999999999999999999999999"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        long v;
        if (si_str_int(si_str_of(bad[i]), &v)) {
            fail_msg("\"%s\" was taken for %ld", bad[i], v);
        }
    }
}

static void reals_are_plain_decimals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0}, {".9", 0.9}, {"-.9", -0.9}, {"1.25", 1.25}, {"0.125", 0.125}, {"+3.0", 3},
        {"123456.75", 123456.75}, {"0.000001", 0.000001},
        /* as scripts print them */
        {"0.30000000000000004", 0.3}, {"2.6250000000000004", 2.625},
        {"1234567890.12345678901234567890", 1234567890.123456}};
    for (size_t i = 0; i < COUNT(good); i++) {
        double v = 12345;
        if (!si_str_real(si_str_of(good[i].text), &v) ||
            fabs(v - good[i].value) > 1e-6 * 1e-6 + 1e-15 * fabs(v)) {
            fail_msg("\"%s\" is %.17g, not %.17g", good[i].text, v, good[i].value);
        }
    }
    static const char *const bad[] = {"", ".", "-", "+.", "1,5", "1e5", "NaN", "Infinity", "-inf",
        "0x1p3", "1 000", "1.0 ", "\xd9\xa1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        double v;
        if (si_str_real(si_str_of(bad[i]), &v)) {
            fail_msg("\"%s\" was taken for %g", bad[i], v);
        }
    }
    double v;
    assert_false(si_str_real((si_str){NULL, 0}, &v));
    assert_false(si_str_real(SI_STR("1\0"), &v));
}

static void flags_are_0_1_true_false(void **state) {
    (void)state;
    bool b = false;
    assert_true(si_str_flag(SI_STR("1"), &b) && b);
    assert_true(si_str_flag(SI_STR("0"), &b) && !b);
    assert_true(si_str_flag(SI_STR("TRUE"), &b) && b);
    assert_true(si_str_flag(SI_STR("False"), &b) && !b);
    static const char *const bad[] = {"", "2", "01", "yes", "on", "tru", "truee", " 1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(si_str_flag(si_str_of(bad[i]), &b));
    }
}

static void switches_are_the_words_people_write(void **state) {
    (void)state;
    static const char *const on[] = {"1", "true", "Yes", "ON"}, *const off[] = {
                                                                    "0", "FALSE", "no", "Off"};
    static const char *const bad[] = {"", "2", "y", "onn", "offf", "enabled", "yes no"};
    bool b = false;
    for (size_t i = 0; i < COUNT(on); i++) {
        assert_true(si_str_switch(si_str_of(on[i]), &b) && b);
        assert_true(si_str_switch(si_str_of(off[i]), &b) && !b);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(si_str_switch(si_str_of(bad[i]), &b));
    }
}

static void escapes_are_decoded_once(void **state) {
    (void)state;
    static const struct {
        const char *text, *decoded, *with_plus;
    } rows[] = {{"", "", ""}, {"a%2Cb", "a,b", "a,b"}, {"%24Name%24", "$Name$", "$Name$"},
        {"%e4%C3", "\xe4\xc3", "\xe4\xc3"}, {"a+b", "a+b", "a b"}, {"%2B", "+", "+"},
        {"%2541", "%41", "%41"}, {"%", "%", "%"}, {"%4", "%4", "%4"},
        {"%g1%1g", "%g1%1g", "%g1%1g"}, {"%%41", "%A", "%A"}, {"100%25", "100%", "100%"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        si_str s = si_str_of(rows[i].text);
        char out[32];
        for (int plus = 0; plus < 2; plus++) {
            size_t n = si_percent_decode(s, plus, out);
            assert_true(n <= s.len);
            const char *expected = plus ? rows[i].with_plus : rows[i].decoded;
            if (!si_str_eq((si_str){out, n}, si_str_of(expected))) {
                fail_msg("%s became %.*s", rows[i].text, (int)n, out);
            }
        }
    }
    char out[3];
    assert_int_equal(si_percent_decode(SI_STR("%00"), false, out), 1);
    assert_int_equal(out[0], 0);
}

static void assert_prints(double v, const char *expected) {
    char out[32];
    assert_ptr_equal(si_real_print(v, out), out);
    assert_string_equal(out, expected);
}

static void reals_print_short(void **state) {
    (void)state;
    assert_prints(0, "0");
    assert_prints(-0.0, "0");
    assert_prints(1, "1");
    assert_prints(-2.5, "-2.5");
    assert_prints(0.1, "0.1");
    assert_prints(0.125, "0.125");
    assert_prints(1.0 / 3, "0.333333");
    assert_prints(10.0 / 3, "3.333333");
    assert_prints(100.0 / 3, "33.33333");
    assert_prints(0.999999999, "1");
    assert_prints(9.99999999, "10");
    assert_prints(-0.00000001, "0");
    assert_prints(1234567, "1234567");
    assert_prints(123456.75, "123456.8");
    assert_prints(1e9, "1000000000");
    assert_prints(-1e9, "-1000000000");
    assert_prints(100, "100");
    assert_prints(0.05, "0.05");
}

/* What is printed reads back as itself: the recipe text depends on it. */
static void printed_reals_are_stable(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double v =
            ((double)(seed >> 11) / 9007199254740992.0 * 2 - 1) * pow(10, (int)(seed % 14) - 4);
        char first[32], second[32];
        double back;
        assert_true(si_str_real(si_str_of(si_real_print(v, first)), &back));
        assert_true(fabs(back - v) <= fmax(fabs(v) * 0.5e-6, 0.51e-6));
        si_real_print(back, second);
        if (strcmp(first, second) != 0) {
            fail_msg("%.17g prints as %s, and that as %s", v, first, second);
        }
    }
}

/* ---- results ---- */

static void first_failure_wins(void **state) {
    (void)state;
    si_diag d = {0};
    assert_int_equal(si_fail(&d, SI_ERR_RANGE, "wid=%d", -1), SI_ERR_RANGE);
    assert_int_equal(si_fail(&d, SI_ERR_IO, "later"), SI_ERR_IO);
    assert_int_equal(d.code, SI_ERR_RANGE);
    assert_string_equal(d.text, "wid=-1");
    assert_int_equal(si_fail(NULL, SI_ERR_MEMORY, "%s", "nobody listens"), SI_ERR_MEMORY);
}

static void failures_are_one_clean_line(void **state) {
    (void)state;
    si_diag d = {0};
    assert_int_equal(
        si_fail(&d, SI_ERR_SYNTAX, "%s", "a\nb\r\tc\x7f\x1b[0m \xc3\xa4"), SI_ERR_SYNTAX);
    assert_string_equal(d.text, "a?b??c??[0m \xc3\xa4");
    si_diag longer = {0};
    assert_int_equal(si_fail(&longer, SI_ERR_SYNTAX, "%1000d", 1), SI_ERR_SYNTAX);
    assert_int_equal(strlen(longer.text), sizeof longer.text - 1);
}

static void results_have_a_status_and_a_title(void **state) {
    (void)state;
    for (int r = SI_OK; r <= SI_ERR_INTERNAL; r++) {
        int status = si_result_status((si_result)r);
        assert_true(status >= 200 && status <= 599);
        assert_true((r == SI_OK) == (status == 200));
        assert_true(strlen(si_result_title((si_result)r)) > 0);
    }
    assert_int_equal(si_result_status(SI_ERR_NOT_FOUND), 403);
    assert_int_equal(si_result_status(SI_ERR_CONTEXT), 404);
    assert_int_equal(si_result_status(SI_ERR_TIMEOUT), 503);
}

/* ---- formats ---- */

static void formats_are_found_by_name(void **state) {
    (void)state;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const char *name = si_format_name((si_format)f);
        si_format found = SI_FORMAT_COUNT;
        assert_true(si_format_by_name(name, strlen(name), &found));
        assert_int_equal(found, f);
        bool document = f == SI_FORMAT_PDF;
        assert_int_equal(strncmp(si_format_mime((si_format)f), "image/", 6) != 0, document);
    }
    si_format f;
    assert_false(si_format_by_name("", 0, &f));
    assert_false(si_format_by_name("AVIF", 4, &f));
    assert_false(si_format_by_name("avi", 3, &f));
    assert_false(si_format_by_name("avif2", 5, &f));
    assert_true(si_format_by_name("avif2", 4, &f));
}

static void formats_know_what_they_are(void **state) {
    (void)state;
    assert_string_equal(si_format_mime(SI_FORMAT_AVIF), "image/avif");
    assert_string_equal(si_format_mime(SI_FORMAT_JP2), "image/jp2");
    assert_string_equal(si_format_mime(SI_FORMAT_JXR), "image/vnd.ms-photo");
    assert_true(si_format_holds(SI_FORMAT_TIFF, SI_PIXEL_CMYK));
    assert_false(si_format_holds(SI_FORMAT_PNG, SI_PIXEL_CMYK));
    assert_true(si_format_holds(SI_FORMAT_PNG, SI_PIXEL_GRAY));
    assert_false(si_format_holds(SI_FORMAT_WEBP, SI_PIXEL_GRAY));
    assert_true(si_format_carries(SI_FORMAT_JPEG, SI_CARRIES_ICC | SI_CARRIES_PATHS));
    assert_true(si_format_carries(SI_FORMAT_EPS, SI_CARRIES_PATHS));
    assert_false(si_format_carries(SI_FORMAT_EPS, SI_CARRIES_PATHS | SI_CARRIES_XMP));
    assert_false(si_format_carries(SI_FORMAT_GIF, SI_CARRIES_ICC));
    unsigned all = 0;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        assert_int_equal(all & SI_FORMAT_BIT(f), 0);
        all |= SI_FORMAT_BIT(f);
    }
}

static void outputs_are_found_by_name(void **state) {
    (void)state;
    const si_output *o = si_output_by_name("PNG8-Alpha", 10);
    assert_non_null(o);
    assert_int_equal(o->format, SI_FORMAT_PNG);
    assert_true(o->alpha && o->palette);
    o = si_output_by_name("pjpg,rgb", 4);
    assert_non_null(o);
    assert_true(o->format == SI_FORMAT_JPEG && o->progressive && !o->alpha);
    assert_true(si_output_by_name("heic", 4)->lossless);
    assert_null(si_output_by_name("swf", 3));
    assert_null(si_output_by_name("", 0));
    assert_null(si_output_by_name("pngx", 4));
}

static void hosts_have_ports_and_brackets(void **state) {
    (void)state;
    static const struct {
        const char *text, *name; /* NULL = refused */
        int port;
    } rows[] = {
        {"a.example", "a.example", 0},
        {"a.example:8443", "a.example", 8443},
        {"*.a.example:1", "*.a.example", 1},
        {"[2001:db8::1]", "2001:db8::1", 0},
        {"[2001:db8::1]:65535", "2001:db8::1", 65535},
        {"[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80},
        {"", NULL, 0},
        {":80", NULL, 0},
        {"a:", NULL, 0},
        {"a:0", NULL, 0},
        {"a:65536", NULL, 0},
        {"a:+80", NULL, 0},
        {"a:8.0", NULL, 0},
        {"a:80:80", NULL, 0},
        {"2001:db8::1", NULL, 0},
        {"[2001:db8::1", NULL, 0},
        {"[2001:db8::1]80", NULL, 0},
        {"[2001:db8::1]:", NULL, 0},
        {"[]", NULL, 0},
        {"[1.2.3.4]", NULL, 0},
        {"[fe80::1%25eth0]", NULL, 0},
        {"a[b]", NULL, 0},
        {"a]", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_host host;
        bool ok = si_host_read(si_str_of(rows[i].text), &host);
        if (ok != (rows[i].name != NULL) ||
            (ok && (!si_str_eq(host.name, si_str_of(rows[i].name)) || host.port != rows[i].port))) {
            fail_msg("%s: %d, port %d", rows[i].text, ok, host.port);
        }
    }
    assert_true(si_host_same(SI_STR("A.example"), SI_STR("a.EXAMPLE")));
    assert_true(si_host_same(SI_STR("[0:0::1]"), SI_STR("::1")));
    assert_false(si_host_same(SI_STR("::1"), SI_STR("::2")));
    assert_false(si_host_same(SI_STR("::ffff:127.0.0.1"), SI_STR("127.0.0.1")));
}

/* Leaving something out must not make a link of what is around it. */
static void cleaned_maps_are_clean(void **state) {
    (void)state;
    static const char *const pieces[] = {"<area ", "<a", " href=", "href", "=", "\"", "'",
        "javascript:", "&#106;", "&#x", "&colon;", ">", "/", " ", "\t", "\n", "onclick=", "x", ":",
        "http://a", "data:", "&", "#", ";", "<", "<!--", "\f", "src='"};
    uint32_t random = 7;
    for (int n = 0; n < 100000; n++) {
        char text[400] = "";
        si_bytes once = {0}, twice = {0};
        for (int i = 0; i < 20; i++) {
            random = random * 1664525 + 1013904223;
            strcat(text, pieces[(random >> 8) % (sizeof pieces / sizeof *pieces)]);
        }
        si_map_source source = (n & 1) != 0 ? SI_MAP_OF_REQUEST : SI_MAP_OF_COMPANY;
        assert_true(si_map_links_clean(si_str_of(text), source, &once));
        si_str cleaned = {(const char *)once.data, once.len};
        assert_true(si_map_links_clean(cleaned, source, &twice));
        if (once.len != twice.len) {
            fail_msg("%s\n%.*s", text, SI_STR_ARG(cleaned));
        }
        si_bytes_free(&once);
        si_bytes_free(&twice);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_hands_out_zeroed_aligned_memory),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(hosts_have_ports_and_brackets),
        cmocka_unit_test(cleaned_maps_are_clean),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(arena_keeps_to_its_limit),
        cmocka_unit_test(arena_has_a_limit_of_its_own),
        cmocka_unit_test(arena_copies_and_prints),
        cmocka_unit_test(bytes_grow_and_keep_what_they_have),
        cmocka_unit_test(bytes_move_to_a_new_owner),
        cmocka_unit_test(text_compares),
        cmocka_unit_test(text_is_trimmed),
        cmocka_unit_test(text_is_split),
        cmocka_unit_test(ints_round_half_up),
        cmocka_unit_test(reals_are_plain_decimals),
        cmocka_unit_test(flags_are_0_1_true_false),
        cmocka_unit_test(switches_are_the_words_people_write),
        cmocka_unit_test(escapes_are_decoded_once),
        cmocka_unit_test(reals_print_short),
        cmocka_unit_test(printed_reals_are_stable),
        cmocka_unit_test(first_failure_wins),
        cmocka_unit_test(failures_are_one_clean_line),
        cmocka_unit_test(results_have_a_status_and_a_title),
        cmocka_unit_test(formats_are_found_by_name),
        cmocka_unit_test(formats_know_what_they_are),
        cmocka_unit_test(outputs_are_found_by_name),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
