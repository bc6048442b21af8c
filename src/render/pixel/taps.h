/* Weighted sums of pixels, premultiplied on the way: what every kind of warp samples with. */
#ifndef SI_RENDER_PIXEL_TAPS_H
#define SI_RENDER_PIXEL_TAPS_H

#include <string.h>

#include "codec/image.h"
#include "render/pixel/levels.h"

/* Colours × alpha and alpha × 255, all weighted. */
typedef float taps __attribute__((vector_size(16)));
typedef uint8_t taps_bytes __attribute__((vector_size(4)));
typedef uint32_t taps_words __attribute__((vector_size(16)));
typedef int32_t taps_levels __attribute__((vector_size(16)));

/* Adds a pixel, a word 0xAABBGGRR, with a weight. */
SI_INLINE void taps_add(taps *sum, uint32_t pixel, float weight) {
    float a = (float)(int32_t)(pixel >> 24) * (weight / 255);
    taps_words w = (taps_words){0} + (pixel | 0xff000000u);
    w = (w >> (taps_words){0, 8, 16, 24}) & 255;
    *sum += __builtin_convertvector((taps_levels)w, taps) * a;
}

/* The pixel that a sum of weights 1 stands for. */
SI_INLINE uint32_t taps_pixel(taps sum) {
    uint32_t a = si_level(sum[3]);
    if (a == 0) {
        return 0;
    }
    float scale = 255 / sum[3];
    return si_level(sum[0] * scale) | (uint32_t)si_level(sum[1] * scale) << 8 |
           (uint32_t)si_level(sum[2] * scale) << 16 | a << 24;
}

/* `in` with an alpha channel: itself, with the same `pixels`, or a copy that the caller frees. */
SI_NODISCARD si_result si_taps_source(const si_image *in, si_image *source, si_diag *diag);

#endif
