#include "render/scene/foresee.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Nanoseconds a pixel, by bench-foresee on one core of a server of 2025, rounded down to what easy
 * pictures take. Planes of one channel cost a quarter of what images of four do. */
static const double DECODE_NS[SI_KIND_COUNT] = {
    [SI_KIND_JPEG] = 1.5, /* at 1/8, the least that is decoded of a JPEG */
    [SI_KIND_PNG] = 6,
    [SI_KIND_GIF] = 6,
    [SI_KIND_WEBP] = 4,
    [SI_KIND_AVIF] = 5,
    [SI_KIND_HEIF] = 5,
    [SI_KIND_TIFF] = 1,
    [SI_KIND_JP2] = 2, /* at its smallest resolution */
    [SI_KIND_JXL] = 10,
};
static const double RESAMPLE_NS = 5, BLEND_NS = 0.8, TONES_NS = 1.3, NOISE_NS = 6, CLIP_NS = 1;
static const double BLUR_NS = 14, GROW_NS = 3, GROW_RADIUS_NS = 0.12; /* a pixel of radius */
static const double TURN_NS = 20, PERSPECTIVE_NS = 40, PLANE = 0.25;
static const double OCTAVE_NS = 30, GIF_NS = 40, WEBP_NS = 50, AVIF_NS = 200;

static const double NOTHING = 0.01; /* radii below do nothing: blur.h, morphology.h */
enum { GROW_MOST = 500, QUAD_SIDE_MAX = 4096 /* layer.c */ };

/* ---- stages ---- */

static void add(si_forecast *f, si_stage stage, double pixels, double ns) {
    f->ns[stage] += pixels * ns;
}

/* Kinds whose decoders give pixels only when all of them are decoded. */
static bool is_decoded_whole(si_kind kind) {
    return kind == SI_KIND_WEBP || kind == SI_KIND_AVIF || kind == SI_KIND_HEIF ||
           kind == SI_KIND_JXL;
}

void si_forecast_original(si_forecast *f, si_kind kind, double pixels, double share, double shown) {
    assert(kind >= 0 && kind < SI_KIND_COUNT);
    add(f, SI_STAGE_DECODE, pixels * (is_decoded_whole(kind) ? 1 : share), DECODE_NS[kind]);
    add(f, SI_STAGE_RESAMPLE, shown, RESAMPLE_NS);
}

void si_forecast_octaves(si_forecast *f, double octaves, double shown) {
    add(f, SI_STAGE_DECODE, octaves * shown, OCTAVE_NS);
}

void si_forecast_blur(si_forecast *f, double pixels, double radius) {
    add(f, SI_STAGE_BLUR, radius < NOTHING ? 0 : pixels, BLUR_NS);
}

void si_forecast_grow(si_forecast *f, double pixels, double radius) {
    double r = fmin(fabs(radius), GROW_MOST);
    add(f, SI_STAGE_GROW, r < NOTHING ? 0 : pixels, GROW_NS + r * GROW_RADIUS_NS);
}

void si_forecast_frames(si_forecast *f, si_format format, double pixels) {
    double ns = format == SI_FORMAT_AVIF ? AVIF_NS : format == SI_FORMAT_WEBP ? WEBP_NS : GIF_NS;
    add(f, SI_STAGE_ENCODE, pixels, ns);
}

void si_forecast_add(si_forecast *f, const si_forecast *more, double times) {
    for (int i = 0; i < SI_STAGE_COUNT; i++) {
        f->ns[i] += times * more->ns[i];
    }
    f->bytes = fmax(f->bytes, more->bytes);
}

si_result si_forecast_check(const si_forecast *f, const si_render_limits *limits, si_diag *diag) {
    static const char *const words[] = {
#define X(id, words) words,
        SI_STAGES(X)
#undef X
    };
    const double ms = 1e6, megabyte = 1 << 20;
    double sum = 0;
    int most = 0;
    for (int i = 0; i < SI_STAGE_COUNT; i++) {
        sum += f->ns[i];
        most = f->ns[i] > f->ns[most] ? i : most;
    }
    if (limits->max_ms > 0 && sum / ms > SI_FORESEE_SLACK * (double)limits->max_ms) {
        return si_fail(diag, SI_ERR_LIMIT,
            "it would take about %.0f s, most of it for %s; the limit is %.1f s", sum / ms / 1000,
            words[most], (double)limits->max_ms / 1000);
    }
    if (limits->max_bytes > 0 && f->bytes > (double)limits->max_bytes) {
        return si_fail(diag, SI_ERR_LIMIT,
            "its layers would need %.0f MB of memory at a time; the limit is %.0f MB",
            f->bytes / megabyte, (double)limits->max_bytes / megabyte);
    }
    return SI_OK;
}

/* ---- layers ---- */

/* How a picture is shown: pixels for each pixel of its composite, and what share of it. */
typedef struct shown {
    double scale[2], share;
} shown;

static void forecast_picture(
    const si_render_context *rc, const si_scene *scene, const shown *how, si_forecast *f);

static double area_of(const double size[2]) {
    return size[0] * size[1];
}

static const si_known_size *known(const si_render_context *rc, const si_source *source) {
    const char *path = source->kind == SI_SOURCE_URL ? source->url : source->file.path;
    for (const si_known_size *k = rc->known; k != NULL; k = k->next) {
        if (strcmp(k->path, path) == 0) {
            return k;
        }
    }
    return NULL;
}

/* A file or nested picture of `size`, of which `part` (w, h) is shown as `raster` pixels (w, h),
 * and of these the share `seen`. */
static void forecast_source(const si_render_context *rc, const si_source *source,
    const si_scene *nested, const double size[2], const double part[2], const double raster[2],
    double seen, si_forecast *f) {
    double share = seen * fmin(1, area_of(part) / area_of(size));
    if (nested == NULL) {
        const si_known_size *k = known(rc, source);
        double pixels = area_of(raster) * seen;
        si_forecast_original(f, k != NULL ? k->kind : SI_KIND_NONE, area_of(size), share, pixels);
        si_forecast_octaves(f, k != NULL ? k->octaves : 0, pixels);
        return;
    }
    double scale = fmax(raster[0] / part[0], raster[1] / part[1]);
    shown how = {
        .scale = {scale * nested->view_scale[0], scale * nested->view_scale[1]}, .share = share};
    forecast_picture(rc, nested, &how, f);
    add(f, SI_STAGE_RESAMPLE, area_of(raster) * seen, RESAMPLE_NS);
}

/* op_* over so many pixels. `scale`: pixels for each of the composite. */
static void forecast_ops(const si_ops *o, double pixels, double scale, si_forecast *f) {
    int tones = (o->brightness != 0) + (o->contrast != 0) + (o->hue != 0) + (o->saturation != 0) +
                (o->colorize != SI_COLORIZE_NONE) + o->invert;
    add(f, SI_STAGE_COLOUR, pixels, tones * TONES_NS + (o->noise > 0 ? NOISE_NS : 0));
    si_forecast_blur(f, pixels, o->blur * scale);
    si_forecast_grow(f, pixels, o->grow * scale);
    si_forecast_blur(f, pixels, o->sharpen ? 1 : 0);
    si_forecast_blur(
        f, o->usm.amount > 0 ? pixels : 0, o->usm.raw ? o->usm.radius : o->usm.radius * scale);
}

/* Effects are made over the whole canvas. */
static void forecast_effects(
    const si_adjustments *a, bool solid, double canvas, double scale, si_forecast *f) {
    for (int i = 0; i < a->effect_count; i++) {
        const si_effect *e = &a->effects[i];
        if (e->number > 0 || !solid) {
            si_forecast_grow(f, PLANE * canvas, e->grow * scale);
            si_forecast_blur(f, PLANE * canvas, e->blur * scale);
            add(f, SI_STAGE_LAYERS, canvas, BLEND_NS);
        }
    }
}

static bool needs_median(const si_ops *o) {
    return o->colorize == SI_COLORIZE_NORM;
}

/* What a layer is made of: its source, then its mask; once more, small, for a median. */
static void forecast_content(const si_render_context *rc, const si_scene_layer *s,
    const double raster[2], double seen, si_forecast *f) {
    const si_layer *l = s->layer;
    const bool image = l->kind == SI_LAYER_IMAGE, own_mask = s->mask[0] > 0;
    si_forecast read = {0};
    if (image) {
        forecast_source(
            rc, &l->source, s->source, s->content, s->box.crop + 2, raster, seen, &read);
    }
    if (image && s->alpha && !own_mask && l->mask_use != SI_MASK_NORM) {
        const si_forecast again = read; /* its alpha is read by itself */
        si_forecast_add(&read, &again, 1);
    }
    if (own_mask) {
        forecast_source(
            rc, &l->mask, s->mask_source, s->mask, s->mask_part + 2, raster, seen, &read);
    }
    if (needs_median(&l->adjustments.ops)) {
        read.ns[SI_STAGE_DECODE] *= 2;
    }
    si_forecast_add(f, &read, 1);
    f->bytes = fmax(f->bytes, 3 * area_of(raster) * seen);
}

static double distance(const double *a, const double *b) {
    return hypot(a[0] - b[0], a[1] - b[1]);
}

/* Pixels that the plain rectangle is made of, w, h. */
static void raster_of(const si_scene_layer *s, const shown *how, double raster[2]) {
    const si_layer_box *b = &s->box;
    const double *q = b->quad;
    const bool turned = fabs(b->plain.m[0]) < fabs(b->plain.m[1]);
    const double edges[2] = {fmax(distance(q, q + 2), distance(q + 6, q + 4)),
        fmax(distance(q, q + 6), distance(q + 2, q + 4))};
    for (int i = 0; i < 2; i++) {
        raster[i] = b->has_quad ? fmin(edges[i] * how->scale[i], QUAD_SIDE_MAX)
                                : b->size[i] * how->scale[turned ? !i : i];
        raster[i] = fmax(1, raster[i]);
    }
}

/* `canvas`: pixels of the composite that are shown. */
static void forecast_layer(const si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const shown *how, double canvas, si_forecast *f) {
    const si_layer *l = s->layer;
    const si_layer_box *b = &s->box;
    double visible = 1, raster[2], scale = sqrt(area_of(how->scale));
    for (int i = 0; i < 2; i++) {
        double low = fmax(0, b->at[i] - scene->cut[i]);
        double high = fmin(scene->canvas[i], (double)b->at[i] - scene->cut[i] + b->rect[i]);
        visible *= fmax(0, high - low);
    }
    if (l->hide || visible <= 0) {
        return;
    }
    double seen = b->has_quad ? 1 : how->share * visible / ((double)b->rect[0] * b->rect[1]);
    double drawn = visible * area_of(how->scale) * how->share;
    raster_of(s, how, raster);
    double pixels = area_of(raster) * seen;
    forecast_content(rc, s, raster, seen, f);
    si_forecast_grow(f, PLANE * pixels, l->adjustments.ops.grow_mask * scale);
    forecast_ops(&l->adjustments.ops, pixels, scale, f);
    for (const si_clip *c = s->clips; c != NULL; c = c->next) {
        add(f, SI_STAGE_LAYERS, pixels, CLIP_NS);
    }
    if (b->has_quad || fmod(l->rotate, 90) != 0) {
        bool super = b->has_quad && l->perspective.mode == SI_PERSPECTIVE_SUPER;
        add(f, SI_STAGE_WARP, drawn, super ? PERSPECTIVE_NS : TURN_NS);
    }
    forecast_effects(&l->adjustments, si_scene_layer_is_solid(s), canvas, scale, f);
    add(f, SI_STAGE_LAYERS, drawn, BLEND_NS);
}

/* ---- pictures ---- */

static void forecast_view(const si_view *v, double pixels, si_forecast *f) {
    si_forecast_blur(f, pixels, v->sharpen ? 1 : 0);
    si_forecast_blur(f, v->usm.amount > 0 ? pixels : 0, v->usm.radius);
}

static void forecast_mark(
    const si_render_context *rc, const si_scene *scene, const shown *how, si_forecast *f) {
    shown mark = {.share = how->share};
    for (int i = 0; i < 2; i++) {
        mark.scale[i] = how->scale[i] * scene->mark_box[2 + i] / scene->mark->canvas[i];
    }
    forecast_picture(rc, scene->mark, &mark, f);
}

static void forecast_picture(
    const si_render_context *rc, const si_scene *scene, const shown *how, si_forecast *f) {
    const si_adjustments *comp = &scene->picture->comp;
    double scale = sqrt(area_of(how->scale));
    double canvas = (double)scene->canvas[0] * scene->canvas[1] * area_of(how->scale) * how->share;
    si_forecast all = {0};
    for (int i = 0; i < scene->picture->layer_count; i++) {
        forecast_layer(rc, scene, &scene->layers[i], how, canvas, &all);
    }
    if (needs_median(&comp->ops)) {
        all.ns[SI_STAGE_DECODE] *= 2;
    }
    forecast_ops(&comp->ops, canvas, scale, &all);
    forecast_effects(comp, si_scene_is_opaque(scene), canvas, scale, &all);
    if (scene->mark != NULL) {
        forecast_mark(rc, scene, how, &all);
    }
    forecast_view(&scene->picture->view, canvas, &all);
    all.bytes += 4 * canvas; /* below each layer in turn */
    si_forecast_add(f, &all, 1);
}

si_result si_foresee_scene(
    const si_render_context *rc, const si_scene *scene, const si_geometry *g, si_diag *diag) {
    shown how = {.share = 1};
    si_forecast f = {0};
    for (int i = 0; i < 2; i++) {
        const double *content = g->out_content, *view = g->out_view;
        double low = fmax(fmax(0, content[i]), view[i]);
        double high = fmin(fmin(content[i] + content[2 + i], view[i] + view[2 + i]), g->out[i]);
        how.scale[i] = content[2 + i] / scene->canvas[i];
        how.share *= fmin(1, fmax(0, high - low) / fmax(1, content[2 + i]));
    }
    forecast_picture(rc, scene, &how, &f);
    f.bytes += 4 * (double)g->out[0] * g->out[1];
    return si_forecast_check(&f, &rc->limits, diag);
}
