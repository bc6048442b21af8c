#include "catalog/generations.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "catalog/extensions.h"

enum { OBJECTS = 65536, COMPANIES = 1024 };

static const char magic[16] = "smartimg gen 1\n";

struct table {
    char magic[16];
    _Atomic uint32_t all;
    _Atomic uint32_t companies[COMPANIES];
    _Atomic uint32_t objects[OBJECTS];
};

struct si_generations {
    struct table *table;
};

static uint64_t hash(uint64_t h, si_str s) {
    return si_hash64(h, s.p, s.len);
}

static uint32_t fold(uint64_t h) {
    return (uint32_t)(h ^ (h >> 32) ^ (h >> 17));
}

static _Atomic uint32_t *company_counter(const si_generations *g, si_str company) {
    return &g->table->companies[fold(hash(SI_HASH64_START, company)) % COMPANIES];
}

static _Atomic uint32_t *object_counter(const si_generations *g, si_str company, si_str object) {
    uint64_t h = hash(SI_HASH64_START, company);
    h = hash(h, SI_STR("/"));
    h = hash(h, si_extension_strip(object));
    return &g->table->objects[fold(h) % OBJECTS];
}

si_result si_generations_open(const char *path, si_generations **out, si_diag *diag) {
    *out = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return si_fail(diag, SI_ERR_IO, "generation table %s: %s", path, strerror(errno));
    }
    si_result result = SI_OK;
    struct stat st;
    struct table *t = MAP_FAILED;
    si_generations *g = malloc(sizeof *g);
    if (g == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
        goto done;
    }
    if (fstat(fd, &st) != 0) {
        result = si_fail(diag, SI_ERR_IO, "generation table %s: %s", path, strerror(errno));
        goto done;
    }
    /* two processes may create it at once: both write the same bytes */
    if (st.st_size == 0 && (ftruncate(fd, sizeof *t) != 0 ||
                               pwrite(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic)) {
        result = si_fail(diag, SI_ERR_IO, "generation table %s: %s", path, strerror(errno));
        goto done;
    }
    if (st.st_size != 0 && st.st_size != (off_t)sizeof *t) {
        result = si_fail(diag, SI_ERR_IO, "%s is not a generation table", path);
        goto done;
    }
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (t == MAP_FAILED) {
        result = si_fail(diag, SI_ERR_IO, "generation table %s: %s", path, strerror(errno));
        goto done;
    }
    if (memcmp(t->magic, magic, sizeof magic) != 0) {
        munmap(t, sizeof *t);
        result = si_fail(diag, SI_ERR_IO, "%s is not a generation table", path);
        goto done;
    }
    g->table = t;
    *out = g;
    g = NULL;
done:
    free(g);
    close(fd);
    return result;
}

void si_generations_close(si_generations *g) {
    if (g != NULL) {
        munmap(g->table, sizeof *g->table);
        free(g);
    }
}

uint64_t si_generation_of(const si_generations *g, si_str company, si_str object) {
    if (g == NULL) {
        return 0;
    }
    return (uint64_t)atomic_load(&g->table->all) + atomic_load(company_counter(g, company)) +
           atomic_load(object_counter(g, company, object));
}

void si_generation_purge_object(si_generations *g, si_str company, si_str object) {
    atomic_fetch_add(object_counter(g, company, object), 1);
}

void si_generation_purge_company(si_generations *g, si_str company) {
    atomic_fetch_add(company_counter(g, company), 1);
}

void si_generation_purge_all(si_generations *g) {
    atomic_fetch_add(&g->table->all, 1);
}
