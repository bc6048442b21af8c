/* Coverage: one 8-bit value a pixel, for masks, clip paths, glyphs and effects. */
#ifndef SI_RENDER_PIXEL_PLANE_H
#define SI_RENDER_PIXEL_PLANE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* Rows run top to bottom. 0 = nothing, 255 = all. Zero-initialize; `pixels` is owned, release with
 * si_plane_free(). The stride is a multiple of 4, so cairo can draw on it (CAIRO_FORMAT_A8). */
typedef struct si_plane {
    int width, height; /* pixels, each ≥ 1 */
    size_t stride;     /* bytes from one row to the next, ≥ width */
    uint8_t *pixels;   /* stride × height bytes, 64-byte aligned, or NULL */
} si_plane;

/* A rectangle of pixels; x and y of its top-left corner, any sign. */
typedef struct si_rect {
    int x, y, width, height;
} si_rect;

/* Allocates zeroed coverage; limits and errors of si_image_alloc(). */
SI_NODISCARD si_result si_plane_alloc(si_plane *p, int width, int height, si_diag *diag);

/* Frees and zeroes. */
void si_plane_free(si_plane *p);

/* Sets every pixel to `value`. */
void si_plane_fill(si_plane *p, uint8_t value);

static inline uint8_t *si_plane_row(const si_plane *p, int y) {
    return p->pixels + (size_t)y * p->stride;
}

#endif
