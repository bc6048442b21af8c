/* The commands of the protocol as one table, in alphabetical order whatever the case. Parsing,
 * error messages, `smartimg help`, `explain`, `compat` and docs/protocol.md are made from it. Only
 * command.c includes it.
 *
 * X(name, handler, scope, comp, flags, rank, section, parts, initial, help)
 * - name: as in a URL
 * - handler: si_set_<handler>() applies the value; commands of one slot share it. `none` =
 * collect.c
 * - scope: SI_SCOPE_…, whom the command is for
 * - comp: SI_COMP_…, where it goes in the composite's segment
 * - flags: SI_TAKES_EMPTY and so on, command.h
 * - rank: SI_CLASS_…, how common it is
 * - section: of docs/protocol.md
 * - parts: what stands between the commas of a value, in parentheses: kind, bounds, unit and words
 *   of each, by the macros below. Setters read values by it (parts.h), and the grammar that people
 *   see is made from it
 * - initial: default, in the order of the parts; FROM(…) = in words, or the attribute it comes from
 *
 * Bounds and words that recipes have, too, are those of picture/limits.h. */
#ifndef SI_REQUEST_COMMANDS_H
#define SI_REQUEST_COMMANDS_H

#include "base/network.h"
#include "picture/limits.h"

/* Parts of values (si_part, command.h). `label` is what the grammar shows instead of kind, bounds
 * or words. */
#define TEXT(label_)                                                                               \
    { .kind = SI_PART_TEXT, .label = label_ }
#define NEEDED(label_)                                                                             \
    { .kind = SI_PART_TEXT, .flags = SI_PART_NEEDED, .label = label_ }
#define FLAG                                                                                       \
    { .kind = SI_PART_FLAG }
#define WORDS_AS(label_, words_, flags_)                                                           \
    { .kind = SI_PART_WORDS, .flags = flags_, .words = words_, .label = label_ }
#define WORDS(words) WORDS_AS(NULL, words, 0)
#define NEEDED_WORDS(words) WORDS_AS(NULL, words, SI_PART_NEEDED)

/* Numbers: (bounds, unit), (label, bounds, unit) and (count, label, bounds, unit), where bounds are
 * `what lies beyond them, min, max`. */
#define NUMBERS(kind_, count_, label_, flags_, low, high, unit_)                                   \
    {                                                                                              \
        .kind = SI_PART_##kind_,                                                                   \
        .flags = (flags_) | ((count_) > 1 && ((flags_)&SI_PART_GAPS) == 0 ? SI_PART_NEEDED : 0),   \
        .count = count_, .min = low, .max = high, .unit = unit_, .label = label_                   \
    }
#define INT(...) NUMBERS(INT, 1, NULL, __VA_ARGS__)
#define REAL(...) NUMBERS(REAL, 1, NULL, __VA_ARGS__)
#define INT_AS(...) NUMBERS(INT, 1, __VA_ARGS__)
#define REAL_AS(...) NUMBERS(REAL, 1, __VA_ARGS__)
#define INTS(...) NUMBERS(INT, __VA_ARGS__)
#define REALS(...) NUMBERS(REAL, __VA_ARGS__)
#define HELD (SI_PART_LOW_HELD | SI_PART_HIGH_HELD)
#define REFUSED 0
#define ALL -SI_NUMBER_MAX, SI_NUMBER_MAX
#define ANY REFUSED, ALL

#define FROM(text) text, .initial_told = true

#define SI_CACHE_WORDS "on|off|validate|update"
#define SI_COLORIZE_PARTS                                                                          \
    (NEEDED("color"), WORDS(SI_COLORIZE_WORDS), REAL(HELD, 0, SI_PERCENT_MAX, "%"))
#define SI_PERSPECTIVE_PARTS(unit)                                                                 \
    (REALS(8, "8 reals", ANY, unit),                                                               \
        WORDS_AS(SI_PERSPECTIVE_WORDS "|R3Tn", SI_PERSPECTIVE_WORDS, SI_PART_CASE))
#define SI_USM_PARTS                                                                               \
    (REAL(HELD, 0, SI_USM_AMOUNT_MAX, ""), REAL(HELD, 0, SI_USM_RADIUS_MAX, "pixels"),             \
        INT(HELD, 0, SI_USM_THRESHOLD_MAX, "levels"), FLAG)

#define SI_COMMANDS(X)                                                                             \
    X("align", align, VIEW, NONE, 0, CORE, "View",                                                 \
        (REALS(2, "real,real", HELD, -SI_ALIGN_MAX, SI_ALIGN_MAX, "")), "0,0",                     \
        "where the picture sits in the view, or a watermark on the picture")                       \
    X("anchor", anchor, SOURCE, LAYER0, 0, COMMON, "Geometry of layers",                           \
        (REALS(2, "x,y", ANY, "pixels")), FROM("Anchor, else the centre"),                         \
        "point of the source that rotate turns about and pos places")                              \
    X("anchorN", anchor, SOURCE, LAYER0, 0, COMMON, "Geometry of layers",                          \
        (REALS(2, "x,y", ANY, "")), "0,0", "anchor from the source's centre, fractions")           \
    X("bfc", bfc, REQUEST, NONE, SI_SURVIVES, CORE, "Smart Imaging", (WORDS("on|off")),            \
        FROM("Bfc"), "send the smallest format the browser shows")                                 \
    X("bgc", bgc, VIEW, NONE, SI_NOT_NESTED, CORE, "View", (TEXT("color")), FROM("BkgColor"),      \
        "colour under transparency and in uncovered areas")                                        \
    X("bgColor", bgColor, LAYER, LAYER0, 0, COMMON, "Layers", (TEXT("color")), "0,0,0,0",          \
        "fill of the layer's rectangle after everything else")                                     \
    X("blendMode", blendMode, LAYER, IGNORED, SI_EFFECTS, COMMON, "Layers",                        \
        (WORDS(SI_BLEND_WORDS)), "norm", "how the layer is drawn on those below")                  \
    X("cache", cache, REQUEST, NONE, SI_SURVIVES, CORE, "Caching",                                 \
        (WORDS_AS(SI_CACHE_WORDS " or client,server", SI_CACHE_WORDS, 0)), "on",                   \
        "what may keep the reply")                                                                 \
    X("clipPath", clipPath, LAYER, COMPOSITE, 0, RARE, "Paths and perspective", (TEXT("path")),    \
        "", "transparent outside of the path")                                                     \
    X("clipPathE", clipPathE, LAYER, COMPOSITE, 0, RARE, "Paths and perspective",                  \
        (TEXT("path name,…")), "", "transparent outside of embedded paths")                        \
    X("clipXPath", clipXPath, LAYER, COMPOSITE, 0, RARE, "Paths and perspective", (TEXT("path")),  \
        "", "transparent inside of the path; needs clipPath")                                      \
    X("clipXPathE", clipXPathE, LAYER, COMPOSITE, 0, RARE, "Paths and perspective",                \
        (TEXT("path name,…")), "", "transparent inside of embedded paths; needs clipPath")         \
    X("color", color, LAYER, LAYER0, SI_EFFECTS, COMMON, "Layers", (TEXT("color")), "",            \
        "colour of solid layers and effects; else the fill before rotate")                         \
    X("colorize", op_colorize, LAYER, COMPOSITE, 0, RARE, "Colour and filters", SI_COLORIZE_PARTS, \
        ",norm,0", "old spelling of op_colorize")                                                  \
    X("crop", crop, SOURCE, LAYER0, 0, CORE, "Geometry of layers",                                 \
        (REALS(2, "x,y", ANY, "pixels"), REALS(2, "w,h", REFUSED, 0, SI_NUMBER_MAX, "pixels")),    \
        FROM("the whole image"), "part of the source, pixels")                                     \
    X("cropN", crop, SOURCE, LAYER0, 0, CORE, "Geometry of layers",                                \
        (REALS(2, "x,y", ANY, ""), REALS(2, "w,h", REFUSED, 0, SI_NUMBER_MAX, "")), "0,0,1,1",     \
        "part of the source, fractions")                                                           \
    X("cropPathE", cropPathE, LAYER, COMPOSITE, 0, RARE, "Paths and perspective",                  \
        (TEXT("path name,…")), "", "crop to embedded paths")                                       \
    X("defaultImage", defaultImage, REQUEST, NONE, SI_TAKES_EMPTY, CORE, "Errors",                 \
        (TEXT("object or empty")), FROM("DefaultImage"), "what is sent for a missing image")       \
    X("dpr", dpr, REQUEST, NONE, SI_SURVIVES, CORE, "Smart Imaging",                               \
        (NEEDED_WORDS("off|on"), REAL(REFUSED, SI_FACTOR_MIN, SI_NUMBER_MAX, "")), FROM("Dpr"),    \
        "pixel ratio: the one named, or without a number that of the client's screen")             \
    X("effect", none, REQUEST, NONE, 0, COMMON, "Effects", (TEXT("int ≠ 0")), "",                  \
        "opens an effect's segment: < 0 behind the layer, > 0 inside it")                          \
    X("effectMask", effectMask, REQUEST, NONE, 0, COMMON, "Effects", (FLAG),                       \
        FROM("ApplyEffectMask"), "cut effects where they overlap their layer")                     \
    X("extend", extend, LAYER, LAYER0, 0, COMMON, "Geometry of layers",                            \
        (REALS(4, "left,top,right,bottom", ANY, "pixels")), "0,0,0,0",                             \
        "margins added after rotate, pixels")                                                      \
    X("extendN", extend, LAYER, LAYER0, 0, COMMON, "Geometry of layers",                           \
        (REALS(4, "left,top,right,bottom", ANY, "")), "0,0,0,0",                                   \
        "extend in fractions of the layer")                                                        \
    X("fit", fit, VIEW, NONE, 0, CORE, "View", (NEEDED_WORDS(SI_FIT_WORDS), FLAG), "fit,0",        \
        "how wid and hei are filled, and whether the picture may be enlarged")                     \
    X("flip", flip, LAYER, COMPOSITE, 0, COMMON, "Geometry of layers", (WORDS("lr|ud|lrud")), "",  \
        "mirror")                                                                                  \
    X("fmt", fmt, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES, CORE, "Formats",                     \
        (NEEDED("format"), WORDS(SI_PIXEL_WORDS),                                                  \
            WORDS_AS("compression", SI_COMPRESSION_WORDS "|lossy|lossless", 0)),                   \
        "jpeg", "format of the reply")                                                             \
    X("handler", handler, REQUEST, NONE, SI_SURVIVES, COMMON, "Facts instead of pixels: `req=`",   \
        (TEXT(SI_HANDLER_GRAMMAR)), "s7jsonResponse", "JSONP function")                            \
    X("hei", hei, VIEW, NONE, SI_SURVIVES, CORE, "View",                                           \
        (INT(REFUSED, 1, SI_NUMBER_MAX, "pixels")), "", "height of the view")                      \
    X("hide", hide, LAYER, LAYER0, 0, COMMON, "Layers", (FLAG), "0", "1 = the layer is not drawn") \
    X("icc", icc, REQUEST, NONE, 0, CORE, "Formats",                                               \
        (NEEDED("profile"), WORDS(SI_INTENT_WORDS), FLAG, FLAG),                                   \
        FROM("IccProfile… of the output"),                                                         \
        "output profile, intent, black point compensation, dither")                                \
    X("iccEmbed", iccEmbed, REQUEST, NONE, SI_NOT_NESTED, CORE, "Formats", (FLAG), "0",            \
        "embed the output profile")                                                                \
    X("id", id, REQUEST, NONE, SI_SURVIVES, CORE, "Facts instead of pixels: `req=`",               \
        (TEXT("text")), "", "version tag, changes nothing; JSONP request id")                      \
    X("imageSet", imageSet, REQUEST, NONE, SI_RAW, COMMON, "Facts instead of pixels: `req=`",      \
        (TEXT("{set}, or set")), FROM("ImageSet of the record"), "media set of req=set")           \
    X("jpegSize", jpegSize, REQUEST, NONE, 0, COMMON, "Formats",                                   \
        (INT(SI_PART_UNIT, 0, SI_NUMBER_MAX, "kilobytes")), "0", "largest JPEG; 0 = any")          \
    X("labelkey", labelkey, REQUEST, NONE, 0, COMMON, "Facts instead of pixels: `req=`",           \
        (TEXT("key")), "", "UserData key of labels of req=set")                                    \
    X("layer", none, REQUEST, NONE, 0, CORE, "Layers", (TEXT("n[,name] | comp[,name] | name")),    \
        "comp", "opens a layer's segment")                                                         \
    X("locale", locale, REQUEST, NONE, SI_SURVIVES, RARE, "Records, presets, templates",           \
        (TEXT("locale id")), FROM("DefaultLocale"), "language of ids and strings")                 \
    X("map", map, LAYER, COMPOSITE, SI_TAKES_EMPTY, RARE, "Facts instead of pixels: `req=`",       \
        (TEXT("AREA elements")), "", "image map in layer coordinates")                             \
    X("mapA", map, LAYER, LAYER0, SI_TAKES_EMPTY, RARE, "Facts instead of pixels: `req=`",         \
        (TEXT("AREA elements")), FROM("Map"), "image map in source coordinates")                   \
    X("mask", mask, LAYER, LAYER0, SI_RAW | SI_MASK, COMMON, "Layers",                             \
        (TEXT("object | is(path?query) | (url)")), FROM("MaskPath, else the image's alpha"),       \
        "mask of the layer")                                                                       \
    X("maskUse", maskUse, LAYER, LAYER0, SI_EFFECTS, COMMON, "Layers", (WORDS(SI_MASK_USE_WORDS)), \
        "norm", "how the mask is used")                                                            \
    X("message", message, REQUEST, NONE, 0, VENDOR, "Facts instead of pixels: `req=`",             \
        (TEXT("text")), "", "text that req=message logs")                                          \
    X("name", name, REQUEST, NONE, 0, VENDOR, "Facts instead of pixels: `req=`", (TEXT("path")),   \
        "", "file of req=saveToFile, which is switched off")                                       \
    X("network", network, REQUEST, NONE, SI_SURVIVES, CORE, "Smart Imaging",                       \
        (WORDS("on|off" SI_NETWORK_MORE_WORDS), WORDS(SI_NETWORK_WORDS)), FROM("Network"),         \
        "adapt to the network, and what the client's script found it to be")                       \
    X("op_blur", op_blur, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "Colour and filters",              \
        (REAL(HELD, 0, SI_BLUR_MAX, "pixels")), "0", "Gaussian blur, composite pixels")            \
    X("op_brightness", op_brightness, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",           \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "")), "0", "brightness")                           \
    X("op_colorBalance", op_colorBalance, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",       \
        (INTS(3, "r,g,b", HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "")), "0,0,0",                        \
        "shift of each component")                                                                 \
    X("op_colorize", op_colorize, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",               \
        SI_COLORIZE_PARTS, ",norm,0",                                                              \
        "colour a picture by its luminance; the last value is contrast")                           \
    X("op_contrast", op_contrast, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",               \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "")), "0", "contrast")                             \
    X("op_grow", op_grow, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "Colour and filters",              \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "pixels")), "0",                                   \
        "dilate or erode, composite pixels")                                                       \
    X("op_growMask", op_growMask, LAYER, LAYER0, 0, COMMON, "Colour and filters",                  \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "pixels")), "0",                                   \
        "dilate or erode the mask, pixels of its full size")                                       \
    X("op_growMaskR", op_growMask, LAYER, LAYER0, 0, COMMON, "Colour and filters",                 \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "pixels")), "0",                                   \
        "op_growMask in pixels of the mask as it is")                                              \
    X("op_hue", op_hue, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",                         \
        (INT(HELD, -SI_HUE_MAX, SI_HUE_MAX, "degrees")), "0", "rotation of the hue, degrees")      \
    X("op_invert", op_invert, LAYER, COMPOSITE, 0, COMMON, "Colour and filters", (FLAG), "0",      \
        "negative")                                                                                \
    X("op_noise", op_noise, LAYER, COMPOSITE, SI_EFFECTS, RARE, "Colour and filters",              \
        (INT(HELD, 0, SI_PERCENT_MAX, "%"), WORDS("uniform|gaussian"), FLAG), "0,uniform,0",       \
        "noise, %; 1 = gray")                                                                      \
    X("op_saturation", op_saturation, LAYER, COMPOSITE, 0, COMMON, "Colour and filters",           \
        (INT(HELD, -SI_LEVEL_MAX, SI_LEVEL_MAX, "")), "0", "saturation")                           \
    X("op_sharpen", op_sharpen, LAYER, VIEW, 0, CORE, "Colour and filters", (FLAG), "0",           \
        "basic sharpening")                                                                        \
    X("op_usm", op_usm, LAYER, VIEW, 0, CORE, "Colour and filters", SI_USM_PARTS, "0,0,0,0",       \
        "unsharp mask: amount, radius, threshold, brightness only")                                \
    X("op_usmR", op_usm, LAYER, VIEW, 0, COMMON, "Colour and filters", SI_USM_PARTS, "0,0,0,0",    \
        "op_usm whose radius is never scaled")                                                     \
    X("opac", opac, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "Layers",                                \
        (INT(HELD, 0, SI_PERCENT_MAX, "%"), INT(HELD, 0, SI_PERCENT_MAX, "%")), "100,100",         \
        "opacity, and fill opacity")                                                               \
    X("origin", origin, LAYER, LAYER0, 0, COMMON, "Geometry of layers",                            \
        (REALS(2, "x,y", ANY, "pixels")), FROM("the anchor"),                                      \
        "point of the finished layer that pos places")                                             \
    X("originN", origin, LAYER, LAYER0, 0, COMMON, "Geometry of layers",                           \
        (REALS(2, "x,y", ANY, "")), FROM("the anchor"),                                            \
        "origin from the layer's centre, fractions")                                               \
    X("pathAttr", pathAttr, LAYER, LAYER0, 0, RARE, "Text",                                        \
        (WORDS("norm|reverse"), REAL_AS("start", SI_PART_HIGH_OPEN, 0, 1, ""),                     \
            REAL_AS("end", SI_PART_LOW_OPEN | SI_PART_HIGH_OPEN, 0, 2, "")),                       \
        "norm,0,1", "part and direction of textPath")                                              \
    X("pathEmbed", pathEmbed, REQUEST, NONE, 0, RARE, "Formats", (FLAG), "0",                      \
        "copy layer 0's paths")                                                                    \
    X("perspective", perspective, LAYER, LAYER0, 0, RARE, "Paths and perspective",                 \
        SI_PERSPECTIVE_PARTS("pixels"), "", "map the corners to points of the composite, pixels")  \
    X("perspectiveN", perspective, LAYER, LAYER0, 0, RARE, "Paths and perspective",                \
        SI_PERSPECTIVE_PARTS(""), "", "perspective in fractions of the composite")                 \
    X("pos", pos, LAYER, IGNORED, SI_EFFECTS, COMMON, "Geometry of layers",                        \
        (REALS(2, "x,y", ANY, "pixels")), "0,0",                                                   \
        "where the origin is put, from layer 0's origin, pixels")                                  \
    X("posN", pos, LAYER, IGNORED, 0, COMMON, "Geometry of layers", (REALS(2, "x,y", ANY, "")),    \
        "0,0", "pos in fractions of layer 0")                                                      \
    X("printRes", printRes, REQUEST, NONE, SI_NOT_NESTED, CORE, "Formats",                         \
        (INT(SI_PART_UNIT | SI_PART_HIGH_HELD, 0, SI_PRINT_RES_MAX, "dpi")),                       \
        FROM("PrintResolution, else the original's"), "density tag of the reply")                  \
    X("pscan", pscan, REQUEST, NONE, 0, COMMON, "Formats", (WORDS("auto|3|4|5")), "auto",          \
        "number of scans of pjpeg")                                                                \
    X("qlt", qlt, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES, CORE, "Formats",                     \
        (INT(SI_PART_NEEDED | HELD, SI_QUALITY_MIN, SI_QUALITY_MAX, ""), FLAG),                    \
        FROM("JpegQuality"), "quality, and 1 for full chroma")                                     \
    X("quantize", quantize, REQUEST, NONE, SI_NOT_NESTED, COMMON, "Formats",                       \
        (WORDS(SI_QUANTIZE_WORDS), WORDS("diffuse|off"),                                           \
            INT(REFUSED, SI_COLORS_MIN, SI_COLORS_MAX, "colours"), TEXT("RRGGBB…")),               \
        "adaptive,diffuse,256", "palette of GIF and png8")                                         \
    X("rect", rect, VIEW, NONE, 0, CORE, "View",                                                   \
        (INTS(2, "x,y", ANY, "pixels"), INTS(2, "w,h", REFUSED, 1, SI_NUMBER_MAX, "pixels"),       \
            REAL_AS("scale", REFUSED, SI_FACTOR_MIN, SI_NUMBER_MAX, "")),                          \
        FROM("the whole view"), "window that is cut from the view")                                \
    X("req", req, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES | SI_QUERY_ONLY, CORE,                \
        "Facts instead of pixels: `req=`",                                                         \
        (NEEDED("type"), WORDS(SI_BODY_WORDS),                                                     \
            WORDS_AS("encoding", "UTF-8|UTF-16|UTF-16LE|UTF-16BE|ISO-8859-1", 0)),                 \
        "img", "what is asked for: an image, or facts")                                            \
    X("res", res, SOURCE, LAYER0, 0, COMMON, "Geometry of layers",                                 \
        (REAL(SI_PART_LOW_OPEN, 0, SI_NUMBER_MAX, "dpi")), "",                                     \
        "scale as res / Resolution; scale= and size= beat it")                                     \
    X("resMode", resMode, REQUEST, NONE, 0, CORE, "View",                                          \
        (WORDS_AS(NULL, SI_RESMODE_WORDS, SI_PART_LENIENT)), FROM("ResMode"),                      \
        "resampling kernel of all scaling")                                                        \
    X("rgn", rgn, VIEW, NONE, 0, COMMON, "View",                                                   \
        (INTS(2, "x,y", ANY, "pixels"), INTS(2, "w,h", REFUSED, 1, SI_NUMBER_MAX, "pixels")),      \
        FROM("the whole composite"), "part of the composite that is fitted into the view")         \
    X("rotate", rotate, LAYER, LAYER0, 0, COMMON, "Geometry of layers",                            \
        (REAL(SI_PART_UNIT, ALL, "degrees")), "0", "rotate clockwise about the anchor")            \
    X("scale", scale, SOURCE, LAYER0, 0, COMMON, "Geometry of layers",                             \
        (REAL(SI_PART_LOW_OPEN, 0, SI_NUMBER_MAX, "")), "1",                                       \
        "scale of the source; size= beats it")                                                     \
    X("scl", scl, VIEW, NONE, 0, CORE, "View", (REAL(SI_PART_LOW_OPEN, 0, SI_NUMBER_MAX, "")), "", \
        "inverse scale of the view: 4 = a quarter of the size")                                    \
    X("size", size, LAYER, LAYER0, 0, CORE, "Geometry of layers",                                  \
        (INTS(2, "w,h", SI_PART_GAPS, 0, SI_NUMBER_MAX, "pixels")), "0,0",                         \
        "size of the layer; 0 = free")                                                             \
    X("sizeN", sizeN, LAYER, ERROR, 0, RARE, "Geometry of layers",                                 \
        (REALS(2, "w,h", REFUSED, 0, SI_NUMBER_MAX, "")), "",                                      \
        "size of the layer as fractions of layer 0")                                               \
    X("src", src, LAYER, LAYER0, SI_RAW | SI_CONTENT, COMMON, "Layers",                            \
        (TEXT("object | is(path?query) | (url)")), FROM("the path's object in layer 0"),           \
        "image of the layer")                                                                      \
    X("template", template, REQUEST, NONE, 0, COMMON, "Records, presets, templates",               \
        (TEXT("record")), "",                                                                      \
        "record whose Modifier is the layout; the path's object becomes $object$")                 \
    X("text", text, LAYER, LAYER0, SI_CONTENT, RARE, "Text", (TEXT("RTF or plain text")), "",      \
        "text of the layer")                                                                       \
    X("textAngle", textAngle, LAYER, LAYER0, 0, RARE, "Text",                                      \
        (REAL(SI_PART_UNIT, ALL, "degrees")), "0", "direction of the baseline, clockwise")         \
    X("textAttr", textAttr, LAYER, LAYER0, 0, RARE, "Text",                                        \
        (INT_AS("dpi", REFUSED, 1, SI_TEXT_DPI_MAX, "dpi"), WORDS(SI_ANTIALIAS_WORDS),             \
            WORDS(SI_TEXT_RESOLUTION_WORDS), WORDS(SI_TEXT_WRAP_WORDS)),                           \
        "72,norm,fixedRes,wrap", "resolution, antialiasing and wrapping of text")                  \
    X("textFlowPath", textFlowPath, LAYER, LAYER0, 0, RARE, "Text", (TEXT("path")), "",            \
        "area that textPs fills")                                                                  \
    X("textFlowXPath", textFlowXPath, LAYER, LAYER0, 0, RARE, "Text", (TEXT("path")), "",          \
        "area that textPs leaves free")                                                            \
    X("textPath", textPath, LAYER, LAYER0, 0, RARE, "Text", (TEXT("path")), "",                    \
        "baseline of textPs")                                                                      \
    X("textPs", text, LAYER, LAYER0, SI_CONTENT, RARE, "Text", (TEXT("RTF")), "",                  \
        "text of the layer, laid out as Photoshop does")                                           \
    X("timeout", timeout, REQUEST, NONE, 0, VENDOR, "Facts instead of pixels: `req=`",             \
        (INT_AS("ms", REFUSED, 0, SI_NUMBER_MAX, "ms")), "60000",                                  \
        "of req=saveToFile, which is switched off")                                                \
    X("type", type, REQUEST, NONE, SI_TAKES_EMPTY, COMMON, "Facts instead of pixels: `req=`",      \
        (TEXT("text")), "", "UserType that static content must have")                              \
    X("wid", wid, VIEW, NONE, SI_SURVIVES, CORE, "View",                                           \
        (INT(REFUSED, 1, SI_NUMBER_MAX, "pixels")), "", "width of the view")                       \
    X("xmpEmbed", xmpEmbed, REQUEST, NONE, 0, RARE, "Formats", (FLAG), "0",                        \
        "copy layer 0's XMP packet")

#endif
