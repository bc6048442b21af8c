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
