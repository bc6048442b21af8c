/* Company attributes (reference/catalog.md section 3) as one table, from which parsing, checks,
 * `smartimg config check` and the reference page are made.
 *
 * X(name, field, type, minimum, maximum, default, unit, help) */
#ifndef SI_CATALOG_ATTRIBUTES_H
#define SI_CATALOG_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

/* Types: BOOL true|false|1|0 · INT · REAL · PAIR "w,h" of ints · QUALITY "1…100[,0|1]" ·
 * COLOR as commands.md 1.2 (RGB forms) · RESMODE name or number · TEXT */
#define SI_ATTRIBUTES(X)                                                                           \
    X(Bfc, bfc, BOOL, 0, 1, "false", "", "convert JPEG and PNG replies to what each browser shows best") \
    X(Avif, avif, BOOL, 0, 1, "true", "", "AVIF may be sent to browsers that show it")             \
    X(Jxl, jxl, BOOL, 0, 1, "true", "", "JPEG XL may be sent to clients that ask for it")          \
    X(Dpr, dpr, BOOL, 0, 1, "false", "", "scale replies by the pixel ratio the client hints name") \
    X(MaxPix, max_pix, PAIR, 0, 65500, "4096,4096", "pixels", "largest reply; 0 = no limit")       \
    X(DefaultPix, default_pix, PAIR, 0, 65500, "1280,1280", "pixels", "view cap when no size is asked for; 0 = none") \
    X(BkgColor, bkg_color, COLOR, 0, 0, "FFFFFF", "", "fill where the image does not reach")       \
    X(JpegQuality, jpeg_quality, QUALITY, 1, 100, "80,0", "", "qlt of requests that name none; flag 1 = full chroma") \
    X(ResMode, res_mode, RESMODE, 0, 0, "sharp2", "", "resampling kernel: bilin, bicub, sharp2, bisharp (or 1 to 4)") \
    X(Expiration, expiration, REAL, -1, 87600, "10", "hours", "time to live of images; -1 = never expires") \
    X(DefaultExpiration, default_expiration, REAL, -1, 87600, "1", "hours", "time to live of default images") \
    X(NonImgExpiration, non_img_expiration, REAL, -1, 87600, "0.1", "hours", "time to live of property replies") \
    X(DefaultImage, default_image, TEXT, 0, 0, "", "", "object sent when an image is not found; empty = error") \
    X(DefaultImageMode, default_image_mode, INT, 0, 1, "0", "", "0 = default image replaces the whole request, 1 = the missing source only") \
    X(UseLastModified, use_last_modified, BOOL, 0, 1, "true", "", "send Last-Modified, the source file's time") \
    X(RootPath, root_path, TEXT, 0, 0, "", "", "folder of the company's images below the served root; empty = the company's name") \
    X(DefaultExt, default_ext, TEXT, 0, 0, "", "", "extension tried first when a name has none, such as .tif") \
    X(PrintResolution, print_resolution, INT, 0, 10000, "0", "dpi", "density tag of replies; 0 = none")

/* C type of each attribute type. */
typedef bool si_attr_BOOL;
typedef int si_attr_INT;
typedef double si_attr_REAL;
typedef struct si_attr_pair {
    int w, h;
} si_attr_PAIR;
typedef struct si_attr_quality {
    int quality;
    bool chroma_full;
} si_attr_QUALITY;
typedef uint32_t si_attr_COLOR;
typedef int si_attr_RESMODE; /* si_resmode */
typedef const char *si_attr_TEXT;

typedef struct si_attributes {
#define X(name, field, type, minimum, maximum, initial, unit, help) si_attr_##type field;
    SI_ATTRIBUTES(X)
#undef X
} si_attributes;

#endif
