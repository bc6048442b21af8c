/* The configuration that nginx runs with, made from the template conf/nginx.conf.in. */
#ifndef SI_CLI_NGINX_CONF_H
#define SI_CLI_NGINX_CONF_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/str.h"

/* What stands for @NAME@. */
typedef struct si_template_value {
    const char *name;  /* without the at signs; NULL ends a table */
    const char *value; /* inserted as it is */
} si_template_value;

/* Fills in a template. A name is upper-case letters and underscores between two at signs; comment
 * lines stay as they are. SI_ERR_CONFIG for a name that is not in the table, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_template_fill(
    si_str text, const si_template_value *values, si_bytes *out, si_diag *diag);

/* A text as one word of an nginx configuration, quoted if it has to be; in the arena, or NULL. */
const char *si_nginx_word(si_arena *arena, const char *text);

#endif
