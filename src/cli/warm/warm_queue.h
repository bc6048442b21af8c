/* Which request is next, and when: all addresses of a list for all classes, and those again that
 * have to be. Knows no clock but what it is told. */
#ifndef SI_CLI_WARM_WARM_QUEUE_H
#define SI_CLI_WARM_WARM_QUEUE_H

#include "cli/warm/warm_job.h"

/* Begin with si_warm_queue_init(), end with si_warm_queue_free(). */
typedef struct si_warm_queue {
    const char *const *urls; /* borrowed */
    int url_count, class_count;
    int url, class;      /* what comes next of them */
    int64_t interval_ns; /* between two starts; 0 = none */
    int64_t next_ns;     /* no start before */
    si_warm_job **again; /* a heap, the earliest first */
    int again_count, again_room;
} si_warm_queue;

/* `rate` requests a second, 0 = any number. */
void si_warm_queue_init(
    si_warm_queue *q, const char *const *urls, int url_count, int class_count, double rate);

/* The job to start at `now_ns`, or NULL if there is none yet. Those that are due again come before
 * fresh ones. It is the caller's, malloc'ed, until si_warm_queue_again() or free(). Who asks late
 * does not catch up: two starts are at least an interval apart. `*failed` if memory runs out. */
si_warm_job *si_warm_queue_take(si_warm_queue *q, int64_t now_ns, bool *failed);

/* When si_warm_queue_take() will have one, INT64_MAX if it has none that is known. */
int64_t si_warm_queue_when(const si_warm_queue *q);

/* Puts a job back, to be taken at job->at_ns at the earliest. False if memory runs out: the job is
 * the caller's still. */
bool si_warm_queue_again(si_warm_queue *q, si_warm_job *job);

void si_warm_queue_free(si_warm_queue *q);

#endif
