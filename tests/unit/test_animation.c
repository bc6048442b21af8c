/* Animations: what goes in frame by frame is what a player shows, in every format. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/animation.h"

enum { WIDTH = 61, HEIGHT = 47, FRAMES = 7 };

static const si_format formats[] = {SI_FORMAT_GIF, SI_FORMAT_WEBP, SI_FORMAT_AVIF};

/* A square that walks over flat colours; with alpha over nothing, so that it must be wiped. */
static si_image draw(int index, int channels, int width, int height) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)(x * channels);
            bool inside = x >= 5 * index && x < 5 * index + 20 && y >= 10 && y < 30;
            const uint8_t on[4] = {200, 40, (uint8_t)(20 * index), 255}, off[4] = {30, 60, 90, 255};
            if (inside || channels == 3) {
                memcpy(p, inside ? on : off, (size_t)channels);
            }
        }
    }
    return im;
}

static si_bytes write_file(si_format f, int channels, int frames, int plays) {
    si_image first = draw(0, channels, WIDTH, HEIGHT);
    si_encode_params p = si_codec_defaults(f, &first);
    p.lossless = true;
    si_image_free(&first);
    si_animation *a = NULL;
    si_bytes out = {0};
    si_diag diag = {0};
    assert_int_equal(si_animation_begin(f, &p, plays, &a, &diag), SI_OK);
    for (int i = 0; i < frames; i++) {
        si_image frame = draw(i, channels, WIDTH, HEIGHT);
        if (si_animation_add(a, &frame, 100 + 10 * i, &diag) != SI_OK) {
            fail_msg("%s frame %d: %s", si_format_name(f), i, diag.text);
        }
        si_image_free(&frame);
    }
    if (si_animation_end(a, &out, &diag) != SI_OK) {
        fail_msg("%s: %s", si_format_name(f), diag.text);
    }
    si_animation_free(a);
    return out;
}

/* Compares what a player shows with what was drawn. */
typedef struct check {
    si_format format;
    int channels, seen;
} check;

static si_result on_frame(
    void *context, const si_image *frame, int index, int delay_ms, si_diag *diag) {
    (void)diag;
    check *c = context;
    si_image want = draw(index, c->channels, WIDTH, HEIGHT);
    assert_int_equal(frame->width, WIDTH);
    assert_int_equal(frame->height, HEIGHT);
    assert_int_equal(delay_ms, 100 + 10 * index);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            const uint8_t *p =
                frame->pixels + (size_t)y * frame->stride + (size_t)(x * frame->channels);
            const uint8_t *q = want.pixels + (size_t)y * want.stride + (size_t)(x * want.channels);
            int alpha = want.channels == 4 ? q[3] : 255;
            assert_int_equal(frame->channels == 4 ? p[3] : 255, alpha);
            for (int k = 0; alpha > 0 && k < 3; k++) {
                if (abs(p[k] - q[k]) > 0) {
                    fail_msg("%s frame %d at %d,%d: %d instead of %d", si_format_name(c->format),
                        index, x, y, p[k], q[k]);
                }
            }
        }
    }
    si_image_free(&want);
    c->seen++;
    return SI_OK;
}

static void test_players_show_every_frame(void **state) {
    (void)state;
    for (size_t i = 1; i < sizeof formats / sizeof *formats; i++) { /* GIF: in test_render */
        for (int channels = 3; channels <= 4; channels++) {
            if (!si_animation_available(formats[i])) {
                continue;
            }
            si_bytes file = write_file(formats[i], channels, FRAMES, 0);
            check c = {formats[i], channels, 0};
            int plays = -1, frames = 0;
            si_diag diag = {0};
            assert_int_equal(si_animation_decode(formats[i], file.data, file.len, on_frame, &c,
                                 &plays, &frames, &diag),
                SI_OK);
            assert_int_equal(plays, 0);
            assert_int_equal(frames, FRAMES);
            assert_int_equal(c.seen, FRAMES);
            si_bytes_free(&file);
        }
    }
}

/* ---- alpha beside lossy colour ---- */

/* A soft shade that moves on; its colour is busy, so that it cannot survive a low quality. */
static si_image draw_shade(int index) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, WIDTH, HEIGHT, 4, NULL), SI_OK);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)(x * 4);
            int alpha = 300 - 9 * (abs(x - 10 - 6 * index) + abs(y - 20));
            p[0] = (uint8_t)(x * 37);
            p[1] = (uint8_t)(y * 53);
            p[2] = (uint8_t)(x * y);
            p[3] = (uint8_t)(alpha < 0 ? 0 : alpha > 255 ? 255 : alpha);
        }
    }
    return im;
}

static si_result on_shade(
    void *context, const si_image *frame, int index, int delay_ms, si_diag *diag) {
    (void)delay_ms;
    (void)diag;
    check *c = context;
    si_image want = draw_shade(index);
    assert_int_equal(frame->channels, 4);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            int got = frame->pixels[(size_t)y * frame->stride + (size_t)(x * 4 + 3)];
            int alpha = want.pixels[(size_t)y * want.stride + (size_t)(x * 4 + 3)];
            if (got != alpha) {
                fail_msg("%s frame %d at %d,%d: alpha %d instead of %d", si_format_name(c->format),
                    index, x, y, got, alpha);
            }
        }
    }
    si_image_free(&want);
    c->seen++;
    return SI_OK;
}

static void test_alpha_is_exact_beside_lossy_colour(void **state) {
    (void)state;
    for (size_t i = 1; i < sizeof formats / sizeof *formats; i++) {
        for (int quality = 10; quality <= 90 && si_animation_available(formats[i]); quality += 40) {
            si_image first = draw_shade(0);
            si_encode_params p = si_codec_defaults(formats[i], &first);
            p.quality = (float)quality;
            si_animation *a = NULL;
            si_bytes file = {0};
            assert_int_equal(si_animation_begin(formats[i], &p, 0, &a, NULL), SI_OK);
            for (int k = 0; k < FRAMES; k++) {
                si_image frame = draw_shade(k);
                assert_int_equal(si_animation_add(a, &frame, 100, NULL), SI_OK);
                si_image_free(&frame);
            }
            assert_int_equal(si_animation_end(a, &file, NULL), SI_OK);
            check c = {formats[i], 4, 0};
            assert_int_equal(si_animation_decode(
                                 formats[i], file.data, file.len, on_shade, &c, NULL, NULL, NULL),
                SI_OK);
            assert_int_equal(c.seen, FRAMES);
            si_animation_free(a);
            si_bytes_free(&file);
            si_image_free(&first);
        }
    }
}

static const uint8_t *find(const si_bytes *b, const char *what, size_t len) {
    return memmem(b->data, b->len, what, len);
}

/* Equal animations are equal files, whatever the clock says. */
static void test_avif_tells_no_time(void **state) {
    (void)state;
    if (!si_animation_available(SI_FORMAT_AVIF)) {
        skip();
    }
    si_bytes file = write_file(SI_FORMAT_AVIF, 3, FRAMES, 0);
    static const char *const headers[] = {"mvhd", "tkhd", "mdhd"};
    static const uint8_t none[16] = {0};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const uint8_t *at = memmem(file.data, file.len, headers[i], 4);
        assert_non_null(at);
        assert_memory_equal(at + 8, none, at[4] == 1 ? 16 : 8);
    }
    si_bytes_free(&file);
}

static void test_gif_says_how_often(void **state) {
    (void)state;
    si_bytes file = write_file(SI_FORMAT_GIF, 3, 2, 1);
    assert_null(find(&file, "NETSCAPE2.0", 11));
    si_bytes_free(&file);
    file = write_file(SI_FORMAT_GIF, 3, 2, 0);
    const uint8_t *p = find(&file, "NETSCAPE2.0", 11);
    assert_non_null(p);
    assert_memory_equal(p + 11, "\3\1\0\0", 5);
    si_bytes_free(&file);
    file = write_file(SI_FORMAT_GIF, 3, 2, 4);
    assert_memory_equal(find(&file, "NETSCAPE2.0", 11) + 11, "\3\1\3\0", 5);
    si_bytes_free(&file);
}

static void test_gif_draws_only_what_changes(void **state) {
    (void)state;
    si_bytes one = write_file(SI_FORMAT_GIF, 3, 1, 0),
             all = write_file(SI_FORMAT_GIF, 3, FRAMES, 0);
    /* the second frame is 25 columns from x = 0, 20 rows from y = 10 */
    assert_non_null(find(&all, ",\0\0\x0a\0\x19\0\x14\0", 9));
    assert_true(all.len < one.len * FRAMES);
    si_bytes_free(&one);
    si_bytes_free(&all);
}

static void test_mistakes_fail_cleanly(void **state) {
    (void)state;
    si_diag diag = {0};
    si_animation *a = NULL;
    si_encode_params p = {0};
    assert_int_equal(si_animation_begin(SI_FORMAT_PNG, &p, 0, &a, &diag), SI_ERR_UNSUPPORTED);
    assert_null(a);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!si_animation_available(formats[i])) {
            continue;
        }
        si_bytes out = {0};
        diag = (si_diag){0};
        assert_int_equal(si_animation_begin(formats[i], &p, 0, &a, &diag), SI_OK);
        assert_int_equal(si_animation_end(a, &out, &diag), SI_ERR_INTERNAL); /* no frames */
        si_image one = draw(0, 3, 8, 8), other = draw(0, 3, 8, 9);
        diag = (si_diag){0};
        assert_int_equal(si_animation_add(a, &one, 10, &diag), SI_OK);
        assert_int_equal(si_animation_add(a, &other, 10, &diag), SI_ERR_INTERNAL);
        si_image_free(&one);
        si_image_free(&other);
        si_animation_free(a); /* never ended */
        uint8_t garbage[100] = "RIFF";
        diag = (si_diag){0};
        si_result r = si_animation_decode(
            formats[i], garbage, sizeof garbage, on_frame, NULL, NULL, NULL, &diag);
        assert_true(r == SI_ERR_SOURCE || r == SI_ERR_UNSUPPORTED);
        assert_int_equal(diag.code, r);
    }
    si_animation_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_players_show_every_frame),
        cmocka_unit_test(test_alpha_is_exact_beside_lossy_colour),
        cmocka_unit_test(test_avif_tells_no_time),
        cmocka_unit_test(test_gif_says_how_often),
        cmocka_unit_test(test_gif_draws_only_what_changes),
        cmocka_unit_test(test_mistakes_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
