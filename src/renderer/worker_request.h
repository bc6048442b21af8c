/* One request of a worker, from the first byte on its connection to the last. */
#ifndef SI_RENDERER_WORKER_REQUEST_H
#define SI_RENDERER_WORKER_REQUEST_H

#include <stdbool.h>

#include "renderer/worker.h"

/* What a worker works with; descriptors as si_worker_run() has them. */
typedef struct si_worker {
    const si_pool_options *options;
    int listeners[SI_LANE_COUNT]; /* −1 = none */
    int broker, fetcher, refinement_slots;
    si_worker_slot *slot;
    si_lane lane; /* that the connection came from */
} si_worker;

/* Serves a fresh connection and closes it. si_last_reply_start() has been called. Returns false if
 * the worker has to be replaced before it serves another. */
bool si_worker_serve(const si_worker *w, int connection);

#endif
