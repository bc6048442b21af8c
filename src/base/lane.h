/* Lanes: the queues in which requests stand before the renderers, each the backlog of a socket.
 *
 * A free worker takes from the first lane that has something, so that cheap first answers overtake
 * dear ones, and refinements wait for both. Not all workers may be in the others at a time
 * (renderer/refinement_slots.h). The lane of foreign images has a process of its own, which hands
 * requests over to workers when their images are there (renderer/downloads.h); from then on they
 * are dear ones, and take turns with these. Those whose originals alone had to be fetched, from
 * origins, are cheap ones by then if they would have been with the originals in the folder. */
#ifndef SI_BASE_LANE_H
#define SI_BASE_LANE_H

/* name, what its socket's path ends with, what it is for; in the order in which workers look */
#define SI_LANES(X)                                                                                \
    X(CHEAP, "", "first answers")                                                                  \
    X(DEAR, "-dear", "first answers that are foreseen to be dear (plan/cost.h)")                   \
    X(FOREIGN, "-foreign", "whatever foreign images have to be downloaded for")                    \
    X(REFINE, "-refine", "refinements")

typedef enum si_lane {
#define X(name, suffix, text) SI_LANE_##name,
    SI_LANES(X)
#undef X
        SI_LANE_COUNT
} si_lane;

#endif
