/* The parts of `smartimg config check` (check.c), each of which tells what it finds. */
#ifndef SI_CLI_CHECK_PARTS_H
#define SI_CLI_CHECK_PARTS_H

#include "catalog/catalog.h"
#include "cli/check/settings.h"

/* machine.c: users, folders and files that settings name, as far as this user may look. If this is
 * root and the server is to open images as somebody else, the process does, too, from then on
 * (process/confine.h). */
void si_check_machine(const si_check_settings *settings, si_messages *messages);

/* Where the parts below look, and whom they tell. */
typedef struct si_looking {
    const si_check_settings *settings;
    si_messages *messages;
    bool starter; /* this user may start the server that is configured */
} si_looking;

static inline const si_check_setting *si_looking_of(const si_looking *l, const char *name) {
    return si_check_setting_of(l->settings, name);
}

/* fleet.c: what settings say of other machines and of purges: renderers, Redis, tokens, hooks. */
void si_check_fleet(const si_looking *l);

/* certificate.c: a certificate chain and its key, files in PEM that this process can open. Tells of
 * those that nginx would not take and that browsers would not. */
void si_check_certificate(
    const si_check_setting *certificate, const si_check_setting *key, si_messages *messages);

/* queries.c: commands that there are not, and values that cannot be, in presets and records. */
void si_check_queries(const si_catalog *catalog, si_messages *messages);

/* sources.c: files with keys and certificates that sources of originals name, as far as this
 * process may look. */
void si_check_sources(const si_catalog *catalog, si_messages *messages);

/* stray.c: ini files in the folder that nobody reads; `catalog` tells which data files there are,
 * NULL = there is none. */
void si_check_stray(const si_catalog *catalog, si_messages *messages);

#endif
