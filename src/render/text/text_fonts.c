#include "render/text/text_fonts.h"

#include <hb-ft.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include FT_OUTLINE_H

/* What synthesized styles do: strokes grow by this part of the em, uprights lean by this much. */
static const double EMBOLDEN = 1.0 / 32;
static const double SLANT = 0.2;

enum { LOAD_FLAGS = FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP | FT_LOAD_IGNORE_TRANSFORM };

static void read_metrics(si_face *f) {
    double em = f->ft->units_per_EM;
    f->unit = 1 / (em * 64);
    f->ascent = fmax(0, f->ft->ascender / em);
    f->descent = fmax(0, -f->ft->descender / em);
    if (!(f->ascent + f->descent > 0.1 && f->ascent + f->descent < 10)) {
        f->ascent = 0.8; /* a font that does not tell */
        f->descent = 0.2;
    }
    f->height = fmin(10, fmax(f->ascent + f->descent, f->ft->height / em));
    f->line_y = -f->ft->underline_position / em;
    f->line_width = f->ft->underline_thickness / em;
    if (!(f->line_width > 0.005 && f->line_width < 0.5 && fabs(f->line_y) < 1)) {
        f->line_y = 0.1;
        f->line_width = 0.05;
    }
}

static si_result open_face(
    FT_Library library, const si_font_data *data, si_str name, si_face *f, si_diag *diag) {
    if (data->len > LONG_MAX ||
        FT_New_Memory_Face(library, data->data, (FT_Long)data->len, 0, &f->ft) != 0) {
        f->ft = NULL;
        return si_fail(diag, SI_ERR_SOURCE, "text: font \"%.*s\" cannot be read", SI_STR_ARG(name));
    }
    if (!FT_IS_SCALABLE(f->ft) || f->ft->units_per_EM == 0 ||
        FT_Set_Pixel_Sizes(f->ft, 0, f->ft->units_per_EM) != 0) {
        return si_fail(
            diag, SI_ERR_SOURCE, "text: font \"%.*s\" has no outlines", SI_STR_ARG(name));
    }
    if (data->metrics != NULL && data->metrics_len <= LONG_MAX) {
        FT_Open_Args args = {.flags = FT_OPEN_MEMORY,
            .memory_base = data->metrics,
            .memory_size = (FT_Long)data->metrics_len};
        if (FT_Attach_Stream(f->ft, &args) != 0) {
            return si_fail(diag, SI_ERR_SOURCE, "text: metrics of font \"%.*s\" cannot be read",
                SI_STR_ARG(name));
        }
    }
    if (f->ft->charmap == NULL && f->ft->num_charmaps > 0) {
        (void)FT_Set_Charmap(f->ft, f->ft->charmaps[0]); /* a symbol font */
    }
    f->hb = hb_ft_font_create_referenced(f->ft);
    hb_ft_font_set_load_flags(f->hb, LOAD_FLAGS);
    f->embolden = data->embolden;
    f->wider = data->embolden ? EMBOLDEN : 0;
    f->slant = data->slant;
    read_metrics(f);
    return SI_OK;
}

si_result si_faces_open(
    const si_richtext *text, const si_font_data *fonts, si_faces *out, si_diag *diag) {
    *out = (si_faces){0};
    if (text->font_count == 0) {
        return SI_OK;
    }
    out->list = calloc(text->font_count, sizeof *out->list);
    if (out->list == NULL || FT_Init_FreeType(&out->library) != 0) {
        out->library = NULL;
        si_faces_close(out);
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < text->font_count; i++) {
        out->count = i + 1;
        si_result result =
            open_face(out->library, &fonts[i], text->fonts[i].face, &out->list[i], diag);
        if (result != SI_OK) {
            si_faces_close(out);
            return result;
        }
    }
    return SI_OK;
}

void si_faces_close(si_faces *faces) {
    for (size_t i = 0; i < faces->count; i++) {
        hb_font_destroy(faces->list[i].hb); /* NULL is fine */
        if (faces->list[i].ft != NULL) {
            FT_Done_Face(faces->list[i].ft);
        }
    }
    if (faces->library != NULL) {
        FT_Done_FreeType(faces->library);
    }
    free(faces->list);
    *faces = (si_faces){0};
}

FT_Outline *si_face_outline(const si_face *face, uint32_t glyph) {
    if (FT_Load_Glyph(face->ft, glyph, LOAD_FLAGS) != 0 ||
        face->ft->glyph->format != FT_GLYPH_FORMAT_OUTLINE) {
        return NULL;
    }
    FT_Outline *o = &face->ft->glyph->outline;
    if (o->n_points == 0) {
        return NULL;
    }
    if (face->embolden) {
        FT_Outline_Embolden(o, (FT_Pos)(EMBOLDEN / face->unit));
    }
    if (face->slant) {
        FT_Matrix lean = {0x10000, (FT_Fixed)(SLANT * 0x10000), 0, 0x10000};
        FT_Outline_Transform(o, &lean);
    }
    return o;
}

bool si_face_ink(const si_face *face, uint32_t glyph, double box[4]) {
    FT_Outline *o = si_face_outline(face, glyph);
    if (o == NULL) {
        return false;
    }
    FT_BBox b;
    FT_Outline_Get_CBox(o, &b);
    box[0] = (double)b.xMin * face->unit;
    box[1] = (double)b.yMin * face->unit;
    box[2] = (double)b.xMax * face->unit;
    box[3] = (double)b.yMax * face->unit;
    return b.xMax > b.xMin && b.yMax > b.yMin;
}
