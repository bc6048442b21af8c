#include "base/uploads.h"

#include <stdio.h>

#include "base/percent.h"

enum { STEM_MAX = SI_UPLOAD_NAME - 12 /* "-200.jpeg" and some */ };

bool si_upload_is_token(si_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.len == SI_UPLOAD_TOKEN;
}

static bool is_name_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

bool si_upload_is_of(si_str path, si_str key) {
    si_str of;
    if (!si_upload_is_token(key) || !si_str_next(&path, '/', &of) || !si_str_eq(of, key) ||
        path.p == NULL || path.len == 0 || path.len > SI_UPLOAD_NAME) {
        return false;
    }
    int dots = 0;
    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] == '.' && i > 0) {
            dots++;
        } else if (!is_name_character(path.p[i])) {
            return false;
        }
    }
    return dots == 1;
}

/* ---- kinds ---- */

/* offset, length and bytes of what tells a kind; its extension */
#define KINDS(X)                                                                                   \
    X(0, 3, "\xff\xd8\xff", "jpg")                                                                 \
    X(0, 8, "\x89PNG\r\n\x1a\n", "png")                                                            \
    X(0, 6, "GIF87a", "gif")                                                                       \
    X(0, 6, "GIF89a", "gif")                                                                       \
    X(4, 8, "ftypavif", "avif")                                                                    \
    X(4, 8, "ftypavis", "avif")                                                                    \
    X(4, 8, "ftypheic", "heic")                                                                    \
    X(4, 8, "ftypheix", "heic")                                                                    \
    X(4, 8, "ftypmif1", "heic")                                                                    \
    X(4, 8, "jP  \r\n\x87\n", "jp2")                                                               \
    X(0, 4, "\xff\x4f\xff\x51", "j2k")                                                             \
    X(0, 2, "\xff\x0a", "jxl")                                                                     \
    X(4, 8, "JXL \r\n\x87\n", "jxl")                                                               \
    X(0, 4, "II*\0", "tif")                                                                        \
    X(0, 4, "MM\0*", "tif")                                                                        \
    X(0, 4, "<svg", "svg")                                                                         \
    X(0, 5, "<?xml", "svg")

const char *si_upload_kind(const void *bytes, size_t len) {
    static const struct {
        size_t at, len;
        const char *bytes, *extension;
    } kinds[] = {
#define X(at, len, bytes, extension) {at, len, bytes, extension},
        KINDS(X)
#undef X
    };
    const char *b = bytes;
    if (len >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0) {
        return "webp"; /* the length of the file stands between the two */
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t end = kinds[i].at + kinds[i].len;
        if (len >= end && memcmp(b + kinds[i].at, kinds[i].bytes, kinds[i].len) == 0) {
            return kinds[i].extension;
        }
    }
    return NULL;
}

/* ---- names ---- */

/* The last element of a path, without its extension. */
static si_str stem_of(si_str name) {
    for (size_t i = name.len; i > 0; i--) {
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\') {
            name = (si_str){name.p + i, name.len - i};
            break;
        }
    }
    for (size_t i = name.len; i > 0; i--) {
        if (name.p[i - 1] == '.') {
            return (si_str){name.p, i - 1};
        }
    }
    return name;
}

char *si_upload_make_name(si_str wanted, int number, const char *extension, char *out) {
    char decoded[512], stem[STEM_MAX + 1] = "";
    size_t n = 0;
    wanted.len = wanted.len > sizeof decoded ? sizeof decoded : wanted.len;
    si_str from = stem_of((si_str){decoded, si_percent_decode(wanted, false, decoded)});
    for (size_t i = 0; i < from.len && n < STEM_MAX; i++) {
        bool keep = is_name_character(from.p[i]);
        if (keep || (n > 0 && stem[n - 1] != '-')) {
            stem[n++] = keep ? from.p[i] : '-';
        }
    }
    while (n > 0 && stem[n - 1] == '-') {
        n--;
    }
    stem[n] = '\0';
    char suffix[8] = "";
    if (number > 1) {
        snprintf(suffix, sizeof suffix, "-%d", number % 1000);
    }
    snprintf(out, SI_UPLOAD_NAME + 1, "%s%s.%s", n > 0 ? stem : "picture", suffix, extension);
    return out;
}
