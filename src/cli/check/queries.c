#include <stdio.h>

#include "base/bytes.h"
#include "base/nearest.h"
#include "cli/check/parts.h"
#include "request/command.h"
#include "request/tokens.h"

typedef struct looking {
    const si_catalog *catalog;
    si_messages *messages;
    si_bytes own; /* a query without the presets that it calls, whose mistakes are told of them */
} looking;

/* What messages begin with: the place of the query in its file. */
static const char *title(const si_catalog_query *query, char out[200]) {
    snprintf(out, 200, "%s%s \"%.100s\"", query->what, query->of_record ? " of" : "", query->name);
    return out;
}

static void tell_unknown(looking *l, const si_catalog_query *query, si_str name) {
    char head[200];
    si_nearest near;
    si_nearest_to(&near, name);
    for (int i = 0; i < si_command_count; i++) {
        si_nearest_offer(&near, si_command_rows[i].name);
    }
    bool meant = near.name[0] != '\0';
    si_messages_add(l->messages, query->file, query->line,
        "warning: %s: there is no command \"%.*s\"%s%s%s", title(query, head), SHOWN(name),
        meant ? "; did you mean " : "", near.name, meant ? "?" : "");
}

/* Names, and what is left without presets, in l->own. False if memory runs out. */
static bool look_at_names(looking *l, const si_catalog_query *query, si_arena *arena) {
    si_str rest = si_str_of(query->text);
    const char *start = rest.p;
    bool out_of_memory = false;
    si_token t;
    l->own.len = 0;
    while (si_token_next(&rest, arena, &t, &out_of_memory)) {
        const char *end = rest.len > 0 ? rest.p : query->text + strlen(query->text);
        const si_command_row *row = t.kind == SI_TOKEN_COMMAND ? si_command_find(t.name) : NULL;
        char head[200];
        if (t.kind == SI_TOKEN_COMMAND && row == NULL) {
            tell_unknown(l, query, t.name);
        } else if (row != NULL && query->of_record && (row->flags & SI_QUERY_ONLY) != 0) {
            si_messages_add(l->messages, query->file, query->line,
                "warning: %s: %.*s means nothing in a record", title(query, head),
                SI_STR_ARG(row->name));
        }
        if (t.kind != SI_TOKEN_PRESET && !si_bytes_append(&l->own, start, (size_t)(end - start))) {
            return false;
        }
        start = end;
    }
    return !out_of_memory;
}

static void look_at(void *context, const si_catalog_query *query) {
    looking *l = context;
    si_arena arena = {0};
    si_diag diag = {0};
    si_recipe recipe;
    si_reading all = {.catalog = l->catalog,
        .arena = &arena,
        .diag = &diag,
        .main = query->company,
        .attributes = &query->company->attributes};
    si_query q = {.all = &all, .company = query->company, .read_only = true, .recipe = &recipe};
    char head[200];
    if (look_at_names(l, query, &arena)) {
        si_query_init(&q);
        const si_str own = {l->own.len > 0 ? (const char *)l->own.data : "", l->own.len};
        if (si_query_check(&q, own, query->of_record ? SI_LEVEL_MODIFIER : SI_LEVEL_QUERY) !=
            SI_OK) {
            si_messages_add(l->messages, query->file, query->line, "%s: %s", title(query, head),
                diag.text[0] != '\0' ? diag.text : "cannot be read");
        }
    }
    si_arena_free(&arena);
}

void si_check_queries(const si_catalog *catalog, si_messages *messages) {
    looking l = {catalog, messages, {0}};
    si_catalog_each_query(catalog, look_at, &l);
    si_bytes_free(&l.own);
}
