/* Geometry of a reply, reference/commands.md 3.1, 3.2, 4.3 and section 7 of smart-imaging.md. */
#include "render/render.h"

#include <limits.h>
#include <math.h>

/* Sizes and offsets are kept as int; anything beyond is refused, not wrapped. */
static const double MAX_COORDINATE = 1 << 30;

/* Half up (P15). */
static double round_half_up(double v) {
    return floor(v + 0.5);
}

/* r() of section 3.2: half up, at least one pixel. */
static double size_of(double v) {
    return fmax(1, round_half_up(v));
}

static double larger(const double v[2]) {
    return fmax(v[0], v[1]);
}

static si_result to_int(double v, int *out, si_diag *diag) {
    if (!(fabs(v) <= MAX_COORDINATE)) {
        return si_fail(diag, SI_ERR_LIMIT, "the requested size is too large");
    }
    *out = (int)v;
    return SI_OK;
}

/* The part of the source that layer 0 shows (4.3); a crop without area is the whole image (P7). */
static si_result crop_of(
    const si_recipe *r, const double source[2], double crop[4], si_diag *diag) {
    crop[0] = crop[1] = 0;
    crop[2] = source[0];
    crop[3] = source[1];
    if (r->crop_kind == SI_CROP_NONE || r->crop[2] == 0 || r->crop[3] == 0) {
        return SI_OK;
    }
    for (int i = 0; i < 4; i++) {
        double unit = r->crop_kind == SI_CROP_NORMALIZED ? source[i & 1] : 1;
        crop[i] = round_half_up(r->crop[i] * unit);
        if (!(fabs(crop[i]) <= MAX_COORDINATE)) {
            return si_fail(diag, SI_ERR_RANGE, "crop reaches too far");
        }
    }
    if (r->crop[2] < 0 || r->crop[3] < 0) {
        return si_fail(diag, SI_ERR_RANGE, "crop has a negative size");
    }
    crop[2] = fmax(1, crop[2]);
    crop[3] = fmax(1, crop[3]);
    return SI_OK;
}

/* size=w,h of a layer: fits inside, aspect kept, enlarges too (P16); the governing side is exact.
 */
static void layer_of(const si_recipe *r, const double crop[4], double layer[2]) {
    double w = r->size[0], h = r->size[1];
    layer[0] = crop[2];
    layer[1] = crop[3];
    if (w <= 0 && h <= 0) {
        return;
    }
    double sx = w > 0 ? w / crop[2] : INFINITY, sy = h > 0 ? h / crop[3] : INFINITY;
    layer[0] = sx <= sy ? w : size_of(crop[2] * sy);
    layer[1] = sy <= sx ? h : size_of(crop[3] * sx);
}

/* Scale and view of section 3.1, with both wid and hei given. `s` and `view` are in and out. */
static void fit_into(const si_recipe *r, const double layer[2], double s[2], double view[2]) {
    double f[2];
    for (int i = 0; i < 2; i++) {
        f[i] = view[i] / layer[i];
        if (!r->upscale) {
            f[i] = fmin(f[i], 1);
        }
    }
    s[0] = s[1] = fmin(f[0], f[1]);
    switch (r->fit) {
    case SI_FIT_FIT:
    case SI_FIT_CONSTRAIN:
        break;
    case SI_FIT_CROP:
    case SI_FIT_WRAP:
        s[0] = s[1] = fmax(f[0], f[1]);
        break;
    case SI_FIT_STRETCH:
        s[0] = f[0];
        s[1] = f[1];
        break;
    case SI_FIT_HFIT:
        s[1] = s[0] = f[0];
        break;
    case SI_FIT_VFIT:
        s[0] = s[1] = f[1];
        break;
    }
    if (r->fit == SI_FIT_CONSTRAIN || r->fit == SI_FIT_WRAP) {
        view[0] = size_of(layer[0] * s[0]);
        view[1] = size_of(layer[1] * s[1]);
    }
}

/* The view algorithm of section 3.2 up to S and V. True if the scale may not exceed 1 by the
 * meaning of `fit` without upscaling. */
static bool view_of(const si_recipe *r, const double layer[2], double s[2], double view[2]) {
    double given[2] = {r->wid, r->hei};
    bool both = r->wid > 0 && r->hei > 0;
    if (r->scl > 0) {
        s[0] = s[1] = 1 / r->scl;
    } else if (both) {
        view[0] = given[0];
        view[1] = given[1];
        fit_into(r, layer, s, view);
        return !r->upscale;
    } else if (r->wid > 0) {
        s[0] = s[1] = given[0] / layer[0];
    } else if (r->hei > 0) {
        s[0] = s[1] = given[1] / layer[1];
    } else {
        s[0] = 1;
        for (int i = 0; i < 2; i++) {
            if (r->default_pix[i] > 0) {
                s[0] = fmin(s[0], r->default_pix[i] / layer[i]);
            }
        }
        s[1] = s[0];
    }
    for (int i = 0; i < 2; i++) {
        view[i] = given[i] > 0 ? given[i] : size_of(layer[i] * s[i]);
    }
    return false;
}

/* MaxPix (SI-37), then the ratio that may really be used (D-5, D-7). `reply` is the size at ratio
 * 1, `total` the scale from source pixels to the reply at ratio 1. */
static si_result ratio_of(const si_recipe *r, const double reply[2], const double total[2],
    bool no_upscale, double *ratio, si_diag *diag) {
    *ratio = r->dpr > 0 ? r->dpr : 1;
    if (*ratio > 1 && no_upscale) {
        *ratio = fmin(*ratio, fmax(1, 1 / larger(total)));
    }
    for (int i = 0; i < 2; i++) {
        if (r->max_pix[i] > 0 && reply[i] > r->max_pix[i]) {
            return si_fail(diag, SI_ERR_LIMIT, "reply of %.0f×%.0f pixels exceeds MaxPix %d×%d",
                reply[0], reply[1], r->max_pix[0], r->max_pix[1]);
        }
        if (r->max_pix[i] > 0) {
            *ratio = fmin(*ratio, r->max_pix[i] / reply[i]);
        }
    }
    return SI_OK;
}

/* Where the reply, the view and the composite lie in the view at full scale `k`. Edges are rounded
 * in view coordinates, before the reply's origin is taken off, so that tiles agree on them. */
static si_result place(const si_recipe *r, double k, si_geometry *g, si_diag *diag) {
    for (int i = 0; i < 2; i++) {
        double origin = r->has_rect ? round_half_up(r->rect[i] * g->dpr) : 0;
        double size = r->has_rect ? size_of(r->rect[2 + i] * g->dpr) : size_of(g->view[i] * g->dpr);
        double start = round_half_up(g->offset[i] * k);
        double end = fmax(start + 1, round_half_up(((double)g->offset[i] + g->scaled[i]) * k));
        si_result code = to_int(size, &g->out[i], diag);
        if (code == SI_OK && !(end <= MAX_COORDINATE && start >= -MAX_COORDINATE &&
                                 fabs(origin) <= MAX_COORDINATE)) {
            code = si_fail(diag, SI_ERR_LIMIT, "the requested scale is too large");
        }
        if (code != SI_OK) {
            return code;
        }
        g->out_content[i] = start - origin;
        g->out_content[2 + i] = end - start;
        g->out_view[i] = -origin;
        g->out_view[2 + i] = size_of(g->view[i] * k);
    }
    return SI_OK;
}

si_result si_geometry_solve(
    const si_recipe *r, int width, int height, si_geometry *out, si_diag *diag) {
    si_geometry g = {0};
    double source[2] = {width, height}, layer[2], s[2], view[2], reply[2], total[2];
    if (width < 1 || height < 1) {
        return si_fail(diag, SI_ERR_RANGE, "the source image is empty");
    }
    if (r->has_rect && (r->rect[2] < 1 || r->rect[3] < 1 || !(r->rect_scale >= 0))) {
        return si_fail(diag, SI_ERR_RANGE, "rect has no area");
    }
    si_result code = crop_of(r, source, g.crop, diag);
    if (code != SI_OK) {
        return code;
    }
    layer_of(r, g.crop, layer);
    bool no_upscale = view_of(r, layer, s, view);
    double zoom = r->has_rect && r->rect_scale > 0 ? r->rect_scale : 1;
    for (int i = 0; i < 2 && code == SI_OK; i++) {
        double scaled = size_of(layer[i] * s[i]);
        double offset = floor((view[i] - scaled) * (1 + r->align[i]) / 2);
        g.scale[i] = s[i];
        total[i] = layer[i] / g.crop[2 + i] * s[i] * zoom;
        reply[i] = r->has_rect ? r->rect[2 + i] : view[i];
        (void)((code = to_int(layer[i], &g.layer[i], diag)) != SI_OK ||
               (code = to_int(view[i], &g.view[i], diag)) != SI_OK ||
               (code = to_int(scaled, &g.scaled[i], diag)) != SI_OK ||
               (code = to_int(offset, &g.offset[i], diag)) != SI_OK);
    }
    if (code == SI_OK) {
        code = ratio_of(r, reply, total, no_upscale, &g.dpr, diag);
    }
    if (code == SI_OK) {
        code = place(r, zoom * g.dpr, &g, diag);
    }
    if (code == SI_OK) {
        *out = g;
    }
    return code;
}
