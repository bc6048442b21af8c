#include "cli/environment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "base/wire.h"
#include "cli/option_values.h"

static const char prefix[] = "SMARTIMG_";

enum { PREFIX = sizeof prefix - 1 };

/* What is no option: variables of the program, then those of tools and tests, which find it in
 * their own environment. */
static const char *const others[] = {SI_ENV_CALIBRATION, SI_ENV_CONF_DIR, SI_ENV_MODULE,
    SI_ENV_PRELOAD, SI_ENV_WEB_DIR, SI_ENV_PURGE_TOKEN, "SMARTIMG_AOM", "SMARTIMG_BUILD",
    "SMARTIMG_CACHE_DIR", "SMARTIMG_DRAWN", "SMARTIMG_KEEP", "SMARTIMG_LINK", "SMARTIMG_NGINX",
    "SMARTIMG_SHARED", "SMARTIMG_SOURCE_ROOT", "SMARTIMG_STORM", "SMARTIMG_TEST_SLOT"};

const char *si_variable_of(const char *option, char out[SI_VARIABLE_MAX]) {
    size_t len = (size_t)snprintf(out, SI_VARIABLE_MAX, "%s%s", prefix, option);
    assert(len < SI_VARIABLE_MAX);
    for (char *c = out + PREFIX; *c != '\0'; c++) {
        *c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    }
    return out;
}

const char *si_variable_value(const char *option) {
    char name[SI_VARIABLE_MAX];
    const char *value = getenv(si_variable_of(option, name));
    return value != NULL && value[0] != '\0' ? value : NULL;
}

int si_environment_apply(const si_command *command, bool *given) {
    int mistakes = 0;
    for (int i = 0; command->options[i].name != NULL; i++) {
        const si_option *o = &command->options[i];
        const char *value = given[i] ? NULL : si_variable_value(o->name);
        const char *wrong = value != NULL ? si_server_option_store(o, value) : NULL;
        given[i] |= value != NULL;
        if (wrong != NULL) {
            char name[SI_VARIABLE_MAX];
            si_complain("%s: \"%.60s\" %s", si_variable_of(o->name, name), value, wrong);
            mistakes++;
        }
    }
    return mistakes;
}

/* ---- names that nobody reads ---- */

static bool is_option(const char *name) {
    char own[SI_VARIABLE_MAX];
    for (int i = 0; si_server_commands[i] != NULL; i++) {
        for (const si_option *o = si_server_commands[i]->options; o->name != NULL; o++) {
            if (strcmp(si_variable_of(o->name, own), name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What Kubernetes and Docker set in each container beside a service whose name begins with
 * smartimg: SMARTIMG_SERVICE_HOST, SMARTIMG_PORT_8080_TCP and the like. */
static bool is_of_service(const char *name) {
    const char *port = strstr(name, "_PORT");
    return strstr(name, "_SERVICE_HOST") != NULL || strstr(name, "_SERVICE_PORT") != NULL ||
           (port != NULL && (port[5] == '\0' || port[5] == '_'));
}

static bool is_known(const char *name) {
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(others[i], name) == 0) {
            return true;
        }
    }
    return is_option(name) || is_of_service(name);
}

/* The option's variable that was meant, or "". */
static const char *nearest(const char *name, char out[SI_VARIABLE_MAX]) {
    si_nearest near;
    char own[SI_VARIABLE_MAX];
    si_nearest_to(&near, si_str_of(name + PREFIX));
    for (int i = 0; si_server_commands[i] != NULL; i++) {
        for (const si_option *o = si_server_commands[i]->options; o->name != NULL; o++) {
            si_nearest_offer(&near, si_str_of(si_variable_of(o->name, own) + PREFIX));
        }
    }
    snprintf(out, SI_VARIABLE_MAX, "%s%.50s", near.name[0] != '\0' ? prefix : "", near.name);
    return out;
}

int si_environment_unknown(void (*tell)(void *context, const char *text), void *context) {
    int count = 0;
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        char name[200], text[400], meant[SI_VARIABLE_MAX];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
        if (strncmp(name, prefix, PREFIX) == 0 && !is_known(name)) {
            nearest(name, meant);
            snprintf(text, sizeof text, "%s is no option%s%s%s", name,
                meant[0] != '\0' ? "; did you mean " : "", meant, meant[0] != '\0' ? "?" : "");
            tell(context, text);
            count++;
        }
    }
    return count;
}
