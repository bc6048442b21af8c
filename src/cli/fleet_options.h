/* The options by which a server belongs to a fleet: rows for server_options.h, and what they are
 * read into. */
#ifndef SI_CLI_FLEET_OPTIONS_H
#define SI_CLI_FLEET_OPTIONS_H

#include "base/wire.h"
#include "fleet/follower.h"
#include "fleet/purge.h"

/* As asked for; NULL = not given. */
typedef struct si_fleet_options {
    const char *redis;       /* address of Redis (fleet/redis.h) */
    const char *redis_auth;  /* file with a password */
    const char *node;        /* name of this node */
    int node_expire;         /* seconds */
    const char *purge_token; /* file */
    const char *purge_hooks; /* files parted by commas */
    int purge_wait;          /* seconds */
} si_fleet_options;

/* Of `serve` and of the commands that purge. `fleet` is an si_fleet_options. */
#define SI_REDIS_OPTIONS(X, fleet)                                                                 \
    X("redis", TEXT, "URL", (fleet).redis, NULL, "none: this server is alone", 0, 0, "",           \
        "Redis or Valkey through which every node of a fleet gets each purge: "                    \
        "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix:PATH (docs/fleet.md).")          \
    X("redis-auth", TEXT, "FILE", (fleet).redis_auth, NULL, "what the address says", 0, 0, "",     \
        "File whose first line is PASSWORD or USER:PASSWORD of Redis.")

#define SI_HOOKS_OPTION(X, fleet)                                                                  \
    X("purge-hooks", TEXT, "FILE,...", (fleet).purge_hooks, NULL, "none", 0, 0, "",                \
        "Commands that have CDNs forget what was purged, run after each purge (docs/fleet.md).")

/* Of `serve` alone. */
#define SI_FLEET_OPTIONS(X, fleet)                                                                 \
    SI_REDIS_OPTIONS(X, fleet)                                                                     \
    X("node", TEXT, "NAME", (fleet).node, NULL,                                                    \
        "the name of the machine and a random number, kept with the cache", 0, 0, "",              \
        "Name of this node of a fleet, which no other may have: letters, digits, dots, dashes.")   \
    X("node-expire", COUNT, "SECONDS", (fleet).node_expire, SI_FOLLOWER_EXPIRE_S, NULL, 10,        \
        31536000, "seconds",                                                                       \
        "How long purges wait for this node, or say that it is behind, when it is gone without "   \
        "having left the fleet, as it does when it is stopped in order.")                          \
    X("purge-token", TEXT, "FILE", (fleet).purge_token, NULL,                                      \
        "that of the environment variable " SI_ENV_PURGE_TOKEN ", or there is none and no PURGE",  \
        0, 0, "",                                                                                  \
        "File whose first line is the token that PURGE over HTTP at --admin-listen wants.")        \
    SI_HOOKS_OPTION(X, fleet)                                                                      \
    X("purge-wait", COUNT, "SECONDS", (fleet).purge_wait, SI_FLEET_WAIT_S, NULL, 0, 3000,          \
        "seconds", "How long a PURGE over HTTP waits for all nodes of the fleet.")

#endif
