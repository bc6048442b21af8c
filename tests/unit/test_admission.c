/* Seals of recipes, and which questions the fetcher answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "picture/recipe.h"
#include "renderer/admission.h"

#define WANTED "http://shop.example/a.png"
#define INNER "http://shop.example/nested.png"

static si_arena arena;

/* A file with a key of bytes that are all the same; −1 = no key. */
static int key_file(int byte, size_t len) {
    uint8_t bytes[64];
    int fd = memfd_create("key", MFD_CLOEXEC);
    memset(bytes, byte, sizeof bytes);
    assert_int_equal(write(fd, bytes, len), len);
    return fd;
}

static si_admission admission_of(int byte) {
    si_admission a;
    int fd = key_file(byte, SI_SEAL_KEY);
    assert_true(si_admission_read(fd, &a));
    close(fd);
    return a;
}

/* The text of a recipe that needs WANTED, and INNER in a picture within. */
static si_str recipe(void) {
    si_recipe r;
    si_picture inner;
    si_layer layers[2], nested;
    si_diag diag = {0};
    const char *text = NULL;
    si_recipe_init(&r);
    si_picture_init(&inner);
    si_layer_init(&nested, 0);
    nested.source =
        (si_source){.kind = SI_SOURCE_URL, .file.path = "", .profile.path = "", .url = INNER};
    inner.layers = &nested;
    inner.layer_count = 1;
    for (int i = 0; i < 2; i++) {
        si_layer_init(&layers[i], i);
        layers[i].source = nested.source;
    }
    layers[0].source.url = WANTED;
    layers[1].source = (si_source){
        .kind = SI_SOURCE_NESTED, .nested = &inner, .file.path = "", .profile.path = "", .url = ""};
    r.picture.layers = layers;
    r.picture.layer_count = 2;
    assert_int_equal(si_recipe_print(&r, &arena, &text, &diag), SI_OK);
    return si_str_of(text);
}

static bool admits(const si_admission *a, const char *url, si_str of, const char *seal) {
    si_fetcher_question q = {.url = url, .recipe = of, .seal = si_str_of(seal)};
    return si_admission_admits((void *)a, &q);
}

static void what_a_sealed_recipe_needs(void **state) {
    (void)state;
    si_admission a = admission_of(7);
    si_str r = recipe();
    char seal[SI_SEAL_TEXT];
    assert_true(si_seal_print(a.key, r, seal));
    assert_true(admits(&a, WANTED, r, seal));
    assert_true(admits(&a, INNER, r, seal));
    assert_false(admits(&a, "http://shop.example/b.png", r, seal));
    assert_false(admits(&a, "http://shop.example/a.pn", r, seal));
    assert_false(admits(&a, "", r, seal));
}

/* What a renderer could make up: no seal, another's, a recipe of its own under a seal it has seen.
 */
static void what_is_made_up(void **state) {
    (void)state;
    si_admission a = admission_of(7), b = admission_of(8);
    si_str r = recipe();
    char seal[SI_SEAL_TEXT], other[SI_SEAL_TEXT], text[4096];
    assert_true(si_seal_print(a.key, r, seal));
    assert_true(si_seal_print(b.key, r, other));
    assert_false(admits(&a, WANTED, r, ""));
    assert_false(admits(&a, WANTED, r, other));
    assert_false(admits(&a, WANTED, (si_str){NULL, 0}, seal));
    for (size_t i = 0; i < strlen(seal); i++) {
        memcpy(other, seal, sizeof other);
        other[i] ^= 1;
        assert_false(admits(&a, WANTED, r, other));
    }
    snprintf(text, sizeof text, "%.*s", SI_STR_ARG(r));
    memcpy(strstr(text, "shop"), "evil", 4);
    assert_false(admits(&a, "http://evil.example/a.png", si_str_of(text), seal));
}

/* Text under a right seal that is no recipe is refused, not trusted. */
static void what_is_no_recipe(void **state) {
    (void)state;
    si_admission a = admission_of(7);
    char seal[SI_SEAL_TEXT];
    assert_true(si_seal_print(a.key, SI_STR(WANTED), seal));
    assert_false(admits(&a, WANTED, SI_STR(WANTED), seal));
}

static void keys(void **state) {
    (void)state;
    si_admission a;
    int fd = key_file(7, SI_SEAL_KEY - 1);
    assert_false(si_admission_read(fd, &a));
    assert_int_equal(errno, EINVAL);
    close(fd);
    assert_true(si_admission_read(-1, &a)); /* without one, all are admitted */
    assert_true(admits(&a, WANTED, (si_str){NULL, 0}, ""));
}

/* RFC 4231, test case 1, whose key is shorter; HMAC fills keys up with zeros. */
static void seals_are_hmac_sha256(void **state) {
    (void)state;
    uint8_t key[SI_SEAL_KEY] = {0};
    char seal[SI_SEAL_TEXT];
    memset(key, 0x0b, 20);
    assert_true(si_seal_print(key, SI_STR("Hi There"), seal));
    assert_string_equal(seal, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

static int free_arena(void **state) {
    (void)state;
    si_arena_free(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_sealed_recipe_needs),
        cmocka_unit_test(what_is_made_up),
        cmocka_unit_test(what_is_no_recipe),
        cmocka_unit_test(keys),
        cmocka_unit_test(seals_are_hmac_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, free_arena);
}
