/* JPEG 2000 originals, as si_original_open() gives them: codestreams that OpenJPEG's encoder makes
 * here, in boxes that are written byte by byte. */
#include "originals.h"

#include <openjpeg.h>
#include <stdio.h>

enum { W = 37, H = 29 };

/* ---- files ---- */

typedef struct spec {
    int count, depth[5];
    bool is_signed;
    int dx[5], dy[5]; /* 0 = 1 */
    int x0, y0;       /* offset on the reference grid */
    int tile, tx0, ty0;
    int (*sample)(int component, int x, int y); /* x, y on the component's own grid */
} spec;

static int step(int d) {
    return d > 0 ? d : 1;
}

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

/* Encodes without loss; the codestream is the caller's to free. */
static uint8_t *codestream(const spec *s, size_t *len) {
    opj_image_cmptparm_t parts[5] = {{0}};
    for (int i = 0; i < s->count; i++) {
        int dx = step(s->dx[i]), dy = step(s->dy[i]);
        parts[i] = (opj_image_cmptparm_t){.dx = (OPJ_UINT32)dx,
            .dy = (OPJ_UINT32)dy,
            .w = (OPJ_UINT32)(ceil_div(s->x0 + W, dx) - ceil_div(s->x0, dx)),
            .h = (OPJ_UINT32)(ceil_div(s->y0 + H, dy) - ceil_div(s->y0, dy)),
            .x0 = (OPJ_UINT32)s->x0,
            .y0 = (OPJ_UINT32)s->y0,
            .prec = (OPJ_UINT32)s->depth[i],
            .sgnd = s->is_signed};
    }
    opj_image_t *image = opj_image_create((OPJ_UINT32)s->count, parts, OPJ_CLRSPC_UNSPECIFIED);
    image->x0 = (OPJ_UINT32)s->x0;
    image->y0 = (OPJ_UINT32)s->y0;
    image->x1 = (OPJ_UINT32)(s->x0 + W);
    image->y1 = (OPJ_UINT32)(s->y0 + H);
    for (int i = 0; i < s->count; i++) {
        opj_image_comp_t *c = &image->comps[i];
        for (int k = 0; k < (int)(c->w * c->h); k++) {
            c->data[k] = s->sample(i, k % (int)c->w, k / (int)c->w);
        }
    }
    opj_cparameters_t p;
    opj_set_default_encoder_parameters(&p);
    p.tcp_numlayers = 1;
    p.cp_disto_alloc = 1;
    p.numresolution = s->tile > 0 ? 2 : 4;
    p.tile_size_on = s->tile > 0;
    p.cp_tdx = p.cp_tdy = s->tile;
    p.cp_tx0 = s->tx0;
    p.cp_ty0 = s->ty0;
    char path[64];
    int fd = memfd_create("codestream", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create_default_file_stream(path, OPJ_FALSE);
    assert_true(opj_setup_encoder(codec, &p, image) && opj_start_compress(codec, image, stream) &&
                opj_encode(codec, stream) && opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    off_t size = lseek(fd, 0, SEEK_END);
    uint8_t *data = malloc((size_t)size);
    assert_true(pread(fd, data, (size_t)size, 0) == size);
    close(fd);
    *len = (size_t)size;
    return data;
}

static void put_box(file *f, const char *type, const void *data, size_t len) {
    uint8_t head[8] = {(uint8_t)((len + 8) >> 24), (uint8_t)((len + 8) >> 16),
        (uint8_t)((len + 8) >> 8), (uint8_t)(len + 8)};
    memcpy(head + 4, type, 4);
    put(f, head, 8);
    put(f, data, len);
}

static void put_colour(file *f, int code) {
    put_box(f, "colr", (uint8_t[]){1, 0, 0, 0, 0, 0, (uint8_t)code}, 7);
}

/* A JP2 file at a descriptor: the boxes of its header as given. */
static int jp2(const file *header, const uint8_t *stream, size_t len) {
    file start = {.len = 0};
    put_box(&start, "jP  ", "\r\n\x87\n", 4);
    put_box(&start, "ftyp", "jp2 \0\0\0\0jp2 ", 12);
    put_box(&start, "jp2h", header->data, header->len);
    uint8_t *all = malloc(start.len + 8 + len);
    memcpy(all, start.data, start.len);
    memcpy(all + start.len, (uint8_t[]){0, 0, 0, 0, 'j', 'p', '2', 'c'}, 8);
    memcpy(all + start.len + 8, stream, len);
    return take_fd(all, start.len + 8 + len);
}

static int bare(const spec *s) {
    size_t len;
    uint8_t *stream = codestream(s, &len);
    return take_fd(stream, len);
}

static int boxed(const spec *s, const file *header) {
    size_t len;
    uint8_t *stream = codestream(s, &len);
    int fd = jp2(header, stream, len);
    free(stream);
    return fd;
}

/* ---- reading ---- */

static void expect_size(const picture *p, int bands, int bytes, VipsInterpretation type) {
    assert_int_equal(p->width, W);
    assert_int_equal(p->height, H);
    assert_int_equal(p->bands, bands);
    assert_int_equal(p->bytes, bytes);
    assert_int_equal(p->type, type);
}

/* ---- tests ---- */

static int slope(int component, int x, int y) {
    return component == 0 ? x * 6 : component == 1 ? y * 8 : (x + y) * 3;
}

static void offsets(void **state) {
    (void)state;
    const spec specs[] = {
        {.count = 3, .depth = {8, 8, 8}, .sample = slope, .x0 = 30, .y0 = 40},
        {.count = 3,
            .depth = {8, 8, 8},
            .sample = slope,
            .x0 = 31,
            .y0 = 17,
            .tile = 16,
            .tx0 = 20,
            .ty0 = 10},
        {.count = 3,
            .depth = {8, 8, 8},
            .sample = slope,
            .x0 = 9,
            .y0 = 6,
            .tile = 20,
            .tx0 = 7,
            .ty0 = 5},
    };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        picture p;
        assert_int_equal(read_original(bare(&specs[i]), &p), SI_OK);
        expect_size(&p, 3, 1, VIPS_INTERPRETATION_sRGB);
        for (int k = 0; k < W * H * 3; k++) {
            int x = k / 3 % W, y = k / 3 / W;
            assert_int_equal(sample_at(&p, x, y, k % 3), slope(k % 3, x, y));
        }
        g_free(p.pixels);
    }
}

static int subsampled_sample(int component, int x, int y) {
    return component == 0 ? 100 : component == 1 ? 60 + 8 * x : 200 - 8 * y;
}

/* Chroma of half the size, on a grid with an offset, is that of the pair of pixels. */
static void subsampled(void **state) {
    (void)state;
    spec s = {.count = 3,
        .depth = {8, 8, 8},
        .dx = {1, 2, 2},
        .dy = {1, 2, 2},
        .sample = subsampled_sample};
    file header = {.len = 0};
    put_colour(&header, 18);
    for (int i = 0; i < 4; i++) {
        s.x0 = i < 2 ? 0 : 6;
        s.y0 = i < 2 ? 0 : 4;
        picture p;
        assert_int_equal(read_original(i % 2 == 0 ? bare(&s) : boxed(&s, &header), &p), SI_OK);
        expect_size(&p, 3, 1, VIPS_INTERPRETATION_sRGB);
        for (int k = 0; k < W * H; k++) {
            int x = k % W, y = k / W;
            double cb = subsampled_sample(1, x / 2, y / 2) - 128;
            double cr = subsampled_sample(2, x / 2, y / 2) - 128;
            double want[3] = {
                100 + 1.402 * cr, 100 - 0.344136 * cb - 0.714136 * cr, 100 + 1.772 * cb};
            for (int c = 0; c < 3; c++) {
                assert_true(fabs(sample_at(&p, x, y, c) - fmin(255, fmax(0, want[c]))) <= 1);
            }
        }
        g_free(p.pixels);
    }
}

static int palette_index(int component, int x, int y) {
    return component == 0 ? (x + y) % 4 : x * 5;
}

/* Three columns of a palette, and a component of its own as alpha: more channels than components.
 */
static void palette(void **state) {
    (void)state;
    const spec s = {.count = 2, .depth = {8, 8}, .sample = palette_index, .x0 = 3};
    static const uint8_t entries[3][3] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}};
    file header = {.len = 0}, p = {.len = 0};
    put(&p, (uint8_t[]){0, 3, 3, 7, 7, 7}, 6);
    put(&p, entries, sizeof entries);
    put_colour(&header, 16);
    put_box(&header, "pclr", p.data, p.len);
    put_box(&header, "cmap", (uint8_t[]){0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2, 0, 1, 0, 0}, 16);
    put_box(&header, "cdef",
        (uint8_t[]){0, 4, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 0, 0, 3, 0, 3, 0, 1, 0, 0},
        26);
    picture got;
    assert_int_equal(read_original(boxed(&s, &header), &got), SI_OK);
    expect_size(&got, 4, 1, VIPS_INTERPRETATION_sRGB);
    for (int k = 0; k < W * H; k++) {
        int x = k % W, y = k / W, index = (x + y) % 4;
        for (int c = 0; c < 3; c++) { /* an index beyond the palette shows its last entry */
            assert_int_equal(sample_at(&got, x, y, c), entries[index < 3 ? index : 2][c]);
        }
        assert_int_equal(sample_at(&got, x, y, 3), x * 5);
    }
    g_free(got.pixels);
}

/* Maps and definitions that name what is not there are errors. */
static void wrong_maps(void **state) {
    (void)state;
    const spec s = {.count = 1, .depth = {8}, .sample = palette_index};
    static const uint8_t maps[][4] = {{0, 1, 1, 0}, {0, 0, 1, 1}, {0, 0, 2, 0}};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        file header = {.len = 0};
        picture p;
        put_colour(&header, 17);
        put_box(&header, "pclr", (uint8_t[]){0, 2, 1, 7, 0, 255}, 6);
        put_box(&header, "cmap", maps[i], 4);
        assert_int_equal(read_original(boxed(&s, &header), &p), SI_ERR_SOURCE);
    }
    file header = {.len = 0};
    picture p;
    put_colour(&header, 17);
    put_box(&header, "cdef", (uint8_t[]){0, 1, 0, 5, 0, 0, 0, 1}, 8);
    assert_int_equal(read_original(boxed(&s, &header), &p), SI_ERR_SOURCE);
}

static int constants(int component, int x, int y) {
    (void)x, (void)y;
    return (int[]){128, 30, 60, 90, 120}[component];
}

/* Alpha first, then blue, green, red; the colours are premultiplied. */
static void definitions(void **state) {
    (void)state;
    const spec s = {.count = 4, .depth = {8, 8, 8, 8}, .sample = constants};
    file header = {.len = 0};
    put_colour(&header, 16);
    put_box(&header, "cdef",
        (uint8_t[]){0, 4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 2, 0, 0, 0, 2, 0, 3, 0, 0, 0, 1},
        26);
    picture p;
    assert_int_equal(read_original(boxed(&s, &header), &p), SI_OK);
    expect_size(&p, 4, 1, VIPS_INTERPRETATION_sRGB);
    const int want[4] = {179, 120, 60, 128}; /* 90, 60, 30 × 255 / 128 */
    for (int c = 0; c < 4; c++) {
        assert_int_equal(sample_at(&p, 5, 5, c), want[c]);
    }
    g_free(p.pixels);
}

static void inks(void **state) {
    (void)state;
    const spec s = {.count = 4, .depth = {8, 8, 8, 8}, .sample = constants};
    file header = {.len = 0};
    put_colour(&header, 12);
    picture p;
    assert_int_equal(read_original(boxed(&s, &header), &p), SI_OK);
    expect_size(&p, 4, 1, VIPS_INTERPRETATION_CMYK);
    assert_int_equal(sample_at(&p, 0, 0, 0), 128);
    g_free(p.pixels);
}

static int depth_under_test;
static bool signed_under_test;

static int ramp(int component, int x, int y) {
    (void)component, (void)y;
    int most = (1 << depth_under_test) - 1;
    return x * most / (W - 1) - (signed_under_test ? (most + 1) / 2 : 0);
}

static void depths(void **state) {
    (void)state;
    static const int all[] = {1, 2, 4, 5, 8, 9, 10, 12, 16};
    for (size_t i = 0; i < 2 * sizeof all / sizeof all[0]; i++) {
        depth_under_test = all[i / 2];
        signed_under_test = i % 2 == 1;
        const spec s = {.count = 1,
            .depth = {depth_under_test},
            .is_signed = signed_under_test,
            .sample = ramp};
        picture p;
        bool wide = depth_under_test > 8;
        int full = wide ? 65535 : 255, most = (1 << depth_under_test) - 1;
        assert_int_equal(read_original(bare(&s), &p), SI_OK);
        expect_size(
            &p, 1, wide ? 2 : 1, wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
        for (int x = 0; x < W; x++) {
            double want = (double)(x * most / (W - 1)) * full / most;
            assert_true(fabs(sample_at(&p, x, H - 1, 0) - want) <= 0.5);
        }
        g_free(p.pixels);
    }
}

/* Colour spaces that are not converted are refused, rather than shown as if they were RGB. */
static void other_spaces(void **state) {
    (void)state;
    const spec s = {.count = 3, .depth = {8, 8, 8}, .sample = slope};
    for (int code = 0; code < 30; code++) {
        file header = {.len = 0};
        picture p;
        put_colour(&header, code);
        bool read = code == 15 || code == 16 || code == 17 || code == 18 || code == 24;
        assert_int_equal(read_original(boxed(&s, &header), &p), read ? SI_OK : SI_ERR_SOURCE);
        g_free(p.pixels);
    }
}

/* The start of tile part `index`, by the lengths in their headers. */
static size_t tile_part(const uint8_t *p, size_t len, int index) {
    size_t at = 2;
    while (at + 12 <= len && p[at + 1] != 0x90) {
        at += 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
    }
    for (int i = 0; i < index; i++) {
        at +=
            (size_t)p[at + 6] << 24 | (size_t)p[at + 7] << 16 | (size_t)p[at + 8] << 8 | p[at + 9];
    }
    assert_true(at + 2 <= len);
    return at;
}

/* All data without the last marker is a picture; every other loss is an error. */
static void truncated(void **state) {
    (void)state;
    const spec s = {.count = 3, .depth = {8, 8, 8}, .sample = slope, .tile = 16};
    size_t len;
    uint8_t *stream = codestream(&s, &len);
    picture p;
    assert_int_equal(read_original(to_fd(stream, len - 2), &p), SI_OK);
    assert_int_equal(sample_at(&p, W - 1, H - 1, 0), slope(0, W - 1, H - 1));
    g_free(p.pixels);
    for (size_t cut = 1; cut < len; cut += cut < 16 ? 1 : 23) {
        if (cut != 2) {
            assert_int_not_equal(read_original(to_fd(stream, len - cut), &p), SI_OK);
            g_free(p.pixels);
        }
    }
    size_t from = tile_part(stream, len, 2), to = tile_part(stream, len, 3);
    memmove(stream + from, stream + to, len - to); /* one tile less, and the last marker there */
    assert_int_equal(read_original(to_fd(stream, len - (to - from)), &p), SI_ERR_SOURCE);
    free(stream);
}

/* Numbers that would make the decoder ask for much memory are refused before it sees them. */
static void limits(void **state) {
    (void)state;
    const spec s = {.count = 3, .depth = {8, 8, 8}, .sample = slope};
    size_t len;
    uint8_t *stream = codestream(&s, &len);
    picture p;
    memcpy(stream + 8, (uint8_t[]){0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}, 8);
    assert_int_equal(read_original(to_fd(stream, len), &p), SI_ERR_LIMIT); /* tiles beyond count */
    memcpy(stream + 24, (uint8_t[]){0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}, 8);
    assert_int_equal(read_original(to_fd(stream, len), &p), SI_ERR_LIMIT); /* one huge tile */
    stream[40] = 0x40;
    assert_int_equal(read_original(to_fd(stream, len), &p), SI_ERR_LIMIT); /* 16387 components */
    free(stream);
}

/* Smaller resolutions keep the place of even samples; an odd offset forbids them. */
static void resolutions(void **state) {
    (void)state;
    for (int offset = 0; offset < 6; offset++) {
        const spec s = {.count = 1, .depth = {8}, .sample = slope, .x0 = offset, .y0 = 2 * offset};
        si_original o = {0};
        si_diag diag = {0};
        int fd = bare(&s);
        assert_int_equal(si_original_open(&o, fd, NULL, &diag), SI_OK);
        assert_int_equal(si_original_reduce(&o, (double[]){8, 8}, &diag), SI_OK);
        int step = offset % 4 == 0 ? 4 : offset % 2 == 0 ? 2 : 1;
        step = step > 2 ? 4 : step;
        assert_true(o.step[0] == step && o.step[1] == step);
        size_t size;
        uint8_t *p = vips_image_write_to_memory(o.image, &size);
        assert_non_null(p);
        assert_int_equal(o.image->Xsize, ceil_div(W, step));
        for (int x = 1; x + 1 < o.image->Xsize; x++) {
            assert_true(abs(p[x] - x * step * 6) <= 6); /* a line stays one */
        }
        g_free(p);
        si_original_close(&o);
        close(fd);
    }
}

/* Tiles with fewer resolutions than the main header promises decide how many may be left out. */
static void resolutions_of_tiles(void **state) {
    (void)state;
    const spec s = {.count = 1, .depth = {8}, .sample = slope, .tile = 64};
    size_t len;
    uint8_t *stream = codestream(&s, &len);
    size_t sot = tile_part(stream, len, 0);
    uint8_t *cod = memmem(stream, sot, "\xff\x52", 2);
    assert_non_null(cod);
    size_t extra = 2 + ((size_t)cod[2] << 8 | cod[3]);
    uint8_t *longer = malloc(len + extra); /* with the same marker in the tile part, too */
    memcpy(longer, stream, sot + 12);
    memcpy(longer + sot + 12, cod, extra);
    memcpy(longer + sot + 12 + extra, stream + sot + 12, len - sot - 12);
    longer[sot + 9] = (uint8_t)(stream[sot + 9] + extra);
    longer[sot + 8] = (uint8_t)(stream[sot + 8] + (stream[sot + 9] + extra > 255));
    assert_int_equal(cod[9], 1);
    longer[cod - stream + 9] = 3;
    int fd = to_fd(longer, len + extra);
    si_original o = {0};
    si_diag diag = {0};
    assert_int_equal(si_original_open(&o, fd, NULL, &diag), SI_OK);
    assert_int_equal(si_original_reduce(&o, (double[]){16, 16}, &diag), SI_OK);
    assert_true(o.step[0] == 2);
    size_t size;
    uint8_t *p = vips_image_write_to_memory(o.image, &size);
    assert_non_null(p);
    g_free(p);
    si_original_close(&o);
    close(fd);
    free(longer);
    free(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets),
        cmocka_unit_test(subsampled),
        cmocka_unit_test(palette),
        cmocka_unit_test(wrong_maps),
        cmocka_unit_test(definitions),
        cmocka_unit_test(inks),
        cmocka_unit_test(depths),
        cmocka_unit_test(other_spaces),
        cmocka_unit_test(truncated),
        cmocka_unit_test(limits),
        cmocka_unit_test(resolutions),
        cmocka_unit_test(resolutions_of_tiles),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
