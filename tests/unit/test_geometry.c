/* Geometry against tables of the view (docs/protocol.md) and of the pixel ratio; numbers are of
 * docs/decisions.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "render/geometry/geometry.h"

enum { ANY = -99999 };

typedef struct row {
    const char *name;
    int source[2];
    si_view v; /* unnamed fields: see prepare() */
    double dpr;
    si_layer l; /* of layer 0; unnamed fields: not given */
    si_result code;
    int out[2];    /* reply size */
    int scaled[2]; /* 0 = not checked */
    int offset[2];
} row;

#define BIG                                                                                        \
    { 2000, 1500 }
#define SMALL                                                                                      \
    { 400, 300 }
#define FIT(mode, w, h) .wid = w, .hei = h, .fit = SI_FIT_##mode

/* DefaultPix 400,400 and MaxPix 2000,2000 unless a row says otherwise (−1 = none). */
static const row rows[] = {
    {"none", BIG, {0}, 0, {0}, 0, {400, 300}, {0}, {0}},
    {"wid=500", BIG, {.wid = 500}, 0, {0}, 0, {500, 375}, {500, 375}, {0, 0}},
    {"hei=300", BIG, {.hei = 300}, 0, {0}, 0, {400, 300}, {400, 300}, {0, 0}},
    {"fit", BIG, {FIT(FIT, 500, 500)}, 0, {0}, 0, {500, 500}, {500, 375}, {0, 62}},
    {"fit align 0,-1", BIG, {FIT(FIT, 500, 500), .align = {0, -1}}, 0, {0}, 0, {500, 500},
        {500, 375}, {0, 0}},
    {"fit align 0,1", BIG, {FIT(FIT, 500, 500), .align = {0, 1}}, 0, {0}, 0, {500, 500}, {500, 375},
        {0, 125}},
    {"constrain", BIG, {FIT(CONSTRAIN, 500, 500)}, 0, {0}, 0, {500, 375}, {500, 375}, {0, 0}},
    {"crop", BIG, {FIT(CROP, 500, 500)}, 0, {0}, 0, {500, 500}, {667, 500}, {-84, 0}},
    {"wrap", BIG, {FIT(WRAP, 500, 500)}, 0, {0}, 0, {667, 500}, {667, 500}, {0, 0}},
    {"stretch", BIG, {FIT(STRETCH, 500, 500)}, 0, {0}, 0, {500, 500}, {500, 500}, {0, 0}},
    {"hfit", BIG, {FIT(HFIT, 500, 500)}, 0, {0}, 0, {500, 500}, {500, 375}, {0, 62}},
    {"vfit", BIG, {FIT(VFIT, 500, 500)}, 0, {0}, 0, {500, 500}, {667, 500}, {-84, 0}},
    {"scl=4", BIG, {.scl = 4}, 0, {0}, 0, {500, 375}, {500, 375}, {0, 0}},
    {"scl=4 600x300", BIG, {.scl = 4, .wid = 600, .hei = 300}, 0, {0}, 0, {600, 300}, {500, 375},
        {50, -38}},
    {"scl=4 wid=400", BIG, {.scl = 4, .wid = 400}, 0, {0}, 0, {400, 375}, {500, 375}, {-50, 0}},
    {"scl=1", BIG, {.scl = 1}, 0, {0}, 0, {2000, 1500}, {2000, 1500}, {0, 0}},
    {"wid=3000", BIG, {.wid = 3000}, 0, {0}, SI_ERR_LIMIT, {0}, {0}, {0}},
    {"rect", BIG, {.scl = 2, .has_rect = true, .rect = {256, 0, 256, 256}}, 0, {0}, 0, {256, 256},
        {0}, {0}},
    {"rect beyond", BIG, {.scl = 2, .has_rect = true, .rect = {900, 700, 256, 256}}, 0, {0}, 0,
        {256, 256}, {1000, 750}, {0, 0}},
    {"rect around MaxPix", BIG, {.wid = 8000, .has_rect = true, .rect = {256, 0, 256, 256}}, 0, {0},
        0, {256, 256}, {8000, 6000}, {0, 0}},
    {"dpr 2", BIG, {FIT(FIT, 500, 400)}, 2, {0}, 0, {1000, 800}, {500, 375}, {0, 12}},

    {"small", SMALL, {FIT(FIT, 800, 800)}, 0, {0}, 0, {800, 800}, {400, 300}, {200, 250}},
    {"small fit,1", SMALL, {FIT(FIT, 800, 800), .upscale = true}, 0, {0}, 0, {800, 800}, {800, 600},
        {0, 100}},
    {"small constrain", SMALL, {FIT(CONSTRAIN, 800, 800)}, 0, {0}, 0, {400, 300}, {400, 300},
        {0, 0}},
    {"small constrain,1", SMALL, {FIT(CONSTRAIN, 800, 800), .upscale = true}, 0, {0}, 0, {800, 600},
        {800, 600}, {0, 0}},
    {"small crop", SMALL, {FIT(CROP, 800, 800)}, 0, {0}, 0, {800, 800}, {400, 300}, {200, 250}},
    {"small crop,1", SMALL, {FIT(CROP, 800, 800), .upscale = true}, 0, {0}, 0, {800, 800},
        {1067, 800}, {-134, 0}},
    {"small wid=800", SMALL, {.wid = 800}, 0, {0}, 0, {800, 600}, {800, 600}, {0, 0}},

    {"size=200,0", BIG, {.scl = 1}, 0, {.size = {200, 0}}, 0, {200, 150}, {0}, {0}},
    {"size=0,300", BIG, {.scl = 1}, 0, {.size = {0, 300}}, 0, {400, 300}, {0}, {0}},
    {"size=300,300", BIG, {.scl = 1}, 0, {.size = {300, 300}}, 0, {300, 225}, {0}, {0}},
    {"size, crop", BIG, {.scl = 1}, 0,
        {.size = {300, 300}, .crop_unit = SI_UNIT_PIXELS, .crop = {500, 0, 1000, 1500}}, 0,
        {200, 300}, {0}, {0}},
    {"cropN", BIG, {.scl = 1}, 0, {.crop_unit = SI_UNIT_NORMALIZED, .crop = {.1, 0, .8, 1}}, 0,
        {1600, 1500}, {0}, {0}},
    {"cropN below", BIG, {.scl = 1}, 0, {.crop_unit = SI_UNIT_NORMALIZED, .crop = {.2, .3, .8, .9}},
        0, {1600, 1350}, {0}, {0}},
    {"crop around", BIG, {.scl = 2}, 0,
        {.crop_unit = SI_UNIT_PIXELS, .crop = {-100, -100, 2200, 1700}}, 0, {1100, 850}, {0}, {0}},
    {"crop zero (P7)", BIG, {.scl = 2}, 0, {.crop_unit = SI_UNIT_PIXELS, .crop = {10, 10, 0, 0}}, 0,
        {1000, 750}, {0}, {0}},
    {"8.9 crop wid", BIG, {.wid = 200}, 0,
        {.crop_unit = SI_UNIT_PIXELS, .crop = {0, 0, 1000, 1500}}, 0, {200, 300}, {0}, {0}},
    {"8.9 border", BIG, {.wid = 512, .hei = 640, .scl = 1}, 0, {.size = {472, 600}}, 0, {512, 640},
        {472, 354}, {20, 143}},

    {"SI-30 dpr 2", {3264, 2000}, {FIT(FIT, 816, 500), .max_pix = {-1, -1}}, 2, {0}, 0,
        {1632, 1000}, {0}, {0}},
    {"SI-30 dpr 3", {3264, 2000}, {FIT(FIT, 816, 500), .max_pix = {-1, -1}}, 3, {0}, 0,
        {2448, 1500}, {0}, {0}},
    {"SI-30 dpr 4", {3264, 2000}, {FIT(FIT, 816, 500), .max_pix = {-1, -1}}, 4, {0}, 0,
        {3264, 2000}, {0}, {0}},
    {"SI-30 dpr 2, just enough", {1500, 1000}, {FIT(FIT, 816, 500)}, 2, {0}, 0, {1632, 1000}, {0},
        {0}},
    {"SI-30 wid upscales", {500, 500}, {.wid = 400}, 2, {0}, 0, {800, 800}, {0}, {0}},
    {"SI-31 fraction", BIG, {.wid = 333}, 1.5, {0}, 0, {500, 375}, {333, 250}, {0, 0}},
    {"SI-31 below 1", BIG, {.wid = 500}, .5, {0}, 0, {250, 188}, {500, 375}, {0, 0}},
    {"SI-34 dpr 1", BIG, {.wid = 500}, 1, {0}, 0, {500, 375}, {0}, {0}},
    {"SI-36 MaxPix", {4000, 2500}, {FIT(FIT, 1600, 1000), .max_pix = {3000, 3000}}, 2, {0}, 0,
        {3000, 1875}, {0}, {0}},
    {"D-5 height", {2500, 4000}, {FIT(FIT, 1000, 1600), .max_pix = {3000, 3000}}, 2, {0}, 0,
        {1875, 3000}, {0}, {0}},
    {"SI-37 stays an error", BIG, {.wid = 2400}, .5, {0}, SI_ERR_LIMIT, {0}, {0}, {0}},
    {"SI-38 default view", BIG, {0}, 3, {0}, 0, {1200, 900}, {0}, {0}},
    {"D-7 small source", {1000, 750}, {FIT(FIT, 800, 800)}, 2, {0}, 0, {1000, 1000}, {800, 600},
        {0, 100}},
    {"D-7 never below 1", SMALL, {FIT(FIT, 800, 800)}, 2, {0}, 0, {800, 800}, {400, 300},
        {200, 250}},
    {"D-7 upscale allowed", SMALL, {FIT(FIT, 800, 800), .upscale = true}, 2, {0}, 0, {1600, 1600},
        {0}, {0}},
    {"D-7 counts the file", BIG, {FIT(FIT, 400, 400)}, 2, {.size = {400, 0}}, 0, {800, 800},
        {400, 300}, {0, 50}},
    {"dpr rect", BIG, {.scl = 2, .has_rect = true, .rect = {256, 0, 256, 128}}, 2, {0}, 0,
        {512, 256}, {0}, {0}},

    {"1 pixel", {1, 1}, {.wid = 200}, 0, {0}, 0, {200, 200}, {0}, {0}},
    {"thin", {940, 2}, {.wid = 100}, 0, {0}, 0, {100, 1}, {100, 1}, {0, 0}},
    {"huge", BIG, {.wid = 2147483647, .max_pix = {-1, -1}}, 0, {0}, SI_ERR_LIMIT, {0}, {0}, {0}},
    {"huge scale", BIG, {.scl = 1e-9, .max_pix = {-1, -1}}, 0, {0}, SI_ERR_LIMIT, {0}, {0}, {0}},
    {"empty rect", BIG, {.has_rect = true, .rect = {0, 0, 0, 5}}, 0, {0}, SI_ERR_RANGE, {0}, {0},
        {0}},
};

static void prepare(si_view *v) {
    v->rect_scale = v->rect_scale > 0 ? v->rect_scale : 1;
    for (int i = 0; i < 2; i++) {
        v->max_pix[i] = v->max_pix[i] == 0 ? 2000 : v->max_pix[i];
        v->max_pix[i] = v->max_pix[i] < 0 ? 0 : v->max_pix[i];
        v->default_pix[i] = 400;
    }
}

/* Of one image layer. */
static si_result solve(const si_layer *l, const si_view *v, double dpr, const int source[2],
    si_layer_box *box, si_geometry *g, si_diag *diag) {
    si_content content = {.width = source[0], .height = source[1]};
    si_result code = si_geometry_layer(l, &content, v, NULL, box, diag);
    if (code != SI_OK) {
        return code;
    }
    double detail[2] = {box->size[0] / box->crop[2], box->size[1] / box->crop[3]};
    return si_geometry_view(v, box->exact, detail, dpr, g, diag);
}

static void all_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_view v = rows[i].v;
        si_layer_box box;
        si_geometry g = {0};
        si_diag diag = {0};
        prepare(&v);
        si_result code = solve(&rows[i].l, &v, rows[i].dpr, rows[i].source, &box, &g, &diag);
        bool ok = code == rows[i].code;
        if (ok && code == SI_OK) {
            ok = memcmp(g.out, rows[i].out, sizeof g.out) == 0 &&
                 (rows[i].scaled[0] == 0 ||
                     (memcmp(g.scaled, rows[i].scaled, sizeof g.scaled) == 0 &&
                         memcmp(g.offset, rows[i].offset, sizeof g.offset) == 0));
        }
        if (!ok) {
            fail_msg("%s: code %d (%s), reply %d×%d, scaled %d×%d at %d,%d", rows[i].name, code,
                diag.text, g.out[0], g.out[1], g.scaled[0], g.scaled[1], g.offset[0], g.offset[1]);
        }
    }
}

static void check_box(const double box[4], double x, double y, double w, double h) {
    assert_float_equal(box[0], x, 0);
    assert_float_equal(box[1], y, 0);
    assert_float_equal(box[2], w, 0);
    assert_float_equal(box[3], h, 0);
}

static si_result view_of_big(const si_view *v, double dpr, si_geometry *g, si_diag *diag) {
    const double whole[2] = {1, 1};
    return si_geometry_view(v, (double[]){2000, 1500}, whole, dpr, g, diag);
}

static void boxes(void **state) {
    (void)state;
    si_geometry g;
    si_view v = {.scl = 2, .has_rect = true, .rect = {900, 700, 256, 256}};
    prepare(&v);
    assert_int_equal(view_of_big(&v, 1, &g, NULL), SI_OK);
    check_box(g.out_content, -900, -700, 1000, 750); /* only 100×50 covered */
    check_box(g.out_view, -900, -700, 1000, 750);

    /* scale multiplies the view first, then x,y,w,h count in those pixels */
    v = (si_view){
        .wid = 500, .hei = 500, .has_rect = true, .rect = {10, 20, 30, 40}, .rect_scale = 2};
    prepare(&v);
    assert_int_equal(view_of_big(&v, 1, &g, NULL), SI_OK);
    check_box(g.out_content, -10, 104, 1000, 750);
    check_box(g.out_view, -10, -20, 1000, 1000);

    /* whole pixels at fractional ratios, padding above and below */
    v = (si_view){.wid = 500, .hei = 500};
    prepare(&v);
    assert_int_equal(view_of_big(&v, 1.5, &g, NULL), SI_OK);
    check_box(g.out_content, 0, 93, 750, 563);
    assert_int_equal(g.out[1], 750);
}

static void max_pix_text(void **state) {
    (void)state;
    si_geometry g;
    si_diag diag = {0};
    si_view v = {.wid = 3000};
    prepare(&v);
    assert_int_equal(view_of_big(&v, 1, &g, &diag), SI_ERR_LIMIT);
    assert_string_equal(diag.text, "reply of 3000×2250 pixels exceeds MaxPix 2000×2000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows),
        cmocka_unit_test(boxes),
        cmocka_unit_test(max_pix_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
