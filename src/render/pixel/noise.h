/* op_noise (docs/decisions.md, P18), and the hash of positions that noise,
 * dissolve and jitter draw from. */
#ifndef SI_RENDER_PIXEL_NOISE_H
#define SI_RENDER_PIXEL_NOISE_H

#include "codec/image.h"
#include "render/pixel/plane.h"

typedef struct si_noise {
    int value;     /* 0…100 %, clamped; 0 = nothing */
    bool gaussian; /* σ = 2.55·value/2 levels; else uniform within ±2.55·value */
    bool mono;     /* the same for all three colours */
    uint64_t seed; /* a hash of the request, so that replies are reproducible */
    int x, y;      /* where the image's top-left lies in the whole composite: tiles agree */
} si_noise;

/* Adds noise to the colours, in place; alpha stays. Nothing on images marked grey. */
void si_noise_image(si_image *im, const si_noise *how);

/* Adds noise to coverage, in place (effect layers). Pixels that are 0 stay 0: nothing there. */
void si_noise_plane(si_plane *p, const si_noise *how);

/* Evenly distributed 32 bits for a position. */
static inline uint32_t si_position_hash(uint64_t seed, int32_t x, int32_t y) {
    uint32_t h = (uint32_t)seed ^ (uint32_t)x * 0x9e3779b1u;
    h = (h ^ h >> 15) * 0x85ebca77u;
    h ^= (uint32_t)(seed >> 32) ^ (uint32_t)y * 0xc2b2ae3du;
    h = (h ^ h >> 13) * 0x27d4eb2fu;
    h = (h ^ h >> 16) * 0x165667b1u;
    return h ^ h >> 15;
}

#endif
