#include "source/question.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/fdpass.h"

/* The answer, one packet, with the descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
    int64_t life;
    char text[sizeof((si_diag *)0)->text];
} answer;

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
        (void)si_fail(diag, SI_ERR_TIMEOUT, "the image did not arrive in time");
        return -1;
    }
    if (ready > 0 && p[0].revents == 0) {
        (void)si_fail(diag, SI_ERR_IO, "nobody waits for the image");
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
static size_t write_question(const si_fetcher_question *q, char out[SI_QUESTION_MAX]) {
    size_t url = strlen(q->url);
    size_t trace = q->trace.len < SI_TRACE_TEXT ? q->trace.len : 0; /* longer ones say no more */
    si_question_lengths l = {
        (uint32_t)url, (uint32_t)q->recipe.len, (uint32_t)q->seal.len, (uint32_t)trace};
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
    static char packet[SI_QUESTION_MAX];
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

/* ---- the side of who downloads ---- */

bool si_question_read(
    const char *packet, size_t len, char url[SI_FETCH_URL_MAX + 1], si_fetcher_question *out) {
    si_question_lengths l;
    if (len < sizeof l || len > SI_QUESTION_MAX) {
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

void si_question_reply(int socket, const si_diag *diag, int fd, long life) {
    answer a = {.code = fd >= 0 ? SI_OK : si_diag_result(diag, SI_ERR_IO), .life = life};
    memcpy(a.text, diag->text, sizeof a.text);
    (void)si_packet_send(socket, &a, sizeof a, fd, MSG_DONTWAIT);
}

void si_question_refuse(int socket, si_result why, const char *text) {
    si_diag diag = {0};
    (void)si_fail(&diag, why, "%s", text);
    si_question_reply(socket, &diag, -1, 0);
    close(socket);
}
