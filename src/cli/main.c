/* smartimg: finds the command and hands over. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help_url.h"
#include "picture/recipe.h"
#include "render/libraries.h"

const si_command *const si_commands[] = {&si_command_serve, &si_command_renderer,
    &si_command_render, &si_command_explain, &si_command_report, &si_command_purge,
    &si_command_config, &si_command_calibrate, &si_command_compat, &si_command_edge_config,
    &si_command_verify_cdn, &si_command_warm, &si_command_top, &si_command_fleet, NULL};

const si_command *const si_server_commands[] = {&si_command_serve, &si_command_renderer, NULL};

const char si_program_about[] =
    "Serves images under Dynamic Media URLs, each as the smallest encoding that looks as\n"
    "good as the one asked for, in a format the asking client can show.";

static const si_command *find(const char *name) {
    for (int i = 0; si_commands[i] != NULL; i++) {
        if (strcmp(si_commands[i]->name, name) == 0) {
            return si_commands[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *to) {
    fprintf(to, "usage: smartimg COMMAND [OPTION]...\n\n%s\n\nCommands:\n", si_program_about);
    for (int i = 0; si_commands[i] != NULL; i++) {
        fprintf(to, "  %-11s %s\n", si_commands[i]->name, si_commands[i]->summary);
    }
    fprintf(to,
        "  %-11s %s\n  %-11s %s\n\nMore: smartimg help COMMAND, and smartimg help commands for "
        "those of URLs\n",
        "help", "prints the manual page of a command, also of those in URLs", "--version",
        "prints the version and those of the image libraries");
}

static void print_library(
    void *context, const char *name, const char *version, const char *purpose) {
    (void)context;
    bool format = strcmp(purpose, "format") == 0;
    printf("  %-10s %s%s%s%s\n", name, version, format ? "" : " (", format ? "" : purpose,
        format ? "" : ")");
}

static int print_version(void) {
    printf("smartimg %s\n  %-10s %s (their syntax, and the revision of pixels and choice)\n",
        SMARTIMG_VERSION, "recipes", SI_RECIPE_VERSION);
    si_libraries_each(print_library, NULL);
    return SI_EXIT_OK;
}

static int unknown(const char *name) {
    si_complain("unknown command %s", name);
    print_overview(stderr);
    return SI_EXIT_USAGE;
}

/* help commands [--json] */
static int help_url(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[2], "--json") != 0) {
        return unknown(argv[2]);
    }
    if (argc > 2) {
        si_help_url_json();
    } else {
        si_help_url_commands();
    }
    return SI_EXIT_OK;
}

static int help(int argc, char **argv) {
    if (argc < 2) {
        print_overview(stdout);
        return SI_EXIT_OK;
    }
    if (strcmp(argv[1], "commands") == 0) {
        return help_url(argc, argv);
    }
    const si_command *command = find(argv[1]);
    if (command != NULL) {
        si_command_help(command);
    } else if (!si_help_url_command(argv[1])) {
        return unknown(argv[1]);
    }
    return SI_EXIT_OK;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_overview(stderr);
        return SI_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        return print_version();
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return help(argc - 1, argv + 1);
    }
    const si_command *command = find(name);
    if (command == NULL) {
        return unknown(name);
    }
    return si_command_run(command, argc - 1, argv + 1);
}
