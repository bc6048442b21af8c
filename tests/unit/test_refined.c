/* Refined answers: what the tiers better and best keep to, and how slow encoders are landed. */
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
#include "quality/landing.h"
#include "quality/predict.h"

/* ---- pictures and requests ---- */

/* Waves and grain, as a photograph has them; or blocks on white, which with four channels is
 * transparent. */
static si_image picture(int width, int height, int channels, bool drawing) {
    si_image im = {0};
    uint32_t state = 11;
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)x * (size_t)channels;
            bool ink = (x / 9 + y / 6) % 3 == 0;
            double wave = 40 * sin(x * 0.11 + sin(y * 0.05) * 3) * cos(y * 0.13 + x * 0.02);
            for (int k = 0; k < 3; k++) {
                state = state * 1664525 + 1013904223;
                int photo = (int)(120 + wave * (1 + 0.3 * k)) + (int)(state >> 28);
                p[k] = (uint8_t)(!drawing ? photo : ink ? 60 * k : 255);
            }
            if (channels == 4) {
                p[3] = ink ? 255 : 0;
            }
        }
    }
    return im;
}

/* Of a client that knows `format` beside what it asks for. */
static si_recipe request(si_format asked, si_format format) {
    si_recipe r;
    si_recipe_init(&r);
    r.format = asked;
    r.quality = 85;
    r.smart = true;
    r.alpha = asked == SI_FORMAT_PNG;
    if (format != asked && si_codec_get(format)->available) {
        r.ladder[r.ladder_len++] = format;
    }
    return r;
}

static si_choice choose(const si_recipe *r, const si_image *im, si_choose_options how) {
    si_choice c = {0};
    assert_int_equal(si_choose(r, im, &how, &c, NULL), SI_OK);
    if (c.winner != c.requested) {
        assert_true(c.score >= c.target - SI_SCORE_SLACK);
        assert_true(c.body.len < c.candidates[c.requested].bytes);
    }
    return c;
}

/* ---- tiers ---- */

static void never_larger_than_the_first_answer(void **state) {
    (void)state;
    const struct {
        si_image image;
        si_format asked;
    } cases[] = {{picture(120, 90, 3, false), SI_FORMAT_JPEG},
        {picture(100, 60, 3, true), SI_FORMAT_JPEG}, {picture(90, 70, 4, true), SI_FORMAT_PNG}};
    static const si_format formats[] = {
        SI_FORMAT_AVIF, SI_FORMAT_WEBP, SI_FORMAT_JXL, SI_FORMAT_JPEG};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        si_image im = cases[i].image;
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
            if (SI_SANITIZED && k != i) { /* ten times as slow, and not what is looked for there */
                continue;
            }
            si_recipe r = request(cases[i].asked, formats[k]);
            si_choice fast = choose(&r, &im, (si_choose_options){.tier = SI_TIER_FAST});
            for (si_tier tier = SI_TIER_BETTER; tier <= SI_TIER_BEST; tier++) {
                si_choice refined = choose(&r, &im, (si_choose_options){.tier = tier});
                assert_true(refined.body.len <= fast.body.len);
                si_choice_free(&refined);
            }
            si_choice_free(&fast);
        }
        si_image_free(&im);
    }
}

/* A better answer says that a best one may follow, unless it has tried all that one would. */
static void tiers_say_what_is_left(void **state) {
    (void)state;
    si_image im = picture(160, 120, 3, false);
    si_recipe avif = request(SI_FORMAT_JPEG, SI_FORMAT_AVIF);
    si_recipe webp = request(SI_FORMAT_JPEG, SI_FORMAT_WEBP);
    si_recipe plain = request(SI_FORMAT_JPEG, SI_FORMAT_WEBP);
    plain.smart = false;
    plain.ladder_len = 0;
    const struct {
        const si_recipe *recipe;
        si_tier asked, reached;
        bool complete;
    } cases[] = {
        {&avif, SI_TIER_FAST, SI_TIER_FAST, false},
        {&avif, SI_TIER_BETTER, SI_TIER_BETTER, false},
        {&avif, SI_TIER_BEST, SI_TIER_BEST, true},
        {&webp, SI_TIER_BETTER, SI_TIER_BEST, true},
        {&plain, SI_TIER_BETTER, SI_TIER_BEST, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        si_choice c = choose(cases[i].recipe, &im, (si_choose_options){.tier = cases[i].asked});
        assert_int_equal(c.tier, cases[i].reached);
        assert_int_equal(c.complete, cases[i].complete);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

/* Out of time, a refinement leaves what it has, and says that it may be asked for again. */
static void deadline_is_told(void **state) {
    (void)state;
    si_image im = picture(64, 64, 3, false);
    si_recipe r = request(SI_FORMAT_JPEG, SI_FORMAT_AVIF);
    for (si_tier tier = SI_TIER_BETTER; tier <= SI_TIER_BEST; tier++) {
        si_choice c = choose(&r, &im, (si_choose_options){.tier = tier, .deadline_ns = 1});
        assert_int_equal(c.candidate_count, 1);
        assert_int_equal(c.tier, SI_TIER_FAST);
        assert_false(c.complete);
        si_choice_free(&c);
    }
    si_image_free(&im);
}

/* Milliseconds of AVIF encodings by the table of costs. */
static double cost_of(const si_choice *c, const si_features *f, int *slowest) {
    double ms = 0;
    for (int i = 1; i < c->candidate_count; i++) {
        const si_candidate *k = &c->candidates[i];
        if (k->format == SI_FORMAT_AVIF && !k->params.lossless) {
            ms += si_predict_cost(k->format, k->params.effort, f);
            *slowest = k->params.effort > *slowest ? k->params.effort : *slowest;
        }
    }
    return ms;
}

/* What a refinement costs beyond the first answer is its budget and what a correction may overdraw,
 * by the table; larger pictures get faster encoders, a larger budget slower ones. */
static void budgets_count_by_the_table(void **state) {
    (void)state;
    if (SI_SANITIZED) {
        return;
    }
    si_image im = picture(500, 333, 3, false);
    si_recipe r = request(SI_FORMAT_JPEG, SI_FORMAT_AVIF);
    si_features f;
    int slowest[3] = {0};
    double ms[3];
    for (int i = 0; i < 3; i++) {
        si_choice c = choose(&r, &im, (si_choose_options){.tier = SI_TIER_FAST + (si_tier)i});
        si_features_measure(&im, c.candidates[0].bytes, r.quality, r.chroma_full, &f);
        ms[i] = cost_of(&c, &f, &slowest[i]);
        si_choice_free(&c);
    }
    assert_true(ms[1] - ms[0] <= 2 * SI_BETTER_MS);
    assert_true(ms[2] - ms[0] <= 1.5 * SI_BEST_MS);
    assert_true(slowest[0] < slowest[1] && slowest[1] < slowest[2]);
    si_choice small = choose(&r, &im, (si_choose_options){.tier = SI_TIER_BEST, .budget_ms = 300});
    int faster = 0;
    (void)cost_of(&small, &f, &faster);
    assert_true(faster < slowest[2]);
    si_choice_free(&small);
    si_image_free(&im);
}

/* ---- landing ---- */

enum { FAST = 3, SLOW = 9 };

/* A search whose fast encodings scored 78 and 80, two points of quality apart. */
static si_search begun(si_choice *choice, const si_encode_params *like, double threshold) {
    si_search s = {.choice = choice, .threshold = threshold, .budget_ms = 1e6};
    s.features.v[SI_FEATURE_BPP] = 0.5;
    s.options.tier = SI_TIER_BEST;
    *choice = (si_choice){.candidate_count = 3};
    for (int i = 0; i < 2; i++) {
        si_candidate *c = &choice->candidates[1 + i];
        *c = (si_candidate){.format = SI_FORMAT_AVIF, .bytes = 1000, .score = 78 + 2 * i};
        c->params = *like;
        c->params.effort = FAST;
        c->params.quality = si_search_on_grid(SI_FORMAT_AVIF, 60 + 2 * i);
    }
    return s;
}

static void landing_goes_by_the_pictures_curve(void **state) {
    (void)state;
    si_encode_params like = si_codec_defaults(SI_FORMAT_AVIF, &(si_image){.channels = 3});
    si_choice *choice = calloc(1, sizeof *choice);
    assert_non_null(choice);
    for (double threshold = 77; threshold <= 81; threshold++) {
        si_search s = begun(choice, &like, threshold);
        si_landing l = {.s = &s, .setting = SI_SETTING_AVIF_FAST, .like = like};
        assert_true(si_landing_learn(&l));
        double fast = (double)si_landing_quality(&l, FAST);
        assert_true(fabs(fast - (60 + threshold - 78)) < 1.2);
        double uncertain = l.variance, slow = (double)si_landing_quality(&l, SLOW);
        assert_true(slow < fast - 1); /* it gains more than a point */
        assert_true(slow > fast - 4);
        assert_true(l.variance > uncertain);
        like.chroma_full = !like.chroma_full; /* of another curve nothing is known */
        si_landing other = {.s = &s, .setting = SI_SETTING_AVIF_FAST, .like = like};
        assert_false(si_landing_learn(&other));
    }
    free(choice);
}

/* The tier decides how slow, as far as the budget goes. */
static void efforts_follow_tier_and_budget(void **state) {
    (void)state;
    si_choice *choice = calloc(1, sizeof *choice);
    assert_non_null(choice);
    si_search s = {.choice = choice, .budget_ms = 1e6};
    s.features.megapixels = 0.17;
    si_encode_params fast = {.effort = FAST};
    int last = 10;
    s.options.tier = SI_TIER_BETTER;
    int better = si_landing_effort(&s, &fast, SI_FORMAT_AVIF);
    s.options.tier = SI_TIER_BEST;
    assert_true(better < si_landing_effort(&s, &fast, SI_FORMAT_AVIF));
    assert_true(si_landing_has_slower(SI_FORMAT_AVIF, better));
    assert_false(si_landing_has_slower(SI_FORMAT_AVIF, SLOW));
    for (s.budget_ms = 4000; s.budget_ms > 10; s.budget_ms /= 2) {
        int effort = si_landing_effort(&s, &fast, SI_FORMAT_AVIF);
        assert_true(effort <= last);
        assert_true(
            effort == 0 || si_predict_cost(SI_FORMAT_AVIF, effort, &s.features) <= s.budget_ms);
        last = effort;
    }
    assert_int_equal(last, 0);
    assert_false(si_landing_fits(SI_FORMAT_WEBP));
    free(choice);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_larger_than_the_first_answer),
        cmocka_unit_test(tiers_say_what_is_left),
        cmocka_unit_test(deadline_is_told),
        cmocka_unit_test(budgets_count_by_the_table),
        cmocka_unit_test(landing_goes_by_the_pictures_curve),
        cmocka_unit_test(efforts_follow_tier_and_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
