/* The commands of the protocol (reference/commands.md) as one table, in alphabetical order whatever
 * the case. Parsing, error messages, `explain`, `compat` and docs/protocol.md are made from it.
 *
 * X(name, handler, scope, comp, flags, rank, section, values, initial, help)
 * - name: as in a URL
 * - handler: si_set_<handler>() applies the value; commands of one slot share it. `none` =
 * collect.c
 * - scope: SI_SCOPE_…, whom the command is for
 * - comp: SI_COMP_…, where it goes in the composite's segment
 * - flags: SI_TAKES_EMPTY and so on, command.h
 * - rank: SI_CLASS_… of section 11
 * - section: of reference/commands.md
 * - values: grammar; what is outside of a range with … is clamped (P5)
 * - initial: default, a value or the attribute it comes from */
#ifndef SI_REQUEST_COMMANDS_H
#define SI_REQUEST_COMMANDS_H

#include "picture/limits.h"

#define SI_USM_TEXT                                                                                \
    SI_RANGE_TEXT(0, SI_USM_AMOUNT_MAX)                                                            \
    "[," SI_RANGE_TEXT(0, SI_USM_RADIUS_MAX) "[," SI_RANGE_TEXT(0, SI_USM_THRESHOLD_MAX) "[,0|1]]" \
                                                                                         "]"

#define SI_COMMANDS(X)                                                                             \
    X("align", align, VIEW, NONE, 0, CORE, "3", "real,real in " SI_SYMMETRIC_TEXT(SI_ALIGN_MAX),   \
        "0,0", "where the picture sits in the view, or a watermark on the picture")                \
    X("anchor", anchor, SOURCE, LAYER0, 0, COMMON, "4.3", "x,y", "Anchor, else the centre",        \
        "point of the source that rotate turns about and pos places")                              \
    X("anchorN", anchor, SOURCE, LAYER0, 0, COMMON, "4.3", "x,y", "0,0",                           \
        "anchor from the source's centre, fractions")                                              \
    X("bfc", bfc, REQUEST, NONE, SI_SURVIVES, CORE, "2.1", "on|off", "Bfc",                        \
        "send the smallest format the browser shows")                                              \
    X("bgc", bgc, VIEW, NONE, SI_NOT_NESTED, CORE, "3", "color", "BkgColor",                       \
        "colour under transparency and in uncovered areas")                                        \
    X("bgColor", bgColor, LAYER, LAYER0, 0, COMMON, "4.2", "color", "0,0,0,0",                     \
        "fill of the layer's rectangle after everything else")                                     \
    X("blendMode", blendMode, LAYER, IGNORED, SI_EFFECTS, COMMON, "4.4",                           \
        "norm|dissolve|lighten|darken|mult|screen", "norm",                                        \
        "how the layer is drawn on those below")                                                   \
    X("cache", cache, REQUEST, NONE, SI_SURVIVES, CORE, "2",                                       \
        "on|off|validate|update or client,server", "on", "what may keep the reply")                \
    X("clipPath", clipPath, LAYER, COMPOSITE, 0, RARE, "4.4", "path", "",                          \
        "transparent outside of the path")                                                         \
    X("clipPathE", clipPathE, LAYER, COMPOSITE, 0, RARE, "4.4", "path name,…", "",                 \
        "transparent outside of embedded paths")                                                   \
    X("clipXPath", clipXPath, LAYER, COMPOSITE, 0, RARE, "4.4", "path", "",                        \
        "transparent inside of the path; needs clipPath")                                          \
    X("clipXPathE", clipXPathE, LAYER, COMPOSITE, 0, RARE, "4.4", "path name,…", "",               \
        "transparent inside of embedded paths; needs clipPath")                                    \
    X("color", color, LAYER, LAYER0, SI_EFFECTS, COMMON, "4.2", "color", "",                       \
        "colour of solid layers and effects; else the fill before rotate")                         \
    X("colorize", op_colorize, LAYER, COMPOSITE, 0, RARE, "5",                                     \
        "color[,off|norm[," SI_RANGE_TEXT(0, SI_PERCENT_MAX) "]]", ",norm,0",                      \
        "old spelling of op_colorize")                                                             \
    X("crop", crop, SOURCE, LAYER0, 0, CORE, "4.3", "x,y,w,h", "the whole image",                  \
        "part of the source, pixels")                                                              \
    X("cropN", crop, SOURCE, LAYER0, 0, CORE, "4.3", "x,y,w,h", "0,0,1,1",                         \
        "part of the source, fractions")                                                           \
    X("cropPathE", cropPathE, LAYER, COMPOSITE, 0, RARE, "4.3", "path name,…", "",                 \
        "crop to embedded paths")                                                                  \
    X("defaultImage", defaultImage, REQUEST, NONE, SI_TAKES_EMPTY, CORE, "2", "object or empty",   \
        "DefaultImage", "what is sent for a missing image")                                        \
    X("dpr", dpr, REQUEST, NONE, SI_SURVIVES, CORE, "2.1", "off|on[,real > 0]", "Dpr",             \
        "pixel ratio")                                                                             \
    X("effect", none, REQUEST, NONE, 0, COMMON, "4.1", "int ≠ 0", "",                              \
        "opens an effect's segment: < 0 behind the layer, > 0 inside it")                          \
    X("effectMask", effectMask, REQUEST, NONE, 0, COMMON, "2", "0|1", "ApplyEffectMask",           \
        "cut effects where they overlap their layer")                                              \
    X("extend", extend, LAYER, LAYER0, 0, COMMON, "4.3", "left,top,right,bottom", "0,0,0,0",       \
        "margins added after rotate, pixels")                                                      \
    X("extendN", extend, LAYER, LAYER0, 0, COMMON, "4.3", "left,top,right,bottom", "0,0,0,0",      \
        "extend in fractions of the layer")                                                        \
    X("fit", fit, VIEW, NONE, 0, CORE, "3", "fit|constrain|crop|wrap|stretch|hfit|vfit[,0|1]",     \
        "fit,0", "how wid and hei are filled, and whether the picture may be enlarged")            \
    X("flip", flip, LAYER, COMPOSITE, 0, COMMON, "4.3", "lr|ud|lrud", "", "mirror")                \
    X("fmt", fmt, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES, CORE, "6.1",                         \
        "format[,rgb|gray|cmyk[,compression]]", "jpeg", "format of the reply")                     \
    X("handler", handler, REQUEST, NONE, SI_SURVIVES, COMMON, "2", SI_HANDLER_GRAMMAR,             \
        "s7jsonResponse", "JSONP function")                                                        \
    X("hei", hei, VIEW, NONE, SI_SURVIVES, CORE, "3", "int > 0", "", "height of the view")         \
    X("hide", hide, LAYER, LAYER0, 0, COMMON, "4.1", "0|1", "0", "1 = the layer is not drawn")     \
    X("icc", icc, REQUEST, NONE, 0, CORE, "6.2",                                                   \
        "profile[,perceptual|relative|saturation|absolute[,0|1[,0|1]]]",                           \
        "IccProfile… of the output", "output profile, intent, black point compensation, dither")   \
    X("iccEmbed", iccEmbed, REQUEST, NONE, SI_NOT_NESTED, CORE, "6.2", "0|1", "0",                 \
        "embed the output profile")                                                                \
    X("id", id, REQUEST, NONE, SI_SURVIVES, CORE, "2", "text", "",                                 \
        "version tag, changes nothing; JSONP request id")                                          \
    X("imageSet", imageSet, REQUEST, NONE, SI_RAW, COMMON, "2", "{set}, or set",                   \
        "ImageSet of the record", "media set of req=set")                                          \
    X("jpegSize", jpegSize, REQUEST, NONE, 0, COMMON, "6.2", "kilobytes ≥ 0", "0",                 \
        "largest JPEG; 0 = any")                                                                   \
    X("labelkey", labelkey, REQUEST, NONE, 0, COMMON, "2", "key", "",                              \
        "UserData key of labels of req=set")                                                       \
    X("layer", none, REQUEST, NONE, 0, CORE, "4.1", "n[,name] | comp[,name] | name", "comp",       \
        "opens a layer's segment")                                                                 \
    X("locale", locale, REQUEST, NONE, SI_SURVIVES, RARE, "2", "locale id", "DefaultLocale",       \
        "language of ids and strings")                                                             \
    X("map", map, LAYER, COMPOSITE, SI_TAKES_EMPTY, RARE, "4.4", "AREA elements", "",              \
        "image map in layer coordinates")                                                          \
    X("mapA", map, LAYER, LAYER0, SI_TAKES_EMPTY, RARE, "4.4", "AREA elements", "Map",             \
        "image map in source coordinates")                                                         \
    X("mask", mask, LAYER, LAYER0, SI_RAW | SI_MASK, COMMON, "4.2",                                \
        "object | is(path?query) | (url)", "MaskPath, else the image's alpha",                     \
        "mask of the layer")                                                                       \
    X("maskUse", maskUse, LAYER, LAYER0, SI_EFFECTS, COMMON, "4.2", "norm|invert|off", "norm",     \
        "how the mask is used")                                                                    \
    X("message", message, REQUEST, NONE, 0, VENDOR, "7.2", "text", "",                             \
        "text that req=message logs")                                                              \
    X("name", name, REQUEST, NONE, 0, VENDOR, "7.2", "path", "",                                   \
        "file of req=saveToFile, which is switched off")                                           \
    X("network", network, REQUEST, NONE, SI_SURVIVES, CORE, "2.1", "on|off", "off",                \
        "adapt to the network")                                                                    \
    X("op_blur", op_blur, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "5",                               \
        SI_RANGE_TEXT(0, SI_BLUR_MAX), "0", "Gaussian blur, composite pixels")                     \
    X("op_brightness", op_brightness, LAYER, COMPOSITE, 0, COMMON, "5",                            \
        SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), "0", "brightness")                                        \
    X("op_colorBalance", op_colorBalance, LAYER, COMPOSITE, 0, COMMON, "5",                        \
        "r,g,b in " SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), "0,0,0", "shift of each component")           \
    X("op_colorize", op_colorize, LAYER, COMPOSITE, 0, COMMON, "5",                                \
        "color[,off|norm[," SI_RANGE_TEXT(0, SI_PERCENT_MAX) "]]", ",norm,0",                      \
        "colour a picture by its luminance; the last value is contrast")                           \
    X("op_contrast", op_contrast, LAYER, COMPOSITE, 0, COMMON, "5",                                \
        SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), "0", "contrast")                                          \
    X("op_grow", op_grow, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "5",                               \
        SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), "0", "dilate or erode, composite pixels")                 \
    X("op_growMask", op_growMask, LAYER, LAYER0, 0, COMMON, "5", SI_SYMMETRIC_TEXT(SI_LEVEL_MAX),  \
        "0", "dilate or erode the mask, pixels of its full size")                                  \
    X("op_growMaskR", op_growMask, LAYER, LAYER0, 0, COMMON, "5", SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), \
        "0", "op_growMask in pixels of the mask as it is")                                         \
    X("op_hue", op_hue, LAYER, COMPOSITE, 0, COMMON, "5", SI_SYMMETRIC_TEXT(SI_HUE_MAX), "0",      \
        "rotation of the hue, degrees")                                                            \
    X("op_invert", op_invert, LAYER, COMPOSITE, 0, COMMON, "5", "0|1", "0", "negative")            \
    X("op_noise", op_noise, LAYER, COMPOSITE, SI_EFFECTS, RARE, "5",                               \
        SI_RANGE_TEXT(0, SI_PERCENT_MAX) "[,uniform|gaussian[,0|1]]", "0,uniform,0",               \
        "noise, %; 1 = gray")                                                                      \
    X("op_saturation", op_saturation, LAYER, COMPOSITE, 0, COMMON, "5",                            \
        SI_SYMMETRIC_TEXT(SI_LEVEL_MAX), "0", "saturation")                                        \
    X("op_sharpen", op_sharpen, LAYER, VIEW, 0, CORE, "5", "0|1", "0", "basic sharpening")         \
    X("op_usm", op_usm, LAYER, VIEW, 0, CORE, "5", SI_USM_TEXT, "0,0,0,0",                         \
        "unsharp mask: amount, radius, threshold, brightness only")                                \
    X("op_usmR", op_usm, LAYER, VIEW, 0, COMMON, "5", SI_USM_TEXT, "0,0,0,0",                      \
        "op_usm whose radius is never scaled")                                                     \
    X("opac", opac, LAYER, COMPOSITE, SI_EFFECTS, COMMON, "4.4",                                   \
        SI_RANGE_TEXT(0, SI_PERCENT_MAX) "[," SI_RANGE_TEXT(0, SI_PERCENT_MAX) "]", "100,100",     \
        "opacity, and fill opacity")                                                               \
    X("origin", origin, LAYER, LAYER0, 0, COMMON, "4.3", "x,y", "the anchor",                      \
        "point of the finished layer that pos places")                                             \
    X("originN", origin, LAYER, LAYER0, 0, COMMON, "4.3", "x,y", "the anchor",                     \
        "origin from the layer's centre, fractions")                                               \
    X("pathAttr", pathAttr, LAYER, LAYER0, 0, RARE, "4.5", "norm|reverse[,start[,end]]",           \
        "norm,0,1", "part and direction of textPath")                                              \
    X("pathEmbed", pathEmbed, REQUEST, NONE, 0, RARE, "6.2", "0|1", "0", "copy layer 0's paths")   \
    X("perspective", perspective, LAYER, LAYER0, 0, RARE, "4.3", "8 reals[,R1|R2|R3|R3Tn]", "",    \
        "map the corners to points of the composite, pixels")                                      \
    X("perspectiveN", perspective, LAYER, LAYER0, 0, RARE, "4.3", "8 reals[,R1|R2|R3|R3Tn]", "",   \
        "perspective in fractions of the composite")                                               \
    X("pos", pos, LAYER, IGNORED, SI_EFFECTS, COMMON, "4.3", "x,y", "0,0",                         \
        "where the origin is put, from layer 0's origin, pixels")                                  \
    X("posN", pos, LAYER, IGNORED, 0, COMMON, "4.3", "x,y", "0,0", "pos in fractions of layer 0")  \
    X("printRes", printRes, REQUEST, NONE, SI_NOT_NESTED, CORE, "6.2", "dpi ≥ 0",                  \
        "PrintResolution, else the original's", "density tag of the reply")                        \
    X("pscan", pscan, REQUEST, NONE, 0, COMMON, "6.2", "auto|3|4|5", "auto",                       \
        "number of scans of pjpeg")                                                                \
    X("qlt", qlt, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES, CORE, "6.2",                         \
        SI_RANGE_TEXT(SI_QUALITY_MIN, SI_QUALITY_MAX) "[,0|1]", "JpegQuality",                     \
        "quality, and 1 for full chroma")                                                          \
    X("quantize", quantize, REQUEST, NONE, SI_NOT_NESTED, COMMON, "6.2",                           \
        "adaptive|web|mac[,diffuse|off[," SI_RANGE_TEXT(                                           \
            SI_COLORS_MIN, SI_COLORS_MAX) "[,RRGGBB…]]]",                                          \
        "adaptive,diffuse,256", "palette of GIF and png8")                                         \
    X("rect", rect, VIEW, NONE, 0, CORE, "3", "x,y,w,h[,scale]", "the whole view",                 \
        "window that is cut from the view")                                                        \
    X("req", req, REQUEST, NONE, SI_NOT_NESTED | SI_SURVIVES | SI_QUERY_ONLY, CORE, "7",           \
        "type[,text|javascript|xml|json[,encoding]]", "img",                                       \
        "what is asked for: an image, or facts")                                                   \
    X("res", res, SOURCE, LAYER0, 0, COMMON, "4.3", "real > 0", "",                                \
        "scale as res / Resolution; scale= and size= beat it")                                     \
    X("resMode", resMode, REQUEST, NONE, 0, CORE, "6.2", "bilin|bicub|sharp2|bisharp", "ResMode",  \
        "resampling kernel of all scaling")                                                        \
    X("rgn", rgn, VIEW, NONE, 0, COMMON, "3", "x,y,w,h", "the whole composite",                    \
        "part of the composite that is fitted into the view")                                      \
    X("rotate", rotate, LAYER, LAYER0, 0, COMMON, "4.3", "degrees", "0",                           \
        "rotate clockwise about the anchor")                                                       \
    X("scale", scale, SOURCE, LAYER0, 0, COMMON, "4.3", "real > 0", "1",                           \
        "scale of the source; size= beats it")                                                     \
    X("scl", scl, VIEW, NONE, 0, CORE, "3", "real > 0", "",                                        \
        "inverse scale of the view: 4 = a quarter of the size")                                    \
    X("size", size, LAYER, LAYER0, 0, CORE, "4.3", "w,h", "0,0", "size of the layer; 0 = free")    \
    X("sizeN", sizeN, LAYER, ERROR, 0, RARE, "4.3", "w,h", "",                                     \
        "size of the layer as fractions of layer 0")                                               \
    X("src", src, LAYER, LAYER0, SI_RAW | SI_CONTENT, COMMON, "4.2",                               \
        "object | is(path?query) | (url)", "the path's object in layer 0", "image of the layer")   \
    X("template", template, REQUEST, NONE, 0, COMMON, "2", "record", "",                           \
        "record whose Modifier is the layout; the path's object becomes $object$")                 \
    X("text", text, LAYER, LAYER0, SI_CONTENT, RARE, "4.5", "RTF or plain text", "",               \
        "text of the layer")                                                                       \
    X("textAngle", textAngle, LAYER, LAYER0, 0, RARE, "4.5", "degrees", "0",                       \
        "direction of the baseline, clockwise")                                                    \
    X("textAttr", textAttr, LAYER, LAYER0, 0, RARE, "4.5",                                         \
        "dpi[,off|norm|crisp|sharp|strong|smooth[,fixedRes|autoRes|maxRes[,wrap|noWrap|nbWrap]]]", \
        "72,norm,fixedRes,wrap", "resolution, antialiasing and wrapping of text")                  \
    X("textFlowPath", textFlowPath, LAYER, LAYER0, 0, RARE, "4.5", "path", "",                     \
        "area that textPs fills")                                                                  \
    X("textFlowXPath", textFlowXPath, LAYER, LAYER0, 0, RARE, "4.5", "path", "",                   \
        "area that textPs leaves free")                                                            \
    X("textPath", textPath, LAYER, LAYER0, 0, RARE, "4.5", "path", "", "baseline of textPs")       \
    X("textPs", text, LAYER, LAYER0, SI_CONTENT, RARE, "4.5", "RTF", "",                           \
        "text of the layer, laid out as Photoshop does")                                           \
    X("timeout", timeout, REQUEST, NONE, 0, VENDOR, "7.2", "ms", "60000",                          \
        "of req=saveToFile, which is switched off")                                                \
    X("type", type, REQUEST, NONE, SI_TAKES_EMPTY, COMMON, "2", "text", "",                        \
        "UserType that static content must have")                                                  \
    X("wid", wid, VIEW, NONE, SI_SURVIVES, CORE, "3", "int > 0", "", "width of the view")          \
    X("xmpEmbed", xmpEmbed, REQUEST, NONE, 0, RARE, "6.2", "0|1", "0", "copy layer 0's XMP packet")

#endif
