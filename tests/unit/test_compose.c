/* Pictures of layers, pixel by pixel (docs/layers.md; numbers are of docs/decisions.md). */
#include "layers.h"

static void red(int x, int y, int *s) {
    (void)x, (void)y;
    set(s, 255, 0, 0, 255);
}

/* Left half black, right half white. */
static void halves(int x, int y, int *s) {
    (void)y;
    int v = x < 50 ? 0 : 255;
    set(s, v, v, v, 255);
}

/* A disc in the middle of 100×100. */
static void disc(int x, int y, int *s) {
    int dx = 2 * x - 99, dy = 2 * y - 99;
    set(s, 0, 0, 255, dx * dx + dy * dy < 80 * 80 ? 255 : 0);
}

static int fill_shelf(void **state) {
    (void)state;
    put_file("red", save(paint_image(200, 100, 3, 1, red), ".png"));
    put_file("quarters", save(paint_image(64, 32, 3, 1, quarters), ".png"));
    put_file("halves", save(paint_image(100, 100, 3, 1, halves), ".png"));
    put_file("disc", save(paint_image(100, 100, 4, 1, disc), ".png"));
    put_file("waves", save(paint_image(700, 500, 3, 1, waves), ".png"));
    put_file("photo", save(paint_image(2000, 1500, 3, 1, slow_waves), ".png"));
    return 0;
}

/* ---- placing ---- */

static void stack(void **state) {
    (void)state;
    image_layer(0, "red");
    si_layer *l = image_layer(1, "quarters");
    set_pixels(&l->pos, 10, -5);
    solid_layer(2, 20, 10, 0x00FF00, 128);
    si_recipe r = composition(3);
    si_image out = compose(&r);
    assert_int_equal(out.width, 200);
    expect(&out, 77, 29, 255, 0, 0, 255, 0); /* quarters at 78,29 */
    expect(&out, 78, 45, 0, 0, 255, 255, 0);
    expect(&out, 141, 60, 255, 255, 0, 255, 0);
    expect(&out, 142, 60, 255, 0, 0, 255, 0);
    expect(&out, 90, 47, 0, 128, 127, 255, 1); /* the green at 90,45 to 110,55 */
    expect(&out, 89, 47, 0, 0, 255, 255, 0);
    expect(&out, 109, 54, 0, 128, 127, 255, 1);
    expect(&out, 110, 54, 255, 255, 0, 255, 0);
    si_image_free(&out);
}

static void clipped_by_the_canvas(void **state) {
    (void)state;
    image_layer(0, "red");
    solid_layer(1, 100, 100, 0x0000FF, 255);
    layers[1].pos = (si_point){SI_UNIT_NORMALIZED, {0.5, 0.5}}; /* its middle on the corner */
    si_recipe r = composition(2);
    si_image out = compose(&r);
    assert_int_equal(out.width, 200);
    assert_int_equal(out.height, 100);
    expect(&out, 149, 99, 255, 0, 0, 255, 0);
    expect(&out, 150, 50, 0, 0, 255, 255, 0);
    expect(&out, 199, 99, 0, 0, 255, 255, 0);
    expect(&out, 150, 49, 255, 0, 0, 255, 0);
    si_image_free(&out);
}

/* Both at comp: extend belongs to layer 0 and runs first, so the band ends on the right. */
static void flip_and_extend(void **state) {
    (void)state;
    for (int comp = 0; comp < 2; comp++) {
        si_layer *l = image_layer(0, "quarters");
        l->extend_unit = SI_UNIT_PIXELS;
        l->extend[0] = 10;
        l->bg_color = (si_paint){0x00FFFF, 255};
        si_recipe r = composition(1);
        *(comp ? &r.picture.comp.flip : &l->adjustments.flip) = SI_FLIP_LR;
        si_image out = compose(&r);
        assert_int_equal(out.width, 74);
        assert_int_equal(out.height, 32);
        int from = comp ? 0 : 10;
        expect(&out, comp ? 64 : 0, 5, 0, 255, 255, 255, 0);
        expect(&out, comp ? 73 : 9, 31, 0, 255, 255, 255, 0);
        expect(&out, from, 0, 0, 255, 0, 255, 0); /* mirrored: green, red / yellow, blue */
        expect(&out, from + 63, 0, 255, 0, 0, 255, 0);
        expect(&out, from + 31, 31, 255, 255, 0, 255, 0);
        expect(&out, from + 32, 31, 0, 0, 255, 255, 0);
        si_image_free(&out);
    }
}

static void right_angles(void **state) {
    (void)state;
    static const struct {
        int degrees, flip, w, h;
        uint32_t corner[4]; /* TL, TR, BL, BR */
    } rows[] = {
        {0, 0, 64, 32, {0xFF0000, 0x00FF00, 0x0000FF, 0xFFFF00}},
        {90, 0, 32, 64, {0x0000FF, 0xFF0000, 0xFFFF00, 0x00FF00}},
        {180, 0, 64, 32, {0xFFFF00, 0x0000FF, 0x00FF00, 0xFF0000}},
        {270, 0, 32, 64, {0x00FF00, 0xFFFF00, 0xFF0000, 0x0000FF}},
        {90, SI_FLIP_LR, 32, 64, {0xFFFF00, 0x00FF00, 0x0000FF, 0xFF0000}},
        {90, SI_FLIP_UD, 32, 64, {0xFF0000, 0x0000FF, 0x00FF00, 0xFFFF00}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_layer *l = image_layer(0, "quarters");
        l->rotate = rows[i].degrees;
        l->adjustments.flip = rows[i].flip;
        si_recipe r = composition(1);
        si_image out = compose(&r);
        assert_int_equal(out.width, rows[i].w);
        assert_int_equal(out.height, rows[i].h);
        for (int k = 0; k < 4; k++) {
            uint32_t c = rows[i].corner[k];
            expect(&out, k & 1 ? out.width - 1 : 0, k & 2 ? out.height - 1 : 0, (int)(c >> 16),
                (int)(c >> 8 & 255), (int)(c & 255), 255, 0);
        }
        si_image_free(&out);
    }
}

static void rotate(void **state) {
    (void)state;
    si_layer *l = image_layer(0, "photo"); /* rotate=45&wid=300 */
    l->rotate = 45;
    si_recipe r = composition(1);
    r.picture.view.scl = 0;
    r.picture.view.wid = 300;
    si_image out = compose(&r);
    assert_int_equal(out.width, 300);
    assert_int_equal(out.height, 300);
    expect(&out, 2, 2, 0, 0, 0, 0, 0);
    expect(&out, 297, 2, 0, 0, 0, 0, 0);
    assert_int_equal(at(&out, 150, 150)[3], 255);
    si_image_free(&out);

    image_layer(0, "red"); /* the parts of a turned layer are where they belong */
    l = image_layer(1, "quarters");
    l->rotate = 30;
    r = composition(2);
    out = compose(&r);
    expect(&out, 100 - 20, 50 - 14, 255, 0, 0, 255, 3);
    expect(&out, 100 + 20, 50 + 4, 0, 255, 0, 255, 3);
    expect(&out, 100 - 20, 50 - 4, 0, 0, 255, 255, 3);
    expect(&out, 100 + 20, 50 + 16, 255, 255, 0, 255, 3);
    expect(&out, 100 - 31, 50 + 16, 255, 0, 0, 255, 0);
    si_image_free(&out);
}

static void colours_behind(void **state) {
    (void)state;
    si_layer *l = image_layer(0, "disc"); /* color before rotate, bgColor after it */
    l->rotate = 45;
    l->has_color = true;
    l->color = (si_paint){0x00FF00, 255};
    l->bg_color = (si_paint){0xFF00FF, 255};
    si_recipe r = composition(1);
    si_image out = compose(&r);
    assert_int_equal(out.width, 142);
    expect(&out, 71, 71, 0, 0, 255, 255, 0);
    expect(&out, 71, 15, 0, 255, 0, 255, 0);
    expect(&out, 3, 3, 255, 0, 255, 255, 0);
    si_image_free(&out);
}

/* ---- masks and looks ---- */

static void masks(void **state) {
    (void)state;
    static const struct {
        si_mask_use use;
        int left, right; /* alpha */
    } rows[] = {{SI_MASK_NORM, 0, 255}, {SI_MASK_INVERT, 255, 0}, {SI_MASK_OFF, 255, 255}};
    for (int i = 0; i < 3; i++) {
        for (int solid = 0; solid < 2; solid++) {
            si_layer *l = solid ? solid_layer(0, 0, 0, 0xFF0000, 255) : image_layer(0, "disc");
            l->mask.kind = SI_SOURCE_FILE;
            l->mask.file.path = "halves";
            l->mask_use = rows[i].use;
            si_recipe r = composition(1);
            si_image out = compose(&r);
            assert_int_equal(out.width, 100);
            expect(&out, 40, 50, solid ? 255 : 0, 0, solid ? 0 : 255, rows[i].left, 0);
            expect(&out, 60, 50, solid ? 255 : 0, 0, solid ? 0 : 255, rows[i].right, 0);
            si_image_free(&out);
        }
    }
    si_layer *l = image_layer(0, "red"); /* without a mask: norm and off opaque, invert hidden */
    l->mask_use = SI_MASK_INVERT;
    si_recipe r = composition(1);
    si_image out = compose(&r);
    expect(&out, 50, 50, 0, 0, 0, 0, 0);
    si_image_free(&out);
}

static void opacity(void **state) {
    (void)state;
    image_layer(0, "red");
    si_layer *l = solid_layer(1, 20, 20, 0x0000FF, 255);
    l->adjustments.opac[0] = 50;
    l->adjustments.opac[1] = 60;
    si_recipe r = composition(2);
    r.picture.comp.opac[0] = 80;
    si_image out = compose(&r);
    expect(&out, 100, 50, 178, 0, 77, 204, 1); /* 30 % of blue, 80 % of all */
    expect(&out, 10, 10, 255, 0, 0, 204, 1);
    si_image_free(&out);
}

static void clip_paths(void **state) {
    (void)state;
    si_layer *l = image_layer(0, "red");
    l->adjustments.clip_path = "M20,10L120,10L120,60L20,60Z";
    l->adjustments.clip_xpath = "M40,20L60,20L60,40L40,40Z";
    si_recipe r = composition(1);
    si_image out = compose(&r);
    expect(&out, 19, 30, 0, 0, 0, 0, 0);
    expect(&out, 20, 10, 255, 0, 0, 255, 0);
    expect(&out, 119, 59, 255, 0, 0, 255, 0);
    expect(&out, 120, 59, 0, 0, 0, 0, 0);
    expect(&out, 50, 30, 0, 0, 0, 0, 0);
    si_image_free(&out);

    image_layer(0, "red"); /* a colour takes its size from the path, its origin is the path's 0,0 */
    l = solid_layer(1, 0, 0, 0x0000FF, 255);
    l->adjustments.clip_path = "M10,-20L30,-20L30,-5L10,-5Z";
    r = composition(2);
    out = compose(&r);
    expect(&out, 110, 30, 0, 0, 255, 255, 0);
    expect(&out, 129, 44, 0, 0, 255, 255, 0);
    expect(&out, 109, 30, 255, 0, 0, 255, 0);
    expect(&out, 130, 44, 255, 0, 0, 255, 0);
    expect(&out, 129, 45, 255, 0, 0, 255, 0);
    si_image_free(&out);
}

/* Two regions recoloured over the original. */
static void recoloured(void **state) {
    (void)state;
    image_layer(0, "halves");
    for (int i = 1; i < 3; i++) {
        si_layer *l = image_layer(i, "halves");
        l->mask.kind = SI_SOURCE_FILE;
        l->mask.file.path = i == 1 ? "disc" : "halves";
        l->adjustments.ops.colorize = SI_COLORIZE_OFF;
        l->adjustments.ops.colorize_rgb = i == 1 ? 0xC80000 : 0x00C800;
    }
    layers[2].adjustments.ops.invert = true;
    si_recipe r = composition(3);
    si_image out = compose(&r);
    expect(&out, 30, 50, 0, 0, 0, 255, 1); /* black stays black */
    expect(&out, 70, 50, 0, 0, 0, 255, 1); /* inverted after colouring: white became black */
    si_image_free(&out);
}

/* Blurred background, crisp foreground. */
static void blurred_background(void **state) {
    (void)state;
    si_layer *l = image_layer(0, "disc");
    l->adjustments.ops.blur = 15;
    l->mask_use = SI_MASK_OFF;
    image_layer(1, "disc");
    si_recipe r = composition(2);
    si_image out = compose(&r);
    expect(&out, 50, 50, 0, 0, 255, 255, 0);
    expect(&out, 2, 2, 0, 0, 255, 255, 0);
    si_image_free(&out);

    image_layer(0, "halves")->adjustments.ops.blur = 10;
    si_recipe s = composition(1);
    out = compose(&s);
    expect(&out, 49, 50, 123, 123, 123, 255, 4); /* half way at the edge, … */
    expect(&out, 59, 50, 214, 214, 214, 255, 5); /* … one σ on: 84 % */
    expect(&out, 99, 50, 255, 255, 255, 255, 1);
    si_image_free(&out);
}

static void hidden(void **state) {
    (void)state;
    image_layer(0, "red")->hide = true; /* keeps its canvas, P36 */
    solid_layer(1, 10, 10, 0x0000FF, 255);
    solid_layer(2, 200, 100, 0x00FF00, 255)->hide = true;
    si_recipe r = composition(3);
    si_image out = compose(&r);
    assert_int_equal(out.width, 200);
    expect(&out, 10, 10, 0, 0, 0, 0, 0);
    expect(&out, 100, 50, 0, 0, 255, 255, 0);
    si_image_free(&out);
}

/* ---- effects ---- */

static void effects(void **state) {
    (void)state;
    static si_effect e;
    solid_layer(0, 200, 100, 0xFFFFFF, 255);
    si_layer *l = image_layer(1, "disc"); /* at 50,0; radius 40 about 100,50 */
    si_effect_init(&e, -1);
    e.color = (si_paint){0xFF0000, 255};
    set_pixels(&e.pos, 20, 0);
    l->adjustments.effects = &e;
    l->adjustments.effect_count = 1;
    l->adjustments.opac[0] = 50;
    si_recipe r = composition(2);
    si_image out = compose(&r);
    expect(&out, 150, 50, 255, 128, 128, 255, 1); /* the shadow, at the parent's opacity */
    expect(&out, 165, 50, 255, 255, 255, 255, 1);
    expect(&out, 100, 50, 128, 128, 255, 255, 1); /* knocked out where the parent is */
    si_image_free(&out);

    r.picture.effect_mask = false;
    out = compose(&r);
    expect(&out, 130, 50, 128, 64, 192, 255, 2); /* the parent's half over the shadow's half */
    si_image_free(&out);

    e.number = 1; /* inside: only where the parent is */
    l->adjustments.opac[0] = 100;
    out = compose(&r);
    expect(&out, 130, 50, 255, 0, 0, 255, 0);
    expect(&out, 70, 50, 0, 0, 255, 255, 0);
    expect(&out, 150, 50, 255, 255, 255, 255, 0);
    si_image_free(&out);

    e.number = -1; /* an outline of 5 px */
    e.pos.unit = SI_UNIT_NONE;
    e.grow = 5;
    out = compose(&r);
    expect(&out, 143, 50, 255, 0, 0, 255, 0);
    expect(&out, 147, 50, 255, 255, 255, 255, 0);
    si_image_free(&out);
}

/* size=240,240&extend=0,0,12,12 with a shadow. */
static void shadow_in_margin(void **state) {
    (void)state;
    static si_effect e;
    si_layer *l = image_layer(0, "photo");
    l->size[0] = l->size[1] = 240;
    l->extend_unit = SI_UNIT_PIXELS;
    l->extend[2] = l->extend[3] = 12;
    si_effect_init(&e, -1);
    e.color = (si_paint){0x145AC8, 255};
    e.opac = 75;
    e.blur = 4;
    set_pixels(&e.pos, 4, 4);
    l->adjustments.effects = &e;
    l->adjustments.effect_count = 1;
    si_recipe r = composition(1);
    si_image out = compose(&r);
    assert_int_equal(out.width, 252);
    assert_int_equal(out.height, 192);
    assert_int_equal(at(&out, 100, 100)[3], 255);
    expect(&out, 241, 100, 20, 90, 200, 142, 8);
    assert_true(at(&out, 251, 100)[3] < 30);
    si_image_free(&out);
}

static void composite_effect(void **state) {
    (void)state;
    static si_effect e;
    image_layer(0, "disc");
    si_effect_init(&e, -2);
    e.color = (si_paint){0xFF0000, 255};
    e.grow = 4;
    si_recipe r = composition(1);
    r.picture.comp.effects = &e;
    r.picture.comp.effect_count = 1;
    si_image out = compose(&r);
    expect(&out, 92, 50, 255, 0, 0, 255, 0);
    expect(&out, 50, 50, 0, 0, 255, 255, 0);
    expect(&out, 97, 50, 0, 0, 0, 0, 0);
    si_image_free(&out);
}

/* ---- blend modes ---- */

static void blend_modes(void **state) {
    (void)state;
    static const struct {
        si_blend mode;
        int r, g, b;
    } rows[] = {{SI_BLEND_NORM, 200, 50, 100}, {SI_BLEND_LIGHTEN, 200, 150, 100},
        {SI_BLEND_DARKEN, 100, 50, 50}, {SI_BLEND_MULT, 78, 29, 20},
        {SI_BLEND_SCREEN, 222, 171, 130}, {SI_BLEND_DISSOLVE, 200, 50, 100}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        solid_layer(0, 20, 20, 0x649632, 255)->blend = SI_BLEND_MULT; /* ignored on layer 0 */
        solid_layer(1, 20, 20, 0xC83264, 255)->blend = rows[i].mode;
        si_recipe r = composition(2);
        si_image out = compose(&r);
        expect(&out, 10, 10, rows[i].r, rows[i].g, rows[i].b, 255, 1);
        si_image_free(&out);
    }
}

/* ---- nested pictures and watermarks ---- */

static void nested(void **state) {
    (void)state;
    static si_layer inner[2];
    static si_picture picture;
    image_layer(0, "red");
    inner[0] = layers[0];
    si_layer_init(&inner[1], 1);
    inner[1] = *image_layer(1, "disc");
    si_picture_init(&picture);
    picture.layers = inner;
    picture.layer_count = 2;
    picture.view.wid = 100;
    picture.view.hei = 100; /* 100×50 at 0,25 of 100×100 */

    solid_layer(0, 300, 200, 0x00FF00, 255);
    si_layer_init(&layers[1], 1);
    layers[1].source.kind = SI_SOURCE_NESTED;
    layers[1].source.nested = &picture;
    si_recipe r = composition(2);
    si_image out = compose(&r); /* at 100,50 */
    expect(&out, 99, 100, 0, 255, 0, 255, 0);
    expect(&out, 101, 100, 255, 0, 0, 255, 0);
    expect(&out, 150, 76, 255, 0, 0, 255, 2); /* the padding is transparent */
    expect(&out, 150, 73, 0, 255, 0, 255, 0);
    expect(&out, 150, 100, 0, 0, 255, 255, 1);
    si_image_free(&out);

    layers[1].size[0] = 200; /* drawn at the size it is wanted at */
    out = compose(&r);
    expect(&out, 52, 100, 255, 0, 0, 255, 0);
    expect(&out, 150, 100, 0, 0, 255, 255, 1);
    expect(&out, 150, 48, 0, 255, 0, 255, 0);
    expect(&out, 150, 52, 255, 0, 0, 255, 2);
    si_image_free(&out);
}

/* A nested reply with padding has a mask, so it casts a shadow; one that is opaque does not.
 */
static void nested_padding(void **state) {
    (void)state;
    static si_layer inner;
    static si_picture picture;
    static si_effect e;
    for (int padded = 0; padded < 2; padded++) {
        inner = *image_layer(0, "red");
        si_picture_init(&picture);
        picture.layers = &inner;
        picture.layer_count = 1;
        picture.view.wid = 100;
        picture.view.hei = padded ? 100 : 50;
        si_effect_init(&e, -1);
        e.color = (si_paint){0x0000FF, 255};
        set_pixels(&e.pos, 0, 20);
        solid_layer(0, 200, 200, 0xFFFFFF, 255);
        si_layer_init(&layers[1], 1);
        layers[1].source.kind = SI_SOURCE_NESTED;
        layers[1].source.nested = &picture;
        layers[1].adjustments.effects = &e;
        layers[1].adjustments.effect_count = 1;
        si_recipe r = composition(2);
        si_image out = compose(&r); /* red from 75 to 125, its shadow 20 lower */
        expect(&out, 100, 100, 255, 0, 0, 255, 0);
        expect(&out, 100, 135, padded ? 0 : 255, padded ? 0 : 255, 255, 255, 1);
        si_image_free(&out);
    }
}

static void watermark(void **state) {
    (void)state;
    static si_watermark w;
    static si_layer mark;
    image_layer(0, "red");
    mark = *image_layer(1, "disc");
    mark.number = 0;
    si_picture_init(&w.picture);
    w.picture.layers = &mark;
    w.picture.layer_count = 1;
    w.size_n[1] = 0.5;
    w.align[0] = 1;
    w.align[1] = -1;
    w.opac = 50;
    si_recipe r = composition(1);
    r.watermark = &w;
    r.picture.view.scl = 0.5; /* 50×50 at the top right of 200×100, doubled */
    si_image out = compose(&r);
    assert_int_equal(out.width, 400);
    expect(&out, 350, 50, 127, 0, 128, 255, 1);
    expect(&out, 302, 2, 255, 0, 0, 255, 0);
    expect(&out, 290, 50, 255, 0, 0, 255, 0);
    si_image_free(&out);
}

/* ---- replies ---- */

static void mask_request(void **state) {
    (void)state;
    image_layer(0, "disc");
    si_recipe r = composition(1);
    r.req = SI_REQ_MASK;
    r.alpha = false;
    si_image out = compose(&r);
    assert_int_equal(out.channels, 3);
    assert_true(out.grey);
    expect(&out, 50, 50, 255, 255, 255, 255, 0);
    expect(&out, 2, 2, 0, 0, 0, 255, 0);
    si_image_free(&out);
}

static void thumbnails(void **state) {
    (void)state;
    static const struct {
        si_thumb kind;
        int x, y, alpha; /* a pixel near an edge */
    } rows[] = {{SI_THUMB_CROP, 0, 0, 255}, {SI_THUMB_FIT, 32, 7, 0}, {SI_THUMB_FIT, 32, 8, 255},
        {SI_THUMB_FIT, 32, 55, 255}, {SI_THUMB_FIT, 32, 56, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        image_layer(0, "photo");
        si_recipe r = composition(1);
        r.picture.view.scl = 0;
        r.picture.view.thumb = rows[i].kind;
        r.picture.view.wid = r.picture.view.hei = 64;
        si_image out = compose(&r);
        assert_int_equal(out.width, 64);
        assert_int_equal(out.height, 64);
        assert_int_equal(at(&out, rows[i].x, rows[i].y)[3], rows[i].alpha);
        si_image_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stack),
        cmocka_unit_test(clipped_by_the_canvas),
        cmocka_unit_test(flip_and_extend),
        cmocka_unit_test(right_angles),
        cmocka_unit_test(rotate),
        cmocka_unit_test(colours_behind),
        cmocka_unit_test(masks),
        cmocka_unit_test(opacity),
        cmocka_unit_test(clip_paths),
        cmocka_unit_test(recoloured),
        cmocka_unit_test(blurred_background),
        cmocka_unit_test(hidden),
        cmocka_unit_test(effects),
        cmocka_unit_test(shadow_in_margin),
        cmocka_unit_test(composite_effect),
        cmocka_unit_test(blend_modes),
        cmocka_unit_test(nested),
        cmocka_unit_test(nested_padding),
        cmocka_unit_test(watermark),
        cmocka_unit_test(mask_request),
        cmocka_unit_test(thumbnails),
    };
    if (start_render(NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, fill_shelf, empty_shelf);
}
