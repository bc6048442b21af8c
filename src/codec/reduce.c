/* Colour reduction after X. Wu, "Efficient Statistical Computations for Optimal Color
 * Quantization", Graphics Gems II (1991): a box of colours is cut where that lowers the sum of
 * squared errors most; tables of cumulative moments give the error of any box in constant time. */
#include <stdlib.h>
#include <string.h>

#include "codec/palette.h"

enum {
    BITS = 5,               /* of each component in the histogram */
    SIDE = (1 << BITS) + 1, /* plus an empty first plane for the cumulative sums */
    CELLS = SIDE * SIDE * SIDE,
    LOOKUP = 1 << 3 * BITS,
    KEY = 128 /* alpha from which on a pixel is opaque */
};

/* Sums over pixels: how many, their components, their squared components. */
typedef struct moments {
    int64_t n, sum[3];
    double squares;
} moments;

/* Cells from (exclusive) and to (inclusive) in each component. */
typedef struct box {
    int low[3], high[3];
    double error; /* sum of squared distances to the mean */
} box;

typedef struct work {
    moments cell[CELLS];     /* cumulative after accumulate() */
    int16_t nearest[LOOKUP]; /* palette index for a cell of colours, -1 = not yet known */
} work;

static int cell_index(int r, int g, int b) {
    return (r * SIDE + g) * SIDE + b;
}

static void add(moments *to, const moments *m, int sign) {
    to->n += sign * m->n;
    for (int c = 0; c < 3; c++) {
        to->sum[c] += sign * m->sum[c];
    }
    to->squares += sign * m->squares;
}

static bool is_transparent(const si_image *image, const uint8_t *p) {
    return image->channels == 4 && p[3] < KEY;
}

/* Fills the histogram; true if some pixel is transparent. */
static bool count_pixels(const si_image *image, work *w) {
    bool transparent = false;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++, p += image->channels) {
            if (is_transparent(image, p)) {
                transparent = true;
                continue;
            }
            moments *m = &w->cell[cell_index(
                (p[0] >> (8 - BITS)) + 1, (p[1] >> (8 - BITS)) + 1, (p[2] >> (8 - BITS)) + 1)];
            m->n++;
            for (int c = 0; c < 3; c++) {
                m->sum[c] += p[c];
                m->squares += p[c] * p[c];
            }
        }
    }
    return transparent;
}

/* Turns each cell into the sum over all cells up to it in every component. */
static void accumulate(work *w) {
    static const int steps[3] = {SIDE * SIDE, SIDE, 1};
    for (int axis = 0; axis < 3; axis++) {
        for (int r = 1; r < SIDE; r++) {
            for (int g = 1; g < SIDE; g++) {
                for (int b = 1; b < SIDE; b++) {
                    int i = cell_index(r, g, b);
                    add(&w->cell[i], &w->cell[i - steps[axis]], 1);
                }
            }
        }
    }
}

static moments box_moments(const work *w, const box *b) {
    moments sum = {0};
    for (int corner = 0; corner < 8; corner++) {
        int at[3], sign = 1;
        for (int c = 0; c < 3; c++) {
            bool low = corner >> c & 1;
            at[c] = low ? b->low[c] : b->high[c];
            sign = low ? -sign : sign;
        }
        add(&sum, &w->cell[cell_index(at[0], at[1], at[2])], sign);
    }
    return sum;
}

/* Squared length of the sum over the count: what is to be maximized over both halves of a cut. */
static double spread(const moments *m) {
    double s = 0;
    for (int c = 0; c < 3; c++) {
        s += (double)m->sum[c] * (double)m->sum[c];
    }
    return m->n > 0 ? s / (double)m->n : 0;
}

static void measure(const work *w, box *b) {
    moments m = box_moments(w, b);
    b->error = m.squares - spread(&m);
}

/* Cuts `b` in two where it helps most; false if it holds a single cell of colours. */
static bool cut(const work *w, box *b, box *other) {
    double best = 0;
    int best_axis = -1, best_at = 0;
    moments whole = box_moments(w, b);
    for (int axis = 0; axis < 3; axis++) {
        for (int at = b->low[axis] + 1; at < b->high[axis]; at++) {
            box half = *b;
            half.high[axis] = at;
            moments m = box_moments(w, &half), rest = whole;
            add(&rest, &m, -1);
            double gain = spread(&m) + spread(&rest);
            if (m.n > 0 && rest.n > 0 && gain > best) {
                best = gain;
                best_axis = axis;
                best_at = at;
            }
        }
    }
    if (best_axis < 0) {
        return false;
    }
    *other = *b;
    b->high[best_axis] = best_at;
    other->low[best_axis] = best_at;
    measure(w, b);
    measure(w, other);
    return true;
}

/* Splits the colour cube into at most `max` boxes; returns how many. */
static int split(const work *w, box *boxes, int max) {
    boxes[0] = (box){.high = {SIDE - 1, SIDE - 1, SIDE - 1}};
    measure(w, &boxes[0]);
    int count = 1;
    while (count < max) {
        int worst = 0;
        for (int i = 1; i < count; i++) {
            worst = boxes[i].error > boxes[worst].error ? i : worst;
        }
        if (boxes[worst].error <= 0) {
            break;
        }
        if (cut(w, &boxes[worst], &boxes[count])) {
            count++;
        } else {
            boxes[worst].error = 0;
        }
    }
    return count;
}

static void make_palette(work *w, int max, bool transparent, si_palette *palette) {
    box boxes[SI_PALETTE_MAX];
    memset(palette, 0, sizeof *palette);
    palette->count = transparent;
    int count = split(w, boxes, max - transparent);
    for (int i = 0; i < count; i++) {
        moments m = box_moments(w, &boxes[i]);
        if (m.n == 0) {
            continue; /* only when every pixel is transparent */
        }
        uint8_t *to = palette->rgba[palette->count++];
        for (int c = 0; c < 3; c++) {
            to[c] = (uint8_t)((m.sum[c] + m.n / 2) / m.n);
        }
        to[3] = 255;
    }
}

static int find_nearest(const si_palette *palette, int first, const int want[3]) {
    int best = first, best_distance = INT32_MAX;
    for (int i = first; i < palette->count; i++) {
        int distance = 0;
        for (int c = 0; c < 3; c++) {
            int d = palette->rgba[i][c] - want[c];
            distance += d * d;
        }
        if (distance < best_distance) {
            best_distance = distance;
            best = i;
        }
    }
    return best;
}

/* Palette index for a colour, exact for the first colour seen of each histogram cell. */
static int look_up(work *w, const si_palette *palette, int first, const int want[3]) {
    const int drop = 8 - BITS;
    int16_t *known =
        &w->nearest[(want[0] >> drop << BITS | want[1] >> drop) << BITS | want[2] >> drop];
    if (*known < 0) {
        *known = (int16_t)find_nearest(palette, first, want);
    }
    return *known;
}

/* One row; `error` (in 1/16, three per pixel, with a pixel of margin on both sides) comes in from
 * the row above, `next` goes out to the row below. Every other row runs backwards. */
static void diffuse_row(const si_image *image, int y, bool transparent, work *w,
    const si_palette *palette, int *error, int *next, uint8_t *indices) {
    int step = y % 2 == 0 ? 1 : -1;
    const uint8_t *row = image->pixels + (size_t)y * image->stride;
    for (int i = 0; i < image->width; i++) {
        int x = step > 0 ? i : image->width - 1 - i;
        const uint8_t *p = row + (size_t)x * (size_t)image->channels;
        if (is_transparent(image, p)) {
            indices[x] = 0;
            continue;
        }
        int want[3];
        for (int c = 0; c < 3; c++) {
            int v = p[c] + ((error[3 * (x + 1) + c] + 8) >> 4);
            want[c] = v < 0 ? 0 : v > 255 ? 255 : v;
        }
        indices[x] = (uint8_t)look_up(w, palette, transparent, want);
        for (int c = 0; c < 3; c++) {
            int e = want[c] - palette->rgba[indices[x]][c];
            error[3 * (x + 1 + step) + c] += 7 * e;
            next[3 * (x + 1 - step) + c] += 3 * e;
            next[3 * (x + 1) + c] += 5 * e;
            next[3 * (x + 1 + step) + c] += e;
        }
    }
}

bool si_palette_reduce(const si_image *image, int max, si_palette *palette, uint8_t *indices) {
    bool ok = false;
    size_t error_count = 3 * ((size_t)image->width + 2);
    work *w = calloc(1, sizeof *w);
    int *errors = calloc(2 * error_count, sizeof *errors);
    if (w == NULL || errors == NULL) {
        goto done;
    }
    bool transparent = count_pixels(image, w);
    accumulate(w);
    make_palette(w, max, transparent, palette);
    memset(w->nearest, 0xff, sizeof w->nearest);
    for (int y = 0; y < image->height; y++) {
        int *error = errors + (y % 2 == 0 ? 0 : error_count);
        int *next = errors + (y % 2 == 0 ? error_count : 0);
        memset(next, 0, error_count * sizeof *next);
        diffuse_row(image, y, transparent, w, palette, error, next,
            indices + (size_t)y * (size_t)image->width);
    }
    ok = true;
done:
    free(errors);
    free(w);
    return ok;
}
