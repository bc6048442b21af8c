#include "render/render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/colour.h"
#include "render/filters.h"
#include "render/load.h"
#include "render/pixels.h"

static const int64_t DEFAULT_VIEW_PIXELS = 1 << 26;

/* ---- start ---- */

static void swallow(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
    (void)domain, (void)level, (void)text, (void)data;
}

si_result si_render_start(si_diag *diag) {
    static const char *const wanted[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",
        "VipsForeignLoadWebp", "VipsForeignLoadNsgif", "VipsForeignLoadHeif", "VipsForeignLoadTiff",
        "VipsForeignLoadJp2k", "VipsForeignLoadSvg", "VipsForeignLoadJxl"};
    g_log_set_default_handler(swallow, NULL);
    /* what does not fit into memory is refused, never unpacked into a temporary file */
    g_setenv("VIPS_DISC_THRESHOLD", "1000g", TRUE);
    if (VIPS_INIT("smartimg") != 0) {
        return si_fail(diag, SI_ERR_INTERNAL, "libvips does not start");
    }
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        vips_operation_block_set(wanted[i], FALSE);
    }
    return SI_OK;
}

/* ---- what of the composite is needed ---- */

/* A run of pixels of the scaled composite, on one displayed axis. */
typedef struct span {
    int skip, count;   /* to be computed */
    int before, shown; /* of these, shown in the reply: after `before`, `shown` pixels */
    int at;            /* where they go in the reply */
} span;

/* The part of the content that is shown, and `reach` more on both sides for the filters. */
static span span_of(const si_geometry *g, int axis, int reach) {
    double start = g->out_content[axis], length = g->out_content[2 + axis];
    double low = fmax(0, fmax(start, g->out_view[axis]));
    double high =
        fmin(fmin(start + length, g->out[axis]), g->out_view[axis] + g->out_view[2 + axis]);
    if (high <= low) {
        return (span){0};
    }
    int first = (int)fmax(0, low - start - reach), last = (int)fmin(length, high - start + reach);
    return (span){.skip = first,
        .count = last - first,
        .before = (int)(low - start) - first,
        .shown = (int)(high - low),
        .at = (int)low};
}

/* op_sharpen of layer 0 as an unsharp mask: the mean of four neighbours is a blur of this σ. */
static const double SHARPEN_SIGMA = 0.70710678;

/* Scale from layer 0 to the reply, as one number for filter radii. */
static double layer_scale(const si_geometry *g) {
    return sqrt(g->out_content[2] / g->layer[0] * (g->out_content[3] / g->layer[1]));
}

static int filter_reach(const si_recipe *r, const si_geometry *g) {
    double s = layer_scale(g);
    return (r->layer_sharpen ? si_filter_usm_reach(2, SHARPEN_SIGMA * s) + 1 : 0) +
           si_filter_usm_reach(r->layer_usm.amount, r->layer_usm.radius * s) +
           (r->sharpen ? SI_FILTER_SHARPEN_REACH : 0) +
           si_filter_usm_reach(r->usm.amount, r->usm.radius);
}

/* Filters of layer 0 run at the reply's resolution with their radius scaled along (P19). */
static si_result filter(const si_recipe *r, const si_geometry *g, si_image *im, si_diag *diag) {
    double s = layer_scale(g);
    const si_usm *l = &r->layer_usm, *u = &r->usm;
    si_result code = SI_OK;
    if (r->layer_sharpen) {
        code = s == 1 ? si_filter_sharpen(im, diag)
                      : si_filter_usm(im, 2, SHARPEN_SIGMA * s, 0, false, diag);
    }
    if (code == SI_OK) {
        code = si_filter_usm(im, l->amount, l->radius * s, l->threshold, l->mono, diag);
    }
    if (code == SI_OK && r->sharpen) {
        code = si_filter_sharpen(im, diag);
    }
    if (code == SI_OK) {
        code = si_filter_usm(im, u->amount, u->radius, u->threshold, u->mono, diag);
    }
    return code;
}

/* ---- the scaled composite ---- */

/* Source pixels per reply pixel on the stored axes. */
static void stored_ratio(const si_original *o, const si_geometry *g, double ratio[2]) {
    for (int i = 0; i < 2; i++) {
        int d = i ^ (int)o->swap; /* the displayed axis that this stored one becomes */
        ratio[i] = g->crop[2 + d] / g->out_content[2 + d];
    }
}

static void lay_out(const si_original *o, const si_geometry *g, const span s[2], si_resmode mode,
    si_pixel_axis axes[2]) {
    const int full[2] = {o->width, o->height};
    for (int i = 0; i < 2; i++) {
        int d = i ^ (int)o->swap;
        double from = g->crop[d], to = g->crop[d] + g->crop[2 + d];
        bool flip = o->flip[d];
        axes[i] = (si_pixel_axis){.from = flip ? full[i] - to : from,
            .to = flip ? full[i] - from : to,
            .full = full[i],
            .content = g->out_content[2 + d],
            .skip = flip ? (int)g->out_content[2 + d] - s[d].skip - s[d].count : s[d].skip,
            .count = s[d].count,
            .flip = flip,
            .mode = mode};
    }
}

static si_result composite(const si_recipe *r, si_original *o, const si_geometry *g,
    const span s[2], si_image *out, si_diag *diag) {
    double ratio[2];
    stored_ratio(o, g, ratio);
    si_result code = si_original_reduce(o, ratio, diag);
    if (code != SI_OK) {
        return code;
    }
    si_pixel_axis axes[2];
    lay_out(o, g, s, r->resmode, axes);
    code = si_pixels_read(o, axes, out, diag);
    return code == SI_OK ? filter(r, g, out, diag) : code;
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
        q[3] = from == 4 ? p[3] : 255;
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
    int channels = r->alpha ? 4 : 3;
    if (part->pixels != NULL && is_whole(part, s, g, channels)) {
        *out = *part;
        *part = (si_image){0};
        return SI_OK;
    }
    const uint8_t bgc[4] = {(uint8_t)(r->bgc >> 16), (uint8_t)(r->bgc >> 8), (uint8_t)r->bgc, 255};
    si_result code = si_image_alloc(out, g->out[0], g->out[1], channels, diag);
    if (code != SI_OK) {
        return code;
    }
    if (channels == 3) { /* with alpha, padding stays transparent (P13) */
        fill(out, bgc);
    }
    if (part->pixels != NULL) {
        put(part, s, out, bgc);
    }
    return SI_OK;
}

static bool is_srgb_name(const char *name) {
    return name[0] == '\0' || strcasecmp(name, "sRGB") == 0 ||
           strncasecmp(name, "sRGB IEC61966-2", 15) == 0 || strcasecmp(name, "sRGB.icc") == 0;
}

static si_result check(const si_recipe *r, si_diag *diag) {
    if (r->pixel_type == SI_PIXEL_CMYK) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "CMYK output is not supported");
    }
    if (!is_srgb_name(r->icc)) {
        return si_fail(
            diag, SI_ERR_UNSUPPORTED, "output profile \"%.80s\" is not supported", r->icc);
    }
    return SI_OK;
}

static si_result render_original(const si_recipe *r, si_original *o, const si_render_limits *limits,
    si_image *out, si_diag *diag) {
    si_geometry g;
    si_image part = {0};
    int64_t most = limits != NULL && limits->max_view_pixels > 0 ? limits->max_view_pixels
                                                                 : DEFAULT_VIEW_PIXELS;
    si_result code = si_geometry_solve(
        r, o->swap ? o->height : o->width, o->swap ? o->width : o->height, &g, diag);
    if (code != SI_OK) {
        return code;
    }
    if ((int64_t)g.out[0] * g.out[1] > most) {
        return si_fail(diag, SI_ERR_LIMIT, "reply of %d×%d pixels exceeds the limit of %lld pixels",
            g.out[0], g.out[1], (long long)most);
    }
    int reach = filter_reach(r, &g);
    const span s[2] = {span_of(&g, 0, reach), span_of(&g, 1, reach)};
    if (s[0].shown > 0 && s[1].shown > 0) {
        code = composite(r, o, &g, s, &part, diag);
    }
    if (code == SI_OK) {
        code = compose(r, &g, s, &part, out, diag);
    }
    if (code == SI_OK && r->pixel_type == SI_PIXEL_GRAY) {
        si_pixels_grey(out);
    }
    si_image_free(&part);
    return code;
}

si_result si_render(
    const si_recipe *r, int fd, const si_render_limits *limits, si_image *out, si_diag *diag) {
    si_original o = {0};
    si_result code = check(r, diag);
    if (code == SI_OK) {
        code = si_original_open(&o, fd, limits, diag);
    }
    if (code == SI_OK) {
        code = render_original(r, &o, limits, out, diag);
    }
    if (code != SI_OK) {
        si_image_free(out);
    }
    si_original_close(&o);
    vips_error_clear(); /* warnings that did not fail the load */
    return code;
}

/* ---- properties ---- */

static double print_res(VipsImage *im) {
    double res = vips_image_get_xres(im); /* pixels per mm; libvips says 1 if the file is silent */
    bool named = vips_image_get_typeof(im, VIPS_META_RESOLUTION_UNIT) != 0 || res != 1;
    return named && res > 0 ? round(res * 254) / 10 : 0;
}

si_result si_render_props(
    int fd, const si_render_limits *limits, si_source_props *out, si_diag *diag) {
    si_original o = {0};
    si_result code = si_original_open(&o, fd, limits, diag);
    if (code == SI_OK) {
        bool alpha = vips_image_hasalpha(o.image);
        int bands = vips_image_get_bands(o.image) - alpha;
        *out = (si_source_props){.width = o.swap ? o.height : o.width,
            .height = o.swap ? o.width : o.height,
            .alpha = alpha,
            .channels = bands < 3   ? 1
                        : bands > 4 ? 4
                                    : bands,
            .print_res = print_res(o.image),
            .has_icc = vips_image_get_typeof(o.image, VIPS_META_ICC_NAME) != 0,
            .has_xmp = vips_image_get_typeof(o.image, VIPS_META_XMP_NAME) != 0,
            .format = si_kind_name(o.kind)};
        si_colour_profile_name(o.image, out->icc_name, sizeof out->icc_name);
    }
    si_original_close(&o);
    vips_error_clear();
    return code;
}
