#include "render/text/text_region.h"

#include <math.h>
#include <stdlib.h>

#include "render/pixel/path_fill.h"

/* Pixels between a curve and its straight edges. */
static const double TOLERANCE = 0.25;

enum { MAX_SCANLINES = 2048, MAX_CROSSINGS = 4096 };

typedef struct si_scanline {
    size_t count;
    double x[SI_REGION_MAX_INTERVALS][2];
} si_scanline;

typedef struct crossing {
    double x;
    int winding;
    bool out; /* of the excluded shape */
} crossing;

si_result si_region_edges(
    const si_path *path, const si_affine *m, si_edge_line **edges, size_t *count, si_diag *diag) {
    si_polylines lines = {0};
    size_t n = 0;
    *edges = NULL;
    *count = 0;
    SI_TRY(si_path_flatten(path, m, TOLERANCE, &lines, diag));
    si_result result = SI_OK;
    for (size_t i = 0; i < lines.count; i++) {
        n += lines.lines[i].count;
    }
    if (n > SI_REGION_MAX_EDGES) {
        result = si_fail(diag, SI_ERR_LIMIT, "text: its path has too many curves");
    } else if ((*edges = malloc((n + 1) * sizeof **edges)) == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < lines.count && result == SI_OK; i++) {
        const si_polyline *l = &lines.lines[i];
        for (size_t k = 0; k < l->count; k++) {
            const si_path_point *a = &l->points[k], *b = &l->points[(k + 1) % l->count];
            (*edges)[(*count)++] = (si_edge_line){a->x, a->y, b->x, b->y};
        }
    }
    si_polylines_free(&lines);
    return result;
}

static int by_x(const void *a, const void *b) {
    double d = ((const crossing *)a)->x - ((const crossing *)b)->x;
    return d < 0 ? -1 : d > 0;
}

static size_t add_crossings(
    const si_edge_line *e, size_t count, double y, bool out, crossing *to, size_t n) {
    for (size_t i = 0; i < count && n < MAX_CROSSINGS; i++) {
        bool down = e[i].y0 <= y && y < e[i].y1, up = e[i].y1 <= y && y < e[i].y0;
        if (down || up) {
            double t = (y - e[i].y0) / (e[i].y1 - e[i].y0);
            to[n++] = (crossing){e[i].x0 + t * (e[i].x1 - e[i].x0), down ? 1 : -1, out};
        }
    }
    return n;
}

/* Where a horizontal line is inside. */
static void scan(si_scanline *line, crossing *c, size_t n, double width) {
    int in = 0, out = 0;
    double from = 0;
    bool inside = false;
    qsort(c, n, sizeof *c, by_x);
    for (size_t i = 0; i < n; i++) {
        *(c[i].out ? &out : &in) += c[i].winding;
        bool now = in != 0 && out == 0;
        if (now == inside) {
            continue;
        }
        inside = now;
        if (now) {
            from = fmax(0, c[i].x);
        } else if (fmin(width, c[i].x) > from && line->count < SI_REGION_MAX_INTERVALS) {
            line->x[line->count][0] = from;
            line->x[line->count++][1] = fmin(width, c[i].x);
        }
    }
}

si_result si_region_shape(si_region *r, double width, double height, const si_edge_line *in,
    size_t in_count, const si_edge_line *out, size_t out_count, si_diag *diag) {
    *r = (si_region){.width = width, .height = height};
    r->scanline_count = (size_t)fmin(MAX_SCANLINES, fmax(1, ceil(height)));
    r->scanline_step = height / (double)r->scanline_count;
    r->scanlines = calloc(r->scanline_count, sizeof *r->scanlines);
    crossing *crossings = malloc(MAX_CROSSINGS * sizeof *crossings);
    if (r->scanlines == NULL || crossings == NULL) {
        free(crossings);
        si_region_free(r);
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < r->scanline_count; i++) {
        double y = ((double)i + 0.5) * r->scanline_step;
        size_t n = add_crossings(in, in_count, y, false, crossings, 0);
        n = add_crossings(out, out_count, y, true, crossings, n);
        scan(&r->scanlines[i], crossings, n, width);
    }
    free(crossings);
    return SI_OK;
}

/* What two sets of intervals have in common, into the first. */
static size_t intersect(double a[][2], size_t n, const si_scanline *b) {
    double common[SI_REGION_MAX_INTERVALS][2];
    size_t count = 0;
    for (size_t i = 0, j = 0; i < n && j < b->count && count < SI_REGION_MAX_INTERVALS;) {
        double from = fmax(a[i][0], b->x[j][0]), to = fmin(a[i][1], b->x[j][1]);
        if (to > from) {
            common[count][0] = from;
            common[count++][1] = to;
        }
        if (a[i][1] < b->x[j][1]) {
            i++;
        } else {
            j++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        a[i][0] = common[i][0];
        a[i][1] = common[i][1];
    }
    return count;
}

size_t si_region_intervals(
    const si_region *r, double y0, double y1, double intervals[SI_REGION_MAX_INTERVALS][2]) {
    intervals[0][0] = 0;
    intervals[0][1] = r->width;
    if (r->scanlines == NULL) {
        return 1;
    }
    if (y0 < -1e-6 || y1 > r->height + 1e-6 || !(y1 > y0)) {
        return 0;
    }
    size_t first = (size_t)fmax(0, floor(y0 / r->scanline_step));
    size_t last = (size_t)fmax(0, ceil(y1 / r->scanline_step - 1e-9));
    size_t n = 1;
    for (size_t i = first; i < last && i < r->scanline_count && n > 0; i++) {
        n = intersect(intervals, n, &r->scanlines[i]);
    }
    return n;
}

void si_region_free(si_region *r) {
    free(r->scanlines);
    *r = (si_region){0};
}
