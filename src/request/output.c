/* What remains of the outermost request once all its commands are known: thumbnails, formats,
 * profiles (docs/protocol.md, Formats). What cannot change the reply is set to its
 * initial value, so that equal replies have equal recipes. */
#include "request/command.h"
#include "request/values.h"

static const si_record *base_record(const si_query *q) {
    const si_found *found = q->draft_count > 0 ? q->drafts[0]->found : NULL;
    return found != NULL ? found->is.record : NULL;
}

/* ---- thumbnails ---- */

/* 1 left or top, 2 centre, 3 right or bottom → −1, 0, 1 */
static double align_of(int attribute) {
    return attribute - 2;
}

static si_result set_thumb(si_query *q) {
    const si_attributes *a = q->all->attributes;
    const si_record *r = base_record(q);
    si_view *v = &q->picture.view;
    if (q->asked.fit_given) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX, "fit does not go with req=tmb");
    }
    v->wid = v->wid > 0 ? v->wid : a->default_thumb_pix.w;
    v->hei = v->hei > 0 ? v->hei : a->default_thumb_pix.h;
    if (v->wid <= 0 || v->hei <= 0) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX, "a thumbnail needs wid and hei");
    }
    int type = r != NULL && r->thumb_type > 0 ? r->thumb_type : a->thumb_type;
    v->thumb = (si_thumb)type; /* both count crop, fit, texture from 1 */
    v->scl = 0;
    v->default_pix[0] = v->default_pix[1] = 0;
    if (v->thumb == SI_THUMB_TEXTURE) {
        double res = r != NULL && r->thumb_res > 0 ? r->thumb_res : a->thumb_res;
        double of = r != NULL && r->resolution > 0 ? r->resolution : a->resolution;
        v->thumb_scale = si_canonical(si_clamp_real(res / of, SI_FACTOR_MIN, SI_NUMBER_MAX));
    }
    if (!q->asked.align_given) {
        v->align[0] = align_of(a->thumb_horiz_align);
        v->align[1] = align_of(a->thumb_vert_align);
    }
    if (!q->asked.bgc_given) {
        q->recipe->bgc = a->thumb_bkg_color;
    }
    return SI_OK;
}

/* ---- profiles ---- */

static si_result set_assumed(si_query *q) {
    const si_attributes *a = q->all->attributes;
    const char *own[3] = {a->icc_profile_src_rgb, a->icc_profile_src_gray, a->icc_profile_src_cmyk};
    const char *output[3] = {a->icc_profile_rgb, a->icc_profile_gray, a->icc_profile_cmyk};
    si_result result = SI_OK;
    for (int i = 0; i < 3 && result == SI_OK; i++) {
        const char *name = own[i][0] != '\0' ? own[i] : output[i];
        si_pixel_type ignored;
        if (name[0] != '\0') {
            result =
                si_query_profile(q, q->company, si_str_of(name), &q->recipe->assumed[i], &ignored);
        }
    }
    return result;
}

/* The output profile: icc=, which decides the pixel type, else the attribute of the type. */
static si_result set_profile(si_query *q) {
    si_recipe *r = q->recipe;
    const si_attributes *a = q->all->attributes;
    const char *defaults[3] = {a->icc_profile_rgb, a->icc_profile_gray, a->icc_profile_cmyk};
    const char *name = q->asked.icc != NULL ? q->asked.icc
                       : r->pixel_keep      ? ""
                                            : defaults[r->pixel_type];
    r->icc_name = r->req == SI_REQ_PROPS ? name : ""; /* changes no pixel */
    if (name[0] == '\0') {
        return SI_OK;
    }
    si_pixel_type type;
    SI_TRY(si_query_profile(q, q->company, si_str_of(name), &r->icc, &type));
    if (q->asked.icc != NULL) {
        r->pixel_type = type;
        r->pixel_keep = false;
    } else if (type != r->pixel_type) {
        return si_fail(q->all->diag, SI_ERR_CONFIG,
            "the colour profile \"%s\" of the company is for other colours", name);
    }
    return si_format_holds(r->format, r->pixel_type)
               ? SI_OK
               : si_fail(q->all->diag, SI_ERR_UNSUPPORTED,
                     "%s cannot hold the colours of the profile \"%s\"", si_format_name(r->format),
                     name);
}

/* sRGB, from sRGB: no intent makes a difference. */
static void clear_intent(si_recipe *r) {
    if (r->icc.path[0] == '\0') {
        r->intent = SI_INTENT_RELATIVE;
        r->black_point = true;
        r->dither = false;
    }
}

/* ---- formats ---- */

/* What the format has no place for is left out without an error. */
static void clear_unused(si_recipe *r) {
    bool jpeg = r->format == SI_FORMAT_JPEG;
    bool colours = r->format == SI_FORMAT_GIF || r->palette;
    r->icc_embed &= si_format_carries(r->format, SI_CARRIES_ICC);
    r->xmp_embed &= si_format_carries(r->format, SI_CARRIES_XMP);
    r->path_embed &= si_format_carries(r->format, SI_CARRIES_PATHS);
    r->scans = jpeg && r->progressive ? r->scans : 0;
    r->jpeg_size = jpeg ? r->jpeg_size : 0;
    if (!colours) {
        r->quantize = (si_quantize_command){.forced = ""};
    }
    if (r->alpha || r->req == SI_REQ_MASK) {
        r->bgc = 0xFFFFFF; /* nothing is flattened */
    }
}

static void set_print_res(si_query *q) {
    si_recipe *r = q->recipe;
    const si_record *record = base_record(q);
    if (!si_format_carries(r->format, SI_CARRIES_DPI)) {
        r->print_res = 0;
    } else if (!q->asked.print_res_given) {
        int attribute = q->all->attributes->print_resolution;
        r->print_res = record != NULL && record->print_resolution > 0 ? record->print_resolution
                       : attribute > 0                                ? attribute
                                                                      : -1;
    }
}

static si_result check_format(si_query *q) {
    si_recipe *r = q->recipe;
    if (q->asked.manifest != NULL) {
        return si_fail(
            q->all->diag, SI_ERR_UNSUPPORTED, "fmt=%s is for req=mbrSet only", q->asked.manifest);
    }
    if (r->pixel_type == SI_PIXEL_CMYK && !si_format_holds(r->format, SI_PIXEL_CMYK)) {
        return si_fail(q->all->diag, SI_ERR_UNSUPPORTED, "fmt: %s cannot hold CMYK",
            si_format_name(r->format));
    }
    if (r->quantize.kind == SI_QUANTIZE_MAC && r->alpha) {
        return si_fail(
            q->all->diag, SI_ERR_RANGE, "quantize: the mac palette has no transparent colour");
    }
    return SI_OK;
}

si_result si_query_output(si_query *q) {
    si_recipe *r = q->recipe;
    si_result result = q->asked.type == SI_TYPE_TMB ? set_thumb(q) : SI_OK;
    if (r->req == SI_REQ_MASK && !q->asked.type_given && !r->pixel_keep) {
        r->pixel_type = SI_PIXEL_GRAY;
    }
    clear_unused(r);
    result = result == SI_OK ? set_profile(q) : result;
    result = result == SI_OK ? check_format(q) : result;
    result = result == SI_OK ? set_assumed(q) : result;
    clear_intent(r);
    set_print_res(q);
    r->picture = q->picture;
    return result;
}
