/* Drawing layers on a canvas (docs/protocol.md, Layers; the vendor's page r-is-http-blendmode).
 *
 * With source and backdrop alpha αs, αb and colours Cs, Cb in 0…1:
 *     αr = αs + αb − αs·αb
 *     Cr·αr = (1 − αs)·αb·Cb + (1 − αb)·αs·Cs + αs·αb·B(Cb, Cs)
 * αs, that is the layer's alpha × mask × opacity, is rounded to a level of 255 once; αr and Cr are
 * then the formula's exact values, rounded half up. Colours are straight; where αr = 0 the canvas
 * keeps its colour. Every processor gives the same bytes. */
#ifndef SI_RENDER_PIXEL_BLEND_H
#define SI_RENDER_PIXEL_BLEND_H

#include <stdint.h>

#include "base/color.h"
#include "codec/image.h"
#include "picture/picture.h"
#include "render/pixel/plane.h"

/* Straight alpha. */
typedef struct si_rgba {
    uint8_t r, g, b, a;
} si_rgba;

/* How a layer is drawn. Zero-initialized it is norm at 0,0 with opacity 0: set `opacity`. */
typedef struct si_draw {
    si_blend mode;
    double opacity; /* 0…1, clamped */
    const si_plane
        *mask; /* of the layer's size, multiplied with its alpha; NULL = none; borrowed */
    int x, y;  /* canvas pixel on which the layer's top-left falls; any integers, what
                  lies outside the canvas is not drawn */
    int canvas_x, canvas_y; /* where the canvas's top-left lies in the whole composite, and ... */
    uint64_t seed;          /* ... what dissolve's hash of that position starts from */
} si_draw;

/* Draws `layer` (3 or 4 channels) on `canvas` (4 channels). A mask of another size than the layer
 * counts as 0 where it has no pixel. */
void si_blend_image(si_image *canvas, const si_image *layer, const si_draw *how);

/* Draws one colour through how->mask, which must not be NULL: solid layers, text, effects. */
void si_blend_color(si_image *canvas, si_rgba color, const si_draw *how);

/* Draws a rectangle of one colour; how->mask as in si_blend_image(), x and y those of `how`. */
void si_blend_rect(si_image *canvas, si_rgba color, int width, int height, const si_draw *how);

/* Puts a colour under the picture: `color` and `bgColor` fills. 3 channels stay as they are. */
void si_blend_under(si_image *im, si_rgba color);

/* Puts an opaque colour 0xRRGGBB under the picture and drops the alpha channel (4 → 3 channels, in
 * place; the stride stays). */
void si_blend_flatten(si_image *im, uint32_t rgb);

/* Multiplies alpha by 0…1, rounded. `im` must have 4 channels unless opacity ≥ 1. */
void si_blend_opacity(si_image *im, double opacity);

#endif
