#include "fleet/hook.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/percent.h"
#include "catalog/extensions.h"
#include "process/supervise.h"

enum { FILE_MAX = 64 * 1024, PRINTED = 200, POLL_MS = 20 };

struct si_hook {
    char *text;
    int counts[SI_INVALIDATION_KINDS];
    const char *words[SI_INVALIDATION_KINDS][SI_HOOK_WORDS]; /* in `text` */
};

/* ---- the file ---- */

/* The kind of a line "[kind]", or −1. */
static int section_of(si_str line) {
    for (int i = 0; i < SI_INVALIDATION_KINDS; i++) {
        const char *name = si_invalidation_kind_name((si_invalidation_kind)i);
        size_t len = strlen(name);
        if (line.len == len + 2 && line.p[0] == '[' && line.p[len + 1] == ']' &&
            memcmp(line.p + 1, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

/* Whether what stands in braces is known. */
static bool is_known(si_str name) {
    return si_str_eq(name, SI_STR("object")) || si_str_eq(name, SI_STR("company")) ||
           si_str_eq(name, SI_STR("unique")) ||
           (si_str_starts(name, SI_STR("env:")) && name.len > 4);
}

/* Takes the next {name} of a word: what is before it, and the name; p == NULL if there is no more.
 * Braces with anything but letters, digits, colons and underscores in them are text. */
static void next_name(si_str *rest, si_str *before, si_str *name) {
    for (size_t at = 0; at < rest->len; at++) {
        size_t end = at + 1;
        while (rest->p[at] == '{' && end < rest->len &&
               (rest->p[end] == ':' || rest->p[end] == '_' ||
                   (rest->p[end] >= 'a' && rest->p[end] <= 'z') ||
                   (rest->p[end] >= 'A' && rest->p[end] <= 'Z') ||
                   (rest->p[end] >= '0' && rest->p[end] <= '9'))) {
            end++;
        }
        if (rest->p[at] == '{' && end < rest->len && rest->p[end] == '}' && end > at + 1) {
            *before = (si_str){rest->p, at};
            *name = (si_str){rest->p + at + 1, end - at - 1};
            *rest = (si_str){rest->p + end + 1, rest->len - end - 1};
            return;
        }
    }
    *before = *rest;
    *name = (si_str){NULL, 0};
    *rest = (si_str){NULL, 0};
}

static bool names_are_known(const char *word) {
    si_str rest = si_str_of(word), before, name;
    do {
        next_name(&rest, &before, &name);
        if (name.p != NULL && !is_known(name)) {
            return false;
        }
    } while (rest.p != NULL);
    return true;
}

static si_result add_line(si_hook *h, si_str line, int *section, si_diag *diag) {
    if (line.len == 0 || line.p[0] == '#') {
        return SI_OK;
    }
    if (section_of(line) >= 0) {
        *section = section_of(line);
        return SI_OK;
    }
    if (*section < 0) {
        return si_fail(diag, SI_ERR_CONFIG, "a word before [object], [company] or [all]");
    }
    if (h->counts[*section] == SI_HOOK_WORDS - 1) {
        return si_fail(diag, SI_ERR_CONFIG, "more than %d words", SI_HOOK_WORDS - 1);
    }
    char *word = (char *)(uintptr_t)line.p; /* in h->text */
    word[line.len] = '\0';
    if (!names_are_known(word)) {
        return si_fail(diag, SI_ERR_CONFIG,
            "a name in braces that is none of {object}, {company}, {unique} and {env:NAME}");
    }
    h->words[*section][h->counts[*section]++] = word;
    return SI_OK;
}

static si_result parse(si_hook *h, const char *file, si_diag *diag) {
    int section = -1, number = 0;
    for (char *at = h->text, *end; at != NULL; at = end) {
        si_diag why = {0};
        end = strchr(at, '\n');
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        end = end != NULL ? end + 1 : NULL;
        number++;
        if (add_line(h, si_str_trim((si_str){at, len}), &section, &why) != SI_OK) {
            return si_fail(diag, SI_ERR_CONFIG, "%s:%d: %s", file, number, why.text);
        }
    }
    return h->counts[SI_INVALIDATION_ALL] > 0
               ? SI_OK
               : si_fail(diag, SI_ERR_CONFIG, "%s: there is no command in [all]", file);
}

si_result si_hook_read(const char *file, si_hook **out, si_diag *diag) {
    si_hook *h = calloc(1, sizeof *h);
    FILE *f = fopen(file, "re");
    si_result result = SI_ERR_IO;
    int error = errno;
    *out = NULL;
    if (h != NULL && f != NULL && (h->text = calloc(1, FILE_MAX + 1)) != NULL) {
        size_t n = fread(h->text, 1, FILE_MAX, f);
        result = n < FILE_MAX && strlen(h->text) == n
                     ? parse(h, file, diag)
                     : si_fail(diag, SI_ERR_CONFIG, "%s is not a hook", file);
    } else {
        (void)si_fail(diag, SI_ERR_IO, "cannot read the hook %s: %s", file, strerror(error));
    }
    if (f != NULL) {
        fclose(f);
    }
    if (result != SI_OK) {
        si_hook_free(h);
        return result;
    }
    *out = h;
    return SI_OK;
}

void si_hook_free(si_hook *h) {
    if (h != NULL) {
        free(h->text);
        free(h);
    }
}

/* ---- words ---- */

static bool append_encoded(si_bytes *out, si_str name) {
    static const char plain[] = "-._~/";
    bool good = true;
    for (size_t i = 0; i < name.len && good; i++) {
        unsigned char c = (unsigned char)name.p[i];
        char code[3];
        bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr(plain, c) != NULL);
        if (kept) {
            good = si_bytes_append(out, &name.p[i], 1);
        } else {
            si_percent_encode_byte(c, code);
            good = si_bytes_append(out, code, 3);
        }
    }
    return good;
}

static bool append_unique(si_bytes *out) {
    uint64_t random = 0;
    char text[20];
    (void)!getrandom(&random, sizeof random, 0);
    int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)random);
    return si_bytes_append(out, text, (size_t)n);
}

static si_result append_value(
    si_bytes *out, si_str name, const si_invalidation *what, si_diag *diag) {
    si_str object = si_str_of(what->name), rest = object, company;
    (void)si_str_next(&rest, '/', &company);
    bool good;
    if (si_str_eq(name, SI_STR("object"))) {
        good = append_encoded(out, si_extension_strip(object));
    } else if (si_str_eq(name, SI_STR("company"))) {
        good = append_encoded(out, company);
    } else if (si_str_eq(name, SI_STR("unique"))) {
        good = append_unique(out);
    } else {
        char variable[200];
        snprintf(variable, sizeof variable, "%.*s", (int)(name.len - 4), name.p + 4);
        const char *value = getenv(variable);
        if (value == NULL) {
            return si_fail(
                diag, SI_ERR_CONFIG, "the hook wants the variable %s in the environment", variable);
        }
        good = si_bytes_append(out, value, strlen(value));
    }
    return good ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for a hook");
}

static si_result make_word(
    const char *word, const si_invalidation *what, char **out, si_diag *diag) {
    si_str rest = si_str_of(word), before, name;
    si_bytes text = {0};
    si_result result = SI_OK;
    do {
        next_name(&rest, &before, &name);
        if (!si_bytes_append(&text, before.p, before.len)) {
            result = si_fail(diag, SI_ERR_MEMORY, "no memory for a hook");
        } else if (name.p != NULL) {
            result = append_value(&text, name, what, diag);
        }
    } while (result == SI_OK && rest.p != NULL);
    *out = NULL;
    if (result == SI_OK) {
        *out = si_bytes_append(&text, "", 1) ? strdup((const char *)text.data) : NULL;
        result = *out != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for a hook");
    }
    si_bytes_free(&text);
    return result;
}

void si_hook_words_free(char **words) {
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

si_result si_hook_words(const si_hook *h, const si_invalidation *what, char ***out, si_diag *diag) {
    int section = (int)what->kind;
    while (h->counts[section] == 0) {
        section++; /* wider; the widest is never empty */
        assert(section < SI_INVALIDATION_KINDS);
    }
    char **words = calloc(SI_HOOK_WORDS + 1, sizeof *words);
    si_result result = SI_OK;
    *out = NULL;
    if (words == NULL) {
        return si_fail(diag, SI_ERR_MEMORY, "no memory for a hook");
    }
    for (int i = 0; i < h->counts[section] && result == SI_OK; i++) {
        result = make_word(h->words[section][i], what, &words[i], diag);
    }
    if (result != SI_OK) {
        si_hook_words_free(words);
        words = NULL;
    }
    *out = words;
    return result;
}

/* ---- runs ---- */

static _Noreturn void execute(char **words, int out) {
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;
    assert(words != NULL && words[0] != NULL);
    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        dup2(out, STDERR_FILENO) >= 0) {
        execvp(words[0], words);
    }
    dprintf(STDERR_FILENO, "%s: %s", words[0], strerror(errno));
    _exit(127);
}

/* Reads what the command prints until it ends or its time is over; keeps the beginning. */
static bool read_until_end(int in, int64_t until, char printed[PRINTED]) {
    size_t len = 0;
    char piece[512];
    for (;;) {
        struct pollfd p = {.fd = in, .events = POLLIN};
        int ready = poll(&p, 1, si_until_ms(until));
        ssize_t n = ready > 0 ? read(in, piece, sizeof piece) : -1;
        if (ready == 0 || n == 0) {
            return n == 0;
        }
        for (ssize_t i = 0; i < n && len < PRINTED - 1; i++) {
            unsigned char c = (unsigned char)piece[i];
            printed[len++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
        }
        printed[len] = '\0';
        if (n < 0 && ready > 0 && errno != EINTR && errno != EAGAIN) {
            return true;
        }
    }
}

/* One try. `printed` is empty at first. */
static bool try_once(char **words, char printed[PRINTED], char how[SI_EXIT_REASON_MAX]) {
    int pipes[2], status = 0;
    int64_t until = si_now_ns() + SI_HOOK_RUN_MS * SI_MILLISECOND;
    snprintf(how, SI_EXIT_REASON_MAX, "%s", "could not be started");
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        execute(words, pipes[1]);
    }
    close(pipes[1]);
    if (pid > 0) {
        setpgid(pid, pid);
        (void)read_until_end(pipes[0], until, printed);
        while (waitpid(pid, &status, WNOHANG) == 0) {
            if (si_now_ns() > until) { /* or it has closed what it prints to, and goes on */
                kill(-pid, SIGKILL);
            }
            usleep(POLL_MS * 1000);
        }
        kill(-pid, SIGKILL); /* what it left behind */
        si_exit_reason(status, how);
    }
    close(pipes[0]);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

si_result si_hook_run(const si_hook *h, const si_invalidation *what, si_diag *diag) {
    char **words, printed[PRINTED], how[SI_EXIT_REASON_MAX];
    SI_TRY(si_hook_words(h, what, &words, diag));
    bool good = false;
    for (int i = 0; i < SI_HOOK_TRIES && !good; i++) {
        if (i > 0) {
            usleep((useconds_t)(SI_HOOK_RETRY_MS << (i - 1)) * 1000);
        }
        printed[0] = '\0';
        good = try_once(words, printed, how);
    }
    assert(words != NULL);
    si_result result =
        good ? SI_OK
             : si_fail(diag, SI_ERR_IO, "the hook for the CDN failed %d times: %s %s%s%s",
                   SI_HOOK_TRIES, words[0], how, printed[0] != '\0' ? ": " : "", printed);
    si_hook_words_free(words);
    return result;
}
