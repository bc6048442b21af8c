/* Expressions and substitutions of rules; see rule_expression.h. */
#include "catalog/rule_expression.h"

#include "base/bytes.h"

enum { EXPRESSION_MAX = 65536 /* bytes */ };

/* Java's set operations in character classes mean something else to PCRE2, without an error. */
static bool has_set_operation(si_str e) {
    bool in_class = false;
    for (size_t i = 0; i < e.len; i++) {
        char c = e.p[i], next = i + 1 < e.len ? e.p[i + 1] : '\0';
        if (c == '\\' && next == 'Q') {
            while (i + 1 < e.len && !(e.p[i] == '\\' && e.p[i + 1] == 'E')) {
                i++;
            }
        } else if (c == '\\') {
            i++;
        } else if (!in_class) {
            in_class = c == '[';
        } else if (c == ']') {
            in_class = false;
        } else if ((c == '&' && next == '&') || (c == '[' && next != ':')) {
            return true;
        } else if (c == '[') { /* [:alpha:] */
            while (i + 1 < e.len && !(e.p[i] == ':' && e.p[i + 1] == ']')) {
                i++;
            }
            i++;
        }
    }
    return false;
}

void si_rule_expression_compile(
    si_loading *l, int line, si_str e, si_rule_set *set, si_rule *rule) {
    int error;
    PCRE2_SIZE at;
    if (e.len == 0) {
        return;
    }
    if (e.len > EXPRESSION_MAX || has_set_operation(e)) {
        si_loading_mistake(l, line,
            e.len > EXPRESSION_MAX ? "expression is too long"
                                   : "expression: set operations in character classes "
                                     "([a-z&&[^x]]) are not supported");
        return;
    }
    rule->code = pcre2_compile((PCRE2_SPTR)e.p, e.len,
        PCRE2_ALT_BSUX | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT, &error,
        &at, NULL);
    if (rule->code == NULL) {
        PCRE2_UCHAR why[120];
        pcre2_get_error_message(error, why, sizeof why);
        si_loading_mistake(l, line, "expression: %s at character %zu", (char *)why, at + 1);
        return;
    }
    (void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE); /* slower without */
    uint32_t groups = 0;
    (void)pcre2_pattern_info(rule->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    set->groups = groups > set->groups ? groups : set->groups;
}

/* Adds a piece of text (the bytes so far) or a group to the list. */
static bool add_piece(si_arena *arena, si_rule_piece ***end, const si_bytes *text, int group) {
    si_rule_piece *piece = si_arena_alloc(arena, sizeof *piece);
    if (piece == NULL) {
        return false;
    }
    piece->group = group;
    if (text != NULL) {
        piece->len = text->len;
        piece->text = si_arena_copy(arena, (const char *)text->data, text->len);
        if (piece->text == NULL) {
            return false;
        }
    }
    **end = piece;
    *end = &piece->next;
    return true;
}

/* Reads "1", "12" or "{name}" behind a "$": as many digits as make the number of a group. −1 if
 * there is no such group. */
static int read_group(const si_rule *rule, si_str s, size_t *i) {
    uint32_t count = 0;
    if (rule->code != NULL) {
        (void)pcre2_pattern_info(rule->code, PCRE2_INFO_CAPTURECOUNT, &count);
    }
    if (*i < s.len && s.p[*i] == '{' && rule->code != NULL) {
        const char *close = memchr(s.p + *i, '}', s.len - *i);
        char name[64];
        size_t len = close != NULL ? (size_t)(close - (s.p + *i)) - 1 : sizeof name;
        if (len >= sizeof name) {
            return -1;
        }
        memcpy(name, s.p + *i + 1, len);
        name[len] = '\0';
        *i += len + 2;
        int n = pcre2_substring_number_from_name(rule->code, (PCRE2_SPTR)name);
        return n > 0 ? n : -1;
    }
    if (*i >= s.len || s.p[*i] < '0' || s.p[*i] > '9') {
        return -1;
    }
    uint32_t group = (uint32_t)(s.p[(*i)++] - '0');
    while (*i < s.len && s.p[*i] >= '0' && s.p[*i] <= '9') {
        uint32_t longer = group * 10 + (uint32_t)(s.p[*i] - '0');
        if (longer > count) {
            break;
        }
        group = longer;
        (*i)++;
    }
    return group <= count ? (int)group : -1;
}

bool si_rule_substitution_parse(si_loading *l, int line, si_str s, si_rule *rule) {
    si_rule_piece **end = &rule->pieces;
    si_bytes text = {0};
    bool ok = true;
    rule->substitutes = true;
    for (size_t i = 0; ok && i < s.len;) {
        char c = s.p[i++];
        if (c == '$' && rule->code != NULL) {
            int group = read_group(rule, s, &i);
            if (group < 0) {
                si_loading_mistake(l, line,
                    "substitution: \"$\" names no group of the expression; a \"$\" as such is \\$");
                break;
            }
            ok = (text.len == 0 || add_piece(l->arena, &end, &text, 0)) &&
                 add_piece(l->arena, &end, NULL, group);
            text.len = 0;
            continue;
        }
        if (c == '\\') {
            if (i == s.len) {
                si_loading_mistake(l, line, "substitution ends with a single \"\\\"");
                break;
            }
            c = s.p[i++];
        }
        ok = si_bytes_append(&text, &c, 1);
    }
    if (ok && text.len > 0) {
        ok = add_piece(l->arena, &end, &text, 0);
    }
    si_bytes_free(&text);
    return ok;
}
