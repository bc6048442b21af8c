#include "process/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitize.h"
#include "process/confine.h"

static const char *const layer_names[SI_SANDBOX_LAYER_COUNT] = {
#define X(name, words, needs) words,
    SI_SANDBOX_LAYERS(X)
#undef X
};

/* ---- namespaces ---- */

static bool write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return n == (ssize_t)strlen(text);
}

/* In a new user namespace the process is whom it was, with all capabilities in there. The files of
 * /proc are root's as long as nobody may look into the process, as it is with children of the pool.
 */
static bool keep_ids(uid_t uid, gid_t gid) {
    char text[40];
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    bool kept = prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
    snprintf(text, sizeof text, "%u %u 1", uid, uid);
    kept = kept && write_file("/proc/self/uid_map", text);
    snprintf(text, sizeof text, "%u %u 1", gid, gid);
    kept = kept && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/gid_map", text);
    return (dumpable != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) && kept;
}

unsigned si_sandbox_part(void) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    if (SI_SANITIZED) {
        return 0;
    }
    if (unshare(spaces) != 0 && (unshare(spaces | CLONE_NEWUSER) != 0 || !keep_ids(uid, gid))) {
        return 0;
    }
    /* what is mounted from here on is nobody else's */
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? SI_SANDBOX_NAMESPACES : 0;
}

unsigned si_sandbox_leave_files(void) {
    static const char *const places[] = {"/tmp", "/dev/shm", "/proc", "/usr"};
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (SI_SANITIZED) {
        return 0;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (mount("none", places[i], "tmpfs", flags, "size=4k,nr_inodes=2,mode=555") == 0 &&
            chdir(places[i]) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
            umount2(".", MNT_DETACH) == 0 && chdir("/") == 0) {
            /* (a kernel that refuses this leaves an empty root that takes two names) */
            (void)mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
            return SI_SANDBOX_EMPTY_ROOT;
        }
    }
    return 0;
}

/* ---- Landlock ---- */

/* As far as newer kernels have them than the headers. */
enum {
    FS_FIRST = (1 << 13) - 1, /* of ABI 1 */
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
    FS_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    NET_BIND_CONNECT = 3,
    SCOPE_SOCKETS_SIGNALS = 3
};

typedef struct ruleset {
    uint64_t files, net, scoped;
} ruleset;

/* All of a name, or of a folder and what is below it, may be read. */
static void allow_reading(int rules, const char *path) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr below = {.allowed_access = FS_READ, .parent_fd = fd};
    if (fd >= 0) {
        (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
        close(fd);
    }
}

/* What curl and the resolver read: names, certificates, the clock's zone, libraries of name
 * services. */
static void allow_settings(int rules) {
    static const char *const paths[] = {"/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve",
        "/run/resolvconf", "/run/nscd", "/var/lib/ca-certificates"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        allow_reading(rules, paths[i]);
    }
}

/* Files of a folder may be made, written, renamed and removed. */
static void allow_folder(int rules, int folder, uint64_t handled) {
    struct landlock_path_beneath_attr below = {
        .allowed_access = FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                          LANDLOCK_ACCESS_FS_REMOVE_FILE | (handled & FS_TRUNCATE),
        .parent_fd = folder};
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
}

static bool landlock(si_sandbox_kind kind, int folder) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return false;
    }
    ruleset handled = {.files = FS_FIRST};
    handled.files |=
        (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
    handled.net = abi >= 4 && kind != SI_SANDBOX_FETCHER ? NET_BIND_CONNECT : 0;
    handled.scoped = abi >= 6 ? SCOPE_SOCKETS_SIGNALS : 0;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0) {
        return false;
    }
    if (kind == SI_SANDBOX_FETCHER) {
        allow_settings(rules);
    }
    if (folder >= 0) {
        allow_folder(rules, folder, handled.files);
    }
    bool held = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return held;
}

/* ---- system calls ---- */

#define CALL(name) SCMP_SYS(name)

/* What a renderer needs. */
static const int needed[] = {
    /* descriptors that it has */
    CALL(read),
    CALL(readv),
    CALL(pread64),
    CALL(write),
    CALL(writev),
    CALL(close),
    CALL(lseek),
    CALL(fstat),
    CALL(newfstatat),
    CALL(statx),
    CALL(fcntl),
    CALL(fadvise64),
    CALL(dup),
    CALL(dup3),
    CALL(memfd_create),
    CALL(ftruncate),
    /* connections that came, and sockets among processes of the pool */
    CALL(accept4),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(sendto),
    CALL(sendmsg),
    CALL(shutdown),
    CALL(getsockopt),
    CALL(poll),
    CALL(ppoll),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    /* memory */
    CALL(brk),
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    /* threads */
    CALL(futex),
    CALL(set_robust_list),
    CALL(rseq),
    CALL(sched_yield),
    CALL(sched_getaffinity),
    CALL(gettid),
    CALL(exit),
    CALL(membarrier),
    /* time, signals and limits of its own */
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(clock_nanosleep),
    CALL(nanosleep),
    CALL(gettimeofday),
    CALL(time),
    CALL(setitimer),
    CALL(getitimer),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(sigaltstack),
    CALL(restart_syscall),
    CALL(getrusage),
    CALL(getpriority),
    CALL(getpid),
    CALL(getppid),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(getrandom),
    CALL(uname),
    CALL(sysinfo),
    CALL(exit_group),
};

/* Those that only name a file fail, as libraries may try. */
static const int refused[] = {
    CALL(open),
    CALL(openat),
    CALL(openat2),
    CALL(stat),
    CALL(lstat),
    CALL(access),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(readlink),
    CALL(readlinkat),
    CALL(getcwd),
    CALL(statfs),
};

/* What nobody needs who only downloads; it may all else. */
static const int forbidden[] = {CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(ptrace),
    CALL(process_vm_readv), CALL(process_vm_writev), CALL(process_madvise), CALL(pidfd_open),
    CALL(pidfd_getfd), CALL(pidfd_send_signal), CALL(kill), CALL(tkill), CALL(rt_sigqueueinfo),
    CALL(rt_tgsigqueueinfo), CALL(mount), CALL(umount2), CALL(move_mount), CALL(open_tree),
    CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick), CALL(mount_setattr),
    CALL(pivot_root), CALL(chroot), CALL(unshare), CALL(setns), CALL(bpf), CALL(perf_event_open),
    CALL(userfaultfd), CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register),
    CALL(keyctl), CALL(add_key), CALL(request_key), CALL(init_module), CALL(finit_module),
    CALL(delete_module), CALL(kexec_load), CALL(kexec_file_load), CALL(reboot), CALL(swapon),
    CALL(swapoff), CALL(acct), CALL(quotactl), CALL(personality), CALL(iopl), CALL(ioperm),
    CALL(setuid), CALL(setgid), CALL(setreuid), CALL(setregid), CALL(setresuid), CALL(setresgid),
    CALL(setgroups), CALL(capset), CALL(mknod), CALL(mknodat), CALL(link), CALL(linkat),
    CALL(symlink), CALL(symlinkat), CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(chmod),
    CALL(fchmod), CALL(fchmodat), CALL(chown), CALL(lchown), CALL(fchownat), CALL(truncate),
    CALL(setxattr)};

/* … unless it has a folder of its own. */
static const int of_folders[] = {
    CALL(rename), CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat)};

static bool add_all(scmp_filter_ctx f, uint32_t action, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        /* (EDOM, EFAULT: this processor has no such call) */
        int error = seccomp_rule_add(f, action, calls[i], 0);
        if (error != 0 && error != -EDOM && error != -EFAULT) {
            errno = -error;
            return false;
        }
    }
    return true;
}

/* A rule for calls whose argument number `argument` has these bits of `mask`. */
static bool add_if(
    scmp_filter_ctx f, int call, unsigned argument, scmp_datum_t mask, scmp_datum_t bits) {
    struct scmp_arg_cmp is = {argument, SCMP_CMP_MASKED_EQ, mask, bits};
    return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, 1, &is) == 0;
}

/* Calls that depend on their arguments. */
static bool add_conditional(scmp_filter_ctx f) {
    const scmp_datum_t all = ~(scmp_datum_t)0, thread = CLONE_THREAD | CLONE_VM;
    struct scmp_arg_cmp other = {0, SCMP_CMP_NE, PR_SET_NAME, 0};
    /* niceness of its own: PRIO_PROCESS, 0 */
    struct scmp_arg_cmp itself[] = {{0, SCMP_CMP_EQ, 0, 0}, {1, SCMP_CMP_EQ, 0, 0}};
    /* threads, not processes; clone3() has its flags in memory, so libc is told to use the other */
    return add_if(f, CALL(clone), 0, thread, thread) &&
           seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0) == 0 &&
           /* no memory becomes code */
           add_if(f, CALL(mmap), 2, PROT_EXEC, 0) && add_if(f, CALL(mprotect), 2, PROT_EXEC, 0) &&
           /* signals to itself, such as abort()'s */
           add_if(f, CALL(tgkill), 0, all, (scmp_datum_t)getpid()) &&
           add_if(f, CALL(socketpair), 0, all, AF_UNIX) &&
           add_if(f, CALL(prctl), 0, all, PR_SET_NAME) &&
           seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EPERM), CALL(prctl), 1, &other) == 0 &&
           /* limits of its own */
           add_if(f, CALL(prlimit64), 0, all, 0) &&
           seccomp_rule_add_array(f, SCMP_ACT_ALLOW, CALL(setpriority), 2, itself) == 0;
}

static bool fill_filter(scmp_filter_ctx f, si_sandbox_kind kind, bool folder) {
    if (seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) != 0) {
        return false;
    }
    if (kind == SI_SANDBOX_FETCHER) {
        return add_all(f, SCMP_ACT_KILL_PROCESS, forbidden, sizeof forbidden / sizeof *forbidden) &&
               (folder || add_all(f, SCMP_ACT_KILL_PROCESS, of_folders,
                              sizeof of_folders / sizeof *of_folders));
    }
    return add_all(f, SCMP_ACT_ALLOW, needed, sizeof needed / sizeof *needed) &&
           add_all(f, SCMP_ACT_ERRNO(EACCES), refused, sizeof refused / sizeof *refused) &&
           add_conditional(f);
}

static bool filter_system_calls(si_sandbox_kind kind, bool folder) {
    scmp_filter_ctx f =
        seccomp_init(kind == SI_SANDBOX_FETCHER ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    bool held = f != NULL && fill_filter(f, kind, folder) && seccomp_load(f) == 0;
    if (f != NULL) {
        seccomp_release(f);
    }
    return held;
}

/* ---- public ---- */

unsigned si_sandbox_close(si_sandbox_kind kind) {
    return si_sandbox_close_around(kind, -1);
}

unsigned si_sandbox_close_around(si_sandbox_kind kind, int folder) {
    if (SI_SANITIZED || !si_keep_capabilities(0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return 0;
    }
    unsigned layers = landlock(kind, folder) ? SI_SANDBOX_LANDLOCK : 0;
    return layers | (filter_system_calls(kind, folder >= 0) ? SI_SANDBOX_SYSTEM_CALLS : 0);
}

unsigned si_sandbox_probe(void) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        unsigned layers = si_sandbox_part();
        layers |= layers != 0 ? si_sandbox_leave_files() : 0;
        bool ready = si_give_up_root() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
        _exit((int)(ready ? layers | si_sandbox_close(SI_SANDBOX_RENDERER) : layers));
    }
    bool ended = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    return ended ? (unsigned)WEXITSTATUS(status) : 0;
}

bool si_sandbox_suffices(si_sandbox_mode mode, si_sandbox_kind kind, unsigned layers) {
    unsigned all = kind == SI_SANDBOX_FETCHER ? SI_SANDBOX_OF_FETCHER : SI_SANDBOX_ALL;
    return mode != SI_SANDBOX_REQUIRED || (layers & all) == all;
}

char *si_sandbox_names(unsigned layers, char out[SI_SANDBOX_NAMES_MAX]) {
    size_t len = 0;
    assert(layers <= SI_SANDBOX_ALL);
    snprintf(out, SI_SANDBOX_NAMES_MAX, "none");
    for (int i = 0; i < SI_SANDBOX_LAYER_COUNT; i++) {
        if (layers & (1u << i)) {
            len += (size_t)snprintf(
                out + len, SI_SANDBOX_NAMES_MAX - len, "%s%s", len > 0 ? ", " : "", layer_names[i]);
            assert(len < SI_SANDBOX_NAMES_MAX);
        }
    }
    return out;
}

bool si_sandbox_mode_by_name(const char *name, si_sandbox_mode *out) {
    static const char *const names[] = {
        [SI_SANDBOX_BEST] = "best", [SI_SANDBOX_REQUIRED] = "required", [SI_SANDBOX_OFF] = "off"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (si_sandbox_mode)i;
            return true;
        }
    }
    return false;
}
