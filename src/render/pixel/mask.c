#include "render/pixel/mask.h"

#include <string.h>

#include "render/pixel/levels.h"

#if !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* ---- planes from images ---- */

static uint8_t *image_row(const si_image *im, int y) {
    return im->pixels + (size_t)y * im->stride;
}

si_result si_mask_alpha(const si_image *im, si_plane *out, si_diag *diag) {
    SI_TRY(si_plane_alloc(out, im->width, im->height, diag));
    if (im->channels != 4) {
        si_plane_fill(out, 255);
        return SI_OK;
    }
    for (int y = 0; y < im->height; y++) {
        const uint8_t *from = image_row(im, y);
        uint8_t *to = si_plane_row(out, y);
        for (int x = 0; x < im->width; x++) {
            to[x] = from[4 * x + 3];
        }
    }
    return SI_OK;
}

si_result si_mask_luma(const si_image *im, si_plane *out, si_diag *diag) {
    SI_TRY(si_plane_alloc(out, im->width, im->height, diag));
    for (int y = 0; y < im->height; y++) {
        const uint8_t *from = image_row(im, y);
        uint8_t *to = si_plane_row(out, y);
        for (int x = 0; x < im->width; x++, from += im->channels) {
            to[x] = (uint8_t)((77 * from[0] + 150 * from[1] + 29 * from[2] + 128) >> 8);
        }
    }
    return SI_OK;
}

/* ---- masks on images ---- */

si_result si_mask_add_alpha(si_image *im, si_diag *diag) {
    if (im->channels == 4) {
        return SI_OK;
    }
    si_image wide;
    SI_TRY(si_image_alloc(&wide, im->width, im->height, 4, diag));
    wide.grey = im->grey;
    for (int y = 0; y < im->height; y++) {
        const uint8_t *from = image_row(im, y);
        uint8_t *to = image_row(&wide, y);
        for (int x = 0; x < im->width; x++, from += 3, to += 4) {
            to[0] = from[0];
            to[1] = from[1];
            to[2] = from[2];
            to[3] = 255;
        }
    }
    si_image_free(im);
    *im = wide;
    return SI_OK;
}

/* The pixels of a line 0 … size that another line of `other` pixels, lying at `at`, covers: first …
 * end, empty where they do not meet. */
static void overlap(int size, int at, int other, int *first, int *end) {
    int64_t to = (int64_t)at + other;
    *first = at < 0 ? 0 : at < size ? at : size;
    *end = to > size ? size : to > *first ? (int)to : *first;
}

/* What of `other`, lying at at_x, at_y, is on row `y` from pixel `first` on, the first one that
 * overlap() found; NULL if it has no such row. */
static const uint8_t *row_under(const si_plane *other, int first, int at_x, int y, int at_y) {
    int64_t row = (int64_t)y - at_y;
    return row < 0 || row >= other->height
               ? NULL
               : si_plane_row(other, (int)row) + (first - (int64_t)at_x);
}

static void apply(si_image *im, const si_plane *mask, int at_x, int at_y, bool replace) {
    int first, end;
    overlap(im->width, at_x, mask->width, &first, &end);
    for (int y = 0; y < im->height; y++) {
        uint8_t *alpha = image_row(im, y) + 3;
        const uint8_t *m = first < end ? row_under(mask, first, at_x, y, at_y) : NULL;
        for (int x = 0; x < im->width; x++) {
            uint32_t v = m != NULL && x >= first && x < end ? m[x - first] : 0;
            alpha[4 * x] = (uint8_t)(replace ? v : si_div255(alpha[4 * x] * v));
        }
    }
}

si_result si_mask_set(si_image *im, const si_plane *mask, int x, int y, si_diag *diag) {
    si_result result = si_mask_add_alpha(im, diag);
    if (result == SI_OK) {
        apply(im, mask, x, y, true);
    }
    return result;
}

si_result si_mask_multiply(si_image *im, const si_plane *mask, int x, int y, si_diag *diag) {
    si_result result = si_mask_add_alpha(im, diag);
    if (result == SI_OK) {
        apply(im, mask, x, y, false);
    }
    return result;
}

/* Over black, opaque. */
static void blacken(uint8_t *p) {
    for (int c = 0; c < 3; c++) {
        p[c] = (uint8_t)si_div255((uint32_t)p[c] * p[3]);
    }
    p[3] = 255;
}

static void apply_use_row(uint8_t *p, int n, si_mask_use use, si_mask_kind kind) {
    bool premultiplied = kind == SI_MASK_PREMULTIPLIED;
    for (int x = 0; x < n; x++, p += 4) {
        if (use == SI_MASK_OFF) {
            if (premultiplied) {
                blacken(p);
            }
            p[3] = 255;
        } else {
            p[3] = (uint8_t)(255 - p[3]);
            if (premultiplied) {
                memset(p, 0, 3);
            }
        }
    }
}

si_result si_mask_apply_use(si_image *im, si_mask_use use, si_mask_kind kind, si_diag *diag) {
    bool masked = kind != SI_MASK_NONE && im->channels == 4;
    if (use == SI_MASK_NORM || (use == SI_MASK_OFF && !masked)) {
        return SI_OK;
    }
    SI_TRY(si_mask_add_alpha(im, diag));
    for (int y = 0; y < im->height; y++) {
        apply_use_row(image_row(im, y), im->width, use, kind);
        for (int x = 0; !masked && x < im->width; x++) {
            image_row(im, y)[4 * x + 3] = 0;
        }
    }
    return SI_OK;
}

/* ---- planes among themselves ---- */

void si_plane_use(si_plane *p, si_mask_use use) {
    if (use == SI_MASK_OFF) {
        si_plane_fill(p, 255);
    }
    for (int y = 0; use == SI_MASK_INVERT && y < p->height; y++) {
        uint8_t *row = si_plane_row(p, y);
        for (int x = 0; x < p->width; x++) {
            row[x] = (uint8_t)(255 - row[x]);
        }
    }
}

SI_WIDE static void multiply_row(uint8_t *restrict p, const uint8_t *restrict other, int n) {
    for (int x = 0; x < n; x++) {
        p[x] = (uint8_t)si_div255((uint32_t)p[x] * other[x]);
    }
}

void si_plane_multiply(si_plane *p, const si_plane *other, int at_x, int at_y) {
    int first, end;
    overlap(p->width, at_x, other->width, &first, &end);
    for (int y = 0; y < p->height; y++) {
        uint8_t *row = si_plane_row(p, y);
        const uint8_t *m = first < end ? row_under(other, first, at_x, y, at_y) : NULL;
        if (m == NULL) {
            memset(row, 0, (size_t)p->width);
            continue;
        }
        memset(row, 0, (size_t)first);
        multiply_row(row + first, m, end - first);
        memset(row + end, 0, (size_t)(p->width - end));
    }
}

SI_WIDE static void knock_out_row(uint8_t *restrict p, const uint8_t *restrict other, int n) {
    for (int x = 0; x < n; x++) {
        p[x] = (uint8_t)si_div255((uint32_t)p[x] * (255u - other[x]));
    }
}

typedef void (*row_operation)(uint8_t *restrict p, const uint8_t *restrict other, int n);

static void where_both(
    si_plane *p, const si_plane *other, int at_x, int at_y, row_operation operation) {
    int first, end;
    overlap(p->width, at_x, other->width, &first, &end);
    for (int y = 0; first < end && y < p->height; y++) {
        const uint8_t *m = row_under(other, first, at_x, y, at_y);
        if (m != NULL) {
            operation(si_plane_row(p, y) + first, m, end - first);
        }
    }
}

void si_plane_knock_out(si_plane *p, const si_plane *other, int x, int y) {
    where_both(p, other, x, y, knock_out_row);
}

static void copy_row(uint8_t *restrict p, const uint8_t *restrict other, int n) {
    memcpy(p, other, (size_t)n);
}

si_result si_plane_place(const si_plane *p, int x, int y, int width, int height, uint8_t outside,
    si_plane *out, si_diag *diag) {
    si_result result = si_plane_alloc(out, width, height, diag);
    if (result == SI_OK) {
        if (outside != 0) {
            si_plane_fill(out, outside);
        }
        where_both(out, p, x, y, copy_row);
    }
    return result;
}
