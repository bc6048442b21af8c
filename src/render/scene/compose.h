/* Pictures of any kind: layers drawn on a canvas, the composite's own operations, watermark, view
 * (docs/layers.md). Everything is rendered at the resolution of the reply, and only what
 * it shows; all tiles of a view share one grid of pixels, so they join. */
#ifndef SI_RENDER_SCENE_COMPOSE_H
#define SI_RENDER_SCENE_COMPOSE_H

#include "render/read/input.h"

/* As si_render(), whose errors it has; `out` is still in colour. For req=mask `out` is the
 * composite's alpha as grey. */
SI_NODISCARD si_result si_compose_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag);

#endif
