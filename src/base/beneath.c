#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

int si_open_beneath(int dir_fd, const char *path, int flags) {
    if (!(flags & O_PATH)) {
        flags |= O_NOCTTY | O_NONBLOCK;
    }
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd;
    do {
        fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    } while (fd < 0 && errno == EAGAIN);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        return open_checked(dir_fd, path, flags);
    }
    return fd;
}

si_result si_open_failure(int error) {
    switch (error) {
    case EXDEV:
    case ELOOP:
        return SI_ERR_FORBIDDEN;
    case EACCES:
    case EPERM:
        return SI_ERR_SOURCE;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ENXIO: /* a socket, or a device that nobody drives */
    case ENODEV:
    case EINVAL:
        return SI_ERR_NOT_FOUND;
    default:
        return SI_ERR_IO;
    }
}

/* Why a file is not opened, of errno. */
static void tell_failure(int error, si_diag *diag) {
    si_result result = si_open_failure(error);
    if (result == SI_ERR_IO) {
        (void)si_fail(diag, result, "the image file cannot be opened: %s", strerror(error));
    } else {
        (void)si_fail(diag, result, "%s",
            result == SI_ERR_FORBIDDEN ? "request refused"
            : result == SI_ERR_SOURCE  ? "the image file may not be read"
                                       : "image not found");
    }
}

int si_root_open(int root_fd, const char *path, si_diag *diag) {
    int fd = si_open_beneath(root_fd, path, O_RDONLY);
    struct stat st;
    if (fd < 0) {
        tell_failure(errno, diag);
        return -1;
    }
    if (fstat(fd, &st) != 0) {
        tell_failure(errno, diag);
    } else if (!S_ISREG(st.st_mode)) {
        (void)si_fail(diag, SI_ERR_NOT_FOUND, "image not found");
    } else {
        return fd;
    }
    close(fd);
    return -1;
}
