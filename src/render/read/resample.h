/* Resampling: any part of an image to any size in one step, strip by strip.
 *
 * Separable, with kernels widened by the reduction ratio (docs/decisions.md, P34). Sample positions
 * are exact to the sub-pixel on both axes and depend only on the output pixel's place in the whole
 * content, so a tile has the same pixels as the whole picture. Works on floats with premultiplied
 * alpha. */
#ifndef SI_RENDER_READ_RESAMPLE_H
#define SI_RENDER_READ_RESAMPLE_H

#include <stdbool.h>

#include "base/result.h"
#include "picture/recipe.h"

/* Which input samples make up each output sample along one axis. Zero-initialize; release with
 * si_axis_free(). */
typedef struct si_axis {
    int count;      /* output samples */
    int first, end; /* input samples used: first ≤ i < end */
    int taps;       /* most weights that one output sample has */
    int *start;     /* per output: first input sample */
    int *len;       /* per output: number of weights, 0 = nothing there */
    float *weights; /* per output: `taps` floats */
} si_axis;

/* Lengths on the input axis are in samples; sample i covers i … i+1. */
typedef struct si_axis_spec {
    double from, to; /* part of the input that becomes the whole content */
    double extent;   /* where the input ends; may be a fraction beyond `samples` */
    int samples;     /* samples there are */
    double content;  /* length of the whole content, output samples */
    double skip;     /* where in the content the first wanted output sample begins, … */
    int count;       /* … and how many are wanted */
    si_resmode mode;
    bool cover; /* outside the input counts as nothing (transparent); else the weights inside
                   are scaled up to 1 */
} si_axis_spec;

/* Lays out an axis. Samples outside `from … to` never contribute; partly covered ones contribute
 * by their share. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_axis_make(si_axis *a, const si_axis_spec *spec, si_diag *diag);
void si_axis_free(si_axis *a);

/* Fills `row` with input row `y`, samples h->first … h->end, `channels` floats each. Rows are asked
 * for once each, in rising order. An error ends the resampling. */
typedef si_result (*si_row_read)(void *context, int y, float *row, si_diag *diag);

/* Takes output row `y`, `h->count` × `channels` floats, in rising order. */
typedef void (*si_row_write)(void *context, int y, const float *row);

/* Resamples `channels` interleaved channels along both axes, row by row: `h` lays out the columns,
 * `v` the rows. Holds as many input rows as `v` has taps. Errors of `read`, and SI_ERR_MEMORY. */
SI_NODISCARD si_result si_resample(const si_axis *h, const si_axis *v, int channels,
    si_row_read read, void *read_context, si_row_write write, void *write_context, si_diag *diag);

#endif
