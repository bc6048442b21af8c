/* The image formats smartimg knows, as tables: names, MIME types, what they can carry.
 *
 * Only facts about formats live here, so the front side can use it; the encoders are in codec/. */
#ifndef SI_BASE_FORMAT_H
#define SI_BASE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of colour of a reply or a profile (docs/protocol.md, Formats). */
typedef enum si_pixel_type { SI_PIXEL_RGB, SI_PIXEL_GRAY, SI_PIXEL_CMYK } si_pixel_type;

#define SI_PIXEL_BIT(t) (1u << (t)) /* pixel types as a set */

/* Compressions of TIFF and PDF. */
typedef enum si_compression {
    SI_COMPRESSION_NONE,
    SI_COMPRESSION_LZW, /* TIFF only */
    SI_COMPRESSION_ZIP,
    SI_COMPRESSION_JPEG /* at the quality asked for; not with alpha */
} si_compression;

/* What a file can carry besides pixels, as bits. */
enum {
    SI_CARRIES_ICC = 1,   /* a colour profile (`iccEmbed`) */
    SI_CARRIES_XMP = 2,   /* an XMP packet (`xmpEmbed`) */
    SI_CARRIES_PATHS = 4, /* Photoshop paths (`pathEmbed`) */
    SI_CARRIES_DPI = 8,   /* a print resolution (`printRes`) */
};

/* id, name in recipes and receipts, MIME type, pixel types (letters: r g c), what else it
 * carries (letters: i x p d); docs/protocol.md, Formats */
#define SI_FORMATS(X)                                                                              \
    X(JPEG, "jpeg", "image/jpeg", "rgc", "ixpd")                                                   \
    X(PNG, "png", "image/png", "rg", "id")                                                         \
    X(GIF, "gif", "image/gif", "rg", "")                                                           \
    X(WEBP, "webp", "image/webp", "r", "")                                                         \
    X(AVIF, "avif", "image/avif", "r", "")                                                         \
    X(JXL, "jxl", "image/jxl", "rg", "")                                                           \
    X(JP2, "jp2", "image/jp2", "rg", "")                                                           \
    X(JXR, "jxr", "image/vnd.ms-photo", "r", "")                                                   \
    X(TIFF, "tiff", "image/tiff", "rgc", "ixpd")                                                   \
    X(HEIC, "heic", "image/heic", "r", "")                                                         \
    X(PDF, "pdf", "application/pdf", "rgc", "id")                                                  \
    X(EPS, "eps", "image/eps", "rgc", "ipd")

typedef enum si_format {
#define X(id, ...) SI_FORMAT_##id,
    SI_FORMATS(X)
#undef X
        SI_FORMAT_COUNT
} si_format;

#define SI_FORMAT_BIT(f) (1u << (f)) /* formats as a set */

/* Formats whose quality says how much is lost. (TIFF and PDF have one where they are compressed as
 * JPEG, which is for printing.) */
#define SI_FORMATS_LOSSY                                                                           \
    (SI_FORMAT_BIT(SI_FORMAT_JPEG) | SI_FORMAT_BIT(SI_FORMAT_WEBP) |                               \
        SI_FORMAT_BIT(SI_FORMAT_AVIF) | SI_FORMAT_BIT(SI_FORMAT_JXL) |                             \
        SI_FORMAT_BIT(SI_FORMAT_JP2) | SI_FORMAT_BIT(SI_FORMAT_JXR))

/* Static strings; `f` must be a valid format. */
const char *si_format_name(si_format f);
const char *si_format_mime(si_format f);

/* True if files of this format can have this kind of pixels. Where `fmt` names a type that the
 * format has not, gray is sent as RGB with equal components and CMYK is refused; a profile of such
 * a type is refused either way (docs/decisions.md, P26). */
bool si_format_holds(si_format f, si_pixel_type type);

/* True if the format has a place for all of `what` (SI_CARRIES_…); what it cannot carry is left
 * out without an error. */
bool si_format_carries(si_format f, unsigned what);

/* Finds a format by its name above (`len` bytes, exact case); false if there is none. */
bool si_format_by_name(const char *name, size_t len, si_format *out);

/* What a value of `fmt` stands for. */
typedef struct si_output {
    const char *name;
    si_format format;
    bool alpha;       /* *-alpha: keeps transparency */
    bool progressive; /* pjpeg */
    bool palette;     /* png8: at most 256 colours, as `quantize` says */
    bool lossless;    /* has only a lossless form (heic) */
} si_output;

/* All of them, aliases included. */
extern const si_output si_outputs[];
extern const int si_output_count;

/* The output that `fmt` names (`len` bytes, any case), aliases included; NULL if there is none. */
const si_output *si_output_by_name(const char *name, size_t len);

/* Pixels per side of what a smart crop makes: the largest JPEG. */
enum { SI_CROP_SIDE_MAX = 65500 };

#endif
