/* Writes mutants of image files:
 *
 *   mutants OUTDIR SEED FIRST COUNT FILE...
 *
 * Mutant number n (FIRST … FIRST + COUNT − 1) is made of file n modulo their number, and written to
 * OUTDIR/n. The same files, seed and numbers give the same mutants. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mutate.h"

enum { MOST = 4 << 20 };

static int write_mutant(const char *folder, uint64_t seed, long n, const char *from) {
    static uint8_t data[MOST];
    char path[4096];
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        return -1;
    }
    size_t len = fread(data, 1, MOST / 2, in);
    fclose(in);
    len = si_mutate(data, len, MOST, seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)n);
    snprintf(path, sizeof path, "%s/%ld", folder, n);
    FILE *out = fopen(path, "wb");
    if (out == NULL || fwrite(data, 1, len, out) != len) {
        return -1;
    }
    return fclose(out);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: mutants OUTDIR SEED FIRST COUNT FILE...\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[2], NULL, 10);
    long first = atol(argv[3]), count = atol(argv[4]), files = argc - 5;
    for (long n = first; n < first + count; n++) {
        if (write_mutant(argv[1], seed, n, argv[5 + n % files]) != 0) {
            perror(argv[5 + n % files]);
            return 1;
        }
    }
    return 0;
}
