/* The rules of choose.h, on pictures drawn here: what is sent is decoded and scored anew, without
 * anything of what the search says of itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/sanitize.h"
#include "quality/choose.h"
#include "quality/predict.h"
#include "quality/predict.h"
#include "quality/search.h"
#include "quality/ssimulacra2.h"

/* ---- pictures ---- */

static uint32_t noise(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 24;
}

/* Hills, a bright disc and grain: like a photograph. */
static si_image photo(int width, int height) {
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
static si_image drawing(int width, int height, bool alpha) {
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

static si_image grey(int width, int height) {
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

/* ---- choosing and checking ---- */

static si_recipe request(si_format format, int quality) {
    si_recipe r;
    si_recipe_init(&r);
    r.format = format;
    r.quality = quality;
    r.smart = true;
    return r;
}

static void add_rung(si_recipe *r, si_format format) {
    if (si_codec_get(format)->available) {
        r->ladder[r->ladder_len++] = format;
    }
}

static double score_of(const si_image *im, si_format format, const si_bytes *file) {
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
static void check(const si_recipe *r, const si_image *im, const si_choice *c) {
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

static si_choice choose(const si_recipe *r, const si_image *im, bool full) {
    si_choice c = {0};
    si_diag diag = {0};
    si_choose_options how = {.tier = full ? SI_TIER_BEST : SI_TIER_GOOD};
    assert_int_equal(si_choose(r, im, &how, &c, &diag), SI_OK);
    check(r, im, &c);
    return c;
}

/* ---- tests ---- */

static void photo_in_every_format(void **state) {
    (void)state;
    static const si_format formats[] = {
        SI_FORMAT_AVIF, SI_FORMAT_WEBP, SI_FORMAT_JXL, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_image im = photo(160, 120);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        for (int quality = 40; quality <= 95; quality += 55) {
            si_recipe r = request(SI_FORMAT_JPEG, quality);
            add_rung(&r, formats[i]);
            si_choice fast = choose(&r, &im, false), full = choose(&r, &im, true);
            assert_false(fast.complete);
            assert_true(full.complete);
            for (int k = 1; k < fast.candidate_count; k++) { /* SI-22 */
                assert_true(!fast.candidates[k].params.lossless || fast.score < fast.target);
            }
            si_choice_free(&fast);
            si_choice_free(&full);
        }
    }
    si_image_free(&im);
}

static void photo_is_smaller(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choice fast = choose(&r, &im, false), full = choose(&r, &im, true);
    assert_int_equal(fast.format, SI_FORMAT_AVIF);
    assert_true(fast.saved > 0);
    assert_true(full.body.len <= fast.body.len);
    assert_true(fast.candidate_count <= 5);
    si_choice_free(&fast);
    si_choice_free(&full);
    si_image_free(&im);
}

static void equal_requests_equal_parameters(void **state) {
    (void)state;
    si_image im = photo(200, 200);
    si_recipe r = request(SI_FORMAT_JPEG, 80);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choice first = choose(&r, &im, false), second = choose(&r, &im, false);
    assert_int_equal(first.candidate_count, second.candidate_count);
    for (int i = 0; i < first.candidate_count; i++) {
        assert_string_equal(first.candidates[i].settings, second.candidates[i].settings);
    }
    assert_int_equal(first.body.len, second.body.len);
    assert_memory_equal(first.body.data, second.body.data, first.body.len);
    si_choice_free(&first);
    si_choice_free(&second);
    si_image_free(&im);
}

static void png_at_100_stays_exact(void **state) { /* SI-24 */
    (void)state;
    for (int alpha = 0; alpha <= 1; alpha++) {
        si_image im = drawing(150, 120, alpha);
        si_recipe r = request(SI_FORMAT_PNG, 100);
        r.alpha = alpha;
        add_rung(&r, SI_FORMAT_AVIF);
        add_rung(&r, SI_FORMAT_WEBP);
        add_rung(&r, SI_FORMAT_JXL);
        for (int full = 0; full <= 1; full++) {
            si_choice c = choose(&r, &im, full);
            assert_true(score_of(&im, c.format, &c.body) == 100);
            for (int i = 1; i < c.candidate_count; i++) {
                assert_true(c.candidates[i].params.lossless);
            }
            si_choice_free(&c);
        }
        si_image_free(&im);
    }
}

static void png_becomes_lossy(void **state) { /* SI-23 */
    (void)state;
    si_image im = photo(200, 150);
    si_recipe r = request(SI_FORMAT_PNG, 80);
    add_rung(&r, SI_FORMAT_AVIF);
    si_choice c = choose(&r, &im, false);
    assert_int_equal(c.format, SI_FORMAT_AVIF);
    assert_false(c.candidates[c.winner].params.lossless);
    assert_true(c.body.len * 4 < c.candidates[0].bytes);
    si_choice_free(&c);
    si_image_free(&im);
}

/* Where lossless competes, near-lossless modes are tried and scored, too; check() sees to the rest.
 */
static void drawing_may_be_near_lossless(void **state) {
    (void)state;
    si_image im = drawing(120, 90, false);
    si_recipe r = request(SI_FORMAT_PNG, 90);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choice c = choose(&r, &im, true);
    int near = 0;
    for (int i = 1; i < c.candidate_count; i++) {
        const si_candidate *k = &c.candidates[i];
        near += k->params.lossless && k->params.webp.set && k->params.webp.near_lossless >= 0;
        assert_true(!k->params.lossless || k->score > 0);
    }
    assert_true(r.ladder_len == 0 || near > 0);
    si_choice_free(&c);
    si_image_free(&im);
}

/* Trials are marked, and quicker than what they are for. */
static void trials_are_quick(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choice c = choose(&r, &im, false);
    int trials = 0;
    for (int i = 1; i < c.candidate_count; i++) {
        trials += c.candidates[i].trial;
        assert_false(c.candidates[i].trial && i + 1 == c.candidate_count);
        assert_true(!c.candidates[i].trial || c.candidates[i].params.effort < 6);
    }
    assert_true(r.ladder_len == 0 || trials > 0);
    si_choice_free(&c);
    si_image_free(&im);
}

static void alpha_survives(void **state) { /* SI-56 */
    (void)state;
    si_image im = drawing(160, 120, true);
    si_recipe r = request(SI_FORMAT_PNG, 80);
    r.alpha = true;
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    for (int full = 0; full <= 1; full++) {
        si_choice c = choose(&r, &im, full);
        si_image decoded = {0};
        assert_int_equal(si_codec_decode(c.format, c.body.data, c.body.len, &decoded, NULL), SI_OK);
        assert_true(si_image_has_transparency(&decoded));
        si_image_free(&decoded);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

static void grey_picture(void **state) {
    (void)state;
    si_image im = grey(160, 120);
    si_recipe r = request(SI_FORMAT_JPEG, 80);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    for (int full = 0; full <= 1; full++) {
        si_choice c = choose(&r, &im, full);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

static void tiny_pictures(void **state) {
    (void)state;
    for (int side = 1; side <= 17; side += side < 4 ? 1 : 6) {
        for (int png = 0; png <= 1; png++) {
            si_image im = photo(side, side);
            si_recipe r = request(png ? SI_FORMAT_PNG : SI_FORMAT_JPEG, 75);
            add_rung(&r, SI_FORMAT_AVIF);
            add_rung(&r, SI_FORMAT_WEBP);
            add_rung(&r, SI_FORMAT_JXL);
            for (int full = 0; full <= 1; full++) {
                si_choice c = choose(&r, &im, full);
                si_choice_free(&c);
            }
            si_image_free(&im);
        }
    }
}

static void better_jpeg(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    si_choice fast = choose(&r, &im, false), full = choose(&r, &im, true);
    assert_int_equal(fast.format, SI_FORMAT_JPEG);
    assert_true(fast.saved > 0);
    assert_true(full.saved >= fast.saved);
    si_choice_free(&fast);
    si_choice_free(&full);
    r.smart = false; /* then the plain JPEG, unscored */
    si_choice plain = choose(&r, &im, false);
    assert_int_equal(plain.candidate_count, 1);
    assert_true(plain.complete);
    assert_true(isnan(plain.target));
    assert_int_equal(plain.saved, 0);
    si_choice_free(&plain);
    si_image_free(&im);
}

/* A JPEG of this drawing scores far below what anyone would call the picture. */
static void png_of_a_small_drawing_stays_fair(void **state) {
    (void)state;
    si_image im = drawing(24, 24, true);
    si_recipe r = request(SI_FORMAT_PNG, 1);
    r.alpha = true;
    add_rung(&r, SI_FORMAT_WEBP);
    for (int full = 0; full <= 1; full++) {
        si_choice c = choose(&r, &im, full);
        assert_true(c.target >= SI_SCORE_PNG_LEAST);
        assert_true(c.score >= SI_SCORE_PNG_LEAST - SI_SCORE_SLACK);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

static void refined_is_never_larger(void **state) {
    (void)state;
    const struct {
        si_image image;
        si_format format;
        int quality;
    } cases[] = {{photo(110, 80), SI_FORMAT_JPEG, 85}, {photo(31, 47), SI_FORMAT_JPEG, 60},
        {drawing(110, 80, false), SI_FORMAT_JPEG, 90}, {drawing(110, 80, true), SI_FORMAT_PNG, 80},
        {grey(90, 70), SI_FORMAT_JPEG, 75}};
    static const si_format formats[] = {SI_FORMAT_AVIF, SI_FORMAT_WEBP, SI_FORMAT_JXL,
        SI_FORMAT_JP2, SI_FORMAT_JXR, SI_FORMAT_JPEG};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        si_image im = cases[i].image;
        if (SI_SANITIZED && i % 3 != 1) { /* ten times as slow, and not what is looked for there */
            si_image_free(&im);
            continue;
        }
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
            si_recipe r = request(cases[i].format, cases[i].quality);
            r.alpha = im.channels == 4;
            if (formats[k] != SI_FORMAT_JPEG) {
                add_rung(&r, formats[k]);
            }
            si_choice fast = choose(&r, &im, false), full = choose(&r, &im, true);
            assert_true(full.body.len <= fast.body.len);
            si_choice_free(&fast);
            si_choice_free(&full);
        }
        si_image_free(&im);
    }
}

/* Slow encodings must not begin where they cannot end in time: what is good so far is sent. */
static void deadline_leaves_the_best_so_far(void **state) {
    (void)state;
    struct timespec t;
    si_image im = photo(640, 480);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    const int64_t second = 1000000000;
    long saved = 0;
    for (int seconds = 2; saved == 0 && seconds < 100;
         seconds *= 2) { /* until there is time for one */
        clock_gettime(CLOCK_MONOTONIC, &t);
        si_choose_options how = {
            .tier = SI_TIER_BEST, .deadline_ns = (t.tv_sec + seconds) * second + t.tv_nsec};
        si_choice c = {0};
        si_diag diag = {0};
        assert_int_equal(si_choose(&r, &im, &how, &c, &diag), SI_OK);
        check(&r, &im, &c);
        for (int i = 1; seconds == 2 && i < c.candidate_count; i++) {
            bool slow = c.candidates[i].format == SI_FORMAT_AVIF; /* foreseen to take longer */
            assert_true(!slow || c.candidates[i].params.effort < 9);
        }
        saved = c.saved;
        si_choice_free(&c);
    }
    assert_true(saved > 0);
    si_image_free(&im);
}

/* On a busy machine an encoding takes longer than its CPU time; one that would then be late does
 * not begin, and the choice says that another try may find more. */
static void busy_machines_end_earlier(void **state) {
    (void)state;
    struct timespec t;
    si_choice c = {.complete = true, .candidate_count = 1};
    si_search s = {.choice = &c, .budget_ms = 1e6};
    s.features.megapixels = 0.5;
    double cost = si_predict_cost(SI_FORMAT_AVIF, 6, &s.features);
    const double ample_ms = 60000; /* for this test to go on */
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    s.options.deadline_ns = now + (int64_t)((2 * cost + ample_ms) * 1e6);
    s.cpu_ms = s.wall_ms = 100;
    assert_true(si_search_affords(&s, SI_FORMAT_AVIF, 6, 1));
    assert_true(c.complete);
    s.wall_ms = 100 * (3 + ample_ms / cost);
    assert_false(si_search_affords(&s, SI_FORMAT_AVIF, 6, 1));
    assert_false(c.complete);
    c.complete = true; /* what no machine has time for is not asked for again */
    assert_false(si_search_affords(&s, SI_FORMAT_AVIF, 6, 1e3));
    assert_true(c.complete);
}

static void no_budget_no_conversion(void **state) {
    (void)state;
    si_image im = photo(640, 480);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    si_choose_options how = {.budget_ms = 1};
    si_choice c = {0};
    si_diag diag = {0};
    assert_int_equal(si_choose(&r, &im, &how, &c, &diag), SI_OK);
    check(&r, &im, &c);
    assert_int_equal(c.winner, c.requested);
    assert_int_equal(c.saved, 0);
    si_choice_free(&c);
    /* with a little more, WebP goes out where AVIF takes too long */
    add_rung(&r, SI_FORMAT_WEBP);
    how.budget_ms = 22;
    assert_int_equal(si_choose(&r, &im, &how, &c, &diag), SI_OK);
    check(&r, &im, &c);
    assert_int_not_equal(c.format, SI_FORMAT_AVIF);
    si_choice_free(&c);
    /* a deadline that has passed leaves the requested encoding */
    how = (si_choose_options){.tier = SI_TIER_BEST, .deadline_ns = 1};
    assert_int_equal(si_choose(&r, &im, &how, &c, &diag), SI_OK);
    assert_int_equal(c.candidate_count, 1);
    assert_false(c.complete);
    si_choice_free(&c);
    si_image_free(&im);
}

/* ---- graphics: lossless where that is smaller ---- */

/* A page of "text": glyphs of 5×7 pixels from a small alphabet on white, and a coloured bar. What
 * repeats like this costs lossless coders next to nothing, and lossy ones every edge. */
static si_image page(int width, int height, bool rich) {
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

static bool tried_lossless(const si_choice *c) {
    bool tried = false;
    for (int i = 1; i < c->candidate_count; i++) {
        tried |= c->candidates[i].params.lossless;
    }
    return tried;
}

static void text_is_sent_without_loss(void **state) {
    (void)state;
    static const si_format ladders[][2] = {
        {SI_FORMAT_WEBP, SI_FORMAT_WEBP}, {SI_FORMAT_AVIF, SI_FORMAT_WEBP}};
    si_image im = page(480, 300, false);
    for (size_t i = 0; i < 4 && si_codec_get(SI_FORMAT_WEBP)->available; i++) {
        si_recipe r = request(i % 2 ? SI_FORMAT_PNG : SI_FORMAT_JPEG, 85);
        add_rung(&r, ladders[i / 2][0]);
        if (i / 2 > 0) {
            add_rung(&r, ladders[i / 2][1]);
        }
        si_choice c = choose(&r, &im, false);
        assert_int_equal(c.format, SI_FORMAT_WEBP);
        assert_true(c.candidates[c.winner].params.lossless);
        assert_true(c.score == 100);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

static void photos_pay_for_no_lossless_trial(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    for (int png = 0; png <= 1; png++) {
        si_recipe r = request(png ? SI_FORMAT_PNG : SI_FORMAT_JPEG, 85);
        add_rung(&r, SI_FORMAT_AVIF);
        add_rung(&r, SI_FORMAT_WEBP);
        add_rung(&r, SI_FORMAT_JXL);
        si_choice c = choose(&r, &im, false);
        assert_false(tried_lossless(&c));
        si_choice_free(&c);
    }
    si_image_free(&im);
}

/* What a PNG was asked for is packed harder where nothing else is known, and png8 too. */
static void better_png(void **state) {
    (void)state;
    si_image pictures[] = {
        page(300, 200, true), photo(90, 60), photo(160, 120), drawing(200, 90, true)};
    long saved = 0;
    for (size_t i = 0; i < 4; i++) {
        const si_image *picture = &pictures[i];
        bool palette = i == 1;
        si_recipe r = request(SI_FORMAT_PNG, 85);
        r.palette = palette;
        r.smart = false;
        si_choice plain = choose(&r, picture, false);
        r.smart = true;
        si_choice c = choose(&r, picture, false);
        assert_int_equal(c.format, SI_FORMAT_PNG);
        assert_int_equal(c.candidate_count, 2);
        assert_true(c.body.len <= plain.body.len);
        saved += c.saved;
        si_image a = {0}, b = {0};
        assert_int_equal(
            si_codec_decode(SI_FORMAT_PNG, plain.body.data, plain.body.len, &a, NULL), SI_OK);
        assert_int_equal(si_codec_decode(SI_FORMAT_PNG, c.body.data, c.body.len, &b, NULL), SI_OK);
        for (int y = 0; y < a.height; y++) {
            assert_memory_equal(a.pixels + (size_t)y * a.stride, b.pixels + (size_t)y * b.stride,
                (size_t)(a.width * a.channels));
        }
        si_image_free(&a);
        si_image_free(&b);
        si_choice_free(&plain);
        si_choice_free(&c);
        si_image_free(&pictures[i]);
    }
    assert_true(saved > 0);
}

/* Whoever knows more formats gets no more bytes than who knows only JPEG. */
static void more_formats_never_cost_bytes(void **state) {
    (void)state;
    static const si_format formats[] = {
        SI_FORMAT_WEBP, SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_image pictures[] = {photo(320, 240), photo(150, 200), drawing(320, 240, false),
        grey(240, 240), page(300, 200, true)};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        for (int quality = 60; quality <= 95 && !(SI_SANITIZED && i > 0); quality += 35) {
            si_recipe plain = request(SI_FORMAT_JPEG, quality);
            si_choice jpeg = choose(&plain, &pictures[i], false);
            for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
                si_recipe r = request(SI_FORMAT_JPEG, quality);
                add_rung(&r, formats[k]);
                si_choice c = choose(&r, &pictures[i], false);
                if (c.body.len > jpeg.body.len) {
                    fail_msg("picture %zu quality %d: %s client %zu bytes, JPEG client %zu", i,
                        quality, si_format_name(formats[k]), c.body.len, jpeg.body.len);
                }
                si_choice_free(&c);
            }
            si_choice_free(&jpeg);
        }
        si_image_free(&pictures[i]);
    }
}

/* A photo with soft edges: colour wants to be lossy, alpha must not. */
static void alpha_is_exact(void **state) {
    (void)state;
    static const si_format formats[] = {
        SI_FORMAT_WEBP, SI_FORMAT_AVIF, SI_FORMAT_JXL, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_image opaque = photo(160, 120), im = {0};
    assert_int_equal(si_image_alloc(&im, 160, 120, 4, NULL), SI_OK);
    for (int i = 0; i < 160 * 120; i++) {
        uint8_t *p = im.pixels + (size_t)(i / 160) * im.stride + (size_t)(i % 160) * 4;
        memcpy(p, opaque.pixels + (size_t)(i / 160) * opaque.stride + (size_t)(i % 160) * 3, 3);
        double edge = 62 - hypot(i % 160 - 80, i / 160 - 60);
        p[3] = (uint8_t)fmin(fmax(edge * 16, 0), 255);
    }
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
        for (int how = 0; how < 4; how++) {
            si_recipe r = request(SI_FORMAT_PNG, how & 1 ? 85 : 30);
            r.alpha = true;
            add_rung(&r, formats[k]);
            si_choice c = choose(&r, &im, how & 2);
            si_image back = {0};
            assert_int_equal(
                si_codec_decode(c.format, c.body.data, c.body.len, &back, NULL), SI_OK);
            assert_int_equal(back.channels, 4);
            for (int i = 0; i < 160 * 120; i++) {
                assert_int_equal(
                    back.pixels[(size_t)(i / 160) * back.stride + (size_t)(i % 160) * 4 + 3],
                    im.pixels[(size_t)(i / 160) * im.stride + (size_t)(i % 160) * 4 + 3]);
            }
            si_image_free(&back);
            si_choice_free(&c);
        }
    }
    si_image_free(&opaque);
    si_image_free(&im);
}

/* A candidate whose alpha is not the picture's is not good, however well it scores. */
static void wrong_alpha_is_rejected(void **state) {
    (void)state;
    si_image im = drawing(160, 120, true);
    si_choice made = {.candidate_count = 1};
    si_search s = {.image = &im,
        .choice = &made,
        .best = -1,
        .requested = SI_FORMAT_PNG,
        .threshold = -1000,
        .budget_ms = 1e6};
    assert_int_equal(si_score_ref_new(&im, SI_SCORE_ON_BLACK_AND_WHITE, &s.reference, NULL), SI_OK);
    si_encode_params p = si_codec_defaults(SI_FORMAT_JP2, &im); /* blurs alpha */
    p.quality = 20;
    if (si_codec_get(SI_FORMAT_JP2)->available) {
        const si_candidate *c = si_search_judge(&s, SI_FORMAT_JP2, &p);
        assert_non_null(c);
        assert_true(c->alpha_differs);
        assert_int_equal(c->verdict, SI_VERDICT_ALPHA);
        assert_int_equal(s.best, -1);
    }
    si_score_ref_free(s.reference);
    si_bytes_free(&s.file);
    si_image_free(&im);
}

/* ---- what is handed on while a search is on ---- */

typedef struct handed {
    const si_image *image;
    int count;
    size_t bytes; /* of the last */
    si_format format;
    uint8_t first, last; /* of its bytes */
    long saved;
} handed;

static void take(void *context, const si_choice *so_far, const si_bytes *file) {
    handed *h = context;
    const si_candidate *c = &so_far->candidates[so_far->winner];
    assert_int_equal(c->format, so_far->format);
    assert_int_equal(c->bytes, file->len);
    assert_int_equal(so_far->saved, (long)so_far->candidates[0].bytes - (long)file->len);
    double score = score_of(h->image, so_far->format, file); /* complete, then */
    if (h->count == 0) {
        assert_true(c->requested);
    } else {
        assert_true(file->len < h->bytes);
        assert_true(score >= so_far->target - SI_SCORE_SLACK - 1e-6);
    }
    *h = (handed){h->image, h->count + 1, file->len, so_far->format, file->data[0],
        file->data[file->len - 1], so_far->saved};
}

/* At every moment there is something good to send, and the last of it is the winner. */
static void test_best_so_far(void **state) {
    (void)state;
    si_image im = photo(160, 120);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_WEBP);
    handed h = {.image = &im};
    si_choose_options how = {.tier = SI_TIER_BEST, .on_best = take, .context = &h};
    si_choice c = {0};
    assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
    assert_true(h.count >= 2);
    assert_int_equal(h.bytes, c.body.len);
    assert_int_equal(h.format, c.format);
    assert_int_equal(h.saved, c.saved);
    assert_int_equal(h.first, c.body.data[0]);
    assert_int_equal(h.last, c.body.data[c.body.len - 1]);
    si_choice_free(&c);
    r.smart = false;
    r.ladder_len = 0;
    h.count = 0;
    assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
    assert_int_equal(h.count, 0);
    si_choice_free(&c);
    si_image_free(&im);
}

/* Says so after a number of questions. */
static bool nobody_wants_it(void *context) {
    int *left = context;
    return (*left)-- <= 0;
}

/* What encodings took elsewhere, or on a busy machine, decides nothing but what ends in time. */
static void slow_encodings_change_no_answer(void **state) {
    (void)state;
    si_image im = photo(500, 375);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    si_features f = {.megapixels = 4};
    si_choice before = choose(&r, &im, false);
    double usual = si_predict_cost(SI_FORMAT_AVIF, 3, &f);
    for (int i = 0; i < 100; i++) {
        si_predict_cost_learn(SI_FORMAT_AVIF, 3, &f, 8 * usual);
    }
    assert_true(si_predict_slowness() > 6);
    si_choice after = choose(&r, &im, false);
    assert_int_equal(after.format, before.format);
    assert_int_equal(after.body.len, before.body.len);
    assert_memory_equal(after.body.data, before.body.data, before.body.len);
    for (int i = 0; i < 100; i++) { /* nor does it stay */
        si_predict_cost_learn(SI_FORMAT_AVIF, 3, &f, usual);
    }
    si_choice_free(&before);
    si_choice_free(&after);
    si_image_free(&im);
}

static bool after_a_while(void *context) {
    int *left = context;
    return (*left)-- <= 0;
}

/* A first answer ends as soon as something is good, a refinement at once. */
static void others_who_wait_end_a_search(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choice whole = choose(&r, &im, true);
    for (int questions = 0; questions < 2; questions++) {
        int left = questions;
        si_choose_options how = {.tier = SI_TIER_BEST, .hurried = after_a_while, .context = &left};
        si_choice c = {0};
        assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
        assert_int_equal(c.candidate_count, 2 + questions); /* the requested encoding, … */
        assert_true(c.candidate_count < whole.candidate_count);
        assert_true(c.hurried && !c.complete);
        assert_int_equal(c.tier, SI_TIER_GOOD);
        si_choice_free(&c);
        left = 0;
        how.tier = SI_TIER_GOOD;
        assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
        assert_true(c.hurried && !c.complete);
        assert_int_equal(c.tier, SI_TIER_QUICK);
        assert_true(c.winner > 0); /* something is good */
        si_choice_free(&c);
        left = questions;
        how.tier = SI_TIER_QUICK; /* no tier is below it that searches */
        assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
        assert_false(c.hurried);
        assert_int_equal(left, questions);
        si_choice_free(&c);
    }
    si_choice_free(&whole);
    si_image_free(&im);
}

/* How often a format was tried. */
static int tries(const si_choice *c, si_format format) {
    int n = 0;
    for (int i = 0; i < c->candidate_count; i++) {
        n += c->candidates[i].format == format;
    }
    return n;
}

static void hurry_takes_the_quickest_format(void **state) {
    (void)state;
    si_image im = photo(320, 240);
    si_recipe r = request(SI_FORMAT_JPEG, 85);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    si_choose_options how = {.tier = SI_TIER_QUICK, .quickest_format = true};
    si_choice c = {0};
    assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
    assert_true(tries(&c, SI_FORMAT_WEBP) > 0);
    assert_int_equal(tries(&c, SI_FORMAT_AVIF), 0);
    si_choice_free(&c);
    r.ladder_len = 1; /* AVIF is all there is */
    assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
    assert_true(tries(&c, SI_FORMAT_AVIF) > 0);
    si_choice_free(&c);
    si_image_free(&im);
}

static void what_nobody_wants_ends(void **state) {
    (void)state;
    si_image im = photo(96, 64);
    si_recipe r = request(SI_FORMAT_JPEG, 80);
    for (int questions = 0; questions < 3; questions++) {
        int left = questions;
        si_choose_options how = {
            .tier = SI_TIER_BEST, .cancelled = nobody_wants_it, .context = &left};
        si_choice c = {0};
        assert_int_equal(si_choose(&r, &im, &how, &c, NULL), SI_OK);
        assert_int_equal(c.candidate_count, 1 + questions); /* the requested encoding is first */
        assert_true(c.body.len > 0);
        assert_true(left < 0);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_so_far),
        cmocka_unit_test(what_nobody_wants_ends),
        cmocka_unit_test(others_who_wait_end_a_search),
        cmocka_unit_test(hurry_takes_the_quickest_format),
        cmocka_unit_test(slow_encodings_change_no_answer),
        cmocka_unit_test(text_is_sent_without_loss),
        cmocka_unit_test(photos_pay_for_no_lossless_trial),
        cmocka_unit_test(better_png),
        cmocka_unit_test(more_formats_never_cost_bytes),
        cmocka_unit_test(alpha_is_exact),
        cmocka_unit_test(wrong_alpha_is_rejected),
        cmocka_unit_test(photo_in_every_format),
        cmocka_unit_test(photo_is_smaller),
        cmocka_unit_test(equal_requests_equal_parameters),
        cmocka_unit_test(png_at_100_stays_exact),
        cmocka_unit_test(png_becomes_lossy),
        cmocka_unit_test(drawing_may_be_near_lossless),
        cmocka_unit_test(trials_are_quick),
        cmocka_unit_test(alpha_survives),
        cmocka_unit_test(grey_picture),
        cmocka_unit_test(tiny_pictures),
        cmocka_unit_test(better_jpeg),
        cmocka_unit_test(png_of_a_small_drawing_stays_fair),
        cmocka_unit_test(refined_is_never_larger),
        cmocka_unit_test(deadline_leaves_the_best_so_far),
        cmocka_unit_test(busy_machines_end_earlier),
        cmocka_unit_test(no_budget_no_conversion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
