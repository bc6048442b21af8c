/* smartimg top: pages of metrics, what is made of two of them, and quantiles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cli/top/lines.h"

static void read_page(si_samples *s, const char *text, int seconds) {
    si_bytes page = {0};
    assert_true(si_bytes_append(&page, text, strlen(text)));
    *s = (si_samples){.at_ns = seconds * SI_SECOND};
    assert_true(si_samples_read(s, &page));
}

static void assert_str(si_str s, const char *expected) {
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.p, expected, s.len);
}

static void test_reading(void **state) {
    (void)state;
    si_samples s;
    read_page(&s,
        "# HELP a_total Things\n# TYPE a_total counter\n"
        "a_total{kind=\"x\",name=\"}, \\\"y\\\"\"} 3 1700000000\na_total{kind=\"z\"} 4.5\r\n"
        "no sample at all\na_total{kind=\"cut\nnan NaN\n\n"
        "# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count "
        "2\nplain 7",
        0);
    assert_int_equal(s.count, 8);
    assert_str(s.items[0].name, "a_total");
    assert_int_equal(s.items[0].kind, SI_SAMPLE_COUNTER);
    assert_true(s.items[0].value == 3);
    assert_str(si_sample_label(&s.items[0], SI_STR("name")), "}, \\\"y\\\"");
    assert_null(si_sample_label(&s.items[0], SI_STR("ame")).p);
    assert_true(isnan(s.items[2].value));
    assert_str(s.items[3].family, "h");
    assert_int_equal(s.items[6].kind, SI_SAMPLE_HISTOGRAM);
    assert_int_equal(s.items[7].kind, SI_SAMPLE_OTHER);
    assert_true(si_samples_sum(&s, "a_total", NULL) == 7.5);
    assert_true(si_samples_sum(&s, "a_total", "kind=\"z\"") == 4.5);
    assert_true(isnan(si_samples_sum(&s, "a_total", "kind=\"none\"")));
    assert_true(isnan(si_samples_sum(&s, "a", NULL)));
    si_samples_free(&s);
    si_bytes page = {0};
    assert_true(si_bytes_append(&page, "<html>", 6));
    assert_false(si_samples_read(&s, &page));
    si_samples_free(&s);
}

static void test_quantiles(void **state) {
    (void)state;
    const double upper[] = {0.1, 0.2, 0.4, INFINITY}, below[] = {0, 50, 90, 100}, none[4] = {0};
    assert_float_equal(si_top_quantile(upper, below, 4, 0.25), 0.15, 1e-9);
    assert_float_equal(si_top_quantile(upper, below, 4, 0.5), 0.2, 1e-9);
    assert_float_equal(si_top_quantile(upper, below, 4, 0.7), 0.3, 1e-9);
    assert_float_equal(
        si_top_quantile(upper, below, 4, 0.99), 0.4, 1e-9); /* beyond: what is sure */
    assert_true(isnan(si_top_quantile(upper, none, 4, 0.5)));
    assert_true(isnan(si_top_quantile(upper, below, 1, 0.5)));
    assert_true(isnan(si_top_quantile(upper, below, 0, 0.5)));
}

/* The line that begins with a text, without the blanks around it and with those inside as one. */
static const char *line_of(const si_top_lines *lines, const char *begin, char out[200]) {
    for (int i = 0; i < lines->count; i++) {
        const char *text = lines->items[i].text + strspn(lines->items[i].text, " ");
        size_t n = 0;
        if (strncmp(text, begin, strlen(begin)) != 0) {
            continue;
        }
        for (; *text != '\0'; text++) {
            if (*text != ' ' || (n > 0 && out[n - 1] != ' ')) {
                out[n++] = *text;
            }
        }
        out[n] = '\0';
        return out;
    }
    return "";
}

static void test_lines(void **state) {
    (void)state;
    char text[200];
    si_samples before, now;
    si_top_lines lines = {0};
    read_page(&before,
        "smartimg_requests_total{status=\"200\",company=\"a\"} 100\n"
        "smartimg_requests_total{status=\"200\",company=\"b\"} 10\n"
        "smartimg_cache_total{result=\"hit\"} 90\nsmartimg_sent_bytes_total 0\n",
        10);
    read_page(&now,
        "smartimg_requests_total{status=\"200\",company=\"a\"} 120\n"
        "smartimg_requests_total{status=\"200\",company=\"b\"} 15\n"
        "smartimg_requests_total{status=\"404\",company=\"b\\033\001\"} 5\n"
        "smartimg_cache_total{result=\"hit\"} 30\nsmartimg_sent_bytes_total 123456789\n"
        "smartimg_refinements_waiting 7\n"
        "# TYPE smartimg_new_total counter\nsmartimg_new_total{why=\"it\"} 8\n"
        "# TYPE other gauge\nother 3\n",
        12);
    assert_true(si_top_lines_make(&before, &now, &lines));
    assert_true(lines.requests == 15);
    assert_string_equal(line_of(&lines, "all", text), "all 15 140");
    assert_string_equal(line_of(&lines, "status 200", text), "status 200 12.5 135");
    assert_string_equal(line_of(&lines, "status 404", text), "status 404 2.5 5");
    assert_string_equal(line_of(&lines, "company b?", text), "");
    assert_string_equal(line_of(&lines, "company b\\033?", text), "company b\\033? 2.5 5");
    assert_string_equal(line_of(&lines, "hits ", text), "hits 15 30"); /* it began anew */
    assert_string_equal(line_of(&lines, "sent", text), "sent 61.7 MB 123.5 MB");
    assert_string_equal(line_of(&lines, "waiting", text), "waiting 7");
    assert_string_equal(line_of(&lines, "new_total", text), "new_total why=\"it\" 4 8");
    assert_string_equal(line_of(&lines, "other", text), "other 3");
    assert_string_equal(line_of(&lines, "refused", text), ""); /* what is not there is not shown */
    assert_string_equal(line_of(&lines, "Renderers", text), "");
    si_samples_free(&before);
    before = (si_samples){0};
    assert_true(si_top_lines_make(&before, &now, &lines));
    assert_true(isnan(lines.requests));
    assert_string_equal(line_of(&lines, "all", text), "all - 140");
    si_samples_free(&now);
    si_top_lines_free(&lines);
}

/* Of many values the ones that are busy now, and the busiest first. */
static void test_many_values(void **state) {
    (void)state;
    char page[8192], text[200];
    si_samples s[2];
    si_top_lines lines = {0};
    for (int k = 0; k < 2; k++) {
        int used = 0;
        for (int i = 0; i < 50; i++) {
            used += snprintf(page + used, sizeof page - (size_t)used,
                "smartimg_requests_total{company=\"c%d\"} %d\n", i, i < 45 ? 1000 : 10 + k * 2 * i);
        }
        read_page(&s[k], page, k);
    }
    assert_true(si_top_lines_make(&s[0], &s[1], &lines));
    assert_int_equal(lines.count, 2 + 10);
    assert_string_equal(line_of(&lines, "company c49", text), "company c49 98 108");
    assert_string_equal(line_of(&lines, "company c45", text), "company c45 90 100");
    assert_non_null(strstr(lines.items[2].text, "company c49"));
    assert_non_null(strstr(lines.items[6].text, "company c45"));
    si_samples_free(&s[0]);
    si_samples_free(&s[1]);
    si_top_lines_free(&lines);
}

#define BUCKETS(stage, tenth, half, all)                                                           \
    "smartimg_stage_seconds_bucket{stage=\"" stage "\",le=\"0.1\"} " tenth "\n"                    \
    "smartimg_stage_seconds_bucket{stage=\"" stage "\",le=\"0.5\"} " half "\n"                     \
    "smartimg_stage_seconds_bucket{stage=\"" stage "\",le=\"+Inf\"} " all "\n"                     \
    "smartimg_stage_seconds_sum{stage=\"" stage "\"} 1\n"                                          \
    "smartimg_stage_seconds_count{stage=\"" stage "\"} " all "\n"

/* Of what was observed lately, or in all where that is nothing. */
static void test_histograms(void **state) {
    (void)state;
    char text[200];
    si_samples before, now;
    si_top_lines lines = {0};
    read_page(&before,
        "# TYPE smartimg_stage_seconds histogram\n" BUCKETS("encode", "100", "100", "100")
            BUCKETS("score", "0", "10", "10"),
        10);
    read_page(&now,
        "# TYPE smartimg_stage_seconds histogram\n" BUCKETS("encode", "100", "110", "110")
            BUCKETS("score", "0", "10", "10"),
        12);
    assert_true(si_top_lines_make(&before, &now, &lines));
    assert_string_equal(line_of(&lines, "stage_seconds stage=\"encode\"", text),
        "stage_seconds stage=\"encode\" 300.0 ms 480.0 ms 496.0 ms");
    assert_string_equal(line_of(&lines, "stage_seconds stage=\"score\"", text),
        "stage_seconds stage=\"score\" 300.0 ms 480.0 ms 496.0 ms");
    assert_int_equal(lines.count, 3); /* with the heading: neither sum nor count */
    si_samples_free(&before);
    si_samples_free(&now);
    si_top_lines_free(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_histograms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
