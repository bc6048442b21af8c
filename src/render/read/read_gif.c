#include "render/read/read_gif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vips/vips.h>

#include "render/read/original.h"
#include "render/read/readers.h"

enum {
    MAX_FILE = 256 << 20,
    MAX_BLOCKS = 500000,  /* extensions and frames, each of which libnsgif looks at several times */
    FRAME_SCREENS = 4,    /* how much larger than the screen a frame may be, … */
    FRAME_FREE = 1 << 20, /* … with some more pixels: all of it is decoded, and little shown */
    HEAD = 13,            /* signature and screen descriptor */
    DESCRIPTOR = 10,      /* of an image, separator included */
    CONTROL = 8,          /* graphic control extension */
    DISPOSE_BACKGROUND = 2,
    DISPOSE_PREVIOUS = 3,
    DISPOSE_PREVIOUS_TOO = 4, /* some writers count this way */
};

typedef struct frame {
    const uint8_t *image; /* from its separator on, … */
    size_t len;           /* … to the end of its data */
    int x, y, w, h;
    int dispose, key; /* transparent index, −1 = none */
    bool cut;         /* the file ends within its data */
} frame;

struct si_gif {
    uint8_t *file;
    size_t len;
    const uint8_t *map; /* global colour table, NULL = none */
    size_t map_len;
    frame *frames;
    int count, next;
    int *delays, delay_count; /* ms, of the image below */
    VipsImage *header;
    int width, height;
    uint8_t *screen, *saved; /* `saved` from the first frame that is to be undone */
};

/* ---- the file ---- */

static si_result read_file(int fd, si_gif *g, si_diag *diag) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
    }
    if (st.st_size > MAX_FILE) {
        return si_fail(diag, SI_ERR_LIMIT, "the source animation is too large");
    }
    g->file = malloc((size_t)st.st_size + 1);
    if (g->file == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an animation");
    }
    while (g->len < (size_t)st.st_size) {
        ssize_t n = pread(fd, g->file + g->len, (size_t)st.st_size - g->len, (off_t)g->len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return si_fail(diag, SI_ERR_IO, "the source file cannot be read");
        }
        g->len += (size_t)n;
    }
    return SI_OK;
}

static int u16(const uint8_t *p) {
    return p[0] | p[1] << 8;
}

/* Bytes of the colour table that these flags announce. */
static size_t table_len(int flags) {
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* The end of a chain of sub-blocks; beyond that of the file if it is cut off. */
static size_t skip_blocks(const si_gif *g, size_t at) {
    while (at < g->len && g->file[at] != 0) {
        at += 1 + (size_t)g->file[at];
    }
    return at < g->len ? at + 1 : g->len + 1;
}

static bool add_frame(si_gif *g, const frame *f) {
    if ((g->count & (g->count - 1)) == 0) { /* a power of two: full */
        frame *more = realloc(g->frames, sizeof *more * (size_t)(g->count == 0 ? 1 : 2 * g->count));
        if (more == NULL) {
            return false;
        }
        g->frames = more;
    }
    g->frames[g->count++] = *f;
    return true;
}

/* Fills in what its descriptor at `at` says, and returns where its data ends. */
static size_t read_frame(const si_gif *g, size_t at, frame *f) {
    const uint8_t *p = g->file + at;
    f->image = p;
    f->x = u16(p + 1);
    f->y = u16(p + 3);
    f->w = u16(p + 5);
    f->h = u16(p + 7);
    size_t end = at + DESCRIPTOR + table_len(p[9]) + 1;
    end = skip_blocks(g, end);
    f->cut = end > g->len;
    f->len = (f->cut ? g->len : end) - at;
    return end;
}

/* Whether the file has more blocks than MAX_BLOCKS. */
static bool has_too_many_blocks(const si_gif *g) {
    size_t at = g->len >= HEAD ? HEAD + table_len(g->file[10]) : g->len;
    int blocks = 0;
    while (at + DESCRIPTOR < g->len && g->file[at] != ';' && blocks <= MAX_BLOCKS) {
        bool image = g->file[at] == ',', extension = g->file[at] == '!';
        size_t head = image ? DESCRIPTOR + table_len(g->file[at + 9]) + 1 : 2;
        blocks += image || extension;
        at = image || extension ? skip_blocks(g, at + head) : at + 1;
    }
    return blocks > MAX_BLOCKS;
}

static const frame EMPTY = {.key = -1};

static bool read_control(const uint8_t *p, frame *f) {
    if (p[1] != 0xf9 || p[2] != 4) {
        return false;
    }
    f->dispose = p[3] >> 2 & 7;
    f->dispose = f->dispose == DISPOSE_PREVIOUS_TOO ? DISPOSE_PREVIOUS : f->dispose;
    f->key = p[3] & 1 ? p[6] : -1;
    return true;
}

/* libnsgif has looked at the file before; no more frames are taken than it has found. */
static bool find_frames(si_gif *g) {
    if (g->len < HEAD) {
        return true;
    }
    g->map_len = table_len(g->file[10]);
    size_t at = HEAD + g->map_len;
    if (g->map_len > 0 && at <= g->len) {
        g->map = g->file + HEAD;
    }
    frame f = EMPTY;
    while (at + DESCRIPTOR < g->len && g->count < vips_image_get_n_pages(g->header)) {
        const uint8_t *p = g->file + at;
        if (*p == ',') {
            at = read_frame(g, at, &f);
            if (f.len <= DESCRIPTOR + table_len(f.image[9]) + 1) {
                break; /* nothing of its data is there */
            }
            if (!add_frame(g, &f)) {
                return false;
            }
            f = EMPTY;
        } else if (*p == '!') {
            read_control(p, &f);
            at = skip_blocks(g, at + 2);
        } else if (*p == ';') {
            break;
        } else {
            at++; /* padding, which libnsgif skips as well */
        }
    }
    return true;
}

/* ---- pixels ---- */

static size_t put(uint8_t *to, size_t at, const void *from, size_t len) {
    memcpy(to + at, from, len);
    return at + len;
}

/* Ends a chain of sub-blocks that begins at `at` and is cut off at `len`; there is room for one
 * byte more. */
static size_t end_blocks(uint8_t *bytes, size_t at, size_t len) {
    while (at < len && at + 1 + bytes[at] < len) {
        at += 1 + (size_t)bytes[at];
    }
    if (at < len) {
        bytes[at] = (uint8_t)(len - at - 1);
    }
    bytes[len] = 0;
    return len + 1;
}

/* A file of this frame alone. A second one, of a single transparent pixel, makes libvips give the
 * first an alpha channel, so that pixels without data differ from black ones. */
static uint8_t *single(const si_gif *g, const frame *f, size_t *len) {
    static const uint8_t end[] = {
        '!', 0xf9, 4, 1, 0, 0, 0, 0, ',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, ';'};
    const uint8_t control[CONTROL] = {
        '!', 0xf9, 4, f->key >= 0, 0, 0, f->key >= 0 ? (uint8_t)f->key : 0, 0};
    uint8_t head[HEAD] = "GIF89a", descriptor[DESCRIPTOR] = ",";
    uint8_t *out = malloc(HEAD + g->map_len + CONTROL + f->len + 1 + sizeof end);
    if (out == NULL) {
        return NULL;
    }
    memcpy(head + 6, f->image + 5, 4);
    head[10] = g->map != NULL ? g->file[10] : 0;
    memcpy(descriptor + 5, f->image + 5, 5);
    size_t n = put(out, 0, head, HEAD);
    if (g->map != NULL) {
        n = put(out, n, g->map, g->map_len);
    }
    n = put(out, n, control, CONTROL);
    n = put(out, n, descriptor, DESCRIPTOR);
    n = put(out, n, f->image + DESCRIPTOR, f->len - DESCRIPTOR);
    if (f->cut) {
        n = end_blocks(out, n - f->len + DESCRIPTOR + table_len(f->image[9]) + 1, n);
    }
    *len = put(out, n, end, sizeof end);
    return out;
}

/* What has no end may still have all its pixels, if it lacks no more than the end. */
static bool is_whole(const uint32_t *pixels, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (pixels[i] == 0) {
            return false;
        }
    }
    return true;
}

/* Pixels that the frame sets, within the screen. */
static void overlay(si_gif *g, const frame *f, const uint32_t *from, int width, int height) {
    uint32_t *to = (uint32_t *)(void *)g->screen;
    for (int y = 0; y < height && y < g->height - f->y; y++) {
        for (int x = 0; x < width && x < g->width - f->x; x++) {
            uint32_t v = from[(size_t)y * (size_t)width + (size_t)x];
            if (v != 0) { /* not transparent: alpha is 0 or 255, and all is 0 with it */
                to[(size_t)(f->y + y) * (size_t)g->width + (size_t)(f->x + x)] = v;
            }
        }
    }
}

static si_result draw(si_gif *g, const frame *f, si_diag *diag) {
    size_t len = 0, size = 0;
    VipsImage *im = NULL;
    void *pixels = NULL;
    si_result result = SI_OK;
    if (f->w == 0 || f->h == 0 || f->x >= g->width || f->y >= g->height) {
        return SI_OK; /* nothing of it shows */
    }
    if ((int64_t)f->w * f->h > FRAME_SCREENS * (int64_t)g->width * g->height + FRAME_FREE) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source animation has a frame of %d×%d pixels for %d×%d", f->w, f->h, g->width,
            g->height);
    }
    uint8_t *file = single(g, f, &len);
    if (file == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a frame");
    }
    if (vips_gifload_buffer(file, len, &im, "access", VIPS_ACCESS_SEQUENTIAL, NULL) != 0 ||
        im->Bands != 4 || (pixels = vips_image_write_to_memory(im, &size)) == NULL) {
        result = si_vips_fail(diag);
    } else if (f->cut && !is_whole(pixels, size / 4)) {
        result = si_fail(diag, SI_ERR_SOURCE, "the source image is broken: it ends within a frame");
    } else {
        overlay(g, f, pixels, im->Xsize, im->Ysize);
    }
    g_free(pixels);
    VIPS_UNREF(im);
    free(file);
    return result;
}

static void clear(si_gif *g, const frame *f) {
    int width = f->w < g->width - f->x ? f->w : g->width - f->x;
    for (int y = f->y; y < f->y + f->h && y < g->height && width > 0; y++) {
        memset(g->screen + 4 * ((size_t)y * (size_t)g->width + (size_t)f->x), 0, 4 * (size_t)width);
    }
}

/* What is left of the frame before, and what may be needed after this one. */
static si_result prepare(si_gif *g, const frame *before, const frame *f, si_diag *diag) {
    size_t size = 4 * (size_t)g->width * (size_t)g->height;
    if (before != NULL && before->dispose == DISPOSE_BACKGROUND) {
        clear(g, before);
    } else if (before != NULL && before->dispose == DISPOSE_PREVIOUS) {
        memcpy(g->screen, g->saved, size);
    }
    if (f->dispose == DISPOSE_PREVIOUS) {
        if (g->saved == NULL && (g->saved = malloc(size)) == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a frame");
        }
        memcpy(g->saved, g->screen, size);
    }
    return SI_OK;
}

si_result si_gif_next(si_gif *g, const uint8_t **rgba, int *delay_ms, si_diag *diag) {
    size_t pixels = (size_t)g->width * (size_t)g->height;
    if (g->next >= g->count) {
        return si_fail(diag, SI_ERR_SOURCE, "the source animation has no more frames");
    }
    if (g->screen == NULL && (g->screen = calloc(pixels, 4)) == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a frame");
    }
    const frame *f = &g->frames[g->next];
    si_result result = prepare(g, g->next > 0 ? f - 1 : NULL, f, diag);
    if (result == SI_OK) {
        result = draw(g, f, diag);
    }
    *rgba = g->screen;
    *delay_ms = g->next < g->delay_count && g->delays[g->next] >= 0 ? g->delays[g->next] : 100;
    g->next++;
    return result;
}

/* ---- opening ---- */

static bool covers(const si_gif *g, const frame *f) {
    return f->key < 0 && f->x == 0 && f->y == 0 && f->w >= g->width && f->h >= g->height;
}

static void find_facts(si_gif *g, si_gif_facts *facts) {
    int plays = 0;
    if (vips_image_get_typeof(g->header, "loop") != 0 &&
        vips_image_get_int(g->header, "loop", &plays) != 0) {
        vips_error_clear();
    }
    if (vips_image_get_typeof(g->header, "delay") == 0 ||
        vips_image_get_array_int(g->header, "delay", &g->delays, &g->delay_count) != 0) {
        g->delay_count = 0;
    }
    *facts = (si_gif_facts){.width = g->width,
        .height = g->height,
        .frames = g->count,
        .plays = plays > 0 ? plays : 0,
        .first_alpha = !covers(g, g->frames)};
    facts->alpha = facts->first_alpha || g->frames[0].dispose == DISPOSE_PREVIOUS;
    for (int i = 0; i + 1 < g->count; i++) { /* one that covers all and leaves nothing is rare */
        facts->alpha |= g->frames[i].dispose == DISPOSE_BACKGROUND;
    }
}

static si_result find_all(
    int fd, si_gif *g, const si_render_limits *limits, si_gif_facts *facts, si_diag *diag) {
    SI_TRY(read_file(fd, g, diag));
    if (has_too_many_blocks(g)) {
        return si_fail(
            diag, SI_ERR_LIMIT, "the source image has too many blocks: more than %d", MAX_BLOCKS);
    }
    if (vips_gifload_buffer(g->file, g->len, &g->header, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL) !=
        0) {
        return si_vips_fail(diag);
    }
    g->width = g->header->Xsize;
    g->height = g->header->Ysize;
    int64_t most = si_render_limits_or_default(limits).max_source_pixels;
    if ((int64_t)g->width * g->height > most) {
        return si_fail(diag, SI_ERR_LIMIT,
            "the source image of %d×%d pixels exceeds the limit of %lld pixels", g->width,
            g->height, (long long)most);
    }
    if (!find_frames(g)) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an animation");
    }
    if (g->count == 0) {
        return si_fail(diag, SI_ERR_SOURCE, "the source image is broken: it has no frames");
    }
    find_facts(g, facts);
    return SI_OK;
}

si_result si_gif_open(
    int fd, const si_render_limits *limits, si_gif **out, si_gif_facts *facts, si_diag *diag) {
    si_gif *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for an animation");
    }
    si_result result = find_all(fd, g, limits, facts, diag);
    if (result == SI_OK) {
        *out = g;
    } else {
        si_gif_close(g);
    }
    return result;
}

void si_gif_close(si_gif *g) {
    if (g == NULL) {
        return;
    }
    VIPS_UNREF(g->header); /* before the file, which it reads */
    free(g->screen);
    free(g->saved);
    free(g->frames);
    free(g->file);
    free(g);
}

/* ---- the first frame as an original ---- */

static bool decode_first(void *context, const VipsImage *image, uint8_t *pixels, size_t stride) {
    const uint8_t *rgba = NULL;
    int delay_ms;
    si_diag diag = {0};
    if (si_gif_next(context, &rgba, &delay_ms, &diag) != SI_OK) {
        vips_error("gif", "%s", diag.text);
        return false;
    }
    for (int y = 0; y < image->Ysize; y++) {
        uint8_t *to = pixels + (size_t)y * stride;
        for (int x = 0; x < image->Xsize; x++, rgba += 4, to += image->Bands) {
            memcpy(to, rgba, (size_t)image->Bands);
        }
    }
    return true;
}

static void release(void *context) {
    si_gif_close(context);
}

VipsImage *si_read_gif(int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    (void)level;
    si_gif *g = NULL;
    si_gif_facts facts;
    if (si_gif_open(fd, limits, &g, &facts, diag) != SI_OK) {
        return NULL;
    }
    const si_deferred deferred = {.decode = decode_first, .release = release, .context = g};
    VipsImage *image = si_deferred_image(facts.width, facts.height, facts.first_alpha ? 4 : 3,
        VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB, &deferred, diag);
    if (image != NULL) {
        vips_image_set_int(image, VIPS_META_N_PAGES, facts.frames);
        vips_image_set_int(image, "loop", facts.plays);
    }
    return image;
}
