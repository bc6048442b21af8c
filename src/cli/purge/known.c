#include "cli/purge/known.h"

#include <string.h>

#include "catalog/extensions.h"
#include "catalog/listing.h"
#include "cli/purge/cached.h"

/* ---- what is there ---- */

/* The two ways to read a name: an object of the company that its first element is, and one of the
 * default company. */
enum { READINGS = 2 };

typedef struct reading {
    const si_company *company; /* NULL = this way it is none */
    si_str object;
} reading;

static void read_name(const si_catalog *c, si_str name, si_arena *arena, reading out[READINGS]) {
    si_str rest = name, first;
    bool parted = si_str_next(&rest, '/', &first) && rest.p != NULL;
    out[0] = (reading){parted ? si_catalog_find_company(c, first, arena) : NULL, rest};
    out[1] = (reading){si_catalog_default(c), name};
}

/* Whether there is an image, or may be one in an origin, which nobody asks here. */
static bool may_be_image(
    const si_catalog *c, const si_company *company, si_str object, si_arena *arena) {
    si_file file;
    si_result result = si_catalog_find(c, company, object, arena, &file, NULL);
    return result == SI_OK || result == SI_ERR_IO;
}

/* A file, whether or not requests may reach it by its path. */
static bool is_file(const si_catalog *c, const reading *r, si_arena *arena) {
    si_file file;
    return r->company != NULL &&
           (may_be_image(c, r->company, r->object, arena) ||
               si_catalog_find_static(c, r->company, r->object, arena, &file, NULL) == SI_OK);
}

static bool is_resolved(const si_catalog *c, si_str name, si_record_table table, si_arena *arena) {
    const si_object_query query = {.object = name, .from_url = true, .table = table};
    si_resolved is;
    return si_catalog_resolve(c, &query, arena, &is, NULL) == SI_OK &&
           (is.record != NULL || (table == SI_TABLE_IMAGE && is.path[0] != '\0' &&
                                     may_be_image(c, is.owner, si_str_of(is.path), arena)));
}

/* ---- what was there ---- */

/* Files that the name may have stood for, below the root and without extensions. */
typedef struct past {
    si_str files[READINGS];
    bool found;
} past;

static bool look_at_file(void *context, const si_file_ref *file) {
    past *p = context;
    si_str path = si_extension_strip(si_str_of(file->path));
    for (int i = 0; i < READINGS; i++) {
        p->found |= p->files[i].len > 0 && si_str_eq(path, p->files[i]);
    }
    return !p->found;
}

static bool is_made_of(void *context, const si_recipe *recipe) {
    past *p = context;
    (void)si_recipe_files(recipe, look_at_file, p);
    return p->found;
}

static bool was_there(const reading readings[READINGS], const char *cache, si_arena *arena) {
    past p = {.found = false};
    for (int i = 0; i < READINGS; i++) {
        const reading *r = &readings[i];
        const char *root = r->company != NULL ? r->company->attributes.root_path : "";
        const char *path = r->company != NULL
                               ? si_arena_printf(arena, "%s%s%.*s", root,
                                     root[0] != '\0' ? "/" : "", SI_STR_ARG(r->object))
                               : NULL;
        p.files[i] = path != NULL ? si_extension_strip(si_str_of(path)) : (si_str){NULL, 0};
    }
    return si_cached_any(cache, is_made_of, &p);
}

/* ---- what may have been meant ---- */

static const char *near_object(
    const si_catalog *c, si_str name, const reading readings[READINGS], si_arena *arena) {
    const si_company *company = readings[0].company;
    si_str rest = name, first;
    (void)si_str_next(&rest, '/', &first);
    if (company == NULL && rest.p != NULL) {
        const char *id = si_catalog_nearest_company(c, first, arena);
        company = id != NULL ? si_catalog_find_company(c, si_str_of(id), arena) : NULL;
    }
    const char *object =
        company != NULL ? si_catalog_nearest_object(c, company, rest, arena) : NULL;
    if (object != NULL) {
        return si_arena_printf(arena, "%s/%s", company->id, object);
    }
    return si_catalog_nearest_object(c, si_catalog_default(c), name, arena);
}

si_known si_known_object(
    const si_catalog *c, si_str object, const char *cache, si_arena *arena, const char **nearest) {
    reading readings[READINGS];
    *nearest = NULL;
    read_name(c, object, arena, readings);
    if (is_resolved(c, object, SI_TABLE_IMAGE, arena) ||
        is_resolved(c, object, SI_TABLE_STATIC, arena) || is_file(c, &readings[0], arena) ||
        is_file(c, &readings[1], arena)) {
        return SI_KNOWN_THERE;
    }
    if (was_there(readings, cache, arena)) {
        return SI_KNOWN_CACHED;
    }
    *nearest = near_object(c, object, readings, arena);
    return SI_KNOWN_NOT;
}

static bool is_of_company(void *context, const si_recipe *recipe) {
    return si_str_eq(si_str_of(recipe->company), *(const si_str *)context);
}

si_known si_known_company(
    const si_catalog *c, si_str root_id, const char *cache, si_arena *arena, const char **nearest) {
    *nearest = NULL;
    if (si_catalog_find_company(c, root_id, arena) != NULL) {
        return SI_KNOWN_THERE;
    }
    if (si_cached_any(cache, is_of_company, &root_id)) {
        return SI_KNOWN_CACHED;
    }
    *nearest = si_catalog_nearest_company(c, root_id, arena);
    return SI_KNOWN_NOT;
}
