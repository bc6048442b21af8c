/* What good and poor lines cost in looks: the steps, and what they do to choices. */
#include "choices.h"

#include "quality/network_steps.h"

static const si_network lowering[] = {SI_NETWORK_GOOD, SI_NETWORK_POOR};

static void targets_fall_in_steps(void **state) {
    (void)state;
    for (double target = -20; target <= 100; target += 0.5) {
        assert_true(si_network_target(SI_NETWORK_UNKNOWN, target) == target);
        assert_true(si_network_target(SI_NETWORK_EXCELLENT, target) == target);
        double good = si_network_target(SI_NETWORK_GOOD, target);
        double poor = si_network_target(SI_NETWORK_POOR, target);
        assert_true(poor <= good && good <= target);
        if (target <= SI_SCORE_NETWORK_LEAST) { /* nothing is left to lower */
            assert_true(good == target && poor == target);
        } else {
            assert_true(good < target && poor < target);
            assert_true(poor >= SI_SCORE_NETWORK_LEAST);
        }
        /* who asked for more gets no less */
        assert_true(si_network_target(SI_NETWORK_POOR, target + 0.5) >= poor);
        assert_true(si_network_target(SI_NETWORK_GOOD, target + 0.5) >= good);
    }
}

static void shares_are_of_the_whole_step(void **state) {
    (void)state;
    const double target = 80;
    double good = target - si_network_target(SI_NETWORK_GOOD, target);
    double poor = target - si_network_target(SI_NETWORK_POOR, target);
    assert_true(fabs(si_network_share(SI_NETWORK_GOOD, target, good) - 0.75) < 1e-6);
    assert_true(fabs(si_network_share(SI_NETWORK_POOR, target, poor) - 0.5) < 1e-6);
    assert_true(si_network_share(SI_NETWORK_POOR, target, 0) == 1);
    assert_true(si_network_share(SI_NETWORK_UNKNOWN, target, 0) == 1);
}

static void qualities_fall_for_all_lossy_formats(void **state) {
    (void)state;
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        if ((SI_FORMATS_LOSSY & SI_FORMAT_BIT(f)) == 0) {
            continue;
        }
        for (int q = 1; q <= 100; q++) {
            assert_true(si_network_quality(SI_NETWORK_UNKNOWN, (si_format)f, q) == (float)q);
            float good = si_network_quality(SI_NETWORK_GOOD, (si_format)f, q);
            float poor = si_network_quality(SI_NETWORK_POOR, (si_format)f, q);
            assert_true(1 <= poor && poor <= good && good <= (float)q);
            assert_true(q < 75 || (good < (float)q && poor < good));
        }
    }
}

/* Bytes and score of what is chosen for a client that shows `format` besides JPEG. */
static size_t chosen(const si_image *image, si_network network, bool smart, si_format format,
    si_format shown, si_tier tier, si_choice *choice) {
    si_recipe r;
    si_diag diag = {0};
    si_recipe_init(&r);
    r.format = format;
    r.quality = 85;
    r.smart = smart;
    r.network = network;
    if (shown != SI_FORMAT_JPEG) {
        r.ladder[r.ladder_len++] = shown;
    }
    si_choose_options options = {.tier = tier};
    assert_int_equal(si_choose(&r, image, &options, choice, &diag), SI_OK);
    return choice->body.len;
}

static void lowered_targets_are_met(void **state) {
    (void)state;
    static const si_format shown[] = {SI_FORMAT_AVIF, SI_FORMAT_WEBP, SI_FORMAT_JPEG};
    static const si_tier tiers[] = {SI_TIER_QUICK, SI_TIER_FAST, SI_TIER_BETTER};
    si_image image = photo(240, 160);
    for (size_t f = 0; f < sizeof shown / sizeof *shown; f++) {
        for (size_t t = 0; t < sizeof tiers / sizeof *tiers; t++) {
            si_choice whole = {0};
            size_t before = chosen(
                &image, SI_NETWORK_UNKNOWN, true, SI_FORMAT_JPEG, shown[f], tiers[t], &whole);
            assert_true(whole.lowered == 0);
            for (size_t n = 0; n < 2; n++) {
                si_choice c = {0};
                size_t bytes =
                    chosen(&image, lowering[n], true, SI_FORMAT_JPEG, shown[f], tiers[t], &c);
                assert_true(bytes < before);
                assert_true(c.winner != c.requested);
                assert_true(fabs(c.target - si_network_target(lowering[n], whole.target)) < 1e-6);
                assert_true(fabs(c.lowered - (whole.target - c.target)) < 1e-6);
                assert_true(c.score >= c.target - SI_SCORE_SLACK);
                assert_int_equal(
                    c.saved, (long)whole.candidates[whole.requested].bytes - (long)bytes);
                before = bytes;
                si_choice_free(&c);
            }
            si_choice_free(&whole);
        }
    }
    si_image_free(&image);
}

/* What is sent as it was asked for, without a search. */
static void requested_encodings_are_lowered(void **state) {
    (void)state;
    si_image image = photo(240, 160);
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        si_choice whole = {0};
        if ((SI_FORMATS_LOSSY & SI_FORMAT_BIT(f)) == 0 || !si_codec_get((si_format)f)->available) {
            continue;
        }
        size_t before = chosen(
            &image, SI_NETWORK_UNKNOWN, false, (si_format)f, SI_FORMAT_JPEG, SI_TIER_FAST, &whole);
        for (size_t n = 0; n < 2; n++) {
            si_choice c = {0};
            size_t bytes =
                chosen(&image, lowering[n], false, (si_format)f, SI_FORMAT_JPEG, SI_TIER_FAST, &c);
            assert_int_equal(c.candidate_count, 1);
            assert_int_equal(c.format, f);
            assert_true(bytes < before);
            before = bytes;
            si_choice_free(&c);
        }
        si_choice_free(&whole);
    }
    si_image_free(&image);
}

/* While many wait there is no search, even where there would be one. */
static void what_is_sent_in_a_hurry_is_lowered(void **state) {
    (void)state;
    si_image image = photo(240, 160);
    si_choice whole = {0}, c = {0};
    size_t before = chosen(&image, SI_NETWORK_UNKNOWN, true, SI_FORMAT_JPEG, SI_FORMAT_AVIF,
        SI_TIER_REQUESTED, &whole);
    size_t bytes = chosen(
        &image, SI_NETWORK_POOR, true, SI_FORMAT_JPEG, SI_FORMAT_AVIF, SI_TIER_REQUESTED, &c);
    assert_int_equal(c.candidate_count, 1);
    assert_false(c.complete);
    assert_true(bytes < before);
    si_choice_free(&c);
    si_choice_free(&whole);
    si_image_free(&image);
}

/* Nothing of quality 100 is a PNG of other pixels, whatever a recipe says. */
static void exact_stays_exact(void **state) {
    (void)state;
    si_image image = photo(120, 80);
    si_recipe r;
    si_diag diag = {0};
    si_choice c = {0};
    si_recipe_init(&r);
    r.format = SI_FORMAT_PNG;
    r.quality = 100;
    r.smart = true;
    r.network = SI_NETWORK_POOR;
    r.ladder[r.ladder_len++] = SI_FORMAT_WEBP;
    assert_int_equal(si_choose(&r, &image, NULL, &c, &diag), SI_OK);
    assert_true(c.score == 100 && c.lowered == 0);
    si_choice_free(&c);
    si_image_free(&image);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_fall_in_steps),
        cmocka_unit_test(shares_are_of_the_whole_step),
        cmocka_unit_test(qualities_fall_for_all_lossy_formats),
        cmocka_unit_test(lowered_targets_are_met),
        cmocka_unit_test(requested_encodings_are_lowered),
        cmocka_unit_test(what_is_sent_in_a_hurry_is_lowered),
        cmocka_unit_test(exact_stays_exact),
    };
    return cmocka_run_group_tests_name("network_steps", tests, NULL, NULL);
}
