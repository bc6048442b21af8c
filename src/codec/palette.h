/* Images as indices into at most 256 colours, for PNG and GIF. */
#ifndef SI_CODEC_PALETTE_H
#define SI_CODEC_PALETTE_H

#include "codec/image.h"

enum { SI_PALETTE_MAX = 256 };

typedef struct si_palette {
    int count;                       /* colours in use, 1…256 */
    uint8_t rgba[SI_PALETTE_MAX][4]; /* straight alpha; 255 for RGB images */
} si_palette;

/* Finds the palette of an image that has at most 256 different colours, translucent ones first,
 * then by lightness, and writes each pixel's index (width × height bytes, no row padding). False,
 * with nothing to rely on in the outputs, if there are more colours. */
bool si_palette_exact(const si_image *image, si_palette *palette, uint8_t *indices);

/* Picks at most `max` colours for an image with many (Wu's variance minimization), then maps pixels
 * to them with Floyd–Steinberg error diffusion. Alpha is a key: pixels below 128 become colour 0,
 * which is then transparent black; all others are opaque. False when memory runs out. */
bool si_palette_reduce(const si_image *image, int max, si_palette *palette, uint8_t *indices);

#endif
