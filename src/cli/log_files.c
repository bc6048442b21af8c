#include "cli/log_files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *si_default_access_log(const char *listen, si_arena *arena) {
    char name[300];
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    snprintf(name, sizeof name, "%s", listen);
    for (char *c = name; *c != '\0'; c++) {
        *c = isalnum((unsigned char)*c) || *c == '.' ? *c : '-';
    }
    if (geteuid() == 0) {
        return si_arena_printf(arena, SI_LOG_OF_ROOT "/access-%s.log", name);
    }
    if (xdg != NULL && xdg[0] == '/') {
        return si_arena_printf(arena, "%s/" SI_LOG_OF_USER "/access-%s.log", xdg, name);
    }
    if (home != NULL && home[0] == '/') {
        return si_arena_printf(
            arena, "%s/.local/state/" SI_LOG_OF_USER "/access-%s.log", home, name);
    }
    errno = ENOENT;
    return NULL;
}

bool si_log_is_writable(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

/* PATH.n; PATH itself for 0. False if that is too long. */
static bool name_of(const char *path, int n, char out[PATH_MAX]) {
    int len =
        n == 0 ? snprintf(out, PATH_MAX, "%s", path) : snprintf(out, PATH_MAX, "%s.%d", path, n);
    return len > 0 && len < PATH_MAX;
}

bool si_log_rotate(const char *path, int64_t size) {
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT;
    }
    if (size <= 0 || !S_ISREG(st.st_mode) || st.st_size <= size) {
        return false;
    }
    bool moved = false;
    for (int n = SI_LOG_FILES; n > 0; n--) {
        if (!name_of(path, n - 1, from) || !name_of(path, n, to)) {
            return false;
        }
        moved = rename(from, to) == 0;
    }
    return moved;
}
