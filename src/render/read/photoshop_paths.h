/* Photoshop path resources in image files: JPEG APP13, TIFF tag 34377 (docs/protocol.md,
 * Paths and perspective; Adobe Photoshop File Formats Specification, "Path Resource Format"). */
#ifndef SI_RENDER_READ_PHOTOSHOP_PATHS_H
#define SI_RENDER_READ_PHOTOSHOP_PATHS_H

#include <stdint.h>

#include "base/path.h"

typedef struct si_photoshop_path {
    const char *name; /* as stored, NUL-terminated; control characters are `?` */
    si_path path;     /* in fractions of the image: 0,0 = top-left, 1,1 = bottom-right. Closed
                         subpaths end in CLOSE */
} si_photoshop_path;

/* All in the arena they were made in. */
typedef struct si_photoshop {
    si_photoshop_path *paths;
    size_t count; /* at most SI_PHOTOSHOP_MAX_PATHS */
} si_photoshop;

enum { SI_PHOTOSHOP_MAX_PATHS = 998 };

/* Reads the paths 2000–2997 of a block of 8BIM resources, with or without the header
 * `Photoshop 3.0` NUL of APP13. A damaged block gives the paths before the damage, and a damaged
 * path is left out: only SI_ERR_MEMORY is an error. */
SI_NODISCARD si_result si_photoshop_read(
    const uint8_t *block, size_t len, si_arena *arena, si_photoshop *out, si_diag *diag);

/* The path of that name (letters' case counts), or NULL. */
const si_photoshop_path *si_photoshop_find(const si_photoshop *p, si_str name);

#endif
