#include "catalog/generations.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "catalog/extensions.h"

enum {
    OBJECTS = 65536,
    COMPANIES = 1024,
    /* places of the counters: of everything, of companies, of objects */
    ALL_AT = SI_GENERATION_PLACE_ALL,
    COMPANIES_AT = 1,
    OBJECTS_AT = COMPANIES_AT + COMPANIES,
    COUNTERS = OBJECTS_AT + OBJECTS,
    GROWN = 4 << 20, /* bytes from which on the file is written anew */
    ATTEMPTS = 5     /* to lock a file that others replace meanwhile */
};

static const char magic[16] = "smartimg gen 2\n";
static const char old_magic[16] = "smartimg gen 1\n";

/* The file: a head, then records, all in this machine's byte order. */
typedef struct head {
    char magic[16];
    uint64_t base;
    uint64_t records; /* as many as are on the disk at least: less, and the file was cut short */
    uint64_t check;   /* of both */
} head;

typedef struct record {
    uint32_t place; /* of a counter */
    uint32_t add;
    uint64_t check; /* of both, the base, and where it stands */
} record;

/* That of versions before: counters in a mapped file. */
typedef struct old_table {
    char magic[16];
    uint32_t counters[COUNTERS];
} old_table;

struct si_generations {
    char *path;
    int fd;     /* of the file that was read last, −1 = none */
    off_t read; /* bytes of it */
    uint64_t base;
    uint32_t counters[COUNTERS];
};

static uint64_t hash(uint64_t h, si_str s) {
    return si_hash64(h, s.p, s.len);
}

static uint32_t fold(uint64_t h) {
    return (uint32_t)(h ^ (h >> 32) ^ (h >> 17));
}

uint32_t si_generation_place_of_company(si_str company) {
    return COMPANIES_AT + fold(hash(SI_HASH64_START, company)) % COMPANIES;
}

uint32_t si_generation_place_of_object(si_str company, si_str object) {
    uint64_t h = hash(SI_HASH64_START, company);
    h = hash(h, SI_STR("/"));
    h = hash(h, si_extension_strip(object));
    return OBJECTS_AT + fold(h) % OBJECTS;
}

/* ---- checks ---- */

static uint64_t check_head(const head *h) {
    uint64_t sum = si_hash64(SI_HASH64_START, &h->base, sizeof h->base);
    return si_hash64(sum, &h->records, sizeof h->records);
}

static uint64_t check_record(uint64_t base, off_t at, const record *r) {
    uint64_t h = si_hash64(SI_HASH64_START, &base, sizeof base);
    h = si_hash64(h, &at, sizeof at);
    h = si_hash64(h, &r->place, sizeof r->place);
    return si_hash64(h, &r->add, sizeof r->add);
}

/* A base that is later than all before: of the clock, and should that have been set back, later
 * than the one that this process knew; with 20 bits that make it another in any case. */
static uint64_t new_base(uint64_t known) {
    struct timespec now;
    uint32_t random = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    ms = ms > known >> 20 ? ms : (known >> 20) + 1;
    return ms << 20 | (random & 0xfffff);
}

/* ---- reading ---- */

typedef enum state { GOOD, DAMAGED, ANOTHER } state;

/* Reads the records from g->read on. A last one that is not whole yet is left for later. */
static state read_records(si_generations *g, off_t size) {
    record r[512];
    while (size - g->read >= (off_t)sizeof *r) {
        ssize_t n = pread(g->fd, r, sizeof r, g->read);
        size_t count = n > 0 ? (size_t)n / sizeof *r : 0;
        if (count == 0) {
            return DAMAGED;
        }
        for (size_t i = 0; i < count; i++) {
            if (r[i].place >= COUNTERS || r[i].check != check_record(g->base, g->read, &r[i])) {
                return DAMAGED;
            }
            g->counters[r[i].place] += r[i].add;
            g->read += (off_t)sizeof *r;
        }
    }
    return GOOD;
}

static void forget(si_generations *g) {
    if (g->fd >= 0) {
        close(g->fd);
    }
    g->fd = -1;
    g->read = 0;
    memset(g->counters, 0, sizeof g->counters);
}

static state read_old(si_generations *g, int fd) {
    old_table *t = malloc(sizeof *t);
    state s = t != NULL && pread(fd, t, sizeof *t, 0) == (ssize_t)sizeof *t ? GOOD : DAMAGED;
    if (s == GOOD) {
        memcpy(g->counters, t->counters, sizeof g->counters);
        g->base = 0;
    }
    free(t);
    return s;
}

/* Reads the file from its beginning. DAMAGED if it is a table, or was one, that cannot be relied
 * on; ANOTHER if it is something else. *old tells whether it is of a version before. */
static state read_file(si_generations *g, bool *old) {
    head h = {0};
    struct stat st;
    forget(g);
    *old = false;
    g->fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (g->fd < 0 || fstat(g->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return g->fd < 0 && errno == ENOENT ? DAMAGED : ANOTHER;
    }
    ssize_t n = pread(g->fd, &h, sizeof h, 0);
    if (n >= (ssize_t)sizeof h.magic && memcmp(h.magic, old_magic, sizeof old_magic) == 0) {
        *old = true;
        return read_old(g, g->fd);
    }
    size_t known = n < 0 ? 0 : (size_t)n < sizeof magic ? (size_t)n : sizeof magic;
    if (n < 0 || memcmp(h.magic, magic, known) != 0) {
        return ANOTHER;
    }
    if (n < (ssize_t)sizeof h || h.check != check_head(&h) ||
        (uint64_t)st.st_size < sizeof h + h.records * sizeof(record)) {
        return DAMAGED; /* (an empty file is one that was cut short) */
    }
    g->base = h.base;
    g->read = sizeof h;
    return read_records(g, st.st_size);
}

/* ---- writing ---- */

static bool write_all(int fd, const void *data, size_t len, off_t at) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_head(int fd, const si_generations *g, off_t size) {
    head h = {.base = g->base, .records = (uint64_t)(size - (off_t)sizeof h) / sizeof(record)};
    memcpy(h.magic, magic, sizeof magic);
    h.check = check_head(&h);
    return write_all(fd, &h, sizeof h, 0);
}

static bool write_counters(int fd, const si_generations *g) {
    off_t at = sizeof(head);
    for (uint32_t i = 0; i < COUNTERS; i++) {
        record r = {.place = i, .add = g->counters[i]};
        r.check = check_record(g->base, at, &r);
        if (r.add != 0) {
            if (!write_all(fd, &r, sizeof r, at)) {
                return false;
            }
            at += (off_t)sizeof r;
        }
    }
    return write_head(fd, g, at);
}

/* The folder of the file is written to the disk, so that the file's name is there. */
static bool sync_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    if (len >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(slash == NULL ? "."
                  : len == 0    ? "/"
                                : folder,
        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced;
}

/* Root makes the file one of the folder's owner, who is to write to it, too. */
static bool give_away(int fd, const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (geteuid() != 0 || slash == NULL || (size_t)(slash - path) >= sizeof folder) {
        return true;
    }
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

/* Writes a whole file with what is in memory, in the place of the one that is there. */
static si_result replace_file(si_generations *g, si_diag *diag) {
    char name[4096];
    int len = snprintf(name, sizeof name, "%s.XXXXXX", g->path);
    int fd = len > 0 && (size_t)len < sizeof name ? mkostemp(name, O_CLOEXEC) : -1;
    bool good = fd >= 0 && write_counters(fd, g) && fchmod(fd, 0644) == 0 &&
                give_away(fd, g->path) && fsync(fd) == 0 && rename(name, g->path) == 0 &&
                sync_folder(g->path);
    int error = errno;
    if (fd >= 0) {
        close(fd);
        if (!good) {
            unlink(name);
        }
    }
    return good ? SI_OK
                : si_fail(diag, SI_ERR_IO, "generation table %s cannot be written: %s", g->path,
                      strerror(error));
}

/* Makes a new table: everything is purged. */
static si_result start_anew(si_generations *g, uint64_t known, si_diag *diag) {
    bool old;
    forget(g);
    g->base = new_base(known);
    SI_TRY(replace_file(g, diag));
    return read_file(g, &old) == GOOD
               ? SI_OK
               : si_fail(diag, SI_ERR_IO, "generation table %s cannot be read", g->path);
}

/* Reads what there is, and sees to it that there is something. `known` is the base so far. */
static si_result load(si_generations *g, uint64_t known, si_diag *diag) {
    bool old = false;
    switch (read_file(g, &old)) {
    case ANOTHER:
        return g->fd < 0 ? si_fail(diag, SI_ERR_IO, "cannot open generation table %s: %s", g->path,
                               strerror(errno))
                         : si_fail(diag, SI_ERR_IO,
                               "%s is not a generation table: it begins "
                               "otherwise",
                               g->path);
    case DAMAGED:
        return start_anew(g, known, diag);
    case GOOD:
        break;
    }
    if (!old) {
        return SI_OK;
    }
    SI_TRY(replace_file(g, diag));
    return load(g, known, diag);
}

/* ---- public ---- */

si_result si_generations_open(const char *path, si_generations **out, si_diag *diag) {
    si_generations *g = calloc(1, sizeof *g);
    *out = NULL;
    if (g == NULL || (g->path = strdup(path)) == NULL) {
        free(g);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for the generation table");
    }
    g->fd = -1;
    si_result result = load(g, 0, diag);
    if (result != SI_OK) {
        si_generations_close(g);
        return result;
    }
    *out = g;
    return SI_OK;
}

void si_generations_close(si_generations *g) {
    if (g != NULL) {
        forget(g);
        free(g->path);
        free(g);
    }
}

bool si_generations_refresh(si_generations *g) {
    struct stat st;
    if (g == NULL) {
        return false;
    }
    bool there = g->fd >= 0 && fstat(g->fd, &st) == 0 && st.st_nlink > 0 && st.st_size >= g->read;
    if (there && st.st_size - g->read < (off_t)sizeof(record)) {
        return false;
    }
    uint64_t known = g->base;
    if (there && read_records(g, st.st_size) == GOOD) {
        return true;
    }
    if (load(g, known, NULL) != SI_OK) { /* a disk that takes nothing: this process purges alone */
        forget(g);
        g->base = new_base(known);
    }
    return true;
}

uint64_t si_generation_base(const si_generations *g) {
    return g != NULL ? g->base : 0;
}

uint64_t si_generation_of(const si_generations *g, si_str company, si_str object) {
    if (g == NULL) {
        return 0;
    }
    return g->base + g->counters[ALL_AT] + g->counters[si_generation_place_of_company(company)] +
           g->counters[si_generation_place_of_object(company, object)];
}

/* Opens the file that has the table's name, locked against other purges. −1 with errno set. */
static int lock_file(const si_generations *g) {
    for (int i = 0; i < ATTEMPTS; i++) {
        struct stat locked, named;
        int fd = open(g->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            return -1;
        }
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &locked) == 0 && stat(g->path, &named) == 0 &&
            locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
            return fd;
        }
        close(fd);
    }
    errno = EAGAIN;
    return -1;
}

/* Appends records to the locked file, or nothing. A part of one that a process left which died
 * meanwhile goes. */
static bool append(int fd, const si_generations *g, const uint32_t *places, int count) {
    record records[SI_GENERATION_PLACES];
    off_t at = g->read;
    assert(count > 0 && count <= SI_GENERATION_PLACES);
    for (int i = 0; i < count; i++) {
        assert(places[i] < COUNTERS);
        records[i] = (record){.place = places[i], .add = 1};
        records[i].check = check_record(g->base, at, &records[i]);
        at += (off_t)sizeof *records;
    }
    if (ftruncate(fd, g->read) == 0 &&
        write_all(fd, records, (size_t)count * sizeof *records, g->read) && fdatasync(fd) == 0 &&
        write_head(fd, g, at) && fdatasync(fd) == 0) {
        return true;
    }
    int error = errno;
    (void)!ftruncate(fd, g->read);
    errno = error;
    return false;
}

si_result si_generation_purge_places(
    si_generations *g, const uint32_t *places, int count, si_diag *diag) {
    (void)si_generations_refresh(g);
    int fd = lock_file(g);
    if (fd < 0) {
        return si_fail(
            diag, SI_ERR_IO, "generation table %s cannot be written: %s", g->path, strerror(errno));
    }
    (void)si_generations_refresh(g); /* all that was there before the lock */
    si_result result = SI_OK;
    if (!append(fd, g, places, count)) {
        result = si_fail(diag, SI_ERR_IO, "nothing was purged: generation table %s: %s", g->path,
            strerror(errno));
    }
    (void)si_generations_refresh(g);
    if (result == SI_OK && g->read > GROWN + (off_t)(COUNTERS * sizeof(record))) {
        (void)replace_file(g, NULL); /* the purge is on the disk already */
        (void)si_generations_refresh(g);
    }
    close(fd);
    return result;
}

si_result si_generation_purge_object(
    si_generations *g, si_str company, si_str object, si_diag *diag) {
    uint32_t place = si_generation_place_of_object(company, object);
    return si_generation_purge_places(g, &place, 1, diag);
}

si_result si_generation_purge_company(si_generations *g, si_str company, si_diag *diag) {
    uint32_t place = si_generation_place_of_company(company);
    return si_generation_purge_places(g, &place, 1, diag);
}

si_result si_generation_purge_all(si_generations *g, si_diag *diag) {
    uint32_t place = SI_GENERATION_PLACE_ALL;
    return si_generation_purge_places(g, &place, 1, diag);
}
