/* Hooks: a command that has a CDN forget what was purged, run once the nodes have.
 *
 * A hook is a file with up to three sections, [object], [company] and [all], each with the words of
 * a command, one a line; lines that begin with # say nothing. A purge for which there is no section
 * takes the next wider one. No shell is run. In words,
 *
 *   {object}    stands for the object as in addresses, "acme/shoe"; without its extension
 *   {company}   for the first element of that, or the company
 *   {env:NAME}  for a variable of the environment, which has to be there
 *   {unique}    for a number that no other run has
 *
 * names percent-encoded but for letters, digits and "-._~/", so that they may stand in addresses,
 * header fields, JSON and XML. */
#ifndef SI_FLEET_HOOK_H
#define SI_FLEET_HOOK_H

#include "fleet/invalidation.h"

enum {
    SI_HOOK_WORDS = 64,      /* of a command, at most */
    SI_HOOK_TRIES = 3,       /* of a run */
    SI_HOOK_RETRY_MS = 1000, /* after the first try, twice as much after the next */
    SI_HOOK_RUN_MS = 30000   /* of a try; then the command is killed */
};

typedef struct si_hook si_hook;

/* Reads a hook. SI_ERR_IO, SI_ERR_CONFIG with the line. Release with si_hook_free(). */
SI_NODISCARD si_result si_hook_read(const char *file, si_hook **out, si_diag *diag);
void si_hook_free(si_hook *h);

/* Makes the words of the command for a purge: NULL-terminated, to be freed with
 * si_hook_words_free(). SI_ERR_CONFIG if a variable is not there, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_hook_words(
    const si_hook *h, const si_invalidation *what, char ***out, si_diag *diag);
void si_hook_words_free(char **words);

/* Runs it, and again if it fails. SI_ERR_IO with how the last try ended, and the beginning of what
 * it printed. */
SI_NODISCARD si_result si_hook_run(const si_hook *h, const si_invalidation *what, si_diag *diag);

#endif
