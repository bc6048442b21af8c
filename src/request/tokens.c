#include "base/percent.h"
#include "request/tokens.h"

/* +1 for an opening bracket, −1 for a closing one, 0 for anything else. `*len` bytes long. */
static int bracket(si_str s, size_t i, size_t *len) {
    *len = 1;
    switch (s.p[i]) {
    case '(':
    case '{':
        return 1;
    case ')':
    case '}':
        return -1;
    case '%':
        break;
    default:
        return 0;
    }
    if (s.len - i < 3) {
        return 0;
    }
    char low = (char)(s.p[i + 2] | 0x20);
    int kind = s.p[i + 1] == '2' && low == '8'   ? 1
               : s.p[i + 1] == '2' && low == '9' ? -1
               : s.p[i + 1] == '7' && low == 'b' ? 1
               : s.p[i + 1] == '7' && low == 'd' ? -1
                                                 : 0;
    *len = kind != 0 ? 3 : 1;
    return kind;
}

/* Length of the word before the first bracket, if that is one of a nested request; else −1. */
static int prefix_length(si_str value) {
    static const char *const words[] = {"", "is", "ir", "fxg"};
    for (int i = 0; i < 4; i++) {
        size_t len = strlen(words[i]), ignored;
        if (value.len > len && si_str_eq_nocase((si_str){value.p, len}, si_str_of(words[i])) &&
            bracket(value, len, &ignored) == 1) {
            return (int)len;
        }
    }
    return -1;
}

/* Index behind the bracket that closes the one at `from`, and where that one is; 0 if there is
 * none. */
static size_t closing(si_str s, size_t from, size_t *at) {
    int depth = 0;
    size_t len;
    for (size_t i = from; i < s.len; i += len) {
        depth += bracket(s, i, &len);
        if (depth == 0) {
            *at = i;
            return i + len;
        }
    }
    return 0;
}

si_nesting si_token_nested(si_str value, si_str *prefix, si_str *inner) {
    int word = prefix_length(value);
    if (word < 0) {
        return SI_NESTING_NONE;
    }
    size_t open, close = 0;
    (void)bracket(value, (size_t)word, &open);
    size_t end = closing(value, (size_t)word, &close);
    if (end != value.len) {
        return SI_NESTING_UNMATCHED;
    }
    size_t start = (size_t)word + open;
    *prefix = (si_str){value.p, (size_t)word};
    *inner = (si_str){value.p + start, close - start};
    return SI_NESTING_WHOLE;
}

/* What a value may hold beside plain text. */
typedef enum holds {
    TEXT_ONLY,
    NESTED,          /* a nested request or a set */
    NESTED_OR_OTHER, /* of a variable: one of these, or text that has brackets */
} holds;

static holds nests(si_str name) {
    static const si_str names[] = {{"src", 3}, {"mask", 4}, {"imageset", 8}};
    bool variable =
        (name.len > 1 && name.p[0] == '$') || (name.len > 3 && memcmp(name.p, "%24", 3) == 0);
    for (int i = 0; i < 3; i++) {
        if (si_str_eq_nocase(name, names[i])) {
            return NESTED;
        }
    }
    return variable ? NESTED_OR_OTHER : TEXT_ONLY;
}

/* Length of the first item of a query that is not empty. */
static size_t item_length(si_str s) {
    const char *and = memchr(s.p, '&', s.len);
    size_t plain = and != NULL ? (size_t)(and-s.p) : s.len;
    const char *equals = memchr(s.p, '=', plain);
    size_t name = equals != NULL ? (size_t)(equals - s.p) : 0;
    holds kind = equals != NULL ? nests((si_str){s.p, name}) : TEXT_ONLY;
    if (kind == TEXT_ONLY) {
        return plain;
    }
    si_str value = {equals + 1, s.len - name - 1};
    int word = prefix_length(value);
    size_t close, end = word >= 0 ? closing(value, (size_t)word, &close) : 0;
    if (word < 0 || (end == 0 && kind == NESTED_OR_OTHER)) {
        return plain;
    }
    size_t skip = end > 0 ? name + 1 + end : s.len; /* unmatched: to the end, then an error */
    and = skip < s.len ? memchr(s.p + skip, '&', s.len - skip) : NULL;
    return and != NULL ? (size_t)(and-s.p) : s.len;
}

/* The name of an item, decoded if need be. */
static bool decode_name(si_str *name, si_arena *arena) {
    if (memchr(name->p, '%', name->len) == NULL) {
        return true;
    }
    char *text = si_arena_alloc(arena, name->len);
    if (text == NULL) {
        return false;
    }
    *name = (si_str){text, si_percent_decode(*name, false, text)};
    return true;
}

static void classify(bool has_value, si_token *t) {
    bool dollar = t->name.len > 1 && t->name.p[0] == '$';
    bool closed = dollar && t->name.len > 2 && t->name.p[t->name.len - 1] == '$';
    t->kind = has_value ? SI_TOKEN_COMMAND : SI_TOKEN_BARE;
    has_value = has_value && (!closed || t->value.len > 0); /* "$name$=" of URL builders */
    if (has_value && dollar && !closed) {
        t->kind = SI_TOKEN_VARIABLE;
        t->name = (si_str){t->name.p + 1, t->name.len - 1};
    } else if (!has_value && closed) {
        t->kind = SI_TOKEN_PRESET;
        t->name = (si_str){t->name.p + 1, t->name.len - 2};
    }
}

bool si_token_next(si_str *query, si_arena *arena, si_token *out, bool *out_of_memory) {
    while (query->len > 0) {
        si_str item = {query->p, query->p[0] == '&' ? 0 : item_length(*query)};
        size_t skip = item.len < query->len ? item.len + 1 : item.len;
        query->p += skip;
        query->len -= skip;
        if (item.len == 0 || item.p[0] == '.') {
            continue;
        }
        const char *equals = memchr(item.p, '=', item.len);
        out->name = (si_str){item.p, equals != NULL ? (size_t)(equals - item.p) : item.len};
        out->value =
            equals != NULL ? (si_str){equals + 1, item.len - out->name.len - 1} : (si_str){NULL, 0};
        if (!decode_name(&out->name, arena)) {
            *out_of_memory = true;
            return false;
        }
        if (out->name.len > 0) {
            classify(equals != NULL, out);
            return true;
        }
    }
    return false;
}

si_str si_token_set(si_str value) {
    si_str prefix, inner;
    return si_token_nested(value, &prefix, &inner) == SI_NESTING_WHOLE && prefix.len == 0 ? inner
                                                                                          : value;
}
