/* JPEG originals without their last marker: shown if all pixels are there, else refused. And the
 * reader of their pixels. */
#include "pictures.h"

#include <stdio.h>

#include <jpeglib.h>

#include "render/read/original.h"

enum { SIDE_X = 150, SIDE_Y = 101 };

typedef struct kind {
    const char *name;
    bool progressive, arithmetic, separate;
    int restart, sampling, components;
} kind;

static const kind kinds[] = {
    {.name = "baseline", .sampling = 2, .components = 3},
    {.name = "4:4:4", .sampling = 1, .components = 3},
    {.name = "grey", .sampling = 1, .components = 1},
    {.name = "restart markers", .restart = 1, .sampling = 2, .components = 3},
    {.name = "progressive", .progressive = true, .sampling = 2, .components = 3},
    {.name = "progressive grey", .progressive = true, .sampling = 1, .components = 1},
    {.name = "a scan a component", .separate = true, .sampling = 2, .components = 3},
};

/* Released with free(). */
static uint8_t *encode(const kind *k, unsigned long *len) {
    static const jpeg_scan_info separate[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint8_t *out = NULL, row[SIDE_X * 3];
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, len);
    c.image_width = SIDE_X;
    c.image_height = SIDE_Y;
    c.input_components = k->components;
    c.in_color_space = k->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&c);
    c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = k->sampling;
    c.restart_in_rows = k->restart;
    c.arith_code = k->arithmetic;
    if (k->progressive) {
        jpeg_simple_progression(&c);
    }
    if (k->separate) {
        c.scan_info = separate;
        c.num_scans = 3;
    }
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < SIDE_Y; y++) {
        for (int i = 0; i < SIDE_X * k->components; i++) {
            row[i] = (uint8_t)(128 + 100 * sin(i * 0.1) * cos(y * 0.2));
        }
        jpeg_write_scanlines(&c, (JSAMPROW[]){row}, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return out;
}

static si_result show(const uint8_t *data, size_t len, int width, si_image *out) {
    si_diag diag = {0};
    int fd = to_fd(data, len);
    si_files files = si_files_of_fd(&fd);
    si_recipe r = recipe(width, 0);
    si_result code = si_render(&r, &files, NULL, out, &diag);
    assert_true(code == SI_OK || (code == SI_ERR_SOURCE && diag.text[0] != '\0'));
    close(fd);
    return code;
}

static bool is_shown(const uint8_t *data, size_t len) {
    si_image im = {0};
    bool shown = show(data, len, SIDE_X / 8, &im) == SI_OK;
    si_image_free(&im);
    return shown;
}

/* At full size and at 1/2, 1/4 and 1/8 the same pixels with and without the marker. */
static void all_but_the_marker(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned long len = 0;
        uint8_t *data = encode(&kinds[i], &len);
        for (int shrink = 1; shrink <= 16; shrink *= 2) {
            si_image with = {0}, without = {0};
            assert_int_equal(show(data, len, SIDE_X / shrink, &with), SI_OK);
            if (show(data, len - 2, SIDE_X / shrink, &without) != SI_OK) {
                fail_msg("%s is refused", kinds[i].name);
            }
            assert_int_equal(with.width, without.width);
            assert_int_equal(with.height, without.height);
            assert_int_equal(largest_difference(&with, &without, 0, 0), 0);
            si_image_free(&with);
            si_image_free(&without);
        }
        if (!is_shown(data, len - 1)) {
            fail_msg("%s, cut within the marker, is refused", kinds[i].name);
        }
        free(data);
    }
}

static void rows_or_scans_missing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned long len = 0;
        uint8_t *data = encode(&kinds[i], &len);
        for (unsigned long cut = 4; cut < len - 600; cut += cut / 3) {
            if (is_shown(data, len - 2 - cut)) {
                fail_msg("%s, cut by %lu bytes, is shown", kinds[i].name, cut);
            }
        }
        bool first = true;
        for (size_t at = 0; at + 2 < len; at++) { /* cut before each scan */
            if (data[at] != 0xff || data[at + 1] != 0xda) {
                continue;
            }
            if (!first && is_shown(data, at)) {
                fail_msg("%s is shown without its last scans", kinds[i].name);
            }
            first = false;
        }
        free(data);
    }
}

/* What follows the marker does not matter; nor what follows the pixels, if nothing is missing. */
static void something_behind(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned long len = 0;
        uint8_t *data = encode(&kinds[i], &len), *longer = calloc(1, len + 1000);
        memcpy(longer, data, len);
        assert_true(is_shown(longer, len + 1000));
        memset(longer + len - 2, 0, 2);
        if (!kinds[i].progressive && !kinds[i].separate && !is_shown(longer, len + 1000)) {
            fail_msg("%s with zeros for a marker is refused", kinds[i].name);
        }
        free(longer);
        free(data);
    }
}

/* Its decoder cannot tell that data is missing. */
static void arithmetic(void **state) {
    (void)state;
    const kind k = {.name = "arithmetic", .arithmetic = true, .sampling = 2, .components = 3};
    unsigned long len = 0;
    uint8_t *data = encode(&k, &len);
    assert_true(is_shown(data, len));
    assert_false(is_shown(data, len - 2));
    assert_false(is_shown(data, len - 200));
    free(data);
}

/* ---- our own reader ---- */

/* Opens the file as an original, 1/shrink of its size; the caller closes `o` and its descriptor. */
static void open_reduced(const uint8_t *data, size_t len, int shrink, si_original *o) {
    si_diag diag = {0};
    assert_int_equal(si_original_open(o, to_fd(data, len), NULL, &diag), SI_OK);
    const double ratio[2] = {2 * shrink, 2 * shrink};
    assert_int_equal(si_original_reduce(o, ratio, &diag), SI_OK);
}

static void compare_rows(VipsRegion *ours, VipsImage *theirs, VipsRect r) {
    size_t pel = VIPS_IMAGE_SIZEOF_PEL(theirs);
    assert_int_equal(vips_region_prepare(ours, &r), 0);
    for (int y = r.top; y < r.top + r.height; y++) {
        assert_memory_equal(VIPS_REGION_ADDR(ours, r.left, y), VIPS_IMAGE_ADDR(theirs, r.left, y),
            (size_t)r.width * pel);
    }
}

/* Whole rows and parts of them, with rows between that nobody wants, are those of libvips. */
static void pixels_of_libvips(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned long len = 0;
        uint8_t *data = encode(&kinds[i], &len);
        for (int shrink = 1; shrink <= 8; shrink *= 2) {
            VipsImage *lazy = NULL;
            assert_int_equal(vips_jpegload_buffer(data, len, &lazy, "shrink", shrink, NULL), 0);
            VipsImage *theirs = vips_image_copy_memory(lazy);
            for (int part = 0; part < 2; part++) {
                si_original o = {0};
                open_reduced(data, len, shrink, &o);
                int w = theirs->Xsize, h = theirs->Ysize, left = part ? w / 3 : 0;
                assert_int_equal(o.image->Xsize, w);
                assert_int_equal(o.image->Ysize, h);
                assert_int_equal(o.image->Bands, theirs->Bands);
                VipsRegion *ours = vips_region_new(o.image);
                compare_rows(ours, theirs, (VipsRect){left, h / 5, w - 2 * left, h / 4});
                compare_rows(ours, theirs, (VipsRect){left, h / 2, w - 2 * left, h - h / 2});
                g_object_unref(ours);
                close(o.fd);
                si_original_close(&o);
            }
            g_object_unref(theirs);
            g_object_unref(lazy);
        }
        free(data);
    }
}

static void ripples(int x, int y, int *sample) {
    for (int c = 0; c < 3; c++) {
        sample[c] = (x * x / 97 + y * (c + 3) / 2 + (x & y & 31)) & 255;
    }
}

/* More coefficients than malloc() is asked for: 23 MB. */
static void large_and_progressive(void **state) {
    (void)state;
    void *data = NULL;
    size_t len = 0;
    VipsImage *source = paint_image(2600, 1500, 3, 1, ripples), *lazy = NULL;
    assert_int_equal(vips_jpegsave_buffer(source, &data, &len, "interlace", TRUE, "subsample_mode",
                         VIPS_FOREIGN_SUBSAMPLE_OFF, NULL),
        0);
    assert_int_equal(vips_jpegload_buffer(data, len, &lazy, "shrink", 2, NULL), 0);
    VipsImage *theirs = vips_image_copy_memory(lazy);
    si_original o = {0};
    open_reduced(data, len, 2, &o);
    VipsRegion *ours = vips_region_new(o.image);
    compare_rows(ours, theirs, (VipsRect){0, 0, theirs->Xsize, theirs->Ysize});
    g_object_unref(ours);
    close(o.fd);
    si_original_close(&o);
    g_object_unref(theirs);
    g_object_unref(lazy);
    g_object_unref(source);
    g_free(data);
}

/* A row that has gone by is refused, not made up. */
static void rows_out_of_order(void **state) {
    (void)state;
    unsigned long len = 0;
    uint8_t *data = encode(&kinds[0], &len);
    si_original o = {0};
    open_reduced(data, len, 1, &o);
    VipsRegion *region = vips_region_new(o.image);
    assert_int_equal(vips_region_prepare(region, &(VipsRect){0, 50, SIDE_X, 8}), 0);
    assert_int_not_equal(vips_region_prepare(region, &(VipsRect){0, 10, SIDE_X, 8}), 0);
    vips_error_clear();
    g_object_unref(region);
    close(o.fd);
    si_original_close(&o);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_the_marker),
        cmocka_unit_test(rows_or_scans_missing),
        cmocka_unit_test(something_behind),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(pixels_of_libvips),
        cmocka_unit_test(large_and_progressive),
        cmocka_unit_test(rows_out_of_order),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
