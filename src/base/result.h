/* Results and diagnostics: how every part of smartimg says that something went wrong.
 *
 * A function that can fail returns si_result and takes a si_diag. The result says what kind of
 * failure it is (and so which HTTP status the client gets); the diagnostics say it in words. The
 * first error wins: a later si_fail() on the same diagnostics keeps the text of the first.
 *
 * Whoever does not want the words passes NULL for `diag`: every function that records into one
 * takes that and returns the same results. So what was recorded is read with si_diag_result(),
 * never with diag->code, except by those who own the diagnostics; a `const si_diag *` is read, and
 * needs one. */
#ifndef SI_BASE_RESULT_H
#define SI_BASE_RESULT_H

#define SI_NODISCARD __attribute__((warn_unused_result))
#define SI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* name, HTTP status (docs/protocol.md, Errors: most are 403), title of the reply */
#define SI_RESULTS(X)                                                                              \
    X(OK, 200, "ok")                                                                               \
    X(ERR_SYNTAX, 403, "bad request syntax")      /* a value that cannot be parsed */              \
    X(ERR_RANGE, 403, "value out of range")       /* parsed, but outside what is allowed */        \
    X(ERR_NOT_FOUND, 403, "image not found")      /* unknown object, preset, profile */            \
    X(ERR_FORBIDDEN, 403, "request refused")      /* path tricks, access rules */                  \
    X(ERR_LIMIT, 403, "size limit exceeded")      /* MaxPix, memory, source size */                \
    X(ERR_SOURCE, 403, "source image unreadable") /* broken or unsupported original */             \
    X(ERR_UNSUPPORTED, 403, "not supported")      /* a valid request that we cannot serve */       \
    X(ERR_CONTEXT, 404, "unknown address")        /* outside /is/image and the like */             \
    X(ERR_TIMEOUT, 503, "took too long")          /* deadline passed */                            \
    X(ERR_MEMORY, 503, "out of memory")                                                            \
    X(ERR_IO, 503, "input/output error") /* a read that fails, too few descriptors */              \
    X(ERR_CONFIG, 500, "configuration error")                                                      \
    X(ERR_INTERNAL, 500, "internal error")

typedef enum si_result {
#define X(name, status, title) SI_##name,
    SI_RESULTS(X)
#undef X
} si_result;

/* Leaves the function with the result of `expression`, unless that is SI_OK. For functions that
 * have nothing to release at that point. */
#define SI_TRY(expression)                                                                         \
    do {                                                                                           \
        const si_result si_tried = (expression);                                                   \
        if (si_tried != SI_OK) {                                                                   \
            return si_tried;                                                                       \
        }                                                                                          \
    } while (0)

/* Diagnostics of one operation. Zero-initialize; needs no release. */
typedef struct si_diag {
    si_result code; /* SI_OK until the first failure */
    char text[400]; /* one line of UTF-8 without control characters, for people; never holds a path
                       outside the served root, a key, or any other secret */
} si_diag;

/* Records a failure, unless one is recorded already, and returns `code`. `diag` may be NULL. */
si_result si_fail(si_diag *diag, si_result code, const char *fmt, ...) SI_PRINTF(3, 4);

/* What a function returns that was told of a failure by −1, NULL or false: the result recorded in
 * `diag`, or `otherwise` (a failure) if none is, or if `diag` is NULL. */
si_result si_diag_result(const si_diag *diag, si_result otherwise);

/* HTTP status of a result, 200…599. */
int si_result_status(si_result code);

/* Short title of a result, static string. */
const char *si_result_title(si_result code);

#endif
