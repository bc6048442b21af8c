/* One image layer and its view, pixel by pixel. */
#include "pictures.h"

/* ---- alpha ---- */

static void alpha(void **state) {
    (void)state;
    si_recipe r = recipe(20, 0);
    r.bgc = 0x0000ff;
    int fd = save(paint_image(64, 32, 4, 1, half_red), ".png");
    si_image out = render(&r, dup(fd));
    assert_int_equal(out.channels, 3);
    check(&out, 10, 5, 128, 0, 127, 1);
    si_image_free(&out);

    r.alpha = true;
    out = render(&r, fd);
    assert_int_equal(out.channels, 4);
    check(&out, 10, 5, 255, 0, 0, 0);
    assert_int_equal(at(&out, 10, 5)[3], 128);
    si_image_free(&out);

    out = render(&r, save(paint_image(64, 32, 3, 1, quarters), ".png"));
    assert_int_equal(out.channels, 4);
    assert_false(si_image_has_transparency(&out));
    si_image_free(&out);
}

/* Transparent green beside opaque red. */
static void fringe(int x, int y, int *s) {
    (void)y;
    set(s, x < 32 ? 255 : 0, x < 32 ? 0 : 255, 0, x < 32 ? 255 : 0);
}

/* Invisible colours do not bleed into visible ones. */
static void premultiplied(void **state) {
    (void)state;
    si_recipe r = recipe(9, 0);
    r.alpha = true;
    si_image out = render(&r, save(paint_image(64, 32, 4, 1, fringe), ".png"));
    for (int x = 0; x < 9; x++) {
        if (at(&out, x, 2)[3] > 0) {
            check(&out, x, 2, 255, 0, 0, 0);
        }
    }
    si_image_free(&out);
}

static void crop_beyond(void **state) {
    (void)state;
    si_recipe r = recipe(0, 0);
    r.bgc = 0x102030;
    layer.crop_unit = SI_UNIT_PIXELS;
    memcpy(layer.crop, (double[]){-10, -10, 84, 52}, sizeof layer.crop);
    int fd = save(paint_image(64, 32, 3, 1, quarters), ".png");
    si_image out = render(&r, dup(fd));
    assert_int_equal(out.width, 84);
    assert_int_equal(out.height, 52);
    check(&out, 9, 20, 16, 32, 48, 0);
    check(&out, 10, 10, 255, 0, 0, 0);
    check(&out, 73, 41, 255, 255, 0, 0);
    check(&out, 74, 41, 16, 32, 48, 0);
    si_image_free(&out);

    r.alpha = true;
    out = render(&r, dup(fd));
    assert_int_equal(at(&out, 0, 0)[3], 0);
    assert_int_equal(at(&out, 10, 10)[3], 255);
    si_image_free(&out);

    r.alpha = false; /* wholly outside: nothing but background */
    memcpy(layer.crop, (double[]){100, 0, 20, 20}, sizeof layer.crop);
    out = render(&r, fd);
    check(&out, 10, 10, 16, 32, 48, 0);
    si_image_free(&out);
}

static void grey(void **state) {
    (void)state;
    si_recipe r = recipe(0, 0);
    r.pixel_type = SI_PIXEL_GRAY;
    si_image out = render(&r, save(paint_image(64, 32, 3, 1, quarters), ".png"));
    assert_true(out.grey);
    check(&out, 5, 5, 127, 127, 127, 1);  /* red: 0.2126 of linear light */
    check(&out, 60, 5, 220, 220, 220, 1); /* green: 0.7152 */
    check(&out, 5, 28, 76, 76, 76, 1);    /* blue: 0.0722 */
    si_image_free(&out);
}

/* ---- geometry in pixels ---- */

static void padding(void **state) {
    (void)state;
    int fd = save(paint_image(64, 32, 3, 1, quarters), ".png");
    si_recipe r = recipe(40, 40);
    r.bgc = 0x102030;
    si_image out = render(&r, dup(fd)); /* 40×20 at 0,10 */
    check(&out, 5, 9, 16, 32, 48, 0);
    check(&out, 5, 10, 255, 0, 0, 2);
    check(&out, 35, 29, 255, 255, 0, 2);
    check(&out, 35, 30, 16, 32, 48, 0);
    si_image_free(&out);

    r.picture.view.align[1] = -1;
    out = render(&r, dup(fd));
    check(&out, 5, 0, 255, 0, 0, 2);
    check(&out, 5, 20, 16, 32, 48, 0);
    si_image_free(&out);

    r = recipe(16, 16); /* crop: 32×16 at −8,0 */
    r.picture.view.fit = SI_FIT_CROP;
    out = render(&r, dup(fd));
    check(&out, 0, 0, 255, 0, 0, 2);
    check(&out, 15, 15, 255, 255, 0, 2);
    si_image_free(&out);

    r.picture.view.align[0] = -1; /* left end: only the left quarters */
    out = render(&r, dup(fd));
    check(&out, 12, 3, 255, 0, 0, 2);
    check(&out, 12, 12, 0, 0, 255, 2);
    si_image_free(&out);

    r = recipe(100, 80); /* too small a source: unscaled in the middle, at 18,24 */
    r.picture.view.fit = SI_FIT_STRETCH;
    r.alpha = true;
    out = render(&r, fd);
    assert_int_equal(at(&out, 17, 30)[3], 0);
    assert_int_equal(at(&out, 18, 24)[3], 255);
    assert_int_equal(at(&out, 81, 55)[3], 255);
    assert_int_equal(at(&out, 82, 55)[3], 0);
    si_image_free(&out);
}

static void tiles(void **state) {
    (void)state;
    int fd = save(paint_image(700, 500, 3, 1, waves), ".png");
    si_recipe r = recipe(333, 0);
    r.picture.view.usm = (si_usm){.amount = 1.75, .radius = 1.3, .threshold = 2};
    r.picture.view.sharpen = true;
    for (int twice = 0; twice < 2; twice++) {
        r.dpr = twice ? 1.5 : 1;
        si_image whole = render(&r, dup(fd));
        si_recipe t = r;
        t.picture.view.has_rect = true;
        for (int i = 0; i < 4; i++) {
            memcpy(t.picture.view.rect, (int[]){i % 2 * 128, i / 2 * 64, 128, 64},
                sizeof t.picture.view.rect);
            si_image tile = render(&t, dup(fd));
            assert_int_equal(tile.width, twice ? 192 : 128);
            int x = twice ? i % 2 * 192 : i % 2 * 128, y = twice ? i / 2 * 96 : i / 2 * 64;
            assert_true(largest_difference(&whole, &tile, x, y) <= 1);
            si_image_free(&tile);
        }
        si_image_free(&whole);
    }
    /* beyond the view there is background, even where fit=crop left composite over */
    r = recipe(100, 100);
    r.picture.view.fit = SI_FIT_CROP;
    r.bgc = 0x102030;
    r.picture.view.has_rect = true;
    memcpy(r.picture.view.rect, (int[]){-20, -20, 140, 140}, sizeof r.picture.view.rect);
    si_image out = render(&r, fd);
    check(&out, 19, 60, 16, 32, 48, 0);
    check(&out, 120, 60, 16, 32, 48, 0);
    assert_int_not_equal(at(&out, 20, 60)[0], 16);
    si_image_free(&out);
}

/* Decoding at a reduced size gives the picture that decoding in full gives, and at the same place.
 */
static void shrink_on_load(void **state) {
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        int w = 800 + 7 * odd, h = 600 + 5 * odd;
        int jpeg = save(paint_image(w, h, 3, 1, waves), ".jpg[Q=97,subsample_mode=off]");
        int webp = save(paint_image(w, h, 3, 1, waves), ".webp[lossless=true,effort=0]");
        int jp2 = save(paint_image(w, h, 3, 1, waves), ".jp2[lossless=true]");
        int png = save(paint_image(w, h, 3, 1, waves), ".png");
        static const int widths[] = {45, 75, 195, 400};
        for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
            si_recipe r = recipe(widths[i], 0);
            layer.crop_unit = odd ? SI_UNIT_PIXELS : SI_UNIT_NONE;
            memcpy(layer.crop, (double[]){53, 25, 657, 501}, sizeof layer.crop);
            si_image full = render(&r, dup(png));
            int fds[] = {jpeg, webp, jp2};
            for (int k = 0; k < 3; k++) {
                si_image small = render(&r, dup(fds[k]));
                double quality = psnr(&full, &small);
                if (quality < 38) {
                    fail_msg("width %d, source %d: only %.1f dB", widths[i], k, quality);
                }
                si_image_free(&small);
            }
            si_image_free(&full);
        }
        close(jpeg), close(webp), close(jp2), close(png);
    }
}

/* Reductions that average whole blocks first agree with libvips' own reduction (away from the
 * edges, which the two repeat differently). */
static void block_reduction(void **state) {
    (void)state;
    VipsImage *im = paint_image(3000, 2400, 3, 1, slow_waves), *small;
    assert_int_equal(vips_resize(im, &small, 0.01, NULL), 0);
    si_recipe r = recipe(30, 0);
    si_image out = render(&r, save(im, ".png"));
    for (int y = 3; y < out.height - 3; y++) {
        for (int x = 3; x < out.width - 3; x++) {
            double *p;
            int n;
            vips_getpoint(small, &p, &n, x, y, NULL);
            check(&out, x, y, (int)p[0], (int)p[1], (int)p[2], 3);
            g_free(p);
        }
    }
    si_image_free(&out);
    g_object_unref(small);
}

static void pixel_ratio(void **state) {
    (void)state;
    int fd = save(paint_image(2000, 1500, 3, 1, waves), ".jpg");
    static const struct {
        double dpr;
        int w, h;
    } rows[] = {{1, 500, 400}, {2, 1000, 800}, {1.5, 750, 600}, {0.5, 250, 200}, {3, 1500, 1200},
        {9, 2000, 1600}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_recipe r = recipe(500, 400);
        r.dpr = rows[i].dpr;
        r.dpr_held = true;
        si_image out = render(&r, dup(fd));
        assert_int_equal(out.width, rows[i].w);
        assert_int_equal(out.height, rows[i].h);
        si_image_free(&out);
        r.dpr_held = false; /* asked for, not detected: obeyed */
        out = render(&r, dup(fd));
        assert_int_equal(out.width, 500 * rows[i].dpr);
        assert_int_equal(out.height, 400 * rows[i].dpr);
        si_image_free(&out);
    }
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alpha),
        cmocka_unit_test(premultiplied),
        cmocka_unit_test(crop_beyond),
        cmocka_unit_test(grey),
        cmocka_unit_test(padding),
        cmocka_unit_test(tiles),
        cmocka_unit_test(shrink_on_load),
        cmocka_unit_test(block_reduction),
        cmocka_unit_test(pixel_ratio),
    };
    return cmocka_run_group_tests(tests, start_render, NULL);
}
