/* Layers once all their commands are known: what records and attributes add, what is an error
 * (docs/protocol.md, Errors), and what has no effect and so must not tell two equal pictures
 * apart. */
#include "base/map_links.h"
#include "request/command.h"
#include "richtext/rtf.h"
#include "request/values.h"

/* ---- images ---- */

static double resolution(const si_draft *d, const si_query *q) {
    const si_record *r = d->found != NULL ? d->found->is.record : NULL;
    const si_company *governs = d->found != NULL ? d->found->is.company : q->company;
    return r != NULL && r->resolution > 0 ? r->resolution : governs->attributes.resolution;
}

/* size= beats scale=, which beats res=. */
static void set_scale(si_query *q, si_draft *d) {
    si_layer *l = &d->layer;
    bool sized = l->size[0] != 0 || l->size[1] != 0 || l->size_n[0] != 0 || l->size_n[1] != 0 ||
                 d->watermark_size[0] != 0 || d->watermark_size[1] != 0;
    l->scale =
        sized          ? 0
        : d->scale > 0 ? d->scale
        : d->res > 0
            ? si_canonical(si_clamp_real(d->res / resolution(d, q), SI_FACTOR_MIN, SI_NUMBER_MAX))
            : 0;
    if (l->scale == 1) {
        l->scale = 0; /* what nothing means, too */
    }
}

/* What perspective replaces or ignores (docs/decisions.md, P37). */
static void clear_for_perspective(si_draft *d) {
    si_layer *l = &d->layer;
    if (l->perspective.mode == SI_PERSPECTIVE_NONE) {
        return;
    }
    l->rotate = 0;
    l->extend_unit = SI_UNIT_NONE;
    memset(l->extend, 0, sizeof l->extend);
    if (l->kind == SI_LAYER_IMAGE) {
        memset(l->size, 0, sizeof l->size);
        memset(l->size_n, 0, sizeof l->size_n);
        d->res = 0;
    }
}

static si_result complete_image(si_query *q, si_draft *d) {
    si_layer *l = &d->layer;
    const si_record *r = d->found != NULL ? d->found->is.record : NULL;
    si_pixel_type ignored;
    bool crop = l->source.smart_crop[0] > 0; /* a picture of its own: the anchor is of the whole */
    l->kind = SI_LAYER_IMAGE;
    if (r != NULL && !crop && SI_RECORD_HAS(r, anchor) && l->anchor.unit == SI_UNIT_NONE) {
        l->anchor = (si_point){SI_UNIT_PIXELS, {r->anchor.w, r->anchor.h}};
    }
    if (l->color.alpha == 0) {
        l->has_color = false; /* fills nothing */
        l->color.rgb = 0;
    }
    if (r != NULL && r->icc_profile[0] != '\0') {
        return si_query_profile(
            q, d->found->is.owner, si_str_of(r->icc_profile), &l->source.profile, &ignored);
    }
    return SI_OK;
}

/* ---- solid layers ---- */

/* size= or sizeN= with both sides. */
static bool is_sized(const si_layer *l) {
    return (l->size[0] > 0 && l->size[1] > 0) || (l->size_n[0] > 0 && l->size_n[1] > 0);
}

/* What makes a layer of one colour, which may be none: an empty layer is transparent
 * but for its bgColor. */
static si_result check_solid(const si_query *q, const si_draft *d, bool sized, bool masked) {
    const si_layer *l = &d->layer;
    si_diag *diag = q->all->diag;
    bool placed = d->scale > 0 || l->rotate != 0 || l->anchor.unit != SI_UNIT_NONE;
    if (d->number == 0 && !d->touched) {
        return si_fail(diag, SI_ERR_SYNTAX, "layer 0 is missing: no image is named");
    }
    if (d->number == 0 && !l->has_color && !sized && !masked) {
        return si_fail(
            diag, SI_ERR_SYNTAX, "layer 0 is missing: it has no src=, text=, color= or size=");
    }
    if (!sized && !masked && l->adjustments.clip_path[0] == '\0') {
        return si_fail(diag, SI_ERR_SYNTAX,
            "layer %d of one colour needs size=, mask= or clipPath=", d->number);
    }
    return sized || masked || !placed
               ? SI_OK
               : si_fail(diag, SI_ERR_SYNTAX,
                     "layer %d takes its size from clipPath=: no scale=, rotate= or anchor=",
                     d->number);
}

static si_result complete_solid(si_query *q, si_draft *d) {
    si_layer *l = &d->layer;
    bool sized = is_sized(l);
    bool masked = l->mask.kind != SI_SOURCE_NONE;
    l->kind = SI_LAYER_SOLID;
    if (!masked) { /* whom they would act on */
        l->crop_unit = SI_UNIT_NONE;
        memset(l->crop, 0, sizeof l->crop);
        l->adjustments.ops.grow_mask = 0;
        l->adjustments.ops.grow_mask_raw = false;
    }
    si_result result = check_solid(q, d, sized, masked);
    if (!masked) {
        d->scale = d->res = 0;
    }
    return result;
}

/* ---- text ---- */

/* Adds the font of one face (docs/text.md) to those of the layer. */
static si_result add_font(
    si_query *q, const si_richtext_font *face, si_text_ref *t, si_font_ref *fonts) {
    si_reading *all = q->all;
    const si_font *styles[4];
    si_font_row rows[4];
    si_font_choice choice;
    int count = si_catalog_font(all->catalog, q->company, face->face, styles);
    for (int i = 0; i < count; i++) {
        rows[i] = (si_font_row){si_str_of(styles[i]->name), styles[i]->bold, styles[i]->italic,
            si_str_of(styles[i]->path)};
    }
    SI_TRY(si_richtext_font_find(face, rows, (size_t)count, t->synthesize, &choice, all->diag));
    const si_font *found = styles[choice.row - rows];
    for (int i = 0; i < t->font_count; i++) {
        if (strcmp(fonts[i].name, found->name) == 0 && fonts[i].bold == found->bold &&
            fonts[i].italic == found->italic) {
            return SI_OK;
        }
    }
    si_file file;
    si_diag missing = {0};
    si_result result = si_catalog_find_exact(
        all->catalog, found->owner, si_str_of(found->path), all->arena, &file, &missing);
    if (result != SI_OK) {
        return si_fail(all->diag, SI_ERR_CONFIG, "the file of font \"%s\" is missing", found->name);
    }
    fonts[t->font_count++] = (si_font_ref){.name = found->name,
        .bold = found->bold,
        .italic = found->italic,
        .file = {file.path, file.size, file.time_ns}};
    return SI_OK;
}

static si_result find_fonts(si_query *q, si_draft *d, const si_richtext *text) {
    si_text_ref *t = &d->layer.text;
    if (text->font_count == 0) {
        return SI_OK;
    }
    si_font_ref *fonts = si_arena_alloc(q->all->arena, text->font_count * sizeof *fonts);
    if (fonts == NULL) {
        return si_no_memory(q->all->diag);
    }
    t->fonts = fonts;
    t->synthesize = si_reading_attributes(q->all, q->company)->synthesize_font_styles;
    si_result result = SI_OK;
    for (size_t i = 0; i < text->font_count && result == SI_OK; i++) {
        result = add_font(q, &text->fonts[i], t, fonts);
    }
    return result;
}

/* What only one of the two renderers knows means nothing to the other. */
static void clear_for_mode(si_text_ref *t) {
    if (!t->ps) {
        t->path = t->flow_path = t->flow_xpath = "";
        t->angle = 0;
        t->antialias = t->antialias > 1 ? 1 : t->antialias;
    } else {
        t->resolution_mode = t->wrap = 0;
    }
    if (t->path[0] == '\0') {
        t->path_reverse = false;
        t->path_start = 0;
        t->path_end = 1;
    } else {
        t->angle = 0;
    }
    if (t->flow_path[0] == '\0') {
        t->flow_xpath = "";
    }
}

static si_result complete_text(si_query *q, si_draft *d) {
    si_reading *all = q->all;
    si_layer *l = &d->layer;
    si_text_ref *t = &l->text;
    si_richtext text;
    si_str value;
    l->kind = SI_LAYER_TEXT;
    t->ps = d->content->row->name.len > 4;
    t->default_font = q->company->attributes.default_font;
    clear_for_mode(t);
    si_richtext_options options = {
        .mode = t->ps ? SI_TEXT_PS : SI_TEXT_NORM, .default_font = si_str_of(t->default_font)};
    SI_TRY(si_variables_expand(
        &q->variables, d->content->raw, SI_INSERT_DECODED, all->arena, &value, all->diag));
    SI_TRY(si_richtext_parse(value, &options, all->arena, &text, all->diag));
    if (memchr(value.p, '\0', value.len) != NULL) {
        return si_fail(all->diag, SI_ERR_SYNTAX, "%s: NUL in the text", d->content->row->name.p);
    }
    if (t->path[0] != '\0' && t->flow_path[0] != '\0') {
        return si_fail(all->diag, SI_ERR_RANGE, "textPath and textFlowPath exclude each other");
    }
    bool sized = l->size[0] > 0 || l->size_n[0] > 0;
    if (!sized && t->path[0] == '\0' && t->flow_path[0] == '\0') {
        SI_TRY(si_richtext_check_self_sizing(&text, all->diag));
    }
    t->rtf = si_arena_copy(all->arena, value.p, value.len);
    if (t->rtf == NULL) {
        return si_no_memory(all->diag);
    }
    return find_fonts(q, d, &text);
}

/* ---- effects ---- */

static si_result list_effects(si_query *q, si_draft *d) {
    if (d->effect_count == 0) {
        return SI_OK;
    }
    si_effect *list = si_arena_alloc(q->all->arena, (size_t)d->effect_count * sizeof *list);
    if (list == NULL) {
        return si_no_memory(q->all->diag);
    }
    int n = 0;
    for (const si_effect_draft *e = d->effects; e != NULL; e = e->next) {
        if (!e->has_color) {
            return si_fail(
                q->all->diag, SI_ERR_SYNTAX, "effect %d has no color=", e->effect.number);
        }
        list[n++] = e->effect;
    }
    d->adjustments->effects = list;
    d->adjustments->effect_count = n;
    return SI_OK;
}

/* ---- all of them ---- */

/* Clip paths that exclude need one that includes; embedded ones need an image. */
static si_result clear_look(const si_query *q, const si_draft *d) {
    si_adjustments *adjustments = d->adjustments;
    if (d->number >= 0 && d->layer.kind != SI_LAYER_IMAGE) {
        adjustments->clip_path_e = adjustments->clip_xpath_e = adjustments->crop_path = "";
    }
    if (adjustments->clip_path[0] == '\0') {
        adjustments->clip_xpath = adjustments->clip_xpath_e = "";
    }
    const si_query *outermost = q;
    while (outermost->outer != NULL) {
        outermost = outermost->outer;
    }
    if (outermost->asked.type != SI_TYPE_MAP) {
        adjustments->map = adjustments->map_source = NULL;
    } else if (adjustments->map == NULL && adjustments->map_source == NULL && d->found != NULL &&
               d->found->source.smart_crop[0] == 0 && d->found->is.record != NULL &&
               d->found->is.record->map[0] != '\0') {
        adjustments->map_source = si_map_links_copy(
            si_str_of(d->found->is.record->map), SI_MAP_OF_COMPANY, q->all->arena);
        return adjustments->map_source != NULL ? SI_OK : si_no_memory(q->all->diag);
    }
    return SI_OK;
}

static si_result complete(si_query *q, si_draft *d) {
    si_layer *l = &d->layer;
    bool text = d->content != NULL && d->content->row->name.p[0] == 't';
    bool image = l->source.kind != SI_SOURCE_NONE;
    if (text) {
        memset(&l->source, 0, sizeof l->source);
        l->source.file.path = l->source.profile.path = l->source.url = "";
    }
    SI_TRY(text ? complete_text(q, d) : image ? complete_image(q, d) : complete_solid(q, d));
    if (l->kind != SI_LAYER_TEXT) {
        si_layer nothing;
        si_layer_init(&nothing, 0);
        l->text = nothing.text;
    }
    clear_for_perspective(d);
    set_scale(q, d);
    if (d->number == 0) {
        l->blend = q->role == SI_ROLE_WATERMARK ? l->blend : SI_BLEND_NORM;
        l->pos = (si_point){SI_UNIT_NONE, {0, 0}};
        memset(l->size_n, 0, sizeof l->size_n);
    }
    SI_TRY(clear_look(q, d));
    return list_effects(q, d);
}

/* A layer that shows nothing: neither an image nor text nor a colour, and no bgColor in a rectangle
 * of some size. */
static bool is_empty(const si_draft *d) {
    const si_layer *l = &d->layer;
    bool text = d->content != NULL && d->content->row->name.p[0] == 't';
    bool shape =
        is_sized(l) || l->mask.kind != SI_SOURCE_NONE || l->adjustments.clip_path[0] != '\0';
    bool filled = shape && (l->bg_color.alpha > 0 || d->effect_count > 0);
    return !text && l->source.kind == SI_SOURCE_NONE && !l->has_color && !filled;
}

/* Layers that nobody sees: hidden and empty ones, and names given to nothing. Layer 0 is the
 * canvas.
 */
static bool is_nothing(const si_draft *d) {
    return d->number > 0 && (d->layer.hide || !d->touched || is_empty(d));
}

si_result si_query_layers(si_query *q) {
    si_picture *p = &q->picture;
    si_layer *layers = si_arena_alloc(q->all->arena, (size_t)q->draft_count * sizeof *layers);
    if (layers == NULL) {
        return si_no_memory(q->all->diag);
    }
    si_result result = SI_OK;
    int n = 0, effects = 0;
    for (int i = 0; i < q->draft_count && result == SI_OK; i++) {
        si_draft *d = q->drafts[i];
        if (is_nothing(d)) {
            continue;
        }
        result = complete(q, d);
        layers[n++] = d->layer;
        effects += d->effect_count;
    }
    if (result == SI_OK) {
        result = clear_look(q, &q->comp);
        result = result == SI_OK ? list_effects(q, &q->comp) : result;
    }
    p->layers = layers;
    p->layer_count = n;
    p->effect_mask = p->effect_mask || effects + q->comp.effect_count == 0;
    return result;
}
