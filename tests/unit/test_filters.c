/* Sharpening filters. */
#include "pictures.h"

#include "render/pixel/filters.h"

static si_image plain(int w, int h, int channels, int level) {
    si_image im;
    assert_int_equal(si_image_alloc(&im, w, h, channels, NULL), SI_OK);
    memset(im.pixels, level, im.stride * (size_t)h);
    return im;
}

static void sharpen(void **state) {
    (void)state;
    si_image im = plain(9, 9, 3, 50);
    memset((uint8_t *)at(&im, 4, 4), 60, 3);
    assert_int_equal(si_filter_sharpen(&im, NULL), SI_OK);
    check(&im, 4, 4, 80, 80, 80, 0); /* 3·60 − ½·4·50 */
    check(&im, 3, 4, 45, 45, 45, 0); /* 3·50 − ½·(60 + 3·50) */
    check(&im, 4, 5, 45, 45, 45, 0);
    check(&im, 3, 3, 50, 50, 50, 0);
    check(&im, 0, 0, 50, 50, 50, 0);
    si_image_free(&im);
}

static void usm(void **state) {
    (void)state;
    /* G of a single brighter pixel, radius 1: centre 0.3829² = 0.1466, beside 0.3829·0.2417 =
     * 0.0926 */
    si_image im = plain(15, 15, 3, 100);
    memset((uint8_t *)at(&im, 7, 7), 150, 3);
    assert_int_equal(si_filter_usm(&im, 2, 1, 0, false, NULL), SI_OK);
    check(&im, 7, 7, 235, 235, 235, 1); /* 150 + 2·(150 − 107.3) */
    check(&im, 8, 7, 91, 91, 91, 1);    /* 100 − 2·4.63 */
    check(&im, 0, 0, 100, 100, 100, 0);
    si_image_free(&im);

    im = plain(15, 15, 3, 100); /* below the threshold nothing moves, at it everything does */
    memset((uint8_t *)at(&im, 7, 7), 150, 3);
    assert_int_equal(si_filter_usm(&im, 2, 1, 42, false, NULL), SI_OK);
    check(&im, 7, 7, 235, 235, 235, 1);
    check(&im, 8, 7, 100, 100, 100, 0);
    si_image_free(&im);

    im = plain(15, 15, 3, 100); /* mono: all colours move by the same amount */
    ((uint8_t *)at(&im, 7, 7))[1] = 150;
    assert_int_equal(si_filter_usm(&im, 1, 1, 0, true, NULL), SI_OK);
    check(&im, 7, 7, 125, 175, 125, 1); /* 0.587·50·(1 − 0.1466) = 25.0 */
    si_image_free(&im);

    im = plain(15, 15, 4, 100);
    si_filter_usm(&im, 0, 5, 0, false, NULL) == SI_OK ? (void)0 : fail();
    si_filter_usm(&im, 5, 0, 0, false, NULL) == SI_OK ? (void)0 : fail();
    si_filter_usm(&im, 5, 250, 0, false, NULL) == SI_OK ? (void)0 : fail();
    for (int i = 0; i < 15; i++) {
        check(&im, i, i, 100, 100, 100, 0);
    }
    si_image_free(&im);
}

/* The box filters of large radii continue the exact Gaussian of small ones. */
static void usm_boxes(void **state) {
    (void)state;
    si_image a = plain(200, 60, 3, 80), b;
    for (int y = 0; y < 60; y++) {
        memset((uint8_t *)at(&a, 100, y), 160, 300);
    }
    b = plain(200, 60, 3, 80);
    memcpy(b.pixels, a.pixels, a.stride * 60);
    assert_int_equal(si_filter_usm(&a, 1, 7.999, 0, false, NULL), SI_OK);
    assert_int_equal(si_filter_usm(&b, 1, 8.001, 0, false, NULL), SI_OK);
    assert_true(largest_difference(&a, &b, 0, 0) <= 1);
    check(&a, 99, 30, 42, 42, 42, 2); /* ½ level step: 80 − 40 + a little */
    si_image_free(&a);
    si_image_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sharpen),
        cmocka_unit_test(usm),
        cmocka_unit_test(usm_boxes),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
