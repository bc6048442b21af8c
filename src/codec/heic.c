/* HEIC through libheif and whatever HEVC encoder it finds at run time (x265, a plugin of its own
 * package in newer distributions). Lossless only, as the protocol has it: RGB goes into the planes
 * as it is (matrix "identity"), so that no conversion rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libheif/heif.h>

#include "codec/driver.h"

static bool have_encoder(void) {
    return heif_have_encoder_for_format(heif_compression_HEVC) != 0;
}

static bool fine(struct heif_error e, si_diag *diag) {
    if (e.code != heif_error_Ok) {
        si_result result =
            e.code == heif_error_Memory_allocation_error ? SI_ERR_MEMORY : SI_ERR_INTERNAL;
        si_fail(diag, result, "heic: %s", e.message);
    }
    return e.code == heif_error_Ok;
}

/* Planes in the order of Y, Cb, Cr hold G, B, R. */
static bool fill_planes(const si_image *image, struct heif_image *to, si_diag *diag) {
    static const enum heif_channel channels[3] = {heif_channel_Y, heif_channel_Cb, heif_channel_Cr};
    for (int c = 0; c < 3; c++) {
        if (!fine(heif_image_add_plane(to, channels[c], image->width, image->height, 8), diag)) {
            return false;
        }
        int stride, from = (c + 1) % 3;
        uint8_t *plane = heif_image_get_plane(to, channels[c], &stride);
        for (int y = 0; y < image->height; y++) {
            const uint8_t *p = image->pixels + (size_t)y * image->stride;
            uint8_t *q = plane + (size_t)y * (size_t)stride;
            for (int x = 0; x < image->width; x++) {
                q[x] = p[x * image->channels + from];
            }
        }
    }
    return true;
}

static struct heif_color_profile_nclx *make_nclx(void) {
    struct heif_color_profile_nclx *n = heif_nclx_color_profile_alloc();
    if (n != NULL) {
        n->color_primaries = heif_color_primaries_ITU_R_BT_709_5;
        n->transfer_characteristics = heif_transfer_characteristic_IEC_61966_2_1;
        n->matrix_coefficients = heif_matrix_coefficients_RGB_GBR;
        n->full_range_flag = 1;
    }
    return n;
}

/* One thread, as everywhere; a parameter that another encoder does not know does no harm. */
static bool set_up(struct heif_encoder *encoder, int effort, si_diag *diag) {
    static const char *const presets[10] = {"ultrafast", "superfast", "superfast", "veryfast",
        "veryfast", "faster", "fast", "medium", "medium", "slow"};
    heif_encoder_set_logging_level(encoder, 0);
    heif_encoder_set_parameter(encoder, "preset", presets[effort]);
    heif_encoder_set_parameter(encoder, "x265:pools", "none");
    heif_encoder_set_parameter(encoder, "x265:frame-threads", "1");
    return fine(heif_encoder_set_lossless(encoder, 1), diag) &&
           fine(heif_encoder_set_parameter(encoder, "chroma", "444"), diag);
}

static struct heif_error on_write(
    struct heif_context *context, const void *data, size_t size, void *out) {
    (void)context;
    bool ok = si_bytes_append(out, data, size);
    return (struct heif_error){ok ? heif_error_Ok : heif_error_Memory_allocation_error,
        heif_suberror_Unspecified, ok ? "" : "no memory"};
}

static bool write_file(struct heif_context *context, const si_image *image,
    struct heif_color_profile_nclx *nclx, int effort, si_bytes *out, si_diag *diag) {
    struct heif_image *picture = NULL;
    struct heif_encoder *encoder = NULL;
    struct heif_encoding_options *options = heif_encoding_options_alloc();
    bool ok =
        options != NULL &&
        fine(heif_image_create(
                 image->width, image->height, heif_colorspace_YCbCr, heif_chroma_444, &picture),
            diag) &&
        fill_planes(image, picture, diag) &&
        fine(heif_image_set_nclx_color_profile(picture, nclx), diag) &&
        fine(heif_context_get_encoder_for_format(context, heif_compression_HEVC, &encoder), diag) &&
        set_up(encoder, effort, diag);
    if (ok) {
        options->output_nclx_profile = nclx;
        options->macOS_compatibility_workaround_no_nclx_profile = 0;
        struct heif_writer writer = {.writer_api_version = 1, .write = on_write};
        ok = fine(heif_context_encode_image(context, picture, encoder, options, NULL), diag) &&
             fine(heif_context_write(context, &writer, out), diag);
    }
    if (options != NULL) {
        options->output_nclx_profile = NULL; /* ours */
        heif_encoding_options_free(options);
    }
    heif_encoder_release(encoder);
    heif_image_release(picture);
    return ok;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    struct heif_context *context = heif_context_alloc();
    struct heif_color_profile_nclx *nclx = make_nclx();
    si_result result = SI_ERR_MEMORY;
    if (context != NULL && nclx != NULL) {
        result =
            write_file(context, image, nclx, params->effort, out, diag) ? SI_OK : SI_ERR_INTERNAL;
    }
    heif_nclx_color_profile_free(nclx);
    heif_context_free(context);
    if (result == SI_OK) {
        return SI_OK;
    }
    return si_diag_result(diag, si_fail(diag, result, "heic: no memory"));
}

static si_result copy_pixels(struct heif_image *picture, si_image *out, si_diag *diag) {
    int stride;
    const uint8_t *p = heif_image_get_plane_readonly(picture, heif_channel_interleaved, &stride);
    int width = heif_image_get_width(picture, heif_channel_interleaved);
    int height = heif_image_get_height(picture, heif_channel_interleaved);
    si_result result = p != NULL ? si_image_alloc(out, width, height, 3, diag)
                                 : si_fail(diag, SI_ERR_SOURCE, "heic: no pixels");
    for (int y = 0; result == SI_OK && y < height; y++) {
        memcpy(out->pixels + (size_t)y * out->stride, p + (size_t)y * (size_t)stride,
            3 * (size_t)width);
    }
    return result;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    struct heif_context *context = heif_context_alloc();
    struct heif_image_handle *handle = NULL;
    struct heif_image *picture = NULL;
    si_result result = SI_ERR_SOURCE;
    struct heif_error e = {heif_error_Memory_allocation_error, heif_suberror_Unspecified, ""};
    if (context != NULL) {
        e = heif_context_read_from_memory_without_copy(context, data, len, NULL);
    }
    if (e.code == heif_error_Ok) {
        e = heif_context_get_primary_image_handle(context, &handle);
    }
    if (e.code == heif_error_Ok) {
        e = heif_decode_image(
            handle, &picture, heif_colorspace_RGB, heif_chroma_interleaved_RGB, NULL);
    }
    if (e.code == heif_error_Ok) {
        result = copy_pixels(picture, out, diag);
    } else {
        result = e.code == heif_error_Memory_allocation_error ? SI_ERR_MEMORY : SI_ERR_SOURCE;
        si_fail(diag, result, "heic: %s", e.message);
    }
    heif_image_release(picture);
    heif_image_handle_release(handle);
    heif_context_free(context);
    return result;
}

static void library(char *text, size_t size) {
    struct heif_context *context = heif_context_alloc();
    struct heif_encoder *encoder = NULL;
    heif_context_get_encoder_for_format(context, heif_compression_HEVC, &encoder);
    snprintf(text, size, "libheif %s, %.60s", heif_get_version(),
        encoder != NULL ? heif_encoder_get_name(encoder) : "no HEVC encoder");
    heif_encoder_release(encoder);
    heif_context_free(context);
}

const si_codec_driver si_codec_heic = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 100, /* always lossless */
    .max_side = 8192,    /* HEVC level 6.2 */
    .available = have_encoder,
    .library = library,
    .encode = encode,
    .decode = decode,
};
