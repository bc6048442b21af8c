/* TIFF originals whose samples are floats, doubles, 32-bit or signed integers. */
#include <tiffio.h>

#include "codec/codec.h"
#include "pictures.h"

enum { W = 20, H = 20, TILE = 16 }; /* left half one colour, right half another */

/* A file to be made. */
typedef struct spec {
    uint16_t bits, format, colours;
    bool alpha, associated, separate, tiled, white_is_zero;
    const char *mode;    /* "w", and "b" or "l" for the order of bytes */
    double colour[2][4]; /* left and right: colours, alpha, 0…1, straight */
} spec;

/* Rounds a number of 0…1 that needs no more than 11 bits. */
static uint16_t half_of(double v) {
    int exponent;
    double mantissa = frexp(v, &exponent);
    return v == 0 ? 0 : (uint16_t)((exponent + 14) << 10 | ((int)round(mantissa * 2048) & 1023));
}

static void put(uint8_t *to, const spec *s, double v) {
    if (s->format == SAMPLEFORMAT_IEEEFP && s->bits == 16) {
        memcpy(to, &(uint16_t){half_of(v)}, 2);
    } else if (s->format == SAMPLEFORMAT_IEEEFP && s->bits == 32) {
        memcpy(to, &(float){(float)v}, 4);
    } else if (s->format == SAMPLEFORMAT_IEEEFP) {
        memcpy(to, &v, 8);
    } else if (s->format == SAMPLEFORMAT_UINT) {
        memcpy(to, &(uint32_t){(uint32_t)(v * UINT32_MAX)}, 4);
    } else if (s->bits == 8) {
        *to = (uint8_t)(v * INT8_MAX);
    } else {
        memcpy(to, &(int16_t){(int16_t)(v * INT16_MAX)}, 2);
    }
}

static double value(const spec *s, int x, int k) {
    const double *c = s->colour[x >= W / 2];
    return k < s->colours && s->associated ? c[k] * c[s->colours] : c[k];
}

/* `n` samples from x,y on, of one plane or of all. */
static void fill(uint8_t *to, const spec *s, int plane, int x, int n) {
    int samples = s->colours + s->alpha;
    for (int i = 0; i < n; i++) {
        for (int k = s->separate ? plane : 0; k < (s->separate ? plane + 1 : samples); k++) {
            put(to, s, value(s, x + i, k));
            to += s->bits / 8;
        }
    }
}

static void write_tags(TIFF *t, const spec *s) {
    const uint16_t extra = s->associated ? EXTRASAMPLE_ASSOCALPHA : EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, W);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, H);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, s->bits);
    TIFFSetField(t, TIFFTAG_SAMPLEFORMAT, s->format);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, s->colours + s->alpha);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC,
        s->colours == 3    ? PHOTOMETRIC_RGB
        : s->white_is_zero ? PHOTOMETRIC_MINISWHITE
                           : PHOTOMETRIC_MINISBLACK);
    TIFFSetField(
        t, TIFFTAG_PLANARCONFIG, s->separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
    TIFFSetField(t, TIFFTAG_COMPRESSION, s->tiled ? COMPRESSION_ADOBE_DEFLATE : COMPRESSION_NONE);
    if (s->alpha) {
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
    }
    if (s->tiled) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, TILE);
        TIFFSetField(t, TIFFTAG_TILELENGTH, TILE);
    } else {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 7);
    }
}

static int file_of(const spec *s) {
    int fd = memfd_create("source", MFD_CLOEXEC);
    TIFF *t = TIFFFdOpen(fd, "source", s->mode != NULL ? s->mode : "w");
    uint8_t block[TILE * TILE * 4 * 8];
    write_tags(t, s);
    for (int plane = 0; plane < (s->separate ? s->colours + s->alpha : 1); plane++) {
        for (int y = 0; s->tiled && y < H; y += TILE) {
            for (int x = 0; x < W; x += TILE) {
                size_t row = (size_t)TIFFTileSize(t) / TILE;
                for (int j = 0; j < TILE; j++) {
                    fill(block + (size_t)j * row, s, plane, x, TILE);
                }
                assert_true(
                    TIFFWriteTile(t, block, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane) > 0);
            }
        }
        for (int y = 0; !s->tiled && y < H; y++) {
            fill(block, s, plane, 0, W);
            assert_int_equal(TIFFWriteScanline(t, block, (uint32_t)y, (uint16_t)plane), 1);
        }
    }
    TIFFFlush(t);
    TIFFCleanup(t);
    return fd;
}

static void expect(const spec *s, const int left[4], const int right[4], int slack) {
    check_halves(file_of(s), left, right, slack, slack);
}

static spec rgba(uint16_t bits, uint16_t format) {
    return (spec){.bits = bits,
        .format = format,
        .colours = 3,
        .alpha = true,
        .colour = {{0.5, 0.25, 0, 1}, {1, 0.5, 0.125, 0.5}}};
}

/* Linear light, however it is stored. */
static void floats(void **state) {
    (void)state;
    for (uint16_t bits = 16; bits <= 64; bits *= 2) {
        for (int k = 0; k < 16; k++) {
            spec s = rgba(bits, SAMPLEFORMAT_IEEEFP);
            s.associated = k & 1;
            s.separate = k & 2;
            s.tiled = k & 4;
            s.mode = k & 8 ? "wb" : "wl";
            expect(&s, (int[]){188, 137, 0, 255}, (int[]){255, 188, 99, 128}, 0);
        }
    }
}

static void without_alpha(void **state) {
    (void)state;
    spec s = rgba(32, SAMPLEFORMAT_IEEEFP);
    s.alpha = false;
    expect(&s, (int[]){188, 137, 0, 255}, (int[]){255, 188, 99, 255}, 0);
}

static void grey(void **state) {
    (void)state;
    spec s = {.bits = 32,
        .format = SAMPLEFORMAT_IEEEFP,
        .colours = 1,
        .alpha = true,
        .colour = {{0.5, 1}, {0.25, 0.5}}};
    expect(&s, (int[]){188, 188, 188, 255}, (int[]){137, 137, 137, 128}, 0);
    s.alpha = false;
    s.white_is_zero = true;
    expect(&s, (int[]){188, 188, 188, 255}, (int[]){225, 225, 225, 255}, 0);
}

static void out_of_range(void **state) {
    (void)state;
    spec s = rgba(32, SAMPLEFORMAT_IEEEFP);
    memcpy(s.colour, (double[2][4]){{NAN, INFINITY, -1, 2}, {1, 1, 1, NAN}}, sizeof s.colour);
    expect(&s, (int[]){0, 255, 0, 255}, (int[]){0, 0, 0, 0}, 0);
}

static void integers(void **state) {
    (void)state;
    for (int associated = 0; associated < 2; associated++) {
        spec s = rgba(32, SAMPLEFORMAT_UINT);
        s.associated = associated;
        expect(&s, (int[]){128, 64, 0, 255}, (int[]){255, 128, 32, 128}, 1);
        s.bits = 16;
        s.format = SAMPLEFORMAT_INT;
        expect(&s, (int[]){128, 64, 0, 255}, (int[]){255, 128, 32, 128}, 1);
        s.bits = 8;
        expect(&s, (int[]){127, 63, 0, 255}, (int[]){255, 127, 31, 127}, 5);
    }
}

/* Why this file cannot be rendered. */
static si_diag refusal_of(const uint8_t *data, size_t len) {
    int fd = to_fd(data, len);
    si_recipe r = recipe(0, 0);
    si_files files = si_files_of_fd(&fd);
    si_image out = {0};
    si_diag diag = {0};
    assert_int_equal(si_render(&r, &files, NULL, &out, &diag), SI_ERR_SOURCE);
    close(fd);
    return diag;
}

static void truncated(void **state) {
    (void)state;
    spec s = rgba(32, SAMPLEFORMAT_IEEEFP);
    int fd = file_of(&s);
    uint8_t data[8192];
    ssize_t len = pread(fd, data, sizeof data, 0);
    assert_true(len > 8 && len < (ssize_t)sizeof data);
    close(fd);
    /* offsets of strips that lead out of the file */
    for (ssize_t i = len - 400; i + 4 <= len; i++) {
        uint32_t v;
        memcpy(&v, data + i, 4);
        if (v == 8) {
            memcpy(data + i, &(uint32_t){1u << 30}, 4);
        }
    }
    (void)refusal_of(data, (size_t)len);
}

static si_diag refusal_of_damage(void) {
    static const uint8_t data[64] = {'I', 'I', 42, 0, 8, 0, 0, 0, 255, 255};
    return refusal_of(data, sizeof data);
}

/* Why a file cannot be read is told whatever was written before. */
static void reasons(void **state) {
    (void)state;
    si_image im = {0};
    si_bytes file = {0};
    si_diag before = refusal_of_damage();
    assert_non_null(strstr(before.text, "TIFF"));
    assert_int_equal(si_image_alloc(&im, 8, 8, 3, NULL), SI_OK);
    memset(im.pixels, 99, im.stride * 8);
    si_encode_params p = si_codec_defaults(SI_FORMAT_TIFF, &im);
    assert_int_equal(si_codec_encode(SI_FORMAT_TIFF, &im, &p, &file, NULL), SI_OK);
    assert_string_equal(refusal_of_damage().text, before.text);
    si_bytes_free(&file);
    si_image_free(&im);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(floats), cmocka_unit_test(without_alpha),
        cmocka_unit_test(grey), cmocka_unit_test(out_of_range), cmocka_unit_test(integers),
        cmocka_unit_test(truncated), cmocka_unit_test(reasons)};
    return cmocka_run_group_tests(tests, start_render, NULL);
}
