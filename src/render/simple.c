#include "render/simple.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "render/pixel/filters.h"
#include "render/geometry/geometry.h"
#include "render/read/original.h"
#include "render/scene/foresee.h"
#include "render/target.h"
#include "render/read/window.h"

/* ---- what of the composite is needed ---- */

/* A run of pixels of the scaled composite, on one displayed axis. */
typedef struct span {
    double skip;       /* from the composite's edge to the first pixel to be computed, … */
    int count;         /* … and how many these are */
    int before, shown; /* of these, shown in the reply: after `before`, `shown` pixels */
    int at;            /* where they go in the reply */
} span;

/* The part of the content that is shown, and `reach` more on both sides for the filters. */
static span span_of(const si_geometry *g, int axis, int reach) {
    double start = si_round(g->out_content[axis]);
    double end = fmax(start + 1, si_round(g->out_content[axis] + g->out_content[2 + axis]));
    double low = fmax(0, fmax(start, g->out_view[axis]));
    double high = fmin(fmin(end, g->out[axis]), g->out_view[axis] + g->out_view[2 + axis]);
    if (high <= low) {
        return (span){0};
    }
    double first = fmax(start, low - reach), last = fmin(end, high + reach);
    return (span){.skip = first - g->out_content[axis],
        .count = (int)(last - first),
        .before = (int)(low - first),
        .shown = (int)(high - low),
        .at = (int)low};
}

/* op_sharpen of layer 0 as an unsharp mask: the mean of four neighbours is a blur of this σ. */
static const double SHARPEN_SIGMA = 0.70710678;

/* What the request is about, solved. */
typedef struct job {
    const si_layer *layer;
    const si_view *view;
    si_layer_box box;
    si_geometry g;
    double scale; /* from composite to reply, as one number for filter radii */
} job;

static double layer_radius(const job *j) {
    const si_usm *usm = &j->layer->adjustments.ops.usm;
    return usm->raw ? usm->radius : usm->radius * j->scale;
}

static int filter_reach(const job *j) {
    const si_ops *ops = &j->layer->adjustments.ops;
    const si_usm *usm = &j->view->usm;
    return (ops->sharpen ? si_filter_usm_reach(2, SHARPEN_SIGMA * j->scale) + 1 : 0) +
           si_filter_usm_reach(ops->usm.amount, layer_radius(j)) +
           (j->view->sharpen ? SI_FILTER_SHARPEN_REACH : 0) +
           si_filter_usm_reach(usm->amount, usm->radius);
}

/* Filters of layer 0 run at the reply's resolution with their radius scaled along
 * (docs/decisions.md, P19). */
static si_result filter(const job *j, si_image *im, si_diag *diag) {
    const si_ops *ops = &j->layer->adjustments.ops;
    const si_usm *l = &ops->usm, *u = &j->view->usm;
    si_result result = SI_OK;
    if (ops->sharpen) {
        result = j->scale == 1 ? si_filter_sharpen(im, diag)
                               : si_filter_usm(im, 2, SHARPEN_SIGMA * j->scale, 0, false, diag);
    }
    if (result == SI_OK) {
        result = si_filter_usm(im, l->amount, layer_radius(j), l->threshold, l->mono, diag);
    }
    if (result == SI_OK && j->view->sharpen) {
        result = si_filter_sharpen(im, diag);
    }
    if (result == SI_OK) {
        result = si_filter_usm(im, u->amount, u->radius, u->threshold, u->mono, diag);
    }
    return result;
}

/* ---- the scaled composite ---- */

static si_result composite(
    const job *j, si_original *o, const span s[2], si_image *out, si_diag *diag) {
    si_window_axis axes[2];
    for (int i = 0; i < 2; i++) {
        axes[i] = (si_window_axis){.from = j->box.crop[i],
            .to = j->box.crop[i] + j->box.crop[2 + i],
            .content = j->g.out_content[2 + i],
            .skip = s[i].skip,
            .count = s[i].count};
    }
    si_result result = si_window_read(o, axes, j->view->resmode, false, out, diag);
    return result == SI_OK ? filter(j, out, diag) : result;
}

/* ---- the reply ---- */

static void fill(si_image *im, const uint8_t pixel[4]) {
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels) {
            memcpy(p, pixel, (size_t)im->channels);
        }
    }
}

static void put_pixel(const uint8_t *p, int from, uint8_t *q, int to, const uint8_t background[4]) {
    if (to == 4) {
        memcpy(q, p, 3);
        q[3] = from == 4 ? p[3] : 255; /* alpha, or black ink */
        return;
    }
    for (int c = 0; c < 3; c++) {
        unsigned v = p[c] * p[3] + background[c] * (255u - p[3]) + 127;
        q[c] = (uint8_t)(v / 255);
    }
}

/* Copies the shown part of `part` into the reply, flattened on `background` if that has no alpha.
 */
static void put(const si_image *part, const span s[2], si_image *out, const uint8_t background[4]) {
    for (int y = 0; y < s[1].shown; y++) {
        const uint8_t *p = part->pixels + (size_t)(s[1].before + y) * part->stride +
                           (size_t)s[0].before * (size_t)part->channels;
        uint8_t *q = out->pixels + (size_t)(s[1].at + y) * out->stride +
                     (size_t)s[0].at * (size_t)out->channels;
        if (part->channels == 3 && out->channels == 3) {
            memcpy(q, p, 3 * (size_t)s[0].shown);
            continue;
        }
        for (int x = 0; x < s[0].shown; x++, p += part->channels, q += out->channels) {
            put_pixel(p, part->channels, q, out->channels, background);
        }
    }
}

static bool is_whole(const si_image *part, const span s[2], const si_geometry *g, int channels) {
    return part->channels == channels && s[0].shown == g->out[0] && s[1].shown == g->out[1] &&
           s[0].count == s[0].shown && s[1].count == s[1].shown;
}

static si_result compose(const si_recipe *r, const si_geometry *g, const span s[2], si_image *part,
    si_image *out, si_diag *diag) {
    bool inks = part->cmyk;
    int channels = r->alpha || inks ? 4 : 3;
    if (part->pixels != NULL && is_whole(part, s, g, channels)) {
        *out = *part;
        *part = (si_image){0};
        return SI_OK;
    }
    uint8_t bgc[4] = {(uint8_t)(r->bgc >> 16), (uint8_t)(r->bgc >> 8), (uint8_t)r->bgc, 255};
    if (inks) {
        si_target_naive_cmyk(bgc, bgc);
    }
    SI_TRY(si_image_alloc(out, g->out[0], g->out[1], channels, diag));
    out->cmyk = inks;
    if (!r->alpha) { /* with alpha, padding stays transparent (docs/decisions.md, P13) */
        fill(out, bgc);
    }
    if (part->pixels != NULL) {
        put(part, s, out, bgc);
    }
    return SI_OK;
}

static si_result solve(const si_recipe *r, const si_original *o, const si_render_limits *limits,
    job *j, si_diag *diag) {
    int64_t most = si_render_limits_or_default(limits).max_view_pixels;
    si_content content = {.width = o->swap ? o->height : o->width,
        .height = o->swap ? o->width : o->height,
        .exact = {o->exact[o->swap ? 1 : 0], o->exact[o->swap ? 0 : 1]}};
    *j = (job){.layer = &r->picture.layers[0], .view = &r->picture.view};
    SI_TRY(si_geometry_layer(j->layer, &content, j->view, NULL, &j->box, diag));
    double detail[2] = {j->box.size[0] / j->box.crop[2], j->box.size[1] / j->box.crop[3]};
    SI_TRY(si_geometry_view(
        j->view, j->box.exact, r->dpr_held ? detail : si_detail_endless, r->dpr, &j->g, diag));
    const si_geometry *g = &j->g;
    if ((int64_t)g->out[0] * g->out[1] > most) {
        return si_fail(diag, SI_ERR_LIMIT, "reply of %d×%d pixels exceeds the limit of %lld pixels",
            g->out[0], g->out[1], (long long)most);
    }
    j->scale = sqrt(g->out_content[2] / j->box.rect[0] * (g->out_content[3] / j->box.rect[1]));
    return SI_OK;
}

/* `s` is what of the composite is rendered. */
static void forecast(const job *j, const si_original *o, const span s[2], si_forecast *f) {
    const si_ops *ops = &j->layer->adjustments.ops;
    double content[2] = {j->g.out_content[2], j->g.out_content[3]}, share = 1;
    double pixels = (double)s[0].count * s[1].count, shown = (double)s[0].shown * s[1].shown;
    for (int i = 0; i < 2; i++) {
        share *= fmin(1, s[i].shown / fmax(1, content[i]));
    }
    share *= fmin(1, j->box.crop[2] * j->box.crop[3] / ((double)o->width * o->height));
    si_forecast_original(f, o->kind, (double)o->width * o->height, share, shown);
    si_forecast_octaves(f, o->octaves, shown);
    si_forecast_blur(f, ops->sharpen ? pixels : 0, 1);
    si_forecast_blur(f, ops->usm.amount > 0 ? pixels : 0, layer_radius(j));
    si_forecast_blur(f, j->view->sharpen ? pixels : 0, 1);
    si_forecast_blur(f, j->view->usm.amount > 0 ? pixels : 0, j->view->usm.radius);
}

static si_result foresee(const si_recipe *r, const job *j, const si_original *o, int frames,
    const si_render_limits *limits, si_diag *diag) {
    const si_render_limits l = si_render_limits_or_default(limits);
    const double all = (double)frames * j->g.out[0] * j->g.out[1];
    int reach = filter_reach(j);
    const span s[2] = {span_of(&j->g, 0, reach), span_of(&j->g, 1, reach)};
    si_forecast one = {0}, f = {0};
    if (all > (double)l.max_view_pixels) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the reply's %d frames of %d×%d pixels exceed the limit of %lld pixels", frames,
            j->g.out[0], j->g.out[1], (long long)l.max_view_pixels);
    }
    forecast(j, o, s, &one);
    si_forecast_add(&f, &one, frames);
    if (frames > 1) {
        si_forecast_frames(&f, r->format, all);
    }
    return si_forecast_check(&f, &l, diag);
}

si_result si_simple_foresee(const si_recipe *r, const si_original *o, int frames,
    const si_render_limits *limits, si_diag *diag) {
    job j;
    SI_TRY(solve(r, o, limits, &j, diag));
    return foresee(r, &j, o, frames, limits, diag);
}

si_result si_simple_render_original(const si_recipe *r, si_original *o,
    const si_render_limits *limits, si_image *out, si_diag *diag) {
    job j;
    si_image part = {0};
    SI_TRY(solve(r, o, limits, &j, diag));
    SI_TRY(foresee(r, &j, o, 1, limits, diag));
    si_result result = SI_OK;
    int reach = filter_reach(&j);
    const span s[2] = {span_of(&j.g, 0, reach), span_of(&j.g, 1, reach)};
    if (s[0].shown > 0 && s[1].shown > 0) {
        result = composite(&j, o, s, &part, diag);
    }
    if (result == SI_OK) {
        result = compose(r, &j.g, s, &part, out, diag);
    }
    si_image_free(&part);
    return result;
}

/* Opens layer 0's file; the caller closes `o` and then *fd. */
static si_result open_base(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_original *o, int *fd, si_diag *diag) {
    si_result result = si_files_open(files, &r->picture.layers[0].source, fd, diag);
    return result == SI_OK ? si_original_open(o, *fd, limits, diag) : result;
}

static void close_base(si_original *o, int fd) {
    si_original_close(o);
    if (fd >= 0) {
        close(fd);
    }
}

si_result si_simple_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag) {
    si_original o = {0};
    int fd;
    si_result result = open_base(r, files, limits, &o, &fd, diag);
    if (result == SI_OK) {
        result = si_simple_render_original(r, &o, limits, out, diag);
    }
    close_base(&o, fd);
    return result;
}

/* From stored to reply on one displayed axis: weights of x and y, and the offset. */
static void map_axis(const si_original *o, const job *j, int axis, double m[3]) {
    const int full[2] = {o->swap ? o->height : o->width, o->swap ? o->width : o->height};
    double scale = full[axis] / j->box.crop[2 + axis] * j->g.out_content[2 + axis] / j->g.out[axis];
    double shift = (j->g.out_content[axis] -
                       j->box.crop[axis] / j->box.crop[2 + axis] * j->g.out_content[2 + axis]) /
                   j->g.out[axis];
    double sign = o->flip[axis] ? -1 : 1;
    m[axis ^ (int)o->swap] = sign * scale;
    m[!axis ^ (int)o->swap] = 0;
    m[2] = shift + (o->flip[axis] ? scale : 0);
}

si_result si_simple_map(const si_recipe *r, const si_files *files, const si_render_limits *limits,
    double m[6], si_diag *diag) {
    si_original o = {0};
    int fd;
    job j;
    si_result result = open_base(r, files, limits, &o, &fd, diag);
    if (result == SI_OK) {
        result = solve(r, &o, limits, &j, diag);
    }
    if (result == SI_OK) {
        map_axis(&o, &j, 0, m);
        map_axis(&o, &j, 1, m + 3);
    }
    close_base(&o, fd);
    return result;
}
