/* Animated GIF. A frame holds only the rectangle that changes, and in it what stays is transparent;
 * where something opaque becomes transparent, which GIF cannot draw, the frame before is wiped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#include "codec/animation_driver.h"
#include "codec/memfile.h"

typedef struct rect {
    int x, y, w, h;
} rect;

/* Pictures are RGBA with an alpha of only 0 or 255; what is transparent is all zero. A frame waits
 * until the next is known, which decides whether it must be wiped. */
typedef struct state {
    si_encode_params params;
    si_bytes bytes;
    si_memfile file;
    GifFileType *gif;
    si_image shown;   /* what the waiting frame is drawn onto */
    si_image waiting; /* no pixels: none */
    si_image part;    /* room for what is drawn */
    uint8_t *indices;
    int delay_cs; /* of the waiting frame */
    bool wiped;   /* some frame was, or is about to be */
} state;

static int on_write(GifFileType *gif, const GifByteType *from, int len) {
    return si_memfile_write(gif->UserData, from, (size_t)len) ? len : 0;
}

static bool write_head(state *s, int plays, int width, int height) {
    EGifSetGifVersion(s->gif, true);
    if (EGifPutScreenDesc(s->gif, width, height, 8, 0, NULL) != GIF_OK) {
        return false;
    }
    if (plays == 1) {
        return true;
    }
    int again = plays == 0 ? 0 : plays - 1 < 65535 ? plays - 1 : 65535;
    const GifByteType loop[3] = {1, (GifByteType)again, (GifByteType)(again >> 8)};
    return EGifPutExtensionLeader(s->gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(s->gif, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(s->gif, sizeof loop, loop) == GIF_OK &&
           EGifPutExtensionTrailer(s->gif) == GIF_OK;
}

static void end_state(void *state_) {
    state *s = state_;
    int e;
    if (s->gif != NULL) {
        EGifCloseFile(s->gif, &e);
    }
    si_bytes_free(&s->bytes);
    si_image_free(&s->shown);
    si_image_free(&s->waiting);
    si_image_free(&s->part);
    free(s->indices);
    free(s);
}

static si_result begin(const si_encode_params *params, int plays, int width, int height, bool alpha,
    void **out, si_diag *diag) {
    (void)alpha;
    int e;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
    }
    *out = s;
    s->params = *params;
    s->file.out = &s->bytes;
    s->indices = malloc((size_t)width * (size_t)height);
    s->gif = EGifOpen(&s->file, on_write, &e);
    if (s->indices == NULL || s->gif == NULL || !write_head(s, plays, width, height) ||
        si_image_alloc(&s->shown, width, height, 4, diag) != SI_OK ||
        si_image_alloc(&s->part, width, height, 4, diag) != SI_OK) {
        return si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
    }
    return SI_OK;
}

/* ---- frames ---- */

static void make_keyed(const si_image *image, si_image *keyed) {
    for (int y = 0; y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        uint8_t *to = keyed->pixels + (size_t)y * keyed->stride;
        for (int x = 0; x < image->width; x++, p += image->channels, to += 4) {
            bool opaque = image->channels == 3 || p[3] >= SI_KEY_ALPHA;
            memset(to, 0, 4);
            if (opaque) {
                memcpy(to, p, 3);
                to[3] = 255;
            }
        }
    }
}

static const uint8_t *at(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + 4 * (size_t)x;
}

/* The smallest rectangle that holds every pixel in which they differ; a single pixel if none. */
static rect changed(const si_image *a, const si_image *b) {
    int left = a->width, right = -1, top = -1, bottom = -1;
    for (int y = 0; y < a->height; y++) {
        if (memcmp(at(a, 0, y), at(b, 0, y), 4 * (size_t)a->width) == 0) {
            continue;
        }
        top = top < 0 ? y : top;
        bottom = y;
        int x = 0, end = a->width - 1;
        while (x < left && memcmp(at(a, x, y), at(b, x, y), 4) == 0) {
            x++;
        }
        while (end > right && memcmp(at(a, end, y), at(b, end, y), 4) == 0) {
            end--;
        }
        left = x < left ? x : left;
        right = end > right ? end : right;
    }
    return bottom < 0 ? (rect){0, 0, 1, 1} : (rect){left, top, right - left + 1, bottom - top + 1};
}

/* True if something that is opaque in `a` is transparent in `b`. */
static bool must_wipe(const si_image *a, const si_image *b) {
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = at(a, 0, y), *q = at(b, 0, y);
        for (int x = 0; x < a->width; x++) {
            if (p[4 * x + 3] > q[4 * x + 3]) {
                return true;
            }
        }
    }
    return false;
}

/* Copies what is to be drawn: pixels of `new` in `r` that differ from `old`. True if that leaves
 * some out. */
static bool take_part(const si_image *new, const si_image *old, rect r, si_image *part) {
    bool holes = false;
    part->width = r.w;
    part->height = r.h;
    for (int y = 0; y < r.h; y++) {
        const uint8_t *p = at(new, r.x, r.y + y), *q = at(old, r.x, r.y + y);
        uint8_t *to = part->pixels + (size_t)y * part->stride;
        for (int x = 0; x < r.w; x++, p += 4, q += 4, to += 4) {
            bool same = memcmp(p, q, 4) == 0;
            memset(to, 0, 4);
            if (!same) {
                memcpy(to, p, 4);
            }
            holes |= to[3] == 0;
        }
    }
    return holes;
}

static bool write_frame(state *s, const ColorMapObject *map, rect r, bool holes, bool wipe) {
    GifByteType extension[4];
    GraphicsControlBlock control = {.DisposalMode = wipe ? DISPOSE_BACKGROUND : DISPOSE_DO_NOT,
        .DelayTime = s->delay_cs,
        .TransparentColor = holes ? 0 : NO_TRANSPARENT_COLOR};
    EGifGCBToExtension(&control, extension);
    if (EGifPutExtension(s->gif, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) != GIF_OK ||
        EGifPutImageDesc(s->gif, r.x, r.y, r.w, r.h, false, map) != GIF_OK) {
        return false;
    }
    for (int y = 0; y < r.h; y++) {
        if (EGifPutLine(s->gif, s->indices + (size_t)y * (size_t)r.w, r.w) != GIF_OK) {
            return false;
        }
    }
    return true;
}

/* Finds the colours of the part; with `key` one of them is transparent, used or not. */
static bool find_colors(state *s, bool key, bool holes, si_palette *palette) {
    si_quantize how = s->params.quantize;
    bool add = key && !holes;
    if (add && (how.colors == 0 || how.colors >= SI_PALETTE_MAX)) {
        how.colors = SI_PALETTE_MAX - 1;
    }
    if (!si_palette_quantize(&s->part, &how, palette, s->indices)) {
        return false;
    }
    if (add && palette->count < SI_PALETTE_MAX) {
        memmove(palette->rgba + 1, palette->rgba, 4 * (size_t)palette->count++);
        memset(palette->rgba[0], 0, 4);
        for (int i = 0; i < s->part.width * s->part.height; i++) {
            s->indices[i]++;
        }
    }
    return true;
}

/* Writes the waiting frame, which the next one may want wiped. Some players wipe to the key colour
 * of the frame, or look for one to tell whether anything is transparent: so frames that are wiped,
 * and those after them, have one. */
static si_result flush(state *s, bool wipe, si_diag *diag) {
    rect all = {0, 0, s->waiting.width, s->waiting.height};
    rect r = wipe ? all : changed(&s->waiting, &s->shown);
    bool holes = take_part(&s->waiting, &s->shown, r, &s->part);
    si_palette palette;
    ColorMapObject *map = NULL;
    s->wiped |= wipe;
    bool ok = find_colors(s, s->wiped, holes, &palette) && (map = si_gif_map(&palette)) != NULL;
    ok = ok && write_frame(s, map, r, palette.rgba[0][3] == 0, wipe);
    GifFreeMapObject(map);
    if (!ok) {
        return si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
    }
    if (wipe) {
        memset(s->shown.pixels, 0, s->shown.stride * (size_t)s->shown.height);
    } else {
        si_image old = s->shown;
        s->shown = s->waiting;
        s->waiting = old;
    }
    return SI_OK;
}

static si_result add(void *state_, const si_image *frame, int delay_ms, si_diag *diag) {
    state *s = state_;
    si_image next = {0};
    SI_TRY(si_image_alloc(&next, frame->width, frame->height, 4, diag));
    si_result result = SI_OK;
    make_keyed(frame, &next);
    if (s->waiting.pixels != NULL) {
        result = flush(s, must_wipe(&s->waiting, &next), diag);
        si_image_free(&s->waiting);
    }
    s->waiting = next;
    s->delay_cs = (delay_ms + 5) / 10;
    return result;
}

static si_result end(void *state_, si_bytes *out, si_diag *diag) {
    state *s = state_;
    int e;
    si_result result = flush(s, false, diag);
    bool ok = EGifCloseFile(s->gif, &e) == GIF_OK; /* writes the end, frees in any case */
    s->gif = NULL;
    if (result == SI_OK && (!ok || s->file.failed)) {
        result = si_fail(diag, SI_ERR_MEMORY, "gif: no memory");
    }
    if (result == SI_OK) {
        si_bytes_move(out, &s->bytes);
    }
    return result;
}

const si_animation_driver si_animation_gif = {
    .begin = begin, .add = add, .end = end, .free = end_state, .max_side = 65535};
