/* The nearest of many names (base/nearest.h), against the plain algorithm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/nearest.h"

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Optimal string alignment with the whole table. */
static int plain_steps(const char *a, const char *b) {
    int t[12][12], n = (int)strlen(a), m = (int)strlen(b);
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                t[i][j] = i + j;
                continue;
            }
            t[i][j] = least(
                t[i - 1][j - 1] + (a[i - 1] != b[j - 1]), least(t[i - 1][j], t[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                t[i][j] = least(t[i][j], t[i - 2][j - 2] + 1);
            }
        }
    }
    return t[n][m];
}

/* All pairs of words of up to five letters out of two, and random longer ones. */
static void steps_are_those_of_the_plain_table(void **state) {
    (void)state;
    enum { WORDS = 63 };
    static char words[WORDS][12];
    int count = 0;
    for (int len = 0; len <= 5; len++) {
        for (int bits = 0; bits < 1 << len; bits++, count++) {
            for (int i = 0; i < len; i++) {
                words[count][i] = bits >> i & 1 ? 'b' : 'a';
            }
        }
    }
    assert_int_equal(count, WORDS);
    for (int i = 0; i < WORDS; i++) {
        for (int k = 0; k < WORDS; k++) {
            for (int most = 0; most <= SI_NEAREST_STEPS; most++) {
                int want = least(plain_steps(words[i], words[k]), most + 1);
                int have = si_name_steps(si_str_of(words[i]), si_str_of(words[k]), most);
                if (have != want) {
                    fail_msg("%s, %s, %d: %d, not %d", words[i], words[k], most, have, want);
                }
            }
        }
    }
    uint32_t seed = 1;
    for (int round = 0; round < 5000; round++) {
        char pair[2][12] = {"", ""};
        for (int w = 0; w < 2; w++) {
            seed = seed * 1664525 + 1013904223;
            int len = 6 + (int)(seed >> 16) % 6;
            for (int i = 0; i < len; i++) {
                seed = seed * 1664525 + 1013904223;
                pair[w][i] = (char)('a' + (seed >> 16) % 3);
            }
        }
        int want = least(plain_steps(pair[0], pair[1]), 4);
        assert_int_equal(si_name_steps(si_str_of(pair[0]), si_str_of(pair[1]), 3), want);
    }
}

static const char *nearest_of(const char *wanted, const char *const *names) {
    static si_nearest n;
    si_nearest_to(&n, si_str_of(wanted));
    for (; *names != NULL; names++) {
        si_nearest_offer(&n, si_str_of(*names));
    }
    return n.name;
}

static void the_nearest_is_found(void **state) {
    (void)state;
    static const char *const names[] = {"shoe", "shop", "sock", "landscape", "ab", "Night", NULL};
    static const char *const turned[] = {"shop", "shoe", NULL};
    static const struct {
        const char *wanted, *nearest;
    } rows[] = {{"shoo", "shoe"}, {"hsoe", "shoe"}, {"SHOE", "shoe"}, {"soe", "shoe"},
        {"lanscapes", "landscape"}, {"night", "Night"}, {"nihgt", "Night"}, {"zzzz", ""},
        {"ac", ""}, {"AB", "ab"}, {"", ""}, {"sh", ""}, {"landscapelandscape", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(nearest_of(rows[i].wanted, names), rows[i].nearest);
    }
    assert_string_equal(nearest_of("shoo", turned), "shoe"); /* whatever the order */
}

static void long_names_are_near_to_nothing(void **state) {
    (void)state;
    char name[SI_NEAREST_LENGTH + 2];
    memset(name, 'a', sizeof name);
    const si_str fits = {name, SI_NEAREST_LENGTH}, longer = {name, SI_NEAREST_LENGTH + 1};
    si_nearest n;
    assert_int_equal(si_name_steps(fits, fits, 3), 0);
    assert_int_equal(si_name_steps(longer, longer, 3), 4);
    si_nearest_to(&n, fits);
    si_nearest_offer(&n, longer);
    assert_string_equal(n.name, "");
    si_nearest_offer(&n, fits);
    assert_int_equal(strlen(n.name), SI_NEAREST_LENGTH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_the_plain_table),
        cmocka_unit_test(the_nearest_is_found),
        cmocka_unit_test(long_names_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
