/* The path that nearly all requests take: one image layer with crop, size and sharpening
 * (si_picture_is_simple()), from the file to the reply with one resampling. */
#ifndef SI_RENDER_SIMPLE_H
#define SI_RENDER_SIMPLE_H

#include "render/read/original.h"

/* As si_render(), whose errors it has; `out` is still in colour. */
SI_NODISCARD si_result si_simple_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag);

/* The same for an original that is open, such as a frame of an animation. Changes `o`. */
SI_NODISCARD si_result si_simple_render_original(const si_recipe *r, si_original *o,
    const si_render_limits *limits, si_image *out, si_diag *diag);

/* SI_ERR_LIMIT if `frames` pictures like `o`, of which size and kind count alone, cannot be made
 * within the limits (scene/foresee.h), encoding included if they move: frames > 1. */
SI_NODISCARD si_result si_simple_foresee(const si_recipe *r, const si_original *o, int frames,
    const si_render_limits *limits, si_diag *diag);

/* The map from layer 0's file to the reply on such a picture, both as fractions of width and
 * height: x' = m[0]·x + m[1]·y + m[2], y' = m[3]·x + m[4]·y + m[5]. */
SI_NODISCARD si_result si_simple_map(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, double m[6], si_diag *diag);

#endif
