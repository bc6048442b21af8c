#include "render/scene/layer_content.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "render/pixel/mask.h"
#include "render/pixel/warp.h"
#include "render/read/window.h"

/* Source pixels that a resampling kernel may look at beyond a window. */
static const double KERNEL_REACH = 4;

si_rect si_raster_box(const si_raster *raster, const int size[2]) {
    int from[2], length[2];
    for (int i = 0; i < 2; i++) {
        from[i] = si_pixel(raster->at[i]);
        length[i] = si_pixel(raster->at[i] + size[i] * raster->scale[i]) - from[i];
        length[i] = length[i] > 0 ? length[i] : 1;
    }
    return (si_rect){from[0], from[1], length[0], length[1]};
}

/* One axis of a window on the content of `s`. */
static si_window_axis axis_of(
    const si_scene_layer *s, const si_raster *raster, si_rect window, int i) {
    return (si_window_axis){.from = s->box.crop[i],
        .to = s->box.crop[i] + s->box.crop[2 + i],
        .content = s->box.size[i] * raster->scale[i],
        .skip = (i == 0 ? window.x : window.y) - raster->at[i],
        .count = i == 0 ? window.width : window.height,
        .mirror = (s->layer->adjustments.flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) != 0};
}

/* ---- nested pictures ---- */

/* The range of source pixels that an axis needs, kernel included: from, to, within 0 … size. */
static void needed(const si_window_axis *a, double size, double range[2]) {
    double ratio = (a->to - a->from) / a->content, reach = KERNEL_REACH * fmax(1, ratio);
    double first = a->from + a->skip * ratio, last = first + a->count * ratio;
    if (a->mirror) {
        first = a->to - (a->skip + a->count) * ratio;
        last = first + a->count * ratio;
    }
    range[0] = fmin(fmax(0, floor(first - reach)), size);
    range[1] = fmax(fmin(size, ceil(last + reach)), range[0]);
}

/* Renders the part of a nested picture that the window needs at about its resolution, then reads
 * the window from that. */
static si_result read_nested(si_render_context *rc, const si_scene *nested, const double size[2],
    si_window_axis axes[2], si_resmode mode, si_image *out, si_diag *diag) {
    si_geometry g;
    si_image part = {0};
    double scale = 0, low[2], length[2];
    for (int i = 0; i < 2; i++) {
        scale = fmax(scale, axes[i].content / (axes[i].to - axes[i].from));
    }
    SI_TRY(si_geometry_view(
        &nested->picture->view, nested->exact, si_detail_endless, scale, &g, diag));
    for (int i = 0; i < 2; i++) {
        double k = g.out[i] / size[i], range[2];
        needed(&axes[i], size[i], range);
        low[i] = floor(range[0] * k);
        length[i] = fmin(ceil(range[1] * k), g.out[i]) - low[i];
        axes[i].from = axes[i].from * k - low[i];
        axes[i].to = axes[i].to * k - low[i];
    }
    if (length[0] < 1 || length[1] < 1) {
        return si_image_alloc(out, axes[0].count, axes[1].count, 4, diag); /* beyond it */
    }
    si_result result = si_scene_render(rc, nested, &g,
        (si_rect){(int)low[0], (int)low[1], (int)length[0], (int)length[1]}, &part, diag);
    if (result == SI_OK) {
        result = si_window_of_image(&part, axes, mode, out, diag);
    }
    si_image_free(&part);
    return result;
}

/* ---- files ---- */

static si_result read_source(si_render_context *rc, const si_source *source, const si_scene *nested,
    const double size[2], si_window_axis axes[2], si_resmode mode, bool flat, si_image *out,
    si_diag *diag) {
    if (source->kind == SI_SOURCE_NESTED) {
        return read_nested(rc, nested, size, axes, mode, out, diag);
    }
    si_original o;
    int fd;
    SI_TRY(si_render_context_open(rc, source, &o, &fd, diag));
    si_result result = si_window_read(&o, axes, mode, flat, out, diag);
    si_original_close(&o);
    close(fd);
    return result;
}

/* ---- colours and text ---- */

static si_result fill(si_paint paint, si_rect window, si_image *out, si_diag *diag) {
    bool opaque = paint.alpha == 255;
    SI_TRY(si_image_alloc(out, window.width, window.height, opaque ? 3 : 4, diag));
    const uint8_t pixel[4] = {
        (uint8_t)(paint.rgb >> 16), (uint8_t)(paint.rgb >> 8), (uint8_t)paint.rgb, paint.alpha};
    for (int y = 0; y < out->height; y++) {
        uint8_t *p = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < out->width; x++, p += out->channels) {
            memcpy(p, pixel, (size_t)out->channels);
        }
    }
    return SI_OK;
}

static si_result write_text(const si_scene_layer *s, const si_raster *raster, si_rect window,
    si_image *out, si_diag *diag) {
    /* the text's own rectangle is mirrored afterwards, so it is drawn from the other end */
    const int flip = s->layer->adjustments.flip;
    si_rect box = si_raster_box(raster, s->box.size);
    int left = window.x - box.x, top = window.y - box.y;
    left = flip & SI_FLIP_LR ? box.width - left - window.width : left;
    top = flip & SI_FLIP_UD ? box.height - top - window.height : top;
    si_text_window w = {.scale = {raster->scale[0], raster->scale[1]},
        .left = left,
        .top = top,
        .width = window.width,
        .height = window.height};
    si_result result = si_text_render(&s->text, &s->style, s->fonts, &w, out, NULL, diag);
    if (result == SI_OK && flip != 0) {
        si_flip_image(out, (flip & SI_FLIP_LR) != 0, (flip & SI_FLIP_UD) != 0);
    }
    return result;
}

/* ---- public ---- */

si_result si_layer_content_read(si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const si_raster *raster, si_rect window, bool flat, si_image *out,
    si_diag *diag) {
    if (s->layer->kind == SI_LAYER_SOLID) {
        return fill(s->layer->color, window, out, diag);
    }
    if (s->layer->kind == SI_LAYER_TEXT) {
        return write_text(s, raster, window, out, diag);
    }
    si_window_axis axes[2];
    for (int i = 0; i < 2; i++) {
        axes[i] = axis_of(s, raster, window, i);
    }
    return read_source(rc, &s->layer->source, s->source, s->content, axes,
        scene->picture->view.resmode, flat, out, diag);
}

si_result si_layer_content_mask(si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const si_raster *raster, si_rect window, si_plane *out,
    si_diag *diag) {
    si_window_axis axes[2];
    si_image im = {0};
    for (int i = 0; i < 2; i++) {
        double k = s->mask_part[2 + i] / s->masked[2 + i];
        axes[i] = axis_of(s, raster, window, i);
        axes[i].from = (axes[i].from - s->masked[i]) * k + s->mask_part[i];
        axes[i].to = (axes[i].to - s->masked[i]) * k + s->mask_part[i];
    }
    si_result result = read_source(rc, &s->layer->mask, s->mask_source, s->mask, axes,
        scene->picture->view.resmode, false, &im, diag);
    if (result == SI_OK && s->mask_alpha) {
        result = si_mask_alpha(&im, out, diag);
    } else if (result == SI_OK) {
        result = si_mask_luma(&im, out, diag);
        if (result == SI_OK && im.channels == 4) { /* nothing beyond its edges */
            si_plane inside = {0};
            result = si_mask_alpha(&im, &inside, diag);
            if (result == SI_OK) {
                si_plane_multiply(out, &inside, 0, 0);
            }
            si_plane_free(&inside);
        }
    }
    si_image_free(&im);
    return result;
}
