/* AVIF originals: libavif with dav1d. Pixels come out as they are shown, turned by the properties
 * of the file; EXIF's orientation does not count (HEIF 6.5.10). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <avif/avif.h>

#include "render/read/cicp.h"
#include "render/read/avif_items.h"
#include "render/read/readers.h"

enum { MAX_SIDE = 65535, MAX_IMAGES = 100000 /* of a sequence, which libavif keeps a table of */ };

/* Bytes that a decoder is to see instead of those of the file. */
typedef struct patch {
    off_t at;
    int len; /* 0 = none */
    uint8_t bytes[4];
} patch;

/* What libavif reads through. */
typedef struct stream {
    avifIO io; /* .data points back */
    int fd;
    uint8_t *buffer; /* of what was asked for last */
    size_t capacity;
    patch patch;
} stream;

/* One view of the file. Not to be moved once it is open. */
typedef struct decoding {
    stream stream;
    avifDecoder *decoder;
} decoding;

typedef struct source {
    decoding colour, alpha; /* alpha.decoder NULL: libavif puts them together */
    si_avif_items items;
    si_avif_view view, alpha_view;
    bool has_alpha;
} source;

/* ---- the stream ---- */

static void overlay(const patch *p, uint64_t offset, size_t len, uint8_t *to) {
    for (int i = 0; i < p->len; i++) {
        uint64_t at = (uint64_t)p->at + (uint64_t)i;
        if (at >= offset && at - offset < len) {
            to[at - offset] = p->bytes[i];
        }
    }
}

static avifResult on_read(
    avifIO *io, uint32_t flags, uint64_t offset, size_t size, avifROData *out) {
    stream *s = io->data;
    if (flags != 0 || offset > io->sizeHint) {
        return AVIF_RESULT_IO_ERROR;
    }
    size = size < io->sizeHint - offset ? size : (size_t)(io->sizeHint - offset);
    if (size > s->capacity || s->buffer == NULL) {
        uint8_t *larger = realloc(s->buffer, size + 1);
        if (larger == NULL) {
            return AVIF_RESULT_OUT_OF_MEMORY;
        }
        s->buffer = larger;
        s->capacity = size;
    }
    for (size_t got = 0; got < size;) {
        ssize_t n = pread(s->fd, s->buffer + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return AVIF_RESULT_IO_ERROR;
        }
        got += (size_t)n;
    }
    overlay(&s->patch, offset, size, s->buffer);
    out->data = s->buffer;
    out->size = size;
    return AVIF_RESULT_OK;
}

/* ---- decoders ---- */

static void close_decoding(decoding *d) {
    if (d->decoder != NULL) {
        avifDecoderDestroy(d->decoder);
    }
    free(d->stream.buffer);
    *d = (decoding){0};
}

static void say(const decoding *d, avifResult e, char text[200]) {
    snprintf(text, 200, "avif: %s%s%.120s", avifResultToString(e),
        d->decoder != NULL && d->decoder->diag.error[0] != '\0' ? ": " : "",
        d->decoder != NULL ? d->decoder->diag.error : "");
}

/* Opens the file as seen through `hidden` and reads what it says before the pixels. */
static si_result open_decoding(
    decoding *d, int fd, off_t size, const patch *hidden, si_diag *diag) {
    char text[200];
    d->stream = (stream){.fd = fd, .patch = *hidden};
    d->stream.io = (avifIO){.read = on_read, .sizeHint = (uint64_t)size, .data = &d->stream};
    d->decoder = avifDecoderCreate();
    if (d->decoder == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an AVIF decoder");
    }
    if (avifCodecName(AVIF_CODEC_CHOICE_DAV1D, AVIF_CODEC_FLAG_CAN_DECODE) != NULL) {
        d->decoder->codecChoice = AVIF_CODEC_CHOICE_DAV1D;
    }
    d->decoder->maxThreads = 1;
    d->decoder->imageDimensionLimit = MAX_SIDE;
    d->decoder->imageCountLimit = MAX_IMAGES;
    /* Properties that the standard demands and that nothing is read from may be missing, as in
     * browsers. */
    d->decoder->strictFlags = AVIF_STRICT_DISABLED;
    avifDecoderSetIO(d->decoder, &d->stream.io);
    avifResult e = avifDecoderParse(d->decoder);
    if (e != AVIF_RESULT_OK) {
        say(d, e, text);
        return si_fail(diag, e == AVIF_RESULT_OUT_OF_MEMORY ? SI_ERR_MEMORY : SI_ERR_SOURCE,
            "the source image is broken: %s", text);
    }
    return SI_OK;
}

/* The first picture; false after vips_error(). */
static bool decode_first(decoding *d, uint32_t width, uint32_t height) {
    char text[200];
    avifResult e = avifDecoderNextImage(d->decoder);
    if (e != AVIF_RESULT_OK) {
        say(d, e, text);
        vips_error("avif", "%s", text);
        return false;
    }
    if (d->decoder->image->width != width || d->decoder->image->height != height) {
        vips_error("avif", "the picture has another size than the file says");
        return false;
    }
    return true;
}

/* ---- pixels ---- */

/* Converts to packed RGB or RGBA samples of the image's format; false after vips_error(). */
static bool to_rgb(
    const avifImage *a, const VipsImage *image, bool alpha, uint8_t *pixels, size_t stride) {
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, a);
    rgb.depth = image->BandFmt == VIPS_FORMAT_USHORT ? 16 : 8;
    rgb.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = pixels;
    rgb.rowBytes = (uint32_t)stride;
    avifResult e = avifImageYUVToRGB(a, &rgb);
    if (e != AVIF_RESULT_OK) {
        vips_error("avif", "%s", avifResultToString(e));
    }
    return e == AVIF_RESULT_OK;
}

static bool is_as_stored(const si_avif_view *v, const avifImage *a) {
    return v->angle == 0 && v->axis < 0 && v->width == (int)a->width && v->height == (int)a->height;
}

static void turn_pixels(const si_avif_view *v, const VipsImage *image, const uint8_t *stored,
    size_t stored_stride, uint8_t *pixels, size_t stride) {
    size_t pel = VIPS_IMAGE_SIZEOF_PEL(image);
    for (int y = 0; y < image->Ysize; y++) {
        uint8_t *to = pixels + (size_t)y * stride;
        for (int x = 0; x < image->Xsize; x++, to += pel) {
            int at[2];
            si_avif_view_locate(v, x, y, at);
            memcpy(to, stored + (size_t)at[1] * stored_stride + (size_t)at[0] * pel, pel);
        }
    }
}

/* Alpha of a picture of its own, 0…1, where it is shown. */
static double alpha_at(const avifImage *a, const si_avif_view *v, int x, int y) {
    int at[2], size[2];
    si_avif_view_size(v, size);
    x = x < 0 ? 0 : x >= size[0] ? size[0] - 1 : x;
    y = y < 0 ? 0 : y >= size[1] ? size[1] - 1 : y;
    si_avif_view_locate(v, x, y, at);
    const uint8_t *row = a->yuvPlanes[0] + (size_t)at[1] * a->yuvRowBytes[0];
    int value = a->depth > 8 ? ((const uint16_t *)(const void *)row)[at[0]] : row[at[0]];
    int low = 0, high = (1 << a->depth) - 1;
    if (a->yuvRange == AVIF_RANGE_LIMITED) { /* allowed by AVIF 1.0.0 */
        low = 16 << (a->depth - 8);
        high = 235 << (a->depth - 8);
    }
    return value <= low ? 0 : value >= high ? 1 : (value - low) / (double)(high - low);
}

/* The same for a picture that is `scale` times as large, between pixels. */
static double alpha_between(
    const avifImage *a, const si_avif_view *v, const double scale[2], int x, int y) {
    double at[2] = {(x + 0.5) * scale[0] - 0.5, (y + 0.5) * scale[1] - 0.5};
    int first[2] = {(int)floor(at[0]), (int)floor(at[1])};
    double part[2] = {at[0] - first[0], at[1] - first[1]}, sum = 0;
    for (int i = 0; i < 4; i++) {
        double weight =
            ((i & 1) != 0 ? part[0] : 1 - part[0]) * ((i & 2) != 0 ? part[1] : 1 - part[1]);
        if (weight > 0) {
            sum += weight * alpha_at(a, v, first[0] + (i & 1), first[1] + (i >> 1));
        }
    }
    return sum;
}

static inline void put(uint8_t *pel, bool wide, int band, double value) {
    double most = wide ? 65535 : 255;
    value = value < 0 ? 0 : value > most ? most : value;
    if (wide) {
        ((uint16_t *)(void *)pel)[band] = (uint16_t)(value + 0.5);
    } else {
        pel[band] = (uint8_t)(value + 0.5);
    }
}

static inline double get(const uint8_t *pel, bool wide, int band) {
    return wide ? ((const uint16_t *)(const void *)pel)[band] : pel[band];
}

/* Writes alpha from an item that is turned or sized in its own way over an RGBA image. */
static void add_alpha(const source *s, const VipsImage *image, uint8_t *pixels, size_t stride) {
    const avifImage *a = s->alpha.decoder->image;
    bool wide = image->BandFmt == VIPS_FORMAT_USHORT;
    size_t pel = VIPS_IMAGE_SIZEOF_PEL(image);
    int size[2];
    si_avif_view_size(&s->alpha_view, size);
    double scale[2] = {size[0] / (double)image->Xsize, size[1] / (double)image->Ysize};
    for (int y = 0; y < image->Ysize; y++) {
        uint8_t *p = pixels + (size_t)y * stride;
        for (int x = 0; x < image->Xsize; x++, p += pel) {
            double alpha = alpha_between(a, &s->alpha_view, scale, x, y);
            put(p, wide, 3, alpha * (wide ? 65535 : 255));
            for (int i = 0; i < 3 && s->items.premultiplied && alpha > 0; i++) {
                put(p, wide, i, get(p, wide, i) / alpha);
            }
        }
    }
}

static bool decode(void *context, const VipsImage *image, uint8_t *pixels, size_t stride) {
    source *s = context;
    const avifImage *a = s->colour.decoder->image;
    bool apart = s->alpha.decoder != NULL;
    if (!decode_first(&s->colour, a->width, a->height) ||
        (apart && !decode_first(&s->alpha, s->alpha.decoder->image->width,
                      s->alpha.decoder->image->height))) {
        return false;
    }
    if (s->has_alpha && !apart && a->alphaPlane == NULL) {
        vips_error("avif", "the alpha channel is missing");
        return false;
    }
    if (is_as_stored(&s->view, a)) {
        if (!to_rgb(a, image, s->has_alpha, pixels, stride)) {
            return false;
        }
    } else {
        size_t pel = VIPS_IMAGE_SIZEOF_PEL(image), row = a->width * pel;
        uint8_t *stored = calloc(a->height, row);
        bool ok = stored != NULL && to_rgb(a, image, s->has_alpha, stored, row);
        if (ok) {
            turn_pixels(&s->view, image, stored, row, pixels, stride);
        } else if (stored == NULL) {
            vips_error("avif", "out of memory");
        }
        free(stored);
        if (!ok) {
            return false;
        }
    }
    if (apart) {
        add_alpha(s, image, pixels, stride);
    }
    return true;
}

/* ---- opening ---- */

static void release(void *context) {
    source *s = context;
    close_decoding(&s->colour);
    close_decoding(&s->alpha);
    free(s);
}

static si_avif_turn turn_of(const avifImage *a) {
    si_avif_turn t = {.crops = (a->transformFlags & AVIF_TRANSFORM_CLAP) != 0,
        .rotates = (a->transformFlags & AVIF_TRANSFORM_IROT) != 0,
        .mirrors = (a->transformFlags & AVIF_TRANSFORM_IMIR) != 0,
        .clap = {a->clap.widthN, a->clap.widthD, a->clap.heightN, a->clap.heightD,
            a->clap.horizOffN, a->clap.horizOffD, a->clap.vertOffN, a->clap.vertOffD},
        .angle = a->irot.angle & 3};
#if AVIF_VERSION_MAJOR >= 1
    t.axis = a->imir.axis & 1;
#else
    t.axis = a->imir.mode & 1;
#endif
    return t;
}

/* Alpha that libavif cannot put with the colours: the file is opened twice, once without the
 * reference from alpha to colours, and once with alpha for the primary item. */
static si_result open_apart(source *s, int fd, off_t size, si_diag *diag) {
    patch hide = {.at = s->items.reference_at, .len = 4, .bytes = {'s', 'k', 'i', 'p'}};
    uint32_t id = s->items.alpha.id;
    patch lead = {.at = s->items.primary_at, .len = s->items.primary_bytes};
    for (int i = 0; i < lead.len; i++) {
        lead.bytes[i] = (uint8_t)(id >> (8 * (lead.len - 1 - i)));
    }
    si_result result = open_decoding(&s->colour, fd, size, &hide, diag);
    if (result == SI_OK) {
        result = open_decoding(&s->alpha, fd, size, &lead, diag);
    }
    if (result == SI_OK) {
        const avifImage *a = s->alpha.decoder->image;
        s->has_alpha = true;
        s->alpha_view = si_avif_view_of(&s->items.alpha.turn, (int)a->width, (int)a->height);
    }
    return result;
}

static bool is_too_large(const avifImage *a, const si_render_limits *limits) {
    return a->width == 0 || a->height == 0 || a->width > MAX_SIDE || a->height > MAX_SIDE ||
           (int64_t)a->width * a->height > si_render_limits_or_default(limits).max_source_pixels;
}

static si_result open_source(source *s, int fd, const si_render_limits *limits, si_diag *diag) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    bool apart = !si_avif_is_sequence(fd) && si_avif_items_read(fd, &s->items) &&
                 si_avif_items_differ(&s->items);
    SI_TRY(apart ? open_apart(s, fd, st.st_size, diag)
                 : open_decoding(&s->colour, fd, st.st_size, &(patch){0}, diag));
    const avifImage *a = s->colour.decoder->image;
    if (is_too_large(a, limits) || (apart && is_too_large(s->alpha.decoder->image, limits))) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image of %u×%u pixels exceeds the limit of %lld pixels", a->width,
            a->height, (long long)si_render_limits_or_default(limits).max_source_pixels);
    }
    s->has_alpha = apart || s->colour.decoder->alphaPresent;
    si_avif_turn turn = turn_of(a);
    s->view = si_avif_view_of(&turn, (int)a->width, (int)a->height);
    return SI_OK;
}

static void attach(VipsImage *image, const char *name, const char *before, const avifRWData *data) {
    size_t head = before != NULL && (data->size < 6 || memcmp(data->data, before, 6) != 0) ? 6 : 0;
    uint8_t *copy = data->size > 0 ? g_try_malloc(head + data->size) : NULL;
    if (copy != NULL) {
        memcpy(copy, before != NULL ? before : "", head);
        memcpy(copy + head, data->data, data->size);
        vips_image_set_blob(
            image, name, (VipsCallbackFn)vips_area_free_cb, copy, head + data->size);
    }
}

static void attach_all(VipsImage *image, const avifImage *a) {
    si_colorimetry told;
    attach(image, VIPS_META_ICC_NAME, NULL, &a->icc);
    attach(image, VIPS_META_EXIF_NAME, "Exif\0", &a->exif);
    attach(image, VIPS_META_XMP_NAME, NULL, &a->xmp);
    if (si_cicp_colours(a->colorPrimaries, a->transferCharacteristics, &told)) {
        si_colorimetry_attach(image, &told);
    }
}

VipsImage *si_read_avif(
    int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    source *s = calloc(1, sizeof *s);
    (void)level;
    if (s == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "no memory for an AVIF decoder");
        return NULL;
    }
    if (open_source(s, fd, limits, diag) != SI_OK) {
        release(s);
        return NULL;
    }
    const avifImage *a = s->colour.decoder->image;
    bool wide = a->depth > 8;
    int size[2], bands = s->has_alpha ? 4 : 3;
    si_avif_view_size(&s->view, size);
    si_deferred deferred = {.decode = decode, .release = release, .context = s};
    VipsImage *image =
        si_deferred_image(size[0], size[1], bands, wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR,
            wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB, &deferred, diag);
    if (image != NULL) {
        attach_all(image, a); /* the decoder is there until the first pixel is asked for */
    }
    return image;
}
