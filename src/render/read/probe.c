#include "render/read/probe.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "render/read/derived_items.h"

enum { PIECE = 16 << 10 };

static const uint64_t SCAN_PIXELS = UINT64_C(2560) << 20; /* some 200 ms in blocks without data */

/* ---- bytes of a file, in order ---- */

typedef struct bytes {
    int fd;
    off_t at; /* of what follows the buffer */
    size_t pos, len;
    uint8_t buffer[PIECE];
} bytes;

static bool fill(bytes *b) {
    ssize_t n = pread(b->fd, b->buffer, sizeof b->buffer, b->at);
    b->pos = 0;
    b->len = n > 0 ? (size_t)n : 0;
    b->at += n > 0 ? n : 0;
    return n > 0;
}

static bool take(bytes *b, uint8_t *to, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (b->pos == b->len && !fill(b)) {
            return false;
        }
        to[i] = b->buffer[b->pos++];
    }
    return true;
}

static void skip(bytes *b, uint64_t n) {
    size_t here = b->len - b->pos;
    if (n <= here) {
        b->pos += (size_t)n;
    } else {
        b->at += (off_t)(n - here);
        b->pos = b->len = 0;
    }
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static si_result too_many(si_diag *diag, const char *what, unsigned most) {
    return si_fail(
        diag, SI_ERR_LIMIT, "the source image has too many %s: more than %u", what, most);
}

/* ---- PNG ---- */

/* Bytes of the rows, with a filter byte each; interlaced ones have some more. */
static uint64_t inflated_pixels(const uint8_t head[13]) {
    static const uint8_t samples[8] = {1, 1, 3, 1, 2, 1, 4, 1};
    uint64_t width = be32(head), height = be32(head + 4);
    uint64_t bits = width * samples[head[9] & 7] * head[8];
    return height * (bits / 8 + 2) * (head[12] != 0 ? 2 : 1);
}

/* Inflates `len` bytes of the file, less `before` of them; adds what comes out to `*total`, up to
 * a bit more than the limit. */
static void count_inflated(bytes *b, uint32_t len, uint32_t before, uint64_t *total) {
    uint8_t in[PIECE], out[PIECE];
    z_stream z = {0};
    if (before > len || inflateInit(&z) != Z_OK) {
        skip(b, len);
        return;
    }
    skip(b, before);
    len -= before;
    int code = Z_OK;
    while (code == Z_OK && len > 0 && *total <= SI_PROBE_INFLATED) {
        uint32_t n = len < sizeof in ? len : (uint32_t)sizeof in;
        if (!take(b, in, n)) {
            break;
        }
        len -= n;
        z.next_in = in;
        z.avail_in = n;
        do {
            z.next_out = out;
            z.avail_out = sizeof out;
            code = inflate(&z, Z_NO_FLUSH);
            *total += sizeof out - z.avail_out;
        } while (code == Z_OK && z.avail_out == 0 && *total <= SI_PROBE_INFLATED);
    }
    inflateEnd(&z);
    skip(b, len);
}

/* Bytes before the deflated ones of this chunk, whose first bytes are `head`; −1 if none are. */
static int before_deflated(const uint8_t type[4], const uint8_t *head, size_t len) {
    const uint8_t *end = memchr(head, '\0', len);
    size_t at = end != NULL ? (size_t)(end - head) + 1 : len;
    if (end == NULL) {
        return -1;
    }
    if (memcmp(type, "iCCP", 4) == 0 || memcmp(type, "zTXt", 4) == 0) {
        return (int)at + 1;
    }
    if (memcmp(type, "iTXt", 4) != 0 || at + 2 > len || head[at] != 1) {
        return -1;
    }
    at += 2; /* flag and method; then language and translated keyword */
    for (int i = 0; i < 2; i++) {
        end = at < len ? memchr(head + at, '\0', len - at) : NULL;
        if (end == NULL) {
            return -1;
        }
        at = (size_t)(end - head) + 1;
    }
    return (int)at;
}

static void look_at_text(bytes *b, const uint8_t type[4], uint32_t len, uint64_t *inflated) {
    uint8_t head[PIECE]; /* longer translated keywords are nobody's */
    size_t n = len < sizeof head ? len : sizeof head;
    off_t at = b->at - (off_t)(b->len - b->pos);
    ssize_t got = pread(b->fd, head, n, at);
    int before = got > 0 ? before_deflated(type, head, (size_t)got) : -1;
    if (before < 0) {
        skip(b, len);
    } else {
        count_inflated(b, len, (uint32_t)before, inflated);
    }
}

static si_result probe_png(int fd, si_diag *diag) {
    bytes b = {.fd = fd};
    uint8_t head[8], ihdr[13];
    uint64_t deflated = 0, inflated = 0, pixels;
    if (!take(&b, head, 8) || !take(&b, head, 8) || !take(&b, ihdr, 13)) {
        return SI_OK;
    }
    pixels = inflated_pixels(ihdr);
    skip(&b, be32(head) + UINT64_C(4) - 13);
    for (unsigned chunks = 0; take(&b, head, 8) && memcmp(head + 4, "IEND", 4) != 0;) {
        uint32_t len = be32(head);
        bool is_pixels = memcmp(head + 4, "IDAT", 4) == 0;
        chunks += !is_pixels;
        deflated += is_pixels ? len : 0;
        if (is_pixels || (head[4] != 'i' && head[4] != 'z')) {
            skip(&b, len);
        } else {
            look_at_text(&b, head + 4, len, &inflated);
        }
        skip(&b, 4);
        if (chunks > SI_PROBE_CHUNKS) {
            return too_many(diag, "chunks", SI_PROBE_CHUNKS);
        }
        if (inflated > SI_PROBE_INFLATED) {
            return si_fail(diag, SI_ERR_LIMIT,
                "the texts of the source image are too large: more than %d MB inflated",
                SI_PROBE_INFLATED >> 20);
        }
        if (deflated > 2 * pixels + SI_PROBE_PIXELS_SLACK) {
            return si_fail(diag, SI_ERR_LIMIT,
                "the source image has more deflated data than %llu bytes of pixels can be",
                (unsigned long long)pixels);
        }
    }
    return SI_OK;
}

/* ---- JPEG ---- */

/* What is known of a JPEG file so far. */
typedef struct jpeg {
    uint64_t pixels, head; /* bytes before the first scan */
    unsigned exifs, scans;
    int components; /* of the frame */
    bool progressive, one_scan;
} jpeg;

/* Finds the next marker that is followed by a length, or an end; −1 at the end of the file. */
static int next_marker(bytes *b) {
    uint8_t c = 0;
    for (;;) {
        const uint8_t *found =
            b->pos < b->len ? memchr(b->buffer + b->pos, 0xff, b->len - b->pos) : NULL;
        if (found == NULL) {
            if (!fill(b)) {
                return -1;
            }
            continue;
        }
        b->pos = (size_t)(found - b->buffer) + 1;
        do {
            if (!take(b, &c, 1)) {
                return -1;
            }
        } while (c == 0xff);
        if (c >= 0xc0 && !(c >= 0xd0 && c <= 0xd8)) {
            return c;
        }
    }
}

static void read_frame(jpeg *j, int marker, const uint8_t *p, size_t len) {
    if (len >= 6) {
        j->pixels = (uint64_t)(p[1] << 8 | p[2]) * (uint64_t)(p[3] << 8 | p[4]);
        j->components = p[5];
        j->progressive = marker == 0xc2 || marker == 0xca;
    }
}

/* Takes a segment of `len` bytes that begins with `p`, of which there are up to eight. */
static si_result take_segment(jpeg *j, int marker, const uint8_t *p, size_t len, si_diag *diag) {
    bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
        read_frame(j, marker, p, len);
    } else if (marker == 0xda) {
        j->scans++;
        j->one_scan = !j->progressive && len > 0 && p[0] == j->components;
    }
    j->exifs += marker == 0xe1 && len >= 4 && memcmp(p, "Exif", 4) == 0;
    j->head += len;
    if (j->exifs > SI_PROBE_EXIFS) {
        return too_many(diag, "EXIF segments", SI_PROBE_EXIFS);
    }
    if (j->scans == 0 && j->head > SI_PROBE_JPEG_HEAD) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image has too much before its pixels: more than %d MB",
            SI_PROBE_JPEG_HEAD >> 20);
    }
    if (j->scans > SI_PROBE_SCANS ||
        (j->scans > SI_PROBE_FREE_SCANS && j->scans * j->pixels > SCAN_PIXELS)) {
        return si_fail(diag, SI_ERR_LIMIT, "the source image has too many scans for its size");
    }
    return SI_OK;
}

/* A file whose one scan has all components is decoded as that scan comes, and what follows it is
 * never looked at. */
static si_result probe_jpeg(int fd, si_diag *diag) {
    bytes b = {.fd = fd};
    jpeg j = {0};
    si_result result = SI_OK;
    int marker;
    while (result == SI_OK && !j.one_scan && (marker = next_marker(&b)) >= 0 && marker != 0xd9) {
        uint8_t length[2], start[8] = {0};
        if (!take(&b, length, 2) || (length[0] << 8 | length[1]) < 2) {
            continue;
        }
        size_t len = (size_t)(length[0] << 8 | length[1]) - 2, n = len < 8 ? len : 8;
        if (!take(&b, start, n)) {
            break;
        }
        skip(&b, len - n);
        result = take_segment(&j, marker, start, len, diag);
    }
    return result;
}

/* ---- WebP ---- */

static si_result probe_webp(int fd, si_diag *diag) {
    bytes b = {.fd = fd};
    uint8_t head[8];
    unsigned frames = 0, chunks = 0;
    skip(&b, 12);
    while (take(&b, head, 8)) {
        uint64_t len = le32(head + 4);
        frames += memcmp(head, "ANMF", 4) == 0;
        chunks++;
        if (frames > SI_PROBE_FRAMES) {
            return too_many(diag, "frames", SI_PROBE_FRAMES);
        }
        if (chunks > SI_PROBE_CHUNKS) {
            return too_many(diag, "chunks", SI_PROBE_CHUNKS);
        }
        bool metadata = memcmp(head, "ICCP", 4) == 0 || memcmp(head, "EXIF", 4) == 0 ||
                        memcmp(head, "XMP ", 4) == 0;
        if (metadata && len > SI_PROBE_METADATA) {
            return si_fail(diag, SI_ERR_LIMIT,
                "the metadata of the source image are too large: more than %d MB",
                SI_PROBE_METADATA >> 20);
        }
        skip(&b, len + (len & 1));
    }
    return SI_OK;
}

/* ---- TIFF ---- */

static uint64_t number(const uint8_t *p, int n, bool big_endian) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) {
        v = v << 8 | p[big_endian ? i : n - 1 - i];
    }
    return v;
}

/* Counts the directories by the offsets that lead from one to the next. */
static si_result probe_tiff(int fd, si_diag *diag) {
    uint8_t p[16];
    if (pread(fd, p, sizeof p, 0) != sizeof p) {
        return SI_OK;
    }
    bool big_endian = p[0] == 'M', large = number(p + 2, 2, big_endian) == 43;
    int count_len = large ? 8 : 2, offset_len = large ? 8 : 4, entry = large ? 20 : 12;
    uint64_t at = number(p + (large ? 8 : 4), offset_len, big_endian);
    for (unsigned pages = 0; at > 0 && at < INT64_MAX / 2; pages++) {
        if (pages > SI_PROBE_PAGES) {
            return too_many(diag, "pages", SI_PROBE_PAGES);
        }
        if (pread(fd, p, (size_t)count_len, (off_t)at) != count_len) {
            break;
        }
        uint64_t entries = number(p, count_len, big_endian);
        if (entries > UINT16_MAX) {
            break;
        }
        at += (uint64_t)count_len + entries * (uint64_t)entry;
        if (pread(fd, p, (size_t)offset_len, (off_t)at) != offset_len) {
            break;
        }
        at = number(p, offset_len, big_endian);
    }
    return SI_OK;
}

/* ---- HEIC and AVIF ---- */

/* Bytes before the boxes within a box, −1 if it has none. */
static int before_boxes(const uint8_t type[4]) {
    static const struct {
        char type[5];
        int skip;
    } kinds[] = {{"meta", 4}, {"iprp", 0}, {"ipco", 0}, {"iinf", 6}, {"iref", 4}, {"dinf", 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (memcmp(type, kinds[i].type, 4) == 0) {
            return kinds[i].skip;
        }
    }
    return -1;
}

static uint32_t take_id(bytes *b, int size) {
    uint8_t p[4] = {0};
    (void)take(b, p + 4 - size, (size_t)size);
    return be32(p);
}

/* A box of references from one picture to those that it is made of, `len` bytes in all. */
static bool take_references(bytes *b, uint64_t len, int id_size, si_derived_items *items) {
    uint32_t from = take_id(b, id_size), count = take_id(b, 2);
    uint64_t used = (uint64_t)id_size + 2;
    for (uint32_t i = 0; i < count && used + (uint64_t)id_size <= len; i++) {
        if (!si_derived_add(items, from, take_id(b, id_size))) {
            return false;
        }
        used += (uint64_t)id_size;
    }
    skip(b, len > used ? len - used : 0);
    return true;
}

/* The head of a box: its type, and the bytes that follow. False at the end, or where it is broken.
 */
static bool take_head(bytes *b, uint8_t type[4], uint64_t *len) {
    uint8_t head[8] = {0}, large[8] = {0};
    if (!take(b, head, 8)) {
        return false;
    }
    uint64_t all = be32(head), before = 8;
    if (all == 1) {
        if (!take(b, large, 8)) {
            return false;
        }
        all = (uint64_t)be32(large) << 32 | be32(large + 4);
        before = 16;
    }
    memcpy(type, head + 4, 4);
    *len = all - before;
    return all >= before && all <= INT64_MAX / 2;
}

/* Counts boxes, and those within others, one after another as they stand in the file. */
static si_result probe_heif(int fd, si_diag *diag) {
    bytes b = {.fd = fd};
    si_derived_items items = {.count = 0};
    uint8_t type[4];
    uint64_t len;
    int id_size = 2;
    for (unsigned boxes = 0; take_head(&b, type, &len); boxes++) {
        int skipped = before_boxes(type);
        if (boxes == SI_PROBE_BOXES) {
            return too_many(diag, "boxes", SI_PROBE_BOXES);
        }
        if (memcmp(type, "iref", 4) == 0) {
            id_size = take_id(&b, 4) >> 24 == 0 ? 2 : 4;
        } else if (memcmp(type, "dimg", 4) == 0) {
            if (!take_references(&b, len, id_size, &items)) {
                return too_many(diag, "pictures in it", SI_DERIVED_PICTURES);
            }
        } else {
            skip(&b, skipped >= 0 ? (uint64_t)skipped : len);
        }
    }
    return si_derived_are_few(&items)
               ? SI_OK
               : too_many(diag, "pictures in each other", SI_DERIVED_PICTURES);
}

/* ---- all of them ---- */

si_result si_probe(si_kind kind, int fd, si_diag *diag) {
    switch (kind) {
    case SI_KIND_PNG:
        return probe_png(fd, diag);
    case SI_KIND_JPEG:
        return probe_jpeg(fd, diag);
    case SI_KIND_WEBP:
        return probe_webp(fd, diag);
    case SI_KIND_TIFF:
        return probe_tiff(fd, diag);
    case SI_KIND_AVIF:
    case SI_KIND_HEIF:
        return probe_heif(fd, diag);
    default:
        return SI_OK;
    }
}
