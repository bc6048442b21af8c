#include <stdio.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

#include "codec/animation_driver.h"
#include "codec/driver.h"
#include "codec/yuv_light.h"

/* Deblocking keeps edges as sharp as it can: on average a percent smaller at equal score. */
enum { FILTER_SHARPNESS = 7 };

static void set_if_given(int *field, int value) {
    if (value >= 0) {
        *field = value;
    }
}

bool si_webp_config(WebPConfig *c, const si_encode_params *p) {
    WebPPreset preset = p->tune == 1 ? WEBP_PRESET_DRAWING : WEBP_PRESET_DEFAULT;
    if (!WebPConfigPreset(c, preset, p->quality)) {
        return false;
    }
    c->method = p->effort * 2 / 3; /* 0…9 → 0…6; effort 6 is libwebp's default 4 */
    c->alpha_quality = 100;
    c->alpha_filtering = p->effort >= 8 ? 2 : 1;
    c->thread_level = 0;
    c->filter_sharpness = FILTER_SHARPNESS;
    if (p->lossless) {
        c->lossless = 1;
        c->quality = (float)p->effort * (100.f / 9); /* lossless: how hard to try */
    }
    if (p->webp.set) {
        set_if_given(&c->sns_strength, p->webp.sns_strength);
        set_if_given(&c->filter_strength, p->webp.filter_strength);
        set_if_given(&c->filter_sharpness, p->webp.filter_sharpness);
        set_if_given(&c->filter_type, p->webp.filter_type);
        set_if_given(&c->segments, p->webp.segments);
        set_if_given(&c->pass, p->webp.passes);
        set_if_given(&c->near_lossless, p->webp.near_lossless);
    }
    return WebPValidateConfig(c) != 0;
}

static int on_bytes(const uint8_t *data, size_t len, const WebPPicture *picture) {
    return si_bytes_append(picture->custom_ptr, data, len);
}

/* Lets libwebp convert. */
static bool import(const si_image *image, bool argb, WebPPicture *picture) {
    picture->use_argb = argb;
    return (image->channels == 4
                   ? WebPPictureImportRGBA(picture, image->pixels, (int)image->stride)
                   : WebPPictureImportRGB(picture, image->pixels, (int)image->stride)) != 0;
}

static void copy_plane(
    uint8_t *to, int to_stride, const uint8_t *from, size_t from_stride, int width, int height) {
    for (int y = 0; y < height; y++) {
        memcpy(to + (size_t)y * (size_t)to_stride, from + (size_t)y * from_stride, (size_t)width);
    }
}

/* Converts so that light is right, or takes what was converted before. */
static bool import_light(const si_image *image, const si_yuv_planes *known, WebPPicture *picture) {
    bool alpha = si_image_has_transparency(image);
    picture->use_argb = 0;
    picture->colorspace = alpha ? WEBP_YUV420A : WEBP_YUV420;
    if (!WebPPictureAlloc(picture)) {
        return false;
    }
    for (int y = 0; alpha && y < image->height; y++) {
        const uint8_t *from = image->pixels + (size_t)y * image->stride + 3;
        uint8_t *to = picture->a + (size_t)y * (size_t)picture->a_stride;
        for (int x = 0; x < image->width; x++) {
            to[x] = from[4 * x];
        }
    }
    if (known != NULL) {
        int half_width = (image->width + 1) / 2, half_height = (image->height + 1) / 2;
        copy_plane(
            picture->y, picture->y_stride, known->y, known->y_stride, image->width, image->height);
        copy_plane(
            picture->u, picture->uv_stride, known->u, known->uv_stride, half_width, half_height);
        copy_plane(
            picture->v, picture->uv_stride, known->v, known->uv_stride, half_width, half_height);
        return true;
    }
    const si_yuv_planes planes = {.y = picture->y,
        .u = picture->u,
        .v = picture->v,
        .y_stride = (size_t)picture->y_stride,
        .uv_stride = (size_t)picture->uv_stride};
    return si_yuv_light_from_rgb(image, &planes, NULL) == SI_OK;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_result result = SI_OK;
    WebPConfig config;
    WebPPicture picture;
    if (!WebPPictureInit(&picture) || !si_webp_config(&config, params)) {
        return si_fail(diag, SI_ERR_INTERNAL, "webp: parameters refused");
    }
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = on_bytes;
    picture.custom_ptr = out;
    bool imported = params->chroma_full && !config.lossless
                        ? import_light(image, params->light, &picture)
                        : import(image, config.lossless != 0, &picture);
    if (!imported || !WebPEncode(&config, &picture)) {
        bool memory = !imported || picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
                      picture.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY ||
                      picture.error_code == VP8_ENC_ERROR_BAD_WRITE;
        result = si_fail(diag, memory ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "webp: encoder error %d",
            (int)picture.error_code);
    }
    WebPPictureFree(&picture);
    return result;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    WebPBitstreamFeatures f;
    if (WebPGetFeatures(data, len, &f) != VP8_STATUS_OK || f.has_animation) {
        return si_fail(diag, SI_ERR_SOURCE, "webp: not a still WebP file");
    }
    SI_TRY(si_image_alloc(out, f.width, f.height, f.has_alpha ? 4 : 3, diag));
    size_t size = out->stride * (size_t)out->height;
    uint8_t *done = f.has_alpha ? WebPDecodeRGBAInto(data, len, out->pixels, size, (int)out->stride)
                                : WebPDecodeRGBInto(data, len, out->pixels, size, (int)out->stride);
    return done != NULL ? SI_OK : si_fail(diag, SI_ERR_SOURCE, "webp: damaged data");
}

static void library(char *text, size_t size) {
    int v = WebPGetEncoderVersion();
    snprintf(text, size, "libwebp %d.%d.%d", v >> 16, v >> 8 & 255, v & 255);
}

const si_codec_driver si_codec_webp = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 1,
    .max_side = WEBP_MAX_DIMENSION,
    .library = library,
    .encode = encode,
    .decode = decode,
};
