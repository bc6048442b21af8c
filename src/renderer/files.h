/* Where answers get the files of their recipe: from the broker, or from a folder. */
#ifndef SI_RENDERER_FILES_H
#define SI_RENDERER_FILES_H

#include <stdbool.h>

#include "render/render.h"

enum { SI_FOREIGN_MAX = 8 }; /* foreign images of one request */

/* Zero-initialize all but the first two; both descriptors are borrowed. Release with
 * si_originals_close(). */
typedef struct si_originals {
    int broker;   /* socket of si_broker_open(), or −1 */
    int root;     /* folder that paths are relative to; counts if there is no broker */
    bool changed; /* a file was opened that is not the one the recipe was made for */
    struct {
        const char *url; /* of the recipe */
        int fd;
        long keep;       /* seconds that it may be kept */
    } foreign[SI_FOREIGN_MAX];
    int foreign_count;
} si_originals;

/* The same as callbacks, which use `o` as long as they are called. A file that was replaced since
 * its recipe was made is opened all the same: what is there now is the best answer there is. */
si_files si_originals_files(si_originals *o);

/* Seconds that a reply made from these files may be kept: at most `most`, and no longer than any
 * foreign image in it. */
long si_originals_keep(const si_originals *o, long most);

void si_originals_close(si_originals *o);

/* True if no file was changed so far, and none of the recipe's is now. Foreign images do not
 * count. */
bool si_originals_unchanged(si_originals *o, const si_recipe *r);

#endif
