#include "base/trace.h"

#include <string.h>

enum {
    FLAGS_KNOWN = SI_TRACE_SAMPLED,
    TRACE_AT = 3,
    SPAN_AT = TRACE_AT + SI_TRACE_ID + 1,
    FLAGS_AT = SPAN_AT + SI_SPAN_ID + 1,
    LENGTH = FLAGS_AT + 2
};
_Static_assert(LENGTH + 1 == SI_TRACE_TEXT, "the text is as long as its parts");

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* True if all are digits; *any tells whether one of them is not 0. */
static bool are_digits(const char *p, int count, bool *any) {
    *any = false;
    for (int i = 0; i < count; i++) {
        if (digit(p[i]) < 0) {
            return false;
        }
        *any = *any || p[i] != '0';
    }
    return true;
}

bool si_trace_read(si_str text, si_trace *out) {
    const char *p = text.p;
    bool version, trace, span, flags;
    if (text.len < LENGTH || p[TRACE_AT - 1] != '-' || p[SPAN_AT - 1] != '-' ||
        p[FLAGS_AT - 1] != '-') {
        return false;
    }
    if (!are_digits(p, 2, &version) || !are_digits(p + TRACE_AT, SI_TRACE_ID, &trace) ||
        !are_digits(p + SPAN_AT, SI_SPAN_ID, &span) || !are_digits(p + FLAGS_AT, 2, &flags)) {
        return false;
    }
    /* later versions may go on behind a dash */
    if ((text.len > LENGTH && (!version || p[LENGTH] != '-')) || memcmp(p, "ff", 2) == 0 ||
        !trace || !span) {
        return false;
    }
    memcpy(out->trace, p + TRACE_AT, SI_TRACE_ID);
    memcpy(out->span, p + SPAN_AT, SI_SPAN_ID);
    out->flags = (uint8_t)(digit(p[FLAGS_AT + 1]) & FLAGS_KNOWN);
    return true;
}

const char *si_trace_print(const si_trace *t, char out[SI_TRACE_TEXT]) {
    memset(out, '-', LENGTH);
    memcpy(out, "00", 2);
    memcpy(out + TRACE_AT, t->trace, SI_TRACE_ID);
    memcpy(out + SPAN_AT, t->span, SI_SPAN_ID);
    si_hex_print(t->flags, 2, out + FLAGS_AT);
    out[LENGTH] = '\0';
    return out;
}

void si_hex_print(uint64_t value, int digits, char *out) {
    while (digits > 0) {
        out[--digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}
