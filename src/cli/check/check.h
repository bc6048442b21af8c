/* `smartimg config check`: the configuration folder as the server would read it, held against this
 * machine. */
#ifndef SI_CLI_CHECK_CHECK_H
#define SI_CLI_CHECK_CHECK_H

#include <stdbool.h>

/* Looks at everything and prints what it finds to stdout. `root` is the folder of images; NULL =
 * that of smartimg.ini or the environment, and if none is named there, no image is looked for. If
 * `strict`, a warning is as bad as a mistake. Returns the exit status. */
int si_config_check(const char *folder, const char *root, bool strict);

#endif
