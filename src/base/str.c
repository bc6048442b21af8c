#include "base/str.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool si_str_eq(si_str a, si_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool si_str_eq_nocase(si_str a, si_str b) {
    if (a.len != b.len) {
        return false;
    }
    if (a.len == 0 || memcmp(a.p, b.p, a.len) == 0) { /* as names are usually written */
        return true;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool si_str_starts(si_str s, si_str prefix) {
    return s.len >= prefix.len && si_str_eq((si_str){s.p, prefix.len}, prefix);
}

si_str si_str_trim(si_str s) {
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

size_t si_str_utf8(si_str s) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s.len == 0) {
        return 0;
    }
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = p[0] & (n == 1 ? 0x7fu : 0x7fu >> n);
    if (n > s.len || (n > 1 && p[0] < 0xc2) || p[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    bool character = c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    return character ? n : 0;
}

size_t si_str_merge_slashes(si_str s, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '/' || n == 0 || out[n - 1] != '/') {
            out[n++] = s.p[i];
        }
    }
    return n;
}

bool si_str_next_line(si_str *rest, si_str *line) {
    *line = (si_str){NULL, 0};
    if (rest->p == NULL) {
        return false;
    }
    size_t n = 0;
    while (n < rest->len && rest->p[n] != '\r' && rest->p[n] != '\n') {
        n++;
    }
    *line = (si_str){rest->p, n};
    if (n == rest->len) {
        *rest = (si_str){NULL, 0};
        return true;
    }
    n += rest->p[n] == '\r' && n + 1 < rest->len && rest->p[n + 1] == '\n' ? 2 : 1;
    rest->p += n;
    rest->len -= n;
    return true;
}

bool si_str_next(si_str *rest, char sep, si_str *part) {
    if (rest->p == NULL) {
        *part = (si_str){NULL, 0};
        return false;
    }
    const char *at = rest->len > 0 ? memchr(rest->p, sep, rest->len) : NULL;
    if (at == NULL) {
        *part = *rest;
        *rest = (si_str){NULL, 0};
    } else {
        *part = (si_str){rest->p, (size_t)(at - rest->p)};
        rest->len -= part->len + 1;
        rest->p = at + 1;
    }
    return true;
}

bool si_str_real(si_str s, double *out) {
    bool negative = false;
    size_t i = 0;
    if (i < s.len && (s.p[i] == '+' || s.p[i] == '-')) {
        negative = s.p[i++] == '-';
    }
    double v = 0, unit = 1;
    bool digits = false, point = false;
    for (; i < s.len; i++) {
        char c = s.p[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            digits = true;
            if (point && (unit >= 1e15 || v >= 1e15)) {
                continue; /* scripts print 17 digits; these no longer change the value */
            }
            v = v * 10 + (c - '0');
            unit = point ? unit * 10 : unit;
        } else {
            return false;
        }
        if (v > 1e30) {
            return false;
        }
    }
    if (!digits) {
        return false;
    }
    *out = negative ? -(v / unit) : v / unit;
    return true;
}

bool si_str_int(si_str s, long *out) {
    double v;
    if (!si_str_real(s, &v) || fabs(v) > 9e15) {
        return false;
    }
    *out = (long)floor(v + 0.5);
    return true;
}

bool si_str_flag(si_str s, bool *out) {
    if (si_str_eq(s, SI_STR("1")) || si_str_eq_nocase(s, SI_STR("true"))) {
        *out = true;
        return true;
    }
    if (si_str_eq(s, SI_STR("0")) || si_str_eq_nocase(s, SI_STR("false"))) {
        *out = false;
        return true;
    }
    return false;
}

bool si_str_switch(si_str s, bool *out) {
    bool on = si_str_eq_nocase(s, SI_STR("yes")) || si_str_eq_nocase(s, SI_STR("on"));
    if (!on && !si_str_eq_nocase(s, SI_STR("no")) && !si_str_eq_nocase(s, SI_STR("off"))) {
        return si_str_flag(s, out);
    }
    *out = on;
    return true;
}

bool si_str_is_field_name(si_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return s.len > 0 && s.len <= SI_FIELD_NAME_MAX;
}

int si_words_find(const char *words, si_str word, bool any_case) {
    si_str rest = si_str_of(words), part;
    for (int i = 0; si_str_next(&rest, '|', &part); i++) {
        if (any_case ? si_str_eq_nocase(word, part) : si_str_eq(word, part)) {
            return i;
        }
    }
    return -1;
}

si_str si_words_at(const char *words, int index) {
    si_str rest = si_str_of(words), part = {NULL, 0};
    for (int i = 0; i <= index && si_str_next(&rest, '|', &part); i++) {
        if (i == index) {
            return part;
        }
    }
    return (si_str){NULL, 0};
}

char *si_real_print(double v, char *out) {
    /* by hand, since printf's decimal point follows the locale, and is slow */
    static const double units[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
    double magnitude = fabs(v);
    int decimals = 6;
    for (double m = magnitude; m >= 10 && decimals > 0; m /= 10) {
        decimals--;
    }
    unsigned long long unit = (unsigned long long)units[decimals];
    unsigned long long scaled = (unsigned long long)floor(magnitude * units[decimals] + 0.5);
    unsigned long long whole = scaled / unit, part = scaled % unit;
    while (decimals > 0 && part % 10 == 0) {
        part /= 10;
        decimals--;
    }
    char digits[32];
    size_t at = sizeof digits;
    for (int i = 0; i < decimals; i++, part /= 10) {
        digits[--at] = (char)('0' + part % 10);
    }
    if (decimals > 0) {
        digits[--at] = '.';
    }
    do {
        digits[--at] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole > 0);
    if (v < 0 && scaled > 0) {
        digits[--at] = '-';
    }
    memcpy(out, digits + at, sizeof digits - at);
    out[sizeof digits - at] = '\0';
    return out;
}
