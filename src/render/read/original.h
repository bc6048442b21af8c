/* Originals: what kind of file it is, its size, and its pixels as a libvips pipeline. */
#ifndef SI_RENDER_READ_ORIGINAL_H
#define SI_RENDER_READ_ORIGINAL_H

#include <vips/vips.h>

#include "base/str.h"
#include "codec/image.h"
#include "render/read/readers.h"
#include "render/read/input.h"

/* Kinds that are served: id, name for req=imageprops and messages. JPEG XR is not among them: its
 * only decoder corrupts memory on damaged files (5 crashes in 150 tries with a few bytes changed).
 */
#define SI_KINDS(X)                                                                                \
    X(JPEG, "jpeg")                                                                                \
    X(PNG, "png")                                                                                  \
    X(GIF, "gif")                                                                                  \
    X(WEBP, "webp")                                                                                \
    X(AVIF, "avif")                                                                                \
    X(HEIF, "heif")                                                                                \
    X(TIFF, "tiff")                                                                                \
    X(JP2, "jp2")                                                                                  \
    X(SVG, "svg")                                                                                  \
    X(JXL, "jxl")

typedef enum si_kind {
    SI_KIND_NONE,
#define X(id, name) SI_KIND_##id,
    SI_KINDS(X)
#undef X
        SI_KIND_COUNT
} si_kind;

/* An open original. Zero-initialize; release with si_original_close(). "Stored" axes are those of
 * the file, "displayed" ones come after EXIF rotation. */
typedef struct si_original {
    si_kind kind;
    int fd;            /* borrowed */
    VipsImage *image;  /* pixels as stored, in the file's own colours; sequential access only */
    int width, height; /* full size, stored */
    double exact[2];   /* of drawings, the same before rounding; else 0, 0 */
    double octaves;    /* of drawings: si_svg_octaves(); else 0 */
    bool swap;         /* displayed = stored with axes swapped, … */
    bool flip[2];      /* … then mirrored in x, in y */
    /* Where sample i of `image` lies on the full-size stored axes: its centre is at
     * (i + 0.5 − phase) × step + phase source pixels. Without shrink-on-load step = 1. */
    double step[2], phase;
    si_render_limits limits; /* it was opened with, none of them 0 */
} si_original;

/* Tells the kind of a file by its first bytes, never by a name. SVG has none: si_svg_is(). */
si_kind si_kind_sniff(const uint8_t *head, size_t len);
const char *si_kind_name(si_kind kind);

/* The kind of that name, SI_KIND_NONE if there is none. */
si_kind si_kind_by_name(si_str name);

/* Bit of a kind in si_render_limits.refused. */
#define SI_KIND_BIT(kind) (UINT32_C(1) << (kind))

/* Reads the header of the file at `fd`, which must stay open as long as `o` is used, and checks its
 * size against `limits` (NULL = defaults). SI_ERR_SOURCE if it is broken, of a kind that is not
 * served or refused by `limits`; SI_ERR_LIMIT if it has too many pixels or would need too much
 * memory; SI_ERR_IO, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_original_open(
    si_original *o, int fd, const si_render_limits *limits, si_diag *diag);

/* Opens the same file smaller where its decoder can do that for less work. `ratio` is how many
 * source pixels one reply pixel will show, per stored axis; below 1 means enlargement (SVG renders
 * larger then). At least twice the needed resolution is kept, so that the resampling kernel decides
 * what the reply looks like: JPEG decodes at 1/2, 1/4, 1/8 from ratios 4, 8, 16 on. Same errors. */
SI_NODISCARD si_result si_original_reduce(si_original *o, const double ratio[2], si_diag *diag);

void si_original_close(si_original *o);

/* SI_ERR_SOURCE with the last line of what libvips said (earlier ones are warnings); clears its
 * error buffer. */
si_result si_vips_fail(si_diag *diag);

#endif
