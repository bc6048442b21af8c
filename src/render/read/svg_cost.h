/* What a drawing costs beyond what its text shows, told before librsvg sees it. A drawing of a few
 * hundred bytes can show a billion shapes: by entities, by `use` and all else that shows other
 * elements (patterns, masks, markers, clip paths), by filters, or by pictures within it. */
#ifndef SI_RENDER_READ_SVG_COST_H
#define SI_RENDER_READ_SVG_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* The most that is drawn. Costs are counted in elements; drawing one takes some microseconds. */
enum {
    SI_SVG_ELEMENTS = 100000,   /* in the text */
    SI_SVG_SHOWN = 100000,      /* elements shown by reference and work of filters, … */
    SI_SVG_SHOWN_TIMES = 4,     /* … and so many for each element in the text */
    SI_SVG_DEPTH = 256,         /* as libxml2 has it */
    SI_SVG_ATTRIBUTES = 2000,   /* of one element */
    SI_SVG_TEXTS = 10000,       /* elements of text */
    SI_SVG_LETTERS = 200000,    /* bytes in such */
    SI_SVG_MATCHES = 10000000,  /* rules of style sheets × elements */
    SI_SVG_STOPS = 1000,        /* of one gradient */
    SI_SVG_SCALE = 100000000,   /* of all transformations together; cairo's numbers end beyond */
    SI_SVG_FONT_SIZE = 50000,   /* in whatever unit */
    SI_SVG_KERNEL = 20,         /* side of a convolution's matrix */
    SI_SVG_FILTER_COST = 50,    /* of a primitive of a filter, in elements */
    SI_SVG_OCTAVE_COST = 10,    /* of an octave of turbulence */
    SI_SVG_LINES_COST = 2,      /* so many lines beside each other cost an element, … */
    SI_SVG_SORTING_COST = 300,  /* … and so does their number, squared, divided by this */
    SI_SVG_PICTURES = 32 << 20, /* pixels of all pictures within the drawing */
    SI_SVG_AMPLIFICATION = 20,  /* how much longer entities may make the text … */
    SI_SVG_FREE_ENTITIES = 1 << 20, /* … beyond these bytes */
};

/* SI_ERR_LIMIT with what is too much; SI_ERR_SOURCE if `text` is no well-formed XML; SI_ERR_MEMORY.
 * Nothing external is read. *filters tells whether there are any: their cost is by pixels, so it is
 * told once it is known how large the drawing is to be (SI_META_OCTAVES). */
SI_NODISCARD si_result si_svg_check_cost(
    const uint8_t *text, size_t len, bool *filters, si_diag *diag);

#endif
