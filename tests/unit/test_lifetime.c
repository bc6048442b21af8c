/* What caches are told of a reply: a row for each kind of reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "plan/lifetime.h"

enum { NOW = 1000000, HOURS = 36000 };

static void what_caches_are_told(void **state) {
    (void)state;
    static const struct {
        int64_t ttl, fresh_until;
        bool first, kept_by_clients, kept_by_server, by_address;
        int first_seconds;
        const char *cache_control, *cdn;
        int64_t expires;
    } rows[] = {
        {HOURS, SI_FRESH_FOR_EVER, false, true, true, false, 60, "public, max-age=36000",
            "max-age=36000", NOW + HOURS},
        {HOURS, SI_FRESH_FOR_EVER, true, true, true, false, 60,
            "public, max-age=36000, s-maxage=60, stale-while-revalidate=36000",
            "max-age=60, stale-while-revalidate=36000", NOW + HOURS},
        /* the server's option; never longer than the reply lives */
        {HOURS, SI_FRESH_FOR_EVER, true, true, true, false, 5,
            "public, max-age=36000, s-maxage=5, stale-while-revalidate=36000",
            "max-age=5, stale-while-revalidate=36000", NOW + HOURS},
        {20, SI_FRESH_FOR_EVER, true, true, true, false, 60,
            "public, max-age=20, s-maxage=20, stale-while-revalidate=20",
            "max-age=20, stale-while-revalidate=20", NOW + 20},
        /* for ever, if it is the last answer */
        {-1, SI_FRESH_FOR_EVER, false, true, true, false, 60, "public, max-age=31536000, immutable",
            "max-age=31536000", NOW + 31536000},
        {-1, SI_FRESH_FOR_EVER, true, true, true, false, 60,
            "public, max-age=31536000, s-maxage=60, stale-while-revalidate=31536000",
            "max-age=60, stale-while-revalidate=31536000", NOW + 31536000},
        /* a reply that is not kept here is never refined */
        {HOURS, SI_FRESH_FOR_EVER, true, true, false, false, 60, "public, max-age=36000",
            "max-age=36000", NOW + HOURS},
        /* no lifetime at all */
        {0, SI_FRESH_FOR_EVER, true, true, true, false, 60, "no-cache", "", NOW},
        {HOURS, SI_FRESH_FOR_EVER, true, false, true, false, 60, "no-store", "", -1},
        /* foreign images end when they end */
        {HOURS, NOW + 100, false, true, true, false, 60, "public, max-age=100", "max-age=100",
            NOW + 100},
        {-1, NOW + 100, false, true, true, false, 60, "public, max-age=100", "max-age=100",
            NOW + 100},
        {HOURS, NOW + 100, true, true, true, false, 60,
            "public, max-age=100, s-maxage=60, stale-while-revalidate=40",
            "max-age=60, stale-while-revalidate=40", NOW + 100},
        {HOURS, NOW - 1, true, true, true, false, 60, "no-cache", "", NOW},
        {HOURS, 0, true, true, true, false, 60, "no-store", "", -1},
        /* not for clients at other addresses */
        {HOURS, SI_FRESH_FOR_EVER, false, true, true, true, 60, "private, max-age=36000", "",
            NOW + HOURS},
        {HOURS, SI_FRESH_FOR_EVER, true, true, true, true, 60, "private, max-age=36000", "",
            NOW + HOURS},
        {-1, SI_FRESH_FOR_EVER, true, true, true, true, 60, "private, max-age=31536000", "",
            NOW + 31536000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_plan plan = {.ttl = rows[i].ttl,
            .client_cache = rows[i].kept_by_clients,
            .server_cache = rows[i].kept_by_server,
            .by_address = rows[i].by_address};
        si_lifetime_of of = {.first = rows[i].first,
            .first_seconds = rows[i].first_seconds,
            .fresh_until = rows[i].fresh_until,
            .now = NOW};
        si_lifetime life;
        si_lifetime_make(&plan, &of, &life);
        assert_string_equal(life.cache_control, rows[i].cache_control);
        assert_string_equal(life.cdn, rows[i].cdn);
        assert_int_equal(life.expires, rows[i].expires);
        assert_int_equal(life.first, rows[i].first && rows[i].kept_by_server);
    }
}

/* What was measured, no header tells: such a reply is for its client alone. */
static void measured_lines_are_private(void **state) {
    (void)state;
    for (int first = 0; first <= 1; first++) {
        si_plan plan = {
            .ttl = HOURS, .client_cache = true, .server_cache = true, .network_private = true};
        si_lifetime_of of = {
            .first = first == 1, .first_seconds = 60, .fresh_until = SI_FRESH_FOR_EVER, .now = NOW};
        si_lifetime life;
        si_lifetime_make(&plan, &of, &life);
        assert_string_equal(life.cache_control, "private, max-age=36000");
        assert_string_equal(life.cdn, "");
    }
}

/* Nothing names a time behind the end of the address, whatever else there is. */
static void addresses_that_end(void **state) {
    (void)state;
    static const struct {
        int64_t ttl, fresh_until, end;
        bool first;
        const char *cache_control, *cdn;
    } rows[] = {
        {HOURS, SI_FRESH_FOR_EVER, NOW + 100, false, "public, max-age=100", "max-age=100"},
        {HOURS, SI_FRESH_FOR_EVER, NOW + 2 * HOURS, false, "public, max-age=36000",
            "max-age=36000"},
        {-1, SI_FRESH_FOR_EVER, NOW + 100, false, "public, max-age=100", "max-age=100"},
        {HOURS, SI_FRESH_FOR_EVER, NOW + 100, true,
            "public, max-age=100, s-maxage=60, stale-while-revalidate=40",
            "max-age=60, stale-while-revalidate=40"},
        {HOURS, SI_FRESH_FOR_EVER, NOW + 10, true,
            "public, max-age=10, s-maxage=10, stale-while-revalidate=0",
            "max-age=10, stale-while-revalidate=0"},
        {HOURS, NOW + 50, NOW + 100, false, "public, max-age=50", "max-age=50"},
        {HOURS, NOW + 200, NOW + 100, false, "public, max-age=100", "max-age=100"},
        {HOURS, SI_FRESH_FOR_EVER, NOW, false, "no-cache", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_plan plan = {
            .ttl = rows[i].ttl, .client_cache = true, .server_cache = true, .expires = rows[i].end};
        si_lifetime_of of = {rows[i].first, 60, rows[i].fresh_until, NOW};
        si_lifetime life;
        si_lifetime_make(&plan, &of, &life);
        assert_string_equal(life.cache_control, rows[i].cache_control);
        assert_string_equal(life.cdn, rows[i].cdn);
        assert_true(life.expires <= rows[i].end);
    }
}

static void longest_values_fit(void **state) {
    (void)state;
    si_plan plan = {.ttl = INT64_MAX - NOW, .client_cache = true, .server_cache = true};
    si_lifetime_of of = {true, INT32_MAX, SI_FRESH_FOR_EVER, NOW};
    si_lifetime life;
    si_lifetime_make(&plan, &of, &life);
    assert_string_equal(life.cache_control, "public, max-age=9223372036853775807, "
                                            "s-maxage=2147483647, "
                                            "stale-while-revalidate=9223372036853775807");
    assert_string_equal(life.cdn, "max-age=2147483647, stale-while-revalidate=9223372036853775807");
}

static void unmodified_without_asking(void **state) {
    (void)state;
    static const struct {
        bool for_ever, first, smart, tag;
        int64_t fresh_until;
        bool unmodified;
    } rows[] = {
        {true, false, false, true, SI_FRESH_FOR_EVER, true},
        {true, false, false, false, SI_FRESH_FOR_EVER, true},
        {false, false, false, true, SI_FRESH_FOR_EVER, false},
        {true, false, false, true, NOW + 9, false},
        {true, false, true, false, SI_FRESH_FOR_EVER, true},
        {true, false, true, true, SI_FRESH_FOR_EVER, false}, /* the tag may be a first answer's */
        {true, true, true, false, SI_FRESH_FOR_EVER, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        si_plan plan = {.always_unmodified = rows[i].for_ever, .recipe.smart = rows[i].smart};
        si_lifetime_of of = {rows[i].first, 60, rows[i].fresh_until, NOW};
        assert_int_equal(
            si_lifetime_always_unmodified(&plan, &of, rows[i].tag), rows[i].unmodified);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_caches_are_told),
        cmocka_unit_test(measured_lines_are_private),
        cmocka_unit_test(addresses_that_end),
        cmocka_unit_test(longest_values_fit),
        cmocka_unit_test(unmodified_without_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
