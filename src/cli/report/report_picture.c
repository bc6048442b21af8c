#include "cli/report/report_picture.h"

#include "codec/codec.h"

static bool shown_by_browsers(si_format f) {
    return f == SI_FORMAT_JPEG || f == SI_FORMAT_PNG || f == SI_FORMAT_GIF || f == SI_FORMAT_WEBP ||
           f == SI_FORMAT_AVIF;
}

/* Averages one sample over a block of the source; transparent pixels have no colour to add. */
static uint8_t average(const si_image *from, int x0, int y0, int k, int channel) {
    int alpha = from->channels == 4 ? 3 : -1;
    uint64_t sum = 0, weight = 0;
    for (int y = y0; y < y0 + k && y < from->height; y++) {
        const uint8_t *p = from->pixels + (size_t)y * from->stride + (size_t)x0 * from->channels;
        for (int x = x0; x < x0 + k && x < from->width; x++, p += from->channels) {
            unsigned w = alpha >= 0 && channel != alpha ? p[alpha] : 1;
            sum += (uint64_t)w * p[channel];
            weight += w;
        }
    }
    return weight > 0 ? (uint8_t)((sum + weight / 2) / weight) : 0;
}

/* Shrinks by a whole factor. */
static si_result reduce(const si_image *from, int k, si_image *to, si_diag *diag) {
    SI_TRY(si_image_alloc(
        to, (from->width + k - 1) / k, (from->height + k - 1) / k, from->channels, diag));
    for (int y = 0; y < to->height; y++) {
        uint8_t *p = to->pixels + (size_t)y * to->stride;
        for (int x = 0; x < to->width; x++) {
            for (int c = 0; c < to->channels; c++) {
                *p++ = average(from, x * k, y * k, k, c);
            }
        }
    }
    return SI_OK;
}

/* Encodes anew, at a quality that adds nothing to be seen. */
static si_result encode(const si_image *im, si_report_picture *p, si_diag *diag) {
    si_format format = si_image_has_transparency(im) ? SI_FORMAT_PNG : SI_FORMAT_JPEG;
    si_encode_params params = si_codec_defaults(format, im);
    params.quality = 95;
    params.chroma_full = params.optimize = true;
    si_bytes file = {0};
    si_result result = si_codec_encode(format, im, &params, &file, diag);
    if (result == SI_OK) {
        si_bytes_move(&p->file, &file);
        p->format = format;
        p->reencoded = true;
    }
    return result;
}

/* Makes a picture 1/k as large, or what browsers show. */
static si_result remake(si_report_picture *p, int k, si_diag *diag) {
    si_image im = {0}, small = {0};
    si_result result = si_codec_decode(p->format, p->file.data, p->file.len, &im, diag);
    if (result == SI_OK && k > 1) {
        result = reduce(&im, k, &small, diag);
    }
    if (result == SI_OK) {
        result = encode(k > 1 ? &small : &im, p, diag);
    }
    p->reduced = k;
    si_image_free(&im);
    si_image_free(&small);
    return result;
}

/* The factor that makes a picture small enough. */
static si_result factor(const si_report_picture *p, int *k, si_diag *diag) {
    si_image im = {0};
    SI_TRY(si_codec_decode(p->format, p->file.data, p->file.len, &im, diag));
    int side = im.width > im.height ? im.width : im.height;
    int least = (side + SI_REPORT_PICTURE_SIDE - 1) / SI_REPORT_PICTURE_SIDE;
    si_image_free(&im);
    *k = least < 2 ? 2 : least;
    return SI_OK;
}

si_result si_report_pictures_fit(si_report_picture pictures[2], si_diag *diag) {
    for (int i = 0; i < 2; i++) {
        pictures[i].reduced = 1;
        if (!shown_by_browsers(pictures[i].format)) {
            SI_TRY(remake(&pictures[i], 1, diag));
        }
    }
    if (pictures[0].file.len <= SI_REPORT_PICTURE_BYTES &&
        pictures[1].file.len <= SI_REPORT_PICTURE_BYTES) {
        return SI_OK;
    }
    int k;
    SI_TRY(factor(&pictures[0], &k, diag));
    SI_TRY(remake(&pictures[0], k, diag));
    return remake(&pictures[1], k, diag);
}
