#include "cli/cli.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/config_file.h"

enum {
    OPTIONS_MAX = 96,
    LONG_BASE = 256, /* getopt's values: LONG_BASE + row; a letter stands for itself */
    WIDTH = 80       /* columns of help text */
};

static const si_option help_option = {
    "help", 'h', NULL, SI_OPTION_FLAG, NULL, "Prints this help and ends.", 0, 0};

/* ---- help ---- */

/* Prints the words of a paragraph, wrapped, starting in an empty line. */
static void print_paragraph(si_str text, int indent) {
    int column = 0;
    si_str word;
    while (si_str_next(&text, ' ', &word)) {
        if (column > 0 && column + 1 + (int)word.len > WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += column == 0 ? printf("%*s%.*s", indent, "", SI_STR_ARG(word))
                              : printf(" %.*s", SI_STR_ARG(word));
    }
    putchar('\n');
}

/* Prints lines, each a paragraph to wrap, or one to keep as it is if it begins with a blank. */
static void print_wrapped(const char *text, int indent) {
    si_str rest = si_str_of(text), line;
    while (si_str_next(&rest, '\n', &line)) {
        if (line.len == 0) {
            putchar('\n');
        } else if (line.p[0] == ' ') {
            printf("%*s%.*s\n", indent - 1, "", SI_STR_ARG(line));
        } else {
            print_paragraph(line, indent);
        }
    }
}

const char *si_option_default(const si_option *o, const si_initial *initial, char *out) {
    static const char units[] = "\0kmgt";
    int64_t n = initial->number;
    int unit = 0;
    if (initial->words != NULL || o->kind == SI_OPTION_TEXT) {
        snprintf(
            out, SI_OPTION_WORDS, "%s", initial->words != NULL ? initial->words : initial->text);
        return out;
    }
    while (o->kind == SI_OPTION_BYTES && unit < 4 && n >= 1024 && n % 1024 == 0) {
        n /= 1024;
        unit++;
    }
    int len = snprintf(out, SI_OPTION_WORDS, "%lld", (long long)n);
    out[len] = units[unit];
    out[len + 1] = '\0';
    return out;
}

const char *si_option_range(const si_option *o, const si_initial *initial, char *out) {
    out[0] = '\0';
    if (o->kind == SI_OPTION_COUNT) {
        snprintf(out, SI_OPTION_WORDS, "%d to %d%s%s", o->minimum, o->maximum,
            initial->unit[0] != '\0' ? " " : "", initial->unit);
    } else if (o->kind == SI_OPTION_BYTES) {
        int n = snprintf(out, SI_OPTION_WORDS, "bytes; k, m, g and t may follow the number");
        if (o->minimum > 0) {
            snprintf(out + n, (size_t)(SI_OPTION_WORDS - n), "; at least %dm", o->minimum);
        }
    }
    return out;
}

static void print_option(const si_option *o, const si_initial *initial) {
    char text[1000], words[SI_OPTION_WORDS], range[SI_OPTION_WORDS];
    printf("    ");
    if (o->letter != 0) {
        printf("-%c, ", o->letter);
    }
    printf("--%s%s%s\n", o->name, o->argument != NULL ? " " : "",
        o->argument != NULL ? o->argument : "");
    if (initial == NULL) {
        print_wrapped(o->help, 8);
    } else {
        si_option_range(o, initial, range);
        const char *before = range[0] == '\0'             ? ""
                             : o->kind == SI_OPTION_BYTES ? " In "
                                                          : " Range: ";
        snprintf(text, sizeof text, "%s%s%s%s Default: %s.", o->help, before, range,
            range[0] != '\0' ? "." : "", si_option_default(o, initial, words));
        print_wrapped(text, 8);
    }
    putchar('\n');
}

void si_command_help(const si_command *command) {
    printf("NAME\n    smartimg %s - %s\n\nSYNOPSIS\n", command->name, command->summary);
    printf("    smartimg %s %s\n\nDESCRIPTION\n", command->name, command->synopsis);
    print_wrapped(command->description, 4);
    printf("\nOPTIONS\n");
    for (int i = 0; command->options[i].name != NULL; i++) {
        print_option(&command->options[i], command->initial != NULL ? &command->initial[i] : NULL);
    }
    print_option(&help_option, NULL);
    printf("EXIT STATUS\n");
    print_wrapped(command->exit_status, 4);
    if (command->examples != NULL) {
        printf("\nEXAMPLES\n");
        print_wrapped(command->examples, 4);
    }
}

/* ---- options ---- */

static bool parse_bytes(const char *text, int64_t *out) {
    static const char units[] = "kmgt";
    size_t len = strlen(text);
    int shift = 0;
    char last = len > 0 ? text[len - 1] : '\0';
    const char *unit =
        last != '\0' ? strchr(units, last >= 'A' && last <= 'Z' ? last + 32 : last) : NULL;
    if (unit != NULL) {
        shift = 10 * (int)(unit - units + 1);
        len--;
    }
    double v;
    if (!si_str_real((si_str){text, len}, &v) || v < 0 ||
        v * (double)(INT64_C(1) << shift) > 1e18) {
        return false;
    }
    *out = (int64_t)(v * (double)(INT64_C(1) << shift));
    return true;
}

const char *si_on_off_parse(const char *value, void *to) {
    bool on = strcmp(value, "on") == 0;
    *(bool *)to = on;
    return on || strcmp(value, "off") == 0 ? NULL : "is neither on nor off";
}

const char *si_option_store(const si_option *o, const char *value) {
    switch (o->kind) {
    case SI_OPTION_FLAG:
        *(bool *)o->target = true;
        return NULL;
    case SI_OPTION_TEXT:
        *(const char **)o->target = value;
        return NULL;
    case SI_OPTION_LIST: {
        si_option_list *list = o->target;
        if (list->count == (int)(sizeof list->items / sizeof list->items[0])) {
            return "is given too often";
        }
        list->items[list->count++] = value;
        return NULL;
    }
    case SI_OPTION_COUNT: {
        long v;
        if (strchr(value, '.') != NULL || !si_str_int(si_str_of(value), &v) || v < o->minimum ||
            v > o->maximum) {
            return "is out of range";
        }
        *(int *)o->target = (int)v;
        return NULL;
    }
    case SI_OPTION_BYTES: {
        static char too_small[60];
        if (!parse_bytes(value, o->target)) {
            return "is no size such as 500m or 10g";
        }
        snprintf(too_small, sizeof too_small, "is too little: at least %dm", o->minimum);
        return *(const int64_t *)o->target >= (int64_t)o->minimum << 20 ? NULL : too_small;
    }
    case SI_OPTION_PARSED: {
        const si_option_parsed *own = o->target;
        return own->parse(value, own->to);
    }
    }
    return NULL;
}

static int complain_usage(const si_command *command, const char *fmt, ...) SI_PRINTF(2, 3);

static int complain_usage(const si_command *command, const char *fmt, ...) {
    char line[1000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    si_complain("%s: %s", command->name, line);
    fprintf(stderr, "usage: smartimg %s %s\nMore: smartimg help %s\n", command->name,
        command->synopsis, command->name);
    return SI_EXIT_USAGE;
}

/* Builds getopt's tables from ours. */
static void build_tables(const si_command *command, struct option *longs, char *letters) {
    int n = 0;
    *letters++ = ':'; /* tell a missing argument from an unknown option */
    for (const si_option *o = command->options; o->name != NULL && n < OPTIONS_MAX; o++, n++) {
        longs[n] = (struct option){o->name, o->argument != NULL, NULL, LONG_BASE + n};
        if (o->letter != 0) {
            *letters++ = o->letter;
            *letters = ':';
            letters += o->argument != NULL;
        }
    }
    assert(command->options[n].name == NULL);
    longs[n] = (struct option){"help", no_argument, NULL, 'h'};
    longs[n + 1] = (struct option){0};
    *letters++ = 'h';
    *letters = '\0';
}

static const si_option *option_of(const si_command *command, int value) {
    if (value >= LONG_BASE) {
        return &command->options[value - LONG_BASE];
    }
    const si_option *o = command->options;
    while (o->letter != value) {
        o++;
    }
    return o;
}

static void store_initial(const si_command *command) {
    for (int i = 0; command->initial != NULL && command->options[i].name != NULL; i++) {
        const si_option *o = &command->options[i];
        const si_initial *initial = &command->initial[i];
        if (o->kind == SI_OPTION_TEXT) {
            *(const char **)o->target = initial->text;
        } else if (o->kind == SI_OPTION_COUNT) {
            *(int *)o->target = (int)initial->number;
        } else if (o->kind == SI_OPTION_BYTES) {
            *(int64_t *)o->target = initial->number;
        } /* others have theirs in the target */
    }
}

/* What --config named, NULL if nothing or if there is no such option. */
static const char *config_folder(const si_command *command) {
    for (const si_option *o = command->options; o->name != NULL; o++) {
        if (strcmp(o->name, "config") == 0 && o->kind == SI_OPTION_TEXT) {
            return *(const char **)o->target;
        }
    }
    return NULL;
}

int si_command_run(const si_command *command, int argc, char **argv) {
    struct option longs[OPTIONS_MAX + 2];
    char letters[3 * OPTIONS_MAX];
    bool given[OPTIONS_MAX] = {false};
    build_tables(command, longs, letters);
    store_initial(command);
    opterr = 0;
    int value;
    while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (value == 'h') {
            si_command_help(command);
            return SI_EXIT_OK;
        }
        if (value == '?') {
            return complain_usage(command, "unknown option %s", argv[optind - 1]);
        }
        if (value == ':') {
            return complain_usage(command, "option %s needs an argument", argv[optind - 1]);
        }
        const si_option *o = option_of(command, value);
        const char *wrong = si_option_store(o, optarg);
        given[o - command->options] = true;
        if (wrong != NULL) {
            return o->kind == SI_OPTION_COUNT
                       ? complain_usage(command, "--%s %s %s: %d to %d", o->name, optarg, wrong,
                             o->minimum, o->maximum)
                       : complain_usage(command, "--%s %s %s", o->name, optarg, wrong);
        }
    }
    int count = argc - optind;
    if (count < command->operands_min) {
        return complain_usage(command, "something is missing behind the options");
    }
    if (count > command->operands_max) {
        return complain_usage(
            command, "%s is one argument too many", argv[optind + command->operands_max]);
    }
    const char *folder = config_folder(command);
    if (folder != NULL && si_config_file_apply(command, given, folder, si_complain_mistake,
                              (void *)(uintptr_t)folder) > 0) {
        return SI_EXIT_FAILED;
    }
    return command->run(argv + optind, count);
}

/* ---- messages ---- */

void si_complain(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fflush(stdout);
    fprintf(stderr, "smartimg: ");
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

int si_complain_diag(const si_diag *diag) {
    si_complain("%s", diag->text[0] != '\0' ? diag->text : si_result_title(diag->code));
    return SI_EXIT_FAILED;
}

void si_complain_mistake(void *context, const char *file, int line, const char *text) {
    fprintf(stderr, "%s/%s:%d: %s\n", (const char *)context, file, line, text);
}

const char *si_default_cache(si_arena *arena) {
    if (geteuid() == 0) {
        return SI_CACHE_OF_ROOT;
    }
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/') {
        return si_arena_printf(arena, "%s/" SI_CACHE_OF_USER, xdg);
    }
    if (home != NULL && home[0] == '/') {
        return si_arena_printf(arena, "%s/.cache/" SI_CACHE_OF_USER, home);
    }
    si_complain("no home folder to keep a cache in, name one with --cache");
    return NULL;
}
