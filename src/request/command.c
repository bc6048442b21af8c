#include "request/command.h"

#include "base/path.h"
#include "request/commands.h"
#include "request/setters.h"

#define LIST(...) __VA_ARGS__ /* parts without the parentheses around them */

const si_command_row si_command_rows[] = {
#define X(name, handler, scope, comp, flags, rank, section, parts, initial_, help_)                \
    {{name, sizeof(name) - 1}, #handler, si_set_##handler, SI_SCOPE_##scope, SI_COMP_##comp,       \
        flags, SI_CLASS_##rank, section, {LIST parts}, .initial = initial_, .help = help_},
    SI_COMMANDS(X)
#undef X
#undef LIST
};

const int si_command_count = sizeof si_command_rows / sizeof *si_command_rows;

static int compare(si_str a, si_str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];
        x = x >= 'A' && x <= 'Z' ? x | 0x20 : x;
        y = y >= 'A' && y <= 'Z' ? y | 0x20 : y;
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

const si_command_row *si_command_find(si_str name) {
    int low = 0, high = si_command_count;
    while (low < high) {
        int middle = (low + high) / 2, order = compare(name, si_command_rows[middle].name);
        if (order == 0) {
            return &si_command_rows[middle];
        }
        *(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
    }
    return NULL;
}

const char *si_scope_name(si_scope scope) {
    static const char *const names[] = {"request", "view", "layer", "source"};
    return names[scope];
}

const char *si_comp_name(si_comp comp) {
    static const char *const names[] = {"", "layer 0", "composite", "view", "ignored", "an error"};
    return names[comp];
}

const char *si_class_name(si_class rank) {
    static const char *const names[] = {"core", "common", "rare", "vendor-internal"};
    return names[rank];
}

si_result si_command_bad_value(const si_command_target *s, si_str value) {
    if (si_value_exceeds(value)) {
        return si_fail(s->q->all->diag, SI_ERR_RANGE, "%s: numbers go to %d, got \"%.*s\"",
            s->row->name.p, SI_NUMBER_MAX, SHOWN(value));
    }
    char grammar[SI_GRAMMAR_MAX];
    return si_fail(s->q->all->diag, SI_ERR_RANGE, "%s: expected %s, got \"%.*s\"", s->row->name.p,
        si_command_grammar(s->row, grammar), SHOWN(value));
}

si_result si_command_copy_value(const si_command_target *s, si_str value, const char **out) {
    *out = si_arena_copy(s->q->all->arena, value.p, value.len);
    return *out != NULL ? SI_OK : si_no_memory(s->q->all->diag);
}

si_result si_command_path_value(const si_command_target *s, si_str value, const char **out) {
    si_path path;
    si_reading *all = s->q->all;
    SI_TRY(si_path_parse(value, all->arena, &path, all->diag));
    *out = path.count > 0 ? si_path_print(&path, all->arena) : "";
    return *out != NULL ? SI_OK : si_no_memory(all->diag);
}
