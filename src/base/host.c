#include "base/host.h"

#include <arpa/inet.h>

static si_str without_brackets(si_str s) {
    bool bracketed = s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']';
    return bracketed ? (si_str){s.p + 1, s.len - 2} : s;
}

static bool read_ipv6(si_str text, struct in6_addr *out) {
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, out) == 1;
}

static bool read_port(si_str text, int *out) {
    long port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    if (!si_str_int(text, &port) || port < 1 || port > 65535) {
        return false;
    }
    *out = (int)port;
    return true;
}

bool si_host_read(si_str text, si_host *out) {
    *out = (si_host){.port = 0};
    const char *end = text.len > 0 && text.p[0] == '[' ? memchr(text.p, ']', text.len) : NULL;
    const char *colon = end != NULL ? end + 1 : text.len > 0 ? memchr(text.p, ':', text.len) : NULL;
    size_t len = colon != NULL ? (size_t)(colon - text.p) : text.len;
    si_str rest = {text.p + len, text.len - len};
    out->name = without_brackets((si_str){text.p, len});
    struct in6_addr address;
    if (end != NULL ? !read_ipv6(out->name, &address)
                    : out->name.len == 0 || memchr(out->name.p, '[', out->name.len) != NULL ||
                          memchr(out->name.p, ']', out->name.len) != NULL) {
        return false;
    }
    return rest.len == 0 ||
           (rest.p[0] == ':' && read_port((si_str){rest.p + 1, rest.len - 1}, &out->port));
}

bool si_host_same(si_str a, si_str b) {
    struct in6_addr one, other;
    a = without_brackets(a);
    b = without_brackets(b);
    if (read_ipv6(a, &one) && read_ipv6(b, &other)) {
        return memcmp(&one, &other, sizeof one) == 0;
    }
    return si_str_eq_nocase(a, b);
}
