/* The vendor's tab-separated data files (its image catalog reference). */
#ifndef SI_CATALOG_DATAFILE_H
#define SI_CATALOG_DATAFILE_H

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

enum {
    SI_DATAFILE_MAX = 512 << 20, /* bytes; a larger file is refused */
    SI_DATAFILE_COLUMNS = 128
};

/* A field of a record. */
typedef struct si_datafile_field {
    si_str text; /* UTF-8, borrowed until the call returns; not trimmed: blanks count */
    bool quoted; /* it was in double quotes, which are gone */
} si_datafile_field;

/* The text of a field that is one line: lines in its quotes are joined as continued lines of a
 * company file are, without line ends and the blanks that begin a line. In the arena if there was
 * something to join; p == NULL if memory runs out. */
si_str si_datafile_joined(const si_datafile_field *field, si_arena *arena);

/* What a data file is told to. Lines count from 1. */
typedef struct si_datafile_reader {
    /* the column names, unique and without blanks; a column whose name starts with "." has none of
     * its fields looked at */
    void (*columns)(void *context, int count, const si_str *names);
    /* a record; `count` is the number of columns, missing fields are empty */
    void (*record)(void *context, int line, int count, const si_datafile_field *fields);
    void *context; /* of these two */
    void (*mistake)(void *context, int line, const char *text);
    void (*warning)(void *context, int line, const char *text); /* text begins with "warning: " */
    void *report_context;                                       /* of these two */
} si_datafile_reader;

/* Reads the file at `path` beneath the folder `dir_fd`, never outside of it. Bytes are UTF-8 if the
 * file begins with EF BB BF, else ISO-8859-1. SI_ERR_IO, SI_ERR_MEMORY. Mistakes inside the file
 * are reported, and it is read on behind them. */
SI_NODISCARD si_result si_datafile_read(
    int dir_fd, const char *path, const si_datafile_reader *reader, si_diag *diag);

/* The whole of a file beneath a folder as malloc'ed text, with a NUL behind it, for other readers
 * of such files. SI_ERR_IO, SI_ERR_MEMORY. */
SI_NODISCARD si_result si_datafile_load(
    int dir_fd, const char *path, size_t most, char **out, size_t *len, si_diag *diag);

#endif
