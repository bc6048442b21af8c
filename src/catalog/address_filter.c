#include "catalog/address_filter.h"

#include <arpa/inet.h>
#include <string.h>

enum { TEXT_MAX = 64, V4_BITS = 96 };

/* An address as text into 16 bytes; `first_bit` is where its own bits begin, 96 for IPv4. */
static bool read_address(si_str text, uint8_t out[16], int *first_bit) {
    char copy[TEXT_MAX];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    memset(out, 0, 16);
    *first_bit = 0;
    if (inet_pton(AF_INET6, copy, out) == 1) {
        return true;
    }
    out[10] = out[11] = 0xff;
    *first_bit = V4_BITS;
    return inet_pton(AF_INET, copy, out + 12) == 1;
}

static bool read_network(si_str text, si_address_range *out) {
    si_str address;
    int first;
    long bits;
    if (!si_str_next(&text, '/', &address) || !read_address(address, out->address, &first)) {
        return false;
    }
    out->bits = 128;
    if (text.p != NULL) {
        if (!si_str_int(text, &bits) || bits < 0 || bits > 128 - first) {
            return false;
        }
        out->bits = first + (int)bits;
    }
    return true;
}

bool si_address_filter_read(si_str text, si_arena *arena, const si_address_filter **out) {
    *out = NULL;
    text = si_str_trim(text);
    if (text.len == 0) {
        return true;
    }
    int room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.p[i] == ',';
    }
    si_address_filter *list = si_arena_alloc(arena, sizeof *list);
    si_address_range *networks = si_arena_alloc(arena, (size_t)room * sizeof *networks);
    if (list == NULL || networks == NULL) {
        return false;
    }
    si_str part;
    while (si_str_next(&text, ',', &part)) {
        if (!read_network(si_str_trim(part), &networks[list->count++])) {
            return false;
        }
    }
    list->networks = networks;
    *out = list;
    return true;
}

static bool contains(const si_address_range *n, const uint8_t address[16]) {
    int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, (size_t)whole) != 0) {
        return false;
    }
    return rest == 0 || ((n->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool si_address_filter_allows(const si_address_filter *list, si_str client) {
    uint8_t address[16];
    int first;
    if (list == NULL) {
        return true;
    }
    if (!read_address(client, address, &first)) {
        return false;
    }
    for (int i = 0; i < list->count; i++) {
        if (contains(&list->networks[i], address)) {
            return true;
        }
    }
    return false;
}
