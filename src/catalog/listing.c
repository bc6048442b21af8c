#include "catalog/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/nearest.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum {
    MAX_LISTINGS = 3, /* of folders, for one suggestion */
    MAX_NAMES = 2000  /* of records or presets that are compared */
};

/* ---- folders ---- */

static bool is_plain(const char *name) {
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == ',' || *c == '?' || *c == '\\') {
            return false;
        }
    }
    return name[0] != '.';
}

static bool is_wanted(int dir_fd, const struct dirent *d, si_listing_kind kind) {
    const si_str name = si_str_of(d->d_name);
    if (kind == SI_LISTING_FILES && si_extension_strip(name).len == name.len) {
        return false;
    }
    unsigned char type = d->d_type;
    struct stat st;
    if (type == DT_UNKNOWN && fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        type = IFTODT(st.st_mode);
    }
    return kind == SI_LISTING_FOLDERS ? type == DT_DIR : type == DT_REG || type == DT_LNK;
}

bool si_catalog_list(const si_catalog *c, const char *folder, si_listing_kind kind,
    void (*tell)(void *context, const char *name), void *context) {
    int fd = si_open_beneath(c->root_fd, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    struct dirent *d;
    int seen = 0;
    while ((d = readdir(dir)) != NULL && seen++ < SI_LISTING_MAX) {
        if (is_plain(d->d_name) && is_wanted(fd, d, kind)) {
            tell(context, d->d_name);
        }
    }
    closedir(dir);
    return d == NULL;
}

/* ---- nearest names ---- */

/* Whether another folder may be listed now. */
static bool may_list(const si_catalog *c) {
    si_listings *l = c->listings;
    const int64_t now = si_now_ns();
    if (now - l->since_ns >= SI_SECOND) {
        *l = (si_listings){.since_ns = now};
    }
    return l->count++ < SI_LISTINGS_PER_SECOND;
}

static bool is_open(const si_company *company) {
    const si_attributes *a = &company->attributes;
    return !a->request_lock && !a->request_obfuscation && a->client_address_filter == NULL;
}

static void offer_names(const si_names *names, si_nearest *n) {
    const char *name;
    void *thing;
    size_t at = 0;
    while (names->count <= MAX_NAMES && si_names_next(names, &at, &name, &thing)) {
        si_nearest_offer(n, si_str_of(name));
    }
}

static void offer_folder(void *context, const char *name) {
    si_nearest_offer(context, si_str_of(name));
}

static void offer_file(void *context, const char *name) {
    si_nearest_offer(context, si_extension_strip(si_str_of(name)));
}

static const char *result_of(const si_nearest *n, si_arena *arena) {
    return n->name[0] != '\0' ? si_arena_copy(arena, n->name, strlen(n->name)) : NULL;
}

static bool is_folder(const si_catalog *c, const char *path) {
    int fd = si_open_beneath(c->root_fd, path, O_PATH | O_DIRECTORY);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static const char *join(si_arena *arena, const char *folder, si_str name) {
    return si_arena_printf(
        arena, "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "", SI_STR_ARG(name));
}

/* The element of that name in a folder, or the nearest one; NULL if there is none. */
static const char *mend(const si_catalog *c, const char *folder, si_str name, si_listing_kind kind,
    int *listings, si_arena *arena) {
    si_nearest n;
    si_nearest_to(&n, name);
    bool whole =
        (*listings)++ < MAX_LISTINGS && may_list(c) &&
        si_catalog_list(c, folder, kind, kind == SI_LISTING_FILES ? offer_file : offer_folder, &n);
    return whole ? result_of(&n, arena) : NULL;
}

/* Mends a path element by element, from the left; NULL if that leads nowhere. */
static const char *nearest_file(
    const si_catalog *c, const si_company *company, si_str object, si_arena *arena) {
    const char *root = company->attributes.root_path, *path = "";
    si_str rest = object, element;
    int listings = 0;
    while (path != NULL && si_str_next(&rest, '/', &element)) {
        const bool last = rest.p == NULL;
        const si_str name = last ? si_extension_strip(element) : element;
        const char *folder = path[0] != '\0' ? join(arena, root, si_str_of(path)) : root;
        const char *as_it_is = join(arena, folder != NULL ? folder : "", name);
        if (folder == NULL || as_it_is == NULL) {
            return NULL;
        }
        if (!last && is_folder(c, as_it_is)) {
            path = join(arena, path, name);
            continue;
        }
        const char *mended =
            mend(c, folder, name, last ? SI_LISTING_FILES : SI_LISTING_FOLDERS, &listings, arena);
        path = mended != NULL ? join(arena, path, si_str_of(mended)) : NULL;
    }
    return path;
}

/* Whether a request for it would find it. */
static bool is_there(
    const si_catalog *c, const si_company *company, const char *object, si_arena *arena) {
    const si_object_query query = {
        .main = company, .object = si_str_of(object), .table = SI_TABLE_IMAGE};
    si_resolved is;
    si_file file;
    return si_catalog_resolve(c, &query, arena, &is, NULL) == SI_OK && is_open(is.company) &&
           (is.path[0] == '\0' || si_catalog_find_of(c, &is, is.path, arena, &file, NULL) == SI_OK);
}

const char *si_catalog_nearest_object(
    const si_catalog *c, const si_company *company, si_str object, si_arena *arena) {
    if (!is_open(company) || object.len == 0) {
        return NULL;
    }
    si_nearest records;
    si_nearest_to(&records, si_extension_strip(object));
    offer_names(&company->data->images, &records);
    const char *record = result_of(&records, arena);
    const char *file = nearest_file(c, company, object, arena);
    if (record != NULL && is_there(c, company, record, arena)) {
        return record;
    }
    return file != NULL && is_there(c, company, file, arena) ? file : NULL;
}

const char *si_catalog_nearest_company(const si_catalog *c, si_str root_id, si_arena *arena) {
    si_nearest n;
    si_nearest_to(&n, root_id);
    const si_company *standard = &c->companies[0];
    if (c->company_count == 1 && is_open(standard) &&
        !(may_list(c) && si_catalog_list(c, standard->attributes.root_path, SI_LISTING_FOLDERS,
                             offer_folder, &n))) {
        return NULL;
    }
    for (int i = 1; i < c->company_count && i <= MAX_NAMES; i++) {
        if (is_open(&c->companies[i])) {
            si_nearest_offer(&n, si_str_of(c->companies[i].id));
        }
    }
    return result_of(&n, arena);
}

const char *si_catalog_nearest_preset(
    const si_catalog *c, const si_company *company, si_str name, si_arena *arena) {
    si_nearest n;
    si_nearest_to(&n, name);
    if (is_open(company)) {
        offer_names(&company->data->presets, &n);
        offer_names(&c->companies[0].data->presets, &n);
    }
    return result_of(&n, arena);
}
