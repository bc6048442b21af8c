#include "picture/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

uint64_t si_checksum(const void *data, size_t len) {
    return len > 0 ? XXH3_64bits(data, len) : XXH3_64bits("", 0);
}

si_checksum_state *si_checksum_begin(void) {
    XXH3_state_t *s = XXH3_createState();
    if (s != NULL) {
        (void)XXH3_64bits_reset(s);
    }
    return (si_checksum_state *)s;
}

void si_checksum_add(si_checksum_state *s, const void *data, size_t len) {
    (void)XXH3_64bits_update((XXH3_state_t *)s, data, len);
}

uint64_t si_checksum_end(si_checksum_state *s) {
    uint64_t sum = XXH3_64bits_digest((XXH3_state_t *)s);
    (void)XXH3_freeState((XXH3_state_t *)s);
    return sum;
}

char *si_checksum_print(uint64_t sum, char out[SI_CHECKSUM_TEXT]) {
    snprintf(out, SI_CHECKSUM_TEXT, "%016" PRIx64, sum);
    return out;
}
