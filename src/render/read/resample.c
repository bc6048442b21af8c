#include "render/read/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Loops are meant to be vectorized; and no sum depends on the processor. */
#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif
#define WIDE __attribute__((target_clones("avx2", "default")))

/* Input rows that are kept while output rows are made of them should fit the processor's own cache,
 * bytes. */
static const size_t WINDOW_BYTES = 512 << 10;

/* ---- kernels (P34) ---- */

/* Keys' cubic convolution; a = −0.5 is Catmull–Rom. */
static double keys(double x, double a) {
    x = fabs(x);
    if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

static double sinc(double x) {
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

/* The one place that says what a resMode is. `reducing` = the axis gets smaller: bisharp imitates
 * the "bicubic sharper" reducer, which is not meant for enlarging and is plain bicubic there. */
static double kernel(si_resmode mode, bool reducing, double x) {
    switch (mode) {
    case SI_RESMODE_BILIN:
        return fmax(0, 1 - fabs(x));
    case SI_RESMODE_BICUB:
        return keys(x, -0.5);
    case SI_RESMODE_BISHARP:
        return keys(x, reducing ? -1 : -0.5);
    case SI_RESMODE_SHARP2:
        return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
    }
    return 0;
}

/* Half width of the kernel at ratio 1, input samples. */
static double support_of(si_resmode mode) {
    return mode == SI_RESMODE_BILIN ? 1 : mode == SI_RESMODE_SHARP2 ? 3 : 2;
}

/* ---- axes ---- */

typedef struct tap_run {
    int start, len;
    double sum; /* of all weights, those of samples that do not exist included */
} tap_run;

/* Adds weight `w` of input sample `k`: those beyond the last sample but within the extent (a
 * cut-off fraction) count for the last one. */
static void add_tap(const si_axis_spec *s, tap_run *run, float *weights, int k, double w) {
    run->sum += w;
    if (k >= s->samples && k < ceil(s->extent)) {
        k = s->samples - 1;
    }
    if (k < 0 || k >= s->samples || w == 0) {
        return;
    }
    if (run->len == 0) {
        run->start = k;
    }
    while (run->start + run->len <= k) {
        weights[run->len++] = 0;
    }
    weights[k - run->start] += (float)w;
}

static tap_run make_taps(const si_axis_spec *s, int i, float *weights) {
    double ratio = (s->to - s->from) / s->content, width = fmax(1, ratio);
    double centre = s->from + (s->skip + i + 0.5) * ratio;
    double reach = support_of(s->mode) * width;
    tap_run run = {0};
    for (int k = (int)floor(centre - reach); k < (int)ceil(centre + reach); k++) {
        double share = fmin(k + 1, s->to) - fmax(k, s->from);
        if (share > 0) {
            double x = (k + 0.5 - centre) / width;
            add_tap(s, &run, weights, k, share * kernel(s->mode, ratio > 1, x));
        }
    }
    if (run.len == 0 && !s->cover) { /* nothing within reach: nearest */
        int k = (int)fmin(fmax(floor(centre), 0), s->samples - 1);
        run = (tap_run){.start = k, .len = 1, .sum = 1};
        weights[0] = 1;
    }
    double norm = 0;
    for (int t = 0; t < run.len; t++) {
        norm += weights[t];
    }
    norm = s->cover ? run.sum : norm;
    for (int t = 0; t < run.len; t++) {
        weights[t] = (float)(weights[t] / norm);
    }
    return run;
}

/* Makes starts never fall: an output whose centre is that of a sample may have a first weight of 0,
 * which is left out, while the next one has a weight there. */
static void order_starts(si_axis *a) {
    for (int i = a->count - 2; i >= 0; i--) {
        int zeros = a->start[i] - a->start[i + 1];
        if (a->len[i] > 0 && a->len[i + 1] > 0 && zeros > 0 && a->len[i] + zeros <= a->taps) {
            float *w = a->weights + (size_t)i * (size_t)a->taps;
            memmove(w + zeros, w, (size_t)a->len[i] * sizeof *w);
            memset(w, 0, (size_t)zeros * sizeof *w);
            a->start[i] -= zeros;
            a->len[i] += zeros;
        }
    }
}

/* Input samples that all outputs together use, and starts that never fall, for outputs with nothing
 * to show as well. */
static void close_axis(si_axis *a) {
    a->first = a->end = 0;
    bool any = false;
    for (int i = 0; i < a->count; i++) {
        if (a->len[i] == 0) {
            a->start[i] = i > 0 ? a->start[i - 1] + a->len[i - 1] : 0;
            continue;
        }
        a->first = any && a->first < a->start[i] ? a->first : a->start[i];
        int end = a->start[i] + a->len[i];
        a->end = any && a->end > end ? a->end : end;
        any = true;
    }
}

si_result si_axis_make(si_axis *a, const si_axis_spec *spec, si_diag *diag) {
    double ratio = (spec->to - spec->from) / spec->content;
    double taps = 2 * ceil(support_of(spec->mode) * fmax(1, ratio)) + 3;
    taps = fmin(taps, spec->samples + 1.0);
    *a = (si_axis){.count = spec->count, .taps = (int)taps};
    size_t n = (size_t)spec->count;
    a->start = calloc(n, sizeof *a->start);
    a->len = calloc(n, sizeof *a->len);
    a->weights = calloc(n * (size_t)a->taps, sizeof *a->weights);
    if (a->start == NULL || a->len == NULL || a->weights == NULL) {
        si_axis_free(a);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for resampling");
    }
    for (int i = 0; i < spec->count; i++) {
        tap_run run = make_taps(spec, i, a->weights + (size_t)i * (size_t)a->taps);
        a->start[i] = run.start;
        a->len[i] = run.len;
    }
    order_starts(a);
    close_axis(a);
    return SI_OK;
}

void si_axis_free(si_axis *a) {
    free(a->start);
    free(a->len);
    free(a->weights);
    *a = (si_axis){0};
}

/* ---- rows ---- */

typedef float float4 __attribute__((vector_size(16), aligned(4)));
typedef float float8 __attribute__((vector_size(32), aligned(4)));

enum { BATCH = 32 }; /* floats that are summed up in registers; rows have room for whole batches */

WIDE static void add_scaled(float *restrict sum, const float *restrict row, float w, size_t n) {
    for (size_t i = 0; i < n; i++) {
        sum[i] += w * row[i];
    }
}

/* sum = the `count` rows, weighted; `n` is rounded up to whole batches. The order of additions is
 * that of add_scaled() row by row, and so are the bits. */
WIDE static void weigh_rows(
    float *restrict sum, const float *const *rows, const float *w, int count, size_t n) {
    for (size_t i = 0; i < n; i += BATCH) {
        float8 a = {0}, b = {0}, c = {0}, d = {0};
        for (int t = 0; t < count; t++) {
            const float8 *p = (const float8 *)(rows[t] + i);
            a += w[t] * p[0];
            b += w[t] * p[1];
            c += w[t] * p[2];
            d += w[t] * p[3];
        }
        float8 *to = (float8 *)(sum + i);
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
}

/* Three or four channels at once: the fourth lane is the next sample's. `out` has room for one
 * float more. */
static inline __attribute__((always_inline)) void shrink_row4(
    const si_axis *h, const float *in, float *out, int channels) {
    for (int x = 0; x < h->count; x++) {
        const float *w = h->weights + (size_t)x * (size_t)h->taps;
        const float *p = in + (ptrdiff_t)(h->start[x] - h->first) * channels;
        float4 sum = {0}, sum2 = {0};
        int t = 0, len = h->len[x];
        for (; t + 1 < len; t += 2, p += 2 * channels) {
            sum += w[t] * *(const float4 *)p;
            sum2 += w[t + 1] * *(const float4 *)(p + channels);
        }
        if (t < len) {
            sum += w[t] * *(const float4 *)p;
        }
        *(float4 *)(out + (ptrdiff_t)x * channels) = sum + sum2;
    }
}

WIDE static void shrink_row_of3(const si_axis *h, const float *in, float *out) {
    shrink_row4(h, in, out, 3);
}

WIDE static void shrink_row_of4(const si_axis *h, const float *in, float *out) {
    shrink_row4(h, in, out, 4);
}

static void shrink_row(const si_axis *h, const float *in, float *out, int channels) {
    if (channels == 3) {
        shrink_row_of3(h, in, out);
        return;
    }
    if (channels == 4) {
        shrink_row_of4(h, in, out);
        return;
    }
    for (int x = 0; x < h->count; x++) {
        const float *w = h->weights + (size_t)x * (size_t)h->taps;
        const float *p = in + (ptrdiff_t)(h->start[x] - h->first) * channels;
        for (int c = 0; c < channels; c++) {
            float sum = 0;
            for (int t = 0; t < h->len[x]; t++) {
                sum += w[t] * p[t * channels + c];
            }
            out[x * channels + c] = sum;
        }
    }
}

typedef struct resampler {
    const si_axis *h, *v;
    int channels;
    size_t row;   /* floats in an input row */
    size_t pitch; /* floats from one buffer row to the next: whole batches, and room for
                     shrink_row4 behind the row */
    int slots;
    float *buffer;     /* `slots` rows: sums of output rows, or recent input rows */
    const float **use; /* `slots` input rows that an output row is made of */
    float *in, *out;
} resampler;

static float *slot(const resampler *r, int i) {
    return r->buffer + (size_t)(i % r->slots) * r->pitch;
}

static int end_of(const si_axis *v, int i) {
    return v->start[i] + v->len[i];
}

/* Writes the output rows above the image; returns how many there are. */
static int write_head(const resampler *r, si_row_write write, void *write_context) {
    int n = 0;
    memset(r->out, 0, (size_t)r->h->count * (size_t)r->channels * sizeof(float));
    while (n < r->v->count && r->v->len[n] == 0) {
        write(write_context, n++, r->out);
    }
    return n;
}

/* Most output rows that are waiting for input at the same time. */
static int most_open(const si_axis *v) {
    int most = 1, next = 0;
    while (next < v->count && v->len[next] == 0) {
        next++;
    }
    int open = next;
    for (int y = v->first; y < v->end; y++) {
        while (open < v->count && v->start[open] <= y) {
            open++;
        }
        most = open - next > most ? open - next : most;
        while (next < open && end_of(v, next) <= y + 1) {
            next++;
        }
    }
    return most;
}

/* Reducing: every input row is added to the few output rows it is part of. */
static si_result run_sums(resampler *r, si_row_read read, void *read_context, si_row_write write,
    void *write_context, si_diag *diag) {
    const si_axis *v = r->v;
    int next = write_head(r, write, write_context), open = next;
    for (int y = v->first; y < v->end; y++) {
        SI_TRY(read(read_context, y, r->in, diag));
        for (; open < v->count && v->start[open] <= y; open++) {
            memset(slot(r, open), 0, r->row * sizeof(float));
        }
        for (int i = next; i < open; i++) {
            int t = y - v->start[i];
            if (t < v->len[i]) {
                float w = v->weights[(size_t)i * (size_t)v->taps + (size_t)t];
                add_scaled(slot(r, i), r->in, w, r->row);
            }
        }
        for (; next < open && end_of(v, next) <= y + 1; next++) {
            shrink_row(r->h, slot(r, next), r->out, r->channels);
            write(write_context, next, r->out);
        }
    }
    memset(r->in, 0, r->row * sizeof(float));
    for (; next < v->count; next++) { /* rows below the image */
        shrink_row(r->h, next < open ? slot(r, next) : r->in, r->out, r->channels);
        write(write_context, next, r->out);
    }
    return SI_OK;
}

/* The last few input rows are kept, every output row is made from them at once. */
static si_result run_window(resampler *r, si_row_read read, void *read_context, si_row_write write,
    void *write_context, si_diag *diag) {
    const si_axis *v = r->v;
    int have = v->first;
    for (int i = 0; i < v->count; i++) {
        for (; have < end_of(v, i) && have < v->end; have++) {
            SI_TRY(read(read_context, have, slot(r, have), diag));
        }
        for (int t = 0; t < v->len[i]; t++) {
            r->use[t] = slot(r, v->start[i] + t);
        }
        weigh_rows(r->in, r->use, v->weights + (size_t)i * (size_t)v->taps, v->len[i], r->row);
        shrink_row(r->h, r->in, r->out, r->channels);
        write(write_context, i, r->out);
    }
    return SI_OK;
}

/* `n` rows of zeros; NULL without memory. */
static float *new_rows(const resampler *r, int n) {
    void *rows;
    size_t size = (size_t)n * r->pitch * sizeof(float);
    if (posix_memalign(&rows, BATCH * sizeof(float) / 2, size) != 0) {
        return NULL;
    }
    return memset(rows, 0, size);
}

si_result si_resample(const si_axis *h, const si_axis *v, int channels, si_row_read read,
    void *read_context, si_row_write write, void *write_context, si_diag *diag) {
    resampler r = {.h = h, .v = v, .channels = channels};
    r.row = (size_t)(h->end - h->first) * (size_t)channels;
    r.pitch = (r.row + 8 + BATCH - 1) / BATCH * BATCH;
    int open = most_open(v);
    bool sums = open < v->taps && (size_t)v->taps * r.pitch * sizeof(float) > WINDOW_BYTES;
    r.slots = sums ? open : v->taps;
    r.buffer = new_rows(&r, r.slots);
    r.use = calloc((size_t)r.slots, sizeof *r.use);
    r.in = new_rows(&r, 1);
    r.out = calloc((size_t)h->count * (size_t)channels + 8, sizeof(float));
    si_result result;
    if (r.buffer == NULL || r.use == NULL || r.in == NULL || r.out == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "no memory for resampling");
    } else {
        result = (sums ? run_sums : run_window)(&r, read, read_context, write, write_context, diag);
    }
    free(r.buffer);
    free(r.use);
    free(r.in);
    free(r.out);
    return result;
}
