/* Paths of a picture: those that its files hold under a name, and those of its requests; what they
 * cut (cropPathE) and what they clip (clipPath, clipXpath, clipPathE, clipXpathE). */
#ifndef SI_RENDER_SCENE_SCENE_PATHS_H
#define SI_RENDER_SCENE_SCENE_PATHS_H

#include <math.h>

#include "render/scene/scene.h"

/* Intersection of the boxes of paths, fractions of the image. */
typedef struct si_path_box {
    bool any;      /* false if there is no path, and `box` means nothing */
    double box[4]; /* x0, y0, x1, y1 */
} si_path_box;

/* Box of those paths of the comma-separated `names` that the file of `source` has. Errors as of
 * reading its metadata. */
SI_NODISCARD si_result si_scene_path_box(si_render_context *rc, const si_source *source,
    const char *names, si_path_box *out, si_diag *diag);

/* Knots have 24 bits behind the point, so whole pixels are only nearly whole. */
static inline double si_path_pixel_below(double v) {
    return floor(v + 1e-3);
}

static inline double si_path_pixel_above(double v) {
    return ceil(v - 1e-3);
}

/* cropPathE of a layer: cuts `part`, x, y, w, h of its content's pixels (w = 0: all of `size`). It
 * comes before crop. */
SI_NODISCARD si_result si_scene_crop_path(
    si_render_context *rc, const si_layer *l, const double size[2], double part[4], si_diag *diag);

/* The four clip commands of the adjustments, put before those in *out. Explicit paths begin at
 * `at`; embedded ones are fractions of `size` content pixels, which `fit` takes to where the clip
 * is applied (NULL: there are none). */
SI_NODISCARD si_result si_scene_clips(si_render_context *rc, const si_adjustments *adjustments,
    const double at[2], const si_source *source, const double size[2], const si_map *fit,
    const si_clip **out, si_diag *diag);

#endif
