/* What visitors of the playground upload (docs/playground.md): where it is, and its bounds.
 *
 * Each visitor has a *session*, known by a cookie with a random token. What they upload is in the
 * folder UPLOADS/KEY/NAME, where KEY is told from the token, but not the other way round. It is
 * asked for as /is/image/~uploads/KEY/NAME, by requests with that cookie only. In recipes its path
 * begins with SI_UPLOADS_PATH: an absolute one, which no file below the served root has. */
#ifndef SI_BASE_UPLOADS_H
#define SI_BASE_UPLOADS_H

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define SI_UPLOADS_COMPANY "~uploads" /* root id */
#define SI_UPLOADS_PATH "/uploads/"   /* what paths of uploads begin with in recipes */

enum {
    SI_UPLOAD_SECONDS = 3600,   /* from its arrival on; it is as good as gone then */
    SI_UPLOAD_BYTES = 20 << 20, /* of a file */
    SI_UPLOADS_OF_SESSION = 20, /* files at a time */
    SI_UPLOADS_IN_ALL = 200,    /* files of all sessions; so 4 GB at most */
    SI_UPLOADS_AT_A_TIME = 8,   /* that may arrive */
    SI_UPLOAD_TOKEN = 32,       /* hex digits of a session's token, and of its key */
    SI_UPLOAD_NAME = 48         /* characters of a name, extension included */
};

/* The path below the folder of uploads, KEY/NAME, of a path as recipes have it; NULL if it is none
 * of an upload. */
static inline const char *si_upload_name(const char *path) {
    size_t len = sizeof SI_UPLOADS_PATH - 1;
    return strncmp(path, SI_UPLOADS_PATH, len) == 0 ? path + len : NULL;
}

/* Whether a text is one of a token or key: so many lower-case hex digits. */
bool si_upload_is_token(si_str text);

/* Whether `path` is KEY/NAME with that key and a name that si_upload_make_name() can have made. */
bool si_upload_is_of(si_str path, si_str key);

/* The extension, without its dot, of a kind of original that a file begins like, such as "jpg";
 * NULL if it is none that is served. `len` bytes, 64 are enough. */
const char *si_upload_kind(const void *bytes, size_t len);

/* A name for a file that its owner calls `wanted` (percent-encoded; any bytes): letters, digits,
 * "-" and "_" of it, then "-N" if `number` is more than 1, and the extension. `out` needs
 * SI_UPLOAD_NAME + 1 bytes. Returns out. */
char *si_upload_make_name(si_str wanted, int number, const char *extension, char *out);

#endif
