#include "render/pixel/filters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/pixel/gaussian.h"

#define WIDE __attribute__((target_clones("avx2", "default")))

/* What a filter compares: b of the formula, up to four planes interleaved, floats 0…255. With
 * alpha, colours are premultiplied (by 0…1) for blurring. */
enum { MAX_PLANES = 4 };

/* ---- the Gaussian ---- */

int si_filter_usm_reach(double amount, double radius) {
    if (amount == 0 || radius < SI_GAUSSIAN_SMALLEST) {
        return 0;
    }
    return (int)ceil(3 * radius) + 1;
}

WIDE static void add_pair(float *restrict sum, const float *a, const float *b, float w, size_t n) {
    for (size_t i = 0; i < n; i++) {
        sum[i] += w * (a[i] + b[i]);
    }
}

WIDE static void scale_row(float *restrict to, const float *restrict from, float w, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = w * from[i];
    }
}

/* Blurs one row; `in` has `reach` pixels of repeated edge on both sides of its `n` values. */
static void blur_row(const float *in, float *out, const float *k, int reach, int planes, size_t n) {
    scale_row(out, in, k[0], n);
    for (int i = 1; i <= reach; i++) {
        add_pair(out, in - i * planes, in + i * planes, k[i], n);
    }
}

/* ---- b of the formula ---- */

static float luma(const uint8_t *p) {
    return 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

static int planes_of(const si_image *im, bool mono) {
    return (mono ? 1 : 3) + (im->channels == 4);
}

/* Loads row `y`, premultiplied. */
static void load_row(const si_image *im, int y, bool mono, float *row) {
    const uint8_t *p = im->pixels + (size_t)y * im->stride;
    int colours = mono ? 1 : 3;
    for (int x = 0; x < im->width; x++, p += im->channels) {
        float a = im->channels == 4 ? p[3] / 255.f : 1;
        if (mono) {
            *row++ = luma(p) * a;
        } else {
            for (int c = 0; c < colours; c++) {
                *row++ = p[c] * a;
            }
        }
        if (im->channels == 4) {
            *row++ = p[3];
        }
    }
}

static uint8_t to_level(float v) {
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + .5f);
}

typedef struct strength {
    float amount, threshold;
    bool mono;
} strength;

static float change(const strength *s, float b, float blurred) {
    float d = b - blurred;
    return fabsf(d) >= s->threshold ? s->amount * d : 0;
}

/* Applies the formula to row `y`, given G of it. */
static void apply_row(si_image *im, int y, const strength *s, const float *g) {
    uint8_t *p = im->pixels + (size_t)y * im->stride;
    bool alpha = im->channels == 4;
    int colours = s->mono ? 1 : 3;
    for (int x = 0; x < im->width; x++, p += im->channels, g += colours + alpha) {
        float unpremultiply = alpha ? (g[colours] > 0.5f ? 255 / g[colours] : 0) : 1;
        if (alpha && p[3] == 0) {
            unpremultiply = 0; /* invisible: leave its colour alone */
        }
        if (unpremultiply > 0) {
            float all = s->mono ? change(s, luma(p), g[0] * unpremultiply) : 0;
            for (int c = 0; c < 3; c++) {
                float d = s->mono ? all : change(s, p[c], g[c] * unpremultiply);
                p[c] = to_level(p[c] + d);
            }
        }
        if (alpha) {
            p[3] = to_level(p[3] + change(s, p[3], g[colours]));
        }
    }
}

/* ---- small radii: exact kernel, a window of rows ---- */

typedef struct window {
    int reach, planes;
    size_t row; /* floats */
    float *kernel;
    float *in;      /* one row with room for edges on both sides */
    float *rows;    /* the last 2·reach + 1 rows, blurred along x */
    float *blurred; /* one row, blurred along both */
} window;

static float *window_row(const window *w, int y) {
    return w->rows + (size_t)(y % (2 * w->reach + 1)) * w->row;
}

static void fill_row(const window *w, const si_image *im, int y, bool mono) {
    float *p = w->in + (size_t)w->reach * (size_t)w->planes;
    load_row(im, y, mono, p);
    for (int i = 1; i <= w->reach; i++) {
        for (int c = 0; c < w->planes; c++) {
            p[-i * w->planes + c] = p[c];
            p[(ptrdiff_t)w->row + (i - 1) * w->planes + c] = p[(ptrdiff_t)w->row - w->planes + c];
        }
    }
    blur_row(p, window_row(w, y), w->kernel, w->reach, w->planes, w->row);
}

static void run_window(const window *w, si_image *im, const strength *s) {
    int last = im->height - 1, have = 0;
    for (int y = 0; y <= last; y++) {
        for (; have <= last && have <= y + w->reach; have++) {
            fill_row(w, im, have, s->mono);
        }
        scale_row(w->blurred, window_row(w, y), w->kernel[0], w->row);
        for (int i = 1; i <= w->reach; i++) {
            int above = y - i < 0 ? 0 : y - i, below = y + i > last ? last : y + i;
            add_pair(w->blurred, window_row(w, above), window_row(w, below), w->kernel[i], w->row);
        }
        apply_row(im, y, s, w->blurred);
    }
}

static si_result usm_window(si_image *im, double radius, const strength *s, si_diag *diag) {
    window w = {.reach = si_filter_usm_reach(1, radius), .planes = planes_of(im, s->mono)};
    w.row = (size_t)im->width * (size_t)w.planes;
    w.kernel = si_gaussian_kernel(radius, w.reach);
    w.in = malloc((w.row + 2 * (size_t)w.reach * (size_t)w.planes) * sizeof(float));
    w.rows = malloc((2 * (size_t)w.reach + 1) * w.row * sizeof(float));
    w.blurred = malloc(w.row * sizeof(float));
    si_result result = SI_OK;
    if (w.kernel == NULL || w.in == NULL || w.rows == NULL || w.blurred == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "no memory for the sharpening filter");
    } else {
        run_window(&w, im, s);
    }
    free(w.kernel);
    free(w.in);
    free(w.rows);
    free(w.blurred);
    return result;
}

/* ---- large radii: three box filters over the whole image ---- */

/* A line of `n` values `step` floats apart. */
static void box_line(float *v, size_t step, int n, int half, float part, float *copy) {
    for (int i = 0; i < n; i++) {
        copy[i] = v[(size_t)i * step];
    }
#define AT(i) copy[(i) < 0 ? 0 : (i) >= n ? n - 1 : (i)]
    double sum = 0;
    for (int i = -half; i <= half; i++) {
        sum += AT(i);
    }
    double norm = 1 / (2 * half + 1 + 2.0 * part);
    for (int i = 0; i < n; i++) {
        double ends = (double)AT(i - half - 1) + AT(i + half + 1);
        v[(size_t)i * step] = (float)((sum + part * ends) * norm);
        sum += AT(i + half + 1) - (double)AT(i - half);
    }
#undef AT
}

static si_result usm_boxes(si_image *im, double radius, const strength *s, si_diag *diag) {
    int planes = planes_of(im, s->mono), half;
    float part;
    size_t row = (size_t)im->width * (size_t)planes;
    int longest = im->width > im->height ? im->width : im->height;
    float *all = malloc(row * (size_t)im->height * sizeof *all);
    float *copy = malloc((size_t)longest * sizeof *copy);
    if (all == NULL || copy == NULL) {
        free(all);
        free(copy);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for the sharpening filter");
    }
    si_gaussian_box(radius, &half, &part);
    for (int y = 0; y < im->height; y++) {
        float *p = all + (size_t)y * row;
        load_row(im, y, s->mono, p);
        for (int i = 0; i < 3 * planes; i++) {
            box_line(p + i % planes, (size_t)planes, im->width, half, part, copy);
        }
    }
    for (size_t i = 0; i < row; i++) {
        for (int k = 0; k < 3; k++) {
            box_line(all + i, row, im->height, half, part, copy);
        }
    }
    for (int y = 0; y < im->height; y++) {
        apply_row(im, y, s, all + (size_t)y * row);
    }
    free(all);
    free(copy);
    return SI_OK;
}

si_result si_filter_usm(
    si_image *im, double amount, double radius, int threshold, bool mono, si_diag *diag) {
    if (si_filter_usm_reach(amount, radius) == 0) {
        return SI_OK;
    }
    strength s = {.amount = (float)amount, .threshold = (float)threshold, .mono = mono};
    return radius < SI_GAUSSIAN_BOX_FROM ? usm_window(im, radius, &s, diag)
                                         : usm_boxes(im, radius, &s, diag);
}

/* ---- op_sharpen ---- */

static void sharpen_row(const uint8_t *above, const uint8_t *row, const uint8_t *below, int n,
    int width, uint8_t *out) {
    for (int x = 0; x < width; x++) {
        int left = (x > 0 ? x - 1 : 0) * n, right = (x + 1 < width ? x + 1 : x) * n;
        for (int c = 0; c < n; c++) {
            int i = x * n + c;
            int edges = above[i] + below[i] + row[left + c] + row[right + c];
            int v = (6 * row[i] - edges + 1) >> 1;
            out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

si_result si_filter_sharpen(si_image *im, si_diag *diag) {
    size_t bytes = (size_t)im->width * (size_t)im->channels;
    uint8_t *above = malloc(2 * bytes);
    if (above == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for the sharpening filter");
    }
    uint8_t *row = above + bytes; /* both as they were before this filter */
    memcpy(above, im->pixels, bytes);
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        const uint8_t *below = y + 1 < im->height ? p + im->stride : row;
        memcpy(row, p, bytes);
        sharpen_row(above, row, below, im->channels, im->width, p);
        memcpy(above, row, bytes);
    }
    free(above);
    return SI_OK;
}
