/* A child process that is started again whenever it dies, more and more slowly if it keeps dying.
 */
#ifndef SI_CLI_CHILD_H
#define SI_CLI_CHILD_H

#include <stdbool.h>

#include "process/supervise.h"

/* Zero-initialize, then set the first three. */
typedef struct si_child {
    const char *name;              /* for messages */
    void (*become)(void *context); /* runs in the child and never returns */
    void *context;
    si_process process; /* its id is also that of its process group; it has no socket */
} si_child;

/* Forks the child, as leader of a process group of its own, with default signals, and so that it
 * gets SIGTERM when this process dies. False, with a message on stderr, if that fails. */
bool si_child_start(si_child *c);

/* Takes note that the child has ended, kills what it left behind in its process group, and
 * schedules the next start at process.start_at_ns. */
void si_child_reap(si_child *c, int status);

/* Sends a signal to the child alone, if it runs. */
void si_child_signal(const si_child *c, int signal_number);

#endif
