#include "render/text/text_draw.h"

#include <cairo.h>
#include <math.h>

#include FT_OUTLINE_H

/* cairo counts in 24.8 fixed point; what is farther out than this, pixels, is not seen anyway. */
static const double FARTHEST = 4e6;

/* How hard edges are with the anti-aliasing modes of textPs=: factor on the distance of coverage
 * from one half; and by which power `strong` fills what is not covered. */
static const double CRISP = 1.25, SHARP = 1.75, STRONG = 1.4;

enum { MAX_DASHES = 2000 }; /* of one stretch of underline */

typedef struct pen {
    cairo_t *cr;
    si_affine m; /* from the outline's 26.6 units (y up) to image pixels */
} pen;

static void to_image(const pen *p, double x, double y, double out[2]) {
    out[0] = fmax(-FARTHEST, fmin(FARTHEST, p->m.xx * x + p->m.xy * y + p->m.x0));
    out[1] = fmax(-FARTHEST, fmin(FARTHEST, p->m.yx * x + p->m.yy * y + p->m.y0));
}

static int move_to(const FT_Vector *to, void *context) {
    pen *p = context;
    double a[2];
    to_image(p, (double)to->x, (double)to->y, a);
    cairo_close_path(p->cr);
    cairo_move_to(p->cr, a[0], a[1]);
    return 0;
}

static int line_to(const FT_Vector *to, void *context) {
    pen *p = context;
    double a[2];
    to_image(p, (double)to->x, (double)to->y, a);
    cairo_line_to(p->cr, a[0], a[1]);
    return 0;
}

static int conic_to(const FT_Vector *control, const FT_Vector *to, void *context) {
    pen *p = context;
    double c[2], a[2], x = 0, y = 0;
    to_image(p, (double)control->x, (double)control->y, c);
    to_image(p, (double)to->x, (double)to->y, a);
    cairo_get_current_point(p->cr, &x, &y);
    cairo_curve_to(p->cr, x + (c[0] - x) * 2 / 3, y + (c[1] - y) * 2 / 3,
        a[0] + (c[0] - a[0]) * 2 / 3, a[1] + (c[1] - a[1]) * 2 / 3, a[0], a[1]);
    return 0;
}

static int cubic_to(
    const FT_Vector *first, const FT_Vector *second, const FT_Vector *to, void *context) {
    pen *p = context;
    double a[2], b[2], c[2];
    to_image(p, (double)first->x, (double)first->y, a);
    to_image(p, (double)second->x, (double)second->y, b);
    to_image(p, (double)to->x, (double)to->y, c);
    cairo_curve_to(p->cr, a[0], a[1], b[0], b[1], c[0], c[1]);
    return 0;
}

/* What takes a frame at x, y turned by `turn`, with axes scaled by sx and sy, to the image. */
static si_affine frame(
    const si_affine *to_pixels, double x, double y, double turn, double sx, double sy) {
    double c = cos(turn), s = sin(turn);
    const si_affine *t = to_pixels;
    return (si_affine){
        .xx = (t->xx * c + t->xy * s) * sx,
        .xy = (t->xy * c - t->xx * s) * sy,
        .yx = (t->yx * c + t->yy * s) * sx,
        .yy = (t->yy * c - t->yx * s) * sy,
        .x0 = t->xx * x + t->xy * y + t->x0,
        .y0 = t->yx * x + t->yy * y + t->y0,
    };
}

/* True if the glyph's ink may be seen. */
static bool in_sight(const pen *p, FT_Outline *o, const double clip[4]) {
    FT_BBox b;
    FT_Outline_Get_CBox(o, &b);
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        double a[2];
        to_image(p, (double)(i & 1 ? b.xMax : b.xMin), (double)(i & 2 ? b.yMax : b.yMin), a);
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], a[k]);
            high[k] = fmax(high[k], a[k]);
        }
    }
    return high[0] >= clip[0] && low[0] <= clip[2] && high[1] >= clip[1] && low[1] <= clip[3];
}

static void add_glyph(const si_lines_how *how, const si_glyph *g, const si_affine *to_pixels,
    const double clip[4], cairo_t *cr) {
    static const FT_Outline_Funcs funcs = {move_to, line_to, conic_to, cubic_to, 0, 0};
    const si_face *face = &how->faces->list[how->text->runs[g->run].format.font];
    FT_Outline *o = si_face_outline(face, g->id);
    if (o == NULL) {
        return;
    }
    pen p = {
        cr, frame(to_pixels, g->x, g->y, g->turn, g->em[0] * face->unit, -g->em[1] * face->unit)};
    if (in_sight(&p, o, clip)) {
        FT_Outline_Decompose(o, &funcs, &p);
        cairo_close_path(cr);
    }
}

/* ---- underlines ---- */

/* A rectangle along the underline. */
static void add_bar(const pen *p, double x0, double y0, double x1, double y1) {
    double c[4][2];
    to_image(p, x0, y0, c[0]);
    to_image(p, x1, y0, c[1]);
    to_image(p, x1, y1, c[2]);
    to_image(p, x0, y1, c[3]);
    cairo_move_to(p->cr, c[0][0], c[0][1]);
    for (int i = 1; i < 4; i++) {
        cairo_line_to(p->cr, c[i][0], c[i][1]);
    }
    cairo_close_path(p->cr);
}

static void add_dashes(const pen *p, double width, double y, double t, double dash, double gap) {
    if (width > MAX_DASHES * (dash + gap)) {
        gap = 0;
        dash = width;
    }
    for (double x = 0; x < width; x += dash + gap) {
        add_bar(p, x, y - t / 2, fmin(width, x + dash), y + t / 2);
    }
}

/* A zigzag, its corners a line's width above and below. */
static void add_wave(const pen *p, double width, double y, double t) {
    double step = fmax(2 * t, width / MAX_DASHES);
    size_t n = (size_t)fmax(1, ceil(width / step));
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i <= n; i++) {
            size_t k = pass == 0 ? i : n - i;
            double a[2], side = k % 2 == 0 ? -t : t;
            to_image(p, fmin(width, (double)k * step), y + side + (pass == 0 ? -t / 2 : t / 2), a);
            if (pass == 0 && i == 0) {
                cairo_move_to(p->cr, a[0], a[1]);
            } else {
                cairo_line_to(p->cr, a[0], a[1]);
            }
        }
    }
    cairo_close_path(p->cr);
}

static void add_underline(
    const si_lines_how *how, const si_underline *r, const si_affine *to_pixels, cairo_t *cr) {
    const si_richtext_format *f = &how->text->runs[r->run].format;
    const si_face *face = &how->faces->list[f->font];
    pen p = {cr, frame(to_pixels, r->x, r->y, r->turn, 1, 1)};
    double y = face->line_y * r->em, t = face->line_width * r->em;
    switch (f->underline) {
    case SI_TEXT_UL_NONE:
        break;
    case SI_TEXT_UL_SINGLE:
    case SI_TEXT_UL_WORD:
        add_bar(&p, 0, y - t / 2, r->width, y + t / 2);
        break;
    case SI_TEXT_UL_DOUBLE:
        add_bar(&p, 0, y - t / 2, r->width, y + t / 2);
        add_bar(&p, 0, y + t * 3 / 2, r->width, y + t * 5 / 2);
        break;
    case SI_TEXT_UL_THICK:
        add_bar(&p, 0, y - t / 2, r->width, y + t * 3 / 2);
        break;
    case SI_TEXT_UL_DOTTED:
        add_dashes(&p, r->width, y, t, t, t);
        break;
    case SI_TEXT_UL_DASHED:
        add_dashes(&p, r->width, y, t, 4 * t, 2 * t);
        break;
    case SI_TEXT_UL_WAVE:
        add_wave(&p, r->width, y + t, t);
        break;
    }
}

/* ---- the picture ---- */

static void fill_with(cairo_t *cr, const si_color *color) {
    uint32_t rgb = si_color_rgb(color);
    cairo_set_source_rgba(
        cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, color->alpha);
    cairo_fill(cr);
}

/* Fills what follows one another in one run at once: shapes that overlap show no seams. */
static void draw(const si_lines_how *how, const si_lines *lines, const si_affine *to_pixels,
    const double clip[4], cairo_t *cr) {
    const si_richtext_run *runs = how->text->runs;
    cairo_new_path(cr);
    for (size_t i = 0; i < lines->underline_count; i++) {
        add_underline(how, &lines->underlines[i], to_pixels, cr);
        fill_with(cr, &runs[lines->underlines[i].run].format.color);
    }
    for (size_t i = 0; i < lines->glyph_count; i++) {
        add_glyph(how, &lines->glyphs[i], to_pixels, clip, cr);
        if (i + 1 == lines->glyph_count || lines->glyphs[i + 1].run != lines->glyphs[i].run) {
            fill_with(cr, &runs[lines->glyphs[i].run].format.color);
        }
    }
}

static uint8_t harden(int a, si_text_aa aa) {
    double v = a / 255.0;
    v = aa == SI_TEXT_AA_STRONG  ? 1 - pow(1 - v, STRONG)
        : aa == SI_TEXT_AA_CRISP ? 0.5 + (v - 0.5) * CRISP
        : aa == SI_TEXT_AA_SHARP ? 0.5 + (v - 0.5) * SHARP
                                 : v;
    return (uint8_t)floor(fmax(0, fmin(1, v)) * 255 + 0.5);
}

/* From cairo's premultiplied native words to straight RGBA, in place of nothing: `out` is another
 * image of the same size. */
static void unpremultiply(const uint8_t *from, size_t stride, si_text_aa aa, si_image *out) {
    uint8_t alpha[256];
    for (int i = 0; i < 256; i++) {
        alpha[i] = harden(i, aa);
    }
    for (int y = 0; y < out->height; y++) {
        const uint32_t *in = (const uint32_t *)(const void *)(from + (size_t)y * stride);
        uint8_t *to = out->pixels + (size_t)y * out->stride;
        for (int x = 0; x < out->width; x++, to += 4) {
            uint32_t p = in[x], a = p >> 24;
            if (a == 0) {
                continue;
            }
            for (int i = 0; i < 3; i++) {
                uint32_t c = p >> (16 - 8 * i) & 255;
                to[i] = (uint8_t)((c * 255 + a / 2) / a);
            }
            to[3] = alpha[a];
        }
    }
}

si_result si_text_draw(const si_lines_how *how, const si_lines *lines, const si_affine *to_pixels,
    const double clip[4], si_text_aa aa, si_image *out) {
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, out->width, out->height);
    cairo_t *cr = cairo_create(surface);
    cairo_set_antialias(cr, aa == SI_TEXT_AA_OFF ? CAIRO_ANTIALIAS_NONE : CAIRO_ANTIALIAS_GRAY);
    cairo_rectangle(cr, clip[0], clip[1], clip[2] - clip[0], clip[3] - clip[1]);
    cairo_clip(cr);
    draw(how, lines, to_pixels, clip, cr);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    if (status == CAIRO_STATUS_SUCCESS) {
        unpremultiply(cairo_image_surface_get_data(surface),
            (size_t)cairo_image_surface_get_stride(surface), aa, out);
    }
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS
               ? SI_OK
               : si_fail(how->diag, SI_ERR_MEMORY, "text: cannot be drawn: %s",
                     cairo_status_to_string(status));
}
