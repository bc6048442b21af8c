#include "recipe/rtf.h"

#include <limits.h>

#include "recipe/codepage.h"
#include "recipe/rtf_words.h"

enum { MAX_FACE = 128, MAX_COLOR = 48, BOTH = 3, NORM = 1, PS = 2 };

/* Where the characters of a group go. */
typedef enum dest { DEST_BODY, DEST_SKIP, DEST_FONTS, DEST_RGB, DEST_CMYK, DEST_IS } dest;

/* What a group restores at its end. */
typedef struct state {
    si_text_format format; /* but for font and color, which `font`, `bold`, `italic`, `cf` decide */
    si_text_paragraph paragraph;
    double line;   /* \sl as written, twips */
    long font, cf; /* numbers in the tables; font −1 = the document's default */
    bool bold, italic;
    int skip; /* \ucN */
    bool double_byte;
    dest dest;
    unsigned id; /* states of one id have one character format */
} state;

typedef struct font_entry {
    const struct font_entry *before; /* read before this one, or NULL */
    long number;
    si_str face;
    int page; /* code page; 0 = the document's */
} font_entry;

typedef struct color_entry {
    const struct color_entry *before; /* read before this one, or NULL */
    int index;
    si_color color;
    bool set; /* false: an empty entry */
} color_entry;

typedef struct color_table {
    const color_entry *last;
    color_entry next; /* being read; its index is the number of those before */
} color_table;

typedef struct reader {
    const si_text_options *options;
    si_arena *arena;
    si_diag *diag;
    const char *p, *end;
    state *groups[SI_TEXT_MAX_DEPTH]; /* [depth] is the current one */
    int depth;
    unsigned ids;
    bool starred;            /* \* stands before the next word */
    int skip;                /* characters still to be passed over after \u */
    uint32_t surrogate;      /* first half of a pair, or 0 */
    int page;                /* \ansicpg */
    long default_font;       /* \deff */
    const font_entry *fonts; /* the last one read */
    int font_count;
    font_entry font; /* being read */
    color_table rgb, cmyk, is;
    char token[MAX_FACE]; /* a font's name or a colour being read */
    size_t token_len;
    si_text text;
    char *chars;
    si_text_run *runs;
    si_text_paragraph *paragraphs;
    si_text_font *used;
    size_t chars_cap, runs_cap, paragraphs_cap;
    unsigned run_id;         /* id of the last run's state */
    si_text_paragraph props; /* of the paragraph being read */
} reader;

typedef si_result setter(reader *r, int argument, long n);

static state *now(reader *r) {
    return r->groups[r->depth];
}

/* The current state, about to get another character format. */
static state *changing(reader *r) {
    state *s = now(r);
    s->id = ++r->ids;
    return s;
}

/* ---- characters ---- */

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
static uint32_t utf8_decode(const char **p, const char *end) {
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

static const font_entry *font_entry_of(const reader *r, long number) {
    const font_entry *e = r->fonts;
    while (e != NULL && e->number != number) {
        e = e->before;
    }
    return e;
}

/* The entry of the current \f, or of \deff; NULL if the text names no such font. */
static const font_entry *current_font(reader *r) {
    const font_entry *e = now(r)->font >= 0 ? font_entry_of(r, now(r)->font) : NULL;
    return e != NULL ? e : font_entry_of(r, r->default_font);
}

/* Index of the current face in the list of used ones, which it joins. */
static si_result use_font(reader *r, int *index) {
    const font_entry *e = current_font(r);
    si_text_font f = {e != NULL ? e->face : r->options->default_font, now(r)->bold, now(r)->italic};
    if (f.face.len == 0) {
        return si_fail(
            r->diag, SI_ERR_RANGE, "text: it names no font, and there is no DefaultFont");
    }
    for (size_t i = 0; i < r->text.font_count; i++) {
        const si_text_font *u = &r->used[i];
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

static bool table_color(const color_table *t, long index, si_color *out) {
    const color_entry *e = t->last;
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
static si_color current_color(const reader *r, long cf) {
    si_color c = {.type = SI_COLOR_RGB, .alpha = 1};
    if (!table_color(&r->is, cf, &c) && !(r->options->cmyk && table_color(&r->cmyk, cf, &c))) {
        table_color(&r->rgb, cf, &c);
    }
    return c;
}

static si_result too_long(reader *r) {
    return si_fail(r->diag, SI_ERR_LIMIT, "text: too long");
}

static si_result out_of_memory(reader *r) {
    return si_fail(r->diag, SI_ERR_MEMORY, "out of memory");
}

static si_result body_char(reader *r, uint32_t c) {
    state *s = now(r);
    si_text *t = &r->text;
    si_text_paragraph *p = &r->paragraphs[t->paragraph_count - 1];
    if (p->run_count == 0 || r->run_id != s->id) {
        if (t->run_count == r->runs_cap) {
            return too_long(r);
        }
        si_text_run *run = &r->runs[t->run_count];
        *run = (si_text_run){t->len, 0, s->format};
        run->format.color = current_color(r, s->cf);
        si_result rc = use_font(r, &run->format.font);
        if (rc != SI_OK) {
            return rc;
        }
        r->run_id = s->id;
        t->run_count++;
        p->run_count++;
    }
    if (r->chars_cap - t->len < 4) {
        return too_long(r);
    }
    size_t n = utf8_encode(c, r->chars + t->len);
    t->len += n;
    p->len += n;
    r->runs[t->run_count - 1].len += n;
    r->props = s->paragraph;
    return SI_OK;
}

static si_result end_font(reader *r) {
    si_str face = si_str_trim((si_str){r->token, r->token_len});
    r->token_len = 0;
    if (face.len == 0) {
        return SI_OK;
    }
    if (r->font_count == SI_TEXT_MAX_TABLE) {
        return si_fail(r->diag, SI_ERR_LIMIT, "text: more than %d fonts", SI_TEXT_MAX_TABLE);
    }
    char *name = si_arena_copy(r->arena, face.p, face.len);
    font_entry *e = si_arena_alloc(r->arena, sizeof *e);
    if (name == NULL || e == NULL) {
        return out_of_memory(r);
    }
    *e = (font_entry){r->fonts, r->font.number, {name, face.len}, r->font.page};
    r->fonts = e;
    r->font_count++;
    r->font = (font_entry){.number = e->number + 1};
    return SI_OK;
}

static si_result end_color(reader *r, color_table *t) {
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
    color_entry *e = si_arena_alloc(r->arena, sizeof *e);
    if (e == NULL) {
        return out_of_memory(r);
    }
    *e = t->next;
    e->before = t->last;
    t->last = e;
    t->next = (color_entry){.index = e->index + 1};
    return SI_OK;
}

static si_result token_char(reader *r, uint32_t c, size_t most) {
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
static si_result put(reader *r, uint32_t c, bool literal) {
    if (r->skip > 0) {
        r->skip--;
        return SI_OK;
    }
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
        return SI_OK;
    }
    c = c == 0x2029 ? 0x2028 : c;
    bool separator = c == ';' && !literal;
    switch (now(r)->dest) {
    case DEST_BODY:
        return body_char(r, c);
    case DEST_FONTS:
        return separator ? end_font(r) : token_char(r, c, sizeof r->token);
    case DEST_RGB:
        return separator ? end_color(r, &r->rgb) : SI_OK;
    case DEST_CMYK:
        return separator ? end_color(r, &r->cmyk) : SI_OK;
    case DEST_IS:
        return separator ? end_color(r, &r->is) : token_char(r, c, MAX_COLOR);
    case DEST_SKIP:
        break;
    }
    return SI_OK;
}

/* ---- what the words do; `n` is in the range of their row ---- */

static state plain_state(void) {
    state s = {.font = -1, .skip = 1};
    s.format.size = 12;
    s.format.scale_x = s.format.scale_y = 1;
    s.format.kerning = true;
    return s;
}

static si_result set_destination(reader *r, int to, long n) {
    (void)n;
    if (now(r)->dest != DEST_SKIP) {
        now(r)->dest = (dest)to;
        r->token_len = 0;
    }
    return SI_OK;
}

static si_result set_charset(reader *r, int argument, long n) {
    (void)argument;
    if (now(r)->dest == DEST_FONTS) {
        r->font.page = si_codepage_of_charset(n);
    }
    return SI_OK;
}

static si_result set_component(reader *r, int i, long n) {
    dest d = now(r)->dest;
    color_table *t = d == DEST_CMYK ? &r->cmyk : &r->rgb;
    if (d != DEST_RGB && d != DEST_CMYK) {
        return SI_OK;
    }
    if (!t->next.set) {
        t->next.color.type = d == DEST_CMYK ? SI_COLOR_CMYK : SI_COLOR_RGB;
        t->next.color.alpha = 1;
        t->next.set = true;
    }
    t->next.color.c[i] = (double)n / (d == DEST_CMYK ? 100 : 255);
    return SI_OK;
}

static si_result set_code_page(reader *r, int argument, long n) {
    (void)argument;
    r->page = (int)n;
    return SI_OK;
}

static si_result set_default_font(reader *r, int argument, long n) {
    (void)argument;
    r->default_font = n;
    return SI_OK;
}

static si_result set_margin(reader *r, int side, long n) {
    r->text.margin[side] = (double)n / 20;
    return SI_OK;
}

static si_result set_vertical_align(reader *r, int to, long n) {
    (void)n;
    r->text.valign = (si_text_valign)to;
    return SI_OK;
}

static si_result set_text_flow(reader *r, int argument, long n) {
    (void)argument;
    r->text.vertical = n == 1;
    return SI_OK;
}

static si_result set_copyfit_lines(reader *r, int argument, long n) {
    (void)argument;
    r->text.copyfit_lines = (int)n;
    return SI_OK;
}

static si_result set_copyfit_max_lines(reader *r, int argument, long n) {
    (void)argument;
    r->text.copyfit_max_lines = (int)n;
    return SI_OK;
}

/* Notes the current paragraph properties as those of the paragraph being read. */
static si_result paragraph_changed(reader *r) {
    state *s = now(r);
    s->paragraph.spacing = s->line / (s->paragraph.multiple ? 240 : 20);
    r->props = s->paragraph;
    return SI_OK;
}

static si_result set_paragraph_plain(reader *r, int argument, long n) {
    (void)argument;
    (void)n;
    now(r)->paragraph = (si_text_paragraph){0};
    now(r)->line = 0;
    return paragraph_changed(r);
}

static si_result set_align(reader *r, int to, long n) {
    (void)n;
    now(r)->paragraph.align = (si_text_align)to;
    return paragraph_changed(r);
}

static si_result set_last_align(reader *r, int to, long n) {
    (void)n;
    now(r)->paragraph.last = (si_text_align)to;
    return paragraph_changed(r);
}

static si_result set_indent(reader *r, int which, long n) {
    si_text_paragraph *p = &now(r)->paragraph;
    double *const fields[] = {&p->first, &p->left, &p->right, &p->before, &p->after};
    *fields[which] = (double)n / 20;
    return paragraph_changed(r);
}

static si_result set_line_spacing(reader *r, int argument, long n) {
    (void)argument;
    now(r)->line = (double)n;
    return paragraph_changed(r);
}

static si_result set_line_multiple(reader *r, int argument, long n) {
    (void)argument;
    now(r)->paragraph.multiple = n == 1;
    return paragraph_changed(r);
}

static si_result set_character_plain(reader *r, int argument, long n) {
    (void)argument;
    (void)n;
    state *s = changing(r), plain = plain_state();
    s->format = plain.format;
    s->font = plain.font;
    s->cf = 0;
    s->bold = s->italic = s->double_byte = false;
    return SI_OK;
}

static si_result set_font(reader *r, int argument, long n) {
    (void)argument;
    if (now(r)->dest == DEST_FONTS) {
        r->font = (font_entry){.number = n};
    } else {
        changing(r)->font = n;
    }
    return SI_OK;
}

static si_result set_font_size(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->format.size = (double)n / 2;
    return SI_OK;
}

static si_result set_color(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->cf = n;
    return SI_OK;
}

static si_result set_bold(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->bold = n != 0;
    return SI_OK;
}

static si_result set_italic(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->italic = n != 0;
    return SI_OK;
}

static si_result set_underline(reader *r, int to, long n) {
    changing(r)->format.underline = n != 0 ? (si_text_line)to : SI_TEXT_UL_NONE;
    return SI_OK;
}

static si_result set_script(reader *r, int to, long n) {
    changing(r)->format.script = n != 0 ? (si_text_script)to : SI_TEXT_BASE;
    return SI_OK;
}

static si_result set_caps(reader *r, int to, long n) {
    changing(r)->format.caps = n != 0 ? (si_text_caps)to : SI_TEXT_AS_IS;
    return SI_OK;
}

static si_result set_rise(reader *r, int sign, long n) {
    changing(r)->format.rise = sign * (double)n / 2;
    return SI_OK;
}

static si_result set_kerning(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->format.kerning = n != 0;
    return SI_OK;
}

static si_result set_expand(reader *r, int unit, long n) {
    changing(r)->format.expand = (double)n / unit;
    return SI_OK;
}

static si_result set_char_scale(reader *r, int axis, long n) {
    si_text_format *f = &changing(r)->format;
    *(axis == 0 ? &f->scale_x : &f->scale_y) = (double)n / 100;
    return SI_OK;
}

static si_result set_direction(reader *r, int to, long n) {
    (void)n;
    changing(r)->format.dir = (si_text_dir)to;
    return SI_OK;
}

static si_result set_copyfit(reader *r, int argument, long n) {
    (void)argument;
    changing(r)->format.copyfit = (double)n / 2;
    return SI_OK;
}

static si_result set_nothing(reader *r, int argument, long n) {
    (void)r;
    (void)argument;
    (void)n;
    return SI_OK;
}

/* Gives the paragraph being read its properties. */
static void end_paragraph(reader *r) {
    si_text_paragraph *p = &r->paragraphs[r->text.paragraph_count - 1];
    si_text_paragraph ended = r->props;
    ended.start = p->start;
    ended.len = p->len;
    ended.run = p->run;
    ended.run_count = p->run_count;
    ended.mark = now(r)->format;
    *p = ended;
}

static si_result set_paragraph_end(reader *r, int argument, long n) {
    (void)argument;
    (void)n;
    si_text *t = &r->text;
    if (now(r)->dest != DEST_BODY) {
        return SI_OK;
    }
    if (t->paragraph_count == r->paragraphs_cap) {
        return too_long(r);
    }
    end_paragraph(r);
    r->paragraphs[t->paragraph_count++] = (si_text_paragraph){.start = t->len, .run = t->run_count};
    r->props = now(r)->paragraph;
    return SI_OK;
}

static si_result set_character(reader *r, int c, long n) {
    (void)n;
    return put(r, (uint32_t)c, true);
}

static si_result set_unicode(reader *r, int argument, long n) {
    (void)argument;
    uint32_t c = (uint32_t)(n < 0 ? n + 65536 : n), first = r->surrogate;
    si_result rc = SI_OK;
    r->surrogate = 0;
    if (c >= 0xd800 && c < 0xdc00) {
        r->surrogate = c;
    } else if (c >= 0xdc00 && c < 0xe000) {
        rc = put(r, first != 0 ? 0x10000 + ((first - 0xd800) << 10) + (c - 0xdc00) : 0xfffd, true);
    } else {
        rc = put(r, c, true);
    }
    r->skip = now(r)->skip;
    return rc;
}

static si_result set_unicode_skip(reader *r, int argument, long n) {
    (void)argument;
    now(r)->skip = (int)n;
    return SI_OK;
}

static si_result set_byte_class(reader *r, int double_byte, long n) {
    (void)n;
    now(r)->double_byte = double_byte != 0;
    return SI_OK;
}

/* \binN: N bytes that are no text. */
static si_result set_binary(reader *r, int argument, long n) {
    (void)argument;
    long room = (long)(r->end - r->p);
    r->p += n < room ? n : room;
    return SI_OK;
}

/* ---- taking the string apart ---- */

typedef struct word_row {
    si_str word;
    setter *set;
    int argument, modes;
    long missing, least, most;
} word_row;

static const word_row words[] = {
#define X(word, setter, argument, modes, missing, least, most)                                     \
    {{word, sizeof word - 1}, set_##setter, argument, modes, missing, least, most},
    SI_RTF_WORDS(X)
#undef X
};

static const word_row *find_word(const reader *r, si_str name) {
    int mode = r->options->mode == SI_TEXT_PS ? PS : NORM;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((words[i].modes & mode) != 0 && si_str_eq(words[i].word, name)) {
            return &words[i];
        }
    }
    return NULL;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The number behind a word, if there is one. */
static bool read_number(reader *r, long *n) {
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

static si_result read_word(reader *r) {
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
    const word_row *w = find_word(r, name);
    bool starred = r->starred;
    r->starred = false;
    if (w == NULL) {
        now(r)->dest = starred ? DEST_SKIP : now(r)->dest;
        return SI_OK;
    }
    if (now(r)->dest == DEST_SKIP && w->set != set_binary) {
        return SI_OK;
    }
    if (r->skip > 0) {
        r->skip--; /* a word counts as a character of what old readers would show */
        return SI_OK;
    }
    if (w->set != set_unicode) {
        r->surrogate = 0;
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
static si_result read_byte(reader *r) {
    int high = r->end - r->p >= 2 ? hex_digit(r->p[0]) : -1;
    int low = high >= 0 ? hex_digit(r->p[1]) : -1;
    if (low < 0) {
        return SI_OK;
    }
    r->p += 2;
    uint8_t byte = (uint8_t)(high * 16 + low);
    if (r->skip > 0 || now(r)->dest == DEST_SKIP) {
        return put(r, byte, true);
    }
    const font_entry *e = now(r)->dest == DEST_FONTS ? &r->font : current_font(r);
    int page = e != NULL && e->page != 0 ? e->page : r->page;
    if (page == -2) {
        return put(r, 0xf000u | byte, true); /* where symbol fonts keep their characters */
    }
    if ((page == -1 || now(r)->double_byte) && byte >= 0x80) {
        return si_fail(r->diag, SI_ERR_UNSUPPORTED,
            "text: \\'%02x is in a double-byte character set; write it as \\u", byte);
    }
    uint32_t c = si_codepage_char(page, byte);
    return put(r, c != 0 ? c : 0xfffd, true);
}

static si_result read_escape(reader *r) {
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
        return put(r, (uint8_t)c, true);
    case '~':
        return put(r, 0xa0, true); /* no-break space */
    case '_':
        return put(r, 0x2011, true); /* no-break hyphen */
    case '-':
        return put(r, 0xad, true); /* soft hyphen */
    default:
        if ((uint8_t)c >= 0x80) {
            r->p--; /* the first byte of a character, not a symbol */
            utf8_decode(&r->p, r->end);
        }
        return SI_OK;
    }
}

static si_result open_group(reader *r) {
    if (r->depth + 1 == SI_TEXT_MAX_DEPTH) {
        return si_fail(
            r->diag, SI_ERR_LIMIT, "text: groups nested deeper than %d", SI_TEXT_MAX_DEPTH);
    }
    state *inner = r->groups[r->depth + 1];
    inner = inner != NULL ? inner : si_arena_alloc(r->arena, sizeof *inner);
    if (inner == NULL) {
        return out_of_memory(r);
    }
    *inner = *now(r);
    r->groups[++r->depth] = inner;
    r->skip = 0;
    r->starred = false;
    return SI_OK;
}

static si_result close_group(reader *r) {
    r->skip = 0;
    r->starred = false;
    if (now(r)->dest == DEST_FONTS) {
        si_result rc = end_font(r);
        if (rc != SI_OK) {
            return rc;
        }
    }
    r->depth -= r->depth > 0;
    return SI_OK;
}

static si_result read_all(reader *r) {
    si_result rc = SI_OK;
    while (rc == SI_OK && r->p < r->end) {
        switch (*r->p) {
        case '{':
            r->p++;
            rc = open_group(r);
            break;
        case '}':
            r->p++;
            rc = close_group(r);
            break;
        case '\\':
            r->p++;
            rc = read_escape(r);
            break;
        default:
            r->starred = false;
            r->surrogate = 0;
            rc = put(r, utf8_decode(&r->p, r->end), false);
        }
    }
    return rc;
}

/* ---- the model ---- */

/* Room for whatever a string of `len` bytes can hold: no character takes more bytes than its
 * shortest spelling but raw bytes of code page 1252, and a run or paragraph takes at least three.
 */
static bool make_room(reader *r, size_t len) {
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
static void finish(reader *r) {
    si_text *t = &r->text;
    end_paragraph(r);
    if (t->paragraph_count > 1 && r->paragraphs[t->paragraph_count - 1].len == 0) {
        t->paragraph_count--;
    }
    int font = 0;
    for (size_t i = 0; i < t->paragraph_count; i++) {
        si_text_paragraph *p = &r->paragraphs[i];
        font = p->run_count > 0 ? r->runs[p->run + p->run_count - 1].format.font : font;
        p->mark.font = font;
    }
}

static si_result parse_into(reader *r, si_str rtf) {
    char *copy = si_arena_alloc(r->arena, rtf.len + 1);
    state *outermost = si_arena_alloc(r->arena, sizeof *outermost);
    if (copy == NULL || outermost == NULL || !make_room(r, rtf.len)) {
        return out_of_memory(r);
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
    *outermost = plain_state();
    r->groups[0] = outermost;
    r->text.paragraph_count = 1;
    si_result rc = read_all(r);
    if (rc == SI_OK) {
        finish(r);
    }
    return rc;
}

si_result si_text_parse(
    si_str rtf, const si_text_options *options, si_arena *arena, si_text *out, si_diag *diag) {
    *out = (si_text){.mode = options->mode};
    if (rtf.len > SI_TEXT_MAX_BYTES) {
        return si_fail(diag, SI_ERR_LIMIT, "text: longer than %d bytes", SI_TEXT_MAX_BYTES);
    }
    reader *r = si_arena_alloc(arena, sizeof *r);
    if (r == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    r->options = options;
    r->arena = arena;
    r->diag = diag;
    r->text.mode = options->mode;
    si_result rc = parse_into(r, rtf);
    if (rc == SI_OK) {
        *out = r->text;
        out->chars = r->chars;
        out->runs = r->runs;
        out->paragraphs = r->paragraphs;
        out->fonts = r->used;
    }
    return rc;
}
