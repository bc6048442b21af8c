#include "source/broker.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "catalog/catalog.h"

enum { MAX_PATH = 4096 };

/* One packet each way: the question is the path without a NUL; the answer is this, with the
 * descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
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

int si_broker_answer(int socket, int root_fd) {
    char path[MAX_PATH + 1];
    ssize_t len;
    do {
        len = recv(socket, path, sizeof path, MSG_TRUNC);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        return 0;
    }
    si_diag diag = {0};
    int fd = -1;
    if (len > MAX_PATH || memchr(path, '\0', (size_t)len) != NULL) {
        si_fail(&diag, SI_ERR_FORBIDDEN, "this is not a path");
    } else {
        path[len] = '\0';
        fd = si_root_open(root_fd, path, &diag);
        if (fd < 0) {
            si_fail(&diag, SI_ERR_IO, "the file cannot be opened");
        }
    }
    answer a = {.code = fd >= 0 ? SI_OK : diag.code};
    memcpy(a.text, diag.text, sizeof a.text);
    int alive = send_answer(socket, &a, fd);
    if (fd >= 0) {
        close(fd);
    }
    return alive;
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

int si_broker_open(int socket, const char *path, si_diag *diag) {
    size_t len = strlen(path);
    if (len == 0 || len > MAX_PATH) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is not a path");
        return -1;
    }
    answer a = {0};
    control c;
    struct iovec part = {.iov_base = &a, .iov_len = sizeof a};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = c.bytes,
        .msg_controllen = sizeof c.bytes};
    ssize_t n;
    do {
        n = send(socket, path, len, MSG_NOSIGNAL);
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
