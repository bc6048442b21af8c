#include "quality/lossless.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONTEXT_BITS = 14, /* of the table that remembers what followed which neighbours */
    CACHE_BITS = 10,   /* of the table of colours seen lately */
    LEVELS = 256
};

/* What is counted in the pass over the image. */
typedef struct counts {
    uint32_t follows[1 << CONTEXT_BITS];
    uint32_t cache[1 << CACHE_BITS];
    uint64_t known[2], total[2]; /* pixels that their neighbours tell, by whether the one before
                                    was told, too */
    uint64_t cached;             /* of the others, colours seen lately */
    uint32_t residuals[4][LEVELS];
    uint64_t fresh; /* pixels that nothing tells */
} counts;

static uint32_t hash(uint32_t v) {
    v ^= v >> 16;
    v *= 0x7feb352d;
    v ^= v >> 15;
    v *= 0x846ca68b;
    return v ^ v >> 16;
}

/* A pixel in one word; colour under full transparency counts for nothing. */
static uint32_t word(const uint8_t *p, int channels, bool alpha_only) {
    if (alpha_only) {
        return (uint32_t)p[3] << 24;
    }
    uint32_t alpha = channels == 4 ? p[3] : 255;
    return alpha == 0 ? 0
                      : (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | alpha << 24;
}

static int at(uint32_t pixel, int k) {
    return (int)(pixel >> 8 * k & 255);
}

/* left + above − corner, kept between the first two, as PNG's and WebP's predictors do. */
static int predicted(uint32_t left, uint32_t above, uint32_t corner, int k) {
    int a = at(left, k), b = at(above, k), v = a + b - at(corner, k);
    int low = a < b ? a : b, high = a < b ? b : a;
    return v < low ? low : v > high ? high : v;
}

static void count_residual(
    counts *w, uint32_t pixel, uint32_t left, uint32_t above, uint32_t corner) {
    int r[4];
    for (int k = 0; k < 4; k++) {
        r[k] = at(pixel, k) - predicted(left, above, corner, k);
    }
    w->residuals[0][(r[0] - r[1]) & 255]++;
    w->residuals[1][r[1] & 255]++;
    w->residuals[2][(r[2] - r[1]) & 255]++;
    w->residuals[3][r[3] & 255]++;
}

static void count_row(counts *w, const uint32_t *row, const uint32_t *before, int width) {
    bool told = true;
    for (int x = 0; x < width; x++) {
        uint32_t pixel = row[x], left = x > 0 ? row[x - 1] : before[0];
        uint32_t above = before[x], corner = x > 0 ? before[x - 1] : above;
        uint32_t next = x + 1 < width ? before[x + 1] : above;
        uint32_t context = hash(left * 3 ^ hash(above * 5 ^ hash(corner * 7 ^ next)));
        uint32_t *follows = &w->follows[context >> (32 - CONTEXT_BITS)];
        uint32_t *cached = &w->cache[hash(pixel) >> (32 - CACHE_BITS)];
        bool known = *follows == pixel;
        w->total[told]++;
        w->known[told] += known;
        if (!known) {
            if (*cached == pixel) {
                w->cached++;
            } else {
                w->fresh++;
                count_residual(w, pixel, left, above, corner);
            }
        }
        *follows = *cached = pixel;
        told = known;
    }
}

/* Bits that n values take of which `part` are of one kind. */
static double split(double part, double n) {
    double rest = n - part;
    return part > 0 && rest > 0 ? part * log2(n / part) + rest * log2(n / rest) : 0;
}

static double entropy(const uint32_t histogram[LEVELS], double n) {
    double bits = 0;
    for (int i = 0; i < LEVELS; i++) {
        if (histogram[i] > 0) {
            bits += histogram[i] * log2(n / histogram[i]);
        }
    }
    return bits;
}

/* What the counts come to, in bytes. */
static double weigh(const counts *w) {
    const double cached_bits = 5.5, header = 60;
    double fresh = (double)w->fresh, total = (double)(w->total[0] + w->total[1]);
    double known = (double)(w->known[0] + w->known[1]), cached = (double)w->cached;
    double bits = split((double)w->known[0], (double)w->total[0]) +
                  split((double)w->known[1], (double)w->total[1]) + split(cached, total - known) +
                  cached * cached_bits;
    for (int k = 0; k < 4; k++) {
        bits += entropy(w->residuals[k], fresh);
    }
    return header + bits / 8;
}

double si_lossless_foresee(const si_image *image, bool alpha_only) {
    if (alpha_only && image->channels != 4) {
        return 0;
    }
    size_t width = (size_t)image->width;
    counts *w = calloc(1, sizeof *w);
    uint32_t *rows = calloc(2 * width, sizeof *rows);
    double bytes = INFINITY;
    if (w != NULL && rows != NULL) {
        for (int y = 0; y < image->height; y++) {
            uint32_t *row = rows + (y % 2 == 0 ? 0 : width);
            const uint32_t *before = rows + (y % 2 == 0 ? width : 0);
            const uint8_t *p = image->pixels + (size_t)y * image->stride;
            for (size_t x = 0; x < width; x++, p += image->channels) {
                row[x] = word(p, image->channels, alpha_only);
            }
            count_row(w, row, before, image->width);
        }
        bytes = weigh(w);
    }
    free(rows);
    free(w);
    return bytes;
}
