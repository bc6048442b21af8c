#include "render/text/text_path.h"

#include <math.h>

#include "render/pixel/path_fill.h"

static const double TOLERANCE = 0.05; /* pixels between a curve and its flattened form */
static const double PI = 3.14159265358979323846;

/* The baseline: the part of the path between pathAttr's start and end. */
typedef struct baseline {
    const si_polylines *lines;
    double total;      /* length of all subpaths, pixels */
    double start, end; /* of the part, pixels along the way that text runs */
    bool reverse;
} baseline;

static double length_of(const si_polyline *l) {
    return l->points[l->count - 1].length;
}

static si_result find_part(
    const si_lines_how *how, const si_text_style *style, const si_polylines *lines, baseline *b) {
    *b = (baseline){.lines = lines, .reverse = style->path_reverse};
    bool closed = lines->count > 0;
    for (size_t i = 0; i < lines->count; i++) {
        b->total += length_of(&lines->lines[i]);
        closed = closed && lines->lines[i].closed;
    }
    double start = style->path_start, end = style->path_end == 0 ? 1 : style->path_end;
    if (!(start >= 0 && start < 1 && end > start && end <= (closed ? start + 1 : 1))) {
        return si_fail(how->diag, SI_ERR_RANGE, "text: pathAttr's start or end is out of range");
    }
    b->start = start * b->total;
    b->end = end * b->total;
    return SI_OK;
}

/* Point and direction `at` pixels along the way that text runs. */
static void point_at(const baseline *b, double at, double p[2], double *direction) {
    double s = b->total > 0 ? fmod(at, b->total) : 0;
    s = at == b->total ? at : s < 0 ? s + b->total : s;
    s = b->reverse ? b->total - s : s;
    size_t i = 0;
    while (i + 1 < b->lines->count && s > length_of(&b->lines->lines[i])) {
        s -= length_of(&b->lines->lines[i++]);
    }
    si_polyline_at(&b->lines->lines[i], s, &p[0], &p[1], direction);
    *direction += b->reverse ? PI : 0;
}

/* Turns what stands at (x, y) of a straight line, `middle` being the middle of its character, onto
 * the path. */
static void bend(
    const baseline *b, double offset, double middle, double *x, double *y, double *turn) {
    double p[2];
    point_at(b, offset + middle, p, turn);
    double c = cos(*turn), s = sin(*turn), dx = *x - middle, dy = *y;
    *x = p[0] + c * dx - s * dy;
    *y = p[1] + s * dx + c * dy;
}

/* Bends the glyphs of one character, first…first + count, which begin at x. False if its middle is
 * off the path; then they are to be dropped. */
static bool bend_glyphs(
    const baseline *b, double offset, si_glyph *g, size_t count, double x, double width) {
    double middle = x + width / 2, at = offset + middle;
    if (at < b->start - 1e-6 || at > b->end + 1e-6) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bend(b, offset, middle, &g[i].x, &g[i].y, &g[i].turn);
    }
    return true;
}

/* Where along the path a line of this width begins. */
static double offset_of(const baseline *b, si_richtext_align align, double width) {
    double room = b->end - b->start - width;
    return b->start + (align == SI_TEXT_CENTER ? room / 2 : align == SI_TEXT_RIGHT ? room : 0);
}

/* The straight underlines, cut into the pieces below each character, bent. */
static si_result bend_underline(const si_lines_how *how, si_lines *lines, const baseline *b,
    double offset, const si_underline *underline, double x, double width) {
    double from = fmax(underline->x, x), to = fmin(underline->x + underline->width, x + width);
    if (to <= from) {
        return SI_OK;
    }
    si_underline r = *underline;
    r.x = from;
    r.width = to - from;
    bend(b, offset, x + width / 2, &r.x, &r.y, &r.turn);
    return si_lines_add_underline(how, lines, &r);
}

/* Bends the straight line in `lines`, glyph by glyph. */
static si_result bend_all(
    const si_lines_how *how, si_lines *lines, const baseline *b, double offset) {
    size_t kept = 0, straight = lines->underline_count, next = 0;
    double x = 0;
    si_result result = SI_OK;
    for (size_t i = 0, end; i < lines->glyph_count && result == SI_OK; i = end) {
        si_glyph *g = &lines->glyphs[i];
        double width = g->advance;
        for (end = i + 1; end < lines->glyph_count && g[end - i].cluster == g->cluster; end++) {
            width += g[end - i].advance;
        }
        if (bend_glyphs(b, offset, g, end - i, x, width)) {
            for (size_t k = i; k < end; k++) {
                lines->glyphs[kept++] = lines->glyphs[k];
            }
            while (
                next < straight && lines->underlines[next].x + lines->underlines[next].width <= x) {
                next++;
            }
            for (size_t k = next; k < straight && k < next + 2 && result == SI_OK; k++) {
                si_underline flat = lines->underlines[k];
                result = bend_underline(how, lines, b, offset, &flat, x, width);
            }
        } else {
            lines->clipped = true;
        }
        x += width;
    }
    lines->glyph_count = kept;
    for (size_t i = straight; i < lines->underline_count; i++) {
        lines->underlines[i - straight] = lines->underlines[i];
    }
    lines->underline_count -= straight;
    return result;
}

/* Whole pixels around the glyphs as they stand. */
static void box_of(const si_lines_how *how, const si_lines *lines, double box[4]) {
    double all[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < lines->glyph_count; i++) {
        const si_glyph *g = &lines->glyphs[i];
        const si_face *face = &how->faces->list[how->text->runs[g->run].format.font];
        double ink[4], c = cos(g->turn), s = sin(g->turn);
        if (!si_face_ink(face, g->id, ink)) {
            continue;
        }
        ink[1] = fmin(ink[1], -face->descent); /* underlines too */
        for (int k = 0; k < 4; k++) {
            double x = ink[k & 1 ? 2 : 0] * g->em[0], y = -ink[k & 2 ? 3 : 1] * g->em[1];
            all[0] = fmin(all[0], g->x + c * x - s * y);
            all[1] = fmin(all[1], g->y + s * x + c * y);
            all[2] = fmax(all[2], g->x + c * x - s * y);
            all[3] = fmax(all[3], g->y + s * x + c * y);
        }
    }
    bool any = all[0] <= all[2];
    box[0] = any ? floor(all[0]) : 0;
    box[1] = any ? floor(all[1]) : 0;
    box[2] = any ? fmax(box[0] + 1, ceil(all[2])) : 1;
    box[3] = any ? fmax(box[1] + 1, ceil(all[3])) : 1;
}

/* The characters before the first \par or \line. */
static size_t first_line(const si_shaped *s) {
    size_t to = 0;
    while (to < s->count && s->chars[to].c != 0x2028) {
        to++;
    }
    return to;
}

static si_result follow(const si_lines_how *how, const si_text_style *style,
    const si_polylines *path, si_lines *lines) {
    baseline b;
    double width;
    size_t to = first_line(&how->paragraphs[0]);
    si_result result = find_part(how, style, path, &b);
    if (result != SI_OK || b.total <= 0 || how->text->font_count == 0) {
        return result;
    }
    SI_TRY(si_lines_place_run(how, lines, 0, 0, to, 0, &width));
    lines->clipped = to < how->paragraphs[0].count || how->text->paragraph_count > 1;
    return bend_all(how, lines, &b, offset_of(&b, how->text->paragraphs[0].align, width));
}

si_result si_text_follow(
    const si_lines_how *how, const si_text_style *style, si_lines *lines, double box[4]) {
    si_polylines path = {0};
    si_result result = si_path_flatten(style->path, NULL, TOLERANCE, &path, how->diag);
    result = result == SI_OK ? follow(how, style, &path, lines) : result;
    if (result == SI_OK && style->width > 0 && style->height > 0) {
        box[0] = box[1] = 0;
        box[2] = ceil(style->width);
        box[3] = ceil(style->height);
    } else if (result == SI_OK) {
        box_of(how, lines, box);
    }
    si_polylines_free(&path);
    return result;
}
