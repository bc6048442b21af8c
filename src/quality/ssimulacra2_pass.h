/* One pass over a picture, top to bottom, through all scales of SSIMULACRA 2.1 at once.
 *
 * Rows enter in batches of SI_SCORE_BATCH. A batch is turned into XYB planes, blurred along the
 * rows, blurred down the columns and compared; each pair of its rows becomes one linear row of the
 * next scale, whose batch is worked on as soon as it is full. Memory is a few rows per scale. */
#ifndef SI_QUALITY_SSIMULACRA2_PASS_H
#define SI_QUALITY_SSIMULACRA2_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quality/ssimulacra2_kernels.h"
#include "quality/ssimulacra2_norms.h"

/* Blurred quantities; 1 is the original, 2 the candidate. */
typedef enum si_score_blur {
    SI_SCORE_MEAN2,
    SI_SCORE_SQUARE2,
    SI_SCORE_PRODUCT,
    SI_SCORE_SQUARE1,
    SI_SCORE_MEAN1,
    SI_SCORE_BLURS,
} si_score_blur;

/* Rows are samples of `stride` distance; between the `width` samples of one row and the next are at
 * least SI_SCORE_SLACK samples, which are zeros where the blur reads them. */
typedef struct si_score_scale {
    int width, height;               /* pixels */
    size_t stride;                   /* samples */
    unsigned needs[SI_SCORE_PLANES]; /* si_score_needs() */
    bool keeps_blurs;                /* views hold the original's MEAN1 and SQUARE1 */

    /* scratch */
    float *rgb[3];                                 /* linear light, one batch */
    float *plane2[SI_SCORE_PLANES];                /* two batches */
    float *ring[SI_SCORE_PLANES][SI_SCORE_BLURS];  /* blurred along rows */
    float *state[SI_SCORE_PLANES][SI_SCORE_BLURS]; /* of the blur down columns */
    int filled;                                    /* rows in rgb */
    int y;                                         /* number of the first of them */
} si_score_scale;

/* The original on one background: all rows of each needed plane, NULL where not kept. */
typedef struct si_score_view {
    float *plane1[SI_SCORE_SCALES][SI_SCORE_PLANES];
    float *mean1[SI_SCORE_SCALES][SI_SCORE_PLANES];
    float *square1[SI_SCORE_SCALES][SI_SCORE_PLANES];
} si_score_view;

/* Scratch memory of a pass and what it is laid out for. */
typedef struct si_score_pass {
    const si_score_kernels *kernels;
    int scales;
    si_score_scale scale[SI_SCORE_SCALES];
    float *zeros;    /* one row of full width */
    float *products; /* one batch of full width */
    float *means;    /* SI_SCORE_BLURS batches of SI_SCORE_CHUNK columns */
} si_score_pass;

enum { SI_SCORE_CHUNK = 256 /* columns blurred and compared together, to stay in the cache */ };

/* Sets sizes and needs of all scales of a picture of at least 8×8. `keep_blurs`: whether views of
 * the full size keep blurs, which saves two of five and costs 8 bytes per pixel. */
void si_score_plan(si_score_pass *pass, int width, int height, bool keep_blurs);

/* Floats of scratch memory. Lays it out at `base`, which must be zeroed, unless that is NULL. */
size_t si_score_lay_out_scratch(si_score_pass *pass, float *base);

/* The same for one view, whose memory need not be zeroed. */
size_t si_score_lay_out_view(const si_score_pass *pass, si_score_view *view, float *base);

/* Begins a pass. Then, for each row of the full size, the caller writes width linear samples to
 * each of the three rows that si_score_next_row() points out, and calls si_score_row_done(). */
void si_score_begin(si_score_pass *pass);
void si_score_next_row(const si_score_pass *pass, float *rgb[3]);

/* After each row: with `sums` NULL the pass prepares the view, else it compares and adds to sums.
 * The last row completes all scales. */
void si_score_row_done(si_score_pass *pass, si_score_view *view, si_score_sums *sums);

#endif
