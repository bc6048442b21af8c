#include "render/read/pixel_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/read/cicp.h"
#include "render/read/colour.h"
#include "render/read/resample.h"

/* Loops over samples are meant to be vectorized, comparisons of floats included. */
#if !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=off", "no-trapping-math")
#endif
#define WIDE __attribute__((target_clones("avx2", "default")))

enum { STRIP = 16 }; /* image rows that are asked of libvips at once */

/* Reductions from BLOCK_RATIO on first average whole blocks of samples, so that the kernel still
 * has at least BLOCK_KEEP of them for a reply pixel: the same picture for a fraction of the work.
 */
static const double BLOCK_RATIO = 16, BLOCK_KEEP = 8;

/* ---- samples in ---- */

typedef struct reader {
    VipsImage *image;
    VipsRegion *region;
    const si_colour *colour;
    int channels;     /* floats per sample that come out */
    bool cover;       /* one of them is an alpha channel that the file has not */
    int block[2];     /* samples averaged, x and y */
    int left, top;    /* where block 0 begins, image samples */
    int first, count; /* blocks wanted per row */
} reader;

#define DEFINE_ADD(name, type)                                                                     \
    /* Adds `n` pixels to the sums at `row`, premultiplied if there is alpha. */                   \
    WIDE static void name(float *restrict row, const type *restrict p, int n, int bands,           \
        bool alpha, bool cover, float scale) {                                                     \
        int in = bands + alpha, out = in + cover;                                                  \
        if (!alpha && !cover) {                                                                    \
            for (int i = 0; i < n * bands; i++) {                                                  \
                row[i] = p[i];                                                                     \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        if (alpha && bands == 3) { /* RGBA: with numbers that compilers see */                     \
            for (int i = 0; i < n; i++) {                                                          \
                float a = p[4 * i + 3] * scale;                                                    \
                row[4 * i] = p[4 * i] * a;                                                         \
                row[4 * i + 1] = p[4 * i + 1] * a;                                                 \
                row[4 * i + 2] = p[4 * i + 2] * a;                                                 \
                row[4 * i + 3] = a;                                                                \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int i = 0; i < n; i++, p += in, row += out) {                                         \
            float a = alpha ? p[bands] * scale : 1;                                                \
            for (int c = 0; c < bands; c++) {                                                      \
                row[c] = p[c] * a;                                                                 \
            }                                                                                      \
            row[bands] = a;                                                                        \
        }                                                                                          \
    }

DEFINE_ADD(read_bytes, uint8_t)
DEFINE_ADD(read_words, uint16_t)

#define DEFINE_ADD_BLOCKS(name, type)                                                              \
    /* Adds one image row of `n` pixels to the block sums at `row`. */                             \
    static void name(float *restrict row, const type *restrict p, int n, int block, int bands,     \
        bool alpha, bool cover, float scale) {                                                     \
        int in = bands + alpha, out = in + cover;                                                  \
        for (int i = 0; i < n; i += block, row += out) {                                           \
            int end = n - i < block ? n - i : block;                                               \
            for (int k = 0; k < end; k++, p += in) {                                               \
                float a = alpha ? p[bands] * scale : 1;                                            \
                for (int c = 0; c < bands; c++) {                                                  \
                    row[c] += p[c] * a;                                                            \
                }                                                                                  \
                if (alpha || cover) {                                                              \
                    row[bands] += a;                                                               \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_ADD_BLOCKS(add_bytes, uint8_t)
DEFINE_ADD_BLOCKS(add_words, uint16_t)

/* One row of the image at `y`, `n` samples from `x`; NULL with `diag` set. */
static const void *image_row(reader *r, int x, int y, int n, si_diag *diag) {
    const VipsRect *have = &r->region->valid;
    if (y < have->top || y >= have->top + have->height || have->width == 0) {
        VipsRect want = {.left = x, .top = y, .width = n, .height = STRIP};
        if (want.height > r->image->Ysize - y) {
            want.height = r->image->Ysize - y;
        }
        if (vips_region_prepare(r->region, &want) != 0) {
            si_vips_fail(diag);
            return NULL;
        }
    }
    return VIPS_REGION_ADDR(r->region, x, y);
}

/* Scales the sums of a row of blocks to means; the last block of a row may be narrower. */
static void finish_blocks(const reader *r, float *row, int samples, int rows) {
    for (int i = 0; i < r->count; i++) {
        int left = samples - i * r->block[0];
        int wide = left < r->block[0] ? left : r->block[0];
        for (int c = 0; c < r->channels; c++) {
            row[i * r->channels + c] /= (float)(wide * rows);
        }
    }
}

static si_result read_row(void *context, int y, float *row, si_diag *diag) {
    reader *r = context;
    const si_colour *c = r->colour;
    float scale = c->wide ? 1 / 65535.f : 1 / 255.f;
    int x = r->left + r->first * r->block[0];
    int n = r->count * r->block[0];
    n = n < r->image->Xsize - x ? n : r->image->Xsize - x;
    int line = r->top + y * r->block[1], end = line + r->block[1];
    end = end < r->image->Ysize ? end : r->image->Ysize;
    bool blocks = r->block[0] > 1 || r->block[1] > 1;
    if (blocks) {
        memset(row, 0, (size_t)r->count * (size_t)r->channels * sizeof *row);
    }
    for (int k = line; k < end; k++) {
        const void *p = image_row(r, x, k, n, diag);
        if (p == NULL) {
            return SI_ERR_SOURCE;
        }
        if (blocks && c->wide) {
            add_words(row, p, n, r->block[0], c->bands, c->alpha, r->cover, scale);
        } else if (blocks) {
            add_bytes(row, p, n, r->block[0], c->bands, c->alpha, r->cover, scale);
        } else if (c->wide) {
            read_words(row, p, n, c->bands, c->alpha, r->cover, scale);
        } else {
            read_bytes(row, p, n, c->bands, c->alpha, r->cover, scale);
        }
    }
    if (blocks) {
        finish_blocks(r, row, n, end - line);
    }
    return SI_OK;
}

/* ---- pixels out ---- */

typedef struct writer {
    const si_colour *colour;
    int count;            /* pixels per row */
    void *native;         /* a row in the file's own samples */
    uint8_t *rgb;         /* the same in sRGB */
    uint8_t *origin;      /* where row 0, pixel 0 goes */
    ptrdiff_t row, pixel; /* bytes from one to the next */
    int channels;
} writer;

/* What is no number, such as nothing divided by next to no alpha, is 0. */
static inline float clamp(float v, float most) {
    return v > 0 ? (v < most ? v : most) : 0;
}

/* One sample in the file's own range, straight alpha. */
static inline void to_native(const writer *w, const float *p, int i, float most) {
    int bands = w->colour->bands, n = bands + w->colour->rows_alpha;
    uint8_t *q8 = (uint8_t *)w->native + (ptrdiff_t)i * n;
    uint16_t *q16 = (uint16_t *)w->native + (ptrdiff_t)i * n;
    float a = w->colour->rows_alpha ? clamp(p[bands], 1) : 1;
    float unpremultiply = a > 0 ? 1 / a : 0;
    for (int c = 0; c < n; c++) {
        float v = c == bands ? a * most : p[c] * unpremultiply;
        if (w->colour->wide) {
            q16[c] = (uint16_t)(clamp(v, most) + .5f);
        } else {
            q8[c] = (uint8_t)(clamp(v, most) + .5f);
        }
    }
}

/* Bytes of `n` samples. */
WIDE static void round_bytes(uint8_t *restrict to, const float *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)(int)(clamp(from[i], 255) + .5f);
    }
}

static void write_row(void *context, int y, const float *row) {
    writer *w = context;
    int n = w->colour->bands + w->colour->rows_alpha;
    if (!w->colour->rows_alpha && !w->colour->wide) {
        round_bytes(w->native, row, (size_t)w->count * (size_t)n);
    } else {
        for (int i = 0; i < w->count; i++) {
            to_native(w, row + (ptrdiff_t)i * n, i, w->colour->wide ? 65535 : 255);
        }
    }
    uint8_t *q = w->origin + y * w->row;
    if (w->pixel == w->channels) {
        si_colour_convert(w->colour, w->native, q, w->count);
        return;
    }
    si_colour_convert(w->colour, w->native, w->rgb, w->count);
    for (int i = 0; i < w->count; i++, q += w->pixel) {
        memcpy(q, w->rgb + (ptrdiff_t)i * w->channels, (size_t)w->channels);
    }
}

/* Sends stored row y, pixel x to its displayed place. */
static void aim(writer *w, const si_original *o, const si_image *im) {
    ptrdiff_t step[2] = {im->channels, (ptrdiff_t)im->stride};
    int size[2] = {im->width, im->height};
    w->origin = im->pixels;
    for (int d = 0; d < 2; d++) {
        if (o->flip[d]) {
            w->origin += (size[d] - 1) * step[d];
            step[d] = -step[d];
        }
    }
    w->pixel = step[o->swap ? 1 : 0];
    w->row = step[o->swap ? 0 : 1];
    w->channels = im->channels;
}

/* ---- samples as they are ---- */

/* True if every pixel wanted along this axis is one sample; *first is the first of them. */
static bool is_copy(const si_original *o, int i, const si_pixel_axis *a, int *first) {
    int samples = i == 0 ? o->image->Xsize : o->image->Ysize;
    double at = a->from + a->skip;
    bool inside = at >= 0 && at + a->count <= fmin(samples, a->full) && a->skip >= 0 &&
                  a->skip + a->count <= a->content;
    *first = inside ? (int)at : 0;
    return inside && o->step[i] == 1 && a->content == a->to - a->from && at == floor(at);
}

/* Colours that nobody sees are black, as resampling leaves them. */
static void blacken(uint8_t *row, int n) {
    for (int i = 0; i < n; i++, row += 4) {
        if (row[3] == 0) {
            memset(row, 0, 3);
        }
    }
}

/* Copies a window of samples, without resampling them. */
static si_result copy(const si_original *o, const si_colour *colour, const int first[2],
    const int count[2], si_image *out, si_diag *diag) {
    writer w = {.colour = colour, .count = count[0]};
    reader r = {.image = o->image};
    aim(&w, o, out);
    w.rgb = malloc((size_t)count[0] * 4 + 1);
    r.region = vips_region_new(o->image);
    si_result result = SI_OK;
    if (w.rgb == NULL || r.region == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "no memory for pixels");
    }
    for (int y = 0; y < count[1] && result == SI_OK; y++) {
        const void *p = image_row(&r, first[0], first[1] + y, count[0], diag);
        uint8_t *q = w.origin + y * w.row;
        if (p == NULL) {
            result = SI_ERR_SOURCE;
            break;
        }
        uint8_t *row = w.pixel == w.channels ? q : w.rgb;
        si_colour_convert(colour, p, row, w.count);
        if (colour->rows_alpha) {
            blacken(row, w.count);
        }
        for (int i = 0; row != q && i < w.count; i++, q += w.pixel) {
            memcpy(q, w.rgb + (ptrdiff_t)i * w.channels, (size_t)w.channels);
        }
    }
    VIPS_UNREF(r.region);
    free(w.rgb);
    return result;
}

/* ---- both ends together ---- */

/* Full-size source coordinate → sample coordinate of the loaded image. */
static double loaded(const si_original *o, int i, double v) {
    return (v - o->phase) / o->step[i] + o->phase;
}

static bool reaches_beyond(const si_pixel_axis axes[2]) {
    return axes[0].from < 0 || axes[0].to > axes[0].full || axes[1].from < 0 ||
           axes[1].to > axes[1].full;
}

/* Lays out one axis; says how many samples to average and where the first such block begins. */
static si_result lay_out(const si_original *o, int i, const si_pixel_axis *a, bool cover,
    si_axis *axis, int *block, int *start, si_diag *diag) {
    int samples = i == 0 ? o->image->Xsize : o->image->Ysize;
    double from = loaded(o, i, a->from), to = loaded(o, i, a->to);
    double extent = loaded(o, i, a->full);
    double ratio = (to - from) / a->content;
    *block = ratio >= BLOCK_RATIO ? (int)(ratio / BLOCK_KEEP) : 1;
    *start = (int)fmin(fmax(0, floor(from)), samples - 1);
    si_axis_spec spec = {.from = (from - *start) / *block,
        .to = (to - *start) / *block,
        .extent = (extent - *start) / *block,
        .samples = (samples - *start + *block - 1) / *block,
        .content = a->content,
        .skip = a->skip,
        .count = a->count,
        .mode = a->mode,
        .cover = cover};
    return si_axis_make(axis, &spec, diag);
}

static si_result run(si_original *o, const si_colour *colour, const si_axis axis[2], reader *r,
    si_image *out, si_diag *diag) {
    writer w = {.colour = colour, .count = axis[0].count};
    aim(&w, o, out);
    size_t sample = colour->wide ? 2 : 1;
    w.native = malloc((size_t)w.count * 5 * sample);
    w.rgb = malloc((size_t)w.count * 4);
    r->region = vips_region_new(r->image);
    si_result result;
    if (w.native == NULL || w.rgb == NULL || r->region == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "no memory for resampling");
    } else {
        result = si_resample(&axis[0], &axis[1], r->channels, read_row, r, write_row, &w, diag);
    }
    VIPS_UNREF(r->region);
    free(w.native);
    free(w.rgb);
    return result;
}

si_result si_pixels_read(
    si_original *o, const si_pixel_axis axes[2], si_image *out, si_diag *diag) {
    si_colour colour;
    si_axis axis[2] = {0};
    bool cover = reaches_beyond(axes);
    reader r = {0};
    si_colorimetry told;
    if (o->kind == SI_KIND_HEIF && !si_colorimetry_find(o->image, &told) &&
        si_cicp_read_heif(o->fd, &told)) {
        si_colorimetry_attach(o->image, &told);
    }
    SI_TRY(si_colour_open(&colour, &o->image, cover, o->limits.spaces, diag));
    bool alpha = colour.rows_alpha;
    si_result result = si_image_alloc(
        out, axes[o->swap].count, axes[!o->swap].count, alpha || colour.keep ? 4 : 3, diag);
    out->cmyk = colour.keep;
    int first[2];
    bool copies = is_copy(o, 0, &axes[0], &first[0]) && is_copy(o, 1, &axes[1], &first[1]) &&
                  alpha == colour.alpha;
    if (result == SI_OK && copies) {
        result = copy(o, &colour, first, (int[]){axes[0].count, axes[1].count}, out, diag);
        goto done;
    }
    for (int i = 0; i < 2 && result == SI_OK; i++) {
        result =
            lay_out(o, i, &axes[i], cover, &axis[i], &r.block[i], i == 0 ? &r.left : &r.top, diag);
    }
    /* a crop wholly outside the image leaves `out` transparent */
    if (result == SI_OK && axis[0].end > axis[0].first && axis[1].end > axis[1].first) {
        r.image = o->image;
        r.colour = &colour;
        r.cover = cover && !colour.alpha;
        r.channels = colour.bands + alpha;
        r.first = axis[0].first;
        r.count = axis[0].end - axis[0].first;
        result = run(o, &colour, axis, &r, out, diag);
    }
done:
    si_axis_free(&axis[0]);
    si_axis_free(&axis[1]);
    si_colour_close(&colour);
    if (result != SI_OK) {
        si_image_free(out);
    }
    return result;
}

/* ---- grey ---- */

static float linear[256];
static uint8_t encoded[4096 + 1];

static void make_tables(void) {
    for (int i = 0; i < 256; i++) {
        double v = i / 255.0;
        linear[i] = (float)(v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    for (int i = 0; i <= 4096; i++) {
        double v = i / 4096.0;
        double e = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
        encoded[i] = (uint8_t)(e * 255 + 0.5);
    }
}

void si_pixels_grey(si_image *im) {
    if (encoded[4096] == 0) {
        make_tables();
    }
    for (int y = 0; y < im->height; y++) {
        uint8_t *p = im->pixels + (size_t)y * im->stride;
        for (int x = 0; x < im->width; x++, p += im->channels) {
            if (p[0] != p[1] || p[1] != p[2]) {
                float v = 0.2126f * linear[p[0]] + 0.7152f * linear[p[1]] + 0.0722f * linear[p[2]];
                p[0] = p[1] = p[2] = encoded[(int)(v * 4096 + 0.5f)];
            }
        }
    }
    im->grey = true;
}
