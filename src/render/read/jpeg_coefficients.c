#include "render/read/jpeg_coefficients.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <jerror.h>

enum {
    HUGE_PAGE = 2 << 20,  /* bytes */
    FEW_BYTES = 16 << 20, /* up to here malloc() has them at hand, cleared in no time */
};

/* What libjpeg leaves to its memory manager: rows of blocks of one component, all in memory. */
struct jvirt_barray_control {
    JDIMENSION rows, blocks; /* blocks of a row */
    JBLOCKARRAY array;       /* `rows` pointers; NULL until realize() */
};

static jvirt_barray_ptr request(j_common_ptr cinfo, int pool, boolean zeroed, JDIMENSION blocks,
    JDIMENSION rows, JDIMENSION most) {
    si_jpeg_coefficients *c = cinfo->client_data;
    (void)zeroed, (void)most; /* they are all zeroed, and all there */
    if (c->count == MAX_COMPONENTS) {
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    }
    jvirt_barray_ptr a = cinfo->mem->alloc_small(cinfo, pool, sizeof *a);
    *a = (struct jvirt_barray_control){.rows = rows, .blocks = blocks};
    return c->arrays[c->count++] = a;
}

static size_t bytes_of(const struct jvirt_barray_control *a) {
    return (size_t)a->rows * a->blocks * sizeof(JBLOCK);
}

/* `bytes` of zeros. */
static void *zeros(j_common_ptr cinfo, si_jpeg_coefficients *c, size_t bytes) {
    if (bytes <= FEW_BYTES) {
        return memset(cinfo->mem->alloc_large(cinfo, JPOOL_IMAGE, bytes), 0, bytes);
    }
    size_t size = bytes + HUGE_PAGE;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    }
    (void)madvise(map, size, MADV_HUGEPAGE); /* a system without them does it its own way */
    c->map = map;
    c->bytes = size;
    return (void *)(((uintptr_t)map + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
}

static void realize(j_common_ptr cinfo) {
    si_jpeg_coefficients *c = cinfo->client_data;
    size_t bytes = 0;
    for (int i = 0; i < c->count; i++) {
        bytes += bytes_of(c->arrays[i]);
    }
    JBLOCKROW next = bytes > 0 ? zeros(cinfo, c, bytes) : NULL;
    for (int i = 0; i < c->count; i++) {
        struct jvirt_barray_control *a = c->arrays[i];
        a->array = cinfo->mem->alloc_large(cinfo, JPOOL_IMAGE, a->rows * sizeof *a->array);
        for (JDIMENSION y = 0; y < a->rows; y++, next += a->blocks) {
            a->array[y] = next;
        }
    }
    c->realize(cinfo); /* what else has been requested */
}

static JBLOCKARRAY look(
    j_common_ptr cinfo, jvirt_barray_ptr a, JDIMENSION start, JDIMENSION count, boolean writable) {
    (void)writable;
    if (a->array == NULL || count > a->rows || start > a->rows - count) {
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
    }
    return a->array + start;
}

void si_jpeg_coefficients_use(si_jpeg_coefficients *c, j_decompress_ptr cinfo) {
    *c = (si_jpeg_coefficients){.realize = cinfo->mem->realize_virt_arrays};
    cinfo->mem->request_virt_barray = request;
    cinfo->mem->realize_virt_arrays = realize;
    cinfo->mem->access_virt_barray = look;
}

void si_jpeg_coefficients_free(si_jpeg_coefficients *c) {
    if (c->map != NULL) {
        munmap(c->map, c->bytes);
    }
    *c = (si_jpeg_coefficients){0};
}
