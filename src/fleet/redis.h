/* A connection to Redis or Valkey, of version 5 or later, by hiredis. */
#ifndef SI_FLEET_REDIS_H
#define SI_FLEET_REDIS_H

#include <hiredis/hiredis.h>

#include "base/result.h"

/* Where the server is, and who we are there. The password never is in a message. */
typedef struct si_redis_address {
    char host[256]; /* or the path of a Unix socket, if it begins with a slash */
    int port;
    int database;
    char user[128]; /* "" = the default one */
    char password[512];
} si_redis_address;

enum {
    SI_REDIS_PORT = 6379,
    SI_REDIS_TIMEOUT_MS = 3000 /* for a connection, and for each reply beyond what it may block */
};

/* Reads redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix:PATH. `auth` is a file whose first
 * line is PASSWORD or USER:PASSWORD, or NULL; it counts instead of what the address says. There is
 * no TLS. SI_ERR_SYNTAX, SI_ERR_IO if the file cannot be read. */
SI_NODISCARD si_result si_redis_address_read(
    const char *text, const char *auth, si_redis_address *out, si_diag *diag);

/* Where that is, for messages: HOST:PORT or a path. */
enum { SI_REDIS_TEXT = 300 };
const char *si_redis_address_text(const si_redis_address *a, char out[SI_REDIS_TEXT]);

/* Connects and says who we are. `block_ms` is the longest time that a command will block in the
 * server. Close with redisFree(). SI_ERR_IO with a text that has the reason, and no secret. */
SI_NODISCARD si_result si_redis_connect(
    const si_redis_address *a, int block_ms, redisContext **out, si_diag *diag);

/* Sends a command of `count` words and waits for its reply, which is the caller's to free with
 * freeReplyObject(); NULL with `diag` set (SI_ERR_IO) if there is none or it is an error. After
 * that without an error reply the connection is of no use any more. */
redisReply *si_redis_call(
    redisContext *c, int count, const char *const words[], const size_t lengths[], si_diag *diag);

#endif
