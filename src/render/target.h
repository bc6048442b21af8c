/* Colours of the reply: from the sRGB that everything is made in to what `icc` or the pixel type of
 * `fmt` ask for (docs/protocol.md, Formats). */
#ifndef SI_RENDER_TARGET_H
#define SI_RENDER_TARGET_H

#include "base/bytes.h"
#include "base/icc.h"
#include "codec/image.h"
#include "picture/recipe.h"

/* What the reply's colours are to be. Zero-initialized: sRGB as it is. Everything is borrowed. */
typedef struct si_target {
    si_pixel_type type; /* of the reply; with a profile, the profile's own (si_icc_type()) */
    si_icc profile;     /* {NULL, 0}: sRGB, grey of the same luminance in sRGB's curve, or inks by
                           the naive rule: K = 1 − max(R, G, B), the rest by difference */
    si_icc working;     /* RGB profile of the pixels to be converted; {NULL, 0} = sRGB */
    si_intent intent;   /* a profile without tables for it uses what it has */
    bool bpc;           /* black point compensation; means nothing to the absolute intent */
    bool dither;        /* spread rounding errors over an 8×8 pattern instead of making bands */
} si_target;

/* Gets an output profile: that of a standard space by name if `fd` is −1, else the file open at
 * `fd` (borrowed, read from its start, at most 16 MB). `out` (zero-initialized) is owned by the
 * caller; *type is its pixel type. SI_ERR_NOT_FOUND: no such standard space; SI_ERR_SOURCE: not a
 * usable profile. `name` is for messages, too. */
SI_NODISCARD si_result si_target_load(
    const char *name, int fd, si_bytes *out, si_pixel_type *type, si_diag *diag);

/* Converts RGB or RGBA pixels to the target: in place for RGB and gray (which sets `grey`), into
 * new pixels for CMYK (which sets `cmyk`). Alpha is kept. SI_ERR_SOURCE: the profile is broken or
 * not of the target's type, or cannot be an output. */
SI_NODISCARD si_result si_target_convert(si_image *im, const si_target *target, si_diag *diag);

/* Converts one RGB colour to the naive inks, 0…255 each. May be called in place. */
void si_target_naive_cmyk(const uint8_t rgb[3], uint8_t cmyk[4]);

#endif
