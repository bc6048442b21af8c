/* Inside the reader of RTF: what rtf.c (taking the string apart), rtf_words.c (what words do) and
 * rtf_chars.c (where characters go) share. Not for others. */
#ifndef SI_RICHTEXT_RTF_READER_H
#define SI_RICHTEXT_RTF_READER_H

#include "richtext/rtf.h"

enum { SI_RTF_MAX_FACE = 128 }; /* bytes of a font's name */

/* Where the characters of a group go. */
typedef enum si_rtf_dest {
    SI_RTF_BODY,
    SI_RTF_SKIP,
    SI_RTF_FONTS,
    SI_RTF_RGB,
    SI_RTF_CMYK,
    SI_RTF_IS
} si_rtf_dest;

/* What a group restores at its end. */
typedef struct si_rtf_state {
    si_richtext_format
        format; /* but for font and color, which `font`, `bold`, `italic`, `cf` decide */
    si_richtext_paragraph paragraph;
    double line;   /* \sl as written, twips */
    long font, cf; /* numbers in the tables; font −1 = the document's default */
    bool bold, italic;
    int skip; /* \ucN */
    bool double_byte;
    si_rtf_dest dest;
    unsigned id; /* states of one id have one character format */
} si_rtf_state;

typedef struct si_rtf_font {
    const struct si_rtf_font *before; /* read before this one, or NULL */
    long number;
    si_str face;
    int page; /* code page; 0 = the document's */
} si_rtf_font;

typedef struct si_rtf_color {
    const struct si_rtf_color *before; /* read before this one, or NULL */
    int index;
    si_color color;
    bool set; /* false: an empty entry */
} si_rtf_color;

typedef struct si_rtf_colors {
    const si_rtf_color *last;
    si_rtf_color next; /* being read; its index is the number of those before */
} si_rtf_colors;

typedef struct si_rtf {
    const si_richtext_options *options;
    si_arena *arena;
    si_diag *diag;
    const char *p, *end;
    si_rtf_state *groups[SI_TEXT_MAX_DEPTH]; /* [depth] is the current one */
    int depth;
    unsigned ids;
    bool starred;             /* \* stands before the next word */
    int skip;                 /* characters still to be passed over after \u */
    uint32_t surrogate;       /* first half of a pair, or 0 */
    int page;                 /* \ansicpg */
    long default_font;        /* \deff */
    const si_rtf_font *fonts; /* the last one read */
    int font_count;
    si_rtf_font font; /* being read */
    si_rtf_colors rgb, cmyk, is;
    char token[SI_RTF_MAX_FACE]; /* a font's name or a colour being read */
    size_t token_len;
    si_richtext text;
    char *chars;
    si_richtext_run *runs;
    si_richtext_paragraph *paragraphs;
    si_richtext_font *used;
    size_t chars_cap, runs_cap, paragraphs_cap;
    unsigned run_id;             /* id of the last run's state */
    si_richtext_paragraph props; /* of the paragraph being read */
} si_rtf;

/* A control word. */
typedef struct si_rtf_word {
    si_str word;
    si_result (*set)(si_rtf *r, int argument, long n); /* n within least…most */
    int argument, modes;
    long missing, least, most; /* N where none is written, and its range */
} si_rtf_word;

static inline si_rtf_state *si_rtf_now(si_rtf *r) {
    return r->groups[r->depth];
}

/* ---- rtf_words.c ---- */

/* The row of a word, or NULL if it means nothing in this mode. */
const si_rtf_word *si_rtf_find_word(const si_rtf *r, si_str name);

/* The state at the beginning, and after \plain. */
si_rtf_state si_rtf_plain(void);

/* Gives the paragraph being read its properties. */
void si_rtf_end_paragraph(si_rtf *r);

/* ---- rtf_chars.c ---- */

/* One character of whatever the group holds. `literal`: it is no separator of a table. */
si_result si_rtf_put(si_rtf *r, uint32_t c, bool literal);

/* Ends an entry of the font table. */
si_result si_rtf_end_font(si_rtf *r);

/* The entry of the current \f, or of \deff; NULL if the text names no such font. */
const si_rtf_font *si_rtf_current_font(si_rtf *r);

/* Takes one character off p; a byte that is no UTF-8 is one of code page 1252. */
uint32_t si_rtf_utf8(const char **p, const char *end);

si_result si_rtf_too_long(si_rtf *r);
si_result si_rtf_out_of_memory(si_rtf *r);

#endif
