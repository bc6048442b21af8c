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
#include "source/question.h"

enum { SPARE_FILES = 64, LONGEST_WAIT_MS = 1000, MEMORY = 1 << 30 };

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

/* ---- the fetcher's side ---- */

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
        si_question_reply(socket, &diag, -1, 0);
        close(socket);
        return;
    }
    j->socket = socket;
    f->active++;
    curl_multi_add_handle(f->multi, si_transfer_handle(j->transfer));
}

/* Takes questions as long as there are any and free jobs for them. False when nobody can ask again.
 */
static bool take_questions(fetcher *f) {
    static char packet[SI_QUESTION_MAX];
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
        if (!si_question_read(packet, (size_t)n, url, &q)) {
            si_question_refuse(
                socket, SI_ERR_SYNTAX, "the address of a foreign image is malformed");
        } else if (f->guard.admits != NULL && !f->guard.admits(f->guard.context, &q)) {
            dprintf(STDERR_FILENO, "smartimg: an image was asked for that no recipe needs\n");
            si_question_refuse(socket, SI_ERR_FORBIDDEN, "no recipe needs this foreign image");
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
                si_question_reply(j->socket, &diag, fd, life);
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
