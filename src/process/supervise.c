#include "process/supervise.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOOK_AGAIN_MS = 10 }; /* whether a child has ended */

bool si_process_start(si_process *p, const si_process_kind *kind, void *context) {
    int pair[2] = {-1, -1};
    pid_t parent = getpid();
    assert(p->pid == 0);
    p->started_ns = si_now_ns();
    p->start_at_ns = p->started_ns + kind->most_wait_ms * SI_MILLISECOND; /* should it fail */
    if (kind->socket_type != 0 &&
        socketpair(AF_UNIX, kind->socket_type | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (pair[0] >= 0) {
            close(pair[0]); /* or the child would never see our end closed */
        }
        kind->become(context, pair[1], parent);
        _exit(1);
    }
    int error = errno;
    if (pair[1] >= 0) {
        close(pair[1]);
    }
    if (pid < 0) {
        if (pair[0] >= 0) {
            close(pair[0]);
        }
        errno = error;
        return false;
    }
    p->pid = pid;
    p->socket = pair[0];
    return true;
}

static void forget(si_process *p) {
    assert(p->pid > 0);
    if (p->socket >= 0) {
        close(p->socket);
    }
    p->socket = -1;
    p->pid = 0;
}

int si_process_wait_ms(const si_process_kind *kind, int quick_deaths) {
    int wait = quick_deaths > kind->free_deaths ? kind->first_wait_ms : 0;
    for (int i = kind->free_deaths + 1; i < quick_deaths && wait < kind->most_wait_ms; i++) {
        wait *= 2;
    }
    return wait < kind->most_wait_ms ? wait : kind->most_wait_ms;
}

void si_process_ended(si_process *p, const si_process_kind *kind, si_process_end how) {
    int64_t now = si_now_ns();
    bool old = now - p->started_ns >= kind->quick_death_ms * SI_MILLISECOND;
    forget(p);
    p->quick_deaths =
        how == SI_END_ORDERLY || (how == SI_END_BY_AGE && old) ? 0 : p->quick_deaths + 1;
    p->start_at_ns = now + si_process_wait_ms(kind, p->quick_deaths) * SI_MILLISECOND;
}

int64_t si_process_start_before(const si_process *p, int64_t until_ns) {
    return p->pid == 0 && p->start_at_ns < until_ns ? p->start_at_ns : until_ns;
}

int si_process_finish(si_process *p, int grace_ms) {
    int64_t until = si_now_ns() + grace_ms * SI_MILLISECOND;
    int status = 0;
    pid_t ended;
    assert(p->pid > 0);
    while ((ended = waitpid(p->pid, &status, WNOHANG)) == 0 && si_now_ns() < until) {
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
    if (ended == 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    forget(p);
    return status;
}

void si_reap_children(void (*ended)(void *context, pid_t pid, int status), void *context) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        ended(context, pid, status);
    }
}

const char *si_exit_reason(int status, char out[SI_EXIT_REASON_MAX]) {
    if (WIFSIGNALED(status)) {
        snprintf(out, SI_EXIT_REASON_MAX, "was killed (%s)", strsignal(WTERMSIG(status)));
    } else {
        snprintf(out, SI_EXIT_REASON_MAX, "ended with status %d", WEXITSTATUS(status));
    }
    return out;
}

int si_signal_descriptor(const int *signals, int count) {
    sigset_t mask;
    sigemptyset(&mask);
    for (int i = 0; i < count; i++) {
        sigaddset(&mask, signals[i]);
    }
    if (sigprocmask(SIG_SETMASK, &mask, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        return -1;
    }
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int si_processor_count(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}
