/* op_grow, op_growMask (docs/protocol.md, Colour and filters): maximum (radius > 0) or minimum
 * (radius < 0) over a disc.
 *
 * The disc of a whole radius n holds the pixels at most n + ½ away: dx² + dy² ≤ n² + n. Radii come
 * scaled with the picture, so they are real: between two whole radii the two results are mixed in
 * proportion, which makes the edge of a mask move continuously, with partial coverage, as scaling
 * down a finished picture would. 0.5 px is half of the 1 px result. |radius| below 0.01 does
 * nothing, above 500 it counts as 500. Time per pixel grows with the radius / 16 (a disc row is two
 * byte-wise maxima of a power-of-two window). Pixels beyond the edge take no part. */
#ifndef SI_RENDER_PIXEL_MORPHOLOGY_H
#define SI_RENDER_PIXEL_MORPHOLOGY_H

#include "codec/image.h"
#include "render/pixel/plane.h"

/* In place, each colour by itself; alpha stays. Colours of wholly transparent pixels take no part,
 * and get a colour where a visible one grows over them. */
SI_NODISCARD si_result si_grow_image(si_image *im, double radius, si_diag *diag);

/* In place: masks, effects. */
SI_NODISCARD si_result si_grow_plane(si_plane *p, double radius, si_diag *diag);

/* In place, on the alpha channel alone (op_growMask); 3 channels stay as they are. */
SI_NODISCARD si_result si_grow_alpha(si_image *im, double radius, si_diag *diag);

/* How many pixels around a window this looks at. */
int si_grow_reach(double radius);

#endif
