#include <stdlib.h>
#include <string.h>

#include "render/read/original.h"
#include "render/read/read_tiff.h"

typedef struct image {
    TIFF *tiff;
} image;

static void release(void *context) {
    image *i = context;
    TIFFClose(i->tiff);
    free(i);
}

/* Rows as stored: `orient` in original.c turns them, as for every other original. */
static bool read_raster(TIFF *tiff, int width, int height, uint32_t *raster) {
    TIFFRGBAImage im;
    char message[1024] = "";
    if (!TIFFRGBAImageBegin(&im, tiff, 1, message)) {
        vips_error("tiff", "%s", message[0] != '\0' ? message : "this kind is not supported");
        return false;
    }
    im.orientation = im.req_orientation = ORIENTATION_TOPLEFT;
    bool ok = TIFFRGBAImageGet(&im, raster, (uint32_t)width, (uint32_t)height) != 0;
    TIFFRGBAImageEnd(&im);
    if (!ok && vips_error_buffer()[0] == '\0') {
        vips_error("tiff", "the pixels cannot be read");
    }
    return ok;
}

static bool decode(void *context, const VipsImage *out, uint8_t *pixels, size_t stride) {
    image *i = context;
    size_t count = (size_t)out->Xsize * (size_t)out->Ysize;
    uint32_t *raster = calloc(count, sizeof *raster);
    if (raster == NULL) {
        vips_error("tiff", "out of memory");
        return false;
    }
    bool ok = read_raster(i->tiff, out->Xsize, out->Ysize, raster);
    for (int y = 0; y < out->Ysize && ok; y++) {
        const uint32_t *from = raster + (size_t)y * (size_t)out->Xsize;
        uint8_t *to = pixels + (size_t)y * stride;
        for (int x = 0; x < out->Xsize; x++, to += 3) {
            to[0] = (uint8_t)TIFFGetR(from[x]);
            to[1] = (uint8_t)TIFFGetG(from[x]);
            to[2] = (uint8_t)TIFFGetB(from[x]);
        }
    }
    free(raster);
    return ok;
}

static void copy_blob(TIFF *tiff, ttag_t tag, VipsImage *out, const char *name) {
    uint32_t len = 0;
    void *data = NULL;
    if (TIFFGetField(tiff, tag, &len, &data) == 1 && len > 0 && data != NULL) {
        vips_image_set_blob_copy(out, name, data, len);
    }
}

static void copy_metadata(TIFF *tiff, VipsImage *out) {
    uint16_t orientation = ORIENTATION_TOPLEFT, unit = RESUNIT_INCH;
    float x = 0, y = 0;
    copy_blob(tiff, TIFFTAG_ICCPROFILE, out, VIPS_META_ICC_NAME);
    copy_blob(tiff, TIFFTAG_XMLPACKET, out, VIPS_META_XMP_NAME);
    copy_blob(tiff, TIFFTAG_PHOTOSHOP, out, VIPS_META_PHOTOSHOP_NAME);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    vips_image_set_int(out, VIPS_META_ORIENTATION, orientation);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_RESOLUTIONUNIT, &unit);
    if (TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &x) == 1 &&
        TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &y) == 1 && x > 0 && y > 0 &&
        unit != RESUNIT_NONE) {
        double per_mm = unit == RESUNIT_CENTIMETER ? 10 : 25.4;
        out->Xres = x / per_mm;
        out->Yres = y / per_mm;
        vips_image_set_string(
            out, VIPS_META_RESOLUTION_UNIT, unit == RESUNIT_CENTIMETER ? "cm" : "in");
    }
}

static si_result check(TIFF *tiff, const si_tiff_facts *f, si_diag *diag) {
    char message[1024] = "";
    if (!TIFFRGBAImageOK(tiff, message) || f->bits != 8) {
        vips_error_clear();
        return si_fail(diag, SI_ERR_SOURCE, "this kind of TIFF is not supported: %s",
            message[0] != '\0' ? message : "YCbCr of other than 8 bits");
    }
    if (f->width == 0 || f->height == 0 || f->width > INT32_MAX || f->height > INT32_MAX ||
        (uint64_t)f->width * f->height * 4 > SI_MAX_WHOLE_BYTES) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image of %u×%u pixels is too large for a file that must be decoded as a "
            "whole",
            f->width, f->height);
    }
    return SI_OK;
}

VipsImage *si_tiff_read_rgba(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    (void)limits;
    si_tiff_facts f;
    image *i = calloc(1, sizeof *i);
    if (i == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    i->tiff = si_tiff_open(fd, &level, true, diag);
    if (i->tiff == NULL) {
        free(i);
        return NULL;
    }
    si_tiff_facts_read(i->tiff, &f);
    if (check(i->tiff, &f, diag) != SI_OK) {
        release(i);
        return NULL;
    }
    const si_deferred deferred = {.decode = decode, .release = release, .context = i};
    VipsImage *out = si_deferred_image((int)f.width, (int)f.height, 3, VIPS_FORMAT_UCHAR,
        VIPS_INTERPRETATION_sRGB, &deferred, diag);
    if (out != NULL) {
        copy_metadata(i->tiff, out);
    }
    return out;
}
