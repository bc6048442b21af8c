#include <math.h>
#include <stdlib.h>

#include "render/pixel/mask.h"
#include "render/pixel/noise.h"
#include "render/pixel/path_fill.h"
#include "render/pixel/taps.h"
#include "render/pixel/warp.h"

#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

enum {
    MAX_LEVELS = 17,
    MAX_SAMPLES = 64
}; /* smaller versions of the source; samples along a side */

static uint32_t *row_of(const si_image *im, int y) {
    return (uint32_t *)(void *)(im->pixels + (size_t)y * im->stride);
}

si_result si_taps_source(const si_image *in, si_image *source, si_diag *diag) {
    *source = *in;
    if (in->channels == 4) {
        return SI_OK;
    }
    si_result result = si_image_alloc(source, in->width, in->height, 4, diag);
    if (result == SI_OK) {
        si_blend_image(source, in, &(si_draw){.opacity = 1});
    }
    return result;
}

/* ---- the map ---- */

/* From result to source pixels: (x, y, 1) gives (u·q, v·q, q), and q > 0 before the horizon. */
typedef struct homography {
    double m[3][3];
} homography;

static double cofactor(double m[3][3], int r, int c) {
    int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
    return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
}

static bool invert(double m[3][3], homography *h) {
    double det = 0;
    for (int c = 0; c < 3; c++) {
        det += m[0][c] * cofactor(m, 0, c);
    }
    for (int r = 0; r < 3; r++) {
        for (int c = 0; c < 3; c++) {
            h->m[c][r] = cofactor(m, r, c) / det;
        }
    }
    return isnormal(det);
}

/* Heckbert's closed form of the map from the unit square to a quadrangle, scaled to the source and
 * inverted. */
static bool make_homography(const double p[8], int width, int height, homography *h) {
    double dx1 = p[2] - p[4], dx2 = p[6] - p[4], dx3 = p[0] - p[2] + p[4] - p[6];
    double dy1 = p[3] - p[5], dy2 = p[7] - p[5], dy3 = p[1] - p[3] + p[5] - p[7];
    double det = dx1 * dy2 - dx2 * dy1;
    double size = fabs(dx1) + fabs(dx2) + fabs(dy1) + fabs(dy2);
    if (!isfinite(dx3) || !isfinite(dy3) || !isfinite(size) || !(fabs(det) > 1e-9 * size * size)) {
        return false;
    }
    double g = (dx3 * dy2 - dx2 * dy3) / det, k = (dx1 * dy3 - dx3 * dy1) / det;
    double m[3][3] = {{p[2] - p[0] + g * p[2], p[6] - p[0] + k * p[6], p[0]},
        {p[3] - p[1] + g * p[3], p[7] - p[1] + k * p[7], p[1]}, {g, k, 1}};
    for (int r = 0; r < 3; r++) {
        m[r][0] /= width;
        m[r][1] /= height;
    }
    return invert(m, h);
}

/* Source position of a result point; false behind the horizon. */
SI_INLINE bool locate(const homography *h, double x, double y, double *u, double *v) {
    double q = h->m[2][0] * x + h->m[2][1] * y + h->m[2][2];
    *u = (h->m[0][0] * x + h->m[0][1] * y + h->m[0][2]) / q;
    *v = (h->m[1][0] * x + h->m[1][1] * y + h->m[1][2]) / q;
    return q > 0 && fabs(*u) < 1e9 && fabs(*v) < 1e9;
}

/* Source pixels passed on a step of one result pixel along x and along y. */
SI_INLINE void measure(
    const homography *h, double x, double y, double u, double v, double step[2]) {
    double q = h->m[2][0] * x + h->m[2][1] * y + h->m[2][2];
    for (int i = 0; i < 2; i++) {
        double du = h->m[0][i] - u * h->m[2][i], dv = h->m[1][i] - v * h->m[2][i];
        step[i] = sqrt(du * du + dv * dv) / q;
    }
}

/* ---- the source, smaller and smaller ---- */

typedef struct pyramid {
    si_image level[MAX_LEVELS]; /* each half the one before; [0] is borrowed */
    int count;
} pyramid;

static uint32_t average(const si_image *im, int x, int y) {
    taps sum = {0};
    for (int i = 0; i < 4; i++) {
        int sx = 2 * x + i % 2, sy = 2 * y + i / 2;
        sx = sx < im->width ? sx : im->width - 1;
        sy = sy < im->height ? sy : im->height - 1;
        taps_add(&sum, row_of(im, sy)[sx], 0.25f);
    }
    return taps_pixel(sum);
}

static si_result add_level(pyramid *p, si_diag *diag) {
    const si_image *from = &p->level[p->count - 1];
    si_image *to = &p->level[p->count];
    SI_TRY(si_image_alloc(to, (from->width + 1) / 2, (from->height + 1) / 2, 4, diag));
    p->count++;
    for (int y = 0; y < to->height; y++) {
        for (int x = 0; x < to->width; x++) {
            row_of(to, y)[x] = average(from, x, y);
        }
    }
    return SI_OK;
}

static void free_pyramid(pyramid *p) {
    for (int i = 1; i < p->count; i++) {
        si_image_free(&p->level[i]);
    }
}

/* Which level to sample: 4 samples or more along the shorter side of what a result pixel covers, as
 * long as that does not make more than MAX_SAMPLES of the longer one. */
static int level_of(const double step[2]) {
    double least = fmin(step[0], step[1]), most = fmax(step[0], step[1]);
    double want = fmax(least / 4, most / MAX_SAMPLES);
    int level = 0;
    while (want > 1 && level < MAX_LEVELS - 1) {
        want /= 2;
        level++;
    }
    return level;
}

/* ---- samples ---- */

/* Bilinear with the edge repeated; u, v in pixels of this level. */
SI_INLINE void add_bilinear(taps *sum, const si_image *im, double u, double v, float weight) {
    u = u - 0.5 > 0 ? u - 0.5 : 0;
    v = v - 0.5 > 0 ? v - 0.5 : 0;
    int x = u < im->width - 1 ? (int)u : im->width - 1;
    int y = v < im->height - 1 ? (int)v : im->height - 1;
    float fx = x < im->width - 1 ? (float)(u - x) : 0;
    float fy = y < im->height - 1 ? (float)(v - y) : 0;
    const uint32_t *a = row_of(im, y) + x, *b = fy > 0 ? row_of(im, y + 1) + x : a;
    int right = fx > 0;
    taps_add(sum, a[0], weight * (1 - fx) * (1 - fy));
    taps_add(sum, a[right], weight * fx * (1 - fy));
    taps_add(sum, b[0], weight * (1 - fx) * fy);
    taps_add(sum, b[right], weight * fx * fy);
}

/* Bilinear with nothing beyond the edge. */
SI_INLINE uint32_t bilinear(const si_image *im, double u, double v) {
    double x = floor(u - 0.5), y = floor(v - 0.5);
    float fx = (float)(u - 0.5 - x), fy = (float)(v - 0.5 - y);
    taps sum = {0};
    for (int i = 0; i < 4; i++) {
        double sx = x + i % 2, sy = y + i / 2;
        if (sx >= 0 && sy >= 0 && sx < im->width && sy < im->height) {
            float weight = (i % 2 ? fx : 1 - fx) * (i / 2 ? fy : 1 - fy);
            taps_add(&sum, row_of(im, (int)sy)[(int)sx], weight);
        }
    }
    return taps_pixel(sum);
}

static uint32_t nearest(const si_image *im, double u, double v) {
    bool inside = u >= 0 && v >= 0 && u < im->width && v < im->height;
    return inside ? row_of(im, (int)v)[(int)u] : 0;
}

/* Middle of cell i of n, moved by the jitter. */
SI_INLINE double place(int i, int n, uint32_t chance, double jitter) {
    return (i + 0.5 + ((chance & 0xffff) / 65536.0 - 0.5) * jitter) / n;
}

/* The mean over a result pixel, of the whole source extended by its edges. */
SI_INLINE uint32_t supersample(
    const si_quad *how, const homography *h, const pyramid *p, int x, int y) {
    double u, v, step[2],
        jitter = how->jitter < 0     ? 0
                 : how->jitter < 200 ? how->jitter / 100.0
                                     : 2;
    if (!locate(h, x + 0.5, y + 0.5, &u, &v)) {
        return 0;
    }
    measure(h, x + 0.5, y + 0.5, u, v, step);
    int level = level_of(step), n[2];
    level = level < p->count ? level : p->count - 1;
    const si_image *im = &p->level[level];
    double scale = 1.0 / (1 << level);
    for (int i = 0; i < 2; i++) {
        double want = ceil(step[i] * scale - 0.01);
        n[i] = want > 1 ? (want < MAX_SAMPLES ? (int)want : MAX_SAMPLES) : 1;
    }
    taps sum = {0};
    float weight = 1.f / (float)(n[0] * n[1]);
    for (int j = 0; j < n[1]; j++) {
        for (int i = 0; i < n[0]; i++) {
            uint32_t chance =
                jitter > 0 ? si_position_hash(how->seed + (uint64_t)(j * n[0] + i), x, y) : 0;
            double px = x + place(i, n[0], chance, jitter);
            double py = y + place(j, n[1], chance >> 16, jitter);
            if (locate(h, px, py, &u, &v)) {
                add_bilinear(&sum, im, u * scale, v * scale, weight);
            }
        }
    }
    return taps_pixel(sum);
}

/* ---- coverage ---- */

/* Cuts a polygon at one side of a box: keeps what has sign × coordinate ≤ limit. */
static int cut(
    const double (*in)[2], int n, double (*out)[2], int axis, double sign, double limit) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        const double *a = in[i], *b = in[(i + 1) % n];
        double da = sign * a[axis] - limit, db = sign * b[axis] - limit;
        if (da <= 0) {
            out[count][0] = a[0];
            out[count++][1] = a[1];
        }
        if ((da < 0 && db > 0) || (da > 0 && db < 0)) {
            double t = da / (da - db);
            out[count][0] = a[0] + t * (b[0] - a[0]);
            out[count][1] = a[1] + t * (b[1] - a[1]);
            out[count++][axis] = sign * limit;
        }
    }
    return count;
}

/* How much of each pixel of the window the quadrangle covers. It is cut to the window first, since
 * corners may lie anywhere. */
static si_result cover(const si_quad *how, si_plane *out, si_diag *diag) {
    enum { MOST = 4 + 4 * 4 };
    double a[MOST][2], b[MOST][2];
    int n = 4;
    for (int i = 0; i < 4; i++) {
        a[i][0] = how->corner[2 * i] - how->window.x;
        a[i][1] = how->corner[2 * i + 1] - how->window.y;
    }
    n = cut((const double(*)[2])a, n, b, 0, -1, 2);
    n = cut((const double(*)[2])b, n, a, 0, 1, how->window.width + 2.0);
    n = cut((const double(*)[2])a, n, b, 1, -1, 2);
    n = cut((const double(*)[2])b, n, a, 1, 1, how->window.height + 2.0);
    si_path_segment segments[MOST];
    for (int i = 0; i < n; i++) {
        segments[i] =
            (si_path_segment){.op = i == 0 ? SI_PATH_MOVE : SI_PATH_LINE, .p = {a[i][0], a[i][1]}};
    }
    si_path path = {segments, (size_t)n};
    return si_path_fill(&path, NULL, how->window.width, how->window.height, out, diag);
}

/* ---- all of it ---- */

/* Levels for the greatest reduction, which is at a corner. */
static si_result make_pyramid(
    pyramid *p, const si_image *source, const si_quad *how, const homography *h, si_diag *diag) {
    int most = 0;
    p->level[0] = *source;
    p->count = 1;
    for (int i = 0; i < 4; i++) {
        double x = how->corner[2 * i], y = how->corner[2 * i + 1], u, v, step[2];
        locate(h, x, y, &u, &v);
        measure(h, x, y, u, v, step);
        int level = level_of((double[]){fabs(step[0]), fabs(step[1])});
        most = level > most ? level : most;
    }
    si_result result = SI_OK;
    while (result == SI_OK && p->count <= most &&
           (p->level[p->count - 1].width > 1 || p->level[p->count - 1].height > 1)) {
        result = add_level(p, diag);
    }
    return result;
}

SI_WIDE static void sample_covered(const si_quad *how, const homography *h, const pyramid *p,
    const si_plane *covered, si_image *out) {
    for (int y = 0; y < out->height; y++) {
        const uint8_t *row = si_plane_row(covered, y);
        for (int x = 0; x < out->width; x++) {
            if (row[x] > 0) {
                row_of(out, y)[x] = supersample(how, h, p, how->window.x + x, how->window.y + y);
            }
        }
    }
}

static si_result warp_super(
    const si_image *source, const si_quad *how, const homography *h, si_image *out, si_diag *diag) {
    pyramid p = {0};
    si_plane covered = {0};
    si_result result = make_pyramid(&p, source, how, h, diag);
    if (result == SI_OK) {
        result = cover(how, &covered, diag);
    }
    if (result == SI_OK) {
        sample_covered(how, h, &p, &covered, out);
        result = si_mask_multiply(out, &covered, 0, 0, diag);
    }
    si_plane_free(&covered);
    free_pyramid(&p);
    return result;
}

SI_WIDE static void warp_points(
    const si_image *source, const si_quad *how, const homography *h, si_image *out) {
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            double u, v;
            if (locate(h, how->window.x + x + 0.5, how->window.y + y + 0.5, &u, &v)) {
                row_of(out, y)[x] = how->sampling == SI_SAMPLING_NEAREST ? nearest(source, u, v)
                                                                         : bilinear(source, u, v);
            }
        }
    }
}

static double bound(double v) {
    return v > 1 << 30 ? 1 << 30 : v > -(1 << 30) ? v : -(1 << 30);
}

si_rect si_quad_box(const double corner[8]) {
    double low[2] = {corner[0], corner[1]}, high[2] = {corner[0], corner[1]};
    for (int i = 2; i < 8; i++) {
        low[i % 2] = fmin(low[i % 2], corner[i]);
        high[i % 2] = fmax(high[i % 2], corner[i]);
    }
    int x = (int)bound(floor(low[0])), y = (int)bound(floor(low[1]));
    int64_t width = (int64_t)bound(ceil(high[0])) - x, height = (int64_t)bound(ceil(high[1])) - y;
    return (si_rect){x, y, width < INT32_MAX ? (int)width : INT32_MAX,
        height < INT32_MAX ? (int)height : INT32_MAX};
}

si_result si_warp_perspective(
    const si_image *in, const si_quad *how, si_image *out, si_diag *diag) {
    homography h;
    si_image source;
    *out = (si_image){0};
    if (!make_homography(how->corner, in->width, in->height, &h)) {
        return si_fail(diag, SI_ERR_RANGE, "perspective: the corners span no area");
    }
    si_result result = si_taps_source(in, &source, diag);
    if (result == SI_OK) {
        result = si_image_alloc(out, how->window.width, how->window.height, 4, diag);
    }
    if (result == SI_OK) {
        out->grey = in->grey;
        if (how->sampling == SI_SAMPLING_SUPER) {
            result = warp_super(&source, how, &h, out, diag);
        } else {
            warp_points(&source, how, &h, out);
        }
    }
    if (source.pixels != in->pixels) {
        si_image_free(&source);
    }
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}
