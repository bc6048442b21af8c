#include "process/fdpass.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WAIT_MS = 2 };

typedef union control {
    struct cmsghdr header; /* for alignment */
    char bytes[CMSG_SPACE(SI_PACKET_DESCRIPTORS_MAX * sizeof(int))];
} control;

/* Whether to send once more, as descriptors of all processes of this user fill what is allowed to
 * be under way, until some are taken. errno is EAGAIN if not, of these. */
static bool wait_for_others(int flags, int *waited_ms) {
    if (errno != ETOOMANYREFS) {
        return false;
    }
    if ((flags & MSG_DONTWAIT) == 0 && *waited_ms < SI_PACKET_WAIT_MS) {
        (void)poll(NULL, 0, WAIT_MS);
        *waited_ms += WAIT_MS;
        return true;
    }
    errno = EAGAIN;
    return false;
}

bool si_packet_send_several(
    int socket, const void *data, size_t len, const int *fds, int count, int flags) {
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    size_t size = (size_t)count * sizeof *fds;
    control c;
    assert(count >= 0 && count <= SI_PACKET_DESCRIPTORS_MAX);
    if (count > 0) {
        memset(&c, 0, sizeof c);
        message.msg_control = c.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        assert(h != NULL);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(h), fds, size);
    }
    ssize_t sent;
    int waited_ms = 0;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
    } while (sent < 0 && (errno == EINTR || wait_for_others(flags, &waited_ms)));
    return sent == (ssize_t)len;
}

bool si_packet_send(int socket, const void *data, size_t len, int fd, int flags) {
    return si_packet_send_several(socket, data, len, &fd, fd >= 0, flags);
}

/* The descriptors of a message, `most` at most; returns their number. More, which only a
 * compromised process sends, are closed, or unknown descriptors would fill the table. */
static int take_descriptors(struct msghdr *message, int *fds, int most) {
    int count = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t at = CMSG_LEN(0); at + sizeof *fds <= h->cmsg_len; at += sizeof *fds) {
            int fd;
            memcpy(&fd, (const char *)h + at, sizeof fd);
            if (count < most) {
                fds[count++] = fd;
            } else {
                close(fd);
            }
        }
    }
    return count;
}

ssize_t si_packet_receive_several(
    int socket, void *data, size_t room, int *fds, int most, int *count, int flags) {
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
    *count = n >= 0 ? take_descriptors(&message, fds, most) : 0;
    return n;
}

ssize_t si_packet_receive(int socket, void *data, size_t room, int *fd, int flags) {
    int count;
    *fd = -1;
    return si_packet_receive_several(socket, data, room, fd, 1, &count, flags);
}
