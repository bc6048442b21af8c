/* TIFF files whose samples libvips reads wrongly or not at all: floating point of 16, 24, 32 and 64
 * bits, integers of 32 bits, and signed ones. */
#ifndef SI_RENDER_READ_TIFF_DEEP_H
#define SI_RENDER_READ_TIFF_DEEP_H

#include "render/read/readers.h"

/* True if the page of the TIFF file at `fd` is grey or RGB of such samples. Moves the file
 * position.
 */
bool si_tiff_is_deep(int fd, int page);

/* Reads such a page as 16-bit grey or RGB, with straight alpha if there is an extra sample; only
 * the first extra sample counts.
 *
 * Floats are linear light, 1 = white, of sRGB's primaries if there is no profile: what Photoshop
 * writes and libvips takes them for (scRGB). ImageMagick takes them for sRGB's curve instead;
 * Pillow and libtiff's own RGBA interface do not read them. What lies outside of 0…1 is clipped,
 * and NaN is 0. Integers are scaled so that their greatest value is white; negative ones are 0.
 * Alpha is 0…1 in floats; associated alpha is divided out before anything is rounded. */
si_reader si_read_tiff_deep;

#endif
