/* Percent-encoding of addresses (RFC 3986, section 2.1). */
#ifndef SI_BASE_PERCENT_H
#define SI_BASE_PERCENT_H

#include <stdbool.h>

#include "base/str.h"

/* Decodes %XX (and + as blank, if `plus`) from `s` into `out`, which needs s.len bytes; returns the
 * decoded length. A malformed escape stays as it is. */
size_t si_percent_decode(si_str s, bool plus, char *out);

/* Writes the byte as %XX, three characters with upper-case digits, and returns what follows them.
 */
char *si_percent_encode_byte(unsigned char byte, char *out);

/* Writes `s`, percent-encoding what is not printable ASCII, and the characters of `also`. `out`
 * needs 3 bytes for each of s, and one for the NUL at the end. Returns the address of the NUL. */
char *si_percent_encode(si_str s, const char *also, char *out);

#endif
