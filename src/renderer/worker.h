/* One renderer: a process that serves one request at a time and may die at any moment.
 *
 * It has no root folder of its own: originals come from the broker in the pool. When a request runs
 * out of time, the worker sends the best image it has so far before it ends, if it has one. Else,
 * and when a codec crashes, it sends a complete error reply, so that the edge does not try the same
 * crash again. Then it ends and the pool starts another. */
#ifndef SI_RENDERER_WORKER_H
#define SI_RENDERER_WORKER_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/request_id.h"
#include "renderer/downloads.h"
#include "renderer/pool.h"

enum {
    SI_WORKER_REQUESTS_MAX = 500,   /* then it is replaced, as a limit to leaks and fragmentation */
    SI_WORKER_READ_MS = 3000,       /* for a request to arrive */
    SI_WORKER_REFINE_PATIENCE = 3,  /* a refinement, for which nobody waits, may take so many wall
                                       times */
    SI_WORKER_WRITE_MS = 5000,      /* for a reply to be taken */
    SI_WORKER_KILL_SLACK_MS = 1000, /* what a worker may overrun before the pool kills it */
    SI_WORKER_CUT_SHORT = 64,       /* exit status 64 + signal number: ended after its last reply */
    SI_WORKER_NOT_STARTED = 3, /* exit status: the image library refused to start, or confinement */
    SI_WORKER_NO_MEMORY = 4    /* exit status: crashed, after its last reply, as memory ran out */
};

/* What a worker tells the pool: a page of shared memory of its own, which no other worker sees. */
typedef struct si_worker_slot {
    _Atomic int64_t kill_at_ns; /* CLOCK_MONOTONIC time at which the pool may kill it; 0 = idle */
    char recipe[1000];          /* what it works on, NUL-terminated, for the log */
    char id[SI_REQUEST_ID_MAX + 1]; /* … and for which request; "" = not told */
    atomic_uint layers;             /* SI_SANDBOX_*: what its sandbox has; at first none */
    /* Requests answered without a render, by all workers that the slot has had: */
    atomic_uint dropped;  /* whose clients had gone while they stood in the queue */
    atomic_uint late;     /* that had stood there for longer than si_pool_options.queue_ms */
    atomic_uint deferred; /* refinements that found no slot */
} si_worker_slot;

/* The life of a worker, in a freshly forked process: never returns. `broker` is its end of the
 * socket pair to the pool; `fetcher` the socket of si_fetcher_open(), and `origins` the same to the
 * origins process, which all share; `refinement_slots` the file of refinement_slots.h, and
 * `downloaded` the sockets that requests are handed over on (downloaded.h), or −1, which all share,
 * too. Every other descriptor but 0 to 2 and options->listen_fds is closed, of which that of
 * SI_LANE_FOREIGN is not the worker's. */
_Noreturn void si_worker_run(const si_pool_options *options, int broker, int fetcher, int origins,
    int refinement_slots, const int downloaded[SI_DOWNLOADS_KINDS], si_worker_slot *slot,
    pid_t pool);

#endif
