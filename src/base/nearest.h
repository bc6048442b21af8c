/* The nearest of many names to one that was mistyped. */
#ifndef SI_BASE_NEAREST_H
#define SI_BASE_NEAREST_H

#include <stdbool.h>

#include "base/str.h"

enum {
    SI_NEAREST_LENGTH = 64, /* longer names are near to nothing, bytes */
    SI_NEAREST_STEPS = 3    /* between a name and its nearest one, at most */
};

/* Steps that turn one name into another, letters of either case being the same: a character less,
 * more or another, or two neighbours swapped (optimal string alignment). More than `most`, which is
 * SI_NEAREST_STEPS or less, is most + 1. Time grows with the shorter length, times `most`. */
int si_name_steps(si_str a, si_str b, int most);

/* A search. Initialize with si_nearest_to(). */
typedef struct si_nearest {
    si_str wanted; /* borrowed */
    int steps;     /* of `name`; SI_NEAREST_STEPS + 1 or less: none yet */
    int most;      /* steps that are allowed: none of short names, three of long ones */
    char name[SI_NEAREST_LENGTH + 1]; /* "" = none */
} si_nearest;

void si_nearest_to(si_nearest *n, si_str wanted);

/* Looks at one name. Of several that are equally near the first in alphabetical order counts,
 * whatever the order in which they are offered. */
void si_nearest_offer(si_nearest *n, si_str name);

#endif
