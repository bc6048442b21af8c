#include "source/broker.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/uploads.h"
#include "process/fdpass.h"

enum { MAX_PATH = 4096 };

/* One packet each way: the question is the path without a NUL; the answer is this, with the
 * descriptor attached when code is SI_OK. */
typedef struct answer {
    int32_t code;
    char text[sizeof((si_diag *)0)->text];
} answer;

bool si_broker_answer(int socket, int root_fd, int uploads_fd) {
    char path[MAX_PATH + 1];
    ssize_t len;
    do {
        len = recv(socket, path, sizeof path, MSG_TRUNC);
    } while (len < 0 && errno == EINTR);
    if (len <= 0) {
        return false;
    }
    si_diag diag = {0};
    int fd = -1;
    if (len > MAX_PATH || memchr(path, '\0', (size_t)len) != NULL) {
        si_fail(&diag, SI_ERR_FORBIDDEN, "this is not a path");
    } else {
        path[len] = '\0';
        const char *upload = si_upload_name(path);
        fd = upload == NULL ? si_root_open(root_fd, path, &diag)
                            : si_root_open(uploads_fd, upload, &diag);
        if (fd < 0) {
            si_fail(&diag, SI_ERR_IO, "the file cannot be opened");
        }
    }
    answer a = {.code = fd >= 0 ? SI_OK : diag.code};
    memcpy(a.text, diag.text, sizeof a.text);
    bool alive = si_packet_send(socket, &a, sizeof a, fd, MSG_DONTWAIT);
    if (fd >= 0) {
        close(fd);
    }
    return alive;
}

int si_broker_open(int socket, const char *path, si_diag *diag) {
    size_t len = strlen(path);
    if (len == 0 || len > MAX_PATH) {
        si_fail(diag, SI_ERR_FORBIDDEN, "this is not a path");
        return -1;
    }
    answer a = {0};
    int fd = -1;
    bool answered = si_packet_send(socket, path, len, -1, 0) &&
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
