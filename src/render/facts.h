/* What can be said of a request without rendering it: property replies (docs/protocol.md, Facts).
 */
#ifndef SI_RENDER_FACTS_H
#define SI_RENDER_FACTS_H

#include "base/bytes.h"
#include "render/render.h"

/* The reply's size in pixels; MaxPix is no limit here (docs/decisions.md, P29). Errors of
 * si_render(). */
SI_NODISCARD si_result si_render_size(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, int size[2], si_diag *diag);

/* The parts that `count` ≥ 1 smart crops of one original show of it, x, y, w, h as fractions, and
 * the colours that most of each has, 0xRRGGBB (docs/protocol.md, Smart crops). The original is
 * decoded once. */
SI_NODISCARD si_result si_render_crops(const si_recipe *r, const si_source *const *crops, int count,
    const si_files *files, const si_render_limits *limits, double (*rects)[4], uint32_t *colours,
    si_diag *diag);

/* req=map: the AREA elements of all layers in reply pixels, front to back, the composite's last.
 * Appended to `out`. */
SI_NODISCARD si_result si_render_map(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_bytes *out, si_diag *diag);

#endif
