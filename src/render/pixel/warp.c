#include "render/pixel/warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/pixel/levels.h"
#include "render/pixel/taps.h"

#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

enum { PHASES = 1024 }; /* positions between two pixels that the kernel is tabulated for */

static uint32_t *row_of(const si_image *im, int y) {
    return (uint32_t *)(void *)(im->pixels + (size_t)y * im->stride);
}

/* ---- affine ---- */

/* Keys' cubic, a = −½, at distance d from a sample. */
static double cubic(double d) {
    const double a = -0.5;
    d = fabs(d);
    return d < 1   ? ((a + 2) * d - (a + 3)) * d * d + 1
           : d < 2 ? a * (((d - 5) * d + 8) * d - 4)
                   : 0;
}

typedef float phase[4];

static void make_phases(phase *table) {
    for (int i = 0; i < PHASES; i++) {
        for (int k = 0; k < 4; k++) {
            table[i][k] = (float)cubic((i + 0.5) / PHASES + 1 - k);
        }
    }
}

/* Splits a coordinate into the sample before it and the phase behind that. */
SI_INLINE int split(double v, int *phase_index) {
    double whole = floor(v);
    int i = (int)((v - whole) * PHASES);
    *phase_index = i < PHASES ? i : PHASES - 1;
    return (int)whole;
}

/* Sum over 4 × 4 samples of which some lie outside; those are transparent. */
static taps sum_at_edge(const si_image *in, int x, int y, const float *h, const float *v) {
    taps sum = {0};
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 4; i++) {
            int sx = x - 1 + i, sy = y - 1 + j;
            if (sx >= 0 && sx < in->width && sy >= 0 && sy < in->height) {
                taps_add(&sum, row_of(in, sy)[sx], h[i] * v[j]);
            }
        }
    }
    return sum;
}

SI_INLINE taps sum_inside(const si_image *in, int x, int y, const float *h, const float *v) {
    taps sum = {0};
    for (int j = 0; j < 4; j++) {
        const uint32_t *p = row_of(in, y - 1 + j) + x - 1;
        for (int i = 0; i < 4; i++) {
            taps_add(&sum, p[i], h[i] * v[j]);
        }
    }
    return sum;
}

/* Fills `n` pixels from x on of a row of the result; sx, sy is the place among the centres of
 * source pixels that x = 0 falls on, dx, dy the way from pixel to pixel, x0 the first one's centre.
 * Counted from 0 whatever the window, so that tiles agree. */
SI_WIDE static void warp_row(const si_image *in, const phase *table, double sx, double sy,
    double dx, double dy, double x0, uint32_t *out, int n) {
    for (int i = 0; i < n; i++) {
        double fx = sx + (x0 + i) * dx, fy = sy + (x0 + i) * dy;
        if (!(fx > -2 && fx < in->width + 1 && fy > -2 && fy < in->height + 1)) {
            continue;
        }
        int px, py, x = split(fx, &px), y = split(fy, &py);
        bool inside = x >= 1 && y >= 1 && x + 2 < in->width && y + 2 < in->height;
        taps sum = inside ? sum_inside(in, x, y, table[px], table[py])
                          : sum_at_edge(in, x, y, table[px], table[py]);
        out[i] = taps_pixel(sum);
    }
}

static bool invert(const si_affine *m, si_affine *inverse) {
    double det = m->xx * m->yy - m->xy * m->yx;
    if (!isnormal(det) || !isfinite(m->x0) || !isfinite(m->y0)) {
        return false;
    }
    *inverse =
        (si_affine){.xx = m->yy / det, .xy = -m->xy / det, .yx = -m->yx / det, .yy = m->xx / det};
    inverse->x0 = -(inverse->xx * m->x0 + inverse->xy * m->y0);
    inverse->y0 = -(inverse->yx * m->x0 + inverse->yy * m->y0);
    return true;
}

/* The columns of a row that lie in the bounds: first … end. */
static void limit(const si_rect *window, const si_rect *bounds, int *first, int *end) {
    int64_t from = (int64_t)bounds->x - window->x, to = from + bounds->width;
    *first = from < 0 ? 0 : from > window->width ? window->width : (int)from;
    *end = to < *first ? *first : to > window->width ? window->width : (int)to;
}

/* Draws the window, leaving what lies outside the bounds transparent. */
static si_result warp(const si_image *in, const si_affine *inverse, const si_rect *window,
    const si_rect *bounds, si_image *out, si_diag *diag) {
    phase *table = malloc(PHASES * sizeof *table);
    if (table == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory to turn a layer");
    }
    make_phases(table);
    int first, end;
    limit(window, bounds, &first, &end);
    for (int y = 0; y < out->height; y++) {
        int64_t row = (int64_t)window->y + y;
        if (row < bounds->y || row >= (int64_t)bounds->y + bounds->height) {
            continue;
        }
        double cx = (double)window->x + first + 0.5, cy = (double)row + 0.5;
        double sx = inverse->xy * cy + inverse->x0 - 0.5;
        double sy = inverse->yy * cy + inverse->y0 - 0.5;
        warp_row(
            in, table, sx, sy, inverse->xx, inverse->yx, cx, row_of(out, y) + first, end - first);
    }
    free(table);
    return SI_OK;
}

static si_result warp_within(const si_image *in, const si_affine *to_result, const si_rect *window,
    const si_rect *bounds, si_image *out, si_diag *diag) {
    si_affine inverse;
    si_image source = {0};
    *out = (si_image){0};
    if (!invert(to_result, &inverse)) {
        return si_fail(diag, SI_ERR_RANGE, "a layer is turned or scaled to nothing");
    }
    si_result result = si_taps_source(in, &source, diag);
    if (result == SI_OK) {
        result = si_image_alloc(out, window->width, window->height, 4, diag);
    }
    if (result == SI_OK) {
        out->grey = in->grey;
        result = warp(&source, &inverse, window, bounds, out, diag);
    }
    if (source.pixels != in->pixels) {
        si_image_free(&source);
    }
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}

si_result si_warp_affine(const si_image *in, const si_affine *to_result, const si_rect *window,
    si_image *out, si_diag *diag) {
    return warp_within(in, to_result, window, window, out, diag);
}

/* ---- mirrors ---- */

static void swap_rows(uint8_t *a, uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t v = a[i];
        a[i] = b[i];
        b[i] = v;
    }
}

static void flip(uint8_t *pixels, size_t stride, int width, int height, int channels,
    bool horizontal, bool vertical) {
    size_t n = (size_t)channels;
    for (int y = 0; horizontal && y < height; y++) {
        uint8_t *left = pixels + (size_t)y * stride, *right = left + (size_t)(width - 1) * n;
        for (; left < right; left += n, right -= n) {
            swap_rows(left, right, n);
        }
    }
    for (int y = 0; vertical && y < height / 2; y++) {
        swap_rows(pixels + (size_t)y * stride, pixels + (size_t)(height - 1 - y) * stride,
            (size_t)width * n);
    }
}

void si_flip_image(si_image *im, bool horizontal, bool vertical) {
    flip(im->pixels, im->stride, im->width, im->height, im->channels, horizontal, vertical);
}
