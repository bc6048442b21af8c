#include "source/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/trace.h"
#include "source/public_address.h"
#include "source/freshness.h"

enum { CONNECT_MS = 5000 };

struct si_transfer {
    const si_fetch_options *options;
    CURL *handle;
    struct curl_slist *headers;
    char *host; /* for messages */
    int fd;     /* of the memory file */
    int64_t bytes;
    bool may_be_private;
    bool refused, too_large, no_memory; /* why a callback stopped it */
    si_freshness freshness;
};

si_fetch_options si_fetch_options_or_default(const si_fetch_options *options) {
    si_fetch_options o = options != NULL ? *options : (si_fetch_options){0};
    o.timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : SI_FETCH_TIMEOUT_MS;
    o.max_bytes = o.max_bytes > 0 ? o.max_bytes : SI_FETCH_BYTES;
    o.transfers = o.transfers > 0 ? o.transfers : SI_FETCH_TRANSFERS;
    o.transfers = o.transfers < SI_FETCH_TRANSFERS_MAX ? o.transfers : SI_FETCH_TRANSFERS_MAX;
    o.usual_life = o.usual_life > 0 ? o.usual_life : SI_FETCH_USUAL_LIFE;
    return o;
}

/* ---- what libcurl asks and tells ---- */

/* Opens a socket to an address that a name was found to have, if it is a permitted one. */
static curl_socket_t open_socket(
    void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    si_transfer *t = context;
    (void)purpose;
    if (!t->may_be_private && !si_address_is_public(&address->addr, address->addrlen)) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_header(char *data, size_t size, size_t count, void *context) {
    si_transfer *t = context;
    si_freshness_read(&t->freshness, (si_str){data, size * count});
    return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    si_transfer *t = context;
    size_t len = size * count, done = 0;
    if ((int64_t)len > t->options->max_bytes - t->bytes) {
        t->too_large = true;
        return 0;
    }
    while (done < len) {
        ssize_t n = write(t->fd, data + done, len - done);
        if (n < 0 && errno != EINTR) {
            t->no_memory = true;
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    t->bytes += (int64_t)len;
    return len;
}

/* ---- preparing ---- */

/* Takes the URL apart, for its host and for refusals, and hands libcurl what it was read as, so
 * that there is no second opinion on what it means. */
static si_result set_url(si_transfer *t, CURLU *parts, const char *url, si_diag *diag) {
    char *host = NULL, *scheme = NULL, *whole = NULL;
    si_result result = SI_OK;
    CURLUcode code = strlen(url) > SI_FETCH_URL_MAX
                         ? CURLUE_MALFORMED_INPUT
                         : curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER);
    if (code == CURLUE_USER_NOT_ALLOWED) {
        return si_fail(
            diag, SI_ERR_FORBIDDEN, "the address of a foreign image may not hold a user name");
    }
    bool read = code == CURLUE_OK && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
    bool web = read && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (code == CURLUE_UNSUPPORTED_SCHEME || (read && !web)) {
        result = si_fail(diag, SI_ERR_FORBIDDEN, "foreign images come by http or https only");
    } else if (!web || curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
               curl_url_get(parts, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        result = si_fail(diag, SI_ERR_SYNTAX, "the address of a foreign image is malformed");
    } else if ((t->host = strdup(host)) == NULL ||
               curl_easy_setopt(t->handle, CURLOPT_URL, whole) != CURLE_OK) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    } else {
        t->may_be_private = si_host_is_listed(t->options->private_hosts, si_str_of(host));
    }
    curl_free(host);
    curl_free(scheme);
    curl_free(whole);
    return result;
}

static si_result set_up(si_transfer *t, si_diag *diag) {
    CURL *h = t->handle;
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(h, option, value) == CURLE_OK
    SET(CURLOPT_PRIVATE, (void *)t);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_FAILONERROR, 1L); /* what comes with 404 is of no interest */
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)t->options->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->options->max_bytes);
    SET(CURLOPT_USERAGENT, "smartimg/" SMARTIMG_VERSION);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, (void *)t);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, (void *)t);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, (void *)t);
#undef SET
    return ok ? SI_OK : si_fail(diag, SI_ERR_INTERNAL, "libcurl refuses an option");
}

/* Tells the server what the request is part of. */
static si_result set_trace(si_transfer *t, si_str trace, si_diag *diag) {
    static const char name[] = SI_HEADER_TRACE ": ";
    char line[sizeof name + SI_TRACE_TEXT];
    si_trace read;
    if (!si_trace_read(trace, &read)) {
        return SI_OK;
    }
    memcpy(line, name, sizeof name);
    si_trace_print(&read, line + sizeof name - 1);
    t->headers = curl_slist_append(NULL, line);
    return t->headers != NULL &&
                   curl_easy_setopt(t->handle, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK
               ? SI_OK
               : si_fail(diag, SI_ERR_MEMORY, "out of memory");
}

si_transfer *si_transfer_new(
    const si_fetch_options *options, const char *url, si_str trace, si_diag *diag) {
    si_transfer *t = calloc(1, sizeof *t);
    CURLU *parts = curl_url();
    si_result result = SI_OK;
    if (t != NULL) {
        t->options = options;
        t->fd = -1;
        t->handle = curl_easy_init();
    }
    if (t == NULL || parts == NULL || t->handle == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    result = result == SI_OK ? set_url(t, parts, url, diag) : result;
    result = result == SI_OK ? set_up(t, diag) : result;
    result = result == SI_OK ? set_trace(t, trace, diag) : result;
    if (result == SI_OK) {
        t->fd = memfd_create("smartimg-foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (t->fd < 0) {
            result = si_fail(diag, SI_ERR_MEMORY, "no memory for a foreign image");
        }
    }
    curl_url_cleanup(parts);
    if (result != SI_OK) {
        si_transfer_free(t);
        return NULL;
    }
    return t;
}

CURL *si_transfer_handle(si_transfer *t) {
    return t->handle;
}

void si_transfer_free(si_transfer *t) {
    if (t == NULL) {
        return;
    }
    if (t->handle != NULL) {
        curl_easy_cleanup(t->handle);
    }
    curl_slist_free_all(t->headers);
    if (t->fd >= 0) {
        close(t->fd);
    }
    free(t->host);
    free(t);
}

/* ---- the outcome ---- */

static si_result judge_status(const si_transfer *t, long status, si_diag *diag) {
    if (status == 200) {
        return SI_OK;
    }
    if (status >= 300 && status < 400) {
        return si_fail(diag, SI_ERR_FORBIDDEN,
            "%s redirects the foreign image elsewhere, which is not followed", t->host);
    }
    if (status == 404 || status == 410) {
        return si_fail(diag, SI_ERR_NOT_FOUND, "%s has no such foreign image", t->host);
    }
    return si_fail(diag, SI_ERR_SOURCE, "%s answers with status %ld instead of a foreign image",
        t->host, status);
}

static si_result judge(const si_transfer *t, CURLcode code, si_diag *diag) {
    long status = 0;
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return si_fail(diag, SI_ERR_LIMIT, "the foreign image of %s is larger than %lld bytes",
            t->host, (long long)t->options->max_bytes);
    }
    if (t->no_memory) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a foreign image");
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return si_fail(diag, SI_ERR_TIMEOUT, "%s did not send the foreign image in time", t->host);
    }
    if (t->refused && code == CURLE_COULDNT_CONNECT) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "%s has no public address", t->host);
    }
    if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR) {
        return si_fail(
            diag, SI_ERR_SOURCE, "no foreign image from %s: %s", t->host, curl_easy_strerror(code));
    }
    if (curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        return si_fail(diag, SI_ERR_INTERNAL, "libcurl tells no status");
    }
    return judge_status(t, status, diag);
}

int si_transfer_finish(si_transfer *t, CURLcode code, long *life, si_diag *diag) {
    if (judge(t, code, diag) != SI_OK) {
        return -1;
    }
    if (t->bytes == 0) {
        (void)si_fail(diag, SI_ERR_SOURCE, "the foreign image of %s is empty", t->host);
        return -1;
    }
    if (fcntl(t->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0 ||
        lseek(t->fd, 0, SEEK_SET) != 0) {
        (void)si_fail(diag, SI_ERR_INTERNAL, "a foreign image cannot be sealed");
        return -1;
    }
    *life = si_freshness_seconds(&t->freshness, t->options->usual_life, time(NULL));
    int fd = t->fd;
    t->fd = -1;
    return fd;
}

int si_fetch(
    const si_fetch_options *options, const char *url, si_str trace, long *life, si_diag *diag) {
    si_fetch_options o = si_fetch_options_or_default(options);
    si_transfer *t = si_transfer_new(&o, url, trace, diag);
    if (t == NULL) {
        return -1;
    }
    CURLcode code = curl_easy_perform(t->handle);
    int fd = si_transfer_finish(t, code, life, diag);
    si_transfer_free(t);
    return fd;
}
