/* How many workers may be at refinements and at dear first answers at a time: half of them, and one
 * of a single worker, so that cheap first answers find one.
 *
 * A refinement slot is a POSIX record lock on one of the first bytes of an empty file that all
 * workers share; the death of its holder releases it. */
#ifndef SI_RENDERER_REFINEMENT_SLOTS_H
#define SI_RENDERER_REFINEMENT_SLOTS_H

#include <stdbool.h>

/* What workers add to the niceness that they are started with, and refinements to that: nginx,
 * which answers most requests from its cache, is not to wait for a renderer's turn to end, nor
 * first answers for a refinement's. */
enum { SI_WORKER_NICE = 10, SI_REFINE_NICE = 9 };

/* How many slots `workers` workers have, at least 1. */
int si_refinement_slot_count(int workers);

/* Takes a slot of the file `slots`, unless this process has one. False if all those that `workers`
 * workers have are taken. */
bool si_refinement_slot_take(int slots, int workers);

/* True if a worker could take one now. */
bool si_refinement_slot_is_free(int slots, int workers);

/* Gives it back, if there is one. */
void si_refinement_slot_release(int slots);

/* The same with a step back behind first answers (a lower priority). */
bool si_refinement_begin(int slots, int workers);

/* Takes the step back, and leaves the slot. False if the priority cannot be raised again: such a
 * worker is no good for first answers. */
bool si_refinement_end(void);

#endif
