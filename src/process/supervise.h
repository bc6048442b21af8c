/* Children of a process: started with their socket, reaped, and started again, more and more slowly
 * if they keep dying. What a child is for, and what it says when it ends, is the caller's. */
#ifndef SI_PROCESS_SUPERVISE_H
#define SI_PROCESS_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How children of a kind are started, and how soon again. */
typedef struct si_process_kind {
    /* Runs in the child and never returns. `socket` is its end of the pair, −1 without one;
     * everything else that was open in the parent still is. */
    void (*become)(void *context, int socket, pid_t parent);
    int socket_type;    /* of the pair between parent and child (SOCK_SEQPACKET, SOCK_STREAM);
                           0 = none */
    int quick_death_ms; /* a child that lives shorter than this counts as not started */
    int free_deaths;    /* quick deaths in a row after which there is no wait */
    int first_wait_ms;  /* wait after the next one; it doubles from then on, … */
    int most_wait_ms;   /* … up to this, which is also the wait after a start that failed */
} si_process_kind;

/* One child. Zero-initialize. */
typedef struct si_process {
    pid_t pid;  /* 0 = not running */
    int socket; /* our end of the pair; counts while pid > 0, −1 if the kind has none */
    int64_t started_ns;
    int64_t start_at_ns; /* when it may be started again */
    int quick_deaths;    /* in a row */
} si_process;

/* How a child ended, as far as its next start is concerned. */
typedef enum si_process_end {
    SI_END_BY_AGE,     /* a quick death or none, as its age says */
    SI_END_ORDERLY,    /* no reason to wait, however young it was */
    SI_END_NOT_STARTED /* counts as a quick death, however long that took */
} si_process_end;

/* Starts a child, which is not running. False with errno set, and the next start put off, if there
 * is no socket or no process. What stdio has buffered is the caller's to flush. */
bool si_process_start(si_process *p, const si_process_kind *kind, void *context);

/* Takes note of the end of a child that was reaped: closes the socket, and says at start_at_ns when
 * the next may start. */
void si_process_ended(si_process *p, const si_process_kind *kind, si_process_end how);

/* The wait in milliseconds after so many quick deaths in a row. */
int si_process_wait_ms(const si_process_kind *kind, int quick_deaths);

/* When a child that is not running may start again, if that is before `until_ns`, else that. */
int64_t si_process_start_before(const si_process *p, int64_t until_ns);

/* Waits for the end of a child for `grace_ms`, then kills it, and reaps it. Closes the socket and
 * clears *p. Returns its wait status. */
int si_process_finish(si_process *p, int grace_ms);

/* Reaps every child of this process that has ended, one call of `ended` for each. */
void si_reap_children(void (*ended)(void *context, pid_t pid, int status), void *context);

/* Puts in words how a child ended: "was killed (Segmentation fault)" or "ended with status 3".
 * Returns `out`. */
enum { SI_EXIT_REASON_MAX = 80 };
const char *si_exit_reason(int status, char out[SI_EXIT_REASON_MAX]);

/* Blocks the `count` signals and returns a descriptor (close on exec, non-blocking) to read them
 * from, −1 with errno set on errors. Ignores SIGPIPE. */
int si_signal_descriptor(const int *signals, int count);

/* How many processors this process may use, at least 1. */
int si_processor_count(void);

#endif
