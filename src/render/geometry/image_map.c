#include "render/geometry/image_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map_links.h"

enum { POINTS_MAX = 400 };

typedef struct polygon {
    int count;
    double v[POINTS_MAX][2];
} polygon;

typedef struct area {
    si_str shape, coords;
    si_str others[40]; /* attributes as written */
    int other_count;
} area;

/* ---- reading ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '/';
}

/* Of a value without quotes. */
static bool ends_value(char c) {
    return c == '>' || (c != '/' && is_blank(c));
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == ':' || c == '.';
}

/* Takes one attribute; `value` without its quotes, p == NULL if it has none. */
static bool take_attribute(si_str *s, si_str *whole, si_str *name, si_str *value) {
    while (s->len > 0 && is_blank(s->p[0])) {
        s->p++;
        s->len--;
    }
    size_t n = 0;
    while (n < s->len && is_name(s->p[n])) {
        n++;
    }
    if (n == 0) {
        return false;
    }
    *name = (si_str){s->p, n};
    *value = (si_str){NULL, 0};
    size_t end = n;
    if (end < s->len && s->p[end] == '=') {
        char quote = end + 1 < s->len ? s->p[end + 1] : '\0';
        bool quoted = quote == '"' || quote == '\'';
        size_t from = end + 1 + quoted;
        end = from;
        while (end < s->len && (quoted ? s->p[end] != quote : !ends_value(s->p[end]))) {
            end++;
        }
        *value = (si_str){s->p + from, end - from};
        end += quoted && end < s->len;
    }
    *whole = (si_str){s->p, end};
    s->p += end;
    s->len -= end;
    return true;
}

/* Takes the next AREA element. */
static bool take_area(si_str *s, area *out) {
    while (s->len > 5) {
        const char *open = memchr(s->p, '<', s->len - 5);
        if (open == NULL) {
            return false;
        }
        size_t skip = (size_t)(open - s->p) + 1;
        s->p += skip;
        s->len -= skip;
        if (s->len < 5 || !si_str_eq_nocase((si_str){s->p, 4}, SI_STR("area")) ||
            is_name(s->p[4])) {
            continue;
        }
        s->p += 4;
        s->len -= 4;
        si_str whole, name, value;
        *out = (area){0};
        while (take_attribute(s, &whole, &name, &value)) {
            if (si_str_eq_nocase(name, SI_STR("shape"))) {
                out->shape = value;
            } else if (si_str_eq_nocase(name, SI_STR("coords"))) {
                out->coords = value;
            } else if (out->other_count < (int)(sizeof out->others / sizeof *out->others)) {
                out->others[out->other_count++] = whole;
            }
        }
        return true;
    }
    return false;
}

static void corners(const double box[4], polygon *p) {
    memcpy(p->v,
        (double[4][2]){{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}},
        4 * sizeof *p->v);
    p->count = 4;
}

static bool read_polygon(si_str coords, polygon *p) {
    si_str part;
    double v[2 * POINTS_MAX];
    int n = 0;
    while (si_str_next(&coords, ',', &part)) {
        if (n == 2 * POINTS_MAX - 16 || !si_str_real(si_str_trim(part), &v[n++])) {
            return false;
        }
    }
    p->count = n / 2;
    memcpy(p->v, v, (size_t)p->count * sizeof *p->v);
    return n % 2 == 0;
}

/* The shape in the coordinates it was given in; `whole` = it is all there is. */
static bool read_shape(const area *a, polygon *p, bool *whole) {
    *whole = a->shape.p == NULL || si_str_eq_nocase(a->shape, SI_STR("default"));
    if (*whole) {
        return true;
    }
    if (!read_polygon(a->coords, p)) {
        return false;
    }
    if (si_str_eq_nocase(a->shape, SI_STR("rect")) ||
        si_str_eq_nocase(a->shape, SI_STR("rectangle"))) {
        if (p->count != 2) {
            return false;
        }
        const double box[4] = {p->v[0][0], p->v[0][1], p->v[1][0], p->v[1][1]};
        corners(box, p);
        return true;
    }
    return p->count >= 3 && (si_str_eq_nocase(a->shape, SI_STR("poly")) ||
                                si_str_eq_nocase(a->shape, SI_STR("polygon")));
}

/* ---- clipping ---- */

/* Keeps what lies on the inner side of one line: sign·(coordinate − limit) ≥ 0. */
static void cut(polygon *p, int axis, double sign, double limit) {
    polygon in = *p;
    p->count = 0;
    for (int i = 0; i < in.count && p->count < POINTS_MAX - 2; i++) {
        const double *a = in.v[i], *b = in.v[(i + 1) % in.count];
        double da = sign * (a[axis] - limit), db = sign * (b[axis] - limit);
        if (da >= 0) {
            memcpy(p->v[p->count++], a, sizeof *p->v);
        }
        if ((da > 0 && db < 0) || (da < 0 && db > 0)) {
            double t = da / (da - db);
            double *v = p->v[p->count++];
            v[axis] = limit;
            v[1 - axis] = a[1 - axis] + t * (b[1 - axis] - a[1 - axis]);
        }
    }
}

static void cut_to_box(polygon *p, const double box[4]) {
    cut(p, 0, 1, box[0]);
    cut(p, 1, 1, box[1]);
    cut(p, 0, -1, box[2]);
    cut(p, 1, -1, box[3]);
}

static double twice_area(const polygon *p) {
    double sum = 0;
    for (int i = 0; i < p->count; i++) {
        const double *a = p->v[i], *b = p->v[(i + 1) % p->count];
        sum += a[0] * b[1] - b[0] * a[1];
    }
    return fabs(sum);
}

/* ---- writing ---- */

static void round_all(polygon *p) {
    int n = 0;
    for (int i = 0; i < p->count; i++) {
        double v[2] = {si_round(p->v[i][0]), si_round(p->v[i][1])};
        if (n == 0 || v[0] != p->v[n - 1][0] || v[1] != p->v[n - 1][1]) {
            memcpy(p->v[n++], v, sizeof v);
        }
    }
    while (n > 1 && p->v[n - 1][0] == p->v[0][0] && p->v[n - 1][1] == p->v[0][1]) {
        n--;
    }
    p->count = n;
}

static bool is_upright(const polygon *p) {
    for (int i = 0; i < p->count; i++) {
        const double *a = p->v[i], *b = p->v[(i + 1) % p->count];
        if (a[0] != b[0] && a[1] != b[1]) {
            return false;
        }
    }
    return p->count == 4;
}

static bool put(si_bytes *out, const char *text, size_t len) {
    return si_bytes_append(out, text, len);
}

static bool put_numbers(si_bytes *out, const double *v, int count) {
    char text[40];
    bool ok = true;
    for (int i = 0; i < count && ok; i++) {
        int n = snprintf(text, sizeof text, "%s%.0f", i > 0 ? "," : "", v[i] + 0.0);
        ok = put(out, text, (size_t)n);
    }
    return ok;
}

static bool write_area(const area *a, polygon *p, bool rectangle, si_bytes *out) {
    bool ok = put(out, "<AREA SHAPE=\"", 13);
    if (rectangle && is_upright(p)) {
        double box[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
        for (int i = 0; i < 4; i++) {
            for (int k = 0; k < 2; k++) {
                box[k] = fmin(box[k], p->v[i][k]);
                box[2 + k] = fmax(box[2 + k], p->v[i][k]);
            }
        }
        ok = ok && put(out, "rect\" COORDS=\"", 14) && put_numbers(out, box, 4);
    } else {
        ok = ok && put(out, "poly\" COORDS=\"", 14) && put_numbers(out, p->v[0], 2 * p->count);
    }
    ok = ok && put(out, "\"", 1);
    for (int i = 0; i < a->other_count; i++) {
        ok = ok && put(out, " ", 1) && put(out, a->others[i].p, a->others[i].len);
    }
    return ok && put(out, ">\r\n", 3);
}

static bool write_areas(
    si_str areas, const si_map *map, const double (*boxes)[4], int count, si_bytes *out) {
    area a;
    while (take_area(&areas, &a)) {
        polygon p = {0};
        bool whole;
        if (!read_shape(&a, &p, &whole)) {
            continue;
        }
        bool rectangle = whole || p.count == 4;
        if (whole) {
            corners(boxes[0], &p);
        } else {
            for (int i = 0; i < p.count; i++) {
                double x = p.v[i][0], y = p.v[i][1];
                si_map_point(map, x, y, p.v[i]);
            }
        }
        for (int i = 0; i < count; i++) {
            cut_to_box(&p, boxes[i]);
        }
        round_all(&p);
        if (p.count >= 3 && twice_area(&p) > 0 && !write_area(&a, &p, rectangle, out)) {
            return false;
        }
    }
    return true;
}

bool si_image_map_write(
    si_str areas, const si_map *map, const double (*boxes)[4], int count, si_bytes *out) {
    si_bytes moved = {0};
    bool ok =
        write_areas(areas, map, boxes, count, &moved) &&
        si_map_links_clean((si_str){(const char *)moved.data, moved.len}, SI_MAP_OF_COMPANY, out);
    si_bytes_free(&moved);
    return ok;
}
