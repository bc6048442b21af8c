/* Colour operations op_* (docs/decisions.md, P18). The vendor publishes no formulas: ours
 * are here and nowhere else, so that they can be calibrated.
 *
 * All work in place on levels b of 0…255, on straight colours, and leave alpha alone; results are
 * rounded half up and clamped. Strengths out of range are clamped (P5). Strength 0 changes nothing,
 * bit for bit. Where several run: brightness, contrast, colorbalance, hue, saturation, colorize,
 * invert (P20). An image that is grey stays marked so only where its greys stay grey. */
#ifndef SI_RENDER_PIXEL_OPS_H
#define SI_RENDER_PIXEL_OPS_H

#include "codec/image.h"

/* b + 2.55·adj, adj −100…100 */
void si_op_brightness(si_image *im, int adj);

/* 127.5 + (b − 127.5)·k; k = 1 + adj/100 for adj ≤ 0, 100/(100 − min(adj, 99)) above; −100…100 */
void si_op_contrast(si_image *im, int adj);

/* b + 2.55·adj of its component, each −100…100 */
void si_op_colorbalance(si_image *im, int red, int green, int blue);

/* Turns the hue of HSL by −180…180 degrees; saturation and lightness of HSL stay. */
void si_op_hue(si_image *im, int degrees);

/* L + (b − L)(1 + adj/100), L = Rec. 601 luma; −100…100, −100 = grey */
void si_op_saturation(si_image *im, int adj);

/* 255 − b */
void si_op_invert(si_image *im);

typedef struct si_colour_tint {
    uint8_t r, g, b;
    bool normalize; /* `norm`: the median of the luma moves to 127.5 first */
    double contrast; /* with norm only, 0…100: then 127.5 + (g − 127.5)·100/(100 − min(c, 99)) */
    int median; /* median luma of the whole layer from si_op_median(), 0…255; −1 = take that of
                   this image (wrong for a tile) */
} si_colour_tint;

/* Colours by luma g (Rec. 601), shifted and stretched as above: g ≤ 127.5 runs linearly from black
 * to the colour, g above from the colour to white. */
void si_op_colorize(si_image *im, const si_colour_tint *how);

/* Median Rec. 601 luma of the pixels, each counting by its alpha; 127 if all are transparent. */
int si_op_median(const si_image *im);

#endif
