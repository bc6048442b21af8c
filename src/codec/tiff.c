/* TIFF through libtiff, in memory. Written for `fmt=tif`; decoded for tests and scoring. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "codec/driver.h"

enum { STRIP_BYTES = 64 << 10 };

/* A file in memory: bytes and a position, as libtiff's client calls want it. */
typedef struct memory {
    si_bytes bytes; /* when writing: owned; when reading: borrowed, cap 0 */
    uint64_t at;
    bool full; /* memory ran out */
} memory;

static tmsize_t mem_read(thandle_t handle, void *to, tmsize_t size) {
    memory *m = handle;
    uint64_t left = m->at < m->bytes.len ? m->bytes.len - m->at : 0;
    size_t n = (uint64_t)size < left ? (size_t)size : (size_t)left;
    memcpy(to, m->bytes.data + (n > 0 ? m->at : 0), n);
    m->at += n;
    return (tmsize_t)n;
}

static tmsize_t mem_write(thandle_t handle, void *from, tmsize_t size) {
    static const char zeros[4096];
    memory *m = handle;
    while (m->at > m->bytes.len && !m->full) { /* a seek past the end leaves a hole */
        uint64_t gap = m->at - m->bytes.len;
        m->full = !si_bytes_append(&m->bytes, zeros, gap < sizeof zeros ? gap : sizeof zeros);
    }
    size_t over = (size_t)size;
    if (m->at + over > m->bytes.len) {
        over = (size_t)(m->bytes.len - m->at);
    }
    if (!m->full) {
        if (over > 0) {
            memcpy(m->bytes.data + m->at, from, over);
        }
        m->full = !si_bytes_append(&m->bytes, (const char *)from + over, (size_t)size - over);
    }
    m->at += (uint64_t)size;
    return m->full ? -1 : size;
}

static toff_t mem_seek(thandle_t handle, toff_t offset, int whence) {
    memory *m = handle;
    m->at = whence == SEEK_SET   ? offset
            : whence == SEEK_CUR ? m->at + offset
                                 : m->bytes.len + offset;
    return m->at;
}

static int mem_close(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t mem_size(thandle_t handle) {
    return ((memory *)handle)->bytes.len;
}

/* Nothing is printed, and no handler of the process is asked. */
static int say_nothing(
    TIFF *t, void *context, const char *module, const char *format, va_list arguments) {
    (void)t, (void)context, (void)module, (void)format, (void)arguments;
    return 1;
}

/* The handlers are this file's alone: those of the process belong to libvips, which tells by them
 * why an original cannot be read. */
static TIFF *open_memory(memory *m, const char *mode) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL) {
        return NULL;
    }
    TIFFOpenOptionsSetErrorHandlerExtR(options, say_nothing, NULL);
    TIFFOpenOptionsSetWarningHandlerExtR(options, say_nothing, NULL);
    TIFF *t = TIFFClientOpenExt(
        "memory", mode, m, mem_read, mem_write, mem_seek, mem_close, mem_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return t;
}

static uint16_t compression_tag(const si_image *image, const si_encode_params *params) {
    switch (params->compression) {
    case SI_COMPRESSION_LZW:
        return COMPRESSION_LZW;
    case SI_COMPRESSION_ZIP:
        return COMPRESSION_ADOBE_DEFLATE;
    case SI_COMPRESSION_JPEG:
        return si_image_has_alpha(image) ? COMPRESSION_NONE : COMPRESSION_JPEG;
    case SI_COMPRESSION_NONE:
        break;
    }
    return COMPRESSION_NONE;
}

static bool write_color_tags(TIFF *t, const si_image *image, bool jpeg) {
    uint16_t photometric = image->cmyk   ? PHOTOMETRIC_SEPARATED
                           : image->grey ? PHOTOMETRIC_MINISBLACK
                           : jpeg        ? PHOTOMETRIC_YCBCR
                                         : PHOTOMETRIC_RGB;
    bool ok = TIFFSetField(t, TIFFTAG_PHOTOMETRIC, photometric);
    if (image->cmyk) {
        ok = ok && TIFFSetField(t, TIFFTAG_INKSET, INKSET_CMYK);
    }
    if (si_image_has_alpha(image)) {
        uint16_t straight = EXTRASAMPLE_UNASSALPHA;
        ok = ok && TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &straight);
    }
    return ok;
}

static bool write_compression_tags(
    TIFF *t, const si_image *image, const si_encode_params *params, uint16_t compression) {
    if (compression == COMPRESSION_NONE) {
        return true;
    }
    if (compression != COMPRESSION_JPEG) {
        return TIFFSetField(t, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    }
    int factor = params->chroma_full ? 1 : 2;
    bool ok = TIFFSetField(t, TIFFTAG_JPEGQUALITY, (int)params->quality);
    if (!image->cmyk) {
        ok = ok && TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) &&
             (image->grey || TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, factor, factor));
    }
    return ok;
}

static bool write_bytes(TIFF *t, uint32_t tag, const void *data, size_t len) {
    return data == NULL || len == 0 || TIFFSetField(t, tag, (uint32_t)len, data);
}

static bool write_tags(
    TIFF *t, const si_image *image, const si_encode_params *params, int samples) {
    uint16_t compression = compression_tag(image, params);
    bool ok = TIFFSetField(t, TIFFTAG_IMAGEWIDTH, (uint32_t)image->width) &&
              TIFFSetField(t, TIFFTAG_IMAGELENGTH, (uint32_t)image->height) &&
              TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8) &&
              TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples) &&
              TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
              TIFFSetField(t, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
              TIFFSetField(t, TIFFTAG_COMPRESSION, compression) &&
              write_color_tags(t, image, compression == COMPRESSION_JPEG) &&
              write_compression_tags(t, image, params, compression);
    if (params->dpi > 0) {
        ok = ok && TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH) &&
             TIFFSetField(t, TIFFTAG_XRESOLUTION, (float)params->dpi) &&
             TIFFSetField(t, TIFFTAG_YRESOLUTION, (float)params->dpi);
    }
    ok = ok && write_bytes(t, TIFFTAG_ICCPROFILE, params->icc, params->icc_len) &&
         write_bytes(t, TIFFTAG_XMLPACKET, params->xmp, params->xmp_len) &&
         write_bytes(t, TIFFTAG_PHOTOSHOP, params->paths, params->paths_len);
    uint32_t rows = (uint32_t)(STRIP_BYTES / (image->width * samples) / 16 * 16);
    return ok && TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows < 16 ? 16 : rows);
}

static void pack_row(const si_image *image, int y, uint8_t *row, int samples) {
    const uint8_t *from = image->pixels + (size_t)y * image->stride;
    if (!image->grey) {
        memcpy(row, from, (size_t)image->width * (size_t)samples);
        return;
    }
    for (int x = 0; x < image->width; x++, from += image->channels, row += samples) {
        row[0] = from[0];
        if (samples == 2) {
            row[1] = from[3];
        }
    }
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    memory m = {0};
    int colors = image->cmyk ? 4 : image->grey ? 1 : 3;
    int samples = colors + si_image_has_alpha(image);
    bool ok = false;
    uint8_t *row = malloc((size_t)image->width * (size_t)samples);
    TIFF *t = row != NULL ? open_memory(&m, "wm") : NULL;
    if (t != NULL) {
        ok = write_tags(t, image, params, samples);
        for (int y = 0; ok && y < image->height; y++) {
            pack_row(image, y, row, samples);
            ok = TIFFWriteScanline(t, row, (uint32_t)y, 0) == 1;
        }
        ok = ok && TIFFFlush(t) == 1;
        TIFFClose(t);
    }
    free(row);
    if (!ok || m.full) {
        si_bytes_free(&m.bytes);
        return si_fail(diag, row == NULL || m.full ? SI_ERR_MEMORY : SI_ERR_INTERNAL,
            "the TIFF encoder failed");
    }
    si_bytes_move(out, &m.bytes);
    return SI_OK;
}

/* Inks, which libtiff would turn into RGB by a rule of its own. */
static si_result decode_cmyk(
    TIFF *t, int width, int height, int samples, si_image *out, si_diag *diag) {
    SI_TRY(si_image_alloc(out, width, height, samples, diag));
    out->cmyk = true;
    if (TIFFScanlineSize(t) > (tmsize_t)out->stride) {
        return SI_ERR_SOURCE;
    }
    for (int y = 0; y < height; y++) {
        if (TIFFReadScanline(t, out->pixels + (size_t)y * out->stride, (uint32_t)y, 0) != 1) {
            return SI_ERR_SOURCE;
        }
    }
    return SI_OK;
}

static si_result decode_rgb(
    TIFF *t, int width, int height, bool alpha, si_image *out, si_diag *diag) {
    int channels = alpha ? 4 : 3;
    SI_TRY(si_image_alloc(out, width, height, channels, diag));
    uint32_t *raster = malloc((size_t)width * (size_t)height * sizeof *raster);
    if (raster == NULL || TIFFReadRGBAImageOriented(t, (uint32_t)width, (uint32_t)height, raster,
                              ORIENTATION_TOPLEFT, 1) != 1) {
        free(raster);
        return SI_ERR_SOURCE;
    }
    for (int y = 0; y < height; y++) {
        uint8_t *to = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < width; x++, to += channels) {
            uint32_t v = raster[(size_t)y * (size_t)width + (size_t)x];
            uint32_t c[4] = {TIFFGetR(v), TIFFGetG(v), TIFFGetB(v), TIFFGetA(v)};
            for (int k = 0; k < channels; k++) {
                /* libtiff gives premultiplied colours */
                uint32_t straight =
                    k < 3 && channels == 4 && c[3] > 0 ? (c[k] * 255 + c[3] / 2) / c[3] : c[k];
                to[k] = (uint8_t)(straight > 255 ? 255 : straight);
            }
        }
    }
    free(raster);
    return SI_OK;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    memory m = {.bytes = {.data = (uint8_t *)(uintptr_t)data, .len = len}};
    TIFF *t = open_memory(&m, "rm");
    uint32_t width = 0, height = 0;
    uint16_t extra = 0, *kinds = NULL, photometric = 0, samples = 0, bits = 0, planar = 0;
    si_result result = SI_ERR_SOURCE;
    if (t != NULL && TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width) == 1 &&
        TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height) == 1 && width > 0 && height > 0 &&
        width <= 65535 && height <= 65535) {
        TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
        TIFFGetFieldDefaulted(t, TIFFTAG_PHOTOMETRIC, &photometric);
        TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &samples);
        TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &bits);
        TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &planar);
        bool inks = photometric == PHOTOMETRIC_SEPARATED && bits == 8 &&
                    planar == PLANARCONFIG_CONTIG && samples == 4 + (extra > 0);
        result = inks ? decode_cmyk(t, (int)width, (int)height, samples, out, diag)
                      : decode_rgb(t, (int)width, (int)height, extra > 0, out, diag);
    }
    if (t != NULL) {
        TIFFClose(t);
    }
    return result == SI_OK ? SI_OK : si_fail(diag, result, "the TIFF file is broken");
}

static void library(char *text, size_t size) {
    const char *version = strstr(TIFFGetVersion(), "Version ");
    snprintf(text, size, "libtiff %.*s", version != NULL ? (int)strcspn(version + 8, "\n") : 1,
        version != NULL ? version + 8 : "?");
}

const si_codec_driver si_codec_tiff = {.quality_min = 1,
    .quality_max = 100,
    .quality_step = 1,
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode};
