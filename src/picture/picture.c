#include "picture/picture.h"

#include <string.h>

#include "base/origin.h"
#include "picture/recipe.h"

/* ---- nothing given ---- */

void si_adjustments_init(si_adjustments *l) {
    *l = (si_adjustments){.crop_path = "",
        .clip_path = "",
        .clip_path_e = "",
        .clip_xpath = "",
        .clip_xpath_e = "",
        .opac = {100, 100}};
}

void si_effect_init(si_effect *e, int number) {
    *e = (si_effect){.number = number, .opac = 100};
}

static const si_source no_source = {.file = {.path = ""}, .profile = {.path = ""}, .url = ""};

void si_layer_init(si_layer *l, int number) {
    *l = (si_layer){.number = number,
        .source = no_source,
        .mask = no_source,
        .text = {.rtf = "",
            .dpi = 72,
            .antialias = 1,
            .path = "",
            .flow_path = "",
            .flow_xpath = "",
            .path_end = 1,
            .default_font = ""}};
    si_adjustments_init(&l->adjustments);
}

void si_picture_init(si_picture *p) {
    *p = (si_picture){.effect_mask = true,
        .view = {.rect_scale = 1, .thumb_scale = 1, .resmode = SI_RESMODE_SHARP2}};
    si_adjustments_init(&p->comp);
}

void si_recipe_init(si_recipe *r) {
    *r = (si_recipe){.company = "",
        .object = "",
        .encoding = "UTF-8",
        .handler = "s7jsonResponse",
        .request_id = "",
        .set = "",
        .save_name = "",
        .bgc = 0xFFFFFF,
        .dpr = 1,
        .format = SI_FORMAT_JPEG,
        .quality = 80,
        .quantize = {.forced = ""},
        .icc = {.path = ""},
        .icc_name = "",
        .intent = SI_INTENT_RELATIVE,
        .black_point = true,
        .assumed = {{.path = ""}, {.path = ""}, {.path = ""}}};
    si_picture_init(&r->picture);
}

/* ---- the simple path ---- */

/* Nothing but sharpening, which every path can do. Field by field: structures have padding. */
static bool is_plain_ops(const si_ops *o) {
    return o->grow_mask == 0 && o->brightness == 0 && o->contrast == 0 && o->balance[0] == 0 &&
           o->balance[1] == 0 && o->balance[2] == 0 && o->hue == 0 && o->saturation == 0 &&
           o->colorize == SI_COLORIZE_NONE && !o->invert && o->blur == 0 && o->grow == 0 &&
           o->noise == 0;
}

static bool has_plain_adjustments(const si_adjustments *l) {
    return l->flip == 0 && l->crop_path[0] == '\0' && l->clip_path[0] == '\0' &&
           l->clip_path_e[0] == '\0' && l->opac[0] == 100 && l->opac[1] == 100 &&
           l->effect_count == 0 && is_plain_ops(&l->ops);
}

bool si_picture_is_simple(const si_picture *p) {
    const si_layer *l = p->layers;
    return p->layer_count == 1 && l->kind == SI_LAYER_IMAGE && !l->hide &&
           l->source.kind == SI_SOURCE_FILE && l->source.smart_crop[0] == 0 &&
           l->source.crop_rect[2] == 0 && l->mask.kind == SI_SOURCE_NONE &&
           l->mask_use == SI_MASK_NORM && !l->has_color && l->bg_color.alpha == 0 &&
           l->rotate == 0 && l->perspective.mode == SI_PERSPECTIVE_NONE &&
           l->extend_unit == SI_UNIT_NONE && has_plain_adjustments(&l->adjustments) &&
           has_plain_adjustments(&p->comp) && !p->view.has_rgn && p->view.thumb == SI_THUMB_NONE;
}

/* ---- files ---- */

typedef struct visitor {
    bool (*visit)(void *context, const si_file_ref *file);
    void *context;
    bool in_origins; /* those in origins, rather than those below the root */
} visitor;

static bool visit_file(const visitor *v, const si_file_ref *file) {
    bool wanted =
        v->in_origins ? si_is_in_origin(file->path) : file->path[0] != '\0' && file->path[0] != '/';
    return !wanted || v->visit(v->context, file);
}

static bool visit_picture(const visitor *v, const si_picture *p);

static bool visit_source(const visitor *v, const si_source *s) {
    return (s->kind != SI_SOURCE_FILE || visit_file(v, &s->file)) &&
           (s->kind != SI_SOURCE_NESTED || visit_picture(v, s->nested)) &&
           visit_file(v, &s->profile);
}

static bool visit_picture(const visitor *v, const si_picture *p) {
    for (int i = 0; i < p->layer_count; i++) {
        const si_layer *l = &p->layers[i];
        if (!visit_source(v, &l->source) || !visit_source(v, &l->mask)) {
            return false;
        }
        for (int k = 0; k < l->text.font_count; k++) {
            if (!visit_file(v, &l->text.fonts[k].file)) {
                return false;
            }
        }
    }
    return true;
}

bool si_picture_files(
    const si_picture *p, bool (*visit)(void *context, const si_file_ref *file), void *context) {
    const visitor v = {visit, context, false};
    return visit_picture(&v, p);
}

static bool source_is_foreign(const si_source *s) {
    return s->kind == SI_SOURCE_URL ||
           (s->kind == SI_SOURCE_NESTED && si_picture_is_foreign(s->nested));
}

bool si_picture_is_foreign(const si_picture *p) {
    for (int i = 0; i < p->layer_count; i++) {
        if (source_is_foreign(&p->layers[i].source) || source_is_foreign(&p->layers[i].mask)) {
            return true;
        }
    }
    return false;
}

static bool source_urls(
    const si_source *s, bool (*visit)(void *context, const char *url), void *context) {
    return s->kind == SI_SOURCE_URL      ? visit(context, s->url)
           : s->kind == SI_SOURCE_NESTED ? si_picture_urls(s->nested, visit, context)
                                         : true;
}

bool si_picture_urls(
    const si_picture *p, bool (*visit)(void *context, const char *url), void *context) {
    for (int i = 0; i < p->layer_count; i++) {
        const si_layer *l = &p->layers[i];
        if (l->kind != SI_LAYER_TEXT && !source_urls(&l->mask, visit, context)) {
            return false;
        }
        if (l->kind == SI_LAYER_IMAGE && !source_urls(&l->source, visit, context)) {
            return false;
        }
    }
    return true;
}

bool si_recipe_files(
    const si_recipe *r, bool (*visit)(void *context, const si_file_ref *file), void *context) {
    const visitor v = {visit, context, false};
    return si_picture_files(&r->picture, visit, context) &&
           (r->watermark == NULL || si_picture_files(&r->watermark->picture, visit, context)) &&
           visit_file(&v, &r->icc) && visit_file(&v, &r->assumed[0]) &&
           visit_file(&v, &r->assumed[1]) && visit_file(&v, &r->assumed[2]);
}

bool si_recipe_in_origins(
    const si_recipe *r, bool (*visit)(void *context, const si_file_ref *file), void *context) {
    const visitor v = {visit, context, true};
    return visit_picture(&v, &r->picture) &&
           (r->watermark == NULL || visit_picture(&v, &r->watermark->picture));
}
