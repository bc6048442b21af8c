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

si_result si_ini_read(int dir_fd, const char *path, si_ini_setting setting, si_ini_mistake mistake,
    void *context, si_diag *diag) {
    si_bytes file = {0}, value = {0};
    si_result result = read_file(dir_fd, path, &file, diag);
    if (result != SI_OK) {
        goto done;
    }
    si_str rest = {file.data != NULL ? (const char *)file.data : "", file.len};
    if (si_str_starts(rest, SI_STR("\xEF\xBB\xBF"))) { /* byte order mark */
        rest.p += 3;
        rest.len -= 3;
    }
    si_str section = SI_STR(""), name = {NULL, 0}, line;
    int number = 0, start = 0;
    bool continued = false;
    while (si_str_next_line(&rest, &line)) {
        number++;
        if (line.len > 0 && memchr(line.p, '\0', line.len) != NULL) {
            mistake(context, number, "NUL byte in a text file");
            continue;
        }
        bool more = continued || (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'));
        bool empty = si_str_trim(line).len == 0;
        bool comment = !continued && !empty && strchr("#;", si_str_trim(line).p[0]) != NULL;
        continued = !comment && goes_on(&line);
        line = si_str_trim(line);
        if (empty || comment || (line.len == 0 && !more)) {
            continued = continued && more;
            continue;
        }
        if (more && name.p != NULL) {
            if (line.len > 0 && !si_bytes_append(&value, line.p, line.len)) {
                result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
                goto done;
            }
            continue;
        }
        if (name.p != NULL) {
            setting(context, section, name, (si_str){(char *)value.data, value.len}, start);
            name.p = NULL;
        }
        const char *equals = memchr(line.p, '=', line.len);
        if (line.p[0] == '[') {
            if (line.p[line.len - 1] != ']') {
                mistake(context, number, "section header without \"]\"");
                continue;
            }
            section = si_str_trim((si_str){line.p + 1, line.len - 2});
        } else if (equals == NULL || equals == line.p) {
            mistake(context, number, "expected \"name = value\"");
        } else {
            start = number;
            name = si_str_trim((si_str){line.p, (size_t)(equals - line.p)});
            si_str v = si_str_trim((si_str){equals + 1, (size_t)(line.p + line.len - equals - 1)});
            value.len = 0;
            if (!si_bytes_append(&value, v.len > 0 ? v.p : "", v.len)) {
                result = si_fail(diag, SI_ERR_MEMORY, "%s: out of memory", path);
                goto done;
            }
        }
    }
    if (name.p != NULL) {
        setting(context, section, name, (si_str){(char *)value.data, value.len}, start);
    }
done:
    si_bytes_free(&value);
    si_bytes_free(&file);
    return result;
}
