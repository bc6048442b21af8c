/* Pictures made pixel by pixel, and their rendering: what the tests of src/render share. */
#ifndef SI_TESTS_UNIT_PICTURES_H
#define SI_TESTS_UNIT_PICTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <vips/vips.h>

#include "render/render.h"

typedef void (*paint)(int x, int y, int *sample);

static inline VipsImage *paint_image(int w, int h, int bands, int bytes, paint f) {
    size_t size = (size_t)w * (size_t)h * (size_t)bands * (size_t)bytes;
    uint8_t *p = malloc(size);
    for (int i = 0; i < w * h; i++) {
        int s[5] = {0};
        f(i % w, i / w, s);
        for (int c = 0; c < bands; c++) {
            if (bytes == 2) {
                ((uint16_t *)p)[i * bands + c] = (uint16_t)s[c];
            } else {
                p[i * bands + c] = (uint8_t)s[c];
            }
        }
    }
    VipsImage *im = vips_image_new_from_memory_copy(
        p, size, w, h, bands, bytes == 2 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    im->Type = bands == 3 || bands == 4
                   ? (bytes == 2 ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB)
                   : (bytes == 2 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
    free(p);
    return im;
}

static inline int to_fd(const void *data, size_t len) {
    int fd = memfd_create("source", MFD_CLOEXEC);
    assert_true(write(fd, data, len) == (ssize_t)len);
    return fd;
}

/* to_fd() of what malloc() gave; frees it. */
static inline int take_fd(void *data, size_t len) {
    int fd = to_fd(data, len);
    free(data);
    return fd;
}

/* Encodes, releases the image, and returns a descriptor of at most `most` bytes of the file. */
static inline int save_part(VipsImage *im, const char *suffix, double most) {
    void *data = NULL;
    size_t len = 0;
    if (vips_image_write_to_buffer(im, suffix, &data, &len, NULL) != 0) {
        fail_msg("%s: %s", suffix, vips_error_buffer());
    }
    g_object_unref(im);
    int fd = to_fd(data, (size_t)((double)len * most));
    g_free(data);
    return fd;
}

static inline int save(VipsImage *im, const char *suffix) {
    return save_part(im, suffix, 1);
}

/* Layer 0 of the recipe made last. */
static si_layer layer;

/* One image layer, wid × hei (0 = not given; both 0: scl=1). */
static inline si_recipe recipe(int wid, int hei) {
    si_recipe r;
    si_recipe_init(&r);
    si_layer_init(&layer, 0);
    layer.source.kind = SI_SOURCE_FILE;
    layer.source.file.path = "source";
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    r.picture.view.wid = wid;
    r.picture.view.hei = hei;
    r.picture.view.scl = wid + hei == 0 ? 1 : 0;
    return r;
}

/* Renders and closes the descriptor. */
static inline si_image render(const si_recipe *r, int fd) {
    si_image im = {0};
    si_diag diag = {0};
    si_files files = si_files_of_fd(&fd);
    if (si_render(r, &files, NULL, &im, &diag) != SI_OK) {
        fail_msg("render: %s", diag.text);
    }
    close(fd);
    return im;
}

static inline const uint8_t *at(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
}

static inline void check(const si_image *im, int x, int y, int r, int g, int b, int slack) {
    const uint8_t *p = at(im, x, y);
    if (abs(p[0] - r) > slack || abs(p[1] - g) > slack || abs(p[2] - b) > slack) {
        fail_msg("pixel %d,%d is %d,%d,%d instead of %d,%d,%d", x, y, p[0], p[1], p[2], r, g, b);
    }
}

/* Renders the whole with alpha, closes the descriptor, and checks a point near the upper left and
 * one near the lower right corner: R, G, B, A. */
static inline void check_halves(
    int fd, const int left[4], const int right[4], int slack, int alpha_slack) {
    si_recipe r = recipe(0, 0);
    r.alpha = true;
    si_image out = render(&r, fd);
    assert_int_equal(out.channels, 4);
    for (int i = 0; i < 2; i++) {
        int x = out.width * (i == 0 ? 1 : 7) / 8, y = out.height * (i == 0 ? 1 : 7) / 8;
        const int *c = i == 0 ? left : right;
        check(&out, x, y, c[0], c[1], c[2], slack);
        assert_in_range(at(&out, x, y)[3], c[3] - alpha_slack, c[3] + alpha_slack);
    }
    si_image_free(&out);
}

static inline int largest_difference(const si_image *a, const si_image *b, int ax, int ay) {
    int most = 0;
    for (int y = 0; y < b->height; y++) {
        for (int i = 0; i < b->width * b->channels; i++) {
            int d = abs(at(a, ax, ay + y)[i] - at(b, 0, y)[i]);
            most = d > most ? d : most;
        }
    }
    return most;
}

static inline double psnr(const si_image *a, const si_image *b) {
    double sum = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int y = 0; y < a->height; y++) {
        for (int i = 0; i < a->width * 3; i++) {
            double d = at(a, 0, y)[i] - at(b, 0, y)[i];
            sum += d * d;
        }
    }
    return 10 * log10(255 * 255.0 * a->width * a->height * 3 / (sum + 1e-9));
}

static inline void set(int *s, int r, int g, int b, int a) {
    s[0] = r, s[1] = g, s[2] = b, s[3] = a;
}

/* Red, green / blue, yellow quarters of 64×32. */
static inline void quarters(int x, int y, int *s) {
    bool right = x >= 32, low = y >= 16;
    set(s, right ? (low ? 255 : 0) : (low ? 0 : 255), right ? 255 : 0, low && !right ? 255 : 0,
        255);
}

/* Waves with fine detail, no alpha. */
static inline void waves(int x, int y, int *s) {
    double a = sin(x * 0.05) + sin(y * 0.031 + x * 0.011), b = sin(x * 0.7) * sin(y * 0.6);
    set(s, (int)(128 + 50 * a + 20 * b), (int)(128 - 40 * a + 20 * b),
        (int)(120 + 60 * sin(y * 0.04)), 255);
}

/* Nothing finer than 400 pixels. */
static inline void slow_waves(int x, int y, int *s) {
    double a = sin(x * 0.015), b = sin(y * 0.01 + x * 0.003);
    set(s, (int)(128 + 100 * a), (int)(128 - 100 * b), (int)(128 + 60 * a + 60 * b), 255);
}

static inline void half_red(int x, int y, int *s) {
    (void)x, (void)y;
    set(s, 255, 0, 0, 128);
}

static inline int start_render(void **state) {
    (void)state;
    si_diag diag = {0};
    return si_render_start(&diag) == SI_OK ? 0 : -1;
}

#endif
