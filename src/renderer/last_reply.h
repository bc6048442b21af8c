/* What a worker still says when its request ends it: the best answer so far if time runs out, and
 * else, or when a codec crashes, a complete error reply. One connection at a time.
 *
 * It is sent by a signal handler, whatever state the process is in, which then ends the process
 * with SI_WORKER_CUT_SHORT + signal number. Exactly one reply goes out: either the handler takes
 * the connection or si_last_reply_claim() does. */
#ifndef SI_RENDERER_LAST_REPLY_H
#define SI_RENDERER_LAST_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "renderer/worker.h"

/* Makes the error replies, while there is memory, and installs the handlers: of SIGALRM, SIGXCPU
 * and of crashes, except in a sanitizer's build, which wants crashes for its own report. `slot`
 * gets the time at which the pool may kill a worker that does not get its reply sent. */
void si_last_reply_start(si_worker_slot *slot);

/* From now on this connection is owed a reply. None may be owed already. */
void si_last_reply_owe(int connection);

/* Takes the connection over: from now on the handler sends nothing. False if no reply is owed on
 * it, which is when the handler, in another thread, has taken it already. */
bool si_last_reply_claim(int connection);

/* Puts a complete reply, head and body, where the handler finds it, in place of the one before. It
 * is copied; where memory does not suffice for that, the one before stays. */
void si_last_reply_keep(const void *head, size_t head_len, const void *body, size_t body_len);

/* Frees what was put there. */
void si_last_reply_forget(void);

#endif
