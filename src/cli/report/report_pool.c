#include "cli/report/report_pool.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { TICK_MS = 200, KILL_SLACK_SECONDS = 5, CHILDREN_MAX = 256 };
#define PICTURE_MAX (UINT64_C(256) << 20) /* bytes; more is nothing a sane child sends */

struct child {
    pid_t pid; /* 0 = not running */
    int socket;
    const si_report_job *job; /* NULL = idle */
    int64_t kill_at_ns;       /* should its own alarm fail */
};

struct pool {
    const si_report_work *work;
    struct child children[CHILDREN_MAX];
    int count;
    si_report_done done;
    void *context;
    si_diag *diag;
};

static volatile sig_atomic_t signals;

static void on_signal(int number) {
    (void)number;
    signals = signals + 1;
}

/* ---- a child ---- */

static bool start(struct pool *p, struct child *c) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)si_fail(p->diag, SI_ERR_IO, "no socket for a child process: %s", strerror(errno));
        return false;
    }
    pid_t parent = getpid();
    fflush(NULL);
    c->pid = fork();
    if (c->pid == 0) {
        si_report_worker_run(p->work, pair[1], parent);
    }
    close(pair[1]);
    if (c->pid < 0) {
        (void)si_fail(p->diag, SI_ERR_IO, "no child process: %s", strerror(errno));
        close(pair[0]);
        c->pid = 0;
        return false;
    }
    c->socket = pair[0];
    return true;
}

/* Ends a child, which may be dead already. Returns its wait status. */
static int stop(struct child *c) {
    int status = 0;
    kill(c->pid, SIGKILL);
    close(c->socket);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    *c = (struct child){0};
    return status;
}

/* What the death of a child says about the request it was working on. */
static void exit_reason(const si_report_work *work, int status, si_report_result *r) {
    *r = (si_report_result){.status = 500, .target = NAN, .score = NAN};
    int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal_number == SIGALRM || signal_number == SIGXCPU || signal_number == SIGKILL) {
        r->status = 503;
        snprintf(
            r->error, sizeof r->error, "took too long: not answered within %d s", work->timeout);
    } else if (signal_number != 0) {
        snprintf(r->error, sizeof r->error,
            "internal error: the process was ended by signal %d, %s", signal_number,
            strsignal(signal_number));
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == SI_REPORT_NOT_STARTED) {
        snprintf(r->error, sizeof r->error, "internal error: the process could not start");
    } else {
        snprintf(r->error, sizeof r->error, "internal error: the process ended without an answer");
    }
}

/* The child is gone, or nonsense: its job is over, whatever it was. */
static void reap(struct pool *p, struct child *c) {
    const si_report_job *job = c->job;
    si_report_picture none[2] = {{0}, {0}};
    si_report_result r;
    /* one that has died tells why; SIGKILL is for one that lives on */
    int status = 0;
    bool dead = waitpid(c->pid, &status, WNOHANG) == c->pid;
    for (int i = 0; !dead && i < 100; i++) { /* its socket closes a little before it is dead */
        poll(NULL, 0, 10);
        dead = waitpid(c->pid, &status, WNOHANG) == c->pid;
    }
    if (dead) {
        close(c->socket);
        *c = (struct child){0};
    } else {
        status = stop(c);
    }
    if (job != NULL) {
        exit_reason(p->work, status, &r);
        p->done(p->context, job, &r, none);
    }
}

/* ---- replies ---- */

/* Makes a text that came from a child what it should have been. */
static void tidy(char *text, size_t room) {
    text[room - 1] = '\0';
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            *c = ' ';
        }
    }
}

/* False if this cannot come from a child in its right mind: what works on hostile files is not
 * believed everything. */
static bool check(si_report_reply *reply) {
    si_report_result *r = &reply->result;
    tidy(r->settings, sizeof r->settings);
    tidy(r->error, sizeof r->error);
    bool ok = (unsigned)r->requested < SI_FORMAT_COUNT && (unsigned)r->sent < SI_FORMAT_COUNT &&
              r->requested_bytes >= 0 && r->requested_bytes < INT64_C(1) << 32 &&
              r->sent_bytes >= 0 && r->sent_bytes < INT64_C(1) << 32;
    for (int i = 0; i < 2; i++) {
        ok &= (unsigned)reply->pictures[i].format < SI_FORMAT_COUNT &&
              reply->pictures[i].len <= PICTURE_MAX;
    }
    return ok;
}

static bool receive_picture(int socket, const si_report_reply *reply, int i, si_report_picture *p) {
    *p = (si_report_picture){.format = reply->pictures[i].format,
        .reduced = reply->pictures[i].reduced,
        .reencoded = reply->pictures[i].reencoded};
    size_t len = (size_t)reply->pictures[i].len;
    if (len == 0) {
        return true;
    }
    p->file.data = malloc(len);
    p->file.len = p->file.cap = p->file.data != NULL ? len : 0;
    return p->file.data != NULL && si_report_read_all(socket, p->file.data, len);
}

/* Takes in a reply. A child that dies while it writes is as good as one that has not written. */
static void receive(struct pool *p, struct child *c) {
    si_report_reply reply;
    si_report_picture pictures[2] = {{0}, {0}};
    if (c->job != NULL && si_report_read_all(c->socket, &reply, sizeof reply) && check(&reply) &&
        receive_picture(c->socket, &reply, 0, &pictures[0]) &&
        receive_picture(c->socket, &reply, 1, &pictures[1])) {
        p->done(p->context, c->job, &reply.result, pictures);
        c->job = NULL;
    } else {
        reap(p, c);
    }
    si_bytes_free(&pictures[0].file);
    si_bytes_free(&pictures[1].file);
}

/* ---- the pool ---- */

/* Hands a job to an idle child, which is started if need be, or once more if it has died idle. */
static bool hand_out(struct pool *p, struct child *c, const si_report_job *job) {
    bool taken = false;
    for (int attempt = 0; attempt < 2 && !taken; attempt++) {
        if (c->pid == 0 && !start(p, c)) {
            return false;
        }
        c->job = job;
        c->kill_at_ns = si_now_ns() + (p->work->timeout + KILL_SLACK_SECONDS) * SI_SECOND;
        taken = si_report_write_all(c->socket, job, sizeof *job);
        if (!taken) {
            c->job = attempt == 0 ? NULL : job;
            reap(p, c);
        }
    }
    return true;
}

static int busy(const struct pool *p) {
    int n = 0;
    for (int i = 0; i < p->count; i++) {
        n += p->children[i].job != NULL;
    }
    return n;
}

/* Waits for replies, at most until the next tick. */
static void wait_for_replies(struct pool *p, const sigset_t *open) {
    struct pollfd fds[CHILDREN_MAX];
    for (int i = 0; i < p->count; i++) {
        const struct child *c = &p->children[i];
        fds[i] = (struct pollfd){.fd = c->job != NULL ? c->socket : -1, .events = POLLIN};
    }
    struct timespec tick = {0, TICK_MS * SI_MILLISECOND};
    int ready = ppoll(fds, (nfds_t)p->count, &tick, open);
    int64_t now = si_now_ns();
    for (int i = 0; i < p->count; i++) {
        struct child *c = &p->children[i];
        if (ready > 0 && fds[i].revents != 0) {
            receive(p, c);
        } else if (c->job != NULL && now > c->kill_at_ns) {
            kill(c->pid, SIGKILL);
        }
    }
}

static bool work_through(struct pool *p, const si_report_job *jobs, int count, si_report_tick tick,
    const sigset_t *open) {
    int next = 0;
    while ((next < count && signals == 0 && p->diag->code == SI_OK) || busy(p) > 0) {
        for (int i = 0; i < p->count && next < count && signals == 0; i++) {
            if (p->children[i].job == NULL && !hand_out(p, &p->children[i], &jobs[next++])) {
                break;
            }
        }
        wait_for_replies(p, open);
        tick(p->context);
        if (signals > 1) {
            return false;
        }
    }
    return next == count && p->diag->code == SI_OK;
}

bool si_report_pool_run(const si_report_work *work, const si_report_job *jobs, int count,
    int children, si_report_done done, si_report_tick tick, void *context, si_diag *diag) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    enum { CAUGHT = sizeof caught / sizeof *caught };
    struct pool p = {.work = work, .done = done, .context = context, .diag = diag};
    struct sigaction action = {.sa_handler = on_signal}, before[CAUGHT];
    sigset_t blocked, open;
    p.count = children < CHILDREN_MAX ? children : CHILDREN_MAX;
    sigemptyset(&blocked);
    for (int i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], &action, &before[i]);
        sigaddset(&blocked, caught[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &open); /* they get in while we wait for replies */
    signals = 0;
    bool all = work_through(&p, jobs, count, tick, &open);
    for (int i = 0; i < p.count; i++) {
        if (p.children[i].pid != 0) {
            stop(&p.children[i]);
        }
    }
    sigprocmask(SIG_SETMASK, &open, NULL);
    for (int i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], &before[i], NULL);
    }
    return all;
}
