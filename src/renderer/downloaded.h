/* What passes from the downloads process (downloads.h) to a worker: a request that has been read
 * already, its connection, and the foreign images that were downloaded for it. It is one packet
 * with descriptors, on a SOCK_SEQPACKET socket that all workers take from. */
#ifndef SI_RENDERER_DOWNLOADED_H
#define SI_RENDERER_DOWNLOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renderer/files.h"
#include "renderer/scgi.h"

/* How the download of an image has ended. */
typedef struct si_download {
    int fd;              /* −1 = not downloaded */
    int64_t fresh_until; /* as si_foreign has it */
    si_diag failure;     /* counts if fd is −1; code SI_OK = it was not waited for */
} si_download;

/* The images are those of si_foreign_urls(), in its order. */
typedef struct si_downloaded {
    int connection;   /* −1 = none */
    int64_t began_ns; /* when its downloads did (CLOCK_MONOTONIC) … */
    int64_t ended_ns; /* … and when the last ended: from then on the request waits for a worker */
    int count;
    si_download images[SI_FOREIGN_MAX];
    const char *head; /* of the request, as it came (scgi.h) */
    size_t head_len;  /* 1…SI_SCGI_LIMIT */
} si_downloaded;

/* Hands it over. The descriptors stay the caller's. Does not wait: false with errno EAGAIN if
 * there is no room. */
bool si_downloaded_send(int socket, const si_downloaded *d);

/* Takes one. False if there is none or the packet is not well formed; nothing is to be closed then.
 * d->head stays as it is until the next call. Does not wait. */
bool si_downloaded_receive(int socket, si_downloaded *d);

/* Puts the images into `o`, for the recipe of d's head. They are the originals' from then on;
 * failures stay borrowed. */
void si_downloaded_put(si_downloaded *d, const si_recipe *r, si_originals *o);

/* Closes images that were put nowhere; the connection is the caller's. */
void si_downloaded_close_images(si_downloaded *d);

#endif
