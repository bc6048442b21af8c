#include "renderer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "process/confine.h"
#include "process/fdpass.h"
#include "process/sandbox.h"
#include "renderer/last_reply.h"
#include "renderer/refinement_slots.h"
#include "renderer/worker_request.h"

enum {
    IDLE_MS = 500,  /* without a request, after which memory that none needs goes back */
    NO_SLOT_MS = 20 /* between two looks for a slot, which whoever gives one back tells nobody */
};
#define RSS_MAX (INT64_C(384) << 20) /* bytes an idle worker may hold; more and it is replaced */

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static void catch_signals(si_worker_slot *slot) {
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, stop = {.sa_handler = on_stop};
    si_last_reply_start(slot);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        sigaction(ignored[i], &ignore, NULL);
    }
    sigaction(SIGTERM, &stop, NULL);
    /* SIGTERM is let in only while waiting for work, so that it never cuts a request short */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

static int64_t resident_bytes(int statm) {
    char text[64] = "";
    ssize_t n = pread(statm, text, sizeof text - 1, 0);
    long pages = 0;
    return n > 0 && sscanf(text, "%*s %ld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

/* ---- the start ---- */

/* Ends a worker that cannot work; what `errno` has is why. */
static _Noreturn void cannot(const char *what) {
    dprintf(STDERR_FILENO, "smartimg: renderer cannot %s: %s\n", what, strerror(errno));
    _exit(SI_WORKER_NOT_STARTED);
}

/* The last step into the sandbox. */
static void enter_sandbox(si_worker *w, unsigned layers) {
    si_sandbox_mode mode = w->options->sandbox;
    if (mode != SI_SANDBOX_OFF) {
        layers |= si_sandbox_close(SI_SANDBOX_RENDERER);
    }
    atomic_store(&w->slot->layers, layers);
    if (!si_sandbox_suffices(mode, SI_SANDBOX_RENDERER, layers)) {
        cannot("have the whole sandbox that is required");
    }
}

/* A renderer needs no file once its libraries are loaded, since the broker opens the originals: one
 * that was started by root gives root up. */
static void start(si_worker *w, pid_t pool) {
    int *kept[] = {&w->listeners[SI_LANE_CHEAP], &w->listeners[SI_LANE_DEAR],
        &w->listeners[SI_LANE_FOREIGN], &w->listeners[SI_LANE_REFINE], &w->broker, &w->fetcher,
        &w->origins, &w->fetched, &w->refinement_slots};
    si_confinement limits = {
        .memory = w->options->memory, .file_size = 0, .files = SI_PACKET_FILES};
    si_diag diag = {0};
    prctl(PR_SET_NAME, "smartimg-render", 0, 0, 0);
    (void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + SI_WORKER_NICE);
    if (!si_die_with(pool, SIGKILL)) {
        _exit(0);
    }
    if (!si_keep_descriptors(kept, sizeof kept / sizeof *kept, false) || !si_confine(&limits)) {
        cannot("be confined");
    }
    catch_signals(w->slot);
    w->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    unsigned layers = w->options->sandbox != SI_SANDBOX_OFF ? si_sandbox_part() : 0;
    if (si_render_start(&diag) != SI_OK) {
        dprintf(STDERR_FILENO, "smartimg: renderer cannot start: %s\n", diag.text);
        _exit(SI_WORKER_NOT_STARTED);
    }
    if (layers != 0) {
        layers |= si_sandbox_leave_files();
    }
    if (!si_give_up_root()) {
        cannot("give up root");
    }
    if (!si_die_with(pool, SIGKILL)) {
        _exit(0);
    }
    enter_sandbox(w, layers);
}

/* What tells of connections and of the end of the pool; −1 on errors. */
static int watch_for_work(const si_worker *w) {
    int events = epoll_create1(EPOLL_CLOEXEC);
    /* EXCLUSIVE: one connection wakes one worker */
    struct epoll_event end = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = w->broker};
    if (events < 0 || epoll_ctl(events, EPOLL_CTL_ADD, w->broker, &end) != 0) {
        return -1;
    }
    for (int i = 0; i <= SI_LANE_COUNT; i++) {
        int fd = i < SI_LANE_COUNT ? w->listeners[i] : w->fetched;
        struct epoll_event work = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
        if (fd >= 0 && epoll_ctl(events, EPOLL_CTL_ADD, fd, &work) != 0) {
            return -1;
        }
    }
    return events;
}

/* ---- the work ---- */

enum { NO_CONNECTION = -1, TIME_TO_GO = -2 };

/* Where requests come from. */
typedef struct place {
    int fd;
    si_lane lane;
    bool handed_over;
} place;

enum { PLACES = SI_LANE_COUNT + 1 };

static void swap(place *a, place *b) {
    place c = *a;
    *a = *b;
    *b = c;
}

/* The order in which a worker looks at them: dear requests and those with foreign images take
 * turns, as neither may keep the other waiting for good, and so do cheap ones of either kind. */
static void order_places(const si_worker *w, place order[PLACES]) {
    const place usual[PLACES] = {{w->listeners[SI_LANE_CHEAP], SI_LANE_CHEAP, false},
        {w->fetched, SI_LANE_CHEAP, true}, {w->listeners[SI_LANE_DEAR], SI_LANE_DEAR, false},
        {w->listeners[SI_LANE_FOREIGN], SI_LANE_FOREIGN, true},
        {w->listeners[SI_LANE_REFINE], SI_LANE_REFINE, false}};
    memcpy(order, usual, sizeof usual);
    if (w->fetched_next) {
        swap(&order[0], &order[1]);
    }
    if (w->foreign_next) {
        swap(&order[2], &order[3]);
    }
}

/* A connection of that place, −1 with errno set if it has none after all. */
static int accept_from(si_worker *w, const place *from) {
    if (!from->handed_over) {
        return accept4(from->fd, NULL, NULL, SOCK_CLOEXEC);
    }
    errno = EAGAIN;
    return si_downloaded_receive(from->fd, &w->downloaded) ? w->downloaded.connection : -1;
}

/* Takes note of where the connection came from that is served next. */
static void note_place(si_worker *w, const place *from) {
    w->lane = from->lane;
    w->handed_over = from->handed_over;
    if (from->lane == SI_LANE_CHEAP) {
        w->fetched_next = !from->handed_over;
    } else {
        w->foreign_next =
            w->lane == SI_LANE_DEAR || (w->foreign_next && w->lane != SI_LANE_FOREIGN);
    }
}

/* Takes a connection of the first lane that has one and that this worker may serve; w->lane is
 * where it came from. Otherwise NO_CONNECTION, with *no_slot if there is one that it may not serve
 * now, or TIME_TO_GO. */
static int take_connection(si_worker *w, bool *no_slot) {
    struct pollfd lanes[PLACES];
    place order[PLACES];
    order_places(w, order);
    for (int i = 0; i < PLACES; i++) {
        lanes[i] = (struct pollfd){.fd = order[i].fd, .events = POLLIN};
    }
    *no_slot = false;
    if (poll(lanes, PLACES, 0) <= 0) {
        return NO_CONNECTION;
    }
    for (int i = 0; i < PLACES; i++) {
        if (lanes[i].revents == 0) {
            continue;
        }
        if (order[i].lane != SI_LANE_CHEAP &&
            !si_refinement_slot_take(w->refinement_slots, w->options->workers)) {
            *no_slot = true;
            return NO_CONNECTION;
        }
        int fd = accept_from(w, &order[i]);
        if (fd >= 0) {
            note_place(w, &order[i]);
            return fd;
        }
        if (errno == EINVAL || errno == EBADF) {
            return TIME_TO_GO; /* the pool has shut the listener down */
        }
    }
    return NO_CONNECTION;
}

/* Waits for cheap requests alone, until it is worth looking for a slot again. */
static void wait_for_slot(const si_worker *w, const sigset_t *mask) {
    struct pollfd fds[] = {{.fd = w->listeners[SI_LANE_CHEAP], .events = POLLIN},
        {.fd = w->fetched, .events = POLLIN}, {.fd = w->broker, .events = POLLIN | POLLRDHUP}};
    struct timespec a_while = {.tv_nsec = NO_SLOT_MS * SI_MILLISECOND};
    (void)!ppoll(fds, 3, &a_while, mask);
}

/* Waits for a connection. Returns its descriptor, NO_CONNECTION if there was none after all, or
 * TIME_TO_GO. What the last request has left of freed memory goes back to the system once the
 * worker has nothing to do; before, the next request needs it again. */
static int next_connection(si_worker *w, int events) {
    struct epoll_event e;
    sigset_t open_to_all;
    sigemptyset(&open_to_all);
    int n = epoll_pwait(events, &e, 1, w->trimmed ? -1 : IDLE_MS, &open_to_all);
    if (n < 0) {
        return stopping || errno != EINTR ? TIME_TO_GO : NO_CONNECTION;
    }
    if (n == 0) {
        malloc_trim(0);
        w->trimmed = true;
        return NO_CONNECTION;
    }
    if (e.data.fd == w->broker) {
        return TIME_TO_GO; /* the pool is gone; it never speaks first */
    }
    bool no_slot;
    int fd = take_connection(w, &no_slot);
    if (fd == NO_CONNECTION) {
        si_refinement_slot_release(w->refinement_slots);
    }
    if (no_slot) {
        wait_for_slot(w, &open_to_all);
    }
    return stopping && no_slot ? TIME_TO_GO : fd;
}

_Noreturn void si_worker_run(const si_pool_options *options, int broker, int fetcher, int origins,
    int refinement_slots, const int downloaded[SI_DOWNLOADS_KINDS], si_worker_slot *slot,
    pid_t pool) {
    si_worker w = {.options = options,
        .broker = broker,
        .fetcher = fetcher,
        .origins = origins,
        .refinement_slots = refinement_slots,
        .slot = slot};
    memcpy(w.listeners, options->listen_fds, sizeof w.listeners);
    w.listeners[SI_LANE_FOREIGN] = downloaded[SI_DOWNLOADS_DEAR];
    w.fetched = downloaded[SI_DOWNLOADS_CHEAP];
    start(&w, pool);
    int events = watch_for_work(&w);
    if (events < 0) {
        _exit(SI_WORKER_NOT_STARTED);
    }
    atomic_store(&slot->kill_at_ns, 0);
    for (int served = 0; served < SI_WORKER_REQUESTS_MAX;) {
        int connection = next_connection(&w, events);
        if (connection == TIME_TO_GO) {
            break;
        }
        if (connection >= 0) {
            served++;
            w.trimmed = false;
            bool good = si_worker_serve(&w, connection);
            si_refinement_slot_release(w.refinement_slots);
            if (!good || (!SI_SANITIZED && resident_bytes(w.statm) > RSS_MAX)) {
                break;
            }
        }
    }
    _exit(0); /* without flushing what the pool's ancestors had buffered */
}
