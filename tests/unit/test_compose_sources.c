/* What layers are made of besides plain files: text, embedded paths, smart crops. */
#include "layers.h"

#include <fcntl.h>

#include "photoshop_block.h"

/* ---- a file with a path ---- */

/* A rectangle x0, y0, x1, y1 in fractions of the image as Photoshop keeps it. */
static void put_path(si_bytes *b, unsigned id, const char *name, const double box[4]) {
    static const int corners[4][2] = {{0, 1}, {2, 1}, {2, 3}, {0, 3}};
    si_bytes data = {0};
    put_length(&data, 6, 0); /* fill rule record */
    put_length(&data, 0, 4);
    for (int i = 0; i < 4; i++) {
        double x = box[corners[i][0]], y = box[corners[i][1]];
        put_knot(&data, 2, (double[]){x, y, x, y, x, y});
    }
    put_resource(b, id, name, &data);
}

static void red(int x, int y, int *s) {
    (void)x, (void)y;
    set(s, 255, 0, 0, 255);
}

/* A busy spot at the right of an empty field. */
static void spot(int x, int y, int *s) {
    bool inside = x > 300 && x < 370 && y > 20 && y < 80;
    int v = inside ? (x / 5 + y / 5) % 2 * 255 : 200;
    set(s, v, inside ? 255 - v : 200, 200, 255);
}

static int open_font(void) {
    return open("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", O_RDONLY | O_CLOEXEC);
}

static int fill_shelf(void **state) {
    (void)state;
    si_bytes block = {0};
    put_path(&block, 2000, "inner", (double[]){.25, .2, .75, .6});
    put_path(&block, 2001, "left", (double[]){0, 0, .5, 1});
    VipsImage *im = paint_image(200, 100, 3, 1, red);
    vips_image_set_blob_copy(im, VIPS_META_PHOTOSHOP_NAME, block.data, block.len);
    put_file("paths", save(im, ".tif"));
    si_bytes_free(&block);
    put_file("quarters", save(paint_image(64, 32, 3, 1, quarters), ".png"));
    put_file("spot", save(paint_image(400, 100, 3, 1, spot), ".png"));
    put_file("font", open_font());
    return 0;
}

/* ---- embedded paths ---- */

static void clip_by_name(void **state) {
    (void)state;
    static const struct {
        const char *clip, *clip_out;
        int flip;
        int alpha[4]; /* at 60,40, 120,40, 60,80 and 20,40 */
    } rows[] = {
        {"inner", "", 0, {255, 255, 0, 0}},
        {"inner,left", "", 0, {255, 0, 0, 0}}, /* the intersection */
        {"missing", "", 0, {255, 255, 255, 255}}, {"missing,left", "", 0, {255, 0, 255, 255}},
        {"left", "inner", 0, {0, 0, 255, 255}},
        {"", "inner", 0, {255, 255, 255, 255}},   /* ignored without a clip path */
        {"left", "", SI_FLIP_LR, {0, 255, 0, 0}}, /* turns with the image */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int comp = 0; comp < 2; comp++) {
            si_layer *l = image_layer(0, "paths");
            si_recipe r = composition(1);
            si_adjustments *adjustments = comp ? &r.picture.comp : &l->adjustments;
            adjustments->clip_path_e = rows[i].clip;
            adjustments->clip_xpath_e = rows[i].clip_out;
            adjustments->flip = rows[i].flip;
            si_image out = compose(&r);
            static const int points[4][2] = {{60, 40}, {120, 40}, {60, 80}, {20, 40}};
            for (int k = 0; k < 4; k++) {
                if (at(&out, points[k][0], points[k][1])[3] != rows[i].alpha[k]) {
                    fail_msg("row %zu, comp %d, point %d", i, comp, k);
                }
            }
            si_image_free(&out);
        }
    }
}

static void crop_by_name(void **state) {
    (void)state;
    for (int comp = 0; comp < 2; comp++) {
        si_layer *l = image_layer(0, "paths");
        solid_layer(1, 10, 10, 0x0000FF, 255);
        si_recipe r = composition(2);
        *(comp ? &r.picture.comp.crop_path : &l->adjustments.crop_path) = "inner,nothing";
        si_image out = compose(&r);
        assert_int_equal(out.width, 100);
        assert_int_equal(out.height, 40);
        /* in the middle of the cropped layer, or of the composite that was cropped */
        int y = comp ? 30 : 20;
        expect(&out, 50, y, 0, 0, 255, 255, 0);
        expect(&out, 50, y - 6, 255, 0, 0, 255, 0);
        si_image_free(&out);
    }
    si_layer *l = image_layer(0, "paths"); /* before crop, P17 */
    l->adjustments.crop_path = "inner";
    l->crop_unit = SI_UNIT_NORMALIZED;
    l->crop[2] = l->crop[3] = 0.5;
    si_recipe r = composition(1);
    si_image out = compose(&r);
    assert_int_equal(out.width, 50);
    assert_int_equal(out.height, 20);
    si_image_free(&out);
}

/* ---- text ---- */

/* Box around the pixels that are covered; false if none is. */
static bool ink(const si_image *im, int box[4]) {
    bool any = false;
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            if (at(im, x, y)[3] > 100) {
                box[0] = !any || x < box[0] ? x : box[0];
                box[1] = any ? box[1] : y;
                box[2] = !any || x > box[2] ? x : box[2];
                box[3] = y;
                any = true;
            }
        }
    }
    return any;
}

static si_layer *text_layer(int i, const char *text) {
    static const si_font_ref font = {.name = "Sans", .file = {.path = "font"}};
    si_layer_init(&layers[i], i);
    layers[i].kind = SI_LAYER_TEXT;
    layers[i].text.rtf = text;
    layers[i].text.fonts = &font;
    layers[i].text.font_count = 1;
    layers[i].text.default_font = "Sans";
    return &layers[i];
}

static void text(void **state) {
    (void)state;
    static const char words[] = "{\\rtf1{\\fonttbl{\\f0 Sans;}}\\fs60 HIH}";
    if (shelf[3].fd < 0) {
        skip();
    }
    solid_layer(0, 300, 200, 0, 0);
    text_layer(1, words);
    si_recipe r = composition(2);
    si_image out = compose(&r);
    int once[4], twice[4], turned[4];
    assert_true(ink(&out, once));
    assert_true(abs(once[3] + 1 - 100) <= 1); /* its baseline is its origin */
    assert_true(once[3] - once[1] > 15 && once[2] - once[0] > 30);
    si_image_free(&out);

    r.dpr = 2; /* drawn at the resolution of the reply */
    out = compose(&r);
    assert_true(ink(&out, twice));
    assert_true(abs(twice[2] - twice[0] - 2 * (once[2] - once[0])) <= 3);
    assert_true(abs(twice[3] - 2 * once[3]) <= 2);
    si_image_free(&out);

    r.dpr = 1; /* turned: as high as it was wide */
    layers[1].rotate = 90;
    out = compose(&r);
    assert_true(ink(&out, turned));
    assert_true(abs(turned[3] - turned[1] - (once[2] - once[0])) <= 2);
    assert_true(abs(turned[2] - turned[0] - (once[3] - once[1])) <= 2);
    si_image_free(&out);

    si_layer *l = text_layer(1, words); /* in a box, filled */
    l->size[0] = 120;
    l->size[1] = 60;
    l->has_color = true;
    l->color = (si_paint){0x00FF00, 255};
    out = compose(&r);
    expect(&out, 92, 71, 0, 255, 0, 255, 0);
    expect(&out, 207, 128, 0, 255, 0, 255, 0);
    expect(&out, 89, 100, 0, 0, 0, 0, 0);
    si_image_free(&out);
}

static void missing_font(void **state) {
    (void)state;
    solid_layer(0, 300, 200, 0, 0);
    text_layer(1, "{\\rtf1{\\fonttbl{\\f0 Nowhere;}}\\f0 a}")->text.default_font = "";
    si_recipe r = composition(2);
    si_image im = {0};
    si_diag diag = {0};
    assert_int_not_equal(si_render(&r, &shelf_files, NULL, &im, &diag), SI_OK);
    assert_non_null(strstr(diag.text, "Nowhere"));
}

/* ---- smart crops ---- */

static void smart_crop(void **state) {
    (void)state;
    si_layer *l = image_layer(0, "spot");
    l->source.smart_crop[0] = l->source.smart_crop[1] = 100;
    si_recipe r = composition(1);
    si_image out = compose(&r);
    assert_int_equal(out.width, 100);
    assert_int_equal(out.height, 100);
    int busy = 0;
    for (int x = 0; x < 100; x++) {
        busy += at(&out, x, 50)[1] != 200;
    }
    assert_true(busy > 50);
    si_image_free(&out);

    l = image_layer(0, "quarters"); /* set by hand; what follows counts in it */
    memcpy(l->source.crop_rect, (double[]){.5, 0, .5, 1}, sizeof l->source.crop_rect);
    l->source.smart_crop[0] = l->source.smart_crop[1] = 1;
    out = compose(&r);
    assert_int_equal(out.width, 32);
    expect(&out, 0, 0, 0, 255, 0, 255, 0);
    expect(&out, 31, 31, 255, 255, 0, 255, 0);
    si_image_free(&out);
    l->crop_unit = SI_UNIT_PIXELS;
    memcpy(l->crop, (double[]){0, 16, 16, 16}, sizeof l->crop);
    out = compose(&r);
    assert_int_equal(out.width, 16);
    expect(&out, 0, 0, 255, 255, 0, 255, 0);
    si_image_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clip_by_name),
        cmocka_unit_test(crop_by_name),
        cmocka_unit_test(text),
        cmocka_unit_test(missing_font),
        cmocka_unit_test(smart_crop),
    };
    if (start_render(NULL) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, fill_shelf, empty_shelf);
}
