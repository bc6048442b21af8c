#include "catalog/locale.h"

static int count_of(si_str text, char separator) {
    int n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.p[i] == separator;
    }
    return n;
}

static bool read_rule(si_str item, si_arena *arena, si_locale_rule *out) {
    int room = count_of(item, ',');
    const char **values = si_arena_alloc(arena, (size_t)room * sizeof *values);
    si_str part;
    if (room < 2 || values == NULL || !si_str_next(&item, ',', &part)) {
        return false;
    }
    part = si_str_trim(part);
    out->locale = si_arena_copy(arena, part.p, part.len);
    out->values = values;
    while (si_str_next(&item, ',', &part)) {
        part = si_str_trim(part);
        values[out->count] = si_arena_copy(arena, part.p, part.len);
        if (values[out->count++] == NULL) {
            return false;
        }
    }
    return out->locale != NULL;
}

bool si_locale_map_read(si_str text, si_arena *arena, const si_locale_map **out) {
    *out = NULL;
    text = si_str_trim(text);
    if (text.len == 0) {
        return true;
    }
    si_locale_map *map = si_arena_alloc(arena, sizeof *map);
    si_locale_rule *rules =
        si_arena_alloc(arena, (size_t)count_of(text, '|') * sizeof(si_locale_rule));
    if (map == NULL || rules == NULL) {
        return false;
    }
    si_str item;
    while (si_str_next(&text, '|', &item)) {
        if (!read_rule(item, arena, &rules[map->count++])) {
            return false;
        }
    }
    map->rules = rules;
    *out = map;
    return true;
}

const si_locale_rule *si_locale_find(const si_locale_map *map, si_str locale) {
    const si_locale_rule *other = NULL;
    for (int i = 0; map != NULL && i < map->count; i++) {
        si_str have = si_str_of(map->rules[i].locale);
        if (have.len == 0) {
            other = other == NULL ? &map->rules[i] : other;
        } else if (si_str_eq_nocase(have, locale)) {
            return &map->rules[i];
        }
    }
    return other;
}

/* Takes one character off the front, plain or percent-encoded. */
static bool take(si_str *s, char c) {
    static const char digits[] = "0123456789abcdef";
    if (s->len > 0 && s->p[0] == c) {
        s->p++;
        s->len--;
        return true;
    }
    if (s->len > 2 && s->p[0] == '%' && s->p[1] == digits[(c >> 4) & 15] &&
        (s->p[2] | 0x20) == (digits[c & 15] | 0x20)) {
        s->p += 3;
        s->len -= 3;
        return true;
    }
    return false;
}

/* Takes "^loc=ID^" off the front. */
static bool take_token(si_str *s, si_str *id) {
    si_str rest = *s;
    if (!take(&rest, '^') || !si_str_starts(rest, SI_STR("loc"))) {
        return false;
    }
    rest.p += 3;
    rest.len -= 3;
    if (!take(&rest, '=')) {
        return false;
    }
    *id = (si_str){rest.p, 0};
    while (rest.len > 0) {
        if (take(&rest, '^')) {
            *s = rest;
            return true;
        }
        rest.p++;
        rest.len--;
        id->len++;
    }
    return false;
}

/* The part of a string that goes with an id, "" being the default's; false if it has none. */
static bool part_of(si_str text, si_str wanted, si_str *out, bool *tokens) {
    si_str id = SI_STR(""), part = {text.p, 0};
    bool found = false;
    *tokens = false;
    for (;;) {
        si_str next = text, next_id;
        bool token = take_token(&next, &next_id);
        if ((token || text.len == 0) && !found && si_str_eq_nocase(id, wanted)) {
            *out = part;
            found = true;
        }
        if (text.len == 0) {
            return found;
        }
        if (token) {
            *tokens = true;
            text = next;
            id = next_id;
            part = (si_str){text.p, 0};
        } else {
            text.p++;
            text.len--;
            part.len++;
        }
    }
}

si_str si_locale_string(const si_locale_map *map, si_str locale, si_str text) {
    si_str part = SI_STR("");
    bool tokens;
    (void)part_of(text, SI_STR(""), &part, &tokens);
    if (map == NULL || !tokens) {
        return text;
    }
    const si_locale_rule *rule = si_locale_find(map, locale);
    for (int i = 0; rule != NULL && i < rule->count; i++) {
        if (part_of(text, si_str_of(rule->values[i]), &part, &tokens)) {
            return part;
        }
    }
    return SI_STR("");
}

/* ---- fields ---- */

/* A field that is being put together anew; localized text is never longer than what it was. */
typedef struct rewrite {
    const si_locale_map *map;
    si_str locale;
    char *out;
    size_t len;
} rewrite;

static void keep(rewrite *w, si_str text) {
    if (text.len > 0) {
        memcpy(w->out + w->len, text.p, text.len);
        w->len += text.len;
    }
}

static void localize(rewrite *w, si_str text) {
    keep(w, si_locale_string(w->map, w->locale, text));
}

/* Moves the first `len` bytes of *text into the result of the call. */
static si_str split(si_str *text, size_t len) {
    si_str head = {text->p, len};
    text->p += len;
    text->len -= len;
    return head;
}

/* Bytes before the first that is one of `stop`, or all of them. */
static size_t until(si_str text, const char *stop) {
    size_t n = 0;
    while (n < text.len && (text.p[n] == '\0' || strchr(stop, text.p[n]) == NULL)) {
        n++;
    }
    return n;
}

/* Whether a property of Targets is a text: target.N.label, target.N.userData. */
static bool is_target_text(si_str name) {
    static const si_str texts[] = {{".label", 6}, {".userdata", 9}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        si_str t = texts[i];
        if (name.len > t.len && si_str_eq_nocase((si_str){name.p + name.len - t.len, t.len}, t)) {
            return true;
        }
    }
    return false;
}

static void localize_properties(rewrite *w, si_str text, bool targets) {
    while (text.len > 0) {
        si_str line = split(&text, until(text, "\r\n"));
        si_str name = split(&line, until(line, "="));
        keep(w, name);
        if (line.len > 0 && (!targets || is_target_text(si_str_trim(name)))) {
            keep(w, split(&line, 1));
            localize(w, line);
        } else {
            keep(w, line);
        }
        size_t end = 0;
        while (end < text.len && (text.p[end] == '\r' || text.p[end] == '\n')) {
            end++;
        }
        keep(w, split(&text, end));
    }
}

/* Whether the text before a quoted value ends with "coords=" or "shape=". */
static bool is_geometry(si_str before) {
    static const si_str names[] = {{"coords=", 7}, {"shape=", 6}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        si_str n = names[i];
        if (before.len >= n.len &&
            si_str_eq_nocase((si_str){before.p + before.len - n.len, n.len}, n)) {
            return true;
        }
    }
    return false;
}

static void localize_areas(rewrite *w, si_str text) {
    while (text.len > 0) {
        si_str before = split(&text, until(text, "\"'"));
        keep(w, before);
        if (text.len == 0) {
            return;
        }
        char quote[2] = {text.p[0], '\0'};
        keep(w, split(&text, 1));
        si_str value = split(&text, until(text, quote));
        if (is_geometry(before)) {
            keep(w, value);
        } else {
            localize(w, value);
        }
        keep(w, split(&text, text.len > 0 ? 1 : 0));
    }
}

static void localize_set(rewrite *w, si_str text) {
    enum { COLOR_LEN = 8 };
    while (text.len > 0) {
        si_str part = split(&text, until(text, ",;:{}()"));
        if (part.len >= COLOR_LEN && si_str_eq_nocase((si_str){part.p, 2}, SI_STR("0x"))) {
            size_t blanks = COLOR_LEN;
            while (blanks < part.len && part.p[blanks] == ' ') {
                blanks++;
            }
            keep(w, split(&part, blanks));
        }
        localize(w, part);
        keep(w, split(&text, text.len > 0 ? 1 : 0));
    }
}

si_str si_locale_apply(
    const si_locale_map *map, si_str locale, si_locale_field field, si_str text, si_arena *arena) {
    rewrite w = {.map = map, .locale = locale};
    if (map == NULL || text.len == 0) {
        return text;
    }
    w.out = si_arena_alloc(arena, text.len + 1);
    if (w.out == NULL) {
        return (si_str){NULL, 0};
    }
    switch (field) {
    case SI_LOCALE_USER_DATA:
    case SI_LOCALE_TARGETS:
        localize_properties(&w, text, field == SI_LOCALE_TARGETS);
        break;
    case SI_LOCALE_MAP:
        localize_areas(&w, text);
        break;
    case SI_LOCALE_IMAGE_SET:
        localize_set(&w, text);
        break;
    }
    return (si_str){w.out, w.len};
}
