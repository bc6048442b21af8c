/* What texts of the servers' options have to be, besides texts. */
#ifndef SI_CLI_OPTION_VALUES_H
#define SI_CLI_OPTION_VALUES_H

#include "cli/cli.h"

/* As si_option_store(), for an option of `smartimg serve` or `smartimg renderer`: addresses,
 * networks and names of header fields are looked at, too. */
const char *si_server_option_store(const si_option *option, const char *value);

#endif
