#include "richtext/rtf_words.h"

#include "richtext/codepage.h"
#include "richtext/rtf_reader.h"

#define UNUSED __attribute__((unused))

enum { NORM = 1, PS = 2, BOTH = NORM | PS };

/* ---- setters ---- */

/* The current state, about to get another character format. */
static si_rtf_state *changing(si_rtf *r) {
    si_rtf_state *s = si_rtf_now(r);
    s->id = ++r->ids;
    return s;
}

si_rtf_state si_rtf_plain(void) {
    si_rtf_state s = {.font = -1, .skip = 1};
    s.format.size = 12;
    s.format.scale_x = s.format.scale_y = 1;
    s.format.kerning = true;
    return s;
}

static si_result set_destination(si_rtf *r, int to, UNUSED long n) {
    if (si_rtf_now(r)->dest != SI_RTF_SKIP) {
        si_rtf_now(r)->dest = (si_rtf_dest)to;
        r->token_len = 0;
    }
    return SI_OK;
}

static si_result set_charset(si_rtf *r, UNUSED int argument, long n) {
    if (si_rtf_now(r)->dest == SI_RTF_FONTS) {
        r->font.page = si_codepage_of_charset(n);
    }
    return SI_OK;
}

static si_result set_component(si_rtf *r, int i, long n) {
    si_rtf_dest d = si_rtf_now(r)->dest;
    si_rtf_colors *t = d == SI_RTF_CMYK ? &r->cmyk : &r->rgb;
    if (d != SI_RTF_RGB && d != SI_RTF_CMYK) {
        return SI_OK;
    }
    if (!t->next.set) {
        t->next.color.type = d == SI_RTF_CMYK ? SI_COLOR_CMYK : SI_COLOR_RGB;
        t->next.color.alpha = 1;
        t->next.set = true;
    }
    t->next.color.c[i] = (double)n / (d == SI_RTF_CMYK ? 100 : 255);
    return SI_OK;
}

static si_result set_code_page(si_rtf *r, UNUSED int argument, long n) {
    r->page = (int)n;
    return SI_OK;
}

static si_result set_default_font(si_rtf *r, UNUSED int argument, long n) {
    r->default_font = n;
    return SI_OK;
}

static si_result set_margin(si_rtf *r, int side, long n) {
    r->text.margin[side] = (double)n / 20;
    return SI_OK;
}

static si_result set_vertical_align(si_rtf *r, int to, UNUSED long n) {
    r->text.valign = (si_richtext_valign)to;
    return SI_OK;
}

static si_result set_text_flow(si_rtf *r, UNUSED int argument, long n) {
    r->text.vertical = n == 1;
    return SI_OK;
}

static si_result set_copyfit_lines(si_rtf *r, UNUSED int argument, long n) {
    r->text.copyfit_lines = (int)n;
    return SI_OK;
}

static si_result set_copyfit_max_lines(si_rtf *r, UNUSED int argument, long n) {
    r->text.copyfit_max_lines = (int)n;
    return SI_OK;
}

/* Notes the current paragraph properties as those of the paragraph being read. */
static si_result paragraph_changed(si_rtf *r) {
    si_rtf_state *s = si_rtf_now(r);
    s->paragraph.spacing = s->line / (s->paragraph.multiple ? 240 : 20);
    r->props = s->paragraph;
    return SI_OK;
}

static si_result set_paragraph_plain(si_rtf *r, UNUSED int argument, UNUSED long n) {
    si_rtf_now(r)->paragraph = (si_richtext_paragraph){0};
    si_rtf_now(r)->line = 0;
    return paragraph_changed(r);
}

static si_result set_align(si_rtf *r, int to, UNUSED long n) {
    si_rtf_now(r)->paragraph.align = (si_richtext_align)to;
    return paragraph_changed(r);
}

static si_result set_last_align(si_rtf *r, int to, UNUSED long n) {
    si_rtf_now(r)->paragraph.last = (si_richtext_align)to;
    return paragraph_changed(r);
}

static si_result set_indent(si_rtf *r, int which, long n) {
    si_richtext_paragraph *p = &si_rtf_now(r)->paragraph;
    double *const fields[] = {&p->first, &p->left, &p->right, &p->before, &p->after};
    *fields[which] = (double)n / 20;
    return paragraph_changed(r);
}

static si_result set_line_spacing(si_rtf *r, UNUSED int argument, long n) {
    si_rtf_now(r)->line = (double)n;
    return paragraph_changed(r);
}

static si_result set_line_multiple(si_rtf *r, UNUSED int argument, long n) {
    si_rtf_now(r)->paragraph.multiple = n == 1;
    return paragraph_changed(r);
}

static si_result set_character_plain(si_rtf *r, UNUSED int argument, UNUSED long n) {
    si_rtf_state *s = changing(r), plain = si_rtf_plain();
    s->format = plain.format;
    s->font = plain.font;
    s->cf = 0;
    s->bold = s->italic = s->double_byte = false;
    return SI_OK;
}

static si_result set_font(si_rtf *r, UNUSED int argument, long n) {
    if (si_rtf_now(r)->dest == SI_RTF_FONTS) {
        r->font = (si_rtf_font){.number = n};
    } else {
        changing(r)->font = n;
    }
    return SI_OK;
}

static si_result set_font_size(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->format.size = (double)n / 2;
    return SI_OK;
}

static si_result set_color(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->cf = n;
    return SI_OK;
}

static si_result set_bold(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->bold = n != 0;
    return SI_OK;
}

static si_result set_italic(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->italic = n != 0;
    return SI_OK;
}

static si_result set_underline(si_rtf *r, int to, long n) {
    changing(r)->format.underline = n != 0 ? (si_richtext_line)to : SI_TEXT_UL_NONE;
    return SI_OK;
}

static si_result set_script(si_rtf *r, int to, long n) {
    changing(r)->format.script = n != 0 ? (si_richtext_script)to : SI_TEXT_BASE;
    return SI_OK;
}

static si_result set_caps(si_rtf *r, int to, long n) {
    changing(r)->format.caps = n != 0 ? (si_richtext_caps)to : SI_TEXT_AS_IS;
    return SI_OK;
}

static si_result set_rise(si_rtf *r, int sign, long n) {
    changing(r)->format.rise = sign * (double)n / 2;
    return SI_OK;
}

static si_result set_kerning(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->format.kerning = n != 0;
    return SI_OK;
}

static si_result set_expand(si_rtf *r, int unit, long n) {
    changing(r)->format.expand = (double)n / unit;
    return SI_OK;
}

static si_result set_char_scale(si_rtf *r, int axis, long n) {
    si_richtext_format *f = &changing(r)->format;
    *(axis == 0 ? &f->scale_x : &f->scale_y) = (double)n / 100;
    return SI_OK;
}

static si_result set_direction(si_rtf *r, int to, UNUSED long n) {
    changing(r)->format.dir = (si_richtext_dir)to;
    return SI_OK;
}

static si_result set_copyfit(si_rtf *r, UNUSED int argument, long n) {
    changing(r)->format.copyfit = (double)n / 2;
    return SI_OK;
}

static si_result set_nothing(UNUSED si_rtf *r, UNUSED int argument, UNUSED long n) {
    return SI_OK;
}

/* Gives the paragraph being read its properties. */
void si_rtf_end_paragraph(si_rtf *r) {
    si_richtext_paragraph *p = &r->paragraphs[r->text.paragraph_count - 1];
    si_richtext_paragraph ended = r->props;
    ended.start = p->start;
    ended.len = p->len;
    ended.run = p->run;
    ended.run_count = p->run_count;
    ended.mark = si_rtf_now(r)->format;
    *p = ended;
}

static si_result set_paragraph_end(si_rtf *r, UNUSED int argument, UNUSED long n) {
    si_richtext *t = &r->text;
    if (si_rtf_now(r)->dest != SI_RTF_BODY) {
        return SI_OK;
    }
    if (t->paragraph_count == r->paragraphs_cap) {
        return si_rtf_too_long(r);
    }
    si_rtf_end_paragraph(r);
    r->paragraphs[t->paragraph_count++] =
        (si_richtext_paragraph){.start = t->len, .run = t->run_count};
    r->props = si_rtf_now(r)->paragraph;
    return SI_OK;
}

static si_result set_character(si_rtf *r, int c, UNUSED long n) {
    return si_rtf_put(r, (uint32_t)c, true);
}

static si_result set_unicode(si_rtf *r, UNUSED int argument, long n) {
    uint32_t c = (uint32_t)(n < 0 ? n + 65536 : n), first = r->surrogate;
    si_result result = SI_OK;
    r->surrogate = 0;
    if (c >= 0xd800 && c < 0xdc00) {
        r->surrogate = c;
    } else if (c >= 0xdc00 && c < 0xe000) {
        result = si_rtf_put(
            r, first != 0 ? 0x10000 + ((first - 0xd800) << 10) + (c - 0xdc00) : 0xfffd, true);
    } else {
        result = si_rtf_put(r, c, true);
    }
    r->skip = si_rtf_now(r)->skip;
    return result;
}

static si_result set_unicode_skip(si_rtf *r, UNUSED int argument, long n) {
    si_rtf_now(r)->skip = (int)n;
    return SI_OK;
}

static si_result set_byte_class(si_rtf *r, int double_byte, UNUSED long n) {
    si_rtf_now(r)->double_byte = double_byte != 0;
    return SI_OK;
}

/* ---- the table ---- */

static const si_rtf_word words[] = {
#define X(word, setter, argument, modes, missing, least, most)                                     \
    {{word, sizeof word - 1}, set_##setter, argument, modes, missing, least, most},
    SI_RTF_WORDS(X)
#undef X
};

const si_rtf_word *si_rtf_find_word(const si_rtf *r, si_str name) {
    int mode = r->options->mode == SI_TEXT_PS ? PS : NORM;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((words[i].modes & mode) != 0 && si_str_eq(words[i].word, name)) {
            return &words[i];
        }
    }
    return NULL;
}
