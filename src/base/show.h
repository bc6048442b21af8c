/* What a renderer is asked to show of an answer (SI_PARAM_SHOW of wire.h). Only the playground asks
 * for anything but the reply itself (docs/playground.md). */
#ifndef SI_BASE_SHOW_H
#define SI_BASE_SHOW_H

#include "base/str.h"

/* name of SI_SHOW_, word on the wire; the first is what an absent or unknown word means */
#define SI_SHOWS(X)                                                                                \
    X(REPLY, "")                                                                                   \
    X(EXPLANATION, "explain") /* how the reply was chosen, as JSON (renderer/explanation.h) */     \
    X(PNG, "png") /* the reply's pixels, decoded, for browsers that cannot show its format */

typedef enum si_show {
#define X(id, word) SI_SHOW_##id,
    SI_SHOWS(X)
#undef X
        SI_SHOW_COUNT
} si_show;

static inline const char *si_show_word(si_show show) {
    static const char *const words[SI_SHOW_COUNT] = {
#define X(id, word) word,
        SI_SHOWS(X)
#undef X
    };
    return words[show];
}

static inline si_show si_show_by_word(si_str word) {
    for (int i = 1; i < SI_SHOW_COUNT; i++) {
        if (si_str_eq(word, si_str_of(si_show_word((si_show)i)))) {
            return (si_show)i;
        }
    }
    return SI_SHOW_REPLY;
}

#endif
