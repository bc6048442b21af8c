/* What layers and the composite have done to their pixels: op_* in their order, clip paths
 * (docs/protocol.md, Colour and filters; their order: docs/decisions.md, P20). */
#ifndef SI_RENDER_SCENE_ADJUST_H
#define SI_RENDER_SCENE_ADJUST_H

#include "render/pixel/plane.h"
#include "render/scene/scene.h"

/* A piece of a picture, and where it lies in a larger one. Zero-initialize; release with
 * si_tile_free(). Without pixels (image.pixels NULL) it is empty. */
typedef struct si_tile {
    si_image image;
    int x, y; /* of its top-left pixel in the larger one */
} si_tile;

void si_tile_free(si_tile *s);

/* What lies in both: empty (width or height ≤ 0) if nothing does. */
si_rect si_rect_meet(si_rect a, si_rect b);

/* The rectangle with `reach` pixels more on each side. */
si_rect si_rect_grow(si_rect r, int reach);
static inline bool si_rect_empty(si_rect r) {
    return r.width <= 0 || r.height <= 0;
}

/* Cuts the tile to `part`, which lies within it. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_tile_crop(si_tile *s, si_rect part, si_diag *diag);

/* How op_* are applied. */
typedef struct si_adjust_options {
    double scale; /* pixels of the image per composite pixel, for radii */
    uint64_t seed;
    int median; /* of the luma, for op_colorize with `norm`; −1 = of what is at hand */
} si_adjust_options;

/* How far around a window the operations reach, pixels. */
int si_adjust_reach(const si_ops *ops, double scale);

/* Everything up to op_saturation, which is what the median for op_colorize is taken of. */
void si_adjust_tones(const si_ops *ops, si_image *im);

/* All of op_* but growMask, in place. An image without alpha gets it only if an operation needs it.
 * SI_ERR_MEMORY. */
SI_NODISCARD si_result si_adjust_apply(
    const si_ops *ops, const si_adjust_options *how, si_tile *s, si_diag *diag);

/* Takes away what lies outside the clip paths. `map` takes pixels of the clips' space to those of
 * the space that the tile lies in. Errors as of si_path_fill(). */
SI_NODISCARD si_result si_adjust_clip(
    const si_clip *clips, const si_map *map, si_tile *s, si_diag *diag);

#endif
