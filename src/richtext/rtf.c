#include "richtext/rtf.h"

#include <limits.h>

#include "richtext/codepage.h"
#include "richtext/rtf_reader.h"

/* ---- taking the string apart ---- */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The number behind a word, if there is one. */
static bool read_number(si_rtf *r, long *n) {
    const char *p = r->p;
    bool negative = p < r->end && *p == '-';
    p += negative;
    if (p == r->end || !is_digit(*p)) {
        return false;
    }
    long v = 0;
    for (; p < r->end && is_digit(*p); p++) {
        v = v < INT_MAX / 20 ? v * 10 + (*p - '0') : INT_MAX;
    }
    *n = negative ? -v : v;
    r->p = p;
    return true;
}

static si_result read_word(si_rtf *r) {
    si_str name = {r->p, 0};
    while (r->p < r->end && is_letter(*r->p)) {
        r->p++;
        name.len++;
    }
    long n = 0;
    bool given = read_number(r, &n);
    if (r->p < r->end && *r->p == ' ') {
        r->p++;
    }
    const si_rtf_word *w = si_rtf_find_word(r, name);
    bool starred = r->starred;
    r->starred = false;
    if (si_str_eq(name, SI_STR("bin")) && n > 0) { /* so many bytes that are no text */
        r->p += n < r->end - r->p ? n : r->end - r->p;
        return SI_OK;
    }
    if (w == NULL) {
        si_rtf_now(r)->dest = starred ? SI_RTF_SKIP : si_rtf_now(r)->dest;
        return SI_OK;
    }
    if (si_rtf_now(r)->dest == SI_RTF_SKIP) {
        return SI_OK;
    }
    if (r->skip > 0) {
        r->skip--; /* a word counts as a character of what old readers would show */
        return SI_OK;
    }
    n = !given ? w->missing : n < w->least ? w->least : n > w->most ? w->most : n;
    return w->set(r, w->argument, n);
}

static int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \'HH: a byte in the character set of the current font. */
static si_result read_byte(si_rtf *r) {
    int high = r->end - r->p >= 2 ? hex_digit(r->p[0]) : -1;
    int low = high >= 0 ? hex_digit(r->p[1]) : -1;
    if (low < 0) {
        return SI_OK;
    }
    r->p += 2;
    uint8_t byte = (uint8_t)(high * 16 + low);
    if (r->skip > 0 || si_rtf_now(r)->dest == SI_RTF_SKIP) {
        return si_rtf_put(r, byte, true);
    }
    const si_rtf_font *e = si_rtf_now(r)->dest == SI_RTF_FONTS ? &r->font : si_rtf_current_font(r);
    int page = e != NULL && e->page != 0 ? e->page : r->page;
    if (page == -2) {
        return si_rtf_put(r, 0xf000u | byte, true); /* where symbol fonts keep their characters */
    }
    if ((page == -1 || si_rtf_now(r)->double_byte) && byte >= 0x80) {
        return si_fail(r->diag, SI_ERR_UNSUPPORTED,
            "text: \\'%02x is in a double-byte character set; write it as \\u", byte);
    }
    uint32_t c = si_codepage_char(page, byte);
    return si_rtf_put(r, c != 0 ? c : 0xfffd, true);
}

static si_result read_escape(si_rtf *r) {
    if (r->p == r->end) {
        return SI_OK;
    }
    if (is_letter(*r->p)) {
        return read_word(r);
    }
    char c = *r->p++;
    switch (c) {
    case '*':
        r->starred = true;
        return SI_OK;
    case '\'':
        return read_byte(r);
    case '{':
    case '}':
    case '\\':
        return si_rtf_put(r, (uint8_t)c, true);
    case '~':
        return si_rtf_put(r, 0xa0, true); /* no-break space */
    case '_':
        return si_rtf_put(r, 0x2011, true); /* no-break hyphen */
    case '-':
        return si_rtf_put(r, 0xad, true); /* soft hyphen */
    default:
        if ((uint8_t)c >= 0x80) {
            r->p--; /* the first byte of a character, not a symbol */
            si_rtf_utf8(&r->p, r->end);
        }
        return SI_OK;
    }
}

static si_result open_group(si_rtf *r) {
    if (r->depth + 1 == SI_TEXT_MAX_DEPTH) {
        return si_fail(
            r->diag, SI_ERR_LIMIT, "text: groups nested deeper than %d", SI_TEXT_MAX_DEPTH);
    }
    si_rtf_state *inner = r->groups[r->depth + 1];
    inner = inner != NULL ? inner : si_arena_alloc(r->arena, sizeof *inner);
    if (inner == NULL) {
        return si_rtf_out_of_memory(r);
    }
    *inner = *si_rtf_now(r);
    r->groups[++r->depth] = inner;
    r->skip = 0;
    r->starred = false;
    return SI_OK;
}

static si_result close_group(si_rtf *r) {
    r->skip = 0;
    r->starred = false;
    if (si_rtf_now(r)->dest == SI_RTF_FONTS) {
        SI_TRY(si_rtf_end_font(r));
    }
    r->depth -= r->depth > 0;
    return SI_OK;
}

static si_result read_all(si_rtf *r) {
    si_result result = SI_OK;
    while (result == SI_OK && r->p < r->end) {
        switch (*r->p) {
        case '{':
            r->p++;
            result = open_group(r);
            break;
        case '}':
            r->p++;
            result = close_group(r);
            break;
        case '\\':
            r->p++;
            result = read_escape(r);
            break;
        default:
            r->starred = false;
            result = si_rtf_put(r, si_rtf_utf8(&r->p, r->end), false);
        }
    }
    return result;
}

/* ---- the model ---- */

/* Room for whatever a string of `len` bytes can hold: no character takes more bytes than its
 * shortest spelling but raw bytes of code page 1252, and a run or paragraph takes at least three.
 */
static bool make_room(si_rtf *r, size_t len) {
    r->chars_cap = 3 * len + 4;
    r->runs_cap = r->paragraphs_cap = len / 3 + 2;
    r->chars = si_arena_alloc(r->arena, r->chars_cap);
    r->runs = si_arena_alloc(r->arena, r->runs_cap * sizeof *r->runs);
    r->paragraphs = si_arena_alloc(r->arena, r->paragraphs_cap * sizeof *r->paragraphs);
    r->used = si_arena_alloc(r->arena, SI_TEXT_MAX_FONTS * sizeof *r->used);
    return r->chars != NULL && r->runs != NULL && r->paragraphs != NULL && r->used != NULL;
}

/* Ends the last paragraph, forgets it if a \par right before the end opened it, and gives empty
 * paragraphs the font of what stands before them. */
static void finish(si_rtf *r) {
    si_richtext *t = &r->text;
    si_rtf_end_paragraph(r);
    if (t->paragraph_count > 1 && r->paragraphs[t->paragraph_count - 1].len == 0) {
        t->paragraph_count--;
    }
    int font = 0;
    for (size_t i = 0; i < t->paragraph_count; i++) {
        si_richtext_paragraph *p = &r->paragraphs[i];
        font = p->run_count > 0 ? r->runs[p->run + p->run_count - 1].format.font : font;
        p->mark.font = font;
    }
}

static si_result parse_into(si_rtf *r, si_str rtf) {
    char *copy = si_arena_alloc(r->arena, rtf.len + 1);
    si_rtf_state *outermost = si_arena_alloc(r->arena, sizeof *outermost);
    if (copy == NULL || outermost == NULL || !make_room(r, rtf.len)) {
        return si_rtf_out_of_memory(r);
    }
    size_t len = 0;
    for (size_t i = 0; i < rtf.len; i++) {
        if (rtf.p[i] != '\r' && rtf.p[i] != '\n' && rtf.p[i] != '\t') {
            copy[len++] = rtf.p[i];
        }
    }
    r->p = copy;
    r->end = copy + len;
    r->page = 1252;
    *outermost = si_rtf_plain();
    r->groups[0] = outermost;
    r->text.paragraph_count = 1;
    si_result result = read_all(r);
    if (result == SI_OK) {
        finish(r);
    }
    return result;
}

si_result si_richtext_parse(si_str rtf, const si_richtext_options *options, si_arena *arena,
    si_richtext *out, si_diag *diag) {
    *out = (si_richtext){.mode = options->mode};
    if (rtf.len > SI_TEXT_MAX_BYTES) {
        return si_fail(diag, SI_ERR_LIMIT, "text: longer than %d bytes", SI_TEXT_MAX_BYTES);
    }
    si_rtf *r = si_arena_alloc(arena, sizeof *r);
    if (r == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    r->options = options;
    r->arena = arena;
    r->diag = diag;
    r->text.mode = options->mode;
    si_result result = parse_into(r, rtf);
    if (result == SI_OK) {
        *out = r->text;
        out->chars = r->chars;
        out->runs = r->runs;
        out->paragraphs = r->paragraphs;
        out->fonts = r->used;
    }
    return result;
}
