/* Drawing laid out text with cairo. */
#ifndef SI_RENDER_TEXT_TEXT_DRAW_H
#define SI_RENDER_TEXT_TEXT_DRAW_H

#include "render/text/text_lines.h"

/* Draws glyphs and underlines on `out`, transparent RGBA of the wanted size. `to_pixels` takes
 * layout pixels to pixels of the image; nothing is drawn outside `clip` (x0, y0, x1, y1, image
 * pixels). SI_ERR_MEMORY. */
SI_NODISCARD si_result si_text_draw(const si_lines_how *how, const si_lines *lines,
    const si_affine *to_pixels, const double clip[4], si_text_aa aa, si_image *out);

#endif
