#include "render/text/text_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Photoshop's automatic leading: from one baseline to the next, em. */
static const double LEADING = 1.2;

/* Widths are sums of many parts: what is over by less than this, pixels, still fits. */
static const double SLACK = 1e-3;

static const double RIGHT_ANGLE = 1.57079632679489661923;

enum { MAX_ROWS = 20000 };

/* ---- growing arrays ---- */

static bool grow(void **array, size_t *room, size_t count, size_t size) {
    if (count < *room) {
        return true;
    }
    size_t more = *room < 32 ? 64 : *room * 2;
    void *p = realloc(*array, more * size);
    if (p == NULL) {
        return false;
    }
    *array = p;
    *room = more;
    return true;
}

static si_result out_of_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

/* ---- breaking ---- */

/* What characters of one row need, pixels. */
typedef struct extent {
    double ascent, descent, height; /* above and below the baseline; from one line to the next */
} extent;

typedef struct breaker {
    const si_lines_how *how;
    si_lines *out;
    double cursor; /* text=: where the next row begins; textPs=: the last baseline */
    double gap;    /* space to be left before the next row */
    bool full;     /* no more rows */
} breaker;

static void extend(const si_lines_how *how, const si_richtext_format *f, extent *e) {
    const si_face *face = &how->faces->list[f->font];
    double em = f->size * f->scale_y * how->point * how->fit;
    double rise = how->text->mode == SI_TEXT_NORM ? f->rise * how->point * how->fit : 0;
    e->ascent = fmax(e->ascent, face->ascent * em + rise);
    e->descent = fmax(e->descent, face->descent * em - rise);
    e->height = fmax(e->height, how->text->mode == SI_TEXT_PS ? LEADING * em : face->height * em);
    if (how->text->mode == SI_TEXT_NORM) {
        e->height = fmax(e->height, e->ascent + e->descent);
    }
}

static extent extent_of(const si_lines_how *how, size_t paragraph, size_t from, size_t to) {
    extent e = {0};
    const si_shaped *s = &how->paragraphs[paragraph];
    if (from >= to) {
        extend(how, &how->text->paragraphs[paragraph].mark, &e);
    }
    for (size_t i = from; i < to; i++) {
        if (i == from || s->chars[i].run != s->chars[i - 1].run) {
            extend(how, &how->text->runs[s->chars[i].run].format, &e);
        }
    }
    return e;
}

/* Where a row of this extent comes to lie. */
static si_row row_of(const breaker *b, const si_richtext_paragraph *p, const extent *e) {
    double point = b->how->point, height = e->height, extra = 0;
    if (p->multiple && p->spacing != 0) {
        height *= fabs(p->spacing);
    } else if (p->spacing != 0) {
        double wanted = fabs(p->spacing) * point;
        height = p->spacing < 0 ? wanted : fmax(height, wanted);
        extra = height - e->height;
    }
    if (b->how->text->mode == SI_TEXT_PS) {
        double baseline =
            b->out->row_count == 0 ? b->cursor + e->ascent : b->cursor + b->gap + height;
        return (si_row){baseline - e->ascent, baseline, baseline + e->descent};
    }
    double top = b->cursor + b->gap;
    return (si_row){top, top + extra + e->ascent, top + height};
}

/* The longest part of a paragraph from `from` that fits in `room` pixels; `from` if nothing does.
 */
static size_t fit_words(const si_lines_how *how, const si_shaped *s, size_t from, double room) {
    double factor = how->point * how->fit, width = 0, visible = 0;
    size_t best = from;
    for (size_t i = from; i < s->count; i++) {
        const si_char *c = &s->chars[i];
        if (i > from && c->break_before) {
            bool soft = s->chars[i - 1].c == 0xad;
            double hyphen =
                soft ? si_shape_hyphen(how->text, how->faces, &s->chars[i - 1]) * factor : 0;
            best = visible + hyphen <= room + SLACK ? i : best;
        }
        if (c->c == 0x2028) {
            return i + 1;
        }
        width += c->advance * factor;
        visible = c->white ? visible : width;
        if (visible > room + SLACK) {
            return best;
        }
    }
    return s->count;
}

/* The same by characters, but at least one: a word that is too long for any line. */
static size_t fit_characters(
    const si_lines_how *how, const si_shaped *s, size_t from, double room) {
    double factor = how->point * how->fit, width = 0;
    size_t i = from;
    for (; i < s->count; i++) {
        width += s->chars[i].advance * factor;
        /* a character without width of its own belongs to the one before it */
        if (i > from && width > room + SLACK && s->chars[i].advance > 0) {
            break;
        }
    }
    return i;
}

/* To the next place where a line may end, however wide that is. */
static size_t fit_one_word(const si_shaped *s, size_t from) {
    size_t i = from + 1;
    while (i < s->count && !s->chars[i].break_before && s->chars[i - 1].c != 0x2028) {
        i++;
    }
    return i;
}

static si_result add_segment(breaker *b, const si_segment *segment) {
    si_lines *o = b->out;
    if (!grow((void **)&o->segments, &o->segment_room, o->segment_count, sizeof *o->segments)) {
        return out_of_memory(b->how->diag);
    }
    o->segments[o->segment_count++] = *segment;
    return SI_OK;
}

/* Fills the intervals of a row with what fits; *next moves behind it. Returns false in *placed if
 * nothing fitted. */
static si_result fill_row(breaker *b, size_t paragraph, const si_row *row, size_t *next) {
    const si_lines_how *how = b->how;
    const si_richtext_paragraph *p = &how->text->paragraphs[paragraph];
    const si_shaped *s = &how->paragraphs[paragraph];
    double x[SI_REGION_MAX_INTERVALS][2];
    size_t n = si_region_intervals(how->region, row->top, row->bottom, x);
    bool first = *next == 0, shape = how->region->scanlines != NULL;
    for (size_t i = 0; i < n && (*next < s->count || (first && s->count == 0)); i++) {
        double from = x[i][0] + (i == 0 ? (p->left + (first ? p->first : 0)) * how->point : 0);
        double to = x[i][1] - (i + 1 == n ? p->right * how->point : 0);
        bool wraps = how->wrap != SI_TEXT_NO_WRAP && isfinite(to);
        size_t end = fit_words(how, s, *next, wraps ? to - from : INFINITY);
        b->out->forced |= !wraps && fit_words(how, s, *next, to - from) < end;
        if (end == *next && s->count > 0 && !shape) {
            end = how->wrap == SI_TEXT_WRAP ? fit_characters(how, s, *next, to - from)
                                            : fit_one_word(s, *next);
            b->out->forced = true;
        }
        if (end == *next && s->count > 0) {
            continue;
        }
        si_segment segment = {.paragraph = paragraph, .from = *next, .to = end, .x = {from, to}};
        segment.last = end == s->count || s->chars[end - 1].c == 0x2028;
        segment.row = b->out->row_count;
        SI_TRY(add_segment(b, &segment));
        *next = end;
        if (segment.last) {
            break;
        }
    }
    return SI_OK;
}

/* Takes back what was put into the row that is being filled. */
static void empty_row(breaker *b, size_t segments, size_t *next, size_t from) {
    b->out->segment_count = segments;
    *next = from;
}

/* True if the region has no place for this row. */
static bool beyond(const breaker *b, const si_row *row) {
    double height = b->how->region->height;
    if (b->how->max_rows > 0 && b->out->row_count >= (size_t)b->how->max_rows) {
        return true;
    }
    return b->how->text->mode == SI_TEXT_PS ? row->bottom > height + SLACK
                                            : row->top > height - SLACK;
}

/* One row: tries the height of its first characters, then that of all that came to stand in it. In
 * a shape, goes down until something fits. */
static si_result break_row(breaker *b, size_t paragraph, size_t *next) {
    const si_richtext_paragraph *p = &b->how->text->paragraphs[paragraph];
    const si_shaped *s = &b->how->paragraphs[paragraph];
    size_t from = *next, segments = b->out->segment_count;
    extent e = extent_of(b->how, paragraph, from, from < s->count ? from + 1 : from);
    for (;;) {
        si_row row = row_of(b, p, &e);
        if (beyond(b, &row)) {
            b->full = b->out->clipped = true;
            return SI_OK;
        }
        SI_TRY(fill_row(b, paragraph, &row, next));
        if (*next == from && b->out->segment_count == segments) {
            b->cursor += fmax(fmax(e.height / 8, b->how->region->height / 2000), 0.25);
            continue;
        }
        extent all = extent_of(b->how, paragraph, from, *next);
        if (all.ascent > e.ascent || all.descent > e.descent || all.height > e.height) {
            empty_row(b, segments, next, from);
            e.ascent = fmax(e.ascent, all.ascent);
            e.descent = fmax(e.descent, all.descent);
            e.height = fmax(e.height, all.height);
            continue;
        }
        if (!grow((void **)&b->out->rows, &b->out->row_room, b->out->row_count,
                sizeof *b->out->rows)) {
            return out_of_memory(b->how->diag);
        }
        b->out->rows[b->out->row_count++] = row;
        b->cursor = b->how->text->mode == SI_TEXT_PS ? row.baseline : row.bottom;
        b->gap = 0;
        b->full = b->out->row_count >= MAX_ROWS;
        return SI_OK;
    }
}

si_result si_lines_break(const si_lines_how *how, si_lines *out) {
    breaker b = {.how = how, .out = out};
    const si_richtext *t = how->text;
    bool ps = t->mode == SI_TEXT_PS;
    if (t->font_count == 0) {
        return SI_OK;
    }
    for (size_t i = 0; i < t->paragraph_count && !b.full; i++) {
        b.gap += t->paragraphs[i].before * how->point; /* row_of leaves out the first of textPs= */
        size_t next = 0;
        do {
            SI_TRY(break_row(&b, i, &next));
        } while (next < how->paragraphs[i].count && !b.full);
        b.gap += t->paragraphs[i].after * how->point;
    }
    if (out->row_count > 0) {
        out->height = out->rows[out->row_count - 1].bottom + (ps ? 0 : b.gap);
        out->clipped = out->clipped || out->height > how->region->height + SLACK;
    }
    return SI_OK;
}

/* ---- placing ---- */

/* Stretches of a row from left to right. */
typedef struct piece {
    size_t from, to;
    uint8_t level;
} piece;

static size_t split_pieces(const si_shaped *s, size_t from, size_t to, piece *pieces) {
    size_t n = 0;
    while (from < to) {
        size_t end = si_shape_piece_end(s, from, to);
        pieces[n++] = (piece){from, end, s->chars[from].level};
        from = end;
    }
    return n;
}

/* Rule L2 of the Unicode bidirectional algorithm. */
static void reorder(piece *p, size_t n) {
    uint8_t most = 0;
    for (size_t i = 0; i < n; i++) {
        most = p[i].level > most ? p[i].level : most;
    }
    for (uint8_t level = most; level > 0; level--) {
        for (size_t i = 0; i < n;) {
            size_t end = i;
            while (end < n && p[end].level >= level) {
                end++;
            }
            for (size_t a = i, z = end; a + 1 < z; a++, z--) {
                piece swap = p[a];
                p[a] = p[z - 1];
                p[z - 1] = swap;
            }
            i = end > i ? end : i + 1;
        }
    }
}

static si_result add_glyph(const si_lines_how *how, si_lines *lines, const si_glyph *g) {
    if (!grow((void **)&lines->glyphs, &lines->glyph_room, lines->glyph_count,
            sizeof *lines->glyphs)) {
        return out_of_memory(how->diag);
    }
    lines->glyphs[lines->glyph_count++] = *g;
    return SI_OK;
}

si_result si_lines_add_underline(
    const si_lines_how *how, si_lines *lines, const si_underline *underline) {
    if (!grow((void **)&lines->underlines, &lines->underline_room, lines->underline_count,
            sizeof *lines->underlines)) {
        return out_of_memory(how->diag);
    }
    lines->underlines[lines->underline_count++] = *underline;
    return SI_OK;
}

/* Underlines what stands from x0 to x1 on the baseline y 0. */
static si_result underline(
    const si_lines_how *how, si_lines *lines, const si_char *c, double x0, double x1, bool blank) {
    const si_richtext_format *f = &how->text->runs[c->run].format;
    if (f->underline == SI_TEXT_UL_NONE || (blank && f->underline == SI_TEXT_UL_WORD)) {
        return SI_OK;
    }
    double em = f->size * how->point * how->fit;
    double y = -f->rise * how->point * how->fit;
    si_underline *before = lines->underline_count > lines->underline_first
                               ? &lines->underlines[lines->underline_count - 1]
                               : NULL;
    if (before != NULL && before->run == c->run && before->y == y &&
        fabs(before->x + before->width - x0) < 1e-6) {
        before->width += x1 - x0;
        return SI_OK;
    }
    return si_lines_add_underline(how, lines, &(si_underline){c->run, x0, y, x1 - x0, em, 0});
}

/* Adds the glyphs in the buffer, from *x on. */
static si_result place_piece(const si_lines_how *how, si_lines *lines, const si_shaped *s,
    hb_buffer_t *buffer, double space_extra, double *x) {
    unsigned n;
    const hb_glyph_info_t *info = hb_buffer_get_glyph_infos(buffer, &n);
    const hb_glyph_position_t *pos = hb_buffer_get_glyph_positions(buffer, &n);
    for (unsigned i = 0; i < n; i++) {
        const si_char *c = &s->chars[info[i].cluster];
        const si_richtext_format *f = &how->text->runs[c->run].format;
        const si_face *face = &how->faces->list[f->font];
        double unit = face->unit, factor = how->point * how->fit;
        si_glyph g = {.run = c->run, .id = info[i].codepoint, .cluster = info[i].cluster};
        si_shape_em(f, c->small, g.em);
        g.em[0] *= factor;
        g.em[1] *= factor;
        g.advance = si_shape_advance(face, pos[i].x_advance) * g.em[0];
        if (i + 1 == n || info[i + 1].cluster != info[i].cluster) {
            g.advance += f->expand * factor + (c->space ? space_extra : 0);
        }
        g.x = *x + pos[i].x_offset * unit * g.em[0];
        g.y = -(si_shape_rise(f) * factor + pos[i].y_offset * unit * g.em[1]);
        si_result result = add_glyph(how, lines, &g);
        if (result == SI_OK && g.advance > 0) {
            result = underline(how, lines, c, *x, *x + g.advance, c->space);
        }
        SI_TRY(result);
        *x += g.advance;
    }
    return SI_OK;
}

/* The hyphen of a word that a soft hyphen broke. */
static si_result place_hyphen(
    const si_lines_how *how, si_lines *lines, const si_shaped *s, size_t at, double *x) {
    const si_char *c = &s->chars[at];
    const si_richtext_format *f = &how->text->runs[c->run].format;
    hb_codepoint_t glyph;
    if (!hb_font_get_nominal_glyph(how->faces->list[f->font].hb, '-', &glyph)) {
        return SI_OK;
    }
    double factor = how->point * how->fit;
    si_glyph g = {.run = c->run, .id = glyph, .cluster = (uint32_t)at, .x = *x};
    si_shape_em(f, c->small, g.em);
    g.em[0] *= factor;
    g.em[1] *= factor;
    g.y = -si_shape_rise(f) * factor;
    g.advance = si_shape_hyphen(how->text, how->faces, c) * factor;
    *x += g.advance;
    return add_glyph(how, lines, &g);
}

si_result si_lines_place_run(const si_lines_how *how, si_lines *lines, size_t paragraph,
    size_t from, size_t to, double space_extra, double *width) {
    const si_shaped *s = &how->paragraphs[paragraph];
    *width = 0;
    lines->underline_first = lines->underline_count;
    if (from >= to) {
        return SI_OK;
    }
    piece *pieces = malloc((to - from) * sizeof *pieces);
    hb_buffer_t *buffer = hb_buffer_create();
    si_result result = pieces != NULL ? SI_OK : out_of_memory(how->diag);
    size_t n = result == SI_OK ? split_pieces(s, from, to, pieces) : 0;
    reorder(pieces, n);
    for (size_t i = 0; i < n && result == SI_OK; i++) {
        result = si_shape_piece(how->text, s, how->faces, pieces[i].from, pieces[i].to, buffer)
                     ? place_piece(how, lines, s, buffer, space_extra, width)
                     : out_of_memory(how->diag);
    }
    if (result == SI_OK && to < s->count && s->chars[to - 1].c == 0xad) {
        result = place_hyphen(how, lines, s, to - 1, width);
    }
    hb_buffer_destroy(buffer);
    free(pieces);
    return result;
}

/* End of what is seen of a segment. */
static size_t visible_end(const si_shaped *s, const si_segment *g) {
    size_t to = g->to;
    while (to > g->from && s->chars[to - 1].white) {
        to--;
    }
    return to;
}

/* Where a segment of this width begins. */
static double start_of(const si_segment *g, si_richtext_align align, double width) {
    if (!isfinite(g->x[1])) {
        return align == SI_TEXT_CENTER  ? g->x[0] - width / 2
               : align == SI_TEXT_RIGHT ? g->x[0] - width
                                        : g->x[0];
    }
    double room = g->x[1] - g->x[0] - width;
    return g->x[0] + (align == SI_TEXT_CENTER ? room / 2 : align == SI_TEXT_RIGHT ? room : 0);
}

/* What each blank of a justified segment gains. */
static double space_extra_of(
    const si_lines_how *how, const si_shaped *s, const si_segment *g, size_t to) {
    size_t spaces = 0;
    double width = 0;
    for (size_t i = g->from; i < to; i++) {
        spaces += s->chars[i].space;
        width += s->chars[i].advance * how->point * how->fit;
    }
    double room = g->x[1] - g->x[0] - width;
    return spaces > 0 && isfinite(room) && room > 0 ? room / (double)spaces : 0;
}

/* Ideographs and kana stand upright in vertical text. */
static bool stands_upright(hb_script_t script) {
    return script == HB_SCRIPT_HAN || script == HB_SCRIPT_HIRAGANA ||
           script == HB_SCRIPT_KATAKANA || script == HB_SCRIPT_HANGUL ||
           script == HB_SCRIPT_BOPOMOFO;
}

/* Turns the characters of a segment that stand upright back about the middle of their cells. */
static void turn_upright(const si_lines_how *how, si_lines *lines, const si_segment *s) {
    for (size_t i = s->glyph; i < s->glyph + s->glyph_count; i++) {
        si_glyph *g = &lines->glyphs[i];
        if (!stands_upright(how->paragraphs[s->paragraph].chars[g->cluster].script)) {
            continue;
        }
        const si_face *face = &how->faces->list[how->text->runs[g->run].format.font];
        double half = g->advance / 2, middle = (face->ascent - face->descent) / 2 * g->em[1];
        g->x += half + middle;
        g->y += half - middle;
        g->turn = -RIGHT_ANGLE;
    }
}

static si_result place_segment(const si_lines_how *how, si_lines *lines, si_segment *g) {
    const si_richtext_paragraph *p = &how->text->paragraphs[g->paragraph];
    const si_shaped *s = &how->paragraphs[g->paragraph];
    si_richtext_align align = g->last && p->align == SI_TEXT_JUSTIFY ? p->last : p->align;
    size_t to = visible_end(s, g);
    double extra = align == SI_TEXT_JUSTIFY ? space_extra_of(how, s, g, to) : 0, width;
    g->glyph = lines->glyph_count;
    g->underline = lines->underline_count;
    si_result result = si_lines_place_run(how, lines, g->paragraph, g->from, to, extra, &width);
    g->glyph_count = lines->glyph_count - g->glyph;
    g->underline_count = lines->underline_count - g->underline;
    if (how->text->vertical) {
        turn_upright(how, lines, g);
    }
    si_lines_shift(lines, g, start_of(g, align, width), lines->rows[g->row].baseline);
    g->x[0] = start_of(g, align, width);
    g->x[1] = g->x[0] + width;
    return result;
}

si_result si_lines_place(const si_lines_how *how, si_lines *lines) {
    si_result result = SI_OK;
    for (size_t i = 0; i < lines->segment_count && result == SI_OK; i++) {
        result = place_segment(how, lines, &lines->segments[i]);
    }
    return result;
}

bool si_lines_ink(
    const si_lines_how *how, const si_lines *lines, const si_segment *s, double box[4]) {
    bool any = false;
    for (size_t i = s->glyph; i < s->glyph + s->glyph_count; i++) {
        const si_glyph *g = &lines->glyphs[i];
        double ink[4];
        if (!si_face_ink(&how->faces->list[how->text->runs[g->run].format.font], g->id, ink)) {
            continue;
        }
        double x0 = g->x + ink[0] * g->em[0], x1 = g->x + ink[2] * g->em[0];
        double y0 = g->y - ink[3] * g->em[1], y1 = g->y - ink[1] * g->em[1];
        box[0] = any ? fmin(box[0], x0) : x0;
        box[1] = any ? fmin(box[1], y0) : y0;
        box[2] = any ? fmax(box[2], x1) : x1;
        box[3] = any ? fmax(box[3], y1) : y1;
        any = true;
    }
    return any;
}

void si_lines_shift(si_lines *lines, const si_segment *s, double x, double y) {
    for (size_t i = s->glyph; i < s->glyph + s->glyph_count; i++) {
        lines->glyphs[i].x += x;
        lines->glyphs[i].y += y;
    }
    for (size_t i = s->underline; i < s->underline + s->underline_count; i++) {
        lines->underlines[i].x += x;
        lines->underlines[i].y += y;
    }
}

void si_lines_free(si_lines *lines) {
    free(lines->rows);
    free(lines->segments);
    free(lines->glyphs);
    free(lines->underlines);
    *lines = (si_lines){0};
}
