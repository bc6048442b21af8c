/* One request, from recipe and original to the reply: render, choose, headers.
 *
 * The same function answers in a pool worker, in `smartimg render` and in `smartimg explain`. */
#ifndef SI_RENDERER_ANSWER_H
#define SI_RENDERER_ANSWER_H

#include "base/bytes.h"
#include "base/load.h"
#include "quality/choose.h"
#include "picture/recipe.h"
#include "picture/stages.h"
#include "render/render.h"

struct si_answer;

typedef struct si_answer_options {
    si_render_limits limits;
    int64_t deadline_ns;      /* CLOCK_MONOTONIC time after which no encoding starts; 0 = none */
    const int64_t *waited_ns; /* time spent on waiting for foreign images, which the deadline does
                                 not count; NULL = none */
    const int64_t *source_ns; /* time spent on opening and fetching originals so far, which is no
                                 part of SI_STAGE_RENDER; NULL = not measured */
    int64_t max_bytes;        /* of a body, 0 = any; more is SI_ERR_LIMIT */
    si_tier tier;             /* how long to search; a first answer's is lowered by `load` */
    /* Asked once the picture is rendered, and again after each encoding of the search: the step
     * that an answer has to take for those who wait (renderer/load.h). NULL = nobody does. */
    si_load (*load)(void *context);
    /* Called while a search is on, with every answer that could be sent if it had to end now
     * (si_choose_options.on_best). The answer is borrowed. NULL = not wanted. */
    void (*on_best)(void *context, const struct si_answer *so_far);
    /* Asked before the search and before each of its encodings: true = nobody waits any more; then
     * there is no answer (si_answer.cancelled). NULL = somebody does. */
    bool (*cancelled)(void *context);
    void *context;
} si_answer_options;

/* A reply. Zero-initialize; release with si_answer_free(). */
typedef struct si_answer {
    bool cancelled; /* nobody waited: it must be neither sent nor kept, whatever is in it */
    int status;     /* HTTP status */
    const char *content_type; /* static string */
    char etag[40];            /* strong, with quotes; "" on errors */
    char server_timing[200];  /* value of Server-Timing, "" if none */
    bool foreign;             /* made of foreign images (files.h), which are good until … */
    int64_t fresh_until; /* … this Unix time, 0 = not to be kept; both are the caller's to set */
    bool changed;        /* a file was not the one of the recipe; the caller's to set */
    int retry_after;     /* seconds for Retry-After; 0 = not told */
    si_stage_times stages; /* SI_STAGE_QUEUE is the caller's to set, SI_STAGE_SOURCE, too, unless
                              source_ns is there */
    int64_t search_us;     /* of the time it took: encodings and scores but the requested one */
    int64_t service_us;    /* what the request has cost the pool, for the edge; 0 = not told, … */
    int64_t least_us;      /* … and what it would have without a search */
    si_load load;          /* the step that was taken for others' sake */
    int width, height;     /* of the image, pixels; 0 = it moves, or there is none */
    bool smart;            /* X-Adobe-Smart-Imaging is due */
    si_network network;    /* good or poor: it was encoded for such a line … */
    int quality; /* … and where it is not smart, at this quality instead of the one asked for */
    si_choice choice; /* every candidate, for receipts and explain; body moved out */
    si_bytes body;    /* the image, the properties, or one line of error text */
} si_answer;

/* Answers. `files` has the originals. Never fails as such: a
 * failure becomes a reply with its status and one line of text (docs/protocol.md, Errors). */
void si_answer_make(
    const si_recipe *r, const si_files *files, const si_answer_options *options, si_answer *out);

/* The reply for a failure that happened before rendering. */
void si_answer_error(const si_diag *diag, si_answer *out);

/* Writes the headers, each ended by CR LF, without the blank line: Status (as CGI has it),
 * Content-Type, ETag, X-Adobe-Smart-Imaging, X-Smart-Imaging, Server-Timing. */
bool si_answer_headers(const si_answer *a, si_bytes *out);

void si_answer_free(si_answer *a);

#endif
