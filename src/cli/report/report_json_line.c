#include "cli/report/report_json_line.h"

#include <stdlib.h>
#include <string.h>

/* What is left of the line. */
typedef struct reader {
    char *p, *end;
} reader;

static bool take(reader *r, char c) {
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t')) {
        r->p++;
    }
    if (r->p == r->end || *r->p != c) {
        return false;
    }
    r->p++;
    return true;
}

/* Writes a character below U+10000 as UTF-8. */
static char *put_utf8(unsigned c, char *out) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Undoes the escape at r->p, behind its backslash. The result is shorter. */
static bool take_escape(reader *r, char **out) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (r->p == r->end) {
        return false;
    }
    char c = *r->p++;
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter != NULL) {
        *(*out)++ = meant[letter - letters];
        return true;
    }
    char hex[5] = "";
    if (c != 'u' || r->end - r->p < 4) {
        return false;
    }
    memcpy(hex, r->p, 4);
    if (strspn(hex, "0123456789abcdefABCDEF") != 4) {
        return false;
    }
    r->p += 4;
    *out = put_utf8((unsigned)strtoul(hex, NULL, 16), *out);
    return true;
}

static bool take_string(reader *r, si_str *out) {
    if (!take(r, '"')) {
        return false;
    }
    char *begin = r->p, *to = r->p;
    while (r->p < r->end && *r->p != '"') {
        if (*r->p == '\\') {
            r->p++;
            if (!take_escape(r, &to)) {
                return false;
            }
        } else {
            *to++ = *r->p++;
        }
    }
    *out = (si_str){begin, (size_t)(to - begin)};
    return take(r, '"');
}

/* A string, or a number or a word as it stands. */
static bool take_value(reader *r, si_str *out) {
    if (take(r, '"')) {
        r->p--;
        return take_string(r, out);
    }
    char *begin = r->p;
    while (r->p < r->end && strchr(",} \t\"{[", *r->p) == NULL) {
        r->p++;
    }
    *out = (si_str){begin, (size_t)(r->p - begin)};
    return out->len > 0;
}

bool si_report_json_line(char *line, size_t len, si_str *method, si_str *target, int *status) {
    reader r = {line, line + len};
    si_str name, value, kind = SI_STR("request");
    long number = 0;
    *method = *target = (si_str){0};
    if (!take(&r, '{')) {
        return false;
    }
    do {
        if (!take_string(&r, &name) || !take(&r, ':') || !take_value(&r, &value)) {
            return false;
        }
        if (si_str_eq(name, SI_STR("kind"))) {
            kind = value;
        } else if (si_str_eq(name, SI_STR("method"))) {
            *method = value;
        } else if (si_str_eq(name, SI_STR("uri"))) {
            *target = value;
        } else if (si_str_eq(name, SI_STR("status")) && !si_str_int(value, &number)) {
            return false;
        }
    } while (take(&r, ','));
    if (!take(&r, '}')) {
        return false;
    }
    if (!si_str_eq(kind, SI_STR("request"))) {
        *method = *target = (si_str){0};
        return true;
    }
    *status = number > 0 && number < 1000 ? (int)number : 0;
    return *status != 0;
}
