/* A 128-bit digest of bytes, for entity tags: not for security. */
#ifndef SI_BASE_DIGEST_H
#define SI_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { SI_DIGEST_HEX = 33 }; /* 32 hex digits and a NUL */

/* MurmurHash3 (x64, 128 bit) of the bytes as lower-case hex. Public-domain algorithm by Austin
 * Appleby. Same bytes give the same digest on every little-endian machine. */
void si_digest_hex(const void *data, size_t len, char out[SI_DIGEST_HEX]);

#endif
