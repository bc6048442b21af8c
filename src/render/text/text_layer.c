#include "render/text/text_layer.h"

#include <math.h>
#include <stdlib.h>

#include "render/text/text_draw.h"
#include "render/text/text_path.h"

static const double DEGREE = 3.14159265358979323846 / 180;
static const int64_t MAX_PIXELS = 1 << 26;
enum { MAX_SIDE = 65535, MAX_CAIRO_SIDE = 32767, SEARCH_STEPS = 24 };

/* Sums of lengths may be off by this, pixels, before they count as another pixel. */
static const double SLACK = 1e-4;

typedef struct job {
    const si_richtext *text;
    const si_text_style *style;
    si_diag *diag;
    si_faces faces;
    si_shaped *paragraphs;
    si_region region;
    si_lines lines;
    si_lines_how how;
    double
        area[4];  /* x0, y0, x1, y1 of what lines may fill, layer pixels; x1, y1 may be infinite */
    double angle; /* degrees, clockwise, of the lines in the layer */
    si_affine to_layer; /* from layout pixels; the layer's top-left is box[0], box[1] */
    double box[4];      /* layer rectangle, in the coordinates of to_layer */
} job;

static bool self_sizing(const job *j) {
    return j->style->width <= 0 && j->style->path == NULL && j->style->flow == NULL;
}

/* ---- affine maps ---- */

/* The map that turns clockwise about (cx, cy) and takes that point to (x, y). */
static si_affine turn_about(double degrees, double cx, double cy, double x, double y) {
    double quarter = fmod(degrees, 360), c = cos(quarter * DEGREE), s = sin(quarter * DEGREE);
    if (fmod(quarter, 90) == 0) {
        c = round(c);
        s = round(s);
    }
    return (si_affine){c, -s, s, c, x - (c * cx - s * cy), y - (s * cx + c * cy)};
}

static void apply(const si_affine *m, double x, double y, double out[2]) {
    out[0] = m->xx * x + m->xy * y + m->x0;
    out[1] = m->yx * x + m->yy * y + m->y0;
}

/* Widens `to` by a box of layout pixels. */
static void unite(const si_affine *m, const double box[4], double to[4]) {
    for (int i = 0; i < 4; i++) {
        double p[2];
        apply(m, box[i & 1 ? 2 : 0], box[i & 2 ? 3 : 1], p);
        to[0] = fmin(to[0], p[0]);
        to[1] = fmin(to[1], p[1]);
        to[2] = fmax(to[2], p[0]);
        to[3] = fmax(to[3], p[1]);
    }
}

/* ---- set-up ---- */

static si_result check_style(const job *j) {
    const si_text_style *s = j->style;
    if (!(s->width >= 0 && s->width <= MAX_SIDE && s->height >= 0 && s->height <= MAX_SIDE)) {
        return si_fail(j->diag, SI_ERR_LIMIT, "text: size is beyond %d pixels", MAX_SIDE);
    }
    if (s->width <= 0 && s->height > 0) {
        return si_fail(j->diag, SI_ERR_RANGE, "text: size needs a width");
    }
    if (!(s->dpi >= 0 && s->dpi <= 1e6) || !isfinite(s->angle)) {
        return si_fail(j->diag, SI_ERR_RANGE, "text: textAttr or textAngle out of range");
    }
    if (s->path != NULL && s->flow != NULL) {
        return si_fail(j->diag, SI_ERR_RANGE, "text: textPath together with textFlowPath");
    }
    return self_sizing(j) ? si_richtext_check_self_sizing(j->text, j->diag) : SI_OK;
}

static si_result shape_all(job *j, const si_font_data *fonts) {
    SI_TRY(si_faces_open(j->text, fonts, &j->faces, j->diag));
    si_result result = SI_OK;
    j->paragraphs = calloc(j->text->paragraph_count, sizeof *j->paragraphs);
    if (j->paragraphs == NULL) {
        return si_fail(j->diag, SI_ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < j->text->paragraph_count && result == SI_OK; i++) {
        result = si_shape_paragraph(
            j->text, &j->text->paragraphs[i], &j->faces, &j->paragraphs[i], j->diag);
    }
    return result;
}

/* The part of the layer that lines may fill. */
static void find_area(job *j) {
    const si_text_style *s = j->style;
    const double *m = j->text->margin;
    double point = j->how.point;
    j->area[0] = m[0] * point;
    j->area[1] = m[1] * point;
    j->area[2] = s->width > 0 ? s->width - m[2] * point : INFINITY;
    j->area[3] = s->height > 0 ? s->height - m[3] * point : INFINITY;
    if (self_sizing(j)) {
        j->area[0] = j->area[1] = 0;
    }
    if (s->flow != NULL && !si_path_bounds(s->flow, NULL, j->area)) {
        j->area[0] = j->area[1] = j->area[2] = j->area[3] = 0;
    }
}

/* The shape that lines fill, turned back by the angle so that they are level: the paths of
 * textFlowPath and textFlowXPath, or the box. */
static si_result find_shape(job *j, double cx, double cy) {
    si_affine back = turn_about(-j->angle, cx, cy, 0, 0);
    double box[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    si_edge_line sides[4], *in = sides, *out = NULL;
    size_t in_count = 0, out_count = 0;
    si_result result = SI_OK;
    unite(&back, j->area, box);
    back.x0 -= box[0];
    back.y0 -= box[1];
    if (j->style->flow != NULL) {
        result = si_region_edges(j->style->flow, &back, &in, &in_count, j->diag);
    } else {
        double c[4][2];
        for (int i = 0; i < 4; i++) {
            apply(&back, j->area[i == 1 || i == 2 ? 2 : 0], j->area[i >= 2 ? 3 : 1], c[i]);
        }
        for (; in_count < 4; in_count++) {
            const double *a = c[in_count], *b = c[(in_count + 1) % 4];
            sides[in_count] = (si_edge_line){a[0], a[1], b[0], b[1]};
        }
    }
    if (result == SI_OK && j->style->flow != NULL && j->style->flow_out != NULL) {
        result = si_region_edges(j->style->flow_out, &back, &out, &out_count, j->diag);
    }
    if (result == SI_OK) {
        result = si_region_shape(
            &j->region, box[2] - box[0], box[3] - box[1], in, in_count, out, out_count, j->diag);
    }
    if (in != sides) {
        free(in);
    }
    free(out);
    return result;
}

/* The area in layout coordinates: turned back by the angle, its box beginning at 0,0. */
static si_result find_region(job *j) {
    double w = j->area[2] - j->area[0], h = j->area[3] - j->area[1];
    if (!isfinite(w) || !isfinite(h) || w <= 0 || h <= 0) {
        j->region = (si_region){.width = w, .height = h};
        return SI_OK;
    }
    double cx = j->area[0] + w / 2, cy = j->area[1] + h / 2;
    if (j->style->flow != NULL || fmod(j->angle, 90) != 0) {
        SI_TRY(find_shape(j, cx, cy));
    } else {
        bool across = fmod(j->angle, 180) != 0;
        j->region = (si_region){.width = across ? h : w, .height = across ? w : h};
    }
    j->to_layer = turn_about(j->angle, j->region.width / 2, j->region.height / 2, cx, cy);
    return SI_OK;
}

/* ---- how large the characters are ---- */

static si_result break_lines(job *j) {
    si_lines_free(&j->lines);
    return si_lines_break(&j->how, &j->lines);
}

/* Does the text fit, with its present sizes, without being cut or having its words broken? */
static si_result try_size(job *j, bool *fits) {
    int goal = j->text->copyfit_lines;
    si_result result = break_lines(j);
    *fits = !j->lines.clipped && !j->lines.forced &&
            !(j->how.fit > 1 && goal > 0 && j->lines.row_count > (size_t)goal);
    return result;
}

/* Sets *size to the largest value from `low` to `high` with which the text fits; `low` if none
 * does. */
static si_result search(job *j, double *size, double low, double high) {
    bool fits;
    *size = high;
    si_result result = try_size(j, &fits);
    for (int i = 0; i < SEARCH_STEPS && result == SI_OK && !(i == 0 && fits); i++) {
        *size = i == 0 ? low : sqrt(low * high);
        result = try_size(j, &fits);
        if (i == 0 && !fits) {
            return result;
        }
        *(fits ? &low : &high) = *size;
        if (i + 1 == SEARCH_STEPS) {
            *size = low;
        }
    }
    return result;
}

/* \copyfit: how much larger the characters may become. */
static double copyfit_limit(const si_richtext *t) {
    double most = INFINITY;
    for (size_t i = 0; i < t->run_count; i++) {
        const si_richtext_format *f = &t->runs[i].format;
        most = f->copyfit > f->size ? fmin(most, f->copyfit / f->size) : most;
    }
    return isfinite(most) ? most : 1;
}

static si_result choose_size(job *j) {
    const si_text_style *s = j->style;
    double dpi = j->how.point, limit = copyfit_limit(j->text);
    if (s->fit != SI_TEXT_FIXED_RES && s->width > 0 && s->height > 0) {
        double most = s->fit == SI_TEXT_AUTO_RES ? 2 * fmax(s->width, s->height) : dpi;
        return search(j, &j->how.point, dpi / 1000, fmax(most, dpi / 500));
    }
    if (limit > 1 && !self_sizing(j)) {
        j->how.max_rows = j->text->copyfit_max_lines;
        return search(j, &j->how.fit, 1, limit);
    }
    return SI_OK;
}

/* ---- where lines come to lie ---- */

static void move_rows(si_lines *l, double y) {
    for (size_t i = 0; i < l->row_count; i++) {
        l->rows[i].top += y;
        l->rows[i].baseline += y;
        l->rows[i].bottom += y;
    }
}

static void align_vertically(job *j) {
    double room = j->region.height - j->lines.height;
    if (j->region.scanlines == NULL && isfinite(room) && room > 0) {
        move_rows(&j->lines, j->text->valign == SI_TEXT_MIDDLE   ? room / 2
                             : j->text->valign == SI_TEXT_BOTTOM ? room
                                                                 : 0);
    }
}

/* How far ink from `low` to `high` must move to lie between 0 and `size`, the low end first. */
static double inwards(double low, double high, double size) {
    return low < 0 ? -low : high > size ? fmax(size - high, -low) : 0;
}

/* text= keeps what characters overhang inside the box. */
static void keep_inside(job *j) {
    double all[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < j->lines.segment_count; i++) {
        const si_segment *s = &j->lines.segments[i];
        double ink[4];
        if (si_lines_ink(&j->how, &j->lines, s, ink)) {
            si_lines_shift(&j->lines, s, inwards(ink[0], ink[2], j->region.width), 0);
            all[1] = fmin(all[1], ink[1]);
            all[3] = fmax(all[3], ink[3]);
        }
    }
    double dy = all[1] <= all[3] ? inwards(all[1], all[3], j->region.height) : 0;
    for (size_t i = 0; i < j->lines.segment_count && dy != 0; i++) {
        si_lines_shift(&j->lines, &j->lines.segments[i], 0, dy);
    }
    move_rows(&j->lines, dy);
    j->lines.height = fmax(j->lines.height, isfinite(all[3]) ? all[3] + dy : 0);
}

/* Outward to whole pixels. */
static void set_box(job *j, double x0, double y0, double x1, double y1) {
    j->box[0] = floor(x0 + SLACK);
    j->box[1] = floor(y0 + SLACK);
    j->box[2] = fmax(j->box[0] + 1, ceil(x1 - SLACK));
    j->box[3] = fmax(j->box[1] + 1, ceil(y1 - SLACK));
}

/* The smallest box around lines and ink. */
static void box_around(job *j) {
    double all[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < j->lines.segment_count; i++) {
        const si_segment *s = &j->lines.segments[i];
        const si_row *row = &j->lines.rows[s->row];
        double ink[4], line[4] = {s->x[0], row->top, s->x[1], row->bottom};
        unite(&j->to_layer, line, all);
        if (si_lines_ink(&j->how, &j->lines, s, ink)) {
            unite(&j->to_layer, ink, all);
        }
    }
    if (all[0] <= all[2]) {
        set_box(j, all[0], all[1], all[2], all[3]);
    } else {
        set_box(j, 0, 0, 1, 1);
    }
}

/* Layer rectangle, and the map into it. */
static void settle(job *j) {
    const si_text_style *s = j->style;
    double first = j->lines.row_count > 0 ? j->lines.rows[0].baseline : 0;
    if (self_sizing(j)) {
        j->to_layer = turn_about(j->angle, 0, first, 0, 0);
        box_around(j);
    } else if (s->flow != NULL && (s->width <= 0 || s->height <= 0)) {
        set_box(j, j->area[0], j->area[1], j->area[2], j->area[3]);
    } else if (s->height > 0) {
        set_box(j, 0, 0, s->width, s->height);
    } else if (fmod(j->angle, 360) != 0) {
        j->to_layer = turn_about(j->angle, 0, first, 0, 0);
        box_around(j);
    } else {
        j->to_layer = turn_about(0, 0, 0, j->area[0], j->area[1]);
        double bottom = j->text->margin[3] * j->how.point;
        set_box(j, 0, 0, s->width, j->area[1] + j->lines.height + bottom);
    }
}

static si_result lay_out_lines(job *j) {
    find_area(j);
    SI_TRY(find_region(j));
    if (j->region.width <= 0 || j->region.height <= 0) {
        j->lines.clipped = j->text->font_count > 0; /* margins leave nothing */
        j->region.width = fmax(j->region.width, 0);
        settle(j);
        return SI_OK;
    }
    SI_TRY(choose_size(j));
    j->how.max_rows = j->text->copyfit_max_lines;
    SI_TRY(break_lines(j));
    align_vertically(j);
    si_result result = si_lines_place(&j->how, &j->lines);
    if (result == SI_OK && j->text->mode == SI_TEXT_NORM && !self_sizing(j)) {
        keep_inside(j);
    }
    settle(j);
    return result;
}

/* ---- the whole ---- */

static si_result lay_out(job *j, const si_font_data *fonts) {
    SI_TRY(check_style(j));
    SI_TRY(shape_all(j, fonts));
    j->how = (si_lines_how){.text = j->text,
        .faces = &j->faces,
        .paragraphs = j->paragraphs,
        .region = &j->region,
        .point = (j->style->dpi > 0 ? j->style->dpi : 72) / 72,
        .fit = 1,
        .wrap = j->style->wrap,
        .diag = j->diag};
    j->angle = j->style->angle + (j->text->vertical ? 90 : 0);
    si_result result = j->style->path != NULL ? si_text_follow(&j->how, j->style, &j->lines, j->box)
                                              : lay_out_lines(j);
    for (int i = 0; i < 2 && result == SI_OK; i++) {
        if (!(j->box[i + 2] - j->box[i] <= MAX_SIDE && fabs(j->box[i]) < 1e7)) {
            result =
                si_fail(j->diag, SI_ERR_LIMIT, "text: its layer is beyond %d pixels", MAX_SIDE);
        }
    }
    return result;
}

static void measure(const job *j, si_text_metrics *m) {
    *m = (si_text_metrics){.width = (int)(j->box[2] - j->box[0]),
        .height = (int)(j->box[3] - j->box[1]),
        .lines = (int)j->lines.row_count,
        .clipped = j->lines.clipped};
    m->has_origin = j->style->width <= 0;
    m->origin[0] = m->has_origin ? -j->box[0] : 0;
    m->origin[1] = m->has_origin ? -j->box[1] : 0;
    if (j->lines.row_count > 0 && j->angle == 0) {
        m->baseline = j->lines.rows[0].baseline + j->to_layer.y0 - j->box[1];
    }
    if (j->style->path != NULL) {
        m->lines = j->lines.glyph_count > 0;
    }
    m->scale = j->how.fit * j->how.point * 72 / (j->style->dpi > 0 ? j->style->dpi : 72);
}

static si_result draw(const job *j, const si_text_window *w, si_image *out) {
    double sx = w->scale[0], sy = w->scale[1];
    double width = j->box[2] - j->box[0], height = j->box[3] - j->box[1];
    int size[2] = {w->width, w->height}, left = w->left, top = w->top;
    if (!(sx > 0 && sy > 0 && sx < 1e6 && sy < 1e6)) {
        return si_fail(j->diag, SI_ERR_RANGE, "text: scale out of range");
    }
    if (size[0] <= 0 || size[1] <= 0) {
        double whole[2] = {floor(width * sx + 0.5), floor(height * sy + 0.5)};
        left = top = 0;
        size[0] = (int)fmin(1e6, fmax(1, whole[0]));
        size[1] = (int)fmin(1e6, fmax(1, whole[1]));
    }
    if (size[0] > MAX_CAIRO_SIDE || size[1] > MAX_CAIRO_SIDE ||
        (int64_t)size[0] * size[1] > MAX_PIXELS) {
        return si_fail(j->diag, SI_ERR_LIMIT, "text: too many pixels");
    }
    SI_TRY(si_image_alloc(out, size[0], size[1], 4, j->diag));
    si_result result = SI_OK;
    const si_affine *m = &j->to_layer;
    si_affine to_pixels = {m->xx * sx, m->xy * sx, m->yx * sy, m->yy * sy,
        (m->x0 - j->box[0]) * sx - left, (m->y0 - j->box[1]) * sy - top};
    double clip[4] = {fmax(0, -left), fmax(0, -top), fmin(size[0], width * sx - left),
        fmin(size[1], height * sy - top)};
    if (clip[0] < clip[2] && clip[1] < clip[3]) {
        result = si_text_draw(&j->how, &j->lines, &to_pixels, clip, j->style->aa, out);
    }
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}

static void release(job *j) {
    si_lines_free(&j->lines);
    si_region_free(&j->region);
    for (size_t i = 0; j->paragraphs != NULL && i < j->text->paragraph_count; i++) {
        si_shaped_free(&j->paragraphs[i]);
    }
    free(j->paragraphs);
    si_faces_close(&j->faces);
}

/* text= knows no paths and no angle. */
static si_text_style style_for(const si_richtext *text, const si_text_style *style) {
    si_text_style s = *style;
    if (text->mode == SI_TEXT_NORM) {
        s.path = s.flow = s.flow_out = NULL;
        s.angle = 0;
    } else {
        s.wrap = SI_TEXT_WRAP;
        s.fit = SI_TEXT_FIXED_RES;
    }
    return s;
}

si_result si_text_measure(const si_richtext *text, const si_text_style *style,
    const si_font_data *fonts, si_text_metrics *out, si_diag *diag) {
    si_text_style own = style_for(text, style);
    job j = {.text = text, .style = &own, .diag = diag, .to_layer = SI_AFFINE_IDENTITY};
    si_result result = lay_out(&j, fonts);
    if (result == SI_OK) {
        measure(&j, out);
    }
    release(&j);
    return result;
}

si_result si_text_render(const si_richtext *text, const si_text_style *style,
    const si_font_data *fonts, const si_text_window *window, si_image *out,
    si_text_metrics *metrics, si_diag *diag) {
    si_text_style own = style_for(text, style);
    job j = {.text = text, .style = &own, .diag = diag, .to_layer = SI_AFFINE_IDENTITY};
    *out = (si_image){0};
    si_result result = lay_out(&j, fonts);
    result = result == SI_OK ? draw(&j, window, out) : result;
    if (result == SI_OK && metrics != NULL) {
        measure(&j, metrics);
    }
    release(&j);
    return result;
}
