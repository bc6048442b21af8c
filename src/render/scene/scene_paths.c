#include "render/scene/scene_paths.h"

#include <math.h>
#include <unistd.h>

#include "render/read/metadata.h"
#include "render/read/photoshop_paths.h"

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- paths of files ---- */

typedef bool (*use_path)(void *context, const si_path *path);

/* Calls `use` for every path of the comma-separated `names` that the file of `source` has. Names
 * that it has not are ignored (1.5). */
static si_result stored_paths(si_render_context *rc, const si_source *source, const char *names,
    use_path use, void *context, si_diag *diag) {
    if (names[0] == '\0' || (source->kind != SI_SOURCE_FILE && source->kind != SI_SOURCE_URL)) {
        return SI_OK;
    }
    int fd;
    SI_TRY(si_files_open(rc->files, source, &fd, diag));
    si_metadata meta = {0};
    si_photoshop all = {0};
    si_result result = si_metadata_read(fd, &rc->limits, &meta, diag);
    close(fd);
    if (result == SI_OK) {
        result = si_photoshop_read(meta.photoshop.data, meta.photoshop.len, rc->arena, &all, diag);
    }
    si_str rest = si_str_of(names), name;
    while (result == SI_OK && si_str_next(&rest, ',', &name)) {
        const si_photoshop_path *stored = si_photoshop_find(&all, name);
        if (stored != NULL && !use(context, &stored->path)) {
            result = no_memory(diag);
        }
    }
    si_metadata_free(&meta);
    return result;
}

static bool add_box(void *context, const si_path *path) {
    si_path_box *b = context;
    double box[4];
    if (!si_path_bounds(path, NULL, box)) {
        return true;
    }
    for (int i = 0; i < 4; i++) {
        b->box[i] = !b->any ? box[i] : i < 2 ? fmax(b->box[i], box[i]) : fmin(b->box[i], box[i]);
    }
    b->any = true;
    return true;
}

si_result si_scene_path_box(si_render_context *rc, const si_source *source, const char *names,
    si_path_box *out, si_diag *diag) {
    *out = (si_path_box){0};
    return stored_paths(rc, source, names, add_box, out, diag);
}

si_result si_scene_crop_path(
    si_render_context *rc, const si_layer *l, const double size[2], double part[4], si_diag *diag) {
    si_path_box b;
    SI_TRY(si_scene_path_box(rc, &l->source, l->adjustments.crop_path, &b, diag));
    if (!b.any) {
        return SI_OK;
    }
    for (int i = 0; i < 2; i++) {
        double low = part[2] > 0 ? part[i] : 0, high = part[2] > 0 ? low + part[2 + i] : size[i];
        low = fmax(low, si_path_pixel_below(b.box[i] * size[i]));
        high = fmin(high, si_path_pixel_above(b.box[2 + i] * size[i]));
        part[i] = fmin(low, size[i] - 1);
        b.box[2 + i] = fmax(1, high - part[i]);
    }
    part[2] = b.box[2];
    part[3] = b.box[3];
    return SI_OK;
}

/* ---- clip paths ---- */

typedef struct clip_list {
    si_render_context *rc;
    const si_clip **first;
    si_affine map;
    bool outside;
} clip_list;

static bool add_clip(void *context, const si_path *path) {
    clip_list *l = context;
    si_clip *c = si_arena_alloc(l->rc->arena, sizeof *c);
    if (c == NULL) {
        return false;
    }
    *c = (si_clip){.path = *path, .map = l->map, .outside = l->outside, .next = *l->first};
    *l->first = c;
    return true;
}

static si_affine affine(const si_map *m) {
    return (si_affine){m->m[0], m->m[1], m->m[3], m->m[4], m->m[2], m->m[5]};
}

static si_result parse_clip(clip_list *l, const char *text, si_diag *diag) {
    si_path path;
    if (text[0] == '\0') {
        return SI_OK;
    }
    si_result result = si_path_parse(si_str_of(text), l->rc->arena, &path, diag);
    if (result == SI_OK && !add_clip(l, &path)) {
        result = no_memory(diag);
    }
    return result;
}

si_result si_scene_clips(si_render_context *rc, const si_adjustments *adjustments,
    const double at[2], const si_source *source, const double size[2], const si_map *fit,
    const si_clip **out, si_diag *diag) {
    clip_list l = {.rc = rc, .first = out, .map = SI_AFFINE_IDENTITY};
    l.map.x0 = -at[0];
    l.map.y0 = -at[1];
    si_result result = parse_clip(&l, adjustments->clip_path, diag);
    if (result == SI_OK && adjustments->clip_path[0] != '\0') {
        l.outside = true;
        result = parse_clip(&l, adjustments->clip_xpath, diag);
    }
    if (result != SI_OK || fit == NULL) {
        return result;
    }
    si_map whole = {{size[0], 0, 0, 0, size[1], 0}};
    si_map m = si_map_chain(&whole, fit);
    l.map = affine(&m);
    l.outside = false;
    result = stored_paths(rc, source, adjustments->clip_path_e, add_clip, &l, diag);
    if (result == SI_OK && *out != NULL) { /* without a clip there is nothing to take away from */
        l.outside = true;
        result = stored_paths(rc, source, adjustments->clip_xpath_e, add_clip, &l, diag);
    }
    return result;
}
