/* Layers in the composite against tables (docs/protocol.md, Geometry of layers; numbers are of
 * docs/decisions.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "render/geometry/geometry.h"

typedef struct row {
    const char *name;
    double source[2];
    si_layer l;
    int rect[2];
} row;

#define BIG                                                                                        \
    { 2000, 1500 }
#define PX(...) .crop_unit = SI_UNIT_PIXELS, .crop = {__VA_ARGS__}
#define NX(...) .crop_unit = SI_UNIT_NORMALIZED, .crop = {__VA_ARGS__}
#define EXTEND(...) .extend_unit = SI_UNIT_PIXELS, .extend = {__VA_ARGS__}
#define EXTEND_N(...) .extend_unit = SI_UNIT_NORMALIZED, .extend = {__VA_ARGS__}

static const row rows[] = {
    {"nothing", BIG, {0}, {2000, 1500}},
    {"size=200,0", BIG, {.size = {200, 0}}, {200, 150}},
    {"size=0,300", BIG, {.size = {0, 300}}, {400, 300}},
    {"size=300,300", BIG, {.size = {300, 300}}, {300, 225}},
    {"size enlarges (P16)", {100, 50}, {.size = {300, 300}}, {300, 150}},
    {"crop, size", BIG, {PX(500, 0, 1000, 1500), .size = {300, 300}}, {200, 300}},
    {"scale=.25", BIG, {.scale = .25}, {500, 375}},
    {"res=36 of 72", BIG, {.scale = .5}, {1000, 750}},
    {"size beats scale", BIG, {.scale = .5, .size = {200, 0}}, {200, 150}},
    {"cropN=0.1,0,0.8,1", BIG, {NX(.1, 0, .8, 1)}, {1600, 1500}},
    {"cropN=.2,.3,.8,.9", BIG, {NX(.2, .3, .8, .9)}, {1600, 1350}},
    {"crop=-100,-100,2200,1700", BIG, {PX(-100, -100, 2200, 1700)}, {2200, 1700}},
    {"crop without area (P7)", BIG, {PX(5, 5, 0, 0)}, {2000, 1500}},
    {"size=200,0&rotate=90", BIG, {.size = {200, 0}, .rotate = 90}, {150, 200}},
    {"rotate=180", BIG, {.rotate = 180}, {2000, 1500}},
    {"size=200,100&rotate=30", {2000, 1000}, {.size = {200, 100}, .rotate = 30}, {224, 187}},
    {"8.9 rotate=45", BIG, {.rotate = 45}, {2475, 2475}},
    {"size, extend", BIG, {.size = {200, 0}, EXTEND(0, 30, 0, 0)}, {200, 180}},
    {"size, extendN", BIG, {.size = {200, 0}, EXTEND_N(.1, 0, .1, 0)}, {240, 150}},
    {"extendN after rotate", BIG, {.size = {200, 0}, .rotate = 90, EXTEND_N(.1, .1, 0, 0)},
        {165, 220}},
    {"8.9 extend", BIG, {.size = {800, 0}, EXTEND(0, 100, 200, 100)}, {1000, 800}},
    {"8.9 shadow", BIG, {.size = {240, 240}, EXTEND(0, 0, 12, 12)}, {252, 192}},
    {"negative extend", BIG, {.size = {200, 0}, EXTEND(-10, -20, -30, 0)}, {160, 130}},
    {"solid", {0, 0}, {.kind = SI_LAYER_SOLID, .size = {30, 20}}, {30, 20}},
    {"solid with a mask", BIG, {.kind = SI_LAYER_SOLID, .size = {30, 30}}, {30, 23}},
    {"text", {120, 31}, {.kind = SI_LAYER_TEXT}, {120, 31}},
    {"text in a box", {120, 31}, {.kind = SI_LAYER_TEXT, .size = {200, 50}}, {200, 50}},
    {"text grows", {200, 31}, {.kind = SI_LAYER_TEXT, .size = {200, 0}}, {200, 31}},
};

static si_result solve(const si_layer *l, double w, double h, const si_layer_box *canvas,
    si_layer_box *box, si_diag *diag) {
    const si_content content = {.width = w, .height = h};
    const si_view view = {0};
    return si_geometry_layer(l, &content, &view, canvas, box, diag);
}

static void rectangles(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_layer_box box;
        si_diag diag = {0};
        si_result code = solve(&rows[i].l, rows[i].source[0], rows[i].source[1], NULL, &box, &diag);
        if (code != SI_OK || memcmp(box.rect, rows[i].rect, sizeof box.rect) != 0) {
            fail_msg(
                "%s: code %d (%s), %d×%d", rows[i].name, code, diag.text, box.rect[0], box.rect[1]);
        }
    }
}

static void errors(void **state) {
    (void)state;
    static const row bad[] = {
        {"extend leaves nothing", BIG, {.size = {20, 0}, EXTEND(-10, 0, -10, 0)}, {0}},
        {"solid without size", {0, 0}, {.kind = SI_LAYER_SOLID}, {0}},
        {"solid with half a size", {0, 0}, {.kind = SI_LAYER_SOLID, .size = {30, 0}}, {0}},
        {"crop of negative size", BIG, {PX(0, 0, -5, 5)}, {0}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        si_layer_box box;
        assert_int_equal(
            solve(&bad[i].l, bad[i].source[0], bad[i].source[1], NULL, &box, NULL), SI_ERR_RANGE);
    }
    const si_content path = {.has_path = true, .path = {0, 0, 10, 10}};
    const si_view view = {0};
    si_layer_box box;
    si_layer l = {.kind = SI_LAYER_SOLID, .rotate = 10};
    assert_int_equal(si_geometry_layer(&l, &path, &view, NULL, &box, NULL), SI_ERR_RANGE);
    l = (si_layer){.kind = SI_LAYER_SOLID, .scale = 2};
    assert_int_equal(si_geometry_layer(&l, &path, &view, NULL, &box, NULL), SI_ERR_RANGE);
    l = (si_layer){.kind = SI_LAYER_SOLID, .anchor = {SI_UNIT_PIXELS, {0, 0}}};
    assert_int_equal(si_geometry_layer(&l, &path, &view, NULL, &box, NULL), SI_ERR_RANGE);
    l = (si_layer){.scale = 1e9};
    assert_int_equal(solve(&l, 2000, 1500, NULL, &box, NULL), SI_ERR_LIMIT);
}

static void anchors(void **state) {
    (void)state;
    static const struct {
        const char *name;
        si_layer l;
        double origin[2];
    } table[] = {
        {"centre", {0}, {1000, 750}},
        {"anchor through crop, scale, extend",
            {.anchor = {SI_UNIT_PIXELS, {600, 100}},
                PX(500, 0, 1000, 1500),
                .scale = .5,
                EXTEND(10, 20, 0, 0)},
            {60, 70}},
        {"anchorN", {.anchor = {SI_UNIT_NORMALIZED, {-.5, .5}}}, {0, 1500}},
        {"flip lr", {.anchor = {SI_UNIT_PIXELS, {600, 100}}, .adjustments.flip = SI_FLIP_LR},
            {1400, 100}},
        {"flip ud", {.anchor = {SI_UNIT_PIXELS, {600, 100}}, .adjustments.flip = SI_FLIP_UD},
            {600, 1400}},
        {"rotate 90", {.anchor = {SI_UNIT_PIXELS, {600, 100}}, .rotate = 90}, {1400, 600}},
        {"origin beats anchor",
            {.anchor = {SI_UNIT_PIXELS, {600, 100}}, .origin = {SI_UNIT_PIXELS, {7, 8}}}, {7, 8}},
        {"originN after extend",
            {.origin = {SI_UNIT_NORMALIZED, {.5, -.5}}, .size = {200, 0}, EXTEND(0, 30, 10, 0)},
            {210, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        si_layer_box box;
        assert_int_equal(solve(&table[i].l, 2000, 1500, NULL, &box, NULL), SI_OK);
        if (fabs(box.origin[0] - table[i].origin[0]) > 1e-9 ||
            fabs(box.origin[1] - table[i].origin[1]) > 1e-9) {
            fail_msg("%s: origin %g,%g", table[i].name, box.origin[0], box.origin[1]);
        }
    }
}

/* Placement. */
static void places(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double canvas[2], source[2];
        si_layer l, zero;
        int at[2];
    } table[] = {
        {"no pos", {1000, 1000}, {200, 100}, {0}, {0}, {400, 450}},
        {"pos=10,20", {1000, 1000}, {200, 100}, {.pos = {SI_UNIT_PIXELS, {10, 20}}}, {0},
            {410, 470}},
        {"posN=.5,.5", {1000, 1000}, {200, 100}, {.pos = {SI_UNIT_NORMALIZED, {.5, .5}}}, {0},
            {900, 950}},
        {"left centre", {1000, 1000}, {800, 600},
            {.origin = {SI_UNIT_NORMALIZED, {-.5, 0}}, .pos = {SI_UNIT_NORMALIZED, {-.5, 0}}}, {0},
            {0, 200}},
        {"odd sizes round half up", {101, 101}, {50, 51}, {0}, {0}, {26, 25}},
        {"sizeN", {1000, 500}, {200, 100}, {.size_n = {.5, .5}}, {0}, {250, 125}},
        {"origin of layer 0", {1000, 1000}, {200, 100}, {0},
            {.origin = {SI_UNIT_PIXELS, {100, 100}}}, {0, 50}},
        {"8.9 corner", {300, 225}, {100, 40},
            {.origin = {SI_UNIT_NORMALIZED, {-.5, -.5}}, .rotate = 330},
            {.origin = {SI_UNIT_NORMALIZED, {-.5, -.5}}}, {0, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        si_layer_box canvas, box;
        assert_int_equal(
            solve(&table[i].zero, table[i].canvas[0], table[i].canvas[1], NULL, &canvas, NULL),
            SI_OK);
        si_result code =
            solve(&table[i].l, table[i].source[0], table[i].source[1], &canvas, &box, NULL);
        if (code != SI_OK || memcmp(box.at, table[i].at, sizeof box.at) != 0) {
            fail_msg("%s: code %d, at %d,%d", table[i].name, code, box.at[0], box.at[1]);
        }
    }
}

/* Rotating about the anchor: it stays where it was, whatever the angle. */
static void turns_about_the_anchor(void **state) {
    (void)state;
    si_layer zero = {0};
    si_layer_box canvas;
    assert_int_equal(solve(&zero, 1000, 1000, NULL, &canvas, NULL), SI_OK);
    for (int degrees = 0; degrees < 360; degrees += 15) {
        si_layer l = {.anchor = {SI_UNIT_PIXELS, {30, 90}}, .rotate = degrees, .scale = .5};
        si_layer_box box;
        double p[2];
        assert_int_equal(solve(&l, 200, 100, &canvas, &box, NULL), SI_OK);
        si_map m = si_map_chain(&box.fit, &box.plain);
        si_map_point(&m, 30, 90, p);
        assert_true(fabs(p[0] - 500) <= 0.51 && fabs(p[1] - 500) <= 0.51);
        /* a point below the anchor turns clockwise, to its left */
        si_map_point(&m, 30, 110, p);
        double a = degrees * M_PI / 180;
        assert_true(fabs(p[0] - (500 - 10 * sin(a))) <= 0.51);
        assert_true(fabs(p[1] - (500 + 10 * cos(a))) <= 0.51);
    }
}

/* Colours and text that take their size from a path lie around the path's 0,0. */
static void self_sizing(void **state) {
    (void)state;
    const si_view view = {0};
    si_layer zero = {0}, l = {.kind = SI_LAYER_SOLID};
    si_layer_box canvas, box;
    assert_int_equal(solve(&zero, 1000, 1000, NULL, &canvas, NULL), SI_OK);
    const si_content path = {.has_path = true, .path = {10.5, -20, 30, -5.5}};
    assert_int_equal(si_geometry_layer(&l, &path, &view, &canvas, &box, NULL), SI_OK);
    assert_int_equal(box.rect[0], 20);
    assert_int_equal(box.rect[1], 15);
    assert_int_equal(box.at[0], 510);
    assert_int_equal(box.at[1], 480);
    const si_content text = {.width = 80, .height = 20, .has_origin = true, .origin = {0, 16}};
    l = (si_layer){.kind = SI_LAYER_TEXT};
    assert_int_equal(si_geometry_layer(&l, &text, &view, &canvas, &box, NULL), SI_OK);
    assert_int_equal(box.at[0], 500);
    assert_int_equal(box.at[1], 484);
    l.rotate = 90; /* about the start of its first line */
    assert_int_equal(si_geometry_layer(&l, &text, &view, &canvas, &box, NULL), SI_OK);
    assert_int_equal(box.at[0], 496);
    assert_int_equal(box.at[1], 500);
}

static void perspective(void **state) {
    (void)state;
    si_layer zero = {0}, l = {.perspective = {.mode = SI_PERSPECTIVE_SUPER,
                                  .normalized = true,
                                  .v = {0, 0, .5, 0, .5, 1, 0, 1}},
                             .pos = {SI_UNIT_PIXELS, {10, 0}}};
    si_layer_box canvas, box;
    assert_int_equal(solve(&zero, 400, 200, NULL, &canvas, NULL), SI_OK);
    assert_int_equal(solve(&l, 50, 50, &canvas, &box, NULL), SI_OK);
    static const double want[] = {10, 0, 210, 0, 210, 200, 10, 200};
    assert_true(box.has_quad);
    assert_memory_equal(box.quad, want, sizeof want);
}

/* Thumbnails, for T = 64×64 and a 2000×1500 image. */
static void thumbnails(void **state) {
    (void)state;
    static const struct {
        si_thumb kind;
        si_layer l;
        double align;
        int size[2], rect[2];
        double crop[4];
    } table[] = {
        {SI_THUMB_CROP, {0}, 0, {64, 64}, {64, 64}, {-1, 0, 64. / 85 * 2000, 1500}},
        {SI_THUMB_CROP, {0}, -1, {64, 64}, {64, 64}, {0, 0, 64. / 85 * 2000, 1500}},
        {SI_THUMB_FIT, {0}, 0, {64, 48}, {64, 64}, {0, 0, 2000, 1500}},
        {SI_THUMB_TEXTURE, {0}, 0, {64, 64}, {64, 64}, {-1, -1, 640, 640}},
        {SI_THUMB_FIT, {.size = {32, 40}}, 0, {32, 24}, {32, 40}, {0, 0, 2000, 1500}},
        {SI_THUMB_FIT, {.scale = .01}, 0, {20, 15}, {20, 15}, {0, 0, 2000, 1500}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const si_content content = {.width = 2000, .height = 1500};
        const si_view view = {.thumb = table[i].kind,
            .wid = 64,
            .hei = 64,
            .thumb_scale = .1,
            .align = {table[i].align, 0}};
        si_layer_box box;
        si_geometry g;
        assert_int_equal(si_geometry_layer(&table[i].l, &content, &view, NULL, &box, NULL), SI_OK);
        assert_memory_equal(box.size, table[i].size, sizeof box.size);
        assert_memory_equal(box.rect, table[i].rect, sizeof box.rect);
        for (int k = 0; k < 4; k++) {
            if (table[i].crop[k] >= 0 && fabs(box.crop[k] - table[i].crop[k]) > 1e-6) {
                fail_msg("row %zu: crop[%d] is %g", i, k, box.crop[k]);
            }
        }
        const double detail[2] = {1, 1};
        assert_int_equal(si_geometry_view(&view, box.exact, detail, 1, &g, NULL), SI_OK);
        assert_int_equal(g.out[0], 64);
        assert_int_equal(g.out[1], 64);
    }
}

/* rgn chooses what is fitted, and cuts nothing (P12). */
static void regions(void **state) {
    (void)state;
    static const struct {
        si_view v;
        int out[2];
        double content[4];
    } table[] = {
        {{.has_rgn = true, .rgn = {500, 500, 1000, 500}, .default_pix = {400, 400}}, {400, 200},
            {-200, -200, 800, 600}},
        {{.has_rgn = true, .rgn = {500, 500, 1000, 500}, .wid = 500}, {500, 250},
            {-250, -250, 1000, 750}},
        {{.has_rgn = true, .rgn = {0, 0, 1000, 500}, .wid = 500, .hei = 500}, {500, 500},
            {0, 125, 1000, 750}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        si_geometry g;
        const double detail[2] = {1, 1};
        assert_int_equal(
            si_geometry_view(&table[i].v, (double[]){2000, 1500}, detail, 1, &g, NULL), SI_OK);
        assert_memory_equal(g.out, table[i].out, sizeof g.out);
        for (int k = 0; k < 4; k++) {
            assert_true(fabs(g.out_content[k] - table[i].content[k]) < 1e-9);
        }
    }
    si_geometry g;
    const double detail[2] = {1, 1};
    const si_view empty = {.has_rgn = true, .rgn = {0, 0, 0, 10}};
    assert_int_equal(
        si_geometry_view(&empty, (double[]){2000, 1500}, detail, 1, &g, NULL), SI_ERR_RANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rectangles),
        cmocka_unit_test(errors),
        cmocka_unit_test(anchors),
        cmocka_unit_test(places),
        cmocka_unit_test(turns_about_the_anchor),
        cmocka_unit_test(self_sizing),
        cmocka_unit_test(perspective),
        cmocka_unit_test(thumbnails),
        cmocka_unit_test(regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
