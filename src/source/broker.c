#include "source/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/sanitize.h"
#include "catalog/catalog.h"
#include "source/fetch.h"

enum { MAX_PATH = 4096, FETCH_MEMORY = 512 << 20, FETCH_CPU_SECONDS = 10 };

/* What a question begins with; the rest is the path or the address, without a NUL. */
enum { ASK_FILE = 'f', ASK_URL = 'u' };

/* One packet each way: the question; and this, with the descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
    int32_t keep; /* seconds, of foreign images */
    char text[sizeof((si_diag *)0)->text];
} answer;

typedef union control {
    struct cmsghdr header; /* for alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
} control;

static int send_answer(int socket, const answer *a, int fd) {
    struct iovec part = {.iov_base = (void *)a, .iov_len = sizeof *a};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    control c;
    if (fd >= 0) {
        memset(&c, 0, sizeof c);
        message.msg_control = c.bytes;
        message.msg_controllen = sizeof c.bytes;
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *a;
}

/* Answers with the descriptor, which it closes, or with what `diag` says. */
static int answer_with(int socket, int fd, long keep, const si_diag *diag) {
    answer a = {.code = fd >= 0 ? SI_OK : diag->code, .keep = (int32_t)keep};
    memcpy(a.text, diag->text, sizeof a.text);
    int alive = send_answer(socket, &a, fd);
    if (fd >= 0) {
        close(fd);
    }
    return alive;
}

static void limit(int resource, rlim_t most) {
    struct rlimit l = {most, most};
    setrlimit(resource, &l);
}

/* The process that fetches: nobody's, with nothing open but the socket. */
static _Noreturn void fetch(int socket, const char *url) {
    const uid_t nobody = 65534;
    si_diag diag = {0};
    long keep = 0;
    int own = dup3(socket, 3, O_CLOEXEC) >= 0 || socket == 3 ? 3 : socket;
    (void)syscall(SYS_close_range, (unsigned)own + 1, ~0u, 0u);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "smartimg-fetch", 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, FETCH_CPU_SECONDS);
    if (!SI_SANITIZED) {
        limit(RLIMIT_AS, FETCH_MEMORY);
        limit(RLIMIT_FSIZE, SI_FETCH_BYTES);
    }
    alarm(SI_FETCH_MS / 1000 + 2);
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
                              setresuid(nobody, nobody, nobody) != 0)) {
        si_fail(&diag, SI_ERR_INTERNAL, "foreign images cannot be fetched safely");
    }
    int fd = diag.code == SI_OK ? si_fetch(url, &keep, &diag) : -1;
    answer_with(own, fd, keep, &diag);
    _exit(0);
}

static int answer_url(int socket, const char *url) {
    pid_t child = fork();
    if (child == 0) {
        fetch(socket, url);
    }
    if (child > 0) {
        return 1;
    }
    si_diag diag = {0};
    (void)si_fail(&diag, SI_ERR_MEMORY, "no process for a foreign image");
    return answer_with(socket, -1, 0, &diag);
}

int si_broker_answer(int socket, int root_fd) {
    char question[1 + MAX_PATH + 1];
    ssize_t len;
    do {
        len = recv(socket, question, sizeof question, MSG_TRUNC);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        return 0;
    }
    si_diag diag = {0};
    int fd = -1;
    if (len > 1 + MAX_PATH || memchr(question, '\0', (size_t)len) != NULL) {
        si_fail(&diag, SI_ERR_FORBIDDEN, "this is not a path");
        return answer_with(socket, -1, 0, &diag);
    }
    question[len] = '\0';
    if (question[0] == ASK_URL) {
        return answer_url(socket, question + 1);
    }
    fd = si_root_open(root_fd, question + 1, &diag);
    if (fd < 0) {
        si_fail(&diag, SI_ERR_IO, "the file cannot be opened");
    }
    return answer_with(socket, fd, 0, &diag);
}

/* The descriptor that came with a message, or −1. */
static int attached(struct msghdr *message) {
    struct cmsghdr *h = CMSG_FIRSTHDR(message);
    int fd = -1;
    if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
        h->cmsg_len == CMSG_LEN(sizeof fd)) {
        memcpy(&fd, CMSG_DATA(h), sizeof fd);
    }
    return fd;
}

/* Asks and waits. */
static int ask(int socket, char kind, const char *text, long *keep, si_diag *diag) {
    char question[1 + MAX_PATH];
    size_t len = strlen(text);
    if (len == 0 || len > MAX_PATH) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is not a path");
        return -1;
    }
    question[0] = kind;
    memcpy(question + 1, text, len++);
    answer a = {0};
    control c;
    struct iovec part = {.iov_base = &a, .iov_len = sizeof a};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = c.bytes,
        .msg_controllen = sizeof c.bytes};
    ssize_t n;
    do {
        n = send(socket, question, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len) {
        do {
            n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        } while (n < 0 && errno == EINTR);
    } else {
        n = -1;
    }
    if (n != (ssize_t)sizeof a) {
        si_fail(diag, SI_ERR_IO, "the broker does not answer");
        return -1;
    }
    int fd = attached(&message);
    if (a.code == SI_OK && fd >= 0) {
        *keep = a.keep;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    a.text[sizeof a.text - 1] = '\0';
    bool known = a.code > SI_OK && a.code <= SI_ERR_INTERNAL;
    si_fail(diag, known ? (si_result)a.code : SI_ERR_IO, "%s", a.text);
    return -1;
}

int si_broker_open(int socket, const char *path, si_diag *diag) {
    long ignored;
    return ask(socket, ASK_FILE, path, &ignored, diag);
}

int si_broker_fetch(int socket, const char *url, long *keep, si_diag *diag) {
    return ask(socket, ASK_URL, url, keep, diag);
}
