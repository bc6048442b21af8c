/* The commands of the protocol (reference/commands.md) as one table. Parsing and error messages are
 * made from it.
 *
 * X(name, handler, section, values, help)
 *   name     as in a URL, any case; aliases have rows of their own
 *   handler  set_<handler>() in command.c parses the value; `inert` = known, changes no pixel here;
 *            `later` = known, would change the picture, answered with a clear error for now
 *   section  of reference/commands.md
 *   values   grammar of the value */
#ifndef SI_RECIPE_COMMANDS_H
#define SI_RECIPE_COMMANDS_H

#define SI_COMMANDS(X)                                                                             \
    X("wid", wid, "3", "int > 0", "width of the reply")                                            \
    X("hei", hei, "3", "int > 0", "height of the reply")                                           \
    X("scl", scl, "3", "real > 0", "inverse scale: 4 = a quarter of the size")                     \
    X("fit", fit, "3", "fit|constrain|crop|wrap|stretch|hfit|vfit[,0|1]", "how to fill wid and hei") \
    X("align", align, "3", "real,real in -1…1", "where the image sits in the view")                \
    X("bgc", bgc, "3", "color", "background")                                                      \
    X("rect", rect, "3", "x,y,w,h[,scale]", "window cut from the view")                            \
    X("crop", crop, "4.3", "x,y,w,h", "part of the source, pixels")                                \
    X("cropN", cropN, "4.3", "x,y,w,h", "part of the source, fractions")                           \
    X("size", size, "4.3", "w,h", "size of the layer")                                             \
    X("layer", layer, "4.1", "0|comp[,name]", "opens a segment")                                   \
    X("op_usm", op_usm, "5", "amount[,radius[,threshold[,mono]]]", "unsharp mask")                 \
    X("op_usmR", op_usm, "5", "amount[,radius[,threshold[,mono]]]", "unsharp mask, radius as is")  \
    X("op_sharpen", op_sharpen, "5", "0|1", "basic sharpening")                                    \
    X("fmt", fmt, "6.1", "format[,pixelType[,compression]]", "format of the reply")                \
    X("qlt", qlt, "6.2", "1…100[,0|1]", "quality, chroma flag")                                    \
    X("resMode", resMode, "6.2", "bilin|bicub|sharp2|bisharp", "resampling kernel")                \
    X("icc", icc, "6.2", "profile[,intent[,bpc[,dither]]]", "output profile")                      \
    X("iccEmbed", iccEmbed, "6.2", "0|1", "embed the output profile")                              \
    X("printRes", printRes, "6.2", "int", "density tag, dpi")                                      \
    X("bfc", bfc, "2.1", "on|off", "browser format conversion")                                    \
    X("dpr", dpr, "2.1", "off|on[,real > 0]", "pixel ratio")                                       \
    X("network", network, "2.1", "on|off", "adapt to the network")                                 \
    X("req", req, "7", "img|exists|imageprops[,text|javascript|xml|json]", "request type")         \
    X("handler", handler, "7.1", "[A-Za-z0-9]+", "JSONP function")                                 \
    X("id", id, "2", "text", "version tag, JSONP request id")                                      \
    X("cache", cache, "2", "on|off|validate|update|client,server", "cache control")                \
    X("defaultImage", defaultImage, "2", "object or empty", "substitute for a missing image")      \
    X("locale", inert, "2", "", "")                                                                \
    X("pscan", inert, "6.2", "", "")                                                               \
    X("quantize", inert, "6.2", "", "")                                                            \
    X("xmpEmbed", inert, "6.2", "", "")                                                            \
    X("pathEmbed", inert, "6.2", "", "")                                                           \
    X("labelkey", inert, "2", "", "")                                                              \
    X("type", inert, "2", "", "")                                                                  \
    X("message", inert, "2", "", "")                                                               \
    X("name", inert, "2", "", "")                                                                  \
    X("timeout", inert, "2", "", "")                                                               \
    X("map", inert, "4.4", "", "")                                                                 \
    X("mapA", inert, "4.4", "", "")                                                                \
    X("anchor", inert, "4.3", "", "") /* one layer, no rotation: nothing to anchor */              \
    X("anchorN", inert, "4.3", "", "")                                                             \
    X("origin", inert, "4.3", "", "")                                                              \
    X("originN", inert, "4.3", "", "")                                                             \
    X("pos", inert, "4.3", "", "")                                                                 \
    X("posN", inert, "4.3", "", "")                                                                \
    X("blendMode", inert, "4.4", "", "")                                                           \
    X("effectMask", inert, "2", "", "")                                                            \
    X("rgn", later, "3", "", "")                                                                   \
    X("effect", later, "4.1", "", "")                                                              \
    X("hide", later, "4.1", "", "")                                                                \
    X("src", later, "4.2", "", "")                                                                 \
    X("mask", later, "4.2", "", "")                                                                \
    X("maskUse", later, "4.2", "", "")                                                             \
    X("color", later, "4.2", "", "")                                                               \
    X("bgColor", later, "4.2", "", "")                                                             \
    X("cropPathE", later, "4.3", "", "")                                                           \
    X("sizeN", later, "4.3", "", "")                                                               \
    X("scale", later, "4.3", "", "")                                                               \
    X("res", later, "4.3", "", "")                                                                 \
    X("flip", later, "4.3", "", "")                                                                \
    X("rotate", later, "4.3", "", "")                                                              \
    X("perspective", later, "4.3", "", "")                                                         \
    X("perspectiveN", later, "4.3", "", "")                                                        \
    X("extend", later, "4.3", "", "")                                                              \
    X("extendN", later, "4.3", "", "")                                                             \
    X("opac", later, "4.4", "", "")                                                                \
    X("clipPath", later, "4.4", "", "")                                                            \
    X("clipPathE", later, "4.4", "", "")                                                           \
    X("clipXPath", later, "4.4", "", "")                                                           \
    X("clipXPathE", later, "4.4", "", "")                                                          \
    X("text", later, "4.5", "", "")                                                                \
    X("textPs", later, "4.5", "", "")                                                              \
    X("op_brightness", later, "5", "", "")                                                         \
    X("op_contrast", later, "5", "", "")                                                           \
    X("op_colorbalance", later, "5", "", "")                                                       \
    X("op_hue", later, "5", "", "")                                                                \
    X("op_saturation", later, "5", "", "")                                                         \
    X("op_colorize", later, "5", "", "")                                                           \
    X("op_invert", later, "5", "", "")                                                             \
    X("op_blur", later, "5", "", "")                                                               \
    X("op_grow", later, "5", "", "")                                                               \
    X("op_growMask", later, "5", "", "")                                                           \
    X("op_growMaskR", later, "5", "", "")                                                          \
    X("op_noise", later, "5", "", "")                                                              \
    X("jpegSize", later, "6.2", "", "")                                                            \
    X("template", later, "2", "", "")                                                              \
    X("imageSet", later, "2", "", "")

#endif
