#include "request/values.h"

#include <math.h>
#include <stdlib.h>

#include "base/color.h"

double si_canonical(double v) {
    char text[32];
    double out = 0;
    if (v == floor(v) && fabs(v) < 1e6) {
        return v + 0.0; /* nothing to round, and most are like this; no −0 */
    }
    (void)si_str_real(si_str_of(si_real_print(v, text)), &out);
    return out + 0.0;
}

bool si_value_real(si_str s, double *out) {
    double v;
    if (!si_str_real(si_str_trim(s), &v) || fabs(v) > SI_NUMBER_MAX) {
        return false;
    }
    *out = si_canonical(v);
    return true;
}

bool si_value_int(si_str s, int *out) {
    long v;
    if (!si_str_int(si_str_trim(s), &v) || labs(v) > SI_NUMBER_MAX) {
        return false;
    }
    *out = (int)v;
    return true;
}

bool si_value_part(si_str *rest, si_str *part) {
    bool there = si_str_next(rest, ',', part);
    *part = there ? si_str_trim(*part) : (si_str){NULL, 0};
    return part->len > 0;
}

bool si_value_exceeds(si_str s) {
    si_str part;
    double v;
    while (si_str_next(&s, ',', &part)) {
        if (si_str_real(si_str_trim(part), &v) && fabs(v) > SI_NUMBER_MAX) {
            return true;
        }
    }
    return false;
}

int si_value_keyword(si_str s, const char *const *names) {
    for (int i = 0; names[i] != NULL; i++) {
        if (si_str_eq_nocase(s, si_str_of(names[i]))) {
            return i;
        }
    }
    return -1;
}

bool si_value_handler(si_str s) {
    bool first = true; /* of a name */
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$';
        if (!letter && (first || (!digit && c != '.'))) {
            return false;
        }
        first = c == '.';
    }
    return !first;
}

bool si_value_paint(si_str s, si_paint *out) {
    si_color color;
    if (!si_color_parse(s, &color)) {
        return false;
    }
    *out =
        (si_paint){.rgb = si_color_rgb(&color), .alpha = (uint8_t)floor(color.alpha * 255 + 0.5)};
    return true;
}

double si_clamp_real(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}
