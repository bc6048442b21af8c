#include "render/scene/effects.h"

#include <math.h>

#include "render/pixel/blend.h"
#include "render/pixel/blur.h"
#include "render/pixel/mask.h"
#include "render/pixel/morphology.h"
#include "render/pixel/noise.h"

/* Where the effect lies beside its parent, pixels of the view. */
static void shift_of(
    const si_scene *scene, const si_effect *e, const si_view_transform *view, int shift[2]) {
    for (int i = 0; i < 2; i++) {
        double v = e->pos.unit == SI_UNIT_NONE ? 0 : e->pos.v[i];
        if (e->pos.unit == SI_UNIT_NORMALIZED) {
            v *= scene->layers[0].box.rect[i];
        }
        shift[i] = (int)si_round(fmin(fmax(v * view->scale[i], -1e6), 1e6));
    }
}

static int reach_of(const si_effect *e, double scale) {
    return si_grow_reach(e->grow * scale) + si_blur_reach(e->blur * scale);
}

int si_effects_reach(
    const si_scene *scene, const si_adjustments *adjustments, const si_view_transform *view) {
    int most = 0;
    for (int i = 0; i < adjustments->effect_count; i++) {
        int shift[2];
        shift_of(scene, &adjustments->effects[i], view, shift);
        int far = abs(shift[0]) > abs(shift[1]) ? abs(shift[0]) : abs(shift[1]);
        int reach = far + reach_of(&adjustments->effects[i], si_view_transform_scale(view));
        most = reach > most ? reach : most;
    }
    return most;
}

/* The effect's mask over `region`: parent mask → maskUse → grow → blur → noise, shifted. */
static si_result mask_of(const si_render_context *rc, const si_effect *e, const si_tile *parent,
    const si_plane *mask, si_rect region, const int shift[2], double scale, si_plane *out,
    si_diag *diag) {
    si_result result;
    if (mask->pixels == NULL) {
        result = si_plane_alloc(out, region.width, region.height, diag);
    } else {
        result = si_plane_place(mask, parent->x + shift[0] - region.x,
            parent->y + shift[1] - region.y, region.width, region.height, 0, out, diag);
    }
    SI_TRY(result);
    si_plane_use(out, e->mask_use);
    result = si_grow_plane(out, e->grow * scale, diag);
    if (result == SI_OK) {
        si_edge edge = e->mask_use == SI_MASK_INVERT ? SI_EDGE_REPEAT : SI_EDGE_ZERO;
        result = si_blur_plane(out, e->blur * scale, edge, diag);
    }
    if (result == SI_OK) {
        si_noise noise = {.value = e->noise,
            .gaussian = e->noise_gaussian,
            .mono = e->noise_mono,
            .seed = rc->seed + (uint64_t)(unsigned)e->number,
            .x = region.x,
            .y = region.y};
        si_noise_plane(out, &noise);
    }
    return result;
}

static si_result draw(const si_render_context *rc, const si_scene *scene, const si_effect *e,
    const si_tile *parent, const si_plane *mask, double opacity, const si_view_transform *view,
    si_tile *canvas, si_diag *diag) {
    double scale = si_view_transform_scale(view);
    const si_rect whole = {canvas->x, canvas->y, canvas->image.width, canvas->image.height};
    const si_rect region = si_rect_grow(whole, reach_of(e, scale));
    int shift[2];
    si_plane plane = {0};
    shift_of(scene, e, view, shift);
    si_result result = mask_of(rc, e, parent, mask, region, shift, scale, &plane, diag);
    if (result == SI_OK) {
        int x = parent->x - region.x, y = parent->y - region.y;
        if (e->number > 0 && mask->pixels != NULL) {
            si_plane_multiply(&plane, mask, x, y);
        } else if (e->number > 0) {
            si_plane_fill(&plane, 0);
        } else if (scene->picture->effect_mask && mask->pixels != NULL) {
            si_plane_knock_out(&plane, mask, x, y);
        }
        si_draw how = {.mode = e->blend,
            .opacity = opacity * e->opac / 100,
            .mask = &plane,
            .x = region.x - whole.x,
            .y = region.y - whole.y,
            .canvas_x = whole.x,
            .canvas_y = whole.y,
            .seed = rc->seed ^ (uint64_t)(unsigned)e->number << 32};
        const si_paint c = e->color;
        si_blend_color(&canvas->image,
            (si_rgba){(uint8_t)(c.rgb >> 16), (uint8_t)(c.rgb >> 8), (uint8_t)c.rgb, c.alpha},
            &how);
    }
    si_plane_free(&plane);
    return result;
}

si_result si_effects_draw(const si_render_context *rc, const si_scene *scene,
    const si_adjustments *adjustments, const si_rendered_layer *parent,
    const si_view_transform *view, si_effect_side side, si_tile *canvas, si_diag *diag) {
    const si_tile *from = parent->mask.image.pixels != NULL ? &parent->mask : &parent->tile;
    si_plane mask = {0};
    si_result result = SI_OK;
    for (int i = 0; i < adjustments->effect_count && result == SI_OK; i++) {
        const si_effect *e = &adjustments->effects[i];
        bool outer = e->number < 0;
        if (outer != (side == SI_EFFECTS_OUTER) || (outer && parent->solid)) {
            continue;
        }
        if (mask.pixels == NULL && from->image.pixels != NULL) {
            result = si_mask_alpha(&from->image, &mask, diag);
        }
        if (result == SI_OK) {
            result =
                draw(rc, scene, e, from, &mask, adjustments->opac[0] / 100.0, view, canvas, diag);
        }
    }
    si_plane_free(&mask);
    return result;
}
