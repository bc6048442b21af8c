/* Which network addresses a server may be made to connect to by a request from outside. */
#ifndef SI_SOURCE_PUBLIC_ADDRESS_H
#define SI_SOURCE_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

/* True for addresses of the public internet. False for this machine, private and shared networks,
 * links, groups, documentation and everything else that is set aside (IANA's special-purpose
 * registries, RFC 6890), also inside IPv6 addresses that stand for IPv4 ones (mapped, compatible,
 * NAT64, 6to4, Teredo); and for families other than IPv4 and IPv6. `len` is that of `address`. */
bool si_address_is_public(const struct sockaddr *address, socklen_t len);

/* True if `host` is in a list of names parted by commas or blanks; NULL is empty. IPv6 addresses
 * may be spelled in any way, with brackets or without. */
bool si_host_is_listed(const char *list, si_str host);

#endif
