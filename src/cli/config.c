/* smartimg config: every mistake in the configuration, with file and line; the reference page.  */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check/check.h"
#include "cli/cli.h"
#include "cli/completion.h"
#include "cli/config_page.h"
#include "cli/man_page.h"
#include "cli/metrics_page.h"
#include "process/confine.h"

#define ACTIONS                                                                                    \
    "check [DIR] [--root DIR] [--as USER] [--strict] | attributes | options | metrics | "          \
    "man [PAGE] | completion (bash | zsh | fish)"

static const char *root;
static const char *user;
static bool strict;

/* Becomes the user who starts the server, to see what that one sees. */
static bool become(void) {
    const struct passwd *p = user != NULL ? getpwnam(user) : NULL;
    if (user == NULL || (p != NULL && p->pw_uid == geteuid())) {
        return true;
    }
    if (p == NULL) {
        si_complain("there is no user %s", user);
    } else if (!si_become_user(p->pw_name, p->pw_uid, p->pw_gid)) {
        si_complain("cannot become user %s: %s", user, strerror(errno));
        return false;
    }
    return p != NULL;
}

static int run(char **operands, int count) {
    if (strcmp(operands[0], "check") == 0) {
        return !become() ? SI_EXIT_FAILED
                         : si_config_check(count > 1 ? operands[1] : ".", root, strict);
    }
    if (strcmp(operands[0], "attributes") == 0 && count == 1) {
        si_config_page();
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "options") == 0 && count == 1) {
        si_config_options_page();
        return SI_EXIT_OK;
    }
    if (strcmp(operands[0], "metrics") == 0 && count == 1) {
        si_metrics_page();
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
        "warnings. Default: that of smartimg.ini or SMARTIMG_ROOT; if neither names one, nothing "
        "is "
        "looked for.",
        0, 0},
    {"as", 0, "USER", SI_OPTION_TEXT, &user,
        "Looks as the user who starts the server, such as User= of a systemd unit; only root can. "
        "Default: as whoever runs the check.",
        0, 0},
    {"strict", 0, NULL, SI_OPTION_FLAG, &strict, "Fails for warnings, too.", 0, 0},
    {0},
};

const si_command si_command_config = {
    .name = "config",
    .summary = "checks the configuration, explains its attributes",
    .synopsis = ACTIONS,
    .description =
        "check reads the configuration folder DIR (default: the current folder) as the server "
        "would, with the data files and rule sets that it names, and the environment, and reports "
        "every mistake as FILE:LINE: TEXT, those of the environment as VARIABLE: TEXT. A mistake "
        "is "
        "what a server does not start with, or what requests fail for: users that there are not, "
        "certificates that do not count, paths that cannot be read or written to, values in "
        "presets and records. A running server keeps its old configuration when it is told to "
        "reload one with mistakes in its files.\n"
        "\n"
        "A TEXT that begins with \"warning: \" tells of something odd: files that nobody reads, "
        "attributes and commands that mean nothing, images that are not there. A line that begins "
        "so tells of a library that is not safe with foreign files. Run as root, it looks at "
        "images as the user of smartimg.ini, if one is named there.\n"
        "\n"
        "attributes prints the reference page of attributes and record fields, options that of the "
        "options of `smartimg serve` and smartimg.ini, metrics that of what /metrics tells, as "
        "Markdown.\n"
        "\n"
        "man prints a page for man(1), or the names of all pages; completion a script with which "
        "a shell completes commands and options.",
    .exit_status = " 0  no mistakes\n 1  mistakes, with --strict warnings too, or no such folder\n "
                   "2  wrong usage",
    .examples = " smartimg config check /etc/smartimg --root /srv/images --strict\n"
                " smartimg config man smartimg-serve.1 | man -l -",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
