/* Moves the paths in Photoshop image resource blocks (Adobe Photoshop File Formats Specification,
 * "Image Resource Blocks" and "Path resource format"), for pathEmbed. Safe on hostile bytes.
 * render/read/photoshop_paths.h reads them as outlines. */
#ifndef SI_CODEC_PHOTOSHOP_WRITE_H
#define SI_CODEC_PHOTOSHOP_WRITE_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/result.h"

/* Writes blocks with the closed subpaths of every path in `blocks`, moved by the affine map
 * x' = m[0]·x + m[1]·y + m[2], y' = m[3]·x + m[4]·y + m[5] on fractions of source and reply, and
 * the name of the clipping path if there is one. Open subpaths and all other resources are left
 * out; `out` (zero-initialized) stays empty if nothing is left. Fails only for lack of memory. */
SI_NODISCARD si_result si_photoshop_transform(
    const void *blocks, size_t len, const double m[6], si_bytes *out, si_diag *diag);

#endif
