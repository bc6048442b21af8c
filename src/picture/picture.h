/* A picture: layers, what is done to their composite, and the view of it.
 *
 * The outermost request has one, and so has every nested request, template, watermark
 * (docs/protocol.md, Records, presets, templates). Everything is resolved here: commands routed,
 * variables substituted, records merged, objects turned into files, defaults filled in. Fields that
 * hold their initial value (si_picture_init(), si_layer_init(), …) mean "not given".
 *
 * Coordinates are pixels from the top left corner of one of five spaces: the *source* is the
 * original as decoded, at its full resolution; the *layer* is the rectangle after crop, scale,
 * flip, rotate and extend; the *composite* is layer 0's layer rectangle; the *view* is the
 * composite scaled and placed into wid × hei; the *reply* is what rect cuts from the view. */
#ifndef SI_PICTURE_PICTURE_H
#define SI_PICTURE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

/* A file, and the state it was in. */
typedef struct si_file_ref {
    const char *path; /* relative to the served root, "" = none. With "/" before it: an upload
                         (base/uploads.h), an original in an origin (base/origin.h), or the name of
                         a colour profile that smartimg makes itself (base/icc.h), no file at all */
    uint64_t size;    /* bytes */
    int64_t time;     /* modification time, ns since 1970 */
} si_file_ref;

/* Straight alpha; 8 bits each. */
typedef struct si_paint {
    uint32_t rgb;  /* 0xRRGGBB */
    uint8_t alpha; /* 0 = transparent (nothing is drawn) */
} si_paint;

struct si_picture;

typedef enum si_source_kind {
    SI_SOURCE_NONE,
    SI_SOURCE_FILE,   /* `file` */
    SI_SOURCE_NESTED, /* `nested`: is(…) */
    SI_SOURCE_URL     /* `url`: a foreign image */
} si_source_kind;

/* Where pixels come from: src=, mask=, or the object of the path. */
typedef struct si_source {
    si_source_kind kind;
    si_file_ref file;
    const struct si_picture *nested; /* borrowed from the arena */
    const char *url;                 /* absolute, http or https */
    si_file_ref profile;             /* cat::IccProfile: assumed where the file embeds none */
    int smart_crop[2]; /* w, h of a named crop (docs/smart-crop.md): the part of the source with
                          this ratio that is worth most takes the source's place; 0,0 = none */
    double
        crop_rect[4]; /* … set by hand: x, y, w, h as fractions of the source; w = 0 = by content */
} si_source;

/* How a two-valued command was given. */
typedef enum si_unit { SI_UNIT_NONE, SI_UNIT_PIXELS, SI_UNIT_NORMALIZED } si_unit;

typedef struct si_point {
    si_unit unit;
    double v[2]; /* pixels, or fractions as the command says */
} si_point;

typedef enum si_blend {
    SI_BLEND_NORM,
    SI_BLEND_DISSOLVE,
    SI_BLEND_LIGHTEN,
    SI_BLEND_DARKEN,
    SI_BLEND_MULT,
    SI_BLEND_SCREEN
} si_blend;

typedef enum si_mask_use { SI_MASK_NORM, SI_MASK_INVERT, SI_MASK_OFF } si_mask_use;

enum { SI_FLIP_LR = 1, SI_FLIP_UD = 2 };

/* Parameters of op_usm. amount 0 = no filter. */
typedef struct si_usm {
    double amount; /* 0…5 */
    double radius; /* 0…250 pixels, of the image it is applied to */
    int threshold; /* 0…255 levels */
    bool mono;     /* brightness only */
    bool raw;      /* op_usmR: the radius is never scaled (docs/decisions.md, P19) */
} si_usm;

typedef enum si_colorize { SI_COLORIZE_NONE, SI_COLORIZE_OFF, SI_COLORIZE_NORM } si_colorize;

/* Operations op_*, in the order in which they run (docs/decisions.md, P20). All zero = nothing. */
typedef struct si_ops {
    int grow_mask;            /* −100…100 pixels of the full-size mask, … */
    bool grow_mask_raw;       /* … or of the mask as it is (op_growMaskR) */
    int brightness, contrast; /* −100…100 */
    int balance[3];           /* −100…100: r, g, b */
    int hue;                  /* −180…180 degrees */
    int saturation;           /* −100…100 */
    si_colorize colorize;
    uint32_t colorize_rgb;
    double colorize_contrast; /* 0…100 */
    bool invert;
    double blur; /* 0…100 composite pixels, σ */
    int grow;    /* −100…100 composite pixels */
    int noise;   /* 0…100 % */
    bool noise_gaussian, noise_mono;
    bool sharpen; /* layers only; the view has its own */
    si_usm usm;   /* likewise */
} si_ops;

/* An effect layer. */
typedef struct si_effect {
    int number; /* < 0 behind the parent, > 0 inside it; never 0 */
    si_paint color;
    si_blend blend;
    si_mask_use mask_use;
    int opac;    /* 0…100 */
    int grow;    /* composite pixels */
    double blur; /* composite pixels */
    int noise;
    bool noise_gaussian, noise_mono;
    si_point pos; /* offset from the parent */
} si_effect;

/* What both layers and the composite have. Paths are canonical path definitions or
 * lists of embedded path names, "" = none. */
typedef struct si_adjustments {
    int flip;              /* SI_FLIP_… */
    const char *crop_path; /* cropPathE */
    const char *clip_path, *clip_path_e, *clip_xpath, *clip_xpath_e;
    int opac[2]; /* opacity, fill opacity, 0…100 */
    si_ops ops;
    const si_effect *effects; /* ascending number */
    int effect_count;
    const char *map; /* AREA list in layer coordinates, for req=map only; NULL = not given, … */
    const char *map_source; /* … the same in source coordinates (mapA, cat::Map) */
} si_adjustments;

typedef enum si_layer_kind { SI_LAYER_IMAGE, SI_LAYER_SOLID, SI_LAYER_TEXT } si_layer_kind;

typedef enum si_perspective_mode {
    SI_PERSPECTIVE_NONE,
    SI_PERSPECTIVE_NEAREST,  /* R1 */
    SI_PERSPECTIVE_BILINEAR, /* R2 */
    SI_PERSPECTIVE_SUPER     /* R3, the default */
} si_perspective_mode;

typedef struct si_perspective {
    si_perspective_mode mode;
    bool normalized; /* perspectiveN */
    double v[8];     /* x,y of the source's TL, TR, BR, BL */
    int jitter;      /* 0…200 */
} si_perspective;

/* A font that a text layer uses: a row of its font map. */
typedef struct si_font_ref {
    const char *name; /* face as in \fonttbl */
    bool bold, italic;
    si_file_ref file;
} si_font_ref;

/* A text layer (docs/text.md). Enumerations count in the order of the reference's lists. */
typedef struct si_text_ref {
    const char *rtf;     /* as given, variables substituted and strings localized */
    bool ps;             /* textPs */
    int dpi;             /* > 0 */
    int antialias;       /* off norm crisp sharp strong smooth */
    int resolution_mode; /* fixedRes autoRes maxRes */
    int wrap;            /* wrap noWrap nbWrap */
    double angle;        /* degrees, clockwise */
    const char *path, *flow_path, *flow_xpath; /* path definitions, "" = none */
    bool path_reverse;
    double path_start, path_end;
    const char *default_font; /* attr::DefaultFont, "" = none */
    bool synthesize;          /* attr::SynthesizeFontStyles */
    const si_font_ref *fonts; /* those that si_richtext_font_find() chooses from, no more */
    int font_count;
} si_text_ref;

typedef struct si_layer {
    int number; /* ≥ 0, draw order */
    si_layer_kind kind;
    bool hide;
    si_source source; /* image layers */
    si_source mask;   /* mask= or cat::MaskPath; NONE = the image's own alpha */
    si_mask_use mask_use;
    bool has_color;
    si_paint color, bg_color;

    /* geometry */
    si_unit crop_unit; /* NONE = the whole source */
    double crop[4];    /* x, y, w, h */
    int size[2];       /* w, h; 0 = free; both 0 = not given */
    double size_n[2];  /* sizeN, fractions of layer 0; both 0 = not given */
    double scale;      /* scale= or res= ÷ resolution; 0 = not given */
    double rotate;     /* degrees, clockwise, 0 ≤ v < 360 */
    si_perspective perspective;
    si_unit extend_unit;
    double extend[4]; /* left, top, right, bottom */
    si_point anchor;  /* pixels of the source, or from its centre */
    si_point origin;  /* pixels of the layer, or from its centre */
    si_point pos;     /* composite pixels, or fractions of layer 0 */

    si_blend blend;
    si_adjustments adjustments;
    si_text_ref text; /* text layers */
} si_layer;

/* fit= */
typedef enum si_fit {
    SI_FIT_FIT,
    SI_FIT_CONSTRAIN,
    SI_FIT_CROP,
    SI_FIT_WRAP,
    SI_FIT_STRETCH,
    SI_FIT_HFIT,
    SI_FIT_VFIT
} si_fit;

/* Resampling kernels (docs/decisions.md, P34) */
typedef enum si_resmode {
    SI_RESMODE_BILIN,
    SI_RESMODE_BICUB,
    SI_RESMODE_SHARP2,
    SI_RESMODE_BISHARP
} si_resmode;

/* Thumbnails; NONE = an ordinary view. */
typedef enum si_thumb { SI_THUMB_NONE, SI_THUMB_CROP, SI_THUMB_FIT, SI_THUMB_TEXTURE } si_thumb;

/* Composite → view → reply. */
typedef struct si_view {
    int wid, hei; /* pixels, 0 = not given */
    double scl;   /* inverse scale factor, 0 = not given */
    si_fit fit;
    bool upscale;    /* second value of fit */
    double align[2]; /* horizontal, vertical: −1…1 */
    bool has_rgn;
    int rgn[4]; /* x, y, w, h in composite pixels */
    bool has_rect;
    int rect[4];        /* x, y, w, h in view pixels at rect_scale */
    double rect_scale;  /* 1 = view resolution */
    int max_pix[2];     /* largest reply, pixels; 0 = no limit */
    int default_pix[2]; /* view cap when wid, hei and scl are absent; 0 = none */
    si_resmode resmode;
    si_usm usm;   /* on the view */
    bool sharpen; /* on the view */
    si_thumb thumb;
    double thumb_scale; /* Texture: ThumbRes ÷ Resolution */
} si_view;

typedef struct si_picture {
    const si_layer *layers; /* ascending number; layers[0] is layer 0, always there */
    int layer_count;
    si_adjustments comp; /* on the composite; usm and sharpen are in the view */
    bool effect_mask;    /* effectMask */
    si_view view;
} si_picture;

/* The file of layer 0's source; its path is "" if that is no file. The picture has a layer 0. */
static inline const si_file_ref *si_picture_file(const si_picture *p) {
    return &p->layers[0].source.file;
}

/* Everything "not given". A picture has no layers yet. */
void si_picture_init(si_picture *p);
void si_layer_init(si_layer *l, int number);
void si_adjustments_init(si_adjustments *l);
void si_effect_init(si_effect *e, int number);

/* True if the picture is one image layer without anything but crop, size and sharpening: the path
 * that nearly all requests take. */
bool si_picture_is_simple(const si_picture *p);

/* True if foreign images take part in the picture, nested ones too. */
bool si_picture_is_foreign(const si_picture *p);

/* Calls `visit` for the address of every foreign image that the picture needs, nested ones too, in
 * the order in which they are looked at; stops when it returns false, and returns that. */
bool si_picture_urls(
    const si_picture *p, bool (*visit)(void *context, const char *url), void *context);

/* Calls `visit` for every file that the picture needs, nested ones too, in a fixed order; stops
 * when it returns false, and returns that. */
bool si_picture_files(
    const si_picture *p, bool (*visit)(void *context, const si_file_ref *file), void *context);

#endif
