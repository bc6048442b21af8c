#include "render/scene/scene.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "render/pixel/smart_crop.h"
#include "render/read/window.h"

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- files ---- */

si_result si_render_context_open(
    si_render_context *rc, const si_source *source, si_original *o, int *fd, si_diag *diag) {
    *o = (si_original){0};
    SI_TRY(si_files_open(rc->files, source, fd, diag));
    si_result result = si_original_open(o, *fd, &rc->limits, diag);
    if (result != SI_OK) {
        close(*fd);
        *fd = -1;
    }
    return result;
}

static const char *address(const si_source *s) {
    return s->kind == SI_SOURCE_URL ? s->url : s->file.path;
}

si_result si_render_context_size(
    si_render_context *rc, const si_source *s, const si_known_size **out, si_diag *diag) {
    for (const si_known_size *k = rc->known; k != NULL; k = k->next) {
        if (strcmp(k->path, address(s)) == 0) {
            *out = k;
            return SI_OK;
        }
    }
    si_original o;
    int fd;
    si_known_size *k = si_arena_alloc(rc->arena, sizeof *k);
    if (k == NULL) {
        return no_memory(diag);
    }
    SI_TRY(si_render_context_open(rc, s, &o, &fd, diag));
    *k = (si_known_size){.path = address(s),
        .width = o.swap ? o.height : o.width,
        .height = o.swap ? o.width : o.height,
        .exact = {o.exact[o.swap ? 1 : 0], o.exact[o.swap ? 0 : 1]},
        .alpha = vips_image_hasalpha(o.image),
        .kind = o.kind,
        .octaves = o.octaves,
        .next = rc->known};
    rc->known = k;
    *out = k;
    si_original_close(&o);
    close(fd);
    return SI_OK;
}

/* ---- smart crops ---- */

/* The source, small. */
static si_result read_small(si_original *o, const double size[2], si_image *out, si_diag *diag) {
    double scale = fmin(1, SI_SMART_CROP_SIDE / fmax(size[0], size[1]));
    si_window_axis axes[2];
    for (int i = 0; i < 2; i++) {
        int count = (int)fmax(1, si_round(size[i] * scale));
        axes[i] = (si_window_axis){.to = size[i], .content = count, .count = count};
    }
    return si_window_read(o, axes, SI_RESMODE_BILIN, false, out, diag);
}

/* Those that are set by hand count as the whole picture, which costs nothing, until they are known.
 */
static si_result find_parts(const si_render_context *rc, const si_source *const *crops, int count,
    const si_image *thumb, double source_ratio, double (*rects)[4], si_diag *diag) {
    double *ratios = si_arena_alloc(rc->arena, (size_t)count * sizeof *ratios);
    if (ratios == NULL) {
        return no_memory(diag);
    }
    for (int i = 0; i < count; i++) {
        const si_source *s = crops[i];
        bool by_hand = s->crop_rect[2] > 0 && s->crop_rect[3] > 0;
        ratios[i] = by_hand ? source_ratio : (double)s->smart_crop[0] / s->smart_crop[1];
    }
    si_result result = si_smart_crops(thumb, source_ratio, count, ratios, rects, diag);
    for (int i = 0; i < count && result == SI_OK; i++) {
        if (crops[i]->crop_rect[2] > 0 && crops[i]->crop_rect[3] > 0) {
            memcpy(rects[i], crops[i]->crop_rect, sizeof rects[i]);
        }
    }
    return result;
}

si_result si_render_context_crops(si_render_context *rc, const si_source *const *crops, int count,
    double (*rects)[4], uint32_t *swatches, si_diag *diag) {
    si_original o;
    int fd;
    si_image thumb = {0};
    assert(count > 0);
    SI_TRY(si_render_context_open(rc, crops[0], &o, &fd, diag));
    const double size[2] = {o.swap ? o.height : o.width, o.swap ? o.width : o.height};
    si_result result = read_small(&o, size, &thumb, diag);
    if (result == SI_OK) {
        result = find_parts(rc, crops, count, &thumb, size[0] / size[1], rects, diag);
    }
    for (int i = 0; i < count && result == SI_OK && swatches != NULL; i++) {
        swatches[i] = si_smart_swatch(&thumb, rects[i]);
    }
    si_image_free(&thumb);
    si_original_close(&o);
    close(fd);
    return result;
}
