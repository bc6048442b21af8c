#include "render/pixel/path_fill.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_LINES = 256 }; /* per curve */

/* cairo counts in 1/256 pixel with 32 bits; this far out everything is off any plane anyway. */
static const double FARTHEST = 4e6;

/* ---- flattening ---- */

typedef struct point {
    double x, y;
} point;

static point transform(const si_affine *m, const double p[2]) {
    point to = {m->xx * p[0] + m->xy * p[1] + m->x0, m->yx * p[0] + m->yy * p[1] + m->y0};
    to.x = to.x > FARTHEST ? FARTHEST : to.x > -FARTHEST ? to.x : -FARTHEST;
    to.y = to.y > FARTHEST ? FARTHEST : to.y > -FARTHEST ? to.y : -FARTHEST;
    return to;
}

/* Lines that keep within `tolerance` of a curve: a chord over 1/n of it is off by at most the
 * second derivative / 8n², and that is largest at one of the ends. */
static int lines_of(const point c[4], double tolerance) {
    double ax = c[0].x - 2 * c[1].x + c[2].x, ay = c[0].y - 2 * c[1].y + c[2].y;
    double bx = c[1].x - 2 * c[2].x + c[3].x, by = c[1].y - 2 * c[2].y + c[3].y;
    double bend = 6 * fmax(hypot(ax, ay), hypot(bx, by));
    double n = ceil(sqrt(bend / (8 * tolerance)));
    return n < 1 ? 1 : n < MAX_LINES ? (int)n : MAX_LINES;
}

static point bezier(const point c[4], double t) {
    double s = 1 - t, w0 = s * s * s, w1 = 3 * s * s * t, w2 = 3 * s * t * t, w3 = t * t * t;
    return (point){w0 * c[0].x + w1 * c[1].x + w2 * c[2].x + w3 * c[3].x,
        w0 * c[0].y + w1 * c[1].y + w2 * c[2].y + w3 * c[3].y};
}

/* Points and lines so far; counts only while `points` is NULL. */
typedef struct sink {
    si_path_point *points;
    si_polyline *lines;
    size_t count, line_count;
    size_t first; /* point of the subpath */
    point last;
} sink;

static void add_point(sink *s, point p) {
    if (s->points != NULL) {
        double before = s->count > s->first ? s->points[s->count - 1].length : 0;
        double step = s->count > s->first ? hypot(p.x - s->last.x, p.y - s->last.y) : 0;
        s->points[s->count] = (si_path_point){p.x, p.y, before + step};
        s->lines[s->line_count - 1].count++;
    }
    s->count++;
    s->last = p;
}

static void begin_line(sink *s, point p) {
    if (s->points != NULL) {
        s->lines[s->line_count] = (si_polyline){.points = s->points + s->count};
    }
    s->line_count++;
    s->first = s->count;
    add_point(s, p);
}

static void add_lines(const si_path *path, const si_affine *m, double tolerance, sink *s) {
    for (size_t i = 0; i < path->count; i++) {
        const si_path_segment *seg = &path->segments[i];
        if (seg->op == SI_PATH_MOVE) {
            begin_line(s, transform(m, seg->p));
        } else if (seg->op == SI_PATH_CURVE) {
            point c[4] = {
                s->last, transform(m, seg->p), transform(m, seg->p + 2), transform(m, seg->p + 4)};
            int n = lines_of(c, tolerance);
            for (int k = 1; k <= n; k++) {
                add_point(s, k == n ? c[3] : bezier(c, (double)k / n));
            }
        } else {
            add_point(s, transform(m, seg->p));
            if (seg->op == SI_PATH_CLOSE && s->lines != NULL) {
                s->lines[s->line_count - 1].closed = true;
            }
        }
    }
}

si_result si_path_flatten(
    const si_path *path, const si_affine *m, double tolerance, si_polylines *out, si_diag *diag) {
    si_affine identity = SI_AFFINE_IDENTITY;
    sink count = {0};
    m = m != NULL ? m : &identity;
    *out = (si_polylines){0};
    add_lines(path, m, tolerance, &count);
    if (count.count == 0) {
        return SI_OK;
    }
    sink s = {.points = calloc(count.count, sizeof *s.points),
        .lines = calloc(count.line_count, sizeof *s.lines)};
    if (s.points == NULL || s.lines == NULL) {
        free(s.points);
        free(s.lines);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a path");
    }
    add_lines(path, m, tolerance, &s);
    *out = (si_polylines){.lines = s.lines, .count = s.line_count, .points = s.points};
    return SI_OK;
}

void si_polylines_free(si_polylines *p) {
    free(p->lines);
    free(p->points);
    *p = (si_polylines){0};
}

void si_polyline_at(
    const si_polyline *line, double length, double *x, double *y, double *direction) {
    const si_path_point *p = line->points;
    size_t low = 0, high = line->count - 1; /* p[low].length ≤ length ≤ p[high].length */
    while (high > low + 1) {
        size_t middle = (low + high) / 2;
        if (p[middle].length <= length) {
            low = middle;
        } else {
            high = middle;
        }
    }
    double step = p[high].length - p[low].length;
    double t = step > 0 ? (length - p[low].length) / step : 0;
    t = t > 1 ? 1 : t > 0 ? t : 0;
    *x = p[low].x + t * (p[high].x - p[low].x);
    *y = p[low].y + t * (p[high].y - p[low].y);
    *direction = atan2(p[high].y - p[low].y, p[high].x - p[low].x);
}

/* ---- filling ---- */

static si_result fail_cairo(cairo_status_t status, si_diag *diag) {
    return si_fail(diag, status == CAIRO_STATUS_NO_MEMORY ? SI_ERR_MEMORY : SI_ERR_INTERNAL,
        "path: %s", cairo_status_to_string(status));
}

static void trace(cairo_t *cr, const si_polylines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        const si_polyline *line = &lines->lines[i];
        cairo_move_to(cr, line->points[0].x, line->points[0].y);
        for (size_t k = 1; k < line->count; k++) {
            cairo_line_to(cr, line->points[k].x, line->points[k].y);
        }
        cairo_close_path(cr);
    }
}

static si_result fill(const si_polylines *lines, si_plane *p, si_diag *diag) {
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        p->pixels, CAIRO_FORMAT_A8, p->width, p->height, (int)p->stride);
    cairo_t *cr = cairo_create(surface);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_WINDING);
    cairo_set_antialias(cr, CAIRO_ANTIALIAS_BEST);
    trace(cr, lines);
    cairo_fill(cr);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS ? SI_OK : fail_cairo(status, diag);
}

si_result si_path_fill(
    const si_path *path, const si_affine *m, int width, int height, si_plane *out, si_diag *diag) {
    si_polylines lines = {0};
    si_result result = si_plane_alloc(out, width, height, diag);
    if (result == SI_OK) {
        result = si_path_flatten(path, m, 0.05, &lines, diag);
    }
    if (result == SI_OK) {
        result = fill(&lines, out, diag);
    }
    si_polylines_free(&lines);
    if (result != SI_OK) {
        si_plane_free(out);
    }
    return result;
}
