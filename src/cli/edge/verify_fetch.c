/* Requests of verify-cdn. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/edge/verify.h"

enum { BODY_MAX = 64 << 20, SECONDS_MAX = 60 };

static CURL *curl;
static int requests;

bool si_verify_open(bool insecure) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        curl = curl_easy_init();
    }
    if (curl == NULL) {
        si_complain("out of memory");
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SECONDS_MAX);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L);
    return true;
}

void si_verify_close(void) {
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    curl = NULL;
}

int si_verify_requests(void) {
    return requests;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    si_bytes *body = context;
    bool fits = body->len + size * count <= BODY_MAX;
    return fits && si_bytes_append(body, data, size * count) ? size * count : 0;
}

static void copy(char *out, size_t size, si_str text) {
    snprintf(out, size, "%.*s", SI_STR_ARG(text));
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    si_verify_reply *reply = context;
    si_str line = {data, size * count}, name;
    while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r')) {
        line.len--;
    }
    if (si_str_starts(line, SI_STR("HTTP/"))) {
        reply->header_count = 0; /* of an interim reply */
    } else if (si_str_next(&line, ':', &name) && line.p != NULL &&
               reply->header_count < SI_VERIFY_HEADERS_MAX) {
        si_verify_header *h = &reply->headers[reply->header_count++];
        copy(h->name, sizeof h->name, name);
        copy(h->value, sizeof h->value, si_str_trim(line));
    }
    return size * count;
}

/* Appends "name: value" to a list; an empty value is left out. */
static struct curl_slist *with(struct curl_slist *list, const char *name, const char *value) {
    char line[600];
    if (value == NULL || value[0] == '\0') {
        return list;
    }
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(list, line);
    return longer != NULL ? longer : list;
}

static struct curl_slist *headers_of(const si_verify_request *request) {
    const si_verify_client *client = &si_verify_clients[request->client];
    struct curl_slist *list =
        with(NULL, "Accept", request->accept != NULL ? request->accept : client->accept);
    list = with(
        list, "User-Agent", request->user_agent != NULL ? request->user_agent : client->user_agent);
    list = with(list, "Accept-Encoding", "gzip, deflate, br");
    list = with(list, "Sec-CH-DPR", client->dpr);
    list = with(list, "X-Smartimg-Class", request->class);
    /* Akamai's edges say only then whether they had it; for others it means nothing */
    list = with(list, "Pragma", "akamai-x-cache-on, akamai-x-check-cacheable");
    if (request->more != NULL) {
        struct curl_slist *longer = curl_slist_append(list, request->more);
        list = longer != NULL ? longer : list;
    }
    return list;
}

void si_verify_ask(const char *url, const si_verify_request *request, si_verify_reply *out) {
    struct curl_slist *headers = headers_of(request);
    long status = 0;
    *out = (si_verify_reply){.status = 0};
    requests++;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOBODY, request->head ? 1L : 0L);
    if (!request->head) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        snprintf(out->error, sizeof out->error, "%s", curl_easy_strerror(code));
    } else if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        out->status = (int)status;
    }
    curl_slist_free_all(headers);
}

void si_verify_reply_free(si_verify_reply *reply) {
    si_bytes_free(&reply->body);
}
