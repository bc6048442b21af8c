#include "cli/man_page.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli.h"

#define PROGRAM "smartimg"
#define INI_PAGE PROGRAM ".ini.5"

/* ---- man(7)'s language ---- */

/* Prints text such that it stands for itself: hyphens that can be pasted, and no requests at the
 * start of a line. */
static void print_text(si_str text) {
    if (text.len > 0 && (text.p[0] == '.' || text.p[0] == '\'')) {
        fputs("\\&", stdout);
    }
    for (size_t i = 0; i < text.len; i++) {
        switch (text.p[i]) {
        case '\\':
            fputs("\\e", stdout);
            break;
        case '-':
            fputs("\\-", stdout);
            break;
        case '\'':
            fputs("\\(aq", stdout);
            break;
        case '`':
            fputs("\\(ga", stdout);
            break;
        case '^':
            fputs("\\(ha", stdout);
            break;
        case '~':
            fputs("\\(ti", stdout);
            break;
        default:
            putchar(text.p[i]);
        }
    }
}

static void print_line(const char *text) {
    print_text(si_str_of(text));
    putchar('\n');
}

/* Lines as cli.h has them: paragraphs, with empty lines between some, and those to keep as they
 * are, which begin with a blank. `begin` is the request before a paragraph. */
static void print_lines(const char *text, const char *begin) {
    si_str rest = si_str_of(text), line;
    bool kept = false, first = true;
    while (si_str_next(&rest, '\n', &line)) {
        bool keep = line.len > 0 && line.p[0] == ' ';
        if (keep != kept) {
            puts(keep ? ".nf" : ".fi");
        } else if (line.len > 0 && !keep && !first) {
            puts(begin);
        }
        kept = keep;
        first = false;
        if (line.len > 0) {
            print_text(keep ? (si_str){line.p + 1, line.len - 1} : line);
            putchar('\n');
        }
    }
    if (kept) {
        puts(".fi");
    }
}

static void print_head(const char *name, const char *section, const char *about) {
    fputs(".TH \"", stdout);
    print_text(si_str_of(name));
    printf("\" %s \"\" \"" PROGRAM " " SMARTIMG_VERSION "\" \"" PROGRAM "\"\n.SH NAME\n", section);
    print_text(si_str_of(name));
    fputs(" \\- ", stdout);
    print_line(about);
}

/* ---- options ---- */

static void print_option_help(const si_option *o, const si_initial *initial) {
    char words[SI_OPTION_WORDS];
    print_line(o->help);
    if (initial == NULL) {
        return;
    }
    if (si_option_range(o, initial, words)[0] != '\0') {
        fputs(o->kind == SI_OPTION_BYTES ? "In " : "Range: ", stdout);
        print_text(si_str_of(words));
        puts(".");
    }
    fputs("Default: ", stdout);
    print_text(si_str_of(si_option_default(o, initial, words)));
    puts(".");
}

static void print_option(const si_option *o, const si_initial *initial) {
    fputs(".TP\n.B ", stdout);
    if (o->letter != 0) {
        printf("\\-%c\\fR, \\fB", o->letter);
    }
    fputs("\\-\\-", stdout);
    print_text(si_str_of(o->name));
    if (o->argument != NULL) {
        fputs("\\fR \\fI", stdout);
        print_text(si_str_of(o->argument));
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_option_help(o, initial);
}

static const si_initial *initial_of(const si_command *command, int row) {
    return command->initial != NULL ? &command->initial[row] : NULL;
}

/* ---- pages ---- */

static void print_command_page(const si_command *command) {
    char name[80];
    snprintf(name, sizeof name, PROGRAM "-%s", command->name);
    print_head(name, "1", command->summary);
    fputs(".SH SYNOPSIS\n.B " PROGRAM " ", stdout);
    print_text(si_str_of(command->name));
    fputs("\\fR ", stdout);
    print_line(command->synopsis);
    puts(".SH DESCRIPTION");
    print_lines(command->description, ".PP");
    puts(".SH OPTIONS");
    for (int i = 0; command->options[i].name != NULL; i++) {
        print_option(&command->options[i], initial_of(command, i));
    }
    puts(".SH EXIT STATUS");
    print_lines(command->exit_status, ".PP");
    if (command->examples != NULL) {
        puts(".SH EXAMPLES");
        print_lines(command->examples, ".PP");
    }
    puts(".SH SEE ALSO\n.BR " PROGRAM " (1)");
}

static void print_program_page(void) {
    print_head(PROGRAM, "1", "image server for the URLs of Adobe Dynamic Media");
    puts(".SH SYNOPSIS\n.B " PROGRAM "\n.I COMMAND\n.RI [ OPTION ]...\n.SH DESCRIPTION");
    print_line(si_program_about);
    puts(".SH COMMANDS");
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf(".TP\n.BR " PROGRAM "\\-");
        print_text(si_str_of(si_commands[i]->name));
        puts(" (1)");
        print_line(si_commands[i]->summary);
    }
    puts(".TP\n.B " PROGRAM
         " help commands\nlists the commands of URLs.\n.SH SEE ALSO\n.BR " PROGRAM ".ini (5)");
}

static void print_ini_page(void) {
    print_head(PROGRAM ".ini", "5", "settings of smartimg serve");
    puts(".SH DESCRIPTION");
    print_line("The file smartimg.ini of a configuration folder has options of `smartimg serve`, a "
               "line each: NAME = VALUE. Lines "
               "that begin with # are comments. The command line beats the file. The server reads "
               "it at its start only; "
               "`smartimg config check` tells every mistake in it.");
    puts(".SH OPTIONS");
    const si_command *serve = &si_command_serve;
    for (int i = 0; serve->options[i].name != NULL; i++) {
        const si_option *o = &serve->options[i];
        if (strcmp(o->name, "config") == 0) { /* the folder cannot name itself */
            continue;
        }
        fputs(".TP\n.BI ", stdout);
        print_text(si_str_of(o->name));
        fputs(" \" = ", stdout);
        print_text(si_str_of(o->argument));
        puts("\"");
        print_option_help(o, initial_of(serve, i));
    }
    puts(".SH SEE ALSO\n.BR " PROGRAM "\\-serve (1),\n.BR " PROGRAM "\\-config (1)");
}

void si_man_page_names(void) {
    puts(PROGRAM ".1");
    for (int i = 0; si_commands[i] != NULL; i++) {
        printf(PROGRAM "-%s.1\n", si_commands[i]->name);
    }
    puts(INI_PAGE);
}

bool si_man_page(const char *name) {
    if (strcmp(name, PROGRAM ".1") == 0) {
        print_program_page();
        return true;
    }
    if (strcmp(name, INI_PAGE) == 0) {
        print_ini_page();
        return true;
    }
    for (int i = 0; si_commands[i] != NULL; i++) {
        char page[80];
        snprintf(page, sizeof page, PROGRAM "-%s.1", si_commands[i]->name);
        if (strcmp(page, name) == 0) {
            print_command_page(si_commands[i]);
            return true;
        }
    }
    return false;
}
