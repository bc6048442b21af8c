/* TIFF originals: versions of several sizes, and the kinds whose colours libvips gets wrong. The
 * files are written here, little-endian, one strip or tile row an image. */
#include "pictures.h"

#include <zlib.h>

enum { MAX_FIELDS = 24 };

typedef struct field {
    int tag, type; /* 3 = SHORT, 4 = LONG, 5 = RATIONAL of value / 65536 */
    int count;
    uint32_t value[8];
} field;

typedef struct file {
    uint8_t bytes[400 << 10];
    uint32_t len;
} file;

static void put(file *f, uint32_t v, int n) {
    for (int i = 0; i < n; i++) {
        f->bytes[f->len++] = (uint8_t)(v >> 8 * i);
    }
}

static void patch(file *f, uint32_t at, uint32_t v) {
    uint32_t len = f->len;
    f->len = at;
    put(f, v, 4);
    f->len = len;
}

static void begin(file *f) {
    f->len = 0;
    put(f, 0x002a4949, 4);
    put(f, 0, 4);
}

/* Writes a directory with fields in order of tags; `link` is where its offset belongs. Returns
 * where the offset of the next one belongs; *sub, where that of its SubIFDs (330) does. */
static uint32_t put_directory(file *f, const field *fields, int n, uint32_t link, uint32_t *sub) {
    uint32_t far[MAX_FIELDS] = {0};
    for (int i = 0; i < n; i++) { /* what does not fit into the directory */
        const field *v = &fields[i];
        int size = v->type == 3 ? 2 : v->type == 4 ? 4 : 8;
        f->len += f->len & 1;
        far[i] = f->len;
        for (int k = 0; k < v->count && size * v->count > 4; k++) {
            put(f, v->value[k], size > 4 ? 4 : size);
            if (size == 8) {
                put(f, 65536, 4);
            }
        }
    }
    f->len += f->len & 1;
    patch(f, link, f->len);
    put(f, (uint32_t)n, 2);
    for (int i = 0; i < n; i++) {
        const field *v = &fields[i];
        int size = v->type == 3 ? 2 : v->type == 4 ? 4 : 8;
        put(f, (uint32_t)v->tag, 2);
        put(f, (uint32_t)v->type, 2);
        put(f, (uint32_t)v->count, 4);
        if (sub != NULL && v->tag == 330) {
            *sub = v->count == 1 ? f->len : far[i];
        }
        if (size * v->count > 4) {
            put(f, far[i], 4);
        } else {
            put(f, v->value[0] | (v->count > 1 ? v->value[1] << 16 : 0), 4);
        }
    }
    put(f, 0, 4);
    return f->len - 4;
}

/* ---- pyramids ---- */

/* A page of one colour; `sub` > 0: with that many SubIFDs. */
static uint32_t put_page(file *f, uint32_t side, const uint8_t *rgb, uint32_t subfile,
    uint32_t link, int sub, uint32_t *subs) {
    uint32_t at = f->len;
    for (uint32_t i = 0; i < side * side; i++) {
        put(f, (uint32_t)rgb[0] | (uint32_t)rgb[1] << 8 | (uint32_t)rgb[2] << 16, 3);
    }
    const field all[] = {{254, 4, 1, {subfile}}, {256, 4, 1, {side}}, {257, 4, 1, {side}},
        {258, 3, 3, {8, 8, 8}}, {259, 3, 1, {1}}, {262, 3, 1, {2}}, {273, 4, 1, {at}},
        {277, 3, 1, {3}}, {278, 4, 1, {side}}, {279, 4, 1, {side * side * 3}}, {330, 4, sub, {0}}};
    return put_directory(f, all, sub > 0 ? 11 : 10, link, subs);
}

static const uint8_t RED[3] = {255, 0, 0}, GREEN[3] = {0, 255, 0}, BLUE[3] = {0, 0, 255};

static void check_colour(const file *f, int width, const uint8_t *rgb) {
    si_recipe r = recipe(width, 0);
    si_image im = render(&r, to_fd(f->bytes, f->len));
    check(&im, width / 2, width / 2, rgb[0], rgb[1], rgb[2], 0);
    si_image_free(&im);
}

enum { SIDE = 256 };

static void pages_that_say_they_are_reduced(void **state) {
    (void)state;
    static file f;
    begin(&f);
    uint32_t next = put_page(&f, SIDE, RED, 0, 4, 0, NULL);
    next = put_page(&f, SIDE / 2, GREEN, 1, next, 0, NULL);
    put_page(&f, SIDE / 4, BLUE, 1, next, 0, NULL);
    check_colour(&f, SIDE, RED);
    check_colour(&f, SIDE / 3, RED);
    check_colour(&f, SIDE / 4, GREEN);
    check_colour(&f, SIDE / 8, BLUE);
    check_colour(&f, SIDE / 32, BLUE);
}

static void reduced_pages_below_a_page(void **state) {
    (void)state;
    static file f;
    uint32_t subs = 0;
    begin(&f);
    put_page(&f, SIDE, RED, 0, 4, 2, &subs);
    put_page(&f, SIDE / 2, GREEN, 1, subs, 0, NULL);
    put_page(&f, SIDE / 4, BLUE, 1, subs + 4, 0, NULL);
    check_colour(&f, SIDE, RED);
    check_colour(&f, SIDE / 4, GREEN);
    check_colour(&f, SIDE / 8, BLUE);
}

/* Pages of a document, a reduced page of the second of them, a mask, another size: none is used. */
static void pages_that_are_no_versions(void **state) {
    (void)state;
    static const struct {
        uint32_t side, subfile;
    } pages[][2] = {{{SIDE / 2, 0}, {SIDE / 4, 0}}, {{SIDE / 2, 2}, {SIDE / 4, 2}},
        {{SIDE / 2, 0}, {SIDE / 4, 1}}, {{SIDE / 2, 5}, {SIDE / 4, 4}},
        {{SIDE / 2 - 3, 1}, {100, 1}}};
    static file f;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        begin(&f);
        uint32_t next = put_page(&f, SIDE, RED, 0, 4, 0, NULL);
        next = put_page(&f, pages[i][0].side, GREEN, pages[i][0].subfile, next, 0, NULL);
        put_page(&f, pages[i][1].side, BLUE, pages[i][1].subfile, next, 0, NULL);
        for (int width = SIDE; width >= 8; width /= 2) {
            check_colour(&f, width, RED);
        }
    }
}

/* ---- YCbCr ---- */

enum { WIDTH = 32, HEIGHT = 16 };

typedef struct ycc {
    const char *name;
    int h, v; /* subsampling */
    bool deflate, planar, tiled, video, bt709;
} ycc;

static const ycc kinds[] = {
    {.name = "4:4:4", .h = 1, .v = 1},
    {.name = "4:4:4 deflate", .h = 1, .v = 1, .deflate = true},
    {.name = "4:4:4 planar", .h = 1, .v = 1, .planar = true},
    {.name = "4:4:4 planar deflate", .h = 1, .v = 1, .planar = true, .deflate = true},
    {.name = "4:4:4 tiled", .h = 1, .v = 1, .tiled = true},
    {.name = "4:4:4 tiled deflate", .h = 1, .v = 1, .tiled = true, .deflate = true},
    {.name = "4:4:4 ReferenceBlackWhite", .h = 1, .v = 1, .video = true},
    {.name = "4:4:4 YCbCrCoefficients", .h = 1, .v = 1, .bt709 = true},
    {.name = "4:2:2", .h = 2, .v = 1},
    {.name = "4:2:0", .h = 2, .v = 2},
    {.name = "4:2:0 deflate", .h = 2, .v = 2, .deflate = true},
    {.name = "4:4:0", .h = 1, .v = 2},
    {.name = "4:1:1", .h = 4, .v = 1},
    {.name = "4:1:0", .h = 4, .v = 4},
};

static void colour_at(int x, int y, double rgb[3]) {
    rgb[0] = 60 + x * 3;
    rgb[1] = 60 + y * 5;
    rgb[2] = 90 + x * 2;
}

/* Sample c of the pixel, as stored. */
static double stored(const ycc *k, int x, int y, int c) {
    double rgb[3], kr = k->bt709 ? 0.2126 : 0.299, kb = k->bt709 ? 0.0722 : 0.114, v;
    colour_at(x, y, rgb);
    double luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    v = c == 0 ? luma : c == 1 ? (rgb[2] - luma) / (2 - 2 * kb) : (rgb[0] - luma) / (2 - 2 * kr);
    if (k->video) {
        v = c == 0 ? 16 + v * 219 / 255 : v * 224 / 255;
    }
    return c == 0 ? v : 128 + v;
}

/* The mean over a block of chroma. */
static uint8_t sample(const ycc *k, int x, int y, int c, int h, int v) {
    double sum = 0;
    for (int i = 0; i < h * v; i++) {
        sum += stored(k, x + i % h, y + i / h, c);
    }
    return (uint8_t)floor(sum / (h * v) + 0.5);
}

/* Chunky blocks of h × v lumas, Cb, Cr of the columns from x0 on. */
static size_t chunky(const ycc *k, int x0, int width, uint8_t *to) {
    size_t n = 0;
    for (int y = 0; y < HEIGHT; y += k->v) {
        for (int x = x0; x < x0 + width; x += k->h) {
            for (int i = 0; i < k->h * k->v; i++) {
                to[n++] = sample(k, x + i % k->h, y + i / k->h, 0, 1, 1);
            }
            to[n++] = sample(k, x, y, 1, k->h, k->v);
            to[n++] = sample(k, x, y, 2, k->h, k->v);
        }
    }
    return n;
}

static size_t plane(const ycc *k, int c, uint8_t *to) {
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        to[i] = sample(k, i % WIDTH, i / WIDTH, c, 1, 1);
    }
    return WIDTH * HEIGHT;
}

static void write_ycc(file *f, const ycc *k) {
    uint32_t at[3], len[3], chunks = k->planar ? 3 : k->tiled ? 2 : 1;
    begin(f);
    for (uint32_t i = 0; i < chunks; i++) {
        uint8_t raw[3 * WIDTH * HEIGHT], packed[4 * WIDTH * HEIGHT];
        size_t n = k->planar  ? plane(k, (int)i, raw)
                   : k->tiled ? chunky(k, 16 * (int)i, 16, raw)
                              : chunky(k, 0, WIDTH, raw);
        uLongf size = sizeof packed;
        assert_int_equal(compress(packed, &size, raw, n), Z_OK);
        len[i] = k->deflate ? (uint32_t)size : (uint32_t)n;
        at[i] = f->len;
        memcpy(f->bytes + f->len, k->deflate ? packed : raw, len[i]);
        f->len += len[i];
    }
    field all[MAX_FIELDS];
    int n = 0;
    const int count = (int)chunks;
#define FIELD(...) all[n++] = (field){__VA_ARGS__}
    FIELD(256, 4, 1, {WIDTH});
    FIELD(257, 4, 1, {HEIGHT});
    FIELD(258, 3, 3, {8, 8, 8});
    FIELD(259, 3, 1, {k->deflate ? 8 : 1});
    FIELD(262, 3, 1, {6});
    if (!k->tiled) {
        FIELD(273, 4, count, {at[0], at[1], at[2]});
    }
    FIELD(277, 3, 1, {3});
    if (!k->tiled) {
        FIELD(278, 4, 1, {HEIGHT});
        FIELD(279, 4, count, {len[0], len[1], len[2]});
    }
    FIELD(284, 3, 1, {k->planar ? 2 : 1});
    if (k->tiled) {
        FIELD(322, 4, 1, {16});
        FIELD(323, 4, 1, {16});
        FIELD(324, 4, count, {at[0], at[1]});
        FIELD(325, 4, count, {len[0], len[1]});
    }
    if (k->bt709) {
        FIELD(529, 5, 3,
            {(uint32_t)(0.2126 * 65536), (uint32_t)(0.7152 * 65536), (uint32_t)(0.0722 * 65536)});
    }
    FIELD(530, 3, 2, {(uint32_t)k->h, (uint32_t)k->v});
    if (k->video) {
        FIELD(532, 5, 6, {16 << 16, 235 << 16, 128 << 16, 240 << 16, 128 << 16, 240 << 16});
    }
#undef FIELD
    put_directory(f, all, n, 4, NULL);
}

static void ycc_colours(void **state) {
    (void)state;
    static file f;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const ycc *k = &kinds[i];
        write_ycc(&f, k);
        si_recipe r = recipe(0, 0);
        si_image im = render(&r, to_fd(f.bytes, f.len));
        assert_int_equal(im.width, WIDTH);
        assert_int_equal(im.height, HEIGHT);
        for (int p = 0; p < WIDTH * HEIGHT; p++) {
            double rgb[3];
            colour_at(p % WIDTH, p / WIDTH, rgb);
            for (int c = 0; c < 3; c++) {
                int slack = k->h * k->v == 1 ? 4 : 2 + 5 * k->h * k->v / 2;
                int d = abs(at(&im, p % WIDTH, p / WIDTH)[c] - (int)rgb[c]);
                if (d > slack) {
                    fail_msg("%s: pixel %d differs by %d", k->name, p, d);
                }
            }
        }
        si_image_free(&im);
    }
}

static si_result code_of(const file *f, uint32_t len) {
    int fd = to_fd(f->bytes, len);
    si_files files = si_files_of_fd(&fd);
    si_recipe r = recipe(0, 0);
    si_image im = {0};
    si_diag diag = {0};
    si_result code = si_render(&r, &files, NULL, &im, &diag);
    assert_true(code == SI_OK || diag.text[0] != '\0');
    si_image_free(&im);
    close(fd);
    return code;
}

/* A strip that is too short for its rows is an error, not a picture with a hole. */
static void ycc_too_short(void **state) {
    (void)state;
    static file f;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!kinds[i].deflate) {
            continue; /* libtiff guesses lengths of those, rightly here */
        }
        int tag = kinds[i].tiled ? 325 : 279;
        write_ycc(&f, &kinds[i]);
        assert_int_equal(code_of(&f, f.len), SI_OK);
        for (uint32_t at = f.len - 12; at > 8; at--) { /* its field in the directory */
            const uint8_t *p = f.bytes + at;
            if ((p[0] | p[1] << 8) == tag && p[2] == 4 && p[3] == 0 && p[5] + p[6] + p[7] == 0) {
                uint32_t far = p[8] | (uint32_t)p[9] << 8;
                patch(&f, p[4] == 1 ? at + 8 : far, 40);
                break;
            }
        }
        if (code_of(&f, f.len) == SI_OK) {
            fail_msg("%s is shown though most of it is missing", kinds[i].name);
        }
    }
}

/* ---- other kinds ---- */

/* 4 samples of 8 bits: ExtraSamples, InkSet as told; −1: no such field. */
static void write_four(file *f, int photometric, int extra, int inks, int bits, int format) {
    begin(f);
    int bytes = bits / 8, n = 0;
    for (int i = 0; i < 8 * 8; i++) {
        static const uint8_t pixel[4] = {200, 100, 50, 60};
        for (int c = 0; c < 4; c++) {
            put(f, 0, bytes - 1);
            put(f, pixel[c], 1);
        }
    }
    field all[MAX_FIELDS];
    const uint32_t b = (uint32_t)bits, o = (uint32_t)format;
#define FIELD(...) all[n++] = (field){__VA_ARGS__}
    FIELD(256, 4, 1, {8});
    FIELD(257, 4, 1, {8});
    FIELD(258, 3, 4, {b, b, b, b});
    FIELD(259, 3, 1, {1});
    FIELD(262, 3, 1, {(uint32_t)photometric});
    FIELD(273, 4, 1, {8});
    FIELD(277, 3, 1, {4});
    FIELD(278, 4, 1, {8});
    FIELD(279, 4, 1, {f->len - 8});
    if (inks >= 0) {
        FIELD(332, 3, 1, {(uint32_t)inks});
    }
    if (extra >= 0) {
        FIELD(338, 3, 1, {(uint32_t)extra});
    }
    FIELD(339, 3, 4, {o, o, o, o});
#undef FIELD
    put_directory(f, all, n, 4, NULL);
}

/* A fourth sample is alpha if it says so or nothing is said, not if it is "unspecified". */
static void extra_samples(void **state) {
    (void)state;
    static const struct { int extra, alpha; } rows[] = {{2, 60}, {-1, 60}, {0, 255}};
    static file f;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_four(&f, 2, rows[i].extra, -1, 8, 1);
        si_recipe r = recipe(0, 0);
        r.alpha = true;
        si_image im = render(&r, to_fd(f.bytes, f.len));
        check(&im, 4, 4, 200, 100, 50, 2);
        assert_int_equal(im.channels == 4 ? at(&im, 4, 4)[3] : 255, rows[i].alpha);
        si_image_free(&im);
    }
}

static void kinds_that_are_refused(void **state) {
    (void)state;
    static const struct {
        int photometric, extra, inks, bits, format;
        bool shown;
    } rows[] = {
        {5, -1, 1, 8, 1, true},      /* CMYK */
        {5, -1, -1, 16, 1, true},    /* the same */
        {5, -1, 2, 8, 1, false},     /* other inks */
        {2, 2, -1, 32, 1, true},     /* integers of 32 bits */
        {2, 2, -1, 16, 2, true},     /* signed */
        {8, 2, -1, 8, 1, false},     /* Lab with alpha */
        {9, 2, -1, 8, 1, false},     /* ICC's Lab */
        {10, 2, -1, 8, 1, false},    /* ITU's Lab */
        {32803, 2, -1, 8, 1, false}, /* sensor data */
    };
    static file f;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_four(
            &f, rows[i].photometric, rows[i].extra, rows[i].inks, rows[i].bits, rows[i].format);
        if ((code_of(&f, f.len) == SI_OK) != rows[i].shown) {
            fail_msg("photometric %d, inks %d, %d bits", rows[i].photometric, rows[i].inks,
                rows[i].bits);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_say_they_are_reduced),
        cmocka_unit_test(reduced_pages_below_a_page),
        cmocka_unit_test(pages_that_are_no_versions),
        cmocka_unit_test(ycc_colours),
        cmocka_unit_test(ycc_too_short),
        cmocka_unit_test(extra_samples),
        cmocka_unit_test(kinds_that_are_refused),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
