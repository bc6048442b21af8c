/* The option --sandbox, and what the start says of it. */
#ifndef SI_CLI_SANDBOX_OPTION_H
#define SI_CLI_SANDBOX_OPTION_H

#include <stdbool.h>

#include "process/sandbox.h"

/* Turns a word into an si_sandbox_mode. NULL, or what is wrong with it. */
const char *si_sandbox_parse(const char *value, void *mode);

/* Says on stderr what of the sandbox cannot be had here. False, with a complaint, if it is required
 * all the same. */
bool si_sandbox_announce(si_sandbox_mode mode);

#endif
