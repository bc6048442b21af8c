/* Animated WebP through libwebpmux, which finds the rectangles that change. */
#include <stdlib.h>
#include <string.h>

#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "codec/animation_driver.h"

typedef struct state {
    WebPAnimEncoder *encoder;
    WebPConfig config;
    int64_t time_ms; /* at which the next frame begins */
} state;

static void end_state(void *state_) {
    state *s = state_;
    WebPAnimEncoderDelete(s->encoder);
    free(s);
}

static si_result begin(const si_encode_params *params, int plays, int width, int height, bool alpha,
    void **out, si_diag *diag) {
    (void)alpha;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "webp: no memory");
    }
    *out = s;
    WebPAnimEncoderOptions options;
    if (!WebPAnimEncoderOptionsInit(&options) || !si_webp_config(&s->config, params)) {
        return si_fail(diag, SI_ERR_INTERNAL, "webp: parameters refused");
    }
    options.anim_params.loop_count = plays;
    options.anim_params.bgcolor = 0;
    s->encoder = WebPAnimEncoderNew(width, height, &options);
    return s->encoder != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "webp: no memory");
}

static si_result add(void *state_, const si_image *frame, int delay_ms, si_diag *diag) {
    state *s = state_;
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) {
        return si_fail(diag, SI_ERR_INTERNAL, "webp: parameters refused");
    }
    picture.width = frame->width;
    picture.height = frame->height;
    picture.use_argb = 1;
    int imported = frame->channels == 4
                       ? WebPPictureImportRGBA(&picture, frame->pixels, (int)frame->stride)
                       : WebPPictureImportRGB(&picture, frame->pixels, (int)frame->stride);
    bool ok = imported && s->time_ms < INT32_MAX &&
              WebPAnimEncoderAdd(s->encoder, &picture, (int)s->time_ms, &s->config);
    si_result result = SI_OK;
    if (!ok) {
        bool memory = !imported || picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY;
        result = si_fail(diag, memory ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "webp: encoder error %d",
            (int)picture.error_code);
    }
    WebPPictureFree(&picture);
    s->time_ms += delay_ms;
    return result;
}

static si_result end(void *state_, si_bytes *out, si_diag *diag) {
    state *s = state_;
    WebPData file;
    WebPDataInit(&file);
    int end_ms = s->time_ms < INT32_MAX ? (int)s->time_ms : INT32_MAX;
    bool ok = WebPAnimEncoderAdd(s->encoder, NULL, end_ms, NULL) &&
              WebPAnimEncoderAssemble(s->encoder, &file) &&
              si_bytes_append(out, file.bytes, file.size);
    WebPDataClear(&file);
    return ok ? SI_OK
              : si_fail(diag, SI_ERR_INTERNAL, "webp: the animation cannot be put together");
}

/* The player's canvas is RGBA without padding. */
static si_result decode(const uint8_t *data, size_t len, si_frame_fn fn, void *context, int *plays,
    int *frames, si_diag *diag) {
    WebPData file = {data, len};
    WebPAnimDecoderOptions options;
    WebPAnimInfo info;
    if (!WebPAnimDecoderOptionsInit(&options)) {
        return si_fail(diag, SI_ERR_INTERNAL, "webp: another version of the library");
    }
    options.color_mode = MODE_RGBA;
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&file, &options);
    if (decoder == NULL || !WebPAnimDecoderGetInfo(decoder, &info)) {
        WebPAnimDecoderDelete(decoder);
        return si_fail(diag, SI_ERR_SOURCE, "webp: damaged data");
    }
    *plays = (int)info.loop_count;
    *frames = (int)info.frame_count;
    si_result result = SI_OK;
    int last_ms = 0, index = 0;
    while (result == SI_OK && WebPAnimDecoderHasMoreFrames(decoder)) {
        uint8_t *pixels;
        int end_ms;
        if (!WebPAnimDecoderGetNext(decoder, &pixels, &end_ms)) {
            result = si_fail(diag, SI_ERR_SOURCE, "webp: damaged data");
            break;
        }
        const si_image frame = {.width = (int)info.canvas_width,
            .height = (int)info.canvas_height,
            .channels = 4,
            .stride = 4 * (size_t)info.canvas_width,
            .pixels = pixels};
        result = fn(context, &frame, index++, end_ms - last_ms, diag);
        last_ms = end_ms;
    }
    WebPAnimDecoderDelete(decoder);
    return result;
}

const si_animation_driver si_animation_webp = {.begin = begin,
    .add = add,
    .end = end,
    .free = end_state,
    .decode = decode,
    .max_side = WEBP_MAX_DIMENSION};
