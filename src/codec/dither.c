/* Pixels to palette indices: the nearest colour, found among the few that can be nearest to a cell
 * of the colour cube, and Floyd–Steinberg error diffusion. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "codec/palette.h"

enum {
    BITS = 5, /* of each component that make up a cell */
    CELLS = 1 << 3 * BITS,
    WIDTH = 1 << (8 - BITS) /* of a cell, levels */
};

/* For each cell, once it is asked for, the colours that are nearest to some point of it. */
typedef struct finder {
    const si_palette *palette;
    int first;            /* colours before it are not for opaque pixels */
    int32_t start[CELLS]; /* of the cell's colours in `list`; -1 = not yet known */
    uint8_t count[CELLS]; /* of them, less 1 */
    uint8_t *list;
    size_t used, room;
} finder;

/* Squared distances from a colour to the nearest and the farthest point of a cell. */
static void distances(const uint8_t rgb[3], int cell, int *least, int *most) {
    *least = *most = 0;
    for (int c = 0; c < 3; c++) {
        int low = (cell >> (2 - c) * BITS & ((1 << BITS) - 1)) * WIDTH, high = low + WIDTH - 1;
        int below = low - rgb[c], above = rgb[c] - high;
        int near = below > 0 ? below : above > 0 ? above : 0;
        int far = abs(rgb[c] - low) > abs(rgb[c] - high) ? rgb[c] - low : rgb[c] - high;
        *least += near * near;
        *most += far * far;
    }
}

/* Lists the colours of a cell; false when memory runs out. */
static bool fill_cell(finder *f, int cell) {
    const si_palette *p = f->palette;
    int limit = INT_MAX, least, most, n = 0;
    if (f->room - f->used < SI_PALETTE_MAX) {
        size_t room = 2 * f->room + 16 * SI_PALETTE_MAX;
        uint8_t *list = realloc(f->list, room);
        if (list == NULL) {
            return false;
        }
        f->list = list;
        f->room = room;
    }
    for (int i = f->first; i < p->count; i++) {
        distances(p->rgba[i], cell, &least, &most);
        limit = most < limit ? most : limit;
    }
    for (int i = f->first; i < p->count; i++) {
        distances(p->rgba[i], cell, &least, &most);
        if (least <= limit) {
            f->list[f->used + (size_t)n++] = (uint8_t)i;
        }
    }
    f->start[cell] = (int32_t)f->used;
    f->count[cell] = (uint8_t)(n - 1);
    f->used += (size_t)n;
    return true;
}

/* Index of the nearest colour, the first of equally near ones; −1 when memory runs out. */
static int find(finder *f, const int want[3]) {
    const int drop = 8 - BITS;
    int cell = (want[0] >> drop << BITS | want[1] >> drop) << BITS | want[2] >> drop;
    if (f->start[cell] < 0 && !fill_cell(f, cell)) {
        return -1;
    }
    const uint8_t *list = f->list + f->start[cell];
    int best = 0, best_distance = INT_MAX;
    for (int i = 0; i <= f->count[cell]; i++) {
        const uint8_t *rgb = f->palette->rgba[list[i]];
        int r = rgb[0] - want[0], g = rgb[1] - want[1], b = rgb[2] - want[2];
        int distance = r * r + g * g + b * b;
        if (distance < best_distance) {
            best_distance = distance;
            best = list[i];
        }
    }
    return best;
}

/* One row; `error` (in 1/16, three per pixel, with a pixel of margin on both sides) comes in from
 * the row above, `next` goes out to the row below; both stay zero without dithering. Every other
 * row runs backwards. */
static bool map_row(
    const si_image *image, int y, finder *f, bool dither, int *error, int *next, uint8_t *indices) {
    int step = y % 2 == 0 ? 1 : -1;
    const uint8_t *row = image->pixels + (size_t)y * image->stride;
    for (int i = 0; i < image->width; i++) {
        int x = step > 0 ? i : image->width - 1 - i;
        const uint8_t *p = row + (size_t)x * (size_t)image->channels;
        if (image->channels == 4 && p[3] < SI_KEY_ALPHA) {
            indices[x] = 0;
            continue;
        }
        int want[3];
        for (int c = 0; c < 3; c++) {
            int v = p[c] + ((error[3 * (x + 1) + c] + 8) >> 4);
            want[c] = v < 0 ? 0 : v > 255 ? 255 : v;
        }
        int found = find(f, want);
        if (found < 0) {
            return false;
        }
        indices[x] = (uint8_t)found;
        for (int c = 0; dither && c < 3; c++) {
            int e = want[c] - f->palette->rgba[found][c];
            error[3 * (x + 1 + step) + c] += 7 * e;
            next[3 * (x + 1 - step) + c] += 3 * e;
            next[3 * (x + 1) + c] += 5 * e;
            next[3 * (x + 1 + step) + c] += e;
        }
    }
    return true;
}

bool si_palette_map(
    const si_image *image, const si_palette *palette, bool dither, uint8_t *indices) {
    size_t error_count = 3 * ((size_t)image->width + 2);
    finder *f = malloc(sizeof *f);
    int *errors = calloc(2 * error_count, sizeof *errors);
    bool ok = f != NULL && errors != NULL;
    if (ok) {
        *f = (finder){.palette = palette, .first = palette->rgba[0][3] == 0};
        memset(f->start, 0xff, sizeof f->start);
    }
    for (int y = 0; ok && y < image->height; y++) {
        int *error = errors + (y % 2 == 0 ? 0 : error_count);
        int *next = errors + (y % 2 == 0 ? error_count : 0);
        memset(next, 0, error_count * sizeof *next);
        ok = map_row(image, y, f, dither, error, next, indices + (size_t)y * (size_t)image->width);
    }
    if (f != NULL) {
        free(f->list);
    }
    free(errors);
    free(f);
    return ok;
}
