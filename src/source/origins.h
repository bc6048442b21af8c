/* The origins process: the only one that speaks to origins (base/origin.h), and the only one that
 * has their keys.
 *
 * nginx's workers ask it for the state of originals, over connections of their own
 * (base/origin_ask.h). Renderers, and the downloads process, ask it for originals themselves, as
 * they ask the fetcher for foreign images (fetcher.h); what they name is the path that a recipe
 * has, and the answer's life is 0 if what the origin has is of another version. However many ask,
 * an original is asked for once at a time. A question of a renderer that closes its socket is taken
 * back.
 *
 * It is started when there is a question, and ends when there has been none for a while, and nobody
 * of nginx is connected. */
#ifndef SI_SOURCE_ORIGINS_H
#define SI_SOURCE_ORIGINS_H

#include "base/origin.h"
#include "process/sandbox.h"
#include "source/fetcher.h"

enum {
    SI_ORIGINS_TASKS = 1024,     /* questions that wait for origins at a time, at most */
    SI_ORIGINS_CONNECTIONS = 300 /* of nginx's workers, at most */
};

/* Borrowed for as long as the process lives. */
typedef struct si_origins_options {
    si_origins origins;
    si_fetcher_guard guard; /* of questions for originals */
    const char
        *cache; /* folder of original_cache.h, which is made if it is not there; NULL = none */
    int64_t cache_bytes, cache_free; /* its bounds */
    int keys;                        /* file of si_origin_keys_take_environment(), or −1 */
    si_sandbox_mode sandbox;
} si_origins_options;

/* The life of the process, freshly forked and of a single thread: never returns. `listener` is
 * where nginx's workers connect to (−1 = nowhere), `answering` an end of si_fetcher_sockets().
 * Reads the files of keys, and opens its folder; closes every descriptor but 0 to 2 and these two,
 * gives root up, enters its sandbox, and dies with its parent. SIGTERM
 * ends it after what renderers have asked; nginx's workers, whose connections it closes at once,
 * ask the next one. */
_Noreturn void si_origins_run(
    const si_origins_options *options, int listener, int answering, pid_t parent);

/* Opens the socket that nginx's workers connect to; −1 with `diag` set. */
int si_origins_listen(const char *path, si_diag *diag);

#endif
