/* ICC profiles as facts: their names and what kind of colour they are for. No colour engine here,
 * so the front side can use it; profiles are made and applied in codec/profile.h and render/. */
#ifndef SI_BASE_ICC_H
#define SI_BASE_ICC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/format.h"

/* A profile's bytes, borrowed; {NULL, 0} = none. */
typedef struct si_icc {
    const void *data;
    size_t len;
} si_icc;

/* Bytes at the start of a profile that si_icc_type() needs. */
enum { SI_ICC_HEADER = 128 };

/* Reads the kind of colour from a profile's header (ICC.1 section 7.2); `len` may be that of the
 * header alone. False if this is no profile, or one for other colours, such as Lab or six inks. */
bool si_icc_type(const void *data, size_t len, si_pixel_type *out);

/* False if a table of colours in the profile (ICC.1 sections 10.10 and 10.11, lut16Type and
 * lut8Type) says that it is larger than its tag: colour engines make room for what it says first.
 * True for what is no profile. */
bool si_icc_tables_fit(const void *data, size_t len);

/* Tone curves of the spaces below: sRGB's own (IEC 61966-2-1), else a power. */
#define SI_CURVE_SRGB 0.0

/* A standard colour space that is fully told by a few numbers, so that its profile is made rather
 * than shipped. CMYK spaces are measured, not computed: their profiles are files of the company. */
typedef struct si_icc_space {
    const char *name; /* short name (as vendor catalogs have it), goes into recipes */
    const char *long_name;
    si_pixel_type type; /* RGB, or gray, which has no primaries */
    double gamma;
    double white[2];        /* CIE x, y */
    double primaries[3][2]; /* red, green, blue: CIE x, y */
} si_icc_space;

/* The standard space of this name (`len` bytes, short or long, any case, with or without ".icc");
 * NULL if it is none. */
const si_icc_space *si_icc_space_by_name(const char *name, size_t len);

#endif
