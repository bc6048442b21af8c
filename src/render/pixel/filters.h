/* Sharpening filters of op_sharpen and op_usm (docs/decisions.md: formulas P18, radius P19). */
#ifndef SI_RENDER_PIXEL_FILTERS_H
#define SI_RENDER_PIXEL_FILTERS_H

#include "codec/image.h"
#include "picture/recipe.h"

/* op_usm, in place: d = b − G(b); where |d| ≥ threshold, b becomes b + amount·d, clamped.
 *
 * G is a Gaussian of σ = radius, integrated over the pixels' area. With `mono`, b is the Rec. 601
 * luma and all three colours move by amount·d. Colours count unpremultiplied, G weights them by
 * alpha, and alpha itself is sharpened by the same formula. Pixels outside the image repeat its
 * edge. `radius` is in pixels of this image. Amount 0 or radius 0 changes nothing. From σ = 8 on, G
 * is three box filters of the same variance. */
SI_NODISCARD si_result si_filter_usm(
    si_image *im, double amount, double radius, int threshold, bool mono, si_diag *diag);

/* op_sharpen, in place: 3×3 kernel with centre 3 and edges −½ (the four direct neighbours); alpha
 * likewise. */
SI_NODISCARD si_result si_filter_sharpen(si_image *im, si_diag *diag);

/* How many pixels around a window these filters look at. */
int si_filter_usm_reach(double amount, double radius);
enum { SI_FILTER_SHARPEN_REACH = 1 };

#endif
