/* Colour reduction after X. Wu, "Efficient Statistical Computations for Optimal Color
 * Quantization", Graphics Gems II (1991): a box of colours is cut where that lowers the sum of
 * squared errors most; tables of cumulative moments give the error of any box in constant time.
 * The means of the boxes are then moved by k-means over the cells of the histogram. */
#include <stdlib.h>
#include <string.h>

#include "codec/palette.h"

enum {
    BITS = 5,               /* of each component in the histogram */
    SIDE = (1 << BITS) + 1, /* plus an empty first plane for the cumulative sums */
    CELLS = SIDE * SIDE * SIDE,
    POINTS = 1 << 3 * BITS,
    ROUNDS = 6 /* of k-means; the error hardly falls after the fourth */
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

/* The colours of the image, one for each cell of the histogram that has any. */
typedef struct point {
    float at[3]; /* mean */
    float n;     /* pixels */
} point;

typedef struct work {
    moments cell[CELLS]; /* cumulative after accumulate() */
    int point_count;
    point points[POINTS];
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
    return image->channels == 4 && p[3] < SI_KEY_ALPHA;
}

static void count_pixels(const si_image *image, work *w) {
    for (int y = 0; y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++, p += image->channels) {
            if (is_transparent(image, p)) {
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
}

static void list_points(work *w) {
    for (int i = 0; i < CELLS; i++) {
        const moments *m = &w->cell[i];
        if (m->n > 0) {
            point *p = &w->points[w->point_count++];
            p->n = (float)m->n;
            for (int c = 0; c < 3; c++) {
                p->at[c] = (float)m->sum[c] / p->n;
            }
        }
    }
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

/* ---- k-means ---- */

typedef struct centre {
    float at[3];
    double sum[3], n;
} centre;

static int nearest(const centre *centres, int count, const float at[3]) {
    int best = 0;
    float best_distance = 1e9f;
    for (int i = 0; i < count; i++) {
        float r = centres[i].at[0] - at[0], g = centres[i].at[1] - at[1],
              b = centres[i].at[2] - at[2];
        float distance = r * r + g * g + b * b;
        if (distance < best_distance) {
            best_distance = distance;
            best = i;
        }
    }
    return best;
}

/* One round: every centre from `fixed` on goes to the mean of the colours nearest to it. False if
 * none has moved. */
static bool improve(const work *w, centre *centres, int fixed, int count) {
    for (int i = 0; i < count; i++) {
        centres[i].n = centres[i].sum[0] = centres[i].sum[1] = centres[i].sum[2] = 0;
    }
    for (int i = 0; i < w->point_count; i++) {
        const point *p = &w->points[i];
        centre *c = &centres[nearest(centres, count, p->at)];
        c->n += p->n;
        for (int k = 0; k < 3; k++) {
            c->sum[k] += p->at[k] * p->n;
        }
    }
    bool moved = false;
    for (int i = fixed; i < count; i++) {
        for (int k = 0; centres[i].n > 0 && k < 3; k++) {
            float to = (float)(centres[i].sum[k] / centres[i].n);
            moved |= to != centres[i].at[k];
            centres[i].at[k] = to;
        }
    }
    return moved;
}

/* ---- together ---- */

/* Takes away what forced colours stand for already, so that boxes are cut for the rest. */
static void drop_near(work *w, const centre *forced, int count, float near) {
    for (int i = 0; i < CELLS; i++) {
        moments *m = &w->cell[i];
        if (m->n == 0) {
            continue;
        }
        const float at[3] = {(float)m->sum[0] / (float)m->n, (float)m->sum[1] / (float)m->n,
            (float)m->sum[2] / (float)m->n};
        const centre *c = &forced[nearest(forced, count, at)];
        float distance = 0;
        for (int k = 0; k < 3; k++) {
            distance += (c->at[k] - at[k]) * (c->at[k] - at[k]);
        }
        if (distance <= near * near) {
            *m = (moments){0};
        }
    }
}

static void choose(work *w, int max, si_palette *palette) {
    static const float NEAR = 8; /* half a cell's diagonal */
    centre centres[SI_PALETTE_MAX];
    box boxes[SI_PALETTE_MAX];
    bool key = palette->count > 0 && palette->rgba[0][3] == 0;
    int first = palette->count, forced = first - key, count = forced;
    memset(centres, 0, sizeof centres);
    for (int i = 0; i < forced; i++) {
        for (int c = 0; c < 3; c++) {
            centres[i].at[c] = palette->rgba[key + i][c];
        }
    }
    list_points(w);
    if (forced > 0) {
        drop_near(w, centres, forced, NEAR);
    }
    accumulate(w);
    int cuts = split(w, boxes, max - first);
    for (int i = 0; i < cuts; i++) {
        moments m = box_moments(w, &boxes[i]);
        for (int c = 0; m.n > 0 && c < 3; c++) {
            centres[count].at[c] = (float)m.sum[c] / (float)m.n;
        }
        count += m.n > 0; /* else every pixel is transparent, or near a forced colour */
    }
    for (int i = 0; i < ROUNDS && improve(w, centres, forced, count); i++) {
    }
    for (int i = forced; i < count; i++) {
        uint8_t *to = palette->rgba[palette->count++];
        for (int c = 0; c < 3; c++) {
            to[c] = (uint8_t)(centres[i].at[c] + 0.5f);
        }
        to[3] = 255;
    }
}

bool si_palette_choose(const si_image *image, int max, si_palette *palette) {
    if (palette->count >= max) {
        return true;
    }
    work *w = calloc(1, sizeof *w);
    if (w != NULL) {
        count_pixels(image, w);
        choose(w, max, palette);
    }
    free(w);
    return w != NULL;
}
