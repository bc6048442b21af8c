/* Blurring and growing against slow and plain versions. */
#include "pixels.h"

#include <math.h>
#include <time.h>

#include "base/sanitize.h"
#include "render/pixel/blur.h"
#include "render/pixel/morphology.h"

static int clamp(int v, int high) {
    return v < 0 ? 0 : v > high ? high : v;
}

/* ---- blur ---- */

static double weight(double sigma, int d) {
    return (erf((d + 0.5) / (sigma * M_SQRT2)) - erf((d - 0.5) / (sigma * M_SQRT2))) / 2;
}

/* The Gaussian itself, 2-D, premultiplied, in doubles. */
static void blur_slowly(const si_image *im, double sigma, si_edge edge, int x, int y, double v[4]) {
    int reach = (int)ceil(4 * sigma) + 2;
    double all = 0;
    memset(v, 0, 4 * sizeof *v);
    for (int dy = -reach; dy <= reach; dy++) {
        for (int dx = -reach; dx <= reach; dx++) {
            int sx = clamp(x + dx, im->width - 1), sy = clamp(y + dy, im->height - 1);
            double w = weight(sigma, dx) * weight(sigma, dy);
            all += w;
            if (edge == SI_EDGE_ZERO && (sx != x + dx || sy != y + dy)) {
                continue;
            }
            const uint8_t *p = pixel(im, sx, sy);
            double a = im->channels == 4 ? p[3] / 255.0 : 1;
            for (int c = 0; c < 3; c++) {
                v[c] += w * a * p[c];
            }
            v[3] += w * a * 255;
        }
    }
    for (int c = 0; c < 3; c++) {
        v[c] /= v[3] / 255;
    }
    v[3] /= all;
}

static void check_blur(int channels, double sigma, si_edge edge, double tolerance) {
    si_image im = random_image(71, 37, channels, 1), before = copy_image(&im);
    assert_int_equal(si_blur_image(&im, sigma, edge, NULL), SI_OK);
    for (int y = 0; y < 37; y += 3) {
        for (int x = 0; x < 71; x += 5) {
            double v[4];
            blur_slowly(&before, sigma, edge, x, y, v);
            const uint8_t *p = pixel(&im, x, y);
            assert_true(channels == 3 || fabs(p[3] - v[3]) <= 0.5 + tolerance);
            for (int c = 0; c < 3 && v[3] > 1; c++) {
                assert_true(fabs(p[c] - v[c]) <= 0.5 + tolerance * 255 / v[3]);
            }
        }
    }
    si_image_free(&im);
    si_image_free(&before);
}

static void blur_is_the_gaussian(void **state) {
    (void)state;
    static const double sigmas[] = {0.1, 0.4, 1, 2.3, 5, 7.9};
    for (int i = 0; i < 6; i++) {
        check_blur(3, sigmas[i], SI_EDGE_REPEAT, 0.25);
        check_blur(4, sigmas[i], SI_EDGE_REPEAT, 0.25);
        check_blur(4, sigmas[i], SI_EDGE_ZERO, 0.25);
    }
}

static void boxes_are_close_to_it(void **state) {
    (void)state;
    check_blur(3, 8, SI_EDGE_REPEAT, 2.5);
    check_blur(4, 12, SI_EDGE_ZERO, 2.5);
}

/* A point spreads to the Gaussian: variance and mean of what becomes of it. */
static void boxes_have_the_variance(void **state) {
    (void)state;
    static const double sigmas[] = {7.9, 8, 11.3, 20};
    for (int i = 0; i < 4; i++) {
        si_plane p = new_plane(241, 241, 0);
        for (int k = 0; k < 241; k++) { /* a line of full coverage: one axis at a time */
            si_plane_row(&p, k)[120] = 255;
        }
        assert_int_equal(si_blur_plane(&p, sigmas[i], SI_EDGE_REPEAT, NULL), SI_OK);
        double sum = 0, mean = 0, square = 0;
        for (int x = 0; x < 241; x++) {
            double v = si_plane_row(&p, 120)[x];
            sum += v;
            mean += v * (x - 120);
            square += v * (x - 120) * (x - 120);
        }
        assert_true(fabs(mean) < 1e-9);
        assert_true(fabs(sqrt(square / sum) / sigmas[i] - 1) < 0.05); /* 8-bit tails are cut */
        si_plane_free(&p);
    }
}

static void flat_pictures_stay(void **state) {
    (void)state;
    static const double sigmas[] = {0.3, 3, 8, 60, 5000};
    for (int i = 0; i < 5; i++) {
        for (int level = 0; level < 256; level += 15) {
            si_image im = new_image(33, 70, 4);
            for (int k = 0; k < 33 * 70; k++) {
                memcpy(pixel(&im, k % 33, k / 33),
                    ((uint8_t[]){(uint8_t)level, 200, 9, (uint8_t)level}), 4);
            }
            si_image before = copy_image(&im);
            assert_int_equal(si_blur_image(&im, sigmas[i], SI_EDGE_REPEAT, NULL), SI_OK);
            assert_same_image(&im, &before);
            si_image_free(&im);
            si_image_free(&before);
        }
    }
}

static void no_radius_changes_nothing(void **state) {
    (void)state;
    static const double none[] = {0, 0.009, -1, -INFINITY, NAN};
    si_image im = random_image(40, 30, 4, 2), before = copy_image(&im);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(si_blur_image(&im, none[i], SI_EDGE_ZERO, NULL), SI_OK);
        assert_int_equal(si_blur_reach(none[i]), 0);
    }
    assert_int_equal(si_grow_image(&im, 0, NULL), SI_OK);
    assert_int_equal(si_grow_image(&im, NAN, NULL), SI_OK);
    assert_int_equal(si_grow_alpha(&im, -0.009, NULL), SI_OK);
    assert_same_image(&im, &before);
    si_image_free(&im);
    si_image_free(&before);
}

/* Colours of transparent pixels are not seen. */
static void blur_takes_no_colour_from_nowhere(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        si_image im = new_image(60, 60, 4);
        for (int k = 0; k < 3600; k++) {
            bool in = k % 60 > 20;
            memcpy(pixel(&im, k % 60, k / 60),
                in ? ((uint8_t[]){10, 20, 30, 255}) : ((uint8_t[]){255, 255, 255, 0}), 4);
        }
        assert_int_equal(si_blur_image(&im, i == 0 ? 4 : 9, SI_EDGE_REPEAT, NULL), SI_OK);
        for (int x = 0; x < 60; x++) {
            const uint8_t *p = pixel(&im, x, 30);
            assert_true(p[3] < 4 || (abs(p[0] - 10) <= 1 && abs(p[2] - 30) <= 1));
        }
        si_image_free(&im);
    }
}

static void blur_spreads_as_far_as_it_says(void **state) {
    (void)state;
    static const double sigmas[] = {0.5, 3, 7.99, 8, 13.7};
    for (int i = 0; i < 5; i++) {
        int reach = si_blur_reach(sigmas[i]);
        si_plane p = new_plane(201, 201, 0);
        for (int x = 0; x < 100; x++) {
            for (int y = 0; y < 201; y++) {
                si_plane_row(&p, y)[x] = 255;
            }
        }
        assert_int_equal(si_blur_plane(&p, sigmas[i], SI_EDGE_REPEAT, NULL), SI_OK);
        assert_int_equal(si_plane_row(&p, 100)[99 + reach + 1], 0);
        assert_int_equal(si_plane_row(&p, 100)[100 - reach - 1], 255);
        assert_true(si_plane_row(&p, 100)[100] > 0);
        si_plane_free(&p);
    }
}

/* ---- morphology ---- */

static int grow_slowly(const si_plane *p, int radius, bool least, int x, int y) {
    int best = si_plane_row(p, y)[x];
    for (int dy = -radius; dy <= radius; dy++) {
        for (int dx = -radius; dx <= radius; dx++) {
            int sx = x + dx, sy = y + dy;
            if (dx * dx + dy * dy <= radius * radius + radius && sx >= 0 && sx < p->width &&
                sy >= 0 && sy < p->height) {
                int v = si_plane_row(p, sy)[sx];
                best = least ? (v < best ? v : best) : v > best ? v : best;
            }
        }
    }
    return best;
}

/* Mostly low values, so that maxima differ from place to place. */
static si_plane sparse_plane(int w, int h, uint32_t seed, int one_in) {
    si_plane p = new_plane(w, h, 0);
    for (int i = 0; i < w * h; i++) {
        uint32_t r = next_random(&seed);
        si_plane_row(&p, i / w)[i % w] = (uint8_t)(r % (unsigned)one_in == 0 ? r >> 24 : r >> 29);
    }
    return p;
}

static void growing_is_the_maximum_over_a_disc(void **state) {
    (void)state;
    static const struct {
        int w, h, radius;
    } rows[] = {{1, 1, 3}, {7, 90, 1}, {50, 40, 2}, {61, 33, 3}, {40, 61, 9}, {90, 20, 31},
        {30, 30, 64}, {2100, 9, 5}};
    for (int i = 0; i < 8; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            si_plane p = sparse_plane(rows[i].w, rows[i].h, 7, rows[i].radius * rows[i].radius);
            if (sign < 0) {
                for (int y = 0; y < p.height; y++) {
                    for (int x = 0; x < p.width; x++) {
                        si_plane_row(&p, y)[x] ^= 255;
                    }
                }
            }
            si_plane before = copy_plane(&p);
            assert_int_equal(si_grow_plane(&p, sign * rows[i].radius, NULL), SI_OK);
            for (int y = 0; y < p.height; y++) {
                for (int x = 0; x < p.width; x++) {
                    assert_int_equal(si_plane_row(&p, y)[x],
                        grow_slowly(&before, rows[i].radius, sign < 0, x, y));
                }
            }
            si_plane_free(&p);
            si_plane_free(&before);
        }
    }
}

static void broken_radii_lie_between(void **state) {
    (void)state;
    static const double radii[] = {0.5, 0.25, 1.75, 3.5};
    for (int i = 0; i < 4; i++) {
        double r = radii[i];
        int whole = (int)r;
        si_plane low = sparse_plane(60, 50, 3, 9), high = copy_plane(&low), p = copy_plane(&low);
        assert_int_equal(si_grow_plane(&low, whole, NULL), SI_OK);
        assert_int_equal(si_grow_plane(&high, whole + 1, NULL), SI_OK);
        assert_int_equal(si_grow_plane(&p, r, NULL), SI_OK);
        for (int k = 0; k < 3000; k++) {
            int a = si_plane_row(&low, k / 60)[k % 60], b = si_plane_row(&high, k / 60)[k % 60];
            double expected = a + (b - a) * (r - whole);
            assert_true(fabs(si_plane_row(&p, k / 60)[k % 60] - expected) <= 0.5);
        }
        si_plane_free(&p);
        si_plane_free(&low);
        si_plane_free(&high);
    }
}

static void colours_grow_by_themselves_and_alpha_stays(void **state) {
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        si_image im = random_image(50, 30, 4, 3), before = copy_image(&im);
        assert_int_equal(si_grow_image(&im, sign * 2, NULL), SI_OK);
        for (int y = 0; y < 30; y++) {
            for (int x = 0; x < 50; x++) {
                assert_int_equal(pixel(&im, x, y)[3], pixel(&before, x, y)[3]);
                for (int c = 0; c < 3; c++) {
                    int best = sign < 0 ? 255 : 0;
                    for (int dy = -2; dy <= 2; dy++) {
                        for (int dx = -2; dx <= 2; dx++) {
                            int sx = x + dx, sy = y + dy;
                            if (dx * dx + dy * dy > 6 || sx < 0 || sx > 49 || sy < 0 || sy > 29 ||
                                pixel(&before, sx, sy)[3] == 0) {
                                continue;
                            }
                            int v = pixel(&before, sx, sy)[c];
                            best = sign < 0 ? (v < best ? v : best) : v > best ? v : best;
                        }
                    }
                    assert_int_equal(pixel(&im, x, y)[c], best);
                }
            }
        }
        si_image_free(&im);
        si_image_free(&before);
    }
}

static void alpha_grows_like_a_plane(void **state) {
    (void)state;
    si_image im = random_image(40, 30, 4, 4), before = copy_image(&im);
    si_plane p = new_plane(40, 30, 0);
    for (int i = 0; i < 1200; i++) {
        si_plane_row(&p, i / 40)[i % 40] = pixel(&im, i % 40, i / 40)[3];
    }
    assert_int_equal(si_grow_plane(&p, -1.5, NULL), SI_OK);
    assert_int_equal(si_grow_alpha(&im, -1.5, NULL), SI_OK);
    for (int i = 0; i < 1200; i++) {
        const uint8_t *a = pixel(&im, i % 40, i / 40);
        assert_memory_equal(a, pixel(&before, i % 40, i / 40), 3);
        assert_int_equal(a[3], si_plane_row(&p, i / 40)[i % 40]);
    }
    si_image_free(&im);
    si_image_free(&before);
    si_plane_free(&p);
}

static void huge_radii_are_held(void **state) {
    (void)state;
    si_plane p = sparse_plane(300, 200, 5, 2000);
    int highest = 0;
    for (int i = 0; i < 60000; i++) {
        int v = si_plane_row(&p, i / 300)[i % 300];
        highest = v > highest ? v : highest;
    }
    assert_int_equal(si_grow_plane(&p, 1e30, NULL), SI_OK);
    assert_int_equal(si_grow_reach(1e30), 500);
    assert_int_equal(si_plane_row(&p, 0)[0], highest);
    assert_int_equal(si_plane_row(&p, 199)[299], highest);
    si_plane_free(&p);
}

/* Not a benchmark: a bound that a version whose cost grows with the radius squared misses. */
static void large_radii_are_no_burden(void **state) {
    (void)state;
    si_image im = random_image(1000, 1000, 4, 6);
    clock_t start = clock();
    assert_int_equal(si_grow_image(&im, 100, NULL), SI_OK);
    assert_int_equal(si_blur_image(&im, 100, SI_EDGE_REPEAT, NULL), SI_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("grow and blur by 100 of 1 MP: %.3f s\n", seconds);
    assert_true(seconds < (SI_SANITIZED ? 60 : 4));
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blur_is_the_gaussian),
        cmocka_unit_test(boxes_are_close_to_it),
        cmocka_unit_test(boxes_have_the_variance),
        cmocka_unit_test(flat_pictures_stay),
        cmocka_unit_test(no_radius_changes_nothing),
        cmocka_unit_test(blur_takes_no_colour_from_nowhere),
        cmocka_unit_test(blur_spreads_as_far_as_it_says),
        cmocka_unit_test(growing_is_the_maximum_over_a_disc),
        cmocka_unit_test(broken_radii_lie_between),
        cmocka_unit_test(colours_grow_by_themselves_and_alpha_stays),
        cmocka_unit_test(alpha_grows_like_a_plane),
        cmocka_unit_test(huge_radii_are_held),
        cmocka_unit_test(large_radii_are_no_burden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
