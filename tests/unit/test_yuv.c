/* The planes that WebP files are made of (yuv_light.h). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/codec.h"
#include "codec/yuv_light.h"

typedef struct planes {
    si_yuv_planes p;
    uint8_t *memory;
    size_t size, used;
} planes;

enum { GUARD = 0xa5 };

/* Planes without a byte to spare; what lies behind them is checked by expect_untouched(). */
static planes convert(const si_image *im) {
    size_t w = (size_t)im->width, h = (size_t)im->height, half = (w + 1) / 2 * ((h + 1) / 2);
    planes out = {.used = w * h + 2 * half, .size = w * h + 2 * half + 64};
    out.memory = malloc(out.size);
    assert_non_null(out.memory);
    memset(out.memory, GUARD, out.size);
    out.p = (si_yuv_planes){.y = out.memory,
        .u = out.memory + w * h,
        .v = out.memory + w * h + half,
        .y_stride = w,
        .uv_stride = (w + 1) / 2};
    assert_int_equal(si_yuv_light_from_rgb(im, &out.p, NULL), SI_OK);
    for (size_t i = out.used; i < out.size; i++) {
        assert_int_equal(out.memory[i], GUARD);
    }
    return out;
}

static si_image blank(int width, int height, int channels) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    return im;
}

static uint8_t *pixel(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
}

/* Stripes of saturated colours, of odd width, so that they share chroma samples. */
static si_image stripes(int width, int height) {
    static const uint8_t colours[3][3] = {{230, 10, 20}, {10, 20, 220}, {20, 160, 30}};
    si_image im = blank(width, height, 3);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            memcpy(pixel(&im, x, y), colours[(x / 3 + y / 5) % 3], 3);
        }
    }
    return im;
}

static double luminance(const uint8_t *p) {
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        double c = p[k] / 255.0;
        sum += weights[k] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

/* Mean error of luminance after a WebP of the best quality. */
static double light_lost(const si_image *im, bool light) {
    si_encode_params p = si_codec_defaults(SI_FORMAT_WEBP, im);
    si_bytes file = {0};
    si_image back = {0};
    double sum = 0;
    p.quality = 100;
    p.chroma_full = light;
    assert_int_equal(si_codec_encode(SI_FORMAT_WEBP, im, &p, &file, NULL), SI_OK);
    assert_int_equal(si_codec_decode(SI_FORMAT_WEBP, file.data, file.len, &back, NULL), SI_OK);
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            sum += fabs(luminance(pixel(im, x, y)) - luminance(pixel(&back, x, y)));
        }
    }
    si_image_free(&back);
    si_bytes_free(&file);
    return sum / (im->width * im->height);
}

static void light_is_nearer_than_by_plain_conversion(void **state) {
    (void)state;
    if (!si_codec_get(SI_FORMAT_WEBP)->available) {
        skip();
    }
    si_image im = stripes(121, 67);
    assert_true(light_lost(&im, true) < 0.6 * light_lost(&im, false));
    si_image_free(&im);
}

static void greys_stay_grey(void **state) {
    (void)state;
    si_image im = blank(256, 3, 3);
    for (int y = 0; y < 3; y++) {
        for (int x = 0; x < 256; x++) {
            memset(pixel(&im, x, y), x, 3);
        }
    }
    planes out = convert(&im);
    for (int x = 0; x < 256; x++) {
        assert_int_equal(out.p.u[x / 2], 128);
        assert_int_equal(out.p.v[x / 2], 128);
        assert_int_equal(out.p.y[x], (int)lround(16 + x * 219 / 255.0));
    }
    free(out.memory);
    si_image_free(&im);
}

static void ends_of_the_range_are_kept(void **state) {
    (void)state;
    for (int k = 0; k < 8; k++) {
        si_image im = blank(5, 5, 3);
        for (int i = 0; i < 25; i++) {
            uint8_t *p = pixel(&im, i % 5, i / 5);
            p[0] = k & 1 ? 255 : 0;
            p[1] = k & 2 ? 255 : 0;
            p[2] = k & 4 ? 255 : 0;
        }
        planes out = convert(&im);
        double y = 16 + 219 * (0.299 * (k & 1) + 0.587 * (k >> 1 & 1) + 0.114 * (k >> 2));
        for (int i = 0; i < 25; i++) { /* one colour: nothing to make up for but roundings */
            assert_true(fabs(out.p.y[i] - y) < 1.5);
        }
        assert_true(fabs(out.p.v[4] - (128 + 224 * ((k & 1) - (y - 16) / 219) / 1.402)) < 1);
        assert_true(fabs(out.p.u[4] - (128 + 224 * ((k >> 2) - (y - 16) / 219) / 1.772)) < 1);
        free(out.memory);
        si_image_free(&im);
    }
}

static void every_small_size(void **state) {
    (void)state;
    for (int width = 1; width < 37; width++) {
        for (int height = 1; height < 6; height++) {
            for (int channels = 3; channels <= 4; channels++) {
                si_image im = blank(width, height, channels);
                for (int i = 0; i < width * height; i++) {
                    memset(pixel(&im, i % width, i / width), 90, (size_t)channels);
                }
                planes out = convert(&im);
                for (size_t i = 0; i < out.used; i++) {
                    bool luma = i < (size_t)(width * height);
                    assert_int_equal(out.memory[i], luma ? 93 : 128);
                }
                free(out.memory);
                si_image_free(&im);
            }
        }
    }
}

/* A red pixel among transparent blue ones is red, not purple. */
static void what_is_not_seen_does_not_count(void **state) {
    (void)state;
    si_image im = blank(12, 12, 4);
    for (int i = 0; i < 144; i++) {
        int x = i % 12, y = i / 12;
        bool seen = x % 2 == 0 && y % 2 == 0;
        const uint8_t red[4] = {220, 0, 0, 255}, blue[4] = {0, 0, 220, 0};
        memcpy(pixel(&im, x, y), seen ? red : blue, 4);
    }
    planes out = convert(&im);
    double v = 128 + 224 * 0.5 * 220 / 255, u = 128 - 224 * 0.299 / 1.772 * 220 / 255;
    for (int i = 0; i < 36; i++) {
        assert_true(fabs(out.p.v[i] - v) < 1.5);
        assert_true(fabs(out.p.u[i] - u) < 1.5);
    }
    free(out.memory);
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_is_nearer_than_by_plain_conversion),
        cmocka_unit_test(greys_stay_grey),
        cmocka_unit_test(ends_of_the_range_are_kept),
        cmocka_unit_test(every_small_size),
        cmocka_unit_test(what_is_not_seen_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
