/* Pixels without row padding, for libraries that want them so. */
#ifndef SI_CODEC_PACK_H
#define SI_CODEC_PACK_H

#include "codec/image.h"

/* Copies the image into a new buffer of width × height × channels bytes: 1 = grey (which must hold:
 * R = G = B), 2 = grey and alpha, 3 = RGB, 4 = RGBA; alpha is 255 where the image has none. Freed
 * by the caller; NULL when memory runs out. */
uint8_t *si_pack(const si_image *image, int channels);

/* The opposite, in place: spreads packed rows of the image's own channels, which lie at the start
 * of its pixels, to its stride. */
void si_unpack_in_place(si_image *image);

#endif
