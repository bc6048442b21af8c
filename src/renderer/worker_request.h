/* One request of a worker, from the first byte on its connection to the last. */
#ifndef SI_RENDERER_WORKER_REQUEST_H
#define SI_RENDERER_WORKER_REQUEST_H

#include <stdbool.h>

#include "renderer/downloaded.h"
#include "renderer/worker.h"

/* What a worker works with; descriptors as si_worker_run() has them. */
typedef struct si_worker {
    const si_pool_options *options;
    int listeners[SI_LANE_COUNT]; /* −1 = none; that of SI_LANE_FOREIGN is a socket of
                                     si_downloaded_receive(), … */
    int fetched;                  /* … and so is this one, for cheap requests; −1 = none */
    int broker, fetcher, origins, refinement_slots;
    int statm; /* /proc/self/statm, −1 without /proc */
    si_worker_slot *slot;
    si_lane lane;             /* that the connection came from */
    bool handed_over;         /* it came with its images, from the downloads process */
    bool foreign_next;        /* SI_LANE_FOREIGN is looked at before SI_LANE_DEAR */
    bool fetched_next;        /* `fetched` is looked at before the listener of SI_LANE_CHEAP */
    bool trimmed;             /* freed memory has gone back since the last request */
    si_downloaded downloaded; /* what came with the connection; counts if it was handed over */
} si_worker;

/* Serves a connection, of which nothing was read unless it was handed over, and closes it.
 * si_last_reply_start() has been called. Returns false if the worker has to be replaced before it
 * serves another. */
bool si_worker_serve(si_worker *w, int connection);

#endif
