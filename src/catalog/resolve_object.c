/* From an object's name to its company and record (docs/protocol.md, URLs). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/uploads.h"
#include "catalog/catalog_internal.h"

/* ---- companies ---- */

const si_company *si_catalog_default(const si_catalog *c) {
    return &c->companies[0];
}

const si_company *si_catalog_company(const si_catalog *c, int number) {
    return number > 0 && number < c->company_count ? &c->companies[number] : NULL;
}

/* A first-level folder, below the default company's RootPath, as a company. */
static const si_company *folder_company(const si_catalog *c, si_str id, si_arena *arena) {
    static const si_company_data nothing;
    const char *base = c->companies[0].attributes.root_path;
    struct stat st;
    if (!c->companies[0].attributes.folder_companies) {
        return NULL;
    }
    if (id.len >= 256 || !si_name_is_clean(id, "-_. ") || id.p[0] == '.') {
        return NULL;
    }
    const char *folder =
        si_arena_printf(arena, "%s%s%.*s", base, base[0] != '\0' ? "/" : "", SI_STR_ARG(id));
    if (folder == NULL || fstatat(c->root_fd, folder, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(st.st_mode)) {
        return NULL;
    }
    si_company *company = si_arena_alloc(arena, sizeof *company);
    char *name = si_arena_copy(arena, id.p, id.len);
    if (company == NULL || name == NULL) {
        return NULL;
    }
    *company = c->companies[0];
    company->id = name;
    company->attributes.root_path = folder;
    company->data = &nothing;
    return company;
}

const si_company *si_catalog_find_company(const si_catalog *c, si_str root_id, si_arena *arena) {
    if (root_id.len == 0) {
        return NULL;
    }
    if (si_str_eq(root_id, SI_STR(SI_UPLOADS_COMPANY))) {
        return si_uploads_company(c, arena);
    }
    const si_company *company = si_names_find(&c->by_id, root_id);
    return company != NULL ? company : folder_company(c, root_id, arena);
}

/* ---- records of a locale ---- */

/* Suffixes that an id is tried with. */
typedef struct suffixes {
    int count;
    const char *const *items;
} suffixes;

static const char *const no_suffix[] = {""};

/* The locale counts only if the main company has a map. */
static si_result suffixes_of(const si_object_query *q, suffixes *out, si_diag *diag) {
    const si_attributes *a = &q->main->attributes;
    *out = (suffixes){1, no_suffix};
    if (a->locale_map == NULL) {
        return SI_OK;
    }
    si_str locale = q->locale.len > 0 ? q->locale : si_str_of(a->default_locale);
    const si_locale_rule *rule = si_locale_find(a->locale_map, locale);
    if (rule == NULL) {
        return si_fail(diag, SI_ERR_RANGE, "locale \"%.*s\" is not known here", SI_SHOWN(locale));
    }
    *out = (suffixes){rule->count, rule->values};
    return SI_OK;
}

/* The record of one company under one of the suffixes. */
static const si_record *record_in(const si_company *company, si_str id, const char *suffix,
    si_record_table table, si_arena *arena) {
    const si_company_data *d = company->data;
    if (id.len == 0) {
        return NULL;
    }
    if (suffix[0] != '\0') {
        const char *longer = si_arena_printf(arena, "%.*s%s", SI_STR_ARG(id), suffix);
        if (longer == NULL) {
            return NULL;
        }
        id = si_str_of(longer);
    }
    return si_names_find(table == SI_TABLE_IMAGE ? &d->images : &d->statics, id);
}

/* ---- objects ---- */

/* A place where an object may be, and who governs it if it is there. */
typedef struct place {
    const si_company *owner, *company;
    si_str id;
} place;

enum { MAX_PLACES = 4 };

static bool direct_access(const si_resolved *r, si_record_table table) {
    si_str path = si_str_of(r->object);
    bool svg = path.len > 4 && si_str_eq_nocase((si_str){path.p + path.len - 4, 4}, SI_STR(".svg"));
    unsigned wanted = table == SI_TABLE_STATIC ? SI_CLASS_STATIC : svg ? SI_CLASS_SVG : SI_CLASS_IS;
    return (r->company->attributes.direct_access & wanted) != 0;
}

/* Finds the record in the first place that has one, suffix by suffix. */
static bool find_record(const place *places, int count, const suffixes *s, si_record_table table,
    si_arena *arena, si_resolved *out) {
    for (int i = 0; i < s->count; i++) {
        for (int k = 0; k < count; k++) {
            out->record = record_in(places[k].owner, places[k].id, s->items[i], table, arena);
            if (out->record != NULL) {
                out->owner = places[k].owner;
                out->company = places[k].company;
                return true;
            }
        }
    }
    return false;
}

/* The places in their order. A path names its catalog first; a reference is tried as a whole in the
 * main company before. What a catalog lacks is sought in the default one. */
static int list_places(const si_company *standard, const si_company *start, const si_company *named,
    const si_object_query *q, si_str rest, place places[MAX_PLACES]) {
    int n = 0;
    if (!q->from_url) {
        places[n++] = (place){start, start, q->object};
    }
    if (named != NULL) {
        places[n++] = (place){named, named, rest};
        places[n++] = (place){standard, named, rest};
    }
    if (!q->from_url) {
        places[n++] = (place){standard, start, q->object};
    } else if (named == NULL) {
        places[n++] = (place){standard, standard, q->object};
    }
    return n;
}

/* The company that the first element names, with the rest behind it. A single element names a
 * company only if it is a configured one: it may as well be a file. */
static const si_company *named_company(
    const si_catalog *c, const si_object_query *q, si_arena *arena, si_str *rest) {
    si_str first;
    *rest = q->object;
    (void)si_str_next(rest, '/', &first);
    if (rest->p != NULL) {
        return si_catalog_find_company(c, first, arena);
    }
    *rest = SI_STR("");
    return q->from_url ? si_names_find(&c->by_id, first) : NULL;
}

/* A path into a folder of the root, which the default company has only if it says so, where folders
 * are no companies. */
static bool is_unserved_folder(const si_catalog *c, const si_resolved *r, si_record_table table) {
    return table == SI_TABLE_IMAGE && r->company == &c->companies[0] && !c->root_path_defined &&
           !r->company->attributes.folder_companies && strchr(r->object, '/') != NULL;
}

static si_result finish(const si_catalog *c, si_resolved *out, si_str path,
    const si_object_query *q, si_arena *arena, si_diag *diag) {
    if (out->record != NULL) {
        out->object = out->record->id;
        out->path = out->record->path;
        out->mask_path = out->record->mask_path;
        return SI_OK;
    }
    out->owner = out->company;
    out->object = out->path = si_arena_copy(arena, path.len > 0 ? path.p : "", path.len);
    out->mask_path = "";
    if (out->object == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    if (is_unserved_folder(c, out, q->table)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "there is no such company");
    }
    return direct_access(out, q->table)
               ? SI_OK
               : si_fail(diag, SI_ERR_FORBIDDEN, "images are not reached by their path here");
}

/* An object as it stands, without crops. */
static si_result resolve_whole(const si_catalog *c, const si_object_query *query, si_arena *arena,
    si_resolved *out, si_diag *diag) {
    const si_company *standard = &c->companies[0];
    si_object_query q = *query;
    suffixes s;
    bool rooted = !q.from_url && q.object.len > 0 && q.object.p[0] == '/';
    if (rooted) {
        q.object.p++;
        q.object.len--;
    }
    si_str rest;
    const si_company *named = named_company(c, &q, arena, &rest);
    if (q.main == NULL) {
        q.main = named != NULL ? named : standard;
    }
    *out = (si_resolved){.main = q.main};
    SI_TRY(suffixes_of(&q, &s, diag));
    const si_company *start = rooted ? standard : q.main;
    place places[MAX_PLACES];
    int count = list_places(standard, start, named, &q, rest, places);
    if (find_record(places, count, &s, q.table, arena, out)) {
        return finish(c, out, rest, &q, arena, diag);
    }
    if (named != NULL && !named->attributes.full_match) {
        out->company = named;
        return finish(c, out, rest, &q, arena, diag);
    }
    if (named != NULL && q.from_url) { /* FullMatch: as if no catalog had matched */
        out->main = q.main = standard;
        SI_TRY(suffixes_of(&q, &s, diag));
        (void)find_record(&(place){standard, standard, q.object}, 1, &s, q.table, arena, out);
    }
    out->company = named != NULL ? standard : start;
    return finish(c, out, q.object, &q, arena, diag);
}

/* "object:Crop" or "object:Swatch"; false if the part behind the ":" names neither. */
static bool resolve_crop(const si_catalog *c, const si_object_query *query, si_arena *arena,
    si_resolved *out, si_result *result, si_diag *diag) {
    si_object_query base = *query;
    const char *colon =
        query->object.len > 0 ? memrchr(query->object.p, ':', query->object.len) : NULL;
    if (colon == NULL || colon == query->object.p) {
        return false;
    }
    si_str name = {colon + 1, query->object.len - (size_t)(colon + 1 - query->object.p)};
    base.object.len = (size_t)(colon - query->object.p);
    si_diag own = {0};
    si_resolved r;
    *result = resolve_whole(c, &base, arena, &r, &own);
    if (*result != SI_OK && *result != SI_ERR_FORBIDDEN) {
        return false;
    }
    r.swatch = si_str_eq(name, SI_STR("Swatch"));
    r.crop = r.swatch ? NULL : si_company_crop(c, r.company, name);
    if (!r.swatch && r.crop == NULL) {
        return false;
    }
    *out = r;
    if (*result != SI_OK) {
        (void)si_fail(diag, *result, "%s", own.text);
    }
    return true;
}

si_result si_catalog_resolve(const si_catalog *c, const si_object_query *query, si_arena *arena,
    si_resolved *out, si_diag *diag) {
    si_diag own = {0};
    si_result crop_result, result = resolve_whole(c, query, arena, out, &own);
    bool path = (result == SI_OK && out->record == NULL) || result == SI_ERR_FORBIDDEN;
    if (path && resolve_crop(c, query, arena, out, &crop_result, diag)) {
        return crop_result;
    }
    return result == SI_OK ? SI_OK : si_fail(diag, result, "%s", own.text);
}

const si_crop *si_resolved_crop(const si_resolved *object) {
    static const si_crop swatch = {.name = "Swatch", .width = 200, .height = 200};
    return object->swatch ? &swatch : object->crop;
}

bool si_catalog_crop_by_hand(const si_catalog *c, const si_resolved *object, double rect[4]) {
    const si_crop *crop = si_resolved_crop(object);
    if (crop == NULL) {
        return false;
    }
    si_str name = si_str_of(crop->name);
    return si_catalog_crop_override(c, object->company, si_str_of(object->object), name, rect) ||
           (object->path[0] != '\0' &&
               si_catalog_crop_override(c, object->owner, si_str_of(object->path), name, rect));
}

int si_catalog_translations(const si_catalog *c, const si_company *main, si_str id,
    si_record_table table, si_arena *arena, const char *const **out) {
    const si_locale_map *map = main->attributes.locale_map;
    int room = 1, n = 0;
    for (int i = 0; map != NULL && i < map->count; i++) {
        room += map->rules[i].count;
    }
    const char **ids = si_arena_alloc(arena, (size_t)room * sizeof *ids);
    *out = ids;
    for (int i = -1; ids != NULL && i < (map != NULL ? map->count : 0); i++) {
        suffixes s = i < 0 ? (suffixes){1, no_suffix}
                           : (suffixes){map->rules[i].count, map->rules[i].values};
        for (int k = 0; k < s.count; k++) {
            const si_record *r = record_in(main, id, s.items[k], table, arena);
            if (r == NULL) {
                r = record_in(&c->companies[0], id, s.items[k], table, arena);
            }
            int known = 0;
            while (r != NULL && known < n && strcmp(ids[known], r->id) != 0) {
                known++;
            }
            if (r != NULL && known == n) {
                ids[n++] = r->id;
            }
        }
    }
    return ids != NULL ? n : -1;
}
