#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/str.h"
#include "base/wire.h"
#include "plan/lifetime.h"
#include "reply/replies.h"
#include "renderer/files.h"

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

/* Files a "Name: value" header under what the server looks at. */
static bool read_header(const char *text, si_client_headers *h, bool *client_hint) {
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text) {
        si_complain("%s is no header: 'Name: value' is expected", text);
        return false;
    }
    si_str name = {text, (size_t)(colon - text)}, value = si_str_trim(si_str_of(colon + 1));
    if (si_str_eq_nocase(name, SI_STR("Accept"))) {
        h->accept = value;
    } else if (si_str_eq_nocase(name, SI_STR("User-Agent"))) {
        h->user_agent = value;
    } else if (si_str_eq_nocase(name, SI_STR("Sec-CH-DPR"))) {
        h->dpr = value;
        *client_hint = true;
    } else if (si_str_eq_nocase(name, SI_STR("DPR")) && !*client_hint) {
        h->dpr = value;
    } else if (si_str_eq_nocase(name, SI_STR(SI_HEADER_CLASS))) {
        h->trusted_edge = true; /* who asks here may pretend to be one */
        h->edge_class = value;
    }
    return true;
}

static bool read_headers(const si_request_options *options, si_client_headers *h) {
    bool client_hint = false;
    h->accept = si_str_of(options->accept);
    h->user_agent = si_str_of(options->user_agent);
    for (int i = 0; i < options->headers.count; i++) {
        if (!read_header(options->headers.items[i], h, &client_hint)) {
            return false;
        }
    }
    return true;
}

static void answer(const char *root, const si_request_options *options, si_exchange *x) {
    si_diag diag = {0};
    si_originals originals = {.broker = -1,
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
            answer(root, options, x);
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

static bool add(si_bytes *out, const char *fmt, ...) SI_PRINTF(2, 3);

static bool add(si_bytes *out, const char *fmt, ...) {
    char line[300];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    return len >= 0 && (size_t)len < sizeof line && si_bytes_append(out, line, (size_t)len);
}

static bool add_date(si_bytes *out, const char *name, int64_t seconds) {
    char date[40];
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return add(out, "%s: %s\r\n", name, date);
}

static bool add_vary(si_bytes *out, unsigned used) {
    char vary[SI_CLIENT_VARY_SIZE];
    return used == 0 || add(out, "Vary: %s\r\n", si_client_vary(used, vary));
}

/* As the edge does (ngx_http_smartimg_headers.c). */
static bool add_caching(si_bytes *out, const si_exchange *x) {
    const si_plan *p = &x->plan;
    const si_answer *a = &x->answer;
    if (a->status != 200) {
        return add(out, "Cache-Control: no-store\r\n");
    }
    si_lifetime_of of = {.first = a->smart && !a->choice.complete,
        .first_seconds = SI_FIRST_ANSWER_SECONDS,
        .fresh_until = a->foreign ? a->fresh_until : SI_FRESH_FOR_EVER,
        .now = time(NULL)};
    si_lifetime life;
    si_lifetime_make(p, &of, &life);
    bool dated = p->last_modified > 0 && !a->foreign && !life.first;
    return add(out, "Cache-Control: %s\r\n", life.cache_control) &&
           (life.cdn[0] == '\0' || add(out, SI_CDN_CACHE_CONTROL ": %s\r\n", life.cdn)) &&
           (life.expires < 0 || add_date(out, "Expires", life.expires)) &&
           (!dated || add_date(out, "Last-Modified", p->last_modified)) &&
           (!p->accept_ch || add(out, "Accept-CH: Sec-CH-DPR, DPR\r\n"));
}

bool si_exchange_headers(const si_exchange *x, si_bytes *out) {
    return si_answer_headers(&x->answer, out) && add_caching(out, x) && add_vary(out, x->plan.vary);
}
