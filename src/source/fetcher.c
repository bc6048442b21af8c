#include "source/fetcher.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/trace.h"
#include "process/confine.h"
#include "process/fdpass.h"

enum { SPARE_FILES = 64, LONGEST_WAIT_MS = 1000, MEMORY = 1 << 30 };

/* What a question, one packet with the socket for the answer attached, begins with; what these are
 * the lengths of follows. */
typedef struct lengths {
    uint32_t url, recipe, seal, trace;
} lengths;

enum { QUESTION_MAX = sizeof(lengths) + SI_FETCH_URL_MAX + SI_FETCHER_PROOF_MAX + SI_TRACE_TEXT };

/* The answer, one packet, with the descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
    int64_t life;
    char text[sizeof((si_diag *)0)->text];
} answer;

/* A question that is being answered. */
typedef struct job {
    si_transfer *transfer; /* NULL = this job is free */
    int socket;            /* for the answer */
} job;

typedef struct fetcher {
    si_fetch_options options;
    si_fetcher_guard guard;
    CURLM *multi;
    int answering;
    int active;
    job jobs[SI_FETCH_TRANSFERS_MAX];
} fetcher;

/* ---- sockets ---- */

bool si_fetcher_sockets(int *asking, int *answering) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    *asking = pair[0];
    *answering = pair[1];
    return true;
}

/* ---- the renderer's side ---- */

int si_fetcher_answer(int socket, int timeout_ms, int client, long *life, si_diag *diag) {
    struct pollfd p[] = {
        {.fd = socket, .events = POLLIN}, {.fd = client, .events = POLLRDHUP}}; /* −1: ignored */
    int64_t deadline = si_now_ns() + timeout_ms * SI_MILLISECOND;
    int ready, fd = -1;
    answer a = {0};
    do {
        ready = poll(p, 2, si_until_ms(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        (void)si_fail(diag, SI_ERR_TIMEOUT, "the foreign image did not arrive in time");
        return -1;
    }
    if (ready > 0 && p[0].revents == 0) {
        (void)si_fail(diag, SI_ERR_IO, "nobody waits for the foreign image");
        return -1;
    }
    ssize_t n = ready > 0 ? si_packet_receive(socket, &a, sizeof a, &fd, MSG_DONTWAIT) : -1;
    if (n == (ssize_t)sizeof a && a.code == SI_OK && fd >= 0) {
        *life = a.life > 0 ? (long)a.life : 0;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    a.text[sizeof a.text - 1] = '\0';
    bool known = n == (ssize_t)sizeof a && a.code > SI_OK && a.code <= SI_ERR_INTERNAL;
    if (ready > 0 && (n == 0 || (n < 0 && errno == ECONNRESET))) {
        *life = SI_FETCHER_ENDED;
    }
    (void)si_fail(diag, known ? (si_result)a.code : SI_ERR_IO, "%s",
        known ? a.text : "the fetcher of foreign images does not answer");
    return -1;
}

/* Writes a question as one packet. Its length, 0 if it is too long. */
static size_t write_question(const si_fetcher_question *q, char out[QUESTION_MAX]) {
    size_t url = strlen(q->url);
    size_t trace = q->trace.len < SI_TRACE_TEXT ? q->trace.len : 0; /* longer ones say no more */
    lengths l = {(uint32_t)url, (uint32_t)q->recipe.len, (uint32_t)q->seal.len, (uint32_t)trace};
    if (q->recipe.len + q->seal.len > SI_FETCHER_PROOF_MAX) {
        return 0;
    }
    char *p = mempcpy(out, &l, sizeof l);
    p = mempcpy(p, q->url, url);
    p = q->recipe.len > 0 ? mempcpy(p, q->recipe.p, q->recipe.len) : p;
    p = q->seal.len > 0 ? mempcpy(p, q->seal.p, q->seal.len) : p;
    p = trace > 0 ? mempcpy(p, q->trace.p, trace) : p;
    return (size_t)(p - out);
}

static int ask(int asking, const si_fetcher_question *q, int flags, si_diag *diag) {
    static char packet[QUESTION_MAX];
    int pair[2];
    size_t len = strlen(q->url);
    if (len == 0 || len > SI_FETCH_URL_MAX) {
        (void)si_fail(diag, SI_ERR_SYNTAX, "the address of a foreign image is malformed");
        return -1;
    }
    len = write_question(q, packet);
    if (len == 0) {
        (void)si_fail(diag, SI_ERR_LIMIT, "a recipe with foreign images is too long");
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)si_fail(diag, SI_ERR_IO, "no socket for a foreign image");
        return -1;
    }
    bool asked = si_packet_send(asking, packet, len, pair[1], flags);
    int error = errno;
    close(pair[1]); /* so that a fetcher that dies is noticed */
    if (!asked) {
        close(pair[0]);
        errno = error;
        (void)si_fail(diag, SI_ERR_IO, "the fetcher of foreign images cannot be asked");
        return -1;
    }
    return pair[0];
}

int si_fetcher_ask(int asking, const si_fetcher_question *question, si_diag *diag) {
    return ask(asking, question, 0, diag);
}

int si_fetcher_ask_now(
    int asking, const si_fetcher_question *question, bool *later, si_diag *diag) {
    errno = 0;
    int socket = ask(asking, question, MSG_DONTWAIT, diag);
    *later = socket < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    return socket;
}

int si_fetcher_open(
    int asking, const si_fetcher_question *question, int timeout_ms, long *life, si_diag *diag) {
    int socket = si_fetcher_ask(asking, question, diag);
    if (socket < 0) {
        return -1;
    }
    int fd = si_fetcher_answer(socket, timeout_ms, -1, life, diag);
    close(socket);
    return fd;
}

/* ---- the fetcher's side ---- */

static void reply(int socket, const si_diag *diag, int fd, long life) {
    answer a = {.code = fd >= 0 ? SI_OK : si_diag_result(diag, SI_ERR_IO), .life = life};
    memcpy(a.text, diag->text, sizeof a.text);
    (void)si_packet_send(socket, &a, sizeof a, fd, MSG_DONTWAIT); /* who asked may be gone */
}

static void end_job(fetcher *f, job *j) {
    assert(j->transfer != NULL && f->active > 0);
    curl_multi_remove_handle(f->multi, si_transfer_handle(j->transfer));
    si_transfer_free(j->transfer);
    close(j->socket);
    *j = (job){.socket = -1};
    f->active--;
}

static job *free_job(fetcher *f) {
    for (int i = 0; i < f->options.transfers; i++) {
        if (f->jobs[i].transfer == NULL) {
            return &f->jobs[i];
        }
    }
    return NULL;
}

/* Starts on a question. `j` is free. */
static void begin_job(fetcher *f, job *j, const si_fetcher_question *q, int socket) {
    si_diag diag = {0};
    assert(j->transfer == NULL);
    j->transfer = si_transfer_new(&f->options, q->url, q->trace, &diag);
    if (j->transfer == NULL) {
        reply(socket, &diag, -1, 0);
        close(socket);
        return;
    }
    j->socket = socket;
    f->active++;
    curl_multi_add_handle(f->multi, si_transfer_handle(j->transfer));
}

static void refuse(int socket, si_result why, const char *text) {
    si_diag diag = {0};
    (void)si_fail(&diag, why, "%s", text);
    reply(socket, &diag, -1, 0);
    close(socket);
}

/* Reads a packet of `len` bytes. The URL goes to `url`, the rest is borrowed from the packet. False
 * if it is none of write_question(). */
static bool read_question(
    const char *packet, size_t len, char url[SI_FETCH_URL_MAX + 1], si_fetcher_question *out) {
    lengths l;
    if (len < sizeof l || len > QUESTION_MAX) {
        return false;
    }
    memcpy(&l, packet, sizeof l);
    packet += sizeof l;
    if (l.url == 0 || l.url > SI_FETCH_URL_MAX ||
        (uint64_t)sizeof l + l.url + l.recipe + l.seal + l.trace != len ||
        memchr(packet, '\0', l.url) != NULL) {
        return false;
    }
    memcpy(url, packet, l.url);
    url[l.url] = '\0';
    const char *recipe = packet + l.url, *seal = recipe + l.recipe;
    *out = (si_fetcher_question){url, {recipe, l.recipe}, {seal, l.seal}, {seal + l.seal, l.trace}};
    return true;
}

/* Takes questions as long as there are any and free jobs for them. False when nobody can ask again.
 */
static bool take_questions(fetcher *f) {
    static char packet[QUESTION_MAX];
    char url[SI_FETCH_URL_MAX + 1];
    job *j;
    while ((j = free_job(f)) != NULL) {
        int socket;
        si_fetcher_question q;
        ssize_t n = si_packet_receive(f->answering, packet, sizeof packet, &socket, MSG_DONTWAIT);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
        if (socket < 0) {
            continue; /* nobody to answer */
        }
        if (!read_question(packet, (size_t)n, url, &q)) {
            refuse(socket, SI_ERR_SYNTAX, "the address of a foreign image is malformed");
        } else if (f->guard.admits != NULL && !f->guard.admits(f->guard.context, &q)) {
            dprintf(STDERR_FILENO, "smartimg: an image was asked for that no recipe needs\n");
            refuse(socket, SI_ERR_FORBIDDEN, "no recipe needs this foreign image");
        } else {
            begin_job(f, j, &q, socket);
        }
    }
    return true;
}

static void answer_finished(fetcher *f) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
        char *of = NULL;
        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode code = m->data.result; /* gone once the handle is removed */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &of);
        for (int i = 0; i < f->options.transfers; i++) {
            job *j = &f->jobs[i];
            if (j->transfer != NULL && (char *)j->transfer == of) {
                si_diag diag = {0};
                long life = 0;
                int fd = si_transfer_finish(j->transfer, code, &life, &diag);
                reply(j->socket, &diag, fd, life);
                if (fd >= 0) {
                    close(fd);
                }
                end_job(f, j);
                break;
            }
        }
    }
}

/* Waits for questions, transfers and renderers that have gone, whose transfers end. False if
 * nothing happened. */
static bool attend(fetcher *f, int wait_ms) {
    struct curl_waitfd fds[1 + SI_FETCH_TRANSFERS_MAX];
    job *of[1 + SI_FETCH_TRANSFERS_MAX];
    unsigned n = 0;
    for (int i = 0; i < f->options.transfers; i++) {
        if (f->jobs[i].transfer != NULL) {
            of[n] = &f->jobs[i];
            fds[n++] = (struct curl_waitfd){.fd = f->jobs[i].socket, .events = CURL_WAIT_POLLIN};
        }
    }
    unsigned renderers = n;
    if (f->active < f->options.transfers) {
        fds[n++] = (struct curl_waitfd){.fd = f->answering, .events = CURL_WAIT_POLLIN};
    }
    int events = 0;
    if (curl_multi_poll(f->multi, fds, n, wait_ms, &events) != CURLM_OK) {
        _exit(1);
    }
    for (unsigned i = 0; i < renderers; i++) {
        if (fds[i].revents != 0) {
            end_job(f, of[i]); /* nobody says anything on these sockets but goodbye */
        }
    }
    return events > 0;
}

static void work(fetcher *f) {
    int64_t idle_since = si_now_ns();
    for (;;) {
        int running;
        if (!take_questions(f)) {
            return;
        }
        curl_multi_perform(f->multi, &running);
        answer_finished(f);
        int64_t now = si_now_ns();
        if (attend(f, LONGEST_WAIT_MS) || f->active > 0) {
            idle_since = now;
        } else if (now - idle_since > SI_FETCHER_IDLE_MS * SI_MILLISECOND) {
            return;
        }
    }
}

/* ---- its start ---- */

static void reset_signals(void) {
    sigset_t none;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_IGN); /* it ends with the pool, whose renderers may still be asking */
    signal(SIGINT, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void si_fetcher_run(const si_fetch_options *options, const si_fetcher_guard *guard,
    int answering, si_sandbox_mode sandbox, pid_t parent) {
    static fetcher f;
    int *kept[] = {&f.answering};
    prctl(PR_SET_NAME, "smartimg-fetch", 0, 0, 0);
    f.options = si_fetch_options_or_default(options);
    f.guard = *guard;
    f.answering = answering;
    si_confinement limits = {.memory = MEMORY,
        .file_size = f.options.max_bytes,
        .files = SI_PACKET_FILES + SPARE_FILES + 4 * f.options.transfers};
    bool confined = si_keep_descriptors(kept, 1, false) && si_confine(&limits);
    reset_signals();
    bool ready = confined && si_give_up_root() &&
                 curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
                 (f.multi = curl_multi_init()) != NULL && si_die_with(parent, SIGKILL);
    if (ready && sandbox != SI_SANDBOX_OFF) {
        unsigned layers = si_sandbox_close(SI_SANDBOX_FETCHER);
        ready = si_sandbox_suffices(sandbox, SI_SANDBOX_FETCHER, layers);
    }
    if (!ready) {
        dprintf(STDERR_FILENO, "smartimg: the fetcher of foreign images cannot start\n");
        _exit(1);
    }
    work(&f);
    _exit(0);
}
