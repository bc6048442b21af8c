#include "source/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/uploads.h"
#include "process/fdpass.h"

enum { MAX_PATH = 4096 };

/* One packet each way: the question is the path without a NUL, or a NUL alone with a descriptor;
 * the answer is this, with the descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
    char text[sizeof((si_diag *)0)->text];
} answer;

/* Whoever asks may have been taken over: nothing but what the fetcher has downloaded, which is
 * sealed memory, may be opened this way, and no log that a process can write to. */
static int open_anew(int fd, si_diag *diag) {
    char path[40];
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_WRITE) == 0) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is no downloaded image");
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0) {
        si_fail(diag, SI_ERR_IO, "the downloaded image cannot be opened again");
    }
    return again;
}

static int open_path(int root_fd, int uploads_fd, char *path, size_t len, si_diag *diag) {
    if (len > MAX_PATH || memchr(path, '\0', len) != NULL) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is not a path");
        return -1;
    }
    path[len] = '\0';
    const char *upload = si_upload_name(path);
    int fd =
        upload == NULL ? si_root_open(root_fd, path, diag) : si_root_open(uploads_fd, upload, diag);
    if (fd < 0) {
        si_fail(diag, SI_ERR_IO, "the file cannot be opened");
    }
    return fd;
}

bool si_broker_answer(int socket, int root_fd, int uploads_fd) {
    char path[MAX_PATH + 1];
    int with = -1;
    ssize_t len;
    do {
        len = si_packet_receive(socket, path, sizeof path, &with, MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        if (with >= 0) {
            close(with);
        }
        return len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    si_diag diag = {0};
    int fd = with >= 0 ? open_anew(with, &diag)
                       : open_path(root_fd, uploads_fd, path, (size_t)len, &diag);
    if (with >= 0) {
        close(with);
    }
    answer a = {.code = fd >= 0 ? SI_OK : diag.code};
    memcpy(a.text, diag.text, sizeof a.text);
    bool alive = si_packet_send(socket, &a, sizeof a, fd, MSG_DONTWAIT);
    if (!alive && fd >= 0 && errno == EAGAIN) { /* too many descriptors are under way */
        a = (answer){.code = SI_ERR_IO, .text = "too many files are being handed out"};
        alive = si_packet_send(socket, &a, sizeof a, -1, MSG_DONTWAIT);
    }
    if (fd >= 0) {
        close(fd);
    }
    return alive;
}

/* A question, with a descriptor or −1, and its answer. */
static int ask(int socket, const char *question, size_t len, int with, si_diag *diag) {
    answer a = {0};
    int fd = -1;
    bool answered = si_packet_send(socket, question, len, with, 0) &&
                    si_packet_receive(socket, &a, sizeof a, &fd, 0) == (ssize_t)sizeof a;
    if (!answered) {
        a = (answer){.code = SI_ERR_IO, .text = "the broker does not answer"};
    }
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

int si_broker_open(int socket, const char *path, si_diag *diag) {
    size_t len = strlen(path);
    if (len == 0 || len > MAX_PATH) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is not a path");
        return -1;
    }
    return ask(socket, path, len, -1, diag);
}

int si_broker_reopen(int socket, int fd, si_diag *diag) {
    return ask(socket, "", 1, fd, diag);
}
