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
    si_result code = si_taps_source(in, &source, diag);
    if (code == SI_OK) {
        code = si_image_alloc(out, window->width, window->height, 4, diag);
    }
    if (code == SI_OK) {
        out->grey = in->grey;
        code = warp(&source, &inverse, window, bounds, out, diag);
    }
    if (source.pixels != in->pixels) {
        si_image_free(&source);
    }
    if (code != SI_OK) {
        si_image_free(out);
    }
    return code;
}

si_result si_warp_affine(const si_image *in, const si_affine *to_result, const si_rect *window,
    si_image *out, si_diag *diag) {
    return warp_within(in, to_result, window, window, out, diag);
}

/* ---- rotation ---- */

/* Cosine and sine, exact at right angles. Returns how many of those it is, or −1. */
static int turn_of(double degrees, double *c, double *s) {
    static const double cosines[] = {1, 0, -1, 0};
    double angle = fmod(degrees, 360);
    angle += angle < 0 ? 360 : 0;
    for (int i = 0; i <= 4; i++) {
        if (angle == 90.0 * i) {
            *c = cosines[i % 4];
            *s = cosines[(i + 3) % 4];
            return i % 4;
        }
    }
    *c = cos(angle * M_PI / 180);
    *s = sin(angle * M_PI / 180);
    return -1;
}

static int round_up(double v) {
    v = ceil(v - 1e-6);
    return v < 1 ? 1 : v < 1 << 30 ? (int)v : 1 << 30;
}

void si_rotate_size(int width, int height, double degrees, int *out_width, int *out_height) {
    double c, s;
    turn_of(degrees, &c, &s);
    *out_width = round_up(width * fabs(c) + height * fabs(s));
    *out_height = round_up(width * fabs(s) + height * fabs(c));
}

/* Pixel x, y of the picture turned by `turns` right angles; NULL outside. */
static const uint8_t *turned_pixel(const si_image *in, int turns, int64_t x, int64_t y) {
    int64_t right = in->width - 1, bottom = in->height - 1;
    int64_t sx = turns == 0 ? x : turns == 1 ? y : turns == 2 ? right - x : right - y;
    int64_t sy = turns == 0 ? y : turns == 1 ? bottom - x : turns == 2 ? bottom - y : x;
    bool outside = sx < 0 || sy < 0 || sx > right || sy > bottom;
    return outside ? NULL
                   : in->pixels + (size_t)sy * in->stride + (size_t)sx * (size_t)in->channels;
}

static si_result turn(
    const si_image *in, int turns, const si_rect *window, si_image *out, si_diag *diag) {
    int width = turns % 2 ? in->height : in->width, height = turns % 2 ? in->width : in->height;
    bool inside = window->x >= 0 && window->y >= 0 && window->x <= width - window->width &&
                  window->y <= height - window->height;
    int channels = inside ? in->channels : 4;
    si_result code = si_image_alloc(out, window->width, window->height, channels, diag);
    if (code != SI_OK) {
        return code;
    }
    out->grey = in->grey;
    for (int y = 0; y < out->height; y++) {
        uint8_t *to = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < out->width; x++, to += channels) {
            const uint8_t *from =
                turned_pixel(in, turns, (int64_t)window->x + x, (int64_t)window->y + y);
            if (from != NULL) {
                memcpy(to, from, 3);
                if (channels == 4) {
                    to[3] = in->channels == 4 ? from[3] : 255;
                }
            }
        }
    }
    return SI_OK;
}

si_result si_warp_rotate(
    const si_image *in, double degrees, const si_rect *window, si_image *out, si_diag *diag) {
    double c, s;
    si_rect whole = {0};
    *out = (si_image){0};
    if (!isfinite(degrees)) {
        return si_fail(diag, SI_ERR_RANGE, "rotate: not an angle");
    }
    int turns = turn_of(degrees, &c, &s);
    si_rotate_size(in->width, in->height, degrees, &whole.width, &whole.height);
    window = window != NULL ? window : &whole;
    if (turns >= 0) {
        return turn(in, turns, window, out, diag);
    }
    si_affine m = {.xx = c, .xy = -s, .yx = s, .yy = c};
    m.x0 = whole.width / 2.0 - (c * in->width - s * in->height) / 2;
    m.y0 = whole.height / 2.0 - (s * in->width + c * in->height) / 2;
    return warp_within(in, &m, window, &whole, out, diag);
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

void si_flip_plane(si_plane *p, bool horizontal, bool vertical) {
    flip(p->pixels, p->stride, p->width, p->height, 1, horizontal, vertical);
}

/* ---- margins ---- */

static void fill_image(si_image *im, si_rgba c) {
    const uint8_t levels[4] = {c.r, c.g, c.b, c.a};
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels) {
            memcpy(p, levels, (size_t)im->channels);
        }
    }
}

/* Copies `in` to x, y of `out`, as far as it falls there. */
static void copy_into(si_image *out, const si_image *in, int64_t x, int64_t y) {
    int64_t from = x < 0 ? -x : 0, to = out->width - x < in->width ? out->width - x : in->width;
    for (int64_t row = y < 0 ? -y : 0; row < in->height && row + y < out->height; row++) {
        const uint8_t *p = in->pixels + (size_t)row * in->stride;
        uint8_t *q = out->pixels + (size_t)(row + y) * out->stride;
        if (from < to && in->channels == out->channels) {
            memcpy(q + (x + from) * out->channels, p + from * in->channels,
                (size_t)(to - from) * (size_t)in->channels);
            continue;
        }
        for (int64_t i = from; i < to; i++) {
            memcpy(q + (x + i) * 4, p + i * 3, 3);
            q[(x + i) * 4 + 3] = 255;
        }
    }
}

si_result si_extend_image(const si_image *in, int left, int top, int right, int bottom,
    si_rgba fill, si_image *out, si_diag *diag) {
    int64_t width = (int64_t)in->width + left + right, height = (int64_t)in->height + top + bottom;
    bool adds = left > 0 || top > 0 || right > 0 || bottom > 0;
    *out = (si_image){0};
    if (width < 1 || height < 1) {
        return si_fail(diag, SI_ERR_RANGE, "extend leaves nothing of a layer");
    }
    if (width > INT32_MAX || height > INT32_MAX) {
        return si_fail(diag, SI_ERR_LIMIT, "extend makes a layer too large");
    }
    int channels = in->channels == 4 || (adds && fill.a != 255) ? 4 : 3;
    si_result code = si_image_alloc(out, (int)width, (int)height, channels, diag);
    if (code == SI_OK) {
        if (adds && (fill.a != 0 || channels == 3)) {
            fill_image(out, fill);
        }
        out->grey = in->grey && (!adds || fill.a == 0 || (fill.r == fill.g && fill.g == fill.b));
        copy_into(out, in, left, top);
    }
    return code;
}
