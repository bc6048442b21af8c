/* Whether a server that was just started answers. */
#ifndef SI_CLI_READY_PROBE_H
#define SI_CLI_READY_PROBE_H

#include <stdbool.h>

/* Asks http://ADDR:PORT/healthz, at most a quarter of a second long. True if it says 200. A
 * wildcard address is asked on the loopback. `proxy_protocol`: its connections begin with that. */
bool si_server_answers(const char *address, bool proxy_protocol);

/* The address as people type it: of a wildcard, the loopback. `out` needs 300 bytes. */
const char *si_typed_address(const char *address, char *out);

#endif
