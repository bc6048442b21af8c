/* AVIF originals, as si_original_open() gives them: files that libavif's encoder makes here, then
 * changed byte by byte; HEIC for libheif in the same way; and kinds told by brands. */
#include "originals.h"

#include <avif/avif.h>

#include "codec/codec.h"

enum { W = 24, H = 16 };

/* ---- files ---- */

static int colour_at(int x, int y, int channel) {
    return channel == 0 ? x * 10 : channel == 1 ? y * 15 : channel == 2 ? 90 : 30 + x * 4 + y * 6;
}

/* What is the same in all versions of libavif, apart from the names. */
static void set_turn(avifImage *a, int angle, int axis) {
    if (angle > 0) {
        a->transformFlags |= AVIF_TRANSFORM_IROT;
        a->irot.angle = (uint8_t)angle;
    }
    if (axis >= 0) {
        a->transformFlags |= AVIF_TRANSFORM_IMIR;
#if AVIF_VERSION_MAJOR >= 1
        a->imir.axis = (uint8_t)axis;
#else
        a->imir.mode = (uint8_t)axis;
#endif
    }
}

static void set_crop(avifImage *a, int x, int y, int width, int height) {
    a->transformFlags |= AVIF_TRANSFORM_CLAP;
    a->clap = (avifCleanApertureBox){(uint32_t)width, 1, (uint32_t)height, 1,
        (uint32_t)(2 * x + width - W), 2, (uint32_t)(2 * y + height - H), 2};
}

static avifImage *make(int depth, bool alpha, bool premultiplied) {
    avifImage *a = avifImageCreate(W, H, (uint32_t)depth, AVIF_PIXEL_FORMAT_YUV444);
    a->colorPrimaries = AVIF_COLOR_PRIMARIES_BT709;
    a->transferCharacteristics = AVIF_TRANSFER_CHARACTERISTICS_SRGB;
    a->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_IDENTITY;
    a->alphaPremultiplied = premultiplied;
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, a);
    rgb.depth = 8;
    rgb.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    uint8_t pixels[W * H * 4];
    int n = alpha ? 4 : 3;
    for (int i = 0; i < W * H * n; i++) {
        pixels[i] = (uint8_t)colour_at(i / n % W, i / n / W, i % n);
    }
    rgb.pixels = pixels;
    rgb.rowBytes = (uint32_t)(W * n);
    assert_int_equal(avifImageRGBToYUV(a, &rgb), AVIF_RESULT_OK);
    return a;
}

/* Encodes without loss, `frames` times. */
static void encode(avifImage *a, int frames, file *out) {
    avifEncoder *e = avifEncoderCreate();
    avifRWData data = AVIF_DATA_EMPTY;
    e->speed = 10;
    e->minQuantizer = e->maxQuantizer = e->minQuantizerAlpha = e->maxQuantizerAlpha = 0;
#if AVIF_VERSION_MAJOR >= 1
    e->quality = e->qualityAlpha = AVIF_QUALITY_LOSSLESS;
#endif
    for (int i = 0; i < frames; i++) {
        assert_int_equal(avifEncoderAddImage(e, a, 1,
                             frames == 1 ? AVIF_ADD_IMAGE_FLAG_SINGLE : AVIF_ADD_IMAGE_FLAG_NONE),
            AVIF_RESULT_OK);
    }
    assert_int_equal(avifEncoderFinish(e, &data), AVIF_RESULT_OK);
    out->len = 0;
    put(out, data.data, data.size);
    avifRWDataFree(&data);
    avifEncoderDestroy(e);
    avifImageDestroy(a);
}

static uint8_t *find(file *f, const char *type) {
    uint8_t *p = memmem(f->data, f->len, type, 4);
    assert_non_null(p);
    return p;
}

/* Number of the property of this type, from 1 on. */
static int property(file *f, const char *type) {
    uint8_t *p = find(f, "ipco") + 4;
    for (int i = 1;; i++) {
        if (memcmp(p + 4, type, 4) == 0) {
            return i;
        }
        p += (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        assert_true(p + 8 < f->data + f->len);
    }
}

/* Makes item `id` have property `with` (0: none) instead of `what`; false if it has not `what`. */
static bool reassign(file *f, int id, int what, int with) {
    uint8_t *p = find(f, "ipma") + 4;
    int count = p[7];
    p += 8; /* version, flags, and number of items */
    for (int i = 0; i < count; i++) {
        int of = p[0] << 8 | p[1], n = p[2];
        p += 3;
        for (int k = 0; k < n; k++, p++) {
            if (of == id && (*p & 127) == what) {
                *p = (uint8_t)(with != 0 ? 128 | with : 0);
                return true;
            }
        }
    }
    return false;
}

/* ---- reading ---- */

static si_result read_file(const file *f, picture *out) {
    return read_original(to_fd(f->data, f->len), out);
}

/* In levels of 8 bits. */
static double level_at(const picture *p, int x, int y, int band) {
    return sample_at(p, x, y, band) / (p->bytes == 2 ? 257. : 1);
}

/* Where the pixel shown at x, y is stored, by the words of the standard: rotated anticlockwise by
 * quarters, then mirrored. */
static void stored(int angle, int axis, int width, int height, int *x, int *y) {
    int w = angle % 2 == 0 ? width : height, h = angle % 2 == 0 ? height : width;
    *y = axis == 0 ? h - 1 - *y : *y;
    *x = axis == 1 ? w - 1 - *x : *x;
    for (int i = angle; i > 0; i--) { /* undo one quarter: shown (x, y) was at (h − 1 − y, x) */
        int px = *x, swap = w;
        *x = h - 1 - *y;
        *y = px;
        w = h;
        h = swap;
    }
}

/* Colours turned as given, and alpha as given for it. */
static void expect(const picture *p, int angle, int axis, int alpha_angle, int alpha_axis) {
    assert_int_equal(p->width, angle % 2 == 0 ? W : H);
    assert_int_equal(p->height, angle % 2 == 0 ? H : W);
    for (int i = 0; i < W * H * p->bands; i++) {
        int band = i % p->bands, x = i / p->bands % p->width, y = i / p->bands / p->width;
        int at[2] = {x, y};
        bool alpha = band == 3;
        stored(alpha ? alpha_angle : angle, alpha ? alpha_axis : axis, W, H, &at[0], &at[1]);
        assert_true(fabs(level_at(p, x, y, band) - colour_at(at[0], at[1], band)) <= 1);
    }
}

/* ---- tests ---- */

static void turns(void **state) {
    (void)state;
    file f;
    for (int i = 0; i < 12; i++) {
        picture p;
        int angle = i / 3, axis = i % 3 - 1;
        avifImage *a = make(8, i % 2 == 0, false);
        set_turn(a, angle, axis);
        encode(a, 1, &f);
        assert_int_equal(read_file(&f, &p), SI_OK);
        assert_int_equal(p.bands, i % 2 == 0 ? 4 : 3);
        expect(&p, angle, axis, angle, axis);
        g_free(p.pixels);
    }
}

/* Crop, then rotation, then mirror. */
static void crop_comes_first(void **state) {
    (void)state;
    file f;
    picture p;
    avifImage *a = make(8, true, false);
    set_crop(a, 2, 4, 10, 8);
    set_turn(a, 1, 0);
    encode(a, 1, &f);
    assert_int_equal(read_file(&f, &p), SI_OK);
    assert_true(p.width == 8 && p.height == 10);
    for (int i = 0; i < 8 * 10 * 4; i++) {
        int x = i / 4 % 8, y = i / 4 / 8, at[2] = {x, y};
        stored(1, 0, 10, 8, &at[0], &at[1]);
        assert_true(fabs(level_at(&p, x, y, i % 4) - colour_at(2 + at[0], 4 + at[1], i % 4)) <= 1);
    }
    g_free(p.pixels);
}

/* Alpha that says nothing of turns lies as the colours do, which is how libavif wrote it up to
 * 1.3.0; alpha that does is turned by what it says. */
static void alpha_of_its_own(void **state) {
    (void)state;
    file f, g;
    picture p;
    avifImage *a = make(8, true, false);
    set_turn(a, 2, -1);
    encode(a, 1, &f);
    int irot = property(&f, "irot"), pixi = property(&f, "pixi");

    g = f; /* neither turn of alpha, whatever the encoder wrote */
    (void)reassign(&g, 2, irot, 0);
    assert_int_equal(read_file(&g, &p), SI_OK);
    expect(&p, 2, -1, 2, -1);
    g_free(p.pixels);

    /* alpha alone is turned */
    if (!reassign(&f, 2, irot, irot)) {
        bool found = false;
        for (int i = pixi; i < 16 && !found; i++) { /* its own pixi, or a shared one */
            found = i != irot && reassign(&f, 2, i, irot);
        }
        assert_true(found);
    }
    assert_true(reassign(&f, 1, irot, 0));
    assert_int_equal(read_file(&f, &p), SI_OK);
    assert_int_equal(p.bands, 4);
    expect(&p, 0, -1, 2, -1);
    g_free(p.pixels);
}

static void samples(void **state) {
    (void)state;
    static const int depths[] = {8, 10, 12};
    file f;
    picture p;
    for (int i = 0; i < 3; i++) {
        encode(make(depths[i], true, false), 1, &f);
        assert_int_equal(read_file(&f, &p), SI_OK);
        assert_int_equal(p.bytes, depths[i] > 8 ? 2 : 1);
        expect(&p, 0, -1, 0, -1);
        g_free(p.pixels);
    }
    encode(make(12, true, true), 1, &f); /* premultiplied: straight again, but for rounding */
    assert_int_equal(read_file(&f, &p), SI_OK);
    expect(&p, 0, -1, 0, -1);
    g_free(p.pixels);
}

static void code_points(void **state) {
    (void)state;
    file f;
    picture p;
    avifImage *a = make(10, false, false);
    a->colorPrimaries = AVIF_COLOR_PRIMARIES_BT2020;
    a->transferCharacteristics = AVIF_TRANSFER_CHARACTERISTICS_SMPTE2084;
    encode(a, 1, &f);
    assert_int_equal(read_file(&f, &p), SI_OK);
    assert_true(p.has_told);
    assert_int_equal(p.told.transfer, SI_TRANSFER_PQ);
    assert_true(fabs(p.told.xy[0] - 0.708) < 0.001);
    g_free(p.pixels);
}

/* An image sequence shows its first frame, also if there is nothing but the sequence. */
static void sequences(void **state) {
    (void)state;
    file f;
    picture p;
    encode(make(8, false, false), 2, &f);
    memcpy(f.data + 8, "avis", 4);
    assert_int_equal(read_file(&f, &p), SI_OK);
    expect(&p, 0, -1, 0, -1);
    g_free(p.pixels);
    memcpy(find(&f, "meta"), "free", 4);
    memcpy(find(&f, "avif"), "iso8", 4);
    assert_int_equal(read_file(&f, &p), SI_OK);
    expect(&p, 0, -1, 0, -1);
    g_free(p.pixels);
    memcpy(f.data + 8, "hevc", 4); /* and libheif is given what it cannot read */
    for (size_t i = 16; i < f.data[3]; i += 4) {
        memcpy(f.data + i, "msf1", 4);
    }
    assert_int_equal(read_file(&f, &p), SI_ERR_SOURCE);
}

static void truncated(void **state) {
    (void)state;
    file f;
    picture p;
    avifImage *a = make(8, true, false);
    set_turn(a, 1, -1);
    encode(a, 1, &f);
    for (size_t whole = f.len, cut = 1; cut < whole; cut += cut < 32 ? 1 : 11) {
        f.len = whole - cut;
        assert_int_not_equal(read_file(&f, &p), SI_OK);
        g_free(p.pixels);
    }
}

/* Damage anywhere in the description of the items ends as a picture or an error. */
static void damaged(void **state) {
    (void)state;
    file f, g;
    avifImage *a = make(8, true, true);
    set_turn(a, 3, 1);
    encode(a, 1, &f);
    size_t end = (size_t)(find(&f, "mdat") - f.data);
    unsigned random = 1;
    for (size_t i = 8; i < end; i++) {
        picture p;
        g = f;
        random = random * 1103515245 + 12345;
        g.data[i] ^= (uint8_t)(1 + (random >> 16) % 255);
        (void)read_file(&g, &p);
        g_free(p.pixels);
    }
}

/* A HEIC file of two colours. */
static void encode_heic(file *out) {
    si_image image = {0};
    si_diag diag = {0};
    si_bytes bytes = {0};
    assert_int_equal(si_image_alloc(&image, 64, 48, 3, &diag), SI_OK);
    memset(image.pixels, 200, image.stride * 48);
    memset(image.pixels, 50, image.stride * 24);
    si_encode_params params = {.quality = 80};
    assert_int_equal(si_codec_encode(SI_FORMAT_HEIC, &image, &params, &bytes, &diag), SI_OK);
    out->len = 0;
    put(out, bytes.data, bytes.len);
    si_bytes_free(&bytes);
    si_image_free(&image);
}

/* libheif still reads HEIC: cut short, with turns that are not what they should be, or damaged
 * anywhere before the pixels, a file ends as a picture or a clear error. */
static void heic(void **state) {
    (void)state;
    file f, g;
    picture p;
    if (!si_codec_get(SI_FORMAT_HEIC)->available) {
        skip();
    }
    encode_heic(&f);
    assert_int_equal(read_file(&f, &p), SI_OK);
    assert_true(p.width == 64 && p.height == 48);
    g_free(p.pixels);
    for (size_t cut = 1; cut < f.len; cut += f.len / 40) {
        g = f;
        g.len -= cut;
        assert_int_not_equal(read_file(&g, &p), SI_OK);
        g_free(p.pixels);
    }
    size_t end = (size_t)(find(&f, "mdat") - f.data);
    for (int angle = 0; angle < 256; angle += 17) {
        g = f;
        uint8_t *box = memmem(g.data, g.len, "pixi", 4);
        if (box != NULL) { /* longer than a rotation is, and with bits that are reserved */
            memcpy(box, "irot", 4);
            box[4] = (uint8_t)angle;
        }
        (void)read_file(&g, &p);
        g_free(p.pixels);
    }
    unsigned random = 7;
    for (size_t i = 8; i < end; i++) {
        g = f;
        random = random * 1103515245 + 12345;
        g.data[i] ^= (uint8_t)(1 + (random >> 16) % 255);
        (void)read_file(&g, &p);
        g_free(p.pixels);
    }
}

static void kinds(void **state) {
    (void)state;
    static const struct {
        const char *brands; /* major, then compatible ones */
        const char *item;   /* a type that stands in the file */
        si_kind kind;
    } rows[] = {
        {"avifmif1miaf", "av01", SI_KIND_AVIF},
        {"mif1mif1avifmiaf", "av01", SI_KIND_AVIF},
        {"avisavifmsf1", "av01", SI_KIND_AVIF},
        {"msf1avis", "av01", SI_KIND_AVIF},
        {"MA1Bavif", "av01", SI_KIND_AVIF},
        {"mif1mif1", "av01", SI_KIND_AVIF},
        {"heicmif1heic", "hvc1", SI_KIND_HEIF},
        {"heicavif", "hvc1", SI_KIND_HEIF},
        {"mif1heic", "hvc1", SI_KIND_HEIF},
        {"msf1hevc", "hvc1", SI_KIND_HEIF},
        {"mif1mif1", "hvc1", SI_KIND_HEIF},
        {"isommp42", "avc1", SI_KIND_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t head[64] = {0};
        size_t n = strlen(rows[i].brands);
        head[3] = (uint8_t)(12 + n);
        memcpy(head + 4, "ftyp", 4);
        memcpy(head + 8, rows[i].brands, 4);
        memcpy(head + 16, rows[i].brands + 4, n - 4);
        memcpy(head + 12 + n, rows[i].item, 4);
        assert_int_equal(si_kind_sniff(head, sizeof head), rows[i].kind);
    }
}

/* Kinds that are not served are refused before anything looks at the file. */
static void refused(void **state) {
    (void)state;
    file f;
    encode(make(8, false, false), 1, &f);
    for (int i = 0; i < 2; i++) {
        si_original o = {0};
        si_diag diag = {0};
        si_render_limits limits = {.refused = SI_KIND_BIT(i == 0 ? SI_KIND_AVIF : SI_KIND_HEIF)};
        int fd = to_fd(f.data, f.len);
        assert_int_equal(si_original_open(&o, fd, &limits, &diag), i == 0 ? SI_ERR_SOURCE : SI_OK);
        si_original_close(&o);
        close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns),
        cmocka_unit_test(crop_comes_first),
        cmocka_unit_test(alpha_of_its_own),
        cmocka_unit_test(samples),
        cmocka_unit_test(code_points),
        cmocka_unit_test(sequences),
        cmocka_unit_test(truncated),
        cmocka_unit_test(damaged),
        cmocka_unit_test(heic),
        cmocka_unit_test(kinds),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
