/* From a recipe and its originals to final pixels (libvips): the pipeline of reference/commands.md
 * section 8.1. */
#ifndef SI_RENDER_RENDER_H
#define SI_RENDER_RENDER_H

#include "codec/image.h"
#include "picture/recipe.h"

struct si_colour_spaces;

/* How sources are read: limits on what they may cost, each 0 = default, and their colours. */
typedef struct si_render_limits {
    int64_t max_source_pixels; /* default 268 million: more is SI_ERR_LIMIT before any decoding */
    int64_t max_view_pixels;   /* default 67 million rendered pixels */
    uint32_t refused;          /* kinds of originals that are not served: SI_KIND_BIT()s */
    const struct si_colour_spaces *spaces; /* render/target.h; NULL = into sRGB */
} si_render_limits;

/* The limits with defaults filled in; `limits` may be NULL. */
si_render_limits si_render_limits_or_default(const si_render_limits *limits);

/* Facts about an original, for req=imageprops (7.3). */
typedef struct si_source_props {
    int width, height; /* full resolution, after EXIF rotation */
    bool alpha;
    int channels;     /* colour channels of the file: 1, 3, 4 (CMYK) */
    double print_res; /* dpi, 0 if the file names none */
    bool has_icc, has_xmp;
    char icc_name[80];  /* description of the embedded profile, "" if none */
    const char *format; /* loader's name of the format, static string */
} si_source_props;

/* Call once in a process before anything else here. Blocks every libvips loader that is not meant
 * to see foreign files, switches off the operation cache and threads. */
SI_NODISCARD si_result si_render_start(si_diag *diag);

/* Where a rendering gets the files that its recipe names. Both return a read-only, seekable
 * descriptor that the caller closes, or −1 with `diag` set. */
typedef struct si_files {
    /* A file below the served root, which is checked for being the one that is meant. */
    int (*open)(void *context, const si_file_ref *file, si_diag *diag);
    /* A foreign image (SI_SOURCE_URL); NULL = refused. */
    int (*fetch)(void *context, const char *url, si_diag *diag);
    void *context;
} si_files;

/* Files for recipes that need one only: `*fd`, which is borrowed as long as the result is used. */
si_files si_files_of_fd(const int *fd);

/* Opens the file or foreign image that a source names. Errors of the callbacks, and
 * SI_ERR_UNSUPPORTED. */
int si_files_open(const si_files *files, const si_source *source, si_diag *diag);

/* Renders `r`. On success `out` owns the final pixels: 4 channels if r->alpha, else 3. Errors:
 * SI_ERR_SOURCE (broken, unknown or refused kind of file), SI_ERR_LIMIT (source, or reply over
 * MaxPix), SI_ERR_RANGE (geometry that leaves nothing), SI_ERR_UNSUPPORTED, SI_ERR_MEMORY, and
 * those of `files`. */
SI_NODISCARD si_result si_render(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_image *out, si_diag *diag);

/* Reads the header of the original open at `fd` only (borrowed; position unspecified afterwards).
 */
SI_NODISCARD si_result si_render_props(
    int fd, const si_render_limits *limits, si_source_props *out, si_diag *diag);

#endif
