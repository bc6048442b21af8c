#include "catalog/datafile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"

/* A file that is being taken apart. */
typedef struct scan {
    const si_datafile_reader *reader;
    char *at, *end; /* what is left; quoted fields are shortened in place */
    int line;
    si_datafile_field fields[SI_DATAFILE_COLUMNS];
    int count;      /* fields of the record */
    bool truncated; /* it had more */
} scan;

si_result si_datafile_load(
    int dir_fd, const char *path, size_t most, char **out, size_t *len, si_diag *diag) {
    struct stat st;
    char *text = NULL;
    size_t got = 0;
    ssize_t n = 0;
    si_result result = SI_OK;
    int fd = si_open_beneath(dir_fd, path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        result = si_fail(diag, SI_ERR_IO, "%s: %s", path,
            errno == EXDEV ? "outside of the folder of the company files" : strerror(errno));
        goto done;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > most) {
        result =
            si_fail(diag, SI_ERR_IO, "%s: not a file, or larger than %zu MiB", path, most >> 20);
        goto done;
    }
    text = malloc((size_t)st.st_size + 1);
    if (text == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
        goto done;
    }
    while (got < (size_t)st.st_size && (n = read(fd, text + got, (size_t)st.st_size - got)) > 0) {
        got += (size_t)n;
    }
    if (n < 0) {
        result = si_fail(diag, SI_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    text[got] = '\0';
    *out = text;
    *len = got;
    text = NULL;
done:
    free(text);
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

si_str si_datafile_joined(const si_datafile_field *field, si_arena *arena) {
    si_str rest = field->text, line;
    bool one = !field->quoted || rest.len == 0 ||
               (memchr(rest.p, '\r', rest.len) == NULL && memchr(rest.p, '\n', rest.len) == NULL);
    char *text = one ? NULL : si_arena_alloc(arena, rest.len);
    size_t len = 0;
    if (one || text == NULL) {
        return one ? field->text : (si_str){NULL, 0};
    }
    for (bool first = true; si_str_next_line(&rest, &line); first = false) {
        while (!first && line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
            line.p++;
            line.len--;
        }
        if (line.len > 0) {
            memcpy(text + len, line.p, line.len);
            len += line.len;
        }
    }
    return (si_str){text, len};
}

/* ISO-8859-1 in place of UTF-8, as a new text. */
static char *from_latin1(const char *text, size_t *len) {
    size_t high = 0, n = 0;
    for (size_t i = 0; i < *len; i++) {
        high += (unsigned char)text[i] >= 0x80;
    }
    char *out = malloc(*len + high + 1);
    for (size_t i = 0; out != NULL && i < *len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80) {
            out[n++] = (char)(0xc0 | c >> 6);
            c = 0x80 | (c & 0x3f);
        }
        out[n++] = (char)c;
    }
    *len = n;
    return out;
}

static bool at_line_end(const scan *s) {
    return s->at == s->end || *s->at == '\r' || *s->at == '\n';
}

/* Moves behind CR, LF or CR LF. */
static void skip_line_end(scan *s) {
    if (s->at < s->end && *s->at == '\r') {
        s->at++;
        if (s->at < s->end && *s->at == '\n') {
            s->at++;
        }
    } else if (s->at < s->end) {
        s->at++;
    }
    s->line++;
}

/* A field in double quotes, which may hold tabs and line ends; doubled quotes stand for one. */
static si_datafile_field quoted_field(scan *s) {
    char *start = ++s->at, *to = start;
    int line = s->line;
    bool closed = false;
    while (s->at < s->end && !closed) {
        char c = *s->at++;
        if (c == '"' && s->at < s->end && *s->at == '"') {
            s->at++;
        } else if (c == '"') {
            closed = true;
            continue;
        } else if (c == '\n' || (c == '\r' && (s->at == s->end || *s->at != '\n'))) {
            s->line++;
        }
        *to++ = c;
    }
    if (!closed) {
        s->reader->mistake(s->reader->report_context, line, "quotes are opened and never closed");
    } else if (!at_line_end(s) && *s->at != '\t') {
        s->reader->mistake(s->reader->report_context, s->line, "text behind closing quotes");
        while (!at_line_end(s) && *s->at != '\t') {
            s->at++;
        }
    }
    return (si_datafile_field){{start, (size_t)(to - start)}, true};
}

static si_datafile_field plain_field(scan *s) {
    char *start = s->at;
    while (!at_line_end(s) && *s->at != '\t') {
        s->at++;
    }
    return (si_datafile_field){{start, (size_t)(s->at - start)}, false};
}

/* Takes one record apart; false at the end of the file. */
static bool next_record(scan *s, int *line) {
    s->count = 0;
    s->truncated = false;
    if (s->at == s->end) {
        return false;
    }
    *line = s->line;
    for (;;) {
        si_datafile_field f = s->at < s->end && *s->at == '"' ? quoted_field(s) : plain_field(s);
        if (s->count < SI_DATAFILE_COLUMNS) {
            s->fields[s->count++] = f;
        } else {
            s->truncated = true;
        }
        if (at_line_end(s)) {
            break;
        }
        s->at++; /* the tab */
    }
    skip_line_end(s);
    return true;
}

static bool record_is_empty(const scan *s) {
    return s->count == 1 && s->fields[0].text.len == 0;
}

/* The header record; false if no record can be read after it. */
static bool read_columns(scan *s, si_str *names) {
    const si_datafile_reader *r = s->reader;
    int line;
    if (!next_record(s, &line) || s->truncated) {
        r->mistake(r->report_context, 1,
            s->truncated ? "too many columns" : "a data file begins with the names of its columns");
        return false;
    }
    for (int i = 0; i < s->count; i++) {
        names[i] = s->fields[i].text;
        if (names[i].len == 0 || memchr(names[i].p, ' ', names[i].len) != NULL) {
            r->mistake(
                r->report_context, line, "a column without a name, or a name with a blank in it");
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (si_str_eq_nocase(names[i], names[j])) {
                r->mistake(r->report_context, line, "two columns of the same name");
                return false;
            }
        }
    }
    r->columns(r->context, s->count, names);
    return true;
}

static void read_records(scan *s) {
    const si_datafile_reader *r = s->reader;
    si_str names[SI_DATAFILE_COLUMNS];
    if (!read_columns(s, names)) {
        return;
    }
    int columns = s->count, line;
    while (next_record(s, &line)) {
        if (record_is_empty(s)) {
            continue;
        }
        if (s->count > columns || s->truncated) {
            r->mistake(r->report_context, line, "more fields than columns");
            continue;
        }
        for (int i = s->count; i < columns; i++) {
            s->fields[i] = (si_datafile_field){{"", 0}, false};
        }
        r->record(r->context, line, columns, s->fields);
    }
}

/* Whether bytes above 127 are well-formed UTF-8, as far as it takes to guess. */
static bool looks_like_utf8(const char *text, size_t len) {
    bool any = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c >= 0x80 && (c < 0xc2 || c > 0xf4 || len - i <= (size_t)more)) {
            return false;
        }
        for (int k = 0; k < more; k++) {
            if (((unsigned char)text[++i] & 0xc0) != 0x80) {
                return false;
            }
            any = true;
        }
    }
    return any;
}

si_result si_datafile_read(
    int dir_fd, const char *path, const si_datafile_reader *reader, si_diag *diag) {
    char *text = NULL;
    size_t len = 0;
    SI_TRY(si_datafile_load(dir_fd, path, SI_DATAFILE_MAX, &text, &len, diag));
    si_result result = SI_OK;
    scan *s = calloc(1, sizeof *s);
    bool marked = si_str_starts((si_str){text, len}, SI_STR("\xEF\xBB\xBF"));
    if (!marked) {
        if (looks_like_utf8(text, len)) {
            reader->warning(reader->report_context, 1,
                "warning: this looks like UTF-8, but without a byte order mark (EF BB BF) it is "
                "read as ISO-8859-1");
        }
        char *converted = from_latin1(text, &len);
        free(text);
        text = converted;
    }
    if (s == NULL || text == NULL) {
        result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
    } else if (memchr(text, '\0', len) != NULL) {
        reader->mistake(reader->report_context, 1, "NUL bytes; this is no data file");
    } else {
        s->reader = reader;
        s->at = text + (marked ? 3 : 0);
        s->end = text + len;
        s->line = 1;
        read_records(s);
    }
    free(s);
    free(text);
    return result;
}
