#include "cli/report/report_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/report/report_json.h"

/* The first line, to be freed; NULL if memory runs out. */
static char *first_line(const si_report_settings *settings) {
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL) {
        return NULL;
    }
    fputs("{\"smartimg_report\":1,\"settings\":", to);
    si_report_json_settings(to, settings);
    fputs("}\n", to);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Takes over a line of the file, without its line end. */
static bool take(si_report_list *list, char *line) {
    const char *url;
    si_report_result result;
    if (!si_report_json_read(line, &url, &result)) {
        return false;
    }
    si_report_row *row = si_report_list_find(list, url);
    if (row == NULL) {
        return false;
    }
    bool new = row->result.status == 0;
    row->result = result;
    return new;
}

/* Reads all whole lines and leaves the file at their end. */
static si_result read_lines(FILE *f, const char *path, const char *expected, si_report_list *list,
    int *filled, si_diag *diag) {
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    off_t end = 0;
    si_result result = SI_OK;
    while ((len = getline(&line, &room, f)) > 0 && line[len - 1] == '\n') {
        if (end == 0 && strcmp(line, expected) != 0) {
            result = si_fail(diag, SI_ERR_CONFIG,
                "%s belongs to a report with other settings, or to something else", path);
            goto done;
        }
        line[len - 1] = '\0';
        *filled += end > 0 && take(list, line);
        end += len;
    }
    if (end == 0 && len > 0 && strncmp(line, expected, (size_t)len) != 0) {
        result = si_fail(diag, SI_ERR_CONFIG, "%s is no state file of a report", path);
        goto done;
    }
    if (ferror(f) || fseeko(f, end, SEEK_SET) != 0 || ftruncate(fileno(f), end) != 0 ||
        (end == 0 && (fputs(expected, f) == EOF || fflush(f) != 0))) {
        result = si_fail(diag, SI_ERR_IO, "cannot use %s: %s", path, strerror(errno));
    }
done:
    free(line);
    return result;
}

FILE *si_report_state_open(const char *path, const si_report_settings *settings,
    si_report_list *list, int *filled, si_diag *diag) {
    si_result result;
    *filled = 0;
    FILE *f = fopen(path, "a+e"); /* made if missing, never emptied before it is looked at */
    char *expected = first_line(settings);
    if (f == NULL || expected == NULL) {
        result = si_fail(diag, SI_ERR_IO, "cannot use %s: %s", path, strerror(errno));
    } else if (flock(fileno(f), LOCK_EX | LOCK_NB) != 0) {
        result = si_fail(diag, SI_ERR_CONFIG, "%s is in use by another report", path);
    } else {
        rewind(f);
        result = read_lines(f, path, expected, list, filled, diag);
    }
    free(expected);
    if (f != NULL && result != SI_OK) {
        fclose(f);
        f = NULL;
    }
    return f;
}

bool si_report_state_add(FILE *state, const si_report_row *row) {
    si_report_json_row(state, row);
    putc('\n', state);
    return fflush(state) == 0;
}
