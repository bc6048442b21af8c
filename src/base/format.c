#include "base/format.h"

#include <string.h>

static const struct {
    const char *name, *mime;
    bool alpha;
} formats[] = {
#define X(id, name, mime, alpha) {name, mime, alpha},
    SI_FORMATS(X)
#undef X
};

const char *si_format_name(si_format f) {
    return formats[f].name;
}

const char *si_format_mime(si_format f) {
    return formats[f].mime;
}

bool si_format_has_alpha(si_format f) {
    return formats[f].alpha;
}

bool si_format_by_name(const char *name, size_t len, si_format *out) {
    for (int i = 0; i < SI_FORMAT_COUNT; i++) {
        if (strlen(formats[i].name) == len && memcmp(formats[i].name, name, len) == 0) {
            *out = (si_format)i;
            return true;
        }
    }
    return false;
}
