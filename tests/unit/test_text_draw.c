/* Text layers at angles, on paths and in shapes; drawing at any scale; what cannot be drawn. */
#include "text_fixture.h"

static const char FLOW_TEXT[] =
    "\\fs24 The quick brown fox jumps over the lazy dog while seventeen "
    "zebras graze quietly beyond the old stone wall and watch clouds";

/* ---- directions and paths ---- */

static void test_angle(void **state) {
    (void)state;
    si_text_metrics level = measure("\\fs40 HHHHHH", SI_TEXT_PS, 0, 0);
    si_text_style style = {.angle = 90};
    shown s = show_style("\\fs40 HHHHHH", SI_TEXT_PS, &style);
    near(s.m.width, level.height, 1);
    near(s.m.height, level.width, 1);
    drop(&s);
    style.angle = 30;
    s = show_style("\\fs40 HHHHHH", SI_TEXT_PS, &style);
    near(s.m.width, level.width * cos(0.5236) + level.height * sin(0.5236), 2);
    /* clockwise: it begins at the top left and ends at the bottom right */
    assert_true(ink_pixels(&s, 0, 0, s.im.width / 3, s.im.height / 2) > 0);
    assert_int_equal(ink_pixels(&s, 0, s.im.height * 2 / 3, s.im.width / 3, s.im.height), 0);
    drop(&s);
    /* text= knows no angle */
    s = show_style("\\fs40 HHHHHH", SI_TEXT_NORM, &style);
    assert_true(s.m.height < 40);
    drop(&s);
    /* in a box, lines begin where the box has room for them */
    style.width = style.height = 150;
    s = show_style("\\fs30 HHH HHH HHH HHH", SI_TEXT_PS, &style);
    assert_true(s.ink[2] > 0);
    assert_true(s.m.lines > 1);
    drop(&s);
}

static void test_vertical_flow(void **state) {
    (void)state;
    shown s = show("\\stextflow1\\fs40 HHHH", SI_TEXT_PS, 200, 150);
    assert_true(s.ink[0] > 170);
    assert_true(s.ink[3] - s.ink[1] > 40);
    drop(&s);
    /* letters lie on their side, kana stand (the font has none: its sign for that is a tall box) */
    s = show("\\stextflow1\\fs80 I", SI_TEXT_PS, 200, 150);
    assert_true(s.ink[2] - s.ink[0] > s.ink[3] - s.ink[1]);
    drop(&s);
    s = show("\\stextflow1\\fs80\\u12354?", SI_TEXT_PS, 200, 150);
    assert_true(s.ink[3] - s.ink[1] > s.ink[2] - s.ink[0]);
    assert_true(s.ink[1] < 10);
    drop(&s);
}

static si_path path_of(const char *d, si_arena *arena) {
    si_path p;
    si_diag diag = {0};
    if (si_path_parse(si_str_of(d), arena, &p, &diag) != SI_OK) {
        fail_msg("%s: %s", d, diag.text);
    }
    return p;
}

static void test_text_on_path(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path line = path_of("M20,10L20,190", &arena);
    si_text_style style = {.width = 100, .height = 200, .path = &line};
    shown s = show_style("\\fs40 HHHH\\par left out", SI_TEXT_PS, &style);
    assert_int_equal(s.m.lines, 1);
    /* downwards, so the letters' feet are at the path, their heads at its right */
    near(s.ink[0], 20, 1);
    near(s.ink[1], 10, 3);
    assert_true(s.ink[3] - s.ink[1] > s.ink[2] - s.ink[0]);
    int bottom = s.ink[3];
    drop(&s);
    style.path_start = 0.25; /* 45 pixels down */
    s = show_style("\\fs40 HHHH", SI_TEXT_PS, &style);
    near(s.ink[3], bottom + 45, 1);
    drop(&s);
    style.path_start = 0;
    style.path_end = 0.2; /* only what has its middle in 36 pixels */
    s = show_style("\\fs40 HHHH", SI_TEXT_PS, &style);
    assert_true(s.m.clipped);
    assert_true(s.ink[3] < 10 + 36 + 12);
    drop(&s);
    style.path_end = 1;
    style.path_reverse = true; /* upwards from the lower end, heads at the left */
    s = show_style("\\fs40 HHHH", SI_TEXT_PS, &style);
    near(s.ink[2], 20, 1);
    near(s.ink[3], 190, 3);
    drop(&s);
    /* without size, the path's 0,0 is the anchor */
    style = (si_text_style){.path = &line};
    s = show_style("\\fs40 HHHH", SI_TEXT_PS, &style);
    assert_true(s.m.has_origin);
    near(s.ink[0] - s.m.origin[0], 20, 1);
    near(s.ink[1] - s.m.origin[1], 10, 3);
    drop(&s);
    si_arena_free(&arena);
}

static void test_path_underline(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path arc = path_of("M0,100C0,40,200,40,200,100", &arena);
    si_text_style style = {.width = 200, .height = 150, .path = &arc};
    shown plain = show_style("\\fs40 HH HHH", SI_TEXT_PS, &style);
    shown lined = show_style("\\fs40\\ul HH HHH", SI_TEXT_PS, &style);
    assert_true(ink_pixels(&lined, 0, 0, 200, 150) > ink_pixels(&plain, 0, 0, 200, 150) + 50);
    drop(&plain);
    drop(&lined);
    si_arena_free(&arena);
}

static void test_closed_path(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path square = path_of("M50,50L150,50L150,150L50,150Z", &arena);
    /* starts in the middle of the left side, and goes on behind the first corner */
    si_text_style style = {
        .width = 200, .height = 200, .path = &square, .path_start = 0.875, .path_end = 1.5};
    shown s = show_style("\\fs40 HHHHHHHHH", SI_TEXT_PS, &style);
    assert_false(s.m.clipped);
    assert_true(ink_pixels(&s, 60, 30, 140, 50) > 50);
    assert_int_equal(ink_pixels(&s, 60, 60, 140, 200), 0);
    drop(&s);
    si_arena_free(&arena);
}

static void test_path_errors(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path line = path_of("M0,50L100,50", &arena);
    static const double parts[][2] = {{1, 1}, {-0.1, 1}, {0.5, 0.4}, {0, 1.5}};
    for (size_t i = 0; i < 4; i++) {
        si_text_style style = {.path = &line, .path_start = parts[i][0], .path_end = parts[i][1]};
        shown s = draw("a", SI_TEXT_PS, &style, &WHOLE);
        assert_int_equal(s.code, SI_ERR_RANGE);
        assert_non_null(strstr(s.diag.text, "pathAttr"));
    }
    si_text_style both = {.path = &line, .flow = &line};
    shown s = draw("a", SI_TEXT_PS, &both, &WHOLE);
    assert_int_equal(s.code, SI_ERR_RANGE);
    assert_non_null(strstr(s.diag.text, "textFlowPath"));
    si_arena_free(&arena);
}

static void test_flow_shape(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path circle = path_of("M100,0C155,0,200,45,200,100C200,155,155,200,100,200"
                             "C45,200,0,155,0,100C0,45,45,0,100,0Z",
        &arena);
    si_text_style style = {.width = 200, .height = 200, .flow = &circle};
    shown s = show_style(FLOW_TEXT, SI_TEXT_PS, &style);
    assert_true(s.m.lines > 5);
    for (int y = 0; y < 200; y++) {
        for (int x = 0; x < 200; x++) {
            if (alpha(&s.im, x, y) >= 128 && hypot(x - 99.5, y - 99.5) > 101) {
                fail_msg("ink outside the circle at %d,%d", x, y);
            }
        }
    }
    drop(&s);
    /* without size the layer is the path's box, and its 0,0 the anchor */
    si_path moved = path_of("M20,30L220,30L220,130L20,130Z", &arena);
    style = (si_text_style){.flow = &moved};
    s = show_style(FLOW_TEXT, SI_TEXT_PS, &style);
    assert_int_equal(s.m.width, 200);
    assert_int_equal(s.m.height, 100);
    near(s.m.origin[0], -20, 0);
    near(s.m.origin[1], -30, 0);
    drop(&s);
    si_arena_free(&arena);
}

static void test_flow_exclusion(void **state) {
    (void)state;
    si_arena arena = {0};
    si_path all = path_of("M0,0L300,0L300,200L0,200Z", &arena);
    si_path hole = path_of("M100,20L200,20L200,120L100,120Z", &arena);
    si_text_style style = {.width = 300, .height = 200, .flow = &all, .flow_out = &hole};
    shown s = show_style(FLOW_TEXT, SI_TEXT_PS, &style);
    assert_int_equal(ink_pixels(&s, 101, 21, 199, 119), 0);
    assert_true(ink_pixels(&s, 0, 20, 100, 120) > 0);
    assert_true(ink_pixels(&s, 200, 20, 300, 120) > 0);
    drop(&s);
    si_arena_free(&arena);
}

/* ---- drawing ---- */

static void test_antialiasing(void **state) {
    (void)state;
    static const si_text_aa modes[] = {
        SI_TEXT_AA_NORM, SI_TEXT_AA_OFF, SI_TEXT_AA_CRISP, SI_TEXT_AA_SHARP, SI_TEXT_AA_STRONG};
    int partly[5];
    int64_t total[5];
    for (int i = 0; i < 5; i++) {
        si_text_style style = {.aa = modes[i]};
        shown s = show_style("\\fs40 SOSOS", SI_TEXT_PS, &style);
        partly[i] = 0;
        total[i] = 0;
        for (int y = 0; y < s.im.height; y++) {
            for (int x = 0; x < s.im.width; x++) {
                int a = alpha(&s.im, x, y);
                partly[i] += a > 0 && a < 255;
                total[i] += a;
            }
        }
        drop(&s);
    }
    assert_int_equal(partly[1], 0);
    assert_true(partly[0] > 100);
    assert_true(partly[2] < partly[0]);
    assert_true(partly[3] < partly[2]);
    assert_true(total[4] > total[0]);
}

/* Mean of the alpha of the n × n pixels that make up one of a smaller picture. */
static double mean_alpha(const si_image *im, int x, int y, int n) {
    double sum = 0;
    for (int i = 0; i < n * n; i++) {
        int px = x * n + i % n, py = y * n + i / n;
        sum += px < im->width && py < im->height ? alpha(im, px, py) : 0;
    }
    return sum / (n * n);
}

/* Lines break alike at any scale, and a larger picture scaled down is the smaller one. */
static void test_scale_invariance(void **state) {
    (void)state;
    static const struct { double width, height; } boxes[] = {{0, 0}, {217, 0}, {217, 93}};
    for (size_t i = 0; i < 3; i++) {
        si_text_style style = {.width = boxes[i].width, .height = boxes[i].height};
        shown one = draw(FLOW_TEXT, SI_TEXT_PS, &style, &WHOLE);
        si_text_window twice = {.scale = {2, 2}}, fourth = {.scale = {0.25, 0.25}};
        shown two = draw(FLOW_TEXT, SI_TEXT_PS, &style, &twice);
        shown small = draw(FLOW_TEXT, SI_TEXT_PS, &style, &fourth);
        assert_int_equal(one.m.lines, two.m.lines);
        near(two.im.width, 2 * one.im.width, 1);
        near(two.im.height, 2 * one.im.height, 1);
        near(small.im.width, one.im.width / 4.0, 1);
        double difference = 0;
        for (int y = 0; y < one.im.height; y++) {
            for (int x = 0; x < one.im.width; x++) {
                double d = mean_alpha(&two.im, x, y, 2) - alpha(&one.im, x, y);
                difference += d * d;
            }
        }
        near(sqrt(difference / (one.im.width * one.im.height)), 0, 4);
        drop(&one);
        drop(&two);
        drop(&small);
    }
}

/* A window is exactly a part of the whole, and beyond the layer there is nothing. */
static void test_window(void **state) {
    (void)state;
    si_text_style style = {.width = 217, .height = 93};
    si_text_window whole = {.scale = {1.7, 1.7}};
    si_text_window part = {
        .scale = {1.7, 1.7}, .left = 100, .top = -20, .width = 150, .height = 90};
    shown a = draw(FLOW_TEXT, SI_TEXT_PS, &style, &whole);
    shown b = draw(FLOW_TEXT, SI_TEXT_PS, &style, &part);
    assert_int_equal(b.im.width, 150);
    assert_int_equal(b.im.height, 90);
    for (int y = 0; y < 90; y++) {
        for (int x = 0; x < 150; x++) {
            int in = y < 20 ? 0 : alpha(&a.im, x + 100, y - 20);
            /* cairo rounds to 1/256 pixel */
            assert_true(abs(in - alpha(&b.im, x, y)) <= 3);
        }
    }
    drop(&a);
    drop(&b);
    /* what hangs over the box is not drawn, wherever the window ends */
    style = (si_text_style){.width = 30, .height = 100};
    part = (si_text_window){.scale = {1, 1}, .width = 200, .height = 100};
    a = draw("\\fs120 W", SI_TEXT_PS, &style, &part);
    assert_true(ink_pixels(&a, 0, 0, 30, 100) > 100);
    assert_int_equal(ink_pixels(&a, 30, 0, 200, 100), 0);
    drop(&a);
    style = (si_text_style){.width = 217, .height = 93};
    /* a huge scale costs what the window costs */
    part = (si_text_window){
        .scale = {5000, 5000}, .left = 20000, .top = 20000, .width = 64, .height = 64};
    a = draw(FLOW_TEXT, SI_TEXT_PS, &style, &part);
    assert_int_equal(a.code, SI_OK);
    drop(&a);
}

static void test_draw_limits(void **state) {
    (void)state;
    si_text_style style = {.width = 70000, .height = 10};
    shown s = draw("a", SI_TEXT_PS, &style, &WHOLE);
    assert_int_equal(s.code, SI_ERR_LIMIT);
    style = (si_text_style){.dpi = 1e6};
    s = draw("\\fs2000 abc", SI_TEXT_PS, &style, &WHOLE);
    assert_int_equal(s.code, SI_ERR_LIMIT);
    style = (si_text_style){.width = 20000, .height = 20000};
    s = draw("a", SI_TEXT_PS, &style, &WHOLE);
    assert_int_equal(s.code, SI_ERR_LIMIT);
    style = (si_text_style){.height = 20};
    s = draw("a", SI_TEXT_PS, &style, &WHOLE);
    assert_int_equal(s.code, SI_ERR_RANGE);
}

static void test_broken_fonts(void **state) {
    (void)state;
    si_arena arena = {0};
    si_richtext_options options = {.mode = SI_TEXT_PS, .default_font = SI_STR("Broken")};
    si_richtext t;
    assert_int_equal(si_richtext_parse(SI_STR("Hi"), &options, &arena, &t, NULL), SI_OK);
    si_text_metrics m;
    si_text_style style = {0};
    for (int i = 0; i < 2; i++) {
        si_diag diag = {0};
        si_font_data data = {
            .data = i == 0 ? (const uint8_t *)"no font" : fonts[0].data, .len = i == 0 ? 7 : 1000};
        assert_int_equal(si_text_measure(&t, &style, &data, &m, &diag), SI_ERR_SOURCE);
        assert_non_null(strstr(diag.text, "\"Broken\""));
    }
    si_arena_free(&arena);
}

/* Fonts with bytes changed here and there give a picture or an error, nothing worse. */
static void test_damaged_fonts(void **state) {
    (void)state;
    si_arena arena = {0};
    si_richtext_options options = {.mode = SI_TEXT_PS, .default_font = SI_STR("Damaged")};
    si_richtext t;
    assert_int_equal(si_richtext_parse(SI_STR("Hi AV fi"), &options, &arena, &t, NULL), SI_OK);
    uint8_t *copy = malloc(fonts[3].len);
    uint32_t seed = 7;
    for (int i = 0; i < 60; i++) {
        memcpy(copy, fonts[3].data, fonts[3].len);
        for (int k = 0; k < 40; k++) {
            seed = seed * 1664525u + 1013904223u;
            copy[(seed >> 8) % (i % 2 == 0 ? 2000 : fonts[3].len)] = (uint8_t)(seed >> 3);
        }
        si_font_data data = {.data = copy, .len = fonts[3].len};
        si_text_style style = {.width = 100, .height = 50};
        si_image im;
        if (si_text_render(&t, &style, &data, &WHOLE, &im, NULL, NULL) == SI_OK) {
            si_image_free(&im);
        }
    }
    free(copy);
    si_arena_free(&arena);
}

static uint32_t below(uint32_t *seed, uint32_t n) {
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 10) % n;
}

/* Any text in any style: an image or an error, in reasonable time. */
static void test_random_layouts(void **state) {
    (void)state;
    static const char *const parts[] = {"\\fs40 ", "\\fs3000 ", "\\fs1 ", "word ", "\\par ",
        "\\line ", "\\u1488?\\u1489? ", "(123) ", "\\rtlch ", "\\ul ", "\\ulwave ", "\\qj ",
        "\\qc ", "\\expnd400 ", "\\expnd-6000 ", "\\charscalex1000 ", "\\sl-1 ", "\\sl30000 ",
        "\\super ", "\\up32767 ", "\\margl3000 ", "\\li-5000 ", "\\fi3000 ", "\\stextflow1 ",
        "\\copyfit900 ", "\\-", "\\~", "e\\u769?", "\\u8206?", "\\caps ", "\\scaps ", "\\vertalb ",
        "\\copyfitlines2 "};
    static const char *const shapes[] = {"M0,0L50,90L100,0Z", "M0,0L0,0Z",
        "M10,10L90,10,10,90,90,90Z", "M-500,-500L900,20L30,900Z", "M0,50C30,0,60,100,100,50"};
    uint32_t seed = 99;
    for (int i = 0; i < 400; i++) {
        char rtf[600] = "";
        for (uint32_t k = below(&seed, 30); k > 0; k--) {
            strncat(rtf, parts[below(&seed, sizeof parts / sizeof *parts)], 20);
        }
        si_arena arena = {0};
        si_path shape = path_of(shapes[below(&seed, 5)], &arena),
                out = path_of(shapes[below(&seed, 5)], &arena);
        uint32_t kind = below(&seed, 4);
        si_text_style style = {.width = below(&seed, 3) * 60,
            .dpi = 1 + below(&seed, 300),
            .fit = below(&seed, 3),
            .wrap = below(&seed, 3),
            .angle = below(&seed, 4) * 37.0,
            .path = kind == 1 ? &shape : NULL,
            .flow = kind == 2 ? &shape : NULL,
            .flow_out = &out};
        style.height = style.width > 0 ? below(&seed, 3) * 50 : 0;
        si_text_window window = {.scale = {1, 1.5}, .left = 3, .width = 80, .height = 80};
        shown s = draw(rtf, below(&seed, 2) == 0 ? SI_TEXT_PS : SI_TEXT_NORM, &style, &window);
        assert_true(s.code == SI_OK || s.diag.text[0] != '\0');
        drop(&s);
        si_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_angle),
        cmocka_unit_test(test_vertical_flow),
        cmocka_unit_test(test_text_on_path),
        cmocka_unit_test(test_path_underline),
        cmocka_unit_test(test_closed_path),
        cmocka_unit_test(test_path_errors),
        cmocka_unit_test(test_flow_shape),
        cmocka_unit_test(test_flow_exclusion),
        cmocka_unit_test(test_antialiasing),
        cmocka_unit_test(test_scale_invariance),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_draw_limits),
        cmocka_unit_test(test_broken_fonts),
        cmocka_unit_test(test_damaged_fonts),
        cmocka_unit_test(test_random_layouts),
    };
    return cmocka_run_group_tests(tests, load_fonts, free_fonts);
}
