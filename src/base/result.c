#include "base/result.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/str.h"

static const struct {
    int status;
    const char *title;
} results[] = {
#define X(name, status, title) {status, title},
    SI_RESULTS(X)
#undef X
};

si_result si_fail(si_diag *diag, si_result code, const char *fmt, ...) {
    if (diag == NULL || diag->code != SI_OK) {
        return code;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(diag->text, sizeof diag->text, fmt, args);
    va_end(args);
    for (char *c = diag->text; *c != '\0';) { /* what a request holds may be any bytes */
        size_t n = si_str_utf8(si_str_of(c));
        if (n == 0 || (unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
        c += n > 0 ? n : 1;
    }
    diag->code = code;
    return code;
}

si_result si_diag_result(const si_diag *diag, si_result otherwise) {
    assert(otherwise != SI_OK);
    return diag != NULL && diag->code != SI_OK ? diag->code : otherwise;
}

int si_result_status(si_result code) {
    assert((unsigned)code < sizeof results / sizeof *results);
    return results[code].status;
}

const char *si_result_title(si_result code) {
    assert((unsigned)code < sizeof results / sizeof *results);
    return results[code].title;
}
