/* smartimg warm: in which order and at what pace addresses are asked for, and who asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cli/warm/warm_queue.h"

static const char *const urls[] = {"/a", "/b", "/c"};

static si_warm_job *take(si_warm_queue *q, int64_t now) {
    bool failed;
    si_warm_job *job = si_warm_queue_take(q, now, &failed);
    assert_false(failed);
    return job;
}

static void expect(si_warm_queue *q, int64_t now, const char *url, int class) {
    si_warm_job *job = take(q, now);
    assert_non_null(job);
    assert_string_equal(job->url, url);
    assert_int_equal(job->class, class);
    free(job);
}

static void test_every_address_for_every_class(void **state) {
    (void)state;
    si_warm_queue q;
    si_warm_queue_init(&q, urls, 3, 2, 0);
    for (int i = 0; i < 3; i++) {
        expect(&q, 0, urls[i], 0);
        expect(&q, 0, urls[i], 1);
    }
    assert_null(take(&q, INT64_MAX));
    assert_true(si_warm_queue_when(&q) == INT64_MAX);
    si_warm_queue_free(&q);
}

/* Four a second; who comes late does not catch up. */
static void test_rate(void **state) {
    (void)state;
    si_warm_queue q;
    si_warm_queue_init(&q, urls, 3, 1, 4);
    expect(&q, 1000, "/a", 0);
    assert_true(si_warm_queue_when(&q) == 1000 + SI_SECOND / 4);
    assert_null(take(&q, 999 + SI_SECOND / 4));
    expect(&q, 7 * SI_SECOND, "/b", 0);
    assert_null(take(&q, 7 * SI_SECOND));
    expect(&q, 7 * SI_SECOND + SI_SECOND / 4, "/c", 0);
    si_warm_queue_free(&q);
}

/* Those that are due come before fresh ones, the earliest first, and the rate holds for them. */
static void test_again(void **state) {
    (void)state;
    si_warm_queue q;
    si_warm_queue_init(&q, urls, 3, 1, 1);
    si_warm_job *a = take(&q, 0), *b = take(&q, SI_SECOND);
    a->at_ns = 10 * SI_SECOND;
    b->at_ns = 3 * SI_SECOND;
    assert_true(si_warm_queue_again(&q, a) && si_warm_queue_again(&q, b));
    expect(&q, 2 * SI_SECOND, "/c", 0);
    assert_true(si_warm_queue_when(&q) == 3 * SI_SECOND);
    assert_null(take(&q, 3 * SI_SECOND - 1));
    expect(&q, 10 * SI_SECOND, "/b", 0);
    assert_true(si_warm_queue_when(&q) == 11 * SI_SECOND);
    expect(&q, 11 * SI_SECOND, "/a", 0);
    assert_null(take(&q, INT64_MAX));
    si_warm_queue_free(&q);
}

static void test_many_again(void **state) {
    (void)state;
    enum { MANY = 1000 };
    static const char *many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = "/";
    }
    si_warm_queue q;
    si_warm_queue_init(&q, many, MANY, 1, 0);
    si_warm_job *jobs[MANY];
    for (int i = 0; i < MANY; i++) {
        jobs[i] = take(&q, 0);
    }
    for (int i = 0; i < MANY; i++) {
        jobs[i]->at_ns = i * 7919 % MANY;
        assert_true(si_warm_queue_again(&q, jobs[i]));
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(si_warm_queue_when(&q) == i);
        si_warm_job *job = take(&q, i);
        assert_true(job->at_ns == i);
        free(job);
    }
    assert_true(si_warm_queue_again(&q, take(&q, 0) == NULL ? calloc(1, sizeof **jobs) : NULL));
    si_warm_queue_free(&q); /* with one in it */
}

static void test_classes(void **state) {
    (void)state;
    si_warm_classes list;
    assert_null(si_warm_classes_read("webp+avif, plain,avif;dpr=2", &list));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].name, "avif+webp");
    assert_string_equal(list.items[1].accept, "*/*;q=0.8");
    assert_string_equal(list.items[2].dpr, "2");
    for (int i = 0; i < list.count; i++) { /* smartimg itself takes who sends this for the class */
        const si_client_headers headers = {.accept = si_str_of(list.items[i].accept),
            .user_agent = SI_STR("smartimg-warm"),
            .dpr = si_str_of(list.items[i].dpr)};
        si_client client;
        char name[SI_CLIENT_CLASS_SIZE];
        si_client_classify(&headers, &client);
        assert_string_equal(si_client_print(&client, name), list.items[i].name);
    }
    static const char many[] =
        "plain,avif,webp,jxl,jp2,jxr,avif+webp,avif+jxl,avif+jp2,avif+jxr,jxl+webp,jxl+jp2,jxl+jxr,"
        "webp+jp2,webp+jxr,jp2+jxr,avif+jxl+webp";
    static const char *const wrong[] = {"", "gif", "avif,", "avif+png", "avif,avif",
        "webp+avif,avif+webp", "avif;dpr=1.9", "plain;net=good", "avif;colour=1", many};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(si_warm_classes_read(wrong[i], &list));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_for_every_class),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_many_again),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
