/* Resampling: however rows are summed up, a pixel is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/read/resample.h"

enum { WIDTH = 6000, HEIGHT = 60, CHANNELS = 4 };

typedef struct picture {
    int channels, count; /* count: samples that are asked for per row */
    int first;
    float *out; /* `row` floats a row */
    size_t row;
} picture;

static float sample(int x, int y, int c) {
    uint32_t v = (uint32_t)x * 2654435761u ^ (uint32_t)y * 40503u ^ (uint32_t)c * 97u;
    return (float)(v * 2246822519u >> 24);
}

static si_result read_row(void *context, int y, float *row, si_diag *diag) {
    const picture *p = context;
    (void)diag;
    for (int i = 0; i < p->count; i++) {
        for (int c = 0; c < p->channels; c++) {
            row[i * p->channels + c] = sample(p->first + i, y, c);
        }
    }
    return SI_OK;
}

static void write_row(void *context, int y, const float *row) {
    picture *p = context;
    memcpy(p->out + (size_t)y * p->row, row, p->row * sizeof *row);
}

static si_axis axis(int samples, double content, int skip, int count, si_resmode mode) {
    si_axis a;
    si_axis_spec spec = {.to = samples,
        .extent = samples,
        .samples = samples,
        .content = content,
        .skip = skip,
        .count = count,
        .mode = mode};
    si_diag diag = {0};
    assert_int_equal(si_axis_make(&a, &spec, &diag), SI_OK);
    return a;
}

/* `count` × `v->count` pixels from column `skip` on; released with free(). */
static float *columns(const si_axis *v, double content, int skip, int count, si_resmode mode) {
    si_diag diag = {0};
    si_axis h = axis(WIDTH, content, skip, count, mode);
    picture p = {.channels = CHANNELS, .first = h.first, .count = h.end - h.first};
    p.row = (size_t)count * CHANNELS;
    p.out = malloc(p.row * (size_t)v->count * sizeof *p.out);
    assert_non_null(p.out);
    assert_int_equal(si_resample(&h, v, CHANNELS, read_row, &p, write_row, &p, &diag), SI_OK);
    si_axis_free(&h);
    return p.out;
}

/* The definition, in the order of additions that resample.c has: rows first. */
static float pixel(const si_axis *h, const si_axis *v, int x, int y, int c) {
    double sum = 0;
    for (int t = 0; t < h->len[x]; t++) {
        float column = 0;
        for (int k = 0; k < v->len[y]; k++) {
            column += v->weights[y * v->taps + k] * sample(h->start[x] + t, v->start[y] + k, c);
        }
        sum += (double)h->weights[x * h->taps + t] * column;
    }
    return (float)sum;
}

/* A wide picture's rows are summed up as they come, a narrow part's are kept: same bits. At 5/7,
 * every seventh pixel has the centre of a sample, and weights of 0 beside it. */
static void test_part_is_part_of_whole(void **state) {
    static const double ratios[] = {1.3, 2.5, 7, 20, 0.4, 5 / 7.0};
    (void)state;
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        for (int mode = SI_RESMODE_BILIN; mode <= SI_RESMODE_SHARP2; mode++) {
            int wide = (int)fmin(WIDTH / ratios[i], 8400), skip = wide / 3, count = wide / 40 + 1;
            double content = WIDTH / ratios[i];
            int rows = (int)(HEIGHT / ratios[i]);
            si_axis v = axis(HEIGHT, HEIGHT / ratios[i], 0, rows, (si_resmode)mode);
            si_axis h = axis(WIDTH, content, 0, wide, (si_resmode)mode);
            float *whole = columns(&v, content, 0, wide, (si_resmode)mode);
            float *part = columns(&v, content, skip, count, (si_resmode)mode);
            for (int y = 0; y < rows; y++) {
                const float *from = whole + ((size_t)y * (size_t)wide + (size_t)skip) * CHANNELS;
                assert_memory_equal(from, part + (size_t)y * (size_t)count * CHANNELS,
                    (size_t)count * CHANNELS * sizeof(float));
                for (int c = 0; c < CHANNELS; c++) {
                    float want = pixel(&h, &v, skip, y, c);
                    assert_true(fabsf(from[c] - want) < 1e-3f);
                }
            }
            si_axis_free(&h);
            si_axis_free(&v);
            free(whole);
            free(part);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_part_is_part_of_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
