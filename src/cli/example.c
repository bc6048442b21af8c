#include "cli/example.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/percent.h"
#include "catalog/extensions.h"
#include "catalog/listing.h"
#include "plan/plan.h"

enum {
    MAX_FOLDERS = 100, /* that are listed */
    MAX_DEPTH = 3,     /* below a company's folder */
    MAX_TRIES = 20     /* pictures that are asked for */
};

static const char prefix[] = "/is/image/", query[] = "wid=800";

typedef struct search {
    const si_catalog *catalog;
    si_arena *arena;
    const char *address; /* found */
    int folders, tries;
    bool cut; /* not all was looked at */
} search;

typedef struct names {
    si_arena *arena;
    int count;
    const char *items[SI_LISTING_MAX];
} names;

static void add_name(void *context, const char *name) {
    names *n = context;
    const char *copy = si_arena_copy(n->arena, name, strlen(name));
    if (copy != NULL && n->count < SI_LISTING_MAX) {
        n->items[n->count++] = copy;
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder, sorted; NULL if it is not to be read. */
static names *list(search *s, const char *folder, si_listing_kind kind) {
    names *n = s->folders < MAX_FOLDERS ? si_arena_alloc(s->arena, sizeof *n) : NULL;
    if (n == NULL) {
        s->cut = true;
        return NULL;
    }
    s->folders++;
    n->arena = s->arena;
    s->cut |= !si_catalog_list(s->catalog, folder, kind, add_name, n);
    if (n->count > 1) {
        qsort(n->items, (size_t)n->count, sizeof *n->items, by_name);
    }
    return n;
}

/* Whether a picture is there for whoever comes; `path` is behind the prefix. */
static bool ask(search *s, const char *path) {
    const char *special = "%?#\"'<>$&+(){}[]^`|\\ ";
    char *raw = si_arena_alloc(s->arena, sizeof prefix + 3 * strlen(path));
    si_plan plan;
    si_diag diag = {0};
    if (raw == NULL || s->tries++ >= MAX_TRIES) {
        s->cut = true;
        return false;
    }
    si_percent_encode(si_str_of(path), special, stpcpy(raw, prefix));
    const si_request request = {
        .path = si_str_of(raw), .query = si_str_of(query), .address = SI_STR("127.0.0.1")};
    bool there = si_plan_make(s->catalog, NULL, &request, s->arena, &plan, &diag) == SI_OK &&
                 plan.kind == SI_PLAN_RECIPE && plan.recipe.picture.layer_count > 0 &&
                 plan.recipe.picture.layers[0].source.kind == SI_SOURCE_FILE && !plan.error_image;
    s->address = there ? si_arena_printf(s->arena, "%s?%s", raw, query) : NULL;
    return s->address != NULL;
}

static const char *join(search *s, const char *folder, const char *name) {
    const char *path =
        si_arena_printf(s->arena, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
    return path != NULL ? path : "";
}

/* Looks for pictures in a folder, whose path in addresses is `address`, and below it. */
static bool look(search *s, const char *folder, const char *address, int depth) {
    const names *files = list(s, folder, SI_LISTING_FILES);
    for (int i = 0; files != NULL && i < files->count; i++) {
        const si_str stem = si_extension_strip(si_str_of(files->items[i]));
        const char *name = si_arena_copy(s->arena, stem.p, stem.len);
        if (name != NULL && ask(s, join(s, address, name))) {
            return true;
        }
        if (s->tries >= MAX_TRIES) {
            return false;
        }
    }
    const names *folders = depth < MAX_DEPTH ? list(s, folder, SI_LISTING_FOLDERS) : NULL;
    for (int i = 0; folders != NULL && i < folders->count; i++) {
        const char *name = folders->items[i];
        if (look(s, join(s, folder, name), join(s, address, name), depth + 1)) {
            return true;
        }
    }
    return false;
}

si_example si_example_find(const si_catalog *c, si_arena *arena, const char **address) {
    search s = {.catalog = c, .arena = arena};
    const si_company *company;
    bool found = false;
    for (int i = 1; !found && (company = si_catalog_company(c, i)) != NULL; i++) {
        found = look(&s, company->attributes.root_path, company->id, 1);
    }
    found = found || look(&s, si_catalog_default(c)->attributes.root_path, "", 0);
    *address = s.address;
    return found ? SI_EXAMPLE_FOUND : s.cut ? SI_EXAMPLE_UNSEEN : SI_EXAMPLE_NONE;
}

const char *si_example_call(si_arena *arena) {
    char exe[PATH_MAX], real[PATH_MAX];
    const char *name, *folders = getenv("PATH");
    si_str rest = folders != NULL ? si_str_of(folders) : SI_STR(""), folder;
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len <= 0 || memchr(exe, '/', (size_t)len) == NULL) {
        return NULL;
    }
    exe[len] = '\0';
    name = strrchr(exe, '/') + 1;
    while (si_str_next(&rest, ':', &folder)) {
        const char *candidate =
            folder.len > 0 ? si_arena_printf(arena, "%.*s/%s", SI_STR_ARG(folder), name) : NULL;
        if (candidate != NULL && access(candidate, X_OK) == 0) { /* the first one is called */
            const bool ours = realpath(candidate, real) != NULL && strcmp(real, exe) == 0;
            return si_arena_copy(arena, ours ? name : exe, strlen(ours ? name : exe));
        }
    }
    return si_arena_copy(arena, exe, (size_t)len);
}
