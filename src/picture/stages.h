/* What the time of an answer went into, as a renderer measures it and the edge's log and metrics
 * tell it. A row is a stage: its name on the wire, and what it is. The stages of an answer follow
 * each other, and their sum is the time from its place in the queue to the reply's head, less what
 * neither of them is about (reading the request, writing the head). */
#ifndef SI_PICTURE_STAGES_H
#define SI_PICTURE_STAGES_H

#include <stdint.h>

#include "base/str.h"

/* name, word, what it is */
#define SI_STAGES(X)                                                                               \
    X(QUEUE, "queue", "waiting for a renderer")                                                    \
    X(SOURCE, "source", "opening originals, fetching foreign images")                              \
    X(RENDER, "render", "decoding and drawing; of animations and properties all the rest, too")    \
    X(ENCODE, "encode", "encoding: the requested encoding and the search for a smaller one")       \
    X(SCORE, "score", "scoring what was encoded")

typedef enum si_stage {
#define X(name, word, text) SI_STAGE_##name,
    SI_STAGES(X)
#undef X
        SI_STAGE_COUNT
} si_stage;

typedef struct si_stage_times {
    int64_t us[SI_STAGE_COUNT]; /* microseconds, 0…SI_STAGE_MAX */
} si_stage_times;

#define SI_STAGE_MAX INT64_C(1000000000000) /* microseconds: more is no time of ours */

enum { SI_STAGES_TEXT = SI_STAGE_COUNT * 24 }; /* bytes of the text at most, with its NUL */

/* Static string. */
const char *si_stage_word(si_stage stage);

/* Writes "queue=MICROSECONDS;source=…"; what is out of range becomes the end of it. Returns out. */
const char *si_stages_print(const si_stage_times *times, char out[SI_STAGES_TEXT]);

/* Reads such a text. Names that are not known, and numbers that are none, are skipped, and what is
 * not told is 0. False if nothing was told. */
bool si_stages_read(si_str text, si_stage_times *out);

#endif
