/* The pixels of one layer, ready to be drawn (docs/layers.md): source → crop →
 * scale → flip → mask → op_* → clip paths → opac → color → rotate or perspective → extend →
 * bgColor. */
#ifndef SI_RENDER_SCENE_LAYER_H
#define SI_RENDER_SCENE_LAYER_H

#include "render/scene/adjust.h"

/* Where the composite lies on the grid of pixels that is rendered: pixel = scale × composite pixel
 * + at. A negative scale mirrors. */
typedef struct si_view_transform {
    double scale[2], at[2];
} si_view_transform;

/* The pixels of the view that a box of composite pixels (x, y, w, h) covers: edges rounded half
 * up, at least one pixel. */
si_rect si_view_transform_box(const si_view_transform *view, const double box[4]);

/* Geometric mean of the scales: for radii. */
double si_view_transform_scale(const si_view_transform *view);

typedef struct si_rendered_layer {
    si_tile tile; /* what is drawn; 3 or 4 channels */
    si_tile mask; /* 4 channels, of which alpha counts: the layer's mask before opac, color and
                      bgColor, for effects; no pixels where `tile` has the same alpha */
    bool solid;   /* the layer has neither mask nor alpha (outer effects are not drawn) */
} si_rendered_layer;

/* Renders what `window` (pixels of the view) shows of the layer. No pixels if that is nothing.
 * Release with si_rendered_layer_free(). Errors as of si_render(). */
SI_NODISCARD si_result si_layer_render(si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const si_view_transform *view, si_rect window, bool want_mask,
    si_rendered_layer *out, si_diag *diag);

void si_rendered_layer_free(si_rendered_layer *p);

/* Renders `part` of the reply of a nested picture whose geometry is `g`. (compose.c) */
SI_NODISCARD si_result si_scene_render(si_render_context *rc, const si_scene *scene,
    const si_geometry *g, si_rect part, si_image *out, si_diag *diag);

#endif
