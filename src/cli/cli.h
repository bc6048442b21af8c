/* What all commands of `smartimg` share: their description as a table, options, help, messages.
 *
 * A command is one file with one si_command. Its options are rows of a table, from which parsing,
 * checks, and `smartimg help COMMAND` are made. */
#ifndef SI_CLI_CLI_H
#define SI_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

enum { SI_EXIT_OK = 0, SI_EXIT_FAILED = 1, SI_EXIT_USAGE = 2 };

enum { SI_OPTIONS_MAX = 96 }; /* of one command */

typedef enum si_option_kind {
    SI_OPTION_FLAG,  /* target: bool */
    SI_OPTION_TEXT,  /* target: const char *, borrowed from argv */
    SI_OPTION_LIST,  /* target: si_option_list; may be given often */
    SI_OPTION_COUNT, /* target: int, minimum…maximum */
    SI_OPTION_BYTES, /* target: int64_t, bytes; accepts k, m, g, t behind the number; at least
                        `minimum` MiB */
    SI_OPTION_PARSED /* target: si_option_parsed */
} si_option_kind;

typedef struct si_option_list {
    int count;
    const char *items[64];
} si_option_list;

/* An option with a syntax of its own. */
typedef struct si_option_parsed {
    const char *(*parse)(const char *value, void *to); /* NULL, or what is wrong with `value` */
    void *to;                                          /* 8 bytes at most */
} si_option_parsed;

/* A parser of booleans (si_str_switch()); `to` is a bool. */
const char *si_on_off_parse(const char *value, void *to);

typedef struct si_option {
    const char *name;     /* without the dashes; NULL ends a table */
    char letter;          /* short form, 0 if none */
    const char *argument; /* what the help calls the argument; NULL for flags */
    si_option_kind kind;
    void *target; /* holds the default before parsing */
    const char *help;
    int minimum, maximum; /* of a count; minimum also of bytes, in MiB */
} si_option;

/* What an option is worth that was not given, where a table says so (server_options.h). */
typedef struct si_initial {
    const char *text;  /* of a text */
    int64_t number;    /* of a count or bytes */
    const char *words; /* for people, where the above would not tell; or NULL */
    const char *unit;  /* of a count, "" = none */
} si_initial;

typedef struct si_command {
    const char *name;
    const char *summary;     /* one line */
    const char *synopsis;    /* behind the name */
    const char *description; /* paragraphs, parted by an empty line */
    const char *examples;    /* lines, or NULL */
    const char *exit_status; /* lines */
    const si_option *options;
    const si_initial *initial; /* one for each option, stored before parsing; or NULL */
    int operands_min, operands_max;
    int (*run)(char **operands, int count); /* returns the exit status */
} si_command;

extern const si_command si_command_serve, si_command_renderer, si_command_render,
    si_command_explain, si_command_report, si_command_purge, si_command_config,
    si_command_calibrate, si_command_compat, si_command_edge_config, si_command_verify_cdn,
    si_command_warm, si_command_top, si_command_fleet;

/* Every command, and those that keep running and have `initial`; ended by NULL (main.c). */
extern const si_command *const si_commands[], *const si_server_commands[];
/* What all of them are for, in two lines (main.c). */
extern const char si_program_about[];

/* Parses argv (argv[0] is the command's name), checks the number of operands, runs. `--help` prints
 * the help. Returns the exit status. */
int si_command_run(const si_command *command, int argc, char **argv);

/* Stores an option's value, which must live as long as the process. NULL, or what is wrong with it.
 */
const char *si_option_store(const si_option *option, const char *value);

/* The default and the range of an option in words, for people: "10g", "1 to 256", "" = none. `out`
 * has room for SI_OPTION_WORDS bytes. */
enum { SI_OPTION_WORDS = 200 };
const char *si_option_default(const si_option *option, const si_initial *initial, char *out);
const char *si_option_range(const si_option *option, const si_initial *initial, char *out);

/* Prints the manual page of a command to stdout. */
void si_command_help(const si_command *command);

/* Prints "smartimg: …" and a line end to stderr: what other headers call a complaint. */
void si_complain(const char *fmt, ...) SI_PRINTF(1, 2);

/* Prints what went wrong to stderr and returns SI_EXIT_FAILED. */
int si_complain_diag(const si_diag *diag);

/* Prints a mistake in the configuration to stderr: a si_catalog_report; `context` is the folder. */
void si_complain_mistake(void *context, const char *file, int line, const char *text);

#define SI_USUAL_LISTEN "127.0.0.1:8080" /* where a server listens unless told otherwise */
#define SI_CACHE_OF_ROOT "/var/cache/smartimg"
#define SI_CACHE_OF_USER "smartimg/server" /* below $XDG_CACHE_HOME, or .cache of the home */

/* Where the server keeps its cache unless told otherwise: what the environment says
 * (environment.h), else one of the above. NULL, with a complaint, if there is no home. */
const char *si_default_cache(si_arena *arena);

#endif
