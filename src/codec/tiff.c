/* TIFF through libtiff, in memory. Written for `fmt=tif`; decoded for tests and scoring. */
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

static TIFF *open_memory(memory *m, const char *mode) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    return TIFFClientOpen(
        "memory", mode, m, mem_read, mem_write, mem_seek, mem_close, mem_size, NULL, NULL);
}

static uint16_t compression_tag(const si_image *image, const si_encode_params *params) {
    switch (params->compression) {
    case SI_COMPRESSION_LZW:
        return COMPRESSION_LZW;
    case SI_COMPRESSION_ZIP:
        return COMPRESSION_ADOBE_DEFLATE;
    case SI_COMPRESSION_JPEG:
        return image->channels == 4 ? COMPRESSION_NONE : COMPRESSION_JPEG;
    case SI_COMPRESSION_NONE:
        break;
    }
    return COMPRESSION_NONE;
}

static bool write_tags(
    TIFF *t, const si_image *image, const si_encode_params *params, int samples) {
    uint16_t compression = compression_tag(image, params);
    bool jpeg = compression == COMPRESSION_JPEG;
    bool ok = TIFFSetField(t, TIFFTAG_IMAGEWIDTH, (uint32_t)image->width) &&
              TIFFSetField(t, TIFFTAG_IMAGELENGTH, (uint32_t)image->height) &&
              TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8) &&
              TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples) &&
              TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
              TIFFSetField(t, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
              TIFFSetField(t, TIFFTAG_COMPRESSION, compression);
    uint16_t photometric = samples <= 2 ? PHOTOMETRIC_MINISBLACK
                           : jpeg       ? PHOTOMETRIC_YCBCR
                                        : PHOTOMETRIC_RGB;
    ok = ok && TIFFSetField(t, TIFFTAG_PHOTOMETRIC, photometric);
    if (jpeg) {
        int factor = params->chroma_full ? 1 : 2;
        ok = ok && TIFFSetField(t, TIFFTAG_JPEGQUALITY, (int)params->quality) &&
             TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) &&
             (samples == 1 || TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, factor, factor));
    } else if (compression != COMPRESSION_NONE) {
        ok = ok && TIFFSetField(t, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    }
    if (samples == 2 || samples == 4) {
        uint16_t straight = EXTRASAMPLE_UNASSALPHA;
        ok = ok && TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &straight);
    }
    if (params->dpi > 0) {
        ok = ok && TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH) &&
             TIFFSetField(t, TIFFTAG_XRESOLUTION, (float)params->dpi) &&
             TIFFSetField(t, TIFFTAG_YRESOLUTION, (float)params->dpi);
    }
    if (params->icc != NULL && samples >= 3) {
        ok = ok && TIFFSetField(t, TIFFTAG_ICCPROFILE, (uint32_t)params->icc_len, params->icc);
    }
    uint32_t rows = (uint32_t)(STRIP_BYTES / (image->width * samples) / 16 * 16);
    return ok && TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows < 16 ? 16 : rows);
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    memory m = {0};
    int samples = (image->grey ? 1 : 3) + (image->channels == 4);
    bool ok = false;
    uint8_t *row = malloc((size_t)image->width * (size_t)samples);
    TIFF *t = row != NULL ? open_memory(&m, "wm") : NULL;
    if (t != NULL) {
        ok = write_tags(t, image, params, samples);
        for (int y = 0; ok && y < image->height; y++) {
            const uint8_t *from = image->pixels + (size_t)y * image->stride;
            for (int x = 0; x < image->width; x++, from += image->channels) {
                uint8_t *to = row + (size_t)x * (size_t)samples;
                memcpy(to, from, samples <= 2 ? 1 : 3);
                if (image->channels == 4) {
                    to[samples - 1] = from[3];
                }
            }
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

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    memory m = {.bytes = {.data = (uint8_t *)(uintptr_t)data, .len = len}};
    TIFF *t = open_memory(&m, "rm");
    uint32_t width = 0, height = 0, *raster = NULL;
    uint16_t extra = 0, *kinds = NULL;
    si_result result = SI_ERR_SOURCE;
    if (t == NULL || TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width) != 1 ||
        TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height) != 1 || width == 0 || height == 0 ||
        width > 65535 || height > 65535) {
        goto done;
    }
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
    int channels = extra > 0 ? 4 : 3;
    result = si_image_alloc(out, (int)width, (int)height, channels, diag);
    if (result != SI_OK) {
        goto done;
    }
    result = SI_ERR_SOURCE;
    raster = malloc((size_t)width * height * sizeof *raster);
    if (raster == NULL ||
        TIFFReadRGBAImageOriented(t, width, height, raster, ORIENTATION_TOPLEFT, 1) != 1) {
        goto done;
    }
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *to = out->pixels + y * out->stride;
        for (uint32_t x = 0; x < width; x++, to += channels) {
            uint32_t v = raster[(size_t)y * width + x];
            uint32_t c[4] = {TIFFGetR(v), TIFFGetG(v), TIFFGetB(v), TIFFGetA(v)};
            for (int k = 0; k < channels; k++) {
                /* libtiff gives premultiplied colours */
                uint32_t straight =
                    k < 3 && channels == 4 && c[3] > 0 ? (c[k] * 255 + c[3] / 2) / c[3] : c[k];
                to[k] = (uint8_t)(straight > 255 ? 255 : straight);
            }
        }
    }
    result = SI_OK;
done:
    free(raster);
    if (t != NULL) {
        TIFFClose(t);
    }
    if (result != SI_OK) {
        si_image_free(out);
        return si_fail(diag, result, "the TIFF file is broken");
    }
    return SI_OK;
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
