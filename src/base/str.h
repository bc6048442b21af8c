/* Borrowed text with a length, and the lexical rules of values (docs/protocol.md, URLs). */
#ifndef SI_BASE_STR_H
#define SI_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed bytes, not NUL-terminated. */
typedef struct si_str {
    const char *p;
    size_t len;
} si_str;

#define SI_STR(literal) ((si_str){(literal), sizeof(literal) - 1})
#define SI_STR_ARG(s) (int)(s).len, (s).p /* for printf's %.*s */

static inline si_str si_str_of(const char *text) {
    return (si_str){text, text != NULL ? strlen(text) : 0};
}

bool si_str_eq(si_str a, si_str b);
bool si_str_eq_nocase(si_str a, si_str b); /* ASCII letters only, whatever the locale */
bool si_str_starts(si_str s, si_str prefix);
si_str si_str_trim(si_str s); /* without blanks and tabs at both ends */

/* Bytes of the UTF-8 character that `s` begins with, 1 to 4; 0 if it begins with none. */
size_t si_str_utf8(si_str s);

/* Takes the part of *rest before the first `sep` (all of it if there is none) and moves *rest
 * behind that separator. False, and *part empty, once *rest is used up (rest->p == NULL). */
bool si_str_next(si_str *rest, char sep, si_str *part);

/* Copies `s` into `out`, which needs s.len bytes and may be s.p itself, with each run of "/" as
 * one. Returns the length. */
size_t si_str_merge_slashes(si_str s, char *out);

/* The same for lines, which end with CR, LF or CR LF; the ends are in no line. */
bool si_str_next_line(si_str *rest, si_str *line);

/* Numbers: ints accept a real, rounded half up (docs/decisions.md, P4); reals are decimal with `.`,
 * no exponent, no NaN, independent of the locale. The whole text must be the number. */
bool si_str_int(si_str s, long *out);
bool si_str_real(si_str s, double *out);
bool si_str_flag(si_str s, bool *out); /* of requests: 0 1 true false, in any case */

/* A boolean of the configuration, by the words people write: 0 1 true false yes no on off, in any
 * case. */
bool si_str_switch(si_str s, bool *out);

/* Whether a text may be the name of an HTTP header that is configured: 1 to SI_FIELD_NAME_MAX of
 * the letters, digits, "-" and "_", which nginx takes. */
enum { SI_FIELD_NAME_MAX = 64 };
bool si_str_is_field_name(si_str s);

/* Lists of words as tables have them, "lr|ud|lrud". Index of a word, with or without regard to the
 * case of ASCII letters, −1 = not in the list; and the word of an index, p == NULL = behind the
 * last one. */
int si_words_find(const char *words, si_str word, bool any_case);
si_str si_words_at(const char *words, int index);

/* Prints a real in its shortest form that reads back as the same 7 digits, of which at most 6
 * behind the point: no exponent, no trailing zeros, locale-independent. `out` needs 32 bytes.
 * Returns out. |v| ≤ 1e9. */
char *si_real_print(double v, char *out);

#endif
