/* Which commands URLs use, and what they mean here. */
#include <stdlib.h>
#include <string.h>

#include "cli/compat.h"
#include "base/hash.h"
#include "request/command.h"
#include "request/tokens.h"

enum { NESTING_MAX = 8 };

static unsigned bucket_of(const char *name) {
    uint32_t h = SI_HASH32_START;
    for (; *name != '\0'; name++) {
        h = si_hash32(h, (unsigned char)*name);
    }
    return h % SI_COMPAT_BUCKETS;
}

/* The row of a name; NULL if it is one unknown too many, or memory runs out (then `*failed`). */
static si_compat_command *row_of(
    si_compat_commands *c, const char *name, const si_command_row *known, bool *failed) {
    si_compat_command **bucket = &c->buckets[bucket_of(name)];
    for (si_compat_command *row = *bucket; row != NULL; row = row->next) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    if (known == NULL && c->unknown_count == SI_COMPAT_UNKNOWN_MAX) {
        c->overflow = true;
        return NULL;
    }
    si_compat_command *row = si_arena_alloc(c->arena, sizeof *row);
    const char *copy = si_arena_copy(c->arena, name, strlen(name));
    if (row == NULL || copy == NULL) {
        *failed = true;
        return NULL;
    }
    c->unknown_count += known == NULL;
    *row = (si_compat_command){.next = *bucket,
        .name = copy,
        .section = known != NULL ? known->section : "",
        .verdict = known == NULL || known->rank == SI_CLASS_VENDOR ? SI_COMPAT_IGNORED
                                                                   : SI_COMPAT_SUPPORTED,
        .last_url = -1};
    return *bucket = row;
}

static void lower(si_str name, char *out, size_t room) {
    size_t n = name.len < room - 1 ? name.len : room - 1;
    for (size_t i = 0; i < n; i++) {
        char c = name.p[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[n] = '\0';
}

/* A tally of one request. */
typedef struct tally {
    si_compat_commands *c;
    si_arena *scratch; /* of this request only */
    const si_company *company;
    long requests;
    bool failed;
} tally;

static void count_one(tally *w, si_str name) {
    char small[80];
    const si_command_row *known = si_command_find(name);
    lower(name, small, sizeof small);
    si_compat_command *row = row_of(w->c, known != NULL ? known->name.p : small, known, &w->failed);
    if (row == NULL || row->last_url == w->c->url) {
        return;
    }
    row->last_url = w->c->url;
    row->urls++;
    row->requests += w->requests;
}

static void count_query(tally *w, si_str query, int depth);

/* What a value holds: a nested request's commands count too. */
static void count_nested(tally *w, si_str value, int depth) {
    si_str prefix, inner;
    if (si_token_nested(value, &prefix, &inner) != SI_NESTING_WHOLE) {
        return;
    }
    const char *mark = memchr(inner.p, '?', inner.len);
    if (mark != NULL) {
        size_t skip = (size_t)(mark - inner.p) + 1;
        count_query(w, (si_str){inner.p + skip, inner.len - skip}, depth + 1);
    }
}

static void count_query(tally *w, si_str query, int depth) {
    si_token token;
    while (depth < NESTING_MAX && !w->failed &&
           si_token_next(&query, w->scratch, &token, &w->failed)) {
        if (token.kind == SI_TOKEN_PRESET) {
            const char *body = si_company_preset(w->c->catalog, w->company, token.name);
            if (body != NULL) {
                count_query(w, si_str_of(body), depth + 1);
            }
        } else if (token.kind == SI_TOKEN_COMMAND) {
            count_one(w, token.name);
            count_nested(w, token.value, depth);
        } else if (token.kind == SI_TOKEN_VARIABLE) {
            count_nested(w, token.value, depth);
        }
    }
}

bool si_compat_count(si_compat_commands *c, const si_request *request, long requests) {
    si_str rest = request->path, part;
    si_arena scratch = {0};
    tally w = {.c = c,
        .scratch = &scratch,
        .company = si_catalog_default(c->catalog),
        .requests = requests};
    for (int i = 0; i < 3 && si_str_next(&rest, '/', &part);) { /* is, image, company */
        i += part.len > 0;
        const si_company *company =
            i == 3 ? si_catalog_find_company(c->catalog, part, &scratch) : NULL;
        w.company = company != NULL ? company : w.company;
    }
    count_query(&w, request->query, 0);
    si_arena_free(&scratch);
    return !w.failed;
}

void si_compat_refuse(si_compat_commands *c, const char *message, long requests) {
    const char *colon = strchr(message, ':');
    const si_command_row *known =
        colon != NULL ? si_command_find((si_str){message, (size_t)(colon - message)}) : NULL;
    bool failed = false;
    si_compat_command *row = known != NULL ? row_of(c, known->name.p, known, &failed) : NULL;
    if (row != NULL) {
        row->verdict = SI_COMPAT_REFUSED;
        row->refused += requests;
    }
}

static int by_requests(const void *a, const void *b) {
    const si_compat_command *x = *(si_compat_command *const *)a,
                            *y = *(si_compat_command *const *)b;
    int first = (x->requests < y->requests) - (x->requests > y->requests);
    return first != 0 ? first : strcmp(x->name, y->name);
}

int si_compat_list(si_compat_commands *c, si_compat_command ***list) {
    size_t count = 0;
    for (int i = 0; i < SI_COMPAT_BUCKETS; i++) {
        for (si_compat_command *row = c->buckets[i]; row != NULL; row = row->next) {
            count++;
        }
    }
    *list = si_arena_alloc(c->arena, (count + 1) * sizeof **list);
    if (*list == NULL) {
        return -1;
    }
    size_t n = 0;
    for (int i = 0; i < SI_COMPAT_BUCKETS; i++) {
        for (si_compat_command *row = c->buckets[i]; row != NULL; row = row->next) {
            (*list)[n++] = row;
        }
    }
    qsort(*list, count, sizeof **list, by_requests);
    return (int)count;
}
