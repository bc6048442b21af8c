#include "base/path.h"

#include <math.h>
#include <stdio.h>

/* ---- reading ---- */

typedef struct reader {
    const char *p, *start, *end;
    si_path_segment *segments; /* NULL = only count them */
    size_t count;
    double x, y;             /* current point */
    double start_x, start_y; /* of the subpath */
    bool open;               /* a MOVE has been written since the last Z */
    si_diag *diag;
} reader;

static si_result fail(const reader *r, si_result code, const char *what) {
    return si_fail(r->diag, code, "path: %s at position %zu", what, (size_t)(r->p - r->start) + 1);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool at_number(const reader *r) {
    return r->p < r->end && (is_digit(*r->p) || *r->p == '.' || *r->p == '-' || *r->p == '+');
}

/* Skips one comma, if what follows is a number. */
static bool skip_to_number(reader *r) {
    if (r->p < r->end && *r->p == ',') {
        r->p++;
        if (!at_number(r)) {
            r->p--;
        }
    }
    return at_number(r);
}

static si_result read_number(reader *r, double *out) {
    if (!skip_to_number(r)) {
        return fail(r, SI_ERR_SYNTAX, "a number is missing");
    }
    const char *from = r->p++;
    while (r->p < r->end && (is_digit(*r->p) || *r->p == '.')) {
        r->p++;
    }
    if (!si_str_real((si_str){from, (size_t)(r->p - from)}, out)) {
        r->p = from;
        return fail(r, SI_ERR_SYNTAX, "bad number");
    }
    if (!(fabs(*out) <= SI_PATH_MAX_COORDINATE)) {
        r->p = from;
        return fail(r, SI_ERR_RANGE, "coordinate too large");
    }
    return SI_OK;
}

static si_result add(reader *r, si_path_op op, const double *p, int points) {
    if (r->count == SI_PATH_MAX_SEGMENTS) {
        return fail(r, SI_ERR_LIMIT, "too many segments");
    }
    if (r->segments != NULL) {
        r->segments[r->count] = (si_path_segment){.op = op};
        memcpy(r->segments[r->count].p, p, (size_t)points * 2 * sizeof *p);
    }
    r->count++;
    r->x = p[2 * points - 2];
    r->y = p[2 * points - 1];
    return SI_OK;
}

static si_result move_to(reader *r, double x, double y) {
    r->start_x = x;
    r->start_y = y;
    r->open = true;
    return add(r, SI_PATH_MOVE, (double[]){x, y}, 1);
}

/* One line or curve; coordinates of a relative one all count from the current point. */
static si_result read_segment(reader *r, si_path_op op, bool relative) {
    double p[6];
    int points = op == SI_PATH_CURVE ? 3 : 1;
    for (int i = 0; i < 2 * points; i++) {
        SI_TRY(read_number(r, &p[i]));
        p[i] += relative ? (i % 2 == 0 ? r->x : r->y) : 0;
        if (!(fabs(p[i]) <= SI_PATH_MAX_COORDINATE)) {
            return fail(r, SI_ERR_RANGE, "coordinate too large");
        }
    }
    if (op == SI_PATH_MOVE) {
        return move_to(r, p[0], p[1]);
    }
    if (!r->open) {
        SI_TRY(move_to(r, r->x, r->y));
    }
    return add(r, op, p, points);
}

static si_result close_subpath(reader *r) {
    if (!r->open) {
        return fail(r, SI_ERR_SYNTAX, "nothing to close");
    }
    r->p++;
    r->open = false;
    return add(r, SI_PATH_CLOSE, (double[]){r->start_x, r->start_y}, 1);
}

static si_result read_command(reader *r) {
    char letter = *r->p;
    bool relative = letter >= 'a';
    si_path_op op;
    switch (relative ? letter - 'a' + 'A' : letter) {
    case 'M':
        op = SI_PATH_MOVE;
        break;
    case 'L':
        op = SI_PATH_LINE;
        break;
    case 'C':
        op = SI_PATH_CURVE;
        break;
    case 'Z':
        op = SI_PATH_CLOSE;
        break;
    default:
        return fail(r, SI_ERR_SYNTAX, "not a path command");
    }
    if (r->count == 0 && op != SI_PATH_MOVE) {
        return fail(r, SI_ERR_SYNTAX, "a path begins with M");
    }
    if (op == SI_PATH_CLOSE) {
        return close_subpath(r);
    }
    r->p++;
    si_result result = read_segment(r, op, relative);
    while (result == SI_OK && skip_to_number(r)) {
        result = read_segment(r, op == SI_PATH_MOVE ? SI_PATH_LINE : op, relative);
    }
    return result;
}

static si_result read_all(reader *r) {
    si_result result = r->p == r->end ? fail(r, SI_ERR_SYNTAX, "it is empty") : SI_OK;
    while (result == SI_OK && r->p < r->end) {
        result = read_command(r);
        if (result == SI_OK && r->p < r->end && *r->p == ',' && ++r->p == r->end) {
            result = fail(r, SI_ERR_SYNTAX, "something is missing");
        }
    }
    return result;
}

si_result si_path_parse(si_str text, si_arena *arena, si_path *out, si_diag *diag) {
    reader r = {.p = text.p, .start = text.p, .end = text.p + text.len, .diag = diag};
    SI_TRY(read_all(&r));
    si_result result = SI_OK;
    if (arena != NULL) {
        reader again = {.p = r.start, .start = r.start, .end = r.end, .diag = diag};
        again.segments = si_arena_alloc(arena, r.count * sizeof *again.segments);
        if (again.segments == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a path");
        }
        r = again;
        result = read_all(&r);
    }
    if (out != NULL) {
        *out = (si_path){.segments = r.segments, .count = r.count};
    }
    return result;
}

/* ---- printing ---- */

enum { LONGEST_SEGMENT = 6 * 20 };

const char *si_path_print(const si_path *path, si_arena *arena) {
    static const char letters[] = "MLCZ";
    char *text = si_arena_alloc(arena, path->count * LONGEST_SEGMENT + 1), number[32];
    if (text == NULL) {
        return NULL;
    }
    char *to = text;
    for (size_t i = 0; i < path->count; i++) {
        const si_path_segment *s = &path->segments[i];
        int numbers = s->op == SI_PATH_CLOSE ? 0 : s->op == SI_PATH_CURVE ? 6 : 2;
        *to++ = letters[s->op];
        for (int k = 0; k < numbers; k++) {
            if (k > 0) {
                *to++ = ',';
            }
            size_t len = strlen(si_real_print(s->p[k], number));
            memcpy(to, number, len);
            to += len;
        }
    }
    *to = '\0';
    return text;
}

/* ---- bounds ---- */

static void include(double box[4], double x, double y) {
    box[0] = fmin(box[0], x);
    box[1] = fmin(box[1], y);
    box[2] = fmax(box[2], x);
    box[3] = fmax(box[3], y);
}

static double bezier(const double c[4], double t) {
    double s = 1 - t;
    return s * s * s * c[0] + 3 * s * s * t * c[1] + 3 * s * t * t * c[2] + t * t * t * c[3];
}

/* Widens low … high by the extremes of a cubic Bézier between its ends. */
static void include_curve(const double c[4], double *low, double *high) {
    double a = -c[0] + 3 * c[1] - 3 * c[2] + c[3], b = 2 * (c[0] - 2 * c[1] + c[2]);
    double d = c[1] - c[0], root[2] = {-1, -1}; /* of a·t² + b·t + d, the derivative / 3 */
    double disc = b * b - 4 * a * d;
    if (fabs(a) < 1e-12) {
        root[0] = b != 0 ? -d / b : -1;
    } else if (disc >= 0) {
        root[0] = (-b + sqrt(disc)) / (2 * a);
        root[1] = (-b - sqrt(disc)) / (2 * a);
    }
    for (int i = 0; i < 2; i++) {
        if (root[i] > 0 && root[i] < 1) {
            double v = bezier(c, root[i]);
            *low = fmin(*low, v);
            *high = fmax(*high, v);
        }
    }
}

static void transform(const si_affine *m, const double from[2], double to[2]) {
    to[0] = m->xx * from[0] + m->xy * from[1] + m->x0;
    to[1] = m->yx * from[0] + m->yy * from[1] + m->y0;
}

bool si_path_bounds(const si_path *path, const si_affine *m, double box[4]) {
    si_affine identity = SI_AFFINE_IDENTITY;
    double last[2] = {0}, p[3][2];
    box[0] = box[1] = INFINITY;
    box[2] = box[3] = -INFINITY;
    m = m != NULL ? m : &identity;
    for (size_t i = 0; i < path->count; i++) {
        const si_path_segment *s = &path->segments[i];
        int points = s->op == SI_PATH_CURVE ? 3 : 1;
        for (int k = 0; k < points; k++) {
            transform(m, &s->p[2 * k], p[k]);
        }
        const double *end = p[points - 1];
        include(box, end[0], end[1]);
        for (int k = 0; points == 3 && k < 2; k++) {
            include_curve((double[]){last[k], p[0][k], p[1][k], p[2][k]}, &box[k], &box[k + 2]);
        }
        last[0] = end[0];
        last[1] = end[1];
    }
    return path->count > 0;
}
