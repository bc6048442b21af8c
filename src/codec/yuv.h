/* RGB to the planes AVIF codes: BT.601 matrix, full range. libavif's own conversion of 8-bit RGB to
 * 10-bit planes takes longer than its fastest encoding, so it is done here. */
#ifndef SI_CODEC_YUV_H
#define SI_CODEC_YUV_H

#include "codec/image.h"

typedef enum si_yuv_form {
    SI_YUV_400, /* luma only; the image is grey */
    SI_YUV_420, /* chroma is the mean of 2×2 pixels */
    SI_YUV_444,
    SI_YUV_GBR /* the samples themselves, unchanged, in the order green, blue, red */
} si_yuv_form;

/* Borrowed planes Y, U, V, alpha: samples of 1 byte when depth is 8, else 2 bytes in host order.
 * A plane of NULL is not written. */
typedef struct si_yuv {
    int depth; /* bits per sample: 8 or 10 */
    si_yuv_form form;
    uint8_t *plane[4];
    size_t stride[4]; /* bytes */
} si_yuv;

/* Fills the planes. Chroma planes of 4:2:0 have half the size, rounded up. */
void si_yuv_from_rgb(const si_image *image, const si_yuv *yuv);

#endif
