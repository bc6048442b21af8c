/* When the pool ends a worker, whatever the worker says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "renderer/overdue.h"

static const si_pool_options options = {.wall_ms = 8000, .fetch = {.timeout_ms = 10000}};

static si_overdue ask(si_worker_watch *w, int64_t kill_at, int64_t now) {
    return si_worker_overdue(w, &options, kill_at, now);
}

static void one_that_overruns_its_word(void **state) {
    (void)state;
    si_worker_watch w = {.started_ns = 1};
    assert_int_equal(ask(&w, 2 * SI_SECOND, SI_SECOND), SI_OVERDUE_NOT);
    assert_int_equal(ask(&w, 2 * SI_SECOND, 2 * SI_SECOND), SI_OVERDUE_NOT);
    assert_int_equal(ask(&w, 2 * SI_SECOND, 2 * SI_SECOND + 1), SI_OVERDUE_KILL);
}

/* One that puts its end off for ever is killed after what the longest request takes, … */
static void one_that_promises_for_ever(void **state) {
    (void)state;
    si_worker_watch w = {.started_ns = 1};
    int64_t longest = si_longest_request_ns(&options), now = SI_SECOND;
    assert_true(longest > 3 * 8 * SI_SECOND && longest < 60 * SI_SECOND);
    for (; now <= SI_SECOND + longest; now += SI_SECOND / 4) {
        assert_int_equal(ask(&w, INT64_MAX, now), SI_OVERDUE_NOT);
    }
    assert_int_equal(ask(&w, INT64_MAX, now), SI_OVERDUE_HELD);
}

/* … but not one that was idle in between, … */
static void one_that_serves(void **state) {
    (void)state;
    si_worker_watch w = {.started_ns = 1};
    for (int64_t now = SI_SECOND; now < 600 * SI_SECOND; now += 5 * SI_SECOND) {
        assert_int_equal(ask(&w, now + 9 * SI_SECOND, now), SI_OVERDUE_NOT);
        assert_int_equal(ask(&w, 0, now + SI_SECOND), SI_OVERDUE_NOT);
    }
}

/* … and one that says that it is idle ends of age all the same. */
static void one_that_says_it_is_idle(void **state) {
    (void)state;
    si_worker_watch w = {.started_ns = 1};
    int64_t old = SI_WORKER_AGE_NS + 2;
    assert_int_equal(ask(&w, 0, old - 2), SI_OVERDUE_NOT);
    assert_int_equal(ask(&w, 0, old), SI_OVERDUE_OLD);
    assert_int_equal(ask(&w, 0, old + SI_SECOND), SI_OVERDUE_NOT);
    assert_int_equal(ask(&w, 0, old + si_longest_request_ns(&options)), SI_OVERDUE_STAYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_overruns_its_word),
        cmocka_unit_test(one_that_promises_for_ever),
        cmocka_unit_test(one_that_serves),
        cmocka_unit_test(one_that_says_it_is_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
