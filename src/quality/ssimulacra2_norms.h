/* From norms of error maps to the SSIMULACRA 2.1 score: the weights, and which maps they need. */
#ifndef SI_QUALITY_SSIMULACRA2_NORMS_H
#define SI_QUALITY_SSIMULACRA2_NORMS_H

#include "quality/ssimulacra2_kernels.h"

enum { SI_SCORE_SCALES = 6 };

/* Error maps that a plane on a scale takes part with. */
enum { SI_SCORE_NEEDS_STRUCTURE = 1, SI_SCORE_NEEDS_EDGES = 2 };

/* Weights up to this are taken as 0. It lies in the wide gap of the fitted weights between 0.0021
 * and 0.285. Norms rarely pass 0.1, so one such weight moves a score near 90 by at most 0.003. */
#define SI_SCORE_NEGLIGIBLE 0.0025

/* Power sums of the error maps of one picture: [plane][scale][which sum], see si_score_sum. */
typedef double si_score_sums[SI_SCORE_PLANES][SI_SCORE_SCALES][SI_SCORE_SUMS];

/* Which maps count for `plane` on `scale` if the picture has `scales` scales (2…6). */
unsigned si_score_needs(int scales, int plane, int scale);

/* The score of a picture with `scales` scales of pixels[scale] pixels each. Sums that are not
 * needed are ignored. Never above 100. */
double si_score_from_sums(int scales, const double pixels[], const si_score_sums sums);

#endif
