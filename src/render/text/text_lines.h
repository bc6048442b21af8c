/* Lines of a text: where they break, and their glyphs. */
#ifndef SI_RENDER_TEXT_TEXT_LINES_H
#define SI_RENDER_TEXT_TEXT_LINES_H

#include "render/text/text_region.h"
#include "render/text/text_shape.h"

/* A glyph in place. */
typedef struct si_glyph {
    uint32_t run; /* index into si_richtext.runs: its face and colour */
    uint32_t id;
    double x, y;      /* of its origin, layout pixels */
    double em[2];     /* size of its em, pixels */
    double turn;      /* radians clockwise about its origin */
    double advance;   /* pixels, along its line */
    uint32_t cluster; /* index of its character in the paragraph */
} si_glyph;

/* A stretch of underline. */
typedef struct si_underline {
    uint32_t run;
    double x, y;  /* its left end, on the baseline that it belongs to; layout pixels */
    double width; /* pixels */
    double em;    /* pixels */
    double turn;
} si_underline;

/* Part of a line that lies in one interval of its region. */
typedef struct si_segment {
    size_t paragraph, from, to; /* characters */
    double x[2]; /* the interval, indents taken off; infinite in a self-sizing text */
    bool last;   /* ends a paragraph or in a \line: not to be justified */
    size_t row;
    size_t glyph, glyph_count, underline, underline_count; /* in si_lines, once placed */
} si_segment;

typedef struct si_row {
    double top, baseline, bottom; /* layout pixels */
} si_row;

/* A laid out text. Zero-initialize; release with si_lines_free(). */
typedef struct si_lines {
    si_row *rows;
    size_t row_count, row_room;
    si_segment *segments;
    size_t segment_count, segment_room;
    si_glyph *glyphs;
    size_t glyph_count, glyph_room;
    si_underline *underlines;
    size_t underline_count, underline_room,
        underline_first; /* _first: of the stretch being placed */
    double height;       /* of all rows and the space around paragraphs */
    bool clipped;        /* something was left out, or lies beyond the region */
    bool forced;         /* a word was broken, or is wider than its line */
} si_lines;

typedef struct si_lines_how {
    const si_richtext *text;
    const si_faces *faces;
    const si_shaped *paragraphs; /* one for each of the text's */
    const si_region *region;
    double point; /* pixels per point */
    double fit;   /* factor on sizes of characters alone (copy-fit) */
    si_text_wrap wrap;
    int max_rows; /* 0 = any number */
    si_diag *diag;
} si_lines_how;

/* Breaks the text into rows and segments. SI_ERR_MEMORY, as of all that follow. */
SI_NODISCARD si_result si_lines_break(const si_lines_how *how, si_lines *out);

/* Shapes and aligns every segment. `x` of a self-sizing text is 0 at its origin. */
SI_NODISCARD si_result si_lines_place(const si_lines_how *how, si_lines *lines);

/* Places the glyphs of chars from…to of a paragraph in one row, beginning at x 0, y 0. Returns the
 * width in *width. */
SI_NODISCARD si_result si_lines_place_run(const si_lines_how *how, si_lines *lines,
    size_t paragraph, size_t from, size_t to, double space_extra, double *width);

/* Adds a stretch of underline. */
SI_NODISCARD si_result si_lines_add_underline(
    const si_lines_how *how, si_lines *lines, const si_underline *underline);

/* Ink of one segment's glyphs: left, top, right, bottom, layout pixels. False if it has none. */
bool si_lines_ink(
    const si_lines_how *how, const si_lines *lines, const si_segment *s, double box[4]);

/* Moves the glyphs and underlines of one segment by x, y layout pixels. */
void si_lines_shift(si_lines *lines, const si_segment *s, double x, double y);

void si_lines_free(si_lines *lines);

#endif
