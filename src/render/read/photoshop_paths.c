#include "render/read/photoshop_paths.h"

#include <stdbool.h>
#include <string.h>

/* Resource numbers and record types of the specification. */
enum { FIRST_PATH = 2000, LAST_PATH = 2997 };
enum { RECORD_SIZE = 26, CLOSED_LENGTH = 0, CLOSED_KNOT = 1, CLOSED_KNOT_UNLINKED = 2 };
enum { OPEN_LENGTH = 3, OPEN_KNOT = 4, OPEN_KNOT_UNLINKED = 5 };

/* ---- bytes, with their end in sight ---- */

typedef struct stream {
    const uint8_t *p, *end;
} stream;

static bool take(stream *s, size_t n, const uint8_t **out) {
    if ((size_t)(s->end - s->p) < n) {
        return false;
    }
    *out = s->p;
    s->p += n;
    return true;
}

static uint32_t read16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t read32(const uint8_t *p) {
    return read16(p) << 16 | read16(p + 2);
}

/* One block: `8BIM`, number, name padded to even, length, data padded to even. */
typedef struct resource {
    uint32_t number;
    si_str name;
    stream data;
} resource;

static bool next_resource(stream *s, resource *r) {
    const uint8_t *head, *name, *size, *data, *pad;
    if (!take(s, 7, &head) || memcmp(head, "8BIM", 4) != 0) {
        return false;
    }
    size_t name_size = head[6] | 1u; /* with the length byte before it, an even number */
    if (!take(s, name_size, &name) || !take(s, 4, &size) || !take(s, read32(size), &data)) {
        return false;
    }
    *r = (resource){.number = read16(head + 4),
        .name = {(const char *)name, head[6]},
        .data = {data, data + read32(size)}};
    if (read32(size) % 2 != 0 && !take(s, 1, &pad)) {
        s->p = s->end; /* the last one may lack its padding */
    }
    return true;
}

/* ---- one path ---- */

/* Fractions of the image: signed, 8 bits before the point and 24 behind it; y comes first. */
static void read_point(const uint8_t *p, double to[2]) {
    to[0] = (double)(int32_t)read32(p + 4) / (1 << 24);
    to[1] = (double)(int32_t)read32(p) / (1 << 24);
}

/* Turns `count` knots (point before, point, point behind) into segments; returns how many. NULL
 * only counts. */
static size_t add_subpath(
    const uint8_t *records, size_t count, bool closed, si_path_segment *segments) {
    size_t curves = closed ? count : count - 1, total = 1 + curves + (closed ? 1 : 0);
    if (segments == NULL) {
        return total;
    }
    segments[0].op = SI_PATH_MOVE;
    read_point(records + 10, segments[0].p);
    for (size_t i = 1; i <= curves; i++) {
        const uint8_t *from = records + (i - 1) * RECORD_SIZE;
        const uint8_t *to = records + i % count * RECORD_SIZE;
        segments[i].op = SI_PATH_CURVE;
        read_point(from + 18, segments[i].p);
        read_point(to + 2, segments[i].p + 2);
        read_point(to + 10, segments[i].p + 4);
    }
    if (closed) {
        segments[total - 1].op = SI_PATH_CLOSE;
        memcpy(segments[total - 1].p, segments[0].p, 2 * sizeof(double));
    }
    return total;
}

static bool is_knot(const uint8_t *record, bool closed) {
    uint32_t type = read16(record);
    return closed ? type == CLOSED_KNOT || type == CLOSED_KNOT_UNLINKED
                  : type == OPEN_KNOT || type == OPEN_KNOT_UNLINKED;
}

/* Segments of the whole path; false if its records contradict each other, or for too many. */
static bool read_path(stream data, si_path_segment *segments, size_t *count) {
    const uint8_t *record, *knots;
    *count = 0;
    while (take(&data, RECORD_SIZE, &record)) {
        uint32_t type = read16(record), n = read16(record + 2);
        bool closed = type == CLOSED_LENGTH;
        if ((!closed && type != OPEN_LENGTH) || n == 0) {
            continue; /* fill rules and the like */
        }
        if (*count + n + 2 > SI_PATH_MAX_SEGMENTS || !take(&data, n * RECORD_SIZE, &knots)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (!is_knot(knots + i * RECORD_SIZE, closed)) {
                return false;
            }
        }
        *count += add_subpath(knots, n, closed, segments != NULL ? segments + *count : NULL);
    }
    return *count > 0;
}

/* ---- all of them ---- */

static const char *copy_name(si_str name, si_arena *arena) {
    char *copy = si_arena_copy(arena, name.p, name.len);
    for (size_t i = 0; copy != NULL && i < name.len; i++) {
        if ((unsigned char)copy[i] < ' ' || copy[i] == 0x7f) {
            copy[i] = '?';
        }
    }
    return copy;
}

static bool add_path(const resource *r, si_arena *arena, si_photoshop *out) {
    size_t count;
    if (!read_path(r->data, NULL, &count)) {
        return true; /* damaged or empty: as if it were not there */
    }
    si_photoshop_path *path = &out->paths[out->count];
    path->name = copy_name(r->name, arena);
    path->path.segments = si_arena_alloc(arena, count * sizeof *path->path.segments);
    if (path->name == NULL || path->path.segments == NULL) {
        return false;
    }
    out->count++;
    return read_path(r->data, path->path.segments, &path->path.count);
}

static stream open_block(const uint8_t *block, size_t len) {
    static const char header[] = "Photoshop 3.0"; /* with its NUL */
    bool headed = len >= sizeof header && memcmp(block, header, sizeof header) == 0;
    return (stream){block + (headed ? sizeof header : 0), block + len};
}

static bool is_path(const resource *r) {
    return r->number >= FIRST_PATH && r->number <= LAST_PATH;
}

si_result si_photoshop_read(
    const uint8_t *block, size_t len, si_arena *arena, si_photoshop *out, si_diag *diag) {
    resource r;
    size_t most = 0;
    *out = (si_photoshop){0};
    if (len == 0) {
        return SI_OK;
    }
    stream s = open_block(block, len), again = s;
    while (next_resource(&s, &r)) {
        most += is_path(&r) && most < SI_PHOTOSHOP_MAX_PATHS ? 1 : 0;
    }
    if (most == 0) {
        return SI_OK;
    }
    bool ok = (out->paths = si_arena_alloc(arena, most * sizeof *out->paths)) != NULL;
    for (s = again; ok && next_resource(&s, &r);) {
        if (is_path(&r) && out->count < most) {
            ok = add_path(&r, arena, out);
        }
    }
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for the paths of an image");
}

const si_photoshop_path *si_photoshop_find(const si_photoshop *p, si_str name) {
    for (size_t i = 0; i < p->count; i++) {
        if (si_str_eq(name, si_str_of(p->paths[i].name))) {
            return &p->paths[i];
        }
    }
    return NULL;
}
