/* Which kinds of originals are served: the option of the commands that run renderers, and what is
 * said of decoders that are not safe. */
#ifndef SI_CLI_ORIGINALS_H
#define SI_CLI_ORIGINALS_H

#include "cli/cli.h"
#include "render/read/original.h"

#define SI_ORIGINALS_NAME(id, name) " " name
/* Row for the options table of a command; `own` is a si_option_parsed at file scope, whose parser
 * is si_originals_parse(). */
#define SI_ORIGINALS_OPTION(own)                                                                   \
    {                                                                                              \
        "originals", 0, "KINDS", SI_OPTION_PARSED, &(own),                                         \
            "Kinds of originals that are served, parted by commas, of:" SI_KINDS(                  \
                SI_ORIGINALS_NAME) ". Others get an error, as unknown kinds do; replies that are " \
                                   "in the cache already stay there. Default: all.",               \
            0, 0                                                                                   \
    }

/* Turns a list of kinds into the bits of those that are not in it (uint32_t). NULL, or what is
 * wrong with it. */
const char *si_originals_parse(const char *value, void *refused);

/* Warns on stderr of decoders that are known to be unsafe and that read what is served. */
void si_originals_warn(uint32_t refused);

#endif
