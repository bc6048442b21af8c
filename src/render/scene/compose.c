#include "render/scene/compose.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "render/pixel/blend.h"
#include "render/scene/effects.h"
#include "render/scene/foresee.h"
#include "render/pixel/filters.h"
#include "render/pixel/mask.h"
#include "render/pixel/ops.h"
#include "render/read/window.h"

enum { MEDIAN_SIDE = 128 }; /* of the rendition whose median op_colorize takes */

/* Scales of the two axes that differ by more are a stretch, not rounding. */
static const double STRETCH = 1.02;

/* ---- layers on the canvas ---- */

static si_result draw_layer(si_render_context *rc, const si_scene *scene, int i,
    const si_view_transform *view, si_tile *canvas, si_diag *diag) {
    const si_scene_layer *s = &scene->layers[i];
    const si_adjustments *adjustments = &s->layer->adjustments;
    if (s->layer->hide) {
        return SI_OK;
    }
    si_rect window = {canvas->x, canvas->y, canvas->image.width, canvas->image.height};
    bool effects = adjustments->effect_count > 0;
    if (effects) {
        window = si_rect_grow(window, si_effects_reach(scene, adjustments, view));
    }
    si_rendered_layer p = {0};
    si_result result = si_layer_render(rc, scene, s, view, window, effects, &p, diag);
    if (result == SI_OK && effects) {
        result = si_effects_draw(rc, scene, adjustments, &p, view, SI_EFFECTS_OUTER, canvas, diag);
    }
    if (result == SI_OK && p.tile.image.pixels != NULL) {
        si_draw how = {.mode = i == 0 ? SI_BLEND_NORM : s->layer->blend,
            .opacity = 1,
            .x = p.tile.x - canvas->x,
            .y = p.tile.y - canvas->y,
            .canvas_x = canvas->x,
            .canvas_y = canvas->y,
            .seed = rc->seed + (uint64_t)s->layer->number};
        si_blend_image(&canvas->image, &p.tile.image, &how);
    }
    if (result == SI_OK && effects) {
        result = si_effects_draw(rc, scene, adjustments, &p, view, SI_EFFECTS_INNER, canvas, diag);
    }
    si_rendered_layer_free(&p);
    return result;
}

/* ---- the composite ---- */

static si_result composite(si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_rect window, si_tile *out, si_diag *diag);

/* The view transform of a composite that is not flipped. */
static si_view_transform unflipped(const si_scene *scene, const si_view_transform *view) {
    si_view_transform s = *view;
    for (int i = 0; i < 2; i++) {
        if (s.scale[i] < 0) {
            s.at[i] += s.scale[i] * scene->canvas[i];
            s.scale[i] = -s.scale[i];
        }
    }
    return s;
}

static si_rect box_of(const si_scene *scene, const si_view_transform *view) {
    return si_view_transform_box(view, (double[]){0, 0, scene->canvas[0], scene->canvas[1]});
}

static si_result draw_layers(si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_rect window, si_tile *out, si_diag *diag) {
    if ((int64_t)window.width * window.height > rc->limits.max_view_pixels) {
        return si_fail(diag, SI_ERR_LIMIT, "a picture of %d×%d pixels exceeds the limit",
            window.width, window.height);
    }
    *out = (si_tile){.x = window.x, .y = window.y};
    si_result result = si_image_alloc(&out->image, window.width, window.height, 4, diag);
    for (int i = 0; i < scene->picture->layer_count && result == SI_OK; i++) {
        result = draw_layer(rc, scene, i, view, out, diag);
    }
    return result;
}

/* The median luma of the whole composite, on a small rendition, so that all tiles agree. */
static si_result median_of(
    si_render_context *rc, const si_scene *scene, int *median, si_diag *diag) {
    const int *c = scene->canvas;
    double k = fmin(1, MEDIAN_SIDE / (double)(c[0] > c[1] ? c[0] : c[1]));
    const si_view_transform small = {.scale = {k, k}};
    si_tile tile = {0};
    si_result result = draw_layers(rc, scene, &small, box_of(scene, &small), &tile, diag);
    if (result == SI_OK) {
        si_adjust_tones(&scene->picture->comp.ops, &tile.image);
        *median = si_op_median(&tile.image);
    }
    si_tile_free(&tile);
    return result;
}

/* op_*, clip paths and opac of the composite. */
static si_result treat(si_render_context *rc, const si_scene *scene, const si_view_transform *view,
    si_tile *s, si_diag *diag) {
    const si_adjustments *comp = &scene->picture->comp;
    si_adjust_options how = {
        .scale = si_view_transform_scale(view), .seed = ~rc->seed, .median = -1};
    si_result result = SI_OK;
    if (comp->ops.colorize == SI_COLORIZE_NORM) {
        result = median_of(rc, scene, &how.median, diag);
    }
    if (result == SI_OK) {
        result = si_adjust_apply(&comp->ops, &how, s, diag);
    }
    if (result == SI_OK) {
        const si_map map = {{view->scale[0], 0, view->at[0], 0, view->scale[1], view->at[1]}};
        result = si_adjust_clip(scene->clips, &map, s, diag);
    }
    if (result == SI_OK) {
        si_blend_opacity(&s->image, comp->opac[0] / 100.0 * (comp->opac[1] / 100.0));
    }
    return result;
}

/* Effects of the composite: behind it and over it. */
static si_result add_effects(const si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_tile *s, si_diag *diag) {
    const si_adjustments *comp = &scene->picture->comp;
    if (comp->effect_count == 0) {
        return SI_OK;
    }
    si_rendered_layer parent = {.tile = *s, .solid = !si_image_has_transparency(&s->image)};
    si_tile canvas = {.x = s->x, .y = s->y};
    si_result result = si_image_alloc(&canvas.image, s->image.width, s->image.height, 4, diag);
    if (result == SI_OK) {
        result = si_effects_draw(rc, scene, comp, &parent, view, SI_EFFECTS_OUTER, &canvas, diag);
    }
    if (result == SI_OK) {
        si_draw how = {.opacity = 1};
        si_blend_image(&canvas.image, &s->image, &how);
        result = si_effects_draw(rc, scene, comp, &parent, view, SI_EFFECTS_INNER, &canvas, diag);
    }
    if (result != SI_OK) {
        si_tile_free(&canvas);
        return result;
    }
    si_tile_free(s);
    *s = canvas;
    return SI_OK;
}

static si_result add_watermark(si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_tile *s, si_diag *diag) {
    const si_watermark *w = scene->watermark;
    if (w == NULL) {
        return SI_OK;
    }
    si_view_transform at;
    si_tile mark = {0};
    for (int i = 0; i < 2; i++) {
        at.scale[i] = view->scale[i] * scene->mark_box[2 + i] / scene->mark->canvas[i];
        at.at[i] = view->at[i] + view->scale[i] * scene->mark_box[i];
    }
    si_rect window = {s->x, s->y, s->image.width, s->image.height};
    window = si_rect_meet(window, box_of(scene->mark, &at));
    if (si_rect_empty(window)) {
        return SI_OK;
    }
    si_result result = composite(rc, scene->mark, &at, window, &mark, diag);
    if (result == SI_OK) {
        si_draw how = {.mode = w->blend,
            .opacity = w->opac / 100.0,
            .x = mark.x - s->x,
            .y = mark.y - s->y,
            .canvas_x = s->x,
            .canvas_y = s->y,
            .seed = rc->seed};
        si_blend_image(&s->image, &mark.image, &how);
    }
    si_tile_free(&mark);
    return result;
}

/* The composite with everything that is done to it, as far as `window` shows it, which lies within
 * its box. `view` is that of the finished, perhaps flipped composite. */
static si_result composite(si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_rect window, si_tile *out, si_diag *diag) {
    const si_adjustments *comp = &scene->picture->comp;
    int reach = si_adjust_reach(&comp->ops, si_view_transform_scale(view)) +
                si_effects_reach(scene, comp, view);
    si_rect grown = si_rect_meet(si_rect_grow(window, reach), box_of(scene, view));
    si_view_transform flipped = *view;
    for (int i = 0; i < 2; i++) {
        if (comp->flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) {
            flipped.at[i] += view->scale[i] * scene->canvas[i];
            flipped.scale[i] = -view->scale[i];
        }
    }
    const si_view_transform upright = unflipped(scene, view);
    si_result result = draw_layers(rc, scene, &flipped, grown, out, diag);
    if (result == SI_OK) {
        result = treat(rc, scene, &upright, out, diag);
    }
    if (result == SI_OK) {
        result = add_effects(rc, scene, &upright, out, diag);
    }
    if (result == SI_OK) {
        result = add_watermark(rc, scene, &upright, out, diag);
    }
    if (result == SI_OK) {
        result = si_tile_crop(out, window, diag);
    }
    if (result != SI_OK) {
        si_tile_free(out);
    }
    return result;
}

/* ---- the view ---- */

/* A composite that is stretched, and in which something has a radius: made at the larger of both
 * scales, then stretched. */
static si_result stretched(si_render_context *rc, const si_scene *scene,
    const si_view_transform *view, si_rect window, si_tile *out, si_diag *diag) {
    enum { REACH = 4 }; /* source pixels of the kernel */
    double k = fmax(view->scale[0], view->scale[1]);
    si_view_transform even = {.scale = {k, k}};
    si_rect all = box_of(scene, &even);
    si_tile tile = {0};
    si_window_axis axes[2];
    int low[2], high[2], from[2] = {window.x, window.y};
    const int count[2] = {window.width, window.height}, most[2] = {all.width, all.height};
    for (int i = 0; i < 2; i++) {
        double ratio = k / view->scale[i], reach = REACH * fmax(1, ratio);
        double skip = from[i] - view->at[i];
        low[i] = (int)fmax(0, floor(skip * ratio - reach));
        high[i] = (int)fmin(most[i], ceil((skip + count[i]) * ratio + reach));
        axes[i] = (si_window_axis){.from = -low[i],
            .to = scene->canvas[i] * k - low[i],
            .content = scene->canvas[i] * view->scale[i],
            .skip = skip,
            .count = count[i]};
    }
    si_rect part = {low[0], low[1], high[0] - low[0], high[1] - low[1]};
    si_result result = composite(rc, scene, &even, part, &tile, diag);
    if (result == SI_OK) {
        *out = (si_tile){.x = window.x, .y = window.y};
        result =
            si_window_of_image(&tile.image, axes, scene->picture->view.resmode, &out->image, diag);
    }
    si_tile_free(&tile);
    return result;
}

static si_result sharpen(const si_view *v, si_image *im, si_diag *diag) {
    si_result result = v->sharpen ? si_filter_sharpen(im, diag) : SI_OK;
    if (result == SI_OK) {
        const si_usm *u = &v->usm;
        result = si_filter_usm(im, u->amount, u->radius, u->threshold, u->mono, diag);
    }
    return result;
}

/* The box of a view on the grid that its tiles share. */
static si_rect view_box(const si_geometry *g) {
    return (si_rect){(int)(g->out_view[0] + g->origin[0]), (int)(g->out_view[1] + g->origin[1]),
        (int)g->out_view[2], (int)g->out_view[3]};
}

si_result si_scene_render(si_render_context *rc, const si_scene *scene, const si_geometry *g,
    si_rect part, si_image *out, si_diag *diag) {
    const si_view *v = &scene->picture->view;
    si_view_transform view;
    for (int i = 0; i < 2; i++) {
        view.scale[i] = g->out_content[2 + i] / scene->canvas[i];
        view.at[i] = g->out_content[i] + g->origin[i];
    }
    part.x += (int)g->origin[0];
    part.y += (int)g->origin[1];
    si_rect box = box_of(scene, &view);
    si_rect shown = si_rect_meet(si_rect_meet(part, view_box(g)), box);
    si_result result = si_image_alloc(out, part.width, part.height, 4, diag);
    if (result != SI_OK || si_rect_empty(shown)) {
        return result;
    }
    int reach = (v->sharpen ? SI_FILTER_SHARPEN_REACH : 0) +
                si_filter_usm_reach(v->usm.amount, v->usm.radius);
    si_rect window = si_rect_meet(si_rect_grow(shown, reach), box);
    double stretch = view.scale[0] / view.scale[1];
    bool even = stretch < STRETCH && stretch > 1 / STRETCH;
    si_tile tile = {0};
    result = (even || !scene->radii ? composite : stretched)(rc, scene, &view, window, &tile, diag);
    if (result == SI_OK) {
        result = sharpen(v, &tile.image, diag);
    }
    if (result == SI_OK) {
        result = si_tile_crop(&tile, shown, diag);
    }
    if (result == SI_OK) {
        for (int y = 0; y < shown.height; y++) {
            memcpy(out->pixels + (size_t)(shown.y - part.y + y) * out->stride +
                       (size_t)(shown.x - part.x) * 4,
                tile.image.pixels + (size_t)y * tile.image.stride, 4 * (size_t)shown.width);
        }
    }
    si_tile_free(&tile);
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}

/* ---- the reply ---- */

/* FNV-1a over what the picture shows, but not how large or which part of it. */
static uint64_t hash(uint64_t h, const char *text) {
    return si_hash64(h, text, strlen(text));
}

static uint64_t seed_of(const si_picture *p) {
    uint64_t h = SI_HASH64_START + (uint64_t)p->layer_count;
    for (int i = 0; i < p->layer_count; i++) {
        h = hash(h, p->layers[i].source.file.path);
        h = hash(h, p->layers[i].text.rtf);
    }
    return h;
}

/* req=mask: alpha as grey. */
static void show_alpha(si_image *im) {
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += 4) {
            p[0] = p[1] = p[2] = p[3];
            p[3] = 255;
        }
    }
    im->grey = true;
}

static si_result render(si_render_context *rc, const si_recipe *r, si_image *out, si_diag *diag) {
    si_scene *scene;
    si_geometry g;
    si_result result = si_scene_open(rc, &r->picture, r->watermark, &scene, diag);
    if (result == SI_OK) {
        result = si_geometry_view(&r->picture.view, scene->exact,
            r->dpr_held ? scene->detail : si_detail_endless, r->dpr, &g, diag);
    }
    SI_TRY(result);
    if ((int64_t)g.out[0] * g.out[1] > rc->limits.max_view_pixels) {
        return si_fail(diag, SI_ERR_LIMIT, "reply of %d×%d pixels exceeds the limit of %lld pixels",
            g.out[0], g.out[1], (long long)rc->limits.max_view_pixels);
    }
    SI_TRY(si_foresee_scene(rc, scene, &g, diag));
    result = si_scene_render(rc, scene, &g, (si_rect){0, 0, g.out[0], g.out[1]}, out, diag);
    if (result == SI_OK && r->req == SI_REQ_MASK) {
        show_alpha(out);
        si_blend_flatten(out, 0);
    } else if (result == SI_OK && !r->alpha) {
        si_blend_flatten(out, r->bgc);
    }
    return result;
}

si_result si_compose_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag) {
    si_arena arena = {0};
    si_render_context rc = {.recipe = r, .files = files, .arena = &arena};
    rc.limits = si_render_limits_or_default(limits);
    rc.seed = seed_of(&r->picture);
    si_result result = render(&rc, r, out, diag);
    si_render_context_close(&rc);
    si_arena_free(&arena);
    return result;
}
