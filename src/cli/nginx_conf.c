#include "cli/nginx_conf.h"

#include <string.h>

static const char *value_of(const si_template_value *values, si_str name) {
    for (; values->name != NULL; values++) {
        if (si_str_eq(si_str_of(values->name), name)) {
            return values->value;
        }
    }
    return NULL;
}

/* If `text` begins with @NAME@, gives the name. */
static bool take_name(si_str text, si_str *name) {
    size_t i = 1;
    while (i < text.len && ((text.p[i] >= 'A' && text.p[i] <= 'Z') || text.p[i] == '_')) {
        i++;
    }
    *name = (si_str){text.p + 1, i - 1};
    return i > 1 && i < text.len && text.p[i] == '@';
}

static si_result fill_line(
    si_str line, const si_template_value *values, si_bytes *out, si_diag *diag) {
    while (line.len > 0) {
        const char *at = memchr(line.p, '@', line.len);
        size_t plain = at != NULL ? (size_t)(at - line.p) : line.len;
        if (!si_bytes_append(out, line.p, plain)) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
        }
        line = (si_str){line.p + plain, line.len - plain};
        si_str name;
        if (line.len == 0) {
            break;
        }
        if (!take_name(line, &name)) { /* such as a named location */
            name.len = 0;
        }
        const char *value = name.len > 0 ? value_of(values, name) : "@";
        if (value == NULL) {
            return si_fail(diag, SI_ERR_CONFIG, "the nginx template wants @%.*s@, which is unknown",
                SI_STR_ARG(name));
        }
        if (!si_bytes_append(out, value, strlen(value))) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
        }
        size_t used = name.len > 0 ? name.len + 2 : 1;
        line = (si_str){line.p + used, line.len - used};
    }
    return SI_OK;
}

si_result si_template_fill(
    si_str text, const si_template_value *values, si_bytes *out, si_diag *diag) {
    si_str line;
    while (si_str_next(&text, '\n', &line)) {
        bool comment = si_str_starts(si_str_trim(line), SI_STR("#"));
        SI_TRY(comment ? SI_OK : fill_line(line, values, out, diag));
        if (comment && !si_bytes_append(out, line.p, line.len)) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
        }
        if (text.p != NULL && !si_bytes_append(out, "\n", 1)) {
            return si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
        }
    }
    return SI_OK;
}

const char *si_nginx_word(si_arena *arena, const char *text) {
    if (text[0] != '\0' && strpbrk(text, " \t\r\n\"'\\;{}#") == NULL) {
        return text;
    }
    char *word = si_arena_alloc(arena, 2 * strlen(text) + 3), *w = word;
    if (word == NULL) {
        return NULL;
    }
    *w++ = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            *w++ = '\\';
        }
        *w++ = *text;
    }
    *w++ = '"';
    *w = '\0';
    return word;
}
