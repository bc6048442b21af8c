/* op_blur (docs/protocol.md, Colour and filters): a Gaussian. */
#ifndef SI_RENDER_PIXEL_BLUR_H
#define SI_RENDER_PIXEL_BLUR_H

#include "codec/image.h"
#include "render/pixel/plane.h"

/* What lies beyond the edge of the picture. */
typedef enum si_edge {
    SI_EDGE_REPEAT, /* its outermost pixels, over and over */
    SI_EDGE_ZERO    /* nothing: transparent, coverage 0 */
} si_edge;

/* Blurs in place; colours count by their alpha, as premultiplied. `sigma` is in pixels of this
 * image: the op's radius × the scale it is rendered at; below 0.01 nothing happens, above 1000 it
 * counts as 1000. The Gaussian is integrated over the pixels' area; from σ = 8 on it is three boxes
 * of the same variance, whose cost does not grow with σ. With SI_EDGE_ZERO an image of 3 channels
 * is blurred as with SI_EDGE_REPEAT: give it alpha first. */
SI_NODISCARD si_result si_blur_image(si_image *im, double sigma, si_edge edge, si_diag *diag);
SI_NODISCARD si_result si_blur_plane(si_plane *p, double sigma, si_edge edge, si_diag *diag);

/* How many pixels around a window the blur looks at, 0 if it does nothing. */
int si_blur_reach(double sigma);

#endif
