#include "codec/palette.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 1024, /* hash table at most a quarter full */
    WEB_STEP = 51 /* between the levels of a component */
};

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

/* ---- quantize ---- */

/* The image with alpha of only 0 or 255, and one colour for all that cannot be seen. */
static bool make_keyed(const si_image *image, si_image *keyed) {
    if (si_image_alloc(keyed, image->width, image->height, 4, NULL) != SI_OK) {
        return false;
    }
    for (int y = 0; y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        uint8_t *to = keyed->pixels + (size_t)y * keyed->stride;
        for (int x = 0; x < image->width; x++, p += image->channels, to += 4) {
            if (p[3] >= SI_KEY_ALPHA) {
                memcpy(to, p, 3);
                to[3] = 255;
            }
        }
    }
    return true;
}

static int find_color(const si_palette *palette, const uint8_t rgba[4]) {
    for (int i = 0; i < palette->count; i++) {
        if (memcmp(palette->rgba[i], rgba, 4) == 0) {
            return i;
        }
    }
    return -1;
}

static void add_color(si_palette *palette, int r, int g, int b) {
    const uint8_t rgba[4] = {(uint8_t)r, (uint8_t)g, (uint8_t)b, 255};
    if (palette->count < SI_PALETTE_MAX && find_color(palette, rgba) < 0) {
        memcpy(palette->rgba[palette->count++], rgba, 4);
    }
}

static void add_forced(si_palette *palette, const si_quantize *how, int max) {
    for (int i = 0; i < how->forced_count && palette->count < max; i++) {
        uint32_t c = how->forced[i];
        add_color(palette, c >> 16 & 255, c >> 8 & 255, c & 255);
    }
}

static void add_cube(si_palette *palette) {
    for (int i = 0; i < 6 * 6 * 6; i++) {
        add_color(
            palette, 255 - i / 36 * WEB_STEP, 255 - i / 6 % 6 * WEB_STEP, 255 - i % 6 * WEB_STEP);
    }
}

/* The cube, then ramps of red, green, blue and grey at the sixteenths that it has not. */
static void add_mac(si_palette *palette) {
    add_cube(palette);
    for (int ramp = 0; ramp < 4; ramp++) {
        for (int v = 14; v > 0; v--) {
            int level = v * 17;
            if (v % 3 != 0) {
                add_color(palette, ramp == 0 || ramp == 3 ? level : 0,
                    ramp == 1 || ramp == 3 ? level : 0, ramp == 2 || ramp == 3 ? level : 0);
            }
        }
    }
}

/* Leaves out the colours that no pixel has. */
static void drop_unused(si_palette *palette, uint8_t *indices, size_t count) {
    bool used[SI_PALETTE_MAX] = {false};
    uint8_t moved[SI_PALETTE_MAX];
    for (size_t i = 0; i < count; i++) {
        used[indices[i]] = true;
    }
    int kept = 0;
    for (int i = 0; i < palette->count; i++) {
        moved[i] = (uint8_t)kept;
        if (used[i]) {
            memmove(palette->rgba[kept++], palette->rgba[i], 4);
        }
    }
    palette->count = kept;
    for (size_t i = 0; i < count; i++) {
        indices[i] = moved[indices[i]];
    }
}

static bool quantize_keyed(
    const si_image *image, const si_quantize *how, si_palette *palette, uint8_t *indices) {
    bool key = si_image_has_transparency(image);
    int wanted = how->colors > 0 && how->colors < SI_PALETTE_MAX ? how->colors : SI_PALETTE_MAX;
    int max = wanted + key < SI_PALETTE_MAX ? wanted + key : SI_PALETTE_MAX;
    if (how->kind == SI_PALETTE_ADAPTIVE) {
        if (si_palette_exact(image, palette, indices) && palette->count <= max) {
            si_palette all = *palette;
            add_forced(&all, how, SI_PALETTE_MAX);
            if (all.count <= max) {
                *palette = all;
                return true;
            }
        }
        *palette = (si_palette){.count = key};
        add_forced(palette, how, max);
        return si_palette_choose(image, max, palette) &&
               si_palette_map(image, palette, !how->no_dither, indices);
    }
    *palette = (si_palette){.count = key};
    how->kind == SI_PALETTE_WEB ? add_cube(palette) : add_mac(palette);
    bool ok = si_palette_map(image, palette, !how->no_dither, indices);
    if (ok) {
        drop_unused(palette, indices, (size_t)image->width * (size_t)image->height);
    }
    return ok;
}

bool si_palette_quantize(
    const si_image *image, const si_quantize *how, si_palette *palette, uint8_t *indices) {
    if (image->channels == 3) {
        return quantize_keyed(image, how, palette, indices);
    }
    si_image keyed = {0};
    bool ok = make_keyed(image, &keyed) && quantize_keyed(&keyed, how, palette, indices);
    si_image_free(&keyed);
    return ok;
}
