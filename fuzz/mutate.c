#include "mutate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PIECES = 4096, MAX_DEPTH = 12, MAX_WAYS = 4, FEW = 64 };

/* A piece of the file, and where its length stands: `len_bytes` at `len_at`, whose number is that
 * of the piece's bytes less `bias`; 0 bytes = nowhere. */
typedef struct piece {
    size_t at, len, len_at;
    int len_bytes, bias, depth;
    bool big_endian;
} piece;

typedef struct file {
    uint8_t *data;
    size_t len, most;
    uint64_t random;
    piece pieces[MAX_PIECES];
    int count;
} file;

/* ---- numbers ---- */

static uint64_t next_random(file *f) { /* xorshift64* */
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t below(file *f, size_t n) {
    return n == 0 ? 0 : (size_t)(next_random(f) >> 16) % n;
}

static uint64_t get(const uint8_t *p, int n, bool big_endian) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) {
        v = v << 8 | p[big_endian ? i : n - 1 - i];
    }
    return v;
}

static void set(uint8_t *p, int n, bool big_endian, uint64_t v) {
    for (int i = 0; i < n; i++) {
        p[big_endian ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t extreme(file *f, uint64_t was) {
    const uint64_t values[] = {0, 1, 2, 7, 8, 15, 16, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff,
        0x10000, 0xffffff, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
        UINT64_C(0x7fffffffffffffff), UINT64_MAX, was + 1, was - 1, was * 2, was / 2, was << 8,
        f->len, ~was, next_random(f)};
    return values[below(f, sizeof values / sizeof values[0])];
}

/* ---- pieces ---- */

/* False if that is all: no room for more, or not within the file. */
static bool add(file *f, piece p) {
    if (f->count == MAX_PIECES || p.at >= f->len || p.len == 0) {
        return false;
    }
    p.len = p.len < f->len - p.at ? p.len : f->len - p.at;
    if (p.len_bytes > 0 && p.len_at + (size_t)p.len_bytes > f->len) {
        p.len_bytes = 0;
    }
    f->pieces[f->count++] = p;
    return true;
}

static bool begins(const file *f, size_t at, const char *magic, size_t n) {
    return f->len >= at + n && memcmp(f->data + at, magic, n) == 0;
}

static void split_png(file *f) {
    for (size_t at = 8; at + 12 <= f->len;) {
        size_t len = (size_t)get(f->data + at, 4, true) + 12;
        if (!add(f, (piece){.at = at,
                        .len = len,
                        .len_at = at,
                        .len_bytes = 4,
                        .bias = 12,
                        .big_endian = true})) {
            break;
        }
        at += len;
    }
}

static void split_jpeg(file *f) {
    for (size_t at = 2; at + 4 <= f->len;) {
        int marker = f->data[at + 1];
        bool segment = f->data[at] == 0xff && marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xd9);
        size_t len = segment ? 2 + (size_t)get(f->data + at + 2, 2, true) : 1;
        while (!segment && at + len + 1 < f->len &&
               !(f->data[at + len] == 0xff && f->data[at + len + 1] >= 0xc0)) {
            len++;
        }
        if (!add(f, (piece){.at = at,
                        .len = len,
                        .len_at = at + 2,
                        .len_bytes = segment ? 2 : 0,
                        .bias = 2,
                        .big_endian = true})) {
            break;
        }
        at += len;
    }
}

static void split_gif(file *f) {
    size_t at = 13 + (f->len > 13 && f->data[10] & 0x80 ? (size_t)6 << (f->data[10] & 7) : 0);
    add(f, (piece){.at = 6, .len = 7});
    add(f, (piece){.at = 13, .len = at - 13});
    while (at + 2 < f->len) {
        bool image = f->data[at] == ',';
        size_t end = at + 2;
        if (image && at + 10 < f->len) {
            end = at + 11 + (f->data[at + 9] & 0x80 ? (size_t)6 << (f->data[at + 9] & 7) : 0);
            add(f, (piece){.at = at, .len = end - at});
        }
        size_t begin = end;
        while (end < f->len && f->data[end] != 0) {
            add(f, (piece){.at = end,
                       .len = 1 + (size_t)f->data[end],
                       .len_at = end,
                       .len_bytes = 1,
                       .bias = 1,
                       .depth = 1});
            end += 1 + (size_t)f->data[end];
        }
        end++;
        if (!add(f, (piece){.at = image ? begin : at, .len = end - (image ? begin : at)})) {
            break;
        }
        at = end;
    }
}

static void split_riff(file *f, size_t at, size_t end, int depth) {
    if (depth == 0) {
        add(f, (piece){.at = 0, .len = f->len, .len_at = 4, .len_bytes = 4, .bias = 8});
    }
    while (at + 8 <= end && depth < MAX_DEPTH) {
        size_t data = (size_t)get(f->data + at + 4, 4, false), len = 8 + data + (data & 1);
        if (!add(f, (piece){.at = at,
                        .len = len,
                        .len_at = at + 4,
                        .len_bytes = 4,
                        .bias = 8 + (int)(data & 1),
                        .depth = depth + 1})) {
            break;
        }
        if (begins(f, at, "ANMF", 4) && at + 24 < f->len) {
            split_riff(f, at + 24, at + len < f->len ? at + len : f->len, depth + 1);
        }
        at += len;
    }
}

/* Bytes before the boxes within a box, −1 if it has none. */
static int before_boxes(const uint8_t *type) {
    static const struct {
        char type[5];
        int skip;
    } kinds[] = {{"meta", 4}, {"iprp", 0}, {"ipco", 0}, {"iinf", 6}, {"iref", 4}, {"moov", 0},
        {"trak", 0}, {"mdia", 0}, {"minf", 0}, {"stbl", 0}, {"stsd", 8}, {"dinf", 0}, {"jp2h", 0},
        {"res ", 0}, {"grpl", 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (memcmp(type, kinds[i].type, 4) == 0) {
            return kinds[i].skip;
        }
    }
    return -1;
}

static void split_codestream(file *f, size_t at, int depth) {
    while (at + 4 <= f->len && f->data[at] == 0xff) {
        int marker = f->data[at + 1];
        size_t len =
            marker == 0x4f || marker == 0xd9 ? 2 : 2 + (size_t)get(f->data + at + 2, 2, true);
        if (marker == 0x93) { /* data: to the next tile part, or the end */
            len = 2;
            while (at + len + 1 < f->len && !begins(f, at + len, "\xff\x90", 2) &&
                   !begins(f, at + len, "\xff\xd9", 2)) {
                len++;
            }
        }
        if (!add(f, (piece){.at = at,
                        .len = len,
                        .len_at = at + 2,
                        .len_bytes = len > 2 && marker != 0x93 ? 2 : 0,
                        .bias = 2,
                        .depth = depth,
                        .big_endian = true})) {
            break;
        }
        at += len;
    }
}

static void split_boxes(file *f, size_t at, size_t end, int depth) {
    while (at + 8 <= end && depth < MAX_DEPTH) {
        size_t told = (size_t)get(f->data + at, 4, true), len = told >= 8 ? told : end - at;
        len = len < end - at ? len : end - at;
        if (!add(f, (piece){.at = at,
                        .len = len,
                        .len_at = at,
                        .len_bytes = 4,
                        .depth = depth,
                        .big_endian = true})) {
            break;
        }
        int skip = before_boxes(f->data + at + 4);
        if (skip >= 0) {
            split_boxes(f, at + 8 + (size_t)skip, at + len, depth + 1);
        } else if (begins(f, at + 4, "jp2c", 4)) {
            split_codestream(f, at + 8, depth + 1);
        }
        at += len;
    }
}

static void split_tiff(file *f) {
    bool big_endian = f->data[0] == 'M', large = get(f->data + 2, 2, big_endian) == 43;
    size_t entry = large ? 20 : 12, head = large ? 8 : 2, width = large ? 8 : 4;
    size_t at = (size_t)get(f->data + (large ? 8 : 4), (int)width, big_endian);
    for (int pages = 0; pages < 8 && at > 0 && at < f->len - head; pages++) {
        size_t n = (size_t)get(f->data + at, (int)head, big_endian);
        n = n < FEW ? n : FEW;
        add(f, (piece){.at = at, .len = head});
        for (size_t i = 0; i < n; i++) {
            add(f, (piece){.at = at + head + i * entry, .len = entry, .big_endian = big_endian});
        }
        at += head + n * entry;
        if (at > f->len - width) {
            break;
        }
        add(f, (piece){.at = at, .len = width});
        at = (size_t)get(f->data + at, (int)width, big_endian);
    }
    for (size_t k = 8; k < f->len; k += f->len / 16 + 1) {
        add(f, (piece){.at = k, .len = f->len / 16 + 1});
    }
}

/* Tags, and what is between them. */
static void split_xml(file *f) {
    for (size_t at = 0; at < f->len;) {
        const uint8_t *end =
            memchr(f->data + at + 1, f->data[at] == '<' ? '>' : '<', f->len - at - 1);
        size_t len =
            end == NULL ? f->len - at : (size_t)(end - f->data) - at + (f->data[at] == '<');
        if (!add(f, (piece){.at = at, .len = len})) {
            break;
        }
        at += len;
    }
}

static void split_evenly(file *f) {
    for (size_t at = 0; at < f->len; at += FEW) {
        add(f, (piece){.at = at, .len = FEW});
    }
}

static bool is_xml(const file *f) {
    return f->len > 8 && memchr(f->data, '<', 8) != NULL;
}

static bool is_png(const file *f) {
    return begins(f, 0, "\x89PNG", 4);
}

static void split(file *f) {
    f->count = 0;
    if (f->len < 16) {
        split_evenly(f);
    } else if (is_png(f)) {
        split_png(f);
    } else if (begins(f, 0, "\xff\xd8", 2)) {
        split_jpeg(f);
    } else if (begins(f, 0, "GIF8", 4)) {
        split_gif(f);
    } else if (begins(f, 0, "RIFF", 4)) {
        split_riff(f, 12, f->len, 0);
    } else if (begins(f, 0, "\xff\x4f\xff\x51", 4)) {
        split_codestream(f, 0, 0);
    } else if (begins(f, 4, "ftyp", 4) || begins(f, 4, "jP  ", 4) || begins(f, 4, "JXL ", 4)) {
        split_boxes(f, 0, f->len, 0);
    } else if (begins(f, 0, "II", 2) || begins(f, 0, "MM", 2)) {
        split_tiff(f);
    } else if (is_xml(f)) {
        split_xml(f);
    }
    if (f->count == 0) {
        split_evenly(f);
    }
}

/* ---- changes ---- */

/* Puts `n` bytes from `from` in the place of `len` at `at`. False if there is no room. */
static bool replace(file *f, size_t at, size_t len, const uint8_t *from, size_t n) {
    if (f->len - len + n > f->most) {
        return false;
    }
    memmove(f->data + at + n, f->data + at + len, f->len - at - len);
    memcpy(f->data + at, from, n);
    f->len = f->len - len + n;
    return true;
}

/* What `p` lies in has become longer. */
static void mend_lengths(file *f, const piece *p, int64_t longer) {
    for (int i = 0; i < f->count; i++) {
        const piece *q = &f->pieces[i];
        if (q->depth < p->depth && q->at <= p->at && q->at + q->len >= p->at + p->len &&
            q->len_bytes > 0) {
            uint64_t was = get(f->data + q->len_at, q->len_bytes, q->big_endian);
            set(f->data + q->len_at, q->len_bytes, q->big_endian, was + (uint64_t)longer);
        }
    }
}

static void duplicate(file *f, const piece *p, bool mend) {
    uint8_t *copy = malloc(p->len);
    size_t times = below(f, 4) == 0 ? 1 + below(f, FEW) : 1, done = 0;
    if (copy == NULL) {
        return;
    }
    memcpy(copy, f->data + p->at, p->len);
    while (done < times && replace(f, p->at + p->len, 0, copy, p->len)) {
        done++;
    }
    if (mend) {
        mend_lengths(f, p, (int64_t)(done * p->len));
    }
    free(copy);
}

static void drop(file *f, const piece *p, bool mend) {
    if (p->len < f->len && mend) {
        mend_lengths(f, p, -(int64_t)p->len);
    }
    if (p->len < f->len) {
        replace(f, p->at, p->len, f->data, 0);
    }
}

static void exchange(file *f, const piece *p) {
    const piece *q = &f->pieces[below(f, (size_t)f->count)];
    const piece *first = p->at < q->at ? p : q, *second = p->at < q->at ? q : p;
    size_t between = second->at - first->at;
    if (first->at + first->len > second->at || first->depth != second->depth) {
        return;
    }
    size_t all = between + second->len, gap = between - first->len;
    uint8_t *copy = malloc(all);
    if (copy != NULL) {
        memcpy(copy, f->data + second->at, second->len);
        memcpy(copy + second->len, f->data + first->at + first->len, gap);
        memcpy(copy + second->len + gap, f->data + first->at, first->len);
        memcpy(f->data + first->at, copy, all);
        free(copy);
    }
}

static void lie(file *f, const piece *p) {
    if (p->len_bytes > 0) {
        uint8_t *to = f->data + p->len_at;
        set(to, p->len_bytes, p->big_endian, extreme(f, get(to, p->len_bytes, p->big_endian)));
    }
}

/* Writes another number over one in text. */
static void change_digits(file *f, const piece *p) {
    static const char *const numbers[] = {"0", "-1", "1e30", "1e-30", "99999999", "nan", "-1e9",
        "65536", "2147483647", "4294967296", "0.0001", "100%", "1e5", "1000"};
    size_t at = p->at + below(f, p->len), end;
    while (at < p->at + p->len && !(f->data[at] >= '0' && f->data[at] <= '9')) {
        at++;
    }
    for (end = at;
         end < f->len && ((f->data[end] >= '0' && f->data[end] <= '9') || f->data[end] == '.');) {
        end++;
    }
    const char *number = numbers[below(f, sizeof numbers / sizeof numbers[0])];
    if (end > at) {
        replace(f, at, end - at, (const uint8_t *)number, strlen(number));
    }
}

static void change_number(file *f, const piece *p) {
    if (is_xml(f)) {
        change_digits(f, p);
        return;
    }
    int n = 1 << below(f, 4);
    size_t near = p->len < FEW ? p->len : below(f, 4) == 0 ? p->len : FEW;
    size_t at = p->at + below(f, near);
    if (at + (size_t)n <= f->len) {
        bool big_endian = below(f, 2) == 0;
        set(f->data + at, n, big_endian, extreme(f, get(f->data + at, n, big_endian)));
    }
}

static void flip_bits(file *f, const piece *p) {
    for (size_t i = 0, n = 1 + below(f, 16); i < n; i++) {
        f->data[p->at + below(f, p->len)] ^= (uint8_t)(1u << below(f, 8));
    }
}

static void overwrite(file *f, const piece *p) {
    const piece *q = &f->pieces[below(f, (size_t)f->count)];
    size_t n = p->len < q->len ? p->len : q->len;
    memmove(f->data + p->at, f->data + q->at, n);
}

static void mend_checksums(file *f) {
    split_png(f);
    for (int i = 0; i < f->count; i++) {
        const piece *p = &f->pieces[i];
        uint32_t crc = UINT32_MAX;
        for (size_t k = p->at + 4; k + 4 < p->at + p->len; k++) {
            crc ^= f->data[k];
            for (int bit = 0; bit < 8; bit++) {
                crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
            }
        }
        if (p->len >= 12) {
            set(f->data + p->at + p->len - 4, 4, true, ~crc);
        }
    }
}

static void change(file *f) {
    split(f);
    const piece p = f->pieces[below(f, (size_t)f->count)];
    bool mend = below(f, 4) != 0;
    switch (below(f, 11)) {
    case 0:
        duplicate(f, &p, mend);
        break;
    case 1:
        drop(f, &p, mend);
        break;
    case 2:
        exchange(f, &p);
        break;
    case 3:
        lie(f, &p);
        break;
    case 4:
        f->len = below(f, 4) == 0 ? p.at + below(f, p.len) : f->len;
        f->len = f->len > 0 ? f->len : 1;
        break;
    case 5:
        flip_bits(f, &p);
        break;
    case 6:
        overwrite(f, &p);
        break;
    default:
        change_number(f, &p);
    }
}

size_t si_mutate(uint8_t *data, size_t len, size_t most, uint64_t seed) {
    static _Thread_local file f;
    f = (file){.data = data, .len = len, .most = most, .random = seed * 2 + 1};
    if (len == 0) {
        return 0;
    }
    for (int i = 0; i < 8; i++) { /* seeds that differ by little */
        next_random(&f);
    }
    size_t ways = below(&f, 2) == 0 ? 1 : 1 + below(&f, MAX_WAYS);
    for (size_t i = 0; i < ways; i++) {
        change(&f);
    }
    if (is_png(&f) && below(&f, 4) != 0) {
        f.count = 0;
        mend_checksums(&f);
    }
    return f.len;
}
