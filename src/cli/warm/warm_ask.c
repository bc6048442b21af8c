#include "cli/warm/warm_ask.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "cli/cli.h"

enum { SECONDS_MAX = 120, CONNECT_SECONDS_MAX = 10 };

typedef struct slot {
    CURL *curl;
    si_warm_job *job; /* NULL = free */
    si_warm_reply reply;
    size_t text; /* of an error's body so far, bytes */
} slot;

struct si_warm_asker {
    const char *origin;
    CURLM *multi;
    struct curl_slist *headers[SI_WARM_CLASSES_MAX];
    int slot_count, busy;
    slot slots[];
};

/* ---- what comes back ---- */

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    slot *s = context;
    size_t n = size * count, room = sizeof s->reply.error - 1 - s->text;
    s->reply.bytes += (int64_t)n;
    memcpy(s->reply.error + s->text, data, n < room ? n : room);
    s->text += n < room ? n : room;
    return n;
}

static void copy_value(char *out, size_t room, si_str value) {
    snprintf(out, room, "%.*s", SI_STR_ARG(value));
}

static si_warm_cache cache_of(si_str word) {
    static const char *const words[] = {
#define X(word) #word,
        SI_WARM_CACHE(X)
#undef X
    };
    int i = 0;
    while (i < SI_WARM_CACHE_COUNT && !si_str_eq(word, si_str_of(words[i]))) {
        i++;
    }
    return (si_warm_cache)i;
}

/* First answers are those that shared caches may serve on while they ask for a better one
 * (plan/lifetime.h). */
static bool is_first(si_str cache_control) {
    return memmem(cache_control.p, cache_control.len, "stale-while-revalidate", 22) != NULL;
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    si_warm_reply *r = &((slot *)context)->reply;
    si_str value = {data, size * count}, name;
    while (value.len > 0 && (value.p[value.len - 1] == '\n' || value.p[value.len - 1] == '\r')) {
        value.len--;
    }
    if (!si_str_next(&value, ':', &name) || value.p == NULL) {
        return size * count;
    }
    value = si_str_trim(value);
    if (si_str_eq_nocase(name, SI_STR("Content-Type"))) {
        si_str type;
        (void)si_str_next(&value, ';', &type);
        copy_value(r->type, sizeof r->type, si_str_trim(type));
    } else if (si_str_eq_nocase(name, SI_STR("Cache-Control"))) {
        r->first |= is_first(value);
    } else if (si_str_eq_nocase(name, SI_STR(SI_HEADER_CACHE))) {
        r->cache = cache_of(value);
    } else if (si_str_eq_nocase(name, SI_STR(SI_HEADER_SAVED))) {
        (void)si_str_int(value, &r->saved);
    }
    return size * count;
}

/* ---- asking ---- */

bool si_warm_asker_start(si_warm_asker *a, si_warm_job *job) {
    slot *s = a->slots;
    char *url;
    if (asprintf(&url, "%s%s", a->origin, job->url) < 0) {
        return false;
    }
    while (s->job != NULL) {
        s++;
        assert(s < a->slots + a->slot_count);
    }
    s->reply = (si_warm_reply){.cache = SI_WARM_CACHE_COUNT};
    s->text = 0;
    curl_easy_setopt(s->curl, CURLOPT_URL, url); /* which it copies */
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, a->headers[job->class]);
    curl_easy_setopt(s->curl, CURLOPT_NOBODY, job->look ? 1L : 0L);
    if (!job->look) {
        curl_easy_setopt(s->curl, CURLOPT_HTTPGET, 1L);
    }
    free(url);
    if (curl_multi_add_handle(a->multi, s->curl) != CURLM_OK) {
        return false;
    }
    job->tries++;
    s->job = job;
    a->busy++;
    return true;
}

/* The body's first line is for people where it is an error's; else it is no text. */
static void finish(slot *s, CURLcode code) {
    si_warm_reply *r = &s->reply;
    long status = 0;
    curl_off_t retry = 0;
    r->error[s->text] = '\0';
    r->error[strcspn(r->error, "\r\n")] = '\0';
    if (code != CURLE_OK) {
        snprintf(r->error, sizeof r->error, "%s", curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &retry);
    r->status = (int)status;
    r->retry_after = retry > 0 && retry < 86400 ? (int)retry : 0;
    for (char *c = r->error; *c != '\0'; c++) {
        if (status == 200 || (unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '\0'; /* no terminal is to see what is no text */
            break;
        }
    }
}

si_warm_job *si_warm_asker_done(si_warm_asker *a, si_warm_reply *reply) {
    int running, left;
    (void)curl_multi_perform(a->multi, &running);
    CURLMsg *message;
    while ((message = curl_multi_info_read(a->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        slot *s = a->slots;
        while (s->curl != message->easy_handle) {
            s++;
        }
        CURLcode code = message->data.result;
        curl_multi_remove_handle(a->multi, s->curl); /* `message` is gone with it */
        finish(s, code);
        *reply = s->reply;
        si_warm_job *job = s->job;
        s->job = NULL;
        a->busy--;
        return job;
    }
    return NULL;
}

void si_warm_asker_wait(si_warm_asker *a, int ms) {
    (void)curl_multi_poll(a->multi, NULL, 0, ms, NULL);
}

int si_warm_asker_free_slots(const si_warm_asker *a) {
    return a->slot_count - a->busy;
}

int si_warm_asker_busy(const si_warm_asker *a) {
    return a->busy;
}

/* ---- beginning and end ---- */

static bool add_header(struct curl_slist **list, const char *name, const char *value) {
    char line[300];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer != NULL ? longer : *list;
    return longer != NULL;
}

static bool init_slot(slot *s) {
    s->curl = curl_easy_init();
    if (s->curl == NULL) {
        return false;
    }
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, (long)SECONDS_MAX);
    curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS_MAX);
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->curl, CURLOPT_USERAGENT, "smartimg-warm/" SMARTIMG_VERSION);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
    return true;
}

si_warm_asker *si_warm_asker_new(const char *origin, const si_warm_classes *classes, int parallel) {
    si_warm_asker *a = calloc(1, sizeof *a + (size_t)parallel * sizeof *a->slots);
    bool ok = a != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (a != NULL) {
        a->origin = origin;
        a->slot_count = parallel;
        a->multi = curl_multi_init();
        ok = ok && a->multi != NULL;
    }
    for (int i = 0; ok && i < classes->count; i++) {
        const si_warm_class *class = &classes->items[i];
        ok = add_header(&a->headers[i], "Accept", class->accept) &&
             (class->dpr[0] == '\0' || add_header(&a->headers[i], "Sec-CH-DPR", class->dpr));
    }
    for (int i = 0; ok && i < parallel; i++) {
        ok = init_slot(&a->slots[i]);
    }
    if (!ok) {
        si_complain("out of memory");
        si_warm_asker_free(a);
        a = NULL;
    }
    return a;
}

void si_warm_asker_free(si_warm_asker *a) {
    for (int i = 0; a != NULL && i < a->slot_count; i++) {
        if (a->slots[i].job != NULL) {
            curl_multi_remove_handle(a->multi, a->slots[i].curl);
            free(a->slots[i].job);
        }
        curl_easy_cleanup(a->slots[i].curl);
    }
    if (a != NULL) {
        for (int i = 0; i < SI_WARM_CLASSES_MAX; i++) {
            curl_slist_free_all(a->headers[i]);
        }
        curl_multi_cleanup(a->multi);
        curl_global_cleanup();
        free(a);
    }
}
