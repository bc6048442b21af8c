#include "cli/explain_steps.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* Texts are of URLs and files, and may hold anything. */
static void print_clean(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
    }
}

static void print_from(const si_step_from *from) {
    if (from->name == NULL && from->file == NULL) {
        return;
    }
    printf("  [");
    if (from->name != NULL) {
        print_clean(from->name);
    }
    if (from->file != NULL) {
        printf("%s%s", from->name != NULL ? ", " : "", from->file);
        if (from->line > 0) {
            printf(":%d", from->line);
        }
    }
    putchar(']');
}

void si_explain_steps(const si_steps *steps) {
    for (const si_step *s = steps->first; s != NULL; s = s->next) {
        printf("%*s%-10s ", 2 * s->depth, "", si_step_kind_name(s->kind));
        print_clean(s->text);
        printf("%s", s->overridden ? ", overridden" : "");
        print_from(&s->from);
        putchar('\n');
    }
    if (steps->incomplete) {
        puts("(there are more)");
    }
}

static void print_member(const char *name, const char *value) {
    if (value != NULL) {
        putchar(',');
        si_json_text(stdout, name, value);
    }
}

void si_explain_steps_json(const si_steps *steps) {
    putchar('[');
    for (const si_step *s = steps->first; s != NULL; s = s->next) {
        printf("%s{\"step\":\"%s\",\"depth\":%d", s != steps->first ? "," : "",
            si_step_kind_name(s->kind), s->depth);
        print_member("text", s->text);
        print_member("from", s->from.name);
        print_member("file", s->from.file);
        if (s->from.file != NULL && s->from.line > 0) {
            printf(",\"line\":%d", s->from.line);
        }
        printf(",\"overridden\":%s}", s->overridden ? "true" : "false");
    }
    putchar(']');
}
