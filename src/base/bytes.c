#include "base/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool si_bytes_append(si_bytes *b, const void *data, size_t len) {
    assert(b->len <= b->cap);
    if (len > b->cap - b->len) {
        size_t cap = b->cap < 4096 ? 4096 : b->cap;
        while (cap - b->len < len) {
            if (cap > SIZE_MAX / 2) {
                return false;
            }
            cap *= 2;
        }
        uint8_t *grown = realloc(b->data, cap);
        if (grown == NULL) {
            return false;
        }
        b->data = grown;
        b->cap = cap;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
    return true;
}

bool si_bytes_print_list(si_bytes *b, const char *fmt, va_list args) {
    char text[400];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, fmt, args);
    bool ok = n >= 0;
    if (ok && (size_t)n < sizeof text) {
        ok = si_bytes_append(b, text, (size_t)n);
    } else if (ok) {
        char *longer = NULL;
        n = vasprintf(&longer, fmt, again);
        ok = n >= 0 && si_bytes_append(b, longer, (size_t)n);
        if (n >= 0) {
            free(longer);
        }
    }
    va_end(again);
    return ok;
}

bool si_bytes_print(si_bytes *b, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    bool ok = si_bytes_print_list(b, fmt, args);
    va_end(args);
    return ok;
}

void si_bytes_free(si_bytes *b) {
    free(b->data);
    *b = (si_bytes){0};
}

void si_bytes_move(si_bytes *to, si_bytes *from) {
    free(to->data);
    *to = *from;
    *from = (si_bytes){0};
}
