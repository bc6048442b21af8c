/* Whatever is chosen, its alpha is the picture's. */
#include "choices.h"

#include "quality/search.h"

static void alpha_survives(void **state) { /* SI-56 */
    (void)state;
    si_image im = drawing(160, 120, true);
    si_recipe r = request(SI_FORMAT_PNG, 80);
    r.alpha = true;
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    for (int refined = 0; refined <= 1; refined++) {
        si_choice c = choose(&r, &im, refined);
        si_image decoded = {0};
        assert_int_equal(si_codec_decode(c.format, c.body.data, c.body.len, &decoded, NULL), SI_OK);
        assert_true(si_image_has_transparency(&decoded));
        si_image_free(&decoded);
        si_choice_free(&c);
    }
    si_image_free(&im);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha_survives),
        cmocka_unit_test(alpha_is_exact),
        cmocka_unit_test(wrong_alpha_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
