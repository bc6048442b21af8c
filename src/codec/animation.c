#include "codec/animation.h"

#include <stdlib.h>

#include "codec/animation_driver.h"

enum { MAX_DELAY_MS = 655350 };

struct si_animation {
    const si_animation_driver *driver;
    si_format format;
    si_encode_params params;
    int plays;
    int width, height, channels; /* of the first frame */
    void *state;                 /* NULL before it */
};

static const si_animation_driver *driver_of(si_format format) {
    switch (format) {
#ifdef SI_HAVE_GIF
    case SI_FORMAT_GIF:
        return &si_animation_gif;
#endif
#ifdef SI_HAVE_WEBP
    case SI_FORMAT_WEBP:
        return &si_animation_webp;
#endif
#ifdef SI_HAVE_AVIF
    case SI_FORMAT_AVIF:
        return &si_animation_avif;
#endif
    default:
        return NULL;
    }
}

bool si_animation_available(si_format format) {
    return driver_of(format) != NULL;
}

si_result si_animation_begin(si_format format, const si_encode_params *params, int plays,
    si_animation **out, si_diag *diag) {
    const si_animation_driver *d = driver_of(format);
    *out = NULL;
    if (d == NULL) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "no animated %s", si_format_name(format));
    }
    si_animation *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an animation");
    }
    *a = (si_animation){.driver = d, .format = format, .params = *params, .plays = plays};
    *out = a;
    return SI_OK;
}

static si_result check_frame(const si_animation *a, const si_image *frame, si_diag *diag) {
    if (frame->pixels == NULL || frame->cmyk || frame->width < 1 || frame->height < 1) {
        return si_fail(diag, SI_ERR_INTERNAL, "no pixels to encode");
    }
    if (frame->width > a->driver->max_side || frame->height > a->driver->max_side) {
        return si_fail(diag, SI_ERR_LIMIT, "%d×%d pixels do not fit in %s", frame->width,
            frame->height, si_format_name(a->format));
    }
    if (a->state != NULL && (frame->width != a->width || frame->height != a->height ||
                                frame->channels != a->channels)) {
        return si_fail(diag, SI_ERR_INTERNAL, "the frames of an animation differ in size");
    }
    return SI_OK;
}

si_result si_animation_add(si_animation *a, const si_image *frame, int delay_ms, si_diag *diag) {
    si_result result = check_frame(a, frame, diag);
    if (result == SI_OK && a->state == NULL) {
        a->width = frame->width;
        a->height = frame->height;
        a->channels = frame->channels;
        result = a->driver->begin(
            &a->params, a->plays, a->width, a->height, si_image_has_alpha(frame), &a->state, diag);
    }
    delay_ms = delay_ms < 0 ? 0 : delay_ms > MAX_DELAY_MS ? MAX_DELAY_MS : delay_ms;
    return result == SI_OK ? a->driver->add(a->state, frame, delay_ms, diag) : result;
}

si_result si_animation_end(si_animation *a, si_bytes *out, si_diag *diag) {
    if (a->state == NULL) {
        return si_fail(diag, SI_ERR_INTERNAL, "an animation without frames");
    }
    si_result result = a->driver->end(a->state, out, diag);
    if (result != SI_OK) {
        si_bytes_free(out);
    }
    return result;
}

void si_animation_free(si_animation *a) {
    if (a != NULL) {
        if (a->state != NULL) {
            a->driver->free(a->state);
        }
        free(a);
    }
}

si_result si_animation_decode(si_format format, const uint8_t *data, size_t len, si_frame_fn fn,
    void *context, int *plays, int *frames, si_diag *diag) {
    const si_animation_driver *d = driver_of(format);
    int ignored;
    if (d == NULL || d->decode == NULL) {
        return si_fail(diag, SI_ERR_UNSUPPORTED, "no animated %s", si_format_name(format));
    }
    return d->decode(data, len, fn, context, plays != NULL ? plays : &ignored,
        frames != NULL ? frames : &ignored, diag);
}
