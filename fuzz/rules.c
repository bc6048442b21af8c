/* Fuzz target: rule sets of a company, loaded, and if they are right, applied to a few requests. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[100], root[200], config[200], rules[400];

static void write_file(const char *path, const void *data, size_t len) {
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        abort();
    }
}

static void clean_up(void) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", folder);
    }
}

static void start(void) {
    static const char company[] = "RuleSetFile = r.xml\n";
    char path[300];
    snprintf(folder, sizeof folder, "%s/smartimg-fuzz-XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    atexit(clean_up);
    snprintf(root, sizeof root, "%s/root", folder);
    snprintf(config, sizeof config, "%s/conf", folder);
    snprintf(path, sizeof path, "%s/companies", config);
    snprintf(rules, sizeof rules, "%s/r.xml", path);
    if (mkdir(root, 0755) != 0 || mkdir(config, 0755) != 0 || mkdir(path, 0755) != 0) {
        abort();
    }
    strcat(path, "/c.ini");
    write_file(path, company, sizeof company - 1);
}

static void apply(const si_catalog *c) {
    static const struct {
        const char *path, *query, *client;
    } requests[] = {{"a", NULL, "127.0.0.1"}, {"a/b.jpg", "wid=3&$p$", "::1"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy", "layer=1&src=is{c/a?size=3}", "10.9.8.7"},
        {"", "", ""}};
    si_arena found = {0};
    const si_company *company = si_catalog_find_company(c, SI_STR("c"), &found);
    for (size_t i = 0; company != NULL && i < sizeof requests / sizeof *requests; i++) {
        si_arena arena = {0};
        si_rule_output out;
        si_diag diag = {0};
        si_rule_input input = {.context = SI_CONTEXT_IS,
            .path = si_str_of(requests[i].path),
            .query = si_str_of(requests[i].query),
            .client = si_str_of(requests[i].client)};
        if (si_rules_apply(c, company, &input, &arena, &out, &diag) != SI_OK &&
            (diag.code == SI_OK || diag.text[0] == '\0')) {
            abort(); /* an error without a word */
        }
        si_arena_free(&arena);
    }
    si_arena_free(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    si_catalog *c = NULL;
    si_diag diag = {0};
    if (folder[0] == '\0') {
        start();
    }
    write_file(rules, data, size);
    if (si_catalog_load(config, root, NULL, NULL, &c, &diag) == SI_OK) {
        apply(c);
        si_catalog_free(c);
    }
    return 0;
}
