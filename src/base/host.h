/* Names of servers as addresses and settings have them (RFC 3986, 3.2): "host", "host:port", and
 * IPv6 addresses in brackets, "[2001:db8::1]:8443". */
#ifndef SI_BASE_HOST_H
#define SI_BASE_HOST_H

#include "base/str.h"

typedef struct si_host {
    si_str name; /* without brackets; an IPv6 address if it has a ":" */
    int port;    /* 1 to 65535, 0 = none is named */
} si_host;

/* Takes host and port apart; false if that is not what they are. An IPv6 address needs its
 * brackets, as else its end could be a port, and has no zone. */
bool si_host_read(si_str text, si_host *out);

/* Whether two names, brackets or not, are one: in any case, IPv6 addresses in any spelling. */
bool si_host_same(si_str a, si_str b);

#endif
