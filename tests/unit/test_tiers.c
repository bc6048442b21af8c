/* What the tiers of first answers promise (base/tier.h, choose.h): quick searches for less than
 * fast, and neither sends anything poorer than the threshold or larger than the requested encoding.
 * Costs are those of the table, so nothing here depends on how fast the machine is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quality/choose.h"
#include "quality/predict.h"
#include "quality/ssimulacra2.h"
#include "quality/trials.h"

enum { PICTURES = 3, LADDERS = 4, QUICK_MOST = 6 };

static uint32_t noise(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 24;
}

/* Hills under more or less grain; the third has a hard edge. */
static si_image landscape(int kind) {
    static const int sizes[PICTURES][2] = {{400, 266}, {320, 240}, {500, 333}};
    static const unsigned grains[PICTURES] = {2, 40, 12};
    int width = sizes[kind][0], height = sizes[kind][1];
    si_image im = {0};
    uint32_t state = 7;
    assert_int_equal(si_image_alloc(&im, width, height, 3, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double u = (double)x / width, v = (double)y / height;
            double hills = sin(u * 19 + sin(v * 23) * 2) * cos(v * 31 + u * 7);
            double disc = kind == 2 && hypot(u - 0.6, v - 0.4) < 0.2 ? 60 : 0;
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * 3;
            for (int k = 0; k < 3; k++) {
                double c =
                    100 + hills * (30 + 15 * k) + disc * (k == 0) + noise(&state) % grains[kind];
                p[k] = (uint8_t)fmin(fmax(c, 0), 255);
            }
        }
    }
    return im;
}

/* A request for a JPEG by a client that knows the formats of one of the ladders. */
static si_recipe request(int ladder) {
    static const si_format ladders[LADDERS][2] = {{SI_FORMAT_JPEG, SI_FORMAT_JPEG},
        {SI_FORMAT_WEBP, SI_FORMAT_JPEG}, {SI_FORMAT_AVIF, SI_FORMAT_WEBP},
        {SI_FORMAT_JXL, SI_FORMAT_JPEG}};
    si_recipe r;
    si_recipe_init(&r);
    r.format = SI_FORMAT_JPEG;
    r.quality = 85;
    r.smart = true;
    for (int i = 0; i < 2; i++) {
        si_format f = ladders[ladder][i];
        if (f != SI_FORMAT_JPEG && si_codec_get(f)->available) {
            r.ladder[r.ladder_len++] = f;
        }
    }
    return r;
}

static si_choice choose(const si_recipe *r, const si_image *im, si_tier tier) {
    si_choose_options how = {.tier = tier};
    si_choice c = {0};
    si_diag diag = {0};
    assert_int_equal(si_choose(r, im, &how, &c, &diag), SI_OK);
    assert_int_equal(c.tier, tier);
    return c;
}

/* Milliseconds of encoding beyond the requested one, by the table of costs. */
static double cost_of(const si_choice *c, const si_image *im) {
    si_features f;
    double ms = 0;
    si_features_measure(im, c->candidates[0].bytes, 85, false, &f);
    for (int i = 1; i < c->candidate_count; i++) {
        ms += si_predict_cost(c->candidates[i].format, c->candidates[i].params.effort, &f);
    }
    return ms;
}

static double score_of(const si_image *im, const si_choice *c) {
    si_score_ref *ref = NULL;
    si_image decoded = {0};
    double score = NAN;
    assert_int_equal(si_score_ref_new(im, SI_SCORE_ON_BLACK_AND_WHITE, &ref, NULL), SI_OK);
    assert_int_equal(si_codec_decode(c->format, c->body.data, c->body.len, &decoded, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, &decoded, &score, NULL), SI_OK);
    si_image_free(&decoded);
    si_score_ref_free(ref);
    return score;
}

/* Calls `then` with every picture and ladder. */
static void for_all(void (*then)(const si_recipe *r, const si_image *im)) {
    for (int kind = 0; kind < PICTURES; kind++) {
        si_image im = landscape(kind);
        for (int ladder = 0; ladder < LADDERS; ladder++) {
            si_recipe r = request(ladder);
            then(&r, &im);
        }
        si_image_free(&im);
    }
}

static void check_promise(const si_recipe *r, const si_image *im) {
    for (si_tier tier = SI_TIER_QUICK; tier <= SI_TIER_FAST; tier++) {
        si_choice c = choose(r, im, tier);
        assert_true(c.body.len <= c.candidates[c.requested].bytes);
        assert_true(score_of(im, &c) >= c.target - SI_SCORE_SLACK - 1e-6);
        si_choice_free(&c);
    }
}

static void neither_poorer_nor_larger(void **state) {
    (void)state;
    for_all(check_promise);
}

/* Sums over all pictures and ladders. */
static struct {
    double quick_ms, fast_ms;
    size_t quick_bytes, fast_bytes;
    int quick_count, at_once;
} sums;

static void compare_tiers(const si_recipe *r, const si_image *im) {
    si_choice fast = choose(r, im, SI_TIER_QUICK), slow = choose(r, im, SI_TIER_FAST);
    int encodings = fast.candidate_count - 1;
    assert_true(encodings >= 1 && encodings <= QUICK_MOST);
    assert_true(cost_of(&fast, im) <= SI_QUICK_MS * (1 + SI_TRIAL_OVERDRAFT));
    sums.quick_ms += cost_of(&fast, im);
    sums.fast_ms += cost_of(&slow, im);
    sums.quick_bytes += fast.body.len;
    sums.fast_bytes += slow.body.len;
    sums.quick_count++;
    sums.at_once += encodings == 1;
    si_choice_free(&fast);
    si_choice_free(&slow);
}

static void quick_costs_less(void **state) {
    (void)state;
    for_all(compare_tiers);
    print_message(
        "quick %.0f ms, fast %.0f ms; %zu and %zu bytes; %d of %d by the first encoding\n",
        sums.quick_ms, sums.fast_ms, sums.quick_bytes, sums.fast_bytes, sums.at_once,
        sums.quick_count);
    assert_true(sums.quick_ms <= 0.75 * sums.fast_ms);
    assert_true(sums.fast_bytes <= sums.quick_bytes);
}

static void check_equal(const si_recipe *r, const si_image *im) {
    si_choice a = choose(r, im, SI_TIER_QUICK), b = choose(r, im, SI_TIER_QUICK);
    assert_int_equal(a.candidate_count, b.candidate_count);
    assert_int_equal(a.body.len, b.body.len);
    assert_memory_equal(a.body.data, b.body.data, a.body.len);
    si_choice_free(&a);
    si_choice_free(&b);
}

static void equal_requests_equal_bytes(void **state) {
    (void)state;
    for_all(check_equal);
}

/* Encodings that took long before must not change what is chosen. */
static void slow_machine_same_bytes(void **state) {
    (void)state;
    si_image im = landscape(2);
    si_recipe r = request(1);
    si_choice before = choose(&r, &im, SI_TIER_QUICK);
    si_features f;
    si_features_measure(&im, before.candidates[0].bytes, 85, false, &f);
    for (int i = 0; i < 20; i++) {
        si_predict_cost_learn(SI_FORMAT_AVIF, 6, &f, 1e5);
    }
    assert_true(si_predict_slowness() > 2);
    si_choice after = choose(&r, &im, SI_TIER_QUICK);
    assert_int_equal(before.body.len, after.body.len);
    assert_memory_equal(before.body.data, after.body.data, before.body.len);
    si_choice_free(&before);
    si_choice_free(&after);
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_poorer_nor_larger),
        cmocka_unit_test(quick_costs_less),
        cmocka_unit_test(equal_requests_equal_bytes),
        cmocka_unit_test(slow_machine_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
