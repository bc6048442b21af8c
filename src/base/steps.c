#include "base/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

const char *si_step_kind_name(si_step_kind kind) {
    static const char *const names[] = {
#define X(id, name) name,
        SI_STEP_KINDS(X)
#undef X
    };
    return names[kind];
}

static si_step *add(
    si_steps *steps, si_step_kind kind, const si_step_from *from, const char *fmt, va_list args) {
    char text[TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    si_step *step = si_arena_alloc(steps->arena, sizeof *step);
    const char *copy = si_arena_copy(steps->arena, text, strlen(text));
    if (step == NULL || copy == NULL) {
        steps->incomplete = true;
        return NULL;
    }
    *step = (si_step){.kind = kind, .depth = steps->depth, .text = copy};
    if (from != NULL) {
        step->from = *from;
    }
    *(steps->first != NULL ? steps->last : &steps->first) = step;
    steps->last = &step->next;
    return step;
}

void si_step_add(
    si_steps *steps, si_step_kind kind, const si_step_from *from, const char *fmt, ...) {
    if (steps != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)add(steps, kind, from, fmt, args);
        va_end(args);
    }
}

static bool same(const si_step_key *a, const si_step_key *b) {
    return a->what != NULL && b->what != NULL && a->of[0] == b->of[0] && a->of[1] == b->of[1] &&
           strcmp(a->what, b->what) == 0;
}

void si_step_add_command(si_steps *steps, const si_step_from *from, const si_step_key *key,
    bool weak, const char *fmt, ...) {
    if (steps == NULL) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    si_step *step = add(steps, SI_STEP_COMMAND, from, fmt, args);
    va_end(args);
    if (step == NULL) {
        return;
    }
    step->key = *key;
    step->weak = weak;
    for (si_step *s = steps->first; s != step; s = s->next) {
        if (same(&s->key, key)) {
            bool stronger = weak && !s->weak;
            s->overridden |= !stronger;
            step->overridden |= stronger;
        }
    }
}
