#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <avif/avif.h>

#include "codec/animation_driver.h"
#include "codec/driver.h"
#include "codec/yuv.h"

enum {
    QUANTIZERS = 63,  /* AV1's coarse scale: 0 best … 63 */
    FINE_STEPS = 4,   /* between two of them, where the encoder allows */
    FINE_STRENGTH = 7 /* percent of deltaq-strength that make up one; fitted on photos */
};

/* libavif speed for each effort. Speeds 9 and 10 are the same in libaom; below 3 it gets so slow
 * (seconds for half a megapixel) that no request can wait for it. */
static const int speeds[10] = {10, 9, 9, 8, 8, 7, 6, 5, 4, 3};

/* libaom's version as major × 100 + minor; 0 if libavif encodes with something else. The library
 * is found at run time, so this can be newer than what libavif was built against. */
static int aom_version(char text[32]) {
    char versions[256];
    avifCodecVersions(versions);
    int major = 0, minor = 0, used = 0;
    const char *aom = strstr(versions, "aom [enc");
    const char *colon = aom != NULL ? strchr(aom, ':') : NULL;
    text[0] = '\0';
    if (colon == NULL || sscanf(colon + 1, "%*[v]%n", &used) < 0) {
        return 0;
    }
    const char *number = colon + 1 + (colon[1] == 'v');
    if (sscanf(number, "%d.%d", &major, &minor) != 2) {
        return 0;
    }
    snprintf(text, 32, "%.*s", (int)strcspn(number, ", "), number);
    return major * 100 + minor;
}

/* True if the libaom in use has the tune made for our score. */
static bool has_ssimulacra2(void) {
    char text[32];
    return aom_version(text) >= 313;
}

static si_result fail(si_diag *diag, avifResult e, si_result otherwise) {
    si_result result = e == AVIF_RESULT_OUT_OF_MEMORY ? SI_ERR_MEMORY : otherwise;
    return si_fail(diag, result, "avif: %s", avifResultToString(e));
}

static avifResult set_option(avifEncoder *encoder, const char *key, const char *value) {
#if AVIF_VERSION_MAJOR >= 1
    return avifEncoderSetCodecSpecificOption(encoder, key, value);
#else
    avifEncoderSetCodecSpecificOption(encoder, key, value);
    return AVIF_RESULT_OK;
#endif
}

static avifResult set_number(avifEncoder *encoder, const char *key, int value) {
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    return set_option(encoder, key, text);
}

static avifResult set_own_knobs(avifEncoder *encoder, const si_avif_params *p) {
    avifResult e = AVIF_RESULT_OK;
    if (p->set && p->sharpness >= 0) {
        e = set_number(encoder, "color:sharpness", p->sharpness);
    }
    if (e == AVIF_RESULT_OK && p->set && p->deltaq_mode >= 0) {
        e = set_number(encoder, "color:deltaq-mode", p->deltaq_mode);
    }
    if (e == AVIF_RESULT_OK && p->set && p->enable_cdef >= 0) {
        e = set_number(encoder, "color:enable-cdef", p->enable_cdef);
    }
    return e;
}

/* One quantizer step is 3–4 % of the bytes and up to a point of score. With tune=ssimulacra2 libaom
 * spends more on smooth blocks; a little less of that (100 % is normal) makes finer steps, at the
 * same bytes per score as the quantizer itself. */
static avifResult set_quality(avifEncoder *encoder, float quality, bool fine) {
    int steps = fine ? FINE_STEPS : 1;
    int level = (int)lroundf(quality * (float)(QUANTIZERS * steps) / 100);
    int better = (level + steps - 1) / steps; /* the next quantizer that is not worse … */
    int excess = better * steps - level;      /* … and by how many fine steps it is better */
    avifResult e = set_option(encoder, "color:end-usage", "q");
    if (e == AVIF_RESULT_OK) {
        e = set_number(encoder, "color:cq-level", QUANTIZERS - better);
    }
    if (e == AVIF_RESULT_OK && excess > 0) {
        e = set_number(encoder, "color:deltaq-strength", 100 - excess * FINE_STRENGTH);
    }
    return e;
}

/* Options for lossy colour. libaom takes them by name, which works for libaoms newer than the
 * headers; "color:" keeps them away from the alpha plane, which is coded without loss. The tune
 * goes first, as it sets others. */
static avifResult set_color_options(avifEncoder *encoder, const si_encode_params *p) {
    bool psychovisual = has_ssimulacra2() && !(p->avif.set && p->avif.tune_ssim == 1);
    avifResult e = set_option(encoder, "color:tune", psychovisual ? "ssimulacra2" : "ssim");
    if (e == AVIF_RESULT_OK) {
        e = set_quality(encoder, p->quality, psychovisual);
    }
    if (e == AVIF_RESULT_OK && p->tune == 1) {
        e = set_option(encoder, "color:tune-content", "screen");
    }
    if (e == AVIF_RESULT_OK) {
        e = set_own_knobs(encoder, &p->avif);
    }
    return e;
}

int si_avif_set_options(avifEncoder *encoder, const si_encode_params *p) {
    encoder->codecChoice = AVIF_CODEC_CHOICE_AOM;
    encoder->maxThreads = 1;
    encoder->speed = speeds[p->effort];
    encoder->minQuantizer = AVIF_QUANTIZER_BEST_QUALITY;
    encoder->maxQuantizer = p->lossless ? AVIF_QUANTIZER_LOSSLESS : AVIF_QUANTIZER_WORST_QUALITY;
    encoder->minQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
    encoder->maxQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
#if AVIF_VERSION_MAJOR >= 1
    encoder->qualityAlpha = AVIF_QUALITY_LOSSLESS;
    if (p->lossless) {
        encoder->quality = AVIF_QUALITY_LOSSLESS;
    }
#endif
    return p->lossless ? AVIF_RESULT_OK : set_color_options(encoder, p);
}

si_result si_avif_picture(const si_image *image, const si_encode_params *p, bool alpha,
    avifImage **picture, si_diag *diag) {
    avifPixelFormat format = image->grey                     ? AVIF_PIXEL_FORMAT_YUV400
                             : p->chroma_full || p->lossless ? AVIF_PIXEL_FORMAT_YUV444
                                                             : AVIF_PIXEL_FORMAT_YUV420;
    int depth = p->bit_depth == 10 && !p->lossless ? 10 : 8;
    *picture =
        avifImageCreate((uint32_t)image->width, (uint32_t)image->height, (uint32_t)depth, format);
    if (*picture == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    avifImage *a = *picture;
    a->yuvRange = AVIF_RANGE_FULL;
    a->colorPrimaries = AVIF_COLOR_PRIMARIES_BT709;
    a->transferCharacteristics = AVIF_TRANSFER_CHARACTERISTICS_SRGB;
    bool identity = p->lossless && !image->grey;
    a->matrixCoefficients =
        identity ? AVIF_MATRIX_COEFFICIENTS_IDENTITY : AVIF_MATRIX_COEFFICIENTS_BT601;
    avifResult e = avifImageAllocatePlanes(a, alpha ? AVIF_PLANES_ALL : AVIF_PLANES_YUV);
    if (e != AVIF_RESULT_OK) {
        return fail(diag, e, SI_ERR_INTERNAL);
    }
    si_yuv planes = {
        .depth = depth,
        .form = image->grey                          ? SI_YUV_400
                : identity                           ? SI_YUV_GBR
                : format == AVIF_PIXEL_FORMAT_YUV420 ? SI_YUV_420
                                                     : SI_YUV_444,
        .plane = {a->yuvPlanes[0], a->yuvPlanes[1], a->yuvPlanes[2], a->alphaPlane},
        .stride = {a->yuvRowBytes[0], a->yuvRowBytes[1], a->yuvRowBytes[2], a->alphaRowBytes},
    };
    si_yuv_from_rgb(image, &planes);
    return SI_OK;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    avifImage *picture = NULL;
    avifRWData file = AVIF_DATA_EMPTY;
    avifEncoder *encoder = avifEncoderCreate();
    si_result result =
        si_avif_picture(image, params, si_image_has_transparency(image), &picture, diag);
    if (result != SI_OK) {
        goto done;
    }
    if (encoder == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
        goto done;
    }
    avifResult e = (avifResult)si_avif_set_options(encoder, params);
    if (e == AVIF_RESULT_OK) {
        e = avifEncoderWrite(encoder, picture, &file);
    }
    if (e != AVIF_RESULT_OK) {
        result = fail(diag, e, SI_ERR_INTERNAL);
    } else if (!si_bytes_append(out, file.data, file.size)) {
        result = si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
done:
    avifRWDataFree(&file);
    if (picture != NULL) {
        avifImageDestroy(picture);
    }
    if (encoder != NULL) {
        avifEncoderDestroy(encoder);
    }
    return result;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_OK;
    avifDecoder *decoder = avifDecoderCreate();
    if (decoder == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "avif: no memory");
    }
    decoder->maxThreads = 1;
    decoder->ignoreExif = AVIF_TRUE;
    decoder->ignoreXMP = AVIF_TRUE;
    decoder->imageDimensionLimit = 65535;
    avifResult e = avifDecoderSetIOMemory(decoder, data, len);
    if (e == AVIF_RESULT_OK) {
        e = avifDecoderParse(decoder);
    }
    if (e == AVIF_RESULT_OK) {
        e = avifDecoderNextImage(decoder);
    }
    if (e != AVIF_RESULT_OK) {
        result = fail(diag, e, SI_ERR_SOURCE);
        goto done;
    }
    avifImage *a = decoder->image;
    bool alpha = a->alphaPlane != NULL;
    result = si_image_alloc(out, (int)a->width, (int)a->height, alpha ? 4 : 3, diag);
    if (result != SI_OK) {
        goto done;
    }
    out->grey = a->yuvFormat == AVIF_PIXEL_FORMAT_YUV400;
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, a);
    rgb.depth = 8;
    rgb.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = out->pixels;
    rgb.rowBytes = (uint32_t)out->stride;
    e = avifImageYUVToRGB(a, &rgb);
    if (e != AVIF_RESULT_OK) {
        result = fail(diag, e, SI_ERR_SOURCE);
    }
done:
    avifDecoderDestroy(decoder);
    return result;
}

static void library(char *text, size_t size) {
    char aom[32];
    aom_version(aom);
    snprintf(text, size, "libavif %s, aom %s", avifVersion(), aom[0] != '\0' ? aom : "missing");
}

static float finest_step(void) {
    return 100.f / QUANTIZERS / (has_ssimulacra2() ? FINE_STEPS : 1);
}

const si_codec_driver si_codec_avif = {
    .quality_min = 0,
    .quality_max = 100,
    .finest_step = finest_step,
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
