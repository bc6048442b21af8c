/* The text in which a renderer tells what its time went into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "picture/stages.h"

static void test_printed_and_read(void **state) {
    (void)state;
    const si_stage_times times = {{12, 0, 3456789, SI_STAGE_MAX, 1}};
    si_stage_times read;
    char text[SI_STAGES_TEXT];
    assert_string_equal(si_stages_print(&times, text),
        "queue=12;source=0;render=3456789;encode=1000000000000;score=1");
    assert_true(si_stages_read(si_str_of(text), &read));
    assert_memory_equal(&read, &times, sizeof times);
}

static void test_out_of_range(void **state) {
    (void)state;
    const si_stage_times times = {{-1, INT64_MIN, INT64_MAX, SI_STAGE_MAX + 1, SI_STAGE_MAX}};
    char text[SI_STAGES_TEXT];
    assert_string_equal(si_stages_print(&times, text),
        "queue=0;source=0;render=1000000000000;encode=1000000000000;score=1000000000000");
}

static void test_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool told;
        int64_t queue, score;
    } rows[] = {
        {"queue=5", true, 5, 0},
        {"score=7;queue=5", true, 5, 7},
        {"later=9;queue=5;", true, 5, 0}, /* a stage of a later version */
        {"queue=5;score=-1", true, 5, 0},
        {"queue=5;score=1000000000001", true, 5, 0},
        {"queue=5;score=99999999999999999999", true, 5, 0},
        {"queue=5;score", true, 5, 0},
        {"queue=5;score=7=8", true, 5, 0},
        {"", false, 0, 0},
        {";;", false, 0, 0},
        {"queue", false, 0, 0},
        {"queue=", false, 0, 0},
        {"=5", false, 0, 0},
        {"Queue=5", false, 0, 0},
        {"queue=x", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_stage_times read;
        print_message("%s\n", rows[i].text);
        assert_int_equal(si_stages_read(si_str_of(rows[i].text), &read), rows[i].told);
        assert_int_equal(read.us[SI_STAGE_QUEUE], rows[i].queue);
        assert_int_equal(read.us[SI_STAGE_SCORE], rows[i].score);
        assert_int_equal(read.us[SI_STAGE_RENDER], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printed_and_read),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
