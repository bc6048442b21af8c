#include "render/pixel/ops.h"

#include <math.h>

#include "render/pixel/levels.h"

#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

static int clamp(int v, int low, int high) {
    return v < low ? low : v > high ? high : v;
}

static uint8_t *row_of(const si_image *im, int y) {
    return im->pixels + (size_t)y * im->stride;
}

/* ---- formulas of one level ---- */

typedef struct levels {
    uint8_t of[256];
} levels;

static void apply(si_image *im, const levels *r, const levels *g, const levels *b) {
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = row_of(im, y);
        for (int x = 0; x < im->width; x++, p += im->channels) {
            p[0] = r->of[p[0]];
            p[1] = g->of[p[1]];
            p[2] = b->of[p[2]];
        }
    }
}

static void shift_levels(levels *t, int adj) {
    for (int i = 0; i < 256; i++) {
        t->of[i] = si_level((float)(i + 2.55 * clamp(adj, -100, 100)));
    }
}

/* k of op_contrast's formula; op_colorize stretches by it as well. */
static double contrast_factor(double adj) {
    return adj <= 0 ? 1 + adj / 100 : 100 / (100 - (adj < 99 ? adj : 99));
}

void si_op_brightness(si_image *im, int adj) {
    levels t;
    if (adj != 0) {
        shift_levels(&t, adj);
        apply(im, &t, &t, &t);
    }
}

void si_op_contrast(si_image *im, int adj) {
    levels t;
    if (adj == 0) {
        return;
    }
    double k = contrast_factor(clamp(adj, -100, 100));
    for (int i = 0; i < 256; i++) {
        t.of[i] = si_level((float)(127.5 + (i - 127.5) * k));
    }
    apply(im, &t, &t, &t);
}

void si_op_colorbalance(si_image *im, int red, int green, int blue) {
    levels r, g, b;
    if (red == 0 && green == 0 && blue == 0) {
        return;
    }
    shift_levels(&r, red);
    shift_levels(&g, green);
    shift_levels(&b, blue);
    apply(im, &r, &g, &b);
    im->grey = im->grey && red == green && green == blue;
}

void si_op_invert(si_image *im) {
    levels t;
    for (int i = 0; i < 256; i++) {
        t.of[i] = (uint8_t)(255 - i);
    }
    apply(im, &t, &t, &t);
}

/* ---- formulas of a colour ---- */

/* 0 … 1 */
SI_INLINE float limit(float v) {
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

SI_INLINE float least(float a, float b) {
    return a < b ? a : b;
}

SI_INLINE float most(float a, float b) {
    return a > b ? a : b;
}

/* In HSL, colours of one saturation and lightness run between the same least and greatest
 * component; the hue, in sixths of a turn, says which component lies where between them. */
SI_WIDE static void turn_row(uint8_t *p, int n, int channels, float sixths) {
    for (int x = 0; x < n; x++, p += channels) {
        float r = p[0], g = p[1], b = p[2];
        float low = least(r, least(g, b)), high = most(r, most(g, b)), chroma = high - low;
        float scale = 1 / most(chroma, 1);
        float h = high == r   ? (g - b) * scale
                  : high == g ? (b - r) * scale + 2
                              : (r - g) * scale + 4; /* −1 … 5 */
        h += sixths;                                 /* −4 … 8 */
        h = h < 0 ? h + 6 : h;
        h = h >= 6 ? h - 6 : h;
        p[0] = (uint8_t)(low + chroma * limit(fabsf(h - 3) - 1) + .5f);
        p[1] = (uint8_t)(low + chroma * limit(2 - fabsf(h - 2)) + .5f);
        p[2] = (uint8_t)(low + chroma * limit(2 - fabsf(h - 4)) + .5f);
    }
}

void si_op_hue(si_image *im, int degrees) {
    float sixths = (float)clamp(degrees, -180, 180) / 60;
    for (int y = 0; degrees != 0 && y < im->height; y++) {
        turn_row(row_of(im, y), im->width, im->channels, sixths);
    }
}

SI_WIDE static void saturate_row(uint8_t *p, int n, int channels, float k) {
    for (int x = 0; x < n; x++, p += channels) {
        float l = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        p[0] = si_level(l + (p[0] - l) * k);
        p[1] = si_level(l + (p[1] - l) * k);
        p[2] = si_level(l + (p[2] - l) * k);
    }
}

void si_op_saturation(si_image *im, int adj) {
    float k = 1 + (float)clamp(adj, -100, 100) / 100;
    for (int y = 0; adj != 0 && y < im->height; y++) {
        saturate_row(row_of(im, y), im->width, im->channels, k);
    }
}

/* ---- op_colorize ---- */

/* Luma in 1/256 level, 0…65280; the tables of op_colorize have a place for each 16 of them. */
enum { LUMA_STEP = 16, LUMA_STEPS = 255 * 256 / LUMA_STEP + 1 };

SI_INLINE uint32_t luma256(const uint8_t *p) {
    return 77u * p[0] + 150u * p[1] + 29u * p[2];
}

int si_op_median(const si_image *im) {
    uint64_t count[256] = {0}, all = 0, below = 0;
    for (int y = 0; y < im->height; y++) {
        const uint8_t *p = row_of(im, y);
        for (int x = 0; x < im->width; x++, p += im->channels) {
            uint32_t weight = im->channels == 4 ? p[3] : 255;
            count[(luma256(p) + 128) >> 8] += weight;
            all += weight;
        }
    }
    for (int i = 0; i < 256; i++) {
        below += count[i];
        if (2 * below > all) {
            return i;
        }
    }
    return 127;
}

static uint8_t tint(double g, uint8_t c) {
    g = g < 0 ? 0 : g > 255 ? 255 : g;
    return si_level((float)(g <= 127.5 ? c * g / 127.5 : c + (255 - c) * (g - 127.5) / 127.5));
}

void si_op_colorize(si_image *im, const si_colour_tint *how) {
    uint8_t table[LUMA_STEPS][3];
    double shift = 0, k = 1;
    if (how->normalize) {
        int median = how->median < 0 ? si_op_median(im) : how->median;
        shift = 127.5 - median;
        k = contrast_factor(how->contrast > 0 ? how->contrast : 0);
    }
    for (int i = 0; i < LUMA_STEPS; i++) {
        double g = 127.5 + (i / (256.0 / LUMA_STEP) + shift - 127.5) * k;
        table[i][0] = tint(g, how->r);
        table[i][1] = tint(g, how->g);
        table[i][2] = tint(g, how->b);
    }
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = row_of(im, y);
        for (int x = 0; x < im->width; x++, p += im->channels) {
            const uint8_t *t = table[luma256(p) / LUMA_STEP];
            p[0] = t[0];
            p[1] = t[1];
            p[2] = t[2];
        }
    }
    im->grey = im->grey && how->r == how->g && how->g == how->b;
}
