/* Replies that move: animated originals asked for in a format that can move (GIF, WebP, AVIF) keep
 * moving; all other replies show the first frame. */
#ifndef SI_RENDERER_MOTION_H
#define SI_RENDERER_MOTION_H

#include <stdbool.h>

#include "base/bytes.h"
#include "render/render.h"

/* Makes the whole animation, encoded as requested, into `out` (zero-initialized). *moved is false,
 * and nothing is done, where the picture stands still. There is no search for a smaller encoding: a
 * request for GIF, WebP or AVIF is exempt from conversion (docs/decisions.md, SI-26). Errors as of
 * si_render(), and SI_ERR_LIMIT for too many frames. */
SI_NODISCARD si_result si_motion_answer(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, bool *moved, si_bytes *out, si_diag *diag);

#endif
