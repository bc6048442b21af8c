/* Text layers: layout and drawing of a text model (docs/text.md).
 *
 * Pango analyses the text (line breaks, directions, scripts), HarfBuzz shapes it, FreeType gives
 * outlines, cairo fills them. Fonts come from memory alone, never from the system.
 *
 * Layout is done at scale 1 in unhinted outlines, so line breaks, sizes and positions do not depend
 * on the scale a layer is drawn at.
 *
 * A character that its font lacks shows as the font's own sign for that; no other font is used.
 * What the vendor leaves open is settled here: textPs= has a leading of 1.2 em, sub- and
 * superscript of 58.3 % of the size shifted by a third of it, small capitals of 70 %; what
 * characters overhang a fixed box is cut; lines in shapes, or at an angle that is no multiple of
 * 90°, begin at the top whatever \vertal says; \stextflow1 turns lines by 90°, with ideographs and
 * kana upright; text at an angle in a box of size=w,0 wraps at w and has the rectangle around it.
 *
 * Coordinates are layer pixels (x right, y down) unless stated. The layer rectangle is the box of
 * size=w,h; with size=w,0 its height follows the text; without size= it is the smallest whole-pixel
 * rectangle around lines and ink. */
#ifndef SI_RENDER_TEXT_TEXT_LAYER_H
#define SI_RENDER_TEXT_TEXT_LAYER_H

#include "base/path.h"
#include "codec/image.h"
#include "richtext/rtf.h"

/* A font file in memory: TrueType, OpenType or Type 1, with outlines. */
typedef struct si_font_data {
    const uint8_t *data;    /* borrowed; must stay until the call returns */
    size_t len;             /* bytes */
    const uint8_t *metrics; /* Type 1: its AFM or PFM file; NULL = none */
    size_t metrics_len;
    bool embolden, slant; /* synthesize bold, italic (SynthesizeFontStyles) */
} si_font_data;

typedef enum si_text_aa {
    SI_TEXT_AA_NORM,
    SI_TEXT_AA_OFF,
    SI_TEXT_AA_CRISP, /* these three: textPs= only; edges a little harder, */
    SI_TEXT_AA_SHARP, /* hard, */
    SI_TEXT_AA_STRONG /* strokes heavier */
} si_text_aa;

typedef enum si_text_fit { SI_TEXT_FIXED_RES, SI_TEXT_AUTO_RES, SI_TEXT_MAX_RES } si_text_fit;
typedef enum si_text_wrap { SI_TEXT_WRAP, SI_TEXT_NO_WRAP, SI_TEXT_WORD_WRAP } si_text_wrap;

/* How a text fills its layer. Zero-initialize: an unsized layer at 72 dpi. */
typedef struct si_text_style {
    double width, height; /* size=: pixels; 0,0 = self-sizing; w,0 = the height follows the text */
    double dpi;           /* textAttr; 0 = 72 */
    si_text_aa aa;
    si_text_fit fit;   /* resMode; needs width and height, ignored by textPs= */
    si_text_wrap wrap; /* nbWrap is SI_TEXT_WORD_WRAP; textPs= always wraps */
    double angle;      /* textAngle, degrees clockwise; textPs= only, not with `path` */
    /* Paths are in layer pixels from the box's top-left corner, or without size= from the layer's
     * anchor; NULL = not given. textPs= only, text= ignores them. */
    const si_path *path;     /* textPath: the baseline */
    bool path_reverse;       /* pathAttr */
    double path_start;       /* pathAttr: fractions of the path's length; 0 ≤ start < 1, */
    double path_end;         /* start < end ≤ 1, or ≤ start + 1 for a closed path; 0 = 1 */
    const si_path *flow;     /* textFlowPath; excludes `path` */
    const si_path *flow_out; /* textFlowXPath: left out of `flow` */
} si_text_style;

/* What the layer turns out to be, at scale 1. */
typedef struct si_text_metrics {
    int width, height; /* layer rectangle, pixels, each ≥ 1 */
    bool has_origin;   /* the layer's default origin is `origin`, not the centre: self-sizing text
                          (first baseline; its start, middle or end by the alignment) and paths
                          without size (the path space's 0,0) */
    double origin[2];  /* x, y from the rectangle's top-left corner */
    double baseline;   /* y of the first baseline; 0 without characters, with an angle, on a path */
    int lines;         /* lines shown */
    bool clipped;      /* some text did not fit and is not, or not wholly, shown */
    double scale;      /* factor that copy-fit and resMode applied to the text, 1 = none */
} si_text_metrics;

/* Measures without drawing. `fonts` are text->font_count files in the order of text->fonts. Errors:
 * SI_ERR_RANGE (a style's value, two justifications in a self-sizing layer, path with flow),
 * SI_ERR_SOURCE (a font that cannot be read; names it), SI_ERR_LIMIT (a layer beyond 65535 pixels),
 * SI_ERR_MEMORY. */
SI_NODISCARD si_result si_text_measure(const si_richtext *text, const si_text_style *style,
    const si_font_data *fonts, si_text_metrics *out, si_diag *diag);

/* The part of a layer to draw: the layer's point x, y (layer pixels) lands on pixel
 * (x × scale[0] − left, y × scale[1] − top) of a width × height image. */
typedef struct si_text_window {
    double scale[2];   /* > 0; view pixels per layer pixel */
    int left, top;     /* pixels, may be negative */
    int width, height; /* pixels; 0,0 = the whole layer: layer size × scale, rounded half up */
} si_text_window;

/* Lays out and draws: `out` gets straight RGBA, transparent where there is no text, owned by the
 * caller on success. `metrics` may be NULL. Errors as of si_text_measure, and SI_ERR_LIMIT for an
 * image of more than 2^26 pixels. */
SI_NODISCARD si_result si_text_render(const si_richtext *text, const si_text_style *style,
    const si_font_data *fonts, const si_text_window *window, si_image *out,
    si_text_metrics *metrics, si_diag *diag);

#endif
