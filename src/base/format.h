/* The image formats smartimg knows, as one table: names, MIME types, what they can carry.
 *
 * Only facts about formats live here, so the front wing can use it; the encoders are in codec/. */
#ifndef SI_BASE_FORMAT_H
#define SI_BASE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* id, name in recipes and receipts, MIME type (reference/commands.md 6.1), can carry alpha */
#define SI_FORMATS(X)                                                                              \
    X(JPEG, "jpeg", "image/jpeg", false)                                                           \
    X(PNG, "png", "image/png", true)                                                               \
    X(GIF, "gif", "image/gif", true)                                                               \
    X(WEBP, "webp", "image/webp", true)                                                            \
    X(AVIF, "avif", "image/avif", true)                                                            \
    X(JXL, "jxl", "image/jxl", true)                                                               \
    X(JP2, "jp2", "image/jp2", true)                                                               \
    X(JXR, "jxr", "image/vnd.ms-photo", true)                                                      \
    X(TIFF, "tiff", "image/tiff", true)

typedef enum si_format {
#define X(id, name, mime, alpha) SI_FORMAT_##id,
    SI_FORMATS(X)
#undef X
        SI_FORMAT_COUNT
} si_format;

#define SI_FORMAT_BIT(f) (1u << (f)) /* formats as a set */

/* Static strings; `f` must be a valid format. */
const char *si_format_name(si_format f);
const char *si_format_mime(si_format f);
bool si_format_has_alpha(si_format f);

/* Finds a format by its name above (`len` bytes, exact case); false if there is none. */
bool si_format_by_name(const char *name, size_t len, si_format *out);

#endif
