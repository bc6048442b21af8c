/* Colour values (reference/commands.md section 1.2). */
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

/* Parses the whole text; false if it is not a colour. */
bool si_color_parse(si_str text, si_color *out);

/* Naive conversion to 8-bit RGB, 0xRRGGBB, alpha ignored. */
uint32_t si_color_rgb(const si_color *color);

#endif
