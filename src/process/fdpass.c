#include "process/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef union control {
    struct cmsghdr header; /* for alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
} control;

bool si_packet_send(int socket, const void *data, size_t len, int fd, int flags) {
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
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
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)len;
}

/* The descriptor of a message, −1 without one. The control message may hold a second, which only a
 * compromised process sends: it is closed, or unknown descriptors would fill the table. */
static int take_descriptor(struct msghdr *message) {
    int first = -1;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t at = CMSG_LEN(0); at + sizeof first <= h->cmsg_len; at += sizeof first) {
            int fd;
            memcpy(&fd, (const char *)h + at, sizeof fd);
            if (first < 0) {
                first = fd;
            } else {
                close(fd);
            }
        }
    }
    return first;
}

ssize_t si_packet_receive(int socket, void *data, size_t room, int *fd, int flags) {
    control c;
    struct iovec part = {.iov_base = data, .iov_len = room};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = c.bytes,
        .msg_controllen = sizeof c.bytes};
    ssize_t n;
    do {
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_TRUNC | flags);
    } while (n < 0 && errno == EINTR);
    *fd = n >= 0 ? take_descriptor(&message) : -1;
    return n;
}
