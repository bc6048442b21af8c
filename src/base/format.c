#include "base/format.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *mime, *types, *carries;
} formats[] = {
#define X(id, name, mime, types, carries) {name, mime, types, carries},
    SI_FORMATS(X)
#undef X
};

/* the vendor's page r-is-http-fmt; jxl is ours */
const si_output si_outputs[] = {
    {.name = "jpeg", .format = SI_FORMAT_JPEG},
    {.name = "jpg", .format = SI_FORMAT_JPEG},
    {.name = "pjpeg", .format = SI_FORMAT_JPEG, .progressive = true},
    {.name = "pjpg", .format = SI_FORMAT_JPEG, .progressive = true},
    {.name = "png", .format = SI_FORMAT_PNG},
    {.name = "png-alpha", .format = SI_FORMAT_PNG, .alpha = true},
    {.name = "png8", .format = SI_FORMAT_PNG, .palette = true},
    {.name = "png8-alpha", .format = SI_FORMAT_PNG, .alpha = true, .palette = true},
    {.name = "gif", .format = SI_FORMAT_GIF, .palette = true},
    {.name = "gif-alpha", .format = SI_FORMAT_GIF, .alpha = true, .palette = true},
    {.name = "webp", .format = SI_FORMAT_WEBP},
    {.name = "webp-alpha", .format = SI_FORMAT_WEBP, .alpha = true},
    {.name = "web-alpha", .format = SI_FORMAT_WEBP, .alpha = true},
    {.name = "avif", .format = SI_FORMAT_AVIF},
    {.name = "avif-alpha", .format = SI_FORMAT_AVIF, .alpha = true},
    {.name = "jxl", .format = SI_FORMAT_JXL},
    {.name = "jxl-alpha", .format = SI_FORMAT_JXL, .alpha = true},
    {.name = "heic", .format = SI_FORMAT_HEIC, .lossless = true},
    {.name = "jpeg2000", .format = SI_FORMAT_JP2},
    {.name = "jpeg2000-alpha", .format = SI_FORMAT_JP2, .alpha = true},
    {.name = "jpegxr", .format = SI_FORMAT_JXR},
    {.name = "jpegxr-alpha", .format = SI_FORMAT_JXR, .alpha = true},
    {.name = "tif", .format = SI_FORMAT_TIFF},
    {.name = "tiff", .format = SI_FORMAT_TIFF},
    {.name = "tif-alpha", .format = SI_FORMAT_TIFF, .alpha = true},
    {.name = "pdf", .format = SI_FORMAT_PDF},
    {.name = "eps", .format = SI_FORMAT_EPS},
};

const int si_output_count = sizeof si_outputs / sizeof *si_outputs;

const char *si_format_name(si_format f) {
    assert((unsigned)f < SI_FORMAT_COUNT);
    return formats[f].name;
}

const char *si_format_mime(si_format f) {
    assert((unsigned)f < SI_FORMAT_COUNT);
    return formats[f].mime;
}

bool si_format_holds(si_format f, si_pixel_type type) {
    assert((unsigned)f < SI_FORMAT_COUNT);
    return strchr(formats[f].types, "rgc"[type]) != NULL;
}

bool si_format_carries(si_format f, unsigned what) {
    static const char letters[] = "ixpd";
    assert((unsigned)f < SI_FORMAT_COUNT);
    for (int i = 0; letters[i] != '\0'; i++) {
        if ((what >> i & 1) && strchr(formats[f].carries, letters[i]) == NULL) {
            return false;
        }
    }
    return true;
}

bool si_format_by_name(const char *name, size_t len, si_format *out) {
    for (int i = 0; i < SI_FORMAT_COUNT; i++) {
        if (strlen(formats[i].name) == len && memcmp(formats[i].name, name, len) == 0) {
            *out = (si_format)i;
            return true;
        }
    }
    return false;
}

const si_output *si_output_by_name(const char *name, size_t len) {
    for (int i = 0; i < si_output_count; i++) {
        if (strlen(si_outputs[i].name) == len && strncasecmp(si_outputs[i].name, name, len) == 0) {
            return &si_outputs[i];
        }
    }
    return NULL;
}
