#include "render/pixel/smart_crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BORDER_SAMPLES = 160, NEAREST = BORDER_SAMPLES / 10, BINS = 8 };

static const float sharpness = 1.5f, middle = 0.35f;

/* Planes of one picture, all of width × height floats. */
typedef struct field {
    int width, height;
    float *lab[3], *skin; /* as read */
    float *near[3];       /* L, a, b blurred by 1.5 */
    float *wide[3];       /* … by 12 */
    float *soft[3];       /* … by 2 */
    float *edges, *border, *contrast;
    float *scratch;
    float *memory;
} field;

static size_t area(const field *f) {
    return (size_t)f->width * (size_t)f->height;
}

static bool allocate(field *f) {
    float **const planes[] = {&f->lab[0], &f->lab[1], &f->lab[2], &f->skin, &f->near[0],
        &f->near[1], &f->near[2], &f->wide[0], &f->wide[1], &f->wide[2], &f->soft[0], &f->soft[1],
        &f->soft[2], &f->edges, &f->border, &f->contrast, &f->scratch};
    const size_t count = sizeof planes / sizeof *planes;
    f->memory = calloc(count * area(f), sizeof *f->memory);
    for (size_t i = 0; f->memory != NULL && i < count; i++) {
        *planes[i] = f->memory + i * area(f);
    }
    return f->memory != NULL;
}

/* ---- colours ---- */

static float linear(float v) {
    return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
}

static float lightness(float v) {
    return v > 0.008856f ? cbrtf(v) : 7.787f * v + 16.0f / 116;
}

static void to_lab(const float rgb[3], float lab[3]) {
    float r = linear(rgb[0]), g = linear(rgb[1]), b = linear(rgb[2]);
    float x = lightness((0.4124f * r + 0.3576f * g + 0.1805f * b) / 0.9505f);
    float y = lightness(0.2126f * r + 0.7152f * g + 0.0722f * b);
    float z = lightness((0.0193f * r + 0.1192f * g + 0.9505f * b) / 1.089f);
    lab[0] = 116 * y - 16;
    lab[1] = 500 * (x - y);
    lab[2] = 200 * (y - z);
}

static float skin_of(const float rgb[3]) {
    float sum = rgb[0] + rgb[1] + rgb[2] + 1.0f / 255;
    float dr = (rgb[0] / sum - 0.42f) / 0.05f, dg = (rgb[1] / sum - 0.31f) / 0.03f;
    return rgb[0] > 60.0f / 255 && rgb[0] > rgb[2] ? expf(-(dr * dr + dg * dg) / 2) : 0;
}

static void read_pixels(const si_image *im, field *f) {
    for (int y = 0; y < im->height; y++) {
        const uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels) {
            size_t at = (size_t)y * (size_t)f->width + (size_t)x;
            float a = im->channels == 4 ? (float)p[3] / 255 : 1, rgb[3], lab[3];
            for (int c = 0; c < 3; c++) {
                rgb[c] = (float)p[c] / 255 * a + (1 - a);
            }
            to_lab(rgb, lab);
            for (int c = 0; c < 3; c++) {
                f->lab[c][at] = lab[c];
            }
            f->skin[at] = skin_of(rgb);
        }
    }
}

/* ---- maps ---- */

static int clamped(int v, int end) {
    return v < 0 ? 0 : v >= end ? end - 1 : v;
}

/* Gaussian; pixels beyond the edge repeat it. */
static void blur(const field *f, const float *from, float *to, float sigma) {
    enum { REACH_MAX = 40 };
    float kernel[REACH_MAX + 1], sum = 0;
    int reach = (int)(3 * sigma + 0.5f);
    for (int i = 0; i <= reach; i++) {
        kernel[i] = expf(-(float)(i * i) / (2 * sigma * sigma));
        sum += i == 0 ? kernel[i] : 2 * kernel[i];
    }
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            float v = 0;
            for (int i = -reach; i <= reach; i++) {
                v += kernel[abs(i)] *
                     from[(size_t)clamped(y + i, f->height) * (size_t)f->width + (size_t)x];
            }
            f->scratch[(size_t)y * (size_t)f->width + (size_t)x] = v / sum;
        }
    }
    for (int y = 0; y < f->height; y++) {
        const float *row = f->scratch + (size_t)y * (size_t)f->width;
        for (int x = 0; x < f->width; x++) {
            float v = 0;
            for (int i = -reach; i <= reach; i++) {
                v += kernel[abs(i)] * row[clamped(x + i, f->width)];
            }
            to[(size_t)y * (size_t)f->width + (size_t)x] = v / sum;
        }
    }
}

static float distance(float *const a[3], size_t i, float *const b[3], size_t k) {
    float d0 = a[0][i] - b[0][k], d1 = a[1][i] - b[1][k], d2 = a[2][i] - b[2][k];
    return sqrtf(d0 * d0 + d1 * d1 + d2 * d2);
}

/* Evenly spaced places along a ring just inside the edge. */
static void border_places(const field *f, size_t places[BORDER_SAMPLES]) {
    int w = f->width, h = f->height, length = 2 * (w + h);
    for (int i = 0; i < BORDER_SAMPLES; i++) {
        int at = (int)((int64_t)i * length / BORDER_SAMPLES), x, y;
        if (at < 2 * w) {
            x = at % w;
            y = at < w ? 0 : h - 1;
        } else {
            y = (at - 2 * w) % h;
            x = at - 2 * w < h ? 0 : w - 1;
        }
        places[i] = (size_t)y * (size_t)w + (size_t)x;
    }
}

/* Mean distance to the NEAREST of the colours along the border. */
static float border_distance(const field *f, const size_t places[BORDER_SAMPLES], size_t at) {
    float best[NEAREST], sum = 0;
    int count = 0;
    for (int i = 0; i < BORDER_SAMPLES; i++) {
        float d = distance(f->near, at, f->near, places[i]);
        int k = count < NEAREST ? count++ : NEAREST - 1;
        if (k == NEAREST - 1 && i >= NEAREST && d >= best[k]) {
            continue;
        }
        for (; k > 0 && best[k - 1] > d; k--) {
            best[k] = best[k - 1];
        }
        best[k] = d;
    }
    for (int i = 0; i < count; i++) {
        sum += best[i];
    }
    return sum / (float)count;
}

static void map_edges(field *f) {
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            size_t at = (size_t)y * (size_t)f->width + (size_t)x;
            size_t up = y > 0 ? at - (size_t)f->width : at, left = x > 0 ? at - 1 : at;
            f->edges[at] =
                fabsf(f->lab[0][at] - f->lab[0][up]) + fabsf(f->lab[0][at] - f->lab[0][left]);
        }
    }
    blur(f, f->edges, f->edges, 2);
}

static void make_maps(field *f) {
    size_t places[BORDER_SAMPLES];
    for (int c = 0; c < 3; c++) {
        blur(f, f->lab[c], f->near[c], 1.5f);
        blur(f, f->lab[c], f->soft[c], 2);
        blur(f, f->lab[c], f->wide[c], 12);
    }
    blur(f, f->skin, f->skin, 2);
    map_edges(f);
    border_places(f, places);
    for (size_t i = 0; i < area(f); i++) {
        f->border[i] = border_distance(f, places, i);
        f->contrast[i] = distance(f->soft, i, f->wide, i);
    }
}

static float inverse_mean(const field *f, const float *plane) {
    double sum = 0;
    for (size_t i = 0; i < area(f); i++) {
        sum += (double)plane[i];
    }
    return 1 / ((float)(sum / (double)area(f)) + 1e-6f);
}

/* Attention, into f->scratch. */
static void weigh(field *f) {
    float border = inverse_mean(f, f->border), edges = 2 * inverse_mean(f, f->edges);
    float contrast = 0.5f * inverse_mean(f, f->contrast);
    for (int y = 0; y < f->height; y++) {
        for (int x = 0; x < f->width; x++) {
            size_t at = (size_t)y * (size_t)f->width + (size_t)x;
            float cx = ((float)x + 0.5f) / (float)f->width - 0.5f;
            float cy = ((float)y + 0.5f) / (float)f->height - 0.5f;
            float v = border * f->border[at] + edges * f->edges[at] + contrast * f->contrast[at] +
                      4 * f->skin[at];
            f->scratch[at] =
                powf(v, sharpness) * expf(-(cx * cx + cy * cy) / (2 * middle * middle));
        }
    }
}

/* ---- the window ---- */

/* Attention up to `at` along an axis, linear within a pixel. */
static double upto(const double *sums, int n, double at) {
    int i = (int)at;
    return i >= n ? sums[n] : sums[i] + (sums[i + 1] - sums[i]) * (at - i);
}

/* Where a window of `share` of an axis begins, as a share of it: of all that hold about the most
 * attention the one in their middle. */
static double slide(const double *sums, int n, double share) {
    enum { STEPS = 256 };
    double most = -1, first = 0, last = 0, room = n * (1 - share);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i <= STEPS; i++) {
            double from = room * i / STEPS;
            double held = upto(sums, n, from + n * share) - upto(sums, n, from);
            if (pass == 0 && held > most) {
                most = held;
                first = last = from;
            } else if (pass == 1 && held >= most * (1 - 1e-6)) {
                first = fmin(first, from);
                last = fmax(last, from);
            }
        }
    }
    return (first + last) / 2 / n;
}

static si_result place(const field *f, double share, bool across, double *at, si_diag *diag) {
    int n = across ? f->width : f->height;
    double *sums = calloc((size_t)n + 1, sizeof *sums);
    if (sums == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < area(f); i++) {
        size_t line = across ? i % (size_t)f->width : i / (size_t)f->width;
        sums[line + 1] += (double)f->scratch[i];
    }
    for (int i = 0; i < n; i++) {
        sums[i + 1] += sums[i];
    }
    *at = slide(sums, n, share);
    free(sums);
    return SI_OK;
}

/* The window of one ratio, once there is attention; without any it is at the top left. */
static si_result window(const field *f, double source_ratio, double ratio, double rect[4],
    bool *free_to_move, si_diag *diag) {
    double share[2] = {fmin(1, ratio / source_ratio), fmin(1, source_ratio / ratio)};
    bool across = share[0] < 1;
    memcpy(rect, (double[]){0, 0, share[0], share[1]}, 4 * sizeof *rect);
    *free_to_move = share[0] <= 1 - 1e-9 || share[1] <= 1 - 1e-9;
    return f == NULL || !*free_to_move
               ? SI_OK
               : place(f, share[across ? 0 : 1], across, &rect[across ? 0 : 1], diag);
}

si_result si_smart_crops(const si_image *thumb, double source_ratio, int count,
    const double *ratios, double (*rects)[4], si_diag *diag) {
    bool any = false, moves;
    for (int i = 0; i < count; i++) {
        if (!(ratios[i] > 0) || !(source_ratio > 0)) {
            return si_fail(diag, SI_ERR_RANGE, "a smart crop without area");
        }
        (void)!window(NULL, source_ratio, ratios[i], rects[i], &moves, diag);
        any |= moves;
    }
    if (!any) {
        return SI_OK;
    }
    field f = {.width = thumb->width, .height = thumb->height};
    if (!allocate(&f)) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    read_pixels(thumb, &f);
    make_maps(&f);
    weigh(&f);
    si_result result = SI_OK;
    for (int i = 0; i < count && result == SI_OK; i++) {
        result = window(&f, source_ratio, ratios[i], rects[i], &moves, diag);
    }
    free(f.memory);
    return result;
}

/* ---- the swatch ---- */

uint32_t si_smart_swatch(const si_image *thumb, const double rect[4]) {
    static const int shift = 5; /* 256 ÷ BINS = 2⁵ */
    struct bin {
        uint32_t count, sum[3];
    } bins[BINS * BINS * BINS] = {0}, *fullest = bins;
    int x0 = (int)(rect[0] * thumb->width), y0 = (int)(rect[1] * thumb->height);
    int x1 = (int)ceil((rect[0] + rect[2]) * thumb->width);
    int y1 = (int)ceil((rect[1] + rect[3]) * thumb->height);
    for (int y = clamped(y0, thumb->height); y < y1 && y < thumb->height; y++) {
        for (int x = clamped(x0, thumb->width); x < x1 && x < thumb->width; x++) {
            const uint8_t *p =
                thumb->pixels + (size_t)y * thumb->stride + (size_t)x * (size_t)thumb->channels;
            if (thumb->channels == 4 && p[3] < 128) {
                continue;
            }
            struct bin *b =
                &bins[((p[0] >> shift) * BINS + (p[1] >> shift)) * BINS + (p[2] >> shift)];
            b->count++;
            for (int c = 0; c < 3; c++) {
                b->sum[c] += p[c];
            }
            fullest = b->count > fullest->count ? b : fullest;
        }
    }
    uint32_t colour = 0;
    for (int c = 0; c < 3; c++) {
        colour = colour << 8 | (fullest->count > 0 ? fullest->sum[c] / fullest->count : 255);
    }
    return colour;
}
