/* Writes one file for each row of docs/protocol.md, Formats, for test_formats.py to look at with
 * other programs:
 *
 *   encode-rows FOLDER
 *
 * Beside them go the pixels they were made from, as raw samples: rgb.raw, rgba.raw, gray.raw,
 * cmyk.raw, cmyka.raw (WIDTH × HEIGHT), and the profiles and packets that were embedded. Prints a
 * line "name not supported" for what this build cannot write. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "codec/codec.h"
#include "codec/profile.h"
#include "codec/srgb.h"
#include "render/render.h"
#include "render/target.h"

enum { WIDTH = 120, HEIGHT = 80, LONG_XMP = 200000, DPI = 300 };

/* What a row is encoded from. */
typedef enum source { RGB, RGBA, GRAY, CMYK, CMYKA, SOURCES } source;

typedef struct row {
    const char *file;
    si_format format;
    source from;
    si_encode_params p; /* quality 0 stands for 90 */
    bool icc, xmp, long_xmp, paths;
} row;

static const uint32_t two[] = {0x000000, 0xffffff};
static const uint32_t brand[] = {0xc8281e};

#define OFF .no_dither = true
static const row rows[] = {
    {.file = "jpeg-rgb.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .p = {.dpi = DPI, .chroma_full = true},
        .icc = true},
    {.file = "jpeg-xmp.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .xmp = true,
        .paths = true,
        .icc = true},
    {.file = "jpeg-long-xmp.jpg", .format = SI_FORMAT_JPEG, .from = RGB, .long_xmp = true},
    {.file = "jpeg-gray.jpg",
        .format = SI_FORMAT_JPEG,
        .from = GRAY,
        .p = {.dpi = DPI},
        .icc = true},
    {.file = "jpeg-cmyk.jpg",
        .format = SI_FORMAT_JPEG,
        .from = CMYK,
        .p = {.dpi = DPI},
        .icc = true},
    {.file = "pjpeg-auto.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .p = {.progressive = true, .chroma_full = true}},
    {.file = "pjpeg-3.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .p = {.progressive = true, .scans = 3, .chroma_full = true}},
    {.file = "pjpeg-4.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .p = {.progressive = true, .scans = 4, .chroma_full = true}},
    {.file = "pjpeg-5.jpg",
        .format = SI_FORMAT_JPEG,
        .from = RGB,
        .p = {.progressive = true, .scans = 5, .chroma_full = true}},
    {.file = "pjpeg-gray-3.jpg",
        .format = SI_FORMAT_JPEG,
        .from = GRAY,
        .p = {.progressive = true, .scans = 3}},
    {.file = "pjpeg-gray-4.jpg",
        .format = SI_FORMAT_JPEG,
        .from = GRAY,
        .p = {.progressive = true, .scans = 4}},
    {.file = "pjpeg-gray-5.jpg",
        .format = SI_FORMAT_JPEG,
        .from = GRAY,
        .p = {.progressive = true, .scans = 5}},
    {.file = "pjpeg-cmyk-5.jpg",
        .format = SI_FORMAT_JPEG,
        .from = CMYK,
        .p = {.progressive = true, .scans = 5}},
    {.file = "png-rgb.png", .format = SI_FORMAT_PNG, .from = RGB, .p = {.dpi = DPI}, .icc = true},
    {.file = "png-gray.png", .format = SI_FORMAT_PNG, .from = GRAY, .icc = true},
    {.file = "png-alpha.png", .format = SI_FORMAT_PNG, .from = RGBA, .icc = true},
    {.file = "png8.png",
        .format = SI_FORMAT_PNG,
        .from = RGB,
        .p = {.palette = true, .dpi = DPI},
        .icc = true},
    {.file = "png8-alpha.png", .format = SI_FORMAT_PNG, .from = RGBA, .p = {.palette = true}},
    {.file = "png8-16.png",
        .format = SI_FORMAT_PNG,
        .from = RGB,
        .p = {.palette = true, .quantize = {.colors = 16}}},
    {.file = "png8-web.png",
        .format = SI_FORMAT_PNG,
        .from = RGB,
        .p = {.palette = true, .quantize = {.kind = SI_PALETTE_WEB, OFF}}},
    {.file = "png8-mac.png",
        .format = SI_FORMAT_PNG,
        .from = RGB,
        .p = {.palette = true, .quantize = {.kind = SI_PALETTE_MAC}}},
    {.file = "gif.gif", .format = SI_FORMAT_GIF, .from = RGB},
    {.file = "gif-gray.gif", .format = SI_FORMAT_GIF, .from = GRAY},
    {.file = "gif-alpha.gif", .format = SI_FORMAT_GIF, .from = RGBA},
    {.file = "gif-alpha-2.gif",
        .format = SI_FORMAT_GIF,
        .from = RGBA,
        .p = {.quantize = {.colors = 2, OFF, .forced = two, .forced_count = 2}}},
    {.file = "gif-forced.gif",
        .format = SI_FORMAT_GIF,
        .from = RGB,
        .p = {.quantize = {.colors = 8, .forced = brand, .forced_count = 1}}},
    {.file = "webp.webp", .format = SI_FORMAT_WEBP, .from = RGB},
    {.file = "webp-lossless.webp", .format = SI_FORMAT_WEBP, .from = RGB, .p = {.lossless = true}},
    {.file = "webp-alpha.webp", .format = SI_FORMAT_WEBP, .from = RGBA},
    {.file = "webp-alpha-lossless.webp",
        .format = SI_FORMAT_WEBP,
        .from = RGBA,
        .p = {.lossless = true}},
    {.file = "avif.avif", .format = SI_FORMAT_AVIF, .from = RGB},
    {.file = "avif-lossless.avif", .format = SI_FORMAT_AVIF, .from = RGB, .p = {.lossless = true}},
    {.file = "avif-alpha.avif", .format = SI_FORMAT_AVIF, .from = RGBA},
    {.file = "avif-alpha-lossless.avif",
        .format = SI_FORMAT_AVIF,
        .from = RGBA,
        .p = {.lossless = true}},
    {.file = "heic.heic", .format = SI_FORMAT_HEIC, .from = RGB, .p = {.lossless = true}},
    {.file = "jxl.jxl", .format = SI_FORMAT_JXL, .from = RGB},
    {.file = "jxl-alpha.jxl", .format = SI_FORMAT_JXL, .from = RGBA},
    {.file = "jxl-alpha-lossless.jxl",
        .format = SI_FORMAT_JXL,
        .from = RGBA,
        .p = {.lossless = true}},
    {.file = "jpeg2000.jp2", .format = SI_FORMAT_JP2, .from = RGB},
    {.file = "jpeg2000-gray.jp2", .format = SI_FORMAT_JP2, .from = GRAY},
    {.file = "jpeg2000-lossless.jp2",
        .format = SI_FORMAT_JP2,
        .from = RGB,
        .p = {.lossless = true}},
    {.file = "jpeg2000-alpha-lossless.jp2",
        .format = SI_FORMAT_JP2,
        .from = RGBA,
        .p = {.lossless = true}},
    {.file = "jpegxr.jxr", .format = SI_FORMAT_JXR, .from = RGB},
    {.file = "jpegxr-lossless.jxr", .format = SI_FORMAT_JXR, .from = RGB, .p = {.lossless = true}},
    {.file = "jpegxr-alpha.jxr", .format = SI_FORMAT_JXR, .from = RGBA},
    {.file = "tif.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGB,
        .p = {.dpi = DPI},
        .icc = true,
        .xmp = true,
        .paths = true},
    {.file = "tif-lzw.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGB,
        .p = {.compression = SI_COMPRESSION_LZW}},
    {.file = "tif-zip.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGB,
        .p = {.compression = SI_COMPRESSION_ZIP}},
    {.file = "tif-jpeg.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGB,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "tif-gray.tif", .format = SI_FORMAT_TIFF, .from = GRAY, .icc = true},
    {.file = "tif-gray-zip.tif",
        .format = SI_FORMAT_TIFF,
        .from = GRAY,
        .p = {.compression = SI_COMPRESSION_ZIP}},
    {.file = "tif-gray-jpeg.tif",
        .format = SI_FORMAT_TIFF,
        .from = GRAY,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "tif-cmyk.tif",
        .format = SI_FORMAT_TIFF,
        .from = CMYK,
        .p = {.dpi = DPI},
        .icc = true},
    {.file = "tif-cmyk-lzw.tif",
        .format = SI_FORMAT_TIFF,
        .from = CMYK,
        .p = {.compression = SI_COMPRESSION_LZW}},
    {.file = "tif-cmyk-jpeg.tif",
        .format = SI_FORMAT_TIFF,
        .from = CMYK,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "tif-alpha.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGBA,
        .p = {.compression = SI_COMPRESSION_ZIP},
        .icc = true},
    {.file = "tif-alpha-jpeg.tif",
        .format = SI_FORMAT_TIFF,
        .from = RGBA,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "tif-cmyk-alpha.tif",
        .format = SI_FORMAT_TIFF,
        .from = CMYKA,
        .p = {.compression = SI_COMPRESSION_ZIP}},
    {.file = "pdf.pdf", .format = SI_FORMAT_PDF, .from = RGB, .p = {.dpi = DPI}},
    {.file = "pdf-zip.pdf",
        .format = SI_FORMAT_PDF,
        .from = RGB,
        .p = {.compression = SI_COMPRESSION_ZIP},
        .icc = true},
    {.file = "pdf-jpeg.pdf",
        .format = SI_FORMAT_PDF,
        .from = RGB,
        .p = {.compression = SI_COMPRESSION_JPEG, .chroma_full = true}},
    {.file = "pdf-gray.pdf",
        .format = SI_FORMAT_PDF,
        .from = GRAY,
        .p = {.compression = SI_COMPRESSION_ZIP},
        .icc = true},
    {.file = "pdf-gray-jpeg.pdf",
        .format = SI_FORMAT_PDF,
        .from = GRAY,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "pdf-cmyk.pdf", .format = SI_FORMAT_PDF, .from = CMYK},
    {.file = "pdf-cmyk-zip.pdf",
        .format = SI_FORMAT_PDF,
        .from = CMYK,
        .p = {.compression = SI_COMPRESSION_ZIP},
        .icc = true},
    {.file = "pdf-cmyk-jpeg.pdf",
        .format = SI_FORMAT_PDF,
        .from = CMYK,
        .p = {.compression = SI_COMPRESSION_JPEG}},
    {.file = "eps.eps",
        .format = SI_FORMAT_EPS,
        .from = RGB,
        .p = {.dpi = DPI},
        .icc = true,
        .paths = true},
    {.file = "eps-plain.eps", .format = SI_FORMAT_EPS, .from = RGB},
    {.file = "eps-gray.eps", .format = SI_FORMAT_EPS, .from = GRAY},
    {.file = "eps-cmyk.eps", .format = SI_FORMAT_EPS, .from = CMYK, .icc = true},
};

/* A block with one path of one knot, and what is no path. */
static const char photoshop[] = "8BIM\x07\xd0\x04path\0\0\0\0\x34"
                                "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\0\1\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0\0\x80\0\0\0\x40\0\0";

static const char short_xmp[] =
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
    "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
    "xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmp:Label=\"short\"/></rdf:RDF></x:xmpmeta>";

static const char *folder;
static int failures;

static void save(const char *name, const void *data, size_t len) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        printf("%s cannot be written\n", path);
        failures++;
    }
}

static void save_raw(const char *name, const si_image *im, int samples) {
    uint8_t *raw = malloc((size_t)(WIDTH * HEIGHT * samples)), *to = raw;
    for (int y = 0; raw != NULL && y < HEIGHT; y++) {
        const uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < WIDTH; x++, p += im->channels, to += samples) {
            memcpy(to, p, (size_t)samples);
        }
    }
    if (raw != NULL) {
        save(name, raw, (size_t)(WIDTH * HEIGHT * samples));
    }
    free(raw);
}

/* Soft colours, a brand red rectangle, a white and a black one; alpha from left to right. */
static si_image draw(int channels) {
    si_image im = {0};
    if (si_image_alloc(&im, WIDTH, HEIGHT, channels, NULL) != SI_OK) {
        abort();
    }
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *p = im.pixels + (size_t)y * im.stride + (size_t)(x * channels);
            p[0] = (uint8_t)(128 + 100 * sin(x * 0.05));
            p[1] = (uint8_t)(128 + 100 * sin(y * 0.06 + 1));
            p[2] = (uint8_t)(128 + 100 * sin((x + y) * 0.04 + 2));
            if (y >= 30 && y < 50) {
                static const uint8_t flat[3][3] = {{200, 40, 30}, {255, 255, 255}, {0, 0, 0}};
                memcpy(p, flat[x / 8 % 3], 3);
            }
            if (channels == 4) {
                p[3] = (uint8_t)(x < 20 ? 0 : x >= 100 ? 255 : (x - 20) * 3);
            }
        }
    }
    return im;
}

static si_image sources[SOURCES];
static si_icc profiles[SOURCES];

static void convert(si_image *im, si_pixel_type type, si_icc profile) {
    si_target t = {.type = type, .profile = profile, .intent = SI_INTENT_RELATIVE, .bpc = true};
    si_diag diag = {0};
    if (si_target_convert(im, &t, &diag) != SI_OK) {
        printf("conversion: %s\n", diag.text);
        failures++;
    }
}

static void make_sources(void) {
    static si_bytes gray;
    VipsBlob *blob = NULL;
    size_t len;
    if (si_profile_make(si_icc_space_by_name("Gray22", 6), &gray, NULL) != SI_OK ||
        vips_profile_load("cmyk", &blob, NULL) != 0) {
        abort();
    }
    profiles[RGB].data = si_srgb_profile(&profiles[RGB].len);
    profiles[RGBA] = profiles[RGB];
    profiles[GRAY] = (si_icc){gray.data, gray.len};
    profiles[CMYK].data = vips_blob_get(blob, &len);
    profiles[CMYK].len = len;
    profiles[CMYKA] = profiles[CMYK];
    static const char *const raw[] = {"rgb.raw", "rgba.raw", "gray.raw", "cmyk.raw", "cmyka.raw"};
    static const char *const icc[] = {"rgb.icc", NULL, "gray.icc", "cmyk.icc", NULL};
    for (int i = 0; i < SOURCES; i++) {
        sources[i] = draw(i == RGBA || i == CMYKA ? 4 : 3);
        if (i >= GRAY) {
            convert(&sources[i], i == GRAY ? SI_PIXEL_GRAY : SI_PIXEL_CMYK, profiles[i]);
        }
        save_raw(raw[i], &sources[i], i == GRAY ? 1 : sources[i].channels);
        if (icc[i] != NULL) {
            save(icc[i], profiles[i].data, profiles[i].len);
        }
    }
}

static void write_row(const row *r, const char *long_xmp) {
    si_encode_params p = r->p;
    p.quality = p.quality > 0 ? p.quality : 90;
    p.effort = 6;
    if (r->icc) {
        p.icc = profiles[r->from].data;
        p.icc_len = profiles[r->from].len;
    }
    if (r->xmp || r->long_xmp) {
        p.xmp = r->long_xmp ? long_xmp : short_xmp;
        p.xmp_len = r->long_xmp ? LONG_XMP : sizeof short_xmp - 1;
    }
    if (r->paths) {
        p.paths = photoshop;
        p.paths_len = sizeof photoshop - 1;
    }
    si_bytes out = {0}, again = {0};
    si_diag diag = {0};
    si_result code = si_codec_encode(r->format, &sources[r->from], &p, &out, &diag);
    if (code == SI_ERR_UNSUPPORTED) {
        printf("%s not supported\n", r->file);
    } else if (code != SI_OK) {
        printf("%s failed: %s\n", r->file, diag.text);
        failures++;
    } else {
        save(r->file, out.data, out.len);
        if (si_codec_encode(r->format, &sources[r->from], &p, &again, &diag) != SI_OK ||
            again.len != out.len || memcmp(again.data, out.data, out.len) != 0) {
            printf("%s is not the same twice\n", r->file);
            failures++;
        }
    }
    si_bytes_free(&out);
    si_bytes_free(&again);
}

int main(int argc, char **argv) {
    si_diag diag = {0};
    if (argc != 2 || si_render_start(&diag) != SI_OK) {
        return 2;
    }
    folder = argv[1];
    make_sources();
    static char long_xmp[LONG_XMP];
    static const char tail[] = "<!-- end -->";
    memset(long_xmp, ' ', sizeof long_xmp);
    memcpy(long_xmp, short_xmp, sizeof short_xmp - 1);
    memcpy(long_xmp + LONG_XMP - (sizeof tail - 1), tail, sizeof tail - 1);
    save("short.xmp", short_xmp, sizeof short_xmp - 1);
    save("photoshop.bin", photoshop, sizeof photoshop - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_row(&rows[i], long_xmp);
    }
    for (int i = 0; i < SOURCES; i++) {
        si_image_free(&sources[i]);
    }
    return failures > 0;
}
