/* FNV-1a (Fowler, Noll, Vo): short, and good enough to spread names over a table. Not for security,
 * and not for entity tags (base/digest.h). */
#ifndef SI_BASE_HASH_H
#define SI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SI_HASH64_START UINT64_C(0xcbf29ce484222325)
#define SI_HASH32_START UINT32_C(2166136261)

/* Goes on with a hash by `len` bytes; the first call is given SI_HASH64_START. The low bits of a
 * hash are weak: fold the high ones in before taking it modulo a power of two. */
static inline uint64_t si_hash64(uint64_t h, const void *data, size_t len) {
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* One byte more, 32 bits. */
static inline uint32_t si_hash32(uint32_t h, unsigned char byte) {
    return (h ^ byte) * UINT32_C(16777619);
}

#endif
