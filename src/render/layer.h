/* The pixels of one layer, ready to be drawn (reference/commands.md 8.1, step 1): source → crop →
 * scale → flip → mask → op_* → clip paths → opac → color → rotate or perspective → extend →
 * bgColor. */
#ifndef SI_RENDER_LAYER_H
#define SI_RENDER_LAYER_H

#include "render/look.h"

/* Where the composite lies on the grid of pixels that is rendered: pixel = scale × composite pixel
 * + at. A negative scale mirrors. */
typedef struct si_stage {
    double scale[2], at[2];
} si_stage;

/* The pixels of the stage that a box of composite pixels (x, y, w, h) covers: edges rounded half
 * up, at least one pixel. */
si_rect si_stage_box(const si_stage *stage, const double box[4]);

/* Geometric mean of the scales: for radii. */
double si_stage_scale(const si_stage *stage);

typedef struct si_painted {
    si_sheet sheet; /* what is drawn; 3 or 4 channels */
    si_sheet mask;  /* 4 channels, of which alpha counts: the layer's mask before opac, color and
                       bgColor, for effects; no pixels where `sheet` has the same alpha */
    bool solid;     /* the layer has neither mask nor alpha (outer effects are not drawn, 8.6) */
} si_painted;

/* Paints what `window` (pixels of the stage) shows of the layer. No pixels if that is nothing.
 * Release with si_painted_free(). Errors as of si_render(). */
SI_NODISCARD si_result si_layer_paint(si_studio *studio, const si_scene *scene,
    const si_scene_layer *s, const si_stage *stage, si_rect window, bool want_mask, si_painted *out,
    si_diag *diag);

void si_painted_free(si_painted *p);

/* Renders `part` of the reply of a nested picture whose geometry is `g`. (compose.c) */
SI_NODISCARD si_result si_scene_render(si_studio *studio, const si_scene *scene,
    const si_geometry *g, si_rect part, si_image *out, si_diag *diag);

#endif
