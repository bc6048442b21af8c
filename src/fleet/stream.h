/* The stream of invalidations in Redis or Valkey, through which every node of a fleet gets each
 * purge.
 *
 * Three keys, which one machine of a cluster has: the stream `smartimg:invalidations`, whose
 * entries name the one before them; a text that names the *epoch*, during which the server has lost
 * nothing; and a hash of nodes, each with how far it has come. What is missing in between is found
 * by the names of entries before, whoever has removed it; a server that lost its data by the epoch,
 * or by being behind of a node, which begins a new epoch then, so that all nodes learn of it. All
 * times are of the server's clock: those of the nodes do not matter. */
#ifndef SI_FLEET_STREAM_H
#define SI_FLEET_STREAM_H

#include "fleet/invalidation.h"
#include "fleet/redis.h"

enum {
    SI_STREAM_ENTRIES = 100000, /* about as many are kept; a node that has missed more purges all */
    SI_STREAM_BATCH = 256,      /* entries read at a time */
    SI_STREAM_BLOCK_MS = 500,   /* for new ones; also how often a node tells that it is there */
    SI_NODE_NAME = 129,         /* of a node, at most, with its NUL */
    SI_NODES_MAX = 4096
};

/* The number of an entry, as the server orders them. */
typedef struct si_stream_id {
    uint64_t ms, n;
} si_stream_id;

enum { SI_STREAM_ID_TEXT = 44, SI_EPOCH = 64 };

/* How far a node has come: every entry up to `id` of this epoch is applied. */
typedef struct si_stream_place {
    si_stream_id id;
    char epoch[SI_EPOCH]; /* "" = nowhere yet */
} si_stream_place;

int si_stream_id_compare(si_stream_id a, si_stream_id b);
const char *si_stream_id_print(si_stream_id id, char out[SI_STREAM_ID_TEXT]);
bool si_stream_id_read(si_str text, si_stream_id *out);

/* Whether a text may name a node: 1 to 128 letters, digits, dots, dashes and underscores. */
bool si_node_name_is_good(const char *name);

/* Where the stream ends, and what the server's clock shows. */
typedef struct si_stream_end {
    si_stream_place place;
    int64_t now_ms;
} si_stream_end;

/* Appends an invalidation; *out is its place. */
SI_NODISCARD si_result si_stream_add(
    redisContext *c, const si_invalidation *i, si_stream_place *out, si_diag *diag);

/* Says that `node` has come to `place`, and stands for `expire_s` seconds after it was last heard
 * of. */
SI_NODISCARD si_result si_stream_tell(redisContext *c, const char *node,
    const si_stream_place *place, int expire_s, si_stream_end *out, si_diag *diag);

/* Begins a new epoch, unless somebody has done so since `known`. */
SI_NODISCARD si_result si_stream_renew(
    redisContext *c, const char *known, si_stream_end *out, si_diag *diag);

/* An entry. */
typedef struct si_stream_entry {
    si_stream_id id, before; /* `before` is that of the entry before it; 0 = none */
    bool good;               /* what it says is an invalidation */
    si_invalidation what;
} si_stream_entry;

/* Reads up to SI_STREAM_BATCH entries behind `after`, waiting for up to SI_STREAM_BLOCK_MS for the
 * first; *count = 0: there was none. */
SI_NODISCARD si_result si_stream_read(redisContext *c, si_stream_id after,
    si_stream_entry out[SI_STREAM_BATCH], int *count, si_diag *diag);

/* A node as the others see it. */
typedef struct si_node {
    char name[SI_NODE_NAME];
    si_stream_place place;
    int64_t silent_ms; /* since it was heard of */
} si_node;

/* What is known of all nodes. */
typedef struct si_nodes {
    si_stream_end end;
    int64_t epoch_ms; /* for how long this epoch has lasted */
    bool there;       /* the entry that was asked for is in the stream */
    int count;
    si_node *nodes; /* `count` of them, by name; free() them */
} si_nodes;

/* Asks who there is, and whether the entry `id` is. Nodes that have been silent for longer than
 * they stand are forgotten. */
SI_NODISCARD si_result si_stream_nodes(
    redisContext *c, si_stream_id id, si_nodes *out, si_diag *diag);

/* Forgets a node; *known tells whether there was one. */
SI_NODISCARD si_result si_stream_forget(
    redisContext *c, const char *node, bool *known, si_diag *diag);

#endif
