#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check/parts.h"
#include "picture/seal.h"
#include "process/confine.h"

/* ---- users ---- */

/* The user of --user; NULL = none is named, or there is no such one. */
static struct passwd *find_user(si_looking *l) {
    const si_check_setting *user = si_looking_of(l, "user");
    struct passwd *p = user->value != NULL ? getpwnam(user->value) : NULL;
    if (user->value != NULL && p == NULL) {
        si_messages_mistake(l->messages, user, "there is no user %s", user->value);
    } else if (p != NULL && p->pw_uid == 0) {
        si_messages_mistake(l->messages, user, "nginx does not run as root");
        p = NULL;
    }
    l->starter = geteuid() == 0 || p == NULL || p->pw_uid == geteuid();
    return p;
}

/* ---- files that the server reads ---- */

/* False if a file that is to be read at the start cannot be, or is no file. */
static bool is_file(si_looking *l, const si_check_setting *s, struct stat *st) {
    int fd = open(s->value, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = errno;
    bool opened = fd >= 0 && fstat(fd, st) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (!opened && error == EACCES && !l->starter) {
        return false; /* whoever starts the server may */
    }
    if (!opened) {
        si_messages_mistake(l->messages, s, "cannot read %s: %s", s->value, strerror(error));
    } else if (!S_ISREG(st->st_mode)) {
        si_messages_mistake(l->messages, s, "%s is no file", s->value);
    }
    return opened && S_ISREG(st->st_mode);
}

static void check_tls(si_looking *l) {
    const si_check_setting *listen = si_looking_of(l, "tls-listen"),
                           *certificate = si_looking_of(l, "tls-cert"),
                           *key = si_looking_of(l, "tls-key");
    struct stat st;
    if ((certificate->value == NULL) != (key->value == NULL)) {
        si_messages_mistake(l->messages, certificate->value != NULL ? certificate : key,
            "tls-cert and tls-key go together");
        return;
    }
    if (certificate->value == NULL) {
        return;
    }
    if (listen->value == NULL) {
        si_messages_warning(
            l->messages, certificate, "nobody is served with it without tls-listen");
    }
    bool certificate_there = is_file(l, certificate, &st), key_there = is_file(l, key, &st);
    if (certificate_there && key_there) {
        si_check_certificate(certificate, key, l->messages);
    }
}

static void check_seal_key(si_looking *l) {
    const si_check_setting *key = si_looking_of(l, "seal-key");
    struct stat st;
    if (key->value != NULL && is_file(l, key, &st) && st.st_size < SI_SEAL_KEY) {
        si_messages_mistake(
            l->messages, key, "%s has less than %d bytes", key->value, (int)SI_SEAL_KEY);
    }
}

/* ---- files that it writes ---- */

/* The folder around a path, in `out`. */
static void parent_of(const char *path, char out[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? 0 : slash == path ? 1 : (int)(slash - path);
    snprintf(out, PATH_MAX, "%.*s", len > 0 ? len : 1, len > 0 ? path : ".");
}

/* A log is made if it is not there, its folder is not. */
static void check_log(si_looking *l, const char *name) {
    const si_check_setting *log = si_looking_of(l, name);
    char folder[PATH_MAX];
    struct stat st;
    if (log->value == NULL) {
        return;
    }
    parent_of(log->value, folder);
    if (strchr(log->value, '$') != NULL) {
        si_messages_mistake(l->messages, log, "the path of a log must not hold $");
    } else if (stat(folder, &st) != 0) {
        si_messages_mistake(l->messages, log, "folder %s: %s", folder, strerror(errno));
    } else if (stat(log->value, &st) == 0 && S_ISDIR(st.st_mode)) {
        si_messages_mistake(l->messages, log, "%s is a folder", log->value);
    } else if (l->starter && faccessat(AT_FDCWD, log->value, F_OK, AT_EACCESS) == 0
                   ? faccessat(AT_FDCWD, log->value, W_OK, AT_EACCESS) != 0
                   : l->starter && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        si_messages_mistake(
            l->messages, log, "%s cannot be written to: %s", log->value, strerror(errno));
    }
}

/* The cache's folder is made, with all around it. */
static void check_cache(si_looking *l) {
    const si_check_setting *cache = si_looking_of(l, "cache");
    char folder[PATH_MAX], around[PATH_MAX];
    struct stat st;
    if (cache->value == NULL) {
        return;
    }
    snprintf(folder, sizeof folder, "%s", cache->value);
    while (stat(folder, &st) != 0 && errno == ENOENT && strcmp(folder, "/") != 0) {
        parent_of(folder, around);
        if (strcmp(around, folder) == 0) {
            break;
        }
        memcpy(folder, around, sizeof folder);
    }
    if (stat(folder, &st) != 0) {
        si_messages_mistake(l->messages, cache, "%s: %s", folder, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        si_messages_mistake(l->messages, cache, "%s is no folder", folder);
    } else if (l->starter && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        si_messages_mistake(
            l->messages, cache, "folder %s cannot be written to: %s", folder, strerror(errno));
    }
}

/* ---- images ---- */

/* Opens files as the user from now on that the server opens originals as, if it will. */
static bool become(si_looking *l, const struct passwd *p) {
    if (p == NULL || geteuid() != 0) {
        return true;
    }
    if (!si_open_files_as(p->pw_name, p->pw_uid, p->pw_gid)) {
        si_messages_add(l->messages, NULL, 0, "warning: cannot look at files as user %s: %s",
            p->pw_name, strerror(errno));
        return false;
    }
    return true;
}

static void check_root(si_looking *l, const struct passwd *p) {
    const si_check_setting *root = si_looking_of(l, "root");
    struct stat st;
    if (root->value == NULL) {
        return;
    }
    if (stat(root->value, &st) != 0) {
        si_messages_mistake(l->messages, root, "folder %s: %s", root->value, strerror(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        si_messages_mistake(l->messages, root, "%s is no folder", root->value);
    } else if (l->starter && faccessat(AT_FDCWD, root->value, R_OK | X_OK, AT_EACCESS) != 0) {
        si_messages_mistake(l->messages, root, "%s%s%s cannot be read: %s", root->value,
            p != NULL ? ", for user " : "", p != NULL ? p->pw_name : "", strerror(errno));
    }
}

/* ---- settings that go together ---- */

/* What a count is set to, or its default. */
static long count_of(const si_looking *l, const char *name) {
    const si_check_setting *s = si_looking_of(l, name);
    return s->value != NULL ? strtol(s->value, NULL, 10) : si_check_initial_of(name)->number;
}

static void check_losses(si_looking *l) {
    const si_check_setting *good = si_looking_of(l, "network-good-loss"),
                           *poor = si_looking_of(l, "network-poor-loss");
    if (count_of(l, "network-poor-loss") < count_of(l, "network-good-loss")) {
        si_messages_mistake(l->messages, poor->value != NULL ? poor : good,
            "network-poor-loss is less than network-good-loss");
    }
}

void si_check_machine(const si_check_settings *settings, si_messages *messages) {
    si_looking l = {.settings = settings, .messages = messages};
    const struct passwd *p = find_user(&l);
    check_losses(&l);
    check_tls(&l);
    check_seal_key(&l);
    check_log(&l, "access-log");
    check_log(&l, "error-log");
    check_cache(&l);
    si_check_fleet(&l);
    if (become(&l, p)) {
        check_root(&l, p);
    }
}
