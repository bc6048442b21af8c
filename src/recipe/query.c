#include "recipe/query.h"

#include "recipe/command.h"

enum { MAX_COMMANDS = 1000, MAX_DEPTH = 8 };

si_result si_query_init(si_query *q, const si_catalog *catalog, const si_company *company,
    si_recipe *recipe, si_arena *arena, si_diag *diag) {
    const si_attributes *a = &company->attributes;
    *q = (si_query){.catalog = catalog,
        .company = company,
        .arena = arena,
        .recipe = recipe,
        .diag = diag,
        .client_cache = true,
        .server_cache = true};
    si_recipe_init(recipe);
    recipe->company = company->id;
    si_view *v = &recipe->picture.view;
    v->max_pix[0] = a->max_pix.w;
    v->max_pix[1] = a->max_pix.h;
    v->default_pix[0] = a->default_pix.w;
    v->default_pix[1] = a->default_pix.h;
    v->resmode = (si_resmode)a->res_mode;
    recipe->bgc = a->bkg_color;
    recipe->quality = a->jpeg_quality.quality;
    recipe->chroma_full = a->jpeg_quality.chroma_full;
    recipe->print_res = a->print_resolution;
    q->base = si_arena_alloc(arena, sizeof *q->base);
    if (q->base == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    si_layer_init(q->base, 0);
    recipe->picture.layers = q->base;
    recipe->picture.layer_count = 1;
    return SI_OK;
}

/* Commands that survive when a default image replaces the request (catalog.md section 9). */
static bool survives_replacement(si_str name) {
    static const char *const names[] = {
        "wid", "hei", "fmt", "qlt", "bfc", "dpr", "network", "cache", "req", NULL};
    return si_keyword(name, names) >= 0;
}

static si_result apply_item(si_query *q, si_str item) {
    char *text = si_arena_alloc(q->arena, item.len + 1);
    if (text == NULL || ++q->commands > MAX_COMMANDS) {
        return si_fail(q->diag, SI_ERR_LIMIT, "too many commands in one request");
    }
    const char *equals = memchr(item.p, '=', item.len);
    size_t raw = equals != NULL ? (size_t)(equals - item.p) : item.len;
    si_str name = {text, si_str_decode((si_str){item.p, raw}, false, text)};
    if (equals == NULL) {
        if (name.len < 3 || name.p[0] != '$' || name.p[name.len - 1] != '$') {
            return SI_OK; /* a command without a value counts as absent (P3) */
        }
        si_str preset = {name.p + 1, name.len - 2};
        const char *body = si_company_preset(q->catalog, q->company, preset);
        if (body == NULL) {
            return si_fail(q->diag, SI_ERR_NOT_FOUND, "unknown preset \"$%.*s$\"", SHOWN(preset));
        }
        if (q->depth == MAX_DEPTH) {
            return si_fail(q->diag, SI_ERR_SYNTAX, "presets are nested too deep");
        }
        q->depth++;
        si_result result = si_query_apply(q, si_str_of(body));
        q->depth--;
        return result;
    }
    const si_command_row *c = name.len > 0 ? si_command_find(name) : NULL;
    if (c == NULL || (q->replaced && !survives_replacement(name))) {
        return SI_OK; /* unknown: cache busters and tracking (P2) */
    }
    char *decoded = text + name.len;
    si_str value = {
        decoded, si_str_decode((si_str){equals + 1, item.len - raw - 1}, true, decoded)};
    if (memchr(value.p, '\0', value.len) != NULL) {
        return si_fail(q->diag, SI_ERR_SYNTAX, "%s: NUL in the value", c->name.p);
    }
    if (value.len == 0 && !c->takes_empty) {
        return SI_OK; /* P3 */
    }
    return c->set(q, c->name.p, value);
}

/* Length of the first item: up to "&", but not inside the brackets of a nested request. */
static size_t item_length(si_str s) {
    static const si_str nesting[] = {{"src=", 4}, {"mask=", 5}, {"imageset=", 9}};
    bool nests = false;
    for (size_t i = 0; i < sizeof nesting / sizeof *nesting; i++) {
        nests |=
            s.len > nesting[i].len && si_str_eq_nocase((si_str){s.p, nesting[i].len}, nesting[i]);
    }
    int depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (nests && (c == '(' || c == '{')) {
            depth++;
        } else if (nests && (c == ')' || c == '}')) {
            depth--;
        } else if (c == '&' && depth <= 0) {
            return i;
        }
    }
    return s.len;
}

si_result si_query_apply(si_query *q, si_str query) {
    while (query.len > 0) {
        si_str item = {query.p, item_length(query)};
        size_t skip = item.len < query.len ? item.len + 1 : item.len;
        query.p += skip;
        query.len -= skip;
        if (item.len == 0 || item.p[0] == '.') {
            continue; /* empty items are tolerated, comments dropped */
        }
        si_result result = apply_item(q, item);
        if (result != SI_OK) {
            return result;
        }
    }
    return SI_OK;
}

si_result si_query_finish(si_query *q) {
    si_view *v = &q->recipe->picture.view;
    if (q->fit_given && v->wid == 0 && v->hei == 0 && v->scl == 0) {
        return si_fail(q->diag, SI_ERR_SYNTAX, "fit needs wid or hei");
    }
    /* what has no effect must not tell two equal replies apart */
    if (v->scl != 0 || v->wid == 0 || v->hei == 0) {
        v->fit = SI_FIT_FIT;
        v->upscale = false;
    }
    if (v->wid != 0 || v->hei != 0 || v->scl != 0) {
        v->default_pix[0] = v->default_pix[1] = 0;
    }
    return SI_OK;
}
