/* The commands of URLs in `smartimg help`, from the table of src/request/commands.h. */
#ifndef SI_CLI_HELP_URL_H
#define SI_CLI_HELP_URL_H

#include <stdbool.h>

/* Prints all of them by class, a line each, to stdout. */
void si_help_url_commands(void);

/* Prints them, the values of req= and those of fmt= to stdout as one JSON object with the lists
 * `commands`, `types` and `formats`. tools/protocol-page makes docs/protocol.md from it. */
void si_help_url_json(void);

/* Prints the page of one (any case) to stdout; false if there is no such command. */
bool si_help_url_command(const char *name);

#endif
