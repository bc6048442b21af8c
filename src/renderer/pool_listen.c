/* The listening sockets of a pool. */
#include "renderer/pool.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 }; /* waiting connections, as far as the system allows */

static int listen_unix(const char *path, si_diag *diag) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        si_fail(diag, SI_ERR_SYNTAX, "socket path %s is longer than %zu bytes", path,
            sizeof a.sun_path - 1);
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        si_fail(diag, SI_ERR_IO, "socket %s is in use", path);
        close(fd);
        return -1;
    }
    struct stat s;
    if (errno == ECONNREFUSED && lstat(path, &s) == 0 && S_ISSOCK(s.st_mode)) {
        unlink(path);
    }
    mode_t mask = umask(0177);
    int bound = fd >= 0 ? bind(fd, (struct sockaddr *)&a, sizeof a) : -1;
    umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0) {
        si_fail(diag, SI_ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* The socket address of ADDR:PORT, to be freed with freeaddrinfo(); NULL if it is none. */
static struct addrinfo *read_address(const char *address, si_diag *diag) {
    char host[256];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || (size_t)(colon - address) >= sizeof host) {
        si_fail(diag, SI_ERR_SYNTAX, "%s is neither ADDR:PORT nor the path of a socket", address);
        return NULL;
    }
    bool brackets = address[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * brackets, address + brackets);
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM,
                                      .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    int e = getaddrinfo(host, colon + 1, &hints, &list);
    if (e != 0) {
        si_fail(diag, SI_ERR_SYNTAX, "%s is no address and port: %s", address, gai_strerror(e));
        return NULL;
    }
    return list;
}

bool si_pool_is_address(const char *address) {
    const char *colon = strrchr(address, ':');
    long port = 0;
    if (colon == NULL || !si_str_int(si_str_of(colon + 1), &port) || port < 1 || port > 65535) {
        return false; /* getaddrinfo() would cut it */
    }
    struct addrinfo *list = read_address(address, NULL);
    if (list != NULL) {
        freeaddrinfo(list);
    }
    return list != NULL;
}

static int listen_tcp(const char *address, si_diag *diag) {
    struct addrinfo *list = read_address(address, diag);
    if (list == NULL) {
        return -1;
    }
    int yes = 1;
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        if (errno == EADDRINUSE) {
            si_fail(diag, SI_ERR_IO, "port %s is in use", address);
        } else {
            si_fail(diag, SI_ERR_IO, "cannot listen on %s: %s", address, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

int si_pool_listen(const char *address, si_diag *diag) {
    return strchr(address, '/') != NULL ? listen_unix(address, diag) : listen_tcp(address, diag);
}

const char *si_pool_lane_path(const char *socket_path, si_lane lane, char out[SI_LANE_PATH_MAX]) {
    static const char *const suffixes[] = {
#define X(name, suffix, text) suffix,
        SI_LANES(X)
#undef X
    };
    const char *colon = strrchr(socket_path, ':');
    if (strchr(socket_path, '/') != NULL || colon == NULL) {
        snprintf(out, SI_LANE_PATH_MAX, "%s%s", socket_path, suffixes[lane]);
    } else {
        snprintf(out, SI_LANE_PATH_MAX, "%.*s:%ld", (int)(colon - socket_path), socket_path,
            strtol(colon + 1, NULL, 10) + (long)lane);
    }
    return out;
}

void si_pool_close_lanes(const int fds[SI_LANE_COUNT]) {
    for (int i = 0; i < SI_LANE_COUNT; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

bool si_pool_listen_lanes(const char *address, int fds[SI_LANE_COUNT], si_diag *diag) {
    bool is_path = strchr(address, '/') != NULL;
    for (int i = 0; i < SI_LANE_COUNT; i++) {
        fds[i] = -1;
    }
    for (int i = 0; i < SI_LANE_COUNT; i++) {
        char path[SI_LANE_PATH_MAX];
        fds[i] = si_pool_listen(si_pool_lane_path(address, (si_lane)i, path), diag);
        if (fds[i] < 0) {
            si_pool_close_lanes(fds);
            for (int k = 0; k < SI_LANE_COUNT; k++) {
                if (fds[k] >= 0 && is_path) {
                    unlink(si_pool_lane_path(address, (si_lane)k, path));
                }
                fds[k] = -1;
            }
            return false;
        }
    }
    return true;
}
