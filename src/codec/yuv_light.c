#include "codec/yuv_light.h"

#include <stdlib.h>
#include <string.h>

#if !defined(__clang__)
#pragma GCC optimize("O3") /* all loops below are meant to be vectorized */
#endif
#if defined(__x86_64__)
#define WIDE __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define WIDE
#endif
#define INLINE static inline __attribute__((always_inline))

/* BT.601: what luma is made of, and what chroma adds to R, G and B. */
#define KR 0.299f
#define KG 0.587f
#define KB 0.114f
#define V_TO_R (2 * (1 - KR))
#define U_TO_B (2 * (1 - KB))
#define U_TO_G (-U_TO_B * KB / KG)
#define V_TO_G (-V_TO_R * KR / KG)

/* Luminance as SSIMULACRA2's Y weighs it: the mean of its L and M. */
#define LIGHT_R 0.265f
#define LIGHT_G 0.657f
#define LIGHT_B 0.078f

/* The narrow range. */
#define LUMA_LOW 16
#define LUMA_STEPS 219
#define CHROMA_LOW 16
#define CHROMA_HIGH 240
#define CHROMA_STEPS 224
#define CHROMA_ZERO 128

/* Fitted on nine photos at 500 pixels by bytes at equal score (docs/quality.md): what a chroma
 * sample takes from each side; how far luma goes towards the mean of its neighbours, for
 * differences well below … and at FAINT (above, less and less: it never moves by more than 0.22
 * levels). */
static const float SMOOTH = 0.07f, TOWARDS = 0.2f, FAINT = 0.01f;

enum { PAD = 16 /* floats before and after a row; one is used */ };

/* Encoded samples and light are both 0…1. The cubic follows sRGB's curve within 0.003; what it is
 * off in the darkest shades is off on both sides of each comparison. */
INLINE float to_light(float c) {
    return c * (c * (c * 0.305306011f + 0.682171111f) + 0.012522878f);
}

/* Its slope, kept off zero. */
INLINE float light_slope(float c) {
    return c * (c * 0.915918033f + 1.364342222f) + 0.03f;
}

INLINE float unit(float c) {
    c = c > 0 ? c : 0;
    return c < 1 ? c : 1;
}

/* Rows of one picture. Widths are rounded up to even by repeating the last column. */
typedef struct work {
    int half_width, half_height;
    size_t row;                                     /* floats from one row to the next */
    float *red[2], *green[2], *blue[2], *weight[2]; /* the samples of two rows, 0…1 */
    float *luma[3];                                 /* of row y in luma[y % 3] */
    float *up_u, *up_v;                             /* chroma of one row at full width */
    float *near_u, *near_v;                         /* at half width */
    float *rough_u, *rough_v;                       /* half planes, not smoothed */
    float *memory;
} work;

static bool work_alloc(work *w, int width, int height) {
    enum { ROWS = 15 };
    w->half_width = (width + 1) / 2;
    w->half_height = (height + 1) / 2;
    size_t half_row = ((size_t)w->half_width + 3 * PAD - 1) / PAD * PAD;
    w->row = 2 * half_row;
    size_t floats = ROWS * w->row + 2 * half_row * (size_t)w->half_height;
    w->memory = aligned_alloc(PAD * sizeof(float), floats * sizeof(float));
    if (w->memory == NULL) {
        return false;
    }
    memset(w->memory, 0, ROWS * w->row * sizeof(float));
    float *next = w->memory + PAD;
    float **rows[ROWS] = {&w->red[0], &w->red[1], &w->green[0], &w->green[1], &w->blue[0],
        &w->blue[1], &w->weight[0], &w->weight[1], &w->luma[0], &w->luma[1], &w->luma[2], &w->up_u,
        &w->up_v, &w->near_u, &w->near_v};
    for (int i = 0; i < ROWS; i++, next += w->row) {
        *rows[i] = next;
    }
    w->rough_u = next;
    w->rough_v = next + half_row * (size_t)w->half_height;
    return true;
}

static float *half_row(const work *w, float *plane, int j) {
    return plane + w->row / 2 * (size_t)j;
}

/* ---- reading ---- */

/* Samples of row y (or the last one) into slot `lower`. */
static void read_row(work *w, const si_image *image, int y, int lower) {
    int width = image->width, channels = image->channels;
    y = y < image->height ? y : image->height - 1;
    const uint8_t *p = image->pixels + (size_t)y * image->stride;
    float *r = w->red[lower], *g = w->green[lower], *b = w->blue[lower], *a = w->weight[lower];
    const float one = 1 / 255.f;
    for (int x = 0; x < width; x++, p += channels) {
        r[x] = (float)p[0] * one;
        g[x] = (float)p[1] * one;
        b[x] = (float)p[2] * one;
        a[x] =
            channels == 4 ? (float)p[3] * one + 1e-4f : 1; /* where all is invisible, all count */
    }
    if (width % 2 != 0) {
        r[width] = r[width - 1];
        g[width] = g[width - 1];
        b[width] = b[width - 1];
        a[width] = a[width - 1];
    }
}

/* ---- chroma ---- */

/* The encoded mean of the light of four pixels, of weights w that add up to 1. */
INLINE float mean_of_light(const float *upper, const float *lower, int i, const float w[4]) {
    const float c[4] = {upper[2 * i], upper[2 * i + 1], lower[2 * i], lower[2 * i + 1]};
    float light = 0, plain = 0;
    for (int k = 0; k < 4; k++) {
        plain += w[k] * c[k];
        light += w[k] * to_light(c[k]);
    }
    return unit(plain + (light - to_light(plain)) / light_slope(plain)); /* Newton's first step */
}

WIDE static void chroma_row(float *const red[2], float *const green[2], float *const blue[2],
    float *const weight[2], float *restrict u, float *restrict v, int n) {
    const float *r0 = red[0], *r1 = red[1], *g0 = green[0], *g1 = green[1];
    const float *b0 = blue[0], *b1 = blue[1], *w0 = weight[0], *w1 = weight[1];
    for (int i = 0; i < n; i++) {
        float all = 1 / (w0[2 * i] + w0[2 * i + 1] + w1[2 * i] + w1[2 * i + 1]);
        const float w[4] = {
            w0[2 * i] * all, w0[2 * i + 1] * all, w1[2 * i] * all, w1[2 * i + 1] * all};
        float r = mean_of_light(r0, r1, i, w), g = mean_of_light(g0, g1, i, w);
        float b = mean_of_light(b0, b1, i, w), y = KR * r + KG * g + KB * b;
        u[i] = (b - y) * (1 / U_TO_B);
        v[i] = (r - y) * (1 / V_TO_R);
    }
}

/* Smooths with the rows above and below, then along the row, and rounds. */
WIDE static void round_chroma(const float *above, const float *row, const float *below,
    float *restrict sum, uint8_t *restrict out, int n) {
    const float middle = 1 - 2 * SMOOTH;
    for (int i = 0; i < n; i++) {
        sum[i] = middle * row[i] + SMOOTH * (above[i] + below[i]);
    }
    sum[-1] = sum[0];
    sum[n] = sum[n - 1];
    for (int i = 0; i < n; i++) {
        float c = middle * sum[i] + SMOOTH * (sum[i - 1] + sum[i + 1]);
        int q = (int)(c * CHROMA_STEPS + (CHROMA_ZERO + 0.5f));
        q = q > CHROMA_LOW ? q : CHROMA_LOW;
        out[i] = (uint8_t)(q < CHROMA_HIGH ? q : CHROMA_HIGH);
    }
}

static void write_chroma(work *w, const si_image *image, const si_yuv_planes *planes) {
    for (int j = 0; j < w->half_height; j++) {
        read_row(w, image, 2 * j, 0);
        read_row(w, image, 2 * j + 1, 1);
        chroma_row(w->red, w->green, w->blue, w->weight, half_row(w, w->rough_u, j),
            half_row(w, w->rough_v, j), w->half_width);
    }
    for (int j = 0; j < w->half_height; j++) {
        int above = j > 0 ? j - 1 : 0, below = j + 1 < w->half_height ? j + 1 : j;
        round_chroma(half_row(w, w->rough_u, above), half_row(w, w->rough_u, j),
            half_row(w, w->rough_u, below), w->near_u, planes->u + (size_t)j * planes->uv_stride,
            w->half_width);
        round_chroma(half_row(w, w->rough_v, above), half_row(w, w->rough_v, j),
            half_row(w, w->rough_v, below), w->near_v, planes->v + (size_t)j * planes->uv_stride,
            w->half_width);
    }
}

/* ---- luma ---- */

/* One row of chroma as decoders show it, from its own row of samples and the next nearest. */
WIDE static void upsample_row(const uint8_t *restrict near, const uint8_t *restrict far,
    float *restrict half, float *restrict out, int n) {
    const float step = 1 / (16.f * CHROMA_STEPS);
    for (int i = 0; i < n; i++) {
        half[i] = (float)(3 * near[i] + far[i] - 4 * CHROMA_ZERO) * step;
    }
    half[-1] = half[0];
    half[n] = half[n - 1];
    for (int i = 0; i < n; i++) {
        out[2 * i] = 3 * half[i] + half[i - 1];
        out[2 * i + 1] = 3 * half[i] + half[i + 1];
    }
}

/* Luma that gives a pixel its luminance, whatever its chroma has become. */
WIDE static void solve_luma(const float *restrict red, const float *restrict green,
    const float *restrict blue, const float *restrict u, const float *restrict v,
    float *restrict luma, int n) {
    for (int x = 0; x < n; x++) {
        float wanted =
            LIGHT_R * to_light(red[x]) + LIGHT_G * to_light(green[x]) + LIGHT_B * to_light(blue[x]);
        float y = KR * red[x] + KG * green[x] + KB * blue[x];
        float r = unit(y + V_TO_R * v[x]), g = unit(y + U_TO_G * u[x] + V_TO_G * v[x]);
        float b = unit(y + U_TO_B * u[x]);
        float off =
            wanted - (LIGHT_R * to_light(r) + LIGHT_G * to_light(g) + LIGHT_B * to_light(b));
        float rise = LIGHT_R * light_slope(r) + LIGHT_G * light_slope(g) + LIGHT_B * light_slope(b);
        luma[x] = unit(y + off / rise);
    }
}

/* Rounds, towards the mean of the four neighbours. */
WIDE static void round_luma(
    const float *above, const float *row, const float *below, uint8_t *restrict out, int n) {
    for (int x = 0; x < n; x++) {
        float c = row[x];
        float d = 0.25f * (above[x] + below[x] + row[x - 1] + row[x + 1]) - c;
        d /= 1 + d * d * (1 / (FAINT * FAINT));
        float y = unit(c + TOWARDS * d);
        out[x] = (uint8_t)(int)(y * LUMA_STEPS + (LUMA_LOW + 0.5f));
    }
}

static void write_luma_row(
    const work *w, const si_image *image, int y, const si_yuv_planes *planes) {
    const float *above = w->luma[(y > 0 ? y - 1 : y) % 3];
    const float *below = w->luma[(y + 1 < image->height ? y + 1 : y) % 3];
    float *row = w->luma[y % 3];
    row[-1] = row[0];
    row[image->width] = row[image->width - 1];
    round_luma(above, row, below, planes->y + (size_t)y * planes->y_stride, image->width);
}

static void write_luma(work *w, const si_image *image, const si_yuv_planes *planes) {
    for (int y = 0; y < image->height; y++) {
        int near = y / 2, far = y % 2 != 0 ? near + 1 : near - 1;
        far = far < 0 ? 0 : far < w->half_height ? far : near;
        size_t at_near = (size_t)near * planes->uv_stride, at_far = (size_t)far * planes->uv_stride;
        upsample_row(planes->u + at_near, planes->u + at_far, w->near_u, w->up_u, w->half_width);
        upsample_row(planes->v + at_near, planes->v + at_far, w->near_v, w->up_v, w->half_width);
        read_row(w, image, y, 0);
        solve_luma(
            w->red[0], w->green[0], w->blue[0], w->up_u, w->up_v, w->luma[y % 3], image->width);
        if (y > 0) {
            write_luma_row(w, image, y - 1, planes);
        }
    }
    write_luma_row(w, image, image->height - 1, planes);
}

si_result si_yuv_light_from_rgb(const si_image *image, const si_yuv_planes *planes, si_diag *diag) {
    work w = {0};
    if (!work_alloc(&w, image->width, image->height)) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for planes of %d×%d pixels", image->width,
            image->height);
    }
    write_chroma(&w, image, planes);
    write_luma(&w, image, planes);
    free(w.memory);
    return SI_OK;
}
