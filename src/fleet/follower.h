/* The invalidations process of a node: it applies what the stream has to the node's generation
 * table, in order, tells the others how far it has come, and never misses anything unnoticed.
 *
 * Where something may have been missed, it purges everything: the stream was cut off behind where
 * the node was, the server lost its data, or what the node had on its disk was lost. Without a
 * connection it tries again, more and more slowly, and goes on where it was. */
#ifndef SI_FLEET_FOLLOWER_H
#define SI_FLEET_FOLLOWER_H

#include <signal.h>

#include "fleet/stream.h"

typedef struct si_follower_options {
    si_redis_address redis;
    const char *generations; /* file of the generation table */
    const char *position;    /* file of position.h, in a folder that is ours to write to */
    const char *report;      /* file that is written anew each second, lines of Prometheus' format,
                                for the first time when the node may begin to serve */
    const char *node;        /* name of the node, or NULL: one that is made for the folder */
    int expire_s;            /* how long the others wait for a node that is silent */
} si_follower_options;

enum {
    SI_FOLLOWER_START_MS = 10000, /* for a connection at the start; then the node serves without */
    SI_FOLLOWER_RETRY_MS = 100,   /* after a failure; it doubles, … */
    SI_FOLLOWER_RETRY_MOST_MS = 2000, /* … up to this */
    SI_FOLLOWER_EXPIRE_S = 86400      /* default of expire_s */
};

/* Follows the stream until *stop is set, then tells the others that the node leaves. `say` gets
 * lines for the log. Returns false if it could not begin (the table cannot be opened). */
bool si_follower_run(const si_follower_options *options, const volatile sig_atomic_t *stop,
    void (*say)(const char *fmt, ...));

#endif
