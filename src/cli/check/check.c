#include "cli/check/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/check/parts.h"
#include "cli/config_file.h"
#include "cli/originals.h"
#include "render/libraries.h"

enum { MESSAGES_MAX = 1 << 30 }; /* bytes: a catalog may be wrong in every line */

static void unsafe(void *context, const char *text) {
    (void)context;
    printf("warning: %s\n", text);
}

/* Whatever `originals` leaves out needs no warning. */
static void check_libraries(const si_check_settings *settings) {
    const si_check_setting *originals = si_check_setting_of(settings, "originals");
    uint32_t refused = 0;
    if (originals->value == NULL || si_originals_parse(originals->value, &refused) == NULL) {
        (void)si_libraries_unsafe(refused, unsafe, NULL);
    }
}

/* A server that reads nothing here is none that was meant. */
static void check_folder(si_messages *messages) {
    int fd = open(messages->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && faccessat(fd, SI_CONFIG_FILE, F_OK, 0) != 0 &&
        faccessat(fd, "companies", F_OK, 0) != 0) {
        si_messages_add(messages, NULL, 0,
            "warning: %s has neither " SI_CONFIG_FILE " nor a folder companies", messages->folder);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* What companies are, loaded as the server does; where images are makes no difference to that. */
static bool check_companies(
    const si_check_settings *settings, si_messages *messages, si_diag *diag) {
    const char *root = si_check_setting_of(settings, "root")->value;
    const bool there = root != NULL && access(root, X_OK) == 0;
    si_catalog *catalog = NULL;
    si_result result = si_catalog_load_to_check(messages->folder, there ? root : messages->folder,
        si_messages_report, messages, &catalog, diag);
    si_check_stray(catalog, messages);
    si_check_machine(settings, messages);
    if (catalog != NULL) {
        si_check_queries(catalog, messages);
        si_check_sources(catalog, messages);
        if (there) {
            (void)si_catalog_check_files(catalog, si_messages_report, messages);
        }
    }
    si_catalog_free(catalog);
    return result == SI_OK || messages->mistakes > 0;
}

static int sum_up(const si_messages *m, bool strict) {
    const int bad = m->mistakes + (strict ? m->warnings : 0);
    if (m->mistakes > 0) {
        printf("%d mistake%s\n", m->mistakes, m->mistakes == 1 ? "" : "s");
    } else {
        printf("%s: no mistakes\n", m->folder);
    }
    return bad > 0 ? SI_EXIT_FAILED : SI_EXIT_OK;
}

int si_config_check(const char *folder, const char *root, bool strict) {
    static si_check_settings settings;
    si_messages messages = {.folder = folder, .arena = {.limit = MESSAGES_MAX}};
    si_diag diag = {0};
    si_check_settings_read(&settings, root, &messages);
    check_folder(&messages);
    const bool told = check_companies(&settings, &messages, &diag);
    si_messages_print(&messages);
    check_libraries(&settings);
    const int status = told ? sum_up(&messages, strict) : si_complain_diag(&diag);
    si_messages_free(&messages);
    return status;
}
