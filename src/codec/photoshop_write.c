#include "codec/photoshop_write.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    BLOCK_HEAD = 4 + 2, /* signature and id, then a Pascal string, a length, the data */
    FIRST_PATH = 2000,
    LAST_PATH = 2997,
    CLIPPING_PATH = 2999, /* holds the name of one */
    RECORD = 26,
    POINTS = 6 /* numbers in a knot: y, x of three points */
};

/* Kinds of records. */
enum { CLOSED_LENGTH, CLOSED_LINKED, CLOSED_UNLINKED, OPEN_LENGTH, OPEN_LINKED, OPEN_UNLINKED };

/* Where one is in a run of blocks. */
typedef struct block_reader {
    const uint8_t *data;
    size_t len;
} block_reader;

typedef struct block {
    int id;
    const uint8_t *name; /* Pascal string */
    const uint8_t *data;
    size_t len;
} block;

static uint32_t read_number(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static void write_number(uint8_t *p, int bytes, uint32_t v) {
    for (int i = bytes - 1; i >= 0; i--, v >>= 8) {
        p[i] = (uint8_t)v;
    }
}

static size_t even(size_t n) {
    return n + (n & 1);
}

/* Takes the first block; false if none is whole. */
static bool next_block(block_reader *w, block *b) {
    if (w->len < BLOCK_HEAD + 2 || memcmp(w->data, "8BIM", 4) != 0) {
        return false;
    }
    size_t name = even(1 + (size_t)w->data[BLOCK_HEAD]);
    if (w->len - BLOCK_HEAD < name + 4) {
        return false;
    }
    *b = (block){.id = (int)read_number(w->data + 4, 2),
        .name = w->data + BLOCK_HEAD,
        .len = read_number(w->data + BLOCK_HEAD + name, 4)};
    size_t used = BLOCK_HEAD + name + 4;
    b->data = w->data + used;
    if (b->len > w->len - used) {
        return false;
    }
    used += even(b->len) < w->len - used ? even(b->len) : w->len - used;
    w->data += used;
    w->len -= used;
    return true;
}

static double fraction(const uint8_t *p) {
    return (int32_t)read_number(p, 4) / (double)(1 << 24);
}

static void move_knot(const uint8_t *from, const double m[6], uint8_t to[RECORD]) {
    memcpy(to, from, 2);
    for (int i = 0; i < POINTS; i += 2) {
        double y = fraction(from + 2 + 4 * i), x = fraction(from + 6 + 4 * i);
        double moved[2] = {m[3] * x + m[4] * y + m[5], m[0] * x + m[1] * y + m[2]};
        for (int k = 0; k < 2; k++) {
            double v = fmin(fmax(moved[k], -127), 127); /* what 8.24 bits hold */
            write_number(to + 2 + 4 * (i + k), 4, (uint32_t)(int32_t)lrint(v * (1 << 24)));
        }
    }
}

static bool is_kept(int kind) {
    return kind < OPEN_LENGTH || kind > OPEN_UNLINKED; /* others are fill rules */
}

/* How many closed knots a path has. */
static size_t count_knots(const uint8_t *records, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        int kind = (int)read_number(records + i * RECORD, 2);
        n += kind == CLOSED_LINKED || kind == CLOSED_UNLINKED;
    }
    return n;
}

static bool append_records(const block *b, const double m[6], si_bytes *out) {
    bool ok = true;
    for (size_t i = 0; ok && i < b->len / RECORD; i++) {
        const uint8_t *p = b->data + i * RECORD;
        int kind = (int)read_number(p, 2);
        uint8_t moved[RECORD];
        if (kind == CLOSED_LINKED || kind == CLOSED_UNLINKED) {
            move_knot(p, m, moved);
            ok = si_bytes_append(out, moved, RECORD);
        } else if (is_kept(kind)) {
            ok = si_bytes_append(out, p, RECORD);
        }
    }
    return ok;
}

/* The block's head with a length that is set later; its place goes to *length_at. */
static bool append_head(const block *b, si_bytes *out, size_t *length_at) {
    uint8_t head[BLOCK_HEAD] = "8BIM";
    static const uint8_t zeros[4];
    size_t name = 1 + (size_t)b->name[0];
    write_number(head + 4, 2, (uint32_t)b->id);
    bool ok = si_bytes_append(out, head, sizeof head) && si_bytes_append(out, b->name, name) &&
              si_bytes_append(out, zeros, even(name) - name);
    *length_at = out->len;
    return ok && si_bytes_append(out, zeros, 4);
}

static bool append_block(const block *b, const double m[6], si_bytes *out) {
    size_t length_at;
    bool path = b->id != CLIPPING_PATH;
    if (!append_head(b, out, &length_at) ||
        !(path ? append_records(b, m, out) : si_bytes_append(out, b->data, b->len))) {
        return false;
    }
    size_t len = out->len - length_at - 4;
    write_number(out->data + length_at, 4, (uint32_t)len);
    return si_bytes_append(out, "", even(len) - len);
}

si_result si_photoshop_transform(
    const void *blocks, size_t len, const double m[6], si_bytes *out, si_diag *diag) {
    block_reader w = {blocks, len};
    block b;
    bool ok = true, any = false;
    while (ok && next_block(&w, &b)) {
        bool path =
            b.id >= FIRST_PATH && b.id <= LAST_PATH && count_knots(b.data, b.len / RECORD) > 0;
        any |= path;
        if (path || (b.id == CLIPPING_PATH && any)) {
            ok = append_block(&b, m, out);
        }
    }
    if (!ok) {
        si_bytes_free(out);
        return si_fail(diag, SI_ERR_MEMORY, "no memory for paths");
    }
    return SI_OK;
}
