/* Request lock and obfuscation (docs/protocol.md, Locks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "plan/lock.h"

static const char key[] = "a key of 24 characters!!";
static const si_str path = {"/is/image/acme/shoe", 19};

static void test_vectors(void **state) {
    (void)state;
    static const struct {
        const char query[40], *lock;
    } rows[] = {{"wid=200", "&4a1f"}, {"wid=200&fmt=png", "&59d2"},
        {"wid=300&hei=300&qlt=85", "&198f"}, {"", "&0000"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char lock[SI_LOCK_MAX + 1], locked[100];
        si_str query;
        assert_int_equal(si_lock_print("", path, si_str_of(rows[i].query), lock), 5);
        assert_string_equal(lock, rows[i].lock);
        snprintf(locked, sizeof locked, "%s%s", rows[i].query, lock);
        assert_int_equal(si_lock_check("", path, si_str_of(locked), &query, NULL), SI_OK);
        assert_true(si_str_eq(query, si_str_of(rows[i].query)));
    }
    /* from openssl dgst -sha256 -hmac */
    char lock[SI_LOCK_MAX + 1];
    assert_int_equal(si_lock_print("0123456789abcdef", path, SI_STR("wid=300"), lock), 33);
    assert_string_equal(lock, "&0483c924ccf377ac36734c6059b3fe43");
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const plain[] = {"", "wid=200", "wid=200&4a1e", "wid=200&04a1f",
        "wid=200&4a1g", "wid=201&4a1f", "wid=2004a1f", "wid=200&4a1f&", "4a1f", "&4a1f"};
    si_str query;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        si_diag diag = {0};
        assert_int_equal(
            si_lock_check("", path, si_str_of(plain[i]), &query, &diag), SI_ERR_FORBIDDEN);
        assert_string_equal(diag.text, "request refused");
    }
    assert_int_equal(si_lock_check("", path, SI_STR("wid=200&4A1F"), &query, NULL), SI_OK);
}

static void test_keys(void **state) {
    (void)state;
    char lock[SI_LOCK_MAX + 1], locked[100];
    si_str query;
    assert_int_equal(si_lock_print(key, path, SI_STR("wid=200"), lock), 33);
    snprintf(locked, sizeof locked, "wid=200%s", lock);
    assert_int_equal(si_lock_check(key, path, si_str_of(locked), &query, NULL), SI_OK);
    assert_true(si_str_eq(query, SI_STR("wid=200")));
    /* another key, another object, another query, the vendor's lock: all refused */
    assert_int_equal(si_lock_check("another key of 16", path, si_str_of(locked), &query, NULL),
        SI_ERR_FORBIDDEN);
    assert_int_equal(
        si_lock_check(key, SI_STR("/is/image/acme/hat"), si_str_of(locked), &query, NULL),
        SI_ERR_FORBIDDEN);
    assert_int_equal(
        si_lock_check(key, path, SI_STR("wid=200&4a1f"), &query, NULL), SI_ERR_FORBIDDEN);
    for (size_t i = 0; i < strlen(locked); i++) {
        char changed[100];
        memcpy(changed, locked, sizeof changed);
        changed[i] ^= 1;
        assert_int_equal(
            si_lock_check(key, path, si_str_of(changed), &query, NULL), SI_ERR_FORBIDDEN);
    }
}

static void test_obfuscation(void **state) {
    (void)state;
    static const struct {
        const char *query, *plain; /* NULL = refused */
    } rows[] = {
        {"d2lkPTIwMCY0YTFm", "wid=200&4a1f"},
        {"d2lkPTIwMA==", "wid=200"},
        {"d2lkPTIwMA%3D%3d", "wid=200"},
        {"d2lkPTIwMA", "wid=200"},
        {"fn5+", "~~~"},
        {"fn5%2B", "~~~"},
        {"fn5/", "~~\x7f"},
        {"", ""},
        {"d2lkPTIwMA=", NULL},
        {"d2lkPTIwMA===", NULL},
        {"d2lk=TIw", NULL},
        {"d2lkPTIwMB==", NULL}, /* bits left over */
        {"d2lk PTI", NULL},
        {"wid=200", NULL},
        {"d2l-PTIw", NULL},
        {"AAAA", NULL}, /* NUL */
        {"d", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_str plain;
        si_result r = si_obfuscation_decode(si_str_of(rows[i].query), &arena, &plain, NULL);
        if (r != (rows[i].plain != NULL ? SI_OK : SI_ERR_FORBIDDEN) ||
            (r == SI_OK && !si_str_eq(plain, si_str_of(rows[i].plain)))) {
            fail_msg("%s: %d", rows[i].query, r);
        }
        si_arena_free(&arena);
    }
}

static void test_expiry(void **state) {
    (void)state;
    static const struct {
        const char *query;
        int64_t expires; /* -1 = refused */
    } rows[] = {
        {"", 0},
        {"wid=1", 0},
        {"expires=12", 12},
        {"wid=1&expires=1796000000&hei=2", 1796000000},
        {"EXPIRES=12", 12},
        {"e%78pires=12", 12},
        {"expires=12&expires=5&expires=7", 5},
        {"src=is(a?expires=5)&wid=1", 0}, /* of the nested request, which knows none */
        {"$expires=5", 0},
        {"$expires$", 0},
        {".expires=5", 0},
        {"expires", -1},
        {"expires=", -1},
        {"expires=0", -1},
        {"expires=-5", -1},
        {"expires=5x", -1},
        {"expires=5.5", 6}, /* docs/decisions.md, P4 */
        {"expires=12&expires=x", -1},
        {"expires=99999999999999999999", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        int64_t expires;
        si_result r = si_lock_expiry(si_str_of(rows[i].query), &arena, &expires, NULL);
        if (r != (rows[i].expires < 0 ? SI_ERR_RANGE : SI_OK) ||
            (r == SI_OK && expires != rows[i].expires)) {
            fail_msg("%s: %d, %lld", rows[i].query, r, (long long)expires);
        }
        si_arena_free(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_obfuscation),
        cmocka_unit_test(test_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
