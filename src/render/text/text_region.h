/* The area that lines fill: a rectangle from 0,0, or a shape. */
#ifndef SI_RENDER_TEXT_TEXT_REGION_H
#define SI_RENDER_TEXT_TEXT_REGION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/path.h"

enum {
    SI_REGION_MAX_INTERVALS = 16, /* of one line; more are left out */
    SI_REGION_MAX_EDGES = 20000
};

struct si_scanline;

/* Zero-initialize. */
typedef struct si_region {
    double width, height;          /* pixels; either may be INFINITY in a rectangle */
    struct si_scanline *scanlines; /* of a shape, else NULL; owned */
    size_t scanline_count;
    double scanline_step; /* pixels from one to the next */
} si_region;

/* A straight edge of a shape; a closed outline is a cycle of them. */
typedef struct si_edge_line {
    double x0, y0, x1, y1;
} si_edge_line;

/* The straight edges of a path, every subpath closed, mapped by `m`; the caller frees
 * *edges. SI_ERR_LIMIT beyond SI_REGION_MAX_EDGES, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_region_edges(
    const si_path *path, const si_affine *m, si_edge_line **edges, size_t *count, si_diag *diag);

/* Makes the shape inside `in` and outside `out` (each by non-zero winding); x and y from 0 to width
 * and height. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_region_shape(si_region *r, double width, double height,
    const si_edge_line *in, size_t in_count, const si_edge_line *out, size_t out_count,
    si_diag *diag);

/* The intervals of x, left to right, that are inside over the whole height from y0 to y1. Returns
 * how many. */
size_t si_region_intervals(
    const si_region *r, double y0, double y1, double intervals[SI_REGION_MAX_INTERVALS][2]);

void si_region_free(si_region *r);

#endif
