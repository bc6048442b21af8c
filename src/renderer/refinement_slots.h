/* How many workers may refine at a time: half of them, so that first answers find one.
 *
 * A refinement slot is a POSIX record lock on one of the first bytes of an empty file that all
 * workers share; the death of its holder releases it. */
#ifndef SI_RENDERER_REFINEMENT_SLOTS_H
#define SI_RENDERER_REFINEMENT_SLOTS_H

#include <stdbool.h>

/* Takes a slot of the file `slots`, and steps back behind first answers (a lower priority). False
 * if all those that `workers` workers have are taken. */
bool si_refinement_begin(int slots, int workers);

/* Gives it back. False if the priority cannot be raised again: such a worker is no good for first
 * answers. */
bool si_refinement_end(int slots);

#endif
