#include "source/fetch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <curl/curl.h>

#include "base/str.h"

static const long KEEP_MAX = 31536000;

/* ---- addresses ---- */

typedef struct block {
    uint8_t start[16];
    int bits;
} block;

static bool within(const uint8_t *address, const block *b) {
    int whole = b->bits / 8, rest = b->bits % 8;
    if (memcmp(address, b->start, (size_t)whole) != 0) {
        return false;
    }
    int mask = rest > 0 ? 0xFF << (8 - rest) & 0xFF : 0;
    return rest == 0 || (address[whole] & mask) == (b->start[whole] & mask);
}

/* IANA's special-purpose registries: nothing in them is a public server. */
bool si_fetch_is_special(int family, const void *address) {
    static const block four[] = {{{0}, 8}, {{10}, 8}, {{100, 64}, 10}, {{127}, 8}, {{169, 254}, 16},
        {{172, 16}, 12}, {{192, 0, 0}, 24}, {{192, 0, 2}, 24}, {{192, 88, 99}, 24},
        {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24}, {{224}, 3}};
    static const block mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96};
    static const block translated = {{0, 0x64, 0xFF, 0x9B}, 96};
    static const block public_six = {{0x20}, 3};
    static const block six[] = {{{0x20, 0x01}, 23}, {{0x20, 0x01, 0x0D, 0xB8}, 32},
        {{0x20, 0x02}, 16}, {{0x3F, 0xFF}, 20}};
    const uint8_t *a = address;
    if (family == AF_INET) {
        for (size_t i = 0; i < sizeof four / sizeof four[0]; i++) {
            if (within(a, &four[i])) {
                return true;
            }
        }
        return false;
    }
    if (family != AF_INET6) {
        return true;
    }
    if (within(a, &mapped) || within(a, &translated)) {
        return si_fetch_is_special(AF_INET, a + 12);
    }
    for (size_t i = 0; i < sizeof six / sizeof six[0]; i++) {
        if (within(a, &six[i])) {
            return true;
        }
    }
    return !within(a, &public_six);
}

/* True if the server in `url` is written as an address. */
static bool names_address(const char *url) {
    const char *host = strstr(url, "://");
    struct in_addr four;
    char text[64];
    if (host == NULL) {
        return false;
    }
    host += 3;
    if (*host == '[') {
        return true;
    }
    size_t len = strcspn(host, ":/?#");
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, host, len);
    text[len] = '\0';
    return inet_pton(AF_INET, text, &four) == 1;
}

/* ---- how long an answer may be kept ---- */

/* The value of a line if it is the header `name`. */
static bool header(si_str line, const char *name, si_str *value) {
    size_t n = strlen(name);
    if (line.len <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0) {
        return false;
    }
    *value = (si_str){line.p + n + 1, line.len - n - 1};
    while (value->len > 0 && (value->p[0] == ' ' || value->p[0] == '\t')) {
        value->p++;
        value->len--;
    }
    while (value->len > 0 && strchr(" \t\r\n", value->p[value->len - 1]) != NULL) {
        value->len--;
    }
    return true;
}

static long seconds(const char *digits, size_t len) {
    long v = 0;
    for (size_t i = 0; i < len && digits[i] >= '0' && digits[i] <= '9'; i++) {
        v = v < KEEP_MAX ? v * 10 + (digits[i] - '0') : v;
    }
    return v < KEEP_MAX ? v : KEEP_MAX;
}

static void read_cache_control(si_fetch_life *l, si_str value) {
    static const char max_age[] = "max-age=", shared[] = "s-maxage=";
    si_str part;
    while (si_str_next(&value, ',', &part)) {
        while (part.len > 0 && part.p[0] == ' ') {
            part.p++;
            part.len--;
        }
#define IS(text) (part.len >= sizeof text - 1 && strncasecmp(part.p, text, sizeof text - 1) == 0)
        if (IS("no-store") || IS("no-cache") || IS("private")) {
            l->no_store = true;
        } else if (IS(shared)) {
            l->max_age = seconds(part.p + sizeof shared - 1, part.len - (sizeof shared - 1));
            l->has_max_age = l->shared = true;
        } else if (IS(max_age) && !l->shared) {
            l->max_age = seconds(part.p + sizeof max_age - 1, part.len - (sizeof max_age - 1));
            l->has_max_age = true;
        }
#undef IS
    }
}

void si_fetch_life_add(si_fetch_life *l, const char *line, size_t len, long now) {
    si_str text = {line, len}, value;
    if (header(text, "ETag", &value) || header(text, "Last-Modified", &value)) {
        l->validator = true;
    } else if (header(text, "Age", &value)) {
        l->age = seconds(value.p, value.len);
    } else if (header(text, "Cache-Control", &value)) {
        read_cache_control(l, value);
    } else if (header(text, "Expires", &value)) {
        char date[64];
        size_t n = value.len < sizeof date - 1 ? value.len : sizeof date - 1;
        memcpy(date, value.p, n);
        date[n] = '\0';
        time_t at = curl_getdate(date, NULL);
        l->has_expires = true;
        l->expires = at == (time_t)-1 ? 0 : (long)at - now; /* `0` and the like: stale */
    }
}

long si_fetch_life_seconds(const si_fetch_life *l) {
    if (!l->validator || l->no_store) {
        return 0;
    }
    long v = l->has_max_age ? l->max_age - l->age : l->has_expires ? l->expires : SI_FETCH_KEEP;
    return v < 0 ? 0 : v > KEEP_MAX ? KEEP_MAX : v;
}

/* ---- fetching ---- */

typedef struct transfer {
    int fd;
    size_t len;
    bool special_allowed, refused, too_large;
    si_fetch_life life;
    long now;
} transfer;

static curl_socket_t open_socket(
    void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    transfer *t = context;
    const void *bytes = address->family == AF_INET
                            ? (const void *)&((struct sockaddr_in *)&address->addr)->sin_addr
                            : (const void *)&((struct sockaddr_in6 *)&address->addr)->sin6_addr;
    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!t->special_allowed && si_fetch_is_special(address->family, bytes))) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    transfer *t = context;
    size_t n = size * count;
    if (n > SI_FETCH_BYTES - t->len) {
        t->too_large = true;
        return 0;
    }
    for (size_t done = 0; done < n;) {
        ssize_t written = write(t->fd, data + done, n - done);
        if (written <= 0) {
            return 0;
        }
        done += (size_t)written;
    }
    t->len += n;
    return n;
}

static size_t take_header(char *data, size_t size, size_t count, void *context) {
    transfer *t = context;
    si_fetch_life_add(&t->life, data, size * count, t->now);
    return size * count;
}

static bool prepare(CURL *curl, const char *url, transfer *t) {
#define SET(option, value) (curl_easy_setopt(curl, CURLOPT_##option, value) == CURLE_OK)
    return SET(URL, url) && SET(PROTOCOLS_STR, "http,https") && SET(FOLLOWLOCATION, 0L) &&
           SET(PROXY, "") && SET(NETRC, (long)CURL_NETRC_IGNORED) && SET(NOSIGNAL, 1L) &&
           SET(TIMEOUT_MS, (long)SI_FETCH_MS) && SET(CONNECTTIMEOUT_MS, (long)SI_FETCH_MS / 2) &&
           SET(MAXFILESIZE_LARGE, (curl_off_t)SI_FETCH_BYTES) &&
           SET(DISALLOW_USERNAME_IN_URL, 1L) && SET(USERAGENT, "smartimg/" SMARTIMG_VERSION) &&
           SET(OPENSOCKETFUNCTION, open_socket) && SET(OPENSOCKETDATA, t) &&
           SET(WRITEFUNCTION, take_body) && SET(WRITEDATA, t) &&
           SET(HEADERFUNCTION, take_header) && SET(HEADERDATA, t) &&
           SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
#undef SET
}

/* Says why there is no image. */
static si_result explain(CURLcode code, long status, const transfer *t, si_diag *diag) {
    if (t->refused) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the foreign image's server has a private address");
    }
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return si_fail(diag, SI_ERR_LIMIT, "the foreign image exceeds %d megabytes",
            SI_FETCH_BYTES >> 20);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return si_fail(diag, SI_ERR_TIMEOUT, "the foreign image's server does not answer in time");
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_LOGIN_DENIED) {
        return si_fail(diag, SI_ERR_SYNTAX, "this is no address of an image");
    }
    if (code != CURLE_OK) {
        return si_fail(
            diag, SI_ERR_SOURCE, "the foreign image cannot be fetched: %s", curl_easy_strerror(code));
    }
    if (status >= 300 && status < 400) {
        return si_fail(diag, SI_ERR_FORBIDDEN, "the foreign image is redirected");
    }
    return si_fail(
        diag, SI_ERR_SOURCE, "the foreign image's server answers with status %ld", status);
}

int si_fetch(const char *url, long *keep, si_diag *diag) {
    transfer t = {.special_allowed = names_address(url), .now = (long)time(NULL)};
    long status = 0;
    CURL *curl = curl_easy_init();
    t.fd = memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (curl == NULL || t.fd < 0 || !prepare(curl, url, &t)) {
        (void)si_fail(diag, SI_ERR_MEMORY, "no memory for a foreign image");
        goto failed;
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || t.len == 0) {
        (void)explain(code, status, &t, diag);
        goto failed;
    }
    curl_easy_cleanup(curl);
    *keep = si_fetch_life_seconds(&t.life);
    (void)!fcntl(t.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    (void)!lseek(t.fd, 0, SEEK_SET);
    return t.fd;
failed:
    if (curl != NULL) {
        curl_easy_cleanup(curl);
    }
    if (t.fd >= 0) {
        close(t.fd);
    }
    return -1;
}
