/* Blending and masks against the formulas in doubles, for all pairs of alphas. */
#include "pixels.h"

#include <math.h>

#include "render/pixel/blend.h"
#include "render/pixel/mask.h"
#include "render/pixel/noise.h"

/* ---- the formulas of the vendor's page r-is-http-blendmode, in doubles ---- */

static double mix(si_blend mode, double cb, double cs) {
    switch (mode) {
    case SI_BLEND_LIGHTEN:
        return fmax(cb, cs);
    case SI_BLEND_DARKEN:
        return fmin(cb, cs);
    case SI_BLEND_MULT:
        return cb * cs;
    case SI_BLEND_SCREEN:
        return cb + cs - cb * cs;
    default:
        return cs;
    }
}

static int round_level(double v) {
    return (int)floor(v * 255 + 0.5 + 1e-9);
}

static void blend_slowly(si_blend mode, uint8_t *canvas, const uint8_t *layer, int alpha) {
    double as = alpha / 255.0, ab = canvas[3] / 255.0, ar = as + ab - as * ab;
    for (int c = 0; c < 3 && ar > 0; c++) {
        double cs = layer[c] / 255.0, cb = canvas[c] / 255.0;
        double v = (1 - as) * ab * cb + (1 - ab) * as * cs + as * ab * mix(mode, cb, cs);
        canvas[c] = (uint8_t)round_level(v / ar);
    }
    canvas[3] = (uint8_t)round_level(ar);
}

static void check_mode(si_blend mode, int channels, bool opaque_canvas) {
    si_image canvas = random_image(256, 256, 4, 1 + (uint32_t)mode);
    si_image layer = random_image(256, 256, channels, 77);
    for (int i = 0; i < 256 * 256; i++) { /* every pair of alphas once */
        pixel(&canvas, i % 256, i / 256)[3] = (uint8_t)(opaque_canvas ? 255 : i % 256);
        if (channels == 4) {
            pixel(&layer, i % 256, i / 256)[3] = (uint8_t)(i / 256);
        }
    }
    si_image expected = copy_image(&canvas);
    for (int i = 0; i < 256 * 256; i++) {
        const uint8_t *p = pixel(&layer, i % 256, i / 256);
        blend_slowly(mode, pixel(&expected, i % 256, i / 256), p, channels == 4 ? p[3] : 255);
    }
    si_blend_image(&canvas, &layer, &(si_draw){.mode = mode, .opacity = 1});
    assert_same_image(&canvas, &expected);
    si_image_free(&canvas);
    si_image_free(&layer);
    si_image_free(&expected);
}

static const si_blend modes[] = {
    SI_BLEND_NORM, SI_BLEND_LIGHTEN, SI_BLEND_DARKEN, SI_BLEND_MULT, SI_BLEND_SCREEN};

static void modes_are_the_formula_exactly(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        check_mode(modes[i], 4, false);
        check_mode(modes[i], 4, true);
        check_mode(modes[i], 3, false);
        check_mode(modes[i], 3, true);
    }
}

static void alpha_is_rounded_once(void **state) {
    (void)state;
    static const double opacities[] = {0.01, 0.37, 0.5, 0.995, 1};
    for (size_t o = 0; o < sizeof opacities / sizeof *opacities; o++) {
        for (int m = 0; m < 256; m++) {
            si_image canvas = new_image(256, 1, 4), layer = new_image(256, 1, 4);
            si_plane mask = new_plane(256, 1, (uint8_t)m);
            for (int a = 0; a < 256; a++) {
                pixel(&layer, a, 0)[3] = (uint8_t)a;
            }
            si_blend_image(&canvas, &layer, &(si_draw){.opacity = opacities[o], .mask = &mask});
            for (int a = 0; a < 256; a++) {
                double exact = a * m / 255.0 * opacities[o];
                assert_true(fabs(pixel(&canvas, a, 0)[3] - exact) <= 0.5 + 3e-3);
            }
            si_image_free(&canvas);
            si_image_free(&layer);
            si_plane_free(&mask);
        }
    }
}

static void layers_are_clipped_at_any_offset(void **state) {
    (void)state;
    si_image layer = random_image(300, 5, 4, 3);
    static const int offsets[] = {INT32_MIN, -1000, -299, -5, -1, 0, 2, 9, 39, 40, INT32_MAX};
    for (size_t i = 0; i < 11; i++) {
        for (size_t k = 0; k < 11; k++) {
            si_image canvas = random_image(40, 10, 4, 4), expected = copy_image(&canvas);
            si_draw how = {.opacity = 1, .x = offsets[i], .y = offsets[k]};
            si_blend_image(&canvas, &layer, &how);
            for (int y = 0; y < 10; y++) {
                for (int x = 0; x < 40; x++) {
                    int64_t lx = (int64_t)x - how.x, ly = (int64_t)y - how.y;
                    if (lx >= 0 && lx < 300 && ly >= 0 && ly < 5) {
                        const uint8_t *p = pixel(&layer, (int)lx, (int)ly);
                        blend_slowly(SI_BLEND_NORM, pixel(&expected, x, y), p, p[3]);
                    }
                }
            }
            assert_same_image(&canvas, &expected);
            si_image_free(&canvas);
            si_image_free(&expected);
        }
    }
    si_image_free(&layer);
}

static void transparent_layers_change_nothing(void **state) {
    (void)state;
    for (si_blend mode = SI_BLEND_NORM; mode <= SI_BLEND_SCREEN; mode++) {
        si_image canvas = random_image(500, 3, 4, 5), before = copy_image(&canvas);
        si_image layer = random_image(500, 3, 4, 6);
        si_plane nothing = new_plane(500, 3, 0);
        si_blend_image(&canvas, &layer, &(si_draw){.mode = mode, .opacity = 0});
        si_blend_image(&canvas, &layer, &(si_draw){.mode = mode, .opacity = NAN});
        si_blend_image(&canvas, &layer, &(si_draw){.mode = mode, .opacity = 1, .mask = &nothing});
        assert_same_image(&canvas, &before);
        si_image_free(&canvas);
        si_image_free(&before);
        si_image_free(&layer);
        si_plane_free(&nothing);
    }
}

static void dissolve_keeps_its_share_and_its_place(void **state) {
    (void)state;
    const si_rgba red = {255, 0, 0, 128};
    si_image whole = new_image(400, 300, 4), right = new_image(150, 300, 4);
    si_draw how = {.mode = SI_BLEND_DISSOLVE, .opacity = 0.5, .seed = 42};
    si_blend_rect(&whole, red, 400, 300, &how);
    how.canvas_x = 250;
    how.x = -250;
    si_blend_rect(&right, red, 400, 300, &how);
    int drawn = 0;
    for (int y = 0; y < 300; y++) {
        for (int x = 0; x < 400; x++) {
            const uint8_t *p = pixel(&whole, x, y);
            assert_true(p[3] == 0 || (p[3] == 255 && p[0] == 255));
            drawn += p[3] == 255;
        }
        assert_memory_equal(pixel(&whole, 250, y), pixel(&right, 0, y), 150 * 4);
    }
    assert_true(fabs(drawn / 120000.0 - 64 / 255.0) < 0.006); /* three standard deviations */
    si_image again = new_image(400, 300, 4);
    si_blend_rect(
        &again, red, 400, 300, &(si_draw){.mode = SI_BLEND_DISSOLVE, .opacity = 0.5, .seed = 43});
    assert_int_not_equal(memcmp(again.pixels, whole.pixels, whole.stride * 300), 0);
    si_image_free(&whole);
    si_image_free(&right);
    si_image_free(&again);
}

static void solid_layers_are_drawn_through_masks(void **state) {
    (void)state;
    si_image canvas = random_image(50, 20, 4, 8), expected = copy_image(&canvas);
    si_plane mask = random_plane(30, 10, 9);
    const si_rgba color = {10, 200, 30, 255};
    si_blend_color(&canvas, color, &(si_draw){.opacity = 1, .mask = &mask, .x = 25, .y = -3});
    for (int y = 0; y < 7; y++) {
        for (int x = 25; x < 50; x++) {
            blend_slowly(SI_BLEND_NORM, pixel(&expected, x, y), (const uint8_t *)&color,
                si_plane_row(&mask, y + 3)[x - 25]);
        }
    }
    assert_same_image(&canvas, &expected);
    si_image_free(&canvas);
    si_image_free(&expected);
    si_plane_free(&mask);
}

static void colours_go_under_pictures(void **state) {
    (void)state;
    const uint8_t color[4] = {30, 60, 90, 70};
    si_image im = random_image(300, 7, 4, 10), under = copy_image(&im), flat = copy_image(&im);
    si_blend_under(&under, (si_rgba){30, 60, 90, 70});
    si_blend_flatten(&flat, 0x1e3c5a);
    assert_int_equal(flat.channels, 3);
    for (int y = 0; y < 7; y++) {
        for (int x = 0; x < 300; x++) {
            uint8_t a[4], b[4] = {30, 60, 90, 255};
            memcpy(a, color, 4);
            blend_slowly(SI_BLEND_NORM, a, pixel(&im, x, y), pixel(&im, x, y)[3]);
            blend_slowly(SI_BLEND_NORM, b, pixel(&im, x, y), pixel(&im, x, y)[3]);
            assert_memory_equal(pixel(&under, x, y), a, 4);
            assert_memory_equal(pixel(&flat, x, y), b, 3);
        }
    }
    si_image same = copy_image(&im);
    si_blend_under(&same, (si_rgba){1, 2, 3, 0});
    assert_same_image(&same, &im);
    si_image_free(&im);
    si_image_free(&under);
    si_image_free(&flat);
    si_image_free(&same);
}

static void opacity_scales_alpha(void **state) {
    (void)state;
    si_image im = random_image(300, 3, 4, 11), same = copy_image(&im), half = copy_image(&im);
    si_blend_opacity(&same, 1);
    assert_same_image(&same, &im);
    si_blend_opacity(&half, 0.5);
    for (int i = 0; i < 900; i++) {
        const uint8_t *a = pixel(&im, i % 300, i / 300), *b = pixel(&half, i % 300, i / 300);
        assert_memory_equal(a, b, 3);
        assert_int_equal(b[3], (a[3] + 1) / 2);
    }
    si_image_free(&im);
    si_image_free(&same);
    si_image_free(&half);
}

/* ---- masks ---- */

static void masks_are_set_and_multiplied_where_they_lie(void **state) {
    (void)state;
    si_plane mask = random_plane(10, 10, 13);
    for (int at = -12; at <= 22; at++) {
        si_image set = random_image(20, 20, 3, 14), product = random_image(20, 20, 4, 15);
        si_image before = copy_image(&product);
        assert_int_equal(si_mask_set(&set, &mask, at, 4, NULL), SI_OK);
        assert_int_equal(si_mask_multiply(&product, &mask, at, 4, NULL), SI_OK);
        for (int y = 0; y < 20; y++) {
            for (int x = 0; x < 20; x++) {
                int mx = x - at, my = y - 4;
                bool in = mx >= 0 && mx < 10 && my >= 0 && my < 10;
                int m = in ? si_plane_row(&mask, my)[mx] : 0;
                assert_int_equal(pixel(&set, x, y)[3], m);
                assert_int_equal(
                    pixel(&product, x, y)[3], (int)(pixel(&before, x, y)[3] * m / 255.0 + 0.5));
            }
        }
        si_image_free(&set);
        si_image_free(&product);
        si_image_free(&before);
    }
    si_plane_free(&mask);
}

static void mask_use_follows_the_table(void **state) {
    (void)state;
    static const struct {
        si_mask_use use;
        si_mask_kind kind;
        uint8_t expected[4]; /* of 100,200,50 at alpha 51 */
    } rows[] = {
        {SI_MASK_NORM, SI_MASK_NONE, {100, 200, 50, 51}},
        {SI_MASK_NORM, SI_MASK_UNASSOCIATED, {100, 200, 50, 51}},
        {SI_MASK_NORM, SI_MASK_PREMULTIPLIED, {100, 200, 50, 51}},
        {SI_MASK_INVERT, SI_MASK_NONE, {100, 200, 50, 0}},
        {SI_MASK_INVERT, SI_MASK_UNASSOCIATED, {100, 200, 50, 204}},
        {SI_MASK_INVERT, SI_MASK_PREMULTIPLIED, {0, 0, 0, 204}},
        {SI_MASK_OFF, SI_MASK_NONE, {100, 200, 50, 51}},
        {SI_MASK_OFF, SI_MASK_UNASSOCIATED, {100, 200, 50, 255}},
        {SI_MASK_OFF, SI_MASK_PREMULTIPLIED, {20, 40, 10, 255}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_image im = new_image(1, 1, 4);
        memcpy(im.pixels, (uint8_t[]){100, 200, 50, 51}, 4);
        assert_int_equal(si_mask_apply_use(&im, rows[i].use, rows[i].kind, NULL), SI_OK);
        assert_memory_equal(im.pixels, rows[i].expected, 4);
        si_image_free(&im);
    }
    si_image opaque = random_image(9, 9, 3, 1);
    assert_int_equal(si_mask_apply_use(&opaque, SI_MASK_OFF, SI_MASK_NONE, NULL), SI_OK);
    assert_int_equal(opaque.channels, 3);
    assert_int_equal(si_mask_apply_use(&opaque, SI_MASK_INVERT, SI_MASK_NONE, NULL), SI_OK);
    assert_int_equal(opaque.channels, 4);
    assert_int_equal(pixel(&opaque, 8, 8)[3], 0);
    si_image_free(&opaque);
}

static void planes_are_combined_where_they_lie(void **state) {
    (void)state;
    si_plane other = random_plane(10, 6, 16);
    static const int offsets[] = {INT32_MIN, -11, -9, 0, 7, 19, 20, INT32_MAX};
    for (size_t i = 0; i < 8; i++) {
        int at = offsets[i];
        si_plane p = random_plane(20, 8, 17), a = copy_plane(&p), b = copy_plane(&p), placed;
        si_plane_multiply(&a, &other, at, 1);
        si_plane_knock_out(&b, &other, at, 1);
        assert_int_equal(si_plane_place(&other, at, 1, 20, 8, 7, &placed, NULL), SI_OK);
        for (int y = 0; y < 8; y++) {
            for (int x = 0; x < 20; x++) {
                int64_t ox = (int64_t)x - at, oy = y - 1;
                bool in = ox >= 0 && ox < 10 && oy >= 0 && oy < 6;
                int o = in ? si_plane_row(&other, (int)oy)[ox] : 0, v = si_plane_row(&p, y)[x];
                assert_int_equal(si_plane_row(&a, y)[x], (int)(v * o / 255.0 + 0.5));
                assert_int_equal(si_plane_row(&b, y)[x], (int)(v * (255 - o) / 255.0 + 0.5));
                assert_int_equal(si_plane_row(&placed, y)[x], in ? o : 7);
            }
        }
        si_plane_free(&p);
        si_plane_free(&a);
        si_plane_free(&b);
        si_plane_free(&placed);
    }
    si_plane_free(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_the_formula_exactly),
        cmocka_unit_test(alpha_is_rounded_once),
        cmocka_unit_test(layers_are_clipped_at_any_offset),
        cmocka_unit_test(transparent_layers_change_nothing),
        cmocka_unit_test(dissolve_keeps_its_share_and_its_place),
        cmocka_unit_test(solid_layers_are_drawn_through_masks),
        cmocka_unit_test(colours_go_under_pictures),
        cmocka_unit_test(opacity_scales_alpha),
        cmocka_unit_test(masks_are_set_and_multiplied_where_they_lie),
        cmocka_unit_test(mask_use_follows_the_table),
        cmocka_unit_test(planes_are_combined_where_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
