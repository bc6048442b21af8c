/* Views of pictures of layers: tiles join, pixel ratios agree, the short path and the general one
 * give the same picture, errors. */
#include "layers.h"

#include "render/read/window.h"

static void disc(int x, int y, int *s) {
    int dx = 2 * x - 99, dy = 2 * y - 99;
    set(s, 40, 80, 250, dx * dx + dy * dy < 80 * 80 ? 255 : 0);
}

static int fill_shelf(void **state) {
    (void)state;
    put_file("disc", save(paint_image(100, 100, 4, 1, disc), ".png"));
    put_file("waves", save(paint_image(700, 500, 3, 1, waves), ".png"));
    put_file("jpeg", save(paint_image(1400, 1000, 3, 1, slow_waves), ".jpg[Q=95]"));
    put_file("photo", save(paint_image(2000, 1500, 3, 1, slow_waves), ".png"));
    return 0;
}

static si_effect shadow;

/* Everything that looks at neighbours or at positions. */
static si_recipe busy(void) {
    image_layer(0, "waves");
    si_layer *l = image_layer(1, "disc");
    l->rotate = 33;
    l->size[0] = 180;
    set_pixels(&l->pos, -120, 20);
    si_effect_init(&shadow, -1);
    shadow.color = (si_paint){0, 200};
    shadow.blur = 6;
    shadow.noise = 10;
    set_pixels(&shadow.pos, 9, 14);
    l->adjustments.effects = &shadow;
    l->adjustments.effect_count = 1;
    l = image_layer(2, "photo");
    l->size[0] = 250;
    set_pixels(&l->pos, 150, -60);
    l->adjustments.ops.blur = 9;
    l->adjustments.ops.noise = 20;
    l = solid_layer(3, 300, 90, 0xFFCC00, 128);
    l->blend = SI_BLEND_DISSOLVE;
    set_pixels(&l->pos, 40, 150);
    l = image_layer(4, "photo");
    l->size[0] = 100;
    l->rotate = 90;
    l->adjustments.ops.colorize = SI_COLORIZE_NORM;
    l->adjustments.ops.colorize_rgb = 0x3060A0;
    set_pixels(&l->pos, 250, 100);
    si_recipe r = composition(5);
    r.alpha = false;
    r.picture.comp.ops.grow = 1;
    r.picture.comp.ops.noise = 5;
    r.picture.view.scl = 0;
    r.picture.view.wid = 467;
    r.picture.view.usm = (si_usm){.amount = 1, .radius = 2, .threshold = 1};
    return r;
}

static void tiles(void **state) {
    (void)state;
    static const double ratios[] = {1, 1.5};
    for (int i = 0; i < 2; i++) {
        for (int flip = 0; flip <= SI_FLIP_LR; flip++) {
            si_recipe r = busy();
            r.dpr = ratios[i];
            r.picture.comp.flip = flip;
            si_image whole = compose(&r);
            r.picture.view.has_rect = true;
            for (int k = 0; k < 6; k++) {
                int x = k % 3 * 128, y = k / 3 * 128;
                memcpy(r.picture.view.rect, (int[]){x, y, 128, 128}, sizeof r.picture.view.rect);
                si_image tile = compose(&r);
                int most =
                    largest_difference(&whole, &tile, (int)(x * ratios[i]), (int)(y * ratios[i]));
                if (most > 2) { /* a level of rounding, sharpened */
                    fail_msg("tile %d,%d at %g differs by %d", x, y, ratios[i], most);
                }
                si_image_free(&tile);
            }
            si_image_free(&whole);
        }
    }
}

/* The composite at ratio 2 is the one at ratio 1, with twice the pixels: positions, sizes and radii
 * grow along. Compared with each other by shrinking the larger one. */
static void pixel_ratio(void **state) {
    (void)state;
    for (int count = 2; count <= 20; count += 18) {
        image_layer(0, "photo")->size[0] = 400;
        for (int i = 1; i < count; i++) {
            si_layer *l = image_layer(i, i % 3 == 0 ? "waves" : i % 3 == 1 ? "jpeg" : "photo");
            l->size[0] = 60 + i;
            l->rotate = i % 4 == 3 ? 20 * i : 0;
            l->adjustments.ops.blur = i % 5 == 0 ? 3 : 0;
            set_pixels(&l->pos, 15 * (i % 7) - 50, 11 * (i % 5) - 20);
        }
        si_recipe r = composition(count);
        r.alpha = false;
        r.picture.view.scl = 0;
        r.picture.view.wid = 300;
        si_image once = compose(&r);
        r.dpr = 2;
        si_image twice = compose(&r), shrunk;
        assert_int_equal(twice.width, 600);
        const si_window_axis axes[2] = {{.to = 600, .content = 300, .count = 300},
            {.to = twice.height, .content = once.height, .count = once.height}};
        assert_int_equal(si_window_of_image(&twice, axes, SI_RESMODE_SHARP2, &shrunk, NULL), SI_OK);
        double quality = psnr(&once, &shrunk);
        if (quality < 32) {
            fail_msg("%d layers: only %.1f dB", count, quality);
        }
        si_image_free(&once);
        si_image_free(&twice);
        si_image_free(&shrunk);
    }
}

/* A hidden layer more: the same picture by the general path. */
static si_image generally(si_recipe r) {
    solid_layer(1, 1, 1, 0, 255)->hide = true;
    r.picture.layer_count = 2;
    assert_false(si_picture_is_simple(&r.picture));
    return compose(&r);
}

static int pick(unsigned *seed, int n) {
    *seed = *seed * 1103515245u + 12345u;
    return (int)(*seed >> 16) % n;
}

static void both_roads_agree(void **state) {
    (void)state;
    unsigned seed = 7;
    static const char *const files[] = {"waves", "jpeg", "disc", "photo"};
    for (int i = 0; i < 60; i++) {
        si_layer *l = image_layer(0, files[pick(&seed, 4)]);
        if (pick(&seed, 2)) {
            l->crop_unit = SI_UNIT_NORMALIZED;
            for (int k = 0; k < 4; k++) {
                l->crop[k] = (pick(&seed, 50) + (k < 2 ? -10 : 30)) / 70.0;
            }
        }
        l->size[0] = pick(&seed, 3) ? 0 : 50 + pick(&seed, 300);
        si_recipe r = composition(1);
        si_view *v = &r.picture.view;
        v->scl = 0;
        v->wid = pick(&seed, 4) ? 30 + pick(&seed, 250) : 0;
        v->hei = pick(&seed, 2) || v->wid == 0 ? 30 + pick(&seed, 250) : 0;
        v->fit = (si_fit)pick(&seed, 7);
        v->upscale = pick(&seed, 2);
        v->align[0] = pick(&seed, 21) / 10.0 - 1;
        v->resmode = (si_resmode)pick(&seed, 4);
        v->sharpen = pick(&seed, 4) == 0;
        v->usm.amount = pick(&seed, 3) == 0 ? 1.5 : 0;
        v->usm.radius = 1;
        r.dpr = 1 + pick(&seed, 5) / 4.0;
        r.alpha = pick(&seed, 2);
        r.bgc = 0x336699;
        if (pick(&seed, 3) == 0) {
            v->has_rect = true;
            memcpy(v->rect, (int[]){pick(&seed, 40) - 10, pick(&seed, 40) - 10, 60, 50},
                sizeof v->rect);
        }
        assert_true(si_picture_is_simple(&r.picture));
        si_image a = compose(&r), b = generally(r);
        assert_int_equal(a.width, b.width);
        assert_int_equal(a.height, b.height);
        assert_int_equal(a.channels, b.channels);
        for (int y = 0; y < a.height; y++) {
            for (int x = 0; x < a.width; x++) {
                const uint8_t *p = at(&a, x, y), *q = at(&b, x, y);
                bool hidden = a.channels == 4 && p[3] <= 2 && q[3] <= 2;
                for (int c = 0; c < a.channels; c++) {
                    if (!hidden && abs(p[c] - q[c]) > (v->usm.amount > 0 || v->sharpen ? 3 : 1)) {
                        fail_msg(
                            "case %d: pixel %d,%d channel %d is %d and %d", i, x, y, c, p[c], q[c]);
                    }
                }
            }
        }
        si_image_free(&a);
        si_image_free(&b);
    }
}

/* rgn: between the pixels too, the neighbours appear where there is room. */
static void regions(void **state) {
    (void)state;
    image_layer(0, "photo");
    si_recipe r = composition(1);
    r.picture.view.scl = 0;
    r.picture.view.wid = r.picture.view.hei = 500;
    r.picture.view.has_rgn = true;
    memcpy(r.picture.view.rgn, (int[]){0, 0, 1000, 500}, sizeof r.picture.view.rgn);
    si_image part = compose(&r);
    assert_int_equal(at(&part, 250, 124)[3], 0);
    assert_int_equal(at(&part, 250, 125)[3], 255);
    assert_int_equal(at(&part, 250, 499)[3], 255);
    r.picture.view.has_rgn = false;
    r.picture.view.wid = 1000;
    r.picture.view.hei = 0;
    si_image whole = compose(&r);
    for (int y = 130; y < 500; y += 30) {
        for (int x = 5; x < 500; x += 30) {
            const uint8_t *p = at(&whole, x, y - 125);
            expect(&part, x, y, p[0], p[1], p[2], 255, 1);
        }
    }
    si_image_free(&whole);
    si_image_free(&part);
}

/* A stretched view stretches what has a radius, too. */
static void stretched(void **state) {
    (void)state;
    image_layer(0, "disc")->adjustments.ops.blur = 4;
    si_recipe r = composition(1);
    r.picture.view.scl = 0;
    r.picture.view.wid = 400;
    r.picture.view.hei = 100;
    r.picture.view.fit = SI_FIT_STRETCH;
    r.picture.view.upscale = true;
    si_image out = compose(&r);
    assert_int_equal(out.width, 400);
    int wide = 0, high = 0; /* of the soft edge, left and top */
    for (int i = 0; i < 100; i++) {
        int a = at(&out, i, 50)[3], b = at(&out, 200, i < 50 ? i : 0)[3];
        wide += a > 25 && a < 230;
        high += i < 50 && b > 25 && b < 230;
    }
    assert_true(high >= 8 && high <= 16);
    assert_true(wide > 3 * high && wide < 5 * high);
    si_image_free(&out);
}

/* Templates with an enormous equal res= on every layer cost what their reply costs. */
static void huge_templates(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        image_layer(i, "photo")->scale = 20; /* 40000×30000 */
        layers[i].adjustments.opac[0] = 50;
        set_pixels(&layers[i].pos, 4000 * i, 2000 * i);
    }
    si_recipe r = composition(3);
    r.picture.view.scl = 0;
    r.picture.view.wid = 200;
    si_image out = compose(&r);
    assert_int_equal(out.width, 200);
    assert_int_equal(out.height, 150);
    assert_true(at(&out, 5, 5)[3] == 128 && at(&out, 150, 100)[3] > 220);
    si_image_free(&out);
}

/* Numbers as large as they come neither crash nor hang. */
static void extremes(void **state) {
    (void)state;
    static si_effect e;
    for (int i = 0; i < 4; i++) {
        image_layer(0, "waves");
        si_layer *l = image_layer(1, "disc");
        set_pixels(&l->pos, i == 0 ? 1e9 : -1e9, 1e9);
        si_effect_init(&e, -1);
        e.color = (si_paint){0, 255};
        e.blur = e.grow = i == 0 ? 1 : 0;
        set_pixels(&e.pos, 2e9, -2e9);
        l->adjustments.effects = &e;
        l->adjustments.effect_count = i != 3;
        if (i == 2) {
            l->perspective = (si_perspective){
                .mode = SI_PERSPECTIVE_SUPER, .v = {-1e9, -1e9, 1e9, -1e9, 1e9, 1e9, -1e9, 1e9}};
        }
        si_recipe r = composition(2);
        r.picture.view.scl = 0.005;
        r.picture.view.has_rect = true;
        memcpy(r.picture.view.rect, (int[]){60000, 40000, 50, 40}, sizeof r.picture.view.rect);
        si_image im = {0};
        si_diag diag = {0};
        si_result code = si_render(&r, &shelf_files, NULL, &im, &diag);
        assert_true(code == SI_OK || code == SI_ERR_LIMIT);
        si_image_free(&im);
    }
}

static void refuse(const si_recipe *r, si_result code, const char *text) {
    si_image im = {0};
    si_diag diag = {0};
    si_result got = si_render(r, &shelf_files, NULL, &im, &diag);
    if (got != code || im.pixels != NULL || strstr(diag.text, text) == NULL) {
        fail_msg("code %d, \"%s\"", got, diag.text);
    }
}

static void errors(void **state) {
    (void)state;
    image_layer(0, "waves");
    image_layer(1, "missing");
    si_recipe r = composition(2);
    refuse(&r, SI_ERR_NOT_FOUND, "missing");
    si_layer_init(&layers[1], 1);
    layers[1].source.kind = SI_SOURCE_URL;
    layers[1].source.url = "http://example.org/a.png";
    refuse(&r, SI_ERR_UNSUPPORTED, "not supported");
    solid_layer(1, 0, 0, 0, 255);
    refuse(&r, SI_ERR_RANGE, "colour layer 1");
    static si_picture self;
    si_picture_init(&self);
    static si_layer inner;
    si_layer_init(&inner, 0);
    inner.source.kind = SI_SOURCE_NESTED;
    inner.source.nested = &self;
    self.layers = &inner;
    self.layer_count = 1;
    layers[0] = inner;
    r = composition(1);
    refuse(&r, SI_ERR_LIMIT, "nested too deep");
    image_layer(0, "waves");
    image_layer(1, "waves");
    r = composition(2);
    r.picture.view.max_pix[0] = 600;
    refuse(&r, SI_ERR_LIMIT, "MaxPix");
    r.picture.layer_count = 0;
    refuse(&r, SI_ERR_NOT_FOUND, "layer 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles),
        cmocka_unit_test(pixel_ratio),
        cmocka_unit_test(both_roads_agree),
        cmocka_unit_test(regions),
        cmocka_unit_test(stretched),
        cmocka_unit_test(huge_templates),
        cmocka_unit_test(extremes),
        cmocka_unit_test(errors),
    };
    if (start_render(NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, fill_shelf, empty_shelf);
}
