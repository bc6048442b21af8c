/* Photoshop image resource blocks and the paths in them (Adobe Photoshop File Formats
 * Specification, "Image Resource Blocks" and "Path resource format"): for pathEmbed, for the names
 * of imageprops, and for clipPathE and its kind. All of it is safe on hostile bytes. */
#ifndef SI_CODEC_PHOTOSHOP_H
#define SI_CODEC_PHOTOSHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/result.h"

/* A path as it lies in the blocks, which it borrows from. */
typedef struct si_photoshop_path {
    char name[256]; /* bytes as stored, NUL-terminated; Photoshop writes the system's encoding */
    int id;         /* 2000…2997 */
    const uint8_t *records;
    size_t count; /* records of 26 bytes */
} si_photoshop_path;

/* A Bézier knot: where the curve arrives from, passes, and leaves to. Coordinates are x, y as
 * fractions of the image's width and height; they may lie outside 0…1. */
typedef struct si_photoshop_knot {
    bool first;  /* begins a subpath */
    bool closed; /* the subpath is a closed one */
    double in[2], at[2], out[2];
} si_photoshop_knot;

/* Where one is in a run of blocks. Begin with {blocks, len}. */
typedef struct si_photoshop_walk {
    const uint8_t *data;
    size_t len;
} si_photoshop_walk;

/* The next path of the blocks; false at their end, or where they are broken. */
bool si_photoshop_next_path(si_photoshop_walk *walk, si_photoshop_path *out);

/* The path of this name (exact bytes); false if there is none. */
bool si_photoshop_find_path(
    const void *blocks, size_t len, const char *name, si_photoshop_path *out);

/* The path's next knot; *record, which begins at 0, is moved behind it. False at the end. */
bool si_photoshop_next_knot(const si_photoshop_path *path, size_t *record, si_photoshop_knot *out);

/* Writes blocks with the closed subpaths of every path in `blocks`, moved by the affine map
 * x' = m[0]·x + m[1]·y + m[2], y' = m[3]·x + m[4]·y + m[5] on fractions of source and reply, and
 * the name of the clipping path if there is one. Open subpaths and all other resources are left
 * out; `out` (zero-initialized) stays empty if nothing is left. Fails only for lack of memory. */
SI_NODISCARD si_result si_photoshop_transform(
    const void *blocks, size_t len, const double m[6], si_bytes *out, si_diag *diag);

#endif
