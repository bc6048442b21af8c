/* The steps that first answers take while others wait: their order, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "renderer/load.h"

enum { QUEUE_MS = 10000 };

static si_load level(bool others_wait, int64_t waited_ms) {
    si_load_facts f = {others_wait, waited_ms, QUEUE_MS};
    return si_load_level(&f);
}

static void test_each_step(void **state) {
    (void)state;
    assert_int_equal(level(false, 0), SI_LOAD_IDLE);
    assert_int_equal(level(false, SI_LOAD_BUSY_MS), SI_LOAD_IDLE);
    assert_int_equal(level(true, 0), SI_LOAD_QUICK);
    assert_int_equal(level(false, SI_LOAD_BUSY_MS + 1), SI_LOAD_QUICK);
    assert_int_equal(level(false, SI_LOAD_LONG_MS), SI_LOAD_QUICK);
    assert_int_equal(level(true, SI_LOAD_LONG_MS + 1), SI_LOAD_QUICK_FORMAT);
    assert_int_equal(level(false, SI_LOAD_LONG_MS + 1), SI_LOAD_QUICK_FORMAT);
    assert_int_equal(level(true, QUEUE_MS / 2), SI_LOAD_QUICK_FORMAT);
    assert_int_equal(level(true, QUEUE_MS / 2 + 1), SI_LOAD_REQUESTED);
    assert_int_equal(level(true, QUEUE_MS), SI_LOAD_REQUESTED);
    assert_int_equal(level(true, QUEUE_MS + 1), SI_LOAD_REFUSED);
}

/* A queue that grows and shortens: no step is left out, and none comes twice. */
static void test_order(void **state) {
    (void)state;
    si_load before = SI_LOAD_IDLE;
    for (int64_t ms = 0; ms <= 2 * QUEUE_MS; ms++) {
        si_load now = level(false, ms);
        si_load next = before == SI_LOAD_IDLE ? SI_LOAD_QUICK : before + 1;
        assert_true(now == before || now == next);
        before = now;
    }
    assert_int_equal(before, SI_LOAD_REFUSED);
    for (int64_t ms = 2 * QUEUE_MS; ms >= 0; ms--) {
        si_load now = level(false, ms);
        si_load next = before == SI_LOAD_QUICK ? SI_LOAD_IDLE : before - 1;
        assert_true(now == before || now == next);
        before = now;
    }
    assert_int_equal(before, SI_LOAD_IDLE);
}

/* Where a queue may be short, the last steps come first. */
static void test_short_queue(void **state) {
    (void)state;
    si_load_facts f = {true, 600, 1000};
    assert_int_equal(si_load_level(&f), SI_LOAD_REQUESTED);
    f.waited_ms = 1001;
    assert_int_equal(si_load_level(&f), SI_LOAD_REFUSED);
}

static void test_tiers_and_names(void **state) {
    (void)state;
    assert_int_equal(si_load_tier(SI_LOAD_IDLE), SI_TIER_FAST);
    assert_int_equal(si_load_tier(SI_LOAD_QUICK), SI_TIER_QUICK);
    assert_int_equal(si_load_tier(SI_LOAD_QUICK_FORMAT), SI_TIER_QUICK);
    assert_int_equal(si_load_tier(SI_LOAD_REQUESTED), SI_TIER_REQUESTED);
    for (si_load load = SI_LOAD_REFINEMENT; load <= SI_LOAD_REFUSED; load++) {
        const char *name = si_load_name(load);
        assert_int_equal(si_load_by_name(name, strlen(name)), load);
        assert_int_equal(si_load_by_name(name, strlen(name) - 1), SI_LOAD_IDLE);
    }
    assert_int_equal(si_load_by_name("", 0), SI_LOAD_IDLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_short_queue),
        cmocka_unit_test(test_tiers_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
