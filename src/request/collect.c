/* From the items of a query, Modifier or PostModifier to statements: segments opened, commands
 * routed, presets expanded in place, variables collected. */
#include <stdio.h>

#include "request/command.h"
#include "request/tokens.h"
#include "request/values.h"

enum { MAX_PRESET_DEPTH = 8 };

/* A text being read. */
typedef struct reader {
    si_query *q;
    const si_collecting *how;
    si_draft *segment;       /* opened by layer=; the composite at first */
    si_effect_draft *effect; /* opened by effect=, NULL = none */
    int depth;               /* of presets */
    si_step_from from;       /* where what is read now stands */
} reader;

/* ---- how it comes about, for who asks ---- */

static si_step_from from_of(const si_collecting *how) {
    const si_record *r = how->record;
    if (r == NULL) {
        return (si_step_from){.name = "query"};
    }
    return (si_step_from){.file = r->file,
        .line = r->line,
        .name = how->level == SI_LEVEL_POSTMODIFIER ? "PostModifier" : "Modifier"};
}

static const char *place_of(
    const reader *r, const si_command_row *row, const si_draft *d, char out[64]) {
    const char *scope = row->scope == SI_SCOPE_REQUEST ? "the request" : "the view";
    if (row->comp == SI_COMP_NONE) {
        return scope;
    }
    int used = d->number < 0 ? snprintf(out, 64, "the composite")
                             : snprintf(out, 64, "layer %d", d->number);
    if (r->effect != NULL) {
        snprintf(out + used, (size_t)(64 - used), ", effect %d", r->effect->effect.number);
    }
    return out;
}

static void note_command(
    const reader *r, const si_command_row *row, const si_draft *d, si_str raw) {
    char place[64];
    const si_step_key key = {{d, row->comp != SI_COMP_NONE ? r->effect : NULL}, row->handler};
    if (r->q->all->steps != NULL) {
        si_step_add_command(r->q->all->steps, &r->from, &key, r->how->only != NULL,
            "%s=%.*s, of %s", row->name.p, SI_STR_ARG(raw), place_of(r, row, d, place));
    }
}

/* What follows stands in the preset. */
static void note_preset(reader *r, const si_preset *preset) {
    si_steps *steps = r->q->all->steps;
    if (steps != NULL) {
        r->from = (si_step_from){.file = preset->file,
            .line = preset->line,
            .name = preset->file != NULL ? "preset" : "built in"};
        si_step_add(steps, SI_STEP_PRESET, &r->from, "$%s$ = %s", preset->name, preset->body);
    }
}

static void note_ignored(const reader *r, const si_token *t, const char *why) {
    if (r->q->all->steps != NULL) {
        si_step_add(r->q->all->steps, SI_STEP_IGNORED, &r->from, "%.*s=%.*s: %s",
            SI_STR_ARG(t->name), SI_STR_ARG(t->value), why);
    }
}

/* ---- layers and their names ---- */

static si_draft *new_draft(si_query *q, int number) {
    si_draft *d = q->all->layers < SI_MAX_LAYERS ? si_arena_alloc(q->all->arena, sizeof *d) : NULL;
    if (d != NULL) {
        q->all->layers++;
        d->number = number;
        si_layer_init(&d->layer, number);
        d->adjustments = &d->layer.adjustments;
    }
    return d;
}

si_draft *si_query_layer(si_query *q, int number) {
    int low = 0, high = q->draft_count;
    while (low < high) {
        int middle = (low + high) / 2;
        *(q->drafts[middle]->number < number ? &low : &high) =
            q->drafts[middle]->number < number ? middle + 1 : middle;
    }
    if (low < q->draft_count && q->drafts[low]->number == number) {
        return q->drafts[low];
    }
    if (q->draft_count == q->draft_room) {
        int room = q->draft_room * 2 + 8;
        si_draft **more = si_arena_alloc(q->all->arena, (size_t)room * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        if (q->draft_count > 0) {
            memcpy(more, q->drafts, (size_t)q->draft_count * sizeof *more);
        }
        q->drafts = more;
        q->draft_room = room;
    }
    si_draft *d = new_draft(q, number);
    if (d != NULL) {
        memmove(q->drafts + low + 1, q->drafts + low,
            (size_t)(q->draft_count - low) * sizeof *q->drafts);
        q->drafts[low] = d;
        q->draft_count++;
    }
    return d;
}

static const si_layer_name *find_name(const si_query *q, si_str name) {
    const si_layer_name *n = q->names;
    while (n != NULL && !si_str_eq(n->name, name)) {
        n = n->next;
    }
    return n;
}

static si_result bind_name(si_query *q, si_str name, int number) {
    if (si_str_eq_nocase(name, SI_STR("comp"))) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX, "layer: the name \"comp\" is taken");
    }
    const si_layer_name *known = find_name(q, name);
    if (known != NULL) {
        return known->number == number ? SI_OK
                                       : si_fail(q->all->diag, SI_ERR_SYNTAX,
                                             "layer: two layers are named \"%.*s\"", SHOWN(name));
    }
    si_layer_name *n = si_arena_alloc(q->all->arena, sizeof *n);
    if (n == NULL) {
        return si_no_memory(q->all->diag);
    }
    *n = (si_layer_name){.next = q->names, .name = name, .number = number};
    q->names = n;
    return SI_OK;
}

/* Opens the segment of a number, −1 = the composite. */
static si_result open_segment(reader *r, int number) {
    si_query *q = r->q;
    r->effect = NULL;
    if (r->how->only != NULL) { /* a record that a layer shows has no layers of its own */
        r->segment = r->how->only;
        return number <= 0 ? SI_OK
                           : si_fail(q->all->diag, SI_ERR_SYNTAX,
                                 "a template cannot be the source of a layer: use src=is(…)");
    }
    r->segment = number < 0 ? &q->comp : si_query_layer(q, number);
    return r->segment != NULL ? SI_OK : si_fail(q->all->diag, SI_ERR_LIMIT, "too many layers");
}

static si_result open_layer(reader *r, si_str value) {
    si_query *q = r->q;
    si_str rest = value, which, name;
    int number = -1;
    (void)si_value_part(&rest, &which);
    bool named = si_value_part(&rest, &name);
    if (!si_str_eq_nocase(which, SI_STR("comp")) && !si_value_int(which, &number)) {
        const si_layer_name *known = find_name(q, which);
        if (known == NULL) {
            return si_fail(
                q->all->diag, SI_ERR_SYNTAX, "layer: unknown name \"%.*s\"", SHOWN(which));
        }
        number = known->number;
    } else if (number < 0 && !si_str_eq_nocase(which, SI_STR("comp"))) {
        return si_fail(q->all->diag, SI_ERR_RANGE,
            "layer: expected a number not below 0, got \"%.*s\"", SHOWN(value));
    }
    si_result result = named ? bind_name(q, name, number) : SI_OK;
    return result == SI_OK ? open_segment(r, number) : result;
}

static si_result open_effect(reader *r, si_str value) {
    si_query *q = r->q;
    si_draft *d = r->segment;
    int number;
    bool is_number = si_value_int(value, &number);
    if (!is_number || number == 0) {
        return si_fail(q->all->diag, is_number ? SI_ERR_SYNTAX : SI_ERR_RANGE,
            "effect: expected a number other than 0, got \"%.*s\"", SHOWN(value));
    }
    si_effect_draft **at = &d->effects;
    while (*at != NULL && (*at)->effect.number < number) {
        at = &(*at)->next;
    }
    if (*at == NULL || (*at)->effect.number != number) {
        si_effect_draft *e =
            q->all->effects < SI_MAX_EFFECTS ? si_arena_alloc(q->all->arena, sizeof *e) : NULL;
        if (e == NULL) {
            return si_fail(q->all->diag, SI_ERR_LIMIT, "too many effects");
        }
        si_effect_init(&e->effect, number);
        e->next = *at;
        *at = e;
        d->effect_count++;
        d->touched = true;
        q->all->effects++;
    }
    r->effect = *at;
    return SI_OK;
}

/* ---- statements ---- */

/* Whether a command counts at all in this kind of request (docs/protocol.md, Nested
 * and foreign images), and in this text. */
static bool counts(const reader *r, const si_command_row *row) {
    bool layers = row->comp != SI_COMP_NONE;
    if ((row->flags & SI_QUERY_ONLY) != 0 && r->how->level != SI_LEVEL_QUERY) {
        return false;
    }
    if (r->q->replaced) {
        return (row->flags & SI_SURVIVES) != 0;
    }
    if (!layers && r->how->only != NULL) {
        return false; /* a layer's record says nothing about the request */
    }
    if (r->q->role == SI_ROLE_WATERMARK) {
        return layers || si_str_eq(row->name, SI_STR("align"));
    }
    return r->q->role == SI_ROLE_REPLY || (row->flags & SI_NOT_NESTED) == 0;
}

/* Who gets a command that stands in the open segment; NULL = nobody. */
static si_draft *route(reader *r, const si_command_row *row) {
    si_query *q = r->q;
    if (row->comp == SI_COMP_NONE) {
        return &q->comp;
    }
    if (r->effect != NULL) {
        return (row->flags & SI_EFFECTS) != 0 ? r->segment : NULL;
    }
    if (r->segment->number >= 0) {
        return r->segment;
    }
    bool watermark = q->role == SI_ROLE_WATERMARK;
    switch (row->comp) {
    case SI_COMP_LAYER0:
        return si_query_layer(q, 0);
    case SI_COMP_IGNORED: /* a watermark's blend mode is how it is drawn */
        return watermark && (row->flags & SI_EFFECTS) != 0 ? si_query_layer(q, 0) : NULL;
    case SI_COMP_ERROR:
        return watermark ? si_query_layer(q, 0) : &q->comp;
    default:
        return &q->comp;
    }
}

static si_result state(reader *r, const si_command_row *row, si_str raw) {
    si_query *q = r->q;
    si_draft *d = route(r, row);
    if (d == NULL) {
        note_ignored(
            r, &(si_token){.name = row->name, .value = raw}, "not of what it stands behind");
        return SI_OK;
    }
    note_command(r, row, d, raw);
    if (r->how->only != NULL && (row->flags & (SI_CONTENT | SI_MASK)) != 0) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX,
            "the record of a layer must not itself have %s=: use src=is(…)", row->name.p);
    }
    si_statement *s = si_arena_alloc(q->all->arena, sizeof *s);
    if (s == NULL || ++q->all->statements > SI_MAX_STATEMENTS) {
        return si_fail(q->all->diag, SI_ERR_LIMIT, "too many commands in one request");
    }
    bool layers = row->comp != SI_COMP_NONE;
    *s = (si_statement){.row = row, .raw = raw, .draft = d, .effect = layers ? r->effect : NULL};
    d->touched |= layers;
    if ((row->flags & SI_CONTENT) != 0) {
        d->content = s;
    } else if ((row->flags & SI_MASK) != 0) {
        d->mask = s;
    }
    si_statements *list = r->how->only != NULL ? &q->record_statements : &q->statements;
    *(list->first != NULL ? list->last : &list->first) = s;
    list->last = &s->next;
    return SI_OK;
}

/* ---- items ---- */

static si_result read_items(reader *r, si_str text);

static si_result expand_preset(reader *r, si_str name) {
    si_query *q = r->q;
    const si_preset *preset = si_catalog_preset(q->all->catalog, r->how->company, name);
    if (preset == NULL) {
        q->all->unknown_preset = name;
        q->all->preset_company = r->how->company;
        return si_fail(q->all->diag, SI_ERR_NOT_FOUND, "unknown preset \"$%.*s$\"", SHOWN(name));
    }
    if (r->depth == MAX_PRESET_DEPTH) {
        return si_fail(q->all->diag, SI_ERR_SYNTAX, "presets are nested too deep");
    }
    const si_step_from outer = r->from;
    note_preset(r, preset);
    r->depth++;
    si_result result = read_items(r, si_str_of(preset->body));
    r->depth--;
    r->from = outer;
    return result;
}

/* layer= and effect= know no variables. */
static si_result open_item(reader *r, const si_command_row *row, si_str raw) {
    static const si_variables none = {{0}, NULL, NULL};
    si_str value;
    si_result result = si_variables_expand(
        &none, raw, SI_INSERT_DECODED, r->q->all->arena, &value, r->q->all->diag);
    if (result != SI_OK || value.len == 0 || (r->q->replaced)) {
        return result;
    }
    return row->name.p[0] == 'l' ? open_layer(r, value) : open_effect(r, value);
}

static si_result read_command(reader *r, const si_token *t) {
    const si_command_row *row = si_command_find(t->name);
    if (row == NULL) {
        note_ignored(r, t, "no command has this name");
        return SI_OK; /* unknown: cache busters and tracking (docs/decisions.md, P2) */
    }
    if (row->set == NULL) {
        si_step_add(r->q->all->steps, SI_STEP_COMMAND, &r->from, "%s=%.*s", row->name.p,
            SI_STR_ARG(t->value));
        return open_item(r, row, t->value);
    }
    if (!counts(r, row)) {
        note_ignored(r, t, "does not count here");
        return SI_OK;
    }
    if (r->how->level != SI_LEVEL_QUERY && si_str_eq(row->name, SI_STR("template"))) {
        return si_fail(r->q->all->diag, SI_ERR_SYNTAX, "template= cannot stand in a record");
    }
    if (t->value.len == 0 && (row->flags & SI_TAKES_EMPTY) == 0) {
        note_ignored(r, t, "it has no value");
        return SI_OK; /* docs/decisions.md, P3 */
    }
    return state(r, row, t->value);
}

static si_result read_items(reader *r, si_str text) {
    si_query *q = r->q;
    si_token t;
    bool out_of_memory = false;
    si_result result = SI_OK;
    while (result == SI_OK && si_token_next(&text, q->all->arena, &t, &out_of_memory)) {
        switch (t.kind) {
        case SI_TOKEN_COMMAND:
            result = read_command(r, &t);
            break;
        case SI_TOKEN_PRESET:
            result = expand_preset(r, t.name);
            break;
        case SI_TOKEN_VARIABLE:
            si_step_add(q->all->steps, SI_STEP_VARIABLE, &r->from, "$%.*s = %.*s",
                SI_STR_ARG(t.name), SI_STR_ARG(t.value));
            if (!si_variable_define(&q->variables, t.name, t.value, r->how->level, q->all->arena)) {
                out_of_memory = true;
            }
            break;
        case SI_TOKEN_BARE:
            note_ignored(r, &t, "it has no value");
            break; /* a command without a value counts as absent (docs/decisions.md, P3) */
        }
    }
    return out_of_memory ? si_no_memory(q->all->diag) : result;
}

si_result si_query_collect(si_query *q, si_str text, const si_collecting *how) {
    reader r = {.q = q,
        .how = how,
        .segment = how->only != NULL ? how->only : &q->comp,
        .from = from_of(how)};
    return read_items(&r, text);
}

/* ---- what must be known first ---- */

static int foreseen(si_str name) {
    static const char *const names[] = {"req", "handler", "id", "locale", "template", NULL};
    return name.len >= 2 && name.len <= 8 ? si_value_keyword(name, names) : -1;
}

static si_result foresee_items(si_query *q, si_str text, int depth) {
    si_token t;
    bool out_of_memory = false;
    while (si_token_next(&text, q->all->arena, &t, &out_of_memory)) {
        if (t.kind == SI_TOKEN_VARIABLE) {
            out_of_memory |=
                !si_variable_define(&q->variables, t.name, t.value, SI_LEVEL_QUERY, q->all->arena);
        } else if (t.kind == SI_TOKEN_PRESET && depth < MAX_PRESET_DEPTH) {
            const char *body = si_company_preset(q->all->catalog, q->company, t.name);
            if (body != NULL && foresee_items(q, si_str_of(body), depth + 1) != SI_OK) {
                return SI_ERR_MEMORY;
            }
        } else if (t.kind == SI_TOKEN_COMMAND && t.value.len > 0) {
            int index = foreseen(t.name);
            if (index >= 0) {
                q->foreseen[index] = t.value;
            }
        }
    }
    return out_of_memory ? si_no_memory(q->all->diag) : SI_OK;
}

si_result si_query_foresee(si_query *q, si_str text) {
    return foresee_items(q, text, 0);
}
