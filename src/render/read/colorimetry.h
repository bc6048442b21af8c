/* Colours of samples told by numbers rather than by an ICC profile: chromaticities and a transfer
 * function, as PNG's cICP, sRGB, cHRM and gAMA chunks, JPEG XL's header and the nclx box of HEIF
 * and AVIF have them. Readers attach them to the image, colour.c makes a profile of them.
 *
 * Not looked at: the colorimetry tags of TIFF (section 20 of TIFF 6.0) and EXIF's ColorSpace and
 * interoperability index. libvips, ImageMagick, Pillow and browsers ignore them, and the vendor's
 * rule for files without an embedded profile is attr::IccProfileSrcRGB. */
#ifndef SI_RENDER_READ_COLORIMETRY_H
#define SI_RENDER_READ_COLORIMETRY_H

#include <stdbool.h>

#include <lcms2.h>
#include <vips/vips.h>

/* Code points of ISO/IEC 23091-2 ("CICP"), as the file has them. */
typedef struct si_cicp {
    int primaries, transfer, matrix;
    bool full_range;
} si_cicp;

/* Transfer functions by their CICP code points; the others mean sRGB's curve. */
enum {
    SI_TRANSFER_GAMMA = 0, /* light = sample ^ gamma; a code point that CICP reserves */
    SI_TRANSFER_BT709 = 1,
    SI_TRANSFER_UNSPECIFIED = 2,
    SI_TRANSFER_GAMMA22 = 4,
    SI_TRANSFER_GAMMA28 = 5,
    SI_TRANSFER_LINEAR = 8,
    SI_TRANSFER_LOG100 = 9,
    SI_TRANSFER_LOG316 = 10,
    SI_TRANSFER_SRGB = 13,
    SI_TRANSFER_PQ = 16,
    SI_TRANSFER_DCI = 17,
    SI_TRANSFER_HLG = 18,
    SI_TRANSFER_CAMERA709 =
        256, /* the inverse of BT.709's curve of cameras; no code point of CICP */
};

typedef struct si_colorimetry {
    double xy[8]; /* CIE x, y of red, green, blue, white */
    int transfer; /* SI_TRANSFER_* or any other code point of CICP */
    double gamma; /* for SI_TRANSFER_GAMMA, 0.1 … 10 */
    bool narrow;  /* black is 16 and white 235 of 255, or 4096 and 60160 of 65535 */
    bool first;   /* goes before an embedded ICC profile, as PNG's cICP does */
} si_colorimetry;

/* sRGB. */
si_colorimetry si_colorimetry_srgb(void);

/* What code points mean for RGB samples. False if the primaries or the transfer function are
 * unknown, reserved or unspecified. The matrix is left to the reader.
 */
bool si_colorimetry_of_cicp(const si_cicp *c, si_colorimetry *out);

/* False for what is no colour space: a point at infinity, primaries in a line, white outside of
 * them, a gamma out of range. */
bool si_colorimetry_is_valid(const si_colorimetry *c);

/* True if samples of `bands` colour bands (1 or 3) are those of sRGB. */
bool si_colorimetry_is_srgb(const si_colorimetry *c, int bands);

/* A profile for 1 (grey) or 3 colour bands of uint8_t or, if `wide`, uint16_t; the caller closes
 * it. NULL if it is not valid, or for lack of memory. PQ and HLG reach beyond
 * display white, and are brought into the range of sRGB by a curve over linear light in units of
 * 203 nits (the reference white of BT.2408): light up to 0.75 is kept, and what lies between there
 * and 1000 nits is compressed into 0.75…1. */
cmsHPROFILE si_colorimetry_profile(const si_colorimetry *c, int bands, bool wide);

/* Attaches a copy to the image, and finds it again there, or on what libvips derived from it. */
void si_colorimetry_attach(VipsImage *image, const si_colorimetry *c);
bool si_colorimetry_find(VipsImage *image, si_colorimetry *out);

#endif
