#include "renderer/pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "renderer/worker.h"
#include "source/broker.h"
#include "source/fetcher.h"

enum {
    BACKLOG = 1024,   /* waiting connections, as far as the system allows */
    START_MS = 10000, /* for a worker to load its libraries */
    WATCH_MS = 250,   /* how often the watchdog looks */
    QUICK_DEATH_MS =
        100, /* a worker that ends sooner after its start counts as not having started */
    BACKOFF_FIRST_MS = 50, /* wait before the third start in a row; doubles from then on */
    BACKOFF_MAX_MS = 1000
};

/* One slot in the pool. */
typedef struct pool_slot {
    pid_t pid;            /* 0 = empty */
    int broker;           /* our end of the pair, −1 if empty */
    si_worker_slot *slot; /* shared with the worker in this slot */
    bool killed;          /* by the watchdog; say so only once */
    int64_t started_ns;
    int64_t start_at_ns; /* when an empty slot may be filled */
    int quick_deaths;    /* in a row */
} pool_slot;

typedef struct pool {
    si_pool_options options;
    int root_fd, signals;
    int refinement_slots;  /* see si_worker_run() */
    int asking, answering; /* the fetcher's sockets: kept, so that questions survive it */
    pid_t fetcher;         /* 0 = none runs */
    int64_t fetch_at_ns;   /* when the next may start */
    pool_slot slots[SI_POOL_WORKERS_MAX];
    int64_t stop_by_ns; /* 0 = not stopping */
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

/* ---- listening ---- */

static int listen_unix(const char *path, si_diag *diag) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        si_fail(diag, SI_ERR_SYNTAX, "socket path %s is longer than %zu bytes", path,
            sizeof a.sun_path - 1);
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        si_fail(diag, SI_ERR_IO, "socket %s is in use", path);
        close(fd);
        return -1;
    }
    struct stat s;
    if (errno == ECONNREFUSED && lstat(path, &s) == 0 && S_ISSOCK(s.st_mode)) {
        unlink(path);
    }
    mode_t mask = umask(0177);
    int bound = fd >= 0 ? bind(fd, (struct sockaddr *)&a, sizeof a) : -1;
    umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0) {
        si_fail(diag, SI_ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static int listen_tcp(const char *address, si_diag *diag) {
    char host[256];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || (size_t)(colon - address) >= sizeof host) {
        si_fail(diag, SI_ERR_SYNTAX, "%s is neither ADDR:PORT nor the path of a socket", address);
        return -1;
    }
    bool brackets = address[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * brackets, address + brackets);
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM,
                                      .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    int e = getaddrinfo(host, colon + 1, &hints, &list);
    if (e != 0) {
        si_fail(diag, SI_ERR_SYNTAX, "%s is no address and port: %s", address, gai_strerror(e));
        return -1;
    }
    int yes = 1;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE) {
            si_fail(diag, SI_ERR_IO, "port %s is in use", address);
        } else {
            si_fail(diag, SI_ERR_IO, "cannot listen on %s: %s", address, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

int si_pool_listen(const char *address, si_diag *diag) {
    return strchr(address, '/') != NULL ? listen_unix(address, diag) : listen_tcp(address, diag);
}

/* ---- workers ---- */

static int processors(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > SI_POOL_WORKERS_MAX ? SI_POOL_WORKERS_MAX : n;
}

/* In the fresh child: nothing of the other workers may stay, neither their pages nor (closed by
 * si_worker_run) their sockets, or they would not notice the end of the pool. */
static _Noreturn void become_worker(pool *p, pool_slot *own, int broker, pid_t parent) {
    for (int i = 0; i < p->options.workers; i++) {
        if (&p->slots[i] != own) {
            munmap(p->slots[i].slot, sizeof *p->slots[i].slot);
        }
    }
    si_worker_run(&p->options, broker, p->asking, p->refinement_slots, own->slot, parent);
}

static void start_worker(pool *p, pool_slot *w) {
    int pair[2];
    pid_t self = getpid();
    w->started_ns = si_now_ns();
    w->start_at_ns =
        w->started_ns + BACKOFF_MAX_MS * SI_MILLISECOND; /* if this does not work out */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        say("no socket for a worker: %s", strerror(errno));
        return;
    }
    atomic_store(&w->slot->kill_at_ns, w->started_ns + START_MS * SI_MILLISECOND);
    w->slot->recipe[0] = '\0';
    w->pid = fork();
    if (w->pid == 0) {
        become_worker(p, w, pair[1], self);
    }
    close(pair[1]);
    if (w->pid < 0) {
        say("cannot fork a worker: %s", strerror(errno));
        w->pid = 0;
        close(pair[0]);
        return;
    }
    w->broker = pair[0];
    w->killed = false;
}

/* Somebody wants a foreign image. */
static void start_fetcher(pool *p) {
    pid_t self = getpid(), pid = fork();
    if (pid == 0) {
        for (int i = 0; i < p->options.workers; i++) {
            munmap(p->slots[i].slot, sizeof *p->slots[i].slot);
        }
        si_fetcher_run(&p->options.fetch, p->answering, self);
    }
    p->fetch_at_ns = si_now_ns() + BACKOFF_MAX_MS * SI_MILLISECOND; /* if it fails */
    if (pid < 0) {
        say("cannot fork a fetcher: %s", strerror(errno));
        return;
    }
    p->fetcher = pid;
}

/* The fetcher has ended. Those who wait for it know by their sockets. */
static void reap_fetcher(pool *p, int status) {
    p->fetcher = 0;
    if (status == 0) {
        p->fetch_at_ns = 0;
    } else {
        say("the fetcher of foreign images ended %s %d",
            WIFSIGNALED(status) ? "by signal" : "with status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static pool_slot *slot_of(pool *p, pid_t pid) {
    for (int i = 0; i < p->options.workers; i++) {
        if (p->slots[i].pid == pid) {
            return &p->slots[i];
        }
    }
    return NULL;
}

static void say_how_it_ended(const pool_slot *w, int status) {
    const char *on = w->slot->recipe[0] != '\0' ? " on " : "";
    char recipe[sizeof w->slot->recipe];
    memcpy(recipe, w->slot->recipe, sizeof recipe);
    recipe[sizeof recipe - 1] = '\0';
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (code == SI_WORKER_CUT_SHORT + SIGALRM || code == SI_WORKER_CUT_SHORT + SIGXCPU) {
        say("worker %d ran out of time%s%s", w->pid, on, recipe);
    } else if (code > SI_WORKER_CUT_SHORT && code < SI_WORKER_CUT_SHORT + 65) {
        say("worker %d crashed (%s)%s%s", w->pid, strsignal(code - SI_WORKER_CUT_SHORT), on,
            recipe);
    } else if (WIFSIGNALED(status)) {
        say("worker %d was killed (%s)%s%s", w->pid, strsignal(WTERMSIG(status)), on, recipe);
    } else if (code != 0) {
        say("worker %d ended with status %d%s%s", w->pid, code, on, recipe);
    }
}

/* A worker has ended: empties its slot and says when it may be filled again. */
static void reap_worker(pool_slot *w, int status) {
    int64_t now = si_now_ns();
    say_how_it_ended(w, status);
    close(w->broker);
    w->broker = -1;
    w->pid = 0;
    w->start_at_ns = now;
    bool started = !WIFEXITED(status) || WEXITSTATUS(status) != SI_WORKER_NOT_STARTED;
    if (started && (status == 0 || now - w->started_ns >= QUICK_DEATH_MS * SI_MILLISECOND)) {
        w->quick_deaths = 0;
        return;
    }
    w->quick_deaths++;
    int64_t wait = 0;
    for (int i = 2; i <= w->quick_deaths && wait < BACKOFF_MAX_MS; i++) {
        wait = wait == 0 ? BACKOFF_FIRST_MS : 2 * wait;
    }
    w->start_at_ns += (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS) * SI_MILLISECOND;
}

static void reap(pool *p) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        pool_slot *w = slot_of(p, pid);
        if (pid == p->fetcher) {
            reap_fetcher(p, status);
        } else if (w != NULL) { /* else a stray child of whoever called us */
            reap_worker(w, status);
        }
    }
}

static void kill_all(pool *p, int signal_number) {
    for (int i = 0; i < p->options.workers; i++) {
        if (p->slots[i].pid > 0) {
            kill(p->slots[i].pid, signal_number);
        }
    }
}

/* Stops taking requests; workers end after what they have begun. Those that already wait in the
 * queue of a Unix socket are still served: nobody can join them once its path is gone. */
static void begin_stop(pool *p) {
    if (p->stop_by_ns != 0) {
        return;
    }
    p->stop_by_ns = si_now_ns() + SI_POOL_DRAIN_MS * SI_MILLISECOND;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (p->options.socket_path != NULL) {
        unlink(p->options.socket_path);
    }
    if (!p->options.shared_listener &&
        getsockname(p->options.listen_fd, (struct sockaddr *)&a, &len) == 0 &&
        a.ss_family != AF_UNIX) {
        shutdown(p->options.listen_fd, SHUT_RDWR);
    }
    kill_all(p, SIGTERM);
}

static void read_signals(pool *p) {
    struct signalfd_siginfo s;
    while (read(p->signals, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT) {
            begin_stop(p);
        }
    }
    reap(p); /* whatever woke us: signals of one kind melt into one */
}

/* Kills what overran its time, fills empty slots. Returns how many workers live. */
static int watch(pool *p) {
    int64_t now = si_now_ns();
    int alive = 0;
    for (int i = 0; i < p->options.workers; i++) {
        pool_slot *w = &p->slots[i];
        int64_t kill_at = atomic_load(&w->slot->kill_at_ns);
        if (w->pid > 0 && !w->killed && kill_at != 0 && now > kill_at) {
            say("worker %d does not end in time, killing it", w->pid);
            w->killed = true;
            kill(w->pid, SIGKILL);
        }
        if (w->pid == 0 && p->stop_by_ns == 0 && now >= w->start_at_ns) {
            start_worker(p, w);
        }
        alive += w->pid > 0;
    }
    return alive;
}

static int wait_ms(const pool *p) {
    int64_t until = si_now_ns() + WATCH_MS * SI_MILLISECOND;
    for (int i = 0; i < p->options.workers; i++) {
        const pool_slot *w = &p->slots[i];
        if (w->pid == 0 && p->stop_by_ns == 0 && w->start_at_ns < until) {
            until = w->start_at_ns;
        }
    }
    return si_until_ms(until);
}

/* Waits for signals and for workers that want a file, and serves them. */
static void attend(pool *p) {
    struct pollfd fds[2 + SI_POOL_WORKERS_MAX];
    pool_slot *of[1 + SI_POOL_WORKERS_MAX];
    nfds_t n = 1;
    fds[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
    for (int i = 0; i < p->options.workers; i++) {
        if (p->slots[i].broker >= 0) {
            of[n] = &p->slots[i];
            fds[n++] = (struct pollfd){.fd = p->slots[i].broker, .events = POLLIN};
        }
    }
    bool may_fetch = p->fetcher == 0 && si_now_ns() >= p->fetch_at_ns;
    fds[n] = (struct pollfd){.fd = may_fetch ? p->answering : -1, .events = POLLIN};
    if (poll(fds, n + 1, wait_ms(p)) <= 0) {
        return;
    }
    if (fds[n].revents != 0) {
        start_fetcher(p);
    }
    for (nfds_t i = 1; i < n; i++) {
        if (fds[i].revents != 0 && !si_broker_answer(fds[i].fd, p->root_fd)) {
            kill(of[i]->pid, SIGKILL); /* it has closed its end, so it is ending anyway */
        }
    }
    if (fds[0].revents != 0) {
        read_signals(p);
    }
}

static bool prepare(pool *p, const si_pool_options *options) {
    si_pool_options *o = &p->options;
    *o = *options;
    o->workers = o->workers > 0 ? o->workers : processors();
    o->memory = o->memory > 0 ? o->memory : SI_POOL_MEMORY;
    o->cpu_seconds = o->cpu_seconds > 0 ? o->cpu_seconds : SI_POOL_CPU_SECONDS;
    o->wall_ms = o->wall_ms > 0 ? o->wall_ms : SI_POOL_WALL_MS;
    o->fetch = si_fetch_options_or_default(&o->fetch);
    if (o->workers > SI_POOL_WORKERS_MAX) {
        o->workers = SI_POOL_WORKERS_MAX;
    }
    p->root_fd = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->root_fd < 0) {
        say("cannot open folder %s: %s", o->root, strerror(errno));
        return false;
    }
    for (int i = 0; i < o->workers; i++) {
        pool_slot *w = &p->slots[i];
        w->broker = -1;
        w->slot =
            mmap(NULL, sizeof *w->slot, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (w->slot == MAP_FAILED) {
            say("no memory for %d workers", o->workers);
            return false;
        }
    }
    /* a TCP listener that is shut down, or a worker that was faster, must not leave one blocked */
    fcntl(o->listen_fd, F_SETFL, fcntl(o->listen_fd, F_GETFL) | O_NONBLOCK);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    p->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (p->signals < 0) {
        say("no signal descriptor: %s", strerror(errno));
        return false;
    }
    p->refinement_slots = memfd_create("smartimg-refinement-slots", MFD_CLOEXEC);
    if (!si_fetcher_sockets(&p->asking, &p->answering)) {
        say("no sockets for a fetcher: %s", strerror(errno));
        return false;
    }
    if (p->refinement_slots < 0) {
        say("no refinement slots: %s", strerror(errno));
        return false;
    }
    return true;
}

int si_pool_run(const si_pool_options *options) {
    static pool p; /* one per process */
    prctl(PR_SET_NAME, "smartimg-pool", 0, 0, 0);
    if (!prepare(&p, options)) {
        return 1;
    }
    while (watch(&p) > 0 || p.stop_by_ns == 0) {
        if (p.stop_by_ns != 0 && si_now_ns() > p.stop_by_ns) {
            kill_all(&p, SIGKILL);
        }
        attend(&p);
    }
    return 0;
}
