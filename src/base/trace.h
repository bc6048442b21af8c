/* W3C Trace Context (https://www.w3.org/TR/trace-context/): the header traceparent, by which a
 * request is known as a part of something larger to all that take part in it. */
#ifndef SI_BASE_TRACE_H
#define SI_BASE_TRACE_H

#include <stdint.h>

#include "base/str.h"

#define SI_HEADER_TRACE "traceparent"

enum {
    SI_TRACE_ID = 32,       /* digits of a trace's id */
    SI_SPAN_ID = 16,        /* … and of a span's */
    SI_TRACE_TEXT = 55 + 1, /* bytes of a traceparent, with its NUL */
    SI_TRACE_SAMPLED = 1    /* flag: whoever called may keep the trace */
};

/* Ids are lower-case hexadecimal digits, without an end. */
typedef struct si_trace {
    char trace[SI_TRACE_ID];
    char span[SI_SPAN_ID]; /* of whoever calls, the parent of what is done for them */
    uint8_t flags;         /* as far as version 00 knows them */
} si_trace;

/* Reads a traceparent of version 00, or as much as version 00 knows of one of a later version.
 * False, with *out as it was, if it is none: upper-case digits, ids of zeros, version ff, or a
 * length that its version does not have. */
bool si_trace_read(si_str text, si_trace *out);

/* Writes it as version 00. Returns out. */
const char *si_trace_print(const si_trace *t, char out[SI_TRACE_TEXT]);

/* Writes the `digits` low digits of a number. */
void si_hex_print(uint64_t value, int digits, char *out);

#endif
