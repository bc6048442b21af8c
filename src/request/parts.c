#include "request/parts.h"

#include <assert.h>
#include <stdio.h>

#include "request/values.h"

/* ---- the grammar ---- */

/* What numbers are called that bounds are told of. */
static const char *number_name(const si_part *p) {
    return (p->flags & SI_PART_UNIT) != 0 ? p->unit : p->kind == SI_PART_INT ? "int" : "real";
}

/* A number's bounds: those that are refused beyond, else those that are held to. Whatever is above
 * 0 needs a smallest step as its bound, which nobody wants to read. */
static void put_bounds(const si_part *p, char *out, size_t room) {
    double step = p->kind == SI_PART_INT ? 1 : SI_FACTOR_MIN;
    bool above = p->min == step || (p->min == 0 && (p->flags & SI_PART_LOW_OPEN) != 0);
    bool low_held = (p->flags & SI_PART_LOW_HELD) != 0;
    bool high_held = (p->flags & SI_PART_HIGH_HELD) != 0;
    if (!si_part_has_min(p)) {
        snprintf(out, room, "%s", number_name(p));
    } else if (low_held != high_held || !si_part_has_max(p)) {
        snprintf(out, room, "%s %s %g", number_name(p), above ? ">" : "≥", above ? 0 : p->min);
    } else {
        snprintf(out, room, "%g…%g", p->min, p->max);
    }
}

static void put_part(const si_part *p, char *out, size_t room) {
    bool number = p->kind == SI_PART_INT || p->kind == SI_PART_REAL;
    if (number && p->label != NULL && (p->flags & SI_PART_LOW_HELD) != 0) {
        snprintf(out, room, "%s in %g…%g", p->label, p->min, p->max);
    } else if (p->label != NULL) {
        snprintf(out, room, "%s", p->label);
    } else if (number) {
        put_bounds(p, out, room);
    } else {
        snprintf(out, room, "%s", p->kind == SI_PART_FLAG ? "0|1" : p->words);
    }
}

const char *si_command_grammar(const si_command_row *row, char *out) {
    size_t n = 0;
    int optional = 0;
    for (int i = 0; i < SI_MAX_PARTS && row->parts[i].kind != SI_PART_NONE; i++) {
        const si_part *p = &row->parts[i];
        if (i > 0) {
            bool needed = (p->flags & SI_PART_NEEDED) != 0;
            optional += !needed;
            n += (size_t)snprintf(out + n, SI_GRAMMAR_MAX - n, needed ? "," : "[,");
        }
        put_part(p, out + n, SI_GRAMMAR_MAX - n);
        n += strlen(out + n);
    }
    assert(n + (size_t)optional < SI_GRAMMAR_MAX);
    memset(out + n, ']', (size_t)optional);
    out[n + (size_t)optional] = '\0';
    return out;
}

/* ---- reading ---- */

si_parts si_parts_from(const si_command_target *s, si_str value, int first) {
    return (si_parts){.row = s->row, .rest = value, .next = first};
}

si_parts si_parts_of(const si_command_target *s, si_str value) {
    return si_parts_from(s, value, 0);
}

/* What the default has for number `k` of row->parts[index]; empty if that is nothing. */
static si_str default_of(const si_command_row *row, int index, int k) {
    si_str rest = si_str_of(row->initial_told ? "" : row->initial), part = {NULL, 0};
    for (int i = 0; i < index; i++) {
        k += row->parts[i].count > 1 ? row->parts[i].count : 1;
    }
    for (int i = 0; i <= k; i++) {
        if (!si_str_next(&rest, ',', &part)) {
            return (si_str){NULL, 0};
        }
    }
    return part;
}

/* Takes the text of number `k` of row->parts[index] from the value, else from the default; empty =
 * neither has it. Returns whether the value has it. */
static bool take(si_parts *p, int index, int k, si_str *text) {
    const si_part *part = &p->row->parts[index];
    if (index == 0 && part->count <= 1 && p->row->parts[1].kind == SI_PART_NONE) {
        *text = p->rest; /* all of it, commas included */
        p->rest = (si_str){NULL, 0};
        return true;
    }
    if (si_value_part(&p->rest, text)) {
        return true;
    }
    if ((part->flags & SI_PART_NEEDED) != 0) {
        p->wrong = true;
    } else {
        *text = default_of(p->row, index, k);
    }
    return false;
}

/* The next part, which is of that kind; NULL once something is wrong. */
static const si_part *next_part(si_parts *p, si_part_kind kind) {
    if (p->wrong) {
        return NULL;
    }
    assert(p->next < SI_MAX_PARTS);
    const si_part *part = &p->row->parts[p->next++];
    assert(kind == SI_PART_NONE || part->kind == kind);
    return part;
}

bool si_part_text(si_parts *p, si_str *out) {
    *out = (si_str){NULL, 0};
    return next_part(p, SI_PART_NONE) != NULL && take(p, p->next - 1, 0, out);
}

bool si_part_flag(si_parts *p, bool *out) {
    si_str text;
    if (next_part(p, SI_PART_FLAG) == NULL) {
        return false;
    }
    bool given = take(p, p->next - 1, 0, &text);
    p->wrong |= (given || text.len > 0) && !si_str_flag(text, out);
    return given;
}

bool si_part_word(si_parts *p, int *out) {
    const si_part *part = next_part(p, SI_PART_WORDS);
    si_str text;
    if (part == NULL) {
        return false;
    }
    bool given = take(p, p->next - 1, 0, &text);
    if (given || text.len > 0) {
        int index = si_words_find(part->words, text, (part->flags & SI_PART_CASE) == 0);
        p->wrong |= index < 0 && (part->flags & SI_PART_LENIENT) == 0;
        *out = p->wrong ? *out : index;
    }
    return given;
}

/* A number within the bounds of its part, or moved there; false if it is refused. */
static bool bound(const si_part *part, double *v) {
    bool low = *v < part->min || (*v == part->min && (part->flags & SI_PART_LOW_OPEN) != 0);
    bool high = *v > part->max || (*v == part->max && (part->flags & SI_PART_HIGH_OPEN) != 0);
    if ((low && (part->flags & SI_PART_LOW_HELD) == 0) ||
        (high && (part->flags & SI_PART_HIGH_HELD) == 0)) {
        return false;
    }
    *v = low ? part->min : high ? part->max : *v;
    return true;
}

static bool read_number(const si_part *part, si_str text, double *out) {
    int whole = 0;
    double real = 0;
    bool number =
        part->kind == SI_PART_INT ? si_value_int(text, &whole) : si_value_real(text, &real);
    *out = part->kind == SI_PART_INT ? whole : real;
    return number && bound(part, out);
}

/* Number `k` of a part. False = it is nowhere, or wrong. */
static bool next_number(si_parts *p, const si_part *part, int k, bool *given, double *out) {
    si_str text;
    *given |= !p->wrong && take(p, p->next - 1, k, &text);
    if (p->wrong || text.len == 0) {
        return false;
    }
    p->wrong = !read_number(part, text, out);
    return !p->wrong;
}

bool si_part_ints(si_parts *p, int *out) {
    const si_part *part = next_part(p, SI_PART_INT);
    bool given = false;
    double v;
    for (int k = 0; part != NULL && k < part->count; k++) {
        out[k] = next_number(p, part, k, &given, &v) ? (int)v : out[k];
    }
    return given;
}

bool si_part_reals(si_parts *p, double *out) {
    const si_part *part = next_part(p, SI_PART_REAL);
    bool given = false;
    double v;
    for (int k = 0; part != NULL && k < part->count; k++) {
        out[k] = next_number(p, part, k, &given, &v) ? v : out[k];
    }
    return given;
}

/* ---- a single part ---- */

static si_result end(const si_command_target *s, si_str value, const si_parts *p) {
    return si_parts_done(p) ? SI_OK : si_command_bad_value(s, value);
}

si_result si_command_flag(const si_command_target *s, si_str value, bool *out) {
    si_parts p = si_parts_of(s, value);
    (void)si_part_flag(&p, out);
    return end(s, value, &p);
}

si_result si_command_word(const si_command_target *s, si_str value, int *out) {
    si_parts p = si_parts_of(s, value);
    (void)si_part_word(&p, out);
    return end(s, value, &p);
}

si_result si_command_int(const si_command_target *s, si_str value, int *out) {
    si_parts p = si_parts_of(s, value);
    (void)si_part_ints(&p, out);
    return end(s, value, &p);
}

si_result si_command_real(const si_command_target *s, si_str value, double *out) {
    si_parts p = si_parts_of(s, value);
    (void)si_part_reals(&p, out);
    return end(s, value, &p);
}
