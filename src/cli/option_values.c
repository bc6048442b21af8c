#include "cli/option_values.h"

#include <string.h>

#include "catalog/address_filter.h"
#include "cli/site.h"
#include "client/network.h"
#include "renderer/pool.h"

static const char *address(const char *value) {
    return si_pool_is_address(value)
               ? NULL
               : "is no address with a port, such as 127.0.0.1:8080 or [::1]:8080";
}

static const char *networks(const char *value) {
    si_arena arena = {0};
    const si_address_filter *ignored;
    bool ok = si_address_filter_read(si_str_of(value), &arena, &ignored);
    si_arena_free(&arena);
    return ok ? NULL : "is no list of addresses or networks, parted by commas";
}

static const char *field_name(const char *value) {
    return si_str_is_field_name(si_str_of(value)) ? NULL : "is no name of a header field";
}

static const char *network_limit(const char *value) {
    si_network_limit ignored;
    return si_network_read_limit(si_str_of(value), &ignored)
               ? NULL
               : "is not MBIT,MS: Mbit/s and milliseconds";
}

static const char *log_format(const char *value) {
    return strcmp(value, SI_LOG_TEXT) == 0 || strcmp(value, SI_LOG_JSON) == 0
               ? NULL
               : "is neither text nor json";
}

static const struct {
    const char *option;
    const char *(*wrong)(const char *value);
} texts[] = {
    {"admin-listen", address},
    {"cdn-cache-control", field_name},
    {"dpr-header", field_name},
    {"listen", address},
    {"log-format", log_format},
    {"network-good", network_limit},
    {"network-header", field_name},
    {"network-poor", network_limit},
    {"tls-listen", address},
    {"trusted-edges", networks},
    {"trusted-proxies", networks},
};

const char *si_server_option_store(const si_option *o, const char *value) {
    for (size_t i = 0; o->kind == SI_OPTION_TEXT && i < sizeof texts / sizeof *texts; i++) {
        const char *wrong = strcmp(texts[i].option, o->name) == 0 ? texts[i].wrong(value) : NULL;
        if (wrong != NULL) {
            return wrong;
        }
    }
    return si_option_store(o, value);
}
