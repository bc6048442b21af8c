#include "cli/config_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/ini.h"

static const char file_name[] = "smartimg.ini";

enum { ROWS_MAX = 96 };

/* What was applied at the start, by row of the command's table: NULL = not in the file. */
static struct {
    const si_command *command;
    bool given[ROWS_MAX];
    const char *values[ROWS_MAX];
} applied;

struct reading {
    const si_command *command; /* NULL: only check */
    const bool *given;
    const char **values; /* by row, to be noted; NULL: to be stored as well */
    si_catalog_report report;
    void *context;
    int mistakes;
};

static void mistake(void *context, int line, const char *text) {
    struct reading *r = context;
    r->mistakes++;
    if (r->report != NULL) {
        r->report(r->context, file_name, line, text);
    }
}

/* The row of an option in a command's table, or −1. "config" names the folder itself. */
static int find_row(const si_command *command, si_str name) {
    for (int i = 0; command->options != NULL && command->options[i].name != NULL; i++) {
        const si_option *o = &command->options[i];
        if (o->kind != SI_OPTION_LIST && si_str_eq(name, si_str_of(o->name)) &&
            strcmp(o->name, "config") != 0) {
            return i;
        }
    }
    return -1;
}

/* The option of that name of any command that keeps running; NULL if there is none. */
static const si_option *find_anywhere(si_str name) {
    static const si_command *const servers[] = {&si_command_serve, &si_command_renderer};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        int row = find_row(servers[i], name);
        if (row >= 0) {
            return &servers[i]->options[row];
        }
    }
    return NULL;
}

static si_arena values; /* until the process ends */

static const char *store(const si_option *option, si_str value, bool check_only) {
    union {
        bool flag;
        const char *text;
        int count;
        int64_t bytes;
    } scratch;
    si_option_parsed own;
    si_option o = *option;
    if (check_only) {
        if (o.kind == SI_OPTION_PARSED) {
            own = (si_option_parsed){((const si_option_parsed *)o.target)->parse, &scratch};
        }
        o.target = o.kind == SI_OPTION_PARSED ? (void *)&own : (void *)&scratch;
    }
    if (o.kind == SI_OPTION_FLAG) {
        return si_str_flag(value, o.target) ? NULL : "is neither 0 nor 1";
    }
    const char *text = si_arena_copy(&values, value.p, value.len);
    return text == NULL ? "does not fit into memory" : si_option_store(&o, text);
}

static void setting(void *context, si_str section, si_str name, si_str value, int line) {
    struct reading *r = context;
    char text[200];
    const si_option *known = section.len == 0 ? find_anywhere(name) : NULL;
    if (known == NULL) {
        snprintf(text, sizeof text, "there is no setting \"%.*s\"%s",
            (int)(name.len > 60 ? 60 : name.len), name.p,
            section.len > 0 ? " in a section; settings stand before any" : "");
        mistake(r, line, text);
        return;
    }
    const char *wrong = store(known, value, true);
    if (wrong != NULL) {
        snprintf(text, sizeof text, "%s: \"%.*s\" %s", known->name,
            (int)(value.len > 60 ? 60 : value.len), value.len > 0 ? value.p : "", wrong);
        mistake(r, line, text);
        return;
    }
    int row = r->command != NULL ? find_row(r->command, name) : -1;
    if (row >= 0 && row < ROWS_MAX && !r->given[row]) {
        const char *copy = si_arena_copy(&values, value.p, value.len);
        if (r->values != NULL) {
            r->values[row] = copy;
        } else {
            applied.values[row] = copy;
            (void)store(&r->command->options[row], value, false);
        }
    }
}

static int read_settings(struct reading *r, const char *folder) {
    si_diag diag = {0};
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return 0; /* whoever needs the folder complains */
    }
    if (faccessat(dir, file_name, F_OK, 0) == 0 &&
        si_ini_read(dir, file_name, setting, mistake, r, &diag) != SI_OK) {
        mistake(r, 1, diag.text);
    }
    close(dir);
    return r->mistakes;
}

int si_config_file_apply(const si_command *command, const bool *given, const char *folder,
    si_catalog_report report, void *context) {
    struct reading r = {.command = command, .given = given, .report = report, .context = context};
    applied.command = command;
    for (int i = 0; i < ROWS_MAX && command->options[i].name != NULL; i++) {
        applied.given[i] = given[i];
    }
    return read_settings(&r, folder);
}

int si_config_file_changes(const char *folder, char *out, size_t size) {
    const char *now[ROWS_MAX] = {NULL};
    struct reading r = {.command = applied.command, .given = applied.given, .values = now};
    int changes = 0;
    size_t len = 0;
    out[0] = '\0';
    if (applied.command == NULL) {
        return 0;
    }
    (void)read_settings(&r, folder);
    for (int i = 0; i < ROWS_MAX && applied.command->options[i].name != NULL; i++) {
        const char *before = applied.values[i];
        bool same =
            before == NULL || now[i] == NULL ? before == now[i] : strcmp(before, now[i]) == 0;
        if (!same && len < size) {
            int n = snprintf(out + len, size - len, "%s%s", changes > 0 ? ", " : "",
                applied.command->options[i].name);
            len += (size_t)n;
        }
        changes += !same;
    }
    return changes;
}

int si_config_file_check(const char *folder, si_catalog_report report, void *context) {
    struct reading r = {.report = report, .context = context};
    return read_settings(&r, folder);
}
