/* Pictures made of others: how many a decoder makes for those of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "render/read/derived_items.h"

static si_derived_items of(const uint32_t (*references)[2], int count) {
    si_derived_items items = {.count = 0};
    for (int i = 0; i < count; i++) {
        assert_true(si_derived_add(&items, references[i][0], references[i][1]));
    }
    return items;
}

static void what_cameras_write(void **state) {
    (void)state;
    si_derived_items grid = {.count = 0};
    assert_true(si_derived_are_few(&grid));
    for (uint32_t tile = 2; tile < 1026; tile++) {
        assert_true(si_derived_add(&grid, 1, tile));
    }
    assert_true(si_derived_are_few(&grid));
    /* a picture with its gain map, both of them grids, one of them turned */
    static const uint32_t tone_mapped[][2] = {
        {1, 2}, {1, 5}, {2, 3}, {3, 10}, {3, 11}, {5, 12}, {5, 13}};
    si_derived_items items = of(tone_mapped, 7);
    assert_true(si_derived_are_few(&items));
}

static void grids_of_grids(void **state) {
    (void)state;
    si_derived_items items = {.count = 0};
    for (uint32_t level = 1; level < 4; level++) {
        for (int i = 0; i < 256; i++) {
            assert_true(si_derived_add(&items, level, level + 1));
        }
    }
    assert_false(si_derived_are_few(&items));
}

static void circles_and_chains(void **state) {
    (void)state;
    static const uint32_t circle[][2] = {{1, 2}, {2, 1}}, itself[][2] = {{7, 7}};
    static const uint32_t chain[][2] = {{1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}};
    si_derived_items items = of(circle, 2);
    assert_false(si_derived_are_few(&items));
    items = of(itself, 1);
    assert_false(si_derived_are_few(&items));
    items = of(chain, 5);
    assert_false(si_derived_are_few(&items));
    items = of(chain, 4);
    assert_true(si_derived_are_few(&items));
}

static void more_than_there_is_room_for(void **state) {
    (void)state;
    si_derived_items items = {.count = 0};
    for (uint32_t i = 0; i < SI_DERIVED_PICTURES; i++) {
        assert_true(si_derived_add(&items, 1, 2));
    }
    assert_false(si_derived_add(&items, 1, 2));
    assert_false(si_derived_are_few(&items)); /* one more than the pictures: what they make */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cameras_write),
        cmocka_unit_test(grids_of_grids),
        cmocka_unit_test(circles_and_chains),
        cmocka_unit_test(more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
