/* Finding and opening the files behind objects, never outside the served root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum { MAX_PATH = 1024 };

static const char *const extensions[] = {
#define X(e) e,
    SI_EXTENSIONS(X)
#undef X
};

int si_catalog_open(const si_catalog *c, const si_file *file, si_diag *diag) {
    return si_root_open(c->root_fd, file->path, diag);
}

/* Size and time of a regular file beneath the root. SI_ERR_NOT_FOUND if there is none that could be
 * served, SI_ERR_IO if that cannot be told now. */
static si_result stat_beneath(int root_fd, const char *path, struct stat *st, si_diag *diag) {
    int fd = si_open_beneath(root_fd, path, O_PATH);
    bool looked = fd >= 0 && fstat(fd, st) == 0;
    int error = looked ? 0 : errno;
    if (fd >= 0) {
        close(fd);
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
    struct stat st;
    int n = snprintf(
        path, sizeof path, "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "", SI_STR_ARG(name));
    si_result result =
        n < 0 || n >= MAX_PATH ? SI_ERR_NOT_FOUND : stat_beneath(c->root_fd, path, &st, diag);
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

si_result si_catalog_find(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag) {
    if (!object_is_clean(object)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the image name is not allowed");
    }
    const char *folder = company->attributes.root_path;
    char path[MAX_PATH];
    int n = snprintf(
        path, sizeof path, "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "", SI_STR_ARG(object));
    if (n < 0 || n > MAX_PATH - 16) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "image not found");
    }
    struct stat st;
    si_result result = stat_beneath(c->root_fd, path, &st, diag);
    if (result == SI_ERR_NOT_FOUND && company->attributes.default_ext[0] != '\0') {
        snprintf(path + n, sizeof path - (size_t)n, "%.15s", company->attributes.default_ext);
        result = stat_beneath(c->root_fd, path, &st, diag);
    }
    for (size_t i = 0; result == SI_ERR_NOT_FOUND && i < sizeof extensions / sizeof *extensions;
         i++) {
        snprintf(path + n, sizeof path - (size_t)n, "%s", extensions[i]);
        result = stat_beneath(c->root_fd, path, &st, diag);
    }
    if (result != SI_OK) { /* the first text counts */
        return si_fail(diag, result, "image \"%.*s\" not found",
            (int)(object.len > 200 ? 200 : object.len), object.p);
    }
    return found(path, &st, arena, out, diag);
}
