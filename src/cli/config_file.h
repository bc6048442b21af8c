/* smartimg.ini of the configuration folder: options of the command line, written down. */
#ifndef SI_CLI_CONFIG_FILE_H
#define SI_CLI_CONFIG_FILE_H

#include "catalog/catalog.h"
#include "cli/cli.h"

#define SI_CONFIG_FILE "smartimg.ini"

/* Gives every option of `command` that was not given on the command line (`given`, a flag per row)
 * its value from FOLDER/smartimg.ini, whose lines are `option = value` without the dashes. A
 * missing file is no mistake. Mistakes go to `report`, with `context`; returns how many there were.
 * Values live as long as the process. */
int si_config_file_apply(const si_command *command, const bool *given, const char *folder,
    si_catalog_report report, void *context);

/* Which options of the command that si_config_file_apply() was called for have another value in
 * FOLDER/smartimg.ini by now, apart from those of the command line: their names, parted by ", ",
 * into `out`, which may be cut short. Returns how many. */
int si_config_file_changes(const char *folder, char *out, size_t size);

/* Only looks for mistakes: names that no command has as an option, values that cannot be. */
int si_config_file_check(const char *folder, si_catalog_report report, void *context);

/* The same, with a call for each setting that is right; `value` lives as long as the process. */
typedef void (*si_config_file_setting)(
    void *context, const si_option *option, const char *value, int line);
int si_config_file_read(
    const char *folder, si_config_file_setting setting, si_catalog_report report, void *context);

/* What is wrong with a value of a server's option, which is not stored; NULL = nothing. */
const char *si_config_value_wrong(const si_option *option, const char *value);

#endif
