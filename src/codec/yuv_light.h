/* RGB to the planes WebP codes: BT.601 matrix, 8 bits in the narrow range (luma 16…235, chroma
 * 16…240), 4:2:0, made so that what a decoder reconstructs gives off the right light.
 *
 * Coarse chroma falsifies brightness where saturated colours meet. Here
 *  - chroma is that of the mean light of 2×2 pixels (not of the mean of their encoded samples),
 *    slightly smoothed, which spares bits and costs no score;
 *  - luma is then chosen so that luminance is right with the chroma a decoder will show (upsampled
 *    with weights 9, 3, 3, 1 and already rounded to 8 bits), and rounded towards its neighbours by
 *    at most a quarter of a level.
 * docs/quality.md compares it with libwebp's plain and "sharp" conversions. */
#ifndef SI_CODEC_YUV_LIGHT_H
#define SI_CODEC_YUV_LIGHT_H

#include "codec/image.h"

/* Borrowed planes; those of chroma have half the size, rounded up. Strides in bytes. */
typedef struct si_yuv_planes {
    uint8_t *y, *u, *v;
    size_t y_stride, uv_stride;
} si_yuv_planes;

/* Fills the planes from an image with 3 or 4 channels. Transparent pixels count in chroma by their
 * alpha. Takes 11 bytes of memory per pixel of one row and 2 per pixel of the picture.
 * Errors: SI_ERR_MEMORY. `diag` may be NULL. */
SI_NODISCARD si_result si_yuv_light_from_rgb(
    const si_image *image, const si_yuv_planes *planes, si_diag *diag);

#endif
