#include "render/text/text_shape.h"

#include <hb-ft.h>
#include <pango/pango.h>
#include <stdlib.h>
#include <string.h>

/* Photoshop's defaults: size and shift of sub- and superscript, size of small capitals. */
static const double SCRIPT_SIZE = 0.583, SCRIPT_SHIFT = 0.333, SMALL_CAPS = 0.7;

void si_shape_em(const si_richtext_format *f, bool small, double em[2]) {
    double size =
        f->size * (f->script != SI_TEXT_BASE ? SCRIPT_SIZE : 1) * (small ? SMALL_CAPS : 1);
    em[0] = size * f->scale_x;
    em[1] = size * f->scale_y;
}

double si_shape_rise(const si_richtext_format *f) {
    double shift = f->script == SI_TEXT_SUPER ? SCRIPT_SHIFT
                   : f->script == SI_TEXT_SUB ? -SCRIPT_SHIFT
                                              : 0;
    return f->rise + shift * f->size;
}

static const si_face *face_of(const si_richtext *text, const si_faces *faces, const si_char *c) {
    return &faces->list[text->runs[c->run].format.font];
}

/* ---- the characters ---- */

static void add_char(si_shaped *s, uint32_t c, size_t run, bool small) {
    s->chars[s->count++] =
        (si_char){.c = c, .byte = (uint32_t)s->len, .run = (uint32_t)run, .small = small};
    s->len += (size_t)g_unichar_to_utf8(c, s->utf8 + s->len);
}

/* Adds a character as its format shows it. */
static void add_cased(si_shaped *s, uint32_t c, size_t run, si_richtext_caps caps) {
    if (caps == SI_TEXT_AS_IS) {
        add_char(s, c, run, false);
        return;
    }
    uint32_t upper = g_unichar_toupper(c);
    bool small = caps == SI_TEXT_SMALL_CAPS && (upper != c || c == 0xdf);
    if (c == 0xdf) { /* sharp s is two letters when capital */
        add_char(s, 'S', run, small);
        upper = 'S';
    }
    add_char(s, upper, run, small);
}

static bool read_chars(const si_richtext *text, const si_richtext_paragraph *p, si_shaped *s) {
    /* one byte of the text becomes at most two characters, one character at most six bytes */
    s->utf8 = malloc(6 * 2 * p->len + 1);
    s->chars = calloc(2 * p->len + 1, sizeof *s->chars);
    if (s->utf8 == NULL || s->chars == NULL) {
        return false;
    }
    for (size_t i = p->run; i < p->run + p->run_count; i++) {
        const si_richtext_run *run = &text->runs[i];
        const char *at = text->chars + run->start, *end = at + run->len;
        while (at < end) {
            add_cased(s, g_utf8_get_char(at), i, run->format.caps);
            at = g_utf8_next_char(at);
        }
    }
    s->utf8[s->len] = '\0';
    return true;
}

static si_richtext_dir dir_of(const si_richtext *text, const si_char *c) {
    return text->runs[c->run].format.dir;
}

/* Embedding levels. A run marked against the paragraph's direction stands isolated in it. */
static bool find_levels(const si_richtext *text, si_shaped *s) {
    si_richtext_dir base = dir_of(text, &s->chars[0]);
    PangoDirection direction = base == SI_TEXT_DIR_RTL   ? PANGO_DIRECTION_RTL
                               : base == SI_TEXT_DIR_LTR ? PANGO_DIRECTION_LTR
                                                         : PANGO_DIRECTION_WEAK_LTR;
    guint8 *levels = pango_log2vis_get_embedding_levels(s->utf8, (int)s->len, &direction);
    if (levels == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        s->chars[i].level = levels[i];
    }
    g_free(levels);
    bool rtl = direction == PANGO_DIRECTION_RTL;
    for (size_t from = 0, to; from < s->count; from = to) {
        si_richtext_dir d = dir_of(text, &s->chars[from]);
        for (to = from + 1; to < s->count && dir_of(text, &s->chars[to]) == d; to++) {
        }
        if (d == SI_TEXT_DIR_AUTO || (d == SI_TEXT_DIR_RTL) == rtl) {
            continue;
        }
        PangoDirection own = rtl ? PANGO_DIRECTION_LTR : PANGO_DIRECTION_RTL;
        size_t end = to < s->count ? s->chars[to].byte : s->len;
        levels = pango_log2vis_get_embedding_levels(
            s->utf8 + s->chars[from].byte, (int)(end - s->chars[from].byte), &own);
        for (size_t i = from; i < to && levels != NULL; i++) {
            s->chars[i].level = (uint8_t)(levels[i - from] + (rtl ? 2 : 0));
        }
        g_free(levels);
    }
    return true;
}

static void find_scripts(si_shaped *s) {
    PangoScriptIter *it = pango_script_iter_new(s->utf8, (int)s->len);
    size_t i = 0;
    do {
        const char *end;
        PangoScript script;
        pango_script_iter_get_range(it, NULL, &end, &script);
        hb_script_t tag = hb_script_from_iso15924_tag(
            (hb_tag_t)g_unicode_script_to_iso15924((GUnicodeScript)script));
        while (i < s->count && s->utf8 + s->chars[i].byte < end) {
            s->chars[i++].script = tag;
        }
    } while (pango_script_iter_next(it));
    pango_script_iter_free(it);
}

static bool find_breaks(si_shaped *s) {
    PangoLogAttr *attrs = calloc(s->count + 1, sizeof *attrs);
    if (attrs == NULL) {
        return false;
    }
    pango_get_log_attrs(
        s->utf8, (int)s->len, -1, pango_language_from_string("en"), attrs, (int)s->count + 1);
    for (size_t i = 0; i < s->count; i++) {
        si_char *c = &s->chars[i];
        c->break_before = i > 0 && attrs[i].is_line_break;
        c->space = attrs[i].is_expandable_space;
        c->white = (attrs[i].is_white && c->c != 0xa0) || c->c == 0x2028;
    }
    free(attrs);
    return true;
}

/* ---- glyphs ---- */

size_t si_shape_piece_end(const si_shaped *s, size_t from, size_t to) {
    const si_char *a = &s->chars[from];
    size_t i = from + 1;
    while (i < to && s->chars[i].run == a->run && s->chars[i].level == a->level &&
           s->chars[i].script == a->script && s->chars[i].small == a->small) {
        i++;
    }
    return i;
}

bool si_shape_piece(const si_richtext *text, const si_shaped *s, const si_faces *faces, size_t from,
    size_t to, hb_buffer_t *buffer) {
    const si_char *a = &s->chars[from];
    const si_richtext_format *f = &text->runs[a->run].format;
    hb_buffer_clear_contents(buffer);
    hb_buffer_set_content_type(buffer, HB_BUFFER_CONTENT_TYPE_UNICODE);
    for (size_t i = from; i < to; i++) {
        /* a line separator has no glyph; it must not show as a missing one */
        hb_buffer_add(buffer, s->chars[i].c == 0x2028 ? 0x200b : s->chars[i].c, (unsigned)i);
    }
    hb_buffer_set_direction(buffer, a->level % 2 != 0 ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    hb_buffer_set_script(buffer, a->script);
    hb_buffer_set_language(buffer, hb_language_from_string("en", 2));
    hb_feature_t features[3];
    unsigned count = 0;
    if (!f->kerning) {
        features[count++] = (hb_feature_t){HB_TAG('k', 'e', 'r', 'n'), 0, 0, (unsigned)-1};
    }
    if (f->expand != 0) { /* letters that are set apart do not join */
        features[count++] = (hb_feature_t){HB_TAG('l', 'i', 'g', 'a'), 0, 0, (unsigned)-1};
        features[count++] = (hb_feature_t){HB_TAG('c', 'l', 'i', 'g'), 0, 0, (unsigned)-1};
    }
    hb_shape(faces->list[f->font].hb, buffer, features, count);
    return hb_buffer_allocation_successful(buffer);
}

double si_shape_advance(const si_face *face, hb_position_t advance) {
    return advance * face->unit + (advance > 0 ? face->wider : 0);
}

/* Spreads the widths of a shaped piece over its characters. */
static void note_advances(const si_richtext *text, si_shaped *s, const si_faces *faces, size_t from,
    hb_buffer_t *buffer) {
    const si_char *a = &s->chars[from];
    const si_richtext_format *f = &text->runs[a->run].format;
    double em[2];
    si_shape_em(f, a->small, em);
    unsigned n;
    const hb_glyph_info_t *info = hb_buffer_get_glyph_infos(buffer, &n);
    const hb_glyph_position_t *pos = hb_buffer_get_glyph_positions(buffer, &n);
    for (unsigned i = 0; i < n; i++) {
        si_char *c = &s->chars[info[i].cluster];
        c->advance += si_shape_advance(&faces->list[f->font], pos[i].x_advance) * em[0];
        bool last = i + 1 == n || info[i + 1].cluster != info[i].cluster;
        c->advance += last && c->c != 0x2028 ? f->expand : 0;
    }
}

double si_shape_hyphen(const si_richtext *text, const si_faces *faces, const si_char *c) {
    const si_face *face = face_of(text, faces, c);
    hb_codepoint_t glyph;
    double em[2];
    si_shape_em(&text->runs[c->run].format, c->small, em);
    return hb_font_get_nominal_glyph(face->hb, '-', &glyph)
               ? si_shape_advance(face, hb_font_get_glyph_h_advance(face->hb, glyph)) * em[0]
               : 0;
}

si_result si_shape_paragraph(const si_richtext *text, const si_richtext_paragraph *paragraph,
    const si_faces *faces, si_shaped *out, si_diag *diag) {
    *out = (si_shaped){0};
    if (paragraph->len == 0) {
        return SI_OK;
    }
    if (!read_chars(text, paragraph, out) || !find_levels(text, out) || !find_breaks(out)) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    find_scripts(out);
    hb_buffer_t *buffer = hb_buffer_create();
    bool ok = true;
    for (size_t from = 0, to; ok && from < out->count; from = to) {
        to = si_shape_piece_end(out, from, out->count);
        ok = si_shape_piece(text, out, faces, from, to, buffer);
        if (ok) {
            note_advances(text, out, faces, from, buffer);
        }
    }
    hb_buffer_destroy(buffer);
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

void si_shaped_free(si_shaped *s) {
    free(s->utf8);
    free(s->chars);
    *s = (si_shaped){0};
}
