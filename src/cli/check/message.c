#include "cli/check/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/check/settings.h"

enum { TEXT_MAX = 1000 };

typedef struct si_message {
    const char *file; /* NULL = none */
    int line;
    const char *text;
} si_message;

static bool make_room(si_messages *m) {
    if (m->count < m->room) {
        return true;
    }
    int room = m->room * 2 + 64;
    si_message *more = realloc(m->list, (size_t)room * sizeof *more);
    if (more == NULL) {
        return false;
    }
    m->list = more;
    m->room = room;
    return true;
}

void si_messages_report(void *context, const char *file, int line, const char *text) {
    si_messages *m = context;
    const char *copy = si_arena_copy(&m->arena, text, strlen(text));
    const char *where = file != NULL ? si_arena_copy(&m->arena, file, strlen(file)) : NULL;
    *(si_catalog_is_warning(text) ? &m->warnings : &m->mistakes) += 1;
    if (copy != NULL && (where != NULL || file == NULL) && make_room(m)) {
        m->list[m->count++] = (si_message){where, line, copy};
    }
}

void si_messages_add(si_messages *m, const char *file, int line, const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    si_messages_report(m, file, line, text);
}

static void add_about(
    si_messages *m, const si_check_setting *s, const char *mark, const char *fmt, va_list args) {
    char text[TEXT_MAX];
    int n = snprintf(text, sizeof text, "%s%s: ", mark, s->label);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    si_messages_report(m, s->file, s->line, text);
}

void si_messages_mistake(si_messages *m, const si_check_setting *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_about(m, s, "", fmt, args);
    va_end(args);
}

void si_messages_warning(si_messages *m, const si_check_setting *s, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    add_about(m, s, "warning: ", fmt, args);
    va_end(args);
}

static int compare(const void *a, const void *b) {
    const si_message *x = a, *y = b;
    int files = strcmp(x->file != NULL ? x->file : "", y->file != NULL ? y->file : "");
    if (files != 0 || x->line != y->line) {
        return files != 0 ? files : x->line - y->line;
    }
    return strcmp(x->text, y->text);
}

void si_messages_print(si_messages *m) {
    if (m->count > 1) {
        qsort(m->list, (size_t)m->count, sizeof *m->list, compare);
    }
    for (int i = 0; i < m->count; i++) {
        const si_message *one = &m->list[i];
        if (i > 0 && compare(one, one - 1) == 0) {
            *(si_catalog_is_warning(one->text) ? &m->warnings : &m->mistakes) -= 1;
        } else if (one->file != NULL) {
            printf("%s/%s:%d: %s\n", m->folder, one->file, one->line, one->text);
        } else {
            printf("%s\n", one->text);
        }
    }
}

void si_messages_free(si_messages *m) {
    free(m->list);
    si_arena_free(&m->arena);
    *m = (si_messages){0};
}
