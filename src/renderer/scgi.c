#include "renderer/scgi.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/request_id.h"
#include "base/trace.h"
#include "base/wire.h"

enum {
    LENGTH_DIGITS_MAX = 6, /* of the netstring's length: enough for SI_SCGI_LIMIT and some zeros */
    CLOSE_WAIT_MS = 200
};

/* Takes one NUL-terminated text off the front of *rest. */
static bool take_text(si_str *rest, si_str *out) {
    const char *end = rest->len > 0 ? memchr(rest->p, '\0', rest->len) : NULL;
    if (end == NULL) {
        return false;
    }
    *out = (si_str){rest->p, (size_t)(end - rest->p)};
    rest->p = end + 1;
    rest->len -= out->len + 1;
    return true;
}

static si_result wait_for(int fd, short events, int64_t deadline_ns, si_diag *diag) {
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        int n = poll(&p, 1, si_until_ms(deadline_ns));
        if (n > 0) {
            return SI_OK;
        }
        if (n == 0) {
            return si_fail(diag, SI_ERR_TIMEOUT, "the connection was silent for too long");
        }
        if (errno != EINTR) {
            return si_fail(diag, SI_ERR_IO, "cannot wait for the connection: %s", strerror(errno));
        }
    }
}

si_result si_scgi_measure(const char *data, size_t len, size_t *need, si_diag *diag) {
    size_t value = 0, i = 0;
    *need = 0;
    for (; i < len && data[i] >= '0' && data[i] <= '9'; i++) {
        if (i == LENGTH_DIGITS_MAX) {
            return si_fail(diag, SI_ERR_LIMIT, "SCGI head longer than %d bytes", SI_SCGI_LIMIT);
        }
        value = value * 10 + (size_t)(data[i] - '0');
    }
    if (i == len) {
        return SI_OK;
    }
    if (i == 0 || data[i] != ':') {
        return si_fail(diag, SI_ERR_SYNTAX, "not an SCGI request");
    }
    size_t total = i + 1 + value + 1; /* digits, colon, headers, comma */
    if (total > SI_SCGI_LIMIT) {
        return si_fail(diag, SI_ERR_LIMIT, "SCGI head longer than %d bytes", SI_SCGI_LIMIT);
    }
    *need = total;
    return SI_OK;
}

si_result si_scgi_parse(const char *data, size_t len, si_scgi_request *out, si_diag *diag) {
    size_t need;
    SI_TRY(si_scgi_measure(data, len, &need, diag));
    if (need == 0 || need != len || data[len - 1] != ',') {
        return si_fail(diag, SI_ERR_SYNTAX, "SCGI head of a wrong length");
    }
    const char *colon = memchr(data, ':', len);
    si_str rest = {colon + 1, (size_t)(data + len - 1 - (colon + 1))};
    *out = (si_scgi_request){0};
    while (rest.len > 0) {
        si_str name, value;
        if (!take_text(&rest, &name) || !take_text(&rest, &value) || name.len == 0) {
            return si_fail(diag, SI_ERR_SYNTAX, "SCGI header without a name, value or end");
        }
        if (si_str_eq(name, SI_STR(SI_PARAM_RECIPE))) {
            if (out->recipe.p != NULL) {
                return si_fail(diag, SI_ERR_SYNTAX, "SCGI request with two recipes");
            }
            out->recipe = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_SEAL))) {
            out->seal = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_RENDER_SEAL))) {
            out->render_seal = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_TIER))) {
            si_tier tier = si_tier_by_name(value.p, value.len);
            out->tier = si_tier_is_refined(tier) ? tier : SI_TIER_DEFAULT;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_SHOW))) {
            out->show = si_show_by_word(value);
        } else if (si_str_eq(name, SI_STR(SI_PARAM_CLASS))) {
            out->client = value;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_ID))) {
            out->id = si_request_id_is_good(value) ? value : (si_str){0};
        } else if (si_str_eq(name, SI_STR(SI_PARAM_TRACE))) {
            si_trace ignored;
            out->trace = si_trace_read(value, &ignored) ? value : (si_str){0};
        } else if (si_str_eq(name, SI_STR(SI_PARAM_QUEUED_AT))) {
            long at; /* 64 bits, as times of CLOCK_MONOTONIC in nanoseconds want */
            out->queued_at_ns = si_str_int(value, &at) && at > 0 ? at : 0;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_HEAD_AT))) {
            long at;
            out->head_at = si_str_int(value, &at) && at > 0 && at <= SI_SCGI_LIMIT ? (size_t)at : 0;
        } else if (si_str_eq(name, SI_STR(SI_PARAM_CHEAP))) {
            out->cheap = si_str_eq(value, SI_STR("1"));
        } else if (si_str_eq(name, SI_STR(SI_PARAM_PING))) {
            out->ping = si_str_eq(value, SI_STR("1"));
        } else if (si_str_eq(name, SI_STR("SCGI")) && !si_str_eq(value, SI_STR("1"))) {
            return si_fail(diag, SI_ERR_SYNTAX, "SCGI version other than 1");
        }
    }
    if (out->recipe.p == NULL && !out->ping) {
        return si_fail(diag, SI_ERR_SYNTAX, "SCGI request without " SI_PARAM_RECIPE);
    }
    return SI_OK;
}

si_result si_scgi_read(
    int fd, int64_t deadline_ns, char *buffer, si_scgi_request *out, si_diag *diag) {
    size_t len = 0, need = 0;
    while (need == 0 || len < need) {
        /* never past the head, of which the first bytes tell the length */
        size_t room = need != 0 ? need - len : (size_t)LENGTH_DIGITS_MAX + 2 - len;
        SI_TRY(wait_for(fd, POLLIN, deadline_ns, diag));
        ssize_t n = recv(fd, buffer + len, room, MSG_DONTWAIT);
        if (n == 0) {
            return si_fail(diag, SI_ERR_IO, "the connection ended within the SCGI head");
        }
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return si_fail(diag, SI_ERR_IO, "cannot read the request: %s", strerror(errno));
        }
        len += n > 0 ? (size_t)n : 0;
        if (need == 0) {
            SI_TRY(si_scgi_measure(buffer, len, &need, diag));
        }
    }
    /* a head shorter than the first read is followed by bytes of the body */
    return si_scgi_parse(buffer, need, out, diag);
}

si_result si_scgi_write(int fd, int64_t deadline_ns, const void *data, size_t len, si_diag *diag) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            SI_TRY(wait_for(fd, POLLOUT, deadline_ns, diag));
        } else if (errno != EINTR) {
            return si_fail(diag, SI_ERR_IO, "cannot write the reply: %s", strerror(errno));
        }
    }
    return SI_OK;
}

void si_scgi_close(int fd, bool linger) {
    char rest[4096];
    ssize_t n = 1;
    int64_t deadline = si_now_ns() + (linger ? CLOSE_WAIT_MS * SI_MILLISECOND : 0);
    linger = linger && shutdown(fd, SHUT_WR) == 0;
    while (n > 0 && (!linger || wait_for(fd, POLLIN, deadline, NULL) == SI_OK)) {
        n = recv(fd, rest, sizeof rest, MSG_DONTWAIT);
    }
    close(fd);
}
