#include "richtext/rtf.h"

si_result si_richtext_check_self_sizing(const si_richtext *text, si_diag *diag) {
    const si_richtext_paragraph *first = NULL;
    for (size_t i = 0; i < text->paragraph_count; i++) {
        const si_richtext_paragraph *p = &text->paragraphs[i];
        if (p->len == 0) {
            continue;
        }
        first = first != NULL ? first : p;
        if (p->align != first->align) {
            return si_fail(diag, SI_ERR_RANGE, "text: two justifications in a layer without size=");
        }
    }
    return SI_OK;
}

/* How many of the wanted styles a record lacks; −1 if it is no choice at all. */
static int lacks(const si_richtext_font *font, const si_font_row *row) {
    if (!si_str_eq(font->face, row->face) || (row->bold && !font->bold) ||
        (row->italic && !font->italic)) {
        return -1;
    }
    return (font->bold && !row->bold) + (font->italic && !row->italic);
}

si_result si_richtext_font_find(const si_richtext_font *font, const si_font_row *rows, size_t count,
    bool synthesize, si_font_choice *out, si_diag *diag) {
    int best = 3;
    *out = (si_font_choice){0};
    for (size_t i = 0; i < count; i++) {
        int n = lacks(font, &rows[i]);
        if (n >= 0 && n < best) {
            best = n;
            out->row = &rows[i];
        }
    }
    if (out->row == NULL || (best > 0 && !synthesize)) {
        *out = (si_font_choice){0};
        return si_fail(diag, SI_ERR_RANGE, "text: font \"%.*s\"%s%s is not in the font map",
            SI_STR_ARG(font->face), font->bold ? " bold" : "", font->italic ? " italic" : "");
    }
    out->embolden = font->bold && !out->row->bold;
    out->slant = font->italic && !out->row->italic;
    return SI_OK;
}
