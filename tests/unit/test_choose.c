/* What is chosen for photographs, drawings and grey pictures, in every format and of every size. */
#include "choices.h"

#include "base/sanitize.h"

static void photo_in_every_format(void **state) {
    (void)state;
    static const si_format formats[] = {
        SI_FORMAT_AVIF, SI_FORMAT_WEBP, SI_FORMAT_JXL, SI_FORMAT_JP2, SI_FORMAT_JXR};
    si_image im = photo(160, 120);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        for (int quality = 40; quality <= 95; quality += 55) {
            si_recipe r = request(SI_FORMAT_JPEG, quality);
            add_rung(&r, formats[i]);
            si_choice first = choose(&r, &im, false), refined = choose(&r, &im, true);
            assert_false(first.complete);
            assert_true(refined.complete);
            for (int k = 1; k < first.candidate_count; k++) { /* SI-22 */
                assert_true(!first.candidates[k].params.lossless || first.score < first.target);
            }
            si_choice_free(&first);
            si_choice_free(&refined);
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
    si_choice first = choose(&r, &im, false), refined = choose(&r, &im, true);
    assert_int_equal(first.format, SI_FORMAT_AVIF);
    assert_true(first.saved > 0);
    assert_true(refined.body.len <= first.body.len);
    assert_true(first.candidate_count <= 5);
    si_choice_free(&first);
    si_choice_free(&refined);
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

static void grey_picture(void **state) {
    (void)state;
    si_image im = grey(160, 120);
    si_recipe r = request(SI_FORMAT_JPEG, 80);
    add_rung(&r, SI_FORMAT_AVIF);
    add_rung(&r, SI_FORMAT_WEBP);
    for (int refined = 0; refined <= 1; refined++) {
        si_choice c = choose(&r, &im, refined);
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
            for (int refined = 0; refined <= 1; refined++) {
                si_choice c = choose(&r, &im, refined);
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
    si_choice first = choose(&r, &im, false), refined = choose(&r, &im, true);
    assert_int_equal(first.format, SI_FORMAT_JPEG);
    assert_true(first.saved > 0);
    assert_true(refined.saved >= first.saved);
    si_choice_free(&first);
    si_choice_free(&refined);
    r.smart = false; /* then the plain JPEG, unscored */
    si_choice plain = choose(&r, &im, false);
    assert_int_equal(plain.candidate_count, 1);
    assert_true(plain.complete);
    assert_true(isnan(plain.target));
    assert_int_equal(plain.saved, 0);
    si_choice_free(&plain);
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
            si_choice first = choose(&r, &im, false), refined = choose(&r, &im, true);
            assert_true(refined.body.len <= first.body.len);
            si_choice_free(&first);
            si_choice_free(&refined);
        }
        si_image_free(&im);
    }
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photo_in_every_format),
        cmocka_unit_test(photo_is_smaller),
        cmocka_unit_test(equal_requests_equal_parameters),
        cmocka_unit_test(trials_are_quick),
        cmocka_unit_test(grey_picture),
        cmocka_unit_test(tiny_pictures),
        cmocka_unit_test(better_jpeg),
        cmocka_unit_test(refined_is_never_larger),
        cmocka_unit_test(more_formats_never_cost_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
