/* From an original's pixels to a part of the scaled composite: strips of the file's samples through
 * the resampler, into sRGB, turned upright. */
#ifndef SI_RENDER_READ_PIXEL_ROWS_H
#define SI_RENDER_READ_PIXEL_ROWS_H

#include "codec/image.h"
#include "render/read/original.h"

/* One stored axis of the original: which part of it becomes which part of the composite. */
typedef struct si_pixel_axis {
    double from, to; /* crop, full-size source pixels; may reach beyond 0 … full */
    int full;        /* full size of the original */
    double content;  /* length of the whole scaled composite, pixels */
    double skip;     /* where in it the wanted part begins, counted along the stored axis, … */
    int count;       /* … and its length */
    bool flip;       /* the displayed axis runs the other way */
    si_resmode mode;
} si_pixel_axis;

/* Makes the wanted part, turned as displayed: axes[0].count × axes[1].count pixels, or the other
 * way round if the original swaps its axes. 4 channels if the file has alpha or the crop reaches
 * beyond it (transparent there), else 3. `out` is owned by the caller on success. SI_ERR_SOURCE if
 * the pixels cannot be decoded, SI_ERR_MEMORY, and the errors of si_colour_open(). */
SI_NODISCARD si_result si_pixels_read(
    si_original *o, const si_pixel_axis axes[2], si_image *out, si_diag *diag);

/* Turns colours into greys of the same luminance, in place; leaves greys as they are. */
void si_pixels_grey(si_image *im);

#endif
