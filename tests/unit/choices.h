/* Pictures drawn here, and what is chosen to be sent of them, checked against the rules of
 * choose.h: it is decoded and scored anew, without anything of what the search says of itself. */
#ifndef SI_TESTS_CHOICES_H
#define SI_TESTS_CHOICES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quality/choose.h"
#include "quality/ssimulacra2.h"

/* ---- pictures ---- */

static inline uint32_t noise(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 24;
}

/* Hills, a bright disc and grain: like a photograph. */
static inline si_image photo(int width, int height) {
    si_image im = {0};
    uint32_t state = 7;
    assert_int_equal(si_image_alloc(&im, width, height, 3, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double u = (double)x / width, v = (double)y / height;
            double hills = sin(u * 19 + sin(v * 23) * 2) * cos(v * 31 + u * 7);
            double disc = hypot(u - 0.6, v - 0.4) < 0.2 ? 60 : 0;
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * 3;
            for (int k = 0; k < 3; k++) {
                double c = 100 + hills * (30 + 15 * k) + disc * (k == 0) + noise(&state) % 14;
                p[k] = (uint8_t)fmin(fmax(c, 0), 255);
            }
        }
    }
    return im;
}

/* Bars and blocks in four colours on white: a drawing. With `alpha`, the white is transparent. */
static inline si_image drawing(int width, int height, bool alpha) {
    static const uint8_t colours[4][3] = {{200, 30, 30}, {20, 20, 160}, {0, 0, 0}, {250, 200, 0}};
    si_image im = {0};
    int channels = alpha ? 4 : 3;
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * (size_t)channels;
            bool ink = (x / 7 + y / 5) % 4 == 0 && x > width / 4 && y > height / 4;
            memcpy(p, ink ? colours[(x / 40 + y / 30) % 4] : (const uint8_t[]){255, 255, 255}, 3);
            if (alpha) {
                p[3] = ink ? 255 : 0;
            }
        }
    }
    return im;
}

static inline si_image grey(int width, int height) {
    si_image im = photo(width, height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * 3;
            p[0] = p[2] = p[1];
        }
    }
    im.grey = true;
    return im;
}

/* A page of "text": glyphs of 5×7 pixels from a small alphabet on white, and a coloured bar. What
 * repeats like this costs lossless coders next to nothing, and lossy ones every edge. */
static inline si_image page(int width, int height, bool rich) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, width, height, 3, NULL), SI_OK);
    uint32_t state = 3, glyphs[26][7], line[512];
    for (int i = 0; i < 26 * 7; i++) {
        glyphs[i / 7][i % 7] = noise(&state) & 31;
    }
    for (int y = 0; y < height; y++) {
        if (y % 10 == 0) {
            for (int i = 0; i < 512; i++) {
                line[i] = noise(&state) % 32;
            }
        }
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * 3;
            uint32_t glyph = line[x / 6 % 512];
            bool ink =
                glyph < 26 && y % 10 < 7 && x % 6 < 5 && (glyphs[glyph][y % 10] >> x % 6 & 1);
            memset(p, 255, 3);
            for (uint32_t k = 0; ink && k < 3;
                 k++) { /* each line in its own; rich: more than a palette holds */
                p[k] = (uint8_t)(line[k] * 5 + (rich ? glyph * (k + 1) : 0));
            }
            if (y < height / 10) {
                p[0] = ink ? 255 : 40;
                p[1] = ink ? 255 : 90;
            }
        }
    }
    return im;
}

/* ---- choosing and checking ---- */

static inline si_recipe request(si_format format, int quality) {
    si_recipe r;
    si_recipe_init(&r);
    r.format = format;
    r.quality = quality;
    r.smart = true;
    return r;
}

static inline void add_rung(si_recipe *r, si_format format) {
    if (si_codec_get(format)->available) {
        r->ladder[r->ladder_len++] = format;
    }
}

static inline double score_of(const si_image *im, si_format format, const si_bytes *file) {
    si_score_ref *ref = NULL;
    si_image decoded = {0};
    double score = NAN;
    assert_int_equal(si_score_ref_new(im, SI_SCORE_ON_BLACK_AND_WHITE, &ref, NULL), SI_OK);
    assert_int_equal(si_codec_decode(format, file->data, file->len, &decoded, NULL), SI_OK);
    assert_int_equal(decoded.width, im->width);
    assert_int_equal(decoded.height, im->height);
    assert_int_equal(si_score_against(ref, &decoded, &score, NULL), SI_OK);
    si_image_free(&decoded);
    si_score_ref_free(ref);
    return score;
}

/* What every choice has to keep to. */
static inline void check_choice(const si_recipe *r, const si_image *im, const si_choice *c) {
    const si_candidate *requested = &c->candidates[c->requested],
                       *winner = &c->candidates[c->winner];
    assert_true(requested->requested);
    assert_int_equal(requested->format, r->format);
    assert_int_equal(c->body.len, winner->bytes);
    assert_int_equal(c->format, winner->format);
    assert_true(c->body.len <= requested->bytes);
    if (c->winner != c->requested) {
        assert_int_equal(c->saved, (long)requested->bytes - (long)c->body.len);
        assert_true(c->saved > 0);
        double score = score_of(im, c->format, &c->body);
        assert_true(score >= c->target - SI_SCORE_SLACK - 1e-6);
        assert_true(fabs(score - c->score) < 1e-3);
    } else {
        assert_true(c->saved <= 0);
    }
    for (int i = 0; i < c->candidate_count; i++) { /* the smallest good one wins */
        const si_candidate *k = &c->candidates[i];
        if (!k->requested && k->score >= c->target - SI_SCORE_SLACK && k->bytes > 0 &&
            (r->format != SI_FORMAT_PNG || r->quality < 100 || k->params.lossless)) {
            assert_true(c->body.len <= k->bytes);
            assert_true(
                k->format == r->format || c->saved >= (long)requested->bytes - (long)k->bytes);
        }
    }
}

static inline si_choice choose(const si_recipe *r, const si_image *im, bool refined) {
    si_choice c = {0};
    si_diag diag = {0};
    si_choose_options how = {.tier = refined ? SI_TIER_BEST : SI_TIER_FAST};
    assert_int_equal(si_choose(r, im, &how, &c, &diag), SI_OK);
    check_choice(r, im, &c);
    return c;
}

#endif
