/* Requests that cannot end within their limits are refused before anything is decoded. */
#include "layers.h"

#include "render/frames.h"

enum { SIDE = 64, FRAMES = 40, HARMLESS_MS = 8000 };

static void grey(int x, int y, int *s) {
    (void)x, (void)y;
    set(s, 90, 90, 90, 255);
}

/* Frames below each other, none like the one before: WebP makes one of equal ones. */
static void steps(int x, int y, int *s) {
    (void)x;
    set(s, y / SIDE % 2 * 200, 90, 90, 255);
}

static int fill_shelf(void **state) {
    (void)state;
    put_file("grey", save(paint_image(SIDE, SIDE, 3, 1, grey), ".png"));
    /* a header that promises much, and nothing behind it */
    put_file("bomb", save_part(paint_image(8000, 8000, 1, 1, grey), ".png", 0.5));
    VipsImage *strip = paint_image(SIDE, SIDE * FRAMES, 3, 1, steps);
    vips_image_set_int(strip, VIPS_META_PAGE_HEIGHT, SIDE);
    put_file("moving", save(strip, ".webp"));
    return 0;
}

static si_result try(const si_recipe *r, const si_render_limits *limits, si_diag *diag) {
    si_image im = {0};
    si_result result = si_render(r, &shelf_files, limits, &im, diag);
    si_image_free(&im);
    return result;
}

/* Refused for the reason that the text names, with these limits but not without. */
static void refused(const si_recipe *r, const si_render_limits *limits, const char *reason) {
    si_diag diag = {0};
    if (try(r, limits, &diag) != SI_ERR_LIMIT || strstr(diag.text, reason) == NULL) {
        fail_msg("not refused for %s: %d %s", reason, (int)diag.code, diag.text);
    }
}

static void served(const si_recipe *r, const si_render_limits *limits) {
    si_diag diag = {0};
    if (try(r, limits, &diag) != SI_OK) {
        fail_msg("refused: %s", diag.text);
    }
}

/* Ordinary ones, and the dearest that can still be made in time. */
static void ordinary(void **state) {
    (void)state;
    const si_render_limits limits = {.max_ms = HARMLESS_MS, .max_bytes = 2LL << 30};
    image_layer(0, "grey");
    si_recipe r = composition(1);
    served(&r, &limits);
    layers[0].size[0] = layers[0].size[1] = 4096;
    layers[0].adjustments.ops.blur = 100;
    served(&r, &limits);
}

static void many_large_layers(void **state) {
    (void)state;
    const si_render_limits limits = {.max_ms = HARMLESS_MS / 4};
    solid_layer(0, 4096, 4096, 0xFF0000, 255);
    for (int i = 1; i < MAX_LAYERS; i++) {
        solid_layer(i, 4096, 4096, 0x00FF00, 128);
        layers[i].adjustments.ops.blur = 100;
        layers[i].adjustments.ops.grow = 100;
        layers[i].adjustments.ops.noise = 50;
        layers[i].rotate = 10;
    }
    si_recipe r = composition(MAX_LAYERS);
    refused(&r, &limits, "most of it for ");
    r.picture.view.has_rect = true; /* one tile of it */
    r.picture.view.rect[2] = r.picture.view.rect[3] = 64;
    r.picture.view.rect_scale = 1;
    served(&r, &limits);
    r = composition(MAX_LAYERS);
    r.picture.view.scl = 64; /* and all of it, small */
    served(&r, &limits);
}

static void hidden_or_outside(void **state) {
    (void)state;
    const si_render_limits limits = {.max_ms = 1};
    solid_layer(0, 8, 8, 0xFF0000, 255);
    for (int i = 1; i < MAX_LAYERS; i++) {
        solid_layer(i, 4096, 4096, 0x00FF00, 128);
        layers[i].adjustments.ops.blur = 1;
        layers[i].hide = i % 2 == 0;
        set_pixels(&layers[i].pos, 5000, 0);
    }
    si_recipe r = composition(MAX_LAYERS);
    served(&r, &limits);
}

static void blur_and_grow(void **state) {
    (void)state;
    const si_render_limits limits = {.max_ms = 1};
    static const char *const reasons[] = {"blurring", "growing", "rotation"};
    for (int i = 0; i < 3; i++) {
        image_layer(0, "grey");
        layers[0].size[0] = layers[0].size[1] = 1000;
        si_recipe r = composition(1);
        layers[0].adjustments.ops.blur = i == 0 ? 50 : 0;
        layers[0].adjustments.ops.grow = i == 1 ? 100 : 0;
        layers[0].rotate = i == 2 ? 45 : 0;
        refused(&r, &limits, reasons[i]);
        served(&r, NULL);
    }
}

/* Each layer reads its source again. The file is broken, which decoding would find. */
static void originals_read_often(void **state) {
    (void)state;
    const si_render_limits limits = {.max_ms = 1000};
    for (int i = 0; i < MAX_LAYERS; i++) {
        image_layer(i, "bomb")->size[0] = 10;
        layers[i].size[1] = 10;
    }
    si_recipe r = composition(MAX_LAYERS);
    refused(&r, &limits, "decoding of originals");
    r = composition(1);
    si_diag diag = {0};
    assert_int_equal(try(&r, &limits, &diag), SI_ERR_SOURCE);
}

/* Canvases of nested pictures are in memory together. */
static void nested_canvases(void **state) {
    (void)state;
    enum { DEPTH = 6 };
    static si_picture pictures[DEPTH];
    static si_layer inner[DEPTH];
    si_render_limits limits = {.max_bytes = 40 << 20};
    for (int i = 0; i < DEPTH; i++) {
        si_layer_init(&inner[i], 0);
        inner[i].source.kind = i == 0 ? SI_SOURCE_FILE : SI_SOURCE_NESTED;
        inner[i].source.file.path = "grey";
        inner[i].source.nested = i == 0 ? NULL : &pictures[i - 1];
        inner[i].size[0] = inner[i].size[1] = 1500;
        inner[i].adjustments.opac[0] = 50;
        si_picture_init(&pictures[i]);
        pictures[i].layers = &inner[i];
        pictures[i].layer_count = 1;
        pictures[i].view.scl = 1;
    }
    si_recipe r = composition(1);
    r.picture = pictures[DEPTH - 1];
    refused(&r, &limits, "MB of memory");
    limits.max_bytes = 400 << 20;
    served(&r, &limits);
}

static si_result no_frame(void *context, const si_image *frame, int delay_ms, si_diag *diag) {
    (void)context, (void)frame, (void)delay_ms, (void)diag;
    return SI_OK;
}

static void animations(void **state) {
    (void)state;
    si_diag diag = {0};
    si_animation_facts facts = {.frames = 1000, .width = 400, .height = 400, .kind = SI_KIND_GIF},
                       told;
    image_layer(0, "moving");
    si_recipe r = composition(1);
    r.format = SI_FORMAT_AVIF;
    const si_render_limits limits = {.max_ms = HARMLESS_MS / 4};
    assert_int_equal(si_animation_foresee(&r, &facts, NULL, &diag), SI_ERR_LIMIT);
    assert_non_null(strstr(diag.text, "1000 frames of 400×400")); /* more than may be shown */
    diag = (si_diag){0};
    facts.frames = 400;
    assert_int_equal(si_animation_foresee(&r, &facts, NULL, &diag), SI_OK);
    assert_int_equal(si_animation_foresee(&r, &facts, &limits, &diag), SI_ERR_LIMIT);
    assert_non_null(strstr(diag.text, "encoding of frames"));
    r.format = SI_FORMAT_GIF;
    assert_int_equal(si_animation_foresee(&r, &facts, &limits, NULL), SI_OK);
    int fd = open_shelf(NULL, &layers[0].source.file, NULL);
    assert_int_equal(si_animation_look(fd, NULL, &told, NULL), SI_OK);
    close(fd);
    assert_int_equal(told.frames, FRAMES);
    assert_int_equal(si_animation_foresee(&r, &told, &limits, NULL), SI_OK);
    assert_int_equal(si_animation_render(&r, &shelf_files, &limits, no_frame, NULL, NULL), SI_OK);
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(ordinary),
        cmocka_unit_test(many_large_layers), cmocka_unit_test(hidden_or_outside),
        cmocka_unit_test(blur_and_grow), cmocka_unit_test(originals_read_often),
        cmocka_unit_test(nested_canvases), cmocka_unit_test(animations)};
    if (start_render(NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, fill_shelf, empty_shelf);
}
