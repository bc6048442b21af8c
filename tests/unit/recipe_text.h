/* Looking into canonical recipe texts in tests. */
#ifndef SI_TESTS_RECIPE_TEXT_H
#define SI_TESTS_RECIPE_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Length of an item, `key=value` or `key=(…)`, up to the "&" or ")" behind it. */
static inline size_t recipe_item(const char *at) {
    int depth = 0;
    size_t i = 0;
    for (; at[i] != '\0'; i++) {
        if ((at[i] == '&' || at[i] == ')') && depth == 0) {
            break;
        }
        depth += at[i] == '(' ? 1 : at[i] == ')' ? -1 : 0;
    }
    return i;
}

/* The value at a path of keys, such as "pic.layer#1.size": "#" picks the one of several items that
 * begins with n= that number (without it, the first). A file's value is its path alone. "" if there
 * is none; `out` needs 4096 bytes. Returns out. */
static inline const char *recipe_field(const char *text, const char *path, char *out) {
    out[0] = '\0';
    size_t depth = strlen(path);
    bool file = depth >= 4 && strcmp(path + depth - 4, "file") == 0;
    const char *at = strchr(text, '&');
    while (at != NULL && *path != '\0') {
        size_t key = strcspn(path, "#."), whole = strcspn(path, ".");
        char number[32] = "";
        if (path[key] == '#') {
            snprintf(number, sizeof number, "(n=%.*s", (int)(whole - key - 1), path + key + 1);
        }
        const char *found = NULL;
        while (found == NULL && (*at == '&' || *at == '(')) {
            const char *item = at + 1;
            if (strncmp(item, path, key) == 0 && item[key] == '=' &&
                strncmp(item + key + 1, number, strlen(number)) == 0 &&
                (number[0] == '\0' || strchr("&)", item[key + 1 + strlen(number)]) != NULL)) {
                found = item + key + 1;
            }
            at = item + recipe_item(item);
        }
        at = found;
        path += whole;
        path += *path == '.';
    }
    if (at != NULL) {
        size_t len = recipe_item(at);
        snprintf(out, 4096, "%.*s", (int)len, at);
        if (file) {
            out[strcspn(out, ",")] = '\0';
        }
    }
    return out;
}

#endif
