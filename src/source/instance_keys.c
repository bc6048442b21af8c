#include "source/instance_keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ASK_MS = 2000,
    ANSWER_MAX = 16 * 1024,
    TOKEN_MAX = 1024,
    EARLY_SECONDS = 300, /* before the keys end */
    AGAIN_SECONDS = 5,   /* after a failure, … */
    AGAIN_MOST = 60      /* … doubled up to this */
};

typedef struct answer {
    size_t len;
    char text[ANSWER_MAX];
} answer;

struct si_instance_keys {
    CURLM *multi;
    pthread_mutex_t lock;
    si_instance_state state;
    si_origin_keys keys;
};

static size_t take(char *data, size_t size, size_t count, void *context) {
    answer *a = context;
    size_t len = size * count;
    if (len >= sizeof a->text - a->len) {
        return 0;
    }
    memcpy(a->text + a->len, data, len);
    a->len += len;
    a->text[a->len] = '\0';
    return len;
}

/* One request to a metadata service, with a header or NULL. False unless it answers 200. */
static bool ask(const char *method, const char *address, const char *header, answer *out) {
    CURL *h = curl_easy_init();
    struct curl_slist *headers = header != NULL ? curl_slist_append(NULL, header) : NULL;
    long status = 0;
    out->len = 0;
    out->text[0] = '\0';
    bool ok = h != NULL && (header == NULL || headers != NULL);
#define SET(option, value) ok = ok && curl_easy_setopt(h, option, value) == CURLE_OK
    SET(CURLOPT_URL, address);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_CUSTOMREQUEST, method);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)ASK_MS);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_WRITEFUNCTION, take);
    SET(CURLOPT_WRITEDATA, (void *)out);
#undef SET
    ok = ok && curl_easy_perform(h) == CURLE_OK &&
         curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
    curl_easy_cleanup(h);
    curl_slist_free_all(headers);
    return ok;
}

/* A variable of the environment that is set and not empty, else `otherwise`. */
static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static bool ask_container(answer *out) {
    char address[1024], header[TOKEN_MAX + 32];
    const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
    const char *token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", NULL);
    snprintf(address, sizeof address, "%s%s", full != NULL ? full : "http://169.254.170.2",
        full != NULL ? "" : variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ""));
    snprintf(header, sizeof header, "Authorization: %.1024s", token != NULL ? token : "");
    return ask("GET", address, token != NULL ? header : NULL, out);
}

static bool ask_machine(answer *out) {
    static const char roles[] = "latest/meta-data/iam/security-credentials/";
    char address[1024], header[TOKEN_MAX + 40];
    const char *base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254");
    int len = (int)strlen(base);
    len -= len > 0 && base[len - 1] == '/';
    snprintf(address, sizeof address, "%.*s/latest/api/token", len, base);
    if (!ask("PUT", address, "X-aws-ec2-metadata-token-ttl-seconds: 300", out) ||
        out->len >= TOKEN_MAX) {
        return false;
    }
    snprintf(header, sizeof header, "X-aws-ec2-metadata-token: %.1000s", out->text);
    snprintf(address, sizeof address, "%.*s/%s", len, base, roles);
    if (!ask("GET", address, header, out)) {
        return false;
    }
    out->text[strcspn(out->text, "\r\n")] = '\0';
    snprintf(address, sizeof address, "%.*s/%s%.200s", len, base, roles, out->text);
    return ask("GET", address, header, out);
}

si_result si_instance_keys_ask(si_origin_keys *out, si_diag *diag) {
    bool container = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL) != NULL ||
                     variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL) != NULL;
    answer *a = malloc(sizeof *a);
    *out = (si_origin_keys){.expires = 0};
    if (a == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for keys");
    }
    si_result result = (container ? ask_container(a) : ask_machine(a))
                           ? si_origin_keys_read_json((si_str){a->text, a->len}, out, diag)
                           : si_fail(diag, SI_ERR_IO, "nobody tells the keys of this instance");
    explicit_bzero(a, sizeof *a);
    free(a);
    return result;
}

/* ---- the thread ---- */

static void publish(si_instance_keys *k, si_instance_state state, const si_origin_keys *keys) {
    pthread_mutex_lock(&k->lock);
    bool still_good = k->state == SI_INSTANCE_READY && k->keys.expires > time(NULL);
    if (state == SI_INSTANCE_READY) {
        k->keys = *keys;
        k->state = state;
    } else if (!still_good) {
        k->state = state;
    }
    pthread_mutex_unlock(&k->lock);
    (void)curl_multi_wakeup(k->multi);
}

static void *keep_keys(void *context) {
    si_instance_keys *k = context;
    unsigned again = AGAIN_SECONDS;
    for (;;) {
        si_origin_keys keys;
        si_diag diag = {0};
        bool got = si_instance_keys_ask(&keys, &diag) == SI_OK;
        if (!got) {
            dprintf(STDERR_FILENO, "smartimg: %s\n", diag.text);
        }
        publish(k, got ? SI_INSTANCE_READY : SI_INSTANCE_FAILED, &keys);
        int64_t left = got && keys.expires != 0 ? keys.expires - EARLY_SECONDS - time(NULL) : 3600;
        unsigned wait = !got                   ? again
                        : left > 3600          ? 3600
                        : left > AGAIN_SECONDS ? (unsigned)left
                                               : AGAIN_SECONDS;
        again = got ? AGAIN_SECONDS : again * 2 < AGAIN_MOST ? again * 2 : AGAIN_MOST;
        sleep(wait);
    }
    return NULL;
}

si_instance_keys *si_instance_keys_start(CURLM *multi) {
    si_instance_keys *k = calloc(1, sizeof *k);
    pthread_t thread;
    if (k == NULL || pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k);
        return NULL;
    }
    k->multi = multi;
    if (pthread_create(&thread, NULL, keep_keys, k) != 0) {
        free(k);
        return NULL;
    }
    pthread_detach(thread);
    return k;
}

si_instance_state si_instance_keys_take(si_instance_keys *k, si_origin_keys *out) {
    pthread_mutex_lock(&k->lock);
    si_instance_state state = k->state;
    *out = k->keys;
    pthread_mutex_unlock(&k->lock);
    bool over = state == SI_INSTANCE_READY && out->expires != 0 && out->expires <= time(NULL);
    return over ? SI_INSTANCE_FAILED : state;
}
