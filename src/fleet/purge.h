/* A purge of a whole fleet: appended to the stream, and waited for until every node has applied it.
 */
#ifndef SI_FLEET_PURGE_H
#define SI_FLEET_PURGE_H

#include "fleet/stream.h"

enum {
    SI_FLEET_WAIT_S = 10, /* default of si_fleet_purge_options.wait_ms, seconds */
    /* An epoch has to be so old before the nodes that are known are all that follow: each tells
     * every SI_STREAM_BLOCK_MS that it is there. */
    SI_FLEET_SETTLE_MS = 3000
};

typedef struct si_fleet_purge_options {
    si_redis_address redis;
    int wait_ms; /* in all */
    int nodes;   /* so many must be known, at least */
} si_fleet_purge_options;

/* What has become of it. */
typedef struct si_fleet_purge {
    bool added;       /* it is in the stream: whoever is behind will apply it */
    int acknowledged; /* nodes that have applied it */
    int behind;       /* nodes that have not, … */
    char names[400];  /* … their names, parted by ", ", as many as fit */
    bool settled;     /* false: nodes may not all be known yet */
} si_fleet_purge;

/* Purges, and waits. SI_OK once all nodes that are known have applied it, and they are as many as
 * wanted. SI_ERR_TIMEOUT with `diag` saying who has not if the time is over; out->added tells
 * whether it will be applied all the same. SI_ERR_IO if the server could not be reached until then.
 * If the connection is lost, or the server has lost the purge, it is added once more. */
SI_NODISCARD si_result si_fleet_purge_run(const si_fleet_purge_options *options,
    const si_invalidation *what, si_fleet_purge *out, si_diag *diag);

#endif
