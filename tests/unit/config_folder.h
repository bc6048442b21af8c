/* A folder with a served root and a configuration, made for a test and removed behind it; loading
 * the configuration, and what that reports. */
#ifndef SI_TESTS_CONFIG_FOLDER_H
#define SI_TESTS_CONFIG_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"

#define ROWS(table) table, sizeof(table) / sizeof *(table)

static char folder[] = "/tmp/smartimg-config-XXXXXX";

/* Path of a name in the folder; good until the fourth call after this one. */
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

static inline void make_dir(const char *name) {
    assert_int_equal(mkdir(in_folder(name), 0755), 0);
}

/* An empty root and an empty configuration. */
static inline void make_config_folder(void) {
    assert_non_null(mkdtemp(folder));
    make_dir("root");
    make_dir("conf");
    make_dir("conf/companies");
}

static inline int remove_config_folder(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- loading ---- */

/* What was reported by the last load. */
static char reports[8192];
static int mistake_count, warning_count, first_line;
static si_diag load_diag;

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
    reports[0] = '\0';
    mistake_count = warning_count = first_line = 0;
    load_diag = (si_diag){0};
    si_result r = si_catalog_load(
        in_folder("conf"), in_folder("root"), take_report, NULL, &catalog, &load_diag);
    assert_true((r == SI_OK) == (catalog != NULL));
    assert_true((r == SI_ERR_CONFIG) == (mistake_count > 0));
    return catalog;
}

static inline si_catalog *load(void) {
    si_catalog *catalog = try_load();
    if (catalog == NULL) {
        fail_msg("%s\n%s", load_diag.text, reports);
    }
    return catalog;
}

/* A text that is refused, the line that is named, and part of what is said. */
typedef struct mistake {
    const char *text;
    int line;
    const char *says;
} mistake;

/* Loads the configuration with each text as the file of this name beside its companies. */
static inline void check_mistakes(const char *file, const mistake *rows, size_t count) {
    char name[100], where[100];
    snprintf(name, sizeof name, "conf/companies/%s", file);
    snprintf(where, sizeof where, "companies/%s:", file);
    for (size_t i = 0; i < count; i++) {
        write_file(name, rows[i].text);
        assert_null(try_load());
        if (first_line != rows[i].line || strstr(reports, rows[i].says) == NULL ||
            strstr(reports, where) == NULL || strstr(load_diag.text, file) == NULL) {
            fail_msg("%s: line %d, %s\n%s", rows[i].text, first_line, reports, load_diag.text);
        }
    }
}

#endif
