#include "render/read/avif_items.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_BOXES = 1000,    /* at the top of a file */
    MAX_META = 16 << 20, /* bytes of the box that describes items */
    MAX_AUXILIARIES = 64 /* of the primary item that are looked at */
};

/* A piece of the meta box, in memory. `at` is where the file has its first byte. */
typedef struct span {
    const uint8_t *p;
    size_t len;
    off_t at;
} span;

static uint32_t get16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p) {
    return get16(p) << 16 | get16(p + 2);
}

/* Takes `n` bytes off the front; NULL if there are fewer. */
static const uint8_t *take(span *s, size_t n) {
    if (s->len < n) {
        return NULL;
    }
    const uint8_t *p = s->p;
    s->p += n;
    s->len -= n;
    s->at += (off_t)n;
    return p;
}

/* Takes a number of 2 or 4 bytes; 0 if there is none. */
static uint32_t take_number(span *s, int bytes) {
    const uint8_t *p = take(s, (size_t)bytes);
    return p == NULL ? 0 : bytes == 2 ? get16(p) : get32(p);
}

/* Takes a box; its content goes to `content`. False at the end. */
static bool take_box(span *s, char type[4], span *content) {
    span rest = *s;
    const uint8_t *head = take(&rest, 8);
    if (head == NULL) {
        return false;
    }
    uint64_t len = get32(head), used = 8;
    memcpy(type, head + 4, 4);
    if (len == 1) {
        const uint8_t *more = take(&rest, 8);
        len = more != NULL ? (uint64_t)get32(more) << 32 | get32(more + 4) : 0;
        used = 16;
    } else if (len == 0) {
        len = s->len;
    }
    if (len < used || len > s->len) {
        return false;
    }
    *content = rest;
    content->len = (size_t)(len - used);
    return take(s, (size_t)len) != NULL;
}

/* The first box of this type in `s`. */
static bool find_box(span s, const char *wanted, span *content) {
    char type[4];
    while (take_box(&s, type, content)) {
        if (memcmp(type, wanted, 4) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- boxes of the meta box ---- */

static bool read_primary(span meta, si_avif_items *out) {
    span s;
    if (!find_box(meta, "pitm", &s)) {
        return false;
    }
    const uint8_t *head = take(&s, 4);
    if (head == NULL) {
        return false;
    }
    out->primary_bytes = head[0] == 0 ? 2 : 4;
    out->primary_at = s.at;
    out->colour.id = take_number(&s, out->primary_bytes);
    return out->colour.id != 0;
}

/* True if a property says that its item is alpha. */
static bool is_alpha_type(span s) {
    static const char *const names[] = {
        "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1"};
    if (take(&s, 4) == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (s.len > strlen(names[i]) && memcmp(s.p, names[i], strlen(names[i]) + 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes note of property number `index`; the first of a kind counts, as in libavif. */
static void apply_property(span properties, uint32_t index, si_avif_item *item, bool *alpha) {
    char type[4] = "";
    span s = {0};
    for (uint32_t i = 0; i < index; i++) {
        if (!take_box(&properties, type, &s)) {
            return;
        }
    }
    si_avif_turn *t = &item->turn;
    if (memcmp(type, "ispe", 4) == 0 && s.len >= 12 && item->width == 0) {
        item->width = get32(s.p + 4);
        item->height = get32(s.p + 8);
    } else if (memcmp(type, "clap", 4) == 0 && s.len >= 32 && !t->crops) {
        t->crops = true;
        for (int i = 0; i < 8; i++) {
            t->clap[i] = get32(s.p + (ptrdiff_t)4 * i);
        }
    } else if (memcmp(type, "irot", 4) == 0 && s.len >= 1 && !t->rotates) {
        t->rotates = true;
        t->angle = s.p[0] & 3;
    } else if (memcmp(type, "imir", 4) == 0 && s.len >= 1 && !t->mirrors) {
        t->mirrors = true;
        t->axis = s.p[0] & 1;
    } else if (memcmp(type, "auxC", 4) == 0) {
        *alpha = *alpha || is_alpha_type(s);
    }
}

/* Reads the properties of an item; true if one of them says that it is alpha. */
static bool read_properties(span meta, uint32_t id, si_avif_item *item) {
    span boxes, properties, s;
    char type[4];
    bool alpha = false;
    *item = (si_avif_item){.id = id};
    if (!find_box(meta, "iprp", &boxes) || !find_box(boxes, "ipco", &properties)) {
        return false;
    }
    while (take_box(&boxes, type, &s)) {
        const uint8_t *head = memcmp(type, "ipma", 4) == 0 ? take(&s, 8) : NULL;
        uint32_t count = head != NULL ? get32(head + 4) : 0;
        for (uint32_t i = 0; i < count && s.len > 0; i++) {
            uint32_t of = take_number(&s, head[0] == 0 ? 2 : 4);
            const uint8_t *n = take(&s, 1);
            for (int k = 0; n != NULL && k < n[0] && s.len > 0; k++) {
                const uint8_t *p = take(&s, 1), *low = (head[3] & 1) != 0 ? take(&s, 1) : NULL;
                uint32_t index = low != NULL ? (p[0] & 127u) << 8 | low[0] : p[0] & 127u;
                if (of == id && index > 0) {
                    apply_property(properties, index, item, &alpha);
                }
            }
            if (of == id) {
                return alpha;
            }
        }
    }
    return alpha;
}

/* Finds the alpha item of the primary one among the references. */
static void read_references(span meta, si_avif_items *out) {
    span references, s;
    char type[4];
    uint32_t premultiplied_by = 0;
    int auxiliaries = 0;
    if (!find_box(meta, "iref", &references)) {
        return;
    }
    const uint8_t *head = take(&references, 4);
    int bytes = head == NULL || head[0] == 0 ? 2 : 4;
    for (;;) {
        off_t box_at = references.at;
        if (!take_box(&references, type, &s)) {
            break;
        }
        uint32_t from = take_number(&s, bytes), count = take_number(&s, 2);
        for (uint32_t i = 0; i < count && s.len > 0; i++) {
            uint32_t to = take_number(&s, bytes);
            si_avif_item item;
            if (memcmp(type, "prem", 4) == 0 && from == out->colour.id) {
                premultiplied_by = to;
            } else if (memcmp(type, "auxl", 4) == 0 && to == out->colour.id && out->alpha.id == 0 &&
                       from != 0 && auxiliaries++ < MAX_AUXILIARIES &&
                       read_properties(meta, from, &item)) {
                out->alpha = item;
                out->reference_at = box_at + 4;
            }
        }
    }
    out->premultiplied = out->alpha.id != 0 && premultiplied_by == out->alpha.id;
}

static uint8_t *read_meta(int fd, span *out) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return NULL;
    }
    off_t at = 0;
    for (int i = 0; i < MAX_BOXES && st.st_size - at >= 8; i++) {
        uint8_t head[16] = {0};
        ssize_t n = pread(fd, head, sizeof head, at);
        uint64_t len = n >= 8 ? get32(head) : 0, used = 8;
        if (len == 1 && n == 16) {
            len = (uint64_t)get32(head + 8) << 32 | get32(head + 12);
            used = 16;
        } else if (len == 0) {
            len = (uint64_t)(st.st_size - at);
        }
        if (n < 8 || len < used || len > (uint64_t)(st.st_size - at)) {
            return NULL;
        }
        if (memcmp(head + 4, "meta", 4) == 0) {
            uint8_t *p = len <= MAX_META ? malloc((size_t)len) : NULL;
            if (p == NULL || pread(fd, p, (size_t)len, at) != (ssize_t)len) {
                free(p);
                return NULL;
            }
            *out = (span){p, (size_t)len, at};
            if (take(out, (size_t)used + 4) == NULL) {
                out->len = 0;
            }
            return p;
        }
        at += (off_t)len;
    }
    return NULL;
}

/* ---- views ---- */

/* The crop, if it lies within the picture and on whole pixels. */
static bool crop(const uint32_t clap[8], int width, int height, si_avif_view *v) {
    if (clap[1] == 0 || clap[3] == 0 || clap[5] == 0 || clap[7] == 0) {
        return false;
    }
    double w = (int32_t)clap[0] / (double)(int32_t)clap[1];
    double h = (int32_t)clap[2] / (double)(int32_t)clap[3];
    double x = (int32_t)clap[4] / (double)(int32_t)clap[5] + (width - w) / 2;
    double y = (int32_t)clap[6] / (double)(int32_t)clap[7] + (height - h) / 2;
    if (!(w >= 1 && h >= 1 && x >= 0 && y >= 0 && x + w <= width && y + h <= height) ||
        w != floor(w) || h != floor(h)) {
        return false;
    }
    v->x = (int)x;
    v->y = (int)y;
    v->width = (int)w;
    v->height = (int)h;
    return true;
}

si_avif_view si_avif_view_of(const si_avif_turn *turn, int width, int height) {
    si_avif_view v = {.width = width, .height = height, .axis = -1};
    if (turn->crops) {
        (void)crop(turn->clap, width, height, &v);
    }
    v.angle = turn->rotates ? turn->angle : 0;
    v.axis = turn->mirrors ? turn->axis : -1;
    return v;
}

void si_avif_view_size(const si_avif_view *v, int size[2]) {
    size[v->angle & 1] = v->width;
    size[1 - (v->angle & 1)] = v->height;
}

void si_avif_view_locate(const si_avif_view *v, int x, int y, int at[2]) {
    int size[2];
    si_avif_view_size(v, size);
    x = v->axis == 1 ? size[0] - 1 - x : x;
    y = v->axis == 0 ? size[1] - 1 - y : y;
    int from[4][2] = {{x, y}, {v->width - 1 - y, x}, {v->width - 1 - x, v->height - 1 - y},
        {y, v->height - 1 - x}};
    at[0] = v->x + from[v->angle][0];
    at[1] = v->y + from[v->angle][1];
}

/* ---- items ---- */

static bool same_turn(const si_avif_turn *a, const si_avif_turn *b) {
    return a->crops == b->crops && a->rotates == b->rotates && a->mirrors == b->mirrors &&
           a->angle == b->angle && a->axis == b->axis &&
           memcmp(a->clap, b->clap, sizeof a->clap) == 0;
}

bool si_avif_items_differ(const si_avif_items *items) {
    const si_avif_item *c = &items->colour, *a = &items->alpha;
    bool sized = c->width != 0 && c->height != 0 && a->width != 0 && a->height != 0;
    return a->id != 0 && ((sized && (a->width != c->width || a->height != c->height)) ||
                             !same_turn(&a->turn, &c->turn));
}

/* Alpha that says nothing of turns. */
static void turn_along(si_avif_items *items) {
    const si_avif_item *c = &items->colour;
    si_avif_item *a = &items->alpha;
    int shown[2];
    if (a->turn.crops || a->turn.rotates || a->turn.mirrors || c->width > INT32_MAX ||
        c->height > INT32_MAX) {
        return;
    }
    si_avif_view v = si_avif_view_of(&c->turn, (int)c->width, (int)c->height);
    si_avif_view_size(&v, shown);
    bool as_stored = a->width == c->width && a->height == c->height;
    bool as_shown = a->width == (uint32_t)shown[0] && a->height == (uint32_t)shown[1];
    if (as_stored || !as_shown) {
        a->turn = c->turn;
    }
}

bool si_avif_items_read(int fd, si_avif_items *out) {
    span meta = {0};
    *out = (si_avif_items){0};
    uint8_t *data = read_meta(fd, &meta);
    bool found = data != NULL && read_primary(meta, out);
    if (found) {
        (void)read_properties(meta, out->colour.id, &out->colour);
        read_references(meta, out);
        turn_along(out);
    }
    free(data);
    return found;
}

bool si_avif_is_sequence(int fd) {
    uint8_t head[256];
    ssize_t len = pread(fd, head, sizeof head, 0);
    if (len < 16 || memcmp(head + 4, "ftyp", 4) != 0) {
        return false;
    }
    size_t box = (size_t)head[2] << 8 | head[3];
    for (size_t i = 8; i + 4 <= (size_t)len && i + 4 <= box; i += 4) {
        if (i != 12 && memcmp(head + i, "avis", 4) == 0) { /* at 12 is a version */
            return true;
        }
    }
    return false;
}
