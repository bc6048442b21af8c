/* Where the pixels of layers come from: src= and mask=, nested requests and
 * foreign images (docs/protocol.md). */
#include "base/host.h"
#include "base/percent.h"
#include "catalog/rules.h"
#include "request/command.h"
#include "request/tokens.h"

static bool has_nul(si_str s) {
    return s.len > 0 && memchr(s.p, '\0', s.len) != NULL;
}

/* ---- nested requests ---- */

static si_result forward_variables(const si_query *from, si_query *to) {
    for (const si_variable *v = from->variables.first; v != NULL; v = v->next_defined) {
        if (v->level != SI_LEVEL_PREDEFINED &&
            !si_variable_define(&to->variables, v->name, v->raw, SI_LEVEL_OUTER, to->all->arena)) {
            return si_no_memory(to->all->diag);
        }
    }
    return SI_OK;
}

/* The main company of a nested request: the one its path names, else the outer one's; whose fonts,
 * presets and attributes count, so that it must admit the request. */
static si_result find_company(si_query *n) {
    si_str rest = n->object, first;
    (void)si_str_next(&rest, '/', &first);
    const si_company *named =
        rest.p != NULL ? si_catalog_find_company(n->all->catalog, first, n->all->arena) : NULL;
    n->from_url = named != NULL;
    n->company = named != NULL ? named : n->outer->company;
    return si_access_company(&n->all->access, n->company) ? SI_OK : si_refuse(n->all->diag);
}

/* Finds object and main company of a nested request; the catalog's rules may rewrite it
 * (catalog/rules.h). What they say of attributes and headers is for outermost requests. */
static si_result admit_nested(si_query *n, si_str *query) {
    si_reading *all = n->all;
    si_rule_output rules;
    SI_TRY(si_object_path_read(all->catalog, &n->object_raw, all->arena, &n->object, all->diag));
    SI_TRY(find_company(n));
    si_rule_input input = {.context = SI_CONTEXT_IS,
        .path = n->object_raw,
        .query = *query,
        .client = all->access.address,
        .lent = n->company->attributes.allow_nested,
        .steps = all->steps};
    si_step_add(all->steps, SI_STEP_REQUEST, NULL, "%.*s?%.*s, nested", SI_STR_ARG(n->object_raw),
        SI_STR_ARG(*query));
    si_result result =
        si_rules_apply(all->catalog, n->company, &input, all->arena, &rules, all->diag);
    all->access.by_address |= rules.by_address;
    if (result != SI_OK || si_str_eq(rules.path, n->object_raw)) {
        *query = result == SI_OK ? rules.query : *query;
        return result;
    }
    *query = rules.query;
    n->object_raw = rules.path;
    result = si_object_path_read(all->catalog, &n->object_raw, all->arena, &n->object, all->diag);
    return result == SI_OK ? find_company(n) : result;
}

/* "%2F" as "/": a name in a value is encoded as all values are (docs/protocol.md, URLs). */
static bool unfold_slashes(si_str *name, si_arena *arena) {
    if (name->len == 0 || memchr(name->p, '%', name->len) == NULL) {
        return true;
    }
    char *text = si_arena_alloc(arena, name->len);
    size_t n = 0;
    for (size_t i = 0; text != NULL && i < name->len; i++) {
        const char *c = name->p + i;
        bool slash = name->len - i >= 3 && c[0] == '%' && c[1] == '2' && (c[2] | 0x20) == 'f';
        text[n++] = slash ? '/' : *c;
        i += slash ? 2 : 0;
    }
    *name = (si_str){text, n};
    return text != NULL;
}

/* A nested request may have been encoded as a whole, as values are, its "?" too, which no name can
 * have: then it is decoded before it is parted. */
static bool decode_whole(si_str *text, si_arena *arena) {
    bool encoded = false;
    for (size_t i = 0; i + 2 < text->len && !encoded; i++) {
        const char *c = text->p + i;
        encoded = c[0] == '%' && c[1] == '3' && (c[2] | 0x20) == 'f';
    }
    if (!encoded || memchr(text->p, '?', text->len) != NULL) {
        return true;
    }
    char *out = si_arena_alloc(arena, text->len);
    if (out != NULL) {
        *text = (si_str){out, si_percent_decode(*text, false, out)};
    }
    return out != NULL;
}

/* Parts a nested request into path and query. References in it are replaced, unless a variable has
 * brought all of it: text of one is not searched for others. */
static si_result part_nested(si_query *q, si_str text, bool inserted, si_str *path, si_str *query) {
    si_reading *all = q->all;
    bool memory = decode_whole(&text, all->arena);
    si_result result = SI_OK;
    if (memory && !inserted) {
        result =
            si_variables_expand(&q->variables, text, SI_INSERT_RAW, all->arena, &text, all->diag);
        memory = result != SI_OK || decode_whole(&text, all->arena);
    }
    *query = text;
    (void)si_str_next(query, '?', path);
    memory = memory && unfold_slashes(path, all->arena);
    return memory ? result : si_no_memory(all->diag);
}

static si_result build_nested(si_query *q, si_str text, bool inserted, si_source *out) {
    si_reading *all = q->all;
    if (q->depth == SI_MAX_NESTING) {
        return si_fail(all->diag, SI_ERR_LIMIT, "requests are nested too deep");
    }
    si_str path, query;
    si_result result = part_nested(q, text, inserted, &path, &query);
    si_query *n = si_arena_alloc(all->arena, sizeof *n);
    si_recipe *unused = si_arena_alloc(all->arena, sizeof *unused);
    if (result != SI_OK || n == NULL || unused == NULL) {
        return result != SI_OK ? result : si_no_memory(all->diag);
    }
    *n = (si_query){.all = all,
        .outer = q,
        .role = SI_ROLE_NESTED,
        .depth = q->depth + 1,
        .object_raw = path,
        .recipe = unused,
        .read_only = q->read_only};
    SI_TRY(admit_nested(n, &query));
    si_query_init(n);
    query = query.p != NULL ? query : SI_STR("");
    result = forward_variables(q, n);
    result = result == SI_OK ? si_query_open(n, query) : result;
    result = result == SI_OK ? si_query_build(n, query) : result;
    out->kind = SI_SOURCE_NESTED;
    out->nested = &n->picture;
    return result;
}

static si_result read_nested(si_query *q, si_str text, bool inserted, si_source *out) {
    si_steps *steps = q->all->steps;
    if (steps != NULL) {
        steps->depth++;
    }
    si_result result = build_nested(q, text, inserted, out);
    if (steps != NULL) {
        steps->depth--;
    }
    return result;
}

/* ---- foreign images ---- */

/* Takes host and port from an address; false if it is no plain http or https one. */
static bool read_address(const char *url, bool *tls, si_str *host, int *port) {
    *tls = strncmp(url, "https://", 8) == 0;
    if (!*tls && strncmp(url, "http://", 7) != 0) {
        return false;
    }
    const char *start = url + (*tls ? 8 : 7);
    si_str authority = {start, strcspn(start, "/?")};
    si_host server;
    if (!si_host_read(authority, &server)) {
        return false;
    }
    *host = server.name;
    *port = server.port != 0 ? server.port : *tls ? 443 : 80;
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7e || *c == '#' || *c == '\\' || *c == '"') {
            return false;
        }
    }
    return memchr(authority.p, '@', authority.len) == NULL;
}

/* Lower case up to the path, so that one picture has one name. */
static void fold_address(char *url) {
    char *end = strstr(url, "://");
    end = end != NULL ? end + 3 + strcspn(end + 3, "/?") : url;
    for (char *c = url; c < end; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    }
}

static si_result read_foreign(si_query *q, si_str text, bool inserted, si_source *out) {
    static const si_variables none;
    si_reading *all = q->all;
    const si_attributes *a = si_reading_attributes(all, q->company);
    SI_TRY(si_variables_expand(
        inserted ? &none : &q->variables, text, SI_INSERT_URL, all->arena, &text, all->diag));
    const char *root = a->root_url;
    bool absolute = false;
    for (size_t i = 0; i + 2 < text.len && !absolute; i++) {
        absolute = memcmp(text.p + i, "://", 3) == 0;
    }
    if (!absolute && root[0] == '\0') {
        return si_fail(all->diag, SI_ERR_FORBIDDEN, "foreign images are not allowed here");
    }
    char *url = si_arena_printf(all->arena, "%s%.*s", absolute ? "" : root, SI_STR_ARG(text));
    if (url == NULL) {
        return si_no_memory(all->diag);
    }
    fold_address(url);
    bool tls;
    si_str host;
    int port;
    if (has_nul(text) || !read_address(url, &tls, &host, &port)) {
        /* not repeated, since it may hold a password */
        return si_fail(all->diag, SI_ERR_SYNTAX,
            "this is no address of an image, which has neither a user name nor blanks");
    }
    if (!si_attributes_allow_host(a, host, port)) {
        return si_fail(all->diag, SI_ERR_FORBIDDEN, "images of this server are not allowed here");
    }
    si_step_add(all->steps, SI_STEP_FILE, NULL, "%s, foreign", url);
    out->kind = SI_SOURCE_URL;
    out->url = url;
    return SI_OK;
}

/* If a value is a nested or foreign request, or its variables make it one: true, and what became
 * of it; else it is an object. */
static bool read_bracketed(si_query *q, const si_statement *s, si_source *out, si_result *result) {
    si_str prefix, inner, value = s->raw;
    si_diag *diag = q->all->diag;
    si_nesting nested = si_token_nested(value, &prefix, &inner);
    bool inserted = nested == SI_NESTING_NONE;
    if (inserted) {
        *result = si_variables_expand(
            &q->variables, s->raw, SI_INSERT_REQUEST, q->all->arena, &value, diag);
        if (*result != SI_OK) {
            return true;
        }
        nested = si_token_nested(value, &prefix, &inner);
    }
    if (nested != SI_NESTING_WHOLE) {
        bool unmatched = nested == SI_NESTING_UNMATCHED;
        *result = unmatched ? si_fail(diag, SI_ERR_SYNTAX, "%s: the brackets do not match",
                                  s->row->name.p)
                            : SI_OK;
        return unmatched;
    }
    bool lenient = (s->row->flags & SI_MASK) != 0; /* case counts for src only */
    if (!lenient && prefix.len > 0 && (prefix.p[0] & 0x20) == 0) {
        /* as a name it would be a missing image, in whose place a default image may come */
        *result = si_fail(diag, SI_ERR_SYNTAX,
            "%s: nested requests begin with \"is\" in small letters", s->row->name.p);
    } else if (prefix.len == 0) {
        *result = read_foreign(q, inner, inserted, out);
    } else if (si_str_eq_nocase(prefix, SI_STR("is"))) {
        *result = read_nested(q, inner, inserted, out);
    } else {
        *result = si_fail(diag, SI_ERR_UNSUPPORTED, "%s=%.*s(…) is not supported", s->row->name.p,
            SI_STR_ARG(prefix));
    }
    return true;
}

/* ---- objects ---- */

/* The name of an object in a statement: decoded, no comma, not even an escaped one. */
static si_result object_name(si_query *q, const si_statement *s, si_str *out) {
    si_reading *all = q->all;
    si_result result =
        si_variables_expand(&q->variables, s->raw, SI_INSERT_DECODED, all->arena, out, all->diag);
    if (result == SI_OK && (has_nul(*out) || memchr(out->p, ',', out->len) != NULL)) {
        result = si_fail(
            all->diag, SI_ERR_SYNTAX, "%s: \"%.*s\" is no object", s->row->name.p, SHOWN(*out));
    }
    return result;
}

static bool is_svg(const si_found *found) {
    si_str path = si_str_of(found->is.path);
    return (found->is.record != NULL && found->is.record->svg) ||
           (path.len > 4 && si_str_eq_nocase((si_str){path.p + path.len - 4, 4}, SI_STR(".svg")));
}

/* The default image that may stand for a missing one; "" = none. */
static const char *substitute(const si_query *q) {
    const char *name = NULL;
    const si_query *outermost = q;
    for (; q != NULL; q = q->outer) {
        name = name == NULL ? q->asked.default_image : name;
        outermost = q;
    }
    bool image = outermost->asked.type == SI_TYPE_IMG || outermost->asked.type == SI_TYPE_TMB ||
                 outermost->asked.type == SI_TYPE_TILE;
    name = name != NULL ? name : outermost->all->attributes->default_image;
    return image ? name : "";
}

/* Mode 1: the default image's file takes the place of a missing one; everything else of the layer
 * stays (docs/protocol.md, Errors). */
static si_result replace_missing(si_query *q, si_found *found, si_diag *missing) {
    const char *name = substitute(q);
    si_diag ignored = {0};
    si_found other;
    if (name[0] == '\0' || q->all->attributes->default_image_mode != 1 || is_svg(found) ||
        si_query_resolve(q, si_str_of(name), false, &other, &ignored) != SI_OK ||
        other.source.kind != SI_SOURCE_FILE) {
        q->all->image_missing = !is_svg(found); /* default images do not cover those */
        q->all->missing = found->is;
        return si_fail(q->all->diag, missing->code, "%s", missing->text);
    }
    const si_record *r = other.is.record;
    si_step_add(q->all->steps, SI_STEP_INSTEAD, NULL, "of \"%s\" the file of DefaultImage \"%s\"",
        found->is.object, name);
    si_reading_expire(q->all, r != NULL && r->expiration > SI_EXPIRATION_INHERIT
                                  ? r->expiration
                                  : q->all->attributes->default_expiration);
    found->source.kind = SI_SOURCE_FILE;
    found->source.file = other.source.file;
    found->is.mask_path = other.is.mask_path;
    return SI_OK;
}

/* The object of a layer, with the Modifier of its record. */
static si_result use_object(si_query *q, si_draft *d, si_str name) {
    si_reading *all = q->all;
    si_diag missing = {0};
    si_found *found = si_arena_alloc(all->arena, sizeof *found);
    if (found == NULL) {
        return si_no_memory(all->diag);
    }
    si_result result = si_query_resolve(q, name, false, found, &missing);
    if (result == SI_OK && found->source.kind == SI_SOURCE_NONE) {
        return si_fail(all->diag, SI_ERR_SYNTAX,
            "the template \"%.*s\" cannot be the source of a layer: use src=is(…)", SHOWN(name));
    }
    if (result == SI_ERR_NOT_FOUND && found->missing) {
        result = replace_missing(q, found, &missing);
    } else if (result != SI_OK) {
        return si_fail(all->diag, result, "%s", missing.text);
    }
    SI_TRY(result);
    si_query_expire(q, found);
    d->found = found;
    d->layer.source = found->source;
    if (found->is.record == NULL || found->is.record->modifier[0] == '\0') {
        return SI_OK;
    }
    si_collecting how = {SI_LEVEL_LAYER, d, found->is.company, found->is.record};
    return si_query_collect(q, si_str_of(found->is.record->modifier), &how);
}

/* The object of the path, or the background of the template, as layer 0; its Modifier is read
 * already. */
static si_result use_path(si_query *q, si_draft *d) {
    si_found *found = &q->found;
    if (found->missing) {
        si_diag missing = {0};
        (void)si_fail(&missing, SI_ERR_NOT_FOUND, "image \"%s\" not found", found->is.object);
        SI_TRY(replace_missing(q, found, &missing));
        found->missing = false;
    } else if (found->source.kind == SI_SOURCE_NONE) {
        return SI_OK; /* a template without a background of its own */
    }
    si_query_expire(q, found);
    d->found = found;
    d->layer.source = found->source;
    return SI_OK;
}

static bool names_source(const si_statement *s) {
    return s != NULL && s->row->name.p[0] == 's';
}

static si_result find_source(si_query *q, si_draft *d) {
    si_result result = SI_OK;
    si_str name;
    if (d->content == NULL) {
        bool path = d->number == 0 && (q->object.len > 0 || q->by_template);
        return path && d->found == NULL ? use_path(q, d) : SI_OK;
    }
    if (d->content == d->resolved) {
        return SI_OK;
    }
    d->resolved = d->content;
    d->found = NULL;
    if (!names_source(d->content) || read_bracketed(q, d->content, &d->layer.source, &result)) {
        return result;
    }
    result = object_name(q, d->content, &name);
    return result == SI_OK && name.len > 0 ? use_object(q, d, name) : result;
}

si_result si_query_sources(si_query *q) {
    if (si_query_layer(q, 0) == NULL) {
        return si_fail(q->all->diag, SI_ERR_LIMIT, "too many layers");
    }
    si_result result = SI_OK;
    for (int i = 0; i < q->draft_count && result == SI_OK; i++) {
        result = find_source(q, q->drafts[i]);
    }
    return result;
}

/* ---- masks ---- */

/* A record stands for its MaskPath, or else for its image. */
static si_result mask_object(si_query *q, si_draft *d, si_str name) {
    si_reading *all = q->all;
    si_found found;
    SI_TRY(si_query_resolve(q, name, false, &found, all->diag));
    si_query_expire(q, &found);
    d->layer.mask = found.source;
    if (found.is.mask_path[0] != '\0') {
        d->layer.mask.kind = SI_SOURCE_FILE;
        return si_query_file(q, &found.is, found.is.mask_path, &d->layer.mask.file, all->diag);
    }
    return found.source.kind != SI_SOURCE_NONE
               ? SI_OK
               : si_fail(all->diag, SI_ERR_SYNTAX, "the template \"%.*s\" is no mask", SHOWN(name));
}

static si_result find_mask(si_query *q, si_draft *d) {
    si_result result = SI_OK;
    si_str name;
    if (d->mask == NULL) {
        if (d->found == NULL || d->found->is.mask_path[0] == '\0') {
            return SI_OK;
        }
        d->layer.mask.kind = SI_SOURCE_FILE;
        return si_query_file(
            q, &d->found->is, d->found->is.mask_path, &d->layer.mask.file, q->all->diag);
    }
    if (read_bracketed(q, d->mask, &d->layer.mask, &result)) {
        return result;
    }
    result = object_name(q, d->mask, &name);
    return result == SI_OK && name.len > 0 ? mask_object(q, d, name) : result;
}

si_result si_query_masks(si_query *q) {
    si_result result = SI_OK;
    for (int i = 0; i < q->draft_count && result == SI_OK; i++) {
        result = find_mask(q, q->drafts[i]);
    }
    return result;
}
