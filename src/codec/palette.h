/* Images as indices into at most 256 colours, for PNG and GIF. */
#ifndef SI_CODEC_PALETTE_H
#define SI_CODEC_PALETTE_H

#include "codec/codec.h"

enum {
    SI_PALETTE_MAX = 256,
    SI_KEY_ALPHA = 128 /* alpha from which on a pixel is opaque where alpha is a key
                          (docs/decisions.md, P21) */
};

typedef struct si_palette {
    int count;                       /* colours in use, 1…256 */
    uint8_t rgba[SI_PALETTE_MAX][4]; /* straight alpha; 255 for RGB images */
} si_palette;

/* Finds the palette of an image that has at most 256 different colours, translucent ones first,
 * then by lightness, and writes each pixel's index (width × height bytes, no row padding). False,
 * with nothing to rely on in the outputs, if there are more colours. */
bool si_palette_exact(const si_image *image, si_palette *palette, uint8_t *indices);

/* Finds colours as `how` says, and writes each pixel's index. Alpha is a key: pixels below
 * SI_KEY_ALPHA become colour 0, which is then transparent black; all others are opaque. An image
 * whose colours fit is kept exactly. False when memory runs out. */
bool si_palette_quantize(
    const si_image *image, const si_quantize *how, si_palette *palette, uint8_t *indices);

/* The steps of the above, for RGB, or RGBA with an alpha of only 0 and 255.
 *
 * Fills `palette`, which may hold colours already (a key first, then forced ones) that stay as they
 * are, with the best up to `max` in all: boxes cut by X. Wu's rule, then k-means. */
bool si_palette_choose(const si_image *image, int max, si_palette *palette);

/* Maps each pixel to the nearest colour, with or without Floyd–Steinberg error diffusion.
 * Transparent pixels become colour 0, which no other pixel gets if it is transparent. */
bool si_palette_map(
    const si_image *image, const si_palette *palette, bool dither, uint8_t *indices);

#endif
