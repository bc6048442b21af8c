/* What the files of catalog/ share. */
#ifndef SI_CATALOG_INTERNAL_H
#define SI_CATALOG_INTERNAL_H

#include "catalog/catalog.h"

/* A named line of a company file, in file order. */
typedef struct si_entry {
    struct si_entry *next;
    const char *name, *value;
    int line;
} si_entry;

struct si_catalog {
    si_arena arena;        /* everything below lives here */
    int root_fd;           /* the served root */
    int company_count;
    si_company *companies; /* [0] is the default company */
};

#endif
