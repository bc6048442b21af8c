/* Requests of verify-cdn that try one thing each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/edge/verify.h"

enum { SECOND_US = 1000000 };

static bool alike(const si_verify_reply *a, const si_verify_reply *b) {
    return a->body.len == b->body.len &&
           (a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
}

/* The address with another item, or of another image of the same. */
static void with_item(const char *url, const char *item, char *out) {
    int len = snprintf(
        out, SI_VERIFY_URL_SIZE, "%s%c%s", url, strchr(url, '?') != NULL ? '&' : '?', item);
    if (len >= SI_VERIFY_URL_SIZE) {
        snprintf(out, SI_VERIFY_URL_SIZE, "%s", url);
    }
}

static void ask_item(
    const si_verify *v, const char *item, const si_verify_request *request, si_verify_reply *out) {
    char url[SI_VERIFY_URL_SIZE];
    with_item(v->url, item, url);
    si_verify_ask(url, request, out);
}

/* ---- classes ---- */

/* A client whose format curl does not get: asking like curl, but with that client's class, must not
 * bring it, neither to who asks so nor to others. */
static int find_victim(const si_verify *v) {
    si_format plain = si_verify_format_of_body(&v->first[SI_VERIFY_CURL]);
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        si_format f = si_verify_format_of_body(&v->first[i]);
        if (f != plain && f < SI_FORMAT_COUNT && (v->classes[i].formats & SI_FORMAT_BIT(f))) {
            return i;
        }
    }
    return -1;
}

static void probe_spoofing(si_verify *v) {
    int victim = find_victim(v);
    if (victim < 0) {
        return;
    }
    char class[64];
    si_verify_reply forged, honest;
    si_format f = si_verify_format_of_body(&v->first[victim]);
    si_client_name(&v->classes[victim], class);
    const char *item = "smartimg-verify-class=1"; /* so that no earlier copy is in the way */
    ask_item(v, item, &(si_verify_request){.client = SI_VERIFY_CURL, .class = class}, &forged);
    ask_item(v, item, &(si_verify_request){.client = SI_VERIFY_CURL}, &honest);
    if (si_verify_format_of_body(&forged) == f) {
        si_verify_find(v, SI_VERIFY_FAULT_SPOOFABLE,
            "curl gets %s as soon as it sends X-Smartimg-Class: %s.", si_format_name(f), class);
    }
    if (si_verify_format_of_body(&honest) == f) {
        si_verify_find(v, SI_VERIFY_FAULT_POISONED,
            "curl gets %s after somebody else has sent X-Smartimg-Class: %s.", si_format_name(f),
            class);
    }
    si_verify_reply_free(&forged);
    si_verify_reply_free(&honest);
}

/* Whether the cache has nothing for any of three browsers that nobody has, of Chrome's class. */
static bool all_miss(const si_verify *v, bool other_accept) {
    enum { BROWSERS = 3 };
    int misses = 0;
    for (int i = 0; i < BROWSERS; i++) {
        char agent[200], accept[200];
        si_verify_reply reply;
        snprintf(agent, sizeof agent, "%s Other/%d.%ld",
            si_verify_clients[SI_VERIFY_CHROME].user_agent, i, (long)getpid());
        snprintf(accept, sizeof accept, "image/avif,image/webp,image/x-%d-%ld,*/*;q=0.8", i,
            (long)getpid());
        si_verify_request request = {.client = SI_VERIFY_CHROME};
        if (other_accept) {
            request.accept = accept;
        } else {
            request.user_agent = agent;
        }
        si_verify_ask(v->url, &request, &reply);
        misses += si_verify_sign_of(&reply, &v->second[SI_VERIFY_CHROME]) == SI_VERIFY_MISS;
        si_verify_reply_free(&reply);
    }
    return misses == BROWSERS;
}

static void probe_fragmentation(si_verify *v) {
    if (si_verify_sign_of(&v->second[SI_VERIFY_CHROME], &v->first[SI_VERIFY_CHROME]) !=
        SI_VERIFY_HIT) {
        return;
    }
    for (int accept = 0; accept <= 1; accept++) {
        if (all_miss(v, accept)) {
            si_verify_find(v, SI_VERIFY_FAULT_FRAGMENTED,
                "Three browsers of Chrome's class, whose %s is their own, were not served from the "
                "cache, which has what they get.",
                accept ? "Accept" : "User-Agent");
        }
    }
}

/* ---- the address ---- */

static void probe_query(si_verify *v) {
    static const char *const items[] = {
        "wid=31", "wid=37", "wid=31&wid=37&hei=20", "wid=37&wid=31&hei=20"};
    si_verify_reply r[4];
    bool all = true;
    for (int i = 0; i < 4; i++) {
        ask_item(v, items[i], &(si_verify_request){.client = SI_VERIFY_CHROME}, &r[i]);
        all &= r[i].status == 200;
    }
    if (all && alike(&r[0], &r[1])) {
        si_verify_find(v, SI_VERIFY_FAULT_QUERY_IGNORED,
            "Images of 31 and 37 pixels, %s and %s, are the same.", items[0], items[1]);
    } else if (all && alike(&r[2], &r[3])) {
        si_verify_find(v, SI_VERIFY_FAULT_QUERY_SORTED,
            "%s and %s, which differ in what counts, are the same.", items[2], items[3]);
    }
    for (int i = 0; i < 4; i++) {
        si_verify_reply_free(&r[i]);
    }
}

/* ---- HTTP ---- */

static void probe_head(si_verify *v) {
    const si_verify_reply *whole = &v->second[SI_VERIFY_CHROME];
    const char *type = si_verify_header_of(whole, "Content-Type");
    si_verify_reply r;
    si_verify_ask(v->url, &(si_verify_request){.client = SI_VERIFY_CHROME, .head = true}, &r);
    if (r.status != 200) {
        si_verify_find(v, SI_VERIFY_FAULT_HEAD_WRONG, "HEAD gets status %d.", r.status);
    } else if (strcmp(si_verify_header_of(&r, "Content-Type"), type) != 0) {
        si_verify_find(v, SI_VERIFY_FAULT_HEAD_WRONG, "HEAD gets Content-Type: %s, and GET %s.",
            si_verify_header_of(&r, "Content-Type"), type);
    }
    si_verify_reply_free(&r);
}

static void probe_range(si_verify *v) {
    const si_verify_reply *whole = &v->second[SI_VERIFY_CHROME];
    si_verify_reply r;
    si_verify_ask(
        v->url, &(si_verify_request){.client = SI_VERIFY_CHROME, .more = "Range: bytes=2-11"}, &r);
    bool part = r.status == 206 && r.body.len == 10 && whole->body.len >= 12 &&
                memcmp(r.body.data, whole->body.data + 2, 10) == 0;
    /* a smaller answer may have come in between */
    bool other = r.status == 206 && r.body.len == 10 &&
                 strcmp(si_verify_header_of(&r, "ETag"), si_verify_header_of(whole, "ETag")) != 0;
    bool all = r.status == 200 && si_verify_format_of_body(&r) < SI_FORMAT_COUNT;
    if (!part && !all && !other) {
        si_verify_find(v, SI_VERIFY_FAULT_RANGE_WRONG,
            "Bytes 2 to 11 were asked for, and %zu came, with status %d.", r.body.len, r.status);
    }
    si_verify_reply_free(&r);
}

static void probe_condition(si_verify *v) {
    si_verify_reply now, r;
    char line[400];
    si_verify_ask(v->url, &(si_verify_request){.client = SI_VERIFY_CHROME}, &now);
    const char *etag = si_verify_header_of(&now, "ETag");
    if (etag[0] != '\0') {
        snprintf(line, sizeof line, "If-None-Match: %s", etag);
        si_verify_ask(v->url, &(si_verify_request){.client = SI_VERIFY_CHROME, .more = line}, &r);
        if (r.status != 304 && strcmp(si_verify_header_of(&r, "ETag"), etag) == 0) {
            si_verify_find(v, SI_VERIFY_FAULT_NOT_CONDITIONAL,
                "If-None-Match with its own ETag gets status %d.", r.status);
        }
        si_verify_reply_free(&r);
    }
    si_verify_reply_free(&now);
}

/* ---- lifetimes ---- */

/* How long shared caches may take a reply for fresh; −1 = it does not say. */
static long fresh_for(const si_verify_reply *r) {
    long targeted = si_verify_directive(si_verify_header_of(r, "CDN-Cache-Control"), "max-age");
    long shared = si_verify_directive(si_verify_header_of(r, "Cache-Control"), "s-maxage");
    return targeted >= 0 ? targeted : shared;
}

/* Asks for the age of Chrome's copy, and for how long it may be fresh. */
static long ask_age(const si_verify *v, long *fresh) {
    si_verify_reply r;
    si_verify_ask(v->url, &(si_verify_request){.client = SI_VERIFY_CHROME}, &r);
    long age = strtol(si_verify_header_of(&r, "Age"), NULL, 10);
    *fresh = fresh_for(&r);
    si_verify_reply_free(&r);
    return age;
}

/* A copy that is older than it may be is sent once more at most, and asked for meanwhile: its age
 * has to fall. Only the age tells, so short lifetimes, which are waited for, or copies that are old
 * already, are seen. */
static void probe_lifetime(si_verify *v) {
    enum { TURNS = 4, WAIT_MAX = 3 };
    long fresh, before = ask_age(v, &fresh), wait = fresh - before + 1;
    if (fresh < 0 || wait > WAIT_MAX) {
        return;
    }
    if (wait > 0) {
        usleep((useconds_t)(wait * SECOND_US));
    }
    for (int i = 0; i < TURNS; i++) {
        long age = ask_age(v, &fresh);
        if (age < before || age <= fresh) {
            return;
        }
        before = age;
        usleep(SECOND_US);
    }
    si_verify_find(v, SI_VERIFY_FAULT_LIFETIME_IGNORED,
        "A copy is %ld s old, may be fresh for %ld s, and was not asked for anew in %d s.", before,
        fresh, TURNS - 1);
}

/* ---- smartimg itself ---- */

static const char *const passed_on[] = {"X-Content-Type-Options", "Access-Control-Allow-Origin",
    "Cross-Origin-Resource-Policy", "Accept-CH", "Critical-CH"};

static void compare(si_verify *v, int client, const si_verify_reply *ours) {
    const si_verify_reply *edge = &v->second[client];
    const char *name = si_verify_clients[client].name;
    si_format there = si_verify_format_of_body(ours), here = si_verify_format_of_body(edge);
    long lifetime = si_verify_directive(si_verify_header_of(ours, "Cache-Control"), "max-age");
    long told = si_verify_directive(si_verify_header_of(edge, "Cache-Control"), "max-age");
    if (there < SI_FORMAT_COUNT && (v->classes[client].formats & SI_FORMAT_BIT(there)) &&
        !(here < SI_FORMAT_COUNT && (v->classes[client].formats & SI_FORMAT_BIT(here)))) {
        si_verify_find(v, SI_VERIFY_FAULT_NOT_ADAPTED,
            "%s gets %s of smartimg, and %s of the edge.", name, si_format_name(there),
            here < SI_FORMAT_COUNT ? si_format_name(here) : "nothing");
    }
    if (lifetime >= 0 && labs(lifetime - told) > 5) { /* what ends at a moment counts down */
        si_verify_find(v, SI_VERIFY_FAULT_LIFETIME_CHANGED,
            "%s is told max-age=%ld by smartimg, and %ld by the edge.", name, lifetime, told);
    }
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) {
        const char *header = passed_on[i];
        if (si_verify_header_of(ours, header)[0] != '\0' &&
            si_verify_header_of(edge, header)[0] == '\0') {
            si_verify_find(
                v, SI_VERIFY_FAULT_HEADER_LOST, "%s of smartimg does not reach %s.", header, name);
        }
    }
}

/* Whether what differs by the pixel ratio at smartimg does so behind the edge, too. */
static void compare_ratios(si_verify *v, const si_verify_reply *at_1, const si_verify_reply *at_2) {
    if (at_1->status == 200 && at_2->status == 200 && !alike(at_1, at_2) &&
        alike(&v->second[SI_VERIFY_CHROME], &v->second[SI_VERIFY_CHROME_AT_2])) {
        si_verify_find(v, SI_VERIFY_FAULT_RATIO_IGNORED,
            "Of smartimg, Chrome gets %zu bytes at ratio 1 and %zu at ratio 2, and of the edge the "
            "same at both.",
            at_1->body.len, at_2->body.len);
    }
}

static void probe_origin(si_verify *v) {
    static si_verify_reply replies[SI_VERIFY_CLIENT_COUNT];
    if (v->origin[0] == '\0') {
        return;
    }
    int status = 200;
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        si_verify_ask(
            v->origin, &(si_verify_request){.client = (si_verify_client_id)i}, &replies[i]);
        if (replies[i].status == 200) {
            compare(v, i, &replies[i]);
        } else {
            status = replies[i].status;
        }
    }
    if (status != 200) {
        si_verify_find(
            v, SI_VERIFY_FAULT_NO_ANSWER, "smartimg itself answers with status %d.", status);
    }
    compare_ratios(v, &replies[SI_VERIFY_CHROME], &replies[SI_VERIFY_CHROME_AT_2]);
    for (int i = 0; i < SI_VERIFY_CLIENT_COUNT; i++) {
        si_verify_reply_free(&replies[i]);
    }
}

void si_verify_probe(si_verify *v) {
    probe_fragmentation(v);
    probe_spoofing(v);
    probe_query(v);
    probe_head(v);
    probe_range(v);
    probe_condition(v);
    probe_origin(v);
    probe_lifetime(v);
}
