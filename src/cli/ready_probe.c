#include "cli/ready_probe.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char question[] = "PROXY UNKNOWN\r\n" /* of the PROXY protocol, version 1 */
                               "GET /healthz HTTP/1.0\r\n\r\n";
enum { PROXY_LINE = sizeof "PROXY UNKNOWN\r\n" - 1 };

const char *si_typed_address(const char *address, char *out) {
    const char *colon = strrchr(address, ':');
    if (strncmp(address, "0.0.0.0:", 8) == 0) {
        snprintf(out, 300, "127.0.0.1%s", colon);
    } else if (strncmp(address, "[::]:", 5) == 0) {
        snprintf(out, 300, "[::1]%s", colon);
    } else {
        snprintf(out, 300, "%s", address);
    }
    return out;
}

bool si_server_answers(const char *address, bool proxy_protocol) {
    char text[300], reply[16] = "";
    si_typed_address(address, text);
    char *colon = strrchr(text, ':');
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    *colon = '\0';
    bool brackets = text[0] == '[' && colon[-1] == ']';
    if (brackets) {
        colon[-1] = '\0';
    }
    if (getaddrinfo(text + brackets, colon + 1, &hints, &list) != 0) {
        return false;
    }
    struct timeval patience = {0, 250000};
    size_t len = 0;
    const char *say = question + (proxy_protocol ? 0 : PROXY_LINE);
    int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, list->ai_addr, list->ai_addrlen) == 0 &&
        send(fd, say, strlen(say), MSG_NOSIGNAL) == (ssize_t)strlen(say)) {
        ssize_t n;
        while (len < 12 && (n = recv(fd, reply + len, 12 - len, 0)) > 0) {
            len += (size_t)n;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    freeaddrinfo(list);
    return len == 12 && strncmp(reply, "HTTP/1.", 7) == 0 && strcmp(reply + 8, " 200") == 0;
}
