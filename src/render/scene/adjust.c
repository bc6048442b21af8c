#include "render/scene/adjust.h"

#include <math.h>
#include <string.h>

#include "render/pixel/blur.h"
#include "render/pixel/filters.h"
#include "render/pixel/mask.h"
#include "render/pixel/morphology.h"
#include "render/pixel/noise.h"
#include "render/pixel/ops.h"
#include "render/pixel/path_fill.h"

/* op_sharpen as an unsharp mask: the mean of four neighbours is a blur of this σ. */
static const double SHARPEN_SIGMA = 0.70710678;

/* ---- tiles ---- */

void si_tile_free(si_tile *s) {
    si_image_free(&s->image);
    *s = (si_tile){0};
}

si_rect si_rect_meet(si_rect a, si_rect b) {
    int64_t right = a.x + (int64_t)a.width, bottom = a.y + (int64_t)a.height;
    int64_t right2 = b.x + (int64_t)b.width, bottom2 = b.y + (int64_t)b.height;
    si_rect r = {.x = a.x > b.x ? a.x : b.x, .y = a.y > b.y ? a.y : b.y};
    int64_t w = (right < right2 ? right : right2) - r.x;
    int64_t h = (bottom < bottom2 ? bottom : bottom2) - r.y;
    if (w <= 0 || h <= 0) {
        return (si_rect){0};
    }
    r.width = (int)w;
    r.height = (int)h;
    return r;
}

si_rect si_rect_grow(si_rect r, int reach) {
    return (si_rect){r.x - reach, r.y - reach, r.width + 2 * reach, r.height + 2 * reach};
}

si_result si_tile_crop(si_tile *s, si_rect part, si_diag *diag) {
    if (part.width == s->image.width && part.height == s->image.height) {
        return SI_OK;
    }
    si_image out;
    SI_TRY(si_image_alloc(&out, part.width, part.height, s->image.channels, diag));
    size_t channels = (size_t)out.channels;
    for (int y = 0; y < part.height; y++) {
        memcpy(out.pixels + (size_t)y * out.stride,
            s->image.pixels + (size_t)(part.y - s->y + y) * s->image.stride +
                (size_t)(part.x - s->x) * channels,
            (size_t)part.width * channels);
    }
    si_image_free(&s->image);
    *s = (si_tile){.image = out, .x = part.x, .y = part.y};
    return SI_OK;
}

/* ---- op_* ---- */

static double usm_radius(const si_usm *usm, double scale) {
    return usm->raw ? usm->radius : usm->radius * scale;
}

int si_adjust_reach(const si_ops *ops, double scale) {
    return si_blur_reach(ops->blur * scale) + si_grow_reach(ops->grow * scale) +
           (ops->sharpen ? si_filter_usm_reach(2, SHARPEN_SIGMA * scale) + 1 : 0) +
           si_filter_usm_reach(ops->usm.amount, usm_radius(&ops->usm, scale));
}

void si_adjust_tones(const si_ops *ops, si_image *im) {
    si_op_brightness(im, ops->brightness);
    si_op_contrast(im, ops->contrast);
    si_op_colorbalance(im, ops->balance[0], ops->balance[1], ops->balance[2]);
    si_op_hue(im, ops->hue);
    si_op_saturation(im, ops->saturation);
}

static void colours(const si_ops *ops, const si_adjust_options *how, si_image *im) {
    si_adjust_tones(ops, im);
    if (ops->colorize != SI_COLORIZE_NONE) {
        si_colour_tint tint = {.r = (uint8_t)(ops->colorize_rgb >> 16),
            .g = (uint8_t)(ops->colorize_rgb >> 8),
            .b = (uint8_t)ops->colorize_rgb,
            .normalize = ops->colorize == SI_COLORIZE_NORM,
            .contrast = ops->colorize_contrast,
            .median = how->median};
        si_op_colorize(im, &tint);
    }
    if (ops->invert) {
        si_op_invert(im);
    }
}

si_result si_adjust_apply(
    const si_ops *ops, const si_adjust_options *how, si_tile *s, si_diag *diag) {
    si_image *im = &s->image;
    colours(ops, how, im);
    si_result result = si_blur_image(im, ops->blur * how->scale, SI_EDGE_REPEAT, diag);
    if (result == SI_OK) {
        result = si_grow_image(im, ops->grow * how->scale, diag);
    }
    if (result == SI_OK) {
        si_noise noise = {.value = ops->noise,
            .gaussian = ops->noise_gaussian,
            .mono = ops->noise_mono,
            .seed = how->seed,
            .x = s->x,
            .y = s->y};
        si_noise_image(im, &noise);
    }
    if (result == SI_OK && ops->sharpen) {
        result = how->scale == 1 ? si_filter_sharpen(im, diag)
                                 : si_filter_usm(im, 2, SHARPEN_SIGMA * how->scale, 0, false, diag);
    }
    if (result == SI_OK) {
        const si_usm *u = &ops->usm;
        result =
            si_filter_usm(im, u->amount, usm_radius(u, how->scale), u->threshold, u->mono, diag);
    }
    return result;
}

/* ---- clip paths ---- */

si_result si_adjust_clip(const si_clip *clips, const si_map *map, si_tile *s, si_diag *diag) {
    const si_map shift = {{1, 0, -s->x, 0, 1, -s->y}};
    const si_map here = si_map_chain(map, &shift);
    for (const si_clip *c = clips; c != NULL; c = c->next) {
        const si_map own = {{c->map.xx, c->map.xy, c->map.x0, c->map.yx, c->map.yy, c->map.y0}};
        const si_map m = si_map_chain(&own, &here);
        const si_affine a = {m.m[0], m.m[1], m.m[3], m.m[4], m.m[2], m.m[5]};
        si_plane plane = {0};
        si_result result =
            si_path_fill(&c->path, &a, s->image.width, s->image.height, &plane, diag);
        if (result == SI_OK && c->outside) {
            si_plane_use(&plane, SI_MASK_INVERT);
        }
        if (result == SI_OK) {
            result = si_mask_multiply(&s->image, &plane, 0, 0, diag);
        }
        si_plane_free(&plane);
        SI_TRY(result);
    }
    return SI_OK;
}
