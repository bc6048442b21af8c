#include "cli/top/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

/* A type that was told last, which holds for the samples that follow. */
typedef struct type_line {
    si_str family;
    si_sample_kind kind;
} type_line;

static void read_type(si_str line, type_line *out) {
    si_str rest = line, word, kind;
    (void)si_str_next(&rest, ' ', &word); /* # */
    if (!si_str_next(&rest, ' ', &word) || !si_str_eq(word, SI_STR("TYPE")) ||
        !si_str_next(&rest, ' ', &out->family) || !si_str_next(&rest, ' ', &kind)) {
        return;
    }
    kind = si_str_trim(kind);
    out->kind = si_str_eq(kind, SI_STR("counter"))     ? SI_SAMPLE_COUNTER
                : si_str_eq(kind, SI_STR("gauge"))     ? SI_SAMPLE_GAUGE
                : si_str_eq(kind, SI_STR("histogram")) ? SI_SAMPLE_HISTOGRAM
                                                       : SI_SAMPLE_OTHER;
}

/* Length of the labels behind "{", up to the "}" that is in no quotes; −1 if there is none. */
static ptrdiff_t labels_length(si_str s) {
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\\' && quoted) {
            i++;
        } else if (s.p[i] == '"') {
            quoted = !quoted;
        } else if (s.p[i] == '}' && !quoted) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static bool read_value(si_str text, double *out) {
    char number[64], *end;
    if (text.len == 0 || text.len >= sizeof number) {
        return false;
    }
    memcpy(number, text.p, text.len);
    number[text.len] = '\0';
    *out = strtod(number, &end); /* +Inf and NaN, too */
    return *end == '\0';
}

static bool read_sample(si_str line, const type_line *type, si_sample *out) {
    size_t name = 0;
    while (name < line.len && line.p[name] != '{' && line.p[name] != ' ') {
        name++;
    }
    *out = (si_sample){.name = {line.p, name}, .family = {line.p, name}};
    si_str rest = {line.p + name, line.len - name}, value;
    if (rest.len > 0 && rest.p[0] == '{') {
        si_str inside = {rest.p + 1, rest.len - 1};
        ptrdiff_t length = labels_length(inside);
        if (length < 0) {
            return false;
        }
        out->labels = (si_str){inside.p, (size_t)length};
        rest = (si_str){inside.p + length + 1, inside.len - (size_t)length - 1};
    }
    rest = si_str_trim(rest);
    if (name == 0 || !si_str_next(&rest, ' ', &value) || !read_value(value, &out->value)) {
        return false;
    }
    bool of_type = type->family.len > 0 && si_str_starts(out->name, type->family);
    if (of_type && (out->name.len == type->family.len || type->kind == SI_SAMPLE_HISTOGRAM)) {
        out->family = type->family;
        out->kind = type->kind;
    }
    return true;
}

static bool keep(si_samples *s, const si_sample *sample) {
    if (s->count == s->room) {
        int room = s->room * 2 + 128;
        si_sample *more = realloc(s->items, (size_t)room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        s->items = more;
        s->room = room;
    }
    s->items[s->count++] = *sample;
    return true;
}

bool si_samples_read(si_samples *s, si_bytes *page) {
    type_line type = {{NULL, 0}, SI_SAMPLE_OTHER};
    si_bytes_move(&s->page, page);
    si_str rest = {(const char *)s->page.data, s->page.len}, line;
    bool ok = true;
    while (ok && rest.len > 0 && si_str_next_line(&rest, &line)) {
        si_sample sample;
        if (line.len > 0 && line.p[0] == '#') {
            read_type(line, &type);
        } else if (line.len > 0 && read_sample(line, &type, &sample)) {
            ok = keep(s, &sample);
        }
    }
    return ok && s->count > 0;
}

void si_samples_free(si_samples *s) {
    si_bytes_free(&s->page);
    free(s->items);
    *s = (si_samples){.count = 0};
}

/* ---- looking ---- */

si_str si_sample_label(const si_sample *sample, si_str name) {
    si_str rest = sample->labels;
    while (rest.len > 0) {
        size_t key = 0;
        while (key < rest.len && rest.p[key] != '=') {
            key++;
        }
        size_t begin = key + 2, end = begin; /* behind =" */
        while (end < rest.len && rest.p[end] != '"') {
            end += rest.p[end] == '\\' ? 2 : 1;
        }
        if (end >= rest.len) {
            break;
        }
        if (si_str_eq(si_str_trim((si_str){rest.p, key}), name)) {
            return (si_str){rest.p + begin, end - begin};
        }
        size_t skip = end + 1;
        skip += skip < rest.len && rest.p[skip] == ',';
        rest = (si_str){rest.p + skip, rest.len - skip};
    }
    return (si_str){NULL, 0};
}

/* Whether a sample has a label such as class="4xx". */
static bool has_label(const si_sample *sample, const char *label) {
    si_str value = si_str_of(label), name;
    (void)si_str_next(&value, '=', &name);
    si_str found = si_sample_label(sample, name);
    return found.p != NULL && value.len >= 2 &&
           si_str_eq(found, (si_str){value.p + 1, value.len - 2});
}

double si_samples_sum(const si_samples *s, const char *name, const char *label) {
    double sum = NAN;
    for (int i = 0; i < s->count; i++) {
        const si_sample *sample = &s->items[i];
        if (si_str_eq(sample->name, si_str_of(name)) &&
            (label == NULL || has_label(sample, label))) {
            sum = isnan(sum) ? sample->value : sum + sample->value;
        }
    }
    return sum;
}

const si_sample *si_samples_same(const si_samples *s, const si_sample *sample) {
    for (int i = 0; i < s->count; i++) {
        const si_sample *other = &s->items[i];
        if (si_str_eq(other->name, sample->name) && si_str_eq(other->labels, sample->labels)) {
            return other;
        }
    }
    return NULL;
}
