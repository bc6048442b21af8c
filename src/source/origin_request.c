#include "source/origin_request.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/percent.h"
#include "source/public_address.h"

enum { REDIRECTS_MAX = 3, BACKOFF_MS = 100, PROBE_MAX = 4096, ADDRESS_MAX = 8192 };

/* What the head of a reply says that matters. */
typedef struct head {
    char etag[256]; /* "" = none */
    int64_t time;   /* Last-Modified, 0 = none */
    int64_t total;  /* of Content-Range, −1 = none */
    long retry_after;
    bool page; /* text/html */
    char region[64];
} head;

struct si_origin_request {
    const si_origin *origin;
    char key[SI_ORIGIN_KEY_MAX];
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];
    int candidate_count, candidate;
    bool body;
    bool probe; /* HEAD is of no use here: the first byte is asked for instead */
    int tries;  /* of this candidate so far */
    int redirects;
    char *redirect; /* address that the next try is for, or NULL */
    int64_t deadline_ns;
    CURL *handle;
    struct curl_slist *headers;
    head head;
    int fd; /* of the file in memory; −1 = none */
    int64_t bytes;
    bool refused, too_large, no_memory, enough; /* why a callback stopped it */
    bool ended;
    si_origin_outcome outcome;
};

/* ---- addresses ---- */

/* Appends a path, percent-encoded as signatures want it. */
static void put_path(char *out, size_t room, const char *path) {
    size_t n = strlen(out);
    for (; *path != '\0' && n + 4 < room; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/", c) != NULL;
        if (plain) {
            out[n++] = (char)c;
        } else {
            n = (size_t)(si_percent_encode_byte(c, out + n) - out);
        }
    }
    out[n] = '\0';
}

static void put_bucket(const si_origin *o, char *out, size_t room) {
    char endpoint[512];
    if (o->endpoint[0] != '\0') {
        snprintf(endpoint, sizeof endpoint, "%s", o->endpoint);
    } else {
        snprintf(endpoint, sizeof endpoint, "https://s3.%s.amazonaws.com", o->region);
    }
    int scheme = (int)(strstr(endpoint, "://") + 3 - endpoint);
    if (o->path_style) {
        snprintf(out, room, "%s/%s/", endpoint, o->bucket);
    } else {
        snprintf(out, room, "%.*s%s.%s/", scheme, endpoint, o->bucket, endpoint + scheme);
    }
}

/* Where the candidate is. */
static void print_address(const si_origin_request *r, char *out, size_t room) {
    const si_origin *o = r->origin;
    if (o->bucket[0] != '\0') {
        put_bucket(o, out, room);
    } else {
        snprintf(out, room, "%s/", o->url);
    }
    put_path(out, room, o->prefix);
    put_path(out, room, r->key);
    put_path(out, room, r->candidates[r->candidate]);
}

/* Scheme, host and port alone, in one spelling; false if it has none. */
static bool server_of(const char *address, char *out, size_t room) {
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool ok = parts != NULL &&
              curl_url_set(parts, CURLUPART_URL, address, CURLU_DISALLOW_USER) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) {
        snprintf(out, room, "%s://%s:%s", scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return ok;
}

static bool is_same_server(const char *a, const char *b) {
    char of_a[600], of_b[600];
    return server_of(a, of_a, sizeof of_a) && server_of(b, of_b, sizeof of_b) &&
           si_str_eq_nocase(si_str_of(of_a), si_str_of(of_b));
}

/* ---- what libcurl asks and tells ---- */

static curl_socket_t open_socket(
    void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    si_origin_request *r = context;
    (void)purpose;
    if (!r->origin->may_be_private && !si_address_is_public(&address->addr, address->addrlen)) {
        r->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A connection that is there already may have been made for another origin. */
static int check_address(void *context, char *address, char *own, int port, int own_port) {
    si_origin_request *r = context;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    (void)own, (void)port, (void)own_port;
    bool public = (inet_pton(AF_INET, address, &in.sin_addr) == 1 &&
                      si_address_is_public((struct sockaddr *)&in, sizeof in)) ||
                  (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1 &&
                      si_address_is_public((struct sockaddr *)&in6, sizeof in6));
    r->refused = !r->origin->may_be_private && !public;
    return r->refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void copy(char *out, size_t room, si_str text) {
    snprintf(out, room, "%.*s", (int)(text.len < room ? text.len : room - 1), text.p);
}

static int64_t number(si_str text) {
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || n > INT64_MAX / 100) {
            return -1;
        }
        n = n * 10 + (text.p[i] - '0');
    }
    return text.len > 0 ? n : -1;
}

static void read_field(head *h, si_str name, si_str value) {
    if (si_str_eq_nocase(name, SI_STR("ETag"))) {
        copy(h->etag, sizeof h->etag, value);
    } else if (si_str_eq_nocase(name, SI_STR("Last-Modified"))) {
        char text[64];
        copy(text, sizeof text, value);
        time_t t = curl_getdate(text, NULL);
        h->time = t > 0 ? t : 0;
    } else if (si_str_eq_nocase(name, SI_STR("Content-Range"))) {
        const char *slash = memrchr(value.p, '/', value.len);
        h->total = slash != NULL
                       ? number((si_str){slash + 1, value.len - (size_t)(slash + 1 - value.p)})
                       : -1;
    } else if (si_str_eq_nocase(name, SI_STR("Content-Type"))) {
        h->page = value.len >= 9 && si_str_eq_nocase((si_str){value.p, 9}, SI_STR("text/html"));
    } else if (si_str_eq_nocase(name, SI_STR("Retry-After"))) {
        int64_t seconds = number(value);
        h->retry_after = seconds > 0 && seconds < 3600 ? (long)seconds : 0;
    } else if (si_str_eq_nocase(name, SI_STR("x-amz-bucket-region"))) {
        copy(h->region, sizeof h->region, value);
    }
}

static size_t take_header(char *data, size_t size, size_t count, void *context) {
    si_origin_request *r = context;
    si_str line = {data, size * count}, name;
    while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r')) {
        line.len--;
    }
    if (si_str_starts(line, SI_STR("HTTP/"))) { /* another reply begins */
        r->head = (head){.total = -1};
        return size * count;
    }
    const char *colon = line.len > 0 ? memchr(line.p, ':', line.len) : NULL;
    if (colon != NULL) {
        name = (si_str){line.p, (size_t)(colon - line.p)};
        read_field(&r->head, name, si_str_trim((si_str){colon + 1, line.len - name.len - 1}));
    }
    return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    si_origin_request *r = context;
    size_t len = size * count, done = 0;
    if (!r->body) { /* the first byte, or, of who knows no ranges, a beginning */
        r->bytes += (int64_t)len;
        r->enough = r->bytes > PROBE_MAX;
        return r->enough ? 0 : len;
    }
    if ((int64_t)len > ((int64_t)r->origin->max_megabytes << 20) - r->bytes) {
        r->too_large = true;
        return 0;
    }
    while (done < len) {
        ssize_t n = write(r->fd, data + done, len - done);
        if (n < 0 && errno != EINTR) {
            r->no_memory = true;
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    r->bytes += (int64_t)len;
    return len;
}

/* ---- a try ---- */

si_origin_request *si_origin_request_new(const si_origin_wanted *w) {
    si_origin_request *r = calloc(1, sizeof *r);
    assert(w->candidate_count >= 1 && w->candidate_count <= SI_ORIGIN_CANDIDATES);
    assert(strlen(w->key) < SI_ORIGIN_KEY_MAX && (!w->body || w->candidate_count == 1));
    if (r == NULL) {
        return NULL;
    }
    r->origin = w->origin;
    snprintf(r->key, sizeof r->key, "%s", w->key);
    memcpy(r->candidates, w->candidates, (size_t)w->candidate_count * sizeof *r->candidates);
    r->candidate_count = w->candidate_count;
    r->body = w->body;
    r->fd = -1;
    r->deadline_ns = si_now_ns() + w->origin->total_ms * SI_MILLISECOND;
    return r;
}

static void drop_handle(si_origin_request *r) {
    curl_easy_cleanup(r->handle);
    curl_slist_free_all(r->headers);
    r->handle = NULL;
    r->headers = NULL;
}

void si_origin_request_free(si_origin_request *r) {
    if (r == NULL) {
        return;
    }
    drop_handle(r);
    if (r->fd >= 0) {
        close(r->fd);
    }
    free(r->redirect);
    free(r);
}

void si_origin_request_fail(si_origin_request *r, si_result result, const char *text) {
    assert(result != SI_OK && !r->ended);
    r->ended = true;
    r->outcome.result = result;
    (void)si_fail(&r->outcome.diag, result, "%s", text);
}

static bool set_signature(si_origin_request *r, const si_origin_keys *keys) {
    char sigv4[128], user[SI_ORIGIN_KEY_ID + SI_ORIGIN_SECRET], token[SI_ORIGIN_TOKEN + 32];
    /* S3 wants to be told the payload's hash, that of nothing, which not each libcurl does */
    static const char nothing[] =
        "x-amz-content-sha256: "
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    r->headers = curl_slist_append(NULL, nothing);
    bool ok = r->headers != NULL;
    snprintf(sigv4, sizeof sigv4, "aws:amz:%s:s3", r->origin->region);
    snprintf(user, sizeof user, "%s:%s", keys->id, keys->secret);
    if (keys->token[0] != '\0') {
        snprintf(token, sizeof token, "x-amz-security-token: %s", keys->token);
        struct curl_slist *more = curl_slist_append(r->headers, token);
        ok = more != NULL;
        r->headers = ok ? more : r->headers;
    }
    ok = ok && curl_easy_setopt(r->handle, CURLOPT_AWS_SIGV4, sigv4) == CURLE_OK &&
         curl_easy_setopt(r->handle, CURLOPT_USERPWD, user) == CURLE_OK;
    explicit_bzero(user, sizeof user);
    explicit_bzero(token, sizeof token);
    return ok;
}

static bool set_up(si_origin_request *r, const char *address, long left_ms) {
    const si_origin *o = r->origin;
    CURL *h = r->handle;
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(h, option, value) == CURLE_OK
    SET(CURLOPT_URL, address);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PRIVATE, (void *)r);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    if (r->body || r->probe) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_NOBODY, 1L);
    }
    if (r->probe) {
        SET(CURLOPT_RANGE, "0-0");
    }
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, left_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)(o->idle_ms + 999) / 1000);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_megabytes << 20);
    SET(CURLOPT_USERAGENT, "smartimg/" SMARTIMG_VERSION);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, (void *)r);
    SET(CURLOPT_PREREQFUNCTION, check_address);
    SET(CURLOPT_PREREQDATA, (void *)r);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, (void *)r);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, (void *)r);
#undef SET
    return ok;
}

static bool empty_file(si_origin_request *r) {
    if (!r->body) {
        return true;
    }
    if (r->fd < 0) {
        r->fd = memfd_create("smartimg-original", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    return r->fd >= 0 && ftruncate(r->fd, 0) == 0 && lseek(r->fd, 0, SEEK_SET) == 0;
}

/* Whoever vouches for the origin's server, if it is not the system that says so. */
static bool set_authorities(si_origin_request *r, const si_bytes *authorities) {
    if (r->origin->ca_file[0] == '\0') {
        return true;
    }
    bool ok = curl_easy_setopt(r->handle, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (authorities == NULL || authorities->len == 0) {
        return ok && curl_easy_setopt(r->handle, CURLOPT_CAINFO, r->origin->ca_file) == CURLE_OK;
    }
    struct curl_blob pem = {authorities->data, authorities->len, CURL_BLOB_NOCOPY};
    return ok && curl_easy_setopt(r->handle, CURLOPT_CAINFO, NULL) == CURLE_OK &&
           curl_easy_setopt(r->handle, CURLOPT_CAINFO_BLOB, &pem) == CURLE_OK;
}

CURL *si_origin_request_try(
    si_origin_request *r, const si_origin_keys *keys, const si_bytes *authorities) {
    char address[ADDRESS_MAX];
    int left = si_until_ms(r->deadline_ns);
    assert(!r->ended);
    drop_handle(r);
    r->head = (head){.total = -1};
    r->bytes = 0;
    r->refused = r->too_large = r->no_memory = r->enough = false;
    if (left == 0) {
        si_origin_request_fail(r, SI_ERR_IO, "where originals come from did not answer in time");
        return NULL;
    }
    print_address(r, address, sizeof address);
    r->handle = curl_easy_init();
    bool ok = r->handle != NULL && empty_file(r) &&
              set_up(r, r->redirect != NULL ? r->redirect : address, left) &&
              set_authorities(r, authorities) &&
              (keys == NULL || keys->id[0] == '\0' || set_signature(r, keys)) &&
              (r->headers == NULL ||
                  curl_easy_setopt(r->handle, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK);
    if (!ok) {
        si_origin_request_fail(r, SI_ERR_MEMORY, "no memory for an original");
        return NULL;
    }
    return r->handle;
}

/* ---- the end of a try ---- */

/* The version of what the head describes. */
static void take_state(si_origin_request *r) {
    const head *h = &r->head;
    si_origin_outcome *out = &r->outcome;
    curl_off_t length = -1;
    (void)curl_easy_getinfo(r->handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    int64_t size = r->body ? r->bytes : h->total >= 0 ? h->total : length;
    out->size = size > 0 ? (uint64_t)size : 0;
    out->time = h->time;
    out->validated = h->etag[0] != '\0' || h->time != 0;
    uint64_t v = si_hash64(SI_HASH64_START, h->etag, strlen(h->etag));
    if (h->etag[0] == '\0') {
        char state[64];
        snprintf(
            state, sizeof state, "%lld,%llu", (long long)h->time, (unsigned long long)out->size);
        v = si_hash64(v, state, strlen(state));
    }
    out->version = v;
    snprintf(out->extension, sizeof out->extension, "%s", r->candidates[r->candidate]);
}

static bool fail(si_origin_request *r, si_result result, const char *text) {
    si_origin_request_fail(r, result, text);
    return true;
}

static bool seal(si_origin_request *r) {
    if (r->bytes == 0) {
        return fail(r, SI_ERR_SOURCE, "the original is empty");
    }
    if (fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0 ||
        lseek(r->fd, 0, SEEK_SET) != 0) {
        return fail(r, SI_ERR_INTERNAL, "an original cannot be sealed");
    }
    return true;
}

/* It is there. */
static bool succeed(si_origin_request *r, int64_t *at_ns) {
    if (r->head.page) {
        return fail(r, SI_ERR_IO, "where originals come from sent a page instead of one");
    }
    bool nothing_told = r->head.etag[0] == '\0' && r->head.time == 0;
    if (!r->body && !r->probe && nothing_told) { /* perhaps GET tells more than HEAD */
        r->probe = true;
        *at_ns = 0;
        return false;
    }
    take_state(r);
    if (r->body && (!seal(r) || r->ended)) {
        return true;
    }
    r->ended = true;
    r->outcome.result = SI_OK;
    return true;
}

static bool next_candidate(si_origin_request *r, int64_t *at_ns) {
    if (++r->candidate == r->candidate_count) {
        return fail(r, SI_ERR_NOT_FOUND, "image not found");
    }
    free(r->redirect);
    r->redirect = NULL;
    r->tries = r->redirects = 0;
    r->probe = false;
    *at_ns = 0;
    return false;
}

/* Once more, after a while, if there are tries and time left for it. */
static bool try_again(si_origin_request *r, const char *text, int64_t *at_ns) {
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    int64_t most = (int64_t)BACKOFF_MS << r->tries;
    int64_t wait_ms = most / 2 + (int64_t)(random % (uint32_t)(most / 2 + 1));
    wait_ms = r->head.retry_after * 1000 > wait_ms ? r->head.retry_after * 1000 : wait_ms;
    *at_ns = si_now_ns() + wait_ms * SI_MILLISECOND;
    if (r->tries++ >= r->origin->retries || *at_ns >= r->deadline_ns) {
        return fail(r, SI_ERR_IO, text);
    }
    return false;
}

static bool redirected(si_origin_request *r, int64_t *at_ns) {
    char *to = NULL, here[ADDRESS_MAX];
    (void)curl_easy_getinfo(r->handle, CURLINFO_REDIRECT_URL, &to);
    print_address(r, here, sizeof here);
    if (r->head.region[0] != '\0') {
        snprintf(r->outcome.detail, sizeof r->outcome.detail, "the bucket is in region %.50s",
            r->head.region);
    }
    if (to == NULL || !is_same_server(here, to) || ++r->redirects > REDIRECTS_MAX) {
        return fail(
            r, SI_ERR_IO, "where originals come from leads elsewhere, which is not followed");
    }
    free(r->redirect);
    r->redirect = strdup(to);
    *at_ns = 0;
    return r->redirect == NULL ? fail(r, SI_ERR_MEMORY, "no memory for an original") : false;
}

static bool judge_status(si_origin_request *r, long status, int64_t *at_ns) {
    snprintf(r->outcome.detail, sizeof r->outcome.detail, "status %ld", status);
    if (status == 200 || (status == 206 && r->probe)) {
        return succeed(r, at_ns);
    }
    switch (status) {
    case 404:
    case 410:
        return next_candidate(r, at_ns);
    case 403:
        return r->origin->forbidden_is_missing
                   ? next_candidate(r, at_ns)
                   : fail(r, SI_ERR_IO, "where originals come from refuses");
    case 405:
    case 501:
        if (!r->body && !r->probe) {
            r->probe = true;
            *at_ns = 0;
            return false;
        }
        break;
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return redirected(r, at_ns);
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return try_again(r, "where originals come from has trouble", at_ns);
    default:
        break;
    }
    return fail(r, SI_ERR_IO, "where originals come from answers with another status");
}

bool si_origin_request_end(si_origin_request *r, CURLcode code, int64_t *at_ns) {
    static const char too_large[] = "the original is larger than MaxSize";
    long status = 0;
    assert(!r->ended);
    (void)curl_easy_getinfo(r->handle, CURLINFO_RESPONSE_CODE, &status);
    snprintf(r->outcome.detail, sizeof r->outcome.detail, "%s", curl_easy_strerror(code));
    if (r->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return fail(r, SI_ERR_LIMIT, too_large);
    }
    if (r->no_memory) {
        return fail(r, SI_ERR_MEMORY, "no memory for an original");
    }
    if (r->refused) {
        return fail(r, SI_ERR_IO, "where originals come from has no public address");
    }
    if (code == CURLE_OK || code == CURLE_HTTP_RETURNED_ERROR || r->enough) {
        return judge_status(r, status, at_ns);
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
        return try_again(r, "where originals come from cannot be reached", at_ns);
    default:
        return fail(r, SI_ERR_IO, "where originals come from cannot be asked");
    }
}

/* ---- the outcome ---- */

const si_origin_outcome *si_origin_request_outcome(const si_origin_request *r) {
    assert(r->ended);
    return &r->outcome;
}

int si_origin_request_file(const si_origin_request *r) {
    assert(r->ended && r->body && r->outcome.result == SI_OK);
    return r->fd;
}

si_origin_outcome si_origin_request_run(
    const si_origin_wanted *wanted, const si_origin_keys *keys, int *fd) {
    si_origin_outcome out = {.result = SI_ERR_MEMORY};
    si_origin_request *r = si_origin_request_new(wanted);
    CURL *handle;
    *fd = -1;
    if (r == NULL) {
        (void)si_fail(&out.diag, SI_ERR_MEMORY, "no memory for an original");
        return out;
    }
    while ((handle = si_origin_request_try(r, keys, NULL)) != NULL) {
        int64_t at_ns = 0;
        if (si_origin_request_end(r, curl_easy_perform(handle), &at_ns)) {
            break;
        }
        int wait = at_ns != 0 ? si_until_ms(at_ns) : 0;
        struct timespec t = {wait / 1000, wait % 1000 * SI_MILLISECOND};
        (void)nanosleep(&t, NULL);
    }
    out = r->outcome;
    if (out.result == SI_OK && r->body) {
        *fd = r->fd;
        r->fd = -1;
    }
    si_origin_request_free(r);
    return out;
}
