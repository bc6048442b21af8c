#include "render/facts.h"

#include <string.h>

#include "render/geometry/image_map.h"
#include "render/scene/scene.h"

/* A render context with its arena, and the scene of the recipe's picture. */
typedef struct survey {
    si_arena arena;
    si_render_context rc;
    si_scene *scene;
    si_geometry view;
} survey;

static si_result survey_open(survey *s, const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_diag *diag) {
    si_view view = r->picture.view;
    view.max_pix[0] = view.max_pix[1] = 0;
    *s = (survey){.rc = {.recipe = r, .files = files}};
    s->rc.arena = &s->arena;
    s->rc.limits = si_render_limits_or_default(limits);
    si_result result = si_scene_open(&s->rc, &r->picture, NULL, &s->scene, diag);
    if (result == SI_OK) {
        result = si_geometry_view(&view, s->scene->exact,
            r->dpr_held ? s->scene->detail : si_detail_endless, r->dpr, &s->view, diag);
    }
    return result;
}

static void survey_close(survey *s) {
    si_render_context_close(&s->rc);
    si_arena_free(&s->arena);
    vips_error_clear();
}

si_result si_render_size(const si_recipe *r, const si_files *files, const si_render_limits *limits,
    int size[2], si_diag *diag) {
    survey s;
    si_result result = survey_open(&s, r, files, limits, diag);
    if (result == SI_OK) {
        memcpy(size, s.view.out, sizeof s.view.out);
    }
    survey_close(&s);
    return result;
}

/* ---- smart crops ---- */

si_result si_render_crops(const si_recipe *r, const si_source *const *crops, int count,
    const si_files *files, const si_render_limits *limits, double (*rects)[4], uint32_t *colours,
    si_diag *diag) {
    si_arena arena = {0};
    si_render_context rc = {.recipe = r, .files = files, .arena = &arena};
    for (int i = 0; i < count; i++) {
        if (crops[i]->smart_crop[0] <= 0 && crops[i]->crop_rect[2] <= 0) {
            return si_fail(diag, SI_ERR_RANGE, "this is no smart crop");
        }
    }
    rc.limits = si_render_limits_or_default(limits);
    si_result result = si_render_context_crops(&rc, crops, count, rects, colours, diag);
    si_render_context_close(&rc);
    si_arena_free(&arena);
    vips_error_clear();
    return result;
}

/* ---- image maps ---- */

/* From composite pixels to reply pixels. */
static si_map to_reply(const survey *s, int flip) {
    const si_geometry *g = &s->view;
    si_map m = SI_MAP_IDENTITY;
    for (int i = 0; i < 2; i++) {
        double scale = g->out_content[2 + i] / s->scene->canvas[i];
        bool mirrored = (flip & (i == 0 ? SI_FLIP_LR : SI_FLIP_UD)) != 0;
        double from = mirrored ? s->scene->canvas[i] + s->scene->cut[i] : -s->scene->cut[i];
        m.m[4 * i] = mirrored ? -scale : scale;
        m.m[3 * i + 2] = g->out_content[i] + from * scale;
    }
    return m;
}

static si_str text_of(const char *text) {
    return text != NULL ? si_str_of(text) : (si_str){"", 0};
}

/* The areas of one layer. `map` counts after rotate and extend, mapA in pixels of the source. */
static bool write_layer(
    const survey *s, const si_scene_layer *l, const si_map *reply, si_bytes *out) {
    const si_adjustments *given = &l->layer->adjustments;
    si_map at = SI_MAP_IDENTITY, whole, source;
    at.m[2] = l->box.at[0];
    at.m[5] = l->box.at[1];
    whole = si_map_chain(&at, reply);
    double boxes[2][4] = {{0}, {0, 0, s->view.out[0], s->view.out[1]}};
    si_map_box(&whole, (double[]){0, 0, l->box.rect[0], l->box.rect[1]}, boxes[0]);
    if (given->map != NULL) {
        return si_image_map_write(si_str_of(given->map), &whole, (const double(*)[4])boxes, 2, out);
    }
    if (l->box.has_quad) {
        return true;
    }
    source = si_map_chain(&l->box.fit, &l->box.plain);
    source = si_map_chain(&source, reply);
    return si_image_map_write(
        text_of(given->map_source), &source, (const double(*)[4])boxes, 2, out);
}

static bool write_maps(const survey *s, si_bytes *out) {
    const si_picture *p = s->scene->picture;
    si_map reply = to_reply(s, p->comp.flip), plain = to_reply(s, 0);
    for (int i = p->layer_count - 1; i >= 0; i--) {
        if (!p->layers[i].hide && !write_layer(s, &s->scene->layers[i], &reply, out)) {
            return false;
        }
    }
    double boxes[2][4] = {{0}, {0, 0, s->view.out[0], s->view.out[1]}};
    si_map_box(&plain, (double[]){0, 0, s->scene->canvas[0], s->scene->canvas[1]}, boxes[0]);
    return si_image_map_write(text_of(p->comp.map), &plain, (const double(*)[4])boxes, 2, out);
}

si_result si_render_map(const si_recipe *r, const si_files *files, const si_render_limits *limits,
    si_bytes *out, si_diag *diag) {
    survey s;
    si_result result = survey_open(&s, r, files, limits, diag);
    if (result == SI_OK && !write_maps(&s, out)) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    survey_close(&s);
    return result;
}
