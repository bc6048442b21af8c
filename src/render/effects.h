/* Effect layers: shadows, glows, outlines (reference/commands.md 8.6). */
#ifndef SI_RENDER_EFFECTS_H
#define SI_RENDER_EFFECTS_H

#include "render/layer.h"

/* Which effects of a look are drawn: those behind the parent or those inside it. */
typedef enum si_effect_side { SI_EFFECTS_OUTER, SI_EFFECTS_INNER } si_effect_side;

/* How far around a window the parent's mask must be known, pixels of the stage. */
int si_effects_reach(const si_scene *scene, const si_look *look, const si_stage *stage);

/* Draws one side's effects on `canvas` in ascending order. `parent` has the mask; its opacity is
 * that of `look`. */
SI_NODISCARD si_result si_effects_draw(const si_studio *studio, const si_scene *scene,
    const si_look *look, const si_painted *parent, const si_stage *stage, si_effect_side side,
    si_sheet *canvas, si_diag *diag);

#endif
