#include "richtext/codepage.h"
#include "richtext/rtf_reader.h"

enum { MAX_COLOR = 48 }; /* bytes of a colour in \iscolortbl */

static size_t utf8_encode(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(0xf0 << (4 - n) | c);
    return n;
}

/* Takes one character off p; a byte that is no UTF-8 is one of code page 1252. */
uint32_t si_rtf_utf8(const char **p, const char *end) {
    const uint8_t *b = (const uint8_t *)*p;
    size_t room = (size_t)(end - *p), n = b[0] < 0x80   ? 1
                                          : b[0] < 0xc2 ? 0
                                          : b[0] < 0xe0 ? 2
                                          : b[0] < 0xf0 ? 3
                                          : b[0] < 0xf5 ? 4
                                                        : 0;
    uint32_t c = n == 1 ? b[0] : b[0] & (0x7fu >> n);
    bool good = n > 0 && n <= room;
    for (size_t i = 1; good && i < n; i++) {
        good = (b[i] & 0xc0) == 0x80;
        c = c << 6 | (b[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (!good || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        *p += 1;
        return si_codepage_char(1252, b[0]);
    }
    *p += n;
    return c;
}

static const si_rtf_font *font_entry_of(const si_rtf *r, long number) {
    const si_rtf_font *e = r->fonts;
    while (e != NULL && e->number != number) {
        e = e->before;
    }
    return e;
}

/* The entry of the current \f, or of \deff; NULL if the text names no such font. */
const si_rtf_font *si_rtf_current_font(si_rtf *r) {
    const si_rtf_font *e = si_rtf_now(r)->font >= 0 ? font_entry_of(r, si_rtf_now(r)->font) : NULL;
    return e != NULL ? e : font_entry_of(r, r->default_font);
}

/* Index of the current face in the list of used ones, which it joins. */
static si_result use_font(si_rtf *r, int *index) {
    const si_rtf_font *e = si_rtf_current_font(r);
    si_richtext_font f = {
        e != NULL ? e->face : r->options->default_font, si_rtf_now(r)->bold, si_rtf_now(r)->italic};
    if (f.face.len == 0) {
        return si_fail(
            r->diag, SI_ERR_RANGE, "text: it names no font, and there is no DefaultFont");
    }
    for (size_t i = 0; i < r->text.font_count; i++) {
        const si_richtext_font *u = &r->used[i];
        if (si_str_eq(u->face, f.face) && u->bold == f.bold && u->italic == f.italic) {
            *index = (int)i;
            return SI_OK;
        }
    }
    if (r->text.font_count == SI_TEXT_MAX_FONTS) {
        return si_fail(r->diag, SI_ERR_LIMIT, "text: more than %d fonts", SI_TEXT_MAX_FONTS);
    }
    *index = (int)r->text.font_count;
    r->used[r->text.font_count++] = f;
    return SI_OK;
}

static bool table_color(const si_rtf_colors *t, long index, si_color *out) {
    const si_rtf_color *e = t->last;
    while (e != NULL && e->index != index) {
        e = e->before;
    }
    if (e == NULL || !e->set) {
        return false;
    }
    *out = e->color;
    return true;
}

/* \cf in the order of the reference: is, cmyk, rgb, black. */
static si_color current_color(const si_rtf *r, long cf) {
    si_color c = {.type = SI_COLOR_RGB, .alpha = 1};
    if (!table_color(&r->is, cf, &c) && !(r->options->cmyk && table_color(&r->cmyk, cf, &c))) {
        table_color(&r->rgb, cf, &c);
    }
    return c;
}

si_result si_rtf_too_long(si_rtf *r) {
    return si_fail(r->diag, SI_ERR_LIMIT, "text: too long");
}

si_result si_rtf_out_of_memory(si_rtf *r) {
    return si_fail(r->diag, SI_ERR_MEMORY, "out of memory");
}

static si_result body_char(si_rtf *r, uint32_t c) {
    si_rtf_state *s = si_rtf_now(r);
    si_richtext *t = &r->text;
    si_richtext_paragraph *p = &r->paragraphs[t->paragraph_count - 1];
    if (p->run_count == 0 || r->run_id != s->id) {
        if (t->run_count == r->runs_cap) {
            return si_rtf_too_long(r);
        }
        si_richtext_run *run = &r->runs[t->run_count];
        *run = (si_richtext_run){t->len, 0, s->format};
        run->format.color = current_color(r, s->cf);
        SI_TRY(use_font(r, &run->format.font));
        r->run_id = s->id;
        t->run_count++;
        p->run_count++;
    }
    if (r->chars_cap - t->len < 4) {
        return si_rtf_too_long(r);
    }
    size_t n = utf8_encode(c, r->chars + t->len);
    t->len += n;
    p->len += n;
    r->runs[t->run_count - 1].len += n;
    r->props = s->paragraph;
    return SI_OK;
}

si_result si_rtf_end_font(si_rtf *r) {
    si_str face = si_str_trim((si_str){r->token, r->token_len});
    r->token_len = 0;
    if (face.len == 0) {
        return SI_OK;
    }
    if (r->font_count == SI_TEXT_MAX_TABLE) {
        return si_fail(r->diag, SI_ERR_LIMIT, "text: more than %d fonts", SI_TEXT_MAX_TABLE);
    }
    char *name = si_arena_copy(r->arena, face.p, face.len);
    si_rtf_font *e = si_arena_alloc(r->arena, sizeof *e);
    if (name == NULL || e == NULL) {
        return si_rtf_out_of_memory(r);
    }
    *e = (si_rtf_font){r->fonts, r->font.number, {name, face.len}, r->font.page};
    r->fonts = e;
    r->font_count++;
    r->font = (si_rtf_font){.number = e->number + 1};
    return SI_OK;
}

static si_result end_color(si_rtf *r, si_rtf_colors *t) {
    if (t->next.index == SI_TEXT_MAX_TABLE) {
        return si_fail(r->diag, SI_ERR_LIMIT, "text: more than %d colours", SI_TEXT_MAX_TABLE);
    }
    if (t == &r->is) {
        si_str s = si_str_trim((si_str){r->token, r->token_len});
        r->token_len = 0;
        t->next.set = s.len > 0;
        if (s.len > 0 && !si_color_parse(s, &t->next.color)) {
            return si_fail(
                r->diag, SI_ERR_SYNTAX, "text: \"%.*s\" in iscolortbl is no colour", SI_STR_ARG(s));
        }
    }
    si_rtf_color *e = si_arena_alloc(r->arena, sizeof *e);
    if (e == NULL) {
        return si_rtf_out_of_memory(r);
    }
    *e = t->next;
    e->before = t->last;
    t->last = e;
    t->next = (si_rtf_color){.index = e->index + 1};
    return SI_OK;
}

static si_result token_char(si_rtf *r, uint32_t c, size_t most) {
    char utf8[4];
    size_t n = utf8_encode(c, utf8);
    if (r->token_len + n > most) {
        return si_fail(r->diag, SI_ERR_LIMIT, "text: a name in a table is too long");
    }
    memcpy(r->token + r->token_len, utf8, n);
    r->token_len += n;
    return SI_OK;
}

/* One character of whatever the group holds. `literal`: it is no separator of a table. */
si_result si_rtf_put(si_rtf *r, uint32_t c, bool literal) {
    if (r->skip > 0) {
        r->skip--;
        return SI_OK;
    }
    r->surrogate = 0;
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
        return SI_OK;
    }
    c = c == 0x2029 ? 0x2028 : c;
    bool separator = c == ';' && !literal;
    switch (si_rtf_now(r)->dest) {
    case SI_RTF_BODY:
        return body_char(r, c);
    case SI_RTF_FONTS:
        return separator ? si_rtf_end_font(r) : token_char(r, c, sizeof r->token);
    case SI_RTF_RGB:
        return separator ? end_color(r, &r->rgb) : SI_OK;
    case SI_RTF_CMYK:
        return separator ? end_color(r, &r->cmyk) : SI_OK;
    case SI_RTF_IS:
        return separator ? end_color(r, &r->is) : token_char(r, c, MAX_COLOR);
    case SI_RTF_SKIP:
        break;
    }
    return SI_OK;
}
