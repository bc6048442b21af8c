#include "render/libraries.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cairo.h>
#include <hb.h>
#include <lcms2.h>
#include <pango/pango.h>
#include <vips/vips.h>
#include <zlib.h>
#ifdef SI_HAVE_AVIF
#include <avif/avif.h>
#endif
#ifdef SI_HAVE_HEIF
#include <libheif/heif.h>
#endif

#include "codec/codec.h"
#include "render/read/original.h"

enum { TEXT = 256 };

/* What is known to be unsafe. Sources: the security advisories of the projects. */
static const struct unsafe {
    const char *library;
    int first_safe[3];
    si_kind kind; /* of originals that it reads */
    const char *open_to;
} unsafe[] = {
    {"libheif", {1, 23, 4}, SI_KIND_HEIF,
        "memory written and shown beyond its blocks by damaged files (advisories up to September "
        "2026)"},
    {"libde265", {1, 1, 1}, SI_KIND_HEIF,
        "memory written beyond its blocks by damaged files (CVE-2026-33165 and others)"},
};

/* ---- libraries that are not linked here, but by those that are ---- */

static bool librsvg(char *text, size_t size) {
    const unsigned *n[3] = {dlsym(RTLD_DEFAULT, "rsvg_major_version"),
        dlsym(RTLD_DEFAULT, "rsvg_minor_version"), dlsym(RTLD_DEFAULT, "rsvg_micro_version")};
    if (n[0] == NULL || n[1] == NULL || n[2] == NULL) {
        return false;
    }
    snprintf(text, size, "%u.%u.%u", *n[0], *n[1], *n[2]);
    return true;
}

static bool libde265(char *text, size_t size) {
    const char *(*version)(void) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "de265_get_version");
    memcpy(&version, &symbol, sizeof version); /* C knows no cast from data to code */
    if (symbol != NULL) {
        snprintf(text, size, "%s", version());
    }
    return symbol != NULL;
}

/* ---- libraries that are ---- */

static bool libvips(char *text, size_t size) {
    snprintf(text, size, "%d.%d.%d", vips_version(0), vips_version(1), vips_version(2));
    return true;
}

static bool libheif(char *text, size_t size) {
#ifdef SI_HAVE_HEIF
    snprintf(text, size, "%s", heif_get_version());
    return true;
#else
    (void)text, (void)size;
    return false;
#endif
}

static bool lcms2(char *text, size_t size) {
    int v = cmsGetEncodedCMMversion(); /* 2140 is 2.14 */
    snprintf(text, size, "%d.%d", v / 1000, v % 1000 / 10);
    return true;
}

static bool avif_codecs(char *text, size_t size) {
#ifdef SI_HAVE_AVIF
    char versions[TEXT];
    avifCodecVersions(versions);
    snprintf(text, size, "%s", versions);
    return true;
#else
    (void)text, (void)size;
    return false;
#endif
}

#define LINKED(name, call)                                                                         \
    static bool name(char *text, size_t size) {                                                    \
        snprintf(text, size, "%s", call);                                                          \
        return true;                                                                               \
    }
LINKED(cairo, cairo_version_string())
LINKED(pango, pango_version_string())
LINKED(harfbuzz, hb_version_string())
LINKED(zlib, zlibVersion())

static const struct library {
    const char *name;
    bool (*version)(char *text, size_t size); /* false: it is not there */
    const char *purpose;
} others[] = {
    {"AV1 codecs", avif_codecs, "of libavif"},
    {"libheif", libheif, "reads HEIC"},
    {"libde265", libde265, "HEVC, of libheif"},
    {"librsvg", librsvg, "reads SVG"},
    {"libvips", libvips, "reads GIF itself, and others by the libraries here"},
    {"zlib", zlib, "of PNG, TIFF, PDF"},
    {"lcms2", lcms2, "colours"},
    {"cairo", cairo, "paths"},
    {"pango", pango, "text"},
    {"harfbuzz", harfbuzz, "text"},
};

/* ---- all of them ---- */

void si_libraries_each(si_library_fn *fn, void *context) {
    char text[TEXT];
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const si_codec_info *info = si_codec_get((si_format)f);
        if (info->available) {
            fn(context, si_format_name((si_format)f), info->library, "format");
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].version(text, sizeof text)) {
            fn(context, others[i].name, text, others[i].purpose);
        }
    }
}

/* True if a version such as "1.15.1" comes before `first_safe`. */
static bool is_before(const char *version, const int first_safe[3]) {
    int v[3] = {0, 0, 0};
    if (sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]) < 1) {
        return false;
    }
    for (int i = 0; i < 3; i++) {
        if (v[i] != first_safe[i]) {
            return v[i] < first_safe[i];
        }
    }
    return false;
}

static bool version_of(const char *library, char text[TEXT]) {
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(others[i].name, library) == 0) {
            return others[i].version(text, TEXT);
        }
    }
    return false;
}

int si_libraries_unsafe(uint32_t refused, si_unsafe_fn *fn, void *context) {
    int count = 0;
    for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++) {
        const struct unsafe *u = &unsafe[i];
        char version[TEXT], line[2 * TEXT + 200];
        if ((refused & SI_KIND_BIT(u->kind)) != 0 || !version_of(u->library, version) ||
            !is_before(version, u->first_safe)) {
            continue;
        }
        const int *v = u->first_safe;
        snprintf(line, sizeof line,
            "%s %.40s, which reads %s originals, is open to %s; %d.%d.%d is safe. If your "
            "distribution mended the old version, which cannot be seen here, ignore this; else "
            "leave %s out of --originals.",
            u->library, version, si_kind_name(u->kind), u->open_to, v[0], v[1], v[2],
            si_kind_name(u->kind));
        fn(context, line);
        count++;
    }
    return count;
}
