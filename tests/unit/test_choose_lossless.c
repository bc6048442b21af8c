/* PNG and graphics: what stays exact, what may lose, and lossless where that is smaller. */
#include "choices.h"

static void png_at_100_stays_exact(void **state) { /* SI-24 */
    (void)state;
    for (int alpha = 0; alpha <= 1; alpha++) {
        si_image im = drawing(150, 120, alpha);
        si_recipe r = request(SI_FORMAT_PNG, 100);
        r.alpha = alpha;
        add_rung(&r, SI_FORMAT_AVIF);
        add_rung(&r, SI_FORMAT_WEBP);
        add_rung(&r, SI_FORMAT_JXL);
        for (int refined = 0; refined <= 1; refined++) {
            si_choice c = choose(&r, &im, refined);
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

/* Where lossless competes, near-lossless modes are tried and scored, too; check_choice() sees to
 * the rest.
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

/* A JPEG of this drawing scores far below what anyone would call the picture. */
static void png_of_a_small_drawing_stays_fair(void **state) {
    (void)state;
    si_image im = drawing(24, 24, true);
    si_recipe r = request(SI_FORMAT_PNG, 1);
    r.alpha = true;
    add_rung(&r, SI_FORMAT_WEBP);
    for (int refined = 0; refined <= 1; refined++) {
        si_choice c = choose(&r, &im, refined);
        assert_true(c.target >= SI_SCORE_PNG_LEAST);
        assert_true(c.score >= SI_SCORE_PNG_LEAST - SI_SCORE_SLACK);
        si_choice_free(&c);
    }
    si_image_free(&im);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_at_100_stays_exact),
        cmocka_unit_test(png_becomes_lossy),
        cmocka_unit_test(drawing_may_be_near_lossless),
        cmocka_unit_test(png_of_a_small_drawing_stays_fair),
        cmocka_unit_test(text_is_sent_without_loss),
        cmocka_unit_test(photos_pay_for_no_lossless_trial),
        cmocka_unit_test(better_png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
