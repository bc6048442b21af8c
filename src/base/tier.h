/* How much work an answer may cost: from what is sent while many wait, to what an idle machine
 * makes of it later. A row is a name on the wire (receipts, parameters of renderers).
 *
 * The first three are first answers: a better one will replace them, so shared caches are to ask
 * again soon. The last two are refined answers. */
#ifndef SI_BASE_TIER_H
#define SI_BASE_TIER_H

#include <stdbool.h>
#include <string.h>

/* name, what it is */
#define SI_TIERS(X)                                                                                \
    X(REQUESTED, requested, "the requested encoding alone, without a search")                      \
    X(QUICK, quick, "a first answer while others wait")                                            \
    X(FAST, fast, "a first answer on an idle machine")                                             \
    X(BETTER, better, "refined, as many pictures are before any gets more")                        \
    X(BEST, best, "refined as far as it pays")

typedef enum si_tier {
    SI_TIER_DEFAULT, /* the same as SI_TIER_FAST */
#define X(name, word, text) SI_TIER_##name,
    SI_TIERS(X)
#undef X
} si_tier;

static inline bool si_tier_is_refined(si_tier tier) {
    return tier >= SI_TIER_BETTER;
}

/* Static string; "fast" for the default. */
static inline const char *si_tier_name(si_tier tier) {
    switch (tier) {
#define X(name, word, text)                                                                        \
    case SI_TIER_##name:                                                                           \
        return #word;
        SI_TIERS(X)
#undef X
    case SI_TIER_DEFAULT:
        break;
    }
    return "fast";
}

/* The tier of that name; SI_TIER_DEFAULT if there is none. */
static inline si_tier si_tier_by_name(const char *name, size_t len) {
#define X(upper, word, text)                                                                       \
    if (len == sizeof #word - 1 && memcmp(name, #word, len) == 0) {                                \
        return SI_TIER_##upper;                                                                    \
    }
    SI_TIERS(X)
#undef X
    return SI_TIER_DEFAULT;
}

#endif
