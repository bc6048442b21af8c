/* Arithmetic on levels 0…255, and what hot loops over pixels share. */
#ifndef SI_RENDER_PIXEL_LEVELS_H
#define SI_RENDER_PIXEL_LEVELS_H

#include <stdint.h>

/* Loops in files that name this are compiled for AVX2 as well. No FMA among the targets: every
 * processor must round alike, since equal recipes give equal bytes. */
#define SI_WIDE __attribute__((target_clones("avx2", "default")))

#define SI_INLINE static inline __attribute__((always_inline))

/* v / 255, rounded; v ≤ 65025. */
SI_INLINE uint32_t si_div255(uint32_t v) {
    v += 128;
    return (v + (v >> 8)) >> 8;
}

/* Rounded half up and clamped. */
SI_INLINE uint8_t si_level(float v) {
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + .5f);
}

#endif
