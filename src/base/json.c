#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/trace.h"

/* True if a character of `len` bytes ends lines for some readers, and no ASCII. */
static bool ends_lines(const char *p, size_t len) {
    return (len == 2 && memcmp(p, "\xc2\x85", 2) == 0) ||
           (len == 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] & 0x7e) == 0x28);
}

bool si_json_put(si_bytes *out, const void *text, size_t len) {
    const char *p = text;
    bool ok = si_bytes_append(out, "\"", 1);
    for (size_t i = 0, n; i < len && ok; i += n > 0 ? n : 1) {
        char code[8];
        n = si_str_utf8((si_str){p + i, len - i});
        /* U+2028 and U+2029 end lines, and so strings, for older browsers */
        bool line = n == 3 && ends_lines(p + i, n);
        /* < and > too, so that a value can never end a script element; Latin-1 if it is no UTF-8 */
        if (n == 0 || (unsigned char)p[i] < 0x20 || strchr("\"\\<>\x7f", p[i]) != NULL || line) {
            unsigned c = line ? 0x2000u | (p[i + 2] & 0x7f) : (unsigned char)p[i];
            snprintf(code, sizeof code, "\\u%04x", c);
            ok = si_bytes_append(out, code, strlen(code));
        } else {
            ok = si_bytes_append(out, p + i, n);
        }
    }
    return ok && si_bytes_append(out, "\"", 1);
}

#define OF_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bit 7 of each byte that is zero, and perhaps of some after such a one. */
static uint64_t zeros(uint64_t w) {
    return (w - OF_EACH(1)) & ~w & OF_EACH(0x80);
}

/* Whether 8 bytes stand in a string as they are: printable ASCII, but no quote or backslash. */
static bool are_plain(uint64_t w) {
    uint64_t low = (w - OF_EACH(0x20)) & OF_EACH(0x80);
    return ((w & OF_EACH(0x80)) | low | zeros(w ^ OF_EACH('"')) | zeros(w ^ OF_EACH('\\')) |
               zeros(w ^ OF_EACH(0x7f))) == 0;
}

char *si_json_write(si_str text, char *out) {
    *out++ = '"';
    for (size_t i = 0; i < text.len;) {
        uint64_t eight;
        size_t left = text.len - i;
        if (text.len >= sizeof eight) { /* most texts are plain */
            /* what is left of less than 8 goes together with what comes before it */
            size_t back = left >= sizeof eight ? 0 : sizeof eight - left;
            memcpy(&eight, text.p + i - back, sizeof eight);
            if (are_plain(eight)) {
                out = mempcpy(out - back, &eight, sizeof eight);
                i += sizeof eight - back;
                continue;
            }
        }
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *out++ = (char)c;
            i++;
            continue;
        }
        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
            i++;
            continue;
        }
        size_t n = si_str_utf8((si_str){text.p + i, text.len - i});
        bool line = ends_lines(text.p + i, n);
        if (c < 0x80 || n == 0 || line) {
            unsigned code = !line ? c : n == 2 ? 0x85 : 0x2000u | (text.p[i + 2] & 0x7f);
            out = mempcpy(out, "\\u", 2);
            si_hex_print(code, 4, out);
            out += 4;
        } else {
            out = mempcpy(out, text.p + i, n);
        }
        i += n > 0 ? n : 1;
    }
    *out++ = '"';
    return out;
}

void si_json_string(FILE *to, const char *text) {
    putc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0';) {
        size_t len = si_str_utf8((si_str){(const char *)c, strlen((const char *)c)});
        if (*c == '"' || *c == '\\') {
            fprintf(to, "\\%c", *c);
        } else if (*c < 0x20 || *c == 0x7f) {
            fprintf(to, "\\u%04x", *c);
        } else if (len == 0) {
            fputs("\\ufffd", to);
        } else {
            fwrite(c, 1, len, to);
        }
        c += len > 0 ? len : 1;
    }
    putc('"', to);
}

void si_json_text(FILE *to, const char *name, const char *text) {
    fprintf(to, "\"%s\":", name);
    si_json_string(to, text);
}

void si_json_number(FILE *to, const char *name, double v, int decimals) {
    if (isnan(v)) {
        fprintf(to, "\"%s\":null", name);
    } else {
        fprintf(to, "\"%s\":%.*f", name, decimals, v);
    }
}
