/* Options of the servers as environment variables: SMARTIMG_ and the option's name in capitals,
 * with
 * "_" for "-", such as SMARTIMG_CACHE_SIZE. A variable that is empty counts as not set. */
#ifndef SI_CLI_ENVIRONMENT_H
#define SI_CLI_ENVIRONMENT_H

#include "cli/cli.h"

/* What help and page say of it. */
#define SI_ENVIRONMENT_HELP                                                                        \
    "Every option may be an environment variable, too: SMARTIMG_ and its name in capitals, with "  \
    "\"_\" for \"-\", such as SMARTIMG_CACHE_SIZE; an empty one counts as not set. The command "   \
    "line beats the environment, which beats smartimg.ini."

enum { SI_VARIABLE_MAX = 64 }; /* bytes of a variable's name */

/* The name of an option's variable, in `out`. */
const char *si_variable_of(const char *option, char out[SI_VARIABLE_MAX]);

/* What an option's variable says; NULL if it is not set. */
const char *si_variable_value(const char *option);

/* Gives every option of `command` that is not `given`, a flag per row, the value of its variable,
 * and marks it as given. Tells each mistake on stderr; returns how many there were. */
int si_environment_apply(const si_command *command, bool *given);

/* Tells of each variable that begins with SMARTIMG_ and that nobody reads: the text begins with its
 * name. Returns how many. */
int si_environment_unknown(void (*tell)(void *context, const char *text), void *context);

#endif
