#include "render/pixel/blend.h"

#include <string.h>

#include "render/pixel/levels.h"
#include "render/pixel/noise.h"

#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pixels are read as words 0xAABBGGRR");

/* Rows are drawn in blocks: each is looked at first, since most blocks of real layers are wholly
 * transparent, wholly opaque, or over an opaque canvas. */
enum { BLOCK = 256 };

#define ALPHA 0xff000000u

/* ---- kernels: `n` pixels of a layer over as many of a canvas ---- */

/* Cr for one component. Numerator and denominator are whole numbers that a float holds exactly, and
 * quotients that are no tie lie further from one than a float's rounding; so this is exact. */
SI_INLINE uint32_t divide(uint32_t numerator, uint32_t denominator) {
    return (uint32_t)(int32_t)((float)(int32_t)numerator / (float)(int32_t)denominator + 0.5f);
}

SI_INLINE uint32_t greater(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

SI_INLINE uint32_t less(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Weights of the formula × 255² and their sum. */
typedef struct weights {
    uint32_t backdrop, source, both, sum;
    uint32_t nothing; /* 1 where the sum is 0, else 0: arithmetic instead of branches, which would
                         keep compilers from vectorizing */
} weights;

SI_INLINE weights weigh(uint32_t sa, uint32_t ba) {
    weights w = {.backdrop = (255 - sa) * ba, .source = (255 - ba) * sa, .both = sa * ba};
    w.sum = w.backdrop + w.source + w.both;
    w.nothing = (w.sum - 1) >> 31;
    return w;
}

/* Joins three components with αr, or keeps `d` where there is nothing at all; all of them are 0
 * then. */
SI_INLINE uint32_t join(const weights *w, uint32_t r, uint32_t g, uint32_t b, uint32_t d) {
    return r | g << 8 | b << 16 | si_div255(w->sum) << 24 | (d & (0 - w->nothing));
}

#define COMPONENT(word, shift) ((word) >> (shift)&255)

#define DEFINE_KERNEL(name, component)                                                             \
    SI_WIDE static void name(uint32_t *restrict canvas, const uint32_t *restrict layer, int n) {   \
        for (int i = 0; i < n; i++) {                                                              \
            uint32_t s = layer[i], d = canvas[i];                                                  \
            weights w = weigh(s >> 24, d >> 24);                                                   \
            uint32_t r = component(&w, COMPONENT(s, 0), COMPONENT(d, 0));                          \
            uint32_t g = component(&w, COMPONENT(s, 8), COMPONENT(d, 8));                          \
            uint32_t b = component(&w, COMPONENT(s, 16), COMPONENT(d, 16));                        \
            canvas[i] = join(&w, r, g, b, d);                                                      \
        }                                                                                          \
    }

SI_INLINE uint32_t norm_component(const weights *w, uint32_t s, uint32_t d) {
    return divide(w->backdrop * d + (w->source + w->both) * s, w->sum + w->nothing);
}

SI_INLINE uint32_t lighten_component(const weights *w, uint32_t s, uint32_t d) {
    return divide(w->backdrop * d + w->source * s + w->both * greater(s, d), w->sum + w->nothing);
}

SI_INLINE uint32_t darken_component(const weights *w, uint32_t s, uint32_t d) {
    return divide(w->backdrop * d + w->source * s + w->both * less(s, d), w->sum + w->nothing);
}

/* B is `product` / 255 here, so everything is a factor 255 larger: exact in doubles. */
SI_INLINE uint32_t product_component(const weights *w, uint32_t s, uint32_t d, uint32_t product) {
    double plain = (double)(int32_t)(w->backdrop * d + w->source * s) * 255;
    double both = (double)(int32_t)w->both * (double)(int32_t)product;
    double sum = (double)(int32_t)((w->sum + w->nothing) * 255);
    return (uint32_t)(int32_t)((plain + both) / sum + 0.5);
}

SI_INLINE uint32_t mult_component(const weights *w, uint32_t s, uint32_t d) {
    return product_component(w, s, d, s * d);
}

SI_INLINE uint32_t screen_component(const weights *w, uint32_t s, uint32_t d) {
    return product_component(w, s, d, 255 * (s + d) - s * d);
}

DEFINE_KERNEL(draw_norm, norm_component)
DEFINE_KERNEL(draw_lighten, lighten_component)
DEFINE_KERNEL(draw_darken, darken_component)
DEFINE_KERNEL(draw_mult, mult_component)
DEFINE_KERNEL(draw_screen, screen_component)

/* ---- the same over an opaque canvas ---- */

/* Two components in one word, 16 bits each: (255 − sa)·d + sa·s over 255. */
SI_INLINE uint32_t mix_pair(uint32_t s, uint32_t d, uint32_t sa) {
    uint32_t t = (d & 0xff00ffu) * (255 - sa) + (s & 0xff00ffu) * sa + 0x800080u;
    return (t + (t >> 8 & 0xff00ffu)) >> 8 & 0xff00ffu;
}

SI_WIDE static void draw_norm_opaque(
    uint32_t *restrict canvas, const uint32_t *restrict layer, int n) {
    for (int i = 0; i < n; i++) {
        uint32_t s = layer[i], d = canvas[i], sa = s >> 24;
        uint32_t green = COMPONENT(d, 8) * (255 - sa) + COMPONENT(s, 8) * sa;
        canvas[i] = mix_pair(s, d, sa) | si_div255(green) << 8 | ALPHA;
    }
}

SI_INLINE uint32_t mult_opaque(uint32_t s, uint32_t d, uint32_t sa) {
    return divide(d * ((255 - sa) * 255 + sa * s), 65025);
}

SI_INLINE uint32_t screen_opaque(uint32_t s, uint32_t d, uint32_t sa) {
    return divide((255 - sa) * 255 * d + sa * (255 * (s + d) - s * d), 65025);
}

#define DEFINE_OPAQUE_KERNEL(name, component)                                                      \
    SI_WIDE static void name(uint32_t *restrict canvas, const uint32_t *restrict layer, int n) {   \
        for (int i = 0; i < n; i++) {                                                              \
            uint32_t s = layer[i], d = canvas[i], sa = s >> 24;                                    \
            uint32_t r = component(COMPONENT(s, 0), COMPONENT(d, 0), sa);                          \
            uint32_t g = component(COMPONENT(s, 8), COMPONENT(d, 8), sa);                          \
            uint32_t b = component(COMPONENT(s, 16), COMPONENT(d, 16), sa);                        \
            canvas[i] = r | g << 8 | b << 16 | ALPHA;                                              \
        }                                                                                          \
    }

DEFINE_OPAQUE_KERNEL(draw_mult_opaque, mult_opaque)
DEFINE_OPAQUE_KERNEL(draw_screen_opaque, screen_opaque)

SI_WIDE static void dissolve(
    uint32_t *restrict canvas, const uint32_t *restrict layer, int n, uint64_t seed, int x, int y) {
    for (int i = 0; i < n; i++) {
        uint32_t chance = (si_position_hash(seed, x + i, y) >> 8) * 255 >> 24; /* 0…254 */
        canvas[i] = chance < layer[i] >> 24 ? layer[i] | ALPHA : canvas[i];
    }
}

/* ---- blocks ---- */

/* The pixels' bits, and-ed and or-ed. */
SI_WIDE static void survey(const uint32_t *p, int n, uint32_t *all, uint32_t *any) {
    uint32_t both = ALPHA, either = 0;
    for (int i = 0; i < n; i++) {
        both &= p[i];
        either |= p[i];
    }
    *all = both;
    *any = either;
}

typedef void (*kernel)(uint32_t *restrict canvas, const uint32_t *restrict layer, int n);

/* per mode: over any canvas, and over an opaque one */
static const kernel kernels[][2] = {
    [SI_BLEND_NORM] = {draw_norm, draw_norm_opaque},
    [SI_BLEND_LIGHTEN] = {draw_lighten, draw_lighten},
    [SI_BLEND_DARKEN] = {draw_darken, draw_darken},
    [SI_BLEND_MULT] = {draw_mult, draw_mult_opaque},
    [SI_BLEND_SCREEN] = {draw_screen, draw_screen_opaque},
};

static void draw(uint32_t *canvas, const uint32_t *layer, int n, si_blend mode) {
    uint32_t all, any, canvas_all, canvas_any;
    survey(layer, n, &all, &any);
    if (any >> 24 == 0) {
        return;
    }
    if (mode == SI_BLEND_NORM && all >> 24 == 255) {
        memcpy(canvas, layer, (size_t)n * sizeof *canvas);
        return;
    }
    survey(canvas, n, &canvas_all, &canvas_any);
    kernels[mode][canvas_all >> 24 == 255](canvas, layer, n);
}

/* Opacity in 1/65536. */
static uint32_t fixed_opacity(double opacity) {
    return opacity >= 1 ? 65536 : opacity > 0 ? (uint32_t)(opacity * 65536 + 0.5) : 0;
}

/* Multiplies alpha by mask (0…255) and opacity, rounding once. */
SI_INLINE uint32_t weaken(uint32_t pixel, uint32_t mask, uint32_t opacity) {
    uint32_t v = ((pixel >> 24) * mask * opacity + 255 * 32768u) >> 16; /* ≤ 65152 */
    return (pixel & ~ALPHA) | (v + 1 + (v >> 8)) >> 8 << 24;
}

SI_WIDE static void weaken_all(
    uint32_t *restrict to, const uint32_t *restrict from, int n, uint32_t opacity) {
    for (int i = 0; i < n; i++) {
        to[i] = weaken(from[i], 255, opacity);
    }
}

SI_WIDE static void weaken_by(uint32_t *restrict to, const uint32_t *restrict from,
    const uint8_t *restrict mask, int n, uint32_t opacity) {
    for (int i = 0; i < n; i++) {
        to[i] = weaken(from[i], mask[i], opacity);
    }
}

SI_WIDE static void expand(uint32_t *restrict to, const uint8_t *restrict from, int n) {
    for (int i = 0; i < n; i++, from += 3) {
        to[i] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | ALPHA;
    }
}

static void fill(uint32_t *to, uint32_t word, int n) {
    for (int i = 0; i < n; i++) {
        to[i] = word;
    }
}

static uint32_t word_of(si_rgba c) {
    return c.r | (uint32_t)c.g << 8 | (uint32_t)c.b << 16 | (uint32_t)c.a << 24;
}

static uint32_t *row_of(const si_image *im, int y) {
    return (uint32_t *)(void *)(im->pixels + (size_t)y * im->stride);
}

/* ---- layers ---- */

/* An image, or one colour. */
typedef struct layer {
    const si_image *image; /* NULL = the colour */
    uint32_t color;
    int width, height;
} layer;

/* `n` pixels of the layer, ready to be drawn; in `buffer` unless the image has them as they are. */
static const uint32_t *fetch(
    const layer *l, const si_draw *how, uint32_t opacity, int x, int y, int n, uint32_t *buffer) {
    const uint32_t *p = buffer;
    if (l->image == NULL) {
        fill(buffer, l->color, n);
    } else if (l->image->channels == 3) {
        expand(buffer, l->image->pixels + (size_t)y * l->image->stride + (size_t)x * 3, n);
    } else {
        p = row_of(l->image, y) + x;
    }
    uint32_t weakened[BLOCK];
    if (how->mask != NULL) {
        weaken_by(weakened, p, si_plane_row(how->mask, y) + x, n, opacity);
    } else if (opacity < 65536) {
        weaken_all(weakened, p, n, opacity);
    } else {
        return p;
    }
    memcpy(buffer, weakened, (size_t)n * sizeof *buffer);
    return buffer;
}

/* Which part 0 … *size of the layer falls on 0 … canvas: from *first on, *size pixels. */
static bool clip(int64_t at, int canvas, int *first, int *size) {
    int64_t from = at < 0 ? -at : 0, to = canvas - at < *size ? canvas - at : *size;
    if (from >= to) {
        return false;
    }
    *first = (int)from;
    *size = (int)(to - from);
    return true;
}

static void draw_layer(si_image *canvas, layer l, const si_draw *how) {
    uint32_t opacity = fixed_opacity(how->opacity), buffer[BLOCK];
    if (how->mask != NULL) {
        l.width = l.width < how->mask->width ? l.width : how->mask->width;
        l.height = l.height < how->mask->height ? l.height : how->mask->height;
    }
    int left, top;
    if (opacity == 0 || !clip(how->x, canvas->width, &left, &l.width) ||
        !clip(how->y, canvas->height, &top, &l.height)) {
        return;
    }
    for (int y = top; y < top + l.height; y++) {
        int cy = (int)((int64_t)how->y + y);
        for (int x = left; x < left + l.width; x += BLOCK) {
            int n = left + l.width - x < BLOCK ? left + l.width - x : BLOCK;
            int cx = (int)((int64_t)how->x + x);
            const uint32_t *p = fetch(&l, how, opacity, x, y, n, buffer);
            if (how->mode == SI_BLEND_DISSOLVE) {
                dissolve(row_of(canvas, cy) + cx, p, n, how->seed,
                    (int)((uint32_t)how->canvas_x + (uint32_t)cx),
                    (int)((uint32_t)how->canvas_y + (uint32_t)cy));
            } else {
                draw(row_of(canvas, cy) + cx, p, n, how->mode);
            }
        }
    }
}

void si_blend_image(si_image *canvas, const si_image *image, const si_draw *how) {
    draw_layer(
        canvas, (layer){.image = image, .width = image->width, .height = image->height}, how);
}

void si_blend_color(si_image *canvas, si_rgba color, const si_draw *how) {
    si_blend_rect(canvas, color, how->mask->width, how->mask->height, how);
}

void si_blend_rect(si_image *canvas, si_rgba color, int width, int height, const si_draw *how) {
    draw_layer(canvas, (layer){.color = word_of(color), .width = width, .height = height}, how);
}

/* ---- whole pictures ---- */

void si_blend_under(si_image *im, si_rgba color) {
    if (im->channels != 4 || color.a == 0) {
        return;
    }
    uint32_t under[BLOCK];
    for (int y = 0; y < im->height; y++) {
        uint32_t *row = row_of(im, y);
        for (int x = 0; x < im->width; x += BLOCK) {
            int n = im->width - x < BLOCK ? im->width - x : BLOCK;
            fill(under, word_of(color), n);
            draw(under, row + x, n, SI_BLEND_NORM);
            memcpy(row + x, under, (size_t)n * sizeof *under);
        }
    }
}

SI_WIDE static void pack(uint8_t *restrict to, const uint32_t *restrict from, int n) {
    for (int i = 0; i < n; i++, to += 3) {
        to[0] = (uint8_t)from[i];
        to[1] = (uint8_t)(from[i] >> 8);
        to[2] = (uint8_t)(from[i] >> 16);
    }
}

void si_blend_flatten(si_image *im, uint32_t rgb) {
    if (im->channels != 4) {
        return;
    }
    uint32_t under[BLOCK];
    uint32_t color = (rgb >> 16 & 255) | (rgb & 0xff00u) | (rgb & 255) << 16 | ALPHA;
    for (int y = 0; y < im->height; y++) {
        uint8_t *to = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x += BLOCK) {
            int n = im->width - x < BLOCK ? im->width - x : BLOCK;
            fill(under, color, n);
            draw(under, row_of(im, y) + x, n, SI_BLEND_NORM);
            pack(to + (size_t)x * 3, under, n);
        }
    }
    im->channels = 3;
}

void si_blend_opacity(si_image *im, double opacity) {
    uint32_t fixed = fixed_opacity(opacity), weakened[BLOCK];
    if (im->channels != 4 || fixed == 65536) {
        return;
    }
    for (int y = 0; y < im->height; y++) {
        uint32_t *row = row_of(im, y);
        for (int x = 0; x < im->width; x += BLOCK) {
            int n = im->width - x < BLOCK ? im->width - x : BLOCK;
            weaken_all(weakened, row + x, n, fixed);
            memcpy(row + x, weakened, (size_t)n * sizeof *weakened);
        }
    }
}
