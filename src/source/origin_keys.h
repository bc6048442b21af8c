/* Keys of buckets (Credentials of base/origin.h). They are in the memory of the origins process
 * alone, and in no message. */
#ifndef SI_SOURCE_ORIGIN_KEYS_H
#define SI_SOURCE_ORIGIN_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/origin.h"
#include "base/result.h"
#include "base/str.h"

#define SI_KEYS_IN_FILE "file:" /* what Credentials begin with that name a file */

enum { SI_ORIGIN_KEY_ID = 128, SI_ORIGIN_SECRET = 256, SI_ORIGIN_TOKEN = 4096 }; /* with NUL */

/* Zero-initialize. */
typedef struct si_origin_keys {
    char id[SI_ORIGIN_KEY_ID]; /* "" = there are none */
    char secret[SI_ORIGIN_SECRET];
    char token[SI_ORIGIN_TOKEN]; /* of a session; "" = none */
    int64_t expires;             /* Unix time, 0 = never */
} si_origin_keys;

/* Reads lines NAME = VALUE, the names AccessKeyId, SecretAccessKey and SessionToken, or those that
 * Amazon's own files have (aws_access_key_id and so on), in any case; others, and headers of
 * sections, do not count. SI_ERR_IO, SI_ERR_CONFIG. Messages hold neither keys nor the path. */
SI_NODISCARD si_result si_origin_keys_read_file(
    const char *path, si_origin_keys *out, si_diag *diag);

/* The same from a text. */
SI_NODISCARD si_result si_origin_keys_read(si_str text, si_origin_keys *out, si_diag *diag);

/* The same from the JSON in which metadata services of machines and containers tell them
 * (AccessKeyId, SecretAccessKey, Token, Expiration). */
SI_NODISCARD si_result si_origin_keys_read_json(si_str json, si_origin_keys *out, si_diag *diag);

/* Takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN out of this process'
 * environment, so that no child has them: what was in its memory is overwritten. Returns a file in
 * memory with them, for si_origin_keys_read_file() by its descriptor, which is close on exec and
 * the caller's; −1 if there are none. */
int si_origin_keys_take_environment(void);

/* Whether its keys are those of the instance (instance_keys.h). */
bool si_origin_keys_are_of_instance(const si_origin *o);

/* The keys that an origin's Credentials name: none if it is public. `environment` is the file of
 * si_origin_keys_take_environment(); −1 = none, and the environment itself counts. Keys of an
 * instance have to be asked for: SI_ERR_UNSUPPORTED. */
SI_NODISCARD si_result si_origin_keys_of(
    const si_origin *o, int environment, si_origin_keys *out, si_diag *diag);

/* The same from that file. */
SI_NODISCARD si_result si_origin_keys_read_fd(int fd, si_origin_keys *out, si_diag *diag);

#endif
