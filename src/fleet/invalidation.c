#include "fleet/invalidation.h"

#include <stdio.h>
#include <string.h>

#include "base/percent.h"

static const char *const names[] = {
#define X(id, name, words) name,
    SI_INVALIDATIONS(X)
#undef X
};
static const char *const words_of[] = {
#define X(id, name, words) words,
    SI_INVALIDATIONS(X)
#undef X
};

/* The object that a path names, without what addresses of images begin with. */
static si_str object_of(si_str path) {
    if (si_str_starts(path, SI_STR("/is/image/")) || si_str_starts(path, SI_STR("/is/content/"))) {
        size_t prefix = (size_t)((const char *)memchr(path.p + 4, '/', path.len - 4) - path.p);
        path = (si_str){path.p + prefix, path.len - prefix};
    }
    while (path.len > 0 && path.p[0] == '/') {
        path = (si_str){path.p + 1, path.len - 1};
    }
    return path;
}

si_result si_invalidation_read(
    si_invalidation_kind kind, const char *text, si_invalidation *out, si_diag *diag) {
    char decoded[4096];
    *out = (si_invalidation){.kind = kind};
    if (kind == SI_INVALIDATION_ALL) {
        return SI_OK;
    }
    si_str name = si_str_of(text);
    if (kind == SI_INVALIDATION_OBJECT) {
        name.len = strcspn(text, "?#");
        if (name.len > sizeof decoded) {
            return si_fail(diag, SI_ERR_SYNTAX, "the name of an object is too long");
        }
        name = (si_str){decoded, si_percent_decode(name, false, decoded)};
        name.len = si_str_merge_slashes(name, decoded);
        name.len -= name.len > 0 && decoded[name.len - 1] == '/';
        name = object_of(name);
    }
    if (name.len == 0 || name.len >= sizeof out->name || memchr(name.p, '\0', name.len) != NULL) {
        return si_fail(diag, SI_ERR_SYNTAX, "%s of %s to be purged",
            name.len == 0 ? "there is no name" : "that is no name", names[kind]);
    }
    memcpy(out->name, name.p, name.len);
    return SI_OK;
}

bool si_invalidation_receive(si_str kind, si_str name, si_invalidation *out) {
    for (int i = 0; i < SI_INVALIDATION_KINDS; i++) {
        if (si_str_eq(kind, si_str_of(names[i]))) {
            bool named = name.len > 0 && name.len < sizeof out->name &&
                         memchr(name.p, '\0', name.len) == NULL;
            *out = (si_invalidation){.kind = (si_invalidation_kind)i};
            if (named && i != SI_INVALIDATION_ALL) {
                memcpy(out->name, name.p, name.len);
            }
            return named || i == SI_INVALIDATION_ALL;
        }
    }
    return false;
}

const char *si_invalidation_kind_name(si_invalidation_kind kind) {
    return names[kind];
}

const char *si_invalidation_text(const si_invalidation *i, char out[SI_INVALIDATION_TEXT]) {
    snprintf(out, SI_INVALIDATION_TEXT, "%s%s", words_of[i->kind], i->name);
    return out;
}

int si_invalidation_places(const si_invalidation *i, uint32_t out[SI_INVALIDATION_PLACES]) {
    si_str name = si_str_of(i->name), rest = name, first;
    int count = 0;
    switch (i->kind) {
    case SI_INVALIDATION_ALL:
        out[0] = SI_GENERATION_PLACE_ALL;
        return 1;
    case SI_INVALIDATION_COMPANY:
        out[0] = si_generation_place_of_company(name);
        return 1;
    default:
        break;
    }
    if (si_str_next(&rest, '/', &first) && rest.p != NULL) {
        out[count++] = si_generation_place_of_object(first, rest);
    }
    out[count++] = si_generation_place_of_object(SI_STR(""), name);
    return count;
}

si_result si_invalidation_apply(const si_invalidation *i, si_generations *g, si_diag *diag) {
    uint32_t places[SI_INVALIDATION_PLACES];
    int count = si_invalidation_places(i, places);
    return si_generation_purge_places(g, places, count, diag);
}
