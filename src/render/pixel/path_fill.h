/* Paths as coverage and as polylines (docs/protocol.md, Paths and perspective). */
#ifndef SI_RENDER_PIXEL_PATH_FILL_H
#define SI_RENDER_PIXEL_PATH_FILL_H

#include "base/path.h"
#include "render/pixel/plane.h"

/* A new plane width × height, owned by the caller, covered inside the path: non-zero winding
 * (docs/decisions.md, P8), antialiased, every subpath closed. `m` (NULL = identity) takes path
 * coordinates to pixels of the plane, pixel (0,0) covering 0…1. SI_ERR_MEMORY, SI_ERR_INTERNAL, and
 * the errors of si_path_flatten(). */
SI_NODISCARD si_result si_path_fill(
    const si_path *path, const si_affine *m, int width, int height, si_plane *out, si_diag *diag);

/* A point of a flattened path. */
typedef struct si_path_point {
    double x, y;
    double length; /* of the way here from the start of its subpath, pixels */
} si_path_point;

/* A subpath as straight lines; points[0].length is 0. A closed one ends on its start point. */
typedef struct si_polyline {
    const si_path_point *points;
    size_t count; /* ≥ 1 */
    bool closed;  /* by Z */
} si_polyline;

/* Zero-initialize; release with si_polylines_free(). */
typedef struct si_polylines {
    si_polyline *lines;
    size_t count;
    si_path_point *points; /* of all lines */
} si_polylines;

/* Straight lines at most `tolerance` (> 0, in transformed units; 0.1 is good for pixels) away from
 * the curves, at most 256 a curve. */
SI_NODISCARD si_result si_path_flatten(
    const si_path *path, const si_affine *m, double tolerance, si_polylines *out, si_diag *diag);
void si_polylines_free(si_polylines *p);

/* The point `length` along the line (clamped to its ends) and the direction there, radians,
 * 0 = along +x, rising clockwise (y down). */
void si_polyline_at(
    const si_polyline *line, double length, double *x, double *y, double *direction);

#endif
