/* Mutations that know how image files are built: chunks, boxes, segments, blocks, directories,
 * tags. Shared by the fuzz targets that read originals, and by the program that writes mutants. */
#ifndef SI_FUZZ_MUTATE_H
#define SI_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes `len` bytes at `data`, where there is room for `most`, in one to four of these ways:
 * pieces are duplicated, dropped, exchanged or overwritten by others, lengths lie, numbers become
 * extreme, bits flip, the file ends early. Lengths of what a changed piece lies in, and checksums,
 * are made right again three times out of four. The kind of file is told by its first bytes. The
 * same data and seed give the same result, whose length is returned. */
size_t si_mutate(uint8_t *data, size_t len, size_t most, uint64_t seed);

#endif
