/* Ini files with line numbers.
 *
 * Not inih: Debian's build cuts lines after 199 bytes, ends a name at ":" and a value at " ;", and
 * presets need the first, smart-crop ids the second, query strings the third.
 *
 * Grammar: `[section]`, `name = value`, comment lines that begin with # or ;, and indented lines
 * that continue the value above without a blank between, as does the line after one that ends with
 * a backslash. Lines end with CR, LF or CR LF. */
#ifndef SI_BASE_INI_H
#define SI_BASE_INI_H

#include "base/result.h"
#include "base/str.h"

enum { SI_INI_MAX_FILE = 64 << 20 }; /* bytes; a larger file is refused */

/* One setting: `section` is "" before the first header; all trimmed, and borrowed until the call
 * returns. `line` is where the setting starts, from 1. */
typedef void (*si_ini_setting)(void *context, si_str section, si_str name, si_str value, int line);

/* Called for a line that is neither header, setting, continuation nor comment. */
typedef void (*si_ini_mistake)(void *context, int line, const char *text);

/* Reads `path` relative to the directory `dir_fd` (or AT_FDCWD). SI_ERR_IO if it cannot be read. */
SI_NODISCARD si_result si_ini_read(int dir_fd, const char *path, si_ini_setting setting,
    si_ini_mistake mistake, void *context, si_diag *diag);

#endif
