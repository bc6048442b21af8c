/* Colours: from whatever the file holds to 8-bit sRGB, or to what si_colour_spaces asks for.
 *
 * Resampling works on the file's own colours; the conversion comes after it, on few pixels. The
 * embedded profile is applied with lcms2, relative colorimetric with black point compensation
 * (attr::IccRenderIntent and IccBlackPointCompensation of the factory settings). */
#ifndef SI_RENDER_READ_COLOUR_H
#define SI_RENDER_READ_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include <lcms2.h>
#include <vips/vips.h>

#include "base/result.h"
#include "picture/recipe.h"
#include "base/icc.h"

/* How the colours of originals are read. Zero-initialized, as NULL is: into sRGB. All borrowed. */
typedef struct si_colour_spaces {
    si_icc assumed[3]; /* by si_pixel_type, for files that say nothing of their colours (attr::
                          IccProfileSrc*); {NULL, 0}: sRGB, its grey, libvips' own CMYK */
    si_icc working;    /* RGB profile to read into, so that colours outside sRGB survive; {NULL, 0}
                          = sRGB */
    si_intent intent; /* of the way into `working`; into sRGB it is relative with black point … */
    bool bpc;         /* … compensation, the factory settings */
    bool keep_inks;   /* opaque CMYK files stay as they are, making images with `cmyk` set, … */
    si_icc inks;      /* … if this is their profile; {NULL, 0} = whatever they have */
} si_colour_spaces;

/* How to read the samples of an image. Zero-initialize; release with si_colour_close(). */
typedef struct si_colour {
    int bands;               /* colour bands: 1 grey, 3 RGB, 4 CMYK (255 or 65535 = full ink) */
    bool alpha;              /* one more band of alpha follows in the file */
    bool rows_alpha;         /* the same for the rows given to si_colour_convert() */
    bool wide;               /* uint16_t samples, else uint8_t */
    bool keep;               /* the inks stay: si_colour_convert() gives C,M,Y,K bytes */
    cmsHTRANSFORM transform; /* to RGB; NULL where the samples are that already, or grey with the
                                curve of sRGB */
} si_colour;

/* Finds out how to read *image. Unusual pixels (floats, Lab, more bands) are turned into 8-bit sRGB
 * by replacing *image. With `add_alpha`, si_colour_convert() is given an alpha band even if the
 * file has none. The first of these counts that is there, whole, and fits the pixels: the embedded
 * profile; what the file says of its colours in numbers (colorimetry.h; before the profile where
 * that says so); the profile of `spaces` for their kind; sRGB, or libvips' built-in CMYK profile.
 * SI_ERR_UNSUPPORTED, SI_ERR_SOURCE. */
SI_NODISCARD si_result si_colour_open(
    si_colour *c, VipsImage **image, bool add_alpha, const si_colour_spaces *spaces, si_diag *diag);

/* Releases what si_colour_open() made; the image stays. */
void si_colour_close(si_colour *c);

/* Converts `n` pixels: from (bands + rows_alpha) samples of uint8_t or uint16_t to R,G,B or, with
 * alpha, R,G,B,A bytes, or C,M,Y,K if `keep`. Alpha is straight on both sides. */
void si_colour_convert(const si_colour *c, const void *from, uint8_t *to, int n);

/* Writes the description of the profile embedded in `image`; "" if there is none. */
void si_colour_profile_name(VipsImage *image, char *name, size_t size);

#endif
