#include "render/read/original.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/read/jpeg_end.h"
#include "render/read/png_colour.h"
#include "render/read/probe.h"
#include "render/read/read_jpeg.h"
#include "render/read/read_svg.h"
#include "render/read/read_tiff.h"
#include "render/read/tiff_deep.h"

enum {
    SNIFF_BYTES = 1024,
    MAX_SVG_SIDE = 16384, /* pixels; cairo ends at 32767 */
};

static const char *const kind_names[] = {"unknown",
#define X(id, name) name,
    SI_KINDS(X)
#undef X
};

const char *si_kind_name(si_kind kind) {
    return kind_names[kind];
}

si_kind si_kind_by_name(si_str name) {
    for (int i = SI_KIND_NONE + 1; i < SI_KIND_COUNT; i++) {
        if (si_str_eq(name, si_str_of(kind_names[i]))) {
            return (si_kind)i;
        }
    }
    return SI_KIND_NONE;
}

si_result si_vips_fail(si_diag *diag) {
    const char *line = vips_error_buffer(), *best = line;
    int len = 0;
    while (
        *line != '\0') { /* last line that says something; some loaders add one of just a number */
        int n = (int)strcspn(line, "\n");
        if (n > 0 && line[0] != ' ') {
            best = line;
            len = n;
        }
        line += n + (line[n] == '\n');
    }
    si_result result =
        len > 0 ? si_fail(diag, SI_ERR_SOURCE, "the source image is broken: %.*s", len, best)
                : si_fail(diag, SI_ERR_SOURCE, "the source image is broken");
    vips_error_clear();
    return result;
}

/* ---- kinds ---- */

static bool starts(const uint8_t *head, size_t len, size_t at, const char *magic, size_t n) {
    return len >= at + n && memcmp(head + at, magic, n) == 0;
}

static bool contains(const uint8_t *head, size_t len, const char *four) {
    for (size_t i = 0; i + 4 <= len; i++) {
        if (memcmp(head + i, four, 4) == 0) {
            return true;
        }
    }
    return false;
}

/* True if the brands of an ISO media file, `at` on, name one of `wanted` (four letters each). */
static bool has_brand(const uint8_t *head, size_t end, size_t at, const char *wanted) {
    for (; at + 4 <= end; at += 4) {
        for (const char *w = wanted; at != 12 && *w != '\0'; w += 4) { /* at 12 is a version */
            if (memcmp(head + at, w, 4) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* ISO media files name their brand, and compatible ones, in the ftyp box. A brand that says no more
 * than that it is an image leaves it to the others, and to the items, what codec it has. */
static si_kind heif_kind(const uint8_t *head, size_t len) {
    static const char any[] = "mif1msf1miaf", av1[] = "avifavis",
                      hevc[] = "heicheixhevchevxheimheis";
    if (!starts(head, len, 4, "ftyp", 4) || len < 16) {
        return SI_KIND_NONE;
    }
    size_t box = (size_t)head[2] << 8 | head[3], end = box < len ? box : len;
    if (has_brand(head, 12, 8, av1)) {
        return SI_KIND_AVIF;
    }
    if (has_brand(head, 12, 8, hevc)) {
        return SI_KIND_HEIF;
    }
    if (has_brand(head, end, 16, av1)) {
        return SI_KIND_AVIF;
    }
    if (!has_brand(head, 12, 8, any) && !has_brand(head, end, 16, hevc)) {
        return SI_KIND_NONE;
    }
    bool items_say_av1 = contains(head, len, "av01") && !contains(head, len, "hvc1");
    return items_say_av1 ? SI_KIND_AVIF : SI_KIND_HEIF;
}

si_kind si_kind_sniff(const uint8_t *head, size_t len) {
    static const struct {
        si_kind kind;
        size_t at, len;
        const char *magic;
    } magics[] = {
        {SI_KIND_JPEG, 0, 3, "\xff\xd8\xff"},
        {SI_KIND_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
        {SI_KIND_GIF, 0, 4, "GIF8"},
        {SI_KIND_WEBP, 8, 4, "WEBP"},
        {SI_KIND_TIFF, 0, 4, "II*\0"},
        {SI_KIND_TIFF, 0, 4, "MM\0*"},
        {SI_KIND_TIFF, 0, 4, "II+\0"},
        {SI_KIND_TIFF, 0, 4, "MM\0+"},
        {SI_KIND_JP2, 0, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
        {SI_KIND_JP2, 0, 4, "\xff\x4f\xff\x51"},
        {SI_KIND_JXL, 0, 2, "\xff\x0a"},
        {SI_KIND_JXL, 0, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    };
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (starts(head, len, magics[i].at, magics[i].magic, magics[i].len)) {
            return magics[i].kind;
        }
    }
    return heif_kind(head, len);
}

/* ---- opening ---- */

static const si_load_level FULL = {.shrink = 1, .page = 0, .scale = 1};

/* Kinds with a reader of our own; libvips reads the others. */
static si_reader *const readers[] = {
#ifdef SI_HAVE_JXL
    [SI_KIND_JXL] = si_read_jxl,
#endif
#ifdef SI_HAVE_AVIF
    [SI_KIND_AVIF] = si_read_avif,
#endif
#ifdef SI_HAVE_JP2
    [SI_KIND_JP2] = si_read_jp2,
#endif
    [SI_KIND_GIF] = si_read_gif,
    [SI_KIND_TIFF] = si_read_tiff,
    [SI_KIND_SVG] = si_read_svg,
    [SI_KIND_COUNT] = NULL};

static VipsSource *source_of(const si_original *o, si_diag *diag) {
    if (o->kind == SI_KIND_JPEG) {
        return si_jpeg_source(o->fd, &o->limits, diag);
    }
    if (lseek(o->fd, 0, SEEK_SET) != 0) {
        si_fail(diag, SI_ERR_IO, "the source file cannot be read");
        return NULL;
    }
    VipsSource *s = vips_source_new_from_descriptor(o->fd);
    if (s == NULL) {
        si_vips_fail(diag);
    }
    return s;
}

/* Bytes are read through the descriptor rather than a mapping, so a file that is cut short while we
 * read is a broken image and not a SIGBUS (loaders that insist on a mapping excepted). */
static VipsImage *load_vips(const si_original *o, si_load_level level, si_diag *diag) {
    VipsImage *im = NULL;
    si_colorimetry told;
#ifdef SI_HAVE_TIFF
    if (o->kind == SI_KIND_TIFF && si_tiff_is_deep(o->fd, level.page)) {
        return si_read_tiff_deep(o->fd, level, &o->limits, diag);
    }
#endif
    if (readers[o->kind] != NULL) {
        return readers[o->kind](o->fd, level, &o->limits, diag);
    }
    VipsSource *s = source_of(o, diag);
    if (s == NULL) {
        return NULL;
    }
#define COMMON "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED
    switch (o->kind) {
    case SI_KIND_JPEG:
        vips_jpegload_source(s, &im, COMMON, "shrink", level.shrink, NULL);
        break;
    case SI_KIND_PNG:
        if (vips_pngload_source(s, &im, COMMON, NULL) == 0 && si_png_colorimetry(o->fd, &told)) {
            si_colorimetry_attach(im, &told);
        }
        break;
    case SI_KIND_WEBP:
        vips_webpload_source(s, &im, COMMON, "scale", level.scale, NULL);
        break;
    case SI_KIND_HEIF:
        vips_heifload_source(s, &im, COMMON, NULL);
        break;
    default:
        g_object_unref(s);
        si_fail(diag, SI_ERR_SOURCE, "this kind of file is not supported");
        return NULL;
    }
#undef COMMON
    g_object_unref(s);
    if (im == NULL) {
        si_vips_fail(diag);
    }
    return im;
}

static si_result check_size(const si_original *o, const si_render_limits *limits, si_diag *diag) {
    int64_t most = si_render_limits_or_default(limits).max_source_pixels;
    if ((int64_t)o->width * o->height > most) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image of %d×%d pixels exceeds the limit of %lld pixels", o->width,
            o->height, (long long)most);
    }
    bool streams = o->kind == SI_KIND_JPEG || o->kind == SI_KIND_PNG || o->kind == SI_KIND_TIFF ||
                   o->kind == SI_KIND_SVG;
    bool whole = !streams || vips_image_get_typeof(o->image, "interlaced") != 0;
    uint64_t bytes = VIPS_IMAGE_SIZEOF_IMAGE(o->image) * (o->kind == SI_KIND_JPEG ? 2 : 1);
    if (whole && bytes > SI_MAX_WHOLE_BYTES) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image of %d×%d pixels is too large for a file that must be decoded as a "
            "whole",
            o->width, o->height);
    }
    return SI_OK;
}

/* EXIF orientation 1…8 as swap and mirrors. Readers of AVIF, HEIF and JPEG XL
 * have rotated already. */
static void orient(si_original *o) {
    int n = o->kind == SI_KIND_AVIF || o->kind == SI_KIND_HEIF || o->kind == SI_KIND_JXL
                ? 1
                : vips_image_get_orientation(o->image);
    o->swap = n >= 5;
    o->flip[0] = n == 2 || n == 3 || n == 6 || n == 7;
    o->flip[1] = n == 3 || n == 4 || n == 7 || n == 8;
}

/* What the reader of drawings says of their size and filters. */
static void drawing_facts(si_original *o) {
    static const char *const names[] = {SI_META_EXACT_WIDTH, SI_META_EXACT_HEIGHT, SI_META_OCTAVES};
    double *const facts[] = {&o->exact[0], &o->exact[1], &o->octaves};
    for (int i = 0; i < 3; i++) {
        if (vips_image_get_typeof(o->image, names[i]) != 0 &&
            vips_image_get_double(o->image, names[i], facts[i]) != 0) {
            vips_error_clear();
        }
    }
}

si_result si_original_open(si_original *o, int fd, const si_render_limits *limits, si_diag *diag) {
    uint8_t head[SNIFF_BYTES];
    ssize_t len = pread(fd, head, sizeof head, 0);
    if (len < 0) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    *o = (si_original){.fd = fd, .step = {1, 1}, .limits = si_render_limits_or_default(limits)};
    if (len == 0) {
        return si_fail(diag, SI_ERR_SOURCE, "the source file is empty");
    }
    o->kind = si_kind_sniff(head, (size_t)len);
    if (o->kind == SI_KIND_NONE && si_svg_is(fd, NULL)) {
        o->kind = SI_KIND_SVG;
    }
    if (o->kind == SI_KIND_NONE) {
        return si_fail(diag, SI_ERR_SOURCE, "this kind of file is not supported");
    }
    if ((o->limits.refused & SI_KIND_BIT(o->kind)) != 0) {
        return si_fail(
            diag, SI_ERR_SOURCE, "%s originals are not served here", si_kind_name(o->kind));
    }
    SI_TRY(si_probe(o->kind, fd, diag));
    if ((o->image = load_vips(o, FULL, diag)) == NULL) {
        return si_diag_result(diag, SI_ERR_SOURCE);
    }
    o->width = vips_image_get_width(o->image);
    o->height = vips_image_get_height(o->image);
    drawing_facts(o);
    orient(o);
    return check_size(o, limits, diag);
}

/* ---- shrink-on-load ---- */

/* Drawings are drawn with exactly the pixels that are asked for, unless those are too many. */
static void draw_at(const si_original *o, const double ratio[2], int size[2]) {
    double side[2] = {o->width / ratio[0], o->height / ratio[1]};
    double scale = fmin(1, MAX_SVG_SIDE / fmax(side[0], side[1]));
    for (int i = 0; i < 2; i++) {
        size[i] = (int)fmax(1, floor(side[i] * scale + 0.5));
    }
}

/* Picks the level and says where its samples lie. False if full size is best. */
static bool choose_level(si_original *o, const double ratios[2], si_load_level *level) {
    double ratio = fmin(ratios[0], ratios[1]);
    *level = FULL;
    switch (o->kind) {
    case SI_KIND_JPEG:
        while (level->shrink < 8 && ratio >= 4 * level->shrink) {
            level->shrink *= 2;
        }
        o->step[0] = o->step[1] = level->shrink; /* blocks of 8 become exactly 4, 2, 1 */
        return level->shrink > 1;
    case SI_KIND_TIFF:
        return si_tiff_level(o->fd, o->width, o->height, ratio, level);
    case SI_KIND_JP2:
        while (level->page + 1 < vips_image_get_n_pages(o->image) && ratio >= 4 << level->page) {
            level->page++;
        }
        o->step[0] = o->step[1] = 1 << level->page;
        o->phase = 0.5; /* wavelet low bands keep the positions of even samples */
        return level->page > 0;
    case SI_KIND_WEBP:
        level->scale = ratio >= 4 ? 2 / ratio : 1;
        return level->scale < 1;
    case SI_KIND_SVG:
        draw_at(o, ratios, level->size);
        return level->size[0] != o->width || level->size[1] != o->height;
    default:
        return false;
    }
}

si_result si_original_reduce(si_original *o, const double ratio[2], si_diag *diag) {
    si_load_level level;
    bool smaller = choose_level(o, ratio, &level);
    if (o->kind == SI_KIND_JPEG && o->image->Bands < 4) {
        VipsImage *image = si_read_jpeg(o->fd, o->image, level.shrink, &o->limits, diag);
        VIPS_UNREF(o->image);
        o->image = image;
        return image != NULL ? SI_OK : si_diag_result(diag, SI_ERR_SOURCE);
    }
    if (!smaller) {
        o->step[0] = o->step[1] = 1;
        o->phase = 0;
        return SI_OK;
    }
    VIPS_UNREF(o->image); /* first: both would move the same file position */
    if ((o->image = load_vips(o, level, diag)) == NULL) {
        return si_diag_result(diag, SI_ERR_SOURCE);
    }
    if (o->kind != SI_KIND_JPEG && o->kind != SI_KIND_JP2) {
        o->step[0] = (double)o->width / o->image->Xsize;
        o->step[1] = (double)o->height / o->image->Ysize;
    }
    return SI_OK;
}

void si_original_close(si_original *o) {
    VIPS_UNREF(o->image);
    *o = (si_original){0};
}
