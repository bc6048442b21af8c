/* A purge from its beginning to its end: this machine or the whole fleet, then the CDNs. */
#ifndef SI_FLEET_JOB_H
#define SI_FLEET_JOB_H

#include "fleet/hook.h"
#include "fleet/purge.h"

enum { SI_HOOKS_MAX = 8 };

/* Zero-initialize. Strings are borrowed. */
typedef struct si_purge_job {
    bool fleet;                   /* through Redis, else … */
    si_fleet_purge_options nodes; /* … */
    const char *generations;      /* … in this file, which is there */
    int hook_count;
    si_hook *hooks[SI_HOOKS_MAX]; /* run in this order, after the nodes */
} si_purge_job;

typedef enum si_purge_outcome {
    SI_PURGED,        /* everywhere */
    SI_PURGED_BEHIND, /* some node, or a CDN, may still have it */
    SI_NOT_PURGED
} si_purge_outcome;

/* Reads the hooks of a list of files parted by commas. SI_ERR_IO, SI_ERR_CONFIG. */
SI_NODISCARD si_result si_purge_job_hooks(si_purge_job *job, const char *files, si_diag *diag);
void si_purge_job_clear(si_purge_job *job);

/* Does it. `text` gets what people are told, lines with ends but for the last. Hooks are run even
 * if some node is behind, which may not answer anybody at all: a CDN that asks it again has to be
 * purged again once it is back. */
enum { SI_PURGE_TEXT = 4096 };
si_purge_outcome si_purge_job_run(
    const si_purge_job *job, const si_invalidation *what, char text[SI_PURGE_TEXT]);

#endif
