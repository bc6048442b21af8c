/* What `smartimg warm` asks for: one address, as one class of clients. */
#ifndef SI_CLI_WARM_WARM_JOB_H
#define SI_CLI_WARM_WARM_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"

enum { SI_WARM_CLASSES_MAX = 16 };

/* A class, and the headers that make a client one of it. */
typedef struct si_warm_class {
    char name[SI_CLIENT_CLASS_SIZE]; /* as in client.h, without a network */
    char accept[160];
    char dpr[32]; /* of Sec-CH-DPR, "" = not sent */
} si_warm_class;

typedef struct si_warm_classes {
    int count;
    si_warm_class items[SI_WARM_CLASSES_MAX];
} si_warm_classes;

/* Reads classes parted by commas, each once, such as "avif+webp,plain,webp;dpr=2", for a
 * si_option_parsed: `to` is a si_warm_classes. NULL, or what is wrong. */
const char *si_warm_classes_read(const char *text, void *to);

typedef struct si_warm_job {
    const char *url; /* path and query, borrowed */
    int class;       /* index of the si_warm_classes */
    int tries;       /* so far */
    bool look;       /* asks whether a first answer was refined, without a body */
    int64_t at_ns;   /* not before */
} si_warm_job;

#endif
