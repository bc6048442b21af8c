/* Which kinds of originals are served: the syntax of that option (server_options.h), and what is
 * said of decoders that are not safe. */
#ifndef SI_CLI_ORIGINALS_H
#define SI_CLI_ORIGINALS_H

#include "cli/cli.h"
#include "render/read/original.h"

/* Turns a list of kinds into the bits of those that are not in it (uint32_t). NULL, or what is
 * wrong with it. */
const char *si_originals_parse(const char *value, void *refused);

/* Warns on stderr of decoders that are known to be unsafe and that read what is served. */
void si_originals_warn(uint32_t refused);

#endif
