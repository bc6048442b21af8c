#include "render/pixel/morphology.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/pixel/levels.h"
#include "render/pixel/mask.h"

#if !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* Maxima only: minima are those of inverted levels. A disc is a stack of rows. For each row of the
 * picture, maxima over windows of 1, 2, 4 … pixels are made by doubling; two overlapping ones make
 * a window of any width. So each disc row costs two loads and is then thrown on the two output rows
 * that it belongs to, above and below. The picture is cut into strips whose output rows stay in
 * cache. */
enum { STRIP_BYTES = 2048, MAX_LEVELS = 11, MAX_RADIUS = 500 };

/* A picture of bytes, `channels` to a pixel, rows without gaps. */
typedef struct bytes {
    int width, height, channels;
    uint8_t *p;
} bytes;

static size_t row_size(const bytes *b) {
    return (size_t)b->width * (size_t)b->channels;
}

SI_WIDE static void greater(uint8_t *restrict to, const uint8_t *a, const uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = a[i] > b[i] ? a[i] : b[i];
    }
}

SI_WIDE static void raise_one(uint8_t *restrict to, const uint8_t *a, const uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t v = a[i] > b[i] ? a[i] : b[i];
        to[i] = to[i] > v ? to[i] : v;
    }
}

SI_WIDE static void raise_two(uint8_t *restrict above, uint8_t *restrict below, const uint8_t *a,
    const uint8_t *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint8_t v = a[i] > b[i] ? a[i] : b[i];
        above[i] = above[i] > v ? above[i] : v;
        below[i] = below[i] > v ? below[i] : v;
    }
}

/* ---- one strip ---- */

typedef struct strip {
    const bytes *from;
    int radius, x, width;        /* pixels */
    size_t bytes, padded;        /* of a row of it, without and with `radius` on both sides */
    int half[MAX_RADIUS + 1];    /* half widths of the disc's rows, by distance */
    int level[MAX_RADIUS + 1];   /* windows they are made of, 2^level pixels */
    uint8_t *levels[MAX_LEVELS]; /* maxima over such windows, from each pixel on */
    uint8_t *rows;               /* 2·radius + 1 output rows, in turn */
} strip;

static void measure_disc(strip *s) {
    double area = (double)s->radius * s->radius + s->radius;
    for (int dy = 0; dy <= s->radius; dy++) {
        s->half[dy] = (int)sqrt(area - (double)dy * dy);
        s->level[dy] = 0;
        while (2 << s->level[dy] <= 2 * s->half[dy] + 1) {
            s->level[dy]++;
        }
    }
}

/* Fills levels[0] with row `y`, 0 beyond the picture, and doubles. */
static void make_levels(strip *s, int y) {
    const bytes *b = s->from;
    size_t channels = (size_t)b->channels;
    int first = s->x - s->radius, end = s->x + s->width + s->radius;
    int from = first > 0 ? first : 0, to = end < b->width ? end : b->width;
    memset(s->levels[0], 0, s->padded);
    memcpy(s->levels[0] + (size_t)(from - first) * channels,
        b->p + (size_t)y * row_size(b) + (size_t)from * channels, (size_t)(to - from) * channels);
    for (int k = 0; k < s->level[0]; k++) {
        size_t shift = ((size_t)1 << k) * channels, n = s->padded - shift;
        greater(s->levels[k + 1], s->levels[k], s->levels[k] + shift, n);
        memcpy(s->levels[k + 1] + n, s->levels[k] + n, shift);
    }
}

static uint8_t *output_row(const strip *s, int y) {
    return s->rows + (size_t)(y % (2 * s->radius + 1)) * s->bytes;
}

/* Throws what row `y` contributes on all output rows it reaches. */
static void spread_row(strip *s, int y) {
    size_t channels = (size_t)s->from->channels;
    make_levels(s, y);
    for (int dy = 0; dy <= s->radius; dy++) {
        size_t left = (size_t)(s->radius - s->half[dy]) * channels;
        size_t right = (size_t)(s->radius + s->half[dy] + 1 - (1 << s->level[dy])) * channels;
        const uint8_t *window = s->levels[s->level[dy]];
        uint8_t *above = y - dy >= 0 ? output_row(s, y - dy) : NULL;
        uint8_t *below = dy > 0 && y + dy < s->from->height ? output_row(s, y + dy) : NULL;
        if (above != NULL && below != NULL) {
            raise_two(above, below, window + left, window + right, s->bytes);
        } else if (above != NULL || below != NULL) {
            raise_one(above != NULL ? above : below, window + left, window + right, s->bytes);
        }
    }
}

static void finish_row(strip *s, int y, const bytes *to) {
    uint8_t *row = output_row(s, y);
    memcpy(to->p + (size_t)y * row_size(to) + (size_t)s->x * (size_t)to->channels, row, s->bytes);
    memset(row, 0, s->bytes);
}

static void run_strip(strip *s, const bytes *to) {
    int height = s->from->height;
    memset(s->rows, 0, (2 * (size_t)s->radius + 1) * s->bytes);
    for (int y = 0; y < height; y++) {
        spread_row(s, y);
        if (y >= s->radius) {
            finish_row(s, y - s->radius, to);
        }
    }
    for (int y = height > s->radius ? height - s->radius : 0; y < height; y++) {
        finish_row(s, y, to);
    }
}

/* to = maximum of `from` over a disc of 1 … MAX_RADIUS. */
static bool dilate(const bytes *from, int radius, const bytes *to) {
    strip s = {.from = from, .radius = radius};
    int most = STRIP_BYTES / from->channels;
    size_t widest = (size_t)(from->width < most ? from->width : most) * (size_t)from->channels;
    size_t padded = widest + 2 * (size_t)radius * (size_t)from->channels;
    measure_disc(&s);
    uint8_t *memory = malloc((size_t)(s.level[0] + 1) * padded);
    s.rows = malloc((2 * (size_t)radius + 1) * widest);
    bool ok = memory != NULL && s.rows != NULL;
    for (int k = 0; ok && k <= s.level[0]; k++) {
        s.levels[k] = memory + (size_t)k * padded;
    }
    for (s.x = 0; ok && s.x < from->width; s.x += most) {
        s.width = from->width - s.x < most ? from->width - s.x : most;
        s.bytes = (size_t)s.width * (size_t)from->channels;
        s.padded = s.bytes + 2 * (size_t)radius * (size_t)from->channels;
        run_strip(&s, to);
    }
    free(memory);
    free(s.rows);
    return ok;
}

/* ---- whole and broken radii ---- */

/* `to` moves from `low` towards itself by f/256. */
static void mix(const bytes *to, const bytes *low, unsigned f) {
    size_t n = row_size(to) * (size_t)to->height;
    for (size_t i = 0; i < n; i++) {
        to->p[i] = (uint8_t)((low->p[i] * (256 - f) + to->p[i] * f + 128) >> 8);
    }
}

/* Replaces `b` by its maxima over a disc of a real radius. */
static bool dilate_real(bytes *b, double radius) {
    int whole = (int)radius;
    unsigned part = (unsigned)((radius - whole) * 256 + 0.5);
    size_t size = row_size(b) * (size_t)b->height;
    bytes high = *b, low = *b;
    uint8_t *memory = malloc(size), *more = part > 0 && whole > 0 ? malloc(size) : NULL;
    high.p = memory;
    low.p = more != NULL ? more : b->p;
    bool ok = memory != NULL && (part == 0 || whole == 0 || more != NULL);
    ok = ok && dilate(b, part > 0 ? whole + 1 : whole, &high);
    if (ok && part > 0) {
        ok = whole == 0 || dilate(b, whole, &low);
        mix(&high, &low, part);
    }
    free(more);
    free(ok ? b->p : memory);
    b->p = ok ? memory : b->p;
    return ok;
}

/* |radius|, limited; 0 if nothing is to be done. */
static double size_of(double radius) {
    double r = fabs(radius);
    return r >= 0.01 ? fmin(r, MAX_RADIUS) : 0;
}

int si_grow_reach(double radius) {
    return (int)ceil(size_of(radius));
}

/* ---- images and planes ---- */

/* Copies rows in, inverted for minima. */
static bool take(bytes *b, const uint8_t *pixels, size_t stride, bool invert) {
    size_t row = row_size(b);
    b->p = malloc(row * (size_t)b->height);
    for (int y = 0; b->p != NULL && y < b->height; y++) {
        const uint8_t *from = pixels + (size_t)y * stride;
        uint8_t *to = b->p + (size_t)y * row, flip = invert ? 255 : 0;
        for (size_t i = 0; i < row; i++) {
            to[i] = from[i] ^ flip;
        }
    }
    return b->p != NULL;
}

static void hide_transparent(bytes *b, const si_image *im) {
    for (int y = 0; b->channels == 4 && y < b->height; y++) {
        const uint8_t *from = im->pixels + (size_t)y * im->stride;
        uint8_t *to = b->p + (size_t)y * row_size(b);
        for (int x = 0; x < b->width; x++) {
            if (from[4 * x + 3] == 0) {
                memset(to + 4 * x, 0, 4);
            }
        }
    }
}

static si_result no_memory(si_diag *diag) {
    return si_fail(diag, SI_ERR_MEMORY, "no memory for the grow filter");
}

si_result si_grow_image(si_image *im, double radius, si_diag *diag) {
    bytes b = {.width = im->width, .height = im->height, .channels = im->channels};
    double size = size_of(radius);
    uint8_t flip = radius < 0 ? 255 : 0;
    if (size == 0) {
        return SI_OK;
    }
    if (!take(&b, im->pixels, im->stride, radius < 0)) {
        return no_memory(diag);
    }
    hide_transparent(&b, im);
    if (!dilate_real(&b, size)) {
        free(b.p);
        return no_memory(diag);
    }
    const uint8_t *from = b.p;
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels, from += im->channels) {
            for (int c = 0; c < 3; c++) {
                p[c] = from[c] ^ flip;
            }
        }
    }
    free(b.p);
    return SI_OK;
}

si_result si_grow_plane(si_plane *p, double radius, si_diag *diag) {
    bytes b = {.width = p->width, .height = p->height, .channels = 1};
    double size = size_of(radius);
    if (size == 0) {
        return SI_OK;
    }
    if (!take(&b, p->pixels, p->stride, radius < 0)) {
        return no_memory(diag);
    }
    if (!dilate_real(&b, size)) {
        free(b.p);
        return no_memory(diag);
    }
    for (int y = 0; y < p->height; y++) {
        const uint8_t *from = b.p + (size_t)y * row_size(&b);
        for (int x = 0; x < p->width; x++) {
            si_plane_row(p, y)[x] = from[x] ^ (radius < 0 ? 255 : 0);
        }
    }
    free(b.p);
    return SI_OK;
}

si_result si_grow_alpha(si_image *im, double radius, si_diag *diag) {
    if (im->channels != 4 || size_of(radius) == 0) {
        return SI_OK;
    }
    si_plane alpha;
    si_result result = si_mask_alpha(im, &alpha, diag);
    if (result == SI_OK) {
        result = si_grow_plane(&alpha, radius, diag);
    }
    if (result == SI_OK) {
        result = si_mask_set(im, &alpha, 0, 0, diag);
    }
    si_plane_free(&alpha);
    return result;
}
