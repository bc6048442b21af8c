#include "cli/check/settings.h"

#include <assert.h>
#include <string.h>

#include "cli/config_file.h"
#include "cli/environment.h"

typedef struct reading {
    si_check_settings *settings;
    si_messages *messages;
} reading;

/* The row of an option of `smartimg serve`, −1 = it has none. */
static int row_of(const char *name) {
    for (int i = 0; si_command_serve.options[i].name != NULL; i++) {
        if (strcmp(si_command_serve.options[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static void of_file(void *context, const si_option *option, const char *value, int line) {
    const reading *r = context;
    int row = row_of(option->name);
    if (row < 0) {
        si_messages_add(r->messages, SI_CONFIG_FILE, line,
            "warning: %s: smartimg serve has no such option", option->name);
        return;
    }
    si_check_setting *s = &r->settings->rows[row];
    if (s->value != NULL) {
        si_messages_add(r->messages, SI_CONFIG_FILE, line,
            "warning: %s: line %d, which sets it before, does not count", option->name, s->line);
    }
    *s = (si_check_setting){value, option->name, SI_CONFIG_FILE, line};
}

static void of_file_mistake(void *context, const char *file, int line, const char *text) {
    const reading *r = context;
    si_messages_report(r->messages, file, line, text);
}

static void of_environment(si_check_settings *s, si_messages *messages) {
    for (int i = 0; si_command_serve.options[i].name != NULL; i++) {
        const si_option *o = &si_command_serve.options[i];
        const char *value = si_variable_value(o->name);
        const char *wrong = value != NULL ? si_config_value_wrong(o, value) : NULL;
        if (value != NULL) {
            const si_check_setting own = {
                wrong == NULL ? value : NULL, si_variable_of(o->name, s->variables[i]), NULL, 0};
            s->rows[i] = own;
            if (wrong != NULL) {
                si_messages_mistake(messages, &own, "\"%.60s\" %s", value, wrong);
            }
        }
    }
}

static void unknown(void *context, const char *text) {
    si_messages_add(context, NULL, 0, "warning: %s", text);
}

void si_check_settings_read(si_check_settings *s, const char *root, si_messages *messages) {
    reading r = {s, messages};
    *s = (si_check_settings){0};
    (void)si_config_file_read(messages->folder, of_file, of_file_mistake, &r);
    of_environment(s, messages);
    (void)si_environment_unknown(unknown, messages);
    if (root != NULL) {
        s->rows[row_of("root")] = (si_check_setting){root, "--root", NULL, 0};
    }
}

const si_check_setting *si_check_setting_of(const si_check_settings *s, const char *name) {
    int row = row_of(name);
    assert(row >= 0);
    return &s->rows[row];
}
