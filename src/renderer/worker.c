#include "renderer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "renderer/answer.h"
#include "base/clock.h"
#include "base/sanitize.h"
#include "renderer/files.h"
#include "renderer/scgi.h"
#include "source/fetcher.h"

enum {
    READ_MS = 3000,       /* for a request to arrive */
    WRITE_MS = 5000,      /* for a reply to be taken */
    KILL_SLACK_MS = 1000, /* what a worker may overrun before the pool kills it */
    REFRESH_PATIENCE = 3, /* a refresh, for which nobody waits, may take so many wall times */
    REFINE_NICE = 10,     /* priority of refinements */
    FILES_MAX = 64,
    ALT_STACK_SIZE = 64 * 1024
};
#define RSS_MAX (INT64_C(384) << 20) /* bytes an idle worker may hold; more and it is replaced */

/* How long the edge keeps a reply, seconds. A recipe names the state of its file, so a whole reply
 * never goes stale. A first answer is served on, but refreshed when it is asked for again; a
 * refinement that was cut short by a busy machine deserves another try later. */
#define KEEP_WHOLE 31536000
#define KEEP_FIRST 1
#define KEEP_CUT_SHORT 600

/* Complete replies, made before anything can go wrong. */
static char out_of_time[300], crashed[300];

/* The connection that is owed a reply, for last_words(). */
static _Atomic int owed = -1;

/* A complete reply, head and body, with the best image that a search has found so far. */
typedef struct whole_reply {
    size_t len;
    char data[];
} whole_reply;

/* The one to send if time runs out; NULL = none yet. Whoever takes it out owns it, so that it is
 * never freed while another thread's signal handler sends it. */
static _Atomic(whole_reply *) in_hand;

static si_worker_slot *own_slot;

/* For the signal handler: nothing here locks or allocates. */
static void send_whole(int connection, const char *data, size_t len) {
    int64_t deadline = si_now_ns() + WRITE_MS * SI_MILLISECOND;
    atomic_store(&own_slot->kill_at_ns, deadline + KILL_SLACK_MS * SI_MILLISECOND);
    while (len > 0) {
        ssize_t n = send(connection, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd p = {.fd = connection, .events = POLLOUT};
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR) ||
                   poll(&p, 1, si_until_ms(deadline)) <= 0) {
            return;
        }
    }
}

/* Signal handler. The reply goes out before anything else, whatever state the codec is in. What was
 * found before time ran out is good; before a crash, nobody knows. */
static void last_words(int signal_number) {
    int connection = atomic_exchange(&owed, -1);
    if (connection >= 0) {
        bool late = signal_number == SIGALRM || signal_number == SIGXCPU;
        const whole_reply *best = late ? atomic_exchange(&in_hand, NULL) : NULL;
        const char *text = late ? out_of_time : crashed;
        send_whole(
            connection, best != NULL ? best->data : text, best != NULL ? best->len : strlen(text));
        shutdown(connection, SHUT_RDWR);
    }
    _exit(SI_WORKER_CUT_SHORT + signal_number);
}

static void can_reply(char *out, size_t room, const char *status, const char *text) {
    snprintf(out, room,
        "Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Accel-Expires: 0\r\n"
        "Content-Length: %zu\r\n\r\n%s\n",
        status, strlen(text) + 1, text);
}

static volatile sig_atomic_t stopping;
static bool worn_out; /* to be replaced after this request */

static void on_stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

static void catch_signals(void) {
    can_reply(out_of_time, sizeof out_of_time, "503 Service Unavailable",
        "took too long: the image was not ready in time");
    can_reply(crashed, sizeof crashed, "500 Internal Server Error",
        "internal error: the image could not be rendered");
    static char stack[ALT_STACK_SIZE];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction last = {.sa_handler = last_words, .sa_flags = SA_ONSTACK};
    sigfillset(&last.sa_mask);
    static const int late[] = {SIGALRM, SIGXCPU};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        sigaction(late[i], &last, NULL);
    }
    for (size_t i = 0; !SI_SANITIZED && i < sizeof crashes / sizeof crashes[0]; i++) {
        sigaction(crashes[i], &last, NULL); /* a sanitizer wants these for its own report */
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        sigaction(ignored[i], &ignore, NULL);
    }
    struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    /* SIGTERM is let in only while waiting for work, so that it never cuts a request short */
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void limit(int resource, int64_t soft, int64_t hard) {
    struct rlimit now, wanted = {(rlim_t)soft, (rlim_t)hard};
    if (getrlimit(resource, &now) == 0 && now.rlim_max < wanted.rlim_max) {
        wanted.rlim_max = now.rlim_max;
        wanted.rlim_cur = wanted.rlim_cur < now.rlim_max ? wanted.rlim_cur : now.rlim_max;
    }
    setrlimit(resource, &wanted);
}

static void confine(const si_pool_options *options) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_NOFILE, FILES_MAX, FILES_MAX);
    if (!SI_SANITIZED) { /* whose shadow memory is terabytes of address space, and reports are files
                          */
        limit(RLIMIT_AS, options->memory, options->memory);
        limit(RLIMIT_FSIZE, 0, 0);
    }
}

/* A renderer needs no file once its libraries are loaded, since the broker opens the originals: one
 * that was started by root gives root up. False if that fails. */
static bool give_up_root(void) {
    const uid_t nobody = 65534;
    if (geteuid() != 0) {
        return true;
    }
    if (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
        setresuid(nobody, nobody, nobody) != 0) {
        return false;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* the change of user has cleared it */
    return true;
}

/* Closes every descriptor but 0 to 2 and those four, which become 3 to 6. */
static void keep_only(int *listener, int *broker, int *fetcher, int *refinement_slots) {
    enum { FIRST = 3, KEPT = 4 };
    int *kept[KEPT] = {listener, broker, fetcher, refinement_slots};
    for (int i = 0; i < KEPT; i++) { /* out of the way, so that none is overwritten by another */
        *kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, FIRST + KEPT);
    }
    for (int i = 0; i < KEPT; i++) {
        if (*kept[i] < 0 || dup3(*kept[i], FIRST + i, O_CLOEXEC) < 0) {
            _exit(SI_WORKER_NOT_STARTED);
        }
        *kept[i] = FIRST + i;
    }
    if (syscall(SYS_close_range, (unsigned)(FIRST + KEPT), ~0u, 0u) != 0) {
        for (int fd = FIRST + KEPT; fd < 4096; fd++) {
            close(fd);
        }
    }
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        close(null);
    }
}

/* Renews the limit on processor time, which the kernel counts from the start of the process. */
static void renew_cpu_limit(int seconds) {
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        struct rlimit now;
        if (getrlimit(RLIMIT_CPU, &now) == 0) {
            now.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
            setrlimit(RLIMIT_CPU, &now);
        }
    }
}

static void set_alarm(int ms) {
    struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static int64_t resident_bytes(void) {
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    long pages = 0;
    return n > 0 && sscanf(text, "%*s %ld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

/* Fills the head up so that the body begins with a page of the edge's cache file, where sendfile()
 * is fastest. The edge hides the line. */
static bool pad_head(si_bytes *head, size_t head_at) {
    enum { PAGE = 4096 };
    static const char name[] = "X-Padding: ", end[] = "\r\n";
    size_t line = sizeof name - 1 + sizeof end - 1;
    size_t rest = (head_at + head->len + line + 2) % PAGE; /* 2: the empty line */
    char zeros[PAGE];
    memset(zeros, '0', sizeof zeros);
    return si_bytes_append(head, name, sizeof name - 1) &&
           si_bytes_append(head, zeros, rest > 0 ? PAGE - rest : 0) &&
           si_bytes_append(head, end, sizeof end - 1);
}

/* The head of a reply, with what is for the edge alone: how long to keep it, and until when clients
 * may. */
static bool write_head(const si_answer *a, long keep, size_t head_at, si_bytes *head) {
    char more[140];
    int n = snprintf(more, sizeof more, "X-Accel-Expires: %ld\r\n", a->status == 200 ? keep : 0);
    if (a->status == 200 && a->foreign) {
        n += snprintf(more + n, sizeof more - (size_t)n, "X-Smartimg-Fresh-Until: %lld\r\n",
            (long long)a->fresh_until);
    }
    return si_answer_headers(a, head) && si_bytes_append(head, more, (size_t)n) &&
           (a->status != 200 || head_at == 0 || pad_head(head, head_at)) &&
           si_bytes_append(head, "\r\n", 2);
}

/* Sends the reply. From its first byte on no other may follow, so last_words() keeps silent. */
static void reply(
    int connection, const si_answer *a, long keep, size_t head_at, si_worker_slot *slot) {
    int64_t deadline = si_now_ns() + WRITE_MS * SI_MILLISECOND;
    si_bytes head = {0};
    bool whole = write_head(a, keep, head_at, &head);
    set_alarm(0);
    atomic_store(&slot->kill_at_ns, deadline + KILL_SLACK_MS * SI_MILLISECOND);
    if (!whole) {
        raise(SIGABRT); /* no memory for a line of text: the canned reply needs none */
    }
    if (atomic_exchange(&owed, -1) == connection &&
        si_scgi_write(connection, deadline, head.data, head.len, NULL) == SI_OK) {
        /* a client that has gone away is no failure of ours */
        (void)!si_scgi_write(connection, deadline, a->body.data, a->body.len, NULL);
    }
    si_bytes_free(&head);
}

static void reply_error(int connection, const si_diag *diag, si_worker_slot *slot) {
    si_answer a = {0};
    si_answer_error(diag, &a);
    reply(connection, &a, 0, 0, slot);
    si_answer_free(&a);
}

static long keep_seconds(const si_answer *a, bool refined) {
    bool whole = !a->smart || a->choice.complete;
    long keep = whole ? KEEP_WHOLE : refined ? KEEP_CUT_SHORT : KEEP_FIRST;
    int64_t fresh = a->foreign ? a->fresh_until - time(NULL) : keep;
    return fresh >= keep ? keep : fresh > 0 ? (long)fresh : 0;
}

/* Takes a refinement slot and steps back behind first answers. False if all are taken. */
static bool begin_refinement(const si_pool_options *options, int refinement_slots) {
    int places = options->workers > 1 ? options->workers / 2 : 1;
    for (int i = 0; i < places; i++) {
        struct flock place = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1};
        if (fcntl(refinement_slots, F_SETLK, &place) == 0) {
            setpriority(PRIO_PROCESS, 0, REFINE_NICE);
            return true;
        }
    }
    return false;
}

/* Undoes it. A worker that may not raise its priority again is no good for first answers. */
static void end_refinement(int refinement_slots) {
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    fcntl(refinement_slots, F_SETLK, &all);
    if (setpriority(PRIO_PROCESS, 0, 0) != 0) {
        worn_out = true;
    }
}

/* An answer in the making. */
typedef struct task {
    const si_recipe *recipe;
    si_originals originals;
    bool refine;
    size_t head_at;
    int fetch_ms; /* time limit of downloads */
} task;

/* For how long the edge keeps an answer: a file that was replaced on the way is answered for with
 * what is there, but not kept. */
static long keep_answer(task *t, si_answer *a) {
    a->foreign = t->originals.foreign;
    a->fresh_until = t->originals.fresh_until;
    return si_originals_unchanged(&t->originals, t->recipe) ? keep_seconds(a, t->refine) : 0;
}

/* Puts the answer that the search has so far where last_words() finds it. */
static void keep_in_hand(void *context, const si_answer *so_far) {
    task *t = context;
    si_answer a = *so_far;
    si_bytes head = {0};
    whole_reply *r = NULL;
    if (write_head(&a, keep_answer(t, &a), t->head_at, &head)) {
        r = malloc(sizeof *r + head.len + a.body.len);
    }
    if (r != NULL) {
        r->len = head.len + a.body.len;
        memcpy(r->data, head.data, head.len);
        memcpy(r->data + head.len, a.body.data, a.body.len);
        free(atomic_exchange(&in_hand, r));
    } /* else the one before has to do */
    si_bytes_free(&head);
}

/* Gives a request that has to download something the time for that on top. */
static void allow_for_downloads(void *context) {
    const task *t = context;
    struct itimerval left;
    atomic_fetch_add(&own_slot->kill_at_ns, t->fetch_ms * SI_MILLISECOND);
    if (getitimer(ITIMER_REAL, &left) == 0) {
        set_alarm((int)(left.it_value.tv_sec * 1000 + left.it_value.tv_usec / 1000) + t->fetch_ms);
    }
}

/* Answers a recipe, with the refinement if `refine`. Half of the wall time is for the search; the
 * encoding that it ends with has the other half. */
static void answer(const si_pool_options *options, int connection, int broker, int fetcher,
    const si_scgi_request *request, bool refine, int64_t start_ns, int wall_ms,
    si_worker_slot *slot) {
    si_arena arena = {0};
    si_recipe recipe;
    si_diag diag = {0};
    if (si_recipe_scan(request->recipe, &arena, &recipe, &diag) != SI_OK) {
        reply_error(connection, &diag, slot);
        si_arena_free(&arena);
        return;
    }
    task t = {.recipe = &recipe,
        .originals = {.broker = broker,
            .fetcher = fetcher,
            .fetch = &options->fetch,
            .before_fetch = allow_for_downloads,
            .context = &t},
        .refine = refine,
        .head_at = request->head_at,
        .fetch_ms = options->fetch.timeout_ms + SI_FETCHER_SLACK_MS};
    si_answer_options how = {.limits = options->limits,
        .deadline_ns = start_ns + wall_ms * SI_MILLISECOND / 2,
        .waited_ns = &t.originals.waited_ns,
        .refined = refine,
        .on_best = keep_in_hand,
        .context = &t};
    si_answer a = {0};
    si_files files = si_originals_files(&t.originals);
    si_answer_make(&recipe, &files, &how, &a);
    reply(connection, &a, keep_answer(&t, &a), request->head_at, slot);
    free(atomic_exchange(&in_hand, NULL));
    si_originals_close(&t.originals);
    si_answer_free(&a);
    si_arena_free(&arena);
}

/* One request on a fresh connection, from first byte to last. */
static void serve(const si_pool_options *options, int connection, int broker, int fetcher,
    int refinement_slots, si_worker_slot *slot) {
    static char buffer[SI_SCGI_LIMIT];
    int64_t start = si_now_ns(), read_by = start + READ_MS * SI_MILLISECOND;
    si_scgi_request request;
    si_diag diag = {0};
    atomic_store(&slot->kill_at_ns, read_by + KILL_SLACK_MS * SI_MILLISECOND);
    si_result r = si_scgi_read(connection, read_by, buffer, &request, &diag);
    atomic_store(&owed, connection);
    if (r == SI_OK) {
        snprintf(slot->recipe, sizeof slot->recipe, "%.*s", SI_STR_ARG(request.recipe));
        start = si_now_ns();
        bool refine = request.refresh && begin_refinement(options, refinement_slots);
        int wall_ms = options->wall_ms * (refine ? REFRESH_PATIENCE : 1);
        atomic_store(&slot->kill_at_ns, start + (wall_ms + KILL_SLACK_MS) * SI_MILLISECOND);
        renew_cpu_limit(options->cpu_seconds);
        set_alarm(wall_ms);
        answer(options, connection, broker, fetcher, &request, refine, start, wall_ms, slot);
        set_alarm(0);
        if (refine) {
            end_refinement(refinement_slots);
        }
    } else if (r != SI_ERR_IO) { /* else there is nobody to tell */
        reply_error(connection, &diag, slot);
    }
    atomic_store(&owed, -1);
    si_scgi_close(connection, r != SI_OK); /* whoever sends nonsense may be sending more */
    slot->recipe[0] = '\0';
    atomic_store(&slot->kill_at_ns, 0);
}

/* Waits for a connection. −1: there was none after all. −2: it is time to go. */
static int next_connection(int events, int listener, int broker) {
    struct epoll_event e;
    sigset_t open_to_all;
    sigemptyset(&open_to_all);
    int n = epoll_pwait(events, &e, 1, -1, &open_to_all);
    if (n < 0) {
        return stopping || errno != EINTR ? -2 : -1;
    }
    if (n == 0) {
        return -1;
    }
    if (e.data.fd == broker) {
        return -2; /* the pool is gone; it never speaks first */
    }
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    /* EINVAL: the pool has shut the listener down */
    return fd >= 0 ? fd : errno == EINVAL || errno == EBADF ? -2 : -1;
}

_Noreturn void si_worker_run(const si_pool_options *options, int broker, int fetcher,
    int refinement_slots, si_worker_slot *slot, pid_t pool) {
    int listener = options->listen_fd;
    prctl(PR_SET_NAME, "smartimg-render", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != pool) {
        _exit(0); /* it died before we asked to die with it */
    }
    own_slot = slot;
    keep_only(&listener, &broker, &fetcher, &refinement_slots);
    confine(options);
    catch_signals();
    si_diag diag = {0};
    if (si_render_start(&diag) != SI_OK) {
        dprintf(STDERR_FILENO, "smartimg: renderer cannot start: %s\n", diag.text);
        _exit(SI_WORKER_NOT_STARTED);
    }
    if (!give_up_root()) {
        dprintf(STDERR_FILENO, "smartimg: renderer cannot give up root: %s\n", strerror(errno));
        _exit(SI_WORKER_NOT_STARTED);
    }
    if (getppid() != pool) {
        _exit(0);
    }
    int events = epoll_create1(EPOLL_CLOEXEC);
    /* EXCLUSIVE: one connection wakes one worker */
    struct epoll_event work = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = listener};
    struct epoll_event end = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = broker};
    if (events < 0 || epoll_ctl(events, EPOLL_CTL_ADD, listener, &work) != 0 ||
        epoll_ctl(events, EPOLL_CTL_ADD, broker, &end) != 0) {
        _exit(SI_WORKER_NOT_STARTED);
    }
    atomic_store(&slot->kill_at_ns, 0);
    for (int served = 0; served < SI_WORKER_REQUESTS_MAX;) {
        int connection = next_connection(events, listener, broker);
        if (connection == -2) {
            break;
        }
        if (connection >= 0) {
            serve(options, connection, broker, fetcher, refinement_slots, slot);
            served++;
            if (worn_out || (!SI_SANITIZED && resident_bytes() > RSS_MAX)) {
                break;
            }
        }
    }
    _exit(0); /* without flushing what the pool's ancestors had buffered */
}
