/* Checksums of replies' bodies: renderers write them into the head (SI_HEADER_SUM of base/wire.h),
 * and nginx checks with them what its cache has on a disk. They find accidents, not forgers. */
#ifndef SI_PICTURE_CHECKSUM_H
#define SI_PICTURE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum { SI_CHECKSUM_TEXT = 17 }; /* 16 hex digits and a NUL */

/* XXH3, 64 bits, of `len` bytes. */
uint64_t si_checksum(const void *data, size_t len);

/* The same of bytes that come in pieces. */
typedef struct si_checksum_state si_checksum_state;

/* A new state, or NULL without memory; si_checksum_end() frees it, and gives the sum. */
si_checksum_state *si_checksum_begin(void);
void si_checksum_add(si_checksum_state *s, const void *data, size_t len);
uint64_t si_checksum_end(si_checksum_state *s);

/* Writes a checksum as hex digits. Returns `out`. */
char *si_checksum_print(uint64_t sum, char out[SI_CHECKSUM_TEXT]);

#endif
