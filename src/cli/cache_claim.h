/* Which server has a cache folder: no second one may take it, and commands learn what it serves.
 *
 * The file `server` in the folder is locked (flock(2)) by the server and by its nginx for as long
 * as one of them lives, so a crash leaves nothing behind that would have to be tidied up. What it
 * says stays, and is that of the last server until there is another one. */
#ifndef SI_CLI_CACHE_CLAIM_H
#define SI_CLI_CACHE_CLAIM_H

#include <stdbool.h>

#include "base/arena.h"

/* What the file says of a server, a line each; a value that is not there is NULL. */
#define SI_CACHE_SERVER_FIELDS(X)                                                                  \
    X(pid)                                                                                         \
    X(root)         /* folder, absolute */                                                         \
    X(config)       /* the same; NULL = none */                                                    \
    X(listen)       /* ADDR:PORT */                                                                \
    X(admin_listen) /* the same; NULL = nowhere */

typedef struct si_cache_server {
#define X(name) const char *name;
    SI_CACHE_SERVER_FIELDS(X)
#undef X
} si_cache_server;

/* Takes the folder `cache`, which is there, for this process and the programs that it executes, and
 * writes what `says` has but for the pid, which is our own. Returns a descriptor to be kept open;
 * children that execute nothing close it. −1, with a complaint, if another server has the folder,
 * or the file cannot be made. Whose server has just died waits for its nginx to end, 15 seconds at
 * most. A file system without such locks is used all the same, with a complaint. */
int si_cache_claim(const char *cache, const si_cache_server *says);

/* Reads who has the folder, or had it last; strings in the arena. False if no server is known, or
 * the file is neither root's nor this user's, whose word does not count. */
bool si_cache_server_read(const char *cache, si_arena *arena, si_cache_server *out);

/* The server of the cache folder that servers keep unless told otherwise; false as above. */
bool si_cache_server_usual(si_arena *arena, si_cache_server *out);

#endif
