/* Calibrations: what is read, what is refused, and what they do to predictions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "quality/calibrate.h"
#include "quality/predict.h"

static char path[] = "/tmp/smartimg-test-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static si_result read_text(const char *text, si_calibration *out, si_diag *diag) {
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    *diag = (si_diag){0};
    return si_calibration_read(path, out, diag);
}

/* A file with this machine's libraries and then `rest`. */
static si_result read_rest(const char *rest, si_calibration *out, si_diag *diag) {
    char text[1000];
    snprintf(text, sizeof text, "[libraries]\njpeg = %s\nwebp = %s\n%s",
        si_codec_get(SI_FORMAT_JPEG)->library, si_codec_get(SI_FORMAT_WEBP)->library, rest);
    return read_text(text, out, diag);
}

static si_features features(void) {
    return (si_features){.v = {[SI_FEATURE_BPP] = 0.2,
                             [SI_FEATURE_QUALITY] = 0.5,
                             [SI_FEATURE_AREA] = -1,
                             [SI_FEATURE_DETAIL] = 2,
                             [SI_FEATURE_COLOURS] = 5},
        .megapixels = 1};
}

static void written_is_read(void **state) {
    (void)state;
    si_calibration c = {0}, again;
    si_diag diag = {0};
    c.bias[SI_SETTING_WEBP_QUICK] = -2.5;
    c.cost[SI_SETTING_WEBP_QUICK] = 1.75;
    c.cost[SI_SETTING_JPEG_FULL] = 0.5;
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    si_calibration_write(f, &c);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(si_calibration_read(path, &again, &diag), SI_OK);
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        assert_true(fabs(c.bias[k] - again.bias[k]) < 1e-9);
        assert_true(fabs(c.cost[k] - again.cost[k]) < 1e-9);
    }
}

static void limits_are_kept(void **state) {
    (void)state;
    si_calibration c;
    si_diag diag;
    assert_int_equal(read_rest("[webp_fast]\nbias = -20\ncost = 0.05\n", &c, &diag), SI_OK);
    assert_int_equal(read_rest("[webp_fast]\nbias = 20\ncost = 20\n", &c, &diag), SI_OK);
    const char *const wrong[] = {"bias = 20.1", "bias = -21", "cost = 0", "cost = -1",
        "cost = 0.04", "cost = 20.5", "cost = 1000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[80];
        snprintf(text, sizeof text, "[webp_quick]\nbias = 3\n[webp_fast]\n%s\n", wrong[i]);
        assert_int_equal(read_rest(text, &c, &diag), SI_ERR_RANGE);
        assert_true(c.bias[SI_SETTING_WEBP_QUICK] == 0); /* nothing of it counts */
    }
}

static void nonsense_is_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"[webp_fast]\nbias = nan\n", "[webp_fast]\ncost = fast\n",
        "[webp_fast]\nbias =\n", "[webp_fast]\nspeed = 1\n", "[nothing]\nbias = 1\n",
        "[webp_fast\nbias = 1\n", "nonsense\n", "[avif_fast]\nbias = 1\n", "\xff\xfe\x01\n"};
    si_calibration c;
    si_diag diag;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_rest(wrong[i], &c, &diag), SI_ERR_CONFIG);
        assert_non_null(strstr(diag.text, "line "));
    }
    assert_int_equal(read_text("[webp_fast]\nbias = 1\n", &c, &diag), SI_ERR_CONFIG);
    assert_int_equal(read_text("bias = 1\n", &c, &diag), SI_ERR_CONFIG);
    assert_int_equal(read_text("", &c, &diag), SI_OK);
    assert_int_equal(si_calibration_read("/nonexistent/file", &c, &diag), SI_ERR_IO);
}

static void other_libraries_are_refused(void **state) {
    (void)state;
    si_calibration c;
    si_diag diag;
    assert_int_equal(
        read_text("[libraries]\nwebp = libwebp 0.0.1\n[webp_fast]\nbias = 1\n", &c, &diag),
        SI_ERR_UNSUPPORTED);
    assert_true(c.bias[SI_SETTING_WEBP_FAST] == 0);
    assert_int_equal(read_text("[libraries]\nnothing = 1\n", &c, &diag), SI_ERR_CONFIG);
}

static void bias_shifts_levels(void **state) {
    (void)state;
    si_calibration c = {0};
    si_features f = features();
    si_calibration_use(&c);
    double plain = si_predict_level(SI_SETTING_WEBP_FAST, &f, 80);
    double other = si_predict_level(SI_SETTING_WEBP_QUICK, &f, 80);
    c.bias[SI_SETTING_WEBP_FAST] = 3.5;
    si_calibration_use(&c);
    assert_true(fabs(si_predict_level(SI_SETTING_WEBP_FAST, &f, 80) - plain - 3.5) < 1e-9);
    assert_true(si_predict_level(SI_SETTING_WEBP_QUICK, &f, 80) == other);
}

static void cost_scales_costs(void **state) {
    (void)state;
    si_calibration c = {0};
    si_features f = features();
    si_calibration_use(&c);
    double low = si_predict_cost(SI_FORMAT_AVIF, 1, &f),
           middle = si_predict_cost(SI_FORMAT_AVIF, 5, &f);
    double webp = si_predict_cost(SI_FORMAT_WEBP, 7, &f);
    c.cost[SI_SETTING_AVIF_QUICK] = 2;
    c.cost[SI_SETTING_AVIF_FULL] = 4;
    c.cost[SI_SETTING_WEBP_FAST] = 2; /* efforts 6 and 8, equally near: their mean */
    c.cost[SI_SETTING_WEBP_GOOD] = 8;
    si_calibration_use(&c);
    const double fixed = 0.3; /* milliseconds of any encoding */
    assert_true(fabs(si_predict_cost(SI_FORMAT_AVIF, 1, &f) - fixed - 2 * (low - fixed)) < 1e-6);
    assert_true(fabs(si_predict_cost(SI_FORMAT_AVIF, 5, &f) - fixed - 4 * (middle - fixed)) < 1e-6);
    assert_true(fabs(si_predict_cost(SI_FORMAT_WEBP, 7, &f) - fixed - 4 * (webp - fixed)) < 1e-6);
}

static void fit_is_left_one_out(void **state) {
    (void)state;
    /* all three lack 2 points; the bias of two of them repairs the third */
    si_calibrate_trial same[] = {{0, 4, 2}, {1, 4, 2}, {2, 4, 2}};
    si_calibrate_trials t = {.items = same, .count = 3, .cost_logs = 3 * log(2), .cost_count = 3};
    si_calibrate_fit fit;
    si_calibrate_fit_trials(&t, &fit);
    assert_true(fabs(fit.bias - 4) < 1e-9 && fit.spread < 1e-9 && fabs(fit.cost - 2) < 1e-9);
    assert_true(fit.before == 0 && fit.after == 1 && fit.helps);
    /* one that is far off has a mean, which helps neither it nor the others */
    si_calibrate_trial odd[] = {{0, 0, 0}, {0, 0, 0}, {1, 0.2, 0.1}, {2, 12, 6}};
    t = (si_calibrate_trials){.items = odd, .count = 4};
    si_calibrate_fit_trials(&t, &fit);
    assert_true(fit.bias > 3 && fit.before > fit.after && !fit.helps);
    si_calibration c = {0};
    si_calibrate_keep(&fit, SI_SETTING_WEBP_FAST, &c);
    assert_true(c.bias[SI_SETTING_WEBP_FAST] == 0);
    /* neither is one that scatters more than it is off, however it does on the whole */
    si_calibrate_trial wide[] = {{0, 8, 4}, {1, 2.4, 1.2}, {2, 14, 7}, {3, -2.4, -1.2}, {4, 8, 4}};
    t = (si_calibrate_trials){.items = wide, .count = 5};
    si_calibrate_fit_trials(&t, &fit);
    assert_true(fit.bias > 5 && !fit.helps);
    /* a single picture says nothing of others */
    t = (si_calibrate_trials){.items = same, .count = 1};
    si_calibrate_fit_trials(&t, &fit);
    assert_true(isnan(fit.after) && !fit.helps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(other_libraries_are_refused),
        cmocka_unit_test(bias_shifts_levels),
        cmocka_unit_test(cost_scales_costs),
        cmocka_unit_test(fit_is_left_one_out),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
