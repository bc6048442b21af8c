/* The files that a server logs to: where they are, and how they stay small. */
#ifndef SI_CLI_LOG_FILES_H
#define SI_CLI_LOG_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Folders of access logs unless told otherwise: for root, and below $XDG_STATE_HOME or .local/state
 * of the home. They are not on the cache's disk, or need not be, so that neither can fill the
 * other. */
#define SI_LOG_OF_ROOT "/var/log/smartimg"
#define SI_LOG_OF_USER "smartimg"

enum { SI_LOG_FILES = 5 /* old files that are kept beside one that is written to: FILE.1 … */ };

/* The access log of a server that listens on `listen`: a name of its own in one of the above,
 * "access-ADDR-PORT.log", so that servers of one machine do not write into each other's. In the
 * arena; NULL if there is no home, or no memory. */
const char *si_default_access_log(const char *listen, si_arena *arena);

/* Whether lines can be written to a log, which is made if it is not there. False with errno set. */
bool si_log_is_writable(const char *path);

/* Moves a log of more than `size` bytes to PATH.1, what was there to PATH.2 and so on; the oldest
 * goes. `size` <= 0: however large it is, it stays. True if whoever writes to it has to open it
 * anew: it was moved, or is not there, such as after a disk was full. Only for regular files. */
bool si_log_rotate(const char *path, int64_t size);

#endif
