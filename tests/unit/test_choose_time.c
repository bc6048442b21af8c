/* How long a search goes on: deadlines, budgets, nobody who waits, and what is handed on until its
 * end. */
#include "choices.h"

#include <time.h>

#include "quality/predict.h"
#include "quality/search.h"

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
        check_choice(&r, &im, &c);
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

/* What the least work on an AVIF costs by what the predictor has learned of this machine so far. */
static double least_avif_ms(const si_image *im, const si_candidate *jpeg) {
    si_features f;
    double least = INFINITY;
    si_features_measure(im, jpeg->bytes, 85, jpeg->params.chroma_full, &f);
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (info->format == SI_FORMAT_AVIF) {
            least = fmin(least, si_predict_cost(SI_FORMAT_AVIF, info->effort, &f));
        }
    }
    return least;
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
    check_choice(&r, &im, &c);
    assert_int_equal(c.winner, c.requested);
    assert_int_equal(c.saved, 0);
    double avif_ms = least_avif_ms(&im, &c.candidates[c.requested]);
    si_choice_free(&c);
    /* with a little more, WebP goes out where AVIF takes too long */
    add_rung(&r, SI_FORMAT_WEBP);
    how.budget_ms = (int)(avif_ms * 0.9);
    assert_true(how.budget_ms > 1);
    assert_int_equal(si_choose(&r, &im, &how, &c, &diag), SI_OK);
    check_choice(&r, &im, &c);
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
        assert_int_equal(c.tier, SI_TIER_FAST);
        si_choice_free(&c);
        left = 0;
        how.tier = SI_TIER_FAST;
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
    assert_true(tries(&c, SI_FORMAT_WEBP) + tries(&c, SI_FORMAT_JPEG) > 1); /* one is asked for */
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
        cmocka_unit_test(deadline_leaves_the_best_so_far),
        cmocka_unit_test(busy_machines_end_earlier),
        cmocka_unit_test(test_best_so_far),
        cmocka_unit_test(what_nobody_wants_ends),
        cmocka_unit_test(others_who_wait_end_a_search),
        cmocka_unit_test(hurry_takes_the_quickest_format),
        cmocka_unit_test(slow_encodings_change_no_answer),
        cmocka_unit_test(no_budget_no_conversion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
