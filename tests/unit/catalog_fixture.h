/* Companies in a folder of config_folder.h, for tests of the catalog. */
#ifndef SI_TESTS_CATALOG_FIXTURE_H
#define SI_TESTS_CATALOG_FIXTURE_H

#include <fcntl.h>

#include "config_folder.h"

/* A company file; NULL takes it away. */
static inline void write_company(const char *id, const char *text) {
    char name[100];
    snprintf(name, sizeof name, "conf/companies/%s.ini", id);
    if (text != NULL) {
        write_file(name, text);
    } else {
        (void)unlink(in_folder(name));
    }
}

static inline const si_company *company_of(const si_catalog *c, const char *id) {
    si_arena arena = {0};
    const si_company *company = si_catalog_find_company(c, si_str_of(id), &arena);
    assert_non_null(company);
    si_arena_free(&arena);
    return company;
}

static inline int set_up(void **state) {
    (void)state;
    make_config_folder();
    return 0;
}

/* Takes every company file away before a test. */
static inline int clean(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'/conf/companies/* '%s'/root/*", folder, folder);
    return system(command);
}

#endif
