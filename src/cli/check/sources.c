#include <stdio.h>

#include "catalog/origins.h"
#include "cli/check/parts.h"
#include "source/authorities.h"
#include "source/origin_keys.h"

static void check_origin(const si_origin *o, si_messages *messages) {
    char file[300];
    si_diag diag = {0};
    snprintf(file, sizeof file, "companies/%s.ini", o->owner[0] != '\0' ? o->owner : "default");
    if (strncmp(o->credentials, SI_KEYS_IN_FILE, sizeof SI_KEYS_IN_FILE - 1) == 0) {
        si_origin_keys keys;
        if (si_origin_keys_of(o, -1, &keys, &diag) != SI_OK) {
            si_messages_add(messages, file, o->line, "source \"%s\": %s: %s", o->name, diag.text,
                o->credentials + sizeof SI_KEYS_IN_FILE - 1);
        }
        explicit_bzero(&keys, sizeof keys);
    }
    if (o->ca_file[0] == '/') { /* else that is the mistake */
        si_bytes authorities;
        diag = (si_diag){0};
        if (si_authorities_read(o->ca_file, &authorities, &diag) != SI_OK) {
            si_messages_add(
                messages, file, o->line, "source \"%s\": %s (%s)", o->name, diag.text, o->ca_file);
        }
        si_bytes_free(&authorities);
    }
}

void si_check_sources(const si_catalog *catalog, si_messages *messages) {
    const si_origins all = si_catalog_origins(catalog);
    for (int i = 0; i < all.count; i++) {
        check_origin(all.items[i], messages);
    }
}
