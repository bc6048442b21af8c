/* How questions for images, and their answers, stand in packets: between renderers and whoever
 * downloads for them, the fetcher (fetcher.h) and the origins process (origins.h). */
#ifndef SI_SOURCE_QUESTION_H
#define SI_SOURCE_QUESTION_H

#include "base/trace.h"
#include "source/fetcher.h"

/* A question is one packet, with the socket for the answer attached. It begins with these; what
 * they are the lengths of follows. */
typedef struct si_question_lengths {
    uint32_t url, recipe, seal, trace;
} si_question_lengths;

enum {
    SI_QUESTION_MAX = /* bytes of a packet */
    sizeof(si_question_lengths) + SI_FETCH_URL_MAX + SI_FETCHER_PROOF_MAX + SI_TRACE_TEXT
};

/* Reads a packet of `len` bytes. The URL goes to `url`, the rest is borrowed from the packet. False
 * if it is none of si_fetcher_ask()'s. */
bool si_question_read(
    const char *packet, size_t len, char url[SI_FETCH_URL_MAX + 1], si_fetcher_question *out);

/* Answers: an image in `fd`, which stays the caller's, and for how many seconds it may be kept; or,
 * if that is −1, a failure. Who asked may be gone. */
void si_question_reply(int socket, const si_diag *diag, int fd, long life);

/* Answers with a failure, and closes the socket. */
void si_question_refuse(int socket, si_result why, const char *text);

#endif
