#include "cli/report/report_list.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/percent.h"
#include "base/str.h"
#include "catalog/extensions.h"
#include "cli/report/report_json_line.h"

enum { LINE_MAX_BYTES = 16384, SLOTS_FIRST = 1024 };
#define URLS_LIMIT ((size_t)2 << 30) /* bytes of all URLs */

/* ---- rows ---- */

static uint64_t hash_of(const char *url) {
    uint64_t h = si_hash64(SI_HASH64_START, url, strlen(url));
    return h ^ h >> 32;
}

/* The slot of a URL, or the free one where it belongs. */
static int *slot_of(const si_report_list *list, const char *url) {
    size_t mask = (size_t)list->slot_count - 1;
    size_t i = (size_t)hash_of(url) & mask;
    while (list->slots[i] != 0 && strcmp(list->rows[list->slots[i] - 1].url, url) != 0) {
        i = (i + 1) & mask;
    }
    return &list->slots[i];
}

static bool grow(si_report_list *list) {
    if (list->count == list->room) {
        int room = list->room == 0 ? SLOTS_FIRST / 2 : list->room * 2;
        si_report_row *rows =
            room < INT_MAX / 4 ? realloc(list->rows, (size_t)room * sizeof *rows) : NULL;
        if (rows == NULL) {
            return false;
        }
        list->rows = rows;
        list->room = room;
    }
    if (list->count * 2 >= list->slot_count) {
        int count = list->slot_count == 0 ? SLOTS_FIRST : list->slot_count * 2;
        int *slots = calloc((size_t)count, sizeof *slots);
        if (slots == NULL) {
            return false;
        }
        free(list->slots);
        list->slots = slots;
        list->slot_count = count;
        for (int i = 0; i < list->count; i++) {
            *slot_of(list, list->rows[i].url) = i + 1;
        }
    }
    return true;
}

static si_result add_row(si_report_list *list, const char *url, si_diag *diag) {
    list->arena.limit = URLS_LIMIT;
    if (!grow(list)) {
        return si_fail(diag, SI_ERR_MEMORY, "too many URLs for this machine's memory");
    }
    list->requests++;
    int *slot = slot_of(list, url);
    if (*slot != 0) {
        list->rows[*slot - 1].requests++;
        return SI_OK;
    }
    const char *copy = si_arena_copy(&list->arena, url, strlen(url));
    if (copy == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "too many URLs for this machine's memory");
    }
    list->rows[list->count] = (si_report_row){.url = copy, .requests = 1};
    *slot = ++list->count;
    return SI_OK;
}

si_report_row *si_report_list_find(const si_report_list *list, const char *url) {
    int slot = list->slot_count > 0 ? *slot_of(list, url) : 0;
    return slot != 0 ? &list->rows[slot - 1] : NULL;
}

void si_report_list_free(si_report_list *list) {
    for (int i = 0; i < list->count; i++) {
        si_bytes_free(&list->rows[i].pictures[SI_REPORT_REQUESTED].file);
        si_bytes_free(&list->rows[i].pictures[SI_REPORT_SENT].file);
    }
    free(list->rows);
    free(list->slots);
    si_arena_free(&list->arena);
    *list = (si_report_list){0};
}

/* ---- URLs ---- */

/* Length of "scheme://host" at the start of a URL, 0 if there is none. */
static size_t origin_length(si_str url) {
    size_t i = 0;
    while (i < url.len && url.p[i] != ':' && url.p[i] != '/' && url.p[i] != '?') {
        i++;
    }
    if (i == 0 || i + 3 > url.len || memcmp(url.p + i, "://", 3) != 0) {
        return 0;
    }
    i += 3;
    while (i < url.len && url.p[i] != '/' && url.p[i] != '?' && url.p[i] != '#') {
        i++;
    }
    return i;
}

/* Adds path and query of a URL of at most LINE_MAX_BYTES, with more query behind it. */
static si_result add_url(si_report_list *list, si_str url, const char *query, si_diag *diag) {
    const char *hash = memchr(url.p, '#', url.len);
    si_str rest = {url.p, hash != NULL ? (size_t)(hash - url.p) : url.len};
    size_t skip = origin_length(rest);
    rest.p += skip;
    rest.len -= skip;
    char *text = malloc(3 * (rest.len + strlen(query)) + 2);
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    char *end = si_percent_encode(rest, "\"<>", text);
    if (query[0] != '\0') {
        *end++ = memchr(rest.p, '?', rest.len) != NULL ? '&' : '?';
        si_percent_encode(si_str_of(query), "\"<>#", end);
    }
    si_result result = add_row(list, text, diag);
    free(text);
    return result;
}

/* ---- lines ---- */

/* Undoes the escapes of log files, \xHH (nginx) and \" (Apache), in place. */
static si_str unescape(char *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char hex[3] = "";
        if (p[i] == '\\' && i + 3 < len && p[i + 1] == 'x') {
            memcpy(hex, p + i + 2, 2);
            char *end;
            long v = strtol(hex, &end, 16);
            if (end == hex + 2) {
                p[n++] = (char)v;
                i += 3;
                continue;
            }
        }
        i += p[i] == '\\' && i + 1 < len;
        p[n++] = p[i];
    }
    return (si_str){p, n};
}

/* The request in quotes and the status behind it, of a line of an access log. False if there is no
 * such thing. */
static bool find_request(char *line, size_t len, si_str *method, si_str *target, int *status) {
    char *open = memchr(line, '"', len);
    if (open == NULL) {
        return false;
    }
    char *close = open + 1, *end = line + len;
    while (close < end && *close != '"') {
        close += *close == '\\' && close + 1 < end ? 2 : 1;
    }
    if (close >= end || sscanf(close + 1, " %3d", status) != 1) {
        return false;
    }
    si_str request = unescape(open + 1, (size_t)(close - open - 1));
    return si_str_next(&request, ' ', method) && si_str_next(&request, ' ', target) &&
           method->len > 0 && target->len > 0;
}

static bool wanted(si_str method, si_str target, int status) {
    size_t skip = origin_length(target);
    si_str path = {target.p + skip, target.len - skip};
    while (
        path.len > 1 && path.p[1] == '/') { /* doubled slashes are one; further on there are few */
        path = (si_str){path.p + 1, path.len - 1};
    }
    return (si_str_eq(method, SI_STR("GET")) || si_str_eq(method, SI_STR("HEAD"))) &&
           (status == 200 || status == 206 || status == 304) &&
           si_str_starts(path, SI_STR("/is/image/"));
}

static si_result add_line(
    si_report_list *list, char *line, size_t len, const char *query, si_diag *diag) {
    si_str text = si_str_trim((si_str){line, len}), method, target;
    int status = 0;
    if (text.len == 0 || text.p[0] == '#') {
        return SI_OK;
    }
    if (len > LINE_MAX_BYTES || memchr(line, '\0', len) != NULL) {
        list->unreadable++;
        return SI_OK;
    }
    if (text.p[0] == '/' || origin_length(text) > 0) {
        return add_url(list, text, query, diag);
    }
    bool found = text.p[0] == '{' ? si_report_json_line(line, len, &method, &target, &status)
                                  : find_request(line, len, &method, &target, &status);
    if (!found) {
        list->unreadable++;
        return SI_OK;
    }
    if (!wanted(method, target, status)) {
        list->not_images++;
        return SI_OK;
    }
    return add_url(list, target, query, diag);
}

si_result si_report_list_read(
    si_report_list *list, const char *path, const char *query, si_diag *diag) {
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (from == NULL) {
        return si_fail(diag, SI_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    si_result result = SI_OK;
    while (result == SI_OK && (len = getline(&line, &room, from)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
            line[--len] = '\0';
        }
        result = add_line(list, line, (size_t)len, query, diag);
    }
    if (result == SI_OK && ferror(from)) {
        result = si_fail(diag, SI_ERR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    free(line);
    if (from != stdin) {
        fclose(from);
    }
    return result;
}

/* ---- folders ---- */

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_image(const FTSENT *e) {
    si_str name = {e->fts_name, e->fts_namelen};
    return e->fts_info == FTS_F && si_extension_strip(name).len < name.len;
}

/* Adds a request for a file, given by its path below the root. */
static si_result add_file(
    si_report_list *list, const char *path, const char *query, si_diag *diag) {
    static const char prefix[] = "/is/image/";
    char *text = malloc(sizeof prefix + 3 * (strlen(path) + strlen(query)) + 1);
    if (text == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "out of memory");
    }
    memcpy(text, prefix, sizeof prefix);
    char *end = si_percent_encode(si_str_of(path), "\"<>?#%&", text + sizeof prefix - 1);
    if (query[0] != '\0') {
        *end++ = '?';
        si_percent_encode(si_str_of(query), "\"<>#", end);
    }
    si_result result = add_row(list, text, diag);
    free(text);
    return result;
}

static si_result add_folder(
    si_report_list *list, char *folder, size_t root_len, const char *query, si_diag *diag) {
    char *paths[] = {folder, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (tree == NULL) {
        return si_fail(diag, SI_ERR_IO, "cannot read folder %s: %s", folder, strerror(errno));
    }
    si_result result = SI_OK;
    const FTSENT *e;
    while (result == SI_OK && (e = fts_read(tree)) != NULL) {
        if (e->fts_level > 0 && e->fts_name[0] == '.') {
            fts_set(tree, (FTSENT *)(uintptr_t)e, FTS_SKIP);
        } else if (e->fts_info == FTS_DNR) {
            result = si_fail(
                diag, SI_ERR_IO, "cannot read folder %s: %s", e->fts_path, strerror(e->fts_errno));
        } else if (is_image(e)) {
            result = add_file(list, e->fts_path + root_len + 1, query, diag);
        }
    }
    fts_close(tree);
    return result;
}

si_result si_report_list_folder(
    si_report_list *list, const char *root, const char *folder, const char *query, si_diag *diag) {
    char *base = realpath(root, NULL), *start = realpath(folder, NULL);
    si_result result = SI_OK;
    if (base == NULL || start == NULL) {
        result = si_fail(diag, SI_ERR_IO, "cannot read folder %s: %s", base == NULL ? root : folder,
            strerror(errno));
    } else {
        size_t len = strcmp(base, "/") == 0 ? 0 : strlen(base);
        if (strncmp(start, base, len) != 0 || (start[len] != '/' && start[len] != '\0')) {
            result =
                si_fail(diag, SI_ERR_FORBIDDEN, "%s is not below the root folder %s", folder, root);
        } else {
            result = add_folder(list, start, len, query, diag);
        }
    }
    free(base);
    free(start);
    return result;
}
