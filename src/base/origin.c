#include "base/origin.h"

static bool is_named(const si_origin *o, si_str name) {
    size_t n = strlen(o->name), m = strlen(o->owner);
    return name.len == n + 1 + m && memcmp(name.p, o->name, n) == 0 && name.p[n] == '@' &&
           memcmp(name.p + n + 1, o->owner, m) == 0;
}

const si_origin *si_origins_find(const si_origins *all, si_str name) {
    for (int i = 0; i < all->count; i++) {
        if (is_named(all->items[i], name)) {
            return all->items[i];
        }
    }
    return NULL;
}

static bool read_version(si_str text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f')) {
            return false;
        }
        *out = *out << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return text.len == SI_ORIGIN_VERSION;
}

bool si_origin_path_read(const char *path, si_origin_path *out) {
    if (!si_is_in_origin(path)) {
        return false;
    }
    si_str rest = si_str_of(path + sizeof SI_ORIGIN_PATH - 1), version;
    if (!si_str_next(&rest, '/', &out->origin) || !si_str_next(&rest, '/', &version) ||
        rest.p == NULL || rest.len == 0 || rest.len >= SI_ORIGIN_KEY_MAX) {
        return false;
    }
    out->key = rest.p;
    return read_version(version, &out->version);
}
