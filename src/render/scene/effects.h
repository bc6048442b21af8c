/* Effect layers: shadows, glows, outlines (docs/protocol.md, Effects). */
#ifndef SI_RENDER_SCENE_EFFECTS_H
#define SI_RENDER_SCENE_EFFECTS_H

#include "render/scene/layer.h"

/* Which effects of a layer are drawn: those behind the parent or those inside it. */
typedef enum si_effect_side { SI_EFFECTS_OUTER, SI_EFFECTS_INNER } si_effect_side;

/* How far around a window the parent's mask must be known, pixels of the view. */
int si_effects_reach(
    const si_scene *scene, const si_adjustments *adjustments, const si_view_transform *view);

/* Draws one side's effects on `canvas` in ascending order. `parent` has the mask; its opacity is
 * that of `adjustments`. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_effects_draw(const si_render_context *rc, const si_scene *scene,
    const si_adjustments *adjustments, const si_rendered_layer *parent,
    const si_view_transform *view, si_effect_side side, si_tile *canvas, si_diag *diag);

#endif
