/* The sandbox of renderers: a process in it tries what one that a hostile image has taken over
 * would. Each act is one that has to be refused, or that ends the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pthread.h>

#include "base/sanitize.h"
#include "process/confine.h"
#include "process/sandbox.h"

enum { REFUSED, DONE = 77 };

static pid_t watcher; /* the process outside */
static char secret[] = "not for renderers";

/* An act returns DONE if it could be done, REFUSED if not. */
typedef int act(void);

static int done(bool yes) {
    return yes ? DONE : REFUSED;
}

static int read_passwords(void) {
    return done(open("/etc/passwd", O_RDONLY) >= 0);
}

static int write_file(void) {
    return done(open("/tmp/smartimg-sandbox-test", O_WRONLY | O_CREAT, 0600) >= 0);
}

static int open_device(void) {
    return done(open("/dev/null", O_RDWR) >= 0);
}

static int connect_out(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)!connect(fd, (struct sockaddr *)&a, sizeof a);
    return done(fd >= 0);
}

static int unix_socket(void) {
    return done(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static int fork_child(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return done(pid > 0);
}

static int execute(void) {
    execl("/bin/true", "true", (char *)NULL);
    return REFUSED;
}

static int trace(void) {
    return done(ptrace(PTRACE_ATTACH, watcher, NULL, NULL) == 0);
}

static int read_memory(void) {
    char copy[sizeof secret];
    struct iovec here = {copy, sizeof copy}, there = {secret, sizeof secret};
    return done(process_vm_readv(watcher, &here, 1, &there, 1, 0) > 0);
}

static int open_memory(void) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/mem", watcher);
    return done(open(path, O_RDWR) >= 0);
}

static int kill_watcher(void) {
    return done(kill(watcher, 0) == 0);
}

static int signal_thread(void) {
    return done(syscall(SYS_tgkill, watcher, watcher, 0) == 0);
}

static int mount_something(void) {
    return done(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL) == 0);
}

static int new_namespace(void) {
    return done(unshare(CLONE_NEWUSER) == 0);
}

static int become_root(void) {
    return done(setuid(0) == 0 && geteuid() == 0);
}

static int map_code(void) {
    return done(
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int raise_limit(void) {
    return done(
        syscall(SYS_prlimit64, watcher, 7 /* RLIMIT_NOFILE */, NULL, &(uint64_t[2]){0}) == 0);
}

static int allow_dumps(void) {
    return done(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

static int io_uring(void) {
    char parameters[256] = {0};
    return done(syscall(SYS_io_uring_setup, 4, parameters) >= 0);
}

/* Runs an act in the sandbox of that kind, without the namespaces if they are not to be there; its
 * wait status. */
static int run(si_sandbox_kind kind, bool parted, act *what) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        si_confinement limits = {.memory = INT64_C(1) << 30, .file_size = 0, .files = 64};
        unsigned layers = parted ? si_sandbox_part() : 0;
        layers |= layers != 0 ? si_sandbox_leave_files() : 0;
        if (!si_confine(&limits) || !si_give_up_root()) {
            _exit(1);
        }
        layers |= si_sandbox_close(kind);
        _exit(layers & SI_SANDBOX_SYSTEM_CALLS ? what() : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_kept_from(si_sandbox_kind kind, bool parted, act *what) {
    int status = run(kind, parted, what);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSYS);
    } else {
        assert_int_equal(WEXITSTATUS(status), REFUSED);
    }
}

static void skip_if_sanitized(void) {
    if (SI_SANITIZED) {
        skip();
    }
}

/* With namespaces and, as in a container that gives none, without. */
static void renderers_are_kept_from(void **state) {
    act *const acts[] = {read_passwords, write_file, open_device, connect_out, unix_socket,
        fork_child, execute, trace, read_memory, open_memory, kill_watcher, signal_thread,
        mount_something, new_namespace, become_root, map_code, raise_limit, allow_dumps, io_uring};
    (void)state;
    skip_if_sanitized();
    watcher = getpid();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        assert_kept_from(SI_SANDBOX_RENDERER, true, acts[i]);
        assert_kept_from(SI_SANDBOX_RENDERER, false, acts[i]);
    }
}

/* The acts do what they say where nothing keeps them from it, so that the test above can fail. */
static void acts_can_be_done(void **state) {
    act *const acts[] = {read_passwords, open_device, connect_out, unix_socket, fork_child,
        kill_watcher, signal_thread, map_code, allow_dumps};
    (void)state;
    watcher = getpid();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            _exit(acts[i]());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), DONE);
    }
}

static void fetchers_are_kept_from(void **state) {
    act *const acts[] = {write_file, execute, trace, read_memory, open_memory, kill_watcher,
        mount_something, new_namespace, become_root, io_uring};
    (void)state;
    skip_if_sanitized();
    watcher = getpid();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        assert_kept_from(SI_SANDBOX_FETCHER, false, acts[i]);
    }
}

static int make_socket_and_read_settings(void) {
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 && open("/etc/hosts", O_RDONLY) >= 0 ? DONE
                                                                                     : REFUSED;
}

static void fetchers_have_network_and_settings(void **state) {
    (void)state;
    skip_if_sanitized();
    int status = run(SI_SANDBOX_FETCHER, false, make_socket_and_read_settings);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DONE);
}

static void *add(void *number) {
    ++*(int *)number;
    return NULL;
}

/* What encoders and codecs do: memory, threads, files in memory, and an abort that is one. */
static int work(void) {
    int n = 0;
    pthread_t thread;
    void *memory = malloc(1 << 24);
    if (memory == NULL || pthread_create(&thread, NULL, add, &n) != 0 ||
        pthread_join(thread, NULL) != 0) {
        return REFUSED;
    }
    free(memory);
    return n == 1 && memfd_create("x", 0) >= 0 ? DONE : REFUSED;
}

static int abort_itself(void) {
    abort();
}

static void renderers_can_work(void **state) {
    (void)state;
    skip_if_sanitized();
    int status = run(SI_SANDBOX_RENDERER, true, work);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DONE);
    status = run(SI_SANDBOX_RENDERER, true, abort_itself);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* What a child of the pool does that an ordinary user started: nobody may look into it. */
static unsigned layers_of_user(void) {
    si_confinement limits = {.memory = INT64_C(1) << 30, .file_size = 0, .files = 64};
    bool ok = geteuid() != 0 ||
              (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
    ok = ok && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && si_confine(&limits);
    unsigned layers = ok ? si_sandbox_part() : 0;
    layers |= layers != 0 ? si_sandbox_leave_files() : 0;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? layers : 0;
}

/* Whether the kernel gives user namespaces at all. */
static bool user_can_part(void) {
    return unshare(CLONE_NEWUSER) == 0;
}

static int status_in_child(bool asks_kernel) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        const unsigned wanted = SI_SANDBOX_NAMESPACES | SI_SANDBOX_EMPTY_ROOT;
        _exit((asks_kernel ? user_can_part() : layers_of_user() == wanted) ? DONE : REFUSED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void ordinary_users_have_namespaces(void **state) {
    (void)state;
    skip_if_sanitized();
    if (status_in_child(true) != DONE) {
        skip();
    }
    assert_int_equal(status_in_child(false), DONE);
}

static void layers_are_named(void **state) {
    char names[SI_SANDBOX_NAMES_MAX];
    si_sandbox_mode mode;
    (void)state;
    assert_string_equal(si_sandbox_names(0, names), "none");
    assert_string_equal(
        si_sandbox_names(SI_SANDBOX_ALL, names), "namespaces, empty root, Landlock, system calls");
    assert_true(si_sandbox_mode_by_name("required", &mode) && mode == SI_SANDBOX_REQUIRED);
    assert_false(si_sandbox_mode_by_name("on", &mode));
    assert_true(si_sandbox_suffices(SI_SANDBOX_BEST, SI_SANDBOX_RENDERER, 0));
    assert_false(si_sandbox_suffices(
        SI_SANDBOX_REQUIRED, SI_SANDBOX_RENDERER, SI_SANDBOX_ALL & ~SI_SANDBOX_LANDLOCK));
    assert_true(
        si_sandbox_suffices(SI_SANDBOX_REQUIRED, SI_SANDBOX_FETCHER, SI_SANDBOX_OF_FETCHER));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renderers_are_kept_from),
        cmocka_unit_test(acts_can_be_done),
        cmocka_unit_test(fetchers_are_kept_from),
        cmocka_unit_test(fetchers_have_network_and_settings),
        cmocka_unit_test(renderers_can_work),
        cmocka_unit_test(ordinary_users_have_namespaces),
        cmocka_unit_test(layers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
