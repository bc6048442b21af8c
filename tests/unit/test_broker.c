/* The broker: what it opens, what it refuses, and askers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/fdpass.h"
#include "source/broker.h"

/* A folder "…/root" with a file "in", beside a file "out". */
static char folder[] = "/tmp/smartimg-broker-XXXXXX";
static int root = -1;

static void write_file(const char *name) {
    char path[sizeof folder + 20];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "text", 4), 4);
    close(fd);
}

static int make_folder(void **state) {
    char path[sizeof folder + 20];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/root", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    write_file("root/in");
    write_file("out");
    return root >= 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    char path[sizeof folder + 20];
    static const char *const names[] = {"root/in", "out"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/root", folder);
    close(root);
    return rmdir(path) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void test_questions(void **state) {
    (void)state;
    int pair[2], status;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        while (si_broker_answer(pair[1], root, -1)) {
        }
        _exit(3);
    }
    close(pair[1]);
    char text[4];
    si_diag diag = {0};
    int fd = si_broker_open(pair[0], "in", &diag);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof text), 4);
    assert_memory_equal(text, "text", 4);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(fd);
    static const char *const bad[] = {"../out", "none", "", "/etc/passwd"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        diag = (si_diag){0};
        assert_int_equal(si_broker_open(pair[0], bad[i], &diag), -1);
        assert_true(diag.code != SI_OK && diag.text[0] != '\0');
    }
    close(pair[0]); /* it notices */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
}

/* Those of uploads are answered from another folder, where there is one. */
static void test_uploads(void **state) {
    (void)state;
    char name[] = "/tmp/smartimg-uploads-XXXXXX", text[100];
    assert_non_null(mkdtemp(name));
    int uploads = open(name, O_RDONLY | O_DIRECTORY), pair[2];
    assert_true(uploads >= 0);
    int fd = openat(uploads, "mine", O_WRONLY | O_CREAT, 0600);
    assert_true(write(fd, "up", 2) == 2 && close(fd) == 0);
    static const struct {
        const char *path, *text; /* NULL = refused */
        bool uploads;
    } rows[] = {{"/uploads/mine", "up", true}, {"/uploads/mine", NULL, false},
        {"uploads/mine", NULL, true}, {"mine", NULL, true}, {"/uploads/in", NULL, true},
        {"/uploads/../in", NULL, true}, {"/uploads//mine", NULL, true}, {"/uploads/", NULL, true},
        {"in", "text", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        pid_t pid = fork();
        if (pid == 0) {
            _exit(!si_broker_answer(pair[1], root, rows[i].uploads ? uploads : -1));
        }
        si_diag diag = {0};
        fd = si_broker_open(pair[0], rows[i].path, &diag);
        ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
        if ((n >= 0) != (rows[i].text != NULL) ||
            (n >= 0 && memcmp(text, rows[i].text, (size_t)n) != 0)) {
            fail_msg("%s: %zd bytes, %s", rows[i].path, n, diag.text);
        }
        if (fd >= 0) {
            close(fd);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(pair[0]);
        close(pair[1]);
    }
    assert_int_equal(unlinkat(uploads, "mine", 0), 0);
    close(uploads);
    assert_int_equal(rmdir(name), 0);
}

static void test_malformed_questions(void **state) {
    (void)state;
    static char path[8000];
    struct {
        int32_t code;
        char text[sizeof((si_diag *)0)->text];
    } answer;
    int pair[2], fd;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    memset(path, 'a', sizeof path);
    assert_true(si_packet_send(pair[0], path, sizeof path, root, 0));
    assert_true(si_broker_answer(pair[1], root, -1));
    assert_true(si_packet_receive(pair[0], &answer, sizeof answer, &fd, 0) > 0);
    assert_int_equal(answer.code, SI_ERR_FORBIDDEN);
    assert_true(si_packet_send(pair[0], "in\0", 3, -1, 0));
    assert_true(si_broker_answer(pair[1], root, -1));
    assert_true(si_packet_receive(pair[0], &answer, sizeof answer, &fd, 0) > 0);
    assert_int_equal(answer.code, SI_ERR_FORBIDDEN);
    assert_int_equal(fd, -1);
    close(pair[0]);
    close(pair[1]);
}

/* The code of the answer to a question with a descriptor. What comes is the caller's to close. */
static int reopen(int with, int *fd) {
    struct {
        int32_t code;
        char text[sizeof((si_diag *)0)->text];
    } answer = {0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(si_packet_send(pair[0], "", 1, with, 0));
    assert_true(si_broker_answer(pair[1], root, -1));
    assert_true(si_packet_receive(pair[0], &answer, sizeof answer, fd, 0) > 0);
    close(pair[0]);
    close(pair[1]);
    return answer.code;
}

/* Sealed memory has a position of its own for each who reads it; nothing else is opened anew, least
 * of all a log that the asker may only write to. */
static void test_reopening(void **state) {
    (void)state;
    char text[4], path[sizeof folder + 20];
    int again, memory = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(write(memory, "text", 4), 4);
    assert_int_equal(reopen(memory, &again), SI_ERR_FORBIDDEN);
    assert_int_equal(again, -1);
    assert_int_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
    assert_int_equal(reopen(memory, &again), SI_OK);
    assert_int_equal(lseek(again, 0, SEEK_CUR), 0);
    assert_int_equal(lseek(memory, 0, SEEK_CUR), 4);
    assert_int_equal(read(again, text, sizeof text), 4);
    assert_memory_equal(text, "text", 4);
    close(again);
    close(memory);
    snprintf(path, sizeof path, "%s/out", folder);
    int log = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(reopen(log, &again), SI_ERR_FORBIDDEN);
    assert_int_equal(again, -1);
    close(log);
}

/* One who asks and asks and takes no answer must not hold up the others. */
static void test_answers_that_nobody_takes(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    alarm(60); /* should it block */
    bool alive = true;
    for (int i = 0; i < 1000000 && alive; i++) {
        assert_true(si_packet_send(pair[0], "in", 2, -1, MSG_DONTWAIT));
        alive = si_broker_answer(pair[1], root, -1);
    }
    assert_false(alive);
    alarm(0);
    close(pair[0]);
    close(pair[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_uploads),
        cmocka_unit_test(test_malformed_questions),
        cmocka_unit_test(test_reopening),
        cmocka_unit_test(test_answers_that_nobody_takes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
