/* How good the line to a client is, by what the kernel knows of a TCP connection to it.
 *
 * A reading of the connection (si_line_facts) seldom tells all. What was delivered is at least what
 * the line can carry, so a high rate always proves a fast line; a low one proves a slow line only
 * if the line was what held it back. So a reading becomes a range of classes, from the best to the
 * worst that it leaves possible, and a class changes only when it lies outside.
 *
 * - Rate: of this connection and of others to the same client at the same time, which share the
 *   line; by the kernel's last samples, or the average since the last reading, if that is higher,
 * as samples are low after losses, and at least half of what it was before. It is at its limit if
 * the sender had more to send (tcp(7), delivery_rate_app_limited) and was not just speeding up:
 * packets queue (round trips take clearly longer than the shortest one), the congestion window was
 * cut, or the sender paces at about the rate that it reached.
 * - Round trip: smoothed RTT and its variance (RFC 6298) are taken as bounds, so a line that varies
 *   is not called slow for its worst moments, nor fast for its best ones. Where packets queue
 *   because we send as much as the line carries, the shortest round trip counts.
 * - Loss: the share of segments that were sent again, of the last few hundred.
 *
 * The class is the worst of what the three say. Samples are low for a while after a loss, and never
 * too high: so a clear reading is believed at once if the line is better, and the second time if it
 * is worse. Nothing is said before `bytes` were acknowledged.
 */
#ifndef SI_CLIENT_LINE_H
#define SI_CLIENT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/network.h"

/* Limits besides those of client/network.h, all ints: L(X, limits, field, name, argument, initial,
 * minimum, maximum, unit, help). `X` and `limits` are passed on; `name` is that of the server
 * option, less "network-", and of the directive smartimg_network_line. */
#define SI_LINE_LIMITS(L, X, limits)                                                               \
    L(X, limits, good_loss, "good-loss", "PERCENT", 10, 1, 100, "percent",                         \
        "A line on which this share of segments has to be sent again is good rather than "         \
        "excellent.")                                                                              \
    L(X, limits, poor_loss, "poor-loss", "PERCENT", 30, 1, 100, "percent",                         \
        "A line on which this share of segments has to be sent again is poor.")                    \
    L(X, limits, bytes, "bytes", "N", 20000, 0, 100000000, "bytes",                                \
        "What a connection must have carried before it is judged.")                                \
    L(X, limits, readings, "readings", "N", 3, 1, 100, "",                                         \
        "How many readings in a row have to agree that a connection has left its class. Clear "    \
        "ones, half as much again beyond a limit, count twice, or, if the line is better, at "     \
        "once.")                                                                                   \
    L(X, limits, memory, "memory-seconds", "N", 60, 0, 3600, "seconds",                            \
        "For how long new connections of a client, an IPv4 address or an IPv6 network of 64 "      \
        "bits, "                                                                                   \
        "begin with the class that was found last.")

typedef struct si_line_limits {
#define SI_LINE_FIELD(X, limits, field, ...) int field;
    SI_LINE_LIMITS(SI_LINE_FIELD, , )
#undef SI_LINE_FIELD
} si_line_limits;

/* The defaults. */
extern const si_line_limits si_line_limits_initial;

/* Sets the limit called `name` ("good-loss"). False if there is none, or it is out of range. */
bool si_line_set_limit(si_line_limits *limits, si_str name, si_str value);

/* What the kernel knows of a connection; counters are of its whole life. */
typedef struct si_line_facts {
    uint64_t acked;             /* bytes */
    uint64_t busy;              /* µs during which something was sent or not acknowledged yet */
    uint64_t rate;              /* bytes a second, of the last samples; 0 = unknown */
    bool app_limited;           /* `rate` is what there was to send */
    uint64_t pacing_rate;       /* bytes a second; UINT64_MAX = unlimited */
    uint32_t window, threshold; /* segments; congestion window, and slow start threshold */
    uint32_t rtt, rtt_var, min_rtt; /* µs; min_rtt 0 = unknown */
    uint32_t segments, resent;      /* sent with data, and again; of 2^32 */
} si_line_facts;

/* Reads them of a connected TCP socket. False if it is none, or the kernel (before Linux 4.10)
 * does not tell enough. */
bool si_line_read(int fd, si_line_facts *facts);

/* What is known of a connection. Zero-initialize. */
typedef struct si_line {
    si_network network;        /* SI_NETWORK_UNKNOWN until enough was sent */
    uint32_t rate;             /* kbit/s, of the last reading */
    int agreeing;              /* by weight, readings in a row that say it has left its class */
    bool worse;                /* in which direction */
    uint64_t acked, busy;      /* at the last reading that counted */
    uint64_t sample;           /* `rate` of the facts, then: the same again is nothing new */
    uint32_t segments, resent; /* then, too */
    uint32_t recent, recent_resent; /* of the last few hundred segments */
} si_line;

/* What other connections to the same client carry at the time of a reading. */
typedef struct si_line_others {
    uint32_t rate; /* kbit/s, of those that have been read */
    int silent;    /* how many have not yet; each may carry as much as this one */
} si_line_others;

/* Takes a reading in. True if it counts: enough was sent, and something since the last one that
 * counted. */
bool si_line_judge(si_line *line, const si_line_facts *facts, const si_line_others *others,
    const si_network_limits *classes, const si_line_limits *limits);

#endif
