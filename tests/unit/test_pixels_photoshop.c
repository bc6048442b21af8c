/* Path resources of Photoshop, from blocks written here byte by byte, and damaged. */
#include "pixels.h"

#include <math.h>

#include "photoshop_block.h"
#include "render/read/photoshop_paths.h"

/* A triangle with one bent side, and an open line behind it. */
static si_bytes triangle(void) {
    si_bytes d = {0};
    put_length(&d, 6, 0); /* fill rule record */
    put_length(&d, 0, 3);
    put_knot(&d, 1, (double[]){0.1, 0.2, 0.1, 0.2, 0.3, 0});
    put_knot(&d, 2, (double[]){0.6, 0, 0.9, 0.2, 0.9, 0.2});
    put_knot(&d, 2, (double[]){0.5, 1.25, 0.5, 1.25, 0.5, 1.25});
    put_length(&d, 3, 2);
    put_knot(&d, 4, (double[]){-0.5, 0, -0.5, 0, -0.5, 0});
    put_knot(&d, 5, (double[]){0.5, 0, 0.5, 0, 0.5, 0});
    return d;
}

static si_bytes sample_block(bool header) {
    si_bytes block = {0}, data = triangle();
    if (header) {
        put(&block, "Photoshop 3.0", 14);
    }
    si_bytes other = {0};
    put(&other, "abc", 3);
    put_resource(&block, 1036, "", &other);
    put_resource(&block, 2000, "Outline", &data);
    data = triangle();
    put_resource(&block, 2001, "Path 2", &data);
    put(&data, "\7Outline\0\0\0\0\0", 13);
    put_resource(&block, 2999, "", &data);
    return block;
}

static void check_sample(const si_photoshop *p, si_arena *arena) {
    assert_int_equal(p->count, 2);
    assert_string_equal(p->paths[0].name, "Outline");
    const si_photoshop_path *found = si_photoshop_find(p, SI_STR("Path 2"));
    assert_ptr_equal(found, &p->paths[1]);
    assert_null(si_photoshop_find(p, SI_STR("path 2")));
    assert_string_equal(si_path_print(&found->path, arena),
        "M0.1,0.2C0.3,0,0.6,0,0.9,0.2C0.9,0.2,0.5,1.25,0.5,1.25C0.5,1.25,0.1,0.2,0.1,0.2Z"
        "M-0.5,0C-0.5,0,0.5,0,0.5,0");
}

static void paths_are_read(void **state) {
    (void)state;
    for (int header = 0; header < 2; header++) {
        si_arena arena = {0};
        si_photoshop p;
        si_bytes block = sample_block(header);
        assert_int_equal(si_photoshop_read(block.data, block.len, &arena, &p, NULL), SI_OK);
        check_sample(&p, &arena);
        si_bytes_free(&block);
        si_arena_free(&arena);
    }
}

/* Whatever is cut off, the paths before it are there. Buffers are exact, so that ASan sees reads
 * beyond them. */
static void cut_blocks_give_what_is_whole(void **state) {
    (void)state;
    si_bytes block = sample_block(true);
    size_t most = 0;
    for (size_t len = 0; len <= block.len; len++) {
        si_arena arena = {0};
        si_photoshop p;
        uint8_t *cut = malloc(len > 0 ? len : 1);
        memcpy(cut, block.data, len);
        assert_int_equal(si_photoshop_read(cut, len, &arena, &p, NULL), SI_OK);
        assert_true(p.count >= most && p.count <= 2);
        most = p.count;
        free(cut);
        si_arena_free(&arena);
    }
    assert_int_equal(most, 2);
    si_bytes_free(&block);
}

static void damaged_blocks_are_survived(void **state) {
    (void)state;
    uint32_t random = 99;
    for (int i = 0; i < 20000; i++) {
        si_arena arena = {0};
        si_photoshop p;
        si_bytes block = sample_block(i % 2);
        for (int k = 0; k < 1 + i % 5; k++) {
            block.data[next_random(&random) % block.len] = (uint8_t)(next_random(&random) >> 13);
        }
        assert_int_equal(si_photoshop_read(block.data, block.len, &arena, &p, NULL), SI_OK);
        for (size_t k = 0; k < p.count; k++) {
            assert_true(p.paths[k].path.count <= SI_PATH_MAX_SEGMENTS);
            assert_int_equal(p.paths[k].path.segments[0].op, SI_PATH_MOVE);
            assert_non_null(p.paths[k].name);
        }
        si_bytes_free(&block);
        si_arena_free(&arena);
    }
}

static void contradicting_paths_are_left_out(void **state) {
    (void)state;
    si_arena arena = {0};
    si_photoshop p;
    si_bytes block = {0}, data = {0};
    put_length(&data, 0, 3); /* announces three knots, has one */
    put_knot(&data, 1, (double[6]){0});
    put_resource(&block, 2000, "short", &data);
    put_length(&data, 0, 1); /* a closed path of open knots */
    put_knot(&data, 4, (double[6]){0});
    put_resource(&block, 2001, "mixed", &data);
    put_length(&data, 0, 65535);
    put_resource(&block, 2002, "huge", &data);
    put_resource(&block, 2003, "none", &data);
    put_length(&data, 0, 1);
    put_knot(&data, 2, (double[6]){0, 0, 0.5, 0.5, 0, 0});
    put_resource(&block, 2004, "a\nb", &data);
    assert_int_equal(si_photoshop_read(block.data, block.len, &arena, &p, NULL), SI_OK);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.paths[0].name, "a?b");
    si_bytes_free(&block);
    si_arena_free(&arena);
}

static void memory_is_limited(void **state) {
    (void)state;
    si_arena arena = {.limit = 100};
    si_photoshop p;
    si_bytes block = sample_block(false);
    assert_int_equal(si_photoshop_read(block.data, block.len, &arena, &p, NULL), SI_ERR_MEMORY);
    si_bytes_free(&block);
    si_arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read),
        cmocka_unit_test(cut_blocks_give_what_is_whole),
        cmocka_unit_test(damaged_blocks_are_survived),
        cmocka_unit_test(contradicting_paths_are_left_out),
        cmocka_unit_test(memory_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
