#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jxl/decode.h>
#include <jxl/encode.h>

#include "codec/driver.h"
#include "codec/pack.h"

#define HAS_ALPHA_DISTANCE (JPEGXL_NUMERIC_VERSION >= JPEGXL_COMPUTE_NUMERIC_VERSION(0, 8, 0))

enum { FIRST_BUFFER = 32 * 1024, ROW_ALIGNMENT = 64 /* what si_image_alloc() gives */ };

/* Butteraugli distance for a quality of 0…100, as cjxl understands it: straight from 0.1 at 100 to
 * 6.4 at 30, then faster, to 25 at 0. */
static float distance(float quality) {
    return quality >= 30 ? 0.1f + (100 - quality) * 0.09f
                         : 25 - 1.15f * quality + quality * quality * 53 / 3000;
}

/* Bits per sample of the alpha channel. Where alpha has no distance of its own (libjxl 0.7), it is
 * quantized in steps that grow with the colour's distance, however many bits it has
 * (ModularFrameEncoder::ComputeEncodingData); of 16 bits they are too small to matter when a
 * decoder comes back to 8. 10 to 14 bits would do as well and cost less, but djxl writes those
 * wrongly. */
static uint32_t alpha_bits(const si_encode_params *p) {
    const float step_per_distance = 1.577f; /* 0.25 · 0.1 · 0.35 · 1.1 · 163.84 */
    bool exact = HAS_ALPHA_DISTANCE || p->lossless || step_per_distance * distance(p->quality) < 2;
    return exact ? 8 : 16;
}

/* Takes all output; the encoder's input must be closed. */
static si_result collect(JxlEncoder *encoder, si_bytes *out, si_diag *diag) {
    for (size_t cap = FIRST_BUFFER;; cap *= 2) {
        uint8_t *data = realloc(out->data, cap);
        if (data == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "jxl: no memory for output");
        }
        out->data = data;
        out->cap = cap;
        uint8_t *next = data + out->len;
        size_t room = cap - out->len;
        JxlEncoderStatus s = JxlEncoderProcessOutput(encoder, &next, &room);
        out->len = (size_t)(next - data);
        if (s == JXL_ENC_SUCCESS) {
            return SI_OK;
        }
        if (s == JXL_ENC_ERROR) {
            bool memory = JxlEncoderGetError(encoder) == JXL_ENC_ERR_OOM;
            return si_fail(diag, memory ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "jxl: encoder error %d",
                (int)JxlEncoderGetError(encoder));
        }
    }
}

/* Describes the image; colour is tagged sRGB, which takes a few bits. */
static bool set_info(
    JxlEncoder *encoder, const si_image *image, int channels, const si_encode_params *p) {
    JxlBasicInfo info;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = (uint32_t)image->width;
    info.ysize = (uint32_t)image->height;
    info.bits_per_sample = 8;
    info.num_color_channels = channels >= 3 ? 3 : 1;
    if (channels % 2 == 0) {
        info.num_extra_channels = 1;
        info.alpha_bits = alpha_bits(p);
        /* of lossy colour this is only what a decoder is advised to give out; djxl writes no PNG
         * whose alpha is deeper than its colours */
        info.bits_per_sample = info.alpha_bits;
    }
    info.uses_original_profile = p->lossless;
    JxlColorEncoding color;
    JxlColorEncodingSetToSRGB(&color, channels < 3);
    return JxlEncoderSetBasicInfo(encoder, &info) == JXL_ENC_SUCCESS &&
           JxlEncoderSetColorEncoding(encoder, &color) == JXL_ENC_SUCCESS;
}

/* Alpha is to be exact beside lossy colour, too: not halved in size with the colour, and not in the
 * progressive form, which quantizes the most. */
static bool set_exact_alpha(JxlEncoderFrameSettings *frame) {
    static const JxlEncoderFrameSettingId options[] = {JXL_ENC_FRAME_SETTING_RESPONSIVE,
        JXL_ENC_FRAME_SETTING_RESAMPLING, JXL_ENC_FRAME_SETTING_EXTRA_CHANNEL_RESAMPLING};
    static const int values[] = {0, 1, 1};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (JxlEncoderFrameSettingsSetOption(frame, options[i], values[i]) != JXL_ENC_SUCCESS) {
            return false;
        }
    }
#if HAS_ALPHA_DISTANCE
    return JxlEncoderSetExtraChannelDistance(frame, 0, 0) == JXL_ENC_SUCCESS;
#else
    return true;
#endif
}

static bool set_frame(JxlEncoderFrameSettings *frame, const si_encode_params *p, bool alpha) {
    int effort = p->effort > 0 ? p->effort : 1; /* libjxl's run from 1 */
    bool ok = JxlEncoderFrameSettingsSetOption(frame, JXL_ENC_FRAME_SETTING_EFFORT, effort) ==
              JXL_ENC_SUCCESS;
    if (p->lossless) {
        return ok && JxlEncoderSetFrameLossless(frame, JXL_TRUE) == JXL_ENC_SUCCESS;
    }
    if (alpha) {
        ok = ok && set_exact_alpha(frame);
    }
    if (p->tune == 1) {
        ok = ok && JxlEncoderFrameSettingsSetOption(frame, JXL_ENC_FRAME_SETTING_MODULAR, 1) ==
                       JXL_ENC_SUCCESS;
    }
    if (p->tune >= 2) {
        ok = ok && JxlEncoderFrameSettingsSetOption(frame, JXL_ENC_FRAME_SETTING_EPF, 0) ==
                       JXL_ENC_SUCCESS;
    }
    if (p->tune == 3) {
        ok = ok && JxlEncoderFrameSettingsSetOption(frame, JXL_ENC_FRAME_SETTING_GABORISH, 0) ==
                       JXL_ENC_SUCCESS;
    }
    return ok && JxlEncoderSetFrameDistance(frame, distance(p->quality)) == JXL_ENC_SUCCESS;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_result result = SI_ERR_MEMORY;
    int channels = (image->grey ? 1 : 3) + si_image_has_transparency(image);
    JxlPixelFormat format = {
        .num_channels = (uint32_t)channels,
        .data_type = JXL_TYPE_UINT8,
    };
    size_t size = (size_t)image->width * (size_t)image->height * (size_t)channels;
    uint8_t *packed = si_pack(image, channels);
    JxlEncoder *encoder = JxlEncoderCreate(NULL);
    if (packed == NULL || encoder == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "jxl: no memory");
        goto done;
    }
    JxlEncoderFrameSettings *frame = JxlEncoderFrameSettingsCreate(encoder, NULL);
    if (frame == NULL || !set_info(encoder, image, channels, params) ||
        !set_frame(frame, params, channels % 2 == 0) ||
        JxlEncoderAddImageFrame(frame, &format, packed, size) != JXL_ENC_SUCCESS) {
        result = si_fail(
            diag, SI_ERR_INTERNAL, "jxl: encoder error %d", (int)JxlEncoderGetError(encoder));
        goto done;
    }
    JxlEncoderCloseInput(encoder);
    result = collect(encoder, out, diag);
done:
    if (encoder != NULL) {
        JxlEncoderDestroy(encoder);
    }
    free(packed);
    return result;
}

/* Allocates `out` for the image that the decoder has just described. */
static si_result take_info(
    const JxlDecoder *decoder, JxlPixelFormat *format, si_image *out, si_diag *diag) {
    JxlBasicInfo info;
    if (JxlDecoderGetBasicInfo(decoder, &info) != JXL_DEC_SUCCESS || out->pixels != NULL) {
        return si_fail(diag, SI_ERR_SOURCE, "jxl: damaged header");
    }
    if (info.xsize > INT32_MAX || info.ysize > INT32_MAX) {
        return si_fail(diag, SI_ERR_LIMIT, "jxl: too large");
    }
    format->num_channels = info.alpha_bits > 0 ? 4 : 3;
    si_result result =
        si_image_alloc(out, (int)info.xsize, (int)info.ysize, (int)format->num_channels, diag);
    out->grey = info.num_color_channels == 1;
    return result;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_OK;
    JxlPixelFormat format = {.data_type = JXL_TYPE_UINT8, .align = ROW_ALIGNMENT};
    JxlDecoder *decoder = JxlDecoderCreate(NULL);
    if (decoder == NULL ||
        JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) !=
            JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, data, len) != JXL_DEC_SUCCESS) {
        result = si_fail(diag, SI_ERR_MEMORY, "jxl: no memory");
        goto done;
    }
    JxlDecoderCloseInput(decoder);
    for (;;) {
        size_t size;
        switch (JxlDecoderProcessInput(decoder)) {
        case JXL_DEC_BASIC_INFO:
            result = take_info(decoder, &format, out, diag);
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            if (JxlDecoderImageOutBufferSize(decoder, &format, &size) != JXL_DEC_SUCCESS ||
                size > out->stride * (size_t)out->height ||
                JxlDecoderSetImageOutBuffer(decoder, &format, out->pixels,
                    out->stride * (size_t)out->height) != JXL_DEC_SUCCESS) {
                result = si_fail(diag, SI_ERR_SOURCE, "jxl: unexpected image size");
            }
            break;
        case JXL_DEC_FULL_IMAGE:
            goto done;
        default:
            result = si_fail(diag, SI_ERR_SOURCE, "jxl: damaged data");
        }
        if (result != SI_OK) {
            goto done;
        }
    }
done:
    if (decoder != NULL) {
        JxlDecoderDestroy(decoder);
    }
    return result;
}

static void library(char *text, size_t size) {
    unsigned v = JxlEncoderVersion();
    snprintf(text, size, "libjxl %u.%u.%u", v / 1000000, v / 1000 % 1000, v % 1000);
}

const si_codec_driver si_codec_jxl = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 0.25f,
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
