/* Where answers get the files of their recipe: from the broker, or from a folder. */
#ifndef SI_RENDERER_FILES_H
#define SI_RENDERER_FILES_H

#include <stdbool.h>

#include "render/render.h"

/* Zero-initialize `changed`; both descriptors are borrowed. */
typedef struct si_originals {
    int broker;   /* socket of si_broker_open(), or −1 */
    int root;     /* folder that paths are relative to; counts if there is no broker */
    bool changed; /* a file was opened that is not the one the recipe was made for */
} si_originals;

/* The same as callbacks, which use `o` as long as they are called. A file that was replaced since
 * its recipe was made is opened all the same: what is there now is the best answer there is. */
si_files si_originals_files(si_originals *o);

/* True if no file was changed so far, and none of the recipe's is now. Foreign images do not
 * count. */
bool si_originals_unchanged(si_originals *o, const si_recipe *r);

#endif
