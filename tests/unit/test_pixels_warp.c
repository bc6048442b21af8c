/* Turning, distorting, mirroring, extending. */
#include "pixels.h"

#include <math.h>
#include <time.h>

#include "render/pixel/warp.h"

/* A smooth picture: what interpolation must reproduce. */
static si_image smooth_image(int w, int h, int channels) {
    si_image im = new_image(w, h, channels);
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            uint8_t *p = pixel(&im, x, y);
            p[0] = (uint8_t)(128 + 100 * sin(x * 0.2));
            p[1] = (uint8_t)(128 + 100 * cos(y * 0.15));
            p[2] = (uint8_t)(128 + 100 * sin((x + y) * 0.1));
            if (channels == 4) {
                p[3] = (uint8_t)(200 + 50 * cos(x * 0.11));
            }
        }
    }
    return im;
}

static double alpha_sum(const si_image *im) {
    double sum = 0;
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            sum += pixel(im, x, y)[3] / 255.0;
        }
    }
    return sum;
}

/* Turned clockwise about the centre, in a box of `size` pixels around it that holds it all. */
static void rotate(
    const si_image *im, double degrees, int size, const si_rect *window, si_image *out) {
    double c = cos(degrees * M_PI / 180), s = sin(degrees * M_PI / 180);
    si_affine m = {.xx = c, .xy = -s, .yx = s, .yy = c};
    m.x0 = size / 2.0 - (c * im->width - s * im->height) / 2;
    m.y0 = size / 2.0 - (s * im->width + c * im->height) / 2;
    si_rect whole = {0, 0, size, size};
    assert_int_equal(si_warp_affine(im, &m, window != NULL ? window : &whole, out, NULL), SI_OK);
}

static void check_windows(const si_image *im, double degrees) {
    static const si_rect windows[] = {
        {0, 0, 10, 10}, {13, 7, 30, 21}, {-5, -9, 20, 20}, {60, 40, 50, 50}, {500, 0, 3, 3}};
    si_image whole;
    rotate(im, degrees, 100, NULL, &whole);
    for (int i = 0; i < 5; i++) {
        const si_rect *r = &windows[i];
        si_image part;
        rotate(im, degrees, 100, r, &part);
        for (int y = 0; y < r->height; y++) {
            for (int x = 0; x < r->width; x++) {
                int wx = x + r->x, wy = y + r->y;
                bool in = wx >= 0 && wy >= 0 && wx < whole.width && wy < whole.height;
                const uint8_t *p = pixel(&part, x, y);
                assert_memory_equal(p, in ? pixel(&whole, wx, wy) : (const uint8_t *)"\0\0\0", 3);
                int alpha = !in ? 0 : whole.channels == 4 ? pixel(&whole, wx, wy)[3] : 255;
                assert_int_equal(part.channels == 4 ? p[3] : 255, alpha);
            }
        }
        si_image_free(&part);
    }
    si_image_free(&whole);
}

static void windows_show_parts_of_the_whole(void **state) {
    (void)state;
    si_image im = random_image(70, 50, 4, 2), opaque = random_image(70, 50, 3, 2);
    check_windows(&im, 33);
    check_windows(&im, 90);
    check_windows(&opaque, 200.5);
    check_windows(&opaque, 180);
    si_image_free(&im);
    si_image_free(&opaque);
}

static void turned_pictures_keep_their_area(void **state) {
    (void)state;
    si_image im = new_image(120, 80, 3), out;
    memset(im.pixels, 200, im.stride * 80);
    for (double degrees = 5; degrees < 360; degrees += 37) {
        rotate(&im, degrees, 150, NULL, &out);
        assert_true(fabs(alpha_sum(&out) / (120 * 80) - 1) < 0.01);
        const uint8_t *middle = pixel(&out, out.width / 2, out.height / 2);
        assert_memory_equal(middle, ((uint8_t[]){200, 200, 200, 255}), 4);
        for (int i = 0; i < out.width * out.height; i++) { /* no dark seams */
            const uint8_t *p = pixel(&out, i % out.width, i / out.width);
            assert_true(p[3] == 0 || p[0] == 200);
        }
        assert_int_equal(pixel(&out, 0, 0)[3], 0);
        si_image_free(&out);
    }
    si_image_free(&im);
}

static void turning_back_restores(void **state) {
    (void)state;
    si_image im = smooth_image(90, 60, 4), there, back;
    for (double degrees = 10; degrees < 90; degrees += 25) {
        rotate(&im, degrees, 110, NULL, &there);
        rotate(&there, -degrees, 160, NULL, &back);
        int dx = (back.width - 90), dy = (back.height - 60);
        /* centres lie on centres; whole pixels apart where both differences are even */
        for (int y = 5; dx % 2 == 0 && dy % 2 == 0 && y < 55; y++) {
            for (int x = 5; x < 85; x++) {
                for (int c = 0; c < 4; c++) {
                    int d = pixel(&im, x, y)[c] - pixel(&back, x + dx / 2, y + dy / 2)[c];
                    assert_true(abs(d) <= 3);
                }
            }
        }
        si_image_free(&there);
        si_image_free(&back);
    }
    si_image_free(&im);
}

static void affine_maps_are_bicubic(void **state) {
    (void)state;
    si_image im = smooth_image(60, 40, 3), out;
    si_rect window = {0, 0, 120, 80};
    si_affine twice = {.xx = 2, .yy = 2};
    assert_int_equal(si_warp_affine(&im, &twice, &window, &out, NULL), SI_OK);
    for (int y = 10; y < 70; y++) {
        for (int x = 10; x < 110; x++) {
            double expected = 128 + 100 * sin(((x + .5) / 2 - .5) * 0.2);
            assert_true(fabs(pixel(&out, x, y)[0] - expected) < 2);
        }
    }
    si_image_free(&out);
    si_affine moved = {.xx = 1, .yy = 1, .x0 = 7, .y0 = -3};
    assert_int_equal(si_warp_affine(&im, &moved, &window, &out, NULL), SI_OK);
    for (int y = 0; y < 37; y++) {
        for (int x = 7; x < 67; x++) { /* the kernel's phases are 1/1024 wide */
            for (int c = 0; c < 3; c++) {
                assert_true(abs(pixel(&out, x, y)[c] - pixel(&im, x - 7, y + 3)[c]) <= 1);
            }
        }
    }
    si_image_free(&out);
    si_diag diag = {0};
    assert_int_equal(
        si_warp_affine(&im, &(si_affine){.xx = 1, .xy = 1, .yx = 1, .yy = 1}, &window, &out, &diag),
        SI_ERR_RANGE);
    assert_int_equal(
        si_warp_affine(&im, &(si_affine){.xx = NAN, .yy = 1}, &window, &out, NULL), SI_ERR_RANGE);
    assert_int_equal(
        si_warp_affine(&im, &(si_affine){.xx = INFINITY, .yy = 1}, &window, &out, NULL),
        SI_ERR_RANGE);
    si_image_free(&im);
}

/* ---- perspective ---- */

static si_image distort(const si_image *im, const double corner[8], si_sampling s, si_rect window) {
    si_quad how = {.sampling = s, .window = window};
    memcpy(how.corner, corner, sizeof how.corner);
    si_image out;
    assert_int_equal(si_warp_perspective(im, &how, &out, NULL), SI_OK);
    return out;
}

static void whole_moves_keep_every_pixel(void **state) {
    (void)state;
    si_image im = random_image(40, 30, 4, 3);
    const double corner[8] = {5, -4, 45, -4, 45, 26, 5, 26};
    for (si_sampling s = SI_SAMPLING_NEAREST; s <= SI_SAMPLING_SUPER; s++) {
        si_image out = distort(&im, corner, s, (si_rect){0, 0, 50, 30});
        for (int y = 0; y < 30; y++) {
            for (int x = 0; x < 50; x++) {
                int sx = x - 5, sy = y + 4;
                const uint8_t *p = pixel(&out, x, y);
                if (sx < 0 || sx >= 40 || sy >= 30 || pixel(&im, sx, sy)[3] == 0) {
                    assert_int_equal(p[3], 0);
                } else {
                    assert_memory_equal(p, pixel(&im, sx, sy), 4);
                }
            }
        }
        si_image_free(&out);
    }
    si_image_free(&im);
}

static void corners_go_to_corners(void **state) {
    (void)state;
    si_image im = new_image(100, 80, 3);
    for (int y = 0; y < 80; y++) {
        for (int x = 0; x < 100; x++) {
            pixel(&im, x, y)[0] = x < 50 ? 0 : 255;
            pixel(&im, x, y)[1] = y < 40 ? 0 : 255;
        }
    }
    const double corner[8] = {40, 10, 190, 40, 160, 140, 10, 110}; /* convex, clockwise */
    for (si_sampling s = SI_SAMPLING_NEAREST; s <= SI_SAMPLING_SUPER; s++) {
        si_image out = distort(&im, corner, s, (si_rect){0, 0, 200, 150});
        for (int i = 0; i < 4; i++) { /* a tenth of the way to the middle, 100,75 */
            int x = (int)(corner[2 * i] * 0.9 + 10), y = (int)(corner[2 * i + 1] * 0.9 + 7.5);
            const uint8_t *p = pixel(&out, x, y);
            assert_int_equal(p[3], 255);
            assert_int_equal(p[0], i == 1 || i == 2 ? 255 : 0);
            assert_int_equal(p[1], i >= 2 ? 255 : 0);
        }
        assert_int_equal(pixel(&out, 3, 3)[3], 0);
        double area = 0;
        for (int i = 0; i < 4; i++) {
            int k = (i + 1) % 4;
            area += (corner[2 * i] * corner[2 * k + 1] - corner[2 * k] * corner[2 * i + 1]) / 2;
        }
        assert_true(fabs(alpha_sum(&out) / area - 1) < 0.01);
        si_image_free(&out);
    }
    si_image_free(&im);
}

/* Straight lines stay straight and lengths foreshorten: the middle of the source lands where the
 * diagonals cross. */
static void the_middle_lands_where_diagonals_cross(void **state) {
    (void)state;
    si_image im = new_image(101, 101, 3);
    for (int i = 0; i < 101; i++) {
        for (int k = 0; k < 101; k++) {
            pixel(&im, i, k)[0] = abs(i - 50) <= 1 && abs(k - 50) <= 1 ? 255 : 0;
        }
    }
    const double corner[8] = {100, 20, 200, 20, 280, 180, 20, 180};
    /* diagonals of this trapezium meet at x = 150, y = 20 + 160·100/360 */
    si_image out = distort(&im, corner, SI_SAMPLING_SUPER, (si_rect){0, 0, 300, 200});
    double x_sum = 0, y_sum = 0, sum = 0;
    for (int y = 0; y < 200; y++) {
        for (int x = 0; x < 300; x++) {
            double v = pixel(&out, x, y)[0];
            sum += v;
            x_sum += v * (x + 0.5);
            y_sum += v * (y + 0.5);
        }
    }
    assert_true(fabs(x_sum / sum - 150) < 0.2);
    assert_true(fabs(y_sum / sum - (20 + 160 * 100 / 360.0)) < 0.5);
    si_image_free(&out);
    si_image_free(&im);
}

/* A checkerboard shrunk far: super-sampling gives grey, not moiré. */
static void super_sampling_averages(void **state) {
    (void)state;
    si_image im = new_image(512, 512, 3);
    for (int y = 0; y < 512; y++) {
        for (int x = 0; x < 512; x++) {
            memset(pixel(&im, x, y), (x + y) % 2 ? 255 : 0, 3);
        }
    }
    const double corner[8] = {10, 5, 60, 12, 55, 60, 4, 50};
    for (int jitter = 0; jitter <= 200; jitter += 100) {
        si_quad how = {.sampling = SI_SAMPLING_SUPER, .jitter = jitter, .seed = 3};
        how.window = (si_rect){0, 0, 64, 64};
        memcpy(how.corner, corner, sizeof corner);
        si_image out, again;
        assert_int_equal(si_warp_perspective(&im, &how, &out, NULL), SI_OK);
        assert_int_equal(si_warp_perspective(&im, &how, &again, NULL), SI_OK);
        assert_same_image(&out, &again);
        for (int i = 0; i < 64 * 64; i++) {
            const uint8_t *p = pixel(&out, i % 64, i / 64);
            assert_true(p[3] == 0 || abs(p[0] - 128) < 24);
        }
        si_image_free(&out);
        si_image_free(&again);
    }
    si_image_free(&im);
}

/* Stripes of four pixels, shrunk 256 times: 64 samples along a side of the full-size source would
 * all meet white, so smaller versions of it must be sampled. */
static void great_reductions_average_too(void **state) {
    (void)state;
    si_image im = new_image(2048, 2048, 3);
    for (int y = 0; y < 2048; y++) {
        for (int x = 0; x < 2048; x++) {
            memset(pixel(&im, x, y), x % 4 == 1 || x % 4 == 2 ? 255 : 0, 3);
        }
    }
    const double corner[8] = {0, 0, 8, 0, 8, 8, 0, 8};
    si_image out = distort(&im, corner, SI_SAMPLING_SUPER, (si_rect){0, 0, 8, 8});
    for (int i = 0; i < 64; i++) {
        assert_true(abs(pixel(&out, i % 8, i / 8)[0] - 128) <= 2);
    }
    si_image_free(&out);
    si_image_free(&im);
}

static void jitter_moves_samples(void **state) {
    (void)state;
    si_image im = random_image(200, 200, 3, 4);
    si_quad how = {.corner = {3, 1, 97, 5, 90, 99, 8, 92}, .sampling = SI_SAMPLING_SUPER};
    how.window = (si_rect){0, 0, 100, 100};
    si_image plain, moved, other;
    assert_int_equal(si_warp_perspective(&im, &how, &plain, NULL), SI_OK);
    how.jitter = 80;
    assert_int_equal(si_warp_perspective(&im, &how, &moved, NULL), SI_OK);
    how.seed = 1;
    assert_int_equal(si_warp_perspective(&im, &how, &other, NULL), SI_OK);
    assert_int_not_equal(memcmp(plain.pixels, moved.pixels, plain.stride * 100), 0);
    assert_int_not_equal(memcmp(other.pixels, moved.pixels, plain.stride * 100), 0);
    si_image_free(&im);
    si_image_free(&plain);
    si_image_free(&moved);
    si_image_free(&other);
}

static void perspective_windows_join(void **state) {
    (void)state;
    si_image im = random_image(150, 90, 4, 5);
    const double corner[8] = {-30, 12, 120, -20, 140, 90, 5, 101};
    for (si_sampling s = SI_SAMPLING_NEAREST; s <= SI_SAMPLING_SUPER; s++) {
        si_image whole = distort(&im, corner, s, (si_rect){0, 0, 100, 100});
        si_image part = distort(&im, corner, s, (si_rect){31, 47, 40, 40});
        for (int y = 0; y < 40; y++) {
            for (int x = 0; x < 40; x++) {
                const uint8_t *a = pixel(&part, x, y), *b = pixel(&whole, x + 31, y + 47);
                assert_true(abs(a[3] - b[3]) <= 1); /* cairo counts areas in steps */
                assert_memory_equal(a, b, 3);
            }
        }
        si_image_free(&whole);
        si_image_free(&part);
    }
    si_image_free(&im);
}

static void hostile_corners_are_refused_or_drawn(void **state) {
    (void)state;
    si_image im = random_image(64, 48, 4, 6);
    static const struct {
        double corner[8];
        si_result code;
    } rows[] = {
        {{0}, SI_ERR_RANGE},                            /* all in one point */
        {{0, 0, 10, 10, 20, 20, 30, 30}, SI_ERR_RANGE}, /* on a line */
        {{NAN, 0, 10, 0, 10, 10, 0, 10}, SI_ERR_RANGE},
        {{INFINITY, 0, 10, 0, 10, 10, 0, 10}, SI_ERR_RANGE},
        {{0, 0, 100, 0, 0, 100, 100, 100}, SI_OK}, /* a bow tie */
        {{0, 0, 100, 0, 20, 10, 0, 100}, SI_OK},   /* concave */
        {{100, 0, 0, 0, 0, 100, 100, 100}, SI_OK}, /* mirrored */
        {{-1e7, -1e7, 1e7, -1e7, 1e7, 1e7, -1e7, 1e7}, SI_OK},
        {{-1e5, 0, 1e5, 0, 60, 100, 40, 100}, SI_OK},
        {{50, 50, 50.1, 50, 50.1, 50.1, 50, 50.1}, SI_OK}, /* a tenth of a pixel */
        {{1e9, 1e9, 1e9 + 50, 1e9, 1e9 + 50, 1e9 + 50, 1e9, 1e9 + 50}, SI_OK}, /* elsewhere */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (si_sampling s = SI_SAMPLING_NEAREST; s <= SI_SAMPLING_SUPER; s++) {
            si_quad how = {.sampling = s, .jitter = INT32_MAX};
            how.window = (si_rect){0, 0, 100, 100};
            memcpy(how.corner, rows[i].corner, sizeof how.corner);
            si_image out;
            assert_int_equal(si_warp_perspective(&im, &how, &out, NULL), rows[i].code);
            si_image_free(&out);
        }
    }
    uint32_t random = 77;
    for (int i = 0; i < 400; i++) {
        si_quad how = {.sampling = (si_sampling)(i % 3), .window = {-10, -10, 60, 60}};
        for (int k = 0; k < 8; k++) {
            how.corner[k] = (int)(next_random(&random) % 400) - 150;
        }
        si_image out;
        si_result code = si_warp_perspective(&im, &how, &out, NULL);
        assert_true(code == SI_OK || code == SI_ERR_RANGE);
        si_image_free(&out);
    }
    si_image_free(&im);
}

static void boxes_of_corners(void **state) {
    (void)state;
    si_rect r = si_quad_box((double[]){1.5, -2.5, 10, 0, 9, 7.1, 0.2, 7});
    assert_true(r.x == 0 && r.y == -3 && r.width == 10 && r.height == 11);
    r = si_quad_box((double[]){-1e300, 0, 1e300, 0, 9, 7, 0, 7});
    assert_true(r.width > 0 && r.height == 7);
}

/* ---- mirrors ---- */

static void flips_mirror(void **state) {
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        si_image im = random_image(17, 9, channels, 7), before = copy_image(&im);
        si_flip_image(&im, true, true);
        for (int i = 0; i < 17 * 9; i++) {
            assert_memory_equal(pixel(&im, i % 17, i / 17), pixel(&before, 16 - i % 17, 8 - i / 17),
                (size_t)channels);
        }
        si_flip_image(&im, false, true);
        for (int i = 0; i < 17 * 9; i++) {
            assert_memory_equal(
                pixel(&im, i % 17, i / 17), pixel(&before, 16 - i % 17, i / 17), (size_t)channels);
        }
        si_flip_image(&im, true, false);
        assert_same_image(&im, &before);
        si_image_free(&im);
        si_image_free(&before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_show_parts_of_the_whole),
        cmocka_unit_test(turned_pictures_keep_their_area),
        cmocka_unit_test(turning_back_restores),
        cmocka_unit_test(affine_maps_are_bicubic),
        cmocka_unit_test(whole_moves_keep_every_pixel),
        cmocka_unit_test(corners_go_to_corners),
        cmocka_unit_test(the_middle_lands_where_diagonals_cross),
        cmocka_unit_test(super_sampling_averages),
        cmocka_unit_test(great_reductions_average_too),
        cmocka_unit_test(jitter_moves_samples),
        cmocka_unit_test(perspective_windows_join),
        cmocka_unit_test(hostile_corners_are_refused_or_drawn),
        cmocka_unit_test(boxes_of_corners),
        cmocka_unit_test(flips_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
