/* Writing JSON (RFC 8259): strings that may stand in a script, and members of objects in files. */
#ifndef SI_BASE_JSON_H
#define SI_BASE_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/str.h"

/* Appends text as a string that may stand in a script: no `<` or `>`, so that a value never ends a
 * script element, and no U+2028 or U+2029, which end lines for older browsers. Bytes that are no
 * UTF-8 are taken for Latin-1. False if out of memory. */
bool si_json_put(si_bytes *out, const void *text, size_t len);

/* Writes text as a string into `out`, which needs SI_JSON_ROOM(text.len) bytes, for one line of a
 * file: no byte or character of it ends a line for anybody (LF, U+0085, U+2028 …). Bytes that are
 * no UTF-8 are taken for Latin-1. Returns the end; there is no NUL. */
char *si_json_write(si_str text, char *out);
#define SI_JSON_ROOM(len) (6 * (len) + 2)

/* Writes "text": what is not UTF-8 becomes U+FFFD. */
void si_json_string(FILE *to, const char *text);

/* Writes `"name":"text"`. */
void si_json_text(FILE *to, const char *name, const char *text);

/* Writes `"name":v` with that many decimals; null if v is NAN. */
void si_json_number(FILE *to, const char *name, double v, int decimals);

#endif
