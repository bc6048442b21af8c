#include "cli/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "process/confine.h"

static void become(void *context, int socket, pid_t parent) {
    const si_child *c = context;
    sigset_t none;
    (void)socket;
    setpgid(0, 0); /* a Ctrl-C is for us, who stop the children in order */
    sigemptyset(&none);
    bool alive = si_die_with(parent, SIGTERM);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (alive) {
        c->become(c->context);
    }
    _exit(1);
}

static const si_process_kind kind = {
    .become = become, .quick_death_ms = 1000, .first_wait_ms = 100, .most_wait_ms = 5000};

bool si_child_start(si_child *c) {
    fflush(NULL); /* or the child would print it again */
    if (!si_process_start(&c->process, &kind, c)) {
        si_complain("cannot start %s: %s", c->name, strerror(errno));
        return false;
    }
    setpgid(c->process.pid, c->process.pid); /* whoever comes first */
    return true;
}

void si_child_reap(si_child *c, int status) {
    char reason[SI_EXIT_REASON_MAX];
    kill(-c->process.pid, SIGKILL); /* orphans would hold on to ports and connections */
    if (status != 0) {
        si_complain("%s %s", c->name, si_exit_reason(status, reason));
    }
    si_process_ended(&c->process, &kind, SI_END_BY_AGE);
}

void si_child_signal(const si_child *c, int signal_number) {
    if (c->process.pid > 0) {
        kill(c->process.pid, signal_number);
    }
}
