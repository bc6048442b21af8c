#include "codec/palette.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024 }; /* hash table at most a quarter full */

typedef struct color_table {
    uint32_t color[SLOTS];
    int16_t index[SLOTS]; /* -1: free */
} color_table;

static uint32_t color_at(const si_image *image, const uint8_t *row, int x) {
    const uint8_t *p = row + (size_t)x * (size_t)image->channels;
    uint32_t alpha = image->channels == 4 ? p[3] : 255;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | alpha << 24;
}

/* Slot that holds `color`, or the free one where it belongs. */
static int find_slot(const color_table *t, uint32_t color) {
    uint32_t slot = (color * 0x9e3779b1u) >> 22;
    while (t->index[slot] >= 0 && t->color[slot] != color) {
        slot = (slot + 1) % SLOTS;
    }
    return (int)slot;
}

static int sort_key(const uint8_t c[4]) {
    return (c[3] == 255 ? 1 << 20 : 0) + 299 * c[0] + 587 * c[1] + 114 * c[2];
}

static int compare_colors(const void *a, const void *b) {
    int x = sort_key(a), y = sort_key(b);
    return x != y ? (x > y) - (x < y) : memcmp(a, b, 4);
}

static uint32_t pack(const uint8_t c[4]) {
    return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static bool collect(const si_image *image, color_table *table, si_palette *palette) {
    palette->count = 0;
    uint32_t last = ~color_at(image, image->pixels, 0);
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++) {
            uint32_t c = color_at(image, row, x);
            if (c == last) {
                continue;
            }
            last = c;
            int slot = find_slot(table, c);
            if (table->index[slot] >= 0) {
                continue;
            }
            if (palette->count == SI_PALETTE_MAX) {
                return false;
            }
            table->color[slot] = c;
            table->index[slot] = (int16_t)palette->count;
            uint8_t rgba[4] = {
                (uint8_t)c, (uint8_t)(c >> 8), (uint8_t)(c >> 16), (uint8_t)(c >> 24)};
            memcpy(palette->rgba[palette->count++], rgba, 4);
        }
    }
    return true;
}

bool si_palette_exact(const si_image *image, si_palette *palette, uint8_t *indices) {
    color_table table;
    memset(table.index, 0xff, sizeof table.index);
    if (!collect(image, &table, palette)) {
        return false;
    }
    qsort(palette->rgba, (size_t)palette->count, 4, compare_colors);
    for (int i = 0; i < palette->count; i++) {
        table.index[find_slot(&table, pack(palette->rgba[i]))] = (int16_t)i;
    }
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++) {
            *indices++ = (uint8_t)table.index[find_slot(&table, color_at(image, row, x))];
        }
    }
    return true;
}
