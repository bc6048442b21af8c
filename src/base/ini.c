#include "base/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

/* Reads a whole file of bounded size. */
static si_result read_file(int dir_fd, const char *path, si_bytes *out, si_diag *diag) {
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return si_fail(diag, SI_ERR_IO, "%s: %s", path, strerror(errno));
    }
    si_result result = SI_OK;
    char chunk[8192];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            result = si_fail(diag, SI_ERR_IO, "%s: %s", path, strerror(errno));
        } else if (n > 0 && out->len + (size_t)n > SI_INI_MAX_FILE) {
            result = si_fail(diag, SI_ERR_IO, "%s: larger than 64 MiB", path);
        } else if (n > 0 && !si_bytes_append(out, chunk, (size_t)n)) {
            result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
        }
        if (n <= 0 || result != SI_OK) {
            break;
        }
    }
    close(fd);
    return result;
}

/* Takes the backslash off a line that goes on with the next one. */
static bool goes_on(si_str *line) {
    if (line->len == 0 || line->p[line->len - 1] != '\\') {
        return false;
    }
    line->len--;
    return true;
}

/* A file under way. A setting is told when the next one begins, since its value may go on. */
typedef struct ini_reader {
    si_ini_setting setting;
    si_ini_mistake mistake;
    void *context;
    si_str section, name; /* name.p == NULL: no setting is open */
    si_bytes value;
    int line, start; /* of what is read, and where the open setting began */
    bool continued;  /* the line before ended with a backslash */
} ini_reader;

static void tell_setting(ini_reader *in) {
    if (in->name.p != NULL) {
        in->setting(in->context, in->section, in->name,
            (si_str){(char *)in->value.data, in->value.len}, in->start);
        in->name.p = NULL;
    }
}

static bool append_value(ini_reader *in, si_str text) {
    return text.len == 0 || si_bytes_append(&in->value, text.p, text.len);
}

/* A line, trimmed, that begins something. False if there is no memory. */
static bool begin(ini_reader *in, si_str line) {
    tell_setting(in);
    const char *equals = memchr(line.p, '=', line.len);
    if (line.len > 0 && line.p[0] == '[') {
        if (line.p[line.len - 1] != ']') {
            in->mistake(in->context, in->line, "section header without \"]\"");
            return true;
        }
        in->section = si_str_trim((si_str){line.p + 1, line.len - 2});
        return true;
    }
    if (equals == NULL || equals == line.p) {
        in->mistake(in->context, in->line, "expected \"name = value\"");
        return true;
    }
    in->start = in->line;
    in->name = si_str_trim((si_str){line.p, (size_t)(equals - line.p)});
    in->value.len = 0;
    return append_value(
        in, si_str_trim((si_str){equals + 1, (size_t)(line.p + line.len - equals - 1)}));
}

/* False if there is no memory. */
static bool read_line(ini_reader *in, si_str line) {
    in->line++;
    if (line.len > 0 && memchr(line.p, '\0', line.len) != NULL) {
        in->mistake(in->context, in->line, "NUL byte in a text file");
        return true;
    }
    bool more = in->continued || (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'));
    bool empty = si_str_trim(line).len == 0;
    bool comment = !in->continued && !empty && strchr("#;", si_str_trim(line).p[0]) != NULL;
    in->continued = !comment && goes_on(&line);
    line = si_str_trim(line);
    if (empty || comment || (line.len == 0 && !more)) {
        in->continued = in->continued && more;
        return true;
    }
    if (more && in->name.p != NULL) {
        return append_value(in, line);
    }
    return begin(in, line);
}

si_result si_ini_read(int dir_fd, const char *path, si_ini_setting setting, si_ini_mistake mistake,
    void *context, si_diag *diag) {
    ini_reader in = {
        .setting = setting, .mistake = mistake, .context = context, .section = SI_STR("")};
    si_bytes file = {0};
    si_result result = read_file(dir_fd, path, &file, diag);
    si_str rest = {file.data != NULL ? (const char *)file.data : "", file.len}, line;
    if (si_str_starts(rest, SI_STR("\xEF\xBB\xBF"))) { /* byte order mark */
        rest.p += 3;
        rest.len -= 3;
    }
    while (result == SI_OK && si_str_next_line(&rest, &line)) {
        if (!read_line(&in, line)) {
            result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
        }
    }
    if (result == SI_OK) {
        tell_setting(&in);
    }
    si_bytes_free(&in.value);
    si_bytes_free(&file);
    return result;
}
