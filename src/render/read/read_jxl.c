/* JPEG XL through libjxl. libvips feeds it pieces of 4 kB, on which files whose sections are out of
 * order fail, and takes a profile made from the file's colours for an embedded one. */
#include <jxl/decode.h>
#include <jxl/version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render/read/colorimetry.h"
#include "render/read/jxl_boxes.h"
#include "render/read/readers.h"

enum { MAX_PROFILE = 16 << 20 };

static const off_t MAX_FILE = 512 << 20;

/* ---- the file ---- */

/* All that is needed to decode; the deferred image owns it. */
typedef struct original {
    uint8_t *data; /* the whole file */
    size_t len;
    JxlBasicInfo info;
    JxlPixelFormat format;
    int black; /* number of the extra channel with the black ink, or −1 */
} original;

static void release(void *context) {
    original *o = context;
    free(o->data);
    free(o);
}

static original *read_file(int fd, si_diag *diag) {
    struct stat st;
    original *o = NULL;
    if (fstat(fd, &st) != 0) {
        si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    } else if (st.st_size > MAX_FILE) {
        si_fail(diag, SI_ERR_LIMIT, "the source file is larger than 512 MB");
    } else if ((o = calloc(1, sizeof *o)) == NULL ||
               (o->data = malloc((size_t)st.st_size + 1)) == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "no memory for the source file");
    } else {
        while (o->len < (size_t)st.st_size) {
            ssize_t n = pread(fd, o->data + o->len, (size_t)st.st_size - o->len, (off_t)o->len);
            if (n <= 0) {
                break; /* cut short meanwhile: the decoder will see */
            }
            o->len += (size_t)n;
        }
        return o;
    }
    free(o);
    return NULL;
}

static JxlDecoder *start(const original *o, int events) {
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    if (decoder == NULL || JxlDecoderSubscribeEvents(decoder, events) != JXL_DEC_SUCCESS ||
        JxlDecoderSetUnpremultiplyAlpha(decoder, JXL_TRUE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, o->data, o->len) != JXL_DEC_SUCCESS) {
        if (decoder != NULL) {
            JxlDecoderDestroy(decoder);
        }
        return NULL;
    }
    JxlDecoderCloseInput(decoder);
    return decoder;
}

/* ---- colours ---- */

static bool get_encoding(
    const JxlDecoder *decoder, JxlColorProfileTarget target, JxlColorEncoding *out) {
#if JPEGXL_NUMERIC_VERSION < JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
    const JxlPixelFormat unused = {0};
    return JxlDecoderGetColorAsEncodedProfile(decoder, &unused, target, out) == JXL_DEC_SUCCESS;
#else
    return JxlDecoderGetColorAsEncodedProfile(decoder, target, out) == JXL_DEC_SUCCESS;
#endif
}

/* Colours that libjxl converts anyway (XYB) and cannot convert to the embedded profile come as
 * BT.2020, so that those outside sRGB are still there. Once the header is read, before pixels. */
static void choose_colours(JxlDecoder *decoder, const JxlBasicInfo *info) {
    JxlColorEncoding e;
    if (info->uses_original_profile || info->num_color_channels != 3 ||
        get_encoding(decoder, JXL_COLOR_PROFILE_TARGET_ORIGINAL, &e)) {
        return;
    }
    e = (JxlColorEncoding){.color_space = JXL_COLOR_SPACE_RGB,
        .white_point = JXL_WHITE_POINT_D65,
        .primaries = JXL_PRIMARIES_2100,
        .transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
        .rendering_intent = JXL_RENDERING_INTENT_RELATIVE};
    (void)JxlDecoderSetPreferredColorProfile(
        decoder, &e); /* if not, it says what it does instead */
}

/* What libjxl's enumerations mean; their numbers are CICP's where CICP has them. */
static bool describe(const JxlColorEncoding *e, si_colorimetry *out) {
    if (e->color_space != JXL_COLOR_SPACE_RGB && e->color_space != JXL_COLOR_SPACE_GRAY) {
        return false;
    }
    *out = si_colorimetry_srgb();
    if (e->white_point == JXL_WHITE_POINT_CUSTOM || e->white_point == JXL_WHITE_POINT_E ||
        e->white_point == JXL_WHITE_POINT_DCI) {
        memcpy(out->xy + 6, e->white_point_xy, sizeof e->white_point_xy);
    }
    if (e->color_space == JXL_COLOR_SPACE_RGB && e->primaries != JXL_PRIMARIES_SRGB) {
        memcpy(out->xy, e->primaries_red_xy, sizeof e->primaries_red_xy);
        memcpy(out->xy + 2, e->primaries_green_xy, sizeof e->primaries_green_xy);
        memcpy(out->xy + 4, e->primaries_blue_xy, sizeof e->primaries_blue_xy);
    }
    if (e->transfer_function == JXL_TRANSFER_FUNCTION_GAMMA) {
        out->transfer = SI_TRANSFER_GAMMA;
        out->gamma = e->gamma > 0 ? 1 / e->gamma : 0;
    } else if (e->transfer_function == JXL_TRANSFER_FUNCTION_UNKNOWN) {
        return false;
    } else if (e->transfer_function == JXL_TRANSFER_FUNCTION_709) {
        out->transfer = SI_TRANSFER_CAMERA709; /* here it tells stills, which djxl shows so */
    } else {
        out->transfer = (int)e->transfer_function;
    }
    return true;
}

/* Attaches the profile that the samples are in, if it is there and of a sane size. */
static void attach_profile(VipsImage *image, const JxlDecoder *decoder) {
    size_t len = 0;
#if JPEGXL_NUMERIC_VERSION < JPEGXL_COMPUTE_NUMERIC_VERSION(0, 9, 0)
    const JxlPixelFormat unused = {0};
#define FORMAT &unused,
#else
#define FORMAT
#endif
    if (JxlDecoderGetICCProfileSize(decoder, FORMAT JXL_COLOR_PROFILE_TARGET_DATA, &len) !=
            JXL_DEC_SUCCESS ||
        len == 0 || len > MAX_PROFILE) {
        return;
    }
    uint8_t *icc = malloc(len);
    if (icc != NULL && JxlDecoderGetColorAsICCProfile(decoder, FORMAT JXL_COLOR_PROFILE_TARGET_DATA,
                           icc, len) == JXL_DEC_SUCCESS) {
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, icc, len);
    }
#undef FORMAT
    free(icc);
}

/* ---- pixels ---- */

/* The decoder's own message would name its source lines, if it had one. */
static void fail_decode(JxlDecoderStatus status) {
    vips_error(
        "jxl", status == JXL_DEC_NEED_MORE_INPUT ? "the file ends too early" : "damaged data");
}

/* Tells the decoder where pixels go. `black` receives that channel alone, and may be NULL. */
static bool set_output(
    JxlDecoder *decoder, const original *o, void *pixels, size_t size, void *black) {
    size_t need = 0, plane = 0;
    if (JxlDecoderImageOutBufferSize(decoder, &o->format, &need) != JXL_DEC_SUCCESS ||
        need != size ||
        JxlDecoderSetImageOutBuffer(decoder, &o->format, pixels, size) != JXL_DEC_SUCCESS) {
        return false;
    }
    if (black == NULL) {
        return true;
    }
    uint32_t index = (uint32_t)o->black;
    size_t most = size / o->format.num_channels;
    return JxlDecoderExtraChannelBufferSize(decoder, &o->format, &plane, index) ==
               JXL_DEC_SUCCESS &&
           plane == most &&
           JxlDecoderSetExtraChannelBuffer(decoder, &o->format, black, plane, index) ==
               JXL_DEC_SUCCESS;
}

/* The first frame, as it is to be shown: libjxl composes it of its layers, and turns it upright. */
static bool decode_frame(const original *o, void *pixels, size_t size, void *black) {
    JxlDecoder *decoder = start(o, JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE);
    JxlDecoderStatus status = JXL_DEC_ERROR;
    bool done = false, more = decoder != NULL;
    while (more && !done) {
        status = JxlDecoderProcessInput(decoder);
        if (status == JXL_DEC_COLOR_ENCODING) {
            choose_colours(decoder, &o->info);
        } else if (status == JXL_DEC_NEED_IMAGE_OUT_BUFFER) {
            more = set_output(decoder, o, pixels, size, black);
        } else {
            done = status == JXL_DEC_FULL_IMAGE;
            more = false;
        }
    }
    if (!done) {
        fail_decode(status);
    }
    if (decoder != NULL) {
        JxlDecoderDestroy(decoder);
    }
    return done;
}

#define DEFINE_MERGE(name, type, most)                                                             \
    /* Puts colours (with alpha) and black together. JPEG XL counts light, we count ink. */        \
    static void name(type *out, const type *colours, const type *black, size_t n, bool alpha) {    \
        for (size_t i = 0; i < n; i++) {                                                           \
            for (int k = 0; k < 3; k++) {                                                          \
                *out++ = (type)(most - *colours++);                                                \
            }                                                                                      \
            *out++ = (type)(most - black[i]);                                                      \
            if (alpha) {                                                                           \
                *out++ = *colours++;                                                               \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_MERGE(merge_bytes, uint8_t, 255)
DEFINE_MERGE(merge_words, uint16_t, 65535)

static bool decode_inks(const original *o, const VipsImage *image, uint8_t *pixels) {
    size_t n = (size_t)image->Xsize * (size_t)image->Ysize;
    bool wide = o->format.data_type == JXL_TYPE_UINT16, alpha = o->format.num_channels == 4;
    size_t plane = n * (wide ? 2 : 1), size = plane * o->format.num_channels;
    uint8_t *colours = malloc(size + plane);
    bool ok = false;
    if (colours == NULL) {
        vips_error("jxl", "out of memory");
    } else if (decode_frame(o, colours, size, colours + size)) {
        ok = true;
        if (wide) {
            merge_words(
                (uint16_t *)pixels, (uint16_t *)colours, (uint16_t *)(colours + size), n, alpha);
        } else {
            merge_bytes(pixels, colours, colours + size, n, alpha);
        }
    }
    free(colours);
    return ok;
}

static bool decode(void *context, const VipsImage *image, uint8_t *pixels, size_t stride) {
    const original *o = context;
    return o->black >= 0 ? decode_inks(o, image, pixels)
                         : decode_frame(o, pixels, stride * (size_t)image->Ysize, NULL);
}

/* ---- the header ---- */

/* Runs a decoder up to its colours; NULL with `diag` set. */
static JxlDecoder *read_header(original *o, si_diag *diag) {
    JxlDecoder *decoder = start(o, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING);
    if (decoder == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "no memory for the source image");
        return NULL;
    }
    JxlDecoderStatus status = JxlDecoderProcessInput(decoder);
    bool ok = status == JXL_DEC_BASIC_INFO &&
              JxlDecoderGetBasicInfo(decoder, &o->info) == JXL_DEC_SUCCESS &&
              (status = JxlDecoderProcessInput(decoder)) == JXL_DEC_COLOR_ENCODING;
    if (!ok) {
        si_fail(diag, SI_ERR_SOURCE, "the source image is broken: jxl: %s",
            status == JXL_DEC_NEED_MORE_INPUT ? "the file ends too early" : "damaged header");
    } else if (o->info.xsize > VIPS_MAX_COORD || o->info.ysize > VIPS_MAX_COORD) {
        si_fail(diag, SI_ERR_LIMIT, "the source image of %u×%u pixels is too large", o->info.xsize,
            o->info.ysize);
        ok = false;
    }
    if (!ok) {
        JxlDecoderDestroy(decoder);
        return NULL;
    }
    choose_colours(decoder, &o->info);
    return decoder;
}

static int find_black(const JxlDecoder *decoder, const JxlBasicInfo *info) {
    for (uint32_t i = 0; info->num_color_channels == 3 && i < info->num_extra_channels; i++) {
        JxlExtraChannelInfo extra;
        if (JxlDecoderGetExtraChannelInfo(decoder, i, &extra) == JXL_DEC_SUCCESS &&
            extra.type == JXL_CHANNEL_BLACK) {
            return (int)i;
        }
    }
    return -1;
}

/* Sixteen bits where eight would lose something. Floats of 0…1 fit in them, too: a step of linear
 * light is 0.05 of a step of the darkest sRGB. */
static bool needs_words(const JxlBasicInfo *info, const si_colorimetry *told) {
    bool converted = !info->uses_original_profile &&
                     (told == NULL || !si_colorimetry_is_srgb(told, (int)info->num_color_channels));
    return info->bits_per_sample > 8 || info->alpha_bits > 8 ||
           info->exponent_bits_per_sample > 0 || info->alpha_exponent_bits > 0 ||
           info->alpha_premultiplied || converted;
}

static VipsImage *make_image(original *o, bool wide, si_diag *diag) {
    int colours = o->black >= 0 ? 4 : (int)o->info.num_color_channels;
    bool alpha = o->info.alpha_bits > 0;
    o->format = (JxlPixelFormat){.num_channels = o->info.num_color_channels + alpha,
        .data_type = wide ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8,
        .endianness = JXL_NATIVE_ENDIAN};
    VipsInterpretation kind = colours == 4 ? VIPS_INTERPRETATION_CMYK
                              : colours == 3
                                  ? wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB
                              : wide ? VIPS_INTERPRETATION_GREY16
                                     : VIPS_INTERPRETATION_B_W;
    const si_deferred deferred = {.decode = decode, .release = release, .context = o};
    return si_deferred_image((int)o->info.xsize, (int)o->info.ysize, colours + alpha,
        wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, kind, &deferred, diag);
}

VipsImage *si_read_jxl(int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    (void)level, (void)limits; /* original.c has no levels of this kind, and looks at the size */
    original *o = read_file(fd, diag);
    JxlDecoder *decoder = o != NULL ? read_header(o, diag) : NULL;
    if (decoder == NULL) {
        if (o != NULL) {
            release(o);
        }
        return NULL;
    }
    JxlColorEncoding encoding;
    si_colorimetry told;
    o->black = find_black(decoder, &o->info);
    bool is_told = get_encoding(decoder, JXL_COLOR_PROFILE_TARGET_DATA, &encoding) &&
                   describe(&encoding, &told);
    VipsImage *image = make_image(o, needs_words(&o->info, is_told ? &told : NULL), diag);
    if (image != NULL) {
        if (is_told) {
            si_colorimetry_attach(image, &told);
        } else {
            attach_profile(image, decoder);
        }
        si_jxl_attach_boxes(image, o->data, o->len);
    }
    JxlDecoderDestroy(decoder);
    return image;
}
