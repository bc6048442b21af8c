/* Colour values (docs/protocol.md, URLs). */
#ifndef SI_BASE_COLOR_H
#define SI_BASE_COLOR_H

#include <stdint.h>

#include "base/str.h"

typedef enum si_color_type { SI_COLOR_GRAY, SI_COLOR_RGB, SI_COLOR_CMYK } si_color_type;

typedef struct si_color {
    si_color_type type;
    double c[4];  /* components, 0…1: gray / R,G,B / C,M,Y,K */
    double alpha; /* 0…1, not premultiplied */
    bool source;  /* suffix s: belongs to the input profile of its pixel type */
} si_color;

/* Parses the whole text; false if it is not a colour. Hex digits of CMYK colours and their alpha
 * are per cent, as decimals are: `38393A3bK` is 56,57,58,59 % in the vendor's table of color
 * values, and what is above 64 (100 %) counts as that. Those of gray and RGB are 255ths. */
bool si_color_parse(si_str text, si_color *out);

/* Naive conversion to 8-bit RGB, 0xRRGGBB, alpha ignored. */
uint32_t si_color_rgb(const si_color *color);

#endif
