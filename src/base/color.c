#include "base/color.h"

#include <math.h>

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes a suffix letter (lower case given) off the end. */
static bool take_suffix(si_str *s, char letter) {
    if (s->len > 0 && (s->p[s->len - 1] | 0x20) == letter) {
        s->len--;
        return true;
    }
    return false;
}

/* Hex digits `s` as fractions of `top`, which none exceeds; false unless all are hex and there are
 * 2, 4, 6, 8 or 10. */
static bool parse_hex(si_str s, double top, double bytes[5], int *count) {
    if (s.len == 0 || s.len % 2 != 0 || s.len > 10) {
        return false;
    }
    for (size_t i = 0; i < s.len; i += 2) {
        int high = hex_value(s.p[i]), low = hex_value(s.p[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = fmin(1, (high * 16 + low) / top);
    }
    *count = (int)(s.len / 2);
    return true;
}

bool si_color_parse(si_str text, si_color *out) {
    *out = (si_color){.alpha = 1};
    si_str s = si_str_trim(text);
    out->source = take_suffix(&s, 's');
    bool prefixed = s.len > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
    bool listed = s.len > 0 && memchr(s.p, ',', s.len) != NULL;
    bool cmyk = take_suffix(&s, 'k');
    bool rgb = !cmyk && take_suffix(&s, 'r');
    bool gray = !cmyk && !rgb && take_suffix(&s, 'g');
    if (prefixed) {
        s.p += 2;
        s.len -= 2;
    }
    double v[5];
    int n = 0, colours;
    if (prefixed || (!listed && (s.len == 6 || s.len == 8 || s.len == 10))) {
        if (!parse_hex(s, cmyk ? 100 : 255, v, &n)) {
            return false;
        }
        colours = cmyk ? 4 : n <= 2 ? 1 : 3;
        if (n < colours || n > colours + 1 || (!prefixed && n <= 2)) {
            return false;
        }
    } else {
        si_str rest = s, part;
        while (si_str_next(&rest, ',', &part)) {
            if (n == 5 || !si_str_real(si_str_trim(part), &v[n])) {
                return false;
            }
            n++;
        }
        colours = cmyk ? 4 : n <= 2 ? 1 : 3;
        if (n < colours || n > colours + 1) {
            return false;
        }
        double top = colours == 3 ? 255 : 100;
        for (int i = 0; i < n; i++) {
            if (v[i] < 0 || v[i] > top) {
                return false;
            }
            v[i] /= top;
        }
    }
    if ((rgb && colours != 3) || (gray && colours != 1)) {
        return false;
    }
    out->type = colours == 4 ? SI_COLOR_CMYK : colours == 3 ? SI_COLOR_RGB : SI_COLOR_GRAY;
    for (int i = 0; i < colours; i++) {
        out->c[i] = v[i];
    }
    out->alpha = n > colours ? v[colours] : 1;
    return true;
}

uint32_t si_color_rgb(const si_color *color) {
    uint32_t rgb = 0;
    for (int i = 0; i < 3; i++) {
        double v = color->type == SI_COLOR_GRAY  ? color->c[0]
                   : color->type == SI_COLOR_RGB ? color->c[i]
                                                 : (1 - color->c[i]) * (1 - color->c[3]);
        rgb = rgb << 8 | (uint32_t)floor(v * 255 + 0.5);
    }
    return rgb;
}
