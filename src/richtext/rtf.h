/* The text of text= and textPs=: the subset of RTF in docs/text.md, read into a
 * validated model of runs and paragraphs. Free of fonts and pixels, so that the front side finds
 * mistakes and the fonts a text needs before a renderer hears of it.
 *
 * A string without any RTF in it is a text too. The reader is as lenient as RTF readers are:
 * unknown words are skipped, surplus and missing braces are tolerated, numbers are held to the
 * range their row in rtf_words.h gives. The words of the other mode count as unknown.
 *
 * Read and without effect: \baselinedir (its values are nowhere described) and \loch, \hich (bytes
 * are taken by the character set of the font). \kerningoptical is \kerningmetric, for want of an
 * optical kerner. \~ \_ \- work in text= too: without them, words would run together. */
#ifndef SI_RICHTEXT_RTF_H
#define SI_RICHTEXT_RTF_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/color.h"
#include "base/result.h"
#include "base/str.h"

enum {
    SI_TEXT_MAX_BYTES = 16 << 10, /* of the string, decoded */
    SI_TEXT_MAX_DEPTH = 64,       /* nested groups */
    SI_TEXT_MAX_TABLE = 256,      /* entries of the font table, and of each colour table */
    SI_TEXT_MAX_FONTS = 32        /* faces that one text may use */
};

typedef enum si_richtext_mode { SI_TEXT_NORM, SI_TEXT_PS } si_richtext_mode; /* text=, textPs= */

typedef enum si_richtext_align {
    SI_TEXT_LEFT,
    SI_TEXT_CENTER,
    SI_TEXT_RIGHT,
    SI_TEXT_JUSTIFY
} si_richtext_align;

typedef enum si_richtext_valign { SI_TEXT_TOP, SI_TEXT_MIDDLE, SI_TEXT_BOTTOM } si_richtext_valign;

typedef enum si_richtext_line {
    SI_TEXT_UL_NONE,
    SI_TEXT_UL_SINGLE,
    SI_TEXT_UL_WORD, /* not under blanks */
    SI_TEXT_UL_DOUBLE,
    SI_TEXT_UL_DOTTED,
    SI_TEXT_UL_DASHED,
    SI_TEXT_UL_THICK,
    SI_TEXT_UL_WAVE
} si_richtext_line;

typedef enum si_richtext_script { SI_TEXT_BASE, SI_TEXT_SUB, SI_TEXT_SUPER } si_richtext_script;
typedef enum si_richtext_caps { SI_TEXT_AS_IS, SI_TEXT_CAPS, SI_TEXT_SMALL_CAPS } si_richtext_caps;
typedef enum si_richtext_dir { SI_TEXT_DIR_AUTO, SI_TEXT_DIR_LTR, SI_TEXT_DIR_RTL } si_richtext_dir;

/* A face that the text uses, by its name in \fonttbl (or attr::DefaultFont). */
typedef struct si_richtext_font {
    si_str face;
    bool bold, italic;
} si_richtext_font;

/* Lengths are points (1/72 inch); the renderer's dpi makes pixels of them. */
typedef struct si_richtext_format {
    int font;                /* index into si_richtext.fonts */
    double size;             /* \fs, points, > 0 */
    double copyfit;          /* largest size, points; 0 or at most `size` = no copy-fit */
    double rise;             /* \up, \dn: baseline shift, upwards positive */
    double expand;           /* \expnd, \expndtw: added behind each character */
    double scale_x, scale_y; /* \charscalex, \charscaley: 1 = unscaled */
    si_color color;
    si_richtext_line underline;
    si_richtext_script script;
    si_richtext_caps caps;
    si_richtext_dir dir;
    bool kerning;
} si_richtext_format;

/* Characters of one format, within one paragraph. */
typedef struct si_richtext_run {
    size_t start, len; /* bytes of si_richtext.chars */
    si_richtext_format format;
} si_richtext_run;

typedef struct si_richtext_paragraph {
    size_t start, len;             /* bytes of si_richtext.chars; may be empty */
    size_t run, run_count;         /* its runs in si_richtext.runs */
    si_richtext_format mark;       /* of an empty paragraph: decides its height */
    si_richtext_align align, last; /* `last`: the last line of a justified paragraph */
    double first, left, right;     /* \fi \li \ri, points */
    double before, after;          /* \sb \sa, points */
    double spacing; /* \sl: 0 = by the font; with `multiple` a factor; else > 0 at least, < 0
                       exactly so many points */
    bool multiple;  /* \slmult1 */
} si_richtext_paragraph;

/* Everything points into the arena of si_richtext_parse. */
typedef struct si_richtext {
    si_richtext_mode mode;
    const char *chars; /* UTF-8 without control characters; a \line is U+2028 */
    size_t len;
    const si_richtext_run *runs;
    size_t run_count;
    const si_richtext_paragraph *paragraphs; /* at least one */
    size_t paragraph_count;
    const si_richtext_font
        *fonts;        /* those that characters use, in order of first use, no duplicates */
    size_t font_count; /* 0 if there are no characters */
    double margin[4];  /* \margl \margt \margr \margb, points */
    si_richtext_valign valign;
    bool vertical;         /* \stextflow1: lines run down, the first one at the right */
    int copyfit_lines;     /* \copyfitlines: lines to aim at, 0 = any number */
    int copyfit_max_lines; /* \copyfitmaxlines: lines that are shown, 0 = all */
} si_richtext;

typedef struct si_richtext_options {
    si_richtext_mode mode;
    si_str default_font; /* attr::DefaultFont; empty = none */
    bool cmyk;           /* a CMYK layer: \cmykcolortbl counts (text= only) */
} si_richtext_options;

/* Reads the decoded value of text= or textPs=. Bytes are UTF-8; what is not is taken as Latin-1.
 * Errors: SI_ERR_LIMIT (one of the limits above), SI_ERR_RANGE (characters without a font, since
 * the text names none and there is no default), SI_ERR_UNSUPPORTED (\'HH in a double-byte character
 * set), SI_ERR_SYNTAX (a bad colour in \iscolortbl), SI_ERR_MEMORY. */
SI_NODISCARD si_result si_richtext_parse(si_str rtf, const si_richtext_options *options,
    si_arena *arena, si_richtext *out, si_diag *diag);

/* What is an error in a layer that takes its size from its text: two
 * justifications (paragraphs without characters do not count). SI_ERR_RANGE. Call it when the layer
 * has neither size= nor a path. */
SI_NODISCARD si_result si_richtext_check_self_sizing(const si_richtext *text, si_diag *diag);

/* A record of a font map (docs/text.md, Fonts). */
typedef struct si_font_row {
    si_str face;
    bool bold, italic;
    si_str path; /* below attr::RootPath */
} si_font_row;

/* A font that stands for a face of a text. */
typedef struct si_font_choice {
    const si_font_row *row;
    bool embolden, slant; /* styles to be synthesized */
} si_font_choice;

/* Finds the record of a face: the same name (case matters) and style; with `synthesize`
 * (attr::SynthesizeFontStyles) else the record that lacks least, its missing styles to be made up.
 * SI_ERR_RANGE, naming the font, if there is none. `row` points into `rows`. */
SI_NODISCARD si_result si_richtext_font_find(const si_richtext_font *font, const si_font_row *rows,
    size_t count, bool synthesize, si_font_choice *out, si_diag *diag);

#endif
