/* Eight clients, twice: what they get. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/edge/verify.h"

const si_verify_client si_verify_clients[SI_VERIFY_CLIENT_COUNT] = {
#define X(id, name, accept, agent, dpr) {name, accept, agent, dpr},
    SI_VERIFY_CLIENTS(X)
#undef X
};

/* Long enough that Age, in whole seconds, tells a stored reply from a new one. */
enum { PAUSE_US = 1200000 };

void si_verify_find(si_verify *v, si_verify_fault fault, const char *fmt, ...) {
    if (v->finding_count == SI_VERIFY_FINDINGS_MAX) {
        return;
    }
    si_verify_finding *f = &v->findings[v->finding_count++];
    va_list args;
    f->fault = fault;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}

static void classify(si_verify *v) {
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        const si_verify_client *c = &si_verify_clients[i];
        si_client_classify(&(si_client_headers){.accept = si_str_of(c->accept),
                               .user_agent = si_str_of(c->user_agent),
                               .dpr = si_str_of(c->dpr)},
            &v->classes[i]);
    }
}

static void ask_all(const si_verify *v, si_verify_reply *replies) {
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        si_verify_ask(v->url, &(si_verify_request){.client = (si_verify_client_id)i}, &replies[i]);
    }
}

void si_verify_rounds(si_verify *v) {
    classify(v);
    ask_all(v, v->first);
    usleep(PAUSE_US);
    ask_all(v, v->second);
}

void si_verify_free(si_verify *v) {
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        si_verify_reply_free(&v->first[i]);
        si_verify_reply_free(&v->second[i]);
    }
}

/* ---- formats ---- */

/* Formats that not every client shows. */
static bool is_special(si_format f) {
    return f == SI_FORMAT_AVIF || f == SI_FORMAT_JXL || f == SI_FORMAT_WEBP || f == SI_FORMAT_JP2 ||
           f == SI_FORMAT_JXR;
}

static const char *name_of(si_format f) {
    return f < SI_FORMAT_COUNT ? si_format_name(f) : "something else";
}

/* Whether all clients got one type; if so, it may be what the URL asks for. */
static bool all_alike(const si_verify *v) {
    for (int i = 1; i < SI_VERIFY_CLIENT_COUNT; i++) {
        if (si_verify_format_of_type(&v->first[i]) != si_verify_format_of_type(&v->first[0])) {
            return false;
        }
    }
    return true;
}

static void judge_mixing(si_verify *v) {
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        const si_verify_reply *rounds[] = {&v->first[i], &v->second[i]};
        for (int k = 0; k < 2; k++) {
            si_format f = si_verify_format_of_body(rounds[k]);
            char shown[64];
            if (is_special(f) && !(v->classes[i].formats & SI_FORMAT_BIT(f))) {
                si_verify_find(v, SI_VERIFY_FAULT_VARIANT_MIXING,
                    "%s gets %s, and shows nothing but JPEG, PNG, GIF%s%s.",
                    si_verify_clients[i].name, name_of(f), v->classes[i].formats ? " and " : "",
                    v->classes[i].formats ? si_client_name(&v->classes[i], shown) : "");
                break;
            }
        }
    }
}

/* What optimisers do: other bytes than smartimg's receipt tells of, or another name for them. */
static void judge_type(si_verify *v, int i) {
    const si_verify_reply *r = &v->second[i];
    si_format body = si_verify_format_of_body(r), type = si_verify_format_of_type(r);
    const char *receipt = strstr(si_verify_header_of(r, "X-Smart-Imaging"), "format=");
    const char *name = si_verify_clients[i].name;
    if (body < SI_FORMAT_COUNT && body != type) {
        si_verify_find(v, SI_VERIFY_FAULT_TYPE_CHANGED, "%s gets %s that calls itself %s.", name,
            name_of(body), si_verify_header_of(r, "Content-Type"));
    } else if (receipt != NULL && body < SI_FORMAT_COUNT &&
               strncmp(receipt + 7, name_of(body), strlen(name_of(body))) != 0) {
        si_verify_find(v, SI_VERIFY_FAULT_TYPE_CHANGED,
            "%s gets %s, where smartimg sent %.*s, as its receipt X-Smart-Imaging says.", name,
            name_of(body), (int)strcspn(receipt + 7, "; "), receipt + 7);
    } else if (si_verify_header_of(r, "CF-Polished")[0] != '\0') {
        si_verify_find(v, SI_VERIFY_FAULT_TYPE_CHANGED, "%s gets an image with CF-Polished: %s.",
            name, si_verify_header_of(r, "CF-Polished"));
    }
}

/* ---- Vary ---- */

static void judge_vary(si_verify *v) {
    const char *vary = si_verify_header_of(&v->second[SI_VERIFY_CHROME], "Vary");
    static const char *const wide[] = {"*", "Cookie", "Referer", "Accept-Encoding",
        "Accept-Language", "Origin", "Sec-Fetch-Dest", "X-Forwarded-For"};
    if (si_verify_names(vary, SI_HEADER_CLASS)) {
        si_verify_find(v, SI_VERIFY_FAULT_VARY_CLASS, "Clients are told Vary: %s.", vary);
    } else if (!all_alike(v) && !si_verify_names(vary, "Accept") && !si_verify_names(vary, "*")) {
        si_verify_find(v, SI_VERIFY_FAULT_VARY_LOST, "Clients get different images and %s%s.",
            vary[0] != '\0' ? "are told Vary: " : "no Vary", vary);
    }
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (si_verify_names(vary, wide[i])) {
            si_verify_find(v, SI_VERIFY_FAULT_VARY_WIDE, "Clients are told Vary: %s.", vary);
            return;
        }
    }
}

/* ---- the cache ---- */

/* Whether a client is never served from the cache. Large edges have many servers, and the one that
 * is asked next may not have it yet. */
static bool always_misses(const si_verify *v, int client) {
    enum { MORE = 3 };
    si_verify_sign sign = si_verify_sign_of(&v->second[client], &v->first[client]);
    for (int i = 0; i < MORE && sign == SI_VERIFY_MISS; i++) {
        si_verify_reply reply;
        si_verify_ask(v->url, &(si_verify_request){.client = (si_verify_client_id)client}, &reply);
        sign = si_verify_sign_of(&reply, &v->first[client]);
        si_verify_reply_free(&reply);
    }
    return sign == SI_VERIFY_MISS;
}

static void judge_cache(si_verify *v) {
    int misses = 0, unknown = 0;
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        misses += always_misses(v, i);
        unknown += si_verify_sign_of(&v->second[i], &v->first[i]) == SI_VERIFY_UNKNOWN;
    }
    if (misses > 0) {
        si_verify_find(v, SI_VERIFY_FAULT_NOT_CACHED,
            "Of %d clients, %d were not served from the cache, though they asked several times.",
            SI_VERIFY_CLIENT_COUNT, misses);
    } else if (unknown == SI_VERIFY_CLIENT_COUNT) {
        si_verify_find(v, SI_VERIFY_FAULT_NO_SIGN, "No reply says whether a cache had it.");
    }
}

static void judge_headers(si_verify *v, int i) {
    const si_verify_reply *r = &v->second[i];
    const char *name = si_verify_clients[i].name, *etag = si_verify_header_of(r, "ETag");
    const char *keep = si_verify_header_of(r, "Cache-Control");
    if (etag[0] == '\0') {
        si_verify_find(v, SI_VERIFY_FAULT_ETAG_LOST, "%s gets no ETag.", name);
    } else if (strncmp(etag, "W/", 2) == 0) {
        si_verify_find(v, SI_VERIFY_FAULT_ETAG_WEAK, "%s gets ETag: %s.", name, etag);
    }
    if (si_verify_header_of(r, "Content-Encoding")[0] != '\0') {
        si_verify_find(v, SI_VERIFY_FAULT_ENCODED, "%s gets Content-Encoding: %s.", name,
            si_verify_header_of(r, "Content-Encoding"));
    }
    if (si_verify_header_of(r, "Set-Cookie")[0] != '\0') {
        si_verify_find(v, SI_VERIFY_FAULT_COOKIE, "%s gets a cookie.", name);
    }
    if (si_verify_names(keep, "no-store") || si_verify_names(keep, "no-cache") ||
        si_verify_names(keep, "private") || si_verify_directive(keep, "max-age") <= 0) {
        si_verify_find(v, SI_VERIFY_FAULT_KEEPS_NOTHING, "%s is told Cache-Control: %s.", name,
            keep[0] != '\0' ? keep : "(nothing)");
    }
}

/* ---- the whole ---- */

static bool answered(si_verify *v, int client, const si_verify_reply *reply) {
    const char *name = si_verify_clients[client].name;
    if (reply->status == 0) {
        si_verify_find(v, SI_VERIFY_FAULT_NO_ANSWER, "%s gets no answer: %s.", name, reply->error);
    } else if (reply->status != 200) {
        si_verify_find(v, SI_VERIFY_FAULT_NO_ANSWER, "%s gets status %d.", name, reply->status);
    }
    return reply->status == 200;
}

static bool judge_status(si_verify *v) {
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        if (!answered(v, i, &v->first[i]) || !answered(v, i, &v->second[i])) {
            return false;
        }
    }
    return true;
}

void si_verify_judge_rounds(si_verify *v) {
    if (!judge_status(v)) {
        return;
    }
    /* in an encoding that every client shows, or in one that the URL asks for */
    if (all_alike(v) && si_verify_header_of(&v->second[0], "X-Smart-Imaging")[0] == '\0') {
        si_verify_find(v, SI_VERIFY_FAULT_NOT_CONVERTED, "All clients get %s.",
            name_of(si_verify_format_of_type(&v->first[0])));
    } else {
        judge_mixing(v);
    }
    judge_cache(v);
    judge_vary(v);
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        judge_type(v, i);
        judge_headers(v, i);
    }
}
