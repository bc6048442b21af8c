/* Children and what they give up. What a child sees of itself comes back as its exit status: 0, or
 * the number of the first check that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "process/confine.h"
#include "process/fdpass.h"
#include "process/supervise.h"

enum { NOBODY = 65534 };

/* Ends the child whose check fails. */
#define CHECK(number, condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            _exit(number);                                                                         \
        }                                                                                          \
    } while (0)

/* How many descriptors this process has open. */
static int open_descriptors(void) {
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        n += e->d_name[0] != '.';
    }
    closedir(d);
    return n - 1; /* that of the folder */
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* The wait status of a child that does this. */
static int status_of(void (*work)(void)) {
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        work();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- confine ---- */

static void expect_limits(int resource, rlim_t soft, rlim_t hard, int number) {
    struct rlimit now;
    CHECK(number, getrlimit(resource, &now) == 0);
    CHECK(number + 1, now.rlim_cur == soft);
    CHECK(number + 2, now.rlim_max == hard);
}

static void check_limits(void) {
    si_confinement limits = {.memory = INT64_C(3) << 30, .file_size = 4096, .files = 40};
    CHECK(1, si_confine(&limits));
    expect_limits(RLIMIT_NOFILE, 40, 40, 10);
    expect_limits(RLIMIT_CORE, 0, 0, 20);
    if (!SI_SANITIZED) {
        expect_limits(RLIMIT_AS, (rlim_t)3 << 30, (rlim_t)3 << 30, 30);
        expect_limits(RLIMIT_FSIZE, 4096, 4096, 40);
        signal(SIGXFSZ, SIG_IGN);
        int fd = memfd_create("test", MFD_CLOEXEC);
        CHECK(50, fd >= 0 && pwrite(fd, "x", 1, 4096) < 0 && errno == EFBIG);
    }
    CHECK(2, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void check_limits_are_never_raised(void) {
    struct rlimit few = {20, 30};
    si_confinement limits = {.memory = INT64_C(3) << 30, .file_size = 4096, .files = 64};
    CHECK(1, setrlimit(RLIMIT_NOFILE, &few) == 0 && si_confine(&limits));
    expect_limits(RLIMIT_NOFILE, 20, 30, 10);
    limits.files = 25;
    CHECK(2, si_confine(&limits));
    expect_limits(RLIMIT_NOFILE, 20, 25, 20);
}

static void test_limits(void **state) {
    (void)state;
    assert_int_equal(status_of(check_limits), 0);
    assert_int_equal(status_of(check_limits_are_never_raised), 0);
}

static void check_cpu_limit(void) {
    struct rlimit now;
    CHECK(1, getrlimit(RLIMIT_CPU, &now) == 0);
    now.rlim_max = 1000;
    now.rlim_cur = 900;
    CHECK(2, setrlimit(RLIMIT_CPU, &now) == 0 && si_renew_cpu_limit(50));
    CHECK(3, getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_max == 1000);
    CHECK(4, now.rlim_cur > 50 && now.rlim_cur < 900); /* what was used until now comes on top */
    CHECK(5, si_renew_cpu_limit(5000) && getrlimit(RLIMIT_CPU, &now) == 0);
    CHECK(6, now.rlim_cur == 1000 && now.rlim_max == 1000);
}

static void test_cpu_limit(void **state) {
    (void)state;
    assert_int_equal(status_of(check_cpu_limit), 0);
}

static void expect_user(uid_t uid, gid_t gid, int number) {
    uid_t u[3];
    gid_t g[3];
    CHECK(number, getresuid(&u[0], &u[1], &u[2]) == 0 && getresgid(&g[0], &g[1], &g[2]) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(number + 1, u[i] == uid);
        CHECK(number + 2, g[i] == gid);
    }
    CHECK(number + 3, setuid(0) < 0 && setgid(0) < 0);
}

static void check_root_is_given_up(void) {
    CHECK(1, si_give_up_root());
    expect_user(NOBODY, NOBODY, 10);
    CHECK(2, getgroups(0, NULL) == 0);
    CHECK(3, open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0);
    CHECK(4, si_give_up_root()); /* no root, nothing to give up */
}

static void check_become_user(void) {
    CHECK(1, si_become_user("root", 12345, 12346)); /* the name is that of the list of groups */
    expect_user(12345, 12346, 10);
    gid_t groups[8];
    int count = getgroups(8, groups);
    bool own = false;
    for (int i = 0; i < count; i++) {
        own |= groups[i] == 12346;
    }
    CHECK(2, own);
    CHECK(3, !si_become_user("root", 0, 0));
    expect_user(12345, 12346, 20);
}

static void test_root_is_given_up(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give root up\n");
        skip();
    }
    assert_int_equal(status_of(check_root_is_given_up), 0);
    assert_int_equal(status_of(check_become_user), 0);
    assert_int_equal(geteuid(), 0);
}

static void check_kept_descriptors(void) {
    int a = open("/dev/zero", O_RDONLY), b = open("/dev/full", O_WRONLY), none = -1;
    int high = fcntl(a, F_DUPFD, 200);
    CHECK(1, a >= 0 && b >= 0 && high >= 200);
    close(a);
    a = dup2(b, 4) == 4 ? 4 : -1; /* in the way of the second that is kept */
    int *kept[] = {&high, &none, &a};
    CHECK(2, si_keep_descriptors(kept, 3, false));
    CHECK(3, high == 3 && none == -1 && a == 4);
    for (int fd = 5; fd < 1024; fd++) {
        CHECK(4, !is_open(fd));
    }
    char c = 1;
    CHECK(5, read(3, &c, 1) == 1 && c == 0);
    CHECK(6, write(4, &c, 1) < 0 && errno == ENOSPC);
    CHECK(7, fcntl(3, F_GETFD) == FD_CLOEXEC && fcntl(4, F_GETFD) == FD_CLOEXEC);
    CHECK(8, read(0, &c, 1) == 0 && write(1, &c, 1) == 1); /* /dev/null */
    struct stat null, err;
    CHECK(9, fstat(0, &null) == 0 && fstat(2, &err) == 0 && null.st_rdev != err.st_rdev);
}

static void check_silence(void) {
    struct stat null, err;
    CHECK(1, si_keep_descriptors(NULL, 0, true));
    CHECK(2, stat("/dev/null", &null) == 0 && fstat(2, &err) == 0);
    CHECK(3, null.st_rdev == err.st_rdev && null.st_ino == err.st_ino);
}

static void test_kept_descriptors(void **state) {
    (void)state;
    /* whatever it was for the test: not /dev/null */
    int pair[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(pair), 0);
    dup2(pair[1], STDERR_FILENO);
    int kept = status_of(check_kept_descriptors), silent = status_of(check_silence);
    dup2(before, STDERR_FILENO);
    close(before);
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(kept, 0);
    assert_int_equal(silent, 0);
}

/* A child whose parent ends gets the signal, and one whose parent has ended is told. */
static void check_death_of_the_parent(void) {
    int pair[2];
    char c;
    CHECK(1, pipe(pair) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    pid_t parent = fork();
    if (parent == 0) {
        pid_t self = getpid();
        if (fork() == 0) {
            bool alive = si_die_with(self, SIGUSR1);
            (void)!write(pair[1], alive ? "a" : "d", 1);
            for (;;) {
                pause();
            }
        }
        pause();
    }
    CHECK(2, read(pair[0], &c, 1) == 1 && c == 'a');
    kill(parent, SIGKILL);
    int status;
    CHECK(3, waitpid(parent, &status, 0) == parent);
    CHECK(4, waitpid(-1, &status, 0) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    CHECK(5, !si_die_with(parent, SIGUSR1) && errno == ESRCH);
}

static void test_death_of_the_parent(void **state) {
    (void)state;
    assert_int_equal(status_of(check_death_of_the_parent), 0);
}

/* ---- supervise ---- */

static void end_at_once(void *context, int socket, pid_t parent) {
    (void)socket;
    (void)parent;
    _exit(*(int *)context);
}

static void echo(void *context, int socket, pid_t parent) {
    char c;
    (void)context;
    alarm(60); /* should the test fail */
    while (read(socket, &c, 1) == 1) {
        c = getppid() == parent ? c + 1 : 0;
        CHECK(1, write(socket, &c, 1) == 1);
    }
    _exit(7);
}

static void wait_for_ever(void *context, int socket, pid_t parent) {
    (void)context;
    (void)socket;
    (void)parent;
    alarm(60);
    for (;;) {
        pause();
    }
}

static const si_process_kind slow_kind = {.become = end_at_once,
    .quick_death_ms = 1000000,
    .free_deaths = 1,
    .first_wait_ms = 50,
    .most_wait_ms = 1000};

static void test_waits(void **state) {
    (void)state;
    static const int with_free[] = {0, 0, 50, 100, 200, 400, 800, 1000, 1000};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(si_process_wait_ms(&slow_kind, i), with_free[i]);
    }
    assert_int_equal(si_process_wait_ms(&slow_kind, 1000000), 1000);
    si_process_kind kind = {.first_wait_ms = 100, .most_wait_ms = 5000};
    static const int without[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(si_process_wait_ms(&kind, i), without[i]);
    }
    assert_int_equal(si_process_wait_ms(&(si_process_kind){0}, 5), 0);
}

/* One life of a child: the wait that follows it, in milliseconds. */
static int64_t live(si_process *p, const si_process_kind *kind, si_process_end how) {
    int code = 0, status;
    assert_true(si_process_start(p, kind, &code));
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    int64_t before = si_now_ns();
    si_process_ended(p, kind, how);
    int64_t after = si_now_ns(), wait = si_process_wait_ms(kind, p->quick_deaths);
    assert_int_equal(p->pid, 0);
    assert_in_range(p->start_at_ns, before + wait * SI_MILLISECOND, after + wait * SI_MILLISECOND);
    assert_int_equal(si_process_start_before(p, INT64_MAX), p->start_at_ns);
    assert_int_equal(si_process_start_before(p, 5), 5);
    return wait;
}

static void test_back_off(void **state) {
    (void)state;
    si_process p = {0};
    int open = open_descriptors();
    assert_int_equal(live(&p, &slow_kind, SI_END_BY_AGE), 0);
    assert_int_equal(live(&p, &slow_kind, SI_END_BY_AGE), 50);
    assert_int_equal(live(&p, &slow_kind, SI_END_NOT_STARTED), 100);
    assert_int_equal(live(&p, &slow_kind, SI_END_ORDERLY), 0);
    assert_int_equal(p.quick_deaths, 0);
    /* any age is old enough */
    si_process_kind kind = slow_kind;
    kind.quick_death_ms = 0;
    kind.free_deaths = 0;
    assert_int_equal(live(&p, &kind, SI_END_NOT_STARTED), 50);
    assert_int_equal(live(&p, &kind, SI_END_NOT_STARTED), 100);
    assert_int_equal(live(&p, &kind, SI_END_BY_AGE), 0);
    assert_int_equal(open_descriptors(), open);
}

static void test_socket_of_a_child(void **state) {
    (void)state;
    static const si_process_kind kind = {.become = echo, .socket_type = SOCK_STREAM};
    si_process p = {0};
    char c = 'a';
    int open = open_descriptors();
    assert_true(si_process_start(&p, &kind, NULL));
    assert_int_equal(open_descriptors(), open + 1);
    assert_int_equal(si_process_start_before(&p, 5), 5); /* it runs */
    assert_int_equal(write(p.socket, &c, 1), 1);
    assert_int_equal(read(p.socket, &c, 1), 1);
    assert_int_equal(c, 'b');
    shutdown(p.socket, SHUT_WR); /* so it ends: it holds no copy of our end */
    int status = si_process_finish(&p, 60000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(p.pid, 0);
    assert_int_equal(open_descriptors(), open);
}

static void test_finish_kills(void **state) {
    (void)state;
    static const si_process_kind kind = {.become = wait_for_ever};
    si_process p = {0};
    assert_true(si_process_start(&p, &kind, NULL));
    int status = si_process_finish(&p, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void check_no_process(void) {
    struct rlimit none = {0, 0};
    si_process p = {0};
    si_process_kind kind = slow_kind;
    kind.socket_type = SOCK_STREAM;
    int code = 0, next = dup(STDERR_FILENO);
    close(next);
    /* no descriptors */
    struct rlimit files = {(rlim_t)next, (rlim_t)next};
    CHECK(1, setrlimit(RLIMIT_NOFILE, &files) == 0);
    int64_t before = si_now_ns();
    CHECK(2, !si_process_start(&p, &kind, &code) && errno == EMFILE && p.pid == 0);
    CHECK(3, p.start_at_ns >= before + 1000 * SI_MILLISECOND);
    /* no processes, for which root has no limit */
    kind.socket_type = 0;
    CHECK(4, setrlimit(RLIMIT_NPROC, &none) == 0 && si_give_up_root());
    CHECK(5, !si_process_start(&p, &kind, &code) && errno == EAGAIN && p.pid == 0);
}

static void test_start_that_fails(void **state) {
    (void)state;
    assert_int_equal(status_of(check_no_process), 0);
}

typedef struct reaped {
    int count, statuses;
} reaped;

static void note(void *context, pid_t pid, int status) {
    reaped *r = context;
    assert_true(pid > 0);
    r->count++;
    r->statuses += WEXITSTATUS(status);
}

static void test_reaping(void **state) {
    (void)state;
    reaped r = {0};
    siginfo_t info;
    si_reap_children(note, &r); /* there are none */
    for (int code = 1; code <= 4; code *= 2) {
        si_process p = {0};
        assert_true(si_process_start(&p, &slow_kind, &code));
        assert_int_equal(waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT), 0);
    }
    si_reap_children(note, &r);
    assert_int_equal(r.count, 3);
    assert_int_equal(r.statuses, 7);
}

static void die_by_signal(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
}

static void end_with_five(void) {
    _exit(5);
}

static void test_exit_reasons(void **state) {
    (void)state;
    char reason[SI_EXIT_REASON_MAX];
    assert_string_equal(
        si_exit_reason(status_of(die_by_signal), reason), "was killed (Terminated)");
    assert_string_equal(si_exit_reason(status_of(end_with_five), reason), "ended with status 5");
}

static void check_signal_descriptor(void) {
    static const int signals[] = {SIGUSR1, SIGUSR2};
    char buffer[512];
    int fd = si_signal_descriptor(signals, 2);
    CHECK(1, fd >= 0);
    CHECK(2, read(fd, buffer, sizeof buffer) < 0 && errno == EAGAIN);
    raise(SIGUSR2); /* which would end it */
    raise(SIGPIPE);
    CHECK(3, read(fd, buffer, sizeof buffer) > 0);
    CHECK(4, fcntl(fd, F_GETFD) == FD_CLOEXEC);
}

static void test_signal_descriptor(void **state) {
    (void)state;
    assert_int_equal(status_of(check_signal_descriptor), 0);
    assert_true(si_processor_count() >= 1);
}

/* ---- packets ---- */

static int under_way[2]; /* a socket with packets whose descriptors nobody has taken */

static void take_all(int signal_number) {
    char c;
    int fd;
    (void)signal_number;
    while (si_packet_receive(under_way[1], &c, 1, &fd, MSG_DONTWAIT) == 1) {
        close(fd);
    }
}

/* The kernel sends no descriptors while its user has more under way than the sender may have open.
 */
static void check_too_many_under_way(void) {
    struct sigaction taken = {.sa_handler = take_all};
    struct itimerval soon = {.it_value.tv_usec = 30000};
    struct rlimit few = {20, 30};
    char c = 'x';
    int pair[2], fd;
    CHECK(1, si_give_up_root());
    CHECK(2, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, under_way) == 0);
    CHECK(3, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    for (int i = 0; i < 30; i++) {
        CHECK(4, si_packet_send(under_way[0], &c, 1, 0, MSG_DONTWAIT));
    }
    CHECK(5, setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(6, !si_packet_send(pair[0], &c, 1, 0, MSG_DONTWAIT) && errno == EAGAIN);
    CHECK(7, si_packet_send(pair[0], &c, 1, -1, MSG_DONTWAIT)); /* one without a descriptor is */
    CHECK(8, sigaction(SIGALRM, &taken, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK(9, si_packet_send(pair[0], &c, 1, 0, 0)); /* once others are taken */
    CHECK(10, si_packet_receive(pair[1], &c, 1, &fd, MSG_DONTWAIT) == 1 && fd < 0);
    CHECK(11, si_packet_receive(pair[1], &c, 1, &fd, MSG_DONTWAIT) == 1 && fd >= 0);
}

static void test_too_many_under_way(void **state) {
    (void)state;
    assert_int_equal(status_of(check_too_many_under_way), 0);
}

static void test_packets_with_descriptors(void **state) {
    (void)state;
    int pair[2], before = open_descriptors(), fd;
    char data[16];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(si_packet_send(pair[0], "hello", 5, null, 0));
    assert_int_equal(si_packet_receive(pair[1], data, sizeof data, &fd, 0), 5);
    assert_memory_equal(data, "hello", 5);
    assert_true(fd >= 0 && fd != null);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(read(fd, data, 1), 1);
    assert_int_equal(data[0], 0);
    close(fd);
    /* none */
    assert_true(si_packet_send(pair[0], "x", 1, -1, 0));
    assert_int_equal(si_packet_receive(pair[1], data, sizeof data, &fd, 0), 1);
    assert_int_equal(fd, -1);
    /* nothing there, a descriptor that is none, the end */
    assert_int_equal(si_packet_receive(pair[1], data, sizeof data, &fd, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fd, -1);
    assert_false(si_packet_send(pair[0], "x", 1, 9999, 0));
    close(null);
    close(pair[0]);
    assert_int_equal(si_packet_receive(pair[1], data, sizeof data, &fd, 0), 0);
    assert_int_equal(fd, -1);
    assert_false(si_packet_send(pair[1], "x", 1, -1, 0)); /* and no SIGPIPE */
    close(pair[1]);
    assert_int_equal(open_descriptors(), before);
}

static void test_packet_longer_than_the_buffer(void **state) {
    (void)state;
    int pair[2], before = open_descriptors(), fd;
    char data[8] = "", behind = data[7];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(si_packet_send(pair[0], "0123456789", 10, pair[0], 0));
    assert_true(si_packet_send(pair[0], "next", 4, -1, 0));
    assert_int_equal(si_packet_receive(pair[1], data, 7, &fd, 0), 10);
    assert_memory_equal(data, "0123456", 7);
    assert_int_equal(data[7], behind);
    assert_true(fd >= 0); /* still the caller's to close */
    close(fd);
    assert_int_equal(si_packet_receive(pair[1], data, 7, &fd, 0), 4);
    assert_memory_equal(data, "next", 4); /* the rest of the one before is gone */
    close(pair[0]);
    close(pair[1]);
    assert_int_equal(open_descriptors(), before);
}

/* As nobody here sends them: more descriptors than one in a packet. */
static void send_descriptors(int socket, const int *fds, size_t count) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control;
    char byte = 0;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
        .cmsg_type = SCM_RIGHTS,
        .cmsg_len = CMSG_LEN(count * sizeof *fds)};
    memcpy(CMSG_DATA(&control.header), fds, count * sizeof *fds);
    assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static void test_descriptors_do_not_leak(void **state) {
    (void)state;
    int pair[2], fd;
    char data[4];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    int before = open_descriptors();
    for (size_t count = 1; count <= 8; count++) {
        int fds[8] = {0, 1, 2, pair[0], pair[1], 0, 1, 2};
        send_descriptors(pair[0], fds, count);
        assert_int_equal(si_packet_receive(pair[1], data, sizeof data, &fd, 0), 1);
        assert_true(fd >= 0);
        assert_int_equal(open_descriptors(), before + 1);
        close(fd);
    }
    close(pair[0]);
    close(pair[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cpu_limit),
        cmocka_unit_test(test_root_is_given_up),
        cmocka_unit_test(test_kept_descriptors),
        cmocka_unit_test(test_death_of_the_parent),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_back_off),
        cmocka_unit_test(test_socket_of_a_child),
        cmocka_unit_test(test_finish_kills),
        cmocka_unit_test(test_start_that_fails),
        cmocka_unit_test(test_reaping),
        cmocka_unit_test(test_exit_reasons),
        cmocka_unit_test(test_signal_descriptor),
        cmocka_unit_test(test_packets_with_descriptors),
        cmocka_unit_test(test_too_many_under_way),
        cmocka_unit_test(test_packet_longer_than_the_buffer),
        cmocka_unit_test(test_descriptors_do_not_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
