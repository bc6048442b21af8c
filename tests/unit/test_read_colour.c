/* What PNG files say of their colours, and what numbers make of samples. */
#include <zlib.h>

#include "originals.h"

/* ---- PNG files of one colour, chunk by chunk ---- */

static void put_u32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void put_chunk(file *f, const char *type, const void *data, size_t n) {
    uint8_t *p = f->data + f->len;
    assert_true(f->len + n + 12 <= sizeof f->data);
    put_u32(p, (uint32_t)n);
    memcpy(p + 4, type, 4);
    memcpy(p + 8, data, n);
    put_u32(p + 8 + n, (uint32_t)crc32(0, p + 4, (uInt)n + 4));
    f->len += n + 12;
}

/* Colour type 0 or 2, 8 or 16 bits. */
static file begin(int type, int bits) {
    file f = {.len = 8};
    memcpy(f.data, "\x89PNG\r\n\x1a\n", 8);
    uint8_t head[13] = {0, 0, 0, 2, 0, 0, 0, 2, (uint8_t)bits, (uint8_t)type};
    put_chunk(&f, "IHDR", head, sizeof head);
    return f;
}

static void put_u32_chunk(file *f, const char *type, const uint32_t *values, size_t n) {
    uint8_t data[32];
    for (size_t i = 0; i < n; i++) {
        put_u32(data + 4 * i, values[i]);
    }
    put_chunk(f, type, data, 4 * n);
}

static void gama(file *f, uint32_t v) {
    put_u32_chunk(f, "gAMA", &v, 1);
}

static void cicp(file *f, int primaries, int transfer, int matrix, int full) {
    const uint8_t data[] = {(uint8_t)primaries, (uint8_t)transfer, (uint8_t)matrix, (uint8_t)full};
    put_chunk(f, "cICP", data, 4);
}

/* A working or a broken profile that libvips brings along. */
static void iccp(file *f, const char *name, size_t most) {
    VipsBlob *blob = NULL;
    assert_int_equal(vips_profile_load(name, &blob, NULL), 0);
    size_t len;
    const void *icc = vips_blob_get(blob, &len);
    uint8_t data[3000] = {'x', 0, 0};
    uLongf n = sizeof data - 3;
    assert_int_equal(compress(data + 3, &n, icc, len < most ? len : most), Z_OK);
    put_chunk(f, "iCCP", data, n + 3);
    vips_area_unref(VIPS_AREA(blob));
}

static const uint32_t P3[8] = {31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000};

/* Ends the file with 2×2 pixels of these samples, and checks what they become. */
static void expect(file *f, const int samples[3], int r, int g, int b, int slack) {
    int type = f->data[25], bits = f->data[24], n = type == 0 ? 1 : 3;
    uint8_t rows[2 * (1 + 2 * 3 * 2)], *p = rows, packed[128];
    for (int y = 0; y < 2; y++) {
        *p++ = 0;
        for (int i = 0; i < 2 * n; i++) {
            if (bits == 16) {
                *p++ = (uint8_t)(samples[i % n] >> 8);
            }
            *p++ = (uint8_t)samples[i % n];
        }
    }
    uLongf len = sizeof packed;
    assert_int_equal(compress(packed, &len, rows, (uLong)(p - rows)), Z_OK);
    put_chunk(f, "IDAT", packed, len);
    put_chunk(f, "IEND", "", 0);
    si_recipe recipe_of_all = recipe(0, 0);
    si_image out = render(&recipe_of_all, to_fd(f->data, f->len));
    check(&out, 1, 1, r, g, b, slack);
    si_image_free(&out);
}

static const int ORANGE[3] = {200, 120, 40}, GREY[3] = {128, 128, 128};

/* ---- each chunk ---- */

static void code_points(void **state) {
    (void)state;
    file f = begin(2, 8);
    cicp(&f, 12, 13, 0, 1);
    expect(&f, ORANGE, 213, 115, 0, 0);
    f = begin(2, 8);
    cicp(&f, 1, 8, 0, 1);
    expect(&f, ORANGE, 229, 182, 110, 0);
    f = begin(0, 8);
    cicp(&f, 12, 8, 0, 1);
    expect(&f, GREY, 188, 188, 188, 0);
}

static void narrow_range(void **state) {
    (void)state;
    file f = begin(2, 8);
    cicp(&f, 1, 13, 0, 0);
    expect(&f, (int[]){16, 235, 126}, 0, 255, 128, 1);
    f = begin(2, 16);
    cicp(&f, 1, 13, 0, 0);
    expect(&f, (int[]){4096, 60160, 32256}, 0, 255, 128, 1);
}

/* 203 nits come near 241, and 1000 are white. */
static void high_range(void **state) {
    (void)state;
    for (int bits = 8; bits <= 16; bits += 8) {
        int scale = bits == 16 ? 257 : 1;
        file f = begin(2, bits);
        cicp(&f, 9, 16, 0, 1);
        expect(&f, (int[]){148 * scale, 148 * scale, 148 * scale}, 241, 241, 241, 1);
        f = begin(2, bits);
        cicp(&f, 9, 16, 0, 1);
        expect(&f, (int[]){192 * scale, 192 * scale, 192 * scale}, 255, 255, 255, 0);
        f = begin(2, bits);
        cicp(&f, 9, 18, 0, 1);
        expect(&f, (int[]){191 * scale, 191 * scale, 191 * scale}, 241, 241, 241, 1);
    }
}

static void gamma_alone(void **state) {
    (void)state;
    file f = begin(2, 8);
    gama(&f, 100000);
    expect(&f, GREY, 188, 188, 188, 0);
    f = begin(0, 16); /* dark: where tables of few points go wrong */
    gama(&f, 100000);
    expect(&f, (int[]){300, 300, 300}, 14, 14, 14, 1);
    f = begin(2, 8); /* stands for sRGB's curve */
    gama(&f, 45455);
    expect(&f, (int[]){10, 20, 30}, 10, 20, 30, 0);
    f = begin(2, 8);
    gama(&f, 35000);
    expect(&f, GREY, 104, 104, 104, 0);
}

static void chromaticities(void **state) {
    (void)state;
    file f = begin(2, 8);
    put_u32_chunk(&f, "cHRM", P3, 8);
    expect(&f, ORANGE, 213, 115, 0, 0);
    f = begin(2, 8);
    put_u32_chunk(&f, "cHRM", P3, 8);
    gama(&f, 100000);
    expect(&f, GREY, 188, 188, 188, 0);
}

/* ---- which goes first ---- */

static void precedence(void **state) {
    (void)state;
    file f = begin(2, 8);
    iccp(&f, "srgb", SIZE_MAX);
    cicp(&f, 12, 13, 0, 1);
    gama(&f, 100000);
    expect(&f, ORANGE, 213, 115, 0, 0);
    f = begin(2, 8);
    iccp(&f, "p3", SIZE_MAX);
    gama(&f, 100000);
    expect(&f, ORANGE, 213, 115, 0, 1);
    f = begin(2, 8);
    put_chunk(&f, "sRGB", "", 1);
    gama(&f, 100000);
    put_u32_chunk(&f, "cHRM", P3, 8);
    expect(&f, ORANGE, 200, 120, 40, 0);
}

/* What is wrong counts as absent: here that leaves gAMA. */
static void absurd(void **state) {
    (void)state;
    static const int codes[][4] = {{200, 13, 0, 1}, {12, 99, 0, 1}, {12, 2, 0, 1}, {2, 13, 0, 1},
        {12, 13, 1, 1}, {12, 13, 0, 7}, {0, 0, 0, 0}, {3, 3, 0, 1}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        file f = begin(2, 8);
        cicp(&f, codes[i][0], codes[i][1], codes[i][2], codes[i][3]);
        gama(&f, 100000);
        expect(&f, GREY, 188, 188, 188, 0);
    }
    static const uint32_t points[][8] = {{0}, {31270, 0, 64000, 33000, 30000, 60000, 15000, 6000},
        {30000, 30000, 10000, 10000, 20000, 20000, 40000, 40000},
        {70000, 20000, 64000, 33000, 30000, 60000, 15000, 6000},
        {UINT32_MAX, UINT32_MAX, 1, 1, 1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        file f = begin(2, 8);
        put_u32_chunk(&f, "cHRM", points[i], 8);
        gama(&f, 100000);
        expect(&f, ORANGE, 229, 182, 110, 0);
    }
    static const uint32_t gammas[] = {0, 1, 9999999, UINT32_MAX};
    for (size_t i = 0; i < sizeof gammas / sizeof gammas[0]; i++) {
        file f = begin(2, 8);
        gama(&f, gammas[i]);
        put_u32_chunk(&f, "cHRM", P3, 8);
        expect(&f, ORANGE, 213, 115, 0, 0);
    }
    file f = begin(2, 8);
    iccp(&f, "srgb", 200);
    gama(&f, 100000);
    expect(&f, GREY, 188, 188, 188, 0);
    f = begin(2, 8);
    cicp(&f, 12, 13, 0, 1);
    f.data[f.len - 1] ^= 1; /* its checksum */
    gama(&f, 100000);
    expect(&f, GREY, 188, 188, 188, 0);
}

/* Every code point there can be gives a profile, or is refused. */
static void all_code_points(void **state) {
    (void)state;
    int known = 0;
    for (int p = 0; p < 256; p++) {
        for (int t = 0; t < 256; t++) {
            const si_cicp c = {.primaries = p, .transfer = t, .full_range = t % 2 == 0};
            si_colorimetry told;
            if (si_colorimetry_of_cicp(&c, &told)) {
                cmsHPROFILE profile = si_colorimetry_profile(&told, p % 2 ? 1 : 3, t % 3 == 0);
                assert_non_null(profile);
                cmsCloseProfile(profile);
                known++;
            }
        }
    }
    assert_int_equal(known, 11 * 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(code_points),
        cmocka_unit_test(narrow_range), cmocka_unit_test(high_range), cmocka_unit_test(gamma_alone),
        cmocka_unit_test(chromaticities), cmocka_unit_test(precedence), cmocka_unit_test(absurd),
        cmocka_unit_test(all_code_points)};
    return cmocka_run_group_tests(tests, start_render, NULL);
}
