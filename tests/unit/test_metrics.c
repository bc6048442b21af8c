/* The tables of metrics: bounds that rise, labels that are the words of other tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/load.h"
#include "base/metrics.h"
#include "base/network.h"
#include "picture/stages.h"

static void test_buckets(void **state) {
    (void)state;
    for (si_metric_bounds b = 0; b < SI_BOUNDS_COUNT; b++) {
        const si_metric_scale *s = &si_metric_scales[b];
        assert_in_range(s->count, 1, SI_METRIC_BOUNDS_MAX);
        for (int i = 0; i < s->count; i++) {
            assert_true(i == 0 || s->bounds[i] > s->bounds[i - 1]);
            assert_int_equal(si_metric_bucket(b, s->bounds[i]), i);
            assert_int_equal(si_metric_bucket(b, s->bounds[i] + 1), i + 1);
        }
        assert_int_equal(si_metric_bucket(b, INT64_MAX), s->count);
    }
}

/* Prometheus sets the form of names, and promtool complains of others. */
static void test_families(void **state) {
    (void)state;
    for (si_metric i = 0; i < SI_METRIC_COUNT; i++) {
        const si_metric_family *f = &si_metric_families[i];
        size_t len = strlen(f->name);
        assert_memory_equal(f->name, "smartimg_", 9);
        assert_int_equal(strcmp(f->type, "counter") == 0, strcmp(f->name + len - 6, "_total") == 0);
        assert_null(strpbrk(f->help, "\n\\|"));
        for (si_metric k = 0; k < i; k++) {
            assert_string_not_equal(f->name, si_metric_families[k].name);
        }
    }
}

static bool has(si_metric family, const char *label) {
    static const si_metric_row rows[] = {
#define X(field, family, label) {SI_METRIC_##family, label},
        SI_METRIC_ROWS(X)
#undef X
#define X(field, family, label, bounds) {SI_METRIC_##family, label},
            SI_METRIC_HISTOGRAMS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].family == family && strcmp(rows[i].label, label) == 0) {
            return true;
        }
    }
    return false;
}

static void test_words_of_other_tables(void **state) {
    (void)state;
    for (si_stage s = 0; s < SI_STAGE_COUNT; s++) {
        assert_true(has(SI_METRIC_STAGE_TIME, si_stage_word(s)));
    }
    for (si_load l = SI_LOAD_REFINEMENT; l < SI_LOAD_REFUSED; l++) { /* which is counted as full */
        assert_true(has(SI_METRIC_LOAD, si_load_name(l)));
    }
    for (si_network n = SI_NETWORK_EXCELLENT; n < SI_NETWORK_COUNT; n++) {
        assert_true(has(SI_METRIC_NETWORK, si_network_name(n)));
        assert_true(has(SI_METRIC_JUDGED, si_network_name(n)));
    }
    assert_false(has(SI_METRIC_LOAD, "idle"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_words_of_other_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
