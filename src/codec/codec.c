#include "codec/codec.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include "base/icc.h"
#include "codec/driver.h"

static const si_codec_driver *const drivers[SI_FORMAT_COUNT] = {
#ifdef SI_HAVE_JPEG
    [SI_FORMAT_JPEG] = &si_codec_jpeg,
#endif
#ifdef SI_HAVE_PNG
    [SI_FORMAT_PNG] = &si_codec_png,
#endif
#ifdef SI_HAVE_TIFF
    [SI_FORMAT_TIFF] = &si_codec_tiff,
#endif
#ifdef SI_HAVE_GIF
    [SI_FORMAT_GIF] = &si_codec_gif,
#endif
#ifdef SI_HAVE_WEBP
    [SI_FORMAT_WEBP] = &si_codec_webp,
#endif
#ifdef SI_HAVE_AVIF
    [SI_FORMAT_AVIF] = &si_codec_avif,
#endif
#ifdef SI_HAVE_JXL
    [SI_FORMAT_JXL] = &si_codec_jxl,
#endif
#ifdef SI_HAVE_JP2
    [SI_FORMAT_JP2] = &si_codec_jp2,
#endif
#ifdef SI_HAVE_JXR
    [SI_FORMAT_JXR] = &si_codec_jxr,
#endif
#ifdef SI_HAVE_HEIC
    [SI_FORMAT_HEIC] = &si_codec_heic,
#endif
#ifdef SI_HAVE_PDF
    [SI_FORMAT_PDF] = &si_codec_pdf,
#endif
#ifdef SI_HAVE_PDF
    [SI_FORMAT_EPS] = &si_codec_eps,
#endif
};

static si_codec_info infos[SI_FORMAT_COUNT];
static char libraries[SI_FORMAT_COUNT][96];
static pthread_once_t infos_once = PTHREAD_ONCE_INIT;

static void fill_infos(void) {
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        const si_codec_driver *d = drivers[f];
        infos[f].format = (si_format)f;
        infos[f].library = libraries[f];
        if (d == NULL) {
            snprintf(libraries[f], sizeof libraries[f], "not built in");
            continue;
        }
        infos[f].available = d->available == NULL || d->available();
        infos[f].decodes = d->decode != NULL;
        infos[f].quality_min = d->quality_min;
        infos[f].quality_max = d->quality_max;
        infos[f].quality_step = d->finest_step != NULL ? d->finest_step() : d->quality_step;
        infos[f].blurs_alpha = d->blurs_alpha;
        d->library(libraries[f], sizeof libraries[f]);
    }
}

static float clamp(float v, float low, float high) {
    return v >= low ? (v <= high ? v : high) : low; /* NaN becomes low */
}

const si_codec_info *si_codec_get(si_format format) {
    pthread_once(&infos_once, fill_infos);
    return &infos[format];
}

si_encode_params si_codec_defaults(si_format format, const si_image *image) {
    si_encode_params p = {
        .quality = 80,
        .effort = 6,
        .chroma_full = si_image_has_alpha(image) && !image->grey,
        .bit_depth = format == SI_FORMAT_AVIF ? 10 : 8,
    };
    return p;
}

/* True if a profile is for colours of this kind. */
static bool fits(const void *icc, size_t len, const si_image *image) {
    si_pixel_type type;
    return si_icc_type(icc, len, &type) && type == (image->cmyk      ? SI_PIXEL_CMYK
                                                       : image->grey ? SI_PIXEL_GRAY
                                                                     : SI_PIXEL_RGB);
}

si_result si_codec_encode(si_format format, const si_image *image, const si_encode_params *params,
    si_bytes *out, si_diag *diag) {
    assert((unsigned)format < SI_FORMAT_COUNT);
    const si_codec_driver *d = drivers[format];
    if (!si_codec_get(format)->available) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "no %s encoder here", si_format_name(format));
    }
    int colors = image->cmyk ? 4 : 3;
    if (image->pixels == NULL || image->width < 1 || image->height < 1 ||
        (image->channels != colors && image->channels != colors + 1)) {
        return si_fail(diag, SI_ERR_INTERNAL, "no pixels to encode");
    }
    if (image->cmyk && !si_format_holds(format, SI_PIXEL_CMYK)) {
        return si_fail(
            diag, SI_ERR_UNSUPPORTED, "%s files cannot hold CMYK", si_format_name(format));
    }
    if (image->width > d->max_side || image->height > d->max_side) {
        return si_fail(diag, SI_ERR_LIMIT, "%d×%d pixels do not fit in %s", image->width,
            image->height, si_format_name(format));
    }
    si_encode_params p = *params;
    if (!fits(p.icc, p.icc_len, image)) {
        p.icc = NULL;
        p.icc_len = 0;
    }
    p.quality = clamp(p.quality, d->quality_min, d->quality_max);
    p.effort = p.effort < 0 ? 0 : p.effort > 9 ? 9 : p.effort;
    si_result result = d->encode(image, &p, out, diag);
    if (result != SI_OK) {
        si_bytes_free(out);
    }
    return result;
}

si_result si_codec_encode_within(const si_image *image, const si_encode_params *params,
    size_t max_bytes, si_bytes *out, float *quality, si_diag *diag) {
    si_encode_params p = *params;
    int low = 0, high = (int)clamp(p.quality, 1, 100); /* low fits, high + 1 does not, if tried */
    size_t smallest = 0;
    p.quality = (float)high;
    while (low < high) {
        si_bytes file = {0};
        si_result result = si_codec_encode(SI_FORMAT_JPEG, image, &p, &file, diag);
        if (result != SI_OK) {
            si_bytes_free(out);
            return result;
        }
        if (file.len <= max_bytes) {
            low = (int)p.quality;
            si_bytes_move(out, &file);
        } else {
            high = (int)p.quality - 1;
            smallest = file.len;
            si_bytes_free(&file);
        }
        p.quality = (float)((low + high + 1) / 2);
    }
    if (low == 0) {
        return si_fail(diag, SI_ERR_LIMIT,
            "jpegSize: at quality 1 the reply has %zu bytes, more than the %zu allowed", smallest,
            max_bytes);
    }
    if (quality != NULL) {
        *quality = (float)low;
    }
    return SI_OK;
}

si_result si_codec_decode(
    si_format format, const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    assert((unsigned)format < SI_FORMAT_COUNT);
    const si_codec_driver *d = drivers[format];
    if (d == NULL) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "no %s decoder built in", si_format_name(format));
    }
    if (d->decode == NULL) {
        return si_fail(
            diag, SI_ERR_UNSUPPORTED, "%s files are only written", si_format_name(format));
    }
    if (data == NULL || len == 0) {
        return si_fail(diag, SI_ERR_SOURCE, "empty %s file", si_format_name(format));
    }
    si_result result = d->decode(data, len, out, diag);
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}
