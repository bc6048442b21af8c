/* JPEG 2000 originals: OpenJPEG decodes the codestream and nothing else. Offsets, subsampled
 * components, palettes, channel definitions and colours come from the boxes as jp2_header.h reads
 * them, so that what is announced before decoding and what is made of the samples cannot differ. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/jp2_parts.h"
#include "render/read/jp2_header.h"
#include "render/read/readers.h"

enum { LINES = 5 /* four inks and alpha */ };

static const uint8_t LAST_MARKER[2] = {0xff, 0xd9};

/* OpenJPEG holds each sample in four bytes; more than this is refused before it asks for them. */
static const uint64_t MAX_DECODED_BYTES = UINT64_C(1) << 30;

/* An open file. */
typedef struct source {
    si_jp2_header h;
    int fd;
    int level;              /* resolutions left out */
    off_t position, length; /* in the codestream; with a last marker, even if the file lacks it */
    opj_codec_t *codec;
    opj_stream_t *stream;
    opj_image_t *picture;
    char message[SI_JP2_MESSAGE];
} source;

/* How one line of the image gets its values from a channel. */
typedef struct line_source {
    const opj_image_comp_t *component;
    const uint32_t *column; /* of the palette, or NULL */
    uint32_t grid, dy;      /* one sample for each so many grid rows: of the image, of this */
    int64_t origin;         /* the component's first row, counted in its own samples */
    int *x;                 /* sample for each pixel */
    int depth, index_half;
    bool is_signed, index_signed;
    bool chroma; /* its middle stays in the middle */
} line_source;

/* ---- the stream ---- */

static OPJ_SIZE_T on_read(void *to, OPJ_SIZE_T len, void *user) {
    source *s = user;
    off_t end = s->h.stream_end - s->h.stream_at, left = end - s->position;
    if (left <= 0 && s->position < s->length && len > 0) { /* the end that the file lacks */
        *(uint8_t *)to = LAST_MARKER[s->position++ - end];
        return 1;
    }
    size_t n = left < (off_t)len ? (size_t)(left > 0 ? left : 0) : (size_t)len;
    if (n == 0 || !si_jp2_read_at(s->fd, to, n, s->h.stream_at + s->position)) {
        return (OPJ_SIZE_T)-1;
    }
    s->position += (off_t)n;
    return n;
}

static OPJ_BOOL on_seek(OPJ_OFF_T to, void *user) {
    source *s = user;
    if (to < 0 || to > s->length) {
        return OPJ_FALSE;
    }
    s->position = to;
    return OPJ_TRUE;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T by, void *user) {
    source *s = user;
    return on_seek(s->position + by, user) ? by : -1;
}

/* ---- sizes ---- */

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t ceil_shift(int64_t a, int bits) {
    return bits > 31 ? a > 0 : (a + (INT64_C(1) << bits) - 1) >> bits;
}

/* First sample of, and end of, the image on an axis with one sample for each `step` grid points. */
static void extent(uint32_t from, uint32_t to, uint32_t step, int level, int64_t out[2]) {
    out[0] = ceil_shift(ceil_div(from, step), level);
    out[1] = ceil_shift(ceil_div(to, step), level);
}

/* Channel of line `i`; the last line is alpha. */
static int channel_of(const si_jp2_header *h, int i) {
    return i < h->colour_count ? h->colours[i] : h->alpha;
}

static int line_count(const si_jp2_header *h) {
    return h->colour_count + (h->alpha >= 0);
}

/* The densest samples of any channel that is shown make the image's. */
static void image_grid(const si_jp2_header *h, uint32_t *dx, uint32_t *dy) {
    *dx = *dy = UINT32_MAX;
    for (int i = 0; i < line_count(h); i++) {
        const si_jp2_component *c = &h->components[h->channels[channel_of(h, i)].component];
        *dx = c->dx < *dx ? c->dx : *dx;
        *dy = c->dy < *dy ? c->dy : *dy;
    }
}

static bool is_wide(const si_jp2_header *h) {
    for (int i = 0; i < line_count(h); i++) {
        if (h->channels[channel_of(h, i)].depth > 8) {
            return true;
        }
    }
    return false;
}

/* How many resolutions may be left out: as the file has, and as keep the positions that original.c
 * counts on, which a grid offset that does not halve evenly would shift. */
static int count_levels(const source *s, uint32_t dx, uint32_t dy) {
    int64_t x[2], y[2];
    extent(s->h.x0, s->h.x1, dx, 0, x);
    extent(s->h.y0, s->h.y1, dy, 0, y);
    int levels = s->h.levels;
    opj_codestream_info_v2_t *info = opj_get_cstr_info(s->codec);
    for (OPJ_UINT32 i = 0; info != NULL && i < info->nbcomps; i++) {
        int n = (int)info->m_default_tile_info.tccp_info[i].numresolutions - 1;
        levels = n < levels ? n : levels;
    }
    levels = info != NULL ? levels : 0;
    opj_destroy_cstr_info(&info);
    int most = 0;
    while (most < levels && ((x[0] | y[0]) >> most & 1) == 0 && (x[1] - x[0]) >> most > 1 &&
           (y[1] - y[0]) >> most > 1) {
        most++;
    }
    return most;
}

/* ---- samples ---- */

/* Value of a sample, scaled to 0…most and rounded. */
static inline uint32_t value(const line_source *l, OPJ_INT32 sample, uint32_t most) {
    int64_t v = sample;
    if (l->column != NULL) {
        v += l->index_signed ? l->index_half : 0;
        v = l->column[v < 0 ? 0 : v >= SI_JP2_ENTRIES ? SI_JP2_ENTRIES - 1 : v];
        if (l->is_signed && v >> (l->depth - 1) != 0) { /* stored in two's complement */
            v -= INT64_C(1) << l->depth;
        }
    }
    int64_t full = (INT64_C(1) << l->depth) - 1, half = INT64_C(1) << (l->depth - 1);
    v += l->is_signed ? half : 0;
    v = v < 0 ? 0 : v > full ? full : v;
    if (l->chroma) {
        int64_t middle = (most + 1) / 2, c = (v - half) * (int64_t)most;
        int64_t scaled = (c + (c < 0 ? -full : full) / 2) / full + middle;
        return scaled < 0 ? 0 : scaled > (int64_t)most ? most : (uint32_t)scaled;
    }
    return full == (int64_t)most
               ? (uint32_t)v
               : (uint32_t)(((uint64_t)v * most + (uint64_t)full / 2) / (uint64_t)full);
}

static void read_line(
    const line_source *l, int64_t row, int width, uint32_t most, uint32_t *restrict out) {
    int64_t y = row * l->grid / l->dy - l->origin;
    int64_t last = (int64_t)l->component->h - 1;
    y = y < 0 ? 0 : y > last ? last : y;
    const OPJ_INT32 *from = l->component->data + y * l->component->w;
    for (int x = 0; x < width; x++) {
        out[x] = value(l, from[l->x[x]], most);
    }
}

static inline uint32_t clamp(double v, uint32_t most) {
    return v <= 0 ? 0 : v >= most ? most : (uint32_t)(v + 0.5);
}

/* sYCC as IEC 61966-2-1 Amd. 1 has it: BT.601's matrix, full range. */
static void ycc_to_rgb(uint32_t *const line[LINES], int width, uint32_t most) {
    double middle = (most + 1) / 2;
    for (int x = 0; x < width; x++) {
        double y = line[0][x], cb = line[1][x] - middle, cr = line[2][x] - middle;
        line[0][x] = clamp(y + 1.402 * cr, most);
        line[1][x] = clamp(y - 0.344136 * cb - 0.714136 * cr, most);
        line[2][x] = clamp(y + 1.772 * cb, most);
    }
}

static void unpremultiply(uint32_t *const line[LINES], int colours, int width, uint32_t most) {
    for (int x = 0; x < width; x++) {
        uint64_t a = line[colours][x];
        for (int i = 0; i < colours && a > 0; i++) {
            uint64_t v = (line[i][x] * (uint64_t)most + a / 2) / a;
            line[i][x] = v > most ? most : (uint32_t)v;
        }
    }
}

static void store(uint32_t *const line[LINES], int count, int width, bool wide, uint8_t *to) {
    uint16_t *to16 = (uint16_t *)(void *)to;
    for (int i = 0; i < count; i++) {
        for (int x = 0; x < width; x++) {
            if (wide) {
                to16[(ptrdiff_t)x * count + i] = (uint16_t)line[i][x];
            } else {
                to[(ptrdiff_t)x * count + i] = (uint8_t)line[i][x];
            }
        }
    }
}

/* ---- decoding ---- */

static bool is_out_of_bounds(const opj_image_comp_t *c, const int64_t x[2], const int64_t y[2]) {
    return c->data == NULL || c->w != x[1] - x[0] || c->h != y[1] - y[0];
}

/* Fills in where line `i` comes from; false if the decoder gave something else than announced. */
static bool aim(const source *s, int i, int width, uint32_t dx, uint32_t dy, line_source *l) {
    const si_jp2_header *h = &s->h;
    const si_jp2_channel *channel = &h->channels[channel_of(h, i)];
    const si_jp2_component *told = &h->components[channel->component];
    int64_t x[2], y[2], image[2];
    extent(h->x0, h->x1, told->dx, s->level, x);
    extent(h->y0, h->y1, told->dy, s->level, y);
    extent(h->x0, h->x1, dx, s->level, image);
    l->component = &s->picture->comps[channel->component];
    if (is_out_of_bounds(l->component, x, y)) {
        return false;
    }
    l->column =
        channel->column >= 0 ? h->palette + (ptrdiff_t)channel->column * SI_JP2_ENTRIES : NULL;
    l->grid = dy;
    l->dy = told->dy;
    l->origin = y[0];
    l->depth = channel->depth;
    l->is_signed = channel->is_signed;
    l->index_signed = told->is_signed;
    l->index_half = told->depth < 31 ? 1 << (told->depth - 1) : 0;
    l->chroma = h->space == SI_JP2_YCC && (i == 1 || i == 2);
    for (int k = 0; k < width; k++) {
        int64_t at = (image[0] + k) * dx / told->dx - x[0];
        l->x[k] = (int)(at < 0 ? 0 : at >= x[1] - x[0] ? x[1] - x[0] - 1 : at);
    }
    return true;
}

static bool convert(source *s, const VipsImage *image, uint8_t *pixels, size_t stride) {
    line_source sources[LINES] = {0};
    uint32_t *lines[LINES] = {NULL}, dx, dy;
    int count = line_count(&s->h), width = image->Xsize;
    bool ok = true, wide = image->BandFmt == VIPS_FORMAT_USHORT;
    uint32_t most = wide ? 65535 : 255;
    image_grid(&s->h, &dx, &dy);
    for (int i = 0; i < count && ok; i++) {
        lines[i] = malloc((size_t)width * sizeof *lines[i]);
        sources[i].x = malloc((size_t)width * sizeof *sources[i].x);
        ok = lines[i] != NULL && sources[i].x != NULL;
        if (!ok) {
            vips_error("jp2", "out of memory");
        } else if (!aim(s, i, width, dx, dy, &sources[i])) {
            vips_error("jp2", "a component has another size than the header says");
            ok = false;
        }
    }
    int64_t rows[2];
    extent(s->h.y0, s->h.y1, dy, s->level, rows);
    for (int y = 0; y < image->Ysize && ok; y++) {
        for (int i = 0; i < count; i++) {
            read_line(&sources[i], rows[0] + y, width, most, lines[i]);
        }
        if (s->h.space == SI_JP2_YCC && s->h.colour_count == 3) {
            ycc_to_rgb(lines, width, most);
        }
        if (s->h.premultiplied) {
            unpremultiply(lines, s->h.colour_count, width, most);
        }
        store(lines, count, width, wide, pixels + (size_t)y * stride);
    }
    for (int i = 0; i < LINES; i++) {
        free(lines[i]);
        free(sources[i].x);
    }
    return ok;
}

static uint64_t decoded_bytes(const source *s) {
    uint64_t bytes = 0;
    for (int i = 0; i < s->h.component_count; i++) {
        int64_t x[2], y[2];
        extent(s->h.x0, s->h.x1, s->h.components[i].dx, s->level, x);
        extent(s->h.y0, s->h.y1, s->h.components[i].dy, s->level, y);
        bytes += (uint64_t)(x[1] - x[0]) * (uint64_t)(y[1] - y[0]) * sizeof(OPJ_INT32);
    }
    return bytes;
}

/* OpenJPEG's strict mode, which is its own tool's: tile parts that number each other wrongly are
 * forgiven, as their data says all that counts; data that ends early is not. */
static bool decode(void *context, const VipsImage *image, uint8_t *pixels, size_t stride) {
    source *s = context;
    if (decoded_bytes(s) > MAX_DECODED_BYTES) {
        vips_error("jp2", "too large to be decoded as a whole");
        return false;
    }
    if (!opj_decode(s->codec, s->stream, s->picture)) {
        vips_error("jp2", "%s", s->message[0] != '\0' ? s->message : "the codestream is damaged");
        return false;
    }
    return convert(s, image, pixels, stride);
}

/* ---- opening ---- */

static void release(void *context) {
    source *s = context;
    opj_stream_destroy(s->stream);
    opj_destroy_codec(s->codec);
    opj_image_destroy(s->picture);
    si_jp2_header_free(&s->h);
    free(s);
}

static si_result start(source *s, si_diag *diag) {
    opj_dparameters_t d;
    opj_set_default_decoder_parameters(&d);
    d.cp_reduce = (OPJ_UINT32)s->level;
    s->length = s->h.stream_end - s->h.stream_at + (s->h.lacks_end ? (off_t)sizeof LAST_MARKER : 0);
    s->codec = opj_create_decompress(OPJ_CODEC_J2K);
    s->stream = opj_stream_create(SI_JP2_STREAM_BUFFER, OPJ_TRUE);
    if (s->codec == NULL || s->stream == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a JPEG 2000 decoder");
    }
    opj_stream_set_user_data(s->stream, s, NULL);
    opj_stream_set_user_data_length(s->stream, (OPJ_UINT64)s->length);
    opj_stream_set_read_function(s->stream, on_read);
    opj_stream_set_skip_function(s->stream, on_skip);
    opj_stream_set_seek_function(s->stream, on_seek);
    si_jp2_listen(s->codec, s->message);
    if (!opj_setup_decoder(s->codec, &d) || !opj_read_header(s->stream, s->codec, &s->picture) ||
        s->picture == NULL || s->picture->numcomps != (OPJ_UINT32)s->h.component_count) {
        return si_fail(diag, SI_ERR_SOURCE, "the source image is broken: jp2: %s", s->message);
    }
    return SI_OK;
}

static void attach(VipsImage *image, const char *name, int fd, off_t at, uint32_t len) {
    void *data = len > 0 ? g_try_malloc(len) : NULL;
    if (data != NULL && si_jp2_read_at(fd, data, len, at)) {
        vips_image_set_blob(image, name, (VipsCallbackFn)vips_area_free_cb, data, len);
    } else {
        g_free(data);
    }
}

static VipsInterpretation interpretation(const si_jp2_header *h, bool wide) {
    switch (h->colour_count) {
    case 1:
        return wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
    case 4:
        return VIPS_INTERPRETATION_CMYK;
    default:
        return wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    }
}

static VipsImage *make_image(source *s, const si_render_limits *limits, si_diag *diag) {
    uint32_t dx, dy;
    int64_t x[2], y[2];
    image_grid(&s->h, &dx, &dy);
    extent(s->h.x0, s->h.x1, dx, s->level, x);
    extent(s->h.y0, s->h.y1, dy, s->level, y);
    int64_t width = x[1] - x[0], height = y[1] - y[0];
    if (width < 1 || height < 1 || width > VIPS_MAX_COORD || height > VIPS_MAX_COORD ||
        width * height > si_render_limits_or_default(limits).max_source_pixels) {
        si_fail(diag, SI_ERR_LIMIT,
            "the source image of %lld×%lld pixels exceeds the limit of %lld pixels",
            (long long)width, (long long)height,
            (long long)si_render_limits_or_default(limits).max_source_pixels);
        release(s);
        return NULL;
    }
    bool wide = is_wide(&s->h);
    int levels = count_levels(s, dx, dy);
    si_deferred deferred = {.decode = decode, .release = release, .context = s};
    si_jp2_header h = s->h; /* the palette in it is not looked at */
    int fd = s->fd;
    VipsImage *image = si_deferred_image((int)width, (int)height, line_count(&h),
        wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, interpretation(&h, wide), &deferred, diag);
    if (image == NULL) {
        return NULL;
    }
    vips_image_set_int(image, VIPS_META_N_PAGES, levels + 1);
    attach(image, VIPS_META_ICC_NAME, fd, h.icc_at, h.icc_len);
    attach(image, VIPS_META_XMP_NAME, fd, h.xmp_at, h.xmp_len);
    if (h.x_res > 0 && h.y_res > 0) {
        image->Xres = h.x_res;
        image->Yres = h.y_res;
    }
    return image;
}

VipsImage *si_read_jp2(int fd, si_load_level level, const si_render_limits *limits, si_diag *diag) {
    source *s = calloc(1, sizeof *s);
    if (s == NULL) {
        si_fail(diag, SI_ERR_MEMORY, "no memory for a JPEG 2000 decoder");
        return NULL;
    }
    s->fd = fd;
    s->level = level.page;
    si_result result = si_jp2_header_read(&s->h, fd, diag);
    if (result == SI_OK) {
        result = start(s, diag);
    }
    if (result != SI_OK) {
        release(s);
        return NULL;
    }
    return make_image(s, limits, diag);
}
