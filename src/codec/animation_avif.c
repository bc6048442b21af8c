/* AVIF image sequences: AV1 video in the boxes of AVIF. */
#include <stdlib.h>
#include <string.h>

#include <avif/avif.h>

#include "codec/animation_driver.h"

enum { TICKS = 1000 /* a second */ };

/* Frames after the first are predicted from others; libaom's tune=ssimulacra2 is for still pictures
 * only. */
typedef struct state {
    avifEncoder *encoder;
    si_encode_params params;
    bool alpha;
} state;

static si_result fail(si_diag *diag, avifResult e, si_result otherwise) {
    return si_fail(diag, e == AVIF_RESULT_OUT_OF_MEMORY ? SI_ERR_MEMORY : otherwise, "avif: %s",
        avifResultToString(e));
}

static void end_state(void *state_) {
    state *s = state_;
    if (s->encoder != NULL) {
        avifEncoderDestroy(s->encoder);
    }
    free(s);
}

static si_result begin(const si_encode_params *params, int plays, int width, int height, bool alpha,
    void **out, si_diag *diag) {
    (void)width, (void)height;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    *out = s;
    s->alpha = alpha;
    s->params = *params;
    if (!s->params.avif.set) {
        s->params.avif = (si_avif_params){.sharpness = -1, .deltaq_mode = -1, .enable_cdef = -1};
    }
    s->params.avif.set = true;
    s->params.avif.tune_ssim = 1;
    if ((s->encoder = avifEncoderCreate()) == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    avifResult e = (avifResult)si_avif_set_options(s->encoder, &s->params);
    s->encoder->timescale = TICKS;
#if AVIF_VERSION_MAJOR >= 1
    s->encoder->repetitionCount = plays == 0 ? AVIF_REPETITION_COUNT_INFINITE : plays - 1;
#else
    (void)plays;
#endif
    return e == AVIF_RESULT_OK ? SI_OK : fail(diag, e, SI_ERR_INTERNAL);
}

static si_result add(void *state_, const si_image *frame, int delay_ms, si_diag *diag) {
    state *s = state_;
    avifImage *picture = NULL;
    si_result result = si_avif_picture(frame, &s->params, s->alpha, &picture, diag);
    if (result == SI_OK) {
        uint64_t ticks = delay_ms > 0 ? (uint64_t)delay_ms : 1; /* a frame of no time is refused */
        avifResult e = avifEncoderAddImage(s->encoder, picture, ticks, AVIF_ADD_IMAGE_FLAG_NONE);
        result = e == AVIF_RESULT_OK ? SI_OK : fail(diag, e, SI_ERR_INTERNAL);
    }
    if (picture != NULL) {
        avifImageDestroy(picture);
    }
    return result;
}

static uint32_t read_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Sets the times of creation and modification, which libavif takes from the clock, to 0, "not told"
 * (ISO/IEC 14496-12, 8.2.2): equal requests are to get equal bytes. */
static void forget_times(uint8_t *at, size_t len) {
    while (len >= 8) {
        size_t size = read_u32(at);
        bool holds = memcmp(at + 4, "moov", 4) == 0 || memcmp(at + 4, "trak", 4) == 0 ||
                     memcmp(at + 4, "mdia", 4) == 0;
        bool header = memcmp(at + 4, "mvhd", 4) == 0 || memcmp(at + 4, "tkhd", 4) == 0 ||
                      memcmp(at + 4, "mdhd", 4) == 0;
        if (size < 8 || size > len) {
            return; /* the last box, as long as the file */
        }
        if (holds) {
            forget_times(at + 8, size - 8);
        } else if (header && size >= 12 + 16) {
            memset(at + 12, 0, at[8] == 1 ? 16 : 8);
        }
        at += size;
        len -= size;
    }
}

static si_result end(void *state_, si_bytes *out, si_diag *diag) {
    state *s = state_;
    avifRWData file = AVIF_DATA_EMPTY;
    avifResult e = avifEncoderFinish(s->encoder, &file);
    si_result result = e == AVIF_RESULT_OK ? SI_OK : fail(diag, e, SI_ERR_INTERNAL);
    if (result == SI_OK) {
        forget_times(file.data, file.size);
    }
    if (result == SI_OK && !si_bytes_append(out, file.data, file.size)) {
        result = si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    avifRWDataFree(&file);
    return result;
}

/* ---- reading ---- */

static si_result show_frame(
    avifDecoder *decoder, si_frame_fn fn, void *context, int index, si_diag *diag) {
    const avifImage *a = decoder->image;
    si_image frame = {0};
    bool alpha = a->alphaPlane != NULL;
    SI_TRY(si_image_alloc(&frame, (int)a->width, (int)a->height, alpha ? 4 : 3, diag));
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, a);
    rgb.depth = 8;
    rgb.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = frame.pixels;
    rgb.rowBytes = (uint32_t)frame.stride;
    avifResult e = avifImageYUVToRGB(a, &rgb);
    double ms = decoder->imageTiming.duration * 1000;
    int delay_ms = ms >= 0 && ms < 655350 ? (int)(ms + 0.5) : 0;
    si_result result = e == AVIF_RESULT_OK ? fn(context, &frame, index, delay_ms, diag)
                                           : fail(diag, e, SI_ERR_SOURCE);
    si_image_free(&frame);
    return result;
}

static int plays_of(const avifDecoder *decoder) {
#if AVIF_VERSION_MAJOR >= 1
    return decoder->repetitionCount >= 0 ? decoder->repetitionCount + 1 : 0;
#else
    (void)decoder;
    return 0;
#endif
}

static si_result decode(const uint8_t *data, size_t len, si_frame_fn fn, void *context, int *plays,
    int *frames, si_diag *diag) {
    avifDecoder *decoder = avifDecoderCreate();
    if (decoder == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    decoder->maxThreads = 1;
    decoder->ignoreExif = AVIF_TRUE;
    decoder->ignoreXMP = AVIF_TRUE;
    decoder->imageDimensionLimit = 65535;
    si_result result = SI_OK;
    avifResult e = avifDecoderSetIOMemory(decoder, data, len);
    if (e == AVIF_RESULT_OK) {
        e = avifDecoderParse(decoder);
    }
    if (e == AVIF_RESULT_OK) {
        *plays = plays_of(decoder);
        *frames = decoder->imageCount;
    }
    int count = fn != NULL ? decoder->imageCount : 0;
    for (int i = 0; e == AVIF_RESULT_OK && result == SI_OK && i < count; i++) {
        e = avifDecoderNextImage(decoder);
        if (e == AVIF_RESULT_OK) {
            result = show_frame(decoder, fn, context, i, diag);
        }
    }
    if (e != AVIF_RESULT_OK) {
        result = fail(diag, e, SI_ERR_SOURCE);
    }
    avifDecoderDestroy(decoder);
    return result;
}

const si_animation_driver si_animation_avif = {
    .begin = begin, .add = add, .end = end, .free = end_state, .decode = decode, .max_side = 65535};
