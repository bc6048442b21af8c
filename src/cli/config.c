/* smartimg config: every mistake in the configuration, with file and line; the reference page.  */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/config_page.h"
#include "cli/config_file.h"
#include "cli/man_page.h"
#include "render/libraries.h"

enum { OPTIONS_MAX = 64 }; /* no command has as many */

#define ACTIONS                                                                                    \
    "check [DIR] [--root DIR] | attributes | options | man [PAGE] | completion (bash | zsh | "     \
    "fish)"

static const char *root;

typedef struct tally {
    const char *folder;
    int mistakes;
} tally;

static void report(void *context, const char *file, int line, const char *text) {
    tally *t = context;
    t->mistakes += !si_catalog_is_warning(text);
    printf("%s/%s:%d: %s\n", t->folder, file, line, text);
}

/* Whatever `originals` of smartimg.ini leaves out needs no warning. */
static uint32_t refused_by(const char *folder) {
    bool given[OPTIONS_MAX] = {false};
    (void)si_config_file_apply(&si_command_serve, given, folder, NULL, NULL);
    for (const si_option *o = si_command_serve.options; o->name != NULL; o++) {
        if (strcmp(o->name, "originals") == 0) {
            return *(const uint32_t *)((const si_option_parsed *)o->target)->to;
        }
    }
    return 0;
}

static void warn(void *context, const char *text) {
    (void)context;
    printf("warning: %s\n", text);
}

static int check(const char *folder) {
    tally t = {folder, 0};
    si_catalog *catalog = NULL;
    si_diag diag = {0};
    /* where the images are makes no difference to the syntax */
    si_result result =
        si_catalog_load(t.folder, root != NULL ? root : t.folder, report, &t, &catalog, &diag);
    if (result == SI_OK && root != NULL) {
        (void)si_catalog_check_files(catalog, report, &t);
    }
    si_catalog_free(catalog);
    (void)si_config_file_check(t.folder, report, &t);
    (void)si_libraries_unsafe(refused_by(t.folder), warn, NULL);
    if (result != SI_OK && t.mistakes == 0) {
        return si_complain_diag(&diag);
    }
    if (t.mistakes > 0) {
        printf("%d mistake%s\n", t.mistakes, t.mistakes == 1 ? "" : "s");
        return SI_EXIT_FAILED;
    }
    printf("%s: no mistakes\n", t.folder);
    return SI_EXIT_OK;
}

static int run(char **operands, int count) {
    if (strcmp(operands[0], "check") == 0) {
        return check(count > 1 ? operands[1] : ".");
    }
    if (strcmp(operands[0], "attributes") == 0 && count == 1) {
        si_config_page();
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "options") == 0 && count == 1) {
        si_config_options_page();
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "man") == 0 && count == 1) {
        si_man_page_names();
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "man") == 0 && si_man_page(operands[1])) {
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "completion") == 0 && count == 2 && si_completion(operands[1])) {
        return SI_EXIT_OK;
    }
    si_complain("config: there are the actions " ACTIONS);
    return SI_EXIT_USAGE;
}

static const si_option options[] = {
    {"root", 0, "DIR", SI_OPTION_TEXT, &root,
        "Folder of the original images: files that records name and that are not there are "
        "warnings. "
        "Default: nothing is looked for.",
        0, 0},
    {0},
};

const si_command si_command_config = {
    .name = "config",
    .summary = "checks the configuration, explains its attributes",
    .synopsis = ACTIONS,
    .description =
        "check reads the configuration folder DIR (default: the current folder) as the server "
        "would, with the data files and rule sets that it names, and reports every mistake as "
        "FILE:LINE: TEXT. A server does not start with any of them, and a running one keeps its "
        "old configuration when it is told to reload. A TEXT that begins with \"warning: \" tells "
        "of something that is not used. A line that begins so tells of a library that is not safe "
        "with foreign files.\n"
        "\n"
        "attributes prints the reference page of attributes and record fields, options that of the "
        "options of `smartimg serve` and smartimg.ini, as Markdown.\n"
        "\n"
        "man prints a page for man(1), or the names of all pages; completion a script with which "
        "a shell completes commands and options.",
    .exit_status = " 0  no mistakes\n 1  mistakes, or no such folder\n 2  wrong usage",
    .examples = " smartimg config check /etc/smartimg\n"
                " smartimg config man smartimg-serve.1 | man -l -",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
