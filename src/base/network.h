/* How good the line to a client is. A row is a word of the command network=, of classes that edges
 * tell, of receipts, logs and metrics. */
#ifndef SI_BASE_NETWORK_H
#define SI_BASE_NETWORK_H

#include "base/str.h"

/* name, word, what it means for an answer; from the best to the worst */
#define SI_NETWORKS(X)                                                                             \
    X(EXCELLENT, excellent, "as if nothing were known")                                            \
    X(GOOD, good, "fewer bytes, looks a little worse")                                             \
    X(POOR, poor, "far fewer bytes, and pixel ratio 1")

/* "|excellent|good|poor"; SI_NETWORK_WORDS is the same without the first bar. */
#define SI_NETWORK_WORD(name, word, text) "|" #word
#define SI_NETWORK_MORE_WORDS SI_NETWORKS(SI_NETWORK_WORD)
#define SI_NETWORK_WORDS (&SI_NETWORK_MORE_WORDS[1])

typedef enum si_network {
    SI_NETWORK_UNKNOWN, /* nobody has told; answered as excellent */
#define X(name, word, text) SI_NETWORK_##name,
    SI_NETWORKS(X)
#undef X
        SI_NETWORK_COUNT
} si_network;

/* Static string; "unknown" for SI_NETWORK_UNKNOWN. */
static inline const char *si_network_name(si_network network) {
    switch (network) {
#define X(name, word, text)                                                                        \
    case SI_NETWORK_##name:                                                                        \
        return #word;
        SI_NETWORKS(X)
#undef X
    case SI_NETWORK_UNKNOWN:
    case SI_NETWORK_COUNT:
        break;
    }
    return "unknown";
}

/* The class of that name, in any case; SI_NETWORK_UNKNOWN if there is none. */
static inline si_network si_network_by_name(si_str name) {
#define X(upper, word, text)                                                                       \
    if (si_str_eq_nocase(name, SI_STR(#word))) {                                                   \
        return SI_NETWORK_##upper;                                                                 \
    }
    SI_NETWORKS(X)
#undef X
    return SI_NETWORK_UNKNOWN;
}

#endif
