/* From characters to shaped pieces: analysis of a paragraph, and the glyphs of a stretch of it. */
#ifndef SI_RENDER_TEXT_TEXT_SHAPE_H
#define SI_RENDER_TEXT_TEXT_SHAPE_H

#include "render/text/text_fonts.h"

/* A character of a paragraph. */
typedef struct si_char {
    uint32_t c;
    uint32_t byte; /* where it begins in the paragraph's shaping text */
    uint32_t run;  /* index into si_richtext.runs */
    hb_script_t script;
    uint8_t level;     /* of bidirectional embedding */
    bool small;        /* a small capital */
    bool break_before; /* a line may begin here */
    bool space;        /* grows in justified lines */
    bool white;        /* leaves no trace at the end of a line */
    double advance;    /* points, its part of its cluster's width, letter spacing included */
} si_char;

/* Zero-initialize. */
typedef struct si_shaped {
    char *utf8; /* the paragraph's text, capitals applied */
    size_t len;
    si_char *chars;
    size_t count;
} si_shaped;

/* Analyses and measures a paragraph. Release with si_shaped_free(), also after a failure.
 * SI_ERR_MEMORY. */
SI_NODISCARD si_result si_shape_paragraph(const si_richtext *text,
    const si_richtext_paragraph *paragraph, const si_faces *faces, si_shaped *out, si_diag *diag);

void si_shaped_free(si_shaped *s);

/* End of the stretch of equal run, level, script and case that begins at `from`, at most `to`. */
size_t si_shape_piece_end(const si_shaped *s, size_t from, size_t to);

/* Shapes such a stretch: glyphs left to right, positions in hb units of the face, clusters as
 * indices into chars. `buffer` is overwritten. False when memory runs out. */
bool si_shape_piece(const si_richtext *text, const si_shaped *s, const si_faces *faces, size_t from,
    size_t to, hb_buffer_t *buffer);

/* Size of an em, points, of a format's characters: x and y. */
void si_shape_em(const si_richtext_format *f, bool small, double em[2]);

/* How far a format's characters stand above the baseline, points. */
double si_shape_rise(const si_richtext_format *f);

/* Advance of a glyph, em, from HarfBuzz's units. */
double si_shape_advance(const si_face *face, hb_position_t advance);

/* Width of the hyphen that appears where a line ends in a soft hyphen, points. */
double si_shape_hyphen(const si_richtext *text, const si_faces *faces, const si_char *c);

#endif
