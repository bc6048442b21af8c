#include "codec/memfile.h"

#include <string.h>

size_t si_memfile_read(si_memfile *file, void *to, size_t len) {
    size_t left = file->position < file->len ? file->len - file->position : 0;
    len = len < left ? len : left;
    if (len > 0) {
        memcpy(to, file->data + file->position, len);
        file->position += len;
    }
    return len;
}

bool si_memfile_write(si_memfile *file, const void *from, size_t len) {
    static const uint8_t zeros[64]; /* wider gaps than a few header fields are mistakes */
    si_bytes *out = file->out;
    if (file->position > out->len) {
        size_t gap = file->position - out->len;
        if (gap > sizeof zeros || !si_bytes_append(out, zeros, gap)) {
            file->failed = true;
            return false;
        }
    }
    size_t over = out->len - file->position; /* bytes there to be written over */
    over = over < len ? over : len;
    if (over > 0) {
        memcpy(out->data + file->position, from, over);
    }
    if (!si_bytes_append(out, (const uint8_t *)from + over, len - over)) {
        file->failed = true;
        return false;
    }
    file->position += len;
    return true;
}
