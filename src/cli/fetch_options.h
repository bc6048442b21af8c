/* Options of the commands that run a renderer pool, about foreign images. */
#ifndef SI_CLI_FETCH_OPTIONS_H
#define SI_CLI_FETCH_OPTIONS_H

#include "cli/cli.h"
#include "source/fetch.h"

/* Rows for the options table of a command. `o` is an si_fetch_options at file scope. */
#define SI_FETCH_OPTIONS(o)                                                                        \
    {"foreign-private", 0, "HOSTS", SI_OPTION_TEXT, &(o).private_hosts,                            \
        "Hosts of foreign images that may have addresses of private networks or of this machine, " \
        "parted by commas. Whether a company may use a host at all is in its own settings. "       \
        "Default: none.",                                                                          \
        0, 0},                                                                                     \
        {"foreign-timeout-ms", 0, "N", SI_OPTION_COUNT, &(o).timeout_ms,                           \
            "Time for the foreign images of a request to arrive, in milliseconds, on top of its "  \
            "wall "                                                                                \
            "time. Default: 10000.",                                                               \
            100, 60000},                                                                           \
        {"foreign-size", 0, "SIZE", SI_OPTION_BYTES, &(o).max_bytes,                               \
            "Bytes that a foreign image may have. Default: 64m.", 0, 0},                           \
        {"foreign-transfers", 0, "N", SI_OPTION_COUNT, &(o).transfers,                             \
            "Foreign images that are downloaded at a time; more have to wait. Default: 16.", 1,    \
            SI_FETCH_TRANSFERS_MAX},                                                               \
    {                                                                                              \
        "foreign-life", 0, "SECONDS", SI_OPTION_COUNT, &(o).usual_life,                            \
            "How long replies with foreign images are kept whose server does not say. Default: "   \
            "36000.",                                                                              \
            1, 31536000                                                                            \
    }

#endif
