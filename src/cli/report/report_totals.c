#include "cli/report/report_totals.h"

#include <stdlib.h>
#include <string.h>

#include "cli/report/report_list.h"
#include "quality/choose.h"

static const double saving_step = 10;   /* percent */
static const double margin_step = 0.25; /* points of the score */
static const double rounding = 2e-6;    /* of scores in the state file */

const char *si_report_kind_name(bool graphics) {
    return graphics ? "graphics" : "photo-like";
}

double si_report_percent(int64_t requested_bytes, int64_t sent_bytes) {
    return requested_bytes > 0
               ? 100.0 * (double)(requested_bytes - sent_bytes) / (double)requested_bytes
               : 0;
}

char *si_report_bytes(int64_t bytes, char *out) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        unit++;
    }
    snprintf(out, 32, "%.*f %s", unit == 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v, units[unit]);
    return out;
}

/* ---- bins ---- */

static void name_bins(si_report_totals *t) {
    si_report_bin *none = &t->savings[0];
    *none = (si_report_bin){.name = "as requested", .from = NAN, .to = NAN};
    for (int i = 1; i < SI_REPORT_SAVING_BINS; i++) {
        si_report_bin *b = &t->savings[i];
        b->from = (i - 1) * saving_step;
        b->to = i * saving_step;
        snprintf(b->name, sizeof b->name, "%.0f–%.0f %%", b->from, b->to);
    }
    for (int i = 0; i < SI_REPORT_MARGIN_BINS; i++) {
        si_report_bin *b = &t->margins[i];
        bool first = i == 0, last = i == SI_REPORT_MARGIN_BINS - 1;
        b->from = first ? NAN : -SI_SCORE_SLACK + (i - 1) * margin_step;
        b->to = last ? NAN : -SI_SCORE_SLACK + i * margin_step;
        b->bad = first;
        if (first) {
            snprintf(b->name, sizeof b->name, "below %+.2f", b->to);
        } else if (last) {
            snprintf(b->name, sizeof b->name, "%+.2f and more", b->from);
        } else {
            snprintf(b->name, sizeof b->name, "%+.2f…%+.2f", b->from, b->to);
        }
    }
}

static int clamp(double v, int low, int high) {
    return v < low ? low : v > high ? high : (int)v;
}

static void count_bins(si_report_totals *t, const si_report_row *row) {
    const si_report_result *r = &row->result;
    int saving = 0;
    if (si_report_converted(r)) {
        saving = 1 + clamp(floor(si_report_saving(r) / saving_step), 0, SI_REPORT_SAVING_BINS - 2);
    }
    t->savings[saving].requests += row->requests;
    double margin = si_report_margin(r);
    if (!isnan(margin)) {
        double steps = floor((margin + SI_SCORE_SLACK) / margin_step);
        t->margins[clamp(steps + 1, 0, SI_REPORT_MARGIN_BINS - 1)].requests += row->requests;
    }
}

/* ---- sums ---- */

static void add_share(si_report_share *s, const si_report_row *row) {
    s->requests += row->requests;
    s->requested_bytes += row->requests * row->result.requested_bytes;
    s->sent_bytes += row->requests * row->result.sent_bytes;
}

/* A converted reply that nobody has shown to look as good. Exact ones need no score. */
static bool below_target(const si_report_result *r) {
    return si_report_converted(r) && !r->lossless &&
           !(r->score >= r->target - SI_SCORE_SLACK - rounding); /* NAN is none */
}

static void add_image(si_report_totals *t, const si_report_row *row) {
    const si_report_result *r = &row->result;
    t->images += row->requests;
    t->converted += si_report_converted(r) ? row->requests : 0;
    t->below_target += below_target(r) ? row->requests : 0;
    t->larger += r->sent_bytes > r->requested_bytes ? row->requests : 0;
    t->requested_bytes += row->requests * r->requested_bytes;
    t->sent_bytes += row->requests * r->sent_bytes;
    t->mean_saving += (double)row->requests * si_report_saving(r);
    add_share(&t->by_format[r->sent], row);
    add_share(&t->by_request[r->requested], row);
    add_share(&t->by_kind[r->graphics], row);
    count_bins(t, row);
    t->order[t->order_count++] = row;
}

static void add_row(si_report_totals *t, const si_report_row *row) {
    t->requests += row->requests;
    if (row->result.status == 0) {
        t->unanswered += row->requests;
    } else if (row->result.status != 200) {
        t->errors += row->requests;
    } else {
        t->ok += row->requests;
        if (row->result.image) {
            add_image(t, row);
        }
    }
}

static int by_saving(const void *a, const void *b) {
    const si_report_row *x = *(si_report_row *const *)a, *y = *(si_report_row *const *)b;
    double sx = si_report_saving(&x->result), sy = si_report_saving(&y->result);
    return sx != sy ? (sx < sy) - (sx > sy) : strcmp(x->url, y->url);
}

static double median(const si_report_totals *t) {
    long before = 0;
    for (int i = 0; i < t->order_count; i++) {
        before += t->order[i]->requests;
        if (2 * before > t->images) {
            return si_report_saving(&t->order[i]->result);
        }
        if (2 * before == t->images) {
            return (si_report_saving(&t->order[i]->result) +
                       si_report_saving(&t->order[i + 1]->result)) /
                   2;
        }
    }
    return 0;
}

bool si_report_sum_up(const si_report_list *list, si_report_totals *t) {
    si_report_totals_free(t);
    t->order = malloc(((size_t)list->count + 1) * sizeof *t->order);
    if (t->order == NULL) {
        return false;
    }
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        t->by_format[f].name = t->by_request[f].name = si_format_name((si_format)f);
    }
    t->by_kind[0].name = si_report_kind_name(false);
    t->by_kind[1].name = si_report_kind_name(true);
    name_bins(t);
    t->urls = list->count;
    t->not_images = list->not_images;
    t->unreadable = list->unreadable;
    for (int i = 0; i < list->count; i++) {
        add_row(t, &list->rows[i]);
    }
    qsort(t->order, (size_t)t->order_count, sizeof *t->order, by_saving);
    t->mean_saving = t->images > 0 ? t->mean_saving / (double)t->images : 0;
    t->median_saving = median(t);
    t->shown = t->order_count < SI_REPORT_SHOWN ? t->order_count : SI_REPORT_SHOWN;
    for (int i = 0; i < t->shown; i++) {
        t->best[i] = t->order[i];
        t->worst[i] = t->order[t->order_count - 1 - i];
    }
    return true;
}

void si_report_totals_free(si_report_totals *t) {
    free(t->order);
    *t = (si_report_totals){0};
}

bool si_report_passed(const si_report_totals *t) {
    return t->unanswered == 0 && t->errors == 0 && t->below_target == 0 && t->larger == 0;
}
