#include "fleet/redis.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/percent.h"
#include "base/str.h"

/* ---- addresses ---- */

/* False if it does not fit. */
static bool copy(si_str from, char *to, size_t size) {
    if (from.len >= size || memchr(from.p, '\0', from.len) != NULL) {
        return false;
    }
    memcpy(to, from.p, from.len);
    to[from.len] = '\0';
    return true;
}

static bool copy_decoded(si_str from, char *to, size_t size) {
    if (from.len >= size) {
        return false;
    }
    size_t len = si_percent_decode(from, false, to);
    to[len] = '\0';
    return strlen(to) == len;
}

/* USER:PASSWORD, :PASSWORD or, where `alone` says so, PASSWORD. */
static bool read_who(si_str who, bool alone, bool encoded, si_redis_address *out) {
    const char *colon = memchr(who.p, ':', who.len);
    bool (*take)(si_str, char *, size_t) = encoded ? copy_decoded : copy;
    if (colon == NULL && !alone) {
        return false;
    }
    size_t user = colon != NULL ? (size_t)(colon - who.p) : 0;
    size_t skip = colon != NULL ? user + 1 : 0;
    return take((si_str){who.p, user}, out->user, sizeof out->user) &&
           take((si_str){who.p + skip, who.len - skip}, out->password, sizeof out->password);
}

static bool read_number(si_str text, long most, int *out) {
    long v;
    if (!si_str_int(text, &v) || v < 0 || v > most) {
        return false;
    }
    *out = (int)v;
    return true;
}

/* HOST[:PORT][/DATABASE] */
static bool read_place(si_str place, si_redis_address *out) {
    const char *slash = memchr(place.p, '/', place.len);
    if (slash != NULL) {
        si_str database = {slash + 1, place.len - (size_t)(slash + 1 - place.p)};
        if (database.len > 0 && !read_number(database, 1 << 20, &out->database)) {
            return false;
        }
        place.len = (size_t)(slash - place.p);
    }
    bool brackets = place.len > 0 && place.p[0] == '[';
    const char *from = brackets ? memchr(place.p, ']', place.len) : place.p;
    if (from == NULL) {
        return false;
    }
    const char *colon = memchr(from, ':', place.len - (size_t)(from - place.p));
    if (colon != NULL) {
        si_str port = {colon + 1, place.len - (size_t)(colon + 1 - place.p)};
        if (!read_number(port, 65535, &out->port) || out->port == 0) {
            return false;
        }
        place.len = (size_t)(colon - place.p);
    }
    if (brackets) {
        place = (si_str){place.p + 1, place.len >= 2 ? place.len - 2 : 0};
    }
    return place.len > 0 && copy(place, out->host, sizeof out->host);
}

static si_result read_auth(const char *file, si_redis_address *out, si_diag *diag) {
    char line[sizeof out->user + sizeof out->password + 2];
    FILE *f = fopen(file, "re");
    bool read = f != NULL && fgets(line, sizeof line, f) != NULL;
    int error = f == NULL ? errno : EINVAL;
    if (f != NULL) {
        fclose(f);
    }
    out->user[0] = '\0';
    if (read) {
        line[strcspn(line, "\r\n")] = '\0';
        read = line[0] != '\0' && read_who(si_str_of(line), true, false, out);
    }
    explicit_bzero(line, sizeof line);
    return read ? SI_OK : si_fail(diag, SI_ERR_IO, "no password in %s: %s", file, strerror(error));
}

si_result si_redis_address_read(
    const char *text, const char *auth, si_redis_address *out, si_diag *diag) {
    static const char scheme[] = "redis://";
    *out = (si_redis_address){.port = SI_REDIS_PORT};
    assert(text != NULL);
    si_str rest = si_str_of(text);
    bool good = false;
    if (si_str_starts(rest, SI_STR("unix:"))) {
        rest = (si_str){rest.p + 5, rest.len - 5};
        good = rest.len > 0 && rest.p[0] == '/' && copy(rest, out->host, sizeof out->host);
    } else if (si_str_starts(rest, SI_STR("redis://"))) {
        rest = (si_str){rest.p + sizeof scheme - 1, rest.len - (sizeof scheme - 1)};
        const char *at = memrchr(rest.p, '@', rest.len);
        size_t who = at != NULL ? (size_t)(at - rest.p) : 0;
        good = at == NULL || read_who((si_str){rest.p, who}, false, true, out);
        who += at != NULL;
        good = good && read_place((si_str){rest.p + who, rest.len - who}, out);
    }
    if (!good) { /* what was given may hold a password */
        return si_fail(diag, SI_ERR_SYNTAX,
            "the address of Redis is redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or "
            "unix:PATH%s",
            si_str_starts(si_str_of(text), SI_STR("rediss:")) ? "; TLS takes a tunnel" : "");
    }
    return auth != NULL ? read_auth(auth, out, diag) : SI_OK;
}

const char *si_redis_address_text(const si_redis_address *a, char out[SI_REDIS_TEXT]) {
    if (a->host[0] == '/') {
        snprintf(out, SI_REDIS_TEXT, "%s", a->host);
    } else {
        snprintf(out, SI_REDIS_TEXT, "%s:%d", a->host, a->port);
    }
    return out;
}

/* ---- connections ---- */

static struct timeval time_of(int ms) {
    return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

static si_result fail(const si_redis_address *a, const char *why, si_diag *diag) {
    char where[SI_REDIS_TEXT];
    return si_fail(diag, SI_ERR_IO, "Redis at %s: %s", si_redis_address_text(a, where), why);
}

/* A command of the beginning, whose reply is a word. */
static si_result introduce(redisContext *c, const si_redis_address *a, si_diag *diag) {
    char number[16];
    const char *auth[] = {"AUTH", a->password, NULL};
    const char *auth_user[] = {"AUTH", a->user, a->password};
    const char *database[] = {"SELECT", number};
    si_diag why = {0};
    redisReply *r = NULL;
    if (a->password[0] != '\0') {
        bool named = a->user[0] != '\0';
        r = si_redis_call(c, named ? 3 : 2, named ? auth_user : auth, NULL, &why);
        if (r == NULL) {
            return fail(a, why.text, diag);
        }
        freeReplyObject(r);
    }
    if (a->database != 0) {
        snprintf(number, sizeof number, "%d", a->database);
        r = si_redis_call(c, 2, database, NULL, &why);
        if (r == NULL) {
            return fail(a, why.text, diag);
        }
        freeReplyObject(r);
    }
    return SI_OK;
}

si_result si_redis_connect(
    const si_redis_address *a, int block_ms, redisContext **out, si_diag *diag) {
    struct timeval connecting = time_of(SI_REDIS_TIMEOUT_MS);
    redisContext *c = a->host[0] == '/' ? redisConnectUnixWithTimeout(a->host, connecting)
                                        : redisConnectWithTimeout(a->host, a->port, connecting);
    *out = NULL;
    if (c == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a connection to Redis");
    }
    si_result result = SI_OK;
    if (c->err != 0) {
        result = fail(a, c->errstr, diag);
    } else if (redisSetTimeout(c, time_of(SI_REDIS_TIMEOUT_MS + block_ms)) != REDIS_OK) {
        result = fail(a, "no time-out can be set", diag);
    } else {
        result = introduce(c, a, diag);
    }
    if (result != SI_OK) {
        redisFree(c);
        return result;
    }
    *out = c;
    return SI_OK;
}

redisReply *si_redis_call(
    redisContext *c, int count, const char *const words[], const size_t lengths[], si_diag *diag) {
    assert(c->err == 0);
    redisReply *r = redisCommandArgv(c, count, (const char **)(uintptr_t)words, lengths);
    if (r == NULL) {
        (void)si_fail(diag, SI_ERR_IO, "the connection to Redis failed: %s", c->errstr);
        return NULL;
    }
    if (r->type == REDIS_REPLY_ERROR) { /* which names commands and keys, but no password */
        (void)si_fail(diag, SI_ERR_IO, "Redis refuses %s: %.*s", words[0], (int)r->len, r->str);
        freeReplyObject(r);
        return NULL;
    }
    return r;
}
