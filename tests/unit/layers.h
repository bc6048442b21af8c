/* Recipes of several layers over pictures made here: what the tests of the compositor share. */
#ifndef SI_TESTS_UNIT_LAYERS_H
#define SI_TESTS_UNIT_LAYERS_H

#include "pictures.h"

enum { MAX_FILES = 32, MAX_LAYERS = 32 };

/* Files by name. */
static struct {
    const char *name;
    int fd;
} shelf[MAX_FILES];
static int shelf_len;

static inline void put_file(const char *name, int fd) {
    shelf[shelf_len].name = name;
    shelf[shelf_len++].fd = fd;
}

static inline int empty_shelf(void **state) {
    (void)state;
    while (shelf_len > 0) {
        close(shelf[--shelf_len].fd);
    }
    return 0;
}

static inline int open_shelf(void *context, const si_file_ref *file, si_diag *diag) {
    (void)context;
    for (int i = 0; i < shelf_len; i++) {
        if (strcmp(shelf[i].name, file->path) == 0) {
            return dup(shelf[i].fd);
        }
    }
    (void)si_fail(diag, SI_ERR_NOT_FOUND, "no file %s", file->path);
    return -1;
}

static const si_files shelf_files = {.open = open_shelf};

/* Layers of the recipe made last. */
static si_layer layers[MAX_LAYERS];

static inline si_layer *image_layer(int i, const char *file) {
    si_layer_init(&layers[i], i);
    layers[i].source.kind = SI_SOURCE_FILE;
    layers[i].source.file.path = file;
    return &layers[i];
}

static inline si_layer *solid_layer(int i, int w, int h, uint32_t rgb, int alpha) {
    si_layer_init(&layers[i], i);
    layers[i].kind = SI_LAYER_SOLID;
    layers[i].has_color = true;
    layers[i].color = (si_paint){rgb, (uint8_t)alpha};
    layers[i].size[0] = w;
    layers[i].size[1] = h;
    return &layers[i];
}

/* `count` layers, scl=1, PNG with alpha. */
static inline si_recipe composition(int count) {
    si_recipe r;
    si_recipe_init(&r);
    r.picture.layers = layers;
    r.picture.layer_count = count;
    r.picture.view.scl = 1;
    r.alpha = true;
    return r;
}

static inline si_image compose(const si_recipe *r) {
    si_image im = {0};
    si_diag diag = {0};
    if (si_render(r, &shelf_files, NULL, &im, &diag) != SI_OK) {
        fail_msg("render: %s", diag.text);
    }
    return im;
}

/* Checks colour and alpha. */
static inline void expect(const si_image *im, int x, int y, int r, int g, int b, int a, int slack) {
    const uint8_t *p = at(im, x, y);
    int alpha = im->channels == 4 ? p[3] : 255;
    if (abs(alpha - a) > slack ||
        (a > 0 && (abs(p[0] - r) > slack || abs(p[1] - g) > slack || abs(p[2] - b) > slack))) {
        fail_msg("pixel %d,%d is %d,%d,%d,%d instead of %d,%d,%d,%d", x, y, p[0], p[1], p[2], alpha,
            r, g, b, a);
    }
}

static inline void set_pixels(si_point *p, double x, double y) {
    *p = (si_point){SI_UNIT_PIXELS, {x, y}};
}

#endif
