/* An owned run of bytes on the heap: an encoded image, a file, a reply body. */
#ifndef SI_BASE_BYTES_H
#define SI_BASE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* Zero-initialize. `data` is malloc'ed; release with si_bytes_free(). */
typedef struct si_bytes {
    uint8_t *data;
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
} si_bytes;

/* Appends `len` bytes; false when memory runs out (the bytes so far stay). */
bool si_bytes_append(si_bytes *b, const void *data, size_t len);

/* Appends what printf() would write, however long; false as above, or if it cannot be written. */
bool si_bytes_print(si_bytes *b, const char *fmt, ...) SI_PRINTF(2, 3);
bool si_bytes_print_list(si_bytes *b, const char *fmt, va_list args) SI_PRINTF(2, 0);

/* Frees and zeroes. */
void si_bytes_free(si_bytes *b);

/* Moves `from` into `to`, freeing what `to` held; `from` is empty afterwards. */
void si_bytes_move(si_bytes *to, si_bytes *from);

#endif
