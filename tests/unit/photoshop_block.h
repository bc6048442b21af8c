/* Image resources of Photoshop, written byte by byte; include it behind the header of cmocka. */
#ifndef SI_TESTS_PHOTOSHOP_BLOCK_H
#define SI_TESTS_PHOTOSHOP_BLOCK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

static inline void put(si_bytes *b, const void *data, size_t len) {
    assert_true(si_bytes_append(b, data, len));
}

static inline void put16(si_bytes *b, unsigned v) {
    put(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static inline void put32(si_bytes *b, uint32_t v) {
    put16(b, v >> 16);
    put16(b, v & 0xffff);
}

static inline void put_fraction(si_bytes *b, double v) {
    put32(b, (uint32_t)(int32_t)lrint(v * (1 << 24)));
}

/* A record of type 0 or 3 (`knots` follow), or of another type. */
static inline void put_length(si_bytes *b, unsigned type, unsigned knots) {
    put16(b, type);
    put16(b, knots);
    put(b, (uint8_t[22]){0}, 22);
}

/* x,y of the point before, the point itself, the point behind */
static inline void put_knot(si_bytes *b, unsigned type, const double p[6]) {
    put16(b, type);
    for (int i = 0; i < 3; i++) {
        put_fraction(b, p[2 * i + 1]);
        put_fraction(b, p[2 * i]);
    }
}

/* A resource; frees `data`. */
static inline void put_resource(si_bytes *b, unsigned number, const char *name, si_bytes *data) {
    uint8_t len = (uint8_t)strlen(name);
    put(b, "8BIM", 4);
    put16(b, number);
    put(b, &len, 1);
    put(b, name, len);
    put(b, "", len % 2 == 0 ? 1 : 0);
    put32(b, (uint32_t)data->len);
    put(b, data->data, data->len);
    put(b, "", data->len % 2);
    si_bytes_free(data);
}

#endif
