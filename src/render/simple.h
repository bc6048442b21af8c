/* The road that nearly all requests take: one image layer with crop, size and sharpening
 * (si_picture_is_simple()), from the file to the reply with one resampling. */
#ifndef SI_RENDER_SIMPLE_H
#define SI_RENDER_SIMPLE_H

#include "render/render.h"

/* As si_render(), whose errors it has; `out` is still in colour. */
SI_NODISCARD si_result si_simple_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag);

#endif
