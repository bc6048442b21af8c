/* How good the line to a client is: from what is known of it to a class of base/network.h. */
#ifndef SI_CLIENT_NETWORK_H
#define SI_CLIENT_NETWORK_H

#include <stdbool.h>

#include "base/network.h"

/* Mbit/s, ms: a line is of this class, unless a worse one fits, if it carries less than that, or
 * answers later. Both lie within what browsers call 4g, which begins at 0.7 Mbit/s and 270 ms
 * (Network Information API, section 3.4): a photo of 60 KB takes an eighth of a second at 4 Mbit/s,
 * and 0.7 s at 0.7. */
#define SI_NETWORK_LIMIT_GOOD 4, 270
#define SI_NETWORK_LIMIT_POOR 0.7, 600

/* Names of ECT (the same API), and the class of a line of which nothing else is known. */
#define SI_NETWORK_EFFECTIVE_TYPES(X)                                                              \
    X("slow-2g", POOR)                                                                             \
    X("2g", POOR)                                                                                  \
    X("3g", GOOD)                                                                                  \
    X("4g", EXCELLENT)

/* From where on a line is of a class. */
typedef struct si_network_limit {
    double downlink; /* Mbit/s, less than this; 0…SI_NETWORK_DOWNLINK_MAX, 0 = no line is */
    double rtt;      /* ms of a round trip, more than this; 0…SI_NETWORK_RTT_MAX */
} si_network_limit;

#define SI_NETWORK_DOWNLINK_MAX 1000000.0 /* Mbit/s */
#define SI_NETWORK_RTT_MAX 3600000.0      /* ms */

/* Of each class; those of GOOD and POOR are looked at. */
typedef struct si_network_limits {
    si_network_limit of[SI_NETWORK_COUNT];
} si_network_limits;

/* Those of above, as an initializer; SI_NETWORK_LIMIT_TEXT(SI_NETWORK_LIMIT_GOOD) is one as text.
 */
#define SI_NETWORK_USUAL_LIMITS                                                                    \
    {                                                                                              \
        .of = {                                                                                    \
            [SI_NETWORK_GOOD] = {SI_NETWORK_LIMIT_GOOD},                                           \
            [SI_NETWORK_POOR] = {SI_NETWORK_LIMIT_POOR}                                            \
        }                                                                                          \
    }
#define SI_NETWORK_LIMIT_TEXT(...) SI_NETWORK_TEXT_OF(__VA_ARGS__)
#define SI_NETWORK_TEXT_OF(...) #__VA_ARGS__

/* "MBIT,MS", such as "4,270": two numbers within the bounds above, blanks around them. False if it
 * is anything else; then *out is left alone. */
bool si_network_read_limit(si_str text, si_network_limit *out);

/* The class of a line that carries `downlink` Mbit/s and answers after `rtt` ms; NAN = not known.
 * SI_NETWORK_UNKNOWN if neither is. */
si_network si_network_of_line(const si_network_limits *limits, double downlink, double rtt);

/* Headers of requests, each absent = {NULL, 0}. */
typedef struct si_network_hints {
    si_str save_data, downlink, rtt, ect;
} si_network_hints;

/* Save-Data: on; parameters behind it mean nothing (Save Data API, section 2). */
bool si_network_saves_data(const si_network_hints *hints);

/* The class that Downlink (Mbit/s), RTT (ms) and ECT tell, the worst of them, as each has its own
 * way of being too kind: browsers round and cap them. But a Downlink that is not poor counts for
 * nothing beside an ECT of 4g: browsers that have seen little traffic guess 1.4 Mbit/s there. What
 * is no such value tells nothing. */
si_network si_network_of_hints(const si_network_limits *limits, const si_network_hints *hints);

/* What there is to go by, and from whom; SI_NETWORK_UNKNOWN where nobody said anything. */
typedef struct si_network_told {
    bool saves_data;     /* the client wants few bytes, however good its line is */
    si_network measured; /* the server, of this connection */
    si_network hinted;   /* the client's headers */
    si_network edge;     /* a CDN or proxy in front */
} si_network_told;

/* The class that counts, never SI_NETWORK_UNKNOWN. A client that wants to save data is poor, which
 * is a wish and no guess. Else the first that tells: the connection, the client's headers, `script`
 * (the client's own script, in the URL), the edge; else the line is excellent
 * (docs/decisions.md, N1). *measured_alone: without the measurement it were another. */
si_network si_network_decide(const si_network_told *told, si_network script, bool *measured_alone);

#endif
