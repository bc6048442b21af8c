/* What the files of the origins process share. */
#ifndef SI_SOURCE_ORIGINS_INTERNAL_H
#define SI_SOURCE_ORIGINS_INTERNAL_H

#include "source/authorities.h"
#include "source/instance_keys.h"
#include "source/origin_request.h"
#include "source/original_cache.h"
#include "source/origins.h"

enum { SI_ORIGINAL_LIFE = 31536000 /* seconds, of an original that is the one asked for */ };

/* Somebody who waits for a task. */
typedef struct si_origin_waiter {
    struct si_origin_waiter *next;
    int socket;      /* of a renderer; −1 = of nginx: */
    int connection;  /* its connection, … */
    unsigned serial; /* … which is still that one if it has this */
    uint64_t number;
    uint64_t version; /* that a renderer wants */
} si_origin_waiter;

typedef enum si_task_phase {
    SI_TASK_QUEUED,
    SI_TASK_RUNNING,
    SI_TASK_RESTING /* until the next try */
} si_task_phase;

typedef struct si_origin_task {
    struct si_origin_task *next;
    const si_origin *origin;
    si_origin_request *request;
    char key[SI_ORIGIN_KEY_MAX];
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];
    int candidate_count;
    bool body;
    si_task_phase phase;
    CURL *handle; /* while it runs */
    int64_t at_ns;
    si_origin_waiter *waiters;
} si_origin_task;

typedef struct si_nginx_connection {
    int socket; /* −1 = free */
    unsigned serial;
} si_nginx_connection;

typedef struct si_origins_process {
    const si_origins_options *options;
    CURLM *multi;
    int listener, answering;
    int folder; /* of the cache, −1 = none */
    si_original_cache *cache;
    si_origin_keys *keys;  /* one for each origin, … */
    si_bytes *authorities; /* … and what its CaFile has: none if it has none, or cannot be read */
    si_instance_keys *instance; /* NULL = no origin needs them */
    si_origin_keys instance_keys;
    si_origin_task *tasks; /* the oldest first */
    int task_count;
    si_nginx_connection connections[SI_ORIGINS_CONNECTIONS];
} si_origins_process;

/* ---- origin_tasks.c ---- */

/* Puts somebody to a task, or tells them that there are too many. */
void si_tasks_ask(
    si_origins_process *p, const si_origin_wanted *wanted, const si_origin_waiter *who);

/* Tells somebody what came of it; `fd` is of an original, or −1. */
void si_tasks_tell(
    si_origins_process *p, const si_origin_waiter *w, const si_origin_outcome *o, int fd);

/* Starts what may run now; ends what libcurl has ended. */
void si_tasks_start(si_origins_process *p);
void si_tasks_take_finished(si_origins_process *p);

/* How many tasks run that are of the same origin and kind. */
int si_tasks_running(const si_origins_process *p, const si_origin_task *like);

/* Ends all tasks that are about a state rather than an original. */
void si_tasks_end_states(si_origins_process *p);

/* Whether a renderer waits on that socket, and that it has gone. */
bool si_tasks_has_waiter(const si_origins_process *p, int socket);
void si_tasks_forget(si_origins_process *p, int socket);

#endif
