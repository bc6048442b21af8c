/* Smart crops (docs/smart-crop.md): where the window lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "render/pixel/smart_crop.h"

static void paint(si_image *im, int cx, int cy, int radius, const uint8_t colour[3]) {
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            if ((x - cx) * (x - cx) + (y - cy) * (y - cy) <= radius * radius) {
                uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
                for (int c = 0; c < 3; c++) {
                    p[c] = colour[c];
                }
                if (im->channels == 4) {
                    p[3] = 255;
                }
            }
        }
    }
}

static si_image ground(int width, int height, int channels) {
    si_image im = {0};
    static const uint8_t grey[3] = {200, 205, 210};
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    if (channels == 3) {
        paint(&im, 0, 0, 1000, grey);
    }
    return im;
}

/* The crop of one ratio. */
static si_result crop(
    const si_image *thumb, double source_ratio, double ratio, double rect[4], si_diag *diag) {
    return si_smart_crops(thumb, source_ratio, 1, &ratio, (double(*)[4])rect, diag);
}

static void test_the_subject_is_in_the_window(void **unused) {
    (void)unused;
    static const uint8_t red[3] = {190, 40, 30};
    for (int channels = 3; channels <= 4; channels++) {
        for (int at = 20; at <= 108; at += 8) {
            double rect[4];
            si_image wide = ground(128, 64, channels), tall = ground(64, 128, channels);
            paint(&wide, at, 32, 12, red);
            paint(&tall, 32, at, 12, red);
            assert_int_equal(crop(&wide, 2, 1, rect, NULL), SI_OK);
            assert_true(rect[0] * 128 <= at - 12 + 1 && (rect[0] + rect[2]) * 128 >= at + 12 - 1);
            assert_true(rect[2] == 0.5 && rect[3] == 1 && rect[1] == 0);
            assert_int_equal(crop(&tall, 0.5, 1, rect, NULL), SI_OK);
            assert_true(rect[1] * 128 <= at - 12 + 1 && (rect[1] + rect[3]) * 128 >= at + 12 - 1);
            si_image_free(&wide);
            si_image_free(&tall);
        }
    }
}

/* Nothing to see anywhere: the middle. */
static void test_an_even_picture_is_cut_in_its_middle(void **unused) {
    (void)unused;
    double rect[4];
    si_image im = ground(128, 64, 3);
    assert_int_equal(crop(&im, 2, 1, rect, NULL), SI_OK);
    assert_true(fabs(rect[0] - 0.25) < 0.01);
    si_image_free(&im);
}

static void test_the_whole_picture_where_the_ratio_is_its_own(void **unused) {
    (void)unused;
    double rect[4];
    si_image im = ground(100, 50, 3);
    assert_int_equal(crop(&im, 2, 2, rect, NULL), SI_OK);
    assert_true(rect[0] == 0 && rect[1] == 0 && rect[2] == 1 && rect[3] == 1);
    si_image_free(&im);
}

static void test_tiny_pictures_and_extreme_ratios(void **unused) {
    (void)unused;
    static const double all[] = {1e-4, 0.1, 1, 10, 1e4};
    for (int size = 1; size <= 5; size++) {
        si_image im = ground(size, 6 - size, 4);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            double rect[4];
            assert_int_equal(crop(&im, (double)size / (6 - size), all[i], rect, NULL), SI_OK);
            for (int k = 0; k < 2; k++) {
                assert_true(rect[k] >= 0 && rect[2 + k] > 0 && rect[k] + rect[2 + k] <= 1 + 1e-9);
            }
            (void)si_smart_swatch(&im, rect);
        }
        si_image_free(&im);
    }
}

static void test_several_crops_are_those_of_one_each(void **unused) {
    (void)unused;
    static const uint8_t blue[3] = {10, 20, 180};
    static const double ratios[] = {0.5, 2, 1, 3, 1e-3, 1.25};
    enum { COUNT = sizeof ratios / sizeof *ratios };
    double rects[COUNT][4], one[4];
    si_image im = ground(128, 64, 3);
    paint(&im, 100, 20, 12, blue);
    assert_int_equal(si_smart_crops(&im, 2, COUNT, ratios, rects, NULL), SI_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(crop(&im, 2, ratios[i], one, NULL), SI_OK);
        assert_memory_equal(rects[i], one, sizeof one);
    }
    assert_true(rects[0][0] != 0.375); /* the middle */
    assert_int_equal(si_smart_crops(&im, 2, 2, (double[]){1, -1}, rects, NULL), SI_ERR_RANGE);
    si_image_free(&im);
}

static void test_a_crop_without_area_is_refused(void **unused) {
    (void)unused;
    double rect[4];
    si_diag diag = {0};
    si_image im = ground(10, 10, 3);
    assert_int_equal(crop(&im, 1, 0, rect, &diag), SI_ERR_RANGE);
    assert_int_equal(crop(&im, 1, (double)NAN, rect, &diag), SI_ERR_RANGE);
    si_image_free(&im);
}

static void test_the_swatch_is_the_commonest_colour(void **unused) {
    (void)unused;
    static const uint8_t blue[3] = {10, 20, 180};
    si_image im = ground(64, 64, 3);
    paint(&im, 16, 32, 14, blue);
    assert_int_equal(si_smart_swatch(&im, (double[]){0, 0, 1, 1}), 0xC8CDD2);
    assert_int_equal(si_smart_swatch(&im, (double[]){0.1, 0.35, 0.3, 0.3}), 0x0A14B4);
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_subject_is_in_the_window),
        cmocka_unit_test(test_an_even_picture_is_cut_in_its_middle),
        cmocka_unit_test(test_the_whole_picture_where_the_ratio_is_its_own),
        cmocka_unit_test(test_tiny_pictures_and_extreme_ratios),
        cmocka_unit_test(test_several_crops_are_those_of_one_each),
        cmocka_unit_test(test_a_crop_without_area_is_refused),
        cmocka_unit_test(test_the_swatch_is_the_commonest_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
