/* What the files of site.h share: where the installed parts are (site_find.c), folders and files
 * that a server needs (site_folders.c), its certificate (site_tls.c), and what is written for nginx
 * (site_nginx.c). Functions that return a bool complain, and return false, if a server could not
 * start like that. */
#ifndef SI_CLI_SITE_PARTS_H
#define SI_CLI_SITE_PARTS_H

#include "cli/site.h"

/* Whether the access log is to be JSON. */
bool si_site_has_json_log(const si_site_options *o);

/* Whether there is a file that this process may read; `path` may be NULL. */
bool si_site_readable(const char *path);

/* printf into the site's arena; running out of memory here ends the program. */
const char *si_site_text(si_site *s, const char *fmt, ...) SI_PRINTF(2, 3);

/* The path from "/" on; NULL of NULL. */
const char *si_site_absolute(si_site *s, const char *name);

/* site_find.c: module and template; the playground's page and template; nginx; whom nginx runs as.
 */
bool si_site_find_parts(si_site *s);
bool si_site_find_playground(si_site *s);
bool si_site_find_nginx(si_site *s);
bool si_site_find_user(const si_site_options *o, si_site *s);

/* Major version × 1,000,000 + minor × 1000 + patch; 0 if it does not say. */
int si_site_nginx_version(const si_site *s);

/* site_folders.c, each of which needs what the one before it has set. */
bool si_site_prepare_cache(const si_site_options *o, si_site *s);
bool si_site_prepare_uploads(const si_site_options *o, si_site *s);
bool si_site_prepare_originals(const si_site_options *o, si_site *s);
bool si_site_prepare_logs(const si_site_options *o, si_site *s);
bool si_site_prepare_run_folder(si_site *s);
bool si_site_prepare_status(si_site *s); /* where the pool tells of its renderers */
bool si_site_prepare_seal_key(const si_site_options *o, si_site *s);

/* site_tls.c, once there is a run folder. */
bool si_site_prepare_tls(const si_site_options *o, si_site *s);

/* site_nginx.c: files in the run folder, once all of the above is there. */
bool si_site_write_configuration(const si_site_options *o, si_site *s);
bool si_site_write_playground(si_site *s);

#endif
