#include "base/percent.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t si_percent_decode(si_str s, bool plus, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '%' && s.len - i > 2 && hex_digit(s.p[i + 1]) >= 0 && hex_digit(s.p[i + 2]) >= 0) {
            c = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    return n;
}

char *si_percent_encode_byte(unsigned char byte, char *out) {
    static const char hex[] = "0123456789ABCDEF";
    *out++ = '%';
    *out++ = hex[byte >> 4];
    *out++ = hex[byte & 15];
    return out;
}

char *si_percent_encode(si_str s, const char *also, char *out) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c > 0x20 && c < 0x7f && strchr(also, c) == NULL) {
            *out++ = (char)c;
        } else {
            out = si_percent_encode_byte(c, out);
        }
    }
    *out = '\0';
    return out;
}
