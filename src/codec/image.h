/* Final pixels: what render/ makes, codec/ encodes and decodes, quality/ scores. */
#ifndef SI_CODEC_IMAGE_H
#define SI_CODEC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* An 8-bit image, sRGB unless it was converted to an output profile. Rows run top to bottom,
 * samples are interleaved: R,G,B or R,G,B,A or C,M,Y,K or C,M,Y,K,A with straight (not
 * premultiplied) alpha. Zero-initialize; `pixels` is owned, release with si_image_free().
 *
 * Everything but the last step before encoding deals with RGB alone; only si_output_convert() makes
 * CMYK, and only encoders of formats that hold it (si_format_holds()) ever see it. */
typedef struct si_image {
    int width, height; /* pixels, each ≥ 1 */
    int channels;      /* 3 = RGB, 4 = RGBA; 4 = CMYK, 5 = CMYKA if `cmyk` */
    bool grey;         /* the request asked for pixel type gray: R = G = B everywhere, and formats
                          that have a one-channel form use it */
    bool cmyk;         /* inks, 255 = full; never together with `grey` */
    size_t stride;     /* bytes from one row to the next, ≥ width × channels */
    uint8_t *pixels;   /* stride × height bytes, 64-byte aligned, or NULL */
} si_image;

/* Allocates zeroed pixels; width and height 1…65535 and at most 2^28 pixels, else SI_ERR_LIMIT. */
SI_NODISCARD si_result si_image_alloc(
    si_image *im, int width, int height, int channels, si_diag *diag);

/* Frees and zeroes. */
void si_image_free(si_image *im);

/* True if there is an alpha channel. */
bool si_image_has_alpha(const si_image *im);

/* True if some alpha sample is below 255. False without an alpha channel. */
bool si_image_has_transparency(const si_image *im);

#endif
