#include "render/read/tiff_deep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <unistd.h>

#include "render/read/colorimetry.h"

enum { MAX_SAMPLES = 16 };

static const uint64_t MAX_BLOCK = 256u << 20; /* bytes of the strips or tiles read at once */
static const uint64_t MAX_WHOLE = 512u << 20; /* bytes of the picture, see original.c */

/* ---- the layout of a page ---- */

typedef struct layout {
    uint32_t width, height;
    uint16_t bits, format, samples, photometric, planar;
    int colours; /* 1 or 3 */
    bool alpha, associated;
    bool tiled;
    uint32_t block[2]; /* width and height of a strip or tile */
} layout;

/* Opens without a mapping, so that a file cut short meanwhile is an error and no signal. */
static TIFF *open_page(int fd, int page) {
    TIFF *t = page >= 0 && page <= UINT16_MAX && lseek(fd, 0, SEEK_SET) == 0
                  ? TIFFFdOpen(fd, "original", "rm")
                  : NULL;
    if (t != NULL && page > 0 && !TIFFSetDirectory(t, (tdir_t)page)) {
        TIFFCleanup(t);
        return NULL;
    }
    return t;
}

static void close_page(TIFF *t) {
    if (t != NULL) {
        TIFFCleanup(t); /* and not the descriptor */
    }
}

static bool is_deep(const layout *l) {
    switch (l->format) {
    case SAMPLEFORMAT_IEEEFP:
        return l->bits == 16 || l->bits == 24 || l->bits == 32 || l->bits == 64;
    case SAMPLEFORMAT_UINT:
    case SAMPLEFORMAT_VOID:
        return l->bits == 32;
    case SAMPLEFORMAT_INT:
        return l->bits == 8 || l->bits == 16 || l->bits == 32;
    default:
        return false;
    }
}

static void read_blocks(TIFF *t, layout *l) {
    l->tiled = TIFFIsTiled(t) != 0;
    if (l->tiled) {
        TIFFGetField(t, TIFFTAG_TILEWIDTH, &l->block[0]);
        TIFFGetField(t, TIFFTAG_TILELENGTH, &l->block[1]);
    } else {
        TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &l->block[1]);
        l->block[0] = l->width;
        l->block[1] = l->block[1] < l->height ? l->block[1] : l->height;
    }
}

/* False if the page is not one of ours. */
static bool read_layout(TIFF *t, layout *l) {
    uint16_t extras = 0, *kinds = NULL;
    *l = (layout){0};
    if (!TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &l->width) ||
        !TIFFGetField(t, TIFFTAG_IMAGELENGTH, &l->height) ||
        !TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &l->photometric)) {
        return false;
    }
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &l->bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &l->format);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &l->samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &l->planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extras, &kinds);
    bool grey =
        l->photometric == PHOTOMETRIC_MINISBLACK || l->photometric == PHOTOMETRIC_MINISWHITE;
    l->colours = grey ? 1 : 3;
    l->alpha = l->samples > l->colours;
    l->associated = extras > 0 && kinds != NULL && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    read_blocks(t, l);
    return (grey || l->photometric == PHOTOMETRIC_RGB) && is_deep(l) && l->width > 0 &&
           l->height > 0 && l->block[0] > 0 && l->block[1] > 0 && l->samples >= l->colours &&
           l->samples <= MAX_SAMPLES;
}

bool si_tiff_is_deep(int fd, int page) {
    layout l;
    TIFF *t = open_page(fd, page);
    bool deep = t != NULL && read_layout(t, &l);
    close_page(t);
    return deep;
}

/* ---- samples ---- */

static double from_half(uint16_t v) {
    int exponent = v >> 10 & 31, mantissa = v & 1023;
    double f = exponent == 0    ? ldexp(mantissa, -24)
               : exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                                : ldexp(1024 + mantissa, exponent - 25);
    return v & 0x8000 ? -f : f;
}

/* Adobe's 24 bits: a sign, 7 bits of exponent, 16 of mantissa. */
static double from_24(const uint8_t *p) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
#else
    uint32_t v = p[2] | (uint32_t)p[1] << 8 | (uint32_t)p[0] << 16;
#endif
    int exponent = (int)(v >> 16 & 127), mantissa = (int)(v & 0xffff);
    double f = exponent == 0     ? ldexp(mantissa, -62 - 16)
               : exponent == 127 ? (mantissa != 0 ? NAN : INFINITY)
                                 : ldexp(65536 + mantissa, exponent - 63 - 16);
    return v & 0x800000 ? -f : f;
}

#define RETURN_AS(type, most)                                                                      \
    do {                                                                                           \
        type v;                                                                                    \
        memcpy(&v, p, sizeof v);                                                                   \
        return v / (double)(most);                                                                 \
    } while (0)

/* The sample at `p`, 0…1 where it is in range. */
static double sample(const layout *l, const uint8_t *p) {
    if (l->format == SAMPLEFORMAT_IEEEFP) {
        switch (l->bits) {
        case 16: {
            uint16_t v;
            memcpy(&v, p, sizeof v);
            return from_half(v);
        }
        case 24:
            return from_24(p);
        case 32:
            RETURN_AS(float, 1);
        default:
            RETURN_AS(double, 1);
        }
    }
    if (l->format == SAMPLEFORMAT_INT) {
        switch (l->bits) {
        case 8:
            RETURN_AS(int8_t, INT8_MAX);
        case 16:
            RETURN_AS(int16_t, INT16_MAX);
        default:
            RETURN_AS(int32_t, INT32_MAX);
        }
    }
    RETURN_AS(uint32_t, UINT32_MAX);
}

/* NaN is 0. */
static double clamp(double v) {
    return v > 0 ? fmin(v, 1) : 0;
}

/* One pixel, its samples `step` bytes apart in one block or at the same place of several. */
static void convert(const layout *l, const uint8_t *const from[], size_t at, uint16_t *to) {
    size_t step = l->bits / 8;
    double v[4] = {0}, alpha = 1;
    for (int k = 0; k < l->colours + l->alpha; k++) {
        v[k] = sample(l, l->planar == PLANARCONFIG_SEPARATE
                             ? from[k] + at * step
                             : from[0] + (at * l->samples + (size_t)k) * step);
    }
    if (l->alpha) {
        alpha = clamp(v[l->colours]);
        to[l->colours] = (uint16_t)(alpha * UINT16_MAX + 0.5);
    }
    for (int k = 0; k < l->colours; k++) {
        double c = l->associated ? (alpha > 0 ? v[k] / alpha : 0) : v[k];
        c = clamp(c);
        to[k] =
            (uint16_t)((l->photometric == PHOTOMETRIC_MINISWHITE ? 1 - c : c) * UINT16_MAX + 0.5);
    }
}

/* ---- blocks ---- */

/* Reads a strip or tile of one plane; the last strip may have fewer rows. */
static bool read_block(
    TIFF *t, const layout *l, uint32_t x, uint32_t y, int plane, uint32_t rows, uint8_t *to) {
    if (l->tiled) {
        uint32_t n = TIFFComputeTile(t, x, y, 0, (uint16_t)plane);
        tmsize_t size = TIFFTileSize(t);
        return TIFFReadEncodedTile(t, n, to, size) == size;
    }
    uint32_t n = TIFFComputeStrip(t, y, (uint16_t)plane);
    tmsize_t size = TIFFVStripSize(t, rows);
    return TIFFReadEncodedStrip(t, n, to, size) == size;
}

static void convert_block(const layout *l, const uint8_t *const from[], uint32_t x, uint32_t y,
    uint8_t *pixels, size_t stride) {
    int bands = l->colours + l->alpha;
    for (uint32_t j = 0; j < l->block[1] && y + j < l->height; j++) {
        uint16_t *to = (uint16_t *)(void *)(pixels + (y + j) * stride) + (size_t)x * (size_t)bands;
        for (uint32_t i = 0; i < l->block[0] && x + i < l->width; i++, to += bands) {
            convert(l, from, (size_t)j * l->block[0] + i, to);
        }
    }
}

/* Decodes the page block by block, all planes of a block together. */
static bool decode_page(TIFF *t, const layout *l, uint8_t *pixels, size_t stride) {
    bool separate = l->planar == PLANARCONFIG_SEPARATE;
    int planes = separate ? l->colours + l->alpha : 1;
    uint64_t size = l->tiled ? TIFFTileSize64(t) : TIFFVStripSize64(t, l->block[1]);
    uint64_t pixel = l->bits / 8u * (separate ? 1u : l->samples);
    uint64_t need = (uint64_t)l->block[0] * l->block[1] * pixel;
    if (size != need || size > MAX_BLOCK / (uint64_t)planes) {
        return false;
    }
    uint8_t *blocks = calloc((size_t)planes, (size_t)size);
    const uint8_t *from[4] = {0};
    bool ok = blocks != NULL;
    for (int k = 0; ok && k < planes; k++) {
        from[k] = blocks + (size_t)k * (size_t)size;
    }
    for (uint32_t y = 0; ok && y < l->height; y += l->block[1]) {
        uint32_t rows = l->height - y < l->block[1] ? l->height - y : l->block[1];
        for (uint32_t x = 0; ok && x < l->width; x += l->block[0]) {
            for (int k = 0; ok && k < planes; k++) {
                ok = read_block(t, l, x, y, k, rows, blocks + (size_t)k * (size_t)size);
            }
            if (ok) {
                convert_block(l, from, x, y, pixels, stride);
            }
        }
    }
    free(blocks);
    return ok;
}

/* ---- the image ---- */

typedef struct original {
    int fd, page;
} original;

static bool decode(void *context, const VipsImage *image, uint8_t *pixels, size_t stride) {
    const original *o = context;
    layout l;
    TIFF *t = open_page(o->fd, o->page);
    bool ok = t != NULL && read_layout(t, &l) && l.width == (uint32_t)image->Xsize &&
              l.height == (uint32_t)image->Ysize && l.colours + l.alpha == image->Bands &&
              decode_page(t, &l, pixels, stride);
    close_page(t);
    if (!ok) {
        vips_error("tiff", "damaged data");
    }
    return ok;
}

static void copy_blob(TIFF *t, uint32_t tag, VipsImage *image, const char *field) {
    uint32_t len = 0;
    void *data = NULL;
    if (TIFFGetField(t, tag, &len, &data) && data != NULL && len > 0) {
        vips_image_set_blob_copy(image, field, data, len);
    }
}

static void copy_metadata(TIFF *t, VipsImage *image) {
    uint16_t orientation, unit;
    float x, y;
    copy_blob(t, TIFFTAG_ICCPROFILE, image, VIPS_META_ICC_NAME);
    copy_blob(t, TIFFTAG_XMLPACKET, image, VIPS_META_XMP_NAME);
    copy_blob(t, TIFFTAG_PHOTOSHOP, image, VIPS_META_PHOTOSHOP_NAME);
    if (TIFFGetField(t, TIFFTAG_ORIENTATION, &orientation) && orientation >= 1 &&
        orientation <= 8) {
        vips_image_set_int(image, VIPS_META_ORIENTATION, orientation);
    }
    TIFFGetFieldDefaulted(t, TIFFTAG_RESOLUTIONUNIT, &unit);
    if (TIFFGetField(t, TIFFTAG_XRESOLUTION, &x) && TIFFGetField(t, TIFFTAG_YRESOLUTION, &y) &&
        x > 0 && y > 0 && unit != RESUNIT_NONE) {
        bool cm = unit == RESUNIT_CENTIMETER;
        image->Xres = x / (cm ? 10 : 25.4); /* pixels per mm */
        image->Yres = y / (cm ? 10 : 25.4);
        vips_image_set_string(image, VIPS_META_RESOLUTION_UNIT, cm ? "cm" : "in");
    }
}

static VipsImage *make_image(TIFF *t, const layout *l, const original *o, si_diag *diag) {
    original *own = malloc(sizeof *own);
    if (own == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "out of memory");
        return NULL;
    }
    *own = *o;
    const si_deferred deferred = {.decode = decode, .release = free, .context = own};
    VipsImage *image = si_deferred_image((int)l->width, (int)l->height, l->colours + l->alpha,
        VIPS_FORMAT_USHORT,
        l->colours == 1 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16, &deferred, diag);
    if (image == NULL) {
        return NULL;
    }
    copy_metadata(t, image);
    if (l->format == SAMPLEFORMAT_IEEEFP) {
        si_colorimetry told = si_colorimetry_srgb();
        told.transfer = SI_TRANSFER_LINEAR;
        si_colorimetry_attach(image, &told);
    }
    return image;
}

VipsImage *si_read_tiff_deep(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    layout l;
    VipsImage *image = NULL;
    TIFF *t = open_page(fd, level.page);
    int64_t most = limits->max_source_pixels;
    if (t == NULL || !read_layout(t, &l)) {
        si_fail(diag, SI_ERR_SOURCE, "the source image is broken: tiff: damaged header");
    } else if (l.width > VIPS_MAX_COORD || l.height > VIPS_MAX_COORD ||
               (int64_t)l.width * l.height > most ||
               (uint64_t)l.width * l.height * 2 * (unsigned)(l.colours + l.alpha) > MAX_WHOLE) {
        si_fail(
            diag, SI_ERR_LIMIT, "the source image of %u×%u pixels is too large", l.width, l.height);
    } else {
        image = make_image(t, &l, &(original){.fd = fd, .page = level.page}, diag);
    }
    close_page(t);
    return image;
}
