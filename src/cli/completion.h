/* What shells complete commands and options of `smartimg` with, made from the tables of both: what
 * `smartimg config completion` prints. */
#ifndef SI_CLI_COMPLETION_H
#define SI_CLI_COMPLETION_H

#include <stdbool.h>

/* Prints the script for a shell, "bash", "zsh" or "fish", to stdout; false if it is another one. */
bool si_completion(const char *shell);

#endif
