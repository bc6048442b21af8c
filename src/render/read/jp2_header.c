#include "render/read/jp2_header.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/icc.h"

enum {
    MAX_BOXES = 1000,        /* at the top of a file; no real one has more */
    MAX_DEFINITIONS = 64,    /* of channels */
    MAX_METADATA = 16 << 20, /* bytes of an ICC profile or XMP packet */
    MAX_DEPTH = 38,
    MAX_LEVELS = 32,
    FREE_PARTS = 1 << 17, /* precincts and code blocks that are few, however small the image is */
    PART_SAMPLES = 128,   /* samples that each must have on average beyond these */
    MARKER_COD = 0x52,    /* how tiles or a tile are coded */
    MARKER_COC = 0x53,    /* the same for one component */
    MARKER_SOT = 0x90,    /* start of a tile part */
    MARKER_SOD = 0x93     /* start of its data */
};

/* A box without its header. */
typedef struct box {
    char type[4];
    off_t at;  /* of its content */
    off_t end; /* of the box */
} box;

/* What is known halfway: boxes may come in any order within the header. */
typedef struct reading {
    si_jp2_header *h;
    int fd;
    si_diag *diag;
    box palette, map, definitions; /* .end 0 = not there */
    bool colour_told;              /* by the first box of colours that can be understood */
    int block_bits, precinct_bits; /* of the smallest code block, precinct: log2 of its samples */
} reading;

/* ---- bytes ---- */

bool si_jp2_read_at(int fd, void *to, size_t len, off_t at) {
    uint8_t *p = to;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static uint32_t get16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p) {
    return get16(p) << 16 | get16(p + 2);
}

static bool is(const box *b, const char *type) {
    return memcmp(b->type, type, 4) == 0;
}

static si_result broken(reading *r, const char *why) {
    return si_fail(r->diag, SI_ERR_SOURCE, "the source image is broken: JPEG 2000 %s", why);
}

/* The box at `at`, which ends at `end` at the latest. False if there is none. */
static bool next_box(int fd, off_t at, off_t end, box *out) {
    uint8_t head[16];
    if (end - at < 8 || !si_jp2_read_at(fd, head, 8, at)) {
        return false;
    }
    uint64_t len = get32(head);
    out->at = at + 8;
    if (len == 1) {
        if (end - at < 16 || !si_jp2_read_at(fd, head + 8, 8, at + 8)) {
            return false;
        }
        len = (uint64_t)get32(head + 8) << 32 | get32(head + 12);
        out->at = at + 16;
    } else if (len == 0) {
        len = (uint64_t)(end - at);
    }
    memcpy(out->type, head + 4, 4);
    if (len > (uint64_t)(end - at) && is(out, "jp2c")) {
        len = (uint64_t)(end - at); /* whether pixels are missing, the codestream itself says */
    }
    if (len < (uint64_t)(out->at - at) || len > (uint64_t)(end - at)) {
        return false;
    }
    out->end = at + (off_t)len;
    return true;
}

/* ---- the codestream ---- */

static uint32_t ceil_div(uint32_t a, uint32_t b) {
    return (uint32_t)(((uint64_t)a + b - 1) / b);
}

/* SOC and SIZ, which come first. */
static si_result read_siz(reading *r) {
    enum { FIXED = 42 };
    uint8_t fixed[FIXED], each[3 * SI_JP2_COMPONENTS];
    si_jp2_header *h = r->h;
    if (!si_jp2_read_at(r->fd, fixed, sizeof fixed, h->stream_at) || get32(fixed) != 0xff4fff51) {
        return broken(r, "codestream does not begin with its size");
    }
    h->x1 = get32(fixed + 8);
    h->y1 = get32(fixed + 12);
    h->x0 = get32(fixed + 16);
    h->y0 = get32(fixed + 20);
    uint32_t tile[4] = {get32(fixed + 24), get32(fixed + 28), get32(fixed + 32), get32(fixed + 36)};
    uint32_t count = get16(fixed + 40);
    if (h->x0 >= h->x1 || h->y0 >= h->y1 || h->x1 > INT32_MAX || h->y1 > INT32_MAX ||
        tile[0] == 0 || tile[1] == 0 || tile[2] > h->x0 || tile[3] > h->y0 || count == 0) {
        return broken(r, "image of an impossible size");
    }
    uint64_t tiles =
        (uint64_t)ceil_div(h->x1 - tile[2], tile[0]) * (uint64_t)ceil_div(h->y1 - tile[3], tile[1]);
    if (count > SI_JP2_COMPONENTS || tiles * count > SI_JP2_TILE_COMPONENTS) {
        return si_fail(r->diag, SI_ERR_LIMIT,
            "the source image has too many components or tiles: %u, %llu", (unsigned)count,
            (unsigned long long)tiles);
    }
    if (!si_jp2_read_at(r->fd, each, (size_t)count * 3, r->h->stream_at + FIXED)) {
        return broken(r, "codestream ends in its header");
    }
    h->tile_count = (int)tiles;
    h->component_count = (int)count;
    for (int i = 0; i < h->component_count; i++) {
        const uint8_t *p = each + (ptrdiff_t)3 * i;
        h->components[i] = (si_jp2_component){
            .depth = (p[0] & 127) + 1, .is_signed = p[0] > 127, .dx = p[1], .dy = p[2]};
        if (p[1] == 0 || p[2] == 0 || h->components[i].depth > MAX_DEPTH ||
            ceil_div(h->x0, p[1]) >= ceil_div(h->x1, p[1]) ||
            ceil_div(h->y0, p[2]) >= ceil_div(h->y1, p[2])) {
            return broken(r, "component without samples");
        }
    }
    return SI_OK;
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Takes note of the sizes of code blocks and precincts in a COD or COC marker segment at `at`. */
static void read_part_sizes(reading *r, off_t at) {
    uint8_t p[4 + 10 + MAX_LEVELS + 1] = {0};
    ssize_t have = pread(r->fd, p, sizeof p, at);
    /* COC: component, of one byte as there are few of them, and style, where COD has five bytes */
    const uint8_t *spec = p + (p[1] == MARKER_COD ? 9 : 6), *end = p + (have > 0 ? have : 0);
    bool precincts = (p[p[1] == MARKER_COD ? 4 : 5] & 1) != 0;
    if (spec + 5 > end) {
        return;
    }
    r->block_bits = least(r->block_bits, (spec[1] & 15) + (spec[2] & 15) + 4);
    for (int i = 0; precincts && i <= spec[0] && i <= MAX_LEVELS && spec + 5 + i < end; i++) {
        r->precinct_bits = least(r->precinct_bits, (spec[5 + i] & 15) + (spec[5 + i] >> 4));
    }
}

/* OpenJPEG keeps some hundred bytes for each precinct and code block of a tile, before it has seen
 * any of their data. */
static si_result check_parts(reading *r) {
    const si_jp2_header *h = r->h;
    double samples = 0;
    for (int i = 0; i < h->component_count; i++) {
        const si_jp2_component *c = &h->components[i];
        samples += (double)(h->x1 - h->x0) / c->dx * ((double)(h->y1 - h->y0) / c->dy);
    }
    int block = least(r->block_bits, r->precinct_bits);
    double parts = 4 / 3.0 * samples * (ldexp(1, -block) + ldexp(1, -r->precinct_bits));
    if (parts > FREE_PARTS + samples / PART_SAMPLES) {
        return si_fail(r->diag, SI_ERR_LIMIT,
            "the source image has too many precincts or code blocks: some %.0f", parts);
    }
    return SI_OK;
}

/* Where the first tile part begins: behind the markers of the main header. 0 if it cannot be told.
 */
static off_t first_tile_part(reading *r) {
    off_t at = r->h->stream_at + 2;
    uint8_t p[4];
    while (si_jp2_read_at(r->fd, p, 4, at) && p[0] == 0xff && get16(p + 2) >= 2) {
        if (p[1] == MARKER_SOT) {
            return at;
        }
        if (p[1] == MARKER_COD || p[1] == MARKER_COC) {
            read_part_sizes(r, at);
        }
        at += 2 + (off_t)get16(p + 2);
    }
    return 0;
}

/* Takes note of the wavelet levels that a tile part says its tile has. The main header's count for
 * the others, which the decoder tells. */
static void read_tile_levels(reading *r, off_t at, off_t end) {
    uint8_t p[10];
    while (at + 10 <= end && si_jp2_read_at(r->fd, p, sizeof p, at) && p[0] == 0xff &&
           p[1] != MARKER_SOD && get16(p + 2) >= 2) {
        int levels = p[1] == MARKER_COD ? p[9] : p[1] == MARKER_COC ? p[6] : MAX_LEVELS;
        r->h->levels = least(levels, r->h->levels);
        if (p[1] == MARKER_COD || p[1] == MARKER_COC) {
            read_part_sizes(r, at);
        }
        at += 2 + (off_t)get16(p + 2);
    }
}

/* A tile, as far as it was met. */
typedef struct tile {
    uint32_t parts, promised; /* tile parts met; how many there are, 0 = untold */
} tile;

/* Goes through the tile parts by the lengths in their headers. A decoder leaves out a tile of which
 * there is no part, so that must be found here. */
static si_result check_tiles(reading *r) {
    si_jp2_header *h = r->h;
    tile *tiles = calloc((size_t)h->tile_count, sizeof *tiles);
    if (tiles == NULL) {
        return si_fail(r->diag, SI_ERR_MEMORY, "no memory for tiles");
    }
    off_t at = first_tile_part(r);
    uint8_t p[12];
    bool to_the_end = false;
    while (at > 0 && !to_the_end && at < h->stream_end && si_jp2_read_at(r->fd, p, sizeof p, at) &&
           get16(p) == (0xff00 | MARKER_SOT) && get16(p + 4) < (uint32_t)h->tile_count) {
        tile *t = &tiles[get16(p + 4)];
        uint32_t len = get32(p + 6);
        t->parts++;
        t->promised = p[11] > 0 ? p[11] : t->promised;
        to_the_end = len < sizeof p; /* 0: the last, up to the last marker */
        read_tile_levels(r, at + (off_t)sizeof p, to_the_end ? h->stream_end : at + (off_t)len);
        at += (off_t)len;
    }
    int missing = 0, incomplete = 0;
    for (int i = 0; i < h->tile_count; i++) {
        missing += tiles[i].parts == 0;
        incomplete += tiles[i].parts != tiles[i].promised;
    }
    free(tiles);
    h->lacks_end = !to_the_end && at == h->stream_end && incomplete == 0;
    return missing > 0 ? broken(r, "tiles are missing") : check_parts(r);
}

/* ---- boxes ---- */

/* Enumerated colour spaces; false for those that are not read. */
static bool enumerated(uint32_t code, si_jp2_space *out) {
    static const struct {
        uint32_t code;
        si_jp2_space space;
    } spaces[] = {{12, SI_JP2_CMYK}, {15, SI_JP2_GREY}, {16, SI_JP2_RGB}, {17, SI_JP2_GREY},
        {18, SI_JP2_YCC}, {24, SI_JP2_YCC}};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (spaces[i].code == code) {
            *out = spaces[i].space;
            return true;
        }
    }
    return false;
}

/* A box of colours: enumerated, or an ICC profile, restricted or (JPX) any. The first counts. */
static si_result read_colour(reading *r, const box *b) {
    uint8_t head[7];
    off_t len = b->end - b->at;
    if (r->colour_told || len < 3 || !si_jp2_read_at(r->fd, head, 3, b->at)) {
        return r->colour_told ? SI_OK : broken(r, "colours are cut short");
    }
    if (head[0] == 1) {
        if (len < 7 || !si_jp2_read_at(r->fd, head, 7, b->at)) {
            return broken(r, "colours are cut short");
        }
        uint32_t code = get32(head + 3);
        if (!enumerated(code, &r->h->space)) {
            return si_fail(r->diag, SI_ERR_SOURCE,
                "JPEG 2000 images in enumerated colour space %u are not supported", (unsigned)code);
        }
        r->colour_told = true;
    } else if ((head[0] == 2 || head[0] == 3) && len - 3 <= MAX_METADATA) {
        r->h->icc_at = b->at + 3;
        r->h->icc_len = (uint32_t)(len - 3);
        r->colour_told = true;
    } /* other ways of telling are for others */
    return SI_OK;
}

/* Capture or display resolution; the latter counts more. */
static void read_resolution(reading *r, const box *super) {
    box b = {.end = super->at};
    bool display = false;
    for (int i = 0; i < 2 && next_box(r->fd, b.end, super->end, &b); i++) {
        uint8_t p[10];
        if ((!is(&b, "resc") && !is(&b, "resd")) || display || b.end - b.at < 10 ||
            !si_jp2_read_at(r->fd, p, 10, b.at) || get16(p + 2) == 0 || get16(p + 6) == 0) {
            continue;
        }
        display = is(&b, "resd"); /* numerators, denominators, exponents of samples per metre */
        r->h->y_res = get16(p) / (double)get16(p + 2) * pow(10, (int8_t)p[8]) / 1000;
        r->h->x_res = get16(p + 4) / (double)get16(p + 6) * pow(10, (int8_t)p[9]) / 1000;
    }
}

static si_result read_header_box(reading *r, const box *super) {
    box b = {.end = super->at};
    si_result result = SI_OK;
    for (int i = 0; i < MAX_BOXES && result == SI_OK && next_box(r->fd, b.end, super->end, &b);
         i++) {
        if (is(&b, "colr")) {
            result = read_colour(r, &b);
        } else if (is(&b, "pclr") && r->palette.end == 0) {
            r->palette = b;
        } else if (is(&b, "cmap") && r->map.end == 0) {
            r->map = b;
        } else if (is(&b, "cdef") && r->definitions.end == 0) {
            r->definitions = b;
        } else if (is(&b, "res ")) {
            read_resolution(r, &b);
        }
    }
    return result;
}

static void read_uuid(reading *r, const box *b) {
    static const uint8_t xmp[16] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71,
        0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};
    uint8_t id[16];
    off_t len = b->end - b->at - 16;
    if (len > 0 && len <= MAX_METADATA && si_jp2_read_at(r->fd, id, 16, b->at) &&
        memcmp(id, xmp, 16) == 0) {
        r->h->xmp_at = b->at + 16;
        r->h->xmp_len = (uint32_t)len;
    }
}

static si_result read_boxes(reading *r, off_t size) {
    box b = {.end = 0};
    bool header = false;
    si_result result = SI_OK;
    for (int i = 0; i < MAX_BOXES && result == SI_OK && next_box(r->fd, b.end, size, &b); i++) {
        if (is(&b, "jp2h") && !header) {
            header = true;
            result = read_header_box(r, &b);
        } else if (is(&b, "uuid")) {
            read_uuid(r, &b);
        } else if (is(&b, "jp2c") && r->h->stream_end == 0) {
            r->h->stream_at = b.at;
            r->h->stream_end = b.end;
        }
    }
    if (result == SI_OK && (r->h->stream_end == 0 || !header)) {
        result = broken(r, "file without a header or a codestream");
    }
    return result;
}

/* ---- channels ---- */

static si_result read_palette(reading *r, si_jp2_channel columns[SI_JP2_CHANNELS], int *count) {
    uint8_t head[3 + SI_JP2_CHANNELS];
    off_t len = r->palette.end - r->palette.at;
    if (len < 3 || !si_jp2_read_at(r->fd, head, 3, r->palette.at)) {
        return broken(r, "palette is cut short");
    }
    int entries = (int)get16(head), n = head[2];
    if (entries == 0 || entries > SI_JP2_ENTRIES || n == 0 || n > SI_JP2_CHANNELS || len < 3 + n ||
        !si_jp2_read_at(r->fd, head + 3, (size_t)n, r->palette.at + 3)) {
        return broken(r, "palette of an impossible size");
    }
    size_t row = 0;
    for (int i = 0; i < n; i++) {
        columns[i].depth = (head[3 + i] & 127) + 1;
        columns[i].is_signed = head[3 + i] > 127;
        if (columns[i].depth > 16) {
            return broken(r, "palette of more than 16 bits");
        }
        row += columns[i].depth > 8 ? 2 : 1;
    }
    size_t bytes = row * (size_t)entries;
    if ((off_t)bytes > len - 3 - n) {
        return broken(r, "palette is cut short");
    }
    uint8_t *packed = malloc(bytes);
    r->h->palette = malloc((size_t)n * SI_JP2_ENTRIES * sizeof *r->h->palette);
    *count = n;
    if (packed == NULL || r->h->palette == NULL) {
        free(packed);
        return si_fail(r->diag, SI_ERR_MEMORY, "no memory for a palette");
    }
    bool read = si_jp2_read_at(r->fd, packed, bytes, r->palette.at + 3 + n);
    const uint8_t *p = packed;
    for (int e = 0; read && e < entries; e++) {
        for (int i = 0; i < n; i++) {
            bool two = columns[i].depth > 8;
            r->h->palette[i * SI_JP2_ENTRIES + e] = two ? get16(p) : p[0];
            p += two ? 2 : 1;
        }
    }
    for (int i = entries * n; read && i < SI_JP2_ENTRIES * n; i++) {
        int column = i % n, e = i / n; /* samples beyond the palette show its last entry */
        r->h->palette[column * SI_JP2_ENTRIES + e] =
            r->h->palette[column * SI_JP2_ENTRIES + entries - 1];
    }
    free(packed);
    return read ? SI_OK : broken(r, "palette is cut short");
}

/* What the palette makes of the components; without a palette each is a channel of its own. */
static si_result read_channels(reading *r) {
    si_jp2_header *h = r->h;
    si_jp2_channel columns[SI_JP2_CHANNELS];
    int column_count = 0;
    h->channel_count = h->component_count;
    for (int i = 0; i < h->component_count; i++) {
        h->channels[i] =
            (si_jp2_channel){i, -1, h->components[i].depth, h->components[i].is_signed};
    }
    if (r->palette.end == 0 || r->map.end == 0) { /* one without the other says nothing */
        return SI_OK;
    }
    SI_TRY(read_palette(r, columns, &column_count));
    uint8_t map[4 * SI_JP2_CHANNELS];
    off_t count = (r->map.end - r->map.at) / 4;
    if (count < 1 || count > SI_JP2_CHANNELS ||
        !si_jp2_read_at(r->fd, map, (size_t)count * 4, r->map.at)) {
        return broken(r, "component map of an impossible size");
    }
    h->channel_count = (int)count;
    for (int i = 0; i < h->channel_count; i++) {
        const uint8_t *p = map + (ptrdiff_t)4 * i;
        int component = (int)get16(p), column = p[3];
        if (component >= h->component_count || p[2] > 1 || (p[2] == 1 && column >= column_count)) {
            return broken(r, "component map names what is not there");
        }
        h->channels[i] = p[2] == 1 ? columns[column]
                                   : (si_jp2_channel){0, -1, h->components[component].depth,
                                         h->components[component].is_signed};
        h->channels[i].component = component;
        h->channels[i].column = p[2] == 1 ? column : -1;
    }
    return SI_OK;
}

/* How many colours the file says that it has. */
static si_result count_colours(reading *r) {
    si_jp2_header *h = r->h;
    uint8_t head[SI_ICC_HEADER];
    si_pixel_type type;
    bool icc = h->icc_len >= sizeof head && si_jp2_read_at(r->fd, head, sizeof head, h->icc_at) &&
               si_icc_type(head, sizeof head, &type);
    int named = icc                         ? (type == SI_PIXEL_GRAY      ? 1
                                                  : type == SI_PIXEL_CMYK ? 4
                                                                          : 3)
                : h->space == SI_JP2_GREY   ? 1
                : h->space == SI_JP2_CMYK   ? 4
                : h->space == SI_JP2_UNTOLD ? (h->channel_count < 3 ? 1 : 3)
                                            : 3;
    if (named == 3 && h->channel_count < 3) { /* so does OpenJPEG's own tool */
        named = 1;
        h->space = SI_JP2_GREY;
    }
    if (named > h->channel_count) {
        return broken(r, "image with fewer channels than colours");
    }
    h->colour_count = named;
    return SI_OK;
}

/* Chroma of fewer samples than luma is chroma, whatever the file says. */
static bool is_subsampled(const si_jp2_header *h) {
    const si_jp2_component *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = &h->components[h->channels[h->colours[i]].component];
    }
    return c[1]->dx == c[2]->dx && c[1]->dy == c[2]->dy && c[1]->dx >= c[0]->dx &&
           c[1]->dy >= c[0]->dy && (c[1]->dx > c[0]->dx || c[1]->dy > c[0]->dy);
}

/* Which channel is what, by the definitions if there are any. */
static si_result assign_channels(reading *r) {
    si_jp2_header *h = r->h;
    uint8_t data[2 + 6 * MAX_DEFINITIONS];
    bool global = false;
    h->alpha = -1;
    for (int i = 0; i < h->colour_count; i++) {
        h->colours[i] = i;
    }
    if (r->definitions.end == 0) {
        /* Neither way of telling says what one channel more is; all tools take it for alpha. */
        h->alpha = h->channel_count == h->colour_count + 1 ? h->colour_count : -1;
        return SI_OK;
    }
    off_t len = r->definitions.end - r->definitions.at;
    if (len < 2 || !si_jp2_read_at(r->fd, data, 2, r->definitions.at) ||
        get16(data) > MAX_DEFINITIONS || len < 2 + 6 * (off_t)get16(data) ||
        !si_jp2_read_at(r->fd, data, 2 + 6 * (size_t)get16(data), r->definitions.at)) {
        return broken(r, "channel definitions are cut short");
    }
    for (uint32_t i = 0; i < get16(data); i++) {
        const uint8_t *p = data + 2 + (ptrdiff_t)6 * i;
        uint32_t channel = get16(p), kind = get16(p + 2), of = get16(p + 4);
        if (channel >= (uint32_t)h->channel_count) {
            return broken(r, "channel definitions name a channel that is not there");
        }
        if (kind == 0 && of >= 1 && of <= (uint32_t)h->colour_count) {
            h->colours[of - 1] = (int)channel;
        } else if ((kind == 1 || kind == 2) && (h->alpha < 0 || (of == 0 && !global))) {
            h->alpha = (int)channel; /* that of the whole image, if there are several */
            h->premultiplied = kind == 2;
            global = of == 0;
        }
    }
    for (int i = 0; i < h->colour_count; i++) {
        if (h->colours[i] == h->alpha) {
            return broken(r, "channel definitions leave out a colour");
        }
    }
    return SI_OK;
}

/* ---- all of it ---- */

si_result si_jp2_header_read(si_jp2_header *h, int fd, si_diag *diag) {
    *h = (si_jp2_header){.alpha = -1, .levels = MAX_LEVELS};
    reading r = {.h = h, .fd = fd, .diag = diag, .block_bits = 30, .precinct_bits = 30};
    uint8_t magic[4];
    struct stat st;
    if (fstat(fd, &st) != 0 || !si_jp2_read_at(fd, magic, 4, 0)) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    h->stream_end = get32(magic) == 0xff4fff51 ? st.st_size : 0;
    si_result result = h->stream_end == 0 ? read_boxes(&r, st.st_size) : SI_OK;
    if (result == SI_OK) {
        result = read_siz(&r);
    }
    if (result == SI_OK) {
        result = check_tiles(&r);
    }
    if (result == SI_OK) {
        result = read_channels(&r);
    }
    if (result == SI_OK) {
        result = count_colours(&r);
    }
    if (result == SI_OK) {
        result = assign_channels(&r);
    }
    if (result == SI_OK && h->colour_count == 3 && h->space != SI_JP2_YCC && is_subsampled(h)) {
        h->space = SI_JP2_YCC;
    }
    return result;
}

void si_jp2_header_free(si_jp2_header *h) {
    free(h->palette);
    *h = (si_jp2_header){.alpha = -1};
}
