#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/str.h"
#include "base/wire.h"
#include "plan/lifetime.h"
#include "plan/sharing.h"
#include "reply/replies.h"
#include "renderer/files.h"
#include "renderer/origin_look.h"

/* Splits a URL into raw path and raw query, without scheme, host and fragment. */
static void split_url(const char *url, si_request *request) {
    const char *scheme = strstr(url, "://");
    size_t plain = strcspn(url, "/?#");
    if (scheme != NULL && scheme == url + plain - 1) {
        url = scheme + 3;
        url += strcspn(url, "/?#");
    }
    size_t path = strcspn(url, "?#");
    request->path = (si_str){url, path};
    const char *query = url[path] == '?' ? url + path + 1 : NULL;
    request->query = (si_str){query, query != NULL ? strcspn(query, "#") : 0};
}

/* The value of a header that was given, in any case; the first counts. Headers have been checked.
 */
static si_str find_header(void *context, si_str name) {
    const si_option_list *headers = context;
    for (int i = 0; i < headers->count; i++) {
        const char *text = headers->items[i], *colon = strchr(text, ':');
        if (si_str_eq_nocase((si_str){text, (size_t)(colon - text)}, name)) {
            return si_str_trim(si_str_of(colon + 1));
        }
    }
    return (si_str){NULL, 0};
}

/* The first of two names that is there. */
static si_str find_either(const si_option_list *headers, si_str name, si_str other) {
    si_str value = find_header((void *)headers, name);
    return value.p != NULL ? value : find_header((void *)headers, other);
}

static bool headers_are_sound(const si_option_list *headers) {
    for (int i = 0; i < headers->count; i++) {
        const char *text = headers->items[i], *colon = strchr(text, ':');
        if (colon == NULL || colon == text) {
            si_complain("%s is no header: 'Name: value' is expected", text);
            return false;
        }
    }
    return true;
}

/* What the server looks at. */
static bool read_headers(const si_request_options *options, si_client_headers *h) {
    const si_option_list *list = &options->headers;
    if (!headers_are_sound(list)) {
        return false;
    }
    si_str accept = find_header((void *)list, SI_STR("Accept"));
    si_str agent = find_header((void *)list, SI_STR("User-Agent"));
    *h = (si_client_headers){.accept = accept.p != NULL ? accept : si_str_of(options->accept),
        .user_agent = agent.p != NULL ? agent : si_str_of(options->user_agent),
        .dpr = find_either(list, SI_STR("Sec-CH-DPR"), SI_STR("DPR")),
        .width = find_either(list, SI_STR("Sec-CH-Width"), SI_STR("Width")),
        .viewport_width =
            find_either(list, SI_STR("Sec-CH-Viewport-Width"), SI_STR("Viewport-Width")),
        .find = find_header,
        .context = (void *)list,
        .dpr_header = si_str_of(options->dpr_header),
        .network = {.save_data = find_header((void *)list, SI_STR("Save-Data")),
            .downlink = find_header((void *)list, SI_STR("Downlink")),
            .rtt = find_header((void *)list, SI_STR("RTT")),
            .ect = find_header((void *)list, SI_STR("ECT"))},
        .edge_class = find_header((void *)list, SI_STR(SI_HEADER_CLASS))};
    h->trusted_edge = h->edge_class.p != NULL; /* who asks here may pretend to be one */
    if (options->save_data) {
        h->network.save_data = SI_STR("on");
    }
    if (options->network != NULL) {
        h->measured = si_network_by_name(si_str_of(options->network));
        if (h->measured == SI_NETWORK_UNKNOWN) {
            si_complain("--network takes excellent, good or poor");
            return false;
        }
    }
    return true;
}

static void answer(const char *root, const si_request_options *options, const si_catalog *catalog,
    si_exchange *x) {
    si_diag diag = {0};
    const si_origins known = si_catalog_origins(catalog);
    si_originals originals = {.broker = -1,
        .origins = -1,
        .known = &known,
        .root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .fetch = &options->fetch};
    if (originals.root < 0) {
        (void)si_fail(&diag, SI_ERR_IO, "cannot open folder %s: %s", root, strerror(errno));
    } else if (si_render_start(&diag) == SI_OK) {
        si_answer_options how = {.tier = options->fast ? SI_TIER_FAST : SI_TIER_BEST};
        si_files files = si_originals_files(&originals);
        si_answer_make(&x->plan.recipe, &files, &how, &x->answer);
        x->answer.foreign = originals.foreign;
        x->answer.fresh_until = originals.fresh_until;
    }
    if (diag.code != SI_OK) {
        si_answer_error(&diag, &x->answer);
    }
    si_originals_close(&originals);
    if (originals.root >= 0) {
        close(originals.root);
    }
}

/* What the front side has answered itself, as the renderer's replies look. */
static void take_body(const si_plan *plan, si_answer *out) {
    out->status = 200;
    out->content_type = plan->content_type;
    snprintf(out->etag, sizeof out->etag, "%s", plan->etag);
    if (!si_bytes_append(&out->body, plan->body, plan->body_len)) {
        si_diag diag = {.code = SI_ERR_MEMORY};
        si_answer_error(&diag, out);
    }
}

/* Static content, as the edge sends it. */
static void take_content(const char *root, const si_plan *plan, si_answer *out) {
    enum { CHUNK = 1 << 16 };
    si_diag diag = {0};
    si_reply reply = {0};
    char *chunk = malloc(CHUNK);
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder >= 0 ? si_root_open(folder, plan->content.path, &diag) : -1;
    ssize_t n = fd >= 0 && chunk != NULL ? 1 : -1;
    while (n > 0 && (n = read(fd, chunk, CHUNK)) > 0) {
        n = si_bytes_append(&out->body, chunk, (size_t)n) ? n : -1;
    }
    if (n == 0 && plan->content_handler != NULL) {
        n = si_reply_wrapped(
                plan->content_handler, plan->content_id, out->body.data, out->body.len, &reply)
                ? 0
                : -1;
        si_bytes_move(&out->body, &reply.body);
    }
    if (n < 0) {
        (void)si_fail(&diag, diag.code != SI_OK ? diag.code : SI_ERR_IO, "%s",
            diag.code != SI_OK ? diag.text : "the content cannot be read");
        si_answer_error(&diag, out);
    } else {
        out->status = 200;
        out->content_type = plan->content_type;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (folder >= 0) {
        close(folder);
    }
    free(chunk);
}

static void take_error(const si_diag *diag, si_exchange *x) {
    si_str body = si_plan_error(&x->plan, diag, &x->arena, &x->answer.content_type);
    x->answer.status = si_result_status(diag->code);
    (void)si_bytes_append(&x->answer.body, body.p, body.len);
}

static void complain_of_link(void *context, const char *path) {
    (void)context;
    si_complain("\"%s\" is not served: it is a link out of the root", path);
}

static bool choose_catalog(const si_request_options *options, const char *root, si_exchange *x,
    const si_catalog **catalog) {
    si_diag diag = {0};
    si_result result = SI_OK;
    if (options->catalog == NULL) {
        result = si_catalog_load(options->config, root, si_complain_mistake,
            (void *)options->config, &x->catalog, &diag);
    }
    if (result != SI_OK && result != SI_ERR_CONFIG) { /* whose mistakes have been told one by one */
        si_complain_diag(&diag);
    }
    if (x->catalog != NULL) {
        si_catalog_on_outside(x->catalog, complain_of_link, NULL);
        si_catalog_on_origins(x->catalog, si_look_at_origin, NULL);
    }
    *catalog = options->catalog != NULL ? options->catalog : x->catalog;
    return result == SI_OK;
}

bool si_exchange_make(const si_request_options *options, const char *url, si_exchange *x) {
    si_request request = {0};
    const char *root = options->root != NULL ? options->root : ".";
    const si_catalog *catalog = NULL;
    si_diag diag = {0};
    if (!read_headers(options, &request.headers)) {
        return false;
    }
    split_url(url, &request);
    request.address = SI_STR("127.0.0.1");
    request.now = time(NULL);
    request.steps = options->steps;
    if (!choose_catalog(options, root, x, &catalog)) {
        return false;
    }
    si_client_classify(&request.headers, &x->plan.client);
    if (si_plan_make(catalog, NULL, &request, &x->arena, &x->plan, &diag) == SI_OK) {
        x->planned = true;
        if (x->plan.kind == SI_PLAN_BODY) {
            take_body(&x->plan, &x->answer);
        } else if (x->plan.kind == SI_PLAN_FILE) {
            take_content(root, &x->plan, &x->answer);
        } else if (!options->plan_only) {
            answer(root, options, catalog, x);
        }
    } else {
        take_error(&diag, x);
    }
    return true;
}

void si_exchange_end(si_exchange *x) {
    si_answer_free(&x->answer);
    si_catalog_free(x->catalog);
    si_arena_free(&x->arena);
    *x = (si_exchange){0};
}

/* ---- headers ---- */

static bool add_date(si_bytes *out, const char *name, int64_t seconds) {
    char date[40];
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return si_bytes_print(out, "%s: %s\r\n", name, date);
}

static bool add_vary(si_bytes *out, const si_plan *p) {
    char vary[SI_PLAN_VARY_SIZE];
    return si_plan_vary(p, 0, vary)[0] == '\0' || si_bytes_print(out, "Vary: %s\r\n", vary);
}

static bool add_hints(si_bytes *out, const si_plan *p) {
    char hints[SI_CLIENT_VARY_SIZE];
    return si_client_vary(p->accept_ch, hints)[0] == '\0' ||
           (si_bytes_print(out, "Accept-CH: %s\r\n", hints) &&
               (!p->critical_ch || si_bytes_print(out, "Critical-CH: %s\r\n", hints)));
}

/* As the edge does (ngx_http_smartimg_headers.c). */
static bool add_caching(si_bytes *out, const si_exchange *x) {
    const si_plan *p = &x->plan;
    const si_answer *a = &x->answer;
    if (a->status != 200) {
        return si_bytes_print(out, "Cache-Control: no-store\r\n");
    }
    si_lifetime_of of = {.first = a->smart && !a->choice.complete,
        .first_seconds = SI_FIRST_ANSWER_SECONDS,
        .fresh_until = a->foreign ? a->fresh_until : SI_FRESH_FOR_EVER,
        .now = time(NULL)};
    si_lifetime life;
    si_lifetime_make(p, &of, &life);
    bool dated = p->last_modified > 0 && !a->foreign && !life.first;
    return si_bytes_print(out, "Cache-Control: %s\r\n", life.cache_control) &&
           (life.cdn[0] == '\0' ||
               si_bytes_print(out, SI_CDN_CACHE_CONTROL ": %s\r\n", life.cdn)) &&
           (life.expires < 0 || add_date(out, "Expires", life.expires)) &&
           (!dated || add_date(out, "Last-Modified", p->last_modified)) && add_hints(out, p);
}

static bool add_value(si_bytes *out, const char *name, si_str value) {
    return value.len == 0 || si_bytes_print(out, "%s: %.*s\r\n", name, SI_STR_ARG(value));
}

static bool add_sharing(si_bytes *out, const si_plan *plan) {
    si_sharing sharing;
    si_sharing_of(plan, SI_STR(""), &sharing);
    return add_value(out, SI_HEADER_ALLOW_ORIGIN, sharing.allow_origin) &&
           add_value(out, SI_HEADER_TIMING_ORIGIN, sharing.timing_origin) &&
           add_value(out, SI_HEADER_RESOURCE_POLICY, sharing.resource_policy);
}

bool si_exchange_headers(const si_exchange *x, si_bytes *out) {
    return si_answer_headers(&x->answer, out) && add_caching(out, x) && add_vary(out, &x->plan) &&
           add_sharing(out, &x->plan);
}
