/* Affine maps, perspective, mirroring (docs/protocol.md, Paths and perspective; docs/decisions.md,
 * P37).
 *
 * Results go to a new image, owned by the caller, of 4 channels unless said otherwise; outside the
 * source they are transparent, with antialiased edges. Colours are interpolated premultiplied. A
 * `window` is the part of the whole result that is wanted (NULL = all of it), so that only visible
 * pixels are computed; tiles agree with the whole. */
#ifndef SI_RENDER_PIXEL_WARP_H
#define SI_RENDER_PIXEL_WARP_H

#include "base/path.h"
#include "codec/image.h"
#include "render/pixel/blend.h"
#include "render/pixel/plane.h"

/* Any affine map from source to result pixels (the corner of pixel 0,0 is 0,0), bicubic: meant for
 * scales near 1 or above, it does not average when shrinking. `window` is needed. Errors:
 * SI_ERR_RANGE for a map that is singular or not finite. */
SI_NODISCARD si_result si_warp_affine(const si_image *in, const si_affine *to_result,
    const si_rect *window, si_image *out, si_diag *diag);

typedef enum si_sampling {
    SI_SAMPLING_NEAREST,  /* R1 */
    SI_SAMPLING_BILINEAR, /* R2 */
    SI_SAMPLING_SUPER     /* R3, R3Tn */
} si_sampling;

typedef struct si_quad {
    double corner[8]; /* where the source's corners fall: TL, TR, BR, BL as x, y; result pixels */
    si_sampling sampling;
    int jitter;     /* R3Tn: samples leave the middle of their cells by up to n/200 of a cell,
                       0…200 */
    uint64_t seed;  /* of the jitter */
    si_rect window; /* wanted part of the result, in the coordinates of `corner` */
} si_quad;

/* Maps corner to corner by a homography. R3 averages over the pixel's area however far the source
 * is shrunk, with exact coverage at the edges. What lies behind the horizon is transparent. Errors:
 * SI_ERR_RANGE for corners that span no area, or that are not finite. */
SI_NODISCARD si_result si_warp_perspective(
    const si_image *in, const si_quad *how, si_image *out, si_diag *diag);

/* Box around the four corners, outward to whole pixels; clamped to ±2^30. */
si_rect si_quad_box(const double corner[8]);

/* Mirrors in place: `horizontal` swaps left and right (flip=lr), `vertical` top and bottom (ud). */
void si_flip_image(si_image *im, bool horizontal, bool vertical);

#endif
