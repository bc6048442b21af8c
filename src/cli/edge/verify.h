/* smartimg verify-cdn: asks a running edge as eight clients, and says what is wrong.
 *
 * What is looked for is what docs/cdn.md asks of an edge. Only requests that any browser could send
 * are sent, and nothing but replies is looked at, so it works with every edge. */
#ifndef SI_CLI_EDGE_VERIFY_H
#define SI_CLI_EDGE_VERIFY_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/result.h"
#include "client/client.h"

/* Who asks: name, Accept, User-Agent, Sec-CH-DPR ("" = not sent). What they show is what smartimg
 * makes of these headers. Chrome and Firefox are of one class. */
#define SI_VERIFY_CLIENTS(X)                                                                       \
    X(CHROME, "Chrome 126", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",    \
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "        \
        "Chrome/126.0.0.0 Safari/537.36",                                                          \
        "")                                                                                        \
    X(FIREFOX, "Firefox 128",                                                                      \
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",                   \
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "")    \
    X(SAFARI_17, "Safari 17",                                                                      \
        "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,"  \
        "image/svg+xml,image/*;q=0.8,*/*;q=0.5",                                                   \
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "       \
        "Gecko) Version/17.5 Safari/605.1.15",                                                     \
        "")                                                                                        \
    X(SAFARI_13, "Safari 13", "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5",     \
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) AppleWebKit/605.1.15 (KHTML, like "       \
        "Gecko) Version/13.1 Safari/605.1.15",                                                     \
        "")                                                                                        \
    X(IE_11, "Internet Explorer 11", "image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5",         \
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "")               \
    X(CHROME_84, "Chrome 84", "image/webp,image/apng,image/*,*/*;q=0.8",                           \
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "        \
        "Chrome/84.0.4147.135 Safari/537.36",                                                      \
        "")                                                                                        \
    X(CURL, "curl", "*/*", "curl/8.7.1", "")                                                       \
    X(CHROME_AT_2, "Chrome 126 at ratio 2",                                                        \
        "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",                        \
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "        \
        "Chrome/126.0.0.0 Safari/537.36",                                                          \
        "2")

typedef enum si_verify_client_id {
#define X(id, name, accept, agent, dpr) SI_VERIFY_##id,
    SI_VERIFY_CLIENTS(X)
#undef X
        SI_VERIFY_CLIENT_COUNT
} si_verify_client_id;

typedef struct si_verify_client {
    const char *name, *accept, *user_agent, *dpr;
} si_verify_client;

extern const si_verify_client si_verify_clients[SI_VERIFY_CLIENT_COUNT];

/* What may be wrong: name, what to do about it. */
#define SI_VERIFY_FAULTS(X)                                                                        \
    X(NO_ANSWER, "no-answer", "Name an image that the edge serves.")                               \
    X(NOT_CONVERTED, "not-converted",                                                              \
        "Every client gets the same, so nothing can be said of classes: name an image of a "       \
        "company with Bfc = true, or add bfc=on.")                                                 \
    X(VARIANT_MIXING, "variant-mixing",                                                            \
        "The edge keeps one copy for clients that need different ones: the class has to be part "  \
        "of its cache key (smartimg edge-config).")                                                \
    X(NOT_ADAPTED, "not-adapted",                                                                  \
        "The edge tells smartimg another class than the client's, or none: see that it forwards "  \
        "Accept and User-Agent, or X-Smartimg-Class, and that --trusted-edges names it.")          \
    X(RATIO_IGNORED, "ratio-ignored",                                                              \
        "Dense screens get blurred images, or others needlessly large ones: see that the edge "    \
        "forwards Sec-CH-DPR and DPR, or has the ratio in the class.")                             \
    X(NOT_CACHED, "not-cached",                                                                    \
        "The edge asks smartimg every time: see that it keeps what /is/ sends, with its query, "   \
        "and in spite of Vary.")                                                                   \
    X(NO_SIGN, "no-sign-of-a-cache",                                                               \
        "No header says whether replies come from a cache (Age, Cache-Status, X-Cache, "           \
        "CF-Cache-Status, X-Cache-Status, X-Varnish), so nothing can be said of it.")              \
    X(FRAGMENTED, "fragmented",                                                                    \
        "The edge keeps a copy for each value of a header that has thousands: the class is to "    \
        "take the place of Accept and User-Agent in its key.")                                     \
    X(VARY_LOST, "vary-lost",                                                                      \
        "Caches behind the edge will mix clients up: it has to send Vary: Accept, User-Agent.")    \
    X(VARY_CLASS, "vary-of-class",                                                                 \
        "Caches behind the edge see no class: it has to send Vary: Accept, User-Agent instead.")   \
    X(VARY_WIDE, "vary-too-wide",                                                                  \
        "Caches behind the edge will hardly keep anything: leave out what decides nothing.")       \
    X(SPOOFABLE, "class-from-outside",                                                             \
        "Anybody can have anybody's copies, and other people's may be replaced: the edge has to "  \
        "set or remove X-Smartimg-Class of every request.")                                        \
    X(POISONED, "poisoned",                                                                        \
        "The edge keeps for everybody what one client asked for with a class of its own making.")  \
    X(ETAG_LOST, "etag-lost", "Without ETag nothing can be asked again cheaply.")                  \
    X(ETAG_WEAK, "etag-weak",                                                                      \
        "The edge has made the ETag weak, as it does to what it changes: switch off compression "  \
        "and optimisation of images, or let it respect strong ETags.")                             \
    X(NOT_CONDITIONAL, "if-none-match-ignored",                                                    \
        "The edge sends the whole image to who has it already.")                                   \
    X(TYPE_CHANGED, "image-changed",                                                               \
        "The edge has made another image, or another Content-Type, of what smartimg sent: switch " \
        "off its image optimisation (Polish, Image Optimizer, Image & Video Manager).")            \
    X(ENCODED, "content-encoding",                                                                 \
        "Images are compressed already: switch off gzip and brotli for image types.")              \
    X(KEEPS_NOTHING, "not-to-be-kept",                                                             \
        "Cache-Control lets no shared cache keep the image: the edge has replaced it, the "        \
        "company has an Expiration of 0 or an address filter, or smartimg does not know the edge " \
        "and has measured the line to it (--trusted-edges).")                                      \
    X(LIFETIME_CHANGED, "lifetime-changed",                                                        \
        "The edge tells browsers another lifetime than smartimg does: let it respect the "         \
        "origin's Cache-Control.")                                                                 \
    X(LIFETIME_IGNORED, "lifetime-ignored",                                                        \
        "First answers stay in the edge when smaller ones are there: it has to obey s-maxage or "  \
        "CDN-Cache-Control.")                                                                      \
    X(QUERY_IGNORED, "query-ignored",                                                              \
        "Different images are taken for the same: the whole query has to be in the cache key, "    \
        "and "                                                                                     \
        "has to be forwarded.")                                                                    \
    X(QUERY_SORTED, "query-sorted",                                                                \
        "The order of a query's parts matters here: switch off query string sorting.")             \
    X(HEAD_WRONG, "head", "HEAD has to tell what GET would, without the image.")                   \
    X(RANGE_WRONG, "range", "A range has to be a part of the same image, or all of it.")           \
    X(HEADER_LOST, "header-lost", "The edge has to pass it on.")                                   \
    X(COOKIE, "cookie", "Many caches keep nothing that sets a cookie: leave it out for /is/.")

typedef enum si_verify_fault {
#define X(id, name, advice) SI_VERIFY_FAULT_##id,
    SI_VERIFY_FAULTS(X)
#undef X
        SI_VERIFY_FAULT_COUNT
} si_verify_fault;

/* ---- replies ---- */

enum { SI_VERIFY_VALUE_SIZE = 256, SI_VERIFY_HEADERS_MAX = 64 };

typedef struct si_verify_header {
    char name[48], value[SI_VERIFY_VALUE_SIZE]; /* cut if they are longer */
} si_verify_header;

typedef struct si_verify_reply {
    int status; /* 0 = no answer, see error */
    char error[160];
    si_verify_header headers[SI_VERIFY_HEADERS_MAX];
    int header_count;
    si_bytes body;
} si_verify_reply;

/* The value of a header, its name in any case, the last one if there are several; "" if there is
 * none. */
const char *si_verify_header_of(const si_verify_reply *reply, const char *name);

/* A directive's number such as that of max-age in a Cache-Control header; -1 if it is not there. */
long si_verify_directive(const char *value, const char *name);

/* Whether a list such as Vary's names a word, in any case. */
bool si_verify_names(const char *list, const char *word);

/* The format that the bytes, and that the Content-Type are of; SI_FORMAT_COUNT if it is none. */
si_format si_verify_format_of_body(const si_verify_reply *reply);
si_format si_verify_format_of_type(const si_verify_reply *reply);

typedef enum si_verify_sign { SI_VERIFY_UNKNOWN, SI_VERIFY_MISS, SI_VERIFY_HIT } si_verify_sign;

/* Whether the edge had the reply, by the headers of edges; `before` is an earlier reply to the same
 * request, or NULL. smartimg's own X-Cache says nothing of the edge, but if a stored one is sent
 * again. */
si_verify_sign si_verify_sign_of(const si_verify_reply *reply, const si_verify_reply *before);
const char *si_verify_sign_text(si_verify_sign sign); /* ?, miss, hit */

/* ---- requests ---- */

typedef struct si_verify_request {
    si_verify_client_id client;
    const char *user_agent; /* instead of the client's, or NULL */
    const char *accept;     /* the same */
    const char *class;      /* X-Smartimg-Class, or NULL */
    const char *more;       /* another header line, or NULL */
    bool head;
} si_verify_request;

/* Opens and ends what is needed for requests. False, with a complaint, if it cannot be had. */
bool si_verify_open(bool insecure);
void si_verify_close(void);

/* Asks, and follows no redirects. What is not answered has status 0. Free `out` with
 * si_verify_reply_free(). */
void si_verify_ask(const char *url, const si_verify_request *request, si_verify_reply *out);
void si_verify_reply_free(si_verify_reply *reply);

/* How many requests were sent. */
int si_verify_requests(void);

/* ---- the whole ---- */

enum { SI_VERIFY_FINDINGS_MAX = 64, SI_VERIFY_URL_SIZE = 4096 };

typedef struct si_verify_finding {
    si_verify_fault fault;
    char text[400]; /* a sentence: what was seen */
} si_verify_finding;

typedef struct si_verify {
    char url[SI_VERIFY_URL_SIZE];    /* as it is asked for */
    char origin[SI_VERIFY_URL_SIZE]; /* the same of smartimg itself, "" = not known */
    si_client classes[SI_VERIFY_CLIENT_COUNT];
    si_verify_reply first[SI_VERIFY_CLIENT_COUNT], second[SI_VERIFY_CLIENT_COUNT];
    si_verify_finding findings[SI_VERIFY_FINDINGS_MAX];
    int finding_count;
} si_verify;

/* Notes a fault; one more than there is room for is left out. */
void si_verify_find(si_verify *v, si_verify_fault fault, const char *fmt, ...) SI_PRINTF(3, 4);

/* Asks as all clients, twice, with a second in between: v->first, v->second. */
void si_verify_rounds(si_verify *v);

/* What the rounds say; and what further requests say. */
void si_verify_judge_rounds(si_verify *v);
void si_verify_probe(si_verify *v);

void si_verify_free(si_verify *v);

#endif
