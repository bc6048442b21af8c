/* Better JPEGs (quality/jpeg_fit.h): how parameters are packed, that any decoder reads the files,
 * and that scan scripts change bytes but no pixel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quality/jpeg_fit.h"

/* Waves with grain, in colour or grey. */
static si_image picture(int width, int height, bool grey) {
    si_image im = {0};
    uint32_t state = 3;
    assert_int_equal(si_image_alloc(&im, width, height, 3, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * 3;
            state = state * 1664525 + 1013904223;
            for (int k = 0; k < 3; k++) {
                int wave = (x * (3 + k) + y * (5 - k)) % 97;
                p[k] = (uint8_t)(60 + wave + (state >> 28));
            }
            if (grey) {
                p[0] = p[2] = p[1];
            }
        }
    }
    im.grey = grey;
    return im;
}

static si_encode_params params(const si_image *im, si_jpeg_fit fit, int effort) {
    si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, im);
    p.quality = 80;
    p.tune = si_jpeg_fit_pack(fit);
    p.effort = effort;
    return p;
}

static si_image decoded(const si_image *im, const si_encode_params *p, size_t *bytes) {
    si_bytes file = {0};
    si_image out = {0};
    assert_int_equal(si_jpeg_fit_encode(im, p, &file, NULL), SI_OK);
    assert_int_equal(si_codec_decode(SI_FORMAT_JPEG, file.data, file.len, &out, NULL), SI_OK);
    assert_int_equal(out.width, im->width);
    assert_int_equal(out.height, im->height);
    *bytes = file.len;
    si_bytes_free(&file);
    return out;
}

static void packing_is_reversible(void **state) {
    (void)state;
    for (int lambda = 0; lambda < 100; lambda += 33) {
        for (int k = 0; k < 10; k++) {
            si_jpeg_fit fit = {lambda, k, 9 - k, (k * 7) % 10};
            int tune = si_jpeg_fit_pack(fit);
            si_jpeg_fit back = si_jpeg_fit_unpack(tune);
            assert_int_not_equal(tune, 0); /* which means plain libjpeg */
            assert_memory_equal(&fit, &back, sizeof fit);
        }
    }
}

static void scripts_change_no_pixel(void **state) {
    (void)state;
    for (int grey = 0; grey <= 1; grey++) {
        for (int full = 0; full <= 1; full++) {
            si_image im = picture(203, 117, grey);
            si_encode_params p = params(&im, si_jpeg_fit_usual(), SI_JPEG_SCRIPTS - 1);
            size_t one = 0, best = 0;
            p.chroma_full = full;
            si_image a = decoded(&im, &p, &one);
            p.effort = SI_JPEG_SCRIPTS;
            si_image b = decoded(&im, &p, &best);
            assert_true(best <= one);
            assert_int_equal(a.grey, grey);
            for (int y = 0; y < a.height; y++) {
                assert_memory_equal(a.pixels + (size_t)y * a.stride,
                    b.pixels + (size_t)y * b.stride, (size_t)a.width * 3);
            }
            si_image_free(&a);
            si_image_free(&b);
            si_image_free(&im);
        }
    }
}

static void more_lambda_fewer_bytes(void **state) {
    (void)state;
    si_image im = picture(200, 120, false);
    size_t last = SIZE_MAX;
    for (int lambda = 0; lambda < 100; lambda += 49) {
        si_jpeg_fit fit = si_jpeg_fit_usual();
        fit.lambda = lambda;
        si_encode_params p = params(&im, fit, 6);
        size_t bytes = 0;
        si_image out = decoded(&im, &p, &bytes);
        assert_true(bytes < last);
        last = bytes;
        si_image_free(&out);
    }
    si_image_free(&im);
}

static void extremes_are_files(void **state) {
    (void)state;
    static const float qualities[] = {1, 50, 100};
    for (int side = 1; side <= 17; side += 8) {
        for (int k = 0; k <= 9; k += 9) {
            for (size_t q = 0; q < sizeof qualities / sizeof *qualities; q++) {
                si_image im = picture(side, 18 - side, false);
                si_encode_params p = params(&im, (si_jpeg_fit){k * 11, k, k, k}, 9);
                size_t bytes = 0;
                p.quality = qualities[q];
                si_image out = decoded(&im, &p, &bytes);
                si_image_free(&out);
                si_image_free(&im);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing_is_reversible),
        cmocka_unit_test(scripts_change_no_pixel),
        cmocka_unit_test(more_lambda_fewer_bytes),
        cmocka_unit_test(extremes_are_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
