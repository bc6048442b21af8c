#include "cli/report/report_pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/report/report_plan.h"
#include "process/supervise.h"
#include "source/broker.h"

enum {
    TICK_MS = 200,
    KILL_SLACK_SECONDS = 5,
    DEATH_MS = 1000,    /* for a child to be dead whose socket has closed */
    STALL_SECONDS = 10, /* a child that stops in the middle of a question or a reply is killed */
    CHILDREN_MAX = 256
};
#define PICTURE_MAX (UINT64_C(256) << 20) /* bytes; more is nothing a sane child sends */

struct child {
    si_process process;
    int broker;               /* our end; counts while the process runs */
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

/* What a fresh child is made from. */
struct start {
    const si_report_work *work;
    int broker;
};

static void become_child(void *context, int socket, pid_t parent) {
    const struct start *s = context;
    si_report_worker_run(s->work, socket, s->broker, parent);
}

/* A child is not started again for itself, but when there is a job. */
static const si_process_kind child_kind = {.become = become_child, .socket_type = SOCK_STREAM};

static bool start(struct pool *p, struct child *c) {
    struct timeval stall = {.tv_sec = STALL_SECONDS};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)si_fail(p->diag, SI_ERR_IO, "no socket for a child process: %s", strerror(errno));
        return false;
    }
    struct start s = {p->work, pair[1]};
    fflush(NULL);
    bool started = si_process_start(&c->process, &child_kind, &s);
    if (!started) {
        (void)si_fail(p->diag, SI_ERR_IO, "no child process: %s", strerror(errno));
        close(pair[0]);
    } else {
        setsockopt(c->process.socket, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof stall);
        setsockopt(c->process.socket, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof stall);
        c->broker = pair[0];
    }
    close(pair[1]);
    return started;
}

/* Ends a child, which may be dead already or is given `grace_ms` to die. Returns its wait status.
 */
static int stop(struct child *c, int grace_ms) {
    int status = si_process_finish(&c->process, grace_ms);
    close(c->broker);
    c->job = NULL;
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
    int status = stop(c, DEATH_MS);
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

/* False if no child that works as written sends this. Children read hostile files, so their parent
 * checks what they send. */
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
    if (c->job != NULL && si_report_read_all(c->process.socket, &reply, sizeof reply) &&
        check(&reply) && receive_picture(c->process.socket, &reply, 0, &pictures[0]) &&
        receive_picture(c->process.socket, &reply, 1, &pictures[1])) {
        p->done(p->context, c->job, &reply.result, pictures);
        c->job = NULL;
    } else {
        reap(p, c);
    }
    si_bytes_free(&pictures[0].file);
    si_bytes_free(&pictures[1].file);
}

/* ---- the pool ---- */

static bool ask(struct child *c, const si_report_job *job, const si_plan *plan, double ms) {
    si_report_question q;
    size_t len = strlen(plan->recipe_text);
    assert(len > 0 && len <= SI_RECIPE_TEXT_MAX);
    memset(&q, 0, sizeof q); /* padding goes over the wire, too */
    q.job = *job;
    q.recipe_len = (int)len;
    q.ms = ms;
    return si_report_write_all(c->process.socket, &q, sizeof q) &&
           si_report_write_all(c->process.socket, plan->recipe_text, len);
}

/* Hands a planned job to an idle child, which is started if need be, or once more if it has died
 * idle. */
static bool hand_over(
    struct pool *p, struct child *c, const si_report_job *job, const si_plan *plan, double ms) {
    bool taken = false;
    for (int attempt = 0; attempt < 2 && !taken; attempt++) {
        if (c->process.pid == 0 && !start(p, c)) {
            return false;
        }
        c->job = job;
        c->kill_at_ns = si_now_ns() + (p->work->timeout + KILL_SLACK_SECONDS) * SI_SECOND;
        taken = ask(c, job, plan, ms);
        if (!taken) {
            c->job = attempt == 0 ? NULL : job;
            reap(p, c);
        }
    }
    return true;
}

/* Does a job, with a child if there is an image to be made. */
static bool hand_out(struct pool *p, struct child *c, const si_report_job *job) {
    si_report_picture none[2] = {{0}, {0}};
    si_report_result r;
    si_exchange x;
    if (!si_report_plan(p->work, &p->work->list->rows[job->row], &x, &r)) {
        p->done(p->context, job, &r, none);
        return true;
    }
    bool ok = hand_over(p, c, job, &x.plan, r.ms);
    si_exchange_end(&x);
    return ok;
}

static int busy(const struct pool *p) {
    int n = 0;
    for (int i = 0; i < p->count; i++) {
        n += p->children[i].job != NULL;
    }
    return n;
}

/* Waits for replies and questions about files, at most until the next tick; not at all if there is
 * more to hand out. */
static void attend(struct pool *p, bool more, const sigset_t *open) {
    struct pollfd fds[2 * CHILDREN_MAX];
    for (int i = 0; i < p->count; i++) {
        const struct child *c = &p->children[i];
        bool at_work = c->job != NULL;
        fds[i] = (struct pollfd){.fd = at_work ? c->process.socket : -1, .events = POLLIN};
        fds[p->count + i] = (struct pollfd){.fd = at_work ? c->broker : -1, .events = POLLIN};
    }
    struct timespec tick = {0, more ? 0 : TICK_MS * SI_MILLISECOND};
    int ready = ppoll(fds, 2 * (nfds_t)p->count, &tick, open);
    int64_t now = si_now_ns();
    for (int i = 0; i < p->count; i++) {
        struct child *c = &p->children[i];
        if (ready > 0 && fds[p->count + i].revents != 0 &&
            !si_broker_answer(c->broker, p->work->root, -1)) {
            kill(c->process.pid, SIGKILL); /* it has closed its end, so it is ending anyway */
        }
        if (ready > 0 && fds[i].revents != 0) {
            receive(p, c);
        } else if (c->job != NULL && now > c->kill_at_ns) {
            kill(c->process.pid, SIGKILL);
        }
    }
}

static int idle(const struct pool *p) {
    return p->count - busy(p);
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
        bool more = next < count && signals == 0 && p->diag->code == SI_OK && idle(p) > 0;
        attend(p, more, open);
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
    assert(diag != NULL); /* it also says that jobs are to end */
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
        if (p.children[i].process.pid > 0) {
            stop(&p.children[i], 0);
        }
    }
    sigprocmask(SIG_SETMASK, &open, NULL);
    for (int i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], &before[i], NULL);
    }
    return all;
}
