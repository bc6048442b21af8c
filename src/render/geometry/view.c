/* Composite → view → reply (docs/protocol.md, View; numbers are of docs/decisions.md). */
#include "render/geometry/geometry.h"

#include <limits.h>
#include <math.h>

/* Sizes and offsets are kept as int; anything beyond is refused, not wrapped. */
static const double MAX_COORDINATE = 1 << 30;

const double si_detail_endless[2];

/* Rounding: half up, at least one pixel. */
static double size_of(double v) {
    return fmax(1, si_round(v));
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

/* Scale and view of fit=, with both wid and hei given. `s` and `view` are in and out. */
static void fit_into(const si_view *v, const double region[2], double s[2], double view[2]) {
    double f[2];
    for (int i = 0; i < 2; i++) {
        f[i] = view[i] / region[i];
        if (!v->upscale) {
            f[i] = fmin(f[i], 1);
        }
    }
    s[0] = s[1] = fmin(f[0], f[1]);
    switch (v->fit) {
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
    if (v->fit == SI_FIT_CONSTRAIN || v->fit == SI_FIT_WRAP) {
        view[0] = size_of(region[0] * s[0]);
        view[1] = size_of(region[1] * s[1]);
    }
}

/* The view step of thumbnails. */
static void thumb_into(const si_view *v, const double region[2], double s[2], double view[2]) {
    double f[2] = {v->wid / region[0], v->hei / region[1]};
    s[0] = s[1] = v->thumb == SI_THUMB_CROP  ? fmax(f[0], f[1])
                  : v->thumb == SI_THUMB_FIT ? fmin(f[0], f[1])
                                             : 1;
    view[0] = v->wid;
    view[1] = v->hei;
}

/* Size of the scaled composite and of the view. True if the scale may not exceed 1 by the
 * meaning of `fit` without upscaling. */
static bool view_of(const si_view *v, const double region[2], double s[2], double view[2]) {
    double given[2] = {v->wid, v->hei};
    bool both = v->wid > 0 && v->hei > 0;
    if (v->thumb != SI_THUMB_NONE && both) {
        thumb_into(v, region, s, view);
        return false;
    }
    if (v->scl > 0) {
        s[0] = s[1] = 1 / v->scl;
    } else if (both) {
        view[0] = given[0];
        view[1] = given[1];
        fit_into(v, region, s, view);
        return !v->upscale;
    } else if (v->wid > 0) {
        s[0] = s[1] = given[0] / region[0];
    } else if (v->hei > 0) {
        s[0] = s[1] = given[1] / region[1];
    } else {
        s[0] = 1;
        for (int i = 0; i < 2; i++) {
            if (v->default_pix[i] > 0) {
                s[0] = fmin(s[0], v->default_pix[i] / region[i]);
            }
        }
        s[1] = s[0];
    }
    for (int i = 0; i < 2; i++) {
        view[i] = given[i] > 0 ? given[i] : size_of(region[i] * s[i]);
    }
    return false;
}

/* MaxPix (SI-37), then the ratio that may really be used (D-5, D-7). `reply` is the size at ratio
 * 1, `total` the scale from source pixels to the reply at ratio 1. */
static si_result ratio_of(const si_view *v, const double reply[2], const double total[2],
    bool no_upscale, double *ratio, si_diag *diag) {
    if (*ratio > 1 && no_upscale) {
        *ratio = fmin(*ratio, fmax(1, 1 / larger(total)));
    }
    for (int i = 0; i < 2; i++) {
        if (v->max_pix[i] > 0 && reply[i] > v->max_pix[i]) {
            return si_fail(diag, SI_ERR_LIMIT, "reply of %.0f×%.0f pixels exceeds MaxPix %d×%d",
                reply[0], reply[1], v->max_pix[0], v->max_pix[1]);
        }
        if (v->max_pix[i] > 0) {
            *ratio = fmin(*ratio, v->max_pix[i] / reply[i]);
        }
    }
    return SI_OK;
}

/* Where the reply, the view and the composite lie in the view at full scale `k`. Edges are rounded
 * in view coordinates, before the reply's origin is taken off, so that tiles agree on them.
 * `region` is the part of the composite that fills S, of which `canvas` is the whole. */
static si_result place(const si_view *v, double k, const double region[4], const double canvas[2],
    si_geometry *g, si_diag *diag) {
    for (int i = 0; i < 2; i++) {
        double origin = v->has_rect ? si_round(v->rect[i] * g->dpr) : 0;
        double size = v->has_rect ? size_of(v->rect[2 + i] * g->dpr) : size_of(g->view[i] * g->dpr);
        double start = si_round(g->offset[i] * k);
        double end = fmax(start + 1, si_round(((double)g->offset[i] + g->scaled[i]) * k));
        double scale = (end - start) / region[2 + i];
        double whole = start - region[i] * scale;
        si_result result = to_int(size, &g->out[i], diag);
        if (result == SI_OK &&
            !(end <= MAX_COORDINATE && start >= -MAX_COORDINATE && fabs(whole) <= MAX_COORDINATE &&
                fabs(origin) <= MAX_COORDINATE && si_round(canvas[i]) * scale <= MAX_COORDINATE)) {
            result = si_fail(diag, SI_ERR_LIMIT, "the requested scale is too large");
        }
        SI_TRY(result);
        g->origin[i] = origin;
        g->out_content[i] = whole - origin;
        g->out_content[2 + i] = v->has_rgn ? si_round(canvas[i]) * scale : end - start;
        g->out_view[i] = -origin;
        g->out_view[2 + i] = size_of(g->view[i] * k);
    }
    return SI_OK;
}

static si_result region_of(
    const si_view *v, const double canvas[2], double region[4], si_diag *diag) {
    for (int i = 0; i < 2; i++) {
        region[i] = v->has_rgn ? v->rgn[i] : 0;
        region[2 + i] = v->has_rgn ? v->rgn[2 + i] : canvas[i];
        if (!(v->has_rgn ? region[2 + i] >= 1 : region[2 + i] > 0)) {
            return si_fail(diag, SI_ERR_RANGE, "rgn has no area");
        }
    }
    return SI_OK;
}

si_result si_geometry_view(const si_view *v, const double canvas[2], const double detail[2],
    double dpr, si_geometry *out, si_diag *diag) {
    si_geometry g = {.dpr = dpr > 0 ? dpr : 1};
    double region[4], s[2], view[2], reply[2], total[2];
    if (v->has_rect && (v->rect[2] < 1 || v->rect[3] < 1 || !(v->rect_scale >= 0))) {
        return si_fail(diag, SI_ERR_RANGE, "rect has no area");
    }
    SI_TRY(region_of(v, canvas, region, diag));
    si_result result = SI_OK;
    bool no_upscale = view_of(v, region + 2, s, view);
    double zoom = v->has_rect && v->rect_scale > 0 ? v->rect_scale : 1;
    for (int i = 0; i < 2 && result == SI_OK; i++) {
        double scaled = size_of(region[2 + i] * s[i]);
        double offset = floor((view[i] - scaled) * (1 + v->align[i]) / 2);
        g.scale[i] = s[i];
        total[i] = detail[i] * s[i] * zoom;
        reply[i] = v->has_rect ? v->rect[2 + i] : view[i];
        (void)((result = to_int(view[i], &g.view[i], diag)) != SI_OK ||
               (result = to_int(scaled, &g.scaled[i], diag)) != SI_OK ||
               (result = to_int(offset, &g.offset[i], diag)) != SI_OK);
    }
    if (result == SI_OK) {
        result = ratio_of(v, reply, total, no_upscale, &g.dpr, diag);
    }
    if (result == SI_OK) {
        result = place(v, zoom * g.dpr, region, canvas, &g, diag);
    }
    if (result == SI_OK) {
        *out = g;
    }
    return result;
}
