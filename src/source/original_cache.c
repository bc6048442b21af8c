#include "source/original_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/hash.h"
#include "base/str.h"

enum { BUCKETS = 4096, NAME = SI_DIGEST_HEX };

static const char new_prefix[] = ".new-"; /* of files that are being written */

/* What a file begins with; the original follows. */
typedef struct head {
    char magic[8];
    uint64_t length;            /* of the original, bytes */
    char digest[SI_DIGEST_HEX]; /* of the original */
    char padding[15];
} head;
_Static_assert(sizeof(head) == 64, "the same on all machines");
static const char magic[8] = "smorig1";

typedef struct entry {
    struct entry *next; /* of its bucket */
    char name[NAME];
    int64_t bytes; /* of the file */
    int64_t used;  /* the larger, the later: nanoseconds since 1970 */
} entry;

struct si_original_cache {
    int fd;
    int64_t most, least_free, bytes;
    entry *buckets[BUCKETS];
};

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- the index ---- */

static entry **bucket_of(si_original_cache *c, const char *name) {
    uint64_t h = si_hash64(SI_HASH64_START, name, strlen(name));
    return &c->buckets[(h ^ h >> 32) % BUCKETS];
}

static entry **find(si_original_cache *c, const char *name) {
    entry **at = bucket_of(c, name);
    while (*at != NULL && strcmp((*at)->name, name) != 0) {
        at = &(*at)->next;
    }
    return at;
}

static void forget(si_original_cache *c, const char *name) {
    entry **at = find(c, name), *e = *at;
    if (e != NULL) {
        c->bytes -= e->bytes;
        *at = e->next;
        free(e);
    }
}

static bool note(si_original_cache *c, const char *name, int64_t bytes, int64_t used) {
    forget(c, name);
    entry **at = bucket_of(c, name), *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return false;
    }
    snprintf(e->name, sizeof e->name, "%s", name);
    e->bytes = bytes;
    e->used = used;
    e->next = *at;
    *at = e;
    c->bytes += bytes;
    return true;
}

static void drop(si_original_cache *c, const char *name) {
    char copy[NAME]; /* it may be the entry's own */
    snprintf(copy, sizeof copy, "%s", name);
    (void)unlinkat(c->fd, copy, 0);
    forget(c, copy);
}

/* Removes what was used least lately until there is room for so many bytes more. */
static void make_room(si_original_cache *c, int64_t bytes) {
    while (c->bytes + bytes > c->most) {
        const entry *oldest = NULL;
        for (int i = 0; i < BUCKETS; i++) {
            for (const entry *e = c->buckets[i]; e != NULL; e = e->next) {
                oldest = oldest == NULL || e->used < oldest->used ? e : oldest;
            }
        }
        if (oldest == NULL) {
            return;
        }
        drop(c, oldest->name);
    }
}

static bool is_name(const char *name) {
    return strlen(name) == NAME - 1 && strspn(name, "0123456789abcdef") == NAME - 1;
}

/* Takes note of what is in the folder. */
static void scan(si_original_cache *c) {
    DIR *dir = fdopendir(dup(c->fd));
    const struct dirent *d;
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        struct stat st;
        if (strncmp(d->d_name, new_prefix, sizeof new_prefix - 1) == 0) {
            (void)unlinkat(c->fd, d->d_name, 0); /* of a process that has ended */
        } else if (is_name(d->d_name) && fstatat(c->fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISREG(st.st_mode)) {
            int64_t used = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
            (void)note(c, d->d_name, st.st_size, used);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

si_original_cache *si_original_cache_open(int fd, int64_t most_bytes, int64_t least_free) {
    si_original_cache *c = calloc(1, sizeof *c);
    if (c == NULL || faccessat(fd, ".", R_OK | W_OK | X_OK, 0) != 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->most = most_bytes;
    c->least_free = least_free;
    scan(c);
    make_room(c, 0);
    return c;
}

void si_original_cache_close(si_original_cache *c) {
    if (c == NULL) {
        return;
    }
    for (int i = 0; i < BUCKETS; i++) {
        while (c->buckets[i] != NULL) {
            forget(c, c->buckets[i]->name);
        }
    }
    close(c->fd);
    free(c);
}

/* ---- files ---- */

static void print_name(const si_original_name *name, char out[NAME]) {
    char text[2048];
    int n = snprintf(text, sizeof text, "%016llx/%016llx/%s", (unsigned long long)name->origin,
        (unsigned long long)name->version, name->key);
    si_digest_hex(text, n > 0 && n < (int)sizeof text ? (size_t)n : sizeof text - 1, out);
}

/* The digest of what a file has from its beginning on; false if it cannot be read. */
static bool digest_of(int fd, size_t length, char out[SI_DIGEST_HEX]) {
    void *data = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return false;
    }
    si_digest_hex(data, length, out);
    munmap(data, length);
    return true;
}

/* Copies `length` bytes of `from`, from *at on (NULL = where it stands), behind what `to` has. */
static bool copy(int to, int from, off_t *at, size_t length) {
    while (length > 0) {
        ssize_t n = sendfile(to, from, at, length);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        length -= (size_t)n;
    }
    return true;
}

/* Reads a file whose size is `bytes` into a sealed one in memory; −1 if it is not as it was
 * written. */
static int read_file(int fd, int64_t bytes) {
    head h;
    char digest[SI_DIGEST_HEX];
    if (read(fd, &h, sizeof h) != (ssize_t)sizeof h || memcmp(h.magic, magic, sizeof magic) != 0 ||
        h.length == 0 || h.length != (uint64_t)bytes - sizeof h) {
        return -1;
    }
    int memory = memfd_create("smartimg-original", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    h.digest[sizeof h.digest - 1] = '\0';
    bool same =
        memory >= 0 && copy(memory, fd, NULL, h.length) &&
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0 &&
        digest_of(memory, h.length, digest) && strcmp(digest, h.digest) == 0 &&
        lseek(memory, 0, SEEK_SET) == 0;
    if (!same && memory >= 0) {
        close(memory);
    }
    return same ? memory : -1;
}

int si_original_cache_get(si_original_cache *c, const si_original_name *name) {
    char text[NAME];
    struct stat st;
    if (c == NULL) {
        return -1;
    }
    print_name(name, text);
    entry *e = *find(c, text);
    if (e == NULL) {
        return -1;
    }
    int fd = openat(c->fd, text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int memory = fd >= 0 && fstat(fd, &st) == 0 ? read_file(fd, st.st_size) : -1;
    if (memory < 0) {
        drop(c, text);
    } else {
        e->used = now();
        (void)futimens(fd, NULL);
    }
    if (fd >= 0) {
        close(fd);
    }
    return memory;
}

static bool has_room_on_disk(const si_original_cache *c, int64_t bytes) {
    struct statvfs v;
    return fstatvfs(c->fd, &v) == 0 && (int64_t)(v.f_bavail * v.f_frsize) - bytes >= c->least_free;
}

/* Writes a whole file under a name of its own. */
static bool write_file(const si_original_cache *c, const char *new, int fd, size_t size) {
    head h = {.length = size};
    off_t at = 0;
    memcpy(h.magic, magic, sizeof magic);
    int out = digest_of(fd, size, h.digest)
                  ? openat(c->fd, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                  : -1;
    bool whole =
        out >= 0 && write(out, &h, sizeof h) == (ssize_t)sizeof h && copy(out, fd, &at, size);
    if (out >= 0) {
        whole = close(out) == 0 && whole;
    }
    return whole;
}

void si_original_cache_put(
    si_original_cache *c, const si_original_name *name, int fd, int64_t size) {
    char text[NAME], new[40];
    int64_t bytes = size + (int64_t)sizeof(head);
    if (c == NULL || size <= 0 || bytes > c->most || !has_room_on_disk(c, bytes)) {
        return;
    }
    print_name(name, text);
    make_room(c, bytes);
    snprintf(new, sizeof new, "%s%d", new_prefix, (int)getpid());
    (void)unlinkat(c->fd, new, 0);
    if (write_file(c, new, fd, (size_t)size) && renameat(c->fd, new, c->fd, text) == 0) {
        if (!note(c, text, bytes, now())) {
            drop(c, text);
        }
    } else {
        (void)unlinkat(c->fd, new, 0);
    }
}
