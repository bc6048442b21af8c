/* Path definitions (docs/protocol.md, URLs): the SVG `d` subset of clip and text paths.
 */
#ifndef SI_BASE_PATH_H
#define SI_BASE_PATH_H

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

enum { SI_PATH_MAX_SEGMENTS = 2000 };
#define SI_PATH_MAX_COORDINATE 1e6

typedef enum si_path_op { SI_PATH_MOVE, SI_PATH_LINE, SI_PATH_CURVE, SI_PATH_CLOSE } si_path_op;

/* One step from the current point. p holds x,y pairs, absolute: MOVE and LINE the end point in
 * p[0…1]; CURVE two control points and the end point; CLOSE the point it returns to in p[0…1]. */
typedef struct si_path_segment {
    si_path_op op;
    double p[6];
} si_path_segment;

/* Every subpath begins with a MOVE. `segments` lives in the arena it was made in. */
typedef struct si_path {
    si_path_segment *segments;
    size_t count;
} si_path;

/* x' = xx·x + xy·y + x0; y' = yx·x + yy·y + y0 */
typedef struct si_affine {
    double xx, xy, yx, yy, x0, y0;
} si_affine;

#define SI_AFFINE_IDENTITY ((si_affine){.xx = 1, .yy = 1})

/* Parses the whole text: letters M L C Z, lower case relative to the current point, coordinates
 * separated by commas (also allowed between letters and numbers). Relative `m` starts from the
 * start of the previous subpath if that was closed, else from its end point, (0,0) if there is
 * none. More pairs after M are lines, and drawing on after Z starts a new subpath there, as in SVG.
 * Errors, with the position (1 = first character): SI_ERR_SYNTAX, SI_ERR_RANGE (a coordinate beyond
 * ±SI_PATH_MAX_COORDINATE), SI_ERR_LIMIT (more than SI_PATH_MAX_SEGMENTS), SI_ERR_MEMORY. With a
 * NULL arena the text is only checked and `out` (may be NULL) gets only its count. */
SI_NODISCARD si_result si_path_parse(si_str text, si_arena *arena, si_path *out, si_diag *diag);

/* The path as text that parses to the same path (7 digits of each number): upper-case letters,
 * commas, no blanks
 * (`M0,0L10,0Z`). In the arena; NULL when memory runs out. */
const char *si_path_print(const si_path *path, si_arena *arena);

/* Smallest box around the path's lines and curves (not around control points), transformed by `m`
 * (NULL = identity): x0, y0, x1, y1. False if the path has no segments. */
bool si_path_bounds(const si_path *path, const si_affine *m, double box[4]);

#endif
