/* A file in memory for libraries that insist on reading, writing and seeking. */
#ifndef SI_CODEC_MEMFILE_H
#define SI_CODEC_MEMFILE_H

#include <stdbool.h>

#include "base/bytes.h"

/* Set `out` to write, or `data` and `len` to read; both are borrowed. The position may be moved
 * anywhere: reading beyond the end gives nothing, writing there fills the gap with zeros. */
typedef struct si_memfile {
    const uint8_t *data;
    size_t len;
    si_bytes *out;
    size_t position; /* bytes from the start */
    bool failed;     /* memory ran out, or a gap was absurdly wide, while writing */
} si_memfile;

/* Copies up to `len` bytes from the position on and moves it; returns how many there were. */
size_t si_memfile_read(si_memfile *file, void *to, size_t len);

/* Writes at the position and moves it; false, and `failed` set, if that cannot be done. */
bool si_memfile_write(si_memfile *file, const void *from, size_t len);

#endif
