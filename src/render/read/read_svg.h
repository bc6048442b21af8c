/* SVG files: telling them from others, and reading them as text. Drawing them is in read_svg.c. */
#ifndef SI_RENDER_READ_READ_SVG_H
#define SI_RENDER_READ_READ_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* What the root element says that librsvg does not tell. */
typedef struct si_svg_root {
    bool stretch;   /* preserveAspectRatio="none" */
    bool font_size; /* it has a font-size of its own, which em and ex are counted in */
} si_svg_root;

/* True if the file at `fd`, plain or gzipped, is an XML document whose root element is named svg,
 * in SVG's namespace or in none, under whatever prefix. Declarations, comments, processing
 * instructions and a DOCTYPE may stand before it, up to a megabyte of them, in any encoding that
 * has ASCII's letters at their places, or in UTF-16 of either order with or without a mark.
 * Entities are expanded within expat's limit of amplification; nothing external is read. `root` may
 * be NULL. */
bool si_svg_is(int fd, si_svg_root *root);

/* The document as librsvg is to have it: inflated if it is gzipped, and UTF-16 with its byte order
 * mark. Allocated with malloc(), released by the caller. SI_ERR_LIMIT beyond 32 MB, SI_ERR_SOURCE
 * if it cannot be inflated, SI_ERR_IO, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_svg_text(int fd, uint8_t **text, size_t *len, si_diag *diag);

enum { SI_SVG_OCTAVES = 16 };

/* How many octaves of turbulence (numOctaves) a document wants beyond SI_SVG_OCTAVES, where each is
 * too faint to be seen, all filters together; 0 if it names no filter in use. Looks at the text
 * alone: of UTF-16, nothing is found. */
double si_svg_octaves(const uint8_t *text, size_t len);

#endif
