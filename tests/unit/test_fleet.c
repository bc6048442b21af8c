/* The parts of a fleet's purges that need no server: what they name, places in the stream, what a
 * node keeps of it, addresses of Redis, and the words of hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/hook.h"
#include "fleet/position.h"

static char folder[] = "/tmp/smartimg-fleet-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    fclose(f);
}

/* ---- invalidations ---- */

static void reads_objects(void **state) {
    static const struct {
        const char *text, *name; /* NULL: none */
    } rows[] = {{"acme/shoe", "acme/shoe"}, {"/acme/shoe", "acme/shoe"},
        {"/is/image/acme/shoe?wid=300", "acme/shoe"}, {"/is/content/acme/a.pdf", "acme/a.pdf"},
        {"//is/image//acme//shoe//", "acme/shoe"}, {"acme/sh%6fe", "acme/shoe"}, {"shoe", "shoe"},
        {"acme/a b", "acme/a b"}, {"", NULL}, {"/", NULL}, {"?x", NULL}, {"a%00b", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_invalidation read;
        si_diag diag = {0};
        si_result result = si_invalidation_read(SI_INVALIDATION_OBJECT, rows[i].text, &read, &diag);
        assert_int_equal(result, rows[i].name != NULL ? SI_OK : SI_ERR_SYNTAX);
        assert_string_equal(read.name, rows[i].name != NULL ? rows[i].name : "");
    }
    char longer[SI_INVALIDATION_NAME + 1];
    si_invalidation read;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(
        si_invalidation_read(SI_INVALIDATION_OBJECT, longer, &read, NULL), SI_ERR_SYNTAX);
    assert_int_equal(si_invalidation_read(SI_INVALIDATION_OBJECT, longer + 1, &read, NULL), SI_OK);
}

static void receives_what_was_sent(void **state) {
    si_invalidation got;
    (void)state;
    for (int i = 0; i < SI_INVALIDATION_KINDS; i++) {
        const char *kind = si_invalidation_kind_name((si_invalidation_kind)i);
        assert_true(si_invalidation_receive(si_str_of(kind), SI_STR("a/b"), &got));
        assert_int_equal(got.kind, i);
        assert_string_equal(got.name, i == SI_INVALIDATION_ALL ? "" : "a/b");
        assert_int_equal(
            si_invalidation_receive(si_str_of(kind), SI_STR(""), &got), i == SI_INVALIDATION_ALL);
    }
    assert_false(si_invalidation_receive(SI_STR("some"), SI_STR("x"), &got));
    assert_false(si_invalidation_receive(SI_STR("object"), SI_STR("a\0b"), &got));
}

static void purges_both_readings(void **state) {
    si_generations *g;
    si_invalidation what;
    (void)state;
    unlink(in_folder("generations"));
    assert_int_equal(si_generations_open(in_folder("generations"), &g, NULL), SI_OK);
    uint64_t of_company = si_generation_of(g, SI_STR("acme"), SI_STR("shoe"));
    uint64_t of_default = si_generation_of(g, SI_STR(""), SI_STR("acme/shoe"));
    uint64_t other = si_generation_of(g, SI_STR("acme"), SI_STR("hat"));
    assert_int_equal(
        si_invalidation_read(SI_INVALIDATION_OBJECT, "acme/shoe.jpg", &what, NULL), SI_OK);
    assert_int_equal(si_invalidation_apply(&what, g, NULL), SI_OK);
    assert_true(si_generation_of(g, SI_STR("acme"), SI_STR("shoe")) > of_company);
    assert_true(si_generation_of(g, SI_STR(""), SI_STR("acme/shoe")) > of_default);
    assert_true(si_generation_of(g, SI_STR("acme"), SI_STR("hat")) == other);
    si_generations_close(g);
}

/* ---- places ---- */

static void orders_entries(void **state) {
    static const char *const good[] = {
        "0-0", "0-1", "1-0", "1700000000000-0", "1700000000000-12", "18446744073709551615-0"};
    static const char *const bad[] = {"", "-", "1", "1-", "-1", "a-1", "1-a", "1 -1",
        "18446744073709551616-0", "99999999999999999999-0"};
    si_stream_id before = {0}, id;
    char text[SI_STREAM_ID_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(si_stream_id_read(si_str_of(good[i]), &id));
        assert_string_equal(si_stream_id_print(id, text), good[i]);
        assert_int_equal(si_stream_id_compare(id, id), 0);
        assert_true(i == 0 || si_stream_id_compare(before, id) < 0);
        assert_true(i == 0 || si_stream_id_compare(id, before) > 0);
        before = id;
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(si_stream_id_read(si_str_of(bad[i]), &id));
    }
}

static void keeps_a_position(void **state) {
    si_position p = {.node = "edge-1", .place = {.id = {17, 4}, .epoch = "abc@5"}, .left = true}, q;
    char text[300];
    (void)state;
    const char *path = in_folder("invalidations");
    assert_int_equal(si_position_write(path, &p, NULL), SI_OK);
    si_position_read(path, &q);
    assert_string_equal(q.node, p.node);
    assert_string_equal(q.place.epoch, p.place.epoch);
    assert_int_equal(si_stream_id_compare(q.place.id, p.place.id), 0);
    assert_true(q.left);
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t i = 0; i < n - 1; i++) { /* any byte that is another: nothing is known */
        text[i] ^= 1;
        f = fopen(path, "w");
        assert_int_equal(fwrite(text, 1, n, f), n);
        fclose(f);
        text[i] ^= 1;
        si_position_read(path, &q);
        assert_string_equal(q.place.epoch, "");
        assert_true(si_node_name_is_good(q.node));
    }
    unlink(path);
    si_position_read(path, &q);
    assert_string_equal(q.place.epoch, "");
    assert_false(q.left);
    assert_int_equal(si_position_write("/proc/smartimg/nothing", &p, &(si_diag){0}), SI_ERR_IO);
}

/* ---- Redis ---- */

static void reads_addresses(void **state) {
    static const struct {
        const char *text, *host;
        int port, database;
        const char *user, *password;
    } rows[] = {{"redis://h", "h", 6379, 0, "", ""}, {"redis://h:1/2", "h", 1, 2, "", ""},
        {"redis://h/", "h", 6379, 0, "", ""}, {"redis://[::1]:7", "::1", 7, 0, "", ""},
        {"redis://:p%40ss@h", "h", 6379, 0, "", "p@ss"}, {"redis://u:p@h:1", "h", 1, 0, "u", "p"},
        {"unix:/run/r.sock", "/run/r.sock", 6379, 0, "", ""}};
    static const char *const bad[] = {"", "h:6379", "redis://", "redis://h:x", "redis://h:0",
        "redis://h:65536", "redis://h/x", "redis://secret@h", "rediss://:secret@h", "unix:r.sock",
        "redis://[::1", "redis://:secret%00@h"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_redis_address a;
        assert_int_equal(si_redis_address_read(rows[i].text, NULL, &a, NULL), SI_OK);
        assert_string_equal(a.host, rows[i].host);
        assert_int_equal(a.port, rows[i].port);
        assert_int_equal(a.database, rows[i].database);
        assert_string_equal(a.user, rows[i].user);
        assert_string_equal(a.password, rows[i].password);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        si_redis_address a;
        si_diag diag = {0};
        assert_int_equal(si_redis_address_read(bad[i], NULL, &a, &diag), SI_ERR_SYNTAX);
        assert_null(strstr(diag.text, "secret"));
    }
}

static void reads_passwords(void **state) {
    si_redis_address a;
    (void)state;
    write_file(in_folder("auth"), "secret:with colons\nmore\n");
    assert_int_equal(si_redis_address_read("redis://x:y@h", in_folder("auth"), &a, NULL), SI_OK);
    assert_string_equal(a.user, "secret");
    assert_string_equal(a.password, "with colons");
    write_file(in_folder("auth"), "alone\n");
    assert_int_equal(si_redis_address_read("redis://x:y@h", in_folder("auth"), &a, NULL), SI_OK);
    assert_string_equal(a.user, "");
    assert_string_equal(a.password, "alone");
    write_file(in_folder("auth"), "\n");
    assert_int_equal(si_redis_address_read("redis://h", in_folder("auth"), &a, NULL), SI_ERR_IO);
    assert_int_equal(si_redis_address_read("redis://h", in_folder("none"), &a, NULL), SI_ERR_IO);
}

/* ---- hooks ---- */

static char **words_of(const char *text, si_invalidation_kind kind, const char *name) {
    si_hook *h;
    si_invalidation what;
    char **words = NULL;
    si_diag diag = {0};
    write_file(in_folder("x.hook"), text);
    if (si_hook_read(in_folder("x.hook"), &h, &diag) != SI_OK ||
        si_invalidation_read(kind, name, &what, &diag) != SI_OK ||
        si_hook_words(h, &what, &words, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
    si_hook_free(h);
    return words;
}

static void makes_words(void **state) {
    static const char text[] =
        "# a hook\n[object]\nrun\n{object} {company}{{}}\n\n  {\"a\":[\"{object}\"]}  \n"
        "[all]\nall\n{env:SMARTIMG_TEST}{unique}";
    (void)state;
    setenv("SMARTIMG_TEST", "{object}", 1);
    char **words = words_of(text, SI_INVALIDATION_OBJECT, "acme/a \"b\"'<&>.jpg");
    assert_string_equal(words[0], "run");
    assert_string_equal(words[1], "acme/a%20%22b%22%27%3C%26%3E acme{{}}");
    assert_string_equal(words[2], "{\"a\":[\"acme/a%20%22b%22%27%3C%26%3E\"]}");
    assert_null(words[3]);
    si_hook_words_free(words);
    words = words_of(text, SI_INVALIDATION_COMPANY, "acme"); /* the next wider one */
    assert_string_equal(words[0], "all");
    assert_int_equal(strncmp(words[1], "{object}", 8), 0); /* values are not looked at again */
    assert_int_equal(strlen(words[1]), 8 + 16);
    assert_null(words[2]);
    si_hook_words_free(words);
}

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    static const char *const names[] = {"generations", "invalidations", "auth", "x.hook"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_objects),
        cmocka_unit_test(receives_what_was_sent),
        cmocka_unit_test(purges_both_readings),
        cmocka_unit_test(orders_entries),
        cmocka_unit_test(keeps_a_position),
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(reads_passwords),
        cmocka_unit_test(makes_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
