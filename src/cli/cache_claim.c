#include "cli/cache_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"

enum {
    TEXT_MAX = 32768,
    LOOK_MS = 50,      /* between two tries */
    ORPHANS_MS = 15000 /* for the nginx of a server that was killed to end */
};

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
#define X(name) {#name, offsetof(si_cache_server, name)},
    SI_CACHE_SERVER_FIELDS(X)
#undef X
};

enum { FIELDS = sizeof fields / sizeof *fields };

static const char **field_of(si_cache_server *s, int i) {
    return (const char **)((char *)s + fields[i].offset);
}

/* The folder may belong to another user, so neither links are followed nor hard ones written to. */
static int open_file(const char *cache, int flags, struct stat *st) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/server", cache);
    if (n < 0 || n >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    bool sound = fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_nlink == 1;
    if (fd >= 0 && !sound) {
        close(fd);
        errno = EPERM;
        fd = -1;
    }
    return fd;
}

/* ---- reading ---- */

static bool read_text(int fd, si_arena *arena, si_cache_server *out) {
    char *text = si_arena_alloc(arena, TEXT_MAX);
    ssize_t n = text != NULL ? pread(fd, text, TEXT_MAX, 0) : -1;
    si_str rest = {text, n > 0 ? (size_t)n : 0}, line;
    *out = (si_cache_server){0};
    while (rest.len > 0 && si_str_next(&rest, '\n', &line)) {
        si_str name;
        bool parted = si_str_next(&line, '=', &name) && line.p != NULL;
        for (int i = 0; parted && i < FIELDS; i++) {
            if (si_str_eq(name, si_str_of(fields[i].name))) {
                *field_of(out, i) = si_arena_copy(arena, line.p, line.len);
            }
        }
    }
    return out->pid != NULL;
}

bool si_cache_server_read(const char *cache, si_arena *arena, si_cache_server *out) {
    struct stat st;
    int fd = open_file(cache, O_RDONLY, &st);
    bool ours = fd >= 0 && (st.st_uid == geteuid() || st.st_uid == 0);
    bool known = ours && read_text(fd, arena, out);
    if (fd >= 0) {
        close(fd);
    }
    return known;
}

bool si_cache_server_usual(si_arena *arena, si_cache_server *out) {
    const char *cache = si_default_cache(arena);
    return cache != NULL && si_cache_server_read(cache, arena, out);
}

/* ---- taking ---- */

/* Whether the process that wrote the file is there; unknown counts as gone. */
static bool lives(const si_cache_server *s) {
    long pid = s->pid != NULL ? strtol(s->pid, NULL, 10) : 0;
    return pid > 0 && pid <= INT_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static void complain_of(const char *cache, const si_cache_server *s) {
    if (s->pid == NULL) {
        si_complain("another server has the cache folder %s: name another one with --cache", cache);
        return;
    }
    si_complain("the server on %s, process %s, has the cache folder %s: stop that one, or name "
                "another folder with --cache",
        s->listen != NULL ? s->listen : "?", s->pid, cache);
}

/* Whether we have the lock. */
static bool lock(int fd, const char *cache) {
    const struct timespec pause = {.tv_nsec = LOOK_MS * SI_MILLISECOND};
    int64_t until = si_now_ns() + ORPHANS_MS * SI_MILLISECOND;
    for (;;) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            si_complain("cannot lock the cache folder %s: %s: see to it that no other server uses "
                        "it",
                cache, strerror(errno));
            return true;
        }
        si_arena arena = {0};
        si_cache_server other;
        (void)read_text(fd, &arena, &other);
        bool refused = lives(&other) || si_now_ns() > until;
        if (refused) {
            complain_of(cache, &other);
        }
        si_arena_free(&arena);
        if (refused) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

static bool write_text(const char *cache, const si_cache_server *says) {
    si_cache_server own = *says;
    char pid[24], text[TEXT_MAX];
    struct stat st;
    int used = 0, fd = open_file(cache, O_WRONLY, &st);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    own.pid = pid;
    for (int i = 0; i < FIELDS && used < TEXT_MAX; i++) {
        const char *value = *field_of(&own, i);
        if (value != NULL && strchr(value, '\n') == NULL) {
            used +=
                snprintf(text + used, (size_t)(TEXT_MAX - used), "%s=%s\n", fields[i].name, value);
        }
    }
    bool ours = fd >= 0 && ((st.st_uid == geteuid() && st.st_gid == getegid()) ||
                               fchown(fd, geteuid(), getegid()) == 0);
    bool ok = ours && used < TEXT_MAX && ftruncate(fd, 0) == 0 &&
              pwrite(fd, text, (size_t)used, 0) == used;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* The lock is held by a descriptor that only reads: one that writes would keep the file system from
 * being mounted read-only. What the file says is for people and other commands: a full disk costs
 * that, and not the server. */
int si_cache_claim(const char *cache, const si_cache_server *says) {
    struct stat st;
    int fd = open_file(cache, O_RDONLY | O_CREAT, &st);
    if (fd < 0) {
        si_complain("cannot open %s/server: %s", cache, strerror(errno));
        return -1;
    }
    if (!lock(fd, cache)) {
        close(fd);
        return -1;
    }
    (void)!write_text(cache, says);
    (void)fcntl(fd, F_SETFD, 0); /* nginx is to have it, too */
    return fd;
}
