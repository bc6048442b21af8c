#include "base/bytes.h"

#include <assert.h>
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

void si_bytes_free(si_bytes *b) {
    free(b->data);
    *b = (si_bytes){0};
}

void si_bytes_move(si_bytes *to, si_bytes *from) {
    free(to->data);
    *to = *from;
    *from = (si_bytes){0};
}
