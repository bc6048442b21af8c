#include "base/map_links.h"

enum { SCHEME_MAX = 16 }; /* longer than any that is allowed */

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* ---- values ---- */

/* A number behind "&#", which may lack its ";". */
static uint32_t take_number(si_str *s) {
    bool hex = s->len > 0 && (s->p[0] | 0x20) == 'x';
    uint32_t n = 0;
    size_t i = hex;
    for (; i < s->len; i++) {
        char c = s->p[i], lower = (char)(c | 0x20);
        int digit = c >= '0' && c <= '9' ? c - '0' : -1;
        digit = hex && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : digit;
        if (digit < 0) {
            break;
        }
        n = n > 0x110000 ? n : n * (hex ? 16 : 10) + (uint32_t)digit;
    }
    i += i < s->len && s->p[i] == ';';
    s->p += i;
    s->len -= i;
    return n;
}

/* The character of a value; what is behind "&" is no part of any scheme unless it is named here. */
static uint32_t take_character(si_str *s) {
    static const struct {
        si_str name;
        char c;
    } named[] = {{{"colon;", 6}, ':'}, {{"Tab;", 4}, '\t'}, {{"NewLine;", 8}, '\n'},
        {{"sol;", 4}, '/'}, {{"quest;", 6}, '?'}, {{"num;", 4}, '#'}, {{"bsol;", 5}, '\\'}};
    unsigned char c = (unsigned char)s->p[0];
    s->p++;
    s->len--;
    if (c != '&' || s->len == 0) {
        return c;
    }
    if (s->p[0] == '#') {
        s->p++;
        s->len--;
        return take_number(s);
    }
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (si_str_starts(*s, named[i].name)) {
            s->p += named[i].name.len;
            s->len -= named[i].name.len;
            return (uint32_t)named[i].c;
        }
    }
    return '&';
}

/* Whether a link may stay: what stands before its ":", unless "/", "?" or "#" come first, which
 * make it relative. */
static bool is_safe(si_str value) {
    static const char allowed[] = "http|https|ftp|mailto|tel|sms";
    char scheme[SCHEME_MAX];
    size_t n = 0;
    while (value.len > 0) {
        uint32_t c = take_character(&value);
        if (c == '/' || c == '?' || c == '#' || c == '\\') {
            return true;
        }
        if (c == ':') {
            return si_words_find(allowed, (si_str){scheme, n}, true) >= 0;
        }
        if (c > 0x20 && c != 0x7f && n < SCHEME_MAX) { /* browsers skip the others */
            scheme[n++] = c < 0x7f && c != '|' ? (char)c : '?';
        }
    }
    return true;
}

/* ---- elements ---- */

static bool is_link(si_str name) {
    static const char names[] = "href|src|action|formaction";
    const char *colon = name.len > 0 ? memrchr(name.p, ':', name.len) : NULL; /* xlink:href */
    if (colon != NULL) {
        name = (si_str){colon + 1, name.len - (size_t)(colon + 1 - name.p)};
    }
    return si_words_find(names, name, true) >= 0;
}

static bool is_handler(si_str name) {
    return name.len > 2 && si_str_eq_nocase((si_str){name.p, 2}, SI_STR("on"));
}

static size_t skip_blanks(si_str html, size_t i) {
    while (i < html.len && is_blank(html.p[i])) {
        i++;
    }
    return i;
}

/* The end of an attribute that begins at `i`, with its name and value. */
static size_t read_attribute(si_str html, size_t i, si_str *name, si_str *value) {
    size_t from = i++; /* a "=" may begin a name */
    while (i < html.len && !is_blank(html.p[i]) && strchr("/>=", html.p[i]) == NULL) {
        i++;
    }
    *name = (si_str){html.p + from, i - from};
    *value = (si_str){NULL, 0};
    size_t next = skip_blanks(html, i);
    if (next == html.len || html.p[next] != '=') {
        return i;
    }
    i = skip_blanks(html, next + 1);
    char quote = i < html.len ? html.p[i] : '\0';
    bool quoted = quote == '"' || quote == '\'';
    i += quoted;
    from = i;
    while (
        i < html.len && (quoted ? html.p[i] != quote : !is_blank(html.p[i]) && html.p[i] != '>')) {
        i++;
    }
    *value = (si_str){html.p + from, i - from};
    return i + (quoted && i < html.len);
}

static bool put(si_bytes *out, si_str html, size_t from, size_t to) {
    return to == from || si_bytes_append(out, html.p + from, to - from);
}

/* An element whose "<" is at `i`; its end goes to *end. */
static bool put_element(si_str html, size_t i, si_map_source source, si_bytes *out, size_t *end) {
    size_t done = i++;
    bool ok = true;
    while (i < html.len && !is_blank(html.p[i]) && html.p[i] != '/' && html.p[i] != '>') {
        i++;
    }
    while (ok && i < html.len && html.p[i] != '>') {
        if (is_blank(html.p[i]) || html.p[i] == '/') {
            i++;
            continue;
        }
        si_str name, value;
        size_t behind = read_attribute(html, i, &name, &value);
        bool stray = name.p[0] == '='; /* would become the value of what is before it */
        bool goes = stray || (is_link(name) && !is_safe(value)) ||
                    (source == SI_MAP_OF_REQUEST && is_handler(name));
        if (goes) {
            ok = put(out, html, done, i);
            done = behind;
        }
        i = behind;
    }
    *end = i;
    return ok && put(out, html, done, i);
}

bool si_map_links_clean(si_str html, si_map_source source, si_bytes *out) {
    size_t done = 0;
    bool ok = true;
    for (size_t i = 0; ok && i + 1 < html.len;) {
        if (html.p[i] != '<' || !is_letter(html.p[i + 1])) {
            i++;
            continue;
        }
        ok = put(out, html, done, i) && put_element(html, i, source, out, &i);
        done = i;
    }
    return ok && put(out, html, done, html.len);
}

const char *si_map_links_copy(si_str html, si_map_source source, si_arena *arena) {
    si_bytes clean = {0};
    const char *copy = NULL;
    if (si_map_links_clean(html, source, &clean)) {
        copy = si_arena_copy(arena, clean.len > 0 ? (const char *)clean.data : "", clean.len);
    }
    si_bytes_free(&clean);
    return copy;
}
