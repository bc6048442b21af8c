/* Fonts of one text, from memory: FreeType faces for outlines, HarfBuzz fonts for shaping. */
#ifndef SI_RENDER_TEXT_TEXT_FONTS_H
#define SI_RENDER_TEXT_TEXT_FONTS_H

#include <ft2build.h>
#include FT_FREETYPE_H
#include <hb.h>

#include "render/text/text_layer.h"

/* All lengths are fractions of the em. */
typedef struct si_face {
    FT_Face ft; /* set to one pixel per font unit, unhinted */
    hb_font_t *hb;
    double unit;               /* em per unit of hb's positions and of ft's 26.6 outlines */
    double ascent, descent;    /* both positive */
    double height;             /* from one baseline to the next, by the font */
    double line_y, line_width; /* underline: its middle below the baseline, its thickness */
    bool embolden, slant;      /* synthetic styles */
    double wider;              /* what synthetic bold adds to the advance of a glyph */
} si_face;

typedef struct si_faces {
    FT_Library library;
    si_face *list;
    size_t count;
} si_faces;

/* Opens text->font_count fonts. On failure nothing is left to release. SI_ERR_SOURCE names the font
 * that cannot be read or has no outlines; SI_ERR_MEMORY. */
SI_NODISCARD si_result si_faces_open(
    const si_richtext *text, const si_font_data *fonts, si_faces *out, si_diag *diag);

void si_faces_close(si_faces *faces);

/* Loads a glyph's outline into face->ft->glyph, with synthetic styles applied; NULL if it has none.
 */
FT_Outline *si_face_outline(const si_face *face, uint32_t glyph);

/* The ink of a glyph, em from its origin, y upwards: left, bottom, right, top. False: no ink. */
bool si_face_ink(const si_face *face, uint32_t glyph, double box[4]);

#endif
