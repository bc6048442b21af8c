/* Image maps (render/geometry/image_map.h): shapes are moved, cut, dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "render/geometry/image_map.h"

static const double whole[1][4] = {{0, 0, 100, 100}};

static void check(const char *areas, const double m[6], const double (*boxes)[4], int count,
    const char *expected) {
    si_map map;
    si_bytes out = {0};
    memcpy(map.m, m, sizeof map.m);
    assert_true(si_image_map_write(si_str_of(areas), &map, boxes, count, &out));
    assert_true(si_bytes_append(&out, "", 1));
    assert_string_equal((const char *)out.data, expected);
    si_bytes_free(&out);
}

static const double same[6] = {1, 0, 0, 0, 1, 0}, half[6] = {0.5, 0, 10, 0, 0.5, 20};

static void test_rectangles_are_scaled_and_moved(void **unused) {
    (void)unused;
    check("<AREA SHAPE=\"rect\" COORDS=\"10,20,30,40\" HREF=\"a.html\" ALT='x y'>", half, whole, 1,
        "<AREA SHAPE=\"rect\" COORDS=\"15,30,25,40\" HREF=\"a.html\" ALT='x y'>\r\n");
}

static void test_polygons_are_cut_at_the_edge(void **unused) {
    (void)unused;
    check("<area shape=poly coords=90,90,110,90,110,110,90,110 href=b/c>", same, whole, 1,
        "<AREA SHAPE=\"rect\" COORDS=\"90,90,100,100\" href=b/c>\r\n");
    check("<area shape=poly coords=\"80,10,120,50,80,90\">", same, whole, 1,
        "<AREA SHAPE=\"poly\" COORDS=\"80,10,100,30,100,70,80,90\">\r\n");
}

static void test_what_is_left_without_area_goes(void **unused) {
    (void)unused;
    check("<AREA SHAPE=\"rect\" COORDS=\"100,0,120,50\"><AREA SHAPE=\"rect\" COORDS=\"5,5,5,9\">",
        same, whole, 1, "");
}

static void test_circles_and_percent_are_not_supported(void **unused) {
    (void)unused;
    check("<AREA SHAPE=\"circle\" COORDS=\"50,50,10\"><AREA SHAPE=\"rect\" COORDS=\"1%,1,5,5\">",
        same, whole, 1, "");
}

static void test_no_shape_is_all_of_the_layer(void **unused) {
    (void)unused;
    static const double boxes[2][4] = {{-5, 10, 60, 60}, {0, 0, 100, 100}};
    check("<AREA HREF=\"c\"><AREA SHAPE=\"default\" HREF=\"d\">", same, boxes, 2,
        "<AREA SHAPE=\"rect\" COORDS=\"0,10,60,60\" HREF=\"c\">\r\n"
        "<AREA SHAPE=\"rect\" COORDS=\"0,10,60,60\" HREF=\"d\">\r\n");
}

/* A rectangle that is turned by 45° is none any more. */
static void test_turned_rectangles_become_polygons(void **unused) {
    (void)unused;
    static const double turned[6] = {0.70710678, -0.70710678, 50, 0.70710678, 0.70710678, 0};
    check("<AREA SHAPE=\"rect\" COORDS=\"10,10,40,40\">", turned, whole, 1,
        "<AREA SHAPE=\"poly\" COORDS=\"50,14,71,35,50,57,29,35\">\r\n");
    static const double quarter[6] = {0, -1, 100, 1, 0, 0};
    check("<AREA SHAPE=\"rect\" COORDS=\"10,20,40,60\">", quarter, whole, 1,
        "<AREA SHAPE=\"rect\" COORDS=\"40,10,80,40\">\r\n");
}

/* Hostile text: no damage, and nothing but AREA elements comes out. */
static void test_damaged_maps_do_no_harm(void **unused) {
    (void)unused;
    static const char text[] =
        "<AREA SHAPE=\"poly\" COORDS=\"1,2,30,4,50,60,7,80\" HREF=\"a\" X=1><map><area shape=rect "
        "coords='1,2,3,4'>";
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        for (int k = 0; k < 4; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            copy[(state >> 33) % (sizeof text - 1)] = "<>\"'=, -9eA\n"[(state >> 50) % 12];
        }
        si_map map = SI_MAP_IDENTITY;
        si_bytes out = {0};
        assert_true(si_image_map_write((si_str){copy, sizeof text - 1}, &map, whole, 1, &out));
        si_bytes_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rectangles_are_scaled_and_moved),
        cmocka_unit_test(test_polygons_are_cut_at_the_edge),
        cmocka_unit_test(test_what_is_left_without_area_goes),
        cmocka_unit_test(test_circles_and_percent_are_not_supported),
        cmocka_unit_test(test_no_shape_is_all_of_the_layer),
        cmocka_unit_test(test_turned_rectangles_become_polygons),
        cmocka_unit_test(test_damaged_maps_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
