/* One request, outermost or nested, from its query to its picture: the steps in their order
 * (docs/protocol.md, Records, presets, templates). */
#include <assert.h>

#include "request/command.h"

/* ---- defaults ---- */

void si_query_init(si_query *q) {
    const si_attributes *a = si_reading_attributes(q->all, q->company);
    bool outermost = q->role == SI_ROLE_REPLY;
    q->asked = (si_asked){.client_cache = true,
        .server_cache = true,
        .shape = {.encoding = "UTF-8", .handler = "s7jsonResponse", .request_id = ""}};
    si_picture_init(&q->picture);
    q->picture.effect_mask = a->apply_effect_mask;
    q->comp.number = -1;
    q->comp.adjustments = &q->picture.comp;
    si_view *v = &q->picture.view;
    v->resmode = (si_resmode)a->res_mode;
    if (outermost) { /* nested requests know neither (docs/protocol.md, Nested images) */
        v->max_pix[0] = a->max_pix.w;
        v->max_pix[1] = a->max_pix.h;
        v->default_pix[0] = a->default_pix.w;
        v->default_pix[1] = a->default_pix.h;
    }
    si_recipe *r = q->recipe;
    si_recipe_init(r);
    r->company = q->company->id;
    r->bgc = a->bkg_color;
    r->quality = a->jpeg_quality.quality;
    r->chroma_full = a->jpeg_quality.chroma_full;
    r->intent = (si_intent)a->icc_render_intent;
    r->black_point = a->icc_black_point;
    r->dither = a->icc_dither;
}

/* ---- applying commands ---- */

static si_result apply(si_query *q, const si_statement *s) {
    si_reading *all = q->all;
    si_command_target setting = {.q = q, .row = s->row, .draft = s->draft, .effect = s->effect};
    si_str value = s->raw;
    if ((s->row->flags & SI_RAW) == 0) {
        if (q->read_only && value.len > 0 && memchr(value.p, '$', value.len) != NULL) {
            return SI_OK; /* what it will be, nobody knows */
        }
        SI_TRY(si_variables_expand(
            &q->variables, s->raw, SI_INSERT_DECODED, all->arena, &value, all->diag));
        if (value.len > 0 && memchr(value.p, '\0', value.len) != NULL) {
            return si_fail(all->diag, SI_ERR_SYNTAX, "%s: NUL in the value", s->row->name.p);
        }
    }
    if (all->steps != NULL && s->raw.len > 0 && memchr(s->raw.p, '$', s->raw.len) != NULL &&
        !si_str_eq(value, s->raw)) {
        si_step_add(all->steps, SI_STEP_VALUE, NULL, "%s=%.*s is %.*s", s->row->name.p,
            SI_STR_ARG(s->raw), SI_STR_ARG(value));
    }
    if (value.len == 0 && (s->row->flags & SI_TAKES_EMPTY) == 0) {
        return SI_OK; /* docs/decisions.md, P3 */
    }
    return s->row->set(&setting, value);
}

/* Commands of the request and its view, or those of layers; in order, so that the last one of a
 * kind wins. */
static si_result apply_all(si_query *q, const si_statements *list, bool layers) {
    si_result result = SI_OK;
    for (const si_statement *s = list->first; s != NULL && result == SI_OK; s = s->next) {
        if ((s->row->comp != SI_COMP_NONE) == layers) {
            result = apply(q, s);
        }
    }
    return result;
}

/* ---- first looks ---- */

static si_result expand_foreseen(si_query *q, int which, si_str *out) {
    return si_variables_expand(
        &q->variables, q->foreseen[which], SI_INSERT_DECODED, q->all->arena, out, q->all->diag);
}

/* req=, handler= and id= decide what even an error looks like. A mistake in them is told later. */
static void set_shape(si_query *q) {
    static const char *const names[] = {"req", "handler", "id"};
    si_diag *loud = q->all->diag;
    q->all->diag = &q->shape_mistake;
    for (int i = SI_FORESEEN_REQ; i <= SI_FORESEEN_ID; i++) {
        si_str value;
        const si_command_row *row = si_command_find(si_str_of(names[i]));
        si_command_target s = {.q = q, .row = row, .draft = &q->comp};
        if (q->foreseen[i].len > 0 && row != NULL && q->role == SI_ROLE_REPLY &&
            expand_foreseen(q, i, &value) == SI_OK && value.len > 0) {
            (void)!row->set(&s, value);
        }
    }
    q->all->diag = loud;
}

/* The object of the path, or the record of template=. What is missing is told when it is used. */
static si_result find_object(si_query *q) {
    si_diag missing = {0};
    si_str name = q->object;
    bool from_url = q->from_url;
    if (q->foreseen[SI_FORESEEN_TEMPLATE].len > 0 && !q->replaced && q->role != SI_ROLE_WATERMARK) {
        SI_TRY(expand_foreseen(q, SI_FORESEEN_TEMPLATE, &name));
        q->by_template = true;
        from_url = false;
    }
    if (name.len == 0 || q->read_only) {
        return SI_OK;
    }
    si_result result = si_query_resolve(q, name, from_url, &q->found, &missing);
    bool known = result == SI_OK || (result == SI_ERR_NOT_FOUND && q->found.missing);
    if (!known && q->asked.type == SI_TYPE_CATALOGPROPS) { /* which are not about an object */
        return SI_OK;
    }
    if (!known) {
        return si_fail(q->all->diag, result, "%s", missing.text);
    }
    if (!q->by_template && q->found.is.object[0] == '\0') {
        q->object.len = 0; /* a company alone */
    }
    if (q->by_template && q->found.is.record == NULL) {
        return si_fail(
            q->all->diag, SI_ERR_NOT_FOUND, "there is no template \"%.*s\"", SHOWN(name));
    }
    return SI_OK;
}

si_result si_query_open(si_query *q, si_str text) {
    si_reading *all = q->all;
    si_result result = si_query_foresee(q, text);
    set_shape(q);
    SI_TRY(result);
    if (q->role == SI_ROLE_REPLY && q->foreseen[SI_FORESEEN_LOCALE].len > 0) {
        result = expand_foreseen(q, SI_FORESEEN_LOCALE, &all->locale);
    }
    if (result == SI_OK && !si_variable_define(&q->variables, SI_STR("object"), q->object_raw,
                               SI_LEVEL_PREDEFINED, all->arena)) {
        result = si_no_memory(all->diag);
    }
    return result == SI_OK ? find_object(q) : result;
}

/* ---- all of it ---- */

static si_result collect(
    si_query *q, const char *text, si_level level, const si_company *company, const si_record *r) {
    si_collecting how = {level, NULL, company, r};
    return text[0] != '\0' ? si_query_collect(q, si_str_of(text), &how) : SI_OK;
}

/* PostModifier of layer 0's record; the other layers' are dropped (docs/decisions.md), and that
 * of a template, too. */
static si_result collect_post(si_query *q, const si_found *found) {
    const si_record *r = found != NULL ? found->is.record : NULL;
    return r != NULL && !q->replaced
               ? collect(q, r->post_modifier, SI_LEVEL_POSTMODIFIER, found->is.company, r)
               : SI_OK;
}

static si_result collect_all(si_query *q, si_str text) {
    const si_record *r = q->found.is.record;
    si_result result = r != NULL && !q->replaced
                           ? collect(q, r->modifier, SI_LEVEL_MODIFIER, q->found.is.company, r)
                           : SI_OK;
    si_collecting how = {SI_LEVEL_QUERY, NULL, q->company, NULL};
    return result == SI_OK ? si_query_collect(q, text, &how) : result;
}

/* Whether layer 0 shows the object of the path. */
static bool shows_path(si_query *q) {
    const si_draft *base = si_query_layer(q, 0);
    return base != NULL && base->content == NULL && !q->by_template;
}

static si_result find_sources(si_query *q) {
    bool path = shows_path(q);
    si_result result = path ? collect_post(q, &q->found) : SI_OK;
    result = result == SI_OK ? apply_all(q, &q->statements, false) : result;
    if (result != SI_OK || q->read_only) {
        return result;
    }
    result = si_query_sources(q);
    const si_found *base = q->drafts[0]->found;
    if (result == SI_OK && !path && base != NULL && base != &q->found) {
        result = collect_post(q, base);
        result = result == SI_OK ? apply_all(q, &q->statements, false) : result;
        result = result == SI_OK ? si_query_sources(q) : result; /* it may name some */
    }
    return result;
}

/* What cannot be told from one command alone. The vendor's page has fit without wid and hei as an
 * error. That stands for a bare mode; with the flag, as URL builders add it to everything (crop,0),
 * it means as little as with one of the two sizes. */
static si_result check_view(si_query *q) {
    si_view *v = &q->picture.view;
    if (q->asked.fit_bare && v->wid == 0 && v->hei == 0 && v->scl == 0) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX, "fit needs wid or hei");
    }
    /* what has no effect must not tell two equal replies apart */
    if (v->scl != 0 || v->wid == 0 || v->hei == 0) {
        v->fit = SI_FIT_FIT;
        v->upscale = false;
    }
    bool placed = v->scl != 0 || (v->wid != 0 && v->hei != 0 && v->fit != SI_FIT_CONSTRAIN &&
                                     v->fit != SI_FIT_WRAP && v->fit != SI_FIT_STRETCH);
    if (!placed && q->role != SI_ROLE_WATERMARK && q->asked.type != SI_TYPE_TMB) {
        v->align[0] = v->align[1] = 0;
    }
    if (v->wid != 0 || v->hei != 0 || v->scl != 0) {
        v->default_pix[0] = v->default_pix[1] = 0;
    }
    return SI_OK;
}

si_result si_query_build(si_query *q, si_str text) {
    si_result result = collect_all(q, text);
    result = result == SI_OK ? find_sources(q) : result;
    result = result == SI_OK ? apply_all(q, &q->record_statements, true) : result;
    result = result == SI_OK ? apply_all(q, &q->statements, true) : result;
    if (result == SI_OK && !q->read_only) {
        result = si_query_masks(q);
        result = result == SI_OK ? si_query_layers(q) : result;
    }
    return result == SI_OK ? check_view(q) : result;
}

si_result si_query_check(si_query *q, si_str text, si_level level) {
    const si_collecting how = {.level = level, .company = q->company};
    assert(q->read_only);
    SI_TRY(si_query_open(q, text));
    SI_TRY(si_query_collect(q, text, &how));
    SI_TRY(apply_all(q, &q->statements, false));
    return apply_all(q, &q->statements, true);
}
