/* A configuration folder and a served folder for tests of the catalog, in a temporary folder. */
#ifndef SI_TESTS_CATALOG_FIXTURE_H
#define SI_TESTS_CATALOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"

static char folder[] = "/tmp/smartimg-catalog-XXXXXX";

/* Everything that was reported by the last load. */
static char reports[8192];
static int mistake_count, warning_count, first_line;

static inline const char *in_folder(const char *name) {
    static char paths[4][400];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_bytes(const char *name, const void *bytes, size_t len) {
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline void write_file(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

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

static inline void make_dir(const char *name) {
    assert_int_equal(mkdir(in_folder(name), 0755), 0);
}

static inline void take_report(void *context, const char *file, int line, const char *text) {
    (void)context;
    size_t n = strlen(reports);
    snprintf(reports + n, sizeof reports - n, "%s:%d: %s\n", file, line, text);
    if (si_catalog_is_warning(text)) {
        warning_count++;
        return;
    }
    if (mistake_count++ == 0) {
        first_line = line;
    }
}

/* Loads whatever there is; NULL with the reports filled if there are mistakes. */
static inline si_catalog *try_load(void) {
    si_catalog *catalog = NULL;
    si_diag diag = {0};
    reports[0] = '\0';
    mistake_count = warning_count = first_line = 0;
    si_result r =
        si_catalog_load(in_folder("conf"), in_folder("root"), take_report, NULL, &catalog, &diag);
    assert_true((r == SI_OK) == (catalog != NULL));
    assert_true((r == SI_ERR_CONFIG) == (mistake_count > 0));
    return catalog;
}

static inline si_catalog *load(void) {
    si_catalog *catalog = try_load();
    if (catalog == NULL) {
        fail_msg("%s", reports);
    }
    return catalog;
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
    assert_non_null(mkdtemp(folder));
    make_dir("root");
    make_dir("conf");
    make_dir("conf/companies");
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Takes every company file away before a test. */
static inline int clean(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'/conf/companies/* '%s'/root/*", folder, folder);
    return system(command);
}

#endif
