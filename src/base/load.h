/* How far answers step back while others wait for a renderer, from an idle machine to one that can
 * take no more. A row is a step: a name on the wire (receipts, renderers' replies, metrics). The
 * steps are taken in their order, and taken back in the reverse one, as each is decided anew for
 * every answer (renderer/load.h). */
#ifndef SI_BASE_LOAD_H
#define SI_BASE_LOAD_H

#include <stdbool.h>
#include <string.h>

/* name, word, what happens */
#define SI_LOADS(X)                                                                                \
    X(REFINEMENT, "refinement", "a refinement ends with what it has")                              \
    X(QUICK, "quick", "a first answer of tier quick")                                              \
    X(QUICK_FORMAT, "quick-format", "the same in the format that encodes quickest")                \
    X(REQUESTED, "requested", "the requested encoding alone")                                      \
    X(REFUSED, "refused", "503")

typedef enum si_load {
    SI_LOAD_IDLE, /* nothing is stepped back from */
#define X(name, word, text) SI_LOAD_##name,
    SI_LOADS(X)
#undef X
} si_load;

/* Static string; "idle" for none. */
static inline const char *si_load_name(si_load load) {
    switch (load) {
#define X(name, word, text)                                                                        \
    case SI_LOAD_##name:                                                                           \
        return word;
        SI_LOADS(X)
#undef X
    case SI_LOAD_IDLE:
        break;
    }
    return "idle";
}

/* The step of that name; SI_LOAD_IDLE if there is none. */
static inline si_load si_load_by_name(const char *name, size_t len) {
#define X(upper, word, text)                                                                       \
    if (len == sizeof word - 1 && memcmp(name, word, len) == 0) {                                  \
        return SI_LOAD_##upper;                                                                    \
    }
    SI_LOADS(X)
#undef X
    return SI_LOAD_IDLE;
}

#endif
