/* Where answers get the files of their recipe: from the broker, the fetcher and the origins
 * process, or from a folder and the network. */
#ifndef SI_RENDERER_FILES_H
#define SI_RENDERER_FILES_H

#include <stdbool.h>

#include "base/origin.h"
#include "render/render.h"
#include "source/fetch.h"

enum {
    SI_FOREIGN_MAX = 16, /* different foreign images in an answer; as many of it and of originals in
                            origins are kept while it is made, … */
    SI_FOREIGN_AHEAD = 4 /* … and so many of them are downloaded before they are wanted */
};

/* A foreign image of an answer, or an original in an origin. It is downloaded once, so that all of
 * the answer shows the same. */
typedef struct si_foreign {
    const char *url;        /* or path (base/origin.h); borrowed from the recipe */
    int fd;                 /* −1 = it could not be had */
    int64_t fresh_until;    /* Unix seconds; 0 = nothing made of it may be kept */
    const si_diag *failure; /* borrowed; why it could not be had, counts if fd is −1 */
} si_foreign;

/* A foreign image that was asked for and is not wanted yet. */
typedef struct si_foreign_ahead {
    const char *url; /* borrowed from the recipe */
    int socket;      /* si_fetcher_ask() */
} si_foreign_ahead;

/* Zero-initialize; release with si_originals_close() if there may be foreign images. The
 * descriptors `broker`, `root` and `fetcher` are borrowed. */
typedef struct si_originals {
    int broker;   /* socket of si_broker_open(), or −1 */
    int root;     /* folder that paths are relative to; counts if there is no broker */
    bool changed; /* a file was opened that is not the one the recipe was made for */
    bool silent;  /* an origin did not give an original, which says nothing of that */

    int fetcher;                         /* socket of si_fetcher_open(), or −1: downloads are this
                                            process' own; counts if there is a broker */
    const si_fetch_options *fetch;       /* borrowed; NULL = foreign images are refused */
    const si_recipe *recipe;             /* borrowed; its other foreign images are asked for with
                                            the first, so that the slowest of them is waited for,
                                            not one after the other; NULL = each when it is wanted */
    si_str recipe_text, seal;            /* for the fetcher; borrowed; empty = not known */
    si_str trace;                        /* traceparent for downloads; borrowed; empty = none */
    const int *client;                   /* borrowed; downloads end when its other end hangs up;
                                            NULL = no such thing */
    void (*before_fetch)(void *context); /* called before the first download, which with all others
                                            takes fetch->timeout_ms at most; NULL = not wanted */
    void *context;
    int origins; /* socket of si_fetcher_open() to the origins process, or −1: this process asks …
                  */
    const si_origins *known; /* … these itself (NULL = none); counts if there is a broker */
    int origin_ms;           /* for which originals in origins are waited for in all */
    int64_t waited_ns;       /* for downloads */
    int64_t source_ns; /* for originals to be opened and downloads, since they were first wanted */
    bool foreign;      /* there were any, … */
    int64_t
        fresh_until; /* … good until then (Unix seconds); 0 = nothing made of them may be kept */
    si_foreign fetched[SI_FOREIGN_MAX];
    int fetched_count;
    si_foreign_ahead ahead[SI_FOREIGN_AHEAD];
    int ahead_count;
    const char *wanted; /* what is waited for */
} si_originals;

/* The same as callbacks, which use `o` as long as they are called. A file that was replaced since
 * its recipe was made is opened all the same: what is there now is the best answer there is. */
si_files si_originals_files(si_originals *o);

/* True if no file was changed so far, and none of the recipe's is now. Foreign images do not
 * count. */
bool si_originals_unchanged(si_originals *o, const si_recipe *r);

/* The addresses of the foreign images that a recipe is known to need, then the paths of its
 * originals in origins, each once, in the order in which they are looked at, borrowed from it; the
 * first SI_FOREIGN_MAX. Returns their number. */
int si_foreign_urls(const si_recipe *r, const char *urls[SI_FOREIGN_MAX]);

/* Until when an image is good that may be kept for `life` seconds from now on, as
 * si_foreign.fresh_until has it. */
int64_t si_fresh_until(long life);

/* Puts an image in that was downloaded already, or the failure of its download, so that it is not
 * asked for again. `image->fd` becomes the originals'. At most SI_FOREIGN_MAX are put in. */
void si_originals_put(si_originals *o, const si_foreign *image);

void si_originals_close(si_originals *o);

#endif
