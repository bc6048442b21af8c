/* The fetcher: the only process that downloads. Renderers do not use the network; they
 * ask it over a socket that they share. Each question brings a socket of its own for the answer,
 * which is an open, read-only descriptor (SCM_RIGHTS), as the broker's is.
 *
 * It is started when there is a question, and ends when there has been none for a while. A renderer
 * that closes its socket for the answer cancels its question. Questions beyond the number of
 * transfers wait in the socket. */
#ifndef SI_SOURCE_FETCHER_H
#define SI_SOURCE_FETCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"
#include "process/sandbox.h"
#include "source/fetch.h"

enum {
    SI_FETCHER_IDLE_MS = 60000, /* then it ends */
    SI_FETCHER_SLACK_MS = 1000, /* that an answer may take longer than the transfer */
    SI_FETCHER_ENDED = -1
};

/* A question. Borrowed. */
typedef struct si_fetcher_question {
    const char *url;     /* at most SI_FETCH_URL_MAX bytes */
    si_str recipe, seal; /* that the image is needed for, and what proves that the front side made
                            it; empty = not known */
    si_str trace;        /* traceparent (base/trace.h) for the server; empty = none */
} si_fetcher_question;

enum { SI_FETCHER_PROOF_MAX = 64 * 1024 }; /* bytes of recipe and seal */

/* Says whether a question is to be answered; others get SI_ERR_FORBIDDEN. */
typedef struct si_fetcher_guard {
    bool (*admits)(void *context, const si_fetcher_question *question); /* NULL: all of them */
    void *context;
} si_fetcher_guard;

/* Makes the two ends of the socket for questions. False with errno set. */
bool si_fetcher_sockets(int *asking, int *answering);

/* Renderer side, in two steps. Asks for an image, and returns the socket that the answer will come
 * on, or −1 (SI_ERR_SYNTAX, SI_ERR_IO, SI_ERR_LIMIT). The caller closes it, before the answer to
 * take the question back. Several processes may use `asking` at a time. */
int si_fetcher_ask(int asking, const si_fetcher_question *question, si_diag *diag);

/* The same for who must not wait: −1 also, with *later set, if the fetcher has too many questions
 * already. */
int si_fetcher_ask_now(int asking, const si_fetcher_question *question, bool *later, si_diag *diag);

/* Waits for the answer for `timeout_ms` at most: as si_fetch(). Also SI_ERR_IO, at once if the
 * other end of `client` hangs up, for whom it is done (−1 = nobody's); and if the fetcher has ended
 * without an answer: then *life is SI_FETCHER_ENDED, and the next one may be asked. */
int si_fetcher_answer(int socket, int timeout_ms, int client, long *life, si_diag *diag);

/* Both. */
int si_fetcher_open(
    int asking, const si_fetcher_question *question, int timeout_ms, long *life, si_diag *diag);

/* The life of a fetcher, in a freshly forked process of a single thread: never returns. Closes
 * every descriptor but 0 to 2 and `answering`, gives root up, enters its sandbox, and dies
 * with its parent `parent`. */
_Noreturn void si_fetcher_run(const si_fetch_options *options, const si_fetcher_guard *guard,
    int answering, si_sandbox_mode sandbox, pid_t parent);

#endif
