#include "render/embeds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/photoshop_write.h"
#include "codec/profile.h"
#include "codec/srgb.h"
#include "render/read/original.h"
#include "render/simple.h"

/* ---- layer 0's file ---- */

static const si_source *base_source(const si_recipe *r) {
    const si_source *s = r->picture.layer_count > 0 ? &r->picture.layers[0].source : NULL;
    return s != NULL && (s->kind == SI_SOURCE_FILE || s->kind == SI_SOURCE_URL) ? s : NULL;
}

static si_result read_base(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_metadata *out, si_diag *diag) {
    const si_source *source = base_source(r);
    if (source == NULL) {
        return SI_OK;
    }
    int fd;
    si_result result = si_files_open(files, source, &fd, diag);
    if (result == SI_OK) {
        result = si_metadata_read(fd, limits, out, diag);
        close(fd);
    }
    return result;
}

/* ---- colours ---- */

static si_result load_profile(const si_files *files, const si_file_ref *file, const char *name,
    si_bytes *out, si_pixel_type *type, si_diag *diag) {
    const char *standard = file->path[0] == '/'    ? file->path + 1
                           : file->path[0] == '\0' ? name
                                                   : NULL;
    if (standard != NULL) { /* made rather than read */
        return si_target_load(standard, -1, out, type, diag);
    }
    if (file->path[0] == '/') { /* one that is made, not read (picture.h) */
        return si_target_load(file->path + 1, -1, out, type, diag);
    }
    int fd = files->open(files->context, file, diag);
    if (fd < 0) {
        return si_diag_result(diag, SI_ERR_IO);
    }
    si_result result = si_target_load(name[0] != '\0' ? name : file->path, fd, out, type, diag);
    close(fd);
    return result;
}

static si_result load_assumed(
    const si_recipe *r, const si_files *files, si_output_colours *out, si_diag *diag) {
    const si_source *source = base_source(r);
    for (int i = 0; i < 3; i++) {
        si_pixel_type type = (si_pixel_type)i;
        if (r->assumed[i].path[0] == '\0') {
            continue;
        }
        SI_TRY(load_profile(files, &r->assumed[i], "", &out->assumed[i], &type, diag));
        out->spaces.assumed[i] = (si_icc){out->assumed[i].data, out->assumed[i].len};
    }
    if (source != NULL && source->profile.path[0] != '\0') { /* cat::IccProfile */
        si_pixel_type type;
        si_bytes own = {0};
        SI_TRY(load_profile(files, &source->profile, "", &own, &type, diag));
        si_bytes_move(&out->assumed[type], &own);
        out->spaces.assumed[type] = (si_icc){out->assumed[type].data, out->assumed[type].len};
    }
    return SI_OK;
}

/* Nothing but geometry happens to the pixels. */
static bool is_untouched(const si_recipe *r) {
    if (!si_picture_is_simple(&r->picture) || r->watermark != NULL) {
        return false;
    }
    const si_ops *ops = &r->picture.layers[0].adjustments.ops;
    const si_view *view = &r->picture.view;
    return !ops->sharpen && ops->usm.amount == 0 && !view->sharpen && view->usm.amount == 0;
}

/* Pixel type and profile of the file, where the recipe leaves them to it. */
static si_result follow_base(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_colours *out, si_diag *diag) {
    si_metadata meta = {0};
    si_target *t = &out->target;
    si_pixel_type own;
    si_result result = read_base(r, files, limits, &meta, diag);
    if (result == SI_OK && r->pixel_keep && si_format_holds(r->format, meta.type)) {
        t->type = meta.type;
    }
    if (result == SI_OK && t->type == SI_PIXEL_CMYK &&
        si_icc_type(meta.icc.data, meta.icc.len, &own) && own == SI_PIXEL_CMYK) {
        si_bytes_move(&out->profile, &meta.icc);
        t->profile = (si_icc){out->profile.data, out->profile.len};
    }
    si_metadata_free(&meta);
    return result;
}

si_result si_output_colours_load(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_colours *out, si_diag *diag) {
    si_target *t = &out->target;
    *t = (si_target){
        .type = r->pixel_type, .intent = r->intent, .bpc = r->black_point, .dither = r->dither};
    si_result result = load_assumed(r, files, out, diag);
    bool named = r->icc.path[0] != '\0' || r->icc_name[0] != '\0';
    if (result == SI_OK && named) {
        result = load_profile(files, &r->icc, r->icc_name, &out->profile, &t->type, diag);
        t->profile = (si_icc){out->profile.data, out->profile.len};
        if (result == SI_OK && !si_format_holds(r->format, t->type)) {
            result = si_fail(diag, SI_ERR_UNSUPPORTED,
                "icc: %s files cannot hold the pixel type of this profile",
                si_format_name(r->format));
        }
    } else if (result == SI_OK && (r->pixel_keep || t->type == SI_PIXEL_CMYK)) {
        result = follow_base(r, files, limits, out, diag);
    }
    if (result == SI_OK && t->type == SI_PIXEL_CMYK && !si_format_holds(r->format, t->type)) {
        result = si_fail(
            diag, SI_ERR_UNSUPPORTED, "fmt: %s files cannot hold CMYK", si_format_name(r->format));
    }
    SI_TRY(result);
    if (t->type == SI_PIXEL_RGB && t->profile.data != NULL && !si_profile_is_srgb(t->profile)) {
        out->spaces.working = t->working = t->profile;
        out->spaces.intent = t->intent;
        out->spaces.bpc = t->bpc;
    }
    out->spaces.keep_inks = t->type == SI_PIXEL_CMYK && !r->alpha && is_untouched(r);
    out->spaces.inks = t->profile;
    return SI_OK;
}

void si_output_colours_free(si_output_colours *c) {
    si_bytes_free(&c->profile);
    for (int i = 0; i < 3; i++) {
        si_bytes_free(&c->assumed[i]);
    }
    *c = (si_output_colours){0};
}

/* ---- embeds ---- */

static void set_icc(si_output_embeds *e) {
    const si_target *t = &e->colours.target;
    e->params.icc = t->profile.data;
    e->params.icc_len = t->profile.len;
    if (t->profile.data == NULL && t->type == SI_PIXEL_RGB) {
        e->params.icc = si_srgb_profile(&e->params.icc_len);
    }
}

/* "RRGGBB,RRGGBB…" */
static void set_forced(const char *text, si_output_embeds *e) {
    int n = 0;
    while (*text != '\0' && n < (int)(sizeof e->forced / sizeof *e->forced)) {
        char *end;
        e->forced[n++] = (uint32_t)strtoul(text, &end, 16);
        if (end == text) {
            n--;
            break;
        }
        text = *end == ',' ? end + 1 : end;
    }
    e->params.quantize.forced = e->forced;
    e->params.quantize.forced_count = n;
}

static si_result set_paths(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_embeds *e, si_diag *diag) {
    double m[6];
    const si_source *source = base_source(r);
    if (e->meta.photoshop.len == 0 || source == NULL || !si_picture_is_simple(&r->picture)) {
        return SI_OK;
    }
    si_result result = si_simple_map(r, files, limits, m, diag);
    if (result == SI_OK) {
        result = si_photoshop_transform(
            e->meta.photoshop.data, e->meta.photoshop.len, m, &e->paths, diag);
    }
    e->params.paths = e->paths.data;
    e->params.paths_len = e->paths.len;
    return result;
}

si_result si_output_embeds_load(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_output_embeds *e, si_diag *diag) {
    bool icc = r->icc_embed && si_format_carries(r->format, SI_CARRIES_ICC);
    bool xmp = r->xmp_embed && si_format_carries(r->format, SI_CARRIES_XMP);
    bool paths = r->path_embed && si_format_carries(r->format, SI_CARRIES_PATHS);
    bool dpi = r->print_res < 0 && si_format_carries(r->format, SI_CARRIES_DPI);
    si_result result = SI_OK;
    set_forced(r->quantize.forced, e);
    if (icc && (result = si_output_colours_load(r, files, limits, &e->colours, diag)) == SI_OK) {
        set_icc(e);
    }
    if (result == SI_OK && (xmp || paths || dpi)) {
        result = read_base(r, files, limits, &e->meta, diag);
    }
    if (result == SI_OK && xmp && e->meta.xmp.len > 0) {
        e->params.xmp = e->meta.xmp.data;
        e->params.xmp_len = e->meta.xmp.len;
    }
    e->params.dpi = r->print_res > 0 ? r->print_res : (int)(e->meta.dpi + 0.5);
    if (result == SI_OK && paths) {
        result = set_paths(r, files, limits, e, diag);
    }
    if (result != SI_OK) {
        si_output_embeds_free(e);
    }
    return result;
}

void si_output_embeds_free(si_output_embeds *e) {
    si_output_colours_free(&e->colours);
    si_metadata_free(&e->meta);
    si_bytes_free(&e->paths);
    e->params = (si_encode_params){0};
}
