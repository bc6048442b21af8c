#include "cli/service_notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool si_service_notify(const char *state) {
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = name != NULL ? strlen(name) : 0;
    if (len < 2 || len >= sizeof to.sun_path || (name[0] != '/' && name[0] != '@')) {
        return false;
    }
    memcpy(to.sun_path, name, len);
    if (name[0] == '@') { /* a name without a file */
        to.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent =
        fd >= 0 ? sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))
                : -1;
    if (fd >= 0) {
        close(fd);
    }
    return sent == (ssize_t)strlen(state);
}
