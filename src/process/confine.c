#include "process/confine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitize.h"

enum {
    FIRST_KEPT = 3,
    DESCRIPTORS_MAX = 4096, /* how far to look where the kernel has no close_range() */
    NOBODY = 65534
};

/* ---- descriptors ---- */

static void close_from(int first) {
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) != 0) {
        for (int fd = first; fd < DESCRIPTORS_MAX; fd++) {
            close(fd);
        }
    }
}

bool si_keep_descriptors(int *const kept[], int count, bool silent) {
    int next = FIRST_KEPT;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        (silent && dup2(null, STDERR_FILENO) < 0)) {
        return false;
    }
    for (int i = 0; i < count; i++) { /* out of the way, so that none is overwritten by another */
        if (*kept[i] >= 0 &&
            (*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, FIRST_KEPT + count)) < 0) {
            return false;
        }
    }
    for (int i = 0; i < count; i++) {
        if (*kept[i] >= 0) {
            if (dup3(*kept[i], next, O_CLOEXEC) < 0) {
                return false;
            }
            *kept[i] = next++;
        }
    }
    close_from(next);
    return true;
}

/* ---- resources ---- */

static bool lower_limit(int resource, int64_t most) {
    struct rlimit now;
    assert(most >= 0);
    if (getrlimit(resource, &now) != 0) {
        return false;
    }
    if (now.rlim_max > (rlim_t)most) { /* RLIM_INFINITY is the largest value there is */
        now.rlim_max = (rlim_t)most;
    }
    if (now.rlim_cur > now.rlim_max) {
        now.rlim_cur = now.rlim_max;
    }
    return setrlimit(resource, &now) == 0;
}

bool si_confine(const si_confinement *limits) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && lower_limit(RLIMIT_CORE, 0) &&
           lower_limit(RLIMIT_NOFILE, limits->files) &&
           (SI_SANITIZED || (lower_limit(RLIMIT_AS, limits->memory) &&
                                lower_limit(RLIMIT_FSIZE, limits->file_size)));
}

bool si_renew_cpu_limit(int seconds) {
    struct rusage used;
    struct rlimit now;
    assert(seconds > 0);
    if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &now) != 0) {
        return false;
    }
    rlim_t until = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
    now.rlim_cur = until < now.rlim_max ? until : now.rlim_max;
    return setrlimit(RLIMIT_CPU, &now) == 0;
}

/* ---- privileges ---- */

/* All three ids each, so that none is left to go back to. */
static bool change_ids(uid_t uid, gid_t gid) {
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        return false;
    }
    if (uid != 0 && setuid(0) == 0) { /* a kernel, or capabilities, that let it back */
        errno = EPERM;
        return false;
    }
    return true;
}

static uid_t render_uid = NOBODY;
static gid_t render_gid = NOBODY;

void si_set_other_user(uid_t other) {
    const struct passwd *p = getpwnam(SI_RENDER_USER);
    uid_t uid = p != NULL ? p->pw_uid : NOBODY;
    bool taken = uid == other;
    render_uid = taken ? NOBODY - 1 : uid;
    render_gid = taken ? NOBODY - 1 : p != NULL ? p->pw_gid : NOBODY;
}

void si_render_user(uid_t *uid, gid_t *gid) {
    *uid = render_uid;
    *gid = render_gid;
}

bool si_give_up_root(void) {
    return geteuid() != 0 || (setgroups(0, NULL) == 0 && change_ids(render_uid, render_gid));
}

bool si_keep_capabilities(uint64_t kept) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[2] = {{0}};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capget, &head, now) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        uint32_t part = (uint32_t)(kept >> (32 * i));
        now[i].permitted &= part;
        now[i].effective &= part;
        now[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, now) == 0;
}

bool si_open_files_as(const char *name, uid_t uid, gid_t gid) {
    if (initgroups(name, gid) != 0) {
        return false;
    }
    (void)setfsgid(gid); /* (these two tell nothing by what they return, but the last id) */
    (void)setfsuid(uid);
    if ((gid_t)setfsgid((gid_t)-1) != gid || (uid_t)setfsuid((uid_t)-1) != uid) {
        errno = EPERM;
        return false;
    }
    return true;
}

bool si_become_user(const char *name, uid_t uid, gid_t gid) {
    return initgroups(name, gid) == 0 && change_ids(uid, gid);
}

bool si_become_reader(const char *name, uid_t uid, gid_t gid) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[2] = {{0}};
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || !si_become_user(name, uid, gid) ||
        !si_keep_capabilities(1ULL << CAP_DAC_READ_SEARCH) ||
        syscall(SYS_capget, &head, now) != 0) {
        return false;
    }
    now[0].effective = now[0].permitted; /* of all, nothing is in effect behind another user's id */
    return syscall(SYS_capset, &head, now) == 0 && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0;
}

bool si_die_with(pid_t parent, int signal_number) {
    if (prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0) {
        return false;
    }
    if (getppid() != parent) { /* it died before we asked to die with it */
        errno = ESRCH;
        return false;
    }
    return true;
}
