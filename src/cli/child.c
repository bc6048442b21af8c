#include "cli/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { QUICK_DEATH_MS = 1000, BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 5000 };

bool si_child_start(si_child *c) {
    pid_t parent = getpid();
    fflush(NULL); /* or the child would print it again */
    c->started_ns = si_now_ns();
    c->start_at_ns = c->started_ns + BACKOFF_MAX_MS * SI_MILLISECOND;
    c->pid = fork();
    if (c->pid == 0) {
        setpgid(0, 0); /* a Ctrl-C is for us, who stop the children in order */
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (getppid() == parent) {
            c->become(c->context);
        }
        _exit(1);
    }
    if (c->pid < 0) {
        si_complain("cannot start %s: %s", c->name, strerror(errno));
        c->pid = 0;
        return false;
    }
    setpgid(c->pid, c->pid); /* whoever comes first */
    return true;
}

void si_child_reap(si_child *c, int status) {
    int64_t now = si_now_ns();
    kill(-c->pid, SIGKILL); /* orphans would hold on to ports and connections */
    c->pid = 0;
    c->start_at_ns = now;
    if (WIFSIGNALED(status)) {
        si_complain("%s was killed (%s)", c->name, strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        si_complain("%s ended with status %d", c->name, WEXITSTATUS(status));
    }
    if (now - c->started_ns >= QUICK_DEATH_MS * SI_MILLISECOND) {
        c->quick_deaths = 0;
        return;
    }
    int64_t wait = BACKOFF_FIRST_MS;
    for (int i = 0; i < c->quick_deaths && wait < BACKOFF_MAX_MS; i++) {
        wait *= 2;
    }
    c->quick_deaths++;
    c->start_at_ns += (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS) * SI_MILLISECOND;
}

void si_child_signal(const si_child *c, int signal_number) {
    if (c->pid > 0) {
        kill(c->pid, signal_number);
    }
}
