/* Masks: where they come from, what maskUse makes of them (docs/protocol.md, Layers
 * and Effects). Products of levels are rounded to the nearest. */
#ifndef SI_RENDER_PIXEL_MASK_H
#define SI_RENDER_PIXEL_MASK_H

#include "codec/image.h"
#include "picture/picture.h"
#include "render/pixel/plane.h"

/* What kind of mask an image layer has (columns of the maskUse table on the vendor's page
 * r-is-http-maskuse). */
typedef enum si_mask_kind {
    SI_MASK_NONE,
    SI_MASK_UNASSOCIATED, /* straight alpha of the file, or a mask of its own */
    SI_MASK_PREMULTIPLIED /* the file's colours are foreground over black */
} si_mask_kind;

/* A new plane, owned by the caller, with the alpha of `im` (3 channels: 255 everywhere). */
SI_NODISCARD si_result si_mask_alpha(const si_image *im, si_plane *out, si_diag *diag);

/* The same with its Rec. 601 luma, (77R + 150G + 29B) / 256 rounded; greys keep their level. */
SI_NODISCARD si_result si_mask_luma(const si_image *im, si_plane *out, si_diag *diag);

/* Gives `im` an alpha channel of 255 if it has none. */
SI_NODISCARD si_result si_mask_add_alpha(si_image *im, si_diag *diag);

/* Makes the mask the alpha of `im`, whatever that was (adds the channel where needed). The mask's
 * top-left lies on pixel x, y of `im`; 0 where there is no mask. */
SI_NODISCARD si_result si_mask_set(si_image *im, const si_plane *mask, int x, int y, si_diag *diag);

/* Multiplies the alpha of `im` by the mask; else like si_mask_set(). */
SI_NODISCARD si_result si_mask_multiply(
    si_image *im, const si_plane *mask, int x, int y, si_diag *diag);

/* maskUse on an image layer whose alpha is its mask:
 *             none          unassociated              premultiplied
 *   norm      as it is      as it is                  as it is
 *   invert    alpha 0       alpha 255 − a             alpha 255 − a, colour black
 *   off       as it is      alpha 255, colours stay   over black, opaque
 * With SI_MASK_NONE an alpha channel can only come from a crop beyond the image: `off` keeps it, so
 * that bgColor still fills there. */
SI_NODISCARD si_result si_mask_apply_use(
    si_image *im, si_mask_use use, si_mask_kind kind, si_diag *diag);

/* maskUse on a plane alone, as in effect layers: as it is, 255 − p, 255. */
void si_plane_use(si_plane *p, si_mask_use use);

/* p × other. The top-left of `other` lies on pixel x, y of `p`; outside it `other` is 0. Inner
 * effects: the effect's plane × the parent's mask. */
void si_plane_multiply(si_plane *p, const si_plane *other, int x, int y);

/* p × (255 − other): effectMask=1 takes an outer effect away where its parent is. Outside
 * `other` p stays. */
void si_plane_knock_out(si_plane *p, const si_plane *other, int x, int y);

/* A new plane width × height that shows `p` with its top-left at x, y, and `outside` elsewhere: to
 * give shadows room, or to cut. */
SI_NODISCARD si_result si_plane_place(const si_plane *p, int x, int y, int width, int height,
    uint8_t outside, si_plane *out, si_diag *diag);

#endif
