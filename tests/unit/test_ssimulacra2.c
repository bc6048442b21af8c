/* SSIMULACRA2: the reference program's scores, what must hold for any measure, and the vector
 * kernels against the plain ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "codec/codec.h"
#include "quality/ssimulacra2.h"
#include "quality/ssimulacra2_kernels.h"

typedef enum picture { WAVES, FLAT, NOISE, CHECKER, BLACK, WHITE, PICTURES } picture;

static uint32_t random_state;

static uint32_t random_byte(void) {
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 24;
}

static uint8_t sample(picture kind, int x, int y, int c) {
    switch (kind) {
    case WAVES:
        return (uint8_t)(abs((x * (2 + c) + y * 3) % 320 - 160) + 40 + (x / 24 + y / 16) % 2 * 20);
    case FLAT:
        return (uint8_t)(120 + 30 * c + x / 64);
    case NOISE:
        return (uint8_t)random_byte();
    case CHECKER:
        return (x + y) % 2 ? 255 : 0;
    default:
        return kind == WHITE ? 255 : 0;
    }
}

static si_image draw(picture kind, int width, int height, int channels) {
    si_image im = {0};
    assert_int_equal(si_image_alloc(&im, width, height, channels, NULL), SI_OK);
    random_state = 1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)(x * channels);
            for (int c = 0; c < 3; c++) {
                p[c] = sample(kind, x, y, c);
            }
            if (channels == 4) {
                p[3] = 255;
            }
        }
    }
    return im;
}

/* Adds noise of −strength … strength to the first three samples of each pixel. */
static void add_noise(si_image *im, int strength) {
    random_state = 7;
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)(x * im->channels);
            for (int c = 0; c < 3; c++) {
                int v = p[c] + (int)(random_byte() * (uint32_t)(2 * strength + 1) >> 8) - strength;
                p[c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
    }
}

/* Every 8×8 block becomes its first pixel, halfway. */
static void make_blocky(si_image *im) {
    for (int y = 0; y < im->height; y++) {
        for (int i = 0; i < im->width * im->channels; i++) {
            int x = i / im->channels, c = i % im->channels;
            const uint8_t *first =
                im->pixels + (size_t)(y & ~7) * im->stride + (size_t)((x & ~7) * im->channels + c);
            uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)i;
            *p = (uint8_t)((*p + *first) / 2);
        }
    }
}

static double score_on(
    const si_image *original, const si_image *candidate, si_score_background background) {
    si_score_ref *ref;
    double score = NAN;
    assert_int_equal(si_score_ref_new(original, background, &ref, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, candidate, &score, NULL), SI_OK);
    si_score_ref_free(ref);
    assert_true(isfinite(score));
    assert_true(score <= 100);
    return score;
}

static double score_of(const si_image *original, const si_image *candidate) {
    return score_on(original, candidate, SI_SCORE_ON_BLACK_AND_WHITE);
}

/* Norms that are not computed and sums in another order, see the header. */
static const double TOLERANCE = 0.005;

/* ---- the reference program's scores ---- */

static bool load_png(const char *folder, const char *name, si_image *im) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    static uint8_t data[1 << 22];
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    assert_int_equal(si_codec_decode(SI_FORMAT_PNG, data, len, im, NULL), SI_OK);
    return true;
}

static void vectors(void **state) {
    (void)state;
    const char *shared = getenv("SMARTIMG_SHARED"), *root = getenv("SMARTIMG_SOURCE_ROOT");
    char folder[800], path[1000], line[500];
    snprintf(folder, sizeof folder, "%s%s/vectors/ssimulacra2",
        shared ? shared
        : root ? root
               : ".",
        shared ? "" : "/../shared");
    snprintf(path, sizeof path, "%s/scores.tsv", folder);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        print_message("no reference scores on this machine (SMARTIMG_SHARED), skipped\n");
        skip();
    }
    int rows = 0;
    double worst = 0;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f) != NULL) {
        char original[100], candidate[100], how[100];
        double expected;
        assert_int_equal(
            sscanf(line, "%99[^\t]\t%99[^\t]\t%99[^\t]\t%lf", original, candidate, how, &expected),
            4);
        si_image a = {0}, b = {0};
        assert_true(load_png(folder, original, &a) && load_png(folder, candidate, &b));
        double off = fabs(score_on(&a, &b, SI_SCORE_ON_GREYS) - expected);
        if (off > TOLERANCE) {
            fail_msg("%s against %s: off by %.4f", candidate, original, off);
        }
        worst = off > worst ? off : worst;
        rows++;
        si_image_free(&a);
        si_image_free(&b);
    }
    fclose(f);
    print_message("%d reference scores, off by at most %.5f\n", rows, worst);
    assert_true(rows >= 50);
}

/* Scores that the reference program gives these drawn pictures. */
static void drawn_pictures(void **state) {
    (void)state;
    static const struct {
        picture kind;
        int width, height, noise;
        bool blocky;
        double score;
    } rows[] = {
        {WAVES, 200, 150, 4, false, 89.1628},
        {WAVES, 300, 117, 20, false, 53.0163},
        {WAVES, 161, 240, 0, true, 6.4489},
        {FLAT, 400, 300, 1, false, 93.4686},
        {FLAT, 256, 256, 2, true, 79.4864},
        {WAVES, 100, 90, 6, false, 67.9368},
        {WAVES, 47, 33, 6, true, 20.0747},
        {NOISE, 130, 130, 30, false, 41.4337},
        {WAVES, 9, 21, 3, false, 96.3665},
        {WAVES, 8, 8, 9, false, 94.3960},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_image a = draw(rows[i].kind, rows[i].width, rows[i].height, 3);
        si_image b = draw(rows[i].kind, rows[i].width, rows[i].height, 3);
        add_noise(&b, rows[i].noise);
        if (rows[i].blocky) {
            make_blocky(&b);
        }
        double score = score_of(&a, &b);
        if (fabs(score - rows[i].score) > TOLERANCE) {
            fail_msg("drawn picture %zu: %.5f instead of %.5f", i, score, rows[i].score);
        }
        si_image_free(&a);
        si_image_free(&b);
    }
}

/* ---- what must hold for any measure ---- */

static void identical_is_100(void **state) {
    (void)state;
    for (int kind = 0; kind < PICTURES; kind++) {
        for (int channels = 3; channels <= 4; channels++) {
            si_image a = draw((picture)kind, 531, 122, channels);
            assert_true(score_of(&a, &a) == 100);
            a.pixels[channels == 4 ? 3 : 0] = 100; /* transparent */
            assert_true(score_of(&a, &a) == 100);
            si_image_free(&a);
        }
    }
}

static void more_noise_scores_lower(void **state) {
    (void)state;
    static const int sizes[][2] = {{260, 190}, {70, 70}, {20, 30}, {7, 300}, {5, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        si_image a = draw(WAVES, sizes[i][0], sizes[i][1], 3);
        double last = 100;
        for (int noise = 1; noise <= 64; noise *= 2) {
            si_image b = draw(WAVES, sizes[i][0], sizes[i][1], 3);
            add_noise(&b, noise);
            double score = score_of(&a, &b);
            assert_true(score < last);
            last = score;
            si_image_free(&b);
        }
        si_image_free(&a);
    }
}

static void every_small_size(void **state) {
    (void)state;
    for (int width = 1; width <= 20; width++) {
        for (int height = 1; height <= 20; height++) {
            si_image a = draw(WAVES, width, height, 3), b = draw(WAVES, width, height, 3);
            assert_true(score_of(&a, &b) == 100);
            add_noise(&b, 40);
            assert_true(score_of(&a, &b) < 95);
            si_image_free(&a);
            si_image_free(&b);
        }
    }
}

static void extreme_pictures(void **state) {
    (void)state;
    static const int sizes[][2] = {{3, 2}, {64, 9}, {150, 130}, {700, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int one = 0; one < PICTURES; one++) {
            si_image a = draw((picture)one, sizes[i][0], sizes[i][1], 3);
            for (int other = 0; other < PICTURES; other++) {
                si_image b = draw((picture)other, sizes[i][0], sizes[i][1], 3);
                double score = score_of(&a, &b);
                /* few scales are gentle, see the header */
                assert_true(one == other ? score == 100 : score < (sizes[i][1] == 9 ? 90 : 60));
                si_image_free(&b);
            }
            si_image_free(&a);
        }
    }
}

/* ---- transparency ---- */

/* A picture of which the left third is transparent, in part or wholly. */
static si_image draw_transparent(int alpha) {
    si_image im = draw(WAVES, 180, 120, 4);
    for (int y = 0; y < im.height; y++) {
        for (int x = 0; x < im.width / 3; x++) {
            im.pixels[(size_t)y * im.stride + (size_t)x * 4 + 3] = (uint8_t)alpha;
        }
    }
    return im;
}

/* The same with alpha 0 replaced by a background. */
static si_image lay_on(const si_image *im, uint8_t background) {
    si_image out = {0};
    assert_int_equal(si_image_alloc(&out, im->width, im->height, 3, NULL), SI_OK);
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            const uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)x * 4;
            for (int c = 0; c < 3; c++) {
                out.pixels[(size_t)y * out.stride + (size_t)(x * 3 + c)] =
                    p[3] == 0 ? background : p[c];
            }
        }
    }
    return out;
}

static void worse_background_counts(void **state) {
    (void)state;
    si_image a = draw_transparent(0), b = draw_transparent(0);
    add_noise(&b, 12);
    for (int x = 0; x < 40; x++) { /* a spot that got opaque and is white: seen on black only */
        memset(b.pixels + (size_t)x * b.stride + 80, 255, 80);
    }
    double expected = 100;
    for (int i = 0; i < 2; i++) {
        si_image on_a = lay_on(&a, i ? 255 : 0), on_b = lay_on(&b, i ? 255 : 0);
        double score = score_of(&on_a, &on_b);
        assert_true(i == 0 || score > expected + 1);
        expected = score < expected ? score : expected;
        si_image_free(&on_a);
        si_image_free(&on_b);
    }
    double score = score_of(&a, &b);
    assert_true(fabs(score - expected) < 0.001);
    si_image_free(&a);
    si_image_free(&b);
}

static void invisible_colours_do_not_count(void **state) {
    (void)state;
    si_image a = draw_transparent(0), b = draw_transparent(0);
    for (int y = 0; y < b.height; y++) {
        memset(b.pixels + (size_t)y * b.stride, 0, (size_t)(b.width / 3 * 4));
    }
    assert_true(score_of(&a, &b) == 100);
    si_image_free(&a);
    si_image_free(&b);
}

static void lost_transparency_is_seen(void **state) {
    (void)state;
    si_image a = draw_transparent(128), b = draw(WAVES, 180, 120, 3), c = draw(WAVES, 180, 120, 4);
    assert_true(score_of(&a, &b) < 60);
    assert_true(score_of(&b, &a) < 60);
    assert_true(score_of(&b, &c) == 100); /* an alpha channel without transparency is no alpha */
    si_image_free(&a);
    si_image_free(&b);
    si_image_free(&c);
}

static void wrong_sizes_are_errors(void **state) {
    (void)state;
    si_image a = draw(WAVES, 30, 20, 3), b = draw(WAVES, 20, 30, 3), none = {0};
    si_score_ref *ref = (si_score_ref *)&a;
    double score;
    si_diag diag = {0};
    assert_int_equal(si_score_ref_new(&none, SI_SCORE_ON_GREYS, &ref, &diag), SI_ERR_RANGE);
    assert_null(ref);
    assert_int_equal(si_score_ref_new(&a, SI_SCORE_ON_GREYS, &ref, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, &b, &score, NULL), SI_ERR_RANGE);
    assert_int_equal(si_score_against(ref, &none, &score, NULL), SI_ERR_RANGE);
    si_score_ref_free(ref);
    si_score_ref_free(NULL);
    si_image_free(&a);
    si_image_free(&b);
}

/* One ref, many candidates: nothing of one is left for the next. */
static void candidates_do_not_meet(void **state) {
    (void)state;
    si_image a = draw(WAVES, 143, 131, 3), b = draw(WAVES, 143, 131, 3);
    si_image c = draw(NOISE, 143, 131, 3);
    add_noise(&b, 5);
    si_score_ref *ref;
    double first, other, again;
    assert_int_equal(si_score_ref_new(&a, SI_SCORE_ON_GREYS, &ref, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, &b, &first, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, &c, &other, NULL), SI_OK);
    assert_int_equal(si_score_against(ref, &b, &again, NULL), SI_OK);
    assert_true(first == again && other < first);
    si_score_ref_free(ref);
    si_image_free(&a);
    si_image_free(&b);
    si_image_free(&c);
}

/* ---- kernels ---- */

enum { ROWS = 20, LENGTH = 320, FRONT = 16, MOST = LENGTH - 2 * FRONT };

typedef float rows[ROWS][LENGTH];

typedef struct trial {
    rows in, out;
    double sums[SI_SCORE_SUMS];
} trial;

/* Random samples, or the ends of the range in a random or regular order. Zeros around them. */
static void fill(trial *t, int kind, int n) {
    memset(t, 0, sizeof *t);
    random_state = (uint32_t)(kind + n);
    for (int r = 0; r < ROWS; r++) {
        for (int i = 0; i < n; i++) {
            float v = (float)(random_byte() << 8 | random_byte()) / 65535;
            t->in[r][FRONT + i] = kind == 0 ? v : kind == 1 ? roundf(v) : (float)(i & 1);
        }
    }
}

static void run(const si_score_kernels *k, const char *what, trial *t, int n) {
    const float *in[ROWS];
    float *out[ROWS];
    for (int r = 0; r < ROWS; r++) {
        in[r] = t->in[r] + FRONT;
        out[r] = t->out[r] + FRONT;
    }
    if (strcmp(what, "decode") == 0) {
        memcpy(out[0], in[0], (size_t)n * sizeof(float));
        k->decode(out[0], n);
    } else if (strcmp(what, "opsin") == 0) {
        k->opsin(in, out, n);
    } else if (strcmp(what, "opsin, Y only") == 0) {
        float *const y[] = {NULL, out[0], NULL};
        k->opsin(in, y, n);
    } else if (strcmp(what, "halve") == 0) {
        k->halve(in[0], in[1], out[0], n / 2);
    } else if (strcmp(what, "multiply") == 0) {
        k->multiply(in[0], in[1], out[0], n);
    } else if (strcmp(what, "blur_rows") == 0) {
        k->blur_rows(in, out, n);
    } else if (strcmp(what, "blur_columns") == 0) {
        k->blur_columns(out + SI_SCORE_BATCH, in, out, n);
        k->blur_columns(out + SI_SCORE_BATCH, in + 4, out, n);
    } else if (strcmp(what, "structure") == 0) {
        si_score_means means = {in[0], in[1], in[2], in[3], in[4]};
        k->structure(&means, n, t->sums);
    } else {
        k->edges(in[0], in[1], in[2], in[3], n, t->sums);
    }
}

static void compare(const si_score_kernels *k, const char *what, const trial *a, const trial *b,
    int n, double allowed) {
    int last = strcmp(what, "halve") == 0 ? n / 2 : n;
    for (int r = 0; r < ROWS; r++) {
        for (int i = FRONT; i < FRONT + last; i++) {
            if (!(fabsf(a->out[r][i] - b->out[r][i]) <= allowed)) {
                fail_msg("%s, %s of %d: row %d sample %d is %.9g instead of %.9g", k->name, what, n,
                    r, i - FRONT, (double)b->out[r][i], (double)a->out[r][i]);
            }
        }
    }
    for (int s = 0; s < SI_SCORE_SUMS; s++) { /* these are added up in different orders */
        assert_true(fabs(a->sums[s] - b->sums[s]) <= 2e-6 * fabs(a->sums[s]));
    }
}

static double nanoseconds(const si_score_kernels *k, const char *what, trial *t) {
    enum { ROUNDS = 300 };
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (int i = 0; i < ROUNDS; i++) {
        run(k, what, t, MOST);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
           (ROUNDS * MOST);
}

static void kernels_agree(void **state) {
    (void)state;
    static const char *const names[] = {"decode", "opsin", "opsin, Y only", "halve", "multiply",
        "blur_rows", "blur_columns", "structure", "edges"};
    static trial plain, fast;
    for (const si_score_kernels *const *k = si_score_kernels_available(); *k != NULL; k++) {
        /* the 128-bit set may only have a likeness of fused multiply-add */
        double allowed = strcmp((*k)->name, "128 bit") == 0 ? 1e-6 : 0;
        print_message("%-8s ns per sample:", (*k)->name);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            for (int n = 1; n <= MOST; n += n < 40 ? 1 : 31) {
                for (int kind = 0; kind < 3; kind++) {
                    fill(&plain, kind, n);
                    fill(&fast, kind, n);
                    run(&si_score_kernels_plain, names[i], &plain, n);
                    run(*k, names[i], &fast, n);
                    compare(*k, names[i], &plain, &fast, n, allowed);
                }
            }
            fill(&fast, 0, MOST);
            print_message(" %s %.2f", names[i], nanoseconds(*k, names[i], &fast));
        }
        print_message("\n");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(drawn_pictures),
        cmocka_unit_test(identical_is_100),
        cmocka_unit_test(more_noise_scores_lower),
        cmocka_unit_test(every_small_size),
        cmocka_unit_test(extreme_pictures),
        cmocka_unit_test(worse_background_counts),
        cmocka_unit_test(invisible_colours_do_not_count),
        cmocka_unit_test(lost_transparency_is_seen),
        cmocka_unit_test(wrong_sizes_are_errors),
        cmocka_unit_test(candidates_do_not_meet),
        cmocka_unit_test(kernels_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
