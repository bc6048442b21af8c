/* The generation table: what must hold whatever happens to its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/generations.h"

static char folder[] = "/tmp/smartimg-generations-XXXXXX";
static char path[sizeof folder + 20];
static const si_str acme = {"acme", 4}, shoe = {"shoe", 4}, hat = {"hat", 3};

static si_generations *open_table(void) {
    si_generations *g = NULL;
    si_diag diag = {0};
    if (si_generations_open(path, &g, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
    return g;
}

static void purge(si_generations *g, si_str object) {
    si_diag diag = {0};
    if (si_generation_purge_object(g, acme, object, &diag) != SI_OK) {
        fail_msg("%s", diag.text);
    }
}

static uint64_t sum(si_generations *g) {
    (void)si_generations_refresh(g);
    return si_generation_of(g, acme, shoe);
}

static off_t size(void) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static int begin(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static void purges_last(void **state) {
    (void)state;
    si_generations *g = open_table();
    uint64_t base = sum(g);
    for (int i = 0; i < 5; i++) {
        purge(g, shoe);
    }
    si_generations_close(g);
    g = open_table();
    assert_true(sum(g) == base + 5);
    si_generations_close(g);
}

/* Cut to any length, while the table is in use and while it is not: never an older generation, and
 * no process dies. */
static void a_file_that_was_cut_short(void **state) {
    (void)state;
    for (off_t at = 0; at < 200; at += 7) {
        unlink(path);
        si_generations *g = open_table(), *reader = open_table();
        uint64_t base = sum(reader);
        for (int i = 0; i < 8; i++) {
            purge(g, shoe);
        }
        si_generations_close(g);
        uint64_t before = sum(reader);
        assert_true(before == base + 8);
        off_t whole = size();
        if (at >= whole) {
            si_generations_close(reader);
            break;
        }
        assert_int_equal(truncate(path, at), 0);
        g = open_table(); /* one that knew nothing of it */
        assert_true(sum(g) > before);
        assert_true(sum(reader) == sum(g));
        purge(g, shoe);
        assert_true(sum(reader) == sum(g));
        si_generations_close(g);
        si_generations_close(reader);
    }
}

static void a_file_that_is_gone(void **state) {
    (void)state;
    si_generations *g = open_table();
    purge(g, shoe);
    uint64_t before = sum(g);
    unlink(path);
    assert_true(sum(g) > before);
    si_generations *other = open_table();
    assert_true(sum(other) == sum(g));
    si_generations_close(other);
    si_generations_close(g);
}

/* Any flipped byte: what was known stays purged, or everything is rendered anew. */
static void a_file_that_is_damaged(void **state) {
    (void)state;
    si_generations *g = open_table();
    purge(g, shoe);
    purge(g, hat);
    uint64_t before = sum(g);
    si_generations_close(g);
    off_t whole = size();
    char bytes[4096];
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, sizeof bytes), whole);
    close(fd);
    for (off_t i = 16; i < whole; i++) { /* (another name at the beginning is another file) */
        bytes[i] ^= 0x40;
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, bytes, (size_t)whole), whole);
        close(fd);
        bytes[i] ^= 0x40;
        g = open_table();
        assert_true(sum(g) >= before);
        si_generations_close(g);
    }
}

static void something_else_is_left_alone(void **state) {
    (void)state;
    si_generations *g = NULL;
    si_diag diag = {0};
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "a letter to somebody", 20), 20);
    close(fd);
    assert_int_equal(si_generations_open(path, &g, &diag), SI_ERR_IO);
    assert_int_equal(size(), 20);
}

/* As on a full disk: the purge says so, and the table is as it was. */
static void a_disk_that_is_full(void **state) {
    (void)state;
    si_generations *g = open_table();
    purge(g, shoe);
    uint64_t before = sum(g);
    off_t whole = size();
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {(rlim_t)whole + 8, (rlim_t)whole + 8};
        si_diag diag = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        bool refused = si_generation_purge_object(g, acme, shoe, &diag) == SI_ERR_IO &&
                       strstr(diag.text, "nothing was purged") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(size(), whole);
    assert_true(sum(g) == before);
    purge(g, shoe);
    assert_true(sum(g) == before + 1);
    si_generations_close(g);
}

/* Purges of several processes at a time are all counted. */
static void many_at_a_time(void **state) {
    enum { PROCESSES = 4, EACH = 25 };
    (void)state;
    si_generations *g = open_table();
    uint64_t base = sum(g);
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            si_generations *own = NULL;
            bool good = si_generations_open(path, &own, NULL) == SI_OK;
            for (int k = 0; k < EACH && good; k++) {
                good = si_generation_purge_object(own, acme, shoe, NULL) == SI_OK;
            }
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_true(sum(g) == base + PROCESSES * EACH);
    si_generations_close(g);
}

/* A purge whose process died in the middle: its bytes count for nothing. */
static void half_a_record(void **state) {
    (void)state;
    si_generations *g = open_table(), *reader = open_table();
    purge(g, shoe);
    uint64_t before = sum(reader);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "1234567", 7), 7);
    close(fd);
    assert_true(sum(reader) == before);
    purge(g, shoe);
    assert_true(sum(reader) == before + 1);
    si_generations_close(g);
    si_generations_close(reader);
}

/* The table of versions before keeps its counters, so that a warm cache stays warm. */
static void the_old_table(void **state) {
    enum { COUNTERS = 1 + 1024 + 65536 };
    static uint32_t counters[COUNTERS];
    (void)state;
    counters[0] = 3;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "smartimg gen 1\n", 16), 16);
    assert_int_equal(write(fd, counters, sizeof counters), sizeof counters);
    close(fd);
    si_generations *g = open_table();
    assert_true(sum(g) == 3);
    purge(g, shoe);
    si_generations_close(g);
    g = open_table();
    assert_true(sum(g) == 4);
    si_generations_close(g);
}

static int make_folder(void **state) {
    (void)state;
    snprintf(path, sizeof path, "%s/generations", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder); /* nothing else was left in it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(purges_last, begin),
        cmocka_unit_test_setup(a_file_that_was_cut_short, begin),
        cmocka_unit_test_setup(a_file_that_is_gone, begin),
        cmocka_unit_test_setup(a_file_that_is_damaged, begin),
        cmocka_unit_test_setup(something_else_is_left_alone, begin),
        cmocka_unit_test_setup(a_disk_that_is_full, begin),
        cmocka_unit_test_setup(many_at_a_time, begin),
        cmocka_unit_test_setup(half_a_record, begin),
        cmocka_unit_test_setup(the_old_table, begin),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
