/* From a recipe and an original to final pixels (libvips).
 *
 * Decode, crop, scale, filter, place into the view, flatten, convert to sRGB: the pipeline of
 * reference/commands.md section 8.1 as far as a single layer 0 needs it. */
#ifndef SI_RENDER_RENDER_H
#define SI_RENDER_RENDER_H

#include "codec/image.h"
#include "recipe/recipe.h"

/* Limits on what a source may cost; each 0 = default. */
typedef struct si_render_limits {
    int64_t max_source_pixels; /* default 268 million: more is SI_ERR_LIMIT before any decoding */
    int64_t max_view_pixels;   /* default 67 million rendered pixels */
} si_render_limits;

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

/* Renders `r` from the original open at `fd` (read-only, seekable, borrowed; position unspecified
 * afterwards). On success `out` owns the final pixels: 4 channels if r->alpha, else 3. Errors:
 * SI_ERR_SOURCE (broken, unknown or refused kind of file), SI_ERR_LIMIT (source, or reply over
 * MaxPix), SI_ERR_RANGE (geometry that leaves nothing), SI_ERR_UNSUPPORTED, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_render(
    const si_recipe *r, int fd, const si_render_limits *limits, si_image *out, si_diag *diag);

/* Reads the header only. Same errors. */
SI_NODISCARD si_result si_render_props(
    int fd, const si_render_limits *limits, si_source_props *out, si_diag *diag);

/* ---- geometry, free of pixels; tested on its own ---- */

/* How the source becomes the reply. All rounding as in commands.md 3.2 and 4.3.
 *
 * The scaled composite fills its box S exactly on both axes: rounding S to whole pixels stretches
 * it by less than a pixel instead of leaving a seam of background.
 *
 * Pixel ratio. The geometry is solved at ratio 1, then the whole view (content, padding, rect) is
 * multiplied by `dpr` (P10); box edges are rounded in view coordinates, so tiles of one view agree
 * on them. The ratio asked for is reduced in two cases, but never below 1:
 *
 * - D-7: wid and hei are both given, `scl` is not, and `fit` does not allow upscaling. Such a view
 *   promises never to enlarge the image, so the ratio ends where one source pixel becomes one reply
 *   pixel: at 1 / the larger of the two axes' scales from source to reply at ratio 1. 816×500 at 2
 *   is 1632×1000 as long as the source has the pixels. Everything else (one dimension alone, `scl`,
 *   fit=…,1, the default view) may enlarge without a ratio, and may with one.
 * - D-5: MaxPix: min(dpr, maxW/w, maxH/h). 1600×1000 at 2 under 3000×3000 is 3000×1875.
 *
 * A ratio below 1 shrinks. MaxPix is checked on the reply at ratio 1 first (SI-37). */
typedef struct si_geometry {
    double crop[4];  /* x, y, w, h in source pixels, whole; may reach beyond the source */
    int layer[2];    /* w, h of layer 0 = the composite, pixels */
    double scale[2]; /* composite → scaled view content, x and y, without dpr and rect scale */
    int scaled[2];   /* size of the scaled content S at 1×, pixels */
    int offset[2];   /* where S lies in the view at 1×; negative = cropped amount */
    int view[2];     /* view size V at 1×, pixels */
    double dpr;      /* ratio really used, after MaxPix (D-5) and source size (D-7) */
    int out[2];      /* reply size, pixels */
    double out_content[4]; /* x, y, w, h: where the whole composite lies in the reply, whole reply
                              pixels; nothing of it is shown outside out_view */
    double out_view[4];    /* x, y, w, h: where the view lies in the reply, whole reply pixels */
} si_geometry;

/* Computes the geometry for a source of width × height pixels. Errors: SI_ERR_LIMIT (over MaxPix at
 * ratio 1, SI-37), SI_ERR_RANGE. */
SI_NODISCARD si_result si_geometry_solve(
    const si_recipe *r, int width, int height, si_geometry *out, si_diag *diag);

#endif
