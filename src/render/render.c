#include "render/render.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/read/colour.h"
#include "render/scene/compose.h"
#include "render/read/original.h"
#include "render/embeds.h"
#include "render/simple.h"

/* ---- start ---- */

static void swallow(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data) {
    (void)domain, (void)level, (void)text, (void)data;
}

si_result si_render_start(si_diag *diag) {
    static const char *const wanted[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",
        "VipsForeignLoadWebp", "VipsForeignLoadNsgif", "VipsForeignLoadHeif", "VipsForeignLoadTiff",
        "VipsForeignLoadSvg", "VipsForeignLoadJxl"};
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

/* ---- pictures ---- */

si_result si_render(const si_recipe *r, const si_files *files, const si_render_limits *limits,
    si_image *out, si_diag *diag) {
    si_render_limits l = si_render_limits_or_default(limits);
    si_output_colours colours = {0};
    si_result result = SI_OK;
    if (r->picture.layer_count < 1) {
        result = si_fail(diag, SI_ERR_NOT_FOUND, "there is no layer 0");
    }
    if (result == SI_OK) {
        result = si_output_colours_load(r, files, limits, &colours, diag);
        l.spaces = &colours.spaces;
    }
    bool simple =
        si_picture_is_simple(&r->picture) && r->watermark == NULL && r->req != SI_REQ_MASK;
    if (result == SI_OK) {
        result = (simple ? si_simple_render : si_compose_render)(r, files, &l, out, diag);
    }
    if (result == SI_OK) {
        result = si_target_convert(out, &colours.target, diag);
    }
    si_output_colours_free(&colours);
    if (result != SI_OK) {
        si_image_free(out);
    }
    vips_error_clear(); /* warnings that did not fail a load */
    return result;
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
    si_result result = si_original_open(&o, fd, limits, diag);
    if (result == SI_OK) {
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
    return result;
}
