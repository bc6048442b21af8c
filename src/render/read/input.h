/* What renderings read: where they get the files that a recipe names, what those may cost, and how
 * their colours are read. */
#ifndef SI_RENDER_READ_INPUT_H
#define SI_RENDER_READ_INPUT_H

#include "codec/image.h"
#include "picture/recipe.h"

struct si_colour_spaces;

/* How sources are read: limits on what they may cost, each 0 = default, and their colours. */
typedef struct si_render_limits {
    int64_t max_source_pixels; /* default 268 million: more is SI_ERR_LIMIT before any decoding */
    int64_t max_view_pixels;   /* default 67 million rendered pixels */
    int64_t max_ms; /* processor time; 0 = any. What is foreseen to take four times as long … */
    int64_t max_bytes; /* … or more memory than this at a time, 0 = any, is SI_ERR_LIMIT before any
                          decoding, too (scene/foresee.h) */
    uint32_t refused;  /* kinds of originals that are not served: SI_KIND_BIT()s */
    const struct si_colour_spaces *spaces; /* colour.h; NULL = into sRGB */
} si_render_limits;

/* The limits with defaults filled in; `limits` may be NULL. */
si_render_limits si_render_limits_or_default(const si_render_limits *limits);

/* Where a rendering gets the files that its recipe names. Both return a read-only, seekable
 * descriptor that the caller closes, or −1 with `diag` set. */
typedef struct si_files {
    /* A file below the served root, which is checked for being the one that is meant. */
    int (*open)(void *context, const si_file_ref *file, si_diag *diag);
    /* A foreign image (SI_SOURCE_URL); NULL = refused. */
    int (*fetch)(void *context, const char *url, si_diag *diag);
    void *context;
} si_files;

/* Files for recipes that need one only: `*fd`, which is borrowed as long as the result is used. */
si_files si_files_of_fd(const int *fd);

/* Opens the file or foreign image that a source names: `*fd` is the caller's to close, −1 on
 * errors, which are those of the callbacks and SI_ERR_UNSUPPORTED. */
SI_NODISCARD si_result si_files_open(
    const si_files *files, const si_source *source, int *fd, si_diag *diag);

#endif
