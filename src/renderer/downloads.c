#include "renderer/downloads.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"
#include "picture/recipe.h"
#include "process/confine.h"
#include "renderer/answer.h"
#include "renderer/downloaded.h"
#include "renderer/scgi.h"
#include "source/fetcher.h"

enum {
    REQUESTS_MAX = SI_DOWNLOADS_MAX + 32, /* with those that are read, or to be refused */
    SPARE_FILES = 32,
    FILES_MAX = 4096,
    LONGEST_WAIT_MS = 1000,
    ORIGINS_MAX = 512, /* questions that the origins process may have */
    ASK_AGAIN_MS = 20  /* when the fetcher's socket is full */
};
#define MEMORY (INT64_C(1) << 30)

typedef enum phase {
    FREE,
    READING,
    DOWNLOADING,
    READY /* to be handed over */
} phase;

/* The download of an image. */
typedef struct question {
    char *url;      /* to be asked for; NULL = it was, or need not be */
    int socket;     /* for the answer; −1 = none is waited for */
    char *again;    /* to be asked for once more, if the fetcher ends; NULL = no more */
    bool tried;     /* once already */
    bool in_origin; /* asked of the origins process */
} question;

typedef struct request {
    phase phase;
    int64_t deadline_ns; /* to be read or downloaded by then */
    char *head;          /* `need` bytes once that is known, before that READ_FIRST ones */
    size_t len, need;
    si_scgi_request asked;       /* borrowed from the head; counts from DOWNLOADING on */
    int64_t bytes;               /* of images that no other request has, too */
    ino_t files[SI_FOREIGN_MAX]; /* that its images are; 0 = none */
    question questions[SI_FOREIGN_MAX];
    si_downloaded downloaded; /* its connection counts unless the request is FREE */
} request;

typedef struct downloads {
    const si_pool_options *options;
    int listener, asking, origins;
    int handing[SI_DOWNLOADS_KINDS];
    int active;        /* requests that are not FREE, … */
    int waiting;       /* … and of these those that are DOWNLOADING or READY */
    int asked;         /* questions that the fetcher has, … */
    int asked_origins; /* … and the origins process */
    int images;        /* that `waiting` may come to have, and how many there may be */
    int images_max;
    int64_t bytes;   /* of images */
    bool ask_later;  /* the fetcher's socket is full */
    bool hand_later; /* there is room for a request, and too many descriptors are under way */
    request requests[REQUESTS_MAX];
} downloads;

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number) {
    (void)signal_number;
    stopping = 1;
}

bool si_downloads_sockets(int *handing, int *taking) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    *handing = pair[0];
    *taking = pair[1];
    return true;
}

/* ---- the end of a request ---- */

static int *asked(downloads *d, bool in_origin) {
    return in_origin ? &d->asked_origins : &d->asked;
}

static void forget_question(downloads *d, question *q) {
    if (q->socket >= 0) {
        close(q->socket); /* it is given up */
        *asked(d, q->in_origin) -= 1;
    }
    free(q->url);
    free(q->again);
    *q = (question){.socket = -1};
}

/* Frees the place of a request. With `handed_over`, whoever has it now has its connection, too. */
static void end_request(downloads *d, request *r, bool handed_over) {
    assert(r->phase != FREE);
    for (int i = 0; i < r->downloaded.count; i++) {
        forget_question(d, &r->questions[i]);
    }
    if (r->phase != READING) {
        d->waiting--;
        d->images -= r->downloaded.count;
    }
    si_downloaded_close_images(&r->downloaded);
    if (handed_over) {
        close(r->downloaded.connection);
    } else {
        si_scgi_close(r->downloaded.connection, false);
    }
    d->bytes -= r->bytes;
    d->active--;
    free(r->head);
    *r = (request){.phase = FREE};
}

/* Tells an error, and ends the request. */
static void refuse(downloads *d, request *r, const si_diag *diag, const char *more) {
    si_answer a = {0};
    si_bytes reply = {0};
    static const char keep[] = SI_HEADER_KEEP ": 0\r\n";
    si_answer_error(diag, &a);
    if (si_answer_headers(&a, &reply) && si_bytes_append(&reply, keep, sizeof keep - 1) &&
        si_bytes_append(&reply, more, strlen(more)) && si_bytes_append(&reply, "\r\n", 2) &&
        si_bytes_append(&reply, a.body.data, a.body.len)) {
        /* it is short, and the socket empty: now or never */
        (void)!si_scgi_write(r->downloaded.connection, 0, reply.data, reply.len, NULL);
    }
    si_bytes_free(&reply);
    si_answer_free(&a);
    end_request(d, r, false);
}

/* Refuses one that is too many. */
static void refuse_now(downloads *d, request *r) {
    char more[100];
    si_diag diag = {0};
    (void)si_fail(&diag, SI_ERR_TIMEOUT, "too many requests wait for foreign images");
    snprintf(more, sizeof more, SI_HEADER_RETRY ": %d\r\n" SI_HEADER_LOAD ": %s\r\n",
        SI_RETRY_SECONDS, si_load_name(SI_LOAD_REFUSED));
    refuse(d, r, &diag, more);
}

/* ---- downloads ---- */

/* True if the request need not wait any more: every image is there, or one has failed that all
 * those before it are there of. */
static bool is_ready(const request *r) {
    for (int i = 0; i < r->downloaded.count; i++) {
        const si_download *image = &r->downloaded.images[i];
        if (image->fd < 0) {
            return image->failure.code != SI_OK;
        }
    }
    return true;
}

static void make_ready(downloads *d, request *r) {
    for (int i = 0; i < r->downloaded.count; i++) {
        forget_question(d, &r->questions[i]);
    }
    r->phase = READY;
    r->downloaded.ended_ns = si_now_ns();
}

/* A question that the fetcher has left unanswered by its end is asked once more. */
static bool ask_again(downloads *d, question *q, long life) {
    char *url = q->again;
    if (life != SI_FETCHER_ENDED || url == NULL) {
        return false;
    }
    q->again = NULL;
    bool in_origin = q->in_origin;
    forget_question(d, q);
    *q = (question){.url = url, .socket = -1, .tried = true, .in_origin = in_origin};
    return true;
}

/* Whether a request has that file in memory already: all who wait for an original get the same. */
static bool is_had(const downloads *d, ino_t file) {
    for (int i = 0; i < REQUESTS_MAX; i++) {
        const request *r = &d->requests[i];
        for (int k = 0; r->phase != FREE && k < r->downloaded.count; k++) {
            if (r->files[k] == file && r->downloaded.images[k].fd >= 0) {
                return true;
            }
        }
    }
    return false;
}

/* Takes the fetcher's answer to question `i`, or what the fetcher's silence comes to. */
static void take_answer(downloads *d, request *r, int i) {
    si_download *image = &r->downloaded.images[i];
    struct stat s;
    long life = 0;
    image->fd = si_fetcher_answer(r->questions[i].socket, 0, -1, &life, &image->failure);
    if (image->fd < 0 && ask_again(d, &r->questions[i], life)) {
        image->failure = (si_diag){0};
        return;
    }
    forget_question(d, &r->questions[i]);
    if (image->fd >= 0) {
        bool known = fstat(image->fd, &s) == 0;
        int64_t bytes = known && !is_had(d, s.st_ino) ? s.st_size : 0;
        r->files[i] = known ? s.st_ino : 0;
        image->fresh_until = si_fresh_until(life);
        r->bytes += bytes;
        d->bytes += bytes;
        if (d->bytes > SI_DOWNLOADS_BYTES) {
            refuse_now(d, r);
            return;
        }
    }
    if (is_ready(r)) {
        make_ready(d, r);
    }
}

/* Asks the fetcher for an image. False if it cannot be asked now. */
static bool ask(downloads *d, request *r, int i) {
    question *q = &r->questions[i];
    si_diag *failure = &r->downloaded.images[i].failure;
    si_fetcher_question question_of = {q->url, r->asked.recipe, r->asked.seal, r->asked.trace};
    q->socket = si_fetcher_ask_now(
        q->in_origin ? d->origins : d->asking, &question_of, &d->ask_later, failure);
    if (d->ask_later) {
        *failure = (si_diag){0};
        return false;
    }
    if (q->tried) {
        free(q->url);
    } else {
        q->again = q->url;
    }
    q->url = NULL;
    *asked(d, q->in_origin) += q->socket >= 0;
    if (q->socket < 0 && is_ready(r)) {
        make_ready(d, r);
    }
    return true;
}

/* Whether a question may be asked now. More of the fetcher than it downloads at a time would only
 * stand in its socket, where a question cannot be taken back, and before those of the workers. */
static bool may_be_asked(const downloads *d, const question *q) {
    return q->url != NULL &&
           (q->in_origin ? d->asked_origins < ORIGINS_MAX : d->asked < d->options->fetch.transfers);
}

/* The request that has waited longest of those that something is still to be asked for; *index is
 * what. NULL if there is none. */
static request *next_question(downloads *d, int *index) {
    request *first = NULL;
    for (int i = 0; i < REQUESTS_MAX; i++) {
        request *r = &d->requests[i];
        if (r->phase != DOWNLOADING || (first != NULL && r->deadline_ns >= first->deadline_ns)) {
            continue;
        }
        for (int k = 0; k < r->downloaded.count; k++) {
            if (may_be_asked(d, &r->questions[k])) {
                first = r;
                *index = k;
                break;
            }
        }
    }
    return first;
}

/* Asks for as many images as may be asked for. */
static void ask_questions(downloads *d) {
    int index;
    request *r;
    d->ask_later = false;
    while ((r = next_question(d, &index)) != NULL && ask(d, r, index)) {
    }
}

/* ---- reading ---- */

enum { READ_FIRST = 8 }; /* bytes that tell the length of the head and are not beyond it */

static void begin_reading(downloads *d, request *r, int connection) {
    assert(r->phase == FREE);
    *r = (request){.phase = READING,
        .deadline_ns = si_now_ns() + SI_DOWNLOADS_READ_MS * SI_MILLISECOND,
        .head = malloc(READ_FIRST),
        .downloaded = {.connection = connection}};
    d->active++;
    if (r->head == NULL) {
        end_request(d, r, false);
    }
}

/* Takes the addresses of the request's foreign images. */
static bool take_urls(request *r, const si_recipe *recipe) {
    const char *urls[SI_FOREIGN_MAX];
    int count = si_foreign_urls(recipe, urls);
    for (int i = 0; i < count; i++) {
        r->questions[i] =
            (question){.url = strdup(urls[i]), .socket = -1, .in_origin = si_is_in_origin(urls[i])};
        r->downloaded.images[i] = (si_download){.fd = -1};
        r->downloaded.count++;
        if (r->questions[i].url == NULL) {
            return false;
        }
    }
    return true;
}

/* For how long its images are waited for. */
static int wait_ms(const downloads *d, const request *r) {
    int ms = d->options->fetch.timeout_ms;
    for (int i = 0; i < r->downloaded.count; i++) {
        bool longer = r->questions[i].in_origin && d->options->origin_ms > ms;
        ms = longer ? d->options->origin_ms : ms;
    }
    return ms;
}

/* The head is there: the downloads begin. */
static void begin_downloads(downloads *d, request *r) {
    si_arena arena = {0};
    si_recipe recipe;
    si_diag diag = {0};
    bool known = si_scgi_parse(r->head, r->need, &r->asked, &diag) == SI_OK &&
                 si_recipe_scan(r->asked.recipe, &arena, &recipe, &diag) == SI_OK;
    bool taken = known && take_urls(r, &recipe);
    si_arena_free(&arena);
    if (!known) {
        refuse(d, r, &diag, "");
        return;
    }
    if (!taken || d->waiting == SI_DOWNLOADS_MAX ||
        d->images + r->downloaded.count > d->images_max) {
        refuse_now(d, r);
        return;
    }
    r->phase = DOWNLOADING;
    r->deadline_ns = si_now_ns() + (wait_ms(d, r) + SI_FETCHER_SLACK_MS) * SI_MILLISECOND;
    r->downloaded.head = r->head;
    r->downloaded.head_len = r->need;
    r->downloaded.began_ns = si_now_ns();
    d->waiting++;
    d->images += r->downloaded.count;
    if (is_ready(r)) {
        make_ready(d, r);
    }
}

/* Makes room for the whole head as soon as its length is known. */
static si_result measure(request *r, si_diag *diag) {
    if (r->need != 0) {
        return SI_OK;
    }
    SI_TRY(si_scgi_measure(r->head, r->len, &r->need, diag));
    if (r->need > READ_FIRST) {
        char *whole = realloc(r->head, r->need);
        if (whole == NULL) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a request");
        }
        r->head = whole;
    }
    return SI_OK;
}

static void read_more(downloads *d, request *r) {
    si_diag diag = {0};
    size_t room = (r->need != 0 ? r->need : READ_FIRST) - r->len;
    ssize_t n = recv(r->downloaded.connection, r->head + r->len, room, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        end_request(d, r, false); /* there is nobody to tell */
        return;
    }
    r->len += n > 0 ? (size_t)n : 0;
    if (measure(r, &diag) != SI_OK) {
        refuse(d, r, &diag, "");
    } else if (r->need != 0 && r->len >= r->need) {
        begin_downloads(d, r);
    }
}

/* ---- the work ---- */

/* False if no more connections stand in the queue. */
static bool accept_some(downloads *d) {
    for (int i = 0; i < REQUESTS_MAX; i++) {
        if (d->requests[i].phase == FREE) {
            int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0) {
                return false;
            }
            begin_reading(d, &d->requests[i], fd);
        }
    }
    return true;
}

static int handing_of(const downloads *d, const request *r) {
    return d->handing[r->asked.cheap ? SI_DOWNLOADS_CHEAP : SI_DOWNLOADS_DEAR];
}

/* Hands over what is ready, as far as there is room for it. */
static void hand_over(downloads *d) {
    d->hand_later = false;
    for (int i = 0; i < REQUESTS_MAX; i++) {
        request *r = &d->requests[i];
        int to = handing_of(d, r);
        struct pollfd room = {.fd = to, .events = POLLOUT};
        if (r->phase == READY && poll(&room, 1, 0) > 0) {
            if (si_downloaded_send(to, &r->downloaded)) {
                end_request(d, r, true);
            } else {
                d->hand_later = true;
            }
        }
    }
}

/* What is too late: the reading of a request, or the fetcher's answer. */
static void end_late(downloads *d) {
    int64_t now = si_now_ns();
    for (int i = 0; i < REQUESTS_MAX; i++) {
        request *r = &d->requests[i];
        if (now < r->deadline_ns) {
            continue;
        }
        if (r->phase == READING) {
            si_diag diag = {0};
            (void)si_fail(&diag, SI_ERR_TIMEOUT, "the connection was silent for too long");
            refuse(d, r, &diag, "");
        }
        for (int k = 0; k < r->downloaded.count && r->phase == DOWNLOADING; k++) {
            si_download *image = &r->downloaded.images[k];
            if (image->fd < 0 && image->failure.code == SI_OK) {
                (void)si_fail(&image->failure, SI_ERR_TIMEOUT, "the image did not arrive in time");
                forget_question(d, &r->questions[k]);
                make_ready(d, r);
            }
        }
    }
}

/* What a descriptor that is waited for belongs to. */
typedef struct watched {
    request *request; /* NULL = the listener, or the socket to the workers */
    int question;     /* −1 = the connection */
} watched;

enum { WATCHED_MAX = 2 + REQUESTS_MAX + SI_FETCH_TRANSFERS_MAX };

static void watch(struct pollfd *fds, watched *of, nfds_t *n, int fd, short events, watched what) {
    assert(*n < WATCHED_MAX);
    fds[*n] = (struct pollfd){.fd = fd, .events = events};
    of[(*n)++] = what;
}

/* Lists all that may happen; returns when something is too late. */
static int64_t list_watched(downloads *d, struct pollfd *fds, watched *of, nfds_t *n) {
    bool soon = d->ask_later || d->hand_later;
    int64_t until = si_now_ns() + (soon ? ASK_AGAIN_MS : LONGEST_WAIT_MS) * SI_MILLISECOND;
    bool ready[SI_DOWNLOADS_KINDS] = {false};
    for (int i = 0; i < REQUESTS_MAX; i++) {
        request *r = &d->requests[i];
        if (r->phase == FREE) {
            continue;
        }
        short events = r->phase == READING ? POLLIN | POLLRDHUP : POLLRDHUP;
        watch(fds, of, n, r->downloaded.connection, events, (watched){r, -1});
        for (int k = 0; k < r->downloaded.count; k++) {
            if (r->questions[k].socket >= 0) {
                watch(fds, of, n, r->questions[k].socket, POLLIN, (watched){r, k});
            }
        }
        until = r->phase != READY && r->deadline_ns < until ? r->deadline_ns : until;
        ready[r->asked.cheap ? SI_DOWNLOADS_CHEAP : SI_DOWNLOADS_DEAR] |= r->phase == READY;
    }
    for (int i = 0; i < SI_DOWNLOADS_KINDS; i++) {
        bool wanted = ready[i] && !d->hand_later;
        watch(fds, of, n, wanted ? d->handing[i] : -1, POLLOUT, (watched){NULL, -1});
    }
    watch(fds, of, n, d->active < REQUESTS_MAX ? d->listener : -1, POLLIN, (watched){NULL, -1});
    return until; /* the listener is the last */
}

/* Waits for what happens, and sees to it. */
static void attend(downloads *d) {
    static struct pollfd fds[WATCHED_MAX];
    static watched of[WATCHED_MAX];
    nfds_t n = 0;
    sigset_t open_to_all;
    sigemptyset(&open_to_all);
    int left = si_until_ms(list_watched(d, fds, of, &n));
    struct timespec wait = {left / 1000, left % 1000 * SI_MILLISECOND};
    if (ppoll(fds, n, &wait, &open_to_all) <= 0) {
        return;
    }
    if ((fds[n - 1].revents & (POLLHUP | POLLERR)) != 0) {
        d->listener = -1; /* the pool has shut it; it would let in no signal any more */
    }
    for (nfds_t i = 0; i < n; i++) {
        request *r = of[i].request;
        if (r == NULL || fds[i].revents == 0 || r->phase == FREE) {
            continue; /* the last may have come about meanwhile */
        }
        if (of[i].question >= 0) {
            if (r->questions[of[i].question].socket >= 0) {
                take_answer(d, r, of[i].question);
            }
        } else if (r->phase == READING && (fds[i].revents & POLLIN) != 0) {
            read_more(d, r);
        } else if ((fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
            end_request(d, r, false); /* its client has gone */
        }
    }
}

static void work(downloads *d) {
    int64_t idle_since = si_now_ns();
    for (;;) {
        bool more = accept_some(d);
        end_late(d);
        ask_questions(d);
        hand_over(d);
        int64_t now = si_now_ns();
        if (d->active > 0 || more) {
            idle_since = now;
        } else if (stopping || now - idle_since > SI_DOWNLOADS_IDLE_MS * SI_MILLISECOND) {
            return;
        }
        attend(d);
    }
}

/* ---- its start ---- */

static void catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop};
    sigset_t mask;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigaction(SIGTERM, &stop, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM); /* let in while it waits */
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* How many images may wait at a time, so that descriptors suffice for all else. */
static int most_images(int transfers) {
    struct rlimit files;
    int all = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_MAX
                  ? (int)files.rlim_cur
                  : FILES_MAX;
    return all - SPARE_FILES - REQUESTS_MAX - transfers;
}

_Noreturn void si_downloads_run(const si_pool_options *options, int asking, int origins,
    const int handing[SI_DOWNLOADS_KINDS], pid_t pool) {
    static downloads d;
    int *kept[] = {&d.listener, &d.asking, &d.origins, &d.handing[SI_DOWNLOADS_DEAR],
        &d.handing[SI_DOWNLOADS_CHEAP]};
    si_confinement limits = {.memory = MEMORY, .file_size = 0, .files = FILES_MAX};
    prctl(PR_SET_NAME, "smartimg-downld", 0, 0, 0);
    d.options = options;
    d.listener = options->listen_fds[SI_LANE_FOREIGN];
    d.asking = asking;
    d.origins = origins;
    memcpy(d.handing, handing, sizeof d.handing);
    bool confined = si_keep_descriptors(kept, 5, false) && si_confine(&limits);
    catch_signals();
    d.images_max = most_images(options->fetch.transfers);
    unsigned layers = 0;
    if (confined && options->sandbox != SI_SANDBOX_OFF && (layers = si_sandbox_part()) != 0) {
        layers |= si_sandbox_leave_files();
    }
    confined = confined && si_give_up_root() && si_die_with(pool, SIGKILL);
    if (confined && options->sandbox != SI_SANDBOX_OFF) {
        layers |= si_sandbox_close(SI_SANDBOX_RENDERER);
    }
    if (!confined || !si_sandbox_suffices(options->sandbox, SI_SANDBOX_RENDERER, layers)) {
        dprintf(STDERR_FILENO, "smartimg: the downloads process cannot start\n");
        _exit(1);
    }
    work(&d);
    _exit(0);
}
