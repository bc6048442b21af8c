#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/driver.h"
#include "codec/jp2_parts.h"
#include "codec/memfile.h"

enum { MAX_RESOLUTIONS = 6, MAX_COMPONENTS = 4, SMALL_SIDE = 8 };

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T len, void *user) {
    size_t got = si_memfile_read(user, to, len);
    return got > 0 ? got : (OPJ_SIZE_T)-1;
}

static OPJ_SIZE_T on_write(void *from, OPJ_SIZE_T len, void *user) {
    return si_memfile_write(user, from, len) ? len : (OPJ_SIZE_T)-1;
}

static OPJ_BOOL on_seek(OPJ_OFF_T to, void *user) {
    si_memfile *f = user;
    if (to < 0 || (f->out == NULL && (size_t)to > f->len)) {
        return OPJ_FALSE;
    }
    f->position = (size_t)to;
    return OPJ_TRUE;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T by, void *user) {
    si_memfile *f = user;
    return on_seek((OPJ_OFF_T)f->position + by, user) ? by : -1;
}

static opj_stream_t *open_stream(si_memfile *file) {
    bool reading = file->out == NULL;
    opj_stream_t *stream = opj_stream_create(SI_JP2_STREAM_BUFFER, reading);
    if (stream != NULL) {
        opj_stream_set_user_data(stream, file, NULL);
        opj_stream_set_user_data_length(stream, file->len);
        opj_stream_set_read_function(stream, on_read);
        opj_stream_set_write_function(stream, on_write);
        opj_stream_set_skip_function(stream, on_skip);
        opj_stream_set_seek_function(stream, on_seek);
    }
    return stream;
}

static void on_message(const char *text, void *diag) {
    (void)text;
    (void)diag;
}

/* The error's first line goes to the diagnostics; which kind it is, the caller decides later. */
static void on_error(const char *text, void *message) {
    char *m = message;
    if (m[0] == '\0') {
        snprintf(m, SI_JP2_MESSAGE, "%.*s", (int)strcspn(text, "\n"), text);
    }
}

void si_jp2_listen(opj_codec_t *codec, char message[SI_JP2_MESSAGE]) {
    message[0] = '\0';
    opj_set_info_handler(codec, on_message, NULL);
    opj_set_warning_handler(codec, on_message, NULL);
    opj_set_error_handler(codec, on_error, message);
}

/* The image as OpenJPEG wants it: one plane of 32-bit samples per component. */
static opj_image_t *make_picture(const si_image *image) {
    bool alpha = si_image_has_transparency(image);
    int colors = image->grey ? 1 : 3, count = colors + alpha;
    opj_image_cmptparm_t parts[MAX_COMPONENTS];
    memset(parts, 0, sizeof parts);
    for (int i = 0; i < count; i++) {
        parts[i].dx = parts[i].dy = 1;
        parts[i].w = (OPJ_UINT32)image->width;
        parts[i].h = (OPJ_UINT32)image->height;
        parts[i].prec = 8;
    }
    opj_image_t *picture =
        opj_image_create((OPJ_UINT32)count, parts, image->grey ? OPJ_CLRSPC_GRAY : OPJ_CLRSPC_SRGB);
    if (picture == NULL) {
        return NULL;
    }
    picture->x1 = (OPJ_UINT32)image->width;
    picture->y1 = (OPJ_UINT32)image->height;
    for (int i = 0; i < count; i++) {
        int channel = i < colors ? i : 3;
        picture->comps[i].alpha = i == colors;
        OPJ_INT32 *to = picture->comps[i].data;
        for (int y = 0; y < image->height; y++) {
            const uint8_t *p = image->pixels + (size_t)y * image->stride + channel;
            for (int x = 0; x < image->width; x++, p += image->channels) {
                *to++ = *p;
            }
        }
    }
    return picture;
}

static void set_params(opj_cparameters_t *c, const si_image *image, const si_encode_params *p) {
    opj_set_default_encoder_parameters(c);
    c->cp_comment = (char *)"";
    c->tcp_mct = !image->grey;
    c->tcp_numlayers = 1;
    int side = image->width < image->height ? image->width : image->height;
    c->numresolution = 1; /* each further one halves the sides */
    while (c->numresolution < MAX_RESOLUTIONS && side >> c->numresolution > 0) {
        c->numresolution++;
    }
    /* OpenJPEG's estimate of the error, by which it picks what to keep, is far off for a handful of
     * pixels; without loss they take a few bytes. */
    if (p->lossless || side < SMALL_SIDE) {
        c->cp_disto_alloc = 1;
    } else {
        c->irreversible = 1;
        c->cp_fixed_quality = 1;
        c->tcp_distoratio[0] = 25 + 0.3f * p->quality; /* PSNR in dB: 25 at 0, 55 at 100 */
    }
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    si_result result = SI_OK;
    char message[SI_JP2_MESSAGE] = "";
    si_memfile file = {.out = out};
    opj_cparameters_t c;
    set_params(&c, image, params);
    opj_image_t *picture = make_picture(image);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_JP2);
    opj_stream_t *stream = open_stream(&file);
    if (picture == NULL || codec == NULL || stream == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "jp2: no memory");
        goto done;
    }
    si_jp2_listen(codec, message);
    if (!opj_setup_encoder(codec, &c, picture) || !opj_start_compress(codec, picture, stream) ||
        !opj_encode(codec, stream) || !opj_end_compress(codec, stream)) {
        result = si_fail(diag, file.failed ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "jp2: %s", message);
    }
done:
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(picture);
    return result;
}

/* True if these are the components that encode() writes: 8 bits each, all of the image's size. */
static bool is_plain(const opj_image_t *picture) {
    if (picture->numcomps < 1 || picture->numcomps > MAX_COMPONENTS || picture->x1 <= picture->x0 ||
        picture->y1 <= picture->y0) {
        return false;
    }
    for (OPJ_UINT32 i = 0; i < picture->numcomps; i++) {
        const opj_image_comp_t *c = &picture->comps[i];
        if (c->prec != 8 || c->sgnd || c->dx != 1 || c->dy != 1 ||
            c->w != picture->x1 - picture->x0 || c->h != picture->y1 - picture->y0) {
            return false;
        }
    }
    return true;
}

static void take_pixels(const opj_image_t *picture, si_image *out) {
    int colors = picture->numcomps >= 3 ? 3 : 1;
    for (int channel = 0; channel < out->channels; channel++) {
        int component = channel == 3 ? colors : channel < colors ? channel : 0;
        const OPJ_INT32 *from = picture->comps[component].data;
        for (int y = 0; y < out->height; y++) {
            uint8_t *p = out->pixels + (size_t)y * out->stride + channel;
            for (int x = 0; x < out->width; x++, p += out->channels) {
                OPJ_INT32 v = *from++;
                *p = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
    }
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_OK;
    char message[SI_JP2_MESSAGE] = "";
    si_memfile file = {.data = data, .len = len};
    opj_dparameters_t d;
    opj_set_default_decoder_parameters(&d);
    opj_image_t *picture = NULL;
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_JP2);
    opj_stream_t *stream = open_stream(&file);
    if (codec == NULL || stream == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "jp2: no memory");
        goto done;
    }
    si_jp2_listen(codec, message);
    if (!opj_setup_decoder(codec, &d) || !opj_read_header(stream, codec, &picture)) {
        result = si_fail(diag, SI_ERR_SOURCE, "jp2: %s", message);
        goto done;
    }
    if (!is_plain(picture)) {
        result = si_fail(diag, SI_ERR_SOURCE, "jp2: not 8-bit grey or RGB");
        goto done;
    }
    bool alpha = picture->numcomps % 2 == 0;
    result = si_image_alloc(
        out, (int)picture->comps[0].w, (int)picture->comps[0].h, alpha ? 4 : 3, diag);
    if (result != SI_OK) {
        goto done;
    }
    if (!opj_decode(codec, stream, picture) || !opj_end_decompress(codec, stream)) {
        result = si_fail(diag, SI_ERR_SOURCE, "jp2: %s", message);
        goto done;
    }
    for (OPJ_UINT32 i = 0; i < picture->numcomps; i++) {
        if (picture->comps[i].data == NULL || picture->comps[i].w != (OPJ_UINT32)out->width ||
            picture->comps[i].h != (OPJ_UINT32)out->height) {
            result = si_fail(diag, SI_ERR_SOURCE, "jp2: component without data");
            goto done;
        }
    }
    out->grey = picture->numcomps < 3;
    take_pixels(picture, out);
done:
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(picture);
    return result;
}

static void library(char *text, size_t size) {
    snprintf(text, size, "OpenJPEG %s", opj_version());
}

const si_codec_driver si_codec_jp2 = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 0.25f,
    .blurs_alpha = true,
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
