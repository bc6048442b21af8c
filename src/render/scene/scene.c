#include "render/scene/scene.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "render/scene/scene_paths.h"

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- nested pictures ---- */

bool si_scene_layer_is_solid(const si_scene_layer *s) {
    const si_layer *l = s->layer;
    const si_layer_box *b = &s->box;
    bool extended = b->rect[0] > b->turned[0] || b->rect[1] > b->turned[1];
    bool beyond = b->crop[0] < 0 || b->crop[1] < 0 || b->crop[0] + b->crop[2] > s->content[0] ||
                  b->crop[1] + b->crop[3] > s->content[1];
    return l->kind != SI_LAYER_TEXT && s->mask[0] <= 0 && !s->alpha && s->clips == NULL &&
           !b->has_quad && fmod(l->rotate, 90) == 0 && !extended &&
           !(l->kind == SI_LAYER_IMAGE && beyond);
}

static bool is_full(const int opac[2]) {
    return opac[0] == 100 && opac[1] == 100;
}

bool si_scene_is_opaque(const si_scene *scene) {
    const si_layer *l = scene->layers[0].layer;
    bool covered = si_scene_layer_is_solid(&scene->layers[0]) && !l->hide &&
                   l->mask_use != SI_MASK_INVERT && is_full(l->adjustments.opac) &&
                   (l->kind != SI_LAYER_SOLID || l->color.alpha == 255);
    return covered && is_full(scene->picture->comp.opac) && scene->clips == NULL;
}

/* A nested picture, and how large its reply is at scale 1. */
static si_result open_nested(si_render_context *rc, const si_picture *picture, const si_scene **out,
    double size[2], si_diag *diag) {
    static const double endless[2];
    si_scene *scene;
    si_geometry g;
    si_result result = si_scene_open(rc, picture, NULL, &scene, diag);
    if (result == SI_OK) {
        result = si_geometry_view(&picture->view, scene->exact, endless, 1, &g, diag);
    }
    if (result == SI_OK) {
        size[0] = g.out[0];
        size[1] = g.out[1];
        memcpy(scene->view_scale, g.scale, sizeof g.scale);
        for (int i = 0; i < 2; i++) {
            double end = g.out_content[i] + g.out_content[2 + i];
            scene->padded |= g.out_content[i] > 0.5 || end < g.out[i] - 0.5 || g.out_view[i] > 0 ||
                             g.out_view[i] + g.out_view[2 + i] < g.out[i];
        }
        *out = scene;
    }
    return result;
}

static si_result measure(si_render_context *rc, const si_source *s, const si_scene **nested,
    double size[2], double exact[2], bool *alpha, si_diag *diag) {
    if (s->kind == SI_SOURCE_NESTED) {
        si_result result = open_nested(rc, s->nested, nested, size, diag);
        *alpha = result != SI_OK || (*nested)->padded || !si_scene_is_opaque(*nested);
        return result;
    }
    const si_known_size *k = NULL;
    si_result result = si_render_context_size(rc, s, &k, diag);
    if (result == SI_OK) {
        size[0] = k->width;
        size[1] = k->height;
        memcpy(exact, k->exact, sizeof k->exact);
        *alpha = k->alpha;
    }
    return result;
}

/* ---- parts of sources ---- */

/* The part of the source that a smart crop puts in its place. */
static si_result smart_part(si_render_context *rc, const si_source *s, const double size[2],
    double part[4], si_diag *diag) {
    double found[1][4], *rect = found[0];
    if (s->crop_rect[2] > 0 && s->crop_rect[3] > 0) {
        memcpy(rect, s->crop_rect, sizeof s->crop_rect);
    } else if (s->smart_crop[0] > 0 && s->smart_crop[1] > 0 && s->kind != SI_SOURCE_NESTED) {
        SI_TRY(si_render_context_crops(rc, &s, 1, found, NULL, diag));
    } else {
        return SI_OK;
    }
    for (int i = 0; i < 2; i++) {
        double from = fmin(fmax(0, si_round(rect[i] * size[i])), size[i] - 1);
        double to = fmin(si_round((rect[i] + rect[2 + i]) * size[i]), size[i]);
        part[i] = from;
        part[2 + i] = fmax(1, to - from);
    }
    return SI_OK;
}

/* ---- layers ---- */

/* A mask lies on its image as a whole; one that is a smart crop is a picture of its own, and lies
 * on the image's smart crop, if that is one. */
static si_result place_mask(
    si_render_context *rc, si_scene_layer *s, const double part[4], si_diag *diag) {
    const si_source *mask = &s->layer->mask;
    const bool crop = mask->smart_crop[0] > 0 || mask->crop_rect[2] > 0;
    for (int i = 0; i < 2; i++) {
        s->mask_part[i] = s->masked[i] = 0;
        s->mask_part[2 + i] = s->mask[i];
        s->masked[2 + i] = s->content[i];
    }
    if (!crop) {
        return SI_OK;
    }
    if (part[2] > 0 && part[3] > 0) {
        memcpy(s->masked, part, sizeof s->masked);
    }
    return smart_part(rc, mask, s->mask, s->mask_part, diag);
}

static si_result content_of(si_render_context *rc, si_scene_layer *s, const si_layer_box *canvas,
    si_content *c, si_diag *diag) {
    const si_layer *l = s->layer;
    const bool masked = l->mask.kind != SI_SOURCE_NONE;
    double unused[2];
    si_result result = SI_OK;
    if (masked && l->kind != SI_LAYER_TEXT) {
        result = measure(rc, &l->mask, &s->mask_source, s->mask, unused, &s->mask_alpha, diag);
    }
    if (result == SI_OK && l->kind == SI_LAYER_IMAGE) {
        result = measure(rc, &l->source, &s->source, s->content, c->exact, &s->alpha, diag);
        if (result == SI_OK) {
            result = smart_part(rc, &l->source, s->content, c->part, diag);
        }
        if (result == SI_OK && masked) {
            result = place_mask(rc, s, c->part, diag);
        }
        if (result == SI_OK) {
            result = si_scene_crop_path(rc, l, s->content, c->part, diag);
        }
    } else if (result == SI_OK && l->kind == SI_LAYER_SOLID && masked) {
        result = place_mask(rc, s, c->part, diag);
        memcpy(s->content, s->mask_part + 2, sizeof s->content);
        memcpy(s->masked + 2, s->content, sizeof s->content);
    }
    c->width = s->content[0];
    c->height = s->content[1];
    if (result == SI_OK && l->kind != SI_LAYER_IMAGE && l->adjustments.clip_path[0] != '\0') {
        si_path path;
        result = si_path_parse(si_str_of(l->adjustments.clip_path), rc->arena, &path, diag);
        c->has_path = result == SI_OK && si_path_bounds(&path, NULL, c->path);
    }
    if (result == SI_OK && l->kind == SI_LAYER_TEXT) {
        double size[2];
        si_geometry_size(l, canvas, size);
        if (c->has_path && size[0] <= 0) { /* takes its size from the path */
            size[0] = fmax(1, ceil(c->path[2]) - floor(c->path[0]));
            size[1] = fmax(1, ceil(c->path[3]) - floor(c->path[1]));
        }
        result = si_scene_text(rc, s, size, c, diag);
    }
    return result;
}

static si_result open_layer(
    si_render_context *rc, si_scene *scene, int i, const si_view *view, si_diag *diag) {
    si_scene_layer *s = &scene->layers[i];
    const si_layer *l = &scene->picture->layers[i];
    const si_layer_box *canvas = i > 0 ? &scene->layers[0].box : NULL;
    si_content c = {0};
    s->layer = l;
    if (++rc->layers > SI_SCENE_MAX_LAYERS) {
        return si_fail(diag, SI_ERR_LIMIT, "more than %d layers", SI_SCENE_MAX_LAYERS);
    }
    si_result result = content_of(rc, s, canvas, &c, diag);
    if (result == SI_OK) {
        result = si_geometry_layer(l, &c, view, canvas, &s->box, diag);
    }
    if (result == SI_OK) {
        result = si_scene_clips(rc, &l->adjustments, s->box.path_at, &l->source, s->content,
            l->kind == SI_LAYER_IMAGE ? &s->box.fit : NULL, &s->clips, diag);
    }
    return result;
}

/* True if something in the adjustments has a radius. */
static bool has_radius(const si_adjustments *l) {
    return l->ops.blur > 0 || l->ops.grow != 0 || l->ops.grow_mask != 0 || l->ops.sharpen ||
           l->ops.usm.amount > 0 || l->effect_count > 0;
}

/* How much detail the original has, for a detected pixel ratio (docs/decisions.md, D-7): the layer
 * with the most pixels counts. */
static void add_detail(si_scene *scene, const si_scene_layer *s) {
    const si_layer *l = s->layer;
    double d[2] = {fabs(s->box.fit.m[0]), fabs(s->box.fit.m[4])};
    if (l->hide) {
        return;
    }
    if (l->kind != SI_LAYER_IMAGE || s->box.has_quad) {
        d[0] = d[1] = 0;
    } else if (s->source != NULL) {
        for (int i = 0; i < 2; i++) {
            d[i] *= s->source->detail[i] * s->source->view_scale[i];
        }
    }
    if (fmax(d[0], d[1]) < fmax(scene->detail[0], scene->detail[1])) {
        memcpy(scene->detail, d, sizeof d);
    }
}

/* ---- the composite ---- */

/* cropPathE and clip paths of the composite, whose embedded paths are those of layer 0. */
static si_result open_composite(si_render_context *rc, si_scene *scene, si_diag *diag) {
    const si_scene_layer *s = &scene->layers[0];
    const si_adjustments *comp = &scene->picture->comp;
    const bool image = s->layer->kind == SI_LAYER_IMAGE && !s->box.has_quad;
    si_map place = si_map_chain(&s->box.fit, &s->box.plain);
    si_path_box b = {0};
    si_result result = SI_OK;
    for (int i = 0; i < 2; i++) {
        scene->canvas[i] = s->box.rect[i];
        scene->exact[i] = s->box.exact[i];
    }
    if (image) {
        result = si_scene_path_box(rc, &s->layer->source, comp->crop_path, &b, diag);
    }
    if (result == SI_OK && b.any) {
        si_map whole = {{s->content[0], 0, 0, 0, s->content[1], 0}};
        si_map m = si_map_chain(&whole, &place);
        double box[4];
        si_map_box(&m, b.box, box);
        for (int i = 0; i < 2; i++) {
            double low = fmin(fmax(0, si_path_pixel_below(box[i])), scene->canvas[i] - 1);
            double high = fmin(si_path_pixel_above(box[2 + i]), scene->canvas[i]);
            scene->cut[i] = (int)low;
            scene->exact[i] = scene->canvas[i] = (int)fmax(1, high - low);
        }
    }
    si_map shift = {{1, 0, -scene->cut[0], 0, 1, -scene->cut[1]}};
    place = si_map_chain(&place, &shift);
    if (result == SI_OK) { /* embedded paths turn with a flipped composite */
        for (int i = 0; i < 2; i++) {
            if (comp->flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) {
                si_map mirror = SI_MAP_IDENTITY;
                mirror.m[4 * i] = -1;
                mirror.m[3 * i + 2] = scene->canvas[i];
                place = si_map_chain(&place, &mirror);
            }
        }
        static const double zero[2];
        result = si_scene_clips(rc, comp, zero, &s->layer->source, s->content,
            image ? &place : NULL, &scene->clips, diag);
    }
    return result;
}

/* Where the watermark goes: scaled to its sizeN of the target, placed by its align. */
static si_result open_watermark(
    si_render_context *rc, si_scene *scene, const si_watermark *w, si_diag *diag) {
    si_scene *mark;
    SI_TRY(si_scene_open(rc, &w->picture, NULL, &mark, diag));
    double s = 1;
    if (w->size_n[0] > 0 || w->size_n[1] > 0) {
        s = INFINITY;
        for (int i = 0; i < 2; i++) {
            if (w->size_n[i] > 0) {
                s = fmin(s, w->size_n[i] * scene->canvas[i] / mark->canvas[i]);
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        double size = fmax(1, si_round(mark->canvas[i] * s));
        scene->mark_box[i] = floor((scene->canvas[i] - size) * (1 + w->align[i]) / 2);
        scene->mark_box[2 + i] = size;
    }
    scene->mark = mark;
    scene->watermark = w;
    return SI_OK;
}

si_result si_scene_open(si_render_context *rc, const si_picture *picture,
    const si_watermark *watermark, si_scene **out, si_diag *diag) {
    if (picture->layer_count < 1) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "there is no layer 0");
    }
    if (rc->depth >= SI_SCENE_MAX_DEPTH) {
        return si_fail(diag, SI_ERR_LIMIT, "requests are nested too deep");
    }
    si_scene *scene = si_arena_alloc(rc->arena, sizeof *scene);
    si_scene_layer *layers =
        si_arena_alloc(rc->arena, (size_t)picture->layer_count * sizeof *layers);
    if (scene == NULL || layers == NULL) {
        return no_memory(diag);
    }
    *scene = (si_scene){.picture = picture, .layers = layers, .detail = {INFINITY, INFINITY}};
    scene->radii = has_radius(&picture->comp);
    si_result result = SI_OK;
    rc->depth++;
    for (int i = 0; i < picture->layer_count && result == SI_OK; i++) {
        result = open_layer(rc, scene, i, &picture->view, diag);
        if (result == SI_OK) {
            add_detail(scene, &layers[i]);
            scene->radii |= has_radius(&picture->layers[i].adjustments);
        }
    }
    if (result == SI_OK) {
        result = open_composite(rc, scene, diag);
    }
    if (result == SI_OK && watermark != NULL) {
        result = open_watermark(rc, scene, watermark, diag);
    }
    rc->depth--;
    assert(rc->depth >= 0);
    if (!isfinite(scene->detail[0])) {
        scene->detail[0] = scene->detail[1] = 1;
    }
    *out = scene;
    return result;
}
