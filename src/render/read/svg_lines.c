#include "render/read/svg_lines.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double MOST = 1e9; /* of coordinates; those beyond are none */

/* One axis: what was gone along it, and the part of it that was touched. */
typedef struct axis {
    double at, start, gone, least, most;
} axis;

typedef struct reader {
    const char *text;
    axis of[2]; /* x, y */
    bool touched;
} reader;

static void touch(axis *a, double to) {
    a->least = fmin(a->least, to);
    a->most = fmax(a->most, to);
}

/* A line to (x, y); `drawn`: a moved pen draws nothing. */
static void go(reader *r, double x, double y, bool drawn) {
    const double to[2] = {x, y};
    for (int i = 0; i < 2; i++) {
        axis *a = &r->of[i];
        if (!r->touched) {
            a->least = a->most = to[i];
        }
        a->gone += drawn ? fabs(to[i] - a->at) : 0;
        a->at = to[i];
        touch(a, to[i]);
    }
    r->touched = true;
}

static void skip(reader *r) {
    while (*r->text == ' ' || (*r->text >= '\t' && *r->text <= '\r') || *r->text == ',') {
        r->text++;
    }
}

/* Most numbers of paths are short, and strtod() takes ten times as long for them. */
static bool short_number(reader *r, double *value) {
    const char *p = r->text;
    const bool negative = *p == '-';
    double n = 0, unit = 1;
    int digits = 0;
    p += *p == '-' || *p == '+';
    for (; *p >= '0' && *p <= '9' && digits < 9; digits++) {
        n = 10 * n + (*p++ - '0');
    }
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9' && digits < 9; digits++) {
            n = 10 * n + (*p++ - '0');
            unit *= 10;
        }
    }
    if (digits == 0 || digits == 9 || *p == 'e' || *p == 'E') {
        return false;
    }
    *value = (negative ? -n : n) / unit;
    r->text = p;
    return true;
}

static bool number(reader *r, double *value) {
    char *end;
    skip(r);
    if (short_number(r, value)) {
        return true;
    }
    if (!isdigit((unsigned char)*r->text) &&
        (*r->text == '\0' || strchr("+-.", *r->text) == NULL)) {
        return false; /* of what strtod() takes beside: hexadecimal, inf, nan */
    }
    *value = strtod(r->text, &end);
    if (end == r->text || !(fabs(*value) <= MOST)) {
        return false;
    }
    r->text = end;
    return true;
}

/* Flags of arcs may stand without anything between them. */
static bool flag(reader *r) {
    skip(r);
    if (*r->text != '0' && *r->text != '1') {
        return false;
    }
    r->text++;
    return true;
}

static bool arc(reader *r, double base_x, double base_y) {
    double rx, ry, turned, x, y;
    if (!number(r, &rx) || !number(r, &ry) || !number(r, &turned) || !flag(r) || !flag(r) ||
        !number(r, &x) || !number(r, &y)) {
        return false;
    }
    /* Radii that are too small grow until the arc reaches its end. */
    double there = hypot(base_x + x - r->of[0].at, base_y + y - r->of[1].at);
    if (there == 0) {
        return true; /* not drawn */
    }
    double around = 4 * fmax(there / 2, fmax(fabs(rx), fabs(ry)));
    double middle[2] = {r->of[0].at, r->of[1].at};
    go(r, base_x + x, base_y + y, false);
    for (int i = 0; i < 2; i++) {
        r->of[i].gone += around;
        touch(&r->of[i], (middle[i] + r->of[i].at) / 2 + around / 4);
        touch(&r->of[i], (middle[i] + r->of[i].at) / 2 - around / 4);
    }
    return true;
}

/* The numbers of one command; false at its end, or at a mistake. */
static bool step(reader *r, char command) {
    const char kind = (char)toupper((unsigned char)command);
    const bool relative = command != kind;
    const double x0 = relative ? r->of[0].at : 0, y0 = relative ? r->of[1].at : 0;
    double v[6];
    if (kind == 'A') {
        return arc(r, x0, y0);
    }
    const int pairs = kind == 'C' ? 3 : kind == 'S' || kind == 'Q' ? 2 : 1;
    const int count = kind == 'H' || kind == 'V' ? 1 : 2 * pairs;
    for (int i = 0; i < count; i++) {
        if (!number(r, &v[i])) {
            return false;
        }
    }
    if (count == 1) {
        go(r, kind == 'H' ? x0 + v[0] : r->of[0].at, kind == 'V' ? y0 + v[0] : r->of[1].at, true);
        return true;
    }
    for (int i = 0; i < pairs; i++) {
        go(r, x0 + v[2 * i], y0 + v[2 * i + 1], kind != 'M');
    }
    return true;
}

static double lines_of(const reader *r) {
    double lines = 0;
    for (int i = 0; i < 2; i++) {
        const axis *a = &r->of[i];
        double extent = a->most - a->least;
        lines = fmax(lines, extent > 0 ? a->gone / extent : 0);
    }
    return lines;
}

/* Filling does so, whether the shape says it or not. */
static void close_shape(reader *r) {
    if (r->touched) {
        go(r, r->of[0].start, r->of[1].start, true);
    }
}

static void begin_shape(reader *r) {
    r->of[0].start = r->of[0].at;
    r->of[1].start = r->of[1].at;
}

double si_svg_lines_of_path(const char *path) {
    reader r = {.text = path};
    for (skip(&r); *r.text != '\0'; skip(&r)) {
        const char command = *r.text++;
        if (command == '\0' || strchr("MmLlHhVvCcSsQqTtAaZz", command) == NULL) {
            break;
        }
        if (command == 'Z' || command == 'z') {
            close_shape(&r);
            continue;
        }
        bool move = command == 'M' || command == 'm';
        if (move) {
            close_shape(&r);
        }
        if (!step(&r, command)) {
            break;
        }
        if (move) {
            begin_shape(&r);
        }
        char next = command == 'M' ? 'L' : command == 'm' ? 'l' : command;
        while (step(&r, next)) {
        }
    }
    close_shape(&r);
    return lines_of(&r);
}

double si_svg_lines_of_points(const char *points) {
    reader r = {.text = points};
    if (step(&r, 'M')) {
        begin_shape(&r);
        while (step(&r, 'L')) {
        }
        close_shape(&r);
    }
    return lines_of(&r);
}
