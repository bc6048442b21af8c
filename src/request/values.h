/* Values of commands, taken apart (docs/protocol.md, URLs; numbers are of docs/decisions.md). */
#ifndef SI_REQUEST_VALUES_H
#define SI_REQUEST_VALUES_H

#include "base/str.h"
#include "picture/limits.h"
#include "picture/picture.h"

/* A real as recipes hold it: rounded to 7 digits, never −0, so that print(scan(text)) is text. |v|
 * is at most SI_NUMBER_MAX. */
double si_canonical(double v);

/* False unless the whole text, blanks around it aside, is such a number. Ints accept reals, rounded
 * half up (P4); reals are canonical. Neither goes beyond ±SI_NUMBER_MAX. */
bool si_value_int(si_str s, int *out);
bool si_value_real(si_str s, double *out);

/* Takes the next part of a list and trims it; false if it is empty or missing, which counts as
 * absent. *rest is {NULL, 0} behind the last one. */
bool si_value_part(si_str *rest, si_str *part);

/* Whether a value has a number beyond ±SI_NUMBER_MAX in it: what to tell of a bad one. */
bool si_value_exceeds(si_str s);

/* Index of a keyword (any case, P1) in a NULL-ended list, or −1. */
int si_value_keyword(si_str s, const char *const *names);

/* Whether a text may stand as the function of a JSONP reply: JavaScript names of ASCII letters,
 * digits, "_" and "$", none beginning with a digit, parted by dots. The reference has letters and
 * digits only, but real clients send "altset_123" and "ng_jsonp_callback_0". */
#define SI_HANDLER_GRAMMAR "name[.name…] of letters, digits, _ and $"
bool si_value_handler(si_str s);

/* A colour with its alpha, naively converted to 8-bit RGB. */
bool si_value_paint(si_str s, si_paint *out);

double si_clamp_real(double v, double low, double high);

#endif
