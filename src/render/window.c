#include "render/window.h"

#include "render/pixels.h"

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

static void lay_out(const si_original *o, const si_window_axis axes[2], si_resmode mode,
    si_pixel_axis stored[2]) {
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

si_result si_window_read(si_original *o, const si_window_axis axes[2], si_resmode mode,
    si_image *out, si_diag *diag) {
    double ratio[2];
    stored_ratio(o, axes, ratio);
    si_result code = si_original_reduce(o, ratio, diag);
    if (code != SI_OK) {
        return code;
    }
    for (int d = 0; d < 2; d++) {
        o->flip[d] = o->flip[d] != axes[d].mirror;
    }
    si_pixel_axis stored[2];
    lay_out(o, axes, mode, stored);
    return si_pixels_read(o, stored, out, diag);
}
