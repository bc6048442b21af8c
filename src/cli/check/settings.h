/* What `smartimg serve` would be told, of this folder's smartimg.ini and this environment. */
#ifndef SI_CLI_CHECK_SETTINGS_H
#define SI_CLI_CHECK_SETTINGS_H

#include "cli/check/message.h"
#include "cli/cli.h"

/* One option. */
typedef struct si_check_setting {
    const char *value; /* NULL = the default */
    const char *label; /* what messages call it: the option's name, or its variable's */
    const char *file;  /* NULL: it comes from the environment or the command line */
    int line;
} si_check_setting;

typedef struct si_check_settings {
    si_check_setting rows[SI_OPTIONS_MAX]; /* of the table of `smartimg serve` */
    char variables[SI_OPTIONS_MAX][64];
} si_check_settings;

/* Reads them; whatever is wrong with one goes to `messages`, and it counts as not set. `root` (may
 * be NULL) stands for --root of the command line. */
void si_check_settings_read(si_check_settings *s, const char *root, si_messages *messages);

/* That of a name, which must be an option of `smartimg serve`. */
const si_check_setting *si_check_setting_of(const si_check_settings *s, const char *name);

#endif
