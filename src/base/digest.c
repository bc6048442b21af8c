#include "base/digest.h"

#include <stdio.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static uint64_t finish(uint64_t k) {
    k = (k ^ (k >> 33)) * 0xff51afd7ed558ccdull;
    k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return k ^ (k >> 33);
}

void si_digest_hex(const void *data, size_t len, char out[SI_DIGEST_HEX]) {
    const uint64_t c1 = 0x87c37b91114253d5ull, c2 = 0x4cf5ad432745937full;
    const uint8_t *p = data;
    uint64_t h1 = 0, h2 = 0;
    for (size_t left = len; left > 0;) {
        uint8_t block[16] = {0};
        size_t n = left < 16 ? left : 16;
        uint64_t k1, k2;
        memcpy(block, p, n);
        memcpy(&k1, block, 8);
        memcpy(&k2, block + 8, 8);
        h1 ^= rotate(k1 * c1, 31) * c2;
        if (n == 16) {
            h1 = (rotate(h1, 27) + h2) * 5 + 0x52dce729;
        }
        h2 ^= rotate(k2 * c2, 33) * c1;
        if (n == 16) {
            h2 = (rotate(h2, 31) + h1) * 5 + 0x38495ab5;
        }
        p += n;
        left -= n;
    }
    h1 ^= len;
    h2 ^= len;
    h1 += h2;
    h2 += h1;
    h1 = finish(h1);
    h2 = finish(h2);
    h1 += h2;
    h2 += h1;
    snprintf(out, SI_DIGEST_HEX, "%016llx%016llx", (unsigned long long)h1, (unsigned long long)h2);
}
