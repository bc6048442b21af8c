/* When the pool ends a worker. A worker tells until when it needs at most, in memory that it can
 * write to, so one that a hostile image has taken over could say anything: the pool has bounds of
 * its own, by its own clock. */
#ifndef SI_RENDERER_OVERDUE_H
#define SI_RENDERER_OVERDUE_H

#include <stdbool.h>
#include <stdint.h>

#include "renderer/pool.h"

/* A worker is replaced after that, whatever it does. */
#define SI_WORKER_AGE_NS (3600 * INT64_C(1000000000))

/* What the pool knows of a worker. Zero-initialize for each, then set started_ns. */
typedef struct si_worker_watch {
    int64_t started_ns;
    int64_t busy_since_ns; /* when it was first seen at work on a request; 0 = it is idle */
    bool told;             /* that it is old */
} si_worker_watch;

typedef enum si_overdue {
    SI_OVERDUE_NOT,
    SI_OVERDUE_OLD,  /* it is to be told, once, to end after what it does */
    SI_OVERDUE_KILL, /* it overran what it said itself */
    SI_OVERDUE_HELD, /* it has been at work for longer than any request takes */
    SI_OVERDUE_STAYS /* it was told to end, and does not */
} si_overdue;

/* Longer than any request takes: its head, its downloads, its wall time as a refinement, and its
 * reply; nanoseconds. The options have their defaults filled in. */
int64_t si_longest_request_ns(const si_pool_options *o);

/* To be asked several times a second. `kill_at_ns` is what the worker says: when it may be killed,
 * 0 = it is idle. */
si_overdue si_worker_overdue(
    si_worker_watch *w, const si_pool_options *o, int64_t kill_at_ns, int64_t now_ns);

#endif
