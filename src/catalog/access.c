#include "catalog/access.h"

#include <stdio.h>

#include "catalog/catalog_internal.h"
#include "catalog/rules_internal.h"

enum { MAX_PATH = 1024 };

static bool same(const si_company *a, const si_company *b) {
    return strcmp(a->id, b->id) == 0; /* folders are made anew for each who asks */
}

static bool rules_protect(const si_catalog *c, const si_company *company) {
    const si_rule_set *rules = si_rules_of(c, company);
    return rules != NULL && rules->protects;
}

bool si_company_is_protected(const si_catalog *c, const si_company *company) {
    const si_attributes *a = &company->attributes;
    return a->request_lock || a->client_address_filter != NULL || a->presets_only ||
           rules_protect(c, company);
}

static bool passes_filter(si_access *a, const si_company *company) {
    const si_address_filter *filter = company->attributes.client_address_filter;
    a->by_address |= filter != NULL;
    return si_address_filter_allows(filter, a->address);
}

/* Whether the request has passed a lock with this company's key. */
static bool has_key(const si_access *a, const si_company *company) {
    return a->company != NULL && a->attributes->request_lock &&
           strcmp(a->attributes->request_lock_key, company->attributes.request_lock_key) == 0;
}

/* Whether it would have been admitted there. */
static bool is_admitted(si_access *a, const si_company *company) {
    const si_attributes *theirs = &company->attributes;
    if (a->company != NULL && same(a->company, company)) {
        return true;
    }
    return !theirs->presets_only && !rules_protect(a->catalog, company) &&
           (!theirs->request_lock || has_key(a, company)) && passes_filter(a, company);
}

bool si_access_company(si_access *a, const si_company *company) {
    return company->attributes.allow_nested || is_admitted(a, company);
}

bool si_access_rewritten(si_access *a, const si_company *company) {
    return !rules_protect(a->catalog, company) && passes_filter(a, company);
}

/* ---- folders ---- */

static const char *folder_of(const si_company *company, si_folder folder) {
    return folder == SI_FOLDER_STATIC ? company->attributes.static_root_path
                                      : company->attributes.root_path;
}

/* Length of the folder that a company has by its configuration, −1 if it has none: folders that are
 * served as companies, and the root, which the default company has without saying so. */
static int own_length(const si_catalog *c, const si_company *owner, si_folder folder) {
    bool standard = owner->id[0] == '\0';
    bool chosen = owner->data->configured &&
                  (!standard || folder == SI_FOLDER_STATIC || c->root_path_defined);
    return chosen ? (int)strlen(folder_of(owner, folder)) : -1;
}

/* Whether one of the companies that have this folder does not let the request in. */
static bool refuses(si_access *a, const si_company *owner, const si_guard *guard) {
    for (; guard != NULL; guard = guard->next) {
        bool inherited = guard->company->id[0] == '\0' && !owner->data->configured;
        if (!inherited && !same(guard->company, owner) && !is_admitted(a, guard->company)) {
            return true;
        }
    }
    return false;
}

bool si_access_file(si_access *a, const si_company *owner, si_folder folder, si_str path) {
    const si_names *guards = &a->catalog->guards;
    char full[MAX_PATH];
    const char *root = folder_of(owner, folder);
    int n =
        snprintf(full, sizeof full, "%s%s%.*s", root, root[0] != '\0' ? "/" : "", SI_STR_ARG(path));
    if (guards->count == 0 || n < 0 || n >= MAX_PATH) {
        return true; /* what is too long is not found either */
    }
    int own = own_length(a->catalog, owner, folder);
    for (int i = own + 1; i < n; i++) {
        bool whole = i == 0 || full[i] == '/';
        if (whole && refuses(a, owner, si_names_find(guards, (si_str){full, (size_t)i}))) {
            return false;
        }
    }
    return true;
}

/* ---- loading ---- */

static bool guard(si_catalog *c, const si_company *company, const char *folder) {
    si_guard *g = si_arena_alloc(&c->arena, sizeof *g);
    if (g == NULL) {
        return false;
    }
    *g = (si_guard){si_names_find(&c->guards, si_str_of(folder)), company};
    return si_names_put(&c->guards, &c->arena, folder, g);
}

bool si_guards_build(si_catalog *c) {
    bool ok = true;
    for (int i = 0; i < c->company_count && ok; i++) {
        const si_company *company = &c->companies[i];
        const si_attributes *a = &company->attributes;
        bool filtered = a->client_address_filter != NULL || rules_protect(c, company);
        if (si_company_is_protected(c, company)) {
            ok = guard(c, company, a->root_path);
        }
        if (ok && filtered && a->static_root_path[0] != '\0') { /* which has no lock */
            ok = guard(c, company, a->static_root_path);
        }
    }
    return ok;
}
