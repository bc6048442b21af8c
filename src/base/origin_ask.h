/* What nginx's workers ask the origins process (source/origins.h), and what it tells them: packets
 * on a Unix socket of type SOCK_SEQPACKET, the path of the renderers' with SI_ORIGINS_SUFFIX behind
 * it. Both sides are of one machine and one build. */
#ifndef SI_BASE_ORIGIN_ASK_H
#define SI_BASE_ORIGIN_ASK_H

#include "base/origin.h"
#include "base/result.h"

#define SI_ORIGINS_SUFFIX "-origins"

/* Which state is an original in? All texts end with a NUL. */
typedef struct si_origin_ask {
    uint64_t number; /* which its answer has, too; the asker's choice */
    uint64_t id;     /* si_origin.id: what the asker knows of the origin is what is answered for */
    int32_t candidate_count;
    char origin[SI_ORIGIN_NAME_MAX + 1 + SI_ORIGIN_OWNER_MAX + 1]; /* NAME@OWNER */
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];    /* tried behind the key */
    char key[SI_ORIGIN_KEY_MAX]; /* the packet ends with its NUL */
} si_origin_ask;

typedef struct si_origin_told {
    uint64_t number;
    int32_t code;  /* si_result: SI_OK, SI_ERR_NOT_FOUND; all else says nothing of the original */
    int64_t time;  /* as si_origin_answer has these: seconds since 1970, … */
    uint64_t size; /* … bytes … */
    uint64_t version; /* … */
    char extension[SI_ORIGIN_EXTENSION];
    char text[160]; /* for the log, if it is no such code */
} si_origin_told;

#endif
