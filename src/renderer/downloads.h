/* The downloads process: where requests wait for foreign images and for originals in origins, so
 * that no worker does.
 *
 * It accepts the connections of the lane SI_LANE_FOREIGN, reads the requests, asks the fetcher and
 * the origins process for the images of all of them at the same time, and hands a request over to
 * the workers (downloaded.h) when its downloads have ended: all of them, or one with a failure that
 * the answer meets before it would look at another. It renders nothing, and says something itself
 * only where no worker need be asked: what is not a request, or one too many. Requests whose client
 * has gone are dropped, and their downloads end.
 *
 * Like the fetcher it is started when there is a connection, and ends when there has been none for
 * a while. Its death ends its connections without a reply; those that it has handed over live on.
 */
#ifndef SI_RENDERER_DOWNLOADS_H
#define SI_RENDERER_DOWNLOADS_H

#include <stdbool.h>
#include <sys/types.h>

#include "renderer/pool.h"

enum {
    SI_DOWNLOADS_MAX = 256,       /* requests that wait for images at a time; more get 503 */
    SI_DOWNLOADS_IDLE_MS = 60000, /* then it ends */
    SI_DOWNLOADS_READ_MS = 3000   /* for a request to arrive */
};
/* Bytes of the images that wait at a time; a request whose image is beyond them gets 503. */
#define SI_DOWNLOADS_BYTES (INT64_C(512) << 20)

/* What is handed over: what is dear by then, and what is cheap (SI_PARAM_CHEAP). */
enum { SI_DOWNLOADS_DEAR, SI_DOWNLOADS_CHEAP, SI_DOWNLOADS_KINDS };

/* Makes the two ends of the socket for requests of a kind that are handed over. False with errno
 * set. */
bool si_downloads_sockets(int *handing, int *taking);

/* The life of the process, freshly forked and of a single thread: never returns. `options` has its
 * defaults filled in; `asking` is the socket of si_fetcher_ask(), `origins` the same to the origins
 * process, `handing` those for requests that are handed over. Closes every descriptor but 0 to 2,
 * these and the lane's, gives root up, and dies with its parent `pool`. SIGTERM ends it when all
 * its requests are handed over. */
_Noreturn void si_downloads_run(const si_pool_options *options, int asking, int origins,
    const int handing[SI_DOWNLOADS_KINDS], pid_t pool);

#endif
