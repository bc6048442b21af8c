#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* What the argument of an option is, as far as its name in the table tells. */
typedef enum value_kind {
    VALUE_NONE,
    VALUE_ANY,
    VALUE_FOLDER,
    VALUE_FILE,
    VALUE_SWITCH
} value_kind;

static value_kind value_of(const si_option *o) {
    static const struct {
        const char *argument;
        value_kind kind;
    } known[] = {{"DIR", VALUE_FOLDER}, {"FILE", VALUE_FILE}, {"PATH", VALUE_FILE},
        {"SWITCH", VALUE_SWITCH}};
    if (o->argument == NULL) {
        return VALUE_NONE;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].argument, o->argument) == 0) {
            return known[i].kind;
        }
    }
    return VALUE_ANY;
}

/* Prints text for use between single quotes: bash and zsh end them for one within, fish escapes it.
 */
static void print_quoted(const char *text, const char *quote) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
        } else {
            putchar(*text);
        }
    }
}

static void print_commands(void) {
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf("%s ", si_commands[i]->name);
    }
}

/* ---- bash ---- */

/* "--root|--config)" and what completes their argument, for all options of a kind. */
static void bash_values(const si_command *command, value_kind kind, const char *action) {
    int count = 0;
    for (const si_option *o = command->options; o->name != NULL; o++) {
        if (value_of(o) == kind) {
            printf("%s--%s", count++ == 0 ? "            " : "|", o->name);
            if (o->letter != 0) {
                printf("|-%c", o->letter);
            }
        }
    }
    if (count > 0) {
        printf(") %s return ;;\n", action);
    }
}

static void bash_command(const si_command *command) {
    printf("    %s)\n        case $before in\n", command->name);
    bash_values(command, VALUE_FOLDER,
        "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\");");
    bash_values(command, VALUE_FILE,
        "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\");");
    bash_values(
        command, VALUE_SWITCH, "mapfile -t COMPREPLY < <(compgen -W 'on off' -- \"$word\");");
    bash_values(command, VALUE_ANY, "");
    printf("        esac\n        words='");
    for (const si_option *o = command->options; o->name != NULL; o++) {
        printf("--%s ", o->name);
    }
    puts("--help'\n        ;;");
}

static void print_bash(void) {
    puts("# bash completion of smartimg, made by: smartimg config completion bash\n"
         "_smartimg() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "    if ((COMP_CWORD == 1)) || [[ ${COMP_WORDS[1]} == help && $COMP_CWORD -eq 2 ]]; then");
    fputs("        mapfile -t COMPREPLY < <(compgen -W '", stdout);
    print_commands();
    puts("help --version' -- \"$word\")\n"
         "        return\n"
         "    fi\n"
         "    case ${COMP_WORDS[1]} in");
    for (int i = 0; si_commands[i] != NULL; i++) {
        bash_command(si_commands[i]);
    }
    puts("    esac\n"
         "    if [[ $word == -* ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "    else\n"
         "        compopt -o filenames\n"
         "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "    fi\n"
         "}\n"
         "complete -F _smartimg smartimg");
}

/* ---- zsh ---- */

static const char zsh_quote[] = "'\\''";

/* An option's first sentence, as the explanation of _arguments, in which brackets and colons mean
 * something. */
static void zsh_help(const char *help) {
    for (const char *c = help; *c != '\0' && !(*c == '.' && (c[1] == ' ' || c[1] == '\0')); c++) {
        if (strchr("[]:\\", *c) != NULL) {
            printf("\\%c", *c);
        } else if (*c == '\'') {
            fputs(zsh_quote, stdout);
        } else {
            putchar(*c);
        }
    }
}

static void zsh_option(const si_option *o) {
    static const char *const actions[] = {[VALUE_NONE] = "",
        [VALUE_ANY] = ":value: ",
        [VALUE_FOLDER] = ":folder:_directories",
        [VALUE_FILE] = ":file:_files",
        [VALUE_SWITCH] = ":switch:(on off)"};
    printf("            '--%s[", o->name);
    zsh_help(o->help);
    printf("]%s' \\\n", actions[value_of(o)]);
}

static void print_zsh(void) {
    puts("#compdef smartimg\n"
         "# zsh completion of smartimg, made by: smartimg config completion zsh\n"
         "_smartimg() {\n"
         "    local -a commands=(");
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf("        '%s:", si_commands[i]->name);
        print_quoted(si_commands[i]->summary, zsh_quote);
        puts("'");
    }
    puts("        'help:prints the manual page of a command'\n"
         "    )\n"
         "    if ((CURRENT == 2)) || [[ ${words[2]} == help && $CURRENT -eq 3 ]]; then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=${words[2]}\n"
         "    shift words\n"
         "    ((CURRENT--))\n"
         "    case $command in");
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf("    %s)\n        _arguments \\\n", si_commands[i]->name);
        for (const si_option *o = si_commands[i]->options; o->name != NULL; o++) {
            zsh_option(o);
        }
        puts("            '--help[Prints the help]' '*:file:_files'\n        ;;");
    }
    puts("    esac\n}\n_smartimg \"$@\"");
}

/* ---- fish ---- */

static const char fish_quote[] = "\\'";

static void fish_option(const si_command *command, const si_option *o) {
    static const char *const actions[] = {[VALUE_NONE] = "",
        [VALUE_ANY] = " -x",
        [VALUE_FOLDER] = " -x -a '(__fish_complete_directories)'",
        [VALUE_FILE] = " -r -F",
        [VALUE_SWITCH] = " -x -a 'on off'"};
    const char *end = strstr(o->help, ". ");
    char help[400];
    snprintf(help, sizeof help, "%.*s", end != NULL ? (int)(end - o->help) : (int)strlen(o->help),
        o->help);
    printf(
        "complete -c smartimg -n '__fish_seen_subcommand_from %s' -l %s", command->name, o->name);
    if (o->letter != 0) {
        printf(" -s %c", o->letter);
    }
    printf("%s -d '", actions[value_of(o)]);
    print_quoted(help, fish_quote);
    puts("'");
}

static void print_fish(void) {
    puts("# fish completion of smartimg, made by: smartimg config completion fish");
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf("complete -c smartimg -n __fish_use_subcommand -f -a %s -d '", si_commands[i]->name);
        print_quoted(si_commands[i]->summary, fish_quote);
        puts("'");
        for (const si_option *o = si_commands[i]->options; o->name != NULL; o++) {
            fish_option(si_commands[i], o);
        }
    }
    fputs("complete -c smartimg -n __fish_use_subcommand -f -a help -d 'prints the manual page of "
          "a command'\n"
          "complete -c smartimg -n '__fish_seen_subcommand_from help' -f -a '",
        stdout);
    print_commands();
    puts("'");
}

bool si_completion(const char *shell) {
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].print();
            return true;
        }
    }
    return false;
}
