/* A report for people at a terminal. */
#include <string.h>

#include "cli/report/report_totals.h"
#include "quality/choose.h"

enum { BAR = 40 };

static void print_totals(FILE *to, const si_report_totals *t) {
    char requested[32], sent[32];
    fprintf(to, "requests   %ld", t->requests);
    if (t->urls != t->requests) {
        fprintf(to, " for %ld different URLs", t->urls);
    }
    fprintf(to, ": %ld ok, %ld errors", t->ok, t->errors);
    if (t->unanswered > 0) {
        fprintf(to, ", %ld not yet answered", t->unanswered);
    }
    if (t->ok > t->images) {
        fprintf(to, "; %ld ask for no image", t->ok - t->images);
    }
    putc('\n', to);
    if (t->not_images + t->unreadable > 0) {
        fprintf(to, "left out   %ld lines about something else, %ld that are no request\n",
            t->not_images, t->unreadable);
    }
    fprintf(to, "requested  %s\nsent       %s\n", si_report_bytes(t->requested_bytes, requested),
        si_report_bytes(t->sent_bytes, sent));
    fprintf(to, "saved      %.1f %%; per request mean %.1f %%, median %.1f %%\n",
        si_report_percent(t->requested_bytes, t->sent_bytes), t->mean_saving, t->median_saving);
    fprintf(to,
        "quality    %ld converted, %ld of them below target − %.1f; %ld larger than requested\n",
        t->converted, t->below_target, SI_SCORE_SLACK, t->larger);
}

static void print_shares(FILE *to, const char *title, const si_report_share *s, int count) {
    fprintf(to, "\n%-16s %9s %11s %11s %8s\n", title, "requests", "requested", "sent", "saved");
    for (int i = 0; i < count; i++) {
        char requested[32], sent[32];
        if (s[i].requests > 0) {
            fprintf(to, "  %-14s %9ld %11s %11s %6.1f %%\n", s[i].name, s[i].requests,
                si_report_bytes(s[i].requested_bytes, requested),
                si_report_bytes(s[i].sent_bytes, sent),
                si_report_percent(s[i].requested_bytes, s[i].sent_bytes));
        }
    }
}

/* Columns of a UTF-8 text without wide or combining characters. */
static int columns(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static void print_bins(FILE *to, const char *title, const si_report_bin *bins, int count) {
    long most = 1;
    for (int i = 0; i < count; i++) {
        most = bins[i].requests > most ? bins[i].requests : most;
    }
    fprintf(to, "\n%s\n", title);
    for (int i = 0; i < count; i++) {
        int full = (int)((bins[i].requests * BAR + most - 1) / most);
        fprintf(to, "  %s%*s ", bins[i].name, 16 - columns(bins[i].name), "");
        for (int k = 0; k < full; k++) {
            putc('#', to);
        }
        fprintf(to, "%s%ld\n", full > 0 ? " " : "", bins[i].requests);
    }
}

static void print_rows(
    FILE *to, const char *title, const si_report_row *const *rows, const si_report_totals *t) {
    fprintf(to, "\n%s\n", title);
    for (int i = 0; i < t->shown; i++) {
        const si_report_result *r = &rows[i]->result;
        fprintf(to, "  %5.1f %%  %4s → %-4s %9lld → %-9lld", si_report_saving(r),
            si_format_name(r->requested), si_format_name(r->sent), (long long)r->requested_bytes,
            (long long)r->sent_bytes);
        if (isnan(si_report_margin(r))) {
            fprintf(to, "  %5s", "");
        } else {
            fprintf(to, "  %+5.2f", si_report_margin(r));
        }
        fprintf(to, "  %s\n", rows[i]->url);
    }
}

static void print_errors(FILE *to, const si_report_row *rows, int count) {
    int errors = 0;
    for (int i = 0; i < count; i++) {
        const si_report_row *row = &rows[i];
        if (row->result.status == 0 || row->result.status == 200) {
            continue;
        }
        if (++errors == 1) {
            fprintf(to, "\nerrors\n");
        }
        if (errors <= SI_REPORT_SHOWN) {
            fprintf(to, "  %d  %s\n       %s\n", row->result.status, row->url, row->result.error);
        }
    }
    if (errors > SI_REPORT_SHOWN) {
        fprintf(to, "  and %d more\n", errors - SI_REPORT_SHOWN);
    }
}

void si_report_print(FILE *to, const si_report_row *rows, int count, const si_report_totals *t) {
    print_totals(to, t);
    if (t->images > 0) {
        print_shares(to, "format sent", t->by_format, SI_FORMAT_COUNT);
        print_shares(to, "format requested", t->by_request, SI_FORMAT_COUNT);
        print_shares(to, "kind of image", t->by_kind, 2);
        print_bins(to, "saving, requests", t->savings, SI_REPORT_SAVING_BINS);
        print_bins(to, "score − target of what was converted, requests", t->margins,
            SI_REPORT_MARGIN_BINS);
        print_rows(to, "best (saving, formats, bytes, score − target)", t->best, t);
        print_rows(to, "worst", t->worst, t);
    }
    print_errors(to, rows, count);
}
