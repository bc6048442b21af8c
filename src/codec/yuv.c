#include "codec/yuv.h"

enum { FRACTION = 16, HALF = 1 << (FRACTION - 1) }; /* bits behind the point in weights */

/* What one unit of R, G, B adds to Y, U and V, in 2^-FRACTION of a sample. */
typedef struct matrix {
    int32_t y[3], u[3], v[3];
    int32_t mid; /* chroma of grey, in samples */
    int32_t max; /* largest sample */
} matrix;

static int32_t fixed(double v) {
    return (int32_t)(v * (1 << FRACTION) + (v < 0 ? -0.5 : 0.5));
}

static matrix bt601(int depth) {
    const double kr = 0.299, kb = 0.114, kg = 1 - kr - kb;
    int max = (1 << depth) - 1;
    double s = max / 255.0, su = s / (2 * (1 - kb)), sv = s / (2 * (1 - kr));
    return (matrix){
        .y = {fixed(kr * s), fixed(kg * s), fixed(kb * s)},
        .u = {fixed(-kr * su), fixed(-kg * su), fixed((1 - kb) * su)},
        .v = {fixed((1 - kr) * sv), fixed(-kg * sv), fixed(-kb * sv)},
        .mid = 1 << (depth - 1),
        .max = max,
    };
}

static inline int32_t limit(int32_t v, int32_t max) {
    return v < 0 ? 0 : v > max ? max : v;
}

static inline void put(uint8_t *row, int x, int32_t v, int depth) {
    if (depth == 8) {
        row[x] = (uint8_t)v;
    } else {
        ((uint16_t *)(void *)row)[x] = (uint16_t)v;
    }
}

/* Weighted sum of 2^shift pixels' samples, on top of `zero` samples. */
static inline int32_t mix(
    const int32_t w[3], int32_t r, int32_t g, int32_t b, int32_t zero, int shift, int32_t max) {
    int32_t sum = w[0] * r + w[1] * g + w[2] * b + (((zero << FRACTION) + HALF) << shift);
    return limit(sum >> (FRACTION + shift), max);
}

static inline void luma_row(
    const uint8_t *p, int width, int channels, const matrix *m, uint8_t *row, int depth) {
    for (int x = 0; x < width; x++, p += channels) {
        put(row, x, mix(m->y, p[0], p[1], p[2], 0, 0, m->max), depth);
    }
}

static inline void chroma_row(
    const uint8_t *p, int width, int channels, const matrix *m, uint8_t *u, uint8_t *v, int depth) {
    for (int x = 0; x < width; x++, p += channels) {
        put(u, x, mix(m->u, p[0], p[1], p[2], m->mid, 0, m->max), depth);
        put(v, x, mix(m->v, p[0], p[1], p[2], m->mid, 0, m->max), depth);
    }
}

/* Chroma of 2×2 pixels; the last column of odd widths counts twice. */
static inline void chroma_row_halved(const uint8_t *upper, const uint8_t *lower, int width,
    int channels, const matrix *m, uint8_t *u, uint8_t *v, int depth) {
    for (int x = 0; x < (width + 1) / 2; x++, upper += 2 * channels, lower += 2 * channels) {
        int right = 2 * x + 1 < width ? channels : 0;
        int32_t r = upper[0] + upper[right] + lower[0] + lower[right];
        int32_t g = upper[1] + upper[right + 1] + lower[1] + lower[right + 1];
        int32_t b = upper[2] + upper[right + 2] + lower[2] + lower[right + 2];
        put(u, x, mix(m->u, r, g, b, m->mid, 2, m->max), depth);
        put(v, x, mix(m->v, r, g, b, m->mid, 2, m->max), depth);
    }
}

/* One sample of each pixel as it is; at 10 bits scaled so that 255 becomes 1023. */
static inline void copy_row(const uint8_t *p, int width, int channels, uint8_t *row, int depth) {
    for (int x = 0; x < width; x++, p += channels) {
        put(row, x, depth == 8 ? p[0] : (p[0] * 1023 + 127) / 255, depth);
    }
}

static inline __attribute__((always_inline)) void convert(
    const si_image *image, const si_yuv *yuv, int depth) {
    matrix m = bt601(depth);
    int width = image->width, channels = image->channels;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *rgb = image->pixels + (size_t)y * image->stride;
        uint8_t *row[4];
        for (int i = 0; i < 4; i++) {
            size_t row_y =
                yuv->form == SI_YUV_420 && (i == 1 || i == 2) ? (size_t)y / 2 : (size_t)y;
            row[i] = yuv->plane[i] != NULL ? yuv->plane[i] + row_y * yuv->stride[i] : NULL;
        }
        if (yuv->form == SI_YUV_GBR) {
            copy_row(rgb + 1, width, channels, row[0], depth);
            copy_row(rgb + 2, width, channels, row[1], depth);
            copy_row(rgb, width, channels, row[2], depth);
        } else if (yuv->form == SI_YUV_400) {
            copy_row(rgb + 1, width, channels, row[0], depth);
        } else {
            luma_row(rgb, width, channels, &m, row[0], depth);
        }
        if (yuv->form == SI_YUV_444) {
            chroma_row(rgb, width, channels, &m, row[1], row[2], depth);
        } else if (yuv->form == SI_YUV_420 && y % 2 == 0) {
            const uint8_t *lower = y + 1 < image->height ? rgb + image->stride : rgb;
            chroma_row_halved(rgb, lower, width, channels, &m, row[1], row[2], depth);
        }
        if (row[3] != NULL) {
            copy_row(rgb + 3, width, channels, row[3], depth);
        }
    }
}

void si_yuv_from_rgb(const si_image *image, const si_yuv *yuv) {
    if (yuv->depth == 8) {
        convert(image, yuv, 8);
    } else {
        convert(image, yuv, 10);
    }
}
