/* The codecs: what goes in comes out, in every format, size and channel count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/codec.h"

typedef enum kind { RGB, RGBA, GREY, KINDS } kind;

static const int sizes[][2] = {{1, 1}, {2, 3}, {7, 5}, {64, 64}, {333, 251}};

static uint8_t clamp8(double v) {
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Soft waves, a disc with a hard edge, a little noise, and an alpha ramp where there is alpha. */
static si_image draw(int width, int height, kind k) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, width, height, k == RGBA ? 4 : 3, NULL), SI_OK);
    im.grey = k == GREY;
    uint32_t noise = 1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * (size_t)im.channels;
            noise = noise * 1664525u + 1013904223u;
            double n = (noise >> 28) / 4.0;
            double dx = x - width * 0.5, dy = y - height * 0.5;
            bool edge = width > 32 && dx * dx + dy * dy < width * height * 0.06;
            double disc = edge ? 50 : 0;
            p[0] = clamp8(120 + 60 * sin(x * 0.05) + disc + n);
            p[1] = clamp8(110 + 60 * sin(y * 0.04 + 1) - disc + n);
            p[2] = clamp8(100 + 50 * sin((x + y) * 0.03 + 2) + n);
            if (k == GREY) {
                p[0] = p[2] = p[1];
            } else if (k == RGBA) {
                p[3] = clamp8(dx < 0 ? 255.0 * (y + 0.5) / height : disc > 0 ? 255 : 128);
            }
        }
    }
    return im;
}

static const uint8_t *at(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
}

/* PSNR in dB over colour (weighted by alpha, as it is seen on black) and alpha; 99 if equal. */
static double psnr(const si_image *a, const si_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    double sum = 0;
    for (int y = 0; y < a->height; y++) {
        for (int x = 0; x < a->width; x++) {
            const uint8_t *p = at(a, x, y), *q = at(b, x, y);
            double pa = a->channels == 4 ? p[3] : 255, qa = b->channels == 4 ? q[3] : 255;
            for (int c = 0; c < 3; c++) {
                double d = p[c] * pa / 255 - q[c] * qa / 255;
                sum += d * d;
            }
            sum += (pa - qa) * (pa - qa);
        }
    }
    double mse = sum / (4.0 * a->width * a->height);
    return mse > 0 ? 10 * log10(255 * 255 / mse) : 99;
}

static bool starts_as(si_format f, const si_bytes *b) {
    static const struct {
        size_t offset;
        const char *magic;
        size_t len;
    } magics[SI_FORMAT_COUNT] = {
        [SI_FORMAT_JPEG] = {0, "\xff\xd8\xff", 3},
        [SI_FORMAT_PNG] = {0, "\x89PNG\r\n\x1a\n", 8},
        [SI_FORMAT_GIF] = {0, "GIF89a", 6},
        [SI_FORMAT_WEBP] = {8, "WEBPVP8", 7},
        [SI_FORMAT_AVIF] = {4, "ftypavif", 8},
        [SI_FORMAT_JXL] = {0, "\xff\x0a", 2},
        [SI_FORMAT_JP2] = {0, "\0\0\0\x0cjP  \r\n\x87\n", 12},
        [SI_FORMAT_JXR] = {0, "II\xbc\x01", 4},
        [SI_FORMAT_TIFF] = {0, "II*\0", 4},
        [SI_FORMAT_HEIC] = {4, "ftyphei", 7},
        [SI_FORMAT_PDF] = {0, "%PDF-1.6\n", 9},
        [SI_FORMAT_EPS] = {0, "%!PS-Adobe-3.0 EPSF-3.0\n", 24},
    };
    if (f == SI_FORMAT_JXL && b->len > 8 && memcmp(b->data + 4, "JXL ", 4) == 0) {
        return true; /* in a container, which alpha of 16 bits wants */
    }
    return magics[f].len > 0 && b->len > magics[f].offset + magics[f].len &&
           memcmp(b->data + magics[f].offset, magics[f].magic, magics[f].len) == 0;
}

static si_bytes encode(si_format f, const si_image *im, const si_encode_params *p) {
    si_bytes out = {0};
    si_diag diag = {0};
    if (si_codec_encode(f, im, p, &out, &diag) != SI_OK) {
        fail_msg("%s %d×%d: %s", si_format_name(f), im->width, im->height, diag.text);
    }
    assert_int_equal(diag.code, SI_OK);
    return out;
}

static si_image decode(si_format f, const si_bytes *b) {
    si_image out = {0};
    si_diag diag = {0};
    if (si_codec_decode(f, b->data, b->len, &out, &diag) != SI_OK) {
        fail_msg("%s: %s", si_format_name(f), diag.text);
    }
    return out;
}

/* Alpha as GIF can hold it: all or nothing. */
static void key_alpha(si_image *im) {
    for (int y = 0; im->channels == 4 && y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)x * 4;
            p[3] = p[3] < 128 ? 0 : 255;
        }
    }
}

static bool keeps_alpha(si_format f) {
    return f != SI_FORMAT_JPEG && f != SI_FORMAT_HEIC && f != SI_FORMAT_PDF && f != SI_FORMAT_EPS;
}

/* PSNR after a round trip; `len` gets the size of the file. */
static double round_trip(si_format f, const si_image *im, const si_encode_params *p, size_t *len) {
    si_bytes file = encode(f, im, p);
    assert_true(starts_as(f, &file));
    *len = file.len;
    if (!si_codec_get(f)->decodes) { /* test_formats.py asks other programs */
        si_bytes_free(&file);
        return 99;
    }
    si_image back = decode(f, &file);
    assert_int_equal(back.channels, si_image_has_transparency(im) && keeps_alpha(f) ? 4 : 3);
    double result = !keeps_alpha(f) && im->channels == 4 ? 99 : psnr(im, &back);
    si_image_free(&back);
    si_bytes_free(&file);
    return result;
}

static bool available(si_format f) {
    return si_codec_get(f)->available;
}

static void test_sizes_and_kinds(void **state) {
    (void)state;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        for (size_t s = 0; available(f) && s < sizeof sizes / sizeof *sizes; s++) {
            for (kind k = 0; k < KINDS; k++) {
                si_image im = draw(sizes[s][0], sizes[s][1], k);
                if (f == SI_FORMAT_GIF) {
                    key_alpha(&im);
                }
                si_encode_params p = si_codec_defaults(f, &im);
                p.quality = 90;
                for (int full = 0; full < 2; full++) {
                    size_t len;
                    p.chroma_full = full;
                    double db = round_trip(f, &im, &p, &len);
                    if (db < (f == SI_FORMAT_GIF ? 24 : 28)) {
                        fail_msg("%s %d×%d kind %d full %d: %.1f dB", si_format_name(f), im.width,
                            im.height, k, full, db);
                    }
                }
                si_image_free(&im);
            }
        }
    }
}

static void test_lossless_is_exact(void **state) {
    (void)state;
    static const si_format formats[] = {SI_FORMAT_PNG, SI_FORMAT_WEBP, SI_FORMAT_AVIF,
        SI_FORMAT_JXL, SI_FORMAT_JP2, SI_FORMAT_JXR, SI_FORMAT_TIFF, SI_FORMAT_HEIC};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        for (size_t s = 0; available(formats[i]) && s < sizeof sizes / sizeof *sizes; s++) {
            for (kind k = 0; k < KINDS; k++) {
                if (formats[i] == SI_FORMAT_TIFF && k == RGBA) {
                    continue; /* libtiff gives premultiplied samples, which rounds */
                }
                si_image im = draw(sizes[s][0], sizes[s][1], k);
                si_encode_params p = si_codec_defaults(formats[i], &im);
                p.lossless = true;
                size_t len;
                double db = round_trip(formats[i], &im, &p, &len);
                if (db < 99) {
                    fail_msg("%s %d×%d kind %d: %.1f dB", si_format_name(formats[i]), im.width,
                        im.height, k, db);
                }
                si_image_free(&im);
            }
        }
    }
}

static void test_quality_is_monotone(void **state) {
    (void)state;
    si_image im = draw(333, 251, RGB);
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const si_codec_info *info = si_codec_get(f);
        if (!info->available || info->quality_step >= 100 || f == SI_FORMAT_TIFF ||
            !info->decodes) {
            continue;
        }
        size_t last_len = 0;
        double last_db = 0;
        for (int i = 0; i < 5; i++) {
            si_encode_params p = si_codec_defaults(f, &im);
            p.quality = info->quality_min +
                        (info->quality_max - info->quality_min) * (float)(10 + 20 * i) / 100;
            p.chroma_full = true;
            p.effort = 4;
            size_t len;
            double db = round_trip(f, &im, &p, &len);
            if (len <= last_len || db <= last_db) {
                fail_msg("%s quality %g: %zu bytes %.2f dB after %zu bytes %.2f dB",
                    si_format_name(f), p.quality, len, db, last_len, last_db);
            }
            last_len = len;
            last_db = db;
        }
    }
    si_image_free(&im);
}

static void test_every_effort_and_tune_works(void **state) {
    (void)state;
    si_image im = draw(64, 64, RGBA);
    key_alpha(&im); /* so that GIF can hold it */
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        for (int effort = 0; available(f) && effort < 10; effort++) {
            for (int tune = 0; tune < 2; tune++) {
                si_encode_params p = si_codec_defaults(f, &im);
                p.effort = effort;
                p.tune = tune;
                p.progressive = tune;
                p.bit_depth = tune ? 8 : 10;
                p.dpi = 300;
                size_t len;
                assert_true(round_trip(f, &im, &p, &len) > 20);
            }
        }
    }
    si_image_free(&im);
}

static void test_own_knobs_change_the_file(void **state) {
    (void)state;
    si_image im = draw(333, 251, RGB);
    size_t plain, tuned;
    if (available(SI_FORMAT_WEBP)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_WEBP, &im);
        round_trip(SI_FORMAT_WEBP, &im, &p, &plain);
        p.webp = (si_webp_params){true, 0, 0, -1, -1, 1, -1, -1};
        round_trip(SI_FORMAT_WEBP, &im, &p, &tuned);
        assert_int_not_equal(plain, tuned);
    }
    if (available(SI_FORMAT_AVIF)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_AVIF, &im);
        round_trip(SI_FORMAT_AVIF, &im, &p, &plain);
        p.avif = (si_avif_params){true, 7, 0, 0, -1};
        round_trip(SI_FORMAT_AVIF, &im, &p, &tuned);
        assert_int_not_equal(plain, tuned);
    }
    si_image_free(&im);
}

static void test_png_keeps_few_colours_small(void **state) {
    (void)state;
    if (!available(SI_FORMAT_PNG)) {
        skip();
    }
    static const int counts[] = {1, 2, 3, 16, 17, 255, 256, 257};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int channels = 3; channels <= 4; channels++) {
            for (int interlace = 0; interlace < 2; interlace++) {
                si_image im = {0};
                assert_int_equal(si_image_alloc(&im, 131, 67, channels, NULL), SI_OK);
                for (int y = 0, n = 0; y < im.height; y++) {
                    for (int x = 0; x < im.width; x++, n++) {
                        uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)(x * channels);
                        int c = n % counts[i];
                        uint8_t rgba[4] = {(uint8_t)(c * 7), (uint8_t)(c / 2), (uint8_t)(c >> 8),
                            c % 3 ? 255 : 10};
                        memcpy(p, rgba, (size_t)channels);
                    }
                }
                si_encode_params p = si_codec_defaults(SI_FORMAT_PNG, &im);
                p.progressive = interlace;
                p.effort = 8;
                si_bytes file = encode(SI_FORMAT_PNG, &im, &p);
                si_image back = decode(SI_FORMAT_PNG, &file);
                assert_true(psnr(&im, &back) == 99);
                assert_int_equal(file.data[25] == 3, counts[i] <= 256); /* colour type */
                assert_int_equal(file.data[28], interlace);
                si_image_free(&back);
                si_bytes_free(&file);
                si_image_free(&im);
            }
        }
    }
}

static bool contains(const si_bytes *b, const char *text) {
    return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static void test_gif_dithers_to_the_mean(void **state) {
    (void)state;
    if (!available(SI_FORMAT_GIF)) {
        skip();
    }
    si_image im = draw(333, 251, RGB);
    si_encode_params p = si_codec_defaults(SI_FORMAT_GIF, &im);
    si_bytes file = encode(SI_FORMAT_GIF, &im, &p);
    si_image back = decode(SI_FORMAT_GIF, &file);
    double drift[3] = {0};
    for (int y = 0; y < im.height; y++) {
        for (int x = 0; x < im.width; x++) {
            for (int c = 0; c < 3; c++) {
                drift[c] += at(&im, x, y)[c] - at(&back, x, y)[c];
            }
        }
    }
    for (int c = 0; c < 3; c++) {
        double mean = drift[c] / (im.width * im.height);
        if (fabs(mean) > 0.5) {
            fail_msg("component %d drifts by %.2f", c, mean);
        }
    }
    si_image_free(&back);
    si_bytes_free(&file);
    si_image_free(&im);
}

static void test_gif_keeps_few_colours_and_key(void **state) {
    (void)state;
    if (!available(SI_FORMAT_GIF)) {
        skip();
    }
    static const int counts[] = {1, 2, 100, 255};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        si_image im = {0};
        assert_int_equal(si_image_alloc(&im, 40, 30, 4, NULL), SI_OK);
        for (int n = 0; n < 40 * 30; n++) {
            uint8_t *p = im.pixels + (size_t)(n / 40) * im.stride + (size_t)(n % 40) * 4;
            int c = n % counts[i];
            uint8_t rgba[4] = {(uint8_t)c, (uint8_t)(c * 3), 7, n % 7 == 3 ? 127 : 128};
            memcpy(p, rgba, 4);
        }
        si_encode_params p = si_codec_defaults(SI_FORMAT_GIF, &im);
        si_bytes file = encode(SI_FORMAT_GIF, &im, &p);
        si_image back = decode(SI_FORMAT_GIF, &file);
        key_alpha(&im);
        assert_true(psnr(&im, &back) == 99);
        si_image_free(&back);
        si_bytes_free(&file);
        si_image_free(&im);
    }
}

static void test_tags(void **state) {
    (void)state;
    si_image im = draw(64, 64, RGB);
    uint8_t icc[200] = {0, 0, 0, 200};
    memcpy(icc + 36, "acsp", 4);
    memcpy(icc + 12, "mntrRGB XYZ ", 12);
    if (available(SI_FORMAT_JPEG)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, &im);
        p.dpi = 300;
        p.icc = icc;
        p.icc_len = sizeof icc;
        si_bytes file = encode(SI_FORMAT_JPEG, &im, &p);
        assert_memory_equal(file.data + 13, "\1\1\x2c\1\x2c", 5);
        assert_true(contains(&file, "ICC_PROFILE"));
        si_bytes_free(&file);
    }
    if (available(SI_FORMAT_PNG)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_PNG, &im);
        p.dpi = 300;
        si_bytes file = encode(SI_FORMAT_PNG, &im, &p);
        assert_non_null(memmem(file.data, file.len, "pHYs\0\0\x2e\x23\0\0\x2e\x23\1", 13));
        si_bytes_free(&file);
    }
    si_image_free(&im);
}

static void test_too_large_is_a_limit(void **state) {
    (void)state;
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, 16384, 1, 3, NULL), SI_OK);
    if (available(SI_FORMAT_WEBP)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_WEBP, &im);
        si_bytes out = {0};
        si_diag diag = {0};
        assert_int_equal(si_codec_encode(SI_FORMAT_WEBP, &im, &p, &out, &diag), SI_ERR_LIMIT);
        assert_null(out.data);
    }
    si_image_free(&im);
    assert_int_equal(si_image_alloc(&im, 65535, 1, 3, NULL), SI_OK);
    if (available(SI_FORMAT_JPEG)) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, &im);
        si_bytes out = {0};
        assert_int_equal(si_codec_encode(SI_FORMAT_JPEG, &im, &p, &out, NULL), SI_ERR_LIMIT);
    }
    si_image_free(&im);
}

static void expect_clean_failure(si_format f, const uint8_t *data, size_t len, bool may_decode) {
    si_image out = {0};
    si_diag diag = {0};
    /* A heap copy of the exact size, so that a sanitizer sees reads past its end. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    si_result r = si_codec_decode(f, copy, len, &out, &diag);
    if (r == SI_OK && may_decode) {
        si_image_free(&out);
    } else {
        assert_true(r == SI_ERR_SOURCE || r == SI_ERR_LIMIT || r == SI_ERR_MEMORY);
        assert_int_equal(diag.code, r);
        assert_null(out.pixels);
    }
    free(copy);
}

static void test_garbage_fails_cleanly(void **state) {
    (void)state;
    si_image im = draw(64, 64, RGBA);
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        if (!available(f) || !si_codec_get(f)->decodes) {
            continue;
        }
        si_encode_params p = si_codec_defaults(f, &im);
        si_bytes file = encode(f, &im, &p);
        uint8_t random[4000];
        uint32_t seed = (uint32_t)f + 1;
        for (size_t i = 0; i < sizeof random; i++) {
            seed = seed * 1664525u + 1013904223u;
            random[i] = (uint8_t)(seed >> 24);
        }
        expect_clean_failure(f, random, sizeof random, false);
        expect_clean_failure(f, random, 1, false);
        expect_clean_failure(f, random, 0, false);
        memcpy(random, file.data, 64 < file.len ? 64 : file.len); /* a good start only */
        expect_clean_failure(f, random, sizeof random, true);
        for (size_t len = 1; len < file.len; len += 1 + file.len / 40) {
            /* Formats made for progressive display may show what they have. */
            expect_clean_failure(f, file.data, len, len > file.len / 4);
        }
        si_bytes_free(&file);
    }
    si_image_free(&im);
}

static void test_every_format_has_facts(void **state) {
    (void)state;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const si_codec_info *info = si_codec_get(f);
        assert_int_equal(info->format, f);
        assert_non_null(info->library);
        if (info->available) {
            print_message("%-5s %s\n", si_format_name(f), info->library);
            assert_true(info->quality_max > info->quality_min);
            assert_true(info->quality_step > 0);
        } else {
            si_image im = draw(2, 2, RGB);
            si_encode_params p = si_codec_defaults(f, &im);
            si_bytes out = {0};
            assert_int_equal(si_codec_encode(f, &im, &p, &out, NULL), SI_ERR_UNSUPPORTED);
            si_image_free(&im);
        }
    }
}

/* Colour may be lossy, alpha may not, but where codec.h says so: hard and soft alpha, and noise. */
static void test_alpha_is_exact_beside_lossy_colour(void **state) {
    (void)state;
    enum { HARD, SOFT, NOISE, ALPHAS };
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const si_codec_info *codec = si_codec_get((si_format)f);
        if (!codec->available || !codec->decodes || !keeps_alpha((si_format)f) ||
            f == SI_FORMAT_GIF || f == SI_FORMAT_TIFF || codec->blurs_alpha) {
            continue; /* those two are not lossy */
        }
        for (int i = 0; i < ALPHAS * 2 * 3; i++) {
            int which = i % ALPHAS, size = i / ALPHAS % 2;
            uint32_t noise = 5;
            si_image im = draw(size ? 270 : 33, size ? 260 : 17, RGBA), back = {0};
            for (int k = 0; k < im.width * im.height; k++) {
                noise = noise * 1664525u + 1013904223u;
                uint8_t *p =
                    im.pixels + (size_t)(k / im.width) * im.stride + (size_t)(k % im.width) * 4;
                p[3] = which == HARD   ? (p[3] > 200 ? 255 : 0)
                       : which == SOFT ? (uint8_t)(k % im.width * 255 / im.width)
                                       : (uint8_t)(noise >> 24);
            }
            si_encode_params p = si_codec_defaults((si_format)f, &im);
            p.quality = (float)(i / ALPHAS / 2) * 40;
            si_bytes file = {0};
            assert_int_equal(si_codec_encode((si_format)f, &im, &p, &file, NULL), SI_OK);
            assert_int_equal(
                si_codec_decode((si_format)f, file.data, file.len, &back, NULL), SI_OK);
            assert_int_equal(back.channels, 4);
            for (int k = 0; k < im.width * im.height; k++) {
                int x = k % im.width, y = k / im.width;
                if (at(&im, x, y)[3] != at(&back, x, y)[3]) {
                    fail_msg("%s quality %g alpha %d: %d instead of %d at %d,%d",
                        si_format_name((si_format)f), (double)p.quality, which, at(&back, x, y)[3],
                        at(&im, x, y)[3], x, y);
                }
            }
            si_bytes_free(&file);
            si_image_free(&back);
            si_image_free(&im);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_has_facts),
        cmocka_unit_test(test_sizes_and_kinds),
        cmocka_unit_test(test_lossless_is_exact),
        cmocka_unit_test(test_quality_is_monotone),
        cmocka_unit_test(test_every_effort_and_tune_works),
        cmocka_unit_test(test_own_knobs_change_the_file),
        cmocka_unit_test(test_png_keeps_few_colours_small),
        cmocka_unit_test(test_gif_dithers_to_the_mean),
        cmocka_unit_test(test_gif_keeps_few_colours_and_key),
        cmocka_unit_test(test_alpha_is_exact_beside_lossy_colour),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_too_large_is_a_limit),
        cmocka_unit_test(test_garbage_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
