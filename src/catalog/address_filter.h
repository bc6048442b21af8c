/* Lists of client addresses (docs/attributes.md, ClientAddressFilter). */
#ifndef SI_CATALOG_ADDRESS_FILTER_H
#define SI_CATALOG_ADDRESS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* One network; IPv4 addresses are kept as IPv6 ones, ::ffff:a.b.c.d. */
typedef struct si_address_range {
    uint8_t address[16];
    int bits; /* 0…128 that count */
} si_address_range;

typedef struct si_address_filter {
    int count;
    const si_address_range *networks;
} si_address_filter;

/* Reads "address[/bits],…", IPv4 (bits 0…32) or IPv6 (0…128), into the arena; an empty text gives
 * NULL in *out, which stands for everybody. False if the text is not such a list. */
bool si_address_filter_read(si_str text, si_arena *arena, const si_address_filter **out);

/* Whether a client may be served; one whose address cannot be read, only if the list is NULL. */
bool si_address_filter_allows(const si_address_filter *list, si_str client);

#endif
