/* Image maps (AREA elements) without links that run something in the page that shows them.
 *
 * The text is read as browsers do (HTML Living Standard, tokenization): attributes in any quotes,
 * character references in values, blanks and control characters in schemes. A link - HREF, SRC,
 * ACTION, FORMACTION, of any element - goes, attribute and all, unless it is relative or its scheme
 * is one of http, https, ftp, mailto, tel and sms; so do javascript:, vbscript: and data:. So
 * does what begins with a "=", which is no attribute. All else stays as it is written. */
#ifndef SI_BASE_MAP_LINKS_H
#define SI_BASE_MAP_LINKS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/str.h"

typedef enum si_map_source {
    SI_MAP_OF_COMPANY, /* a record's, which may have event handlers */
    SI_MAP_OF_REQUEST  /* ONCLICK and its like go, too */
} si_map_source;

/* Appends the text. False when memory runs out. */
bool si_map_links_clean(si_str html, si_map_source source, si_bytes *out);

/* The same as a copy in the arena; NULL when memory runs out. */
const char *si_map_links_copy(si_str html, si_map_source source, si_arena *arena);

#endif
