/* How large a lossless file will be, foreseen by one cheap pass over the pixels.
 *
 * Lossless coders win by what repeats: flat ground, few colours, equal rows, glyphs that come
 * again. The pass counts which pixels are told by four neighbours
 * that were seen together before (a table of hashes), which have a colour that was there lately,
 * and what the rest differs by from the usual prediction. The entropies of these counts are what a
 * coder must at least write. */
#ifndef SI_QUALITY_LOSSLESS_H
#define SI_QUALITY_LOSSLESS_H

#include "codec/image.h"

/* Bytes of a lossless WebP, roughly: on the graphics of the corpus the real file has 0.35 to 1.2
 * times as many (repeats further apart are not seen), on photographs 0.6 to 1. With `alpha_only` of
 * its alpha channel alone. Takes about 10 ms per megapixel and 150 KB; INFINITY without memory. */
double si_lossless_foresee(const si_image *image, bool alpha_only);

#endif
