#include "source/freshness.h"

#include <curl/curl.h>
#include <string.h>

enum { YEAR = 31536000 };

/* An HTTP date as Unix time, −1 if it is none. */
static int64_t date(si_str s) {
    char text[64];
    if (s.len >= sizeof text) {
        return -1;
    }
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return curl_getdate(text, NULL);
}

/* Digits, perhaps in quotes; false if it is anything else. Whatever is too large is a year. */
static bool seconds(si_str s, int64_t *out) {
    if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"') {
        s = (si_str){s.p + 1, s.len - 2};
    }
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        n = n < YEAR ? n * 10 + (s.p[i] - '0') : YEAR;
    }
    *out = n < YEAR ? n : YEAR;
    return s.len > 0;
}

/* A life that cannot be read is over (RFC 9111, 4.2.1). */
static void read_life(si_str value, bool *has, int64_t *out) {
    int64_t n = 0;
    bool valid = seconds(value, &n);
    *out = valid ? (*has && *out < n ? *out : n) : 0;
    *has = true;
}

static void read_directive(si_freshness *f, si_str item) {
    si_str name = item, value = {NULL, 0};
    const char *equals = memchr(item.p, '=', item.len);
    if (equals != NULL) {
        name = si_str_trim((si_str){item.p, (size_t)(equals - item.p)});
        value = si_str_trim((si_str){equals + 1, item.len - (size_t)(equals + 1 - item.p)});
    }
    if (si_str_eq_nocase(name, SI_STR("no-store")) || si_str_eq_nocase(name, SI_STR("no-cache")) ||
        si_str_eq_nocase(name, SI_STR("private"))) {
        f->refused = true;
    } else if (si_str_eq_nocase(name, SI_STR("max-age"))) {
        read_life(value, &f->has_max_age, &f->max_age);
    } else if (si_str_eq_nocase(name, SI_STR("s-maxage"))) {
        read_life(value, &f->has_s_maxage, &f->s_maxage);
    }
}

static void read_list(si_freshness *f, si_str list) {
    si_str item;
    while (si_str_next(&list, ',', &item)) {
        item = si_str_trim(item);
        if (item.len > 0) {
            read_directive(f, item);
        }
    }
}

void si_freshness_read(si_freshness *f, si_str line) {
    while (line.len > 0 && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r')) {
        line.len--;
    }
    const char *colon = memchr(line.p, ':', line.len);
    if (si_str_starts(line, SI_STR("HTTP/"))) {
        *f = (si_freshness){0};
        return;
    }
    if (colon == NULL) {
        return;
    }
    si_str name = {line.p, (size_t)(colon - line.p)};
    si_str value = si_str_trim((si_str){colon + 1, line.len - name.len - 1});
    if (si_str_eq_nocase(name, SI_STR("ETag")) || si_str_eq_nocase(name, SI_STR("Last-Modified"))) {
        f->validator |= value.len > 0;
    } else if (si_str_eq_nocase(name, SI_STR("Cache-Control"))) {
        read_list(f, value);
    } else if (si_str_eq_nocase(name, SI_STR("Expires"))) {
        f->expires = date(value);
        f->has_expires = true;
    } else if (si_str_eq_nocase(name, SI_STR("Date"))) {
        int64_t at = date(value);
        f->date = at > 0 ? at : 0;
    } else if (si_str_eq_nocase(name, SI_STR("Age"))) {
        (void)seconds(value, &f->age);
    } else if (si_str_eq_nocase(name, SI_STR("Vary"))) {
        f->refused |= si_str_eq(value, SI_STR("*"));
    }
}

long si_freshness_seconds(const si_freshness *f, long usual, int64_t now) {
    if (!f->validator || f->refused) {
        return 0;
    }
    int64_t life = usual;
    if (f->has_s_maxage) {
        life = f->s_maxage - f->age;
    } else if (f->has_max_age) {
        life = f->max_age - f->age;
    } else if (f->has_expires) {
        life = f->expires < 0 ? 0 : f->expires - (f->date > 0 ? f->date : now) - f->age;
    }
    return life < 0 ? 0 : life > YEAR ? YEAR : (long)life;
}
