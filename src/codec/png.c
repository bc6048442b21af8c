#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spng.h>
#include <zlib.h>

#include "codec/driver.h"
#include "codec/pack.h"
#include "codec/palette.h"

/* How the pixels go into the file: the smallest PNG colour type that holds them exactly. */
typedef struct layout {
    enum spng_color_type type;
    int bits; /* per sample */
    size_t row_bytes;
    si_palette palette;
    uint8_t *indices; /* width × height; only when type is indexed */
} layout;

static bool is_grey(const si_image *image) {
    for (int y = 0; y < image->height; y++) {
        const uint8_t *p = image->pixels + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++, p += image->channels) {
            if (p[0] != p[1] || p[1] != p[2]) {
                return false;
            }
        }
    }
    return true;
}

static void set_indexed(layout *l, int width) {
    int n = l->palette.count;
    l->type = SPNG_COLOR_TYPE_INDEXED;
    l->bits = n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
    l->row_bytes = ((size_t)width * (size_t)l->bits + 7) / 8;
}

static si_result choose_layout(
    const si_image *image, const si_encode_params *p, layout *l, si_diag *diag) {
    l->indices = malloc((size_t)image->width * (size_t)image->height);
    if (l->indices == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "png: no memory for indices");
    }
    if (p->palette) {
        if (!si_palette_quantize(image, &p->quantize, &l->palette, l->indices)) {
            return si_fail(diag, SI_ERR_MEMORY, "png: no memory for colours");
        }
        set_indexed(l, image->width);
        return SI_OK;
    }
    /* A profile decides what there may be: palettes are RGB, and grey samples need one for grey. */
    bool alpha = p->keep_alpha ? si_image_has_alpha(image) : si_image_has_transparency(image);
    bool grey = p->icc != NULL ? image->grey : is_grey(image);
    bool few = !(p->icc != NULL && grey) && si_palette_exact(image, &l->palette, l->indices);
    int channels = (grey ? 1 : 3) + alpha;
    l->bits = 8;
    /* At 8 bits an opaque grey image is as small without a palette. */
    if (few && (l->palette.count <= 16 || channels > 1)) {
        set_indexed(l, image->width);
        return SI_OK;
    }
    l->type = grey ? (alpha ? SPNG_COLOR_TYPE_GRAYSCALE_ALPHA : SPNG_COLOR_TYPE_GRAYSCALE)
                   : (alpha ? SPNG_COLOR_TYPE_TRUECOLOR_ALPHA : SPNG_COLOR_TYPE_TRUECOLOR);
    l->row_bytes = (size_t)image->width * (size_t)channels;
    return SI_OK;
}

static void pack_indices(const layout *l, const uint8_t *indices, int width, uint8_t *row) {
    int per_byte = 8 / l->bits;
    memset(row, 0, l->row_bytes);
    for (int x = 0; x < width; x++) {
        int shift = 8 - l->bits * (x % per_byte + 1);
        row[x / per_byte] |= (uint8_t)(indices[x] << shift);
    }
}

/* The image in the layout's form, rows without padding; NULL when memory runs out. */
static uint8_t *pack(const layout *l, const si_image *image) {
    if (l->type != SPNG_COLOR_TYPE_INDEXED) {
        bool alpha = l->type & 4, color = l->type & 2; /* PNG's bits in its colour types */
        return si_pack(image, (color ? 3 : 1) + alpha);
    }
    uint8_t *packed = malloc(l->row_bytes * (size_t)image->height);
    for (int y = 0; packed != NULL && y < image->height; y++) {
        const uint8_t *indices = l->indices + (size_t)y * (size_t)image->width;
        pack_indices(l, indices, image->width, packed + (size_t)y * l->row_bytes);
    }
    return packed;
}

static int set_palette(spng_ctx *ctx, const si_palette *palette, bool keep_alpha) {
    struct spng_plte plte = {.n_entries = (uint32_t)palette->count};
    struct spng_trns trns = {.n_type3_entries = keep_alpha};
    for (int i = 0; i < palette->count; i++) {
        const uint8_t *c = palette->rgba[i];
        plte.entries[i] = (struct spng_plte_entry){.red = c[0], .green = c[1], .blue = c[2]};
        trns.type3_alpha[i] = c[3];
        if (c[3] != 255) { /* these come first */
            trns.n_type3_entries = (uint32_t)i + 1;
        }
    }
    int e = spng_set_plte(ctx, &plte);
    return e == 0 && trns.n_type3_entries > 0 ? spng_set_trns(ctx, &trns) : e;
}

static int set_tags(spng_ctx *ctx, const si_encode_params *p) {
    int e = 0;
    if (p->dpi > 0) {
        uint32_t per_metre = (uint32_t)(p->dpi / 0.0254 + 0.5);
        struct spng_phys phys = {.ppu_x = per_metre, .ppu_y = per_metre, .unit_specifier = 1};
        e = spng_set_phys(ctx, &phys);
    }
    if (e == 0 && p->icc != NULL && p->icc_len > 0) {
        struct spng_iccp iccp = {
            .profile_name = "icc", .profile_len = p->icc_len, .profile = (char *)(uintptr_t)p->icc};
        e = spng_set_iccp(ctx, &iccp);
    }
    return e;
}

/* One complete file with this filter choice; `data` is malloc'ed. */
static int write_file(const si_image *image, const si_encode_params *p, const layout *l,
    const uint8_t *packed, int filters, uint8_t **data, size_t *len) {
    static const int levels[10] = {1, 2, 3, 4, 5, 6, 6, 7, 8, 9};
    int e = SPNG_EMEM;
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (ctx == NULL) {
        return e;
    }
    struct spng_ihdr ihdr = {.width = (uint32_t)image->width,
        .height = (uint32_t)image->height,
        .bit_depth = (uint8_t)l->bits,
        .color_type = (uint8_t)l->type,
        .interlace_method = p->progressive};
    if ((e = spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1)) ||
        (e = spng_set_option(ctx, SPNG_IMG_COMPRESSION_LEVEL, levels[p->effort])) ||
        (e = spng_set_option(ctx, SPNG_IMG_COMPRESSION_STRATEGY,
             filters == SPNG_FILTER_CHOICE_NONE ? Z_DEFAULT_STRATEGY : Z_FILTERED)) ||
        (e = spng_set_option(ctx, SPNG_FILTER_CHOICE, filters)) ||
        (e = spng_set_ihdr(ctx, &ihdr)) ||
        (e = l->type == SPNG_COLOR_TYPE_INDEXED ? set_palette(ctx, &l->palette, p->keep_alpha)
                                                : 0) ||
        (e = set_tags(ctx, p)) ||
        (e = spng_encode_image(ctx, packed, l->row_bytes * (size_t)image->height, SPNG_FMT_PNG,
             SPNG_ENCODE_FINALIZE))) {
        goto done;
    }
    *data = spng_get_png_buffer(ctx, len, &e);
done:
    spng_ctx_free(ctx);
    return e;
}

static si_result encode(
    const si_image *image, const si_encode_params *params, si_bytes *out, si_diag *diag) {
    layout l = {0};
    uint8_t *packed = NULL;
    si_result result = choose_layout(image, params, &l, diag);
    if (result != SI_OK) {
        goto done;
    }
    packed = pack(&l, image);
    if (packed == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "png: no memory for pixels");
        goto done;
    }
    /* Filters help photos and hurt most drawings with few colours. At high effort try both. */
    int usual = params->effort < 2 ? SPNG_FILTER_CHOICE_SUB : SPNG_FILTER_CHOICE_ALL;
    bool indexed = l.type == SPNG_COLOR_TYPE_INDEXED;
    int tries[2] = {indexed ? SPNG_FILTER_CHOICE_NONE : usual,
        indexed ? SPNG_FILTER_CHOICE_ALL : SPNG_FILTER_CHOICE_NONE};
    for (int i = 0; i < (params->effort >= 8 ? 2 : 1); i++) {
        si_bytes file = {0};
        int e = write_file(image, params, &l, packed, tries[i], &file.data, &file.len);
        file.cap = file.len;
        if (e != 0) {
            result = si_fail(diag, e == SPNG_EMEM ? SI_ERR_MEMORY : SI_ERR_INTERNAL, "png: %s",
                spng_strerror(e));
            goto done;
        }
        if (out->data == NULL || file.len < out->len) {
            si_bytes_move(out, &file);
        }
        si_bytes_free(&file);
    }
done:
    free(packed);
    free(l.indices);
    return result;
}

static si_result decode(const uint8_t *data, size_t len, si_image *out, si_diag *diag) {
    si_result result = SI_ERR_MEMORY;
    int e = SPNG_EMEM;
    spng_ctx *ctx = spng_ctx_new(0);
    if (ctx == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "png: no memory");
    }
    struct spng_ihdr ihdr;
    struct spng_trns trns;
    if ((e = spng_set_png_buffer(ctx, data, len)) || (e = spng_get_ihdr(ctx, &ihdr))) {
        goto done;
    }
    bool alpha = (ihdr.color_type & 4) || spng_get_trns(ctx, &trns) == 0;
    if (ihdr.width > INT32_MAX || ihdr.height > INT32_MAX) {
        result = si_fail(diag, SI_ERR_LIMIT, "png: too large");
        goto freed;
    }
    result = si_image_alloc(out, (int)ihdr.width, (int)ihdr.height, alpha ? 4 : 3, diag);
    if (result != SI_OK) {
        goto freed;
    }
    out->grey = !(ihdr.color_type & 2);
    e = spng_decode_image(ctx, out->pixels,
        (size_t)out->width * (size_t)out->height * (size_t)out->channels,
        alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8, alpha ? SPNG_DECODE_TRNS : 0);
    if (e == 0) {
        si_unpack_in_place(out);
    }
done:
    if (e != 0) {
        result = si_fail(
            diag, e == SPNG_EMEM ? SI_ERR_MEMORY : SI_ERR_SOURCE, "png: %s", spng_strerror(e));
    }
freed:
    spng_ctx_free(ctx);
    return result;
}

static void library(char *text, size_t size) {
    snprintf(text, size, "libspng %s, zlib %s", spng_version_string(), zlibVersion());
}

const si_codec_driver si_codec_png = {
    .quality_min = 0,
    .quality_max = 100,
    .quality_step = 100, /* always lossless */
    .max_side = 65535,
    .library = library,
    .encode = encode,
    .decode = decode,
};
