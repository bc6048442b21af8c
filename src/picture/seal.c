#include "picture/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool si_seal_render_key(const uint8_t key[SI_SEAL_KEY], uint8_t out[SI_SEAL_KEY]) {
    static const char purpose[] = "smartimg: what renderers may render";
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool made = HMAC(EVP_sha256(), key, SI_SEAL_KEY, (const uint8_t *)purpose, sizeof purpose - 1,
                    mac, &len) != NULL &&
                len >= SI_SEAL_KEY;
    if (made) {
        memcpy(out, mac, SI_SEAL_KEY);
    }
    OPENSSL_cleanse(mac, sizeof mac);
    return made;
}

bool si_seal_print(const uint8_t key[SI_SEAL_KEY], si_str recipe, char out[SI_SEAL_TEXT]) {
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (HMAC(EVP_sha256(), key, SI_SEAL_KEY, (const uint8_t *)recipe.p, recipe.len, mac, &len) ==
        NULL) {
        return false;
    }
    for (unsigned i = 0; i < (SI_SEAL_TEXT - 1) / 2; i++) {
        snprintf(out + 2 * (size_t)i, 3, "%02x", mac[i]);
    }
    return true;
}

bool si_seal_check(const uint8_t key[SI_SEAL_KEY], si_str recipe, si_str seal) {
    char right[SI_SEAL_TEXT];
    return seal.len == SI_SEAL_TEXT - 1 && si_seal_print(key, recipe, right) &&
           CRYPTO_memcmp(right, seal.p, seal.len) == 0;
}

bool si_seal_read_key(int fd, uint8_t key[SI_SEAL_KEY]) {
    ssize_t n = pread(fd, key, SI_SEAL_KEY, 0);
    if (n >= 0 && n < SI_SEAL_KEY) {
        errno = EINVAL;
    }
    return n == SI_SEAL_KEY;
}
