#include "renderer/last_reply.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitize.h"
#include "base/wire.h"

enum {
    ALT_STACK_SIZE = 64 * 1024,
    SHORT_OF = 32 << 20 /* bytes: who has less address space left has run out of it */
};

/* Complete replies, made before anything can go wrong. */
static char out_of_time[300], crashed[300];

/* The connection that is owed a reply, −1 = none. */
static _Atomic int owed = -1;

/* A complete reply, head and body, with the best image that a search has found so far. */
typedef struct whole_reply {
    size_t len;
    char data[];
} whole_reply;

/* The one to send if time runs out; NULL = none yet. Whoever takes it out owns it, so that it is
 * never freed while another thread's signal handler sends it. */
static _Atomic(whole_reply *) best_so_far;

static si_worker_slot *own_slot;

/* ---- the handler: nothing here locks or allocates ---- */

static void send_whole(int connection, const char *data, size_t len) {
    int64_t deadline = si_now_ns() + SI_WORKER_WRITE_MS * SI_MILLISECOND;
    atomic_store(&own_slot->kill_at_ns, deadline + SI_WORKER_KILL_SLACK_MS * SI_MILLISECOND);
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

/* Libraries abort where they get no memory. */
static bool is_out_of_memory(void) {
    void *some = mmap(NULL, SHORT_OF, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (some != MAP_FAILED) {
        munmap(some, SHORT_OF);
    }
    return some == MAP_FAILED;
}

/* The reply goes out before anything else, whatever state the codec is in. What was found before
 * time ran out is good; before a crash, nobody knows. */
static void on_last_signal(int signal_number) {
    int connection = atomic_exchange(&owed, -1);
    bool late = signal_number == SIGALRM || signal_number == SIGXCPU;
    if (connection >= 0) {
        const whole_reply *best = late ? atomic_exchange(&best_so_far, NULL) : NULL;
        const char *text = late ? out_of_time : crashed;
        send_whole(
            connection, best != NULL ? best->data : text, best != NULL ? best->len : strlen(text));
        shutdown(connection, SHUT_RDWR);
    }
    _exit(!late && is_out_of_memory() ? SI_WORKER_NO_MEMORY : SI_WORKER_CUT_SHORT + signal_number);
}

/* ---- public ---- */

/* `more`: further lines of the head, each with its end. */
static void make_reply(
    char *out, size_t room, const char *status, const char *more, const char *text) {
    int n = snprintf(out, room,
        "Status: %s\r\nContent-Type: text/plain; charset=utf-8\r\n" SI_HEADER_KEEP ": 0\r\n%s"
        "Content-Length: %zu\r\n\r\n%s\n",
        status, more, strlen(text) + 1, text);
    assert(n > 0 && (size_t)n < room);
    (void)n;
}

static void catch (const int *signals, size_t count) {
    struct sigaction last = {.sa_handler = on_last_signal, .sa_flags = SA_ONSTACK};
    sigfillset(&last.sa_mask);
    for (size_t i = 0; i < count; i++) {
        sigaction(signals[i], &last, NULL);
    }
}

void si_last_reply_start(si_worker_slot *slot) {
    static const int late[] = {SIGALRM, SIGXCPU};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    static char stack[ALT_STACK_SIZE];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    own_slot = slot;
    char again[100];
    snprintf(again, sizeof again, SI_HEADER_RETRY ": %d\r\n" SI_HEADER_OUT_OF_TIME ": 1\r\n",
        SI_FAILED_SECONDS);
    make_reply(out_of_time, sizeof out_of_time, "503 Service Unavailable", again,
        "took too long: the image was not ready in time");
    make_reply(crashed, sizeof crashed, "500 Internal Server Error", "",
        "internal error: the image could not be rendered");
    sigaltstack(&alternate, NULL);
    catch (late, sizeof late / sizeof *late);
    if (!SI_SANITIZED) {
        catch (crashes, sizeof crashes / sizeof *crashes);
    }
}

void si_last_reply_owe(int connection) {
    assert(connection >= 0);
    int before = atomic_exchange(&owed, connection);
    assert(before == -1);
    (void)before;
}

bool si_last_reply_claim(int connection) {
    return atomic_exchange(&owed, -1) == connection;
}

void si_last_reply_keep(const void *head, size_t head_len, const void *body, size_t body_len) {
    whole_reply *r = malloc(sizeof *r + head_len + body_len);
    if (r != NULL) {
        r->len = head_len + body_len;
        memcpy(r->data, head, head_len);
        memcpy(r->data + head_len, body, body_len);
        free(atomic_exchange(&best_so_far, r));
    }
}

void si_last_reply_forget(void) {
    free(atomic_exchange(&best_so_far, NULL));
}
