/* Windows on what a layer shows: files, foreign images, nested pictures, colours, text. */
#ifndef SI_RENDER_SCENE_LAYER_CONTENT_H
#define SI_RENDER_SCENE_LAYER_CONTENT_H

#include "render/scene/layer.h"

/* The grid on which a layer's plain rectangle is rendered: pixel = scale × layer pixel + at; scales
 * are positive. */
typedef struct si_raster {
    double scale[2], at[2];
} si_raster;

/* The rectangle's pixels: edges rounded half up. */
si_rect si_raster_box(const si_raster *raster, const int size[2]);

/* Reads the layer's image, colour or text into `window`, which lies within the raster's box. With
 * `flat` an image's own alpha does not count. `out` is owned by the caller on success; errors as of
 * si_render(), here and below. */
SI_NODISCARD si_result si_layer_content_read(si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const si_raster *raster, si_rect window, bool flat, si_image *out,
    si_diag *diag);

/* Reads its separate mask. */
SI_NODISCARD si_result si_layer_content_mask(si_render_context *rc, const si_scene *scene,
    const si_scene_layer *s, const si_raster *raster, si_rect window, si_plane *out, si_diag *diag);

#endif
