#include "source/origin_keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 };

static bool set(char *out, size_t room, si_str value) {
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
    }
    if (value.len >= room) {
        return false;
    }
    memcpy(out, value.p, value.len);
    out[value.len] = '\0';
    return true;
}

/* Takes a setting of that name; false if its value cannot be one. */
static bool take(si_origin_keys *k, si_str name, si_str value) {
    static const struct {
        const char *name;
        int field;
    } names[] = {{"AccessKeyId", 0}, {"aws_access_key_id", 0}, {"SecretAccessKey", 1},
        {"aws_secret_access_key", 1}, {"SessionToken", 2}, {"aws_session_token", 2}, {"Token", 2}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (si_str_eq_nocase(name, si_str_of(names[i].name))) {
            return names[i].field == 0   ? set(k->id, sizeof k->id, value)
                   : names[i].field == 1 ? set(k->secret, sizeof k->secret, value)
                                         : set(k->token, sizeof k->token, value);
        }
    }
    return true;
}

static si_result judge(const si_origin_keys *k, bool readable, si_diag *diag) {
    return readable && k->id[0] != '\0' && k->secret[0] != '\0'
               ? SI_OK
               : si_fail(diag, SI_ERR_CONFIG, "there are no keys where Credentials says");
}

si_result si_origin_keys_read(si_str text, si_origin_keys *out, si_diag *diag) {
    si_str rest = text, line;
    bool ok = true;
    *out = (si_origin_keys){.expires = 0};
    while (si_str_next_line(&rest, &line)) {
        si_str value = line, name;
        (void)si_str_next(&value, '=', &name);
        if (value.p != NULL) {
            ok = ok && take(out, si_str_trim(name), si_str_trim(value));
        }
    }
    return judge(out, ok, diag);
}

si_result si_origin_keys_read_fd(int fd, si_origin_keys *out, si_diag *diag) {
    char text[FILE_MAX];
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n < 0) {
        return si_fail(diag, SI_ERR_IO, "a file of keys cannot be read");
    }
    si_result result = si_origin_keys_read((si_str){text, (size_t)n}, out, diag);
    explicit_bzero(text, sizeof text);
    return result;
}

si_result si_origin_keys_read_file(const char *path, si_origin_keys *out, si_diag *diag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return si_fail(diag, SI_ERR_IO, "a file of keys cannot be opened");
    }
    si_result result = si_origin_keys_read_fd(fd, out, diag);
    close(fd);
    return result;
}

/* ---- JSON of metadata services: one flat object of texts ---- */

static bool next_text(si_str *rest, si_str *out) {
    const char *begin = rest->len > 0 ? memchr(rest->p, '"', rest->len) : NULL;
    if (begin == NULL) {
        return false;
    }
    begin++;
    size_t left = rest->len - (size_t)(begin - rest->p);
    const char *end = memchr(begin, '"', left);
    if (end == NULL || memchr(begin, '\\', (size_t)(end - begin)) != NULL) {
        return false; /* keys have no escapes */
    }
    *out = (si_str){begin, (size_t)(end - begin)};
    *rest = (si_str){end + 1, left - out->len - 1};
    return true;
}

static int64_t read_time(si_str text) {
    char copy[40];
    struct tm t = {0};
    if (text.len == 0 || text.len >= sizeof copy) {
        return 0;
    }
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    return strptime(copy, "%Y-%m-%dT%H:%M:%S", &t) != NULL ? (int64_t)timegm(&t) : 0;
}

si_result si_origin_keys_read_json(si_str json, si_origin_keys *out, si_diag *diag) {
    si_str rest = json, name, value;
    bool ok = true;
    *out = (si_origin_keys){.expires = 0};
    while (ok && next_text(&rest, &name)) {
        rest = si_str_trim(rest);
        if (rest.len == 0 || rest.p[0] != ':') {
            continue;
        }
        si_str after = si_str_trim((si_str){rest.p + 1, rest.len - 1});
        if (after.len == 0 || after.p[0] != '"') { /* a number or null */
            rest = after;
            continue;
        }
        rest = after;
        ok = next_text(&rest, &value);
        if (ok && si_str_eq(name, SI_STR("Expiration"))) {
            out->expires = read_time(value);
        } else if (ok) {
            ok = take(out, name, value);
        }
    }
    return judge(out, ok, diag);
}

/* ---- the environment ---- */

int si_origin_keys_take_environment(void) {
    static const char *const names[] = {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};
    static const char *const lines[] = {"AccessKeyId", "SecretAccessKey", "SessionToken"};
    int fd = -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *value = getenv(names[i]);
        if (value == NULL) {
            continue;
        }
        fd = fd < 0 ? memfd_create("smartimg-keys", MFD_CLOEXEC) : fd;
        if (fd >= 0) {
            dprintf(fd, "%s = %s\n", lines[i], value);
        }
        explicit_bzero(value, strlen(value));
        unsetenv(names[i]);
    }
    return fd;
}

bool si_origin_keys_are_of_instance(const si_origin *o) {
    return strcmp(o->credentials, "instance") == 0;
}

static si_result read_environment(si_origin_keys *out, si_diag *diag) {
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *token = getenv("AWS_SESSION_TOKEN");
    bool ok = id != NULL && secret != NULL && set(out->id, sizeof out->id, si_str_of(id)) &&
              set(out->secret, sizeof out->secret, si_str_of(secret)) &&
              (token == NULL || set(out->token, sizeof out->token, si_str_of(token)));
    return judge(out, ok, diag);
}

si_result si_origin_keys_of(
    const si_origin *o, int environment, si_origin_keys *out, si_diag *diag) {
    *out = (si_origin_keys){.expires = 0};
    if (o->credentials[0] == '\0') {
        return SI_OK;
    }
    if (strncmp(o->credentials, "file:", 5) == 0) {
        return si_origin_keys_read_file(o->credentials + 5, out, diag);
    }
    if (strcmp(o->credentials, "environment") == 0) {
        return environment >= 0 ? si_origin_keys_read_fd(environment, out, diag)
                                : read_environment(out, diag);
    }
    return si_fail(diag, SI_ERR_UNSUPPORTED, "keys of an instance are not asked for here");
}
