/* op_* on colours: formulas on known values, and what must hold whatever the formulas are. */
#include "pixels.h"

#include <math.h>

#include "render/pixel/noise.h"
#include "render/pixel/ops.h"

static si_image one(uint8_t r, uint8_t g, uint8_t b) {
    si_image im = new_image(1, 1, 3);
    memcpy(im.pixels, (uint8_t[]){r, g, b}, 3);
    return im;
}

static void assert_colour(si_image *im, int r, int g, int b) {
    assert_int_equal(im->pixels[0], r);
    assert_int_equal(im->pixels[1], g);
    assert_int_equal(im->pixels[2], b);
    si_image_free(im);
}

static void strength_0_changes_nothing(void **state) {
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        si_image im = random_image(257, 31, channels, 1), before = copy_image(&im);
        si_op_brightness(&im, 0);
        si_op_contrast(&im, 0);
        si_op_colorbalance(&im, 0, 0, 0);
        si_op_hue(&im, 0);
        si_op_saturation(&im, 0);
        si_noise_image(&im, &(si_noise){.gaussian = true, .seed = 7});
        assert_same_image(&im, &before);
        si_image_free(&im);
        si_image_free(&before);
    }
}

static void alpha_stays(void **state) {
    (void)state;
    si_image im = random_image(257, 31, 4, 2), before = copy_image(&im);
    si_op_brightness(&im, 10);
    si_op_contrast(&im, -20);
    si_op_colorbalance(&im, 5, -5, 9);
    si_op_hue(&im, 77);
    si_op_saturation(&im, 30);
    si_op_invert(&im);
    si_op_colorize(&im, &(si_colour_tint){.r = 200, .normalize = true, .median = -1});
    si_noise_image(&im, &(si_noise){.value = 50});
    for (int i = 0; i < 257 * 31; i++) {
        assert_int_equal(pixel(&im, i % 257, i / 257)[3], pixel(&before, i % 257, i / 257)[3]);
    }
    si_image_free(&im);
    si_image_free(&before);
}

static void formulas_on_known_values(void **state) {
    (void)state;
    si_image im = one(0, 100, 250);
    si_op_brightness(&im, 20); /* + 51 */
    assert_colour(&im, 51, 151, 255);
    im = one(0, 100, 250);
    si_op_brightness(&im, -1000); /* clamped to −100 */
    assert_colour(&im, 0, 0, 0);
    im = one(0, 100, 200);
    si_op_contrast(&im, -50);
    assert_colour(&im, 64, 114, 164); /* 63.75, 113.75, 163.75 */
    im = one(127, 128, 140);
    si_op_contrast(&im, 75); /* × 4 */
    assert_colour(&im, 126, 130, 178);
    im = one(127, 128, 128);
    si_op_contrast(&im, 100); /* × 100, not infinite */
    assert_colour(&im, 78, 178, 178);
    im = one(100, 100, 100);
    si_op_colorbalance(&im, 20, 0, -40);
    assert_colour(&im, 151, 100, 0);
    im = one(10, 0, 255);
    si_op_invert(&im);
    assert_colour(&im, 245, 255, 0);
    im = one(200, 100, 50);
    si_op_saturation(&im, -100); /* 59.8 + 58.7 + 5.7 = 124.2 */
    assert_colour(&im, 124, 124, 124);
    im = one(200, 100, 50);
    si_op_saturation(&im, 50);
    assert_colour(&im, 238, 88, 13);
    im = one(200, 100, 50);
    si_op_saturation(&im, 500); /* clamped to 100 */
    assert_colour(&im, 255, 76, 0);
}

static void hue_turns_colours(void **state) {
    (void)state;
    si_image im = one(255, 0, 0);
    si_op_hue(&im, 60);
    assert_colour(&im, 255, 255, 0);
    im = one(255, 0, 0);
    si_op_hue(&im, 120);
    assert_colour(&im, 0, 255, 0);
    im = one(255, 0, 0);
    si_op_hue(&im, -120);
    assert_colour(&im, 0, 0, 255);
    im = one(200, 100, 50);
    si_op_hue(&im, 180);
    assert_colour(&im, 50, 150, 200);
    im = one(90, 90, 90);
    si_op_hue(&im, 33);
    assert_colour(&im, 90, 90, 90);
}

static void hue_of_thirds_is_a_permutation_and_back(void **state) {
    (void)state;
    si_image im = random_image(200, 50, 3, 3), before = copy_image(&im);
    si_op_hue(&im, 120);
    for (int i = 0; i < 200 * 50; i++) {
        const uint8_t *a = pixel(&before, i % 200, i / 200), *b = pixel(&im, i % 200, i / 200);
        assert_true(b[0] == a[2] && b[1] == a[0] && b[2] == a[1]);
    }
    si_op_hue(&im, -120);
    assert_same_image(&im, &before);
    si_op_hue(&im, 180);
    si_op_hue(&im, 180);
    assert_same_image(&im, &before);
    si_image_free(&im);
    si_image_free(&before);
}

static void greys_stay_grey(void **state) {
    (void)state;
    si_image im = new_image(256, 1, 3);
    for (int i = 0; i < 256; i++) {
        memset(pixel(&im, i, 0), i, 3);
    }
    si_image before = copy_image(&im);
    si_op_hue(&im, 91);
    si_op_saturation(&im, -100);
    si_op_saturation(&im, 100);
    assert_same_image(&im, &before);
    im.grey = true;
    si_op_brightness(&im, 3);
    assert_true(im.grey);
    si_op_colorbalance(&im, 1, 2, 3);
    assert_false(im.grey);
    si_image_free(&im);
    si_image_free(&before);
}

static void inverting_twice_is_nothing(void **state) {
    (void)state;
    si_image im = random_image(99, 9, 4, 4), before = copy_image(&im);
    si_op_invert(&im);
    si_op_invert(&im);
    assert_same_image(&im, &before);
    si_image_free(&im);
    si_image_free(&before);
}

static void colorize_keeps_black_and_white(void **state) {
    (void)state;
    si_image im = new_image(256, 1, 3);
    for (int i = 0; i < 256; i++) {
        memset(pixel(&im, i, 0), i, 3);
    }
    si_op_colorize(&im, &(si_colour_tint){.r = 200, .g = 50, .contrast = 80});
    for (int i = 0; i < 256; i++) {
        double below = i / 127.5, above = (i - 127.5) / 127.5;
        double r = i < 128 ? 200 * below : 200 + 55 * above, b = i < 128 ? 0 : 255 * above;
        assert_int_equal(pixel(&im, i, 0)[0], (int)(r + 0.5));
        assert_int_equal(pixel(&im, i, 0)[2], (int)(b + 0.5));
    }
    si_image_free(&im);
}

static void colorize_moves_the_median_to_the_colour(void **state) {
    (void)state;
    si_image im = new_image(3, 1, 4);
    const uint8_t levels[3] = {30, 60, 61};
    for (int i = 0; i < 3; i++) {
        memset(pixel(&im, i, 0), levels[i], 3);
        pixel(&im, i, 0)[3] = i == 2 ? 0 : 255; /* transparent pixels do not count */
    }
    pixel(&im, 0, 0)[3] = 254;
    assert_int_equal(si_op_median(&im), 60);
    si_image tile = copy_image(&im);
    si_op_colorize(&im, &(si_colour_tint){10, 150, 240, .normalize = true, .median = -1});
    si_op_colorize(&tile, &(si_colour_tint){10, 150, 240, .normalize = true, .median = 60});
    assert_same_image(&im, &tile);
    assert_memory_equal(pixel(&im, 1, 0), ((uint8_t[]){10, 150, 240}), 3);
    si_image_free(&im);
    si_image_free(&tile);
}

static void noise_has_its_size_and_no_bias(void **state) {
    (void)state;
    static const struct {
        bool gaussian;
        int value;
        double deviation; /* levels */
    } rows[] = {{false, 20, 2.55 * 20 / 1.7320508}, {true, 20, 2.55 * 20 / 2},
        {false, 40, 2.55 * 40 / 1.7320508}, {true, 1, 2.55 / 2}};
    for (int i = 0; i < 4; i++) {
        si_image im = new_image(400, 400, 3);
        memset(im.pixels, 127, im.stride * 400);
        si_noise_image(&im, &(si_noise){rows[i].value, .gaussian = rows[i].gaussian, .seed = 5});
        double sum = 0, squares = 0, cross = 0, n = 400 * 400;
        for (int k = 0; k < 400 * 400; k++) {
            const uint8_t *p = pixel(&im, k % 400, k / 400);
            sum += p[0] - 127;
            squares += (p[0] - 127) * (p[0] - 127);
            cross += (p[0] - 127) * (p[1] - 127);
        }
        double deviation = sqrt(squares / n);
        assert_true(fabs(sum / n) < 4 * deviation / sqrt(n) + 0.01);
        /* rounding to levels adds 1/12 of variance */
        assert_true(fabs(deviation - sqrt(pow(rows[i].deviation, 2) + 1 / 12.0)) <
                    0.01 * rows[i].deviation + 0.02);
        assert_true(fabs(cross / squares) < 0.01);
        si_image_free(&im);
    }
}

static void noise_of_tiles_joins(void **state) {
    (void)state;
    si_image whole = random_image(300, 200, 4, 6), tile = new_image(120, 90, 4);
    for (int y = 0; y < 90; y++) {
        memcpy(pixel(&tile, 0, y), pixel(&whole, 55, y + 33), 120 * 4);
    }
    si_noise how = {.value = 30, .seed = 99, .x = -1000, .y = 2000};
    si_noise_image(&whole, &how);
    how.x += 55;
    how.y += 33;
    si_noise_image(&tile, &how);
    for (int y = 0; y < 90; y++) {
        assert_memory_equal(pixel(&tile, 0, y), pixel(&whole, 55, y + 33), 120 * 4);
    }
    si_image_free(&whole);
    si_image_free(&tile);
}

static void mono_noise_is_grey(void **state) {
    (void)state;
    si_image im = new_image(100, 100, 3);
    memset(im.pixels, 100, im.stride * 100);
    si_noise_image(&im, &(si_noise){.value = 10, .mono = true});
    for (int i = 0; i < 10000; i++) {
        const uint8_t *p = pixel(&im, i % 100, i / 100);
        assert_true(p[0] == p[1] && p[1] == p[2]);
    }
    si_image before = copy_image(&im);
    im.grey = true; /* noise is ignored for grey images */
    si_noise_image(&im, &(si_noise){.value = 10, .mono = true});
    assert_same_image(&im, &before);
    si_image_free(&im);
    si_image_free(&before);
}

static void noise_on_coverage_leaves_nothing_alone(void **state) {
    (void)state;
    si_plane p = random_plane(100, 100, 7), before = copy_plane(&p);
    si_noise_plane(&p, &(si_noise){.value = 100, .seed = 1});
    int changed = 0;
    for (int i = 0; i < 10000; i++) {
        int a = si_plane_row(&before, i / 100)[i % 100], b = si_plane_row(&p, i / 100)[i % 100];
        assert_true(a != 0 || b == 0);
        changed += a != b;
    }
    assert_true(changed > 4000);
    si_plane_free(&p);
    si_plane_free(&before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strength_0_changes_nothing),
        cmocka_unit_test(alpha_stays),
        cmocka_unit_test(formulas_on_known_values),
        cmocka_unit_test(hue_turns_colours),
        cmocka_unit_test(hue_of_thirds_is_a_permutation_and_back),
        cmocka_unit_test(greys_stay_grey),
        cmocka_unit_test(inverting_twice_is_nothing),
        cmocka_unit_test(colorize_keeps_black_and_white),
        cmocka_unit_test(colorize_moves_the_median_to_the_colour),
        cmocka_unit_test(noise_has_its_size_and_no_bias),
        cmocka_unit_test(noise_of_tiles_joins),
        cmocka_unit_test(mono_noise_is_grey),
        cmocka_unit_test(noise_on_coverage_leaves_nothing_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
