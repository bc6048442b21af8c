/* Foreign images: downloads from servers that a company trusts (docs/layers.md, Foreign images).
 *
 * The request is plain: GET over http or https, certificates verified, no redirect followed, no
 * proxy, no cookie, no password. Whatever name a URL gives, only public addresses are connected to
 * (public_address.h; it is the address of the connection itself that is checked, so a name that
 * has another address at its second lookup gets no further), except for hosts that the server's
 * settings name. Which hosts a company may use at all is checked by the front side
 * (si_attributes_allow_host()).
 *
 * An image arrives as a whole or not at all, in a sealed file in memory. */
#ifndef SI_SOURCE_FETCH_H
#define SI_SOURCE_FETCH_H

#include <curl/curl.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str.h"

enum {
    SI_FETCH_URL_MAX = 8000,     /* longest URL, bytes */
    SI_FETCH_TIMEOUT_MS = 10000, /* default of si_fetch_options.timeout_ms */
    SI_FETCH_BYTES = 64 << 20,   /* default of si_fetch_options.max_bytes */
    SI_FETCH_TRANSFERS = 16,     /* default of si_fetch_options.transfers */
    SI_FETCH_TRANSFERS_MAX = 256,
    SI_FETCH_USUAL_LIFE = 36000 /* default of si_fetch_options.usual_life */
};

/* Zero-initialize; a field that is 0 or NULL has its default. */
typedef struct si_fetch_options {
    const char *private_hosts; /* hosts that may have addresses that are not public: names parted
                                  by commas or blanks, as in URLs; NULL = none */
    int timeout_ms;            /* from looking up the name to the last byte */
    int64_t max_bytes;         /* of an image */
    int transfers;             /* at a time; fetcher.h only */
    int usual_life;            /* seconds, of images whose headers name none
                                  (RemoteUrlDefaultExpiration) */
} si_fetch_options;

/* With defaults filled in; `options` may be NULL. */
si_fetch_options si_fetch_options_or_default(const si_fetch_options *options);

/* Downloads in this process. The server is told `trace` if that is a traceparent (base/trace.h);
 * anything else is left out. Returns a read-only descriptor of a sealed memory file at its start,
 * which the caller closes, and in `*life` for how many seconds it may be kept (freshness.h); or −1
 * with `diag` set, whose text names the host only, since the rest of a URL may be secret:
 * SI_ERR_SYNTAX, SI_ERR_FORBIDDEN (address, scheme, user name, redirect), SI_ERR_NOT_FOUND,
 * SI_ERR_LIMIT, SI_ERR_TIMEOUT, SI_ERR_SOURCE (any other trouble with the server), SI_ERR_MEMORY.
 */
int si_fetch(
    const si_fetch_options *options, const char *url, si_str trace, long *life, si_diag *diag);

/* ---- the steps of si_fetch(), for callers that have several transfers under way ---- */

typedef struct si_transfer si_transfer;

/* Prepares a transfer. NULL with `diag` set. `options` has its defaults filled in and outlives
 * it. */
si_transfer *si_transfer_new(
    const si_fetch_options *options, const char *url, si_str trace, si_diag *diag);

/* The handle to be performed; its CURLOPT_PRIVATE is the transfer. Owned by the transfer. */
CURL *si_transfer_handle(si_transfer *t);

/* The outcome, once the handle has ended with `code`: as si_fetch(). */
int si_transfer_finish(si_transfer *t, CURLcode code, long *life, si_diag *diag);

void si_transfer_free(si_transfer *t);

#endif
