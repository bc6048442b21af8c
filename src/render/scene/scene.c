#include "render/scene/scene.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "render/read/metadata.h"
#include "render/read/photoshop_paths.h"
#include "render/pixel/smart_crop.h"
#include "render/read/window.h"

/* What is known of a file that was met. */
typedef struct si_known_size {
    const char *path;
    double width, height; /* displayed pixels */
    double exact[2];      /* the same of a drawing, before rounding; else 0, 0 */
    bool alpha;
    struct si_known_size *next;
} si_known_size;

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- files ---- */

si_result si_render_context_open(
    si_render_context *rc, const si_source *source, si_original *o, int *fd, si_diag *diag) {
    *o = (si_original){0};
    si_result code = si_files_open(rc->files, source, fd, diag);
    if (code != SI_OK) {
        return code;
    }
    code = si_original_open(o, *fd, &rc->limits, diag);
    if (code != SI_OK) {
        close(*fd);
        *fd = -1;
    }
    return code;
}

static const char *address(const si_source *s) {
    return s->kind == SI_SOURCE_URL ? s->url : s->file.path;
}

/* Size of a file or foreign image, from its header; asked for once each. */
static si_result look_at(
    si_render_context *rc, const si_source *s, const si_known_size **out, si_diag *diag) {
    for (const si_known_size *k = rc->known; k != NULL; k = k->next) {
        if (strcmp(k->path, address(s)) == 0) {
            *out = k;
            return SI_OK;
        }
    }
    si_original o;
    int fd;
    si_known_size *k = si_arena_alloc(rc->arena, sizeof *k);
    if (k == NULL) {
        return no_memory(diag);
    }
    si_result code = si_render_context_open(rc, s, &o, &fd, diag);
    if (code != SI_OK) {
        return code;
    }
    *k = (si_known_size){.path = address(s),
        .width = o.swap ? o.height : o.width,
        .height = o.swap ? o.width : o.height,
        .exact = {o.exact[o.swap ? 1 : 0], o.exact[o.swap ? 0 : 1]},
        .alpha = vips_image_hasalpha(o.image),
        .next = rc->known};
    rc->known = k;
    *out = k;
    si_original_close(&o);
    close(fd);
    return SI_OK;
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
    si_result code = si_scene_open(rc, picture, NULL, &scene, diag);
    if (code == SI_OK) {
        code = si_geometry_view(&picture->view, scene->exact, endless, 1, &g, diag);
    }
    if (code == SI_OK) {
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
    return code;
}

static si_result measure(si_render_context *rc, const si_source *s, const si_scene **nested,
    double size[2], double exact[2], bool *alpha, si_diag *diag) {
    if (s->kind == SI_SOURCE_NESTED) {
        si_result code = open_nested(rc, s->nested, nested, size, diag);
        *alpha = code != SI_OK || (*nested)->padded || !si_scene_is_opaque(*nested);
        return code;
    }
    const si_known_size *k = NULL;
    si_result code = look_at(rc, s, &k, diag);
    if (code == SI_OK) {
        size[0] = k->width;
        size[1] = k->height;
        memcpy(exact, k->exact, sizeof k->exact);
        *alpha = k->alpha;
    }
    return code;
}

/* ---- parts of sources ---- */

/* The source, small. */
static si_result read_small(si_original *o, const double size[2], si_image *out, si_diag *diag) {
    double scale = fmin(1, SI_SMART_CROP_SIDE / fmax(size[0], size[1]));
    si_window_axis axes[2];
    for (int i = 0; i < 2; i++) {
        int count = (int)fmax(1, si_round(size[i] * scale));
        axes[i] = (si_window_axis){.to = size[i], .content = count, .count = count};
    }
    return si_window_read(o, axes, SI_RESMODE_BILIN, false, out, diag);
}

/* Those that are set by hand count as the whole picture, which costs nothing, until they are known.
 */
static si_result find_parts(const si_render_context *rc, const si_source *const *crops, int count,
    const si_image *thumb, double source_ratio, double (*rects)[4], si_diag *diag) {
    double *ratios = si_arena_alloc(rc->arena, (size_t)count * sizeof *ratios);
    if (ratios == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    for (int i = 0; i < count; i++) {
        const si_source *s = crops[i];
        bool by_hand = s->crop_rect[2] > 0 && s->crop_rect[3] > 0;
        ratios[i] = by_hand ? source_ratio : (double)s->smart_crop[0] / s->smart_crop[1];
    }
    si_result code = si_smart_crops(thumb, source_ratio, count, ratios, rects, diag);
    for (int i = 0; i < count && code == SI_OK; i++) {
        if (crops[i]->crop_rect[2] > 0 && crops[i]->crop_rect[3] > 0) {
            memcpy(rects[i], crops[i]->crop_rect, sizeof rects[i]);
        }
    }
    return code;
}

si_result si_render_context_crops(si_render_context *rc, const si_source *const *crops, int count,
    double (*rects)[4], uint32_t *swatches, si_diag *diag) {
    si_original o;
    int fd;
    si_image thumb = {0};
    si_result code = si_render_context_open(rc, crops[0], &o, &fd, diag);
    if (code != SI_OK) {
        return code;
    }
    const double size[2] = {o.swap ? o.height : o.width, o.swap ? o.width : o.height};
    code = read_small(&o, size, &thumb, diag);
    if (code == SI_OK) {
        code = find_parts(rc, crops, count, &thumb, size[0] / size[1], rects, diag);
    }
    for (int i = 0; i < count && code == SI_OK && swatches != NULL; i++) {
        swatches[i] = si_smart_swatch(&thumb, rects[i]);
    }
    si_image_free(&thumb);
    si_original_close(&o);
    close(fd);
    return code;
}

/* The part of the source that a smart crop puts in its place. */
static si_result smart_part(si_render_context *rc, const si_source *s, const double size[2],
    double part[4], si_diag *diag) {
    double found[1][4], *rect = found[0];
    if (s->crop_rect[2] > 0 && s->crop_rect[3] > 0) {
        memcpy(rect, s->crop_rect, sizeof s->crop_rect);
    } else if (s->smart_crop[0] > 0 && s->smart_crop[1] > 0 && s->kind != SI_SOURCE_NESTED) {
        si_result code = si_render_context_crops(rc, &s, 1, found, NULL, diag);
        if (code != SI_OK) {
            return code;
        }
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

/* ---- paths ---- */

typedef bool (*use_path)(void *context, const si_path *path);

/* Calls `use` for every path of the comma-separated `names` that the file of `source` has. Names
 * that it has not are ignored. */
static si_result stored_paths(si_render_context *rc, const si_source *source, const char *names,
    use_path use, void *context, si_diag *diag) {
    if (names[0] == '\0' || (source->kind != SI_SOURCE_FILE && source->kind != SI_SOURCE_URL)) {
        return SI_OK;
    }
    int fd;
    si_result code = si_files_open(rc->files, source, &fd, diag);
    if (code != SI_OK) {
        return code;
    }
    si_metadata meta = {0};
    si_photoshop all = {0};
    code = si_metadata_read(fd, &rc->limits, &meta, diag);
    close(fd);
    if (code == SI_OK) {
        code = si_photoshop_read(meta.photoshop.data, meta.photoshop.len, rc->arena, &all, diag);
    }
    si_str rest = si_str_of(names), name;
    while (code == SI_OK && si_str_next(&rest, ',', &name)) {
        const si_photoshop_path *stored = si_photoshop_find(&all, name);
        if (stored != NULL && !use(context, &stored->path)) {
            code = no_memory(diag);
        }
    }
    si_metadata_free(&meta);
    return code;
}

/* Intersection of the boxes of paths, fractions of the image. */
typedef struct box_of_paths {
    bool any;
    double box[4]; /* x0, y0, x1, y1 */
} box_of_paths;

static bool add_box(void *context, const si_path *path) {
    box_of_paths *b = context;
    double box[4];
    if (!si_path_bounds(path, NULL, box)) {
        return true;
    }
    for (int i = 0; i < 4; i++) {
        b->box[i] = !b->any ? box[i] : i < 2 ? fmax(b->box[i], box[i]) : fmin(b->box[i], box[i]);
    }
    b->any = true;
    return true;
}

/* Knots have 24 bits behind the point, so whole pixels are only nearly whole. */
static double pixel_below(double v) {
    return floor(v + 1e-3);
}

static double pixel_above(double v) {
    return ceil(v - 1e-3);
}

/* cropPathE of a layer: cuts `part` (docs/decisions.md, P17: before crop). */
static si_result crop_path(
    si_render_context *rc, const si_layer *l, const double size[2], double part[4], si_diag *diag) {
    box_of_paths b = {0};
    si_result code = stored_paths(rc, &l->source, l->adjustments.crop_path, add_box, &b, diag);
    if (code != SI_OK || !b.any) {
        return code;
    }
    for (int i = 0; i < 2; i++) {
        double low = part[2] > 0 ? part[i] : 0, high = part[2] > 0 ? low + part[2 + i] : size[i];
        low = fmax(low, pixel_below(b.box[i] * size[i]));
        high = fmin(high, pixel_above(b.box[2 + i] * size[i]));
        part[i] = fmin(low, size[i] - 1);
        b.box[2 + i] = fmax(1, high - part[i]);
    }
    part[2] = b.box[2];
    part[3] = b.box[3];
    return SI_OK;
}

/* ---- clip paths ---- */

typedef struct clip_list {
    si_render_context *rc;
    const si_clip **first;
    si_affine map;
    bool outside;
} clip_list;

static bool add_clip(void *context, const si_path *path) {
    clip_list *l = context;
    si_clip *c = si_arena_alloc(l->rc->arena, sizeof *c);
    if (c == NULL) {
        return false;
    }
    *c = (si_clip){.path = *path, .map = l->map, .outside = l->outside, .next = *l->first};
    *l->first = c;
    return true;
}

static si_affine affine(const si_map *m) {
    return (si_affine){m->m[0], m->m[1], m->m[3], m->m[4], m->m[2], m->m[5]};
}

static si_result parse_clip(clip_list *l, const char *text, si_diag *diag) {
    si_path path;
    if (text[0] == '\0') {
        return SI_OK;
    }
    si_result code = si_path_parse(si_str_of(text), l->rc->arena, &path, diag);
    if (code == SI_OK && !add_clip(l, &path)) {
        code = no_memory(diag);
    }
    return code;
}

/* The four clip commands of the adjustments. Explicit paths begin at `at`; embedded ones are
 * fractions of `size` content pixels, which `fit` takes to where the clip is applied (NULL: there
 * are none). */
static si_result clips_of(si_render_context *rc, const si_adjustments *adjustments,
    const double at[2], const si_source *source, const double size[2], const si_map *fit,
    const si_clip **out, si_diag *diag) {
    clip_list l = {.rc = rc, .first = out, .map = SI_AFFINE_IDENTITY};
    l.map.x0 = -at[0];
    l.map.y0 = -at[1];
    si_result code = parse_clip(&l, adjustments->clip_path, diag);
    if (code == SI_OK && adjustments->clip_path[0] != '\0') {
        l.outside = true;
        code = parse_clip(&l, adjustments->clip_xpath, diag);
    }
    if (code != SI_OK || fit == NULL) {
        return code;
    }
    si_map whole = {{size[0], 0, 0, 0, size[1], 0}};
    si_map m = si_map_chain(&whole, fit);
    l.map = affine(&m);
    l.outside = false;
    code = stored_paths(rc, source, adjustments->clip_path_e, add_clip, &l, diag);
    if (code == SI_OK && *out != NULL) { /* without a clip there is nothing to take away from */
        l.outside = true;
        code = stored_paths(rc, source, adjustments->clip_xpath_e, add_clip, &l, diag);
    }
    return code;
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
    si_result code = SI_OK;
    if (masked && l->kind != SI_LAYER_TEXT) {
        code = measure(rc, &l->mask, &s->mask_source, s->mask, unused, &s->mask_alpha, diag);
    }
    if (code == SI_OK && l->kind == SI_LAYER_IMAGE) {
        code = measure(rc, &l->source, &s->source, s->content, c->exact, &s->alpha, diag);
        if (code == SI_OK) {
            code = smart_part(rc, &l->source, s->content, c->part, diag);
        }
        if (code == SI_OK && masked) {
            code = place_mask(rc, s, c->part, diag);
        }
        if (code == SI_OK) {
            code = crop_path(rc, l, s->content, c->part, diag);
        }
    } else if (code == SI_OK && l->kind == SI_LAYER_SOLID && masked) {
        code = place_mask(rc, s, c->part, diag);
        memcpy(s->content, s->mask_part + 2, sizeof s->content);
        memcpy(s->masked + 2, s->content, sizeof s->content);
    }
    c->width = s->content[0];
    c->height = s->content[1];
    if (code == SI_OK && l->kind != SI_LAYER_IMAGE && l->adjustments.clip_path[0] != '\0') {
        si_path path;
        code = si_path_parse(si_str_of(l->adjustments.clip_path), rc->arena, &path, diag);
        c->has_path = code == SI_OK && si_path_bounds(&path, NULL, c->path);
    }
    if (code == SI_OK && l->kind == SI_LAYER_TEXT) {
        double size[2];
        si_geometry_size(l, canvas, size);
        if (c->has_path && size[0] <= 0) { /* takes its size from the path */
            size[0] = fmax(1, ceil(c->path[2]) - floor(c->path[0]));
            size[1] = fmax(1, ceil(c->path[3]) - floor(c->path[1]));
        }
        code = si_scene_text(rc, s, size, c, diag);
    }
    return code;
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
    si_result code = content_of(rc, s, canvas, &c, diag);
    if (code == SI_OK) {
        code = si_geometry_layer(l, &c, view, canvas, &s->box, diag);
    }
    if (code == SI_OK) {
        code = clips_of(rc, &l->adjustments, s->box.path_at, &l->source, s->content,
            l->kind == SI_LAYER_IMAGE ? &s->box.fit : NULL, &s->clips, diag);
    }
    return code;
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
    box_of_paths b = {0};
    si_result code = SI_OK;
    for (int i = 0; i < 2; i++) {
        scene->canvas[i] = s->box.rect[i];
        scene->exact[i] = s->box.exact[i];
    }
    if (image) {
        code = stored_paths(rc, &s->layer->source, comp->crop_path, add_box, &b, diag);
    }
    if (code == SI_OK && b.any) {
        si_map whole = {{s->content[0], 0, 0, 0, s->content[1], 0}};
        si_map m = si_map_chain(&whole, &place);
        double box[4];
        si_map_box(&m, b.box, box);
        for (int i = 0; i < 2; i++) {
            double low = fmin(fmax(0, pixel_below(box[i])), scene->canvas[i] - 1);
            double high = fmin(pixel_above(box[2 + i]), scene->canvas[i]);
            scene->cut[i] = (int)low;
            scene->exact[i] = scene->canvas[i] = (int)fmax(1, high - low);
        }
    }
    si_map shift = {{1, 0, -scene->cut[0], 0, 1, -scene->cut[1]}};
    place = si_map_chain(&place, &shift);
    if (code == SI_OK) { /* embedded paths turn with a flipped composite */
        for (int i = 0; i < 2; i++) {
            if (comp->flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) {
                si_map mirror = SI_MAP_IDENTITY;
                mirror.m[4 * i] = -1;
                mirror.m[3 * i + 2] = scene->canvas[i];
                place = si_map_chain(&place, &mirror);
            }
        }
        static const double zero[2];
        code = clips_of(rc, comp, zero, &s->layer->source, s->content, image ? &place : NULL,
            &scene->clips, diag);
    }
    return code;
}

/* Where the watermark goes: scaled to its sizeN of the target, placed by its align. */
static si_result open_watermark(
    si_render_context *rc, si_scene *scene, const si_watermark *w, si_diag *diag) {
    si_scene *mark;
    si_result code = si_scene_open(rc, &w->picture, NULL, &mark, diag);
    if (code != SI_OK) {
        return code;
    }
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
    si_result code = SI_OK;
    rc->depth++;
    for (int i = 0; i < picture->layer_count && code == SI_OK; i++) {
        code = open_layer(rc, scene, i, &picture->view, diag);
        if (code == SI_OK) {
            add_detail(scene, &layers[i]);
            scene->radii |= has_radius(&picture->layers[i].adjustments);
        }
    }
    if (code == SI_OK) {
        code = open_composite(rc, scene, diag);
    }
    if (code == SI_OK && watermark != NULL) {
        code = open_watermark(rc, scene, watermark, diag);
    }
    rc->depth--;
    if (!isfinite(scene->detail[0])) {
        scene->detail[0] = scene->detail[1] = 1;
    }
    *out = scene;
    return code;
}
