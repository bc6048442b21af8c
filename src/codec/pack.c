#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

static void pack_row(const uint8_t *p, int width, int from, uint8_t *to, int channels) {
    bool color = channels >= 3, alpha = channels % 2 == 0;
    for (int x = 0; x < width; x++, p += from) {
        *to++ = p[0];
        if (color) {
            *to++ = p[1];
            *to++ = p[2];
        }
        if (alpha) {
            *to++ = from == 4 ? p[3] : 255;
        }
    }
}

uint8_t *si_pack(const si_image *image, int channels) {
    size_t row_bytes = (size_t)image->width * (size_t)channels;
    uint8_t *packed = malloc(row_bytes * (size_t)image->height);
    for (int y = 0; packed != NULL && y < image->height; y++) {
        const uint8_t *from = image->pixels + (size_t)y * image->stride;
        uint8_t *to = packed + (size_t)y * row_bytes;
        if (channels == image->channels) {
            memcpy(to, from, row_bytes);
        } else {
            pack_row(from, image->width, image->channels, to, channels);
        }
    }
    return packed;
}

void si_unpack_in_place(si_image *image) {
    size_t row_bytes = (size_t)image->width * (size_t)image->channels;
    for (int y = image->height - 1; y > 0; y--) { /* from the end, as rows move outwards */
        memmove(image->pixels + (size_t)y * image->stride, image->pixels + (size_t)y * row_bytes,
            row_bytes);
    }
}
