/* PDF and EPS of one picture that fills its page: a few lines of structure around the samples, so
 * they are written here rather than by a drawing library, which could neither hold CMYK nor leave
 * out the time of day.
 *
 * PDF after ISO 32000-1 (version 1.6 for UserUnit); EPS after Adobe's EPSF 3.0 and DSC 3.0,
 * language level 2, profile and paths in the comments that ICC.1 and Photoshop define. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/icc.h"
#include "base/str.h"
#include "codec/driver.h"
#include "codec/profile.h"

enum {
    POINTS_PER_INCH = 72,
    MAX_PAGE = 14400, /* units that readers show */
    MAX_OBJECTS = 6,
    HEX_LINE = 32 /* bytes of a line in comments */
};

static const int zip_levels[10] = {1, 2, 3, 4, 5, 6, 6, 7, 8, 9};

/* ---- both ---- */

typedef struct writer {
    si_bytes *out;
    bool failed; /* memory ran out */
} writer;

static void put(writer *w, const void *data, size_t len) {
    w->failed |= !si_bytes_append(w->out, data, len);
}

static void print(writer *w, const char *fmt, ...) SI_PRINTF(2, 3);

static void print(writer *w, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    w->failed |= !si_bytes_print_list(w->out, fmt, args);
    va_end(args);
}

static int colors_of(const si_image *image) {
    return image->cmyk ? 4 : image->grey ? 1 : 3;
}

/* Rows of samples without alpha and padding. */
static uint8_t *pack(const si_image *image) {
    size_t colors = (size_t)colors_of(image), n = (size_t)image->channels;
    uint8_t *packed = malloc((size_t)image->width * (size_t)image->height * colors), *to = packed;
    for (int y = 0; packed != NULL && y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        if (n == colors) {
            memcpy(to, p, (size_t)image->width * n);
            to += (size_t)image->width * n;
            continue;
        }
        for (int x = 0; x < image->width; x++, p += n, to += colors) {
            memcpy(to, p, colors);
        }
    }
    return packed;
}

/* Points, as text that no locale changes. */
static const char *points(int pixels, int dpi, double unit, char text[32]) {
    double size = pixels * (double)POINTS_PER_INCH / (dpi > 0 ? dpi : POINTS_PER_INCH);
    return si_real_print(size / unit, text);
}

/* ---- PDF ---- */

typedef struct pdf {
    writer w;
    size_t at[MAX_OBJECTS + 1]; /* where each object begins; 0 = not written */
    int count;
} pdf;

static void begin_object(pdf *p, int number) {
    p->at[number] = p->w.out->len;
    p->count = number > p->count ? number : p->count;
    print(&p->w, "%d 0 obj\n", number);
}

static void put_stream(pdf *p, const void *data, size_t len) {
    print(&p->w, "/Length %zu>>\nstream\n", len);
    put(&p->w, data, len);
    print(&p->w, "\nendstream\nendobj\n");
}

enum { CATALOG = 1, PAGES, PAGE, CONTENT, IMAGE, PROFILE }; /* numbers of objects */

/* Large pages count in larger units. */
static double unit_of(const si_image *image, int dpi) {
    int longer = image->width > image->height ? image->width : image->height;
    double size = longer * (double)POINTS_PER_INCH / (dpi > 0 ? dpi : POINTS_PER_INCH);
    return size > MAX_PAGE ? size / MAX_PAGE : 1;
}

static void put_page(pdf *p, const si_image *image, int dpi) {
    char width[32], height[32], text[100], number[32];
    double unit = unit_of(image, dpi);
    points(image->width, dpi, unit, width);
    points(image->height, dpi, unit, height);
    begin_object(p, CATALOG);
    print(&p->w, "<</Type/Catalog/Pages %d 0 R>>\nendobj\n", PAGES);
    begin_object(p, PAGES);
    print(&p->w, "<</Type/Pages/Kids[%d 0 R]/Count 1>>\nendobj\n", PAGE);
    begin_object(p, PAGE);
    print(&p->w,
        "<</Type/Page/Parent %d 0 R/MediaBox[0 0 %s %s]/Contents %d 0 R"
        "/Resources<</XObject<</I %d 0 R>>>>",
        PAGES, width, height, CONTENT, IMAGE);
    if (unit > 1) {
        print(&p->w, "/UserUnit %s", si_real_print(unit, number));
    }
    print(&p->w, ">>\nendobj\n");
    begin_object(p, CONTENT);
    int n = snprintf(text, sizeof text, "%s 0 0 %s 0 0 cm /I Do", width, height);
    print(&p->w, "<<");
    put_stream(p, text, (size_t)n);
}

/* The samples as the compression has them, with the entries that say so. */
static si_result make_stream(const si_image *image, const si_encode_params *params,
    const char **filter, si_bytes *out, si_diag *diag) {
    *filter = "";
    if (params->compression == SI_COMPRESSION_JPEG) {
        si_encode_params jpeg = *params;
        jpeg.icc = jpeg.xmp = jpeg.paths = NULL;
        jpeg.progressive = false;
        *filter = image->cmyk ? "/Filter/DCTDecode/Decode[1 0 1 0 1 0 1 0]" : "/Filter/DCTDecode";
        return si_codec_encode(SI_FORMAT_JPEG, image, &jpeg, out, diag);
    }
    size_t len = (size_t)image->width * (size_t)image->height * (size_t)colors_of(image);
    out->data = pack(image);
    out->len = out->cap = len;
    if (out->data == NULL) {
        *out = (si_bytes){0};
        return si_fail(diag, SI_ERR_MEMORY, "pdf: no memory");
    }
    if (params->compression == SI_COMPRESSION_ZIP) {
        uLongf size = compressBound(len);
        si_bytes zip = {.data = malloc(size), .cap = size};
        if (zip.data == NULL ||
            compress2(zip.data, &size, out->data, len, zip_levels[params->effort]) != Z_OK) {
            si_bytes_free(&zip);
            return si_fail(diag, SI_ERR_MEMORY, "pdf: no memory");
        }
        zip.len = size;
        si_bytes_move(out, &zip);
        *filter = "/Filter/FlateDecode";
    }
    return SI_OK;
}

static const char *device_space(const si_image *image) {
    return image->cmyk ? "DeviceCMYK" : image->grey ? "DeviceGray" : "DeviceRGB";
}

static void put_image(pdf *p, const si_image *image, const si_encode_params *params,
    const char *filter, const si_bytes *stream) {
    begin_object(p, IMAGE);
    print(&p->w, "<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8%s",
        image->width, image->height, filter);
    if (params->icc != NULL) {
        print(&p->w, "/ColorSpace[/ICCBased %d 0 R]", PROFILE);
    } else {
        print(&p->w, "/ColorSpace/%s", device_space(image));
    }
    put_stream(p, stream->data, stream->len);
    if (params->icc != NULL) {
        begin_object(p, PROFILE);
        print(&p->w, "<</N %d/Alternate/%s", colors_of(image), device_space(image));
        put_stream(p, params->icc, params->icc_len);
    }
}

static void put_index(pdf *p) {
    size_t start = p->w.out->len;
    print(&p->w, "xref\n0 %d\n0000000000 65535 f \n", p->count + 1);
    for (int i = 1; i <= p->count; i++) {
        print(&p->w, "%010zu 00000 n \n", p->at[i]);
    }
    print(&p->w, "trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%zu\n%%%%EOF\n", p->count + 1,
        CATALOG, start);
}

static si_result encode_pdf(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    const char *filter;
    si_bytes stream = {0};
    si_result result = make_stream(image, params, &filter, &stream, diag);
    if (result == SI_OK) {
        pdf p = {.w = {.out = out}};
        print(&p.w, "%%PDF-1.6\n%%\xe2\xe3\xcf\xd3\n");
        put_page(&p, image, params->dpi);
        put_image(&p, image, params, filter, &stream);
        put_index(&p);
        result = p.w.failed ? si_fail(diag, SI_ERR_MEMORY, "pdf: no memory") : SI_OK;
    }
    si_bytes_free(&stream);
    return result;
}

/* ---- EPS ---- */

/* Bytes in hexadecimal, each line behind `prefix`. */
static void put_hex(writer *w, const uint8_t *data, size_t len, const char *prefix) {
    char line[2 * HEX_LINE + 1];
    for (size_t at = 0; at < len; at += HEX_LINE) {
        size_t n = len - at < HEX_LINE ? len - at : HEX_LINE;
        for (size_t i = 0; i < n; i++) {
            snprintf(line + 2 * i, 3, "%02X", data[at + i]);
        }
        print(w, "%s%s\n", prefix, line);
    }
}

/* A name without what would end a PostScript string. */
static void put_profile(writer *w, const si_encode_params *params) {
    char name[80];
    si_profile_describe((si_icc){params->icc, params->icc_len}, name, sizeof name);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '(' || *c == ')' || *c == '\\' ? '_' : *c;
    }
    size_t lines = (params->icc_len + HEX_LINE - 1) / HEX_LINE;
    print(w, "%%%%BeginICCProfile: (%s) %zu Hex Lines\n", name, lines);
    put_hex(w, params->icc, params->icc_len, "%");
    print(w, "%%%%EndICCProfile\n");
}

static void put_eps_head(
    writer *w, const si_image *image, const si_encode_params *params, const char *size[2]) {
    int dpi = params->dpi > 0 ? params->dpi : POINTS_PER_INCH;
    print(w,
        "%%!PS-Adobe-3.0 EPSF-3.0\n%%%%BoundingBox: 0 0 %d %d\n%%%%HiResBoundingBox: 0 0 %s %s\n"
        "%%%%LanguageLevel: 2\n%%%%Pages: 1\n%%%%DocumentData: Binary\n%%%%EndComments\n",
        (image->width * POINTS_PER_INCH + dpi - 1) / dpi,
        (image->height * POINTS_PER_INCH + dpi - 1) / dpi, size[0], size[1]);
    if (params->paths != NULL && params->paths_len > 0) {
        print(w, "%%BeginPhotoshop: %zu\n", params->paths_len);
        put_hex(w, params->paths, params->paths_len, "% ");
        print(w, "%%EndPhotoshop\n");
    }
    print(w, "%%%%Page: 1 1\n");
    if (params->icc != NULL) {
        put_profile(w, params);
    }
}

/* The picture: an operator's dictionary, and its samples right behind the operator's line. */
static si_result encode_eps(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    static const char operator[] = "image\n";
    writer w = {.out = out};
    char width[32], height[32];
    const char *size[2] = {
        points(image->width, params->dpi, 1, width), points(image->height, params->dpi, 1, height)};
    int colors = colors_of(image);
    size_t len = (size_t)image->width * (size_t)image->height * (size_t)colors;
    uint8_t *packed = pack(image);
    if (packed == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "eps: no memory");
    }
    put_eps_head(&w, image, params, size);
    print(&w,
        "gsave\n/%s setcolorspace\n%s %s scale\n"
        "<</ImageType 1/Width %d/Height %d/BitsPerComponent 8/Decode[%s]\n"
        "/ImageMatrix[%d 0 0 %d 0 %d]/DataSource currentfile>>\n",
        device_space(image), size[0], size[1], image->width, image->height,
        colors == 4   ? "0 1 0 1 0 1 0 1"
        : colors == 1 ? "0 1"
                      : "0 1 0 1 0 1",
        image->width, -image->height, image->height);
    print(&w, "%%%%BeginData: %zu Binary Bytes\n%s", sizeof operator- 1 + len, operator);
    put(&w, packed, len);
    print(&w, "\n%%%%EndData\ngrestore\nshowpage\n%%%%Trailer\n%%%%EOF\n");
    free(packed);
    return w.failed ? si_fail(diag, SI_ERR_MEMORY, "eps: no memory") : SI_OK;
}

/* ---- the table ---- */

static void pdf_library(char *text, size_t size) {
    snprintf(text, size, "our own, zlib %s", zlibVersion());
}

static void eps_library(char *text, size_t size) {
    snprintf(text, size, "our own");
}

const si_codec_driver si_codec_pdf = {.quality_min = 1,
    .quality_max = 100,
    .quality_step = 1,
    .max_side = 65500, /* JPEG's */
    .library = pdf_library,
    .encode = encode_pdf};

const si_codec_driver si_codec_eps = {.quality_min = 1,
    .quality_max = 100,
    .quality_step = 100,
    .max_side = 65535,
    .library = eps_library,
    .encode = encode_eps};
