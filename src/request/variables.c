#include "base/percent.h"
#include "request/variables.h"

enum { MAX_NAME = 128, MAX_RESULT = 65536 };

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static unsigned bucket_of(si_str name) {
    unsigned h = 0;
    for (size_t i = 0; i < name.len; i++) {
        h = h * 31 + ((unsigned char)name.p[i] | 0x20);
    }
    return h % SI_VARIABLE_BUCKETS;
}

static si_variable *find(const si_variables *vars, si_str name) {
    si_variable *v = vars->buckets[bucket_of(name)];
    while (v != NULL && !si_str_eq_nocase(v->name, name)) {
        v = v->next;
    }
    return v;
}

bool si_variable_define(
    si_variables *vars, si_str name, si_str raw, si_level level, si_arena *arena) {
    si_variable *v = find(vars, name);
    if (v == NULL) {
        v = si_arena_alloc(arena, sizeof *v);
        if (v == NULL) {
            return false;
        }
        si_variable **bucket = &vars->buckets[bucket_of(name)];
        *v = (si_variable){.next = *bucket, .name = name};
        *bucket = v;
        *(vars->first != NULL ? vars->last : &vars->first) = v;
        vars->last = &v->next_defined;
    } else if (v->level > level) {
        return true;
    }
    v->raw = raw;
    v->level = level;
    return true;
}

/* Length of a dollar at `i`, plain or encoded; 0 if there is none. */
static size_t dollar(si_str s, size_t i) {
    if (s.p[i] == '$') {
        return 1;
    }
    return s.len - i >= 3 && s.p[i] == '%' && s.p[i + 1] == '2' && s.p[i + 2] == '4' ? 3 : 0;
}

/* The variable referred to at `i`, where a dollar is; `*len` bytes in all. */
static const si_variable *reference(const si_variables *vars, si_str s, size_t i, size_t *len) {
    size_t start = i + dollar(s, i), end = start;
    while (end < s.len && end - start < MAX_NAME && is_name_char(s.p[end])) {
        end++;
    }
    size_t closes = end < s.len && end > start ? dollar(s, end) : 0;
    *len = end + closes - i;
    return closes > 0 ? find(vars, (si_str){s.p + start, end - start}) : NULL;
}

/* Appends a piece of text, decoded if `decode`. */
static size_t put_text(si_str s, bool decode, char *out) {
    if (!decode) {
        memcpy(out, s.p, s.len);
        return s.len;
    }
    size_t n = si_percent_decode(s, true, out);
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] == SI_QUOTED_DOLLAR ? '$' : out[i];
    }
    return n;
}

/* Appends a value; raw ones with their dollars quoted. */
static size_t put_value(si_str raw, si_insert how, char *out) {
    if (how != SI_INSERT_RAW) {
        return put_text(raw, how != SI_INSERT_REQUEST, out);
    }
    size_t n = 0;
    for (size_t i = 0; i < raw.len; n++) {
        size_t len = dollar(raw, i);
        out[n] = len > 0 ? SI_QUOTED_DOLLAR : raw.p[i];
        i += len > 0 ? len : 1;
    }
    return n;
}

static bool is_plain(si_str raw, si_insert how) {
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.p[i];
        if (c == '$' || c == '%' || c == SI_QUOTED_DOLLAR ||
            (c == '+' && how == SI_INSERT_DECODED)) {
            return false;
        }
    }
    return true;
}

/* Puts the values of references into a text; returns its length. With `out` NULL it only measures:
 * an upper bound. */
static size_t insert_values(const si_variables *vars, si_str raw, si_insert how, char *out) {
    size_t n = 0, text = 0, i = 0;
    while (i <= raw.len) {
        size_t len = 1;
        const si_variable *v = NULL;
        if (i < raw.len) {
            if (dollar(raw, i) == 0) {
                i++;
                continue;
            }
            v = reference(vars, raw, i, &len);
            if (v == NULL) {
                i += dollar(raw, i);
                continue;
            }
        }
        si_str before = {raw.p + text, i - text};
        if (out != NULL) {
            n += put_text(before, how == SI_INSERT_DECODED, out + n);
            n += v != NULL ? put_value(v->raw, how, out + n) : 0;
        } else {
            n += before.len + (v != NULL ? v->raw.len : 0);
        }
        i += len;
        text = i;
    }
    return n;
}

si_result si_variables_expand(const si_variables *vars, si_str raw, si_insert how, si_arena *arena,
    si_str *out, si_diag *diag) {
    *out = raw;
    if (is_plain(raw, how)) {
        return SI_OK;
    }
    size_t size = insert_values(vars, raw, how, NULL);
    if (size > MAX_RESULT) {
        return si_fail(diag, SI_ERR_LIMIT, "a value is too long");
    }
    char *text = si_arena_alloc(arena, size + 1);
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    *out = (si_str){text, insert_values(vars, raw, how, text)};
    return SI_OK;
}
