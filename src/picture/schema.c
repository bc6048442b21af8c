#include "picture/schema.h"

#include <stddef.h>

#include "picture/limits.h"

/* Words of enumerations: those of commands (limits.h) and those that only recipes have. */
static const char req_words[] = "img|mask|props|imageprops|xmp|map|set|crop|save";
static const char unit_words[] = "none|px|n";
static const char thumb_words[] = "none|crop|fit|texture";
static const char source_words[] = "none|file|is|url";
static const char layer_words[] = "image|solid|text";
static const char format_words[] =
#define X(id, name, ...) "|" name
    SI_FORMATS(X)
#undef X
    ;

/* Rows. THIS is the structure that the following ones are about. */
#define ROW(key, kind, member, count, always, low, high, words, schema, count_offset)              \
    {                                                                                              \
        key, SI_FIELD_##kind, offsetof(THIS, member), count, always, low, high, words, schema,     \
            count_offset                                                                           \
    }
#define F(key, kind, member) ROW(key, kind, member, 1, false, 0, 0, NULL, NULL, 0)
#define ALWAYS(key, kind, member) ROW(key, kind, member, 1, true, 0, 0, NULL, NULL, 0)
#define R(key, kind, member, low, high) ROW(key, kind, member, 1, false, low, high, NULL, NULL, 0)
#define N(key, kind, member, count) ROW(key, kind, member, count, false, 0, 0, NULL, NULL, 0)
#define NR(key, kind, member, count, low, high)                                                    \
    ROW(key, kind, member, count, false, low, high, NULL, NULL, 0)
#define E(key, member, words) ROW(key, ENUM, member, 1, false, 0, 0, words, NULL, 0)
#define IN(key, member, schema) ROW(key, STRUCT, member, 1, false, 0, 0, NULL, &schema, 0)
#define AT(key, member, schema) ROW(key, POINTER, member, 1, false, 0, 0, NULL, &schema, 0)
#define LIST(key, member, schema, count)                                                           \
    ROW(key, LIST, member, 1, false, 0, 0, NULL, &schema, offsetof(THIS, count))
#define END                                                                                        \
    { .key = NULL }

#define MOST SI_NUMBER_MAX

static const si_schema schema_picture;

/* ---- sources ---- */

static const void *initial_source(void) {
    static const si_source source = {.file = {.path = ""}, .profile = {.path = ""}, .url = ""};
    return &source;
}

#define THIS si_source
static const si_field source_fields[] = {E("kind", kind, source_words), F("file", FILE, file),
    AT("is", nested, schema_picture), F("url", TEXT, url), F("profile", FILE, profile),
    NR("smart", INT, smart_crop, 2, 0, SI_CROP_SIDE_MAX),
    NR("part", REAL, crop_rect, 4, -1000, 1000), END};
#undef THIS

static bool valid_source(const void *value) {
    const si_source *s = value;
    return (s->kind == SI_SOURCE_FILE) == (s->file.path[0] != '\0') &&
           (s->kind == SI_SOURCE_NESTED) == (s->nested != NULL && s->nested->layer_count > 0) &&
           (s->kind == SI_SOURCE_URL) == (s->url[0] != '\0') &&
           (s->smart_crop[0] > 0) == (s->smart_crop[1] > 0);
}

static const si_schema schema_source = {
    source_fields, sizeof(si_source), initial_source, valid_source, true};

/* ---- what is done to layers and composites ---- */

#define THIS si_usm
static const si_field usm_fields[] = {R("amount", REAL, amount, 0, SI_USM_AMOUNT_MAX),
    R("radius", REAL, radius, 0, SI_USM_RADIUS_MAX),
    R("threshold", INT, threshold, 0, SI_USM_THRESHOLD_MAX), F("mono", BOOL, mono),
    F("raw", BOOL, raw), END};
#undef THIS

static const void *initial_usm(void) {
    static const si_usm usm;
    return &usm;
}

static const si_schema schema_usm = {usm_fields, sizeof(si_usm), initial_usm, NULL, true};

#define THIS si_ops
static const si_field ops_fields[] = {R("growmask", INT, grow_mask, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    F("growmaskraw", BOOL, grow_mask_raw),
    R("brightness", INT, brightness, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    R("contrast", INT, contrast, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    NR("balance", INT, balance, 3, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    R("hue", INT, hue, -SI_HUE_MAX, SI_HUE_MAX),
    R("saturation", INT, saturation, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    E("colorize", colorize, "none|" SI_COLORIZE_WORDS), F("colorizergb", COLOR, colorize_rgb),
    R("colorizecontrast", REAL, colorize_contrast, 0, SI_PERCENT_MAX), F("invert", BOOL, invert),
    R("blur", REAL, blur, 0, SI_BLUR_MAX), R("grow", INT, grow, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    R("noise", INT, noise, 0, SI_PERCENT_MAX), F("noisegaussian", BOOL, noise_gaussian),
    F("noisemono", BOOL, noise_mono), F("sharpen", BOOL, sharpen), IN("usm", usm, schema_usm), END};
#undef THIS

static const void *initial_ops(void) {
    static const si_ops ops;
    return &ops;
}

static const si_schema schema_ops = {ops_fields, sizeof(si_ops), initial_ops, NULL, true};

/* "pos=px,3,4": the unit is a field of its own, as in every point. */
#define POINT(key, member)                                                                         \
    E(key "unit", member.unit, unit_words), NR(key, REAL, member.v, 2, -MOST, MOST)

#define THIS si_effect
static const si_field effect_fields[] = {ALWAYS("n", INT, number), F("color", PAINT, color),
    E("blend", blend, SI_BLEND_WORDS), E("maskuse", mask_use, SI_MASK_USE_WORDS),
    R("opac", INT, opac, 0, SI_PERCENT_MAX), R("grow", INT, grow, -SI_LEVEL_MAX, SI_LEVEL_MAX),
    R("blur", REAL, blur, 0, SI_BLUR_MAX), R("noise", INT, noise, 0, SI_PERCENT_MAX),
    F("noisegaussian", BOOL, noise_gaussian), F("noisemono", BOOL, noise_mono), POINT("pos", pos),
    END};
#undef THIS

static const void *initial_effect(void) {
    static const si_effect effect = {.opac = 100};
    return &effect;
}

static bool valid_effect(const void *value) {
    return ((const si_effect *)value)->number != 0;
}

static const si_schema schema_effect = {
    effect_fields, sizeof(si_effect), initial_effect, valid_effect, false};

#define THIS si_adjustments
static const si_field adjustment_fields[] = {R("flip", INT, flip, 0, SI_FLIP_LR | SI_FLIP_UD),
    F("croppath", TEXT, crop_path), F("clip", TEXT, clip_path), F("clipe", TEXT, clip_path_e),
    F("clipx", TEXT, clip_xpath), F("clipxe", TEXT, clip_xpath_e),
    NR("opac", INT, opac, 2, 0, SI_PERCENT_MAX), IN("ops", ops, schema_ops),
    LIST("effect", effects, schema_effect, effect_count), F("map", MAYBE, map),
    F("mapa", MAYBE, map_source), END};
#undef THIS

static const void *initial_adjustments(void) {
    static si_adjustments adjustments;
    if (adjustments.crop_path == NULL) {
        si_adjustments_init(&adjustments);
    }
    return &adjustments;
}

static const si_schema schema_adjustments = {
    adjustment_fields, sizeof(si_adjustments), initial_adjustments, NULL, true};

/* ---- layers ---- */

#define THIS si_perspective
static const si_field perspective_fields[] = {E("mode", mode, "none|" SI_PERSPECTIVE_WORDS),
    F("n", BOOL, normalized), NR("v", REAL, v, 8, -MOST, MOST),
    R("jitter", INT, jitter, 0, SI_JITTER_MAX), END};
#undef THIS

static const void *initial_perspective(void) {
    static const si_perspective perspective;
    return &perspective;
}

static const si_schema schema_perspective = {
    perspective_fields, sizeof(si_perspective), initial_perspective, NULL, true};

#define THIS si_font_ref
static const si_field font_fields[] = {ALWAYS("name", TEXT, name), F("bold", BOOL, bold),
    F("italic", BOOL, italic), F("file", FILE, file), END};
#undef THIS

static const void *initial_font(void) {
    static const si_font_ref font = {.name = "", .file = {.path = ""}};
    return &font;
}

static const si_schema schema_font = {font_fields, sizeof(si_font_ref), initial_font, NULL, false};

#define THIS si_text_ref
static const si_field text_fields[] = {F("rtf", TEXT, rtf), F("ps", BOOL, ps),
    R("dpi", INT, dpi, 1, SI_TEXT_DPI_MAX), R("aa", INT, antialias, 0, SI_ANTIALIAS_MAX),
    R("res", INT, resolution_mode, 0, SI_TEXT_RESOLUTION_MAX),
    R("wrap", INT, wrap, 0, SI_TEXT_WRAP_MAX),
    R("angle", REAL, angle, -SI_DEGREES_MAX, SI_DEGREES_MAX), F("path", TEXT, path),
    F("flow", TEXT, flow_path), F("flowx", TEXT, flow_xpath), F("reverse", BOOL, path_reverse),
    R("start", REAL, path_start, 0, 1), R("end", REAL, path_end, 0, 2),
    F("face", TEXT, default_font), F("synthesize", BOOL, synthesize),
    LIST("font", fonts, schema_font, font_count), END};
#undef THIS

static const void *initial_layer(void) {
    static si_layer layer;
    if (layer.text.rtf == NULL) {
        si_layer_init(&layer, 0);
    }
    return &layer;
}

static const void *initial_text(void) {
    return &((const si_layer *)initial_layer())->text;
}

static const si_schema schema_text = {text_fields, sizeof(si_text_ref), initial_text, NULL, true};

#define THIS si_layer
static const si_field layer_fields[] = {ALWAYS("n", INT, number), E("kind", kind, layer_words),
    F("hide", BOOL, hide), IN("src", source, schema_source), IN("mask", mask, schema_source),
    E("maskuse", mask_use, SI_MASK_USE_WORDS), F("hascolor", BOOL, has_color),
    F("color", PAINT, color), F("bgcolor", PAINT, bg_color), E("cropunit", crop_unit, unit_words),
    NR("crop", REAL, crop, 4, -MOST, MOST), NR("size", INT, size, 2, 0, MOST),
    NR("sizen", REAL, size_n, 2, 0, MOST), R("scale", REAL, scale, 0, MOST),
    R("rotate", REAL, rotate, 0, SI_DEGREES_MAX),
    IN("perspective", perspective, schema_perspective), E("extendunit", extend_unit, unit_words),
    NR("extend", REAL, extend, 4, -MOST, MOST), POINT("anchor", anchor), POINT("origin", origin),
    POINT("pos", pos), E("blend", blend, SI_BLEND_WORDS),
    IN("adjust", adjustments, schema_adjustments), IN("text", text, schema_text), END};
#undef THIS

static bool valid_layer(const void *value) {
    return ((const si_layer *)value)->number >= 0;
}

static const si_schema schema_layer = {
    layer_fields, sizeof(si_layer), initial_layer, valid_layer, false};

/* ---- pictures ---- */

#define THIS si_view
static const si_field view_fields[] = {ALWAYS("wid", INT, wid), ALWAYS("hei", INT, hei),
    R("scl", REAL, scl, 0, MOST), E("fit", fit, SI_FIT_WORDS), F("upscale", BOOL, upscale),
    NR("align", REAL, align, 2, -SI_ALIGN_MAX, SI_ALIGN_MAX), F("hasrgn", BOOL, has_rgn),
    NR("rgn", INT, rgn, 4, -MOST, MOST), F("hasrect", BOOL, has_rect),
    NR("rect", INT, rect, 4, -MOST, MOST), R("rectscale", REAL, rect_scale, SI_FACTOR_MIN, MOST),
    NR("maxpix", INT, max_pix, 2, 0, MOST), NR("defpix", INT, default_pix, 2, 0, MOST),
    ROW("resmode", ENUM, resmode, 1, true, 0, 0, SI_RESMODE_WORDS, NULL, 0),
    IN("usm", usm, schema_usm), F("sharpen", BOOL, sharpen), E("thumb", thumb, thumb_words),
    R("thumbscale", REAL, thumb_scale, SI_FACTOR_MIN, MOST), END};
#undef THIS

static const void *initial_picture(void) {
    static si_picture picture;
    if (picture.comp.crop_path == NULL) {
        si_picture_init(&picture);
    }
    return &picture;
}

static const void *initial_view(void) {
    return &((const si_picture *)initial_picture())->view;
}

static bool valid_view(const void *value) {
    const si_view *v = value;
    return v->wid >= 0 && v->hei >= 0 && (!v->has_rect || (v->rect[2] > 0 && v->rect[3] > 0)) &&
           (!v->has_rgn || (v->rgn[2] > 0 && v->rgn[3] > 0));
}

static const si_schema schema_view = {
    view_fields, sizeof(si_view), initial_view, valid_view, false};

#define THIS si_picture
static const si_field picture_fields[] = {LIST("layer", layers, schema_layer, layer_count),
    IN("comp", comp, schema_adjustments), F("effectmask", BOOL, effect_mask),
    IN("view", view, schema_view), END};
#undef THIS

/* Ascending numbers from layer 0 on. A media set shows no picture. */
static bool valid_picture(const void *value) {
    const si_picture *p = value;
    for (int i = 1; i < p->layer_count; i++) {
        if (p->layers[i].number <= p->layers[i - 1].number) {
            return false;
        }
    }
    return p->layer_count == 0 || p->layers[0].number == 0;
}

static const si_schema schema_picture = {
    picture_fields, sizeof(si_picture), initial_picture, valid_picture, false};

#define THIS si_watermark
static const si_field watermark_fields[] = {IN("pic", picture, schema_picture),
    NR("sizen", REAL, size_n, 2, 0, MOST), NR("align", REAL, align, 2, -SI_ALIGN_MAX, SI_ALIGN_MAX),
    E("blend", blend, SI_BLEND_WORDS), R("opac", INT, opac, 0, SI_PERCENT_MAX), END};
#undef THIS

static const void *initial_watermark(void) {
    static si_watermark watermark = {.opac = 100};
    if (watermark.picture.comp.crop_path == NULL) {
        si_picture_init(&watermark.picture);
    }
    return &watermark;
}

static bool valid_watermark(const void *value) {
    return ((const si_watermark *)value)->picture.layer_count > 0;
}

static const si_schema schema_watermark = {
    watermark_fields, sizeof(si_watermark), initial_watermark, valid_watermark, false};

/* ---- the recipe ---- */

#define THIS si_quantize_command
static const si_field quantize_fields[] = {E("kind", kind, SI_QUANTIZE_WORDS),
    F("nodither", BOOL, no_dither), R("colors", INT, colors, 0, SI_COLORS_MAX),
    F("forced", TEXT, forced), END};
#undef THIS

static const void *initial_quantize(void) {
    static const si_quantize_command quantize = {.forced = ""};
    return &quantize;
}

static const si_schema schema_quantize = {
    quantize_fields, sizeof(si_quantize_command), initial_quantize, NULL, true};

#define THIS si_fact
static const si_field fact_fields[] = {
    ALWAYS("name", TEXT, name), ALWAYS("value", TEXT, value), END};
#undef THIS

static const void *initial_fact(void) {
    static const si_fact fact = {"", ""};
    return &fact;
}

static const si_schema schema_fact = {fact_fields, sizeof(si_fact), initial_fact, NULL, false};

#define THIS si_recipe
static const si_field recipe_fields[] = {ALWAYS("co", TEXT, company),
    ALWAYS("gen", U64, generation), E("req", req, req_words), E("body", body, SI_BODY_WORDS),
    F("encoding", TEXT, encoding), F("handler", TEXT, handler), F("id", TEXT, request_id),
    LIST("fact", facts, schema_fact, fact_count), F("set", TEXT, set), F("save", TEXT, save_name),
    IN("pic", picture, schema_picture), AT("mark", watermark, schema_watermark),
    ALWAYS("bgc", COLOR, bgc),
    ROW("dpr", REAL, dpr, 1, true, SI_FACTOR_MIN, SI_DPR_MAX, NULL, NULL, 0),
    F("dprheld", BOOL, dpr_held),
    ROW("fmt", ENUM, format, 1, true, 0, 0, format_words + 1, NULL, 0), F("alpha", BOOL, alpha),
    F("progressive", BOOL, progressive), R("scans", INT, scans, 0, SI_SCANS_MAX),
    F("palette", BOOL, palette), F("lossless", BOOL, lossless),
    E("compression", compression, SI_COMPRESSION_WORDS), E("pixel", pixel_type, SI_PIXEL_WORDS),
    F("pixelkeep", BOOL, pixel_keep),
    ROW("qlt", INT, quality, 1, true, SI_QUALITY_MIN, SI_QUALITY_MAX, NULL, NULL, 0),
    ALWAYS("chroma", BOOL, chroma_full), R("jpegsize", INT, jpeg_size, 0, MOST),
    IN("quantize", quantize, schema_quantize), F("icc", FILE, icc), F("iccname", TEXT, icc_name),
    E("intent", intent, SI_INTENT_WORDS), F("bpc", BOOL, black_point), F("dither", BOOL, dither),
    F("iccembed", BOOL, icc_embed), F("xmpembed", BOOL, xmp_embed),
    F("pathembed", BOOL, path_embed), R("dpi", INT, print_res, -1, SI_PRINT_RES_MAX),
    F("assumedrgb", FILE, assumed[0]), F("assumedgray", FILE, assumed[1]),
    F("assumedcmyk", FILE, assumed[2]), ALWAYS("smart", BOOL, smart),
    E("net", network, "unknown" SI_NETWORK_MORE_WORDS), END};
#undef THIS

static const void *initial_recipe(void) {
    static si_recipe recipe;
    if (recipe.company == NULL) {
        si_recipe_init(&recipe);
    }
    return &recipe;
}

/* A reply that shows something needs a picture. */
static bool valid_recipe(const void *value) {
    const si_recipe *r = value;
    return r->picture.layer_count > 0 || r->req == SI_REQ_SET;
}

const si_schema si_schema_recipe = {
    recipe_fields, sizeof(si_recipe), initial_recipe, valid_recipe, false};

bool si_recipe_is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_./:$", c) != NULL);
}
