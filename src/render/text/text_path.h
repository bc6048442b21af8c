/* Text along a path (textPath, pathAttr; docs/text.md). */
#ifndef SI_RENDER_TEXT_TEXT_PATH_H
#define SI_RENDER_TEXT_TEXT_PATH_H

#include "render/text/text_lines.h"

/* Places the first line of the text along style->path; characters whose middle lies beyond the end
 * are left out. `box` gets the layer rectangle: that of size=, else whole pixels around the glyphs.
 * SI_ERR_RANGE if path_start or path_end is out of range, SI_ERR_MEMORY, and the errors of
 * si_path_flatten(). */
SI_NODISCARD si_result si_text_follow(
    const si_lines_how *how, const si_text_style *style, si_lines *lines, double box[4]);

#endif
