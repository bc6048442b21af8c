/* Path definitions: what parses to what, what is refused where, and what it covers. */
#include "pixels.h"

#include <math.h>
#include <time.h>

#include "render/pixel/path_fill.h"

static void parses_to(const char *text, const char *expected) {
    si_arena arena = {0};
    si_path path, count;
    si_diag diag = {0};
    if (si_path_parse(si_str_of(text), &arena, &path, &diag) != SI_OK) {
        fail_msg("%s: %s", text, diag.text);
    }
    assert_int_equal(si_path_parse(si_str_of(text), NULL, &count, &diag), SI_OK);
    assert_int_equal(count.count, path.count);
    const char *printed = si_path_print(&path, &arena);
    assert_string_equal(printed, expected);
    assert_int_equal(si_path_parse(si_str_of(printed), &arena, &path, &diag), SI_OK);
    assert_string_equal(si_path_print(&path, &arena), expected);
    si_arena_free(&arena);
}

static void paths_become_absolute(void **state) {
    (void)state;
    parses_to("M10,20L30,40Z", "M10,20L30,40Z");
    parses_to("m10,20l5,5,-5,5z", "M10,20L15,25L10,30Z");
    parses_to("M,10,20,L,30,40,Z", "M10,20L30,40Z");
    parses_to("M10-20L+.5,-.25", "M10,-20L0.5,-0.25");
    parses_to("M0,0c1,1,2,1,3,0,1,1,2,1,3,0", "M0,0C1,1,2,1,3,0C4,1,5,1,6,0");
    parses_to("M1,1C2,2,3,3,4,4", "M1,1C2,2,3,3,4,4");
    parses_to("M1,1,2,2m1,1,3,0", "M1,1L2,2M3,3L6,3");
}

static void relative_subpaths_start_where_section_1_5_says(void **state) {
    (void)state;
    parses_to("m5,5l10,0z,m1,1l2,2", "M5,5L15,5ZM6,6L8,8"); /* closed: its start */
    parses_to("m5,5l10,0,m1,1l2,2", "M5,5L15,5M16,6L18,8"); /* open: its end */
    parses_to("M5,5L9,5ZL1,1", "M5,5L9,5ZM5,5L1,1");        /* on after Z, as in SVG */
}

static void refused(const char *text, si_result code, const char *message) {
    si_diag diag = {0};
    si_path path;
    assert_int_equal(si_path_parse(si_str_of(text), NULL, &path, &diag), code);
    assert_string_equal(diag.text, message);
}

static void errors_say_where(void **state) {
    (void)state;
    refused("", SI_ERR_SYNTAX, "path: it is empty at position 1");
    refused("L1,2", SI_ERR_SYNTAX, "path: a path begins with M at position 1");
    refused("M1,2,", SI_ERR_SYNTAX, "path: something is missing at position 6");
    refused("M1,2 L3,4", SI_ERR_SYNTAX, "path: not a path command at position 5");
    refused("M1,2L3", SI_ERR_SYNTAX, "path: a number is missing at position 7");
    refused("M1,2L3,,4", SI_ERR_SYNTAX, "path: a number is missing at position 7");
    refused("M1,2L3,4.5.6", SI_ERR_SYNTAX, "path: bad number at position 8");
    refused("M1,2L-,4", SI_ERR_SYNTAX, "path: bad number at position 6");
    refused("M1,2L3,4Q1,2,3,4", SI_ERR_SYNTAX, "path: not a path command at position 9");
    refused("M1,2C1,2,3,4,5,6,7", SI_ERR_SYNTAX, "path: a number is missing at position 19");
    refused("M1,2ZZ", SI_ERR_SYNTAX, "path: nothing to close at position 6");
    refused("M1,2000001", SI_ERR_RANGE, "path: coordinate too large at position 4");
    refused("M1,1e5", SI_ERR_SYNTAX, "path: not a path command at position 5");
    refused("M900000,0l900000,0", SI_ERR_RANGE, "path: coordinate too large at position 17");
}

static void segments_are_limited(void **state) {
    (void)state;
    char text[5 + 4 * SI_PATH_MAX_SEGMENTS] = "M0,0";
    size_t len = 4;
    for (int i = 1; i < SI_PATH_MAX_SEGMENTS; i++) {
        memcpy(text + len, "l1,1", 4);
        len += 4;
    }
    assert_int_equal(si_path_parse((si_str){text, len}, NULL, NULL, NULL), SI_OK);
    text[len] = 'z';
    assert_int_equal(si_path_parse((si_str){text, len + 1}, NULL, NULL, NULL), SI_ERR_LIMIT);
}

/* Any bytes: no crash, and what parses prints to something that parses to the same. */
static void random_text_is_parsed_or_refused(void **state) {
    (void)state;
    static const char bytes[] = "MmLlCcZz,,,,0123456789.-+ \x80";
    uint32_t random = 12345;
    int parsed = 0;
    for (int i = 0; i < 200000; i++) {
        char text[40];
        size_t len = next_random(&random) % sizeof text;
        for (size_t k = 0; k < len; k++) {
            text[k] = bytes[next_random(&random) % (sizeof bytes - 1)];
        }
        if (len > 2 && i % 2 == 0) {
            memcpy(text, "M1,", 3);
        }
        si_arena arena = {0};
        si_path path;
        if (si_path_parse((si_str){text, len}, &arena, &path, NULL) == SI_OK) {
            const char *printed = si_path_print(&path, &arena);
            si_path again;
            assert_int_equal(si_path_parse(si_str_of(printed), &arena, &again, NULL), SI_OK);
            assert_string_equal(si_path_print(&again, &arena), printed);
            parsed++;
        }
        si_arena_free(&arena);
    }
    assert_true(parsed > 100);
}

static si_path parse(const char *text, si_arena *arena) {
    si_path path;
    assert_int_equal(si_path_parse(si_str_of(text), arena, &path, NULL), SI_OK);
    return path;
}

static void bounds_hold_curves_not_control_points(void **state) {
    (void)state;
    si_arena arena = {0};
    double box[4];
    si_path path = parse("M0,0C0,100,100,100,100,0", &arena);
    assert_true(si_path_bounds(&path, NULL, box));
    assert_true(fabs(box[0]) < 1e-9 && fabs(box[1]) < 1e-9);
    assert_true(fabs(box[2] - 100) < 1e-9 && fabs(box[3] - 75) < 1e-9);
    si_affine m = {.xx = 2, .yy = -1, .x0 = 10, .y0 = 5};
    assert_true(si_path_bounds(&path, &m, box));
    assert_true(fabs(box[0] - 10) < 1e-9 && fabs(box[1] + 70) < 1e-9);
    assert_true(fabs(box[2] - 210) < 1e-9 && fabs(box[3] - 5) < 1e-9);
    path.count = 0;
    assert_false(si_path_bounds(&path, NULL, box));
    si_arena_free(&arena);
}

/* The box is that of the finely flattened path, for random curves. */
static void bounds_agree_with_flattening(void **state) {
    (void)state;
    uint32_t random = 5;
    for (int i = 0; i < 300; i++) {
        si_path_segment s[2] = {{.op = SI_PATH_MOVE}, {.op = SI_PATH_CURVE}};
        si_path path = {s, 2};
        for (int k = 0; k < 6; k++) {
            s[1].p[k] = next_random(&random) % 1000;
            s[0].p[k % 2] = next_random(&random) % 1000;
        }
        double box[4], flat[4] = {1e9, 1e9, -1e9, -1e9};
        si_polylines lines;
        si_path_bounds(&path, NULL, box);
        assert_int_equal(si_path_flatten(&path, NULL, 1e-2, &lines, NULL), SI_OK);
        for (size_t k = 0; k < lines.lines[0].count; k++) {
            const si_path_point *p = &lines.lines[0].points[k];
            flat[0] = fmin(flat[0], p->x);
            flat[1] = fmin(flat[1], p->y);
            flat[2] = fmax(flat[2], p->x);
            flat[3] = fmax(flat[3], p->y);
        }
        for (int k = 0; k < 4; k++) {
            assert_true(fabs(box[k] - flat[k]) < 0.02);
        }
        si_polylines_free(&lines);
    }
}

static void flattening_measures_length(void **state) {
    (void)state;
    si_arena arena = {0};
    si_polylines lines;
    /* a quarter circle of radius 100 to 0.03 %, a line, and a closed square */
    si_path path =
        parse("M100,0C100,55.2285,55.2285,100,0,100L0,150,M0,0L10,0,10,10,0,10Z", &arena);
    assert_int_equal(si_path_flatten(&path, NULL, 0.1, &lines, NULL), SI_OK);
    assert_int_equal(lines.count, 2);
    const si_polyline *a = &lines.lines[0], *b = &lines.lines[1];
    assert_true(fabs(a->points[a->count - 1].length - (50 * M_PI + 50)) < 0.2);
    assert_false(a->closed);
    assert_true(b->closed);
    assert_true(b->points[b->count - 1].length == 40);
    for (size_t i = 0; i + 2 < a->count; i++) {
        assert_true(fabs(hypot(a->points[i].x, a->points[i].y) - 100) < 0.15);
    }
    double x, y, direction;
    si_polyline_at(b, 15, &x, &y, &direction);
    assert_true(x == 10 && y == 5 && fabs(direction - M_PI_2) < 1e-9);
    si_polyline_at(b, -3, &x, &y, &direction);
    assert_true(x == 0 && y == 0 && direction == 0);
    si_polyline_at(b, 1000, &x, &y, &direction);
    assert_true(x == 0 && y == 0 && fabs(direction + M_PI_2) < 1e-9);
    si_polylines_free(&lines);
    si_arena_free(&arena);
}

static int at(const si_plane *p, int x, int y) {
    return si_plane_row(p, y)[x];
}

static void fills_are_antialiased_and_non_zero(void **state) {
    (void)state;
    si_arena arena = {0};
    si_plane p;
    si_path path = parse("M2,2L8,2L8,7.5L2,7.5", &arena);
    assert_int_equal(si_path_fill(&path, NULL, 10, 10, &p, NULL), SI_OK);
    assert_int_equal(at(&p, 2, 2), 255);
    assert_int_equal(at(&p, 7, 6), 255);
    assert_true(abs(at(&p, 5, 7) - 128) <= 3);
    assert_int_equal(at(&p, 8, 5), 0);
    assert_int_equal(at(&p, 1, 5), 0);
    si_plane_free(&p);
    /* a square in a square the same way round is filled, the other way round is a hole */
    path = parse("M0,0L9,0,9,9,0,9ZM3,3L6,3,6,6,3,6Z", &arena);
    assert_int_equal(si_path_fill(&path, NULL, 9, 9, &p, NULL), SI_OK);
    assert_int_equal(at(&p, 4, 4), 255);
    si_plane_free(&p);
    path = parse("M0,0L9,0,9,9,0,9ZM3,3L3,6,6,6,6,3Z", &arena);
    assert_int_equal(si_path_fill(&path, NULL, 9, 9, &p, NULL), SI_OK);
    assert_int_equal(at(&p, 4, 4), 0);
    assert_int_equal(at(&p, 2, 4), 255);
    si_plane_free(&p);
    si_arena_free(&arena);
}

static void fills_follow_the_matrix(void **state) {
    (void)state;
    si_arena arena = {0};
    si_plane p;
    si_path path = parse("M0,0L1,0,1,1,0,1", &arena);
    si_affine m = {.xx = 20, .yy = 10, .x0 = 5, .y0 = 3};
    assert_int_equal(si_path_fill(&path, &m, 40, 20, &p, NULL), SI_OK);
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 40; x++) {
            bool in = x >= 5 && x < 25 && y >= 3 && y < 13;
            assert_int_equal(at(&p, x, y), in ? 255 : 0);
        }
    }
    si_plane_free(&p);
    si_arena_free(&arena);
}

/* The area of a circle is that of its coverage. */
static void coverage_is_area(void **state) {
    (void)state;
    si_arena arena = {0};
    si_plane p;
    si_path path =
        parse("M90.3,50C90.3,72.3659,72.3659,90.3,50,90.3C27.6341,90.3,9.7,72.3659,9.7,50"
              "C9.7,27.6341,27.6341,9.7,50,9.7C72.3659,9.7,90.3,27.6341,90.3,50Z",
            &arena);
    assert_int_equal(si_path_fill(&path, NULL, 100, 100, &p, NULL), SI_OK);
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        sum += at(&p, i % 100, i / 100) / 255.0;
    }
    double area = M_PI * 40.3 * 40.3;
    assert_true(fabs(sum / area - 1) < 0.002);
    si_plane_free(&p);
    si_arena_free(&arena);
}

/* As many and as large curves as the limits allow, scaled up: done in a moment. */
static void hostile_paths_end(void **state) {
    (void)state;
    si_path_segment s[SI_PATH_MAX_SEGMENTS] = {{.op = SI_PATH_MOVE}};
    si_path path = {s, SI_PATH_MAX_SEGMENTS};
    uint32_t random = 9;
    for (int i = 1; i < SI_PATH_MAX_SEGMENTS; i++) {
        s[i].op = i % 50 == 0 ? SI_PATH_MOVE : SI_PATH_CURVE;
        for (int k = 0; k < 6; k++) {
            s[i].p[k] = (next_random(&random) % 20000) - 10000.0;
        }
    }
    si_affine m = {.xx = 1e30, .yy = 1e30, .xy = -1e300, .x0 = NAN};
    si_plane p;
    clock_t start = clock();
    assert_int_equal(si_path_fill(&path, &m, 300, 300, &p, NULL), SI_OK);
    si_plane_free(&p);
    assert_int_equal(si_path_fill(&path, NULL, 300, 300, &p, NULL), SI_OK);
    si_plane_free(&p);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_absolute),
        cmocka_unit_test(relative_subpaths_start_where_section_1_5_says),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(segments_are_limited),
        cmocka_unit_test(random_text_is_parsed_or_refused),
        cmocka_unit_test(bounds_hold_curves_not_control_points),
        cmocka_unit_test(bounds_agree_with_flattening),
        cmocka_unit_test(flattening_measures_length),
        cmocka_unit_test(fills_are_antialiased_and_non_zero),
        cmocka_unit_test(fills_follow_the_matrix),
        cmocka_unit_test(coverage_is_area),
        cmocka_unit_test(hostile_paths_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
