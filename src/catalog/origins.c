#include "catalog/origins.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

const si_origin_setting si_origin_settings[] = {
#define X(name, field, type, minimum, maximum, initial, unit, help)                                \
    {#name, #type, SI_VALUE_FIELD(si_origin, field, type, minimum, maximum), initial, unit, help},
    SI_ORIGIN_SETTINGS(X)
#undef X
};

const int si_origin_setting_count = sizeof si_origin_settings / sizeof *si_origin_settings;

#define X(name, field, type, minimum, maximum, initial, unit, help)                                \
    _Static_assert(sizeof(si_origin_##type) == sizeof(si_value_##type), #name);
SI_ORIGIN_SETTINGS(X)
#undef X

/* ---- sections ---- */

static si_origin *new_origin(si_loading *l, si_str name, int line) {
    si_origin *o = si_arena_alloc(l->arena, sizeof *o);
    char *copy = si_arena_copy(l->arena, name.p, name.len);
    if (o == NULL || copy == NULL) {
        return NULL;
    }
    o->name = copy;
    o->owner = l->company->id;
    o->line = line;
    for (int i = 0; i < si_origin_setting_count; i++) {
        if (!si_value_set(&si_origin_settings[i].value, si_str_of(si_origin_settings[i].initial),
                l->arena, o)) {
            return NULL;
        }
    }
    return si_names_put(&l->data->origins, l->arena, copy, o) ? o : NULL;
}

void si_origin_line(si_loading *l, si_str name, si_str field, si_str value, int line) {
    if (name.len > SI_ORIGIN_NAME_MAX || !si_name_is_clean(name, "-_.") ||
        si_str_eq(name, SI_STR(SI_ORIGIN_FOLDER))) {
        si_loading_mistake(l, line,
            "names of sources have up to %d letters, digits, \"-\", \"_\" and \".\", and are not "
            "folder",
            SI_ORIGIN_NAME_MAX);
        return;
    }
    si_origin *o = si_names_find(&l->data->origins, name);
    o = o != NULL ? o : new_origin(l, name, line);
    if (o == NULL) {
        si_loading_mistake(l, line, "no memory for source \"%.*s\"", SI_SHOWN(name));
        return;
    }
    value = si_value_unquote(value, l->arena);
    for (int i = 0; i < si_origin_setting_count; i++) {
        const si_origin_setting *row = &si_origin_settings[i];
        if (!si_str_eq_nocase(field, si_str_of(row->name))) {
            continue;
        }
        si_str text = value.len > 0 ? value : si_str_of(row->initial);
        if (!si_value_set(&row->value, text, l->arena, o)) {
            si_loading_mistake(
                l, line, "%s: \"%.*s\" is not a valid %s", row->name, SI_SHOWN(value), row->type);
        }
        return;
    }
    si_loading_mistake(l, line, "unknown setting \"%.*s\" of a source", SI_SHOWN(field));
}

/* ---- whether it makes sense ---- */

/* "http://host…" without what does not belong there. */
static bool is_address(const char *text) {
    const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
                       : strncmp(text, "https://", 8) == 0 ? text + 8
                                                           : "";
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f || strchr("?#@\\\"<>{}|^`", *c) != NULL) {
            return false;
        }
    }
    return host[0] != '\0' && host[0] != '/' && host[0] != ':';
}

static bool is_credentials(const char *text) {
    return text[0] == '\0' || strcmp(text, "environment") == 0 || strcmp(text, "instance") == 0 ||
           (strncmp(text, "file:/", 6) == 0 && text[6] != '\0');
}

static bool are_extensions(const char *text) {
    si_str rest = si_str_of(text), e;
    int count = 0;
    while (rest.len > 0 && si_str_next(&rest, ',', &e)) {
        e = si_str_trim(e);
        count++;
        if (e.len < 2 || e.p[0] != '.' || e.len >= SI_ORIGIN_EXTENSION ||
            !si_name_is_clean(e, ".")) {
            return false;
        }
    }
    return count <= SI_ORIGIN_CANDIDATES - 2;
}

/* What is wrong with it; NULL = nothing. */
static const char *objection(const si_origin *o) {
    si_str prefix = si_str_of(o->prefix);
    if ((o->url[0] == '\0') == (o->bucket[0] == '\0')) {
        return "a source has either Url or Bucket";
    }
    if (o->url[0] != '\0' && !is_address(o->url)) {
        return "Url is an http or https address without user name and query";
    }
    if (o->endpoint[0] != '\0' && !is_address(o->endpoint)) {
        return "Endpoint is an http or https address without user name and query";
    }
    if (o->bucket[0] != '\0' && (!si_name_is_clean(si_str_of(o->bucket), "-._") ||
                                    !si_name_is_clean(si_str_of(o->region), "-"))) {
        return "Bucket and Region have only letters, digits and \"-\", and a bucket \".\" and "
               "\"_\"";
    }
    if (prefix.len > 256 ||
        (prefix.len > 0 && (prefix.p[0] == '/' || strstr(o->prefix, "..") != NULL ||
                               strstr(o->prefix, "//") != NULL))) {
        return "Prefix is the beginning of a path, without \"/\" before it";
    }
    if (!is_credentials(o->credentials) || (o->url[0] != '\0' && o->credentials[0] != '\0')) {
        return "Credentials are file:PATH, environment or instance, and of a Bucket";
    }
    if (o->ca_file[0] != '\0' && o->ca_file[0] != '/') {
        return "CaFile is the path of a file from the root on";
    }
    return are_extensions(o->extensions) ? NULL : "Extensions are up to six such as .jpg";
}

/* Another number for anything else that was set. */
static uint64_t id_of(const si_origin *o) {
    char text[24];
    uint64_t h = SI_HASH64_START;
    h = si_hash64(h, o->name, strlen(o->name) + 1);
    h = si_hash64(h, o->owner, strlen(o->owner) + 1);
#define HASH_TEXT(value) h = si_hash64(h, value, strlen(value) + 1);
#define HASH_BOOL(value) h = si_hash64(h, value ? "1" : "0", 2);
#define HASH_INT(value)                                                                            \
    snprintf(text, sizeof text, "%d", value);                                                      \
    h = si_hash64(h, text, strlen(text) + 1);
#define X(name, field, type, minimum, maximum, initial, unit, help) HASH_##type(o->field)
    SI_ORIGIN_SETTINGS(X)
#undef X
#undef HASH_TEXT
#undef HASH_BOOL
#undef HASH_INT
    return h;
}

/* An address to put "/" and a path behind. */
static const char *without_slash(const char *address, si_arena *arena) {
    size_t len = strlen(address);
    while (len > 0 && address[len - 1] == '/') {
        len--;
    }
    const char *copy = si_arena_copy(arena, address, len);
    return copy != NULL ? copy : address;
}

void si_origins_check(si_loading *l) {
    size_t at = 0;
    const char *name;
    void *thing;
    while (si_names_next(&l->data->origins, &at, &name, &thing)) {
        si_origin *o = thing;
        const char *wrong = objection(o);
        if (wrong != NULL) {
            si_loading_mistake(l, o->line, "source \"%.*s\": %s", SI_SHOWN(si_str_of(name)), wrong);
            continue;
        }
        o->url = without_slash(o->url, l->arena);
        o->endpoint = without_slash(o->endpoint, l->arena);
        o->id = id_of(o);
    }
}

/* The company's own comes before the default company's. */
static const si_origin *find_origin(const si_catalog *c, const si_company *company, si_str name) {
    const si_origin *own =
        company->data != NULL ? si_names_find(&company->data->origins, name) : NULL;
    return own != NULL ? own : si_names_find(&c->companies[0].data->origins, name);
}

void si_sources_check(si_loading *l) {
    const si_value_LIST *sources = &l->company->attributes.sources;
    for (int i = 0; i < sources->count; i++) {
        si_str name = si_str_of(sources->items[i]);
        if (!si_str_eq(name, SI_STR(SI_ORIGIN_FOLDER)) &&
            find_origin(l->catalog, l->company, name) == NULL) {
            si_loading_mistake(l, 1,
                "Sources: there is neither a section [source %.*s] nor is it "
                "folder",
                SI_SHOWN(name));
        }
    }
}

/* ---- all of them ---- */

bool si_origins_list(si_catalog *c) {
    int count = 0;
    size_t at;
    const char *name;
    void *thing;
    for (int i = 0; i < c->company_count; i++) {
        count += (int)c->companies[i].data->origins.count;
    }
    const si_origin **items = si_arena_alloc(&c->arena, ((size_t)count + 1) * sizeof *items);
    if (items == NULL) {
        return false;
    }
    c->origins = (si_origins){0, items};
    for (int i = 0; i < c->company_count; i++) {
        at = 0;
        while (si_names_next(&c->companies[i].data->origins, &at, &name, &thing)) {
            items[c->origins.count++] = thing;
        }
    }
    return true;
}

si_origins si_catalog_origins(const si_catalog *c) {
    return c->origins;
}

/* ---- objects in origins ---- */

void si_catalog_on_origins(si_catalog *c, si_origin_look look, void *context) {
    c->origin_look = look;
    c->origin_context = context;
}

static void add_candidate(
    si_str e, char out[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION], int *count) {
    e = si_str_trim(e);
    if (e.len == 0 || e.len >= SI_ORIGIN_EXTENSION || *count == SI_ORIGIN_CANDIDATES) {
        return;
    }
    for (int i = 0; i < *count; i++) {
        if (si_str_eq(e, si_str_of(out[i]))) {
            return;
        }
    }
    memcpy(out[*count], e.p, e.len);
    out[(*count)++][e.len] = '\0';
}

int si_origin_candidates(const si_origin *o, si_str key, si_str first,
    char out[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION]) {
    int count = 1;
    out[0][0] = '\0';
    if (si_extension_strip(key).len < key.len) {
        return count;
    }
    si_str rest = si_str_of(o->extensions), e;
    add_candidate(first, out, &count);
    while (rest.len > 0 && si_str_next(&rest, ',', &e)) {
        add_candidate(e, out, &count);
    }
    return count;
}

static si_result found(const si_origin_question *q, const si_origin_answer *a, si_arena *arena,
    si_file *out, si_diag *diag) {
    const char *path = si_arena_printf(arena, SI_ORIGIN_PATH "%s@%s/%016llx/%s%s", q->origin->name,
        q->origin->owner, (unsigned long long)a->version, q->key, a->extension);
    if (path == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    *out = (si_file){.path = path, .size = a->size, .time_ns = a->time * 1000000000};
    return SI_OK;
}

si_result si_origin_find(const si_catalog *c, const si_company *company, si_str source,
    si_str object, const si_resolved *is, si_arena *arena, si_file *out, si_diag *diag) {
    const si_attributes *a = &company->attributes;
    const si_origin *origin = find_origin(c, company, source);
    const char *key = si_arena_printf(
        arena, "%s%s%.*s", a->root_path, a->root_path[0] != '\0' ? "/" : "", SI_STR_ARG(object));
    if (origin == NULL || key == NULL) {
        return si_fail(diag, origin == NULL ? SI_ERR_CONFIG : SI_ERR_MEMORY, "no such source");
    }
    if (strlen(key) > SI_ORIGIN_KEY_MAX - SI_ORIGIN_EXTENSION) {
        return SI_ERR_NOT_FOUND;
    }
    si_origin_question q = {.origin = origin,
        .key = key,
        .extension = a->default_ext,
        .company = company,
        .object = object,
        .named_in = is != NULL ? is->company : company,
        .named = is != NULL ? si_str_of(is->object) : object};
    si_origin_answer answer = {0};
    si_origin_state state =
        c->origin_look != NULL ? c->origin_look(c->origin_context, &q, &answer) : SI_ORIGIN_FAILED;
    switch (state) {
    case SI_ORIGIN_MISSING:
        return SI_ERR_NOT_FOUND;
    case SI_ORIGIN_FAILED:
        return si_fail(diag, SI_ERR_IO, "where originals come from does not answer now");
    case SI_ORIGIN_UNKNOWN:
        answer = (si_origin_answer){.size = 0};
        break;
    case SI_ORIGIN_FOUND:
        break;
    }
    return found(&q, &answer, arena, out, diag);
}
