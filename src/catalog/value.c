#include "catalog/value.h"

#include <time.h>

#include "base/color.h"

bool si_value_read_BOOL(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    return si_str_switch(text, out);
}

bool si_value_read_INT(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)arena;
    long n;
    if (!si_str_int(text, &n) || n < limits.min || n > limits.max) {
        return false;
    }
    *(int *)out = (int)n;
    return true;
}

bool si_value_read_REAL(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)arena;
    double n;
    if (!si_str_real(text, &n) || n < limits.min || n > limits.max) {
        return false;
    }
    *(double *)out = n;
    return true;
}

bool si_value_read_PAIR(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    si_value_PAIR *pair = out;
    si_str w;
    return si_str_next(&text, ',', &w) && text.p != NULL &&
           si_value_read_INT(si_str_trim(w), limits, arena, &pair->w) &&
           si_value_read_INT(si_str_trim(text), limits, arena, &pair->h);
}

bool si_value_read_QUALITY(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    si_value_QUALITY *q = out;
    si_str number;
    q->chroma_full = false;
    return si_str_next(&text, ',', &number) &&
           si_value_read_INT(si_str_trim(number), limits, arena, &q->quality) &&
           (text.p == NULL || si_str_flag(si_str_trim(text), &q->chroma_full));
}

/* "0x" may stand before any packed colour in a catalog, before grey ones in commands.
 */
bool si_value_read_COLOR(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    si_color color;
    if (!si_color_parse(text, &color)) {
        return false;
    }
    *(uint32_t *)out = si_color_rgb(&color);
    return true;
}

bool si_value_read_RESMODE(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    /* the enum of ResMode (1 sharp, 2 bilin, 3 bicub, 4 sharp2), or a name */
    static const struct {
        const char *name;
        int mode;
    } modes[] = {{"1", 2}, {"2", 0}, {"3", 1}, {"4", 2}, {"bilin", 0}, {"bicub", 1}, {"sharp2", 2},
        {"bisharp", 3}, {"sharp", 2}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (si_str_eq_nocase(text, si_str_of(modes[i].name))) {
            *(int *)out = modes[i].mode;
            return true;
        }
    }
    return false;
}

bool si_value_read_TEXT(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits;
    const char *copy = "";
    if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL) {
        return false;
    }
    if (text.len > 0 && (copy = si_arena_copy(arena, text.p, text.len)) == NULL) {
        return false; /* what was there stays: a text is never NULL */
    }
    *(const char **)out = copy;
    return true;
}

bool si_value_read_HEADER(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    return (text.len == 0 || si_str_is_field_name(text)) &&
           si_value_read_TEXT(text, limits, arena, out);
}

/* Lines become those that end with CR LF; "??" parts lines, too, if `marks` says so. */
static bool read_lines(
    si_str text, bool marks, si_value_limits limits, si_arena *arena, void *out) {
    if (text.len == 0) {
        return si_value_read_TEXT(text, limits, arena, out);
    }
    char *copy = si_arena_alloc(arena, text.len * 2 + 1);
    if (copy == NULL || memchr(text.p, '\0', text.len) != NULL) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i], next = i + 1 < text.len ? text.p[i + 1] : '\0';
        bool pair = (marks && c == '?' && next == '?') || (c == '\r' && next == '\n');
        if (pair || c == '\r' || c == '\n') {
            copy[n++] = '\r';
            copy[n++] = '\n';
            i += pair;
        } else {
            copy[n++] = c;
        }
    }
    *(const char **)out = copy;
    return true;
}

bool si_value_read_PROPERTIES(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    return read_lines(text, true, limits, arena, out);
}

bool si_value_read_QUOTED_PROPERTIES(
    si_str text, si_value_limits limits, si_arena *arena, void *out) {
    return read_lines(text, false, limits, arena, out);
}

bool si_value_read_LIST(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    si_value_LIST *list = out;
    *list = (si_value_LIST){0};
    text = si_str_trim(text);
    if (text.len == 0) {
        return true;
    }
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.p[i] == ',';
    }
    const char **items = si_arena_alloc(arena, room * sizeof *items);
    si_str part;
    while (items != NULL && si_str_next(&text, ',', &part)) {
        part = si_str_trim(part);
        if (part.len == 0 || !si_value_read_TEXT(part, limits, arena, &items[list->count++])) {
            return false;
        }
    }
    list->items = items;
    return items != NULL;
}

bool si_value_read_RATIOS(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    si_value_RATIOS *list = out;
    (void)arena;
    *list = (si_value_RATIOS){0};
    si_str rest = si_str_trim(text), part;
    if (rest.len == 0) {
        return true;
    }
    while (si_str_next(&rest, ',', &part)) {
        double ratio, least = list->count > 0 ? list->at[list->count - 1] : 0;
        if (list->count == SI_VALUE_RATIOS_MAX || !si_str_real(si_str_trim(part), &ratio) ||
            ratio < limits.min || ratio > limits.max || ratio <= least) {
            return false;
        }
        list->at[list->count++] = ratio;
    }
    return true;
}

/* Takes digits off the front, up to `most` of them. */
static bool take_number(si_str *s, int most, int *out) {
    int digits = 0;
    *out = 0;
    while (digits < most && s->len > 0 && s->p[0] >= '0' && s->p[0] <= '9') {
        *out = *out * 10 + (s->p[0] - '0');
        s->p++;
        s->len--;
        digits++;
    }
    return digits > 0;
}

static bool take_char(si_str *s, char c) {
    if (s->len == 0 || s->p[0] != c) {
        return false;
    }
    s->p++;
    s->len--;
    return true;
}

/* Seconds east of Greenwich: a name, or "GMT" with an offset such as -7, -0700 or +05:30. */
static bool read_zone(si_str s, long *seconds) {
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"", 0}, {"Z", 0}, {"GMT", 0}, {"UTC", 0}, {"EST", -5}, {"EDT", -4}, {"CST", -6},
        {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}, {"CET", 1}, {"CEST", 2},
        {"EET", 2}, {"EEST", 3}, {"BST", 1}, {"JST", 9}};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (si_str_eq_nocase(s, si_str_of(zones[i].name))) {
            *seconds = zones[i].hours * 3600L;
            return true;
        }
    }
    if (s.len > 3 && si_str_eq_nocase((si_str){s.p, 3}, SI_STR("GMT"))) {
        s = si_str_trim((si_str){s.p + 3, s.len - 3});
    }
    bool west = s.len > 0 && s.p[0] == '-';
    if (!west && (s.len == 0 || s.p[0] != '+')) {
        return false;
    }
    s = si_str_trim((si_str){s.p + 1, s.len - 1});
    int hours, minutes = 0;
    if (!take_number(&s, 2, &hours) ||
        (s.len > 0 && ((void)take_char(&s, ':'), !take_number(&s, 2, &minutes))) || s.len > 0 ||
        hours > 14 || minutes > 59) {
        return false;
    }
    *seconds = (west ? -1 : 1) * (hours * 3600L + minutes * 60L);
    return true;
}

bool si_value_read_DATE(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    text = si_str_trim(text);
    *(int64_t *)out = 0;
    long ms;
    if (text.len == 0) {
        return true;
    }
    if (memchr(text.p, '/', text.len) == NULL) {
        bool ok = si_str_int(text, &ms) && ms >= 0;
        *(int64_t *)out = ok ? ms : 0;
        return ok;
    }
    struct tm t = {0};
    long zone;
    if (!take_number(&text, 2, &t.tm_mon) || !take_char(&text, '/') ||
        !take_number(&text, 2, &t.tm_mday) || !take_char(&text, '/') ||
        !take_number(&text, 4, &t.tm_year) || !take_char(&text, ' ') ||
        !take_number(&text, 2, &t.tm_hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, &t.tm_min) || !take_char(&text, ':') ||
        !take_number(&text, 2, &t.tm_sec) || !read_zone(si_str_trim(text), &zone) || t.tm_mon < 1 ||
        t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_year < 1970 || t.tm_hour > 23 ||
        t.tm_min > 59 || t.tm_sec > 60) {
        return false;
    }
    t.tm_mon -= 1;
    t.tm_year -= 1900;
    *(int64_t *)out = ((int64_t)timegm(&t) - zone) * 1000;
    return true;
}

bool si_value_read_ADDRESSES(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits;
    return si_address_filter_read(text, arena, out);
}

bool si_value_read_LOCALES(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits;
    return si_locale_map_read(text, arena, out);
}

/* An empty list after "exclude:" is every class; after "include:", or without a word, none. */
bool si_value_read_CLASSES(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    static const char *const names[] = {"SVG", "IS", "STATIC", "FXG", "FLA", "IR_VNT", "IR_MAT"};
    enum { COUNT = sizeof names / sizeof *names, ALL = (1 << COUNT) - 1 };
    bool exclude = false;
    unsigned set = 0;
    const char *colon = text.len > 0 ? memchr(text.p, ':', text.len) : NULL;
    if (colon != NULL) {
        si_str word = si_str_trim((si_str){text.p, (size_t)(colon - text.p)});
        exclude = si_str_eq_nocase(word, SI_STR("exclude"));
        if (!exclude && !si_str_eq_nocase(word, SI_STR("include"))) {
            return false;
        }
        text = (si_str){colon + 1, text.len - (size_t)(colon + 1 - text.p)};
    }
    text = si_str_trim(text);
    si_str part;
    while (text.len > 0 && si_str_next(&text, ',', &part)) {
        int i = 0;
        while (i < COUNT && !si_str_eq_nocase(si_str_trim(part), si_str_of(names[i]))) {
            i++;
        }
        if (i == COUNT) {
            return false;
        }
        set |= 1u << i;
    }
    *(unsigned *)out = exclude ? ALL & ~set : set;
    return true;
}

bool si_value_read_ASSET(si_str text, si_value_limits limits, si_arena *arena, void *out) {
    (void)limits, (void)arena;
    static const char *const names[] = {
        "", "MEDIASET", "SPINSET", "SPINSET2D", "VIDEOSET", "IMAGESET", "ECATALOG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (si_str_eq_nocase(text, si_str_of(names[i]))) {
            *(int *)out = (int)i;
            return true;
        }
    }
    return false;
}

bool si_value_set(const si_value_field *field, si_str text, si_arena *arena, void *base) {
    return field->read(text, field->limits, arena, (char *)base + field->offset);
}

si_str si_value_unquote(si_str text, si_arena *arena) {
    char quote = text.len > 1 ? text.p[0] : '\0';
    if ((quote != '"' && quote != '\'') || text.p[text.len - 1] != quote) {
        return text;
    }
    char *copy = si_arena_alloc(arena, text.len);
    size_t n = 0;
    for (size_t i = 1; copy != NULL && i < text.len - 1; i++) {
        if (text.p[i] == quote) {
            i++;
            if (i >= text.len - 1 || text.p[i] != quote) {
                return text; /* quotes inside that are not doubled: 'a','b' */
            }
        }
        copy[n++] = text.p[i];
    }
    return copy != NULL ? (si_str){copy, n} : text;
}
