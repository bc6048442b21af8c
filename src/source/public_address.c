#include "source/public_address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "base/host.h"

/* An IPv4 network that is no part of the public internet. */
typedef struct network {
    uint8_t address[4];
    int bits;
} network;

static const network set_aside[] = {
    {{0, 0, 0, 0}, 8},       /* this network */
    {{10, 0, 0, 0}, 8},      /* private */
    {{100, 64, 0, 0}, 10},   /* shared by a carrier's customers */
    {{127, 0, 0, 0}, 8},     /* loopback */
    {{169, 254, 0, 0}, 16},  /* link-local, and metadata services of clouds */
    {{172, 16, 0, 0}, 12},   /* private */
    {{192, 0, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2, 0}, 24},    /* documentation */
    {{192, 31, 196, 0}, 24}, /* AS112 */
    {{192, 52, 193, 0}, 24}, /* AMT */
    {{192, 88, 99, 0}, 24},  /* 6to4 relays */
    {{192, 168, 0, 0}, 16},  /* private */
    {{192, 175, 48, 0}, 24}, /* AS112 */
    {{198, 18, 0, 0}, 15},   /* benchmarks */
    {{198, 51, 100, 0}, 24}, /* documentation */
    {{203, 0, 113, 0}, 24},  /* documentation */
    {{224, 0, 0, 0}, 3},     /* multicast, reserved, broadcast */
};

static uint32_t number(const uint8_t a[4]) {
    return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

static bool ipv4_is_public(const uint8_t a[4]) {
    for (size_t i = 0; i < sizeof set_aside / sizeof *set_aside; i++) {
        uint32_t mask = ~UINT32_C(0) << (32 - set_aside[i].bits);
        if (((number(a) ^ number(set_aside[i].address)) & mask) == 0) {
            return false;
        }
    }
    return true;
}

static bool all_zero(const uint8_t *a, size_t len) {
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum |= a[i];
    }
    return sum == 0;
}

static bool ipv6_is_public(const uint8_t a[16]) {
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(a, nat64, sizeof nat64) == 0) {
        return ipv4_is_public(a + 12);
    }
    if (all_zero(a, 10) && a[10] == 0xff && a[11] == 0xff) {
        return ipv4_is_public(a + 12); /* mapped */
    }
    if ((a[0] & 0xe0) != 0x20) {
        return false; /* only 2000::/3 is global unicast */
    }
    if (a[0] == 0x20 && a[1] == 0x02) {
        return ipv4_is_public(a + 2); /* 6to4 */
    }
    bool protocols = a[0] == 0x20 && a[1] == 0x01 && (a[2] & 0xfe) == 0; /* with Teredo, ORCHID */
    bool documentation = (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) ||
                         (a[0] == 0x3f && a[1] == 0xff && (a[2] & 0xf0) == 0);
    return !protocols && !documentation;
}

bool si_address_is_public(const struct sockaddr *address, socklen_t len) {
    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return ipv4_is_public((const uint8_t *)&in.sin_addr);
    }
    if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return ipv6_is_public(in.sin6_addr.s6_addr);
    }
    return false;
}

bool si_host_is_listed(const char *list, si_str host) {
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ", \t");
        if (len > 0 && si_host_same((si_str){list, len}, host)) {
            return true;
        }
        list += len + (list[len] != '\0');
    }
    return false;
}
