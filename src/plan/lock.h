/* Request lock and obfuscation (docs/protocol.md, Locks).
 *
 * A locked query ends with "&" and the lock. Without a key the lock is the vendor's hash of the
 * query, 4 hex digits, which keeps out typing errors and nobody else. With a key (attribute
 * RequestLockKey) it is HMAC-SHA256 over path, "?" and query, both exactly as the client sends
 * them, cut to its first 16 bytes, as 32 hex digits:
 *
 *     printf '%s' '/is/image/acme/shoe?wid=300' | openssl dgst -sha256 -hmac "$KEY"
 *
 * so a lock made for one object does not open another. Such a query may say until when it is good,
 * "expires=" and seconds since 1970, wherever among its commands; the earliest counts. The vendor's
 * lock proves nothing about who wrote that, so there it is an unknown command like others.
 *
 * Hex digits may be of either case. What the reference leaves open: the lock of an empty query is
 * "&" and the lock of nothing ("&0000" without a key). Obfuscation is standard base64 of the query
 * with its lock; padding may be left out, and
 * + / = may be percent-encoded. */
#ifndef SI_PLAN_LOCK_H
#define SI_PLAN_LOCK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

enum { SI_LOCK_MAX = 33 }; /* "&" and 32 digits */

/* Takes the lock off a query and compares it, in a time that does not depend on where it differs.
 * `key` "" = the vendor's hash. `path` begins with "/is/…". SI_ERR_FORBIDDEN if the lock is missing
 * or another; the text does not tell which. */
SI_NODISCARD si_result si_lock_check(
    const char *key, si_str path, si_str query, si_str *unlocked, si_diag *diag);

/* Writes the "&" and the lock of a query, with a NUL behind. Returns its length, 0 if HMAC fails.
 */
size_t si_lock_print(const char *key, si_str path, si_str query, char out[SI_LOCK_MAX + 1]);

/* Whether a command, its name decoded, says until when the query is good. */
bool si_lock_is_expiry(si_str name);

/* Until when a query is good, by its items: seconds since 1970, 0 = for ever. SI_ERR_RANGE: what it
 * says is no number of seconds. SI_ERR_MEMORY. */
SI_NODISCARD si_result si_lock_expiry(si_str query, si_arena *arena, int64_t *out, si_diag *diag);

/* Decodes an obfuscated query into the arena. SI_ERR_FORBIDDEN if it is not base64. */
SI_NODISCARD si_result si_obfuscation_decode(
    si_str query, si_arena *arena, si_str *out, si_diag *diag);

#endif
