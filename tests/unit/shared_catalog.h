/* One catalog for all tests of a program: set_up() writes files between make_folders() and
 * share_catalog(). */
#ifndef SI_TESTS_SHARED_CATALOG_H
#define SI_TESTS_SHARED_CATALOG_H

#include "plans.h"

static si_catalog *catalog;

static inline int share_catalog(void) {
    catalog = load();
    return 0;
}

static inline int tear_down(void **state) {
    si_catalog_free(catalog);
    return remove_config_folder(state);
}

#endif
