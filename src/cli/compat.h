/* smartimg compat: what becomes of another server's URLs here. */
#ifndef SI_CLI_COMPAT_H
#define SI_CLI_COMPAT_H

#include <stdbool.h>

#include "base/arena.h"
#include "catalog/catalog.h"
#include "plan/plan.h"

typedef enum si_compat_verdict {
    SI_COMPAT_SUPPORTED, /* does what the protocol says */
    SI_COMPAT_IGNORED,   /* unknown, or known to change nothing: the reply is the same without it */
    SI_COMPAT_REFUSED    /* some of its values are answered with an error */
} si_compat_verdict;

/* A command of the URLs, and how often it occurs. */
typedef struct si_compat_command {
    struct si_compat_command *next; /* of equal hash */
    const char *name;               /* as the table spells it, or in lower case if unknown */
    const char *section;            /* of docs/protocol.md, "" if unknown */
    si_compat_verdict verdict;
    long urls, requests;
    long refused;  /* of the requests, those whose error is about it */
    long last_url; /* the URL that was counted last, so that each counts once */
} si_compat_command;

enum { SI_COMPAT_BUCKETS = 1024, SI_COMPAT_UNKNOWN_MAX = 2000 };

/* Zero-initialize; its memory is the arena's. */
typedef struct si_compat_commands {
    si_arena *arena;
    const si_catalog *catalog;
    si_compat_command *buckets[SI_COMPAT_BUCKETS];
    int unknown_count;
    bool overflow; /* more unknown names than are kept: the rest is not counted */
    long url;      /* number of the URL at hand */
} si_compat_commands;

/* Counts the commands of one URL's path and query, those of its presets and nested requests
 * included. False when memory runs out. */
bool si_compat_count(si_compat_commands *c, const si_request *request, long requests);

/* Counts a refusal: `message` is the error's text, which begins with the command it is about. */
void si_compat_refuse(si_compat_commands *c, const char *message, long requests);

/* All counted commands, most requests first: `*list` is the arena's. Returns how many. */
int si_compat_list(si_compat_commands *c, si_compat_command ***list);

/* ---- against another server ---- */

/* One request answered twice. Scores are NAN where sizes differ or an answer is no image. */
typedef struct si_compat_pair {
    int our_status, their_status; /* HTTP; 0 = no answer */
    int our_size[2], their_size[2];
    long our_bytes, their_bytes;
    char our_type[40], their_type[40];
    double score;    /* SSIMULACRA2 of ours against theirs */
    char error[160]; /* what went wrong, "" if nothing */
} si_compat_pair;

typedef struct si_compat_peer si_compat_peer;

/* `base` is a scheme and host, such as https://s7d1.example.com; a path behind it goes before that
 * of the URLs. NULL with a complaint if that is no such address. */
si_compat_peer *si_compat_peer_new(const char *base);
void si_compat_peer_free(si_compat_peer *peer);

/* Renders `plan` from the originals below `root`, fetches `url` from the peer, and compares. */
void si_compat_compare(si_compat_peer *peer, const char *url, const si_plan *plan, const char *root,
    si_compat_pair *out);

#endif
