#include "renderer/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pool_status.h"
#include "base/sanitize.h"
#include "process/supervise.h"
#include "renderer/admission.h"
#include "renderer/downloads.h"
#include "renderer/overdue.h"
#include "renderer/renderer_end.h"
#include "renderer/worker.h"
#include "source/broker.h"
#include "source/fetcher.h"
#include "source/origins.h"
#include "catalog/origins.h"

enum {
    START_MS = 10000, /* for a worker to load its libraries */
    WATCH_MS = 250    /* how often the watchdog looks */
};

/* One slot in the pool. */
typedef struct pool_slot {
    si_process process;   /* its socket is our end of the broker's */
    si_worker_slot *slot; /* shared with the worker in this slot */
    bool killed;          /* by the watchdog; say so only once */
    si_worker_watch watch;
} pool_slot;

typedef struct pool {
    si_pool_options options;
    int root_fd, uploads_fd; /* the latter −1 without uploads */
    int signals;
    int refinement_slots;  /* see si_worker_run() */
    int asking, answering; /* the fetcher's sockets: kept, so that questions survive it */
    si_process fetcher;
    si_catalog *catalog;                   /* with the origins alone; NULL = there are none */
    int asking_origins, answering_origins; /* the same of the origins process */
    si_process origins, origins_before;    /* the latter has been told to end */
    int handing[SI_DOWNLOADS_KINDS],
        taking[SI_DOWNLOADS_KINDS]; /* requests with their downloads: kept, so that they survive who
hands them over; −1 without a lane for them */
    si_process downloads;
    pool_slot slots[SI_POOL_WORKERS_MAX];
    unsigned said[SI_RENDERER_SPARED_COUNT]; /* of the counters in tell_what_was_spared() */
    si_pool_status unread;                   /* what nobody reads is told here */
    int64_t stop_by_ns;                      /* 0 = not stopping */
} pool;

static void say(const char *fmt, ...) SI_PRINTF(1, 2);

static void say(const char *fmt, ...) {
    char line[1400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c; /* recipes come from outside */
    }
    dprintf(STDERR_FILENO, "smartimg: renderer: %s\n", line);
}

/* ---- workers ---- */

/* What a fresh child is made from. */
typedef struct start {
    pool *pool;
    pool_slot *own; /* NULL = no worker, so it has none */
} start;

/* In the fresh child: nothing of the other workers may stay, neither their pages nor (closed by
 * si_worker_run) their sockets, or they would not notice the end of the pool. */
static void forget_others(pool *p, const pool_slot *own) {
    for (int i = 0; i < p->options.workers; i++) {
        if (&p->slots[i] != own) {
            munmap(p->slots[i].slot, sizeof *p->slots[i].slot);
        }
    }
}

static void become_worker(void *context, int socket, pid_t parent) {
    const start *s = context;
    const pool *p = s->pool;
    forget_others(s->pool, s->own);
    si_worker_run(&p->options, socket, p->asking, p->asking_origins, p->refinement_slots, p->taking,
        s->own->slot, parent);
}

static void become_fetcher(void *context, int socket, pid_t parent) {
    const start *s = context;
    (void)socket;
    static si_admission admission; /* of this process alone: no renderer has the key */
    const si_pool_options *o = &s->pool->options;
    si_fetcher_guard guard = {si_admission_admits, &admission};
    forget_others(s->pool, NULL);
    if (!si_admission_read(o->seal_key, &admission)) {
        say("the fetcher cannot read its key: %s", strerror(errno));
        _exit(1);
    }
    si_fetcher_run(&o->fetch, &guard, s->pool->answering, o->sandbox, parent);
}

static void become_origins(void *context, int socket, pid_t parent) {
    const start *s = context;
    (void)socket;
    static si_admission admission;
    const si_pool_options *o = &s->pool->options;
    si_origins_options options = {.origins = si_catalog_origins(s->pool->catalog),
        .guard = {si_admission_admits, &admission},
        .cache = o->originals_bytes > 0 ? o->originals : NULL,
        .cache_bytes = o->originals_bytes,
        .cache_free = o->originals_free,
        .keys = o->keys,
        .sandbox = o->sandbox};
    forget_others(s->pool, NULL);
    if (!si_admission_read(o->seal_key, &admission)) {
        say("the origins process cannot read its key: %s", strerror(errno));
        _exit(1);
    }
    si_origins_run(&options, o->origins_fd, s->pool->answering_origins, parent);
}

static void become_downloads(void *context, int socket, pid_t parent) {
    const start *s = context;
    (void)socket;
    forget_others(s->pool, NULL);
    si_downloads_run(
        &s->pool->options, s->pool->asking, s->pool->asking_origins, s->pool->handing, parent);
}

static const si_process_kind worker_kind = {.become = become_worker,
    .socket_type = SOCK_SEQPACKET,
    .quick_death_ms = 100,
    .free_deaths = 1,
    .first_wait_ms = 50,
    .most_wait_ms = 1000};
static const si_process_kind fetcher_kind = {
    .become = become_fetcher, .quick_death_ms = 1000, .first_wait_ms = 1000, .most_wait_ms = 1000};
static const si_process_kind downloads_kind = {.become = become_downloads,
    .quick_death_ms = 1000,
    .free_deaths = 1,
    .first_wait_ms = 1000,
    .most_wait_ms = 1000};

static const si_process_kind origins_kind = {.become = become_origins,
    .quick_death_ms = 1000,
    .free_deaths = 1,
    .first_wait_ms = 200,
    .most_wait_ms = 2000};

static void start_worker(pool *p, pool_slot *w) {
    start s = {p, w};
    atomic_store(&w->slot->kill_at_ns, si_now_ns() + START_MS * SI_MILLISECOND);
    w->slot->recipe[0] = w->slot->id[0] = '\0';
    w->killed = false;
    w->watch = (si_worker_watch){.started_ns = si_now_ns()};
    if (!si_process_start(&w->process, &worker_kind, &s)) {
        say("cannot start a worker: %s", strerror(errno));
    }
}

/* Somebody wants what the fetcher or the downloads process is for. */
static void start_other(pool *p, si_process *process, const si_process_kind *kind) {
    start s = {p, NULL};
    if (!si_process_start(process, kind, &s)) {
        say("cannot fork for downloads: %s", strerror(errno));
    }
}

/* It has ended. Those who wait for it know by their sockets. */
static void reap_other(
    pool *p, si_process *process, const si_process_kind *kind, si_pool_helper helper, int status) {
    static const char *const names[] = {[SI_POOL_HELPER_FETCHER] = "fetcher of foreign images",
        [SI_POOL_HELPER_DOWNLOADS] = "downloads process of foreign images",
        [SI_POOL_HELPER_ORIGINS] = "origins process"};
    const char *name = names[helper];
    si_process_ended(process, kind, status == 0 ? SI_END_ORDERLY : SI_END_BY_AGE);
    if (status != 0) {
        atomic_fetch_add(&p->options.status->helper_ends[helper], 1);
        say("the %s ended %s %d", name, WIFSIGNALED(status) ? "by signal" : "with status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

/* What a worker is at work on: " of request ID on RECIPE", as far as it is known. A worker that is
 * out of its mind may have written anything there. */
typedef struct work_text {
    char text[sizeof((si_worker_slot *)0)->recipe + sizeof((si_worker_slot *)0)->id + 20];
} work_text;

static const char *work_of(const pool_slot *w, work_text *out) {
    const si_worker_slot *s = w->slot;
    int id = (int)strnlen(s->id, sizeof s->id - 1);
    int recipe = (int)strnlen(s->recipe, sizeof s->recipe - 1);
    snprintf(out->text, sizeof out->text, "%s%.*s%s%.*s", id > 0 ? " of request " : "", id, s->id,
        recipe > 0 ? " on " : "", recipe, s->recipe);
    return out->text;
}

static void say_how_it_ended(const pool_slot *w, int status) {
    pid_t pid = w->process.pid;
    char reason[SI_EXIT_REASON_MAX];
    work_text work = {0};
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (code == SI_WORKER_NO_MEMORY) {
        say("worker %d crashed, having run out of memory%s", pid, work_of(w, &work));
    } else if (code == SI_WORKER_CUT_SHORT + SIGALRM || code == SI_WORKER_CUT_SHORT + SIGXCPU) {
        say("worker %d ran out of time%s", pid, work_of(w, &work));
    } else if (code > SI_WORKER_CUT_SHORT && code < SI_WORKER_CUT_SHORT + 65) {
        say("worker %d crashed (%s)%s", pid, strsignal(code - SI_WORKER_CUT_SHORT),
            work_of(w, &work));
    } else if (status != 0) {
        say("worker %d %s%s", pid, si_exit_reason(status, reason), work_of(w, &work));
    }
}

static void kill_all(pool *p, int signal_number);
static void shut_listeners(const pool *p, bool foreign);

static void reap_one(void *context, pid_t pid, int status) {
    pool *p = context;
    if (pid == p->fetcher.pid) {
        reap_other(p, &p->fetcher, &fetcher_kind, SI_POOL_HELPER_FETCHER, status);
        return;
    }
    if (pid == p->origins.pid) {
        reap_other(p, &p->origins, &origins_kind, SI_POOL_HELPER_ORIGINS, status);
        return;
    }
    if (pid == p->origins_before.pid) {
        reap_other(p, &p->origins_before, &origins_kind, SI_POOL_HELPER_ORIGINS, status);
        return;
    }
    if (pid == p->downloads.pid) {
        reap_other(p, &p->downloads, &downloads_kind, SI_POOL_HELPER_DOWNLOADS, status);
        if (p->stop_by_ns != 0) {
            shut_listeners(p, false);
            kill_all(p, SIGTERM); /* nothing more is handed over */
        }
        return;
    }
    for (int i = 0; i < p->options.workers; i++) {
        pool_slot *w = &p->slots[i];
        if (w->process.pid == pid) {
            bool started = !WIFEXITED(status) || WEXITSTATUS(status) != SI_WORKER_NOT_STARTED;
            say_how_it_ended(w, status);
            atomic_fetch_add(&p->options.status->ends[si_renderer_end_of(status, w->killed)], 1);
            si_process_ended(&w->process, &worker_kind,
                status == 0 ? SI_END_ORDERLY
                : started   ? SI_END_BY_AGE
                            : SI_END_NOT_STARTED);
            return;
        }
    } /* else a stray child of whoever called us */
}

static void kill_all(pool *p, int signal_number) {
    for (int i = 0; i < p->options.workers; i++) {
        if (p->slots[i].process.pid > 0) {
            kill(p->slots[i].process.pid, signal_number);
        }
    }
}

/* Ends the listeners on TCP, that of foreign images or the others: nobody is to take what still
 * comes, and the edge goes elsewhere. */
static void shut_listeners(const pool *p, bool foreign) {
    for (int i = 0; i < SI_LANE_COUNT && !p->options.shared_listener; i++) {
        struct sockaddr_storage a = {0};
        socklen_t len = sizeof a;
        int fd = p->options.listen_fds[i];
        if (fd >= 0 && (i == SI_LANE_FOREIGN) == foreign &&
            getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.ss_family != AF_UNIX) {
            shutdown(fd, SHUT_RDWR);
        }
    }
}

/* Stops taking requests; workers end after what they have begun, and after the downloads process,
 * which ends when it has handed all its requests over. Those that already wait in the queue of a
 * Unix socket are still served: nobody can join them once its path is gone. */
static void begin_stop(pool *p) {
    if (p->stop_by_ns != 0) {
        return;
    }
    p->stop_by_ns = si_now_ns() + SI_POOL_DRAIN_MS * SI_MILLISECOND;
    for (int i = 0; i < SI_LANE_COUNT && p->options.socket_path != NULL; i++) {
        char path[SI_LANE_PATH_MAX];
        unlink(si_pool_lane_path(p->options.socket_path, (si_lane)i, path));
    }
    shut_listeners(p, true);
    if (p->downloads.pid > 0) { /* workers take what it hands over until then */
        kill(p->downloads.pid, SIGTERM);
    } else {
        shut_listeners(p, false);
        kill_all(p, SIGTERM);
    }
}

/* Reads the origins of the configuration; those of before stay if it has mistakes. False then. */
static bool load_origins(pool *p) {
    si_pool_options *o = &p->options;
    si_catalog *catalog;
    si_diag diag = {0};
    if (si_catalog_load_origins(o->config, NULL, NULL, &catalog, &diag) != SI_OK) {
        say("sources: %s", diag.text);
        return false;
    }
    si_catalog_free(p->catalog);
    p->catalog = catalog;
    si_origins all = si_catalog_origins(catalog);
    o->origin_ms = 0;
    for (int i = 0; i < all.count; i++) {
        int ms = all.items[i]->total_ms;
        o->origin_ms = ms > o->origin_ms ? ms : o->origin_ms;
    }
    return true;
}

/* The configuration may have changed: a process that asks origins from now on has the new one, and
 * the keys as their files are now. The one of before ends what renderers wait for. */
static void renew_origins(pool *p) {
    if (!load_origins(p) || p->origins.pid == 0) {
        return;
    }
    if (p->origins_before.pid > 0) {
        kill(p->origins_before.pid, SIGKILL);
        (void)waitpid(p->origins_before.pid, NULL, 0);
    }
    kill(p->origins.pid, SIGTERM);
    p->origins_before = p->origins;
    p->origins = (si_process){.pid = 0};
}

static void read_signals(pool *p) {
    struct signalfd_siginfo s;
    while (read(p->signals, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGHUP) {
            renew_origins(p);
        } else if (s.ssi_signo != SIGCHLD) {
            begin_stop(p);
        }
    }
    si_reap_children(reap_one, p); /* whatever woke us: signals of one kind melt into one */
}

/* Says what the workers have answered without a render since it was said last: a line every
 * WATCH_MS at most, however many requests there are. */
static void tell_what_was_spared(pool *p) {
    static const char *const why[] = {
        [SI_RENDERER_SPARED_DROPPED] = "dropped, as their clients had gone",
        [SI_RENDERER_SPARED_LATE] = "refused, as they had waited too long for a renderer",
        [SI_RENDERER_SPARED_DEFERRED] = "deferred, being refinements"};
    unsigned now[SI_RENDERER_SPARED_COUNT] = {0};
    for (int i = 0; i < p->options.workers; i++) {
        si_worker_slot *s = p->slots[i].slot;
        now[SI_RENDERER_SPARED_DROPPED] += atomic_load(&s->dropped);
        now[SI_RENDERER_SPARED_LATE] += atomic_load(&s->late);
        now[SI_RENDERER_SPARED_DEFERRED] += atomic_load(&s->deferred);
    }
    for (int i = 0; i < SI_RENDERER_SPARED_COUNT; i++) {
        if (now[i] != p->said[i]) {
            say("requests %s: %u", why[i], now[i] - p->said[i]);
            atomic_fetch_add(&p->options.status->spared[i], now[i] - p->said[i]);
            p->said[i] = now[i];
        }
    }
}

/* Tells how many renderers there are now, and that the pool lives. */
static void tell_state(const pool *p, int alive) {
    si_pool_status *s = p->options.status;
    unsigned busy = 0;
    for (int i = 0; i < p->options.workers; i++) {
        busy += p->slots[i].process.pid > 0 && p->slots[i].slot->recipe[0] != '\0';
    }
    atomic_store(&s->wanted, (unsigned)p->options.workers);
    atomic_store(&s->up, (unsigned)alive);
    atomic_store(&s->busy, busy);
    atomic_store(&s->seen_ns, si_now_ns());
}

/* Ends a worker that it is time for. */
static void end_overdue(const pool *p, pool_slot *w, int64_t now) {
    static const char *const why[] = {[SI_OVERDUE_KILL] = "does not end in time",
        [SI_OVERDUE_HELD] = "has been at work for longer than any request takes",
        [SI_OVERDUE_STAYS] = "does not end of age"};
    int64_t kill_at = atomic_load(&w->slot->kill_at_ns);
    si_overdue how = si_worker_overdue(&w->watch, &p->options, kill_at, now);
    if (how == SI_OVERDUE_OLD) {
        kill(w->process.pid, SIGTERM);
    } else if (how != SI_OVERDUE_NOT) {
        work_text work = {0};
        say("worker %d %s, killing it%s", w->process.pid, why[how], work_of(w, &work));
        w->killed = true;
        kill(w->process.pid, SIGKILL);
    }
}

/* Kills what overran its time, fills empty slots. Returns how many workers live. */
static int watch(pool *p) {
    int64_t now = si_now_ns();
    int alive = 0;
    for (int i = 0; i < p->options.workers; i++) {
        pool_slot *w = &p->slots[i];
        if (w->process.pid > 0 && !w->killed) {
            end_overdue(p, w, now);
        }
        if (w->process.pid == 0 && p->stop_by_ns == 0 && now >= w->process.start_at_ns) {
            start_worker(p, w);
        }
        alive += w->process.pid > 0;
    }
    tell_state(p, alive);
    return alive;
}

static int wait_ms(const pool *p) {
    int64_t until = si_now_ns() + WATCH_MS * SI_MILLISECOND;
    for (int i = 0; i < p->options.workers && p->stop_by_ns == 0; i++) {
        until = si_process_start_before(&p->slots[i].process, until);
    }
    return si_until_ms(until);
}

/* What tells that somebody wants a process which does not run and may be started. */
static struct pollfd when_wanted(const si_process *process, int fd) {
    bool may_start = process->pid == 0 && si_now_ns() >= process->start_at_ns;
    return (struct pollfd){.fd = may_start ? fd : -1, .events = POLLIN};
}

/* Waits for signals and for workers that want a file, and serves them. */
static void attend(pool *p) {
    struct pollfd fds[5 + SI_POOL_WORKERS_MAX];
    pool_slot *of[1 + SI_POOL_WORKERS_MAX];
    nfds_t n = 1;
    fds[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
    for (int i = 0; i < p->options.workers; i++) {
        if (p->slots[i].process.pid > 0) {
            of[n] = &p->slots[i];
            fds[n++] = (struct pollfd){.fd = p->slots[i].process.socket, .events = POLLIN};
        }
    }
    fds[n] = when_wanted(&p->fetcher, p->answering);
    fds[n + 1] = when_wanted(&p->downloads, p->options.listen_fds[SI_LANE_FOREIGN]);
    fds[n + 2] = when_wanted(&p->origins, p->answering_origins);
    fds[n + 3] = when_wanted(&p->origins, p->options.origins_fd);
    if (poll(fds, n + 4, wait_ms(p)) <= 0) {
        return;
    }
    if (fds[n].revents != 0) {
        start_other(p, &p->fetcher, &fetcher_kind);
    }
    if (fds[n + 1].revents != 0) {
        start_other(p, &p->downloads, &downloads_kind);
    }
    if (fds[n + 2].revents != 0 || fds[n + 3].revents != 0) {
        start_other(p, &p->origins, &origins_kind);
    }
    for (nfds_t i = 1; i < n; i++) {
        if (fds[i].revents != 0 && !si_broker_answer(fds[i].fd, p->root_fd, p->uploads_fd)) {
            kill(of[i]->process.pid, SIGKILL); /* it has closed its end, so it is ending anyway */
        }
    }
    if (fds[0].revents != 0) {
        read_signals(p);
    }
}

static void set_defaults(si_pool_options *o) {
    o->workers = o->workers == SI_POOL_NO_WORKERS ? 0
                 : o->workers > 0                 ? o->workers
                                                  : si_processor_count();
    o->workers = o->workers < SI_POOL_WORKERS_MAX ? o->workers : SI_POOL_WORKERS_MAX;
    o->memory = o->memory > 0 ? o->memory : SI_POOL_MEMORY;
    o->cpu_seconds = o->cpu_seconds > 0 ? o->cpu_seconds : SI_POOL_CPU_SECONDS;
    o->wall_ms = o->wall_ms > 0 ? o->wall_ms : SI_POOL_WALL_MS;
    o->reply_bytes = o->reply_bytes > 0 ? o->reply_bytes : SI_POOL_REPLY_BYTES;
    o->queue_ms = o->queue_ms > 0 ? o->queue_ms : SI_POOL_QUEUE_MS;
    o->fetch = si_fetch_options_or_default(&o->fetch);
    o->limits.max_ms = o->wall_ms < o->cpu_seconds * 1000 ? o->wall_ms : o->cpu_seconds * 1000;
    o->limits.max_bytes = o->memory;
}

static bool prepare(pool *p, const si_pool_options *options) {
    static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP};
    si_pool_options *o = &p->options;
    *o = *options;
    set_defaults(o);
    if (!load_origins(p)) {
        return false;
    }
    p->root_fd = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->root_fd < 0) {
        say("cannot open folder %s: %s", o->root, strerror(errno));
        return false;
    }
    p->uploads_fd = o->uploads != NULL ? open(o->uploads, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (o->uploads != NULL && p->uploads_fd < 0) {
        say("cannot open folder %s: %s", o->uploads, strerror(errno));
        return false;
    }
    if (o->status == NULL) {
        o->status = &p->unread;
    } else if (madvise(o->status, sizeof *o->status, MADV_DONTFORK) != 0) {
        say("cannot keep renderers from what is told of them: %s", strerror(errno));
        return false;
    }
    atomic_fetch_add(&o->status->starts, 1);
    for (int i = 0; i < o->workers; i++) {
        pool_slot *w = &p->slots[i];
        w->slot =
            mmap(NULL, sizeof *w->slot, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (w->slot == MAP_FAILED) {
            say("no memory for %d workers", o->workers);
            return false;
        }
    }
    /* a TCP listener that is shut down, or a worker that was faster, must not leave one blocked */
    for (int i = 0; i < SI_LANE_COUNT; i++) {
        int fd = o->listen_fds[i];
        if (fd >= 0) {
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        }
    }
    if (o->check_seals && !si_admission_render_key(o->seal_key, o->render_key)) {
        say("cannot read the key of seals: %s", strerror(errno));
        return false;
    }
    signal(SIGUSR1, SIG_IGN); /* for nginx, but it may be sent to all processes */
    p->signals = si_signal_descriptor(signals, sizeof signals / sizeof *signals);
    if (p->signals < 0) {
        say("no signal descriptor: %s", strerror(errno));
        return false;
    }
    p->refinement_slots = memfd_create("smartimg-refinement-slots", MFD_CLOEXEC);
    if (p->refinement_slots < 0) {
        say("no refinement slots: %s", strerror(errno));
        return false;
    }
    if (!si_fetcher_sockets(&p->asking, &p->answering) ||
        !si_fetcher_sockets(&p->asking_origins, &p->answering_origins)) {
        say("no sockets for a fetcher: %s", strerror(errno));
        return false;
    }
    for (int i = 0; i < SI_DOWNLOADS_KINDS; i++) {
        p->handing[i] = p->taking[i] = -1;
        if (o->listen_fds[SI_LANE_FOREIGN] >= 0 &&
            !si_downloads_sockets(&p->handing[i], &p->taking[i])) {
            say("no sockets for downloads: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

int si_pool_run(const si_pool_options *options) {
    static pool p; /* one per process */
    prctl(PR_SET_NAME, "smartimg-pool", 0, 0, 0);
    if (!prepare(&p, options)) {
        return 1;
    }
    if (!SI_SANITIZED && options->sandbox != SI_SANDBOX_OFF) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no other process looks into it */
    }
    while (watch(&p) > 0 || p.stop_by_ns == 0) {
        tell_what_was_spared(&p);
        if (p.stop_by_ns != 0 && si_now_ns() > p.stop_by_ns) {
            kill_all(&p, SIGKILL);
        }
        attend(&p);
    }
    tell_what_was_spared(&p);
    return 0;
}
