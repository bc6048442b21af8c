#include "quality/ssimulacra2_pass.h"

#include <string.h>

enum {
    BATCH = SI_SCORE_BATCH,
    LAG = 4, /* the blurred row behind the newest row */
    MIN_SIDE = 8,
};

typedef struct pass_args {
    si_score_pass *pass;
    si_score_view *view;
    si_score_sums *sums; /* NULL while preparing */
} pass_args;

static float *row_of(float *rows, const si_score_scale *s, int y) {
    return rows + (size_t)y * s->stride;
}

/* Zeros up to the next row: what the blur reads beyond the picture's sides. */
static void clear_behind(const si_score_scale *s, float *row) {
    memset(row + s->width, 0, (s->stride - (size_t)s->width) * sizeof *row);
}

/* For rows in memory that scales of different stride share. */
static void clear_around(const si_score_scale *s, float *row) {
    memset(row - SI_SCORE_SLACK, 0, SI_SCORE_SLACK * sizeof *row);
    clear_behind(s, row);
}

/* Which quantities are blurred in this pass, as bits. */
static unsigned blurs_of(const pass_args *a, const si_score_scale *s, int plane) {
    bool structure = (s->needs[plane] & SI_SCORE_NEEDS_STRUCTURE) != 0;
    unsigned original = 1u << SI_SCORE_MEAN1;
    original |= structure ? 1u << SI_SCORE_SQUARE1 : 0;
    if (a->sums == NULL) {
        return s->keeps_blurs && s->needs[plane] != 0 ? original : 0;
    }
    if (s->needs[plane] == 0) {
        return 0;
    }
    unsigned candidate = 1u << SI_SCORE_MEAN2;
    candidate |= structure ? 1u << SI_SCORE_SQUARE2 | 1u << SI_SCORE_PRODUCT : 0;
    return s->keeps_blurs ? candidate : candidate | original;
}

/* The candidate's row y, which lies in a ring of two batches. */
static float *candidate_row(const si_score_scale *s, int plane, int y) {
    return row_of(s->plane2[plane], s, y & (2 * BATCH - 1));
}

static float *original_row(const pass_args *a, int scale, int plane, int y) {
    return row_of(a->view->plane1[scale][plane], &a->pass->scale[scale], y);
}

/* Row y ≥ 0 of a quantity blurred along rows, in a ring of as many as the next blur reads. */
static float *ring_row(const si_score_scale *s, int plane, int blur, int y) {
    return row_of(s->ring[plane][blur], s, y % SI_SCORE_STACK);
}

/* Linear rows of the batch to XYB: of the original into the view, of the candidate into the ring.*/
static void make_planes(const pass_args *a, int scale) {
    si_score_scale *s = &a->pass->scale[scale];
    for (int i = 0; i < s->filled; i++) {
        const float *rgb[3];
        float *xyb[SI_SCORE_PLANES];
        for (int c = 0; c < 3; c++) {
            rgb[c] = row_of(s->rgb[c], s, i);
            xyb[c] = NULL;
            if (s->needs[c] != 0) {
                xyb[c] = a->sums == NULL ? original_row(a, scale, c, s->y + i)
                                         : candidate_row(s, c, s->y + i);
            }
        }
        a->pass->kernels->opsin(rgb, xyb, s->width);
        for (int c = 0; c < SI_SCORE_PLANES; c++) {
            if (xyb[c] != NULL) {
                clear_behind(s, xyb[c]);
            }
        }
    }
}

/* Pairs of linear rows to rows of the next scale. The last column and row of an odd size count
 * twice. */
static void halve_batch(si_score_pass *pass, int scale) {
    si_score_scale *s = &pass->scale[scale], *next = s + 1;
    for (int i = 0; i < s->filled; i += 2) {
        for (int c = 0; c < 3; c++) {
            float *top = row_of(s->rgb[c], s, i);
            float *bottom = i + 1 < s->filled ? row_of(s->rgb[c], s, i + 1) : top;
            top[s->width] = top[s->width - 1];
            bottom[s->width] = bottom[s->width - 1];
            pass->kernels->halve(
                top, bottom, row_of(next->rgb[c], next, next->filled), next->width);
        }
        next->filled++;
    }
}

/* Rows to blur for one quantity of the batch; rows below the picture are zeros. */
static void rows_to_blur(
    const pass_args *a, int scale, int plane, si_score_blur blur, const float *rows[BATCH]) {
    const si_score_scale *s = &a->pass->scale[scale];
    for (int i = 0; i < BATCH; i++) {
        rows[i] = a->pass->zeros;
        if (i >= s->filled) {
            continue;
        }
        const float *one = original_row(a, scale, plane, s->y + i);
        const float *two = candidate_row(s, plane, s->y + i);
        if (blur == SI_SCORE_MEAN1 || blur == SI_SCORE_MEAN2) {
            rows[i] = blur == SI_SCORE_MEAN1 ? one : two;
            continue;
        }
        float *product = row_of(a->pass->products, s, i);
        a->pass->kernels->multiply(blur == SI_SCORE_SQUARE2 ? two : one,
            blur == SI_SCORE_SQUARE1 ? one : two, product, s->width);
        clear_around(s, product);
        rows[i] = product;
    }
}

static void blur_along_rows(const pass_args *a, int scale, int plane, unsigned blurs) {
    const si_score_scale *s = &a->pass->scale[scale];
    for (int b = 0; b < SI_SCORE_BLURS; b++) {
        if ((blurs & 1u << b) == 0) {
            continue;
        }
        const float *in[BATCH];
        float *out[BATCH];
        rows_to_blur(a, scale, plane, (si_score_blur)b, in);
        for (int i = 0; i < BATCH; i++) {
            out[i] = ring_row(s, plane, b, s->y + i);
        }
        a->pass->kernels->blur_rows(in, out, s->width);
    }
}

/* Row `i` of a batch of blurred rows in the chunk buffer. */
static float *mean_row(const si_score_pass *pass, int blur, int i) {
    return pass->means + (size_t)(blur * BATCH + i) * (SI_SCORE_CHUNK + SI_SCORE_SLACK);
}

/* Where blurred row y of the chunk at x goes: to the view while preparing, else to a buffer. */
static float *blurred_row(const pass_args *a, int scale, int plane, int blur, int y, int x) {
    const si_score_scale *s = &a->pass->scale[scale];
    if (a->sums != NULL || y < 0 || y >= s->height) {
        return mean_row(a->pass, blur, (y + BATCH) & (BATCH - 1));
    }
    float *rows =
        blur == SI_SCORE_MEAN1 ? a->view->mean1[scale][plane] : a->view->square1[scale][plane];
    return row_of(rows, s, y) + x;
}

static void blur_down_columns(
    const pass_args *a, int scale, int plane, unsigned blurs, int x, int n) {
    const si_score_scale *s = &a->pass->scale[scale];
    for (int b = 0; b < SI_SCORE_BLURS; b++) {
        if ((blurs & 1u << b) == 0) {
            continue;
        }
        const float *in[SI_SCORE_STACK];
        float *out[BATCH], *state[SI_SCORE_STATE];
        for (int i = 0; i < SI_SCORE_STACK; i++) {
            int y = s->y + BATCH - SI_SCORE_STACK + i;
            in[i] = y < 0 ? a->pass->zeros : ring_row(s, plane, b, y) + x;
        }
        for (int i = 0; i < SI_SCORE_STATE; i++) {
            state[i] = row_of(s->state[plane][b], s, i) + x;
        }
        for (int i = 0; i < BATCH; i++) {
            out[i] = blurred_row(a, scale, plane, b, s->y - LAG + i, x);
        }
        a->pass->kernels->blur_columns(state, in, out, n);
    }
}

/* Adds the errors of row y in the chunk at x. */
static void compare_row(const pass_args *a, int scale, int plane, int y, int x, int n) {
    const si_score_scale *s = &a->pass->scale[scale];
    const si_score_view *v = a->view;
    double *sums = (*a->sums)[plane][scale];
    const float *blurred[SI_SCORE_BLURS];
    for (int b = 0; b < SI_SCORE_BLURS; b++) {
        blurred[b] = mean_row(a->pass, b, y & (BATCH - 1));
    }
    if (s->keeps_blurs) {
        size_t at = (size_t)y * s->stride + (size_t)x;
        blurred[SI_SCORE_MEAN1] = v->mean1[scale][plane] + at;
        if (s->needs[plane] & SI_SCORE_NEEDS_STRUCTURE) {
            blurred[SI_SCORE_SQUARE1] = v->square1[scale][plane] + at;
        }
    }
    if (s->needs[plane] & SI_SCORE_NEEDS_STRUCTURE) {
        si_score_means means = {.mean1 = blurred[SI_SCORE_MEAN1],
            .mean2 = blurred[SI_SCORE_MEAN2],
            .square1 = blurred[SI_SCORE_SQUARE1],
            .square2 = blurred[SI_SCORE_SQUARE2],
            .product = blurred[SI_SCORE_PRODUCT]};
        a->pass->kernels->structure(&means, n, sums);
    }
    if (s->needs[plane] & SI_SCORE_NEEDS_EDGES) {
        a->pass->kernels->edges(original_row(a, scale, plane, y) + x, blurred[SI_SCORE_MEAN1],
            candidate_row(s, plane, y) + x, blurred[SI_SCORE_MEAN2], n, sums);
    }
}

static void do_plane(const pass_args *a, int scale, int plane) {
    const si_score_scale *s = &a->pass->scale[scale];
    unsigned blurs = blurs_of(a, s, plane);
    if (blurs == 0) {
        return;
    }
    blur_along_rows(a, scale, plane, blurs);
    for (int x = 0; x < s->width; x += SI_SCORE_CHUNK) {
        int n = s->width - x < SI_SCORE_CHUNK ? s->width - x : SI_SCORE_CHUNK;
        blur_down_columns(a, scale, plane, blurs, x, n);
        for (int y = s->y - LAG; a->sums != NULL && y < s->y && y < s->height; y++) {
            if (y >= 0) {
                compare_row(a, scale, plane, y, x, n);
            }
        }
    }
}

/* Works on the rows that a scale has been given, and on those that the next one gets by it. */
static void do_batch(const pass_args *a, int scale) {
    si_score_scale *s = &a->pass->scale[scale];
    make_planes(a, scale);
    for (int plane = 0; plane < SI_SCORE_PLANES; plane++) {
        do_plane(a, scale, plane);
    }
    if (scale + 1 < a->pass->scales) {
        halve_batch(a->pass, scale);
    }
    s->filled = 0;
    s->y += BATCH;
    if (scale + 1 < a->pass->scales && s[1].filled == BATCH) {
        do_batch(a, scale + 1);
    }
}

/* The incomplete batches at the bottom, and one of zeros, so that the last rows get blurred. */
static void finish(const pass_args *a) {
    for (int scale = 0; scale < a->pass->scales; scale++) {
        if (a->pass->scale[scale].filled > 0) {
            do_batch(a, scale);
        }
        do_batch(a, scale);
    }
}

/* Hands out `rows` rows with zeros before the first and room behind the last. */
static float *take(size_t *used, float *base, size_t stride, size_t rows) {
    size_t at = *used + SI_SCORE_SLACK;
    *used = at + stride * rows + SI_SCORE_SLACK;
    if (base == NULL) {
        return NULL;
    }
    memset(base + at - SI_SCORE_SLACK, 0, SI_SCORE_SLACK * sizeof *base);
    return base + at;
}

void si_score_plan(si_score_pass *pass, int width, int height, bool keep_blurs) {
    bool more = true;
    for (pass->scales = 0; more && pass->scales < SI_SCORE_SCALES; pass->scales++) {
        size_t stride = ((size_t)width + 2 * SI_SCORE_SLACK - 1) / SI_SCORE_SLACK * SI_SCORE_SLACK;
        pass->scale[pass->scales] = (si_score_scale){.width = width,
            .height = height,
            .stride = stride,
            .keeps_blurs = keep_blurs && pass->scales == 0};
        more = width >= MIN_SIDE && height >= MIN_SIDE;
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    for (int i = 0; i < pass->scales; i++) {
        for (int plane = 0; plane < SI_SCORE_PLANES; plane++) {
            pass->scale[i].needs[plane] = si_score_needs(pass->scales, plane, i);
        }
    }
}

static void lay_out_scale(const pass_args *a, si_score_scale *s, size_t *used, float *base) {
    for (int c = 0; c < 3; c++) {
        s->rgb[c] = take(used, base, s->stride, BATCH);
        if (s->needs[c] == 0) {
            continue;
        }
        s->plane2[c] = take(used, base, s->stride, 2 * BATCH);
        unsigned blurs = blurs_of(a, s, c);
        if (s->keeps_blurs) { /* preparing blurs others than comparing, never more */
            pass_args preparing = {.pass = a->pass};
            blurs |= blurs_of(&preparing, s, c);
        }
        for (int b = 0; b < SI_SCORE_BLURS; b++) {
            if (blurs & 1u << b) {
                s->ring[c][b] = take(used, base, s->stride, SI_SCORE_STACK);
                s->state[c][b] = take(used, base, s->stride, SI_SCORE_STATE);
            }
        }
    }
}

size_t si_score_lay_out_scratch(si_score_pass *pass, float *base) {
    si_score_sums comparing;
    pass_args a = {.pass = pass, .sums = &comparing};
    size_t used = 0;
    for (int i = 0; i < pass->scales; i++) {
        lay_out_scale(&a, &pass->scale[i], &used, base);
    }
    pass->zeros = take(&used, base, pass->scale[0].stride, 1);
    pass->products = take(&used, base, pass->scale[0].stride, BATCH);
    pass->means = take(&used, base, SI_SCORE_CHUNK + SI_SCORE_SLACK, SI_SCORE_BLURS * BATCH);
    return used;
}

size_t si_score_lay_out_view(const si_score_pass *pass, si_score_view *view, float *base) {
    size_t used = 0;
    for (int i = 0; i < pass->scales; i++) {
        const si_score_scale *s = &pass->scale[i];
        for (int c = 0; c < SI_SCORE_PLANES; c++) {
            if (s->needs[c] == 0) {
                continue;
            }
            view->plane1[i][c] = take(&used, base, s->stride, (size_t)s->height);
            if (s->keeps_blurs) {
                view->mean1[i][c] = take(&used, base, s->stride, (size_t)s->height);
            }
            if (s->keeps_blurs && s->needs[c] & SI_SCORE_NEEDS_STRUCTURE) {
                view->square1[i][c] = take(&used, base, s->stride, (size_t)s->height);
            }
        }
    }
    return used;
}

void si_score_begin(si_score_pass *pass) {
    for (int i = 0; i < pass->scales; i++) {
        si_score_scale *s = &pass->scale[i];
        s->filled = 0;
        s->y = 0;
        for (int c = 0; c < SI_SCORE_PLANES; c++) {
            for (int b = 0; b < SI_SCORE_BLURS; b++) {
                if (s->state[c][b] != NULL) {
                    memset(s->state[c][b], 0, SI_SCORE_STATE * s->stride * sizeof(float));
                }
            }
        }
    }
}

void si_score_next_row(const si_score_pass *pass, float *rgb[3]) {
    const si_score_scale *s = &pass->scale[0];
    for (int c = 0; c < 3; c++) {
        rgb[c] = row_of(s->rgb[c], s, s->filled);
    }
}

void si_score_row_done(si_score_pass *pass, si_score_view *view, si_score_sums *sums) {
    pass_args a = {.pass = pass, .view = view, .sums = sums};
    si_score_scale *s = &pass->scale[0];
    s->filled++;
    bool last = s->y + s->filled == s->height;
    if (s->filled == BATCH) {
        do_batch(&a, 0);
    }
    if (last) {
        finish(&a);
    }
}
