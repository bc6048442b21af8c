#include "render/pixel/blur.h"

#include <math.h>
#include <stdlib.h>

#include "render/pixel/gaussian.h"
#include "render/pixel/levels.h"

#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

/* Lines are blurred LANES at a time, side by side, so that whichever way they run through the
 * picture the same loops over lanes do the work. First all rows, into 16-bit premultiplied samples
 * (8 bits would lose the colours of faint pixels), then all columns. */
enum { LANES = 64 };

static const double LARGEST = 1000; /* σ */

/* ---- lines ---- */

typedef struct blur {
    int reach; /* values needed beyond both ends */
    bool boxes;
    int half;
    float part;
    float *kernel; /* when not boxes */
    bool zero;     /* beyond the ends: 0, else the value at the end */
    float *line;   /* (reach + length + reach) × LANES */
    float *work;   /* as many */
} blur;

static float *at(float *line, int i) {
    return line + (ptrdiff_t)i * LANES;
}

SI_WIDE static void convolve(
    const float *line, float *restrict out, const float *kernel, int reach, int length) {
    for (int i = 0; i < length; i++, line += LANES, out += LANES) {
        float sum[LANES];
        for (int k = 0; k < LANES; k++) {
            sum[k] = kernel[0] * line[k];
        }
        for (int d = 1; d <= reach; d++) {
            const float *a = line - (ptrdiff_t)d * LANES, *b = line + (ptrdiff_t)d * LANES;
            for (int k = 0; k < LANES; k++) {
                sum[k] += kernel[d] * (a[k] + b[k]);
            }
        }
        for (int k = 0; k < LANES; k++) {
            out[k] = sum[k];
        }
    }
}

/* One box. Makes `length` values from those and half + 1 more on both sides. */
SI_WIDE static void run_box(
    const float *line, float *restrict out, int half, float part, int length) {
    float sum[LANES] = {0}, norm = 1 / (2 * (float)half + 1 + 2 * part);
    for (int i = -half; i <= half; i++) {
        const float *p = line + (ptrdiff_t)i * LANES;
        for (int k = 0; k < LANES; k++) {
            sum[k] += p[k];
        }
    }
    for (int i = 0; i < length; i++, out += LANES) {
        const float *before = line + (ptrdiff_t)(i - half - 1) * LANES;
        const float *first = before + LANES, *after = line + (ptrdiff_t)(i + half + 1) * LANES;
        for (int k = 0; k < LANES; k++) {
            out[k] = (sum[k] + part * (before[k] + after[k])) * norm;
            sum[k] += after[k] - first[k];
        }
    }
}

static void extend_ends(blur *b, int length) {
    for (int i = 0; i < b->reach; i++) {
        float *before = at(b->line, i), *after = at(b->line, b->reach + length + i);
        const float *first = at(b->line, b->reach), *last = at(b->line, b->reach + length - 1);
        for (int k = 0; k < LANES; k++) {
            before[k] = b->zero ? 0 : first[k];
            after[k] = b->zero ? 0 : last[k];
        }
    }
}

/* Blurs the `length` values from at(b->line, b->reach) on; returns the result. */
static const float *blur_lines(blur *b, int length) {
    extend_ends(b, length);
    if (!b->boxes) {
        convolve(at(b->line, b->reach), b->work, b->kernel, b->reach, length);
        return b->work;
    }
    int step = b->half + 1; /* each box uses up that much of both ends */
    run_box(at(b->line, step), at(b->work, step), b->half, b->part, length + 4 * step);
    run_box(at(b->work, 2 * step), at(b->line, 2 * step), b->half, b->part, length + 2 * step);
    run_box(at(b->line, 3 * step), b->work, b->half, b->part, length);
    return b->work;
}

int si_blur_reach(double sigma) {
    if (!(sigma >= SI_GAUSSIAN_SMALLEST)) {
        return 0;
    }
    if (sigma < SI_GAUSSIAN_BOX_FROM) {
        return (int)ceil(3 * sigma) + 1;
    }
    int half;
    float part;
    si_gaussian_box(sigma < LARGEST ? sigma : LARGEST, &half, &part);
    return 3 * (half + 1);
}

static bool open_blur(blur *b, double sigma, si_edge edge, int longest) {
    sigma = sigma < LARGEST ? sigma : LARGEST;
    *b = (blur){.reach = si_blur_reach(sigma),
        .boxes = sigma >= SI_GAUSSIAN_BOX_FROM,
        .zero = edge == SI_EDGE_ZERO};
    if (b->boxes) {
        si_gaussian_box(sigma, &b->half, &b->part);
    } else {
        b->kernel = si_gaussian_kernel(sigma, b->reach);
    }
    size_t values = ((size_t)longest + 2 * (size_t)b->reach) * LANES;
    b->line = malloc(values * sizeof *b->line);
    b->work = malloc(values * sizeof *b->work);
    return b->line != NULL && b->work != NULL && (b->boxes || b->kernel != NULL);
}

static void close_blur(blur *b) {
    free(b->kernel);
    free(b->line);
    free(b->work);
}

/* ---- pictures ---- */

/* What is blurred: 3 or 4 channels (4 samples a pixel) or a plane (1). */
typedef struct picture {
    int width, height, channels;
    size_t stride;
    uint8_t *pixels;
    int samples;    /* 4 or 1 */
    uint16_t *rows; /* blurred along x, 257 to a level; width × height × samples */
} picture;

SI_INLINE void premultiply(const uint8_t *p, int channels, float *to) {
    float a = channels == 4 ? p[3] / 255.f : 1;
    to[0] = p[0] * a;
    to[1] = p[1] * a;
    to[2] = p[2] * a;
    to[3] = channels == 4 ? p[3] : 255;
}

/* Rows y … as lanes; those beyond the picture repeat the last one. */
static void load_rows(const picture *im, int y, float *line) {
    int n = LANES / im->samples;
    for (int r = 0; r < n; r++) {
        int row = y + r < im->height ? y + r : im->height - 1;
        const uint8_t *p = im->pixels + (size_t)row * im->stride;
        float *to = line + r * im->samples;
        for (int x = 0; x < im->width; x++, p += im->channels, to += LANES) {
            if (im->samples == 1) {
                *to = *p;
            } else {
                premultiply(p, im->channels, to);
            }
        }
    }
}

static void store_rows(const picture *im, int y, const float *line) {
    int n = LANES / im->samples;
    for (int r = 0; r < n && y + r < im->height; r++) {
        uint16_t *to = im->rows + (size_t)(y + r) * (size_t)im->width * (size_t)im->samples;
        const float *from = line + r * im->samples;
        for (int x = 0; x < im->width; x++, from += LANES) {
            for (int c = 0; c < im->samples; c++) {
                float v = from[c] * 257 + .5f;
                *to++ = (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
            }
        }
    }
}

/* `n` samples from column sample `i` on, of all rows, as lanes. */
static void load_columns(const picture *im, size_t i, int n, float *line) {
    size_t row = (size_t)im->width * (size_t)im->samples;
    for (int y = 0; y < im->height; y++, line += LANES) {
        const uint16_t *p = im->rows + (size_t)y * row + i;
        for (int k = 0; k < n; k++) {
            line[k] = (float)p[k] * (1 / 257.f);
        }
    }
}

static void store_pixel(const float *v, int channels, uint8_t *p) {
    if (channels == 4) {
        p[3] = si_level(v[3]);
        if (p[3] == 0) {
            return; /* invisible: leave its colour alone */
        }
    }
    float unpremultiply = channels == 4 ? 255 / v[3] : 1;
    for (int c = 0; c < 3; c++) {
        p[c] = si_level(v[c] * unpremultiply);
    }
}

static void store_columns(const picture *im, int x, int pixels, const float *line) {
    for (int y = 0; y < im->height; y++, line += LANES) {
        uint8_t *p = im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
        for (int k = 0; k < pixels; k++, p += im->channels) {
            if (im->samples == 1) {
                *p = si_level(line[k]);
            } else {
                store_pixel(line + 4 * k, im->channels, p);
            }
        }
    }
}

static si_result run(picture *im, double sigma, si_edge edge, si_diag *diag) {
    if (si_blur_reach(sigma) == 0) {
        return SI_OK;
    }
    blur b;
    bool ok = open_blur(&b, sigma, edge, im->width > im->height ? im->width : im->height);
    im->rows = malloc((size_t)im->width * (size_t)im->height * (size_t)im->samples * 2);
    if (ok && im->rows != NULL) {
        int step = LANES / im->samples;
        for (int y = 0; y < im->height; y += step) {
            load_rows(im, y, at(b.line, b.reach));
            store_rows(im, y, blur_lines(&b, im->width));
        }
        for (int x = 0; x < im->width; x += step) {
            int n = im->width - x < step ? im->width - x : step;
            load_columns(im, (size_t)x * (size_t)im->samples, n * im->samples, at(b.line, b.reach));
            store_columns(im, x, n, blur_lines(&b, im->height));
        }
    } else {
        ok = false;
    }
    free(im->rows);
    close_blur(&b);
    return ok ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for the blur filter");
}

si_result si_blur_image(si_image *im, double sigma, si_edge edge, si_diag *diag) {
    picture p = {.width = im->width,
        .height = im->height,
        .channels = im->channels,
        .stride = im->stride,
        .pixels = im->pixels,
        .samples = 4};
    return run(&p, sigma, im->channels == 4 ? edge : SI_EDGE_REPEAT, diag);
}

si_result si_blur_plane(si_plane *plane, double sigma, si_edge edge, si_diag *diag) {
    picture p = {.width = plane->width,
        .height = plane->height,
        .channels = 1,
        .stride = plane->stride,
        .pixels = plane->pixels,
        .samples = 1};
    return run(&p, sigma, edge, diag);
}
