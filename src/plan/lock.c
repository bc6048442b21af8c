#include "plan/lock.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/percent.h"
#include "request/tokens.h"

enum { PLAIN_DIGITS = 4, KEYED_DIGITS = 32, MULTIPLIER = 131 };

static void print_hex(const uint8_t *bytes, size_t count, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * count] = '\0';
}

static void plain_lock(si_str query, char out[PLAIN_DIGITS + 1]) {
    uint32_t h = 0;
    for (size_t i = 0; i < query.len; i++) {
        h = (h * MULTIPLIER + (unsigned char)query.p[i]) & 0xffff;
    }
    print_hex((const uint8_t[]){(uint8_t)(h >> 8), (uint8_t)h}, 2, out);
}

static bool keyed_lock(const char *key, si_str path, si_str query, char out[KEYED_DIGITS + 1]) {
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    si_bytes text = {0};
    bool ok = (path.len == 0 || si_bytes_append(&text, path.p, path.len)) &&
              si_bytes_append(&text, "?", 1) &&
              (query.len == 0 || si_bytes_append(&text, query.p, query.len)) &&
              HMAC(EVP_sha256(), key, (int)strlen(key), text.data, text.len, mac, &len) != NULL;
    if (ok) {
        print_hex(mac, KEYED_DIGITS / 2, out);
    }
    si_bytes_free(&text);
    return ok;
}

size_t si_lock_print(const char *key, si_str path, si_str query, char out[SI_LOCK_MAX + 1]) {
    out[0] = '&';
    if (key[0] == '\0') {
        plain_lock(query, out + 1);
        return 1 + PLAIN_DIGITS;
    }
    return keyed_lock(key, path, query, out + 1) ? 1 + KEYED_DIGITS : 0;
}

si_result si_lock_check(
    const char *key, si_str path, si_str query, si_str *unlocked, si_diag *diag) {
    char wanted[SI_LOCK_MAX + 1], given[SI_LOCK_MAX + 1];
    size_t len = key[0] == '\0' ? 1 + PLAIN_DIGITS : 1 + KEYED_DIGITS;
    if (query.len < len || query.p[query.len - len] != '&') {
        return si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
    }
    si_str rest = {query.p, query.len - len};
    for (size_t i = 0; i < len; i++) {
        char c = rest.p[rest.len + i];
        given[i] = (char)(c >= 'A' && c <= 'F' ? c | 0x20 : c);
    }
    if (si_lock_print(key, path, rest, wanted) != len || CRYPTO_memcmp(given, wanted, len) != 0) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
    }
    *unlocked = rest;
    return SI_OK;
}

bool si_lock_is_expiry(si_str name) {
    return si_str_eq_nocase(name, SI_STR("expires"));
}

si_result si_lock_expiry(si_str query, si_arena *arena, int64_t *out, si_diag *diag) {
    si_token t;
    bool out_of_memory = false;
    *out = 0;
    while (si_token_next(&query, arena, &t, &out_of_memory)) {
        long seconds;
        if ((t.kind != SI_TOKEN_COMMAND && t.kind != SI_TOKEN_BARE) || !si_lock_is_expiry(t.name)) {
            continue;
        }
        if (!si_str_int(t.value, &seconds) || seconds < 1) {
            return si_fail(diag, SI_ERR_RANGE, "expires: expected seconds since 1970");
        }
        *out = *out == 0 || seconds < *out ? seconds : *out;
    }
    return out_of_memory ? si_fail(diag, SI_ERR_MEMORY, "out of memory") : SI_OK;
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes groups of four digits; false unless the text is base64 to its last bit. */
static bool decode(si_str text, char *out, size_t *len) {
    uint32_t bits = 0;
    int have = 0;
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = base64_value(text.p[i]);
        if (v < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*len)++] = (char)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    return have < 6 && bits == 0;
}

si_result si_obfuscation_decode(si_str query, si_arena *arena, si_str *out, si_diag *diag) {
    char *plain = si_arena_alloc(arena, query.len + 1), *text = NULL;
    if (plain != NULL) {
        text = si_arena_alloc(arena, query.len + 1);
    }
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    si_str base64 = {plain, query.len > 0 ? si_percent_decode(query, false, plain) : 0};
    size_t padding = 0, len;
    while (padding < 2 && base64.len > 0 && base64.p[base64.len - 1] == '=') {
        base64.len--;
        padding++;
    }
    bool whole = padding == 0 || (base64.len + padding) % 4 == 0;
    if (!whole || !decode(base64, text, &len) || memchr(text, '\0', len) != NULL) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "request refused");
    }
    *out = (si_str){text, len};
    return SI_OK;
}
