/* SSIMULACRA 2.1: how close a decoded candidate looks to the pixels it was made from.
 *
 * 100 is identical, 90 cannot be told apart in a flicker test, 70 is good, 30 is poor; there is no
 * lower bound. The measure is the one of https://github.com/cloudinary/ssimulacra2 (version 2.1):
 * both pictures become XYB planes on six scales, each half as large as the one before (halved in
 * linear light); on each plane three error maps are made from Gaussian means and variances
 * (σ = 1.5): a structural one, edges that only the candidate has ("ringing"), edges that only the
 * original has ("detail lost"); a weighted sum of their 1-norms and 4-norms is mapped to the score.
 *
 * Scores agree with the reference program within 0.002, on every processor: the roundings are those
 * it makes where there is fused multiply-add. Two things differ in kind:
 *  - error maps whose weight is at most SI_SCORE_NEGLIGIBLE (the others are 0.28 … 225) are not
 *    computed, which spares chroma at full size;
 *  - the reference program refuses pictures with a side below 8 pixels. Here such a picture is
 *    repeated, mirrored at each seam, until both sides have at least 113 pixels: its score is that
 *    of a wall tiled with it.
 * One thing is the same although it looks odd: from 8 to 112 pixels on the shorter side fewer than
 * six scales exist, and the list of weights is then read without gaps, so a weight that was fitted
 * for one plane falls on another. Such scores follow a formula of their own, and a gentler one the
 * fewer scales there are. */
#ifndef SI_QUALITY_SSIMULACRA2_H
#define SI_QUALITY_SSIMULACRA2_H

#include "base/result.h"
#include "codec/image.h"

/* What transparent pixels are laid on, in sRGB as stored (not linear light), the way browsers
 * blend. Two scores are computed and the lower one counts. Without effect on opaque pictures. */
typedef enum si_score_background {
    SI_SCORE_ON_BLACK_AND_WHITE, /* 0 and 1: what smartimg promises */
    SI_SCORE_ON_GREYS,           /* 0.1 and 0.9: the reference program's rule */
} si_score_background;

/* The original's side of a comparison, prepared once, and scratch memory for one candidate. Of the
 * original, the planes are kept, and on full size of an opaque one the blurred planes too: about 15
 * bytes per pixel, or 14 for one with transparency (7 on each background). Scratch is about 1.7 KB
 * per column. */
typedef struct si_score_ref si_score_ref;

/* Prepares `image`, which is only read and not kept. On SI_OK `*out` is owned by the caller,
 * release with si_score_ref_free(); on failure it is NULL.
 * Errors: SI_ERR_RANGE for an image without pixels, SI_ERR_MEMORY. `diag` may be NULL. */
SI_NODISCARD si_result si_score_ref_new(
    const si_image *image, si_score_background background, si_score_ref **out, si_diag *diag);

/* Frees; NULL is allowed. */
void si_score_ref_free(si_score_ref *ref);

/* Scores `candidate` against `ref`. The candidate has the original's width and height; it may have
 * 3 or 4 channels whatever the original has. `*score` is always finite, and 100 exactly if the two
 * show the same pixels. Nothing is allocated, except for pictures with a side below 8 pixels.
 * A ref holds scratch memory: only one thread at a time may score against it.
 * Errors: SI_ERR_RANGE if the sizes differ, SI_ERR_MEMORY. `diag` may be NULL. */
SI_NODISCARD si_result si_score_against(
    const si_score_ref *ref, const si_image *candidate, double *score, si_diag *diag);

#endif
