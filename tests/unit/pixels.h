/* What the tests of pixel operations share: pictures drawn from a seed, and comparing them. */
#ifndef SI_TESTS_PIXELS_H
#define SI_TESTS_PIXELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/image.h"
#include "render/pixel/plane.h"

/* xorshift: the same numbers on every machine */
static inline uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline uint8_t *pixel(const si_image *im, int x, int y) {
    return im->pixels + (size_t)y * im->stride + (size_t)x * (size_t)im->channels;
}

static inline si_image new_image(int w, int h, int channels) {
    si_image im;
    assert_int_equal(si_image_alloc(&im, w, h, channels, NULL), SI_OK);
    return im;
}

static inline si_plane new_plane(int w, int h, uint8_t value) {
    si_plane p;
    assert_int_equal(si_plane_alloc(&p, w, h, NULL), SI_OK);
    si_plane_fill(&p, value);
    return p;
}

/* Random levels; a third of the alphas are 0 and a third 255. */
static inline si_image random_image(int w, int h, int channels, uint32_t seed) {
    si_image im = new_image(w, h, channels);
    uint32_t state = seed * 2654435761u + 1;
    for (int y = 0; y < h; y++) {
        for (int i = 0; i < w * channels; i++) {
            uint32_t r = next_random(&state) >> 8;
            bool alpha = channels == 4 && i % 4 == 3;
            pixel(&im, 0, y)[i] = (uint8_t)(alpha && r % 3 < 2 ? r % 3 * 255 : r / 3 % 256);
        }
    }
    return im;
}

static inline si_plane random_plane(int w, int h, uint32_t seed) {
    si_plane p = new_plane(w, h, 0);
    uint32_t state = seed * 2654435761u + 1;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            uint32_t r = next_random(&state) >> 8;
            si_plane_row(&p, y)[x] = (uint8_t)(r % 3 < 2 ? r % 3 * 255 : r / 3 % 256);
        }
    }
    return p;
}

static inline si_image copy_image(const si_image *im) {
    si_image copy = new_image(im->width, im->height, im->channels);
    memcpy(copy.pixels, im->pixels, im->stride * (size_t)im->height);
    copy.grey = im->grey;
    return copy;
}

static inline si_plane copy_plane(const si_plane *p) {
    si_plane copy = new_plane(p->width, p->height, 0);
    memcpy(copy.pixels, p->pixels, p->stride * (size_t)p->height);
    return copy;
}

static inline void assert_same_image(const si_image *a, const si_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    for (int y = 0; y < a->height; y++) {
        assert_memory_equal(pixel(a, 0, y), pixel(b, 0, y), (size_t)(a->width * a->channels));
    }
}

static inline void assert_same_plane(const si_plane *a, const si_plane *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int y = 0; y < a->height; y++) {
        assert_memory_equal(si_plane_row(a, y), si_plane_row(b, y), (size_t)a->width);
    }
}

#endif
