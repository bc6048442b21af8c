/* Finding and opening the files behind objects, never outside the served root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/hash.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum { MAX_PATH = 1024, MAX_EXTENSION = 16 /* with the end of the string */ };

static const char *const extensions[] = {
#define X(e) e,
    SI_EXTENSIONS(X)
#undef X
};

int si_catalog_open(const si_catalog *c, const si_file *file, si_diag *diag) {
    return si_root_open(c->root_fd, file->path, diag);
}

/* ---- links that lead out of the root ---- */

void si_catalog_on_outside(si_catalog *c, si_catalog_outside tell, void *context) {
    *c->outside = (si_outside){.tell = tell, .context = context};
}

/* Cuts a path behind the first element that leads out. */
static void cut_to_link(const si_catalog *c, char *path) {
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const int fd = si_open_beneath(c->root_fd, path, O_PATH);
        if (fd < 0 && errno == EXDEV) {
            return;
        }
        if (fd >= 0) {
            close(fd);
        }
        *slash = '/';
    }
}

/* A link that was told lately is not told again; if there are too many, the oldest are forgotten.
 */
static void tell_outside(const si_catalog *c, const char *path) {
    char link[MAX_PATH];
    si_outside *o = c->outside;
    if (o->tell == NULL) {
        return;
    }
    snprintf(link, sizeof link, "%s", path);
    cut_to_link(c, link);
    const int64_t now = si_now_ns();
    const uint64_t hash = si_hash64(SI_HASH64_START, link, strlen(link));
    for (int i = 0; i < SI_OUTSIDE_KNOWN; i++) {
        if (o->known[i].hash == hash && now < o->known[i].until_ns) {
            return;
        }
    }
    o->known[o->next].hash = hash;
    o->known[o->next].until_ns = now + SI_OUTSIDE_SECONDS * SI_SECOND;
    o->next = (o->next + 1) % SI_OUTSIDE_KNOWN;
    o->tell(o->context, link);
}

/* ---- files ---- */

/* Size and time of a regular file beneath the root. SI_ERR_NOT_FOUND if there is none that could be
 * served, SI_ERR_IO if that cannot be told now. */
static si_result stat_beneath(
    const si_catalog *c, const char *path, struct stat *st, si_diag *diag) {
    int fd = si_open_beneath(c->root_fd, path, O_PATH);
    bool looked = fd >= 0 && fstat(fd, st) == 0;
    int error = looked ? 0 : errno;
    if (fd >= 0) {
        close(fd);
    } else if (error == EXDEV) {
        tell_outside(c, path);
    }
    if (!looked && si_open_failure(error) == SI_ERR_IO) {
        return si_fail(diag, SI_ERR_IO, "files cannot be looked at now: %s", strerror(error));
    }
    return looked && S_ISREG(st->st_mode) ? SI_OK : SI_ERR_NOT_FOUND;
}

bool si_file_path_is_clean(si_str path) {
    si_str rest = path, element;
    while (si_str_next(&rest, '/', &element)) {
        if (element.len == 0 || si_str_eq(element, SI_STR(".")) ||
            si_str_eq(element, SI_STR(".."))) {
            return false;
        }
    }
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c < 0x20 || c == 0x7f || c == '\\') {
            return false;
        }
    }
    return path.len > 0;
}

bool si_file_path_is_hidden(si_str path) {
    si_str rest = path, element;
    while (si_str_next(&rest, '/', &element)) {
        if (element.len > 0 && element.p[0] == '.') {
            return true;
        }
    }
    return false;
}

/* An object is a clean path without commas (docs/protocol.md, URLs). */
static bool object_is_clean(si_str object) {
    return si_file_path_is_clean(object) && memchr(object.p, ',', object.len) == NULL &&
           memchr(object.p, '?', object.len) == NULL;
}

/* What si_catalog_find() and its kin give back. */
static si_result found(
    const char *path, const struct stat *st, si_arena *arena, si_file *out, si_diag *diag) {
    const char *copy = si_arena_copy(arena, path, strlen(path));
    if (copy == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    *out = (si_file){.path = copy,
        .size = (uint64_t)st->st_size,
        .time_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec};
    return SI_OK;
}

/* A file below a folder of the served root, by its exact name. */
static si_result find_exact(const si_catalog *c, const char *folder, si_str name, si_arena *arena,
    si_file *out, si_diag *diag) {
    char path[MAX_PATH];
    struct stat st = {0};
    int n = snprintf(
        path, sizeof path, "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "", SI_STR_ARG(name));
    si_result result = n < 0 || n >= MAX_PATH || si_file_path_is_hidden(name)
                           ? SI_ERR_NOT_FOUND
                           : stat_beneath(c, path, &st, diag);
    if (result != SI_OK) { /* the first text counts */
        return si_fail(diag, result, "file \"%.*s\" not found", SI_SHOWN(name));
    }
    return found(path, &st, arena, out, diag);
}

si_result si_catalog_find_exact(const si_catalog *c, const si_company *company, si_str path,
    si_arena *arena, si_file *out, si_diag *diag) {
    if (!si_file_path_is_clean(path)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the file name is not allowed");
    }
    return find_exact(c, company->attributes.root_path, path, arena, out, diag);
}

si_result si_catalog_find_static(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag) {
    const char *folder = company->attributes.static_root_path;
    if (!object_is_clean(object)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the name is not allowed");
    }
    if (folder[0] == '\0') {
        return si_fail(diag, SI_ERR_NOT_FOUND, "there is no static content here");
    }
    return find_exact(c, folder, object, arena, out, diag);
}

/* The ways to write an extension that are tried. */
enum { LOWER, UPPER, CAPITALIZED, CASE_COUNT };

static void put_extension(char *to, const char *extension, int way) {
    for (int i = 0; extension[i] != '\0'; i++) {
        const bool letter = extension[i] >= 'a' && extension[i] <= 'z';
        const bool raise = letter && (way == UPPER || (way == CAPITALIZED && i == 1));
        *to++ = (char)(raise ? extension[i] - 32 : extension[i]);
    }
    *to = '\0';
}

/* Tries `path`, of `len` bytes with room for an extension behind them, with each of the extensions,
 * or with those alone that are `only` but for the case of letters. */
static si_result try_extensions(
    const si_catalog *c, char *path, size_t len, si_str only, struct stat *st, si_diag *diag) {
    for (int way = 0; way < CASE_COUNT; way++) {
        for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
            if (only.len > 0 && !si_str_eq_nocase(only, si_str_of(extensions[i]))) {
                continue;
            }
            put_extension(path + len, extensions[i], way);
            si_result result = stat_beneath(c, path, st, diag);
            if (result != SI_ERR_NOT_FOUND) {
                return result;
            }
        }
    }
    path[len] = '\0';
    return SI_ERR_NOT_FOUND;
}

/* Finds the file of a path as it is, with an extension behind it, or with its own extension in
 * other letters; `path` has room for MAX_EXTENSION more bytes, and becomes that of the file. */
static si_result find_with_extension(const si_catalog *c, const char *first, char *path, size_t len,
    struct stat *st, si_diag *diag) {
    si_result result = stat_beneath(c, path, st, diag);
    if (result == SI_ERR_NOT_FOUND && first[0] != '\0') {
        snprintf(path + len, MAX_EXTENSION, "%.15s", first);
        result = stat_beneath(c, path, st, diag);
    }
    if (result == SI_ERR_NOT_FOUND) {
        path[len] = '\0';
        result = try_extensions(c, path, len, SI_STR(""), st, diag);
    }
    if (result != SI_ERR_NOT_FOUND) {
        return result;
    }
    char extension[MAX_EXTENSION];
    const size_t stem = si_extension_strip((si_str){path, len}).len;
    const si_str own = {extension, len - stem};
    memcpy(extension, path + stem, own.len);
    return own.len > 0 ? try_extensions(c, path, stem, own, st, diag) : SI_ERR_NOT_FOUND;
}

/* Finds an object in the served root. SI_ERR_NOT_FOUND without a text. */
static si_result find_in_folder(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag) {
    const si_attributes *a = &company->attributes;
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "%s%s%.*s", a->root_path,
        a->root_path[0] != '\0' ? "/" : "", SI_STR_ARG(object));
    if (n < 0 || n > MAX_PATH - MAX_EXTENSION) {
        return SI_ERR_NOT_FOUND;
    }
    struct stat st;
    SI_TRY(find_with_extension(c, a->default_ext, path, (size_t)n, &st, diag));
    return found(path, &st, arena, out, diag);
}

/* The next source is for what the one before does not have, not for when it does not tell. */
static si_result find_in_sources(const si_catalog *c, const si_company *company, si_str object,
    const si_resolved *is, si_arena *arena, si_file *out, si_diag *diag) {
    const si_value_LIST *sources = &company->attributes.sources;
    si_result result = SI_ERR_NOT_FOUND;
    if (sources->count == 0) {
        return find_in_folder(c, company, object, arena, out, diag);
    }
    for (int i = 0; i < sources->count && result == SI_ERR_NOT_FOUND; i++) {
        si_str source = si_str_of(sources->items[i]);
        result = si_str_eq(source, SI_STR(SI_ORIGIN_FOLDER))
                     ? find_in_folder(c, company, object, arena, out, diag)
                     : si_origin_find(c, company, source, object, is, arena, out, diag);
    }
    return result;
}

static si_result find(const si_catalog *c, const si_company *company, si_str object,
    const si_resolved *is, si_arena *arena, si_file *out, si_diag *diag) {
    if (!object_is_clean(object)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the image name is not allowed");
    }
    si_result result = si_file_path_is_hidden(object)
                           ? SI_ERR_NOT_FOUND
                           : find_in_sources(c, company, object, is, arena, out, diag);
    return result == SI_OK ? SI_OK /* the first text counts */
                           : si_fail(diag, result, "image \"%.*s\" not found",
                                 (int)(object.len > 200 ? 200 : object.len), object.p);
}

si_result si_catalog_find(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag) {
    return find(c, company, object, NULL, arena, out, diag);
}

si_result si_catalog_find_of(const si_catalog *c, const si_resolved *is, const char *path,
    si_arena *arena, si_file *out, si_diag *diag) {
    return find(c, is->owner, si_str_of(path), is, arena, out, diag);
}
