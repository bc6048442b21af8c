/* From a recipe and its originals to final pixels (libvips): the pipeline of docs/layers.md. */
#ifndef SI_RENDER_RENDER_H
#define SI_RENDER_RENDER_H

#include "render/read/input.h"

/* Facts about an original, for req=imageprops. */
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
