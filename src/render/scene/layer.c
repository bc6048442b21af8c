#include "render/scene/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/pixel/blend.h"
#include "render/scene/layer_content.h"
#include "render/pixel/mask.h"
#include "render/pixel/morphology.h"
#include "render/pixel/ops.h"
#include "render/pixel/warp.h"

enum {
    MEDIAN_SIDE = 128,   /* of the rendition whose median op_colorize takes */
    WARP_REACH = 4,      /* pixels that a warp looks at around a point */
    QUAD_SIDE_MAX = 4096 /* of the picture that perspective distorts */
};

/* ---- stages ---- */

si_rect si_view_transform_box(const si_view_transform *view, const double box[4]) {
    int from[2], length[2];
    for (int i = 0; i < 2; i++) {
        double a = view->at[i] + box[i] * view->scale[i];
        double b = view->at[i] + (box[i] + box[2 + i]) * view->scale[i];
        from[i] = si_pixel(fmin(a, b));
        length[i] = si_pixel(fmax(a, b)) - from[i];
        length[i] = length[i] > 0 ? length[i] : 1;
    }
    return (si_rect){from[0], from[1], length[0], length[1]};
}

double si_view_transform_scale(const si_view_transform *view) {
    return sqrt(fabs(view->scale[0] * view->scale[1]));
}

void si_rendered_layer_free(si_rendered_layer *p) {
    si_tile_free(&p->tile);
    si_tile_free(&p->mask);
    *p = (si_rendered_layer){0};
}

/* A layer on its way to the view. */
typedef struct job {
    si_render_context *rc;
    const si_scene *scene;
    const si_scene_layer *s;
    const si_view_transform *view;
    si_raster raster;
    double scale; /* raster pixels per composite pixel, for radii */
    bool want_mask;
    uint64_t seed;
} job;

/* ---- on the raster ---- */

/* op_growMask: its radius counts in pixels of the full-size mask, op_growMaskR's in composite
 * pixels. */
static double mask_radius(const job *j) {
    const si_scene_layer *s = j->s;
    const si_ops *ops = &s->layer->adjustments.ops;
    if (ops->grow_mask_raw || s->layer->kind == SI_LAYER_TEXT || s->content[0] <= 0) {
        return ops->grow_mask * j->scale;
    }
    double per_mask = s->mask[0] > 0 ? s->masked[2] / s->mask_part[2] : 1;
    double fit = sqrt(fabs(s->box.fit.m[0] * s->box.fit.m[4]));
    return ops->grow_mask * j->scale * fit * per_mask;
}

/* True if colours are wanted that the image's own alpha hides. */
static bool looks_behind_alpha(const si_scene_layer *s) {
    return s->layer->kind == SI_LAYER_IMAGE && s->alpha &&
           (s->mask[0] > 0 || s->layer->mask_use != SI_MASK_NORM);
}

/* Gives an image that was read flat its own alpha back. */
static si_result own_alpha(const job *j, si_rect window, si_image *im, si_diag *diag) {
    si_image again = {0};
    si_plane alpha = {0};
    si_result result =
        si_layer_content_read(j->rc, j->scene, j->s, &j->raster, window, false, &again, diag);
    if (result == SI_OK) {
        result = si_mask_alpha(&again, &alpha, diag);
    }
    if (result == SI_OK) {
        result = si_mask_set(im, &alpha, 0, 0, diag);
    }
    si_image_free(&again);
    si_plane_free(&alpha);
    return result;
}

static si_result apply_mask(const job *j, si_rect window, si_image *im, si_diag *diag) {
    const si_layer *l = j->s->layer;
    si_result result = SI_OK;
    if (looks_behind_alpha(j->s) && j->s->mask[0] <= 0) {
        result = own_alpha(j, window, im, diag);
    }
    si_mask_kind kind = im->channels == 4 ? SI_MASK_UNASSOCIATED : SI_MASK_NONE;
    if (result == SI_OK && j->s->mask[0] > 0) {
        si_plane plane = {0};
        result = si_layer_content_mask(j->rc, j->scene, j->s, &j->raster, window, &plane, diag);
        if (result == SI_OK && l->kind == SI_LAYER_SOLID) {
            result = si_mask_multiply(im, &plane, 0, 0, diag);
        } else if (result == SI_OK) {
            result = si_mask_set(im, &plane, 0, 0, diag);
        }
        si_plane_free(&plane);
        kind = SI_MASK_UNASSOCIATED;
    }
    if (result == SI_OK && (l->kind == SI_LAYER_IMAGE || j->s->mask[0] > 0)) {
        result = si_mask_apply_use(im, l->mask_use, kind, diag);
    }
    return result == SI_OK ? si_grow_alpha(im, mask_radius(j), diag) : result;
}

static bool needs_median(const si_ops *ops) {
    return ops->colorize == SI_COLORIZE_NORM;
}

static si_result paint_raster(
    const job *j, si_rect window, bool tones_only, si_tile *out, si_tile *mask, si_diag *diag);

/* The median luma of the whole layer, on a small rendition, so that all tiles agree. */
static si_result median_of(const job *j, int *median, si_diag *diag) {
    job small = *j;
    const int *size = j->s->box.size;
    double k = fmin(1, MEDIAN_SIDE / (double)(size[0] > size[1] ? size[0] : size[1]));
    small.raster = (si_raster){.scale = {k, k}};
    small.scale = k;
    si_tile tile = {0};
    si_result result =
        paint_raster(&small, si_raster_box(&small.raster, size), true, &tile, NULL, diag);
    if (result == SI_OK) {
        *median = si_op_median(&tile.image);
    }
    si_tile_free(&tile);
    return result;
}

static si_result copy_alpha(const si_tile *from, si_tile *to, si_diag *diag) {
    if (from->image.channels != 4) {
        return SI_OK;
    }
    to->x = from->x;
    to->y = from->y;
    si_result result = si_image_alloc(&to->image, from->image.width, from->image.height, 4, diag);
    if (result == SI_OK) {
        memcpy(
            to->image.pixels, from->image.pixels, from->image.stride * (size_t)from->image.height);
    }
    return result;
}

/* Puts `color` under what the window shows of the image. A crop that reaches beyond the image
 * leaves that to bgColor. */
static void lay_colour(const job *j, si_tile *out) {
    const si_scene_layer *s = j->s;
    const si_paint paint = s->layer->color;
    int from[2] = {0, 0}, to[2] = {out->image.width, out->image.height};
    for (int i = 0; i < 2 && s->layer->kind == SI_LAYER_IMAGE; i++) {
        const bool mirror = (s->layer->adjustments.flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) != 0;
        double k = j->raster.scale[i] * s->box.size[i] / s->box.crop[2 + i];
        double before = fmax(0, -s->box.crop[i]);
        double after = fmax(0, s->box.crop[i] + s->box.crop[2 + i] - s->content[i]);
        double low = j->raster.at[i] + (mirror ? after : before) * k;
        double high = j->raster.at[i] + (s->box.crop[2 + i] - (mirror ? before : after)) * k;
        int start = i == 0 ? out->x : out->y;
        int length = i == 0 ? out->image.width : out->image.height;
        from[i] = (int)fmin(fmax(si_round(low) - start, 0), length);
        to[i] = (int)fmin(fmax(si_round(high) - start, from[i]), length);
    }
    si_image part = out->image;
    part.pixels += (size_t)from[1] * part.stride + (size_t)(from[0] * part.channels);
    part.width = to[0] - from[0];
    part.height = to[1] - from[1];
    si_blend_under(&part, (si_rgba){(uint8_t)(paint.rgb >> 16), (uint8_t)(paint.rgb >> 8),
                              (uint8_t)paint.rgb, paint.alpha});
}

/* opac and color, which only effects look behind. */
static si_result finish_raster(const job *j, si_tile *out, si_tile *mask, si_diag *diag) {
    const si_layer *l = j->s->layer;
    double opacity = l->adjustments.opac[0] / 100.0 * (l->adjustments.opac[1] / 100.0);
    bool colour = l->has_color && l->kind != SI_LAYER_SOLID && l->color.alpha > 0;
    si_result result = SI_OK;
    if (mask != NULL && (opacity < 1 || colour)) {
        result = copy_alpha(out, mask, diag);
    }
    if (result == SI_OK && opacity < 1) {
        result = si_mask_add_alpha(&out->image, diag);
        if (result == SI_OK) {
            si_blend_opacity(&out->image, opacity);
        }
    }
    if (result == SI_OK && colour) {
        lay_colour(j, out);
    }
    return result;
}

/* Everything up to rotate, for `window` of the raster. */
static si_result paint_raster(
    const job *j, si_rect window, bool tones_only, si_tile *out, si_tile *mask, si_diag *diag) {
    const si_adjustments *adjustments = &j->s->layer->adjustments;
    int reach = tones_only
                    ? 0
                    : si_adjust_reach(&adjustments->ops, j->scale) + si_grow_reach(mask_radius(j));
    si_rect box = si_raster_box(&j->raster, j->s->box.size);
    si_rect grown = si_rect_meet(si_rect_grow(window, reach), box);
    si_adjust_options how = {.scale = j->scale, .seed = j->seed, .median = -1};
    out->x = grown.x;
    out->y = grown.y;
    if ((int64_t)grown.width * grown.height > j->rc->limits.max_view_pixels) {
        return si_fail(diag, SI_ERR_LIMIT, "layer %d shows %d×%d pixels, which exceeds the limit",
            j->s->layer->number, grown.width, grown.height);
    }
    si_result result = si_layer_content_read(
        j->rc, j->scene, j->s, &j->raster, grown, looks_behind_alpha(j->s), &out->image, diag);
    if (result == SI_OK) {
        result = apply_mask(j, grown, &out->image, diag);
    }
    if (result == SI_OK && tones_only) {
        si_adjust_tones(&adjustments->ops, &out->image);
        return SI_OK;
    }
    if (result == SI_OK && needs_median(&adjustments->ops)) {
        result = median_of(j, &how.median, diag);
    }
    if (result == SI_OK) {
        result = si_adjust_apply(&adjustments->ops, &how, out, diag);
    }
    if (result == SI_OK && j->s->clips != NULL) {
        si_map map = {
            {j->raster.scale[0], 0, j->raster.at[0], 0, j->raster.scale[1], j->raster.at[1]}};
        result = si_adjust_clip(j->s->clips, &map, out, diag);
    }
    if (result == SI_OK) {
        result = si_tile_crop(out, window, diag);
    }
    return result == SI_OK ? finish_raster(j, out, mask, diag) : result;
}

/* ---- upright, or turned by right angles: the raster's pixels are the view's ---- */

/* How the raster's axes lie on the view's. */
typedef struct turn {
    bool swap;    /* the raster's x runs along the view's y */
    bool flip[2]; /* by view axis: the raster's axis runs the other way */
} turn;

static bool is_right_angled(const si_map *m) {
    const double tiny = 1e-9;
    return (fabs(m->m[1]) < tiny && fabs(m->m[3]) < tiny) ||
           (fabs(m->m[0]) < tiny && fabs(m->m[4]) < tiny);
}

static turn turn_of(const si_map *m, si_raster *raster) {
    turn t = {.swap = fabs(m->m[0]) < fabs(m->m[1])};
    for (int i = 0; i < 2; i++) { /* view axis */
        double k = m->m[3 * i + (t.swap ? !i : i)], at = m->m[3 * i + 2];
        int u = t.swap ? !i : i; /* raster axis */
        t.flip[i] = k < 0;
        raster->scale[u] = fabs(k);
        raster->at[u] = k < 0 ? -at : at;
    }
    return t;
}

/* A rectangle of the view on the raster, or the other way round (with `back`). */
static si_rect turn_rect(const turn *t, si_rect r, bool back) {
    int at[2] = {r.x, r.y}, size[2] = {r.width, r.height}, to[2], length[2];
    for (int i = 0; i < 2; i++) { /* axis of the view */
        int from = back && t->swap ? !i : i, into = !back && t->swap ? !i : i;
        to[into] = t->flip[i] ? -at[from] - size[from] : at[from];
        length[into] = size[from];
    }
    return (si_rect){to[0], to[1], length[0], length[1]};
}

static si_result transpose(si_image *im, si_diag *diag) {
    si_image out;
    SI_TRY(si_image_alloc(&out, im->height, im->width, im->channels, diag));
    size_t n = (size_t)im->channels;
    for (int y = 0; y < out.height; y++) {
        uint8_t *q = out.pixels + (size_t)y * out.stride;
        const uint8_t *p = im->pixels + (size_t)y * n;
        for (int x = 0; x < out.width; x++, q += n, p += im->stride) {
            memcpy(q, p, n);
        }
    }
    si_image_free(im);
    *im = out;
    return SI_OK;
}

static si_result rotate_tile(const turn *t, si_tile *s, si_diag *diag) {
    if (s->image.pixels == NULL) {
        return SI_OK;
    }
    si_rect r = turn_rect(t, (si_rect){s->x, s->y, s->image.width, s->image.height}, true);
    si_result result = t->swap ? transpose(&s->image, diag) : SI_OK;
    if (result == SI_OK && (t->flip[0] || t->flip[1])) {
        si_flip_image(&s->image, t->flip[0], t->flip[1]);
    }
    s->x = r.x;
    s->y = r.y;
    return result;
}

static si_result paint_upright(
    job *j, const si_map *m, si_rect window, si_rendered_layer *out, si_diag *diag) {
    turn t = turn_of(m, &j->raster);
    j->scale = si_view_transform_scale(j->view);
    si_rect part =
        si_rect_meet(turn_rect(&t, window, false), si_raster_box(&j->raster, j->s->box.size));
    if (si_rect_empty(part)) {
        return SI_OK;
    }
    si_result result =
        paint_raster(j, part, false, &out->tile, j->want_mask ? &out->mask : NULL, diag);
    if (result == SI_OK) {
        result = rotate_tile(&t, &out->tile, diag);
    }
    return result == SI_OK ? rotate_tile(&t, &out->mask, diag) : result;
}

/* ---- turned by any angle ---- */

/* Makes the raster for a distorted layer: `k` pixels per layer pixel, whole pixels, from 0. */
static void make_raster(job *j, const double k[2]) {
    for (int i = 0; i < 2; i++) {
        double size = j->s->box.size[i];
        j->raster.scale[i] = fmax(1, si_round(size * k[i])) / size;
        j->raster.at[i] = 0;
    }
}

static si_result warp_tile(
    const si_map *to_view_transform, si_rect window, si_tile *s, si_diag *diag) {
    if (s->image.pixels == NULL) {
        return SI_OK;
    }
    si_map at = {{1, 0, s->x, 0, 1, s->y}};
    si_map m = si_map_chain(&at, to_view_transform);
    si_affine a = {m.m[0], m.m[1], m.m[3], m.m[4], m.m[2], m.m[5]};
    si_image out = {0};
    si_result result = si_warp_affine(&s->image, &a, &window, &out, diag);
    if (result == SI_OK) {
        si_image_free(&s->image);
        *s = (si_tile){.image = out, .x = window.x, .y = window.y};
    }
    return result;
}

static si_result paint_turned(
    job *j, const si_map *m, si_rect window, si_rendered_layer *out, si_diag *diag) {
    double k = sqrt(fabs(m->m[0] * m->m[4] - m->m[1] * m->m[3])), box[4];
    make_raster(j, (double[]){k, k});
    j->scale = si_view_transform_scale(j->view);
    si_map shrink = {{1 / j->raster.scale[0], 0, 0, 0, 1 / j->raster.scale[1], 0}};
    si_map to_view_transform = si_map_chain(&shrink, m), back;
    if (!si_map_invert(&to_view_transform, &back)) {
        return SI_OK; /* too small to be seen */
    }
    si_map_box(&back,
        (double[]){window.x, window.y, window.x + window.width, window.y + window.height}, box);
    si_rect all = si_raster_box(&j->raster, j->s->box.size);
    double low[2], high[2];
    for (int i = 0; i < 2; i++) {
        low[i] = fmin(fmax(floor(box[i]) - WARP_REACH, 0), INT32_MAX / 2);
        high[i] = fmax(fmin(ceil(box[2 + i]) + WARP_REACH, INT32_MAX / 2), low[i]);
    }
    si_rect part = si_rect_meet(
        all, (si_rect){(int)low[0], (int)low[1], (int)(high[0] - low[0]), (int)(high[1] - low[1])});
    if (si_rect_empty(part)) {
        return SI_OK;
    }
    si_result result =
        paint_raster(j, part, false, &out->tile, j->want_mask ? &out->mask : NULL, diag);
    if (result == SI_OK) {
        result = warp_tile(&to_view_transform, window, &out->tile, diag);
    }
    return result == SI_OK ? warp_tile(&to_view_transform, window, &out->mask, diag) : result;
}

/* ---- perspective ---- */

static si_result distort_sheet(
    const job *j, const double corner[8], si_rect window, si_tile *s, si_diag *diag) {
    static const si_sampling samplings[] = {
        SI_SAMPLING_SUPER, SI_SAMPLING_NEAREST, SI_SAMPLING_BILINEAR, SI_SAMPLING_SUPER};
    if (s->image.pixels == NULL) {
        return SI_OK;
    }
    const si_perspective *p = &j->s->layer->perspective;
    si_quad q = {
        .sampling = samplings[p->mode], .jitter = p->jitter, .seed = j->seed, .window = window};
    memcpy(q.corner, corner, sizeof q.corner);
    si_image out = {0};
    si_result result = si_warp_perspective(&s->image, &q, &out, diag);
    if (result == SI_OK) {
        si_image_free(&s->image);
        *s = (si_tile){.image = out, .x = window.x, .y = window.y};
    }
    return result;
}

static double distance(const double *a, const double *b) {
    return hypot(a[0] - b[0], a[1] - b[1]);
}

/* Distorts the whole layer, made at the resolution of its longest edges. */
static si_result paint_quad(job *j, si_rect window, si_rendered_layer *out, si_diag *diag) {
    const si_view_transform *st = j->view;
    double c[8], k[2];
    for (int i = 0; i < 8; i++) {
        c[i] = st->at[i & 1] + (j->s->box.quad[i] - j->scene->cut[i & 1]) * st->scale[i & 1];
    }
    window = si_rect_meet(window, si_quad_box(c));
    if (si_rect_empty(window)) {
        return SI_OK;
    }
    double edge[2] = {fmax(distance(c, c + 2), distance(c + 6, c + 4)),
        fmax(distance(c, c + 6), distance(c + 2, c + 4))};
    for (int i = 0; i < 2; i++) {
        k[i] = fmin(fmax(edge[i], 1), QUAD_SIDE_MAX) / j->s->box.size[i];
    }
    make_raster(j, k);
    j->scale = sqrt(j->raster.scale[0] * j->raster.scale[1]);
    si_rect all = si_raster_box(&j->raster, j->s->box.size);
    si_result result =
        paint_raster(j, all, false, &out->tile, j->want_mask ? &out->mask : NULL, diag);
    if (result == SI_OK) {
        result = distort_sheet(j, c, window, &out->tile, diag);
    }
    return result == SI_OK ? distort_sheet(j, c, window, &out->mask, diag) : result;
}

/* ---- extend and bgColor ---- */

/* Puts bgColor under everything of the layer's finished rectangle that the window shows. */
static si_result lay_ground(const job *j, si_rect shown, si_rendered_layer *out, si_diag *diag) {
    const si_paint bg = j->s->layer->bg_color;
    if (bg.alpha == 0) {
        return SI_OK;
    }
    const si_rgba colour = {
        (uint8_t)(bg.rgb >> 16), (uint8_t)(bg.rgb >> 8), (uint8_t)bg.rgb, bg.alpha};
    si_tile ground = {.x = shown.x, .y = shown.y};
    SI_TRY(si_image_alloc(&ground.image, shown.width, shown.height, 4, diag));
    if (out->tile.image.pixels != NULL) {
        si_draw draw = {.opacity = 1, .x = out->tile.x - shown.x, .y = out->tile.y - shown.y};
        si_blend_image(&ground.image, &out->tile.image, &draw);
    }
    si_blend_under(&ground.image, colour);
    if (j->want_mask && out->mask.image.pixels == NULL) { /* the mask is what lies on the ground */
        out->mask = out->tile;
        out->tile = (si_tile){0};
    }
    si_tile_free(&out->tile);
    out->tile = ground;
    return SI_OK;
}

/* ---- public ---- */

si_result si_layer_render(si_render_context *rc, const si_scene *scene, const si_scene_layer *s,
    const si_view_transform *view, si_rect window, bool want_mask, si_rendered_layer *out,
    si_diag *diag) {
    job j = {.rc = rc,
        .scene = scene,
        .s = s,
        .view = view,
        .want_mask = want_mask,
        .seed = rc->seed + (uint64_t)s->layer->number * 0x9e3779b97f4a7c15u};
    const si_layer_box *b = &s->box;
    const double rect[4] = {
        b->at[0] - scene->cut[0], b->at[1] - scene->cut[1], b->rect[0], b->rect[1]};
    si_rect shown = si_rect_meet(window, si_view_transform_box(view, rect));
    *out = (si_rendered_layer){.solid = si_scene_layer_is_solid(s)};
    if (si_rect_empty(shown)) {
        return SI_OK;
    }
    const si_map to_view_transform = {
        {view->scale[0], 0, view->at[0] - scene->cut[0] * view->scale[0], 0, view->scale[1],
            view->at[1] - scene->cut[1] * view->scale[1]}};
    const si_map m = si_map_chain(&b->plain, &to_view_transform);
    si_result result = b->has_quad           ? paint_quad(&j, shown, out, diag)
                       : is_right_angled(&m) ? paint_upright(&j, &m, shown, out, diag)
                                             : paint_turned(&j, &m, shown, out, diag);
    if (result == SI_OK) {
        result = lay_ground(&j, shown, out, diag);
    }
    if (result != SI_OK) {
        si_rendered_layer_free(out);
    }
    return result;
}
