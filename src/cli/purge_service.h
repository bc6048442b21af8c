/* The purge service of `smartimg serve`: PURGE over HTTP at the admin listener.
 *
 *   PURGE /is/image/COMPANY/OBJECT      one object, as do POST and …
 *   PURGE /purge/object/COMPANY/OBJECT
 *   PURGE /purge/company/COMPANY
 *   PURGE /purge/all
 *
 * with `Authorization: Bearer TOKEN`. nginx passes such requests on by SCGI. A process accepts
 * them, looks at the token, and forks for each what does as `smartimg purge` would. Replies: 200
 * purged everywhere; 202 purged, but some node or CDN is behind; 503 nothing was purged; 400, 401,
 * 404 and 405 as they say. */
#ifndef SI_CLI_PURGE_SERVICE_H
#define SI_CLI_PURGE_SERVICE_H

#include "cli/fleet_options.h"
#include "cli/site.h"

enum {
    SI_PURGES_AT_A_TIME = 8,   /* more get 503 */
    SI_PURGE_TOKEN_LEAST = 16, /* bytes of a token */
    SI_PURGE_TOKEN_MOST = 512
};

typedef struct si_purge_service {
    const si_fleet_options *options;
    int listener; /* Unix socket for nginx */
    int token;    /* file that begins with the line of the token; it never is in the memory of this
                     process, which renderers are forked from */
} si_purge_service;

/* Opens what the service needs; the run folder is there. False, with a complaint. */
bool si_purge_service_prepare(
    const si_fleet_options *options, const si_site *site, si_purge_service *out);

/* Whether a file begins with a line that can be a token. */
bool si_purge_token_is_good(int fd);

/* Whether a token was named, by option or by SI_ENV_PURGE_TOKEN. */
bool si_purge_service_is_wanted(const si_fleet_options *options);

/* The life of the process, freshly forked. */
_Noreturn void si_purge_service_run(const si_purge_service *service, const si_site *site);

#endif
