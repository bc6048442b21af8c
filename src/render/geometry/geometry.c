/* Layers in the composite (docs/protocol.md, Geometry of layers). */
#include "render/geometry/geometry.h"

#include <math.h>

/* Sizes and offsets are kept as int; anything beyond is refused, not wrapped. */
static const double MAX_COORDINATE = 1 << 30;

double si_round(double v) {
    return floor(v + 0.5);
}

int si_pixel(double v) {
    const double most = 1 << 29;
    return (int)fmin(fmax(si_round(v), -most), most);
}

/* Rounding: half up, at least one pixel. */
static double size_of(double v) {
    return fmax(1, si_round(v));
}

static si_result to_int(double v, int *out, si_diag *diag) {
    if (!(fabs(v) <= MAX_COORDINATE)) {
        return si_fail(diag, SI_ERR_LIMIT, "a layer is too large, or too far away");
    }
    *out = (int)v;
    return SI_OK;
}

/* ---- maps ---- */

si_map si_map_chain(const si_map *first, const si_map *second) {
    const double *a = first->m, *b = second->m;
    return (si_map){{b[0] * a[0] + b[1] * a[3], b[0] * a[1] + b[1] * a[4],
        b[0] * a[2] + b[1] * a[5] + b[2], b[3] * a[0] + b[4] * a[3], b[3] * a[1] + b[4] * a[4],
        b[3] * a[2] + b[4] * a[5] + b[5]}};
}

void si_map_point(const si_map *map, double x, double y, double out[2]) {
    const double *m = map->m;
    out[0] = m[0] * x + m[1] * y + m[2];
    out[1] = m[3] * x + m[4] * y + m[5];
}

bool si_map_invert(const si_map *map, si_map *out) {
    const double *m = map->m;
    double d = m[0] * m[4] - m[1] * m[3];
    if (!(fabs(d) > 1e-12)) {
        return false;
    }
    *out = (si_map){{m[4] / d, -m[1] / d, (m[1] * m[5] - m[4] * m[2]) / d, -m[3] / d, m[0] / d,
        (m[3] * m[2] - m[0] * m[5]) / d}};
    return true;
}

void si_map_box(const si_map *map, const double box[4], double out[4]) {
    for (int i = 0; i < 4; i++) {
        double p[2];
        si_map_point(map, box[i & 1 ? 2 : 0], box[i & 2 ? 3 : 1], p);
        for (int k = 0; k < 2; k++) {
            out[k] = i == 0 ? p[k] : fmin(out[k], p[k]);
            out[2 + k] = i == 0 ? p[k] : fmax(out[2 + k], p[k]);
        }
    }
}

/* ---- crop and size ---- */

/* A layer on its way. */
typedef struct way {
    const si_layer *l;
    const si_content *content;
    const si_view *view;
    const si_layer_box *canvas;
    double part[4]; /* of the content, its pixels */
    double crop[4];
    double size[2];   /* of the plain rectangle */
    double fill[4];   /* margins with which a thumbnail fills its target */
    bool self_sizing; /* to its path or its text */
    double anchor[2]; /* in the rectangle reached so far */
    bool anchored;    /* it is more than the middle */
    double rect[2];   /* that rectangle */
} way;

void si_geometry_size(const si_layer *l, const si_layer_box *canvas, double size[2]) {
    for (int i = 0; i < 2; i++) {
        size[i] = l->size[i];
        if (l->size_n[i] > 0 && canvas != NULL) {
            size[i] = l->size_n[i] * canvas->rect[i];
        }
    }
}

/* The part of the content that the layer shows; a crop without area is all of it
 * (docs/decisions.md, P7). */
static si_result crop_of(way *w, si_diag *diag) {
    const si_layer *l = w->l;
    for (int i = 0; i < 2; i++) {
        double all = i == 0 ? w->content->width : w->content->height;
        bool part = w->content->part[2] > 0 && w->content->part[3] > 0;
        w->part[i] = part ? w->content->part[i] : 0;
        w->part[2 + i] = part ? w->content->part[2 + i] : all;
    }
    for (int i = 0; i < 4; i++) {
        w->crop[i] = w->part[i];
    }
    if (l->crop_unit == SI_UNIT_NONE || l->crop[2] == 0 || l->crop[3] == 0) {
        return SI_OK;
    }
    for (int i = 0; i < 4; i++) {
        double unit = l->crop_unit == SI_UNIT_NORMALIZED ? w->part[2 + (i & 1)] : 1;
        w->crop[i] = si_round(l->crop[i] * unit);
        if (!(fabs(w->crop[i]) <= MAX_COORDINATE)) {
            return si_fail(diag, SI_ERR_RANGE, "crop reaches too far");
        }
    }
    if (l->crop[2] < 0 || l->crop[3] < 0) {
        return si_fail(diag, SI_ERR_RANGE, "crop has a negative size");
    }
    for (int i = 0; i < 2; i++) {
        w->crop[i] += w->part[i];
        w->crop[2 + i] = fmax(1, w->crop[2 + i]);
    }
    return SI_OK;
}

/* size=w,h: fits inside, aspect kept, enlarges too (P16); the governing side is exact. */
static void fit_inside(const double size[2], way *w) {
    const double *c = w->crop + 2;
    double sx = size[0] > 0 ? size[0] / c[0] : INFINITY;
    double sy = size[1] > 0 ? size[1] / c[1] : INFINITY;
    w->size[0] = sx <= sy ? size_of(size[0]) : size_of(c[0] * sy);
    w->size[1] = sy <= sx ? size_of(size[1]) : size_of(c[1] * sx);
}

/* The layer step of thumbnails: the layer is as large as its target, and what of it shows is
 * cut or filled there. */
static void thumb_size(const double target[2], way *w) {
    double f[2] = {target[0] / w->crop[2], target[1] / w->crop[3]};
    double s = w->view->thumb == SI_THUMB_CROP  ? fmax(f[0], f[1])
               : w->view->thumb == SI_THUMB_FIT ? fmin(f[0], f[1])
                                                : w->view->thumb_scale;
    for (int i = 0; i < 2; i++) {
        double scaled = size_of(w->crop[2 + i] * s);
        double offset = floor((target[i] - scaled) * (1 + w->view->align[i]) / 2);
        if (scaled > target[i]) {
            double k = w->crop[2 + i] / scaled;
            w->size[i] = target[i];
            w->crop[i] -= offset * k;
            w->crop[2 + i] = target[i] * k;
        } else {
            w->size[i] = scaled;
            w->fill[i] = offset;
            w->fill[2 + i] = target[i] - scaled - offset;
        }
    }
}

/* Layers with pixels of their own: images, and solid layers with a mask. */
static void image_size(way *w) {
    const si_layer *l = w->l;
    const si_view *v = w->view;
    double size[2];
    si_geometry_size(l, w->canvas, size);
    bool given = size[0] > 0 || size[1] > 0;
    if (v->thumb != SI_THUMB_NONE && v->wid > 0 && v->hei > 0 && (given || l->scale <= 0)) {
        double whole[2] = {w->canvas != NULL ? w->canvas->rect[0] : v->wid,
            w->canvas != NULL ? w->canvas->rect[1] : v->hei};
        for (int i = 0; i < 2 && given; i++) {
            int other = !i;
            whole[i] = size[i] > 0 ? size_of(size[i])
                                   : size_of(w->crop[2 + i] * size[other] / w->crop[2 + other]);
        }
        thumb_size(whole, w);
    } else if (given) {
        fit_inside(size, w);
    } else {
        double s = l->scale > 0 ? l->scale : 1;
        w->size[0] = size_of(w->crop[2] * s);
        w->size[1] = size_of(w->crop[3] * s);
    }
}

/* Text and colours: the box they are given, the path's, or the text's own. */
static si_result drawn_size(way *w, si_layer_box *out, si_diag *diag) {
    const si_layer *l = w->l;
    double size[2];
    si_geometry_size(l, w->canvas, size);
    bool text = l->kind == SI_LAYER_TEXT;
    if (size[0] > 0 && (text || size[1] > 0)) {
        w->size[0] = size_of(size[0]);
        w->size[1] = size[1] > 0 ? size_of(size[1]) : size_of(w->content->height);
        w->self_sizing = false;
        return SI_OK;
    }
    w->self_sizing = true;
    if (w->content->has_path) {
        const double *p = w->content->path;
        for (int i = 0; i < 2; i++) {
            out->path_at[i] = floor(p[i]);
            w->size[i] = fmax(1, ceil(p[2 + i]) - floor(p[i]));
        }
        if (!text && (l->scale > 0 || l->rotate != 0 || l->anchor.unit != SI_UNIT_NONE)) {
            return si_fail(diag, SI_ERR_RANGE,
                "layer %d takes its size from a path: it has no scale, rotate or anchor",
                l->number);
        }
        return SI_OK;
    }
    if (text) {
        w->size[0] = size_of(w->content->width);
        w->size[1] = size_of(w->content->height);
        return SI_OK;
    }
    return si_fail(diag, SI_ERR_RANGE, "colour layer %d needs size, mask or clipPath", l->number);
}

static si_result plain_rectangle(way *w, si_layer_box *out, si_diag *diag) {
    const si_content *c = w->content;
    if (w->l->kind == SI_LAYER_TEXT || (w->l->kind == SI_LAYER_SOLID && c->width <= 0)) {
        si_result result = drawn_size(w, out, diag);
        for (int i = 0; i < 2 && result == SI_OK; i++) {
            w->part[2 + i] = w->crop[2 + i] = w->size[i];
        }
        return result;
    }
    if (!(c->width >= 1 && c->height >= 1)) {
        return si_fail(diag, SI_ERR_RANGE, "the source image is empty");
    }
    si_result result = crop_of(w, diag);
    if (result == SI_OK) {
        image_size(w);
    }
    return result;
}

/* ---- anchor, rotate, extend, origin ---- */

/* The anchor in the plain rectangle, after flip. Without one: what self-sizing layers are drawn
 * around, else the middle of what shows. */
static void anchor_of(way *w, const double path_at[2]) {
    const si_point *a = &w->l->anchor;
    const si_content *c = w->content;
    w->anchored = a->unit != SI_UNIT_NONE || (w->self_sizing && (c->has_path || c->has_origin));
    for (int i = 0; i < 2; i++) {
        double v = w->crop[i] + w->crop[2 + i] / 2;
        if (w->self_sizing && c->has_path) {
            v = -path_at[i];
        } else if (w->self_sizing && c->has_origin) {
            v = c->origin[i];
        }
        if (a->unit == SI_UNIT_PIXELS) {
            v = w->part[i] + a->v[i];
        } else if (a->unit == SI_UNIT_NORMALIZED) {
            v = w->part[i] + w->part[2 + i] * (0.5 + a->v[i]);
        }
        v = (v - w->crop[i]) * (w->size[i] / w->crop[2 + i]);
        w->anchor[i] =
            w->l->adjustments.flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD) ? w->size[i] - v : v;
        w->rect[i] = w->size[i];
    }
}

/* Sizes rounded up but for noise (tolerance 1e-6). */
static double size_up(double v) {
    return fmax(1, ceil(v - 1e-6));
}

/* Turns the rectangle reached so far about its middle; `m` becomes the map into the turned one. */
static void rotate(way *w, si_map *m) {
    double degrees = w->l->rotate, a = degrees * M_PI / 180, c = cos(a), s = sin(a);
    *m = SI_MAP_IDENTITY;
    if (degrees == 0) {
        return;
    }
    if (fmod(degrees, 90) == 0) {
        c = si_round(c);
        s = si_round(s);
    }
    double width = w->rect[0], height = w->rect[1];
    w->rect[0] = size_up(width * fabs(c) + height * fabs(s));
    w->rect[1] = size_up(width * fabs(s) + height * fabs(c));
    *m = (si_map){{c, -s, w->rect[0] / 2 - width / 2 * c + height / 2 * s, s, c,
        w->rect[1] / 2 - width / 2 * s - height / 2 * c}};
    si_map_point(m, w->anchor[0], w->anchor[1], w->anchor);
}

static si_result extend(way *w, si_layer_box *out, si_diag *diag) {
    const si_layer *l = w->l;
    double margin[4];
    for (int i = 0; i < 4; i++) {
        double unit = l->extend_unit == SI_UNIT_NORMALIZED ? w->rect[i & 1] : 1;
        margin[i] = w->fill[i] + si_round(l->extend_unit == SI_UNIT_NONE ? 0 : l->extend[i] * unit);
        SI_TRY(to_int(margin[i], &out->extend[i], diag));
    }
    for (int i = 0; i < 2; i++) {
        w->rect[i] += margin[i] + margin[2 + i];
        w->anchor[i] += margin[i];
        if (w->rect[i] < 1) {
            return si_fail(diag, SI_ERR_RANGE, "extend leaves nothing of layer %d", l->number);
        }
    }
    return SI_OK;
}

static void origin_of(const way *w, double origin[2]) {
    const si_point *o = &w->l->origin;
    for (int i = 0; i < 2; i++) {
        if (o->unit == SI_UNIT_PIXELS) {
            origin[i] = o->v[i];
        } else if (o->unit == SI_UNIT_NORMALIZED) {
            origin[i] = w->rect[i] * (0.5 + o->v[i]);
        } else if (w->anchored) {
            origin[i] = w->anchor[i];
        } else {
            origin[i] = w->rect[i] / 2;
        }
    }
}

/* ---- place ---- */

/* perspective=: replaces rotate and extend (P37); the canvas stays what size= made it. */
static void quad_of(way *w, si_layer_box *out) {
    const si_perspective *p = &w->l->perspective;
    out->has_quad = true;
    for (int i = 0; i < 2; i++) {
        double whole = w->canvas != NULL ? w->canvas->rect[i] : w->size[i];
        double shift = 0;
        const si_point *pos = &w->l->pos;
        if (w->canvas != NULL && pos->unit != SI_UNIT_NONE) {
            shift = pos->unit == SI_UNIT_NORMALIZED ? pos->v[i] * whole : pos->v[i];
        }
        out->turned[i] = out->rect[i] = (int)whole;
        out->origin[i] = whole / 2;
        out->at[i] = 0;
        out->exact[i] = whole;
        for (int k = 0; k < 4; k++) {
            out->quad[2 * k + i] = p->v[2 * k + i] * (p->normalized ? whole : 1) + shift;
        }
    }
}

static si_result place(const way *w, si_layer_box *out, si_diag *diag) {
    const si_point *pos = &w->l->pos;
    for (int i = 0; i < 2; i++) {
        double at = 0;
        if (w->canvas != NULL) {
            double shift = pos->unit == SI_UNIT_NONE         ? 0
                           : pos->unit == SI_UNIT_NORMALIZED ? pos->v[i] * w->canvas->rect[i]
                                                             : pos->v[i];
            at = si_round(w->canvas->origin[i] + shift - out->origin[i]);
        }
        SI_TRY(to_int(at, &out->at[i], diag));
    }
    return SI_OK;
}

/* Layers that show a drawing just as it is have its size before rounding. */
static void exact_size(const way *w, si_layer_box *out) {
    const si_content *c = w->content;
    bool as_it_is = c->exact[0] > 0 && c->exact[1] > 0;
    for (int i = 0; i < 2; i++) {
        double all = i == 0 ? c->width : c->height;
        as_it_is &= w->crop[i] == 0 && w->crop[2 + i] == all && w->size[i] == all &&
                    out->rect[i] == (int)all && out->extend[i] == 0;
    }
    for (int i = 0; i < 2; i++) {
        out->exact[i] = as_it_is ? c->exact[i] : out->rect[i];
    }
}

/* Content → plain rectangle: crop, scale, flip. */
static si_map content_map(const way *w) {
    si_map m = SI_MAP_IDENTITY;
    for (int i = 0; i < 2; i++) {
        double s = w->size[i] / w->crop[2 + i];
        bool flip = (w->l->adjustments.flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) != 0;
        m.m[i * 4] = flip ? -s : s;
        m.m[i * 3 + 2] = flip ? w->size[i] + w->crop[i] * s : -w->crop[i] * s;
    }
    return m;
}

si_result si_geometry_layer(const si_layer *l, const si_content *content, const si_view *view,
    const si_layer_box *canvas, si_layer_box *out, si_diag *diag) {
    way w = {.l = l, .content = content, .view = view, .canvas = canvas};
    si_map turn;
    *out = (si_layer_box){0};
    si_result result = plain_rectangle(&w, out, diag);
    for (int i = 0; i < 2 && result == SI_OK; i++) {
        result = to_int(w.size[i], &out->size[i], diag);
        out->crop[i] = w.crop[i];
        out->crop[2 + i] = w.crop[2 + i];
    }
    SI_TRY(result);
    anchor_of(&w, out->path_at);
    out->fit = content_map(&w);
    if (l->perspective.mode != SI_PERSPECTIVE_NONE) {
        quad_of(&w, out);
        return SI_OK;
    }
    rotate(&w, &turn);
    out->turned[0] = (int)fmin(w.rect[0], MAX_COORDINATE);
    out->turned[1] = (int)fmin(w.rect[1], MAX_COORDINATE);
    result = extend(&w, out, diag);
    for (int i = 0; i < 2 && result == SI_OK; i++) {
        result = to_int(w.rect[i], &out->rect[i], diag);
    }
    if (result == SI_OK) {
        exact_size(&w, out);
        origin_of(&w, out->origin);
        result = place(&w, out, diag);
    }
    if (result == SI_OK) {
        si_map shift = {{1, 0, out->extend[0] + out->at[0], 0, 1, out->extend[1] + out->at[1]}};
        out->plain = si_map_chain(&turn, &shift);
    }
    return result;
}
