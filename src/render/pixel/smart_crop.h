/* Smart crops (docs/smart-crop.md): which part of a picture is worth showing.
 *
 * The crop is the largest window of the wanted ratio; along the axis that is left to choose it lies
 * where most attention falls. Attention to a pixel, on a rendition of at most SI_SMART_CROP_SIDE
 * pixels, is the sum of four maps, each relative to its own mean, …
 *
 *   - how far its colour is from the colours along the picture's border (CIELAB; the mean distance
 *     to the nearest tenth of samples taken there), as borders are background more often than not;
 *   - twice the gradient of lightness, blurred by σ = 2;
 *   - half the difference between its surroundings of σ = 2 and of σ = 12;
 *   - likeness to skin, in r and g chromaticity;
 *
 * … to the power of 1.5, weighted by a Gaussian about the middle of σ = 0.35 sides. It depends on
 * the picture and on the ratio only, so crops of equal ratio agree whatever their size. The weights
 * were chosen on hand-drawn boxes around the subjects of 26 pictures (tests/data/subjects.tsv;
 * bench/crops measures it against libvips' attention and against the middle). */
#ifndef SI_RENDER_PIXEL_SMART_CROP_H
#define SI_RENDER_PIXEL_SMART_CROP_H

#include "codec/image.h"

enum { SI_SMART_CROP_SIDE = 128 };

/* `thumb` is the whole picture, its longer side at most SI_SMART_CROP_SIDE pixels (larger ones
 * work, slowly, and not quite the same); transparent parts count as white. `ratios` are `count`
 * wanted ones, width ÷ height, `source_ratio` is that of the full-size picture; all above 0. Writes
 * x, y, w, h of each crop as fractions of the picture, each 0…1, into rects[0…count − 1]. Several
 * ratios cost little more than one. SI_ERR_MEMORY, SI_ERR_RANGE. */
SI_NODISCARD si_result si_smart_crops(const si_image *thumb, double source_ratio, int count,
    const double *ratios, double (*rects)[4], si_diag *diag);

/* The colour that most of a part of the picture has, 0xRRGGBB (SmartSwatchColor): the mean of the
 * fullest of 8×8×8 boxes of colours. */
uint32_t si_smart_swatch(const si_image *thumb, const double rect[4]);

#endif
