/* The requests of `smartimg warm`, several at a time. */
#ifndef SI_CLI_WARM_WARM_ASK_H
#define SI_CLI_WARM_WARM_ASK_H

#include "cli/warm/warm_job.h"

/* What the cache of the server did, as X-Cache has it. */
#define SI_WARM_CACHE(X) X(hit) X(miss) X(refresh) X(bypass)

typedef enum si_warm_cache {
#define X(word) SI_WARM_CACHE_##word,
    SI_WARM_CACHE(X)
#undef X
        SI_WARM_CACHE_COUNT /* it does not say: errors, replies without pixels */
} si_warm_cache;

typedef struct si_warm_reply {
    int status;      /* 0 = no answer, see `error` */
    char error[200]; /* the first line of an error's body, or why there was no answer */
    char type[64];   /* Content-Type, without parameters */
    int64_t bytes;   /* of the body */
    long saved;      /* bytes less than the requested encoding, 0 = none or not told */
    int retry_after; /* seconds, 0 = not told */
    bool first;      /* a first answer, which a refined one will replace */
    si_warm_cache cache;
} si_warm_reply;

typedef struct si_warm_asker si_warm_asker;

/* A new asker of a server, `origin` = scheme://host:port, for `parallel` requests at a time. NULL,
 * with a complaint, if it cannot be had. `classes` is borrowed. */
si_warm_asker *si_warm_asker_new(const char *origin, const si_warm_classes *classes, int parallel);
void si_warm_asker_free(si_warm_asker *a); /* NULL: nothing; ends what is under way */

/* How many more requests may be started, and how many are under way. */
int si_warm_asker_free_slots(const si_warm_asker *a);
int si_warm_asker_busy(const si_warm_asker *a);

/* Starts a request; there is a free slot. The job is borrowed until it is given back. False if
 * memory runs out. */
bool si_warm_asker_start(si_warm_asker *a, si_warm_job *job);

/* The job of a request that has ended, with its reply, or NULL. */
si_warm_job *si_warm_asker_done(si_warm_asker *a, si_warm_reply *reply);

/* Waits for something to happen, `ms` at most, or for a signal. */
void si_warm_asker_wait(si_warm_asker *a, int ms);

#endif
