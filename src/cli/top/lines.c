#include "cli/top/lines.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/result.h"

enum {
    VALUES_MAX = 300, /* of a label */
    VALUES_SHOWN = 10,
    BUCKETS_MAX = 64,
    TEXT_COLUMNS = 34
};

static const struct row {
    const char *section, *text, *metric, *label;
    si_top_kind kind;
} rows[] = {
#define X(section, text, metric, label, kind) {section, text, metric, label, SI_TOP_##kind},
    SI_TOP_ROWS(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof *rows };

/* Lines in the making. */
typedef struct maker {
    const si_samples *before, *now;
    double seconds; /* between both; 0 = there is no before */
    const char *section;
    si_top_lines *out;
    bool failed;
} maker;

/* ---- lines ---- */

static void add(maker *m, bool heading, const char *fmt, ...) SI_PRINTF(3, 4);

static void add(maker *m, bool heading, const char *fmt, ...) {
    si_top_lines *out = m->out;
    if (out->count == out->room) {
        int room = out->room * 2 + 64;
        si_top_line *more = realloc(out->items, (size_t)room * sizeof *more);
        m->failed |= more == NULL;
        if (more == NULL) {
            return;
        }
        out->items = more;
        out->room = room;
    }
    si_top_line *line = &out->items[out->count++];
    line->heading = heading;
    va_list args;
    va_start(args, fmt);
    vsnprintf(line->text, sizeof line->text, fmt, args);
    va_end(args);
    for (char *c = line->text; *c != '\0'; c++) { /* labels may hold anything */
        *c = *c >= 0x20 && *c < 0x7f ? *c : '?';
    }
}

static void open_section(maker *m, const char *section) {
    if (m->section == NULL || strcmp(m->section, section) != 0) {
        m->section = section;
        add(m, true, "%-*s %12s %12s", TEXT_COLUMNS, section, "a second", "in all");
    }
}

/* ---- numbers ---- */

/* Four digits or so, with a unit of thousands. */
static const char *print_number(double v, const char *unit, char out[32]) {
    static const char *const thousands[] = {"", "k", "M", "G", "T", "P"};
    size_t i = 0;
    if (isnan(v)) {
        return "-";
    }
    while (fabs(v) >= 9999.5 && i + 1 < sizeof thousands / sizeof *thousands) {
        v /= 1000;
        i++;
    }
    bool whole = v == floor(v) && i == 0;
    snprintf(out, 32, "%.*f%s%s%s", whole ? 0 : 1, v, i > 0 || unit[0] != '\0' ? " " : "",
        thousands[i], unit);
    return out;
}

static double rate_of(const maker *m, double before, double now) {
    if (m->seconds <= 0) {
        return NAN;
    }
    double since = isnan(before) ? 0 : before;
    return (now >= since ? now - since : now) / m->seconds;
}

static void add_values(maker *m, const char *text, double before, double now, si_top_kind kind) {
    char rate[32], total[32];
    const char *unit = kind == SI_TOP_BYTES || kind == SI_TOP_SIZE ? "B" : "";
    if (kind == SI_TOP_NOW || kind == SI_TOP_SIZE) {
        add(m, false, "  %-*s %12s %12s", TEXT_COLUMNS - 2, text, "",
            print_number(now, unit, total));
        return;
    }
    double a_second = rate_of(m, before, now);
    if (!isnan(a_second)) {
        a_second = floor(a_second * 10 + 0.5) / 10;
    }
    add(m, false, "  %-*s %12s %12s", TEXT_COLUMNS - 2, text, print_number(a_second, unit, rate),
        print_number(now, unit, total));
}

/* ---- the rows of the table ---- */

/* Sums of the samples of a metric by the values of a label. */
typedef struct by_value {
    si_str value;
    double before, now;
} by_value;

static void sum_by_value(
    const si_samples *s, const struct row *row, by_value *sums, int *count, bool now) {
    for (int i = 0; i < s->count; i++) {
        const si_sample *sample = &s->items[i];
        si_str value = si_sample_label(sample, si_str_of(row->label));
        int k = 0;
        if (value.p == NULL || !si_str_eq(sample->name, si_str_of(row->metric))) {
            continue;
        }
        while (k < *count && !si_str_eq(sums[k].value, value)) {
            k++;
        }
        if (k == *count && (!now || *count == VALUES_MAX)) {
            continue;
        }
        if (k == *count) {
            sums[(*count)++] = (by_value){.value = value};
        }
        *(now ? &sums[k].now : &sums[k].before) += sample->value;
    }
}

/* What changed most lately first, then what is most in all. */
static int by_change(const void *a, const void *b) {
    const by_value *x = a, *y = b;
    double change = (y->now - y->before) - (x->now - x->before), all = y->now - x->now;
    return change != 0 ? (change > 0) - (change < 0) : (all > 0) - (all < 0);
}

static void add_by_value(maker *m, const struct row *row) {
    by_value sums[VALUES_MAX];
    int count = 0;
    sum_by_value(m->now, row, sums, &count, true);
    sum_by_value(m->before, row, sums, &count, false);
    if (count > VALUES_SHOWN) { /* else rows keep their places */
        qsort(sums, (size_t)count, sizeof *sums, by_change);
    }
    for (int i = 0; i < count && i < VALUES_SHOWN; i++) {
        char text[TEXT_COLUMNS + 1];
        snprintf(text, sizeof text, "%s %.*s", row->text, SI_STR_ARG(sums[i].value));
        open_section(m, row->section);
        add_values(m, text, sums[i].before, sums[i].now, row->kind);
    }
}

static void add_row(maker *m, const struct row *row) {
    if (row->label != NULL && strchr(row->label, '=') == NULL) {
        add_by_value(m, row);
        return;
    }
    double now = si_samples_sum(m->now, row->metric, row->label);
    if (!isnan(now)) {
        open_section(m, row->section);
        add_values(
            m, row->text, si_samples_sum(m->before, row->metric, row->label), now, row->kind);
    }
}

/* ---- histograms ---- */

double si_top_quantile(const double *upper, const double *below, int count, double q) {
    if (count < 2 || !(below[count - 1] > 0)) {
        return NAN;
    }
    double rank = q * below[count - 1];
    int i = 0;
    while (i < count - 1 && below[i] < rank) {
        i++;
    }
    if (i == count - 1) {
        return upper[count - 2];
    }
    double from = i > 0 ? upper[i - 1] : 0, fewer = i > 0 ? below[i - 1] : 0;
    double in_it = below[i] - fewer;
    return in_it > 0 ? from + (upper[i] - from) * (rank - fewer) / in_it : upper[i];
}

/* Labels without le, as buckets of one histogram have them in common. */
static void series_of(const si_sample *sample, char out[120]) {
    si_str le = si_sample_label(sample, SI_STR("le"));
    const char *begin = le.p - 4, *all = sample->labels.p; /* le=" */
    size_t before = (size_t)(begin - all), after = (size_t)(le.p + le.len + 1 - all);
    before -= before > 0 && all[before - 1] == ',';
    after += before == 0 && after < sample->labels.len && all[after] == ',';
    snprintf(
        out, 120, "%.*s%.*s", (int)before, all, (int)(sample->labels.len - after), all + after);
}

static bool is_bucket(const si_sample *s) {
    return s->kind == SI_SAMPLE_HISTOGRAM && s->name.len == s->family.len + 7 &&
           memcmp(s->name.p + s->family.len, "_bucket", 7) == 0 &&
           si_sample_label(s, SI_STR("le")).p != NULL;
}

static void add_quantiles(
    maker *m, const si_sample *first, const double *upper, const double *below, int count) {
    char series[120], text[200], p[3][32];
    static const double shares[] = {0.5, 0.95, 0.99};
    si_str family = first->family;
    bool seconds = family.len > 8 && memcmp(family.p + family.len - 8, "_seconds", 8) == 0;
    for (int i = 0; i < 3; i++) {
        double v = si_top_quantile(upper, below, count, shares[i]);
        snprintf(p[i], sizeof p[i],
            isnan(v)  ? "-"
            : seconds ? "%.1f ms"
                      : "%.4g",
            seconds ? 1000 * v : v);
    }
    series_of(first, series);
    si_str name = si_str_starts(family, SI_STR("smartimg_"))
                      ? (si_str){family.p + 9, family.len - 9}
                      : family;
    snprintf(text, sizeof text, "%.*s %s", SI_STR_ARG(name), series);
    add(m, false, "  %-*.*s %12s %12s %12s", TEXT_COLUMNS + 12, TEXT_COLUMNS + 12, text, p[0], p[1],
        p[2]);
}

/* The buckets of one histogram, which stand one behind the other, from `i` on. Returns how many. */
static int add_histogram(maker *m, int i) {
    double upper[BUCKETS_MAX], all[BUCKETS_MAX], since[BUCKETS_MAX];
    char series[120], other[120];
    const si_sample *first = &m->now->items[i];
    int seen = 0, count = 0;
    series_of(first, series);
    for (; i + seen < m->now->count; seen++) {
        const si_sample *s = &m->now->items[i + seen];
        if (!is_bucket(s) || !si_str_eq(s->family, first->family)) {
            break;
        }
        series_of(s, other);
        if (strcmp(series, other) != 0) {
            break;
        }
        if (count < BUCKETS_MAX) {
            const si_sample *earlier = si_samples_same(m->before, s);
            si_str le = si_sample_label(s, SI_STR("le"));
            upper[count] = le.p[0] == '+' ? INFINITY : strtod(le.p, NULL);
            all[count] = s->value;
            since[count] = s->value - (earlier != NULL ? earlier->value : 0);
            count++;
        }
    }
    bool fresh = m->seconds > 0 && count > 0 && since[count - 1] > 0;
    add_quantiles(m, first, upper, fresh ? since : all, count);
    return seen;
}

static void add_histograms(maker *m) {
    bool any = false;
    for (int i = 0; i < m->now->count;) {
        if (!is_bucket(&m->now->items[i])) {
            i++;
            continue;
        }
        if (!any) {
            add(m, true, "%-*s %12s %12s %12s", TEXT_COLUMNS + 14, "Distributions", "half", "95 %",
                "99 %");
        }
        any = true;
        i += add_histogram(m, i);
    }
}

/* ---- all that no row names ---- */

static bool is_named(si_str name) {
    for (int i = 0; i < ROWS; i++) {
        if (si_str_eq(name, si_str_of(rows[i].metric))) {
            return true;
        }
    }
    return false;
}

static void add_others(maker *m) {
    for (int i = 0; i < m->now->count; i++) {
        const si_sample *s = &m->now->items[i];
        if (is_named(s->name) || s->kind == SI_SAMPLE_HISTOGRAM) {
            continue;
        }
        char text[TEXT_COLUMNS - 1];
        si_str name = si_str_starts(s->name, SI_STR("smartimg_"))
                          ? (si_str){s->name.p + 9, s->name.len - 9}
                          : s->name;
        const si_sample *earlier = si_samples_same(m->before, s);
        snprintf(text, sizeof text, "%.*s%s%.*s", SI_STR_ARG(name), s->labels.len > 0 ? " " : "",
            SI_STR_ARG(s->labels));
        open_section(m, "Others");
        add_values(m, text, earlier != NULL ? earlier->value : NAN, s->value,
            s->kind == SI_SAMPLE_COUNTER ? SI_TOP_RATE : SI_TOP_NOW);
    }
}

bool si_top_lines_make(const si_samples *before, const si_samples *now, si_top_lines *out) {
    maker m = {.before = before, .now = now, .out = out};
    m.seconds = before->count > 0 ? (double)(now->at_ns - before->at_ns) / (double)SI_SECOND : 0;
    out->count = 0;
    double all = si_samples_sum(now, rows[0].metric, NULL);
    out->requests =
        isnan(all) ? NAN : rate_of(&m, si_samples_sum(before, rows[0].metric, NULL), all);
    for (int i = 0; i < ROWS; i++) {
        add_row(&m, &rows[i]);
    }
    add_histograms(&m);
    add_others(&m);
    return !m.failed;
}

void si_top_lines_free(si_top_lines *lines) {
    free(lines->items);
    *lines = (si_top_lines){.count = 0};
}
