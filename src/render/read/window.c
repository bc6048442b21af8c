#include "render/read/window.h"

#include <stdlib.h>
#include <string.h>

#include "render/read/pixel_rows.h"

/* Displayed size of the original, pixels. */
static double displayed(const si_original *o, int d) {
    return (d == 0) != o->swap ? o->width : o->height;
}

/* Source pixels per window pixel on the stored axes. */
static void stored_ratio(const si_original *o, const si_window_axis axes[2], double ratio[2]) {
    for (int i = 0; i < 2; i++) {
        const si_window_axis *a = &axes[i ^ (int)o->swap]; /* what this stored axis becomes */
        ratio[i] = (a->to - a->from) / a->content;
    }
}

static void lay_out(
    const si_original *o, const si_window_axis axes[2], si_resmode mode, si_pixel_axis stored[2]) {
    for (int i = 0; i < 2; i++) {
        int d = i ^ (int)o->swap;
        const si_window_axis *a = &axes[d];
        double full = displayed(o, d);
        bool flip = o->flip[d]; /* mirroring is in it already, but not in the part */
        bool turned = flip != a->mirror;
        stored[i] = (si_pixel_axis){.from = turned ? full - a->to : a->from,
            .to = turned ? full - a->from : a->to,
            .full = (int)full,
            .content = a->content,
            .skip = flip ? a->content - a->skip - a->count : a->skip,
            .count = a->count,
            .flip = flip,
            .mode = mode};
    }
}

static si_result drop_alpha(si_original *o, si_diag *diag) {
    VipsImage *colours;
    if (!vips_image_hasalpha(o->image)) {
        return SI_OK;
    }
    if (vips_extract_band(o->image, &colours, 0, "n", o->image->Bands - 1, NULL) != 0) {
        return si_vips_fail(diag);
    }
    g_object_unref(o->image);
    o->image = colours;
    return SI_OK;
}

si_result si_window_read(si_original *o, const si_window_axis axes[2], si_resmode mode, bool flat,
    si_image *out, si_diag *diag) {
    double ratio[2];
    stored_ratio(o, axes, ratio);
    si_result result = si_original_reduce(o, ratio, diag);
    if (result == SI_OK && flat) {
        result = drop_alpha(o, diag);
    }
    SI_TRY(result);
    for (int d = 0; d < 2; d++) {
        o->flip[d] = o->flip[d] != axes[d].mirror;
    }
    si_pixel_axis stored[2];
    lay_out(o, axes, mode, stored);
    return si_pixels_read(o, stored, out, diag);
}

si_result si_window_of_image(const si_image *im, const si_window_axis axes[2], si_resmode mode,
    si_image *out, si_diag *diag) {
    size_t row = (size_t)im->width * (size_t)im->channels;
    uint8_t *packed = NULL;
    const void *pixels = im->pixels;
    if (row != im->stride) { /* libvips knows no strides */
        if ((packed = malloc(row * (size_t)im->height)) == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for resampling");
        }
        for (int y = 0; y < im->height; y++) {
            memcpy(packed + (size_t)y * row, im->pixels + (size_t)y * im->stride, row);
        }
        pixels = packed;
    }
    si_original o = {.fd = -1, .width = im->width, .height = im->height, .step = {1, 1}};
    o.image = vips_image_new_from_memory(
        pixels, row * (size_t)im->height, im->width, im->height, im->channels, VIPS_FORMAT_UCHAR);
    si_result result = SI_ERR_MEMORY;
    if (o.image == NULL) {
        result = si_vips_fail(diag);
    } else {
        o.image->Type = VIPS_INTERPRETATION_sRGB;
        result = si_window_read(&o, axes, mode, false, out, diag);
    }
    si_original_close(&o);
    free(packed);
    return result;
}
