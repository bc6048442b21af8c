/* Finding and opening the files behind objects, never outside the served root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/catalog_internal.h"
#include "catalog/extensions.h"

enum { MAX_PATH = 1024 };

static const char *const extensions[] = {
#define X(e) e,
    SI_EXTENSIONS(X)
#undef X
};

/* For kernels and sandboxes without openat2(2): opens, then asks where that really is. */
static int open_checked(int root_fd, const char *path, int flags) {
    char link[64], real[PATH_MAX], root[PATH_MAX];
    int fd = openat(root_fd, path, flags | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, real, sizeof real - 1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", root_fd);
    ssize_t m = readlink(link, root, sizeof root - 1);
    bool beneath = n > 0 && m > 0 && n > m && memcmp(real, root, (size_t)m) == 0 &&
                   (real[m] == '/' || root[m - 1] == '/');
    if (!beneath) {
        close(fd);
        errno = EXDEV;
        return -1;
    }
    return fd;
}

/* Opens a path beneath the root; links that lead out of it fail with EXDEV. */
static int open_beneath(int root_fd, const char *path, int flags) {
    if (!(flags & O_PATH)) { /* a pipe or a device must not hold us up */
        flags |= O_NOCTTY | O_NONBLOCK;
    }
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd;
    do {
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    } while (fd < 0 && errno == EAGAIN);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        return open_checked(root_fd, path, flags);
    }
    return fd;
}

int si_root_open(int root_fd, const char *path, si_diag *diag) {
    int fd = open_beneath(root_fd, path, O_RDONLY);
    struct stat st;
    if (fd < 0) {
        if (errno == EXDEV || errno == ELOOP) {
            (void)si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
        } else if (errno == EACCES) {
            (void)si_fail(diag, SI_ERR_SOURCE, "the image file may not be read");
        } else if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) {
            (void)si_fail(diag, SI_ERR_NOT_FOUND, "image not found");
        } else {
            (void)si_fail(diag, SI_ERR_IO, "the image file cannot be opened: %s", strerror(errno));
        }
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        (void)si_fail(diag, SI_ERR_NOT_FOUND, "image not found");
        return -1;
    }
    return fd;
}

/* Size and time of a regular file beneath the root. */
static bool stat_beneath(int root_fd, const char *path, struct stat *st) {
    int fd = open_beneath(root_fd, path, O_PATH);
    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, st) == 0 && S_ISREG(st->st_mode);
    close(fd);
    return ok;
}

/* An object is one or more path elements, none of them empty, "." or "..", without control
 * characters, backslashes or commas (reference/syntax.md section 1). */
static bool object_is_clean(si_str object) {
    si_str rest = object, element;
    while (si_str_next(&rest, '/', &element)) {
        if (element.len == 0 || si_str_eq(element, SI_STR(".")) ||
            si_str_eq(element, SI_STR(".."))) {
            return false;
        }
    }
    for (size_t i = 0; i < object.len; i++) {
        unsigned char c = (unsigned char)object.p[i];
        if (c < 0x20 || c == 0x7f || c == ',' || c == '\\' || c == '?') {
            return false;
        }
    }
    return object.len > 0;
}

si_result si_catalog_find(const si_catalog *c, const si_company *company, si_str object,
    si_arena *arena, si_file *out, si_diag *diag) {
    if (!object_is_clean(object)) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the image name is not allowed");
    }
    const char *folder =
        company->attributes.root_path[0] != '\0' ? company->attributes.root_path : company->id;
    char path[MAX_PATH];
    int n = snprintf(
        path, sizeof path, "%s%s%.*s", folder, folder[0] != '\0' ? "/" : "", SI_STR_ARG(object));
    if (n < 0 || n > MAX_PATH - 16) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "image not found");
    }
    struct stat st;
    bool found = stat_beneath(c->root_fd, path, &st);
    if (!found && company->attributes.default_ext[0] != '\0') {
        snprintf(path + n, sizeof path - (size_t)n, "%.15s", company->attributes.default_ext);
        found = stat_beneath(c->root_fd, path, &st);
    }
    for (size_t i = 0; !found && i < sizeof extensions / sizeof *extensions; i++) {
        snprintf(path + n, sizeof path - (size_t)n, "%s", extensions[i]);
        found = stat_beneath(c->root_fd, path, &st);
    }
    if (!found) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "image \"%.*s\" not found",
            (int)(object.len > 200 ? 200 : object.len), object.p);
    }
    const char *copy = si_arena_copy(arena, path, strlen(path));
    if (copy == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    *out = (si_file){.path = copy,
        .size = (uint64_t)st.st_size,
        .time_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
    return SI_OK;
}
