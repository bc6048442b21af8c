#include "cli/metrics_page.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "base/pool_status.h"

static const char head[] =
    "# Metrics\n"
    "\n"
    "*Made by `smartimg config metrics` from the tables of the source; a test says when it is out "
    "of date.*\n"
    "\n"
    "`smartimg serve --admin-listen 127.0.0.1:9145` answers `/metrics` there, in the text format "
    "of Prometheus. "
    "`conf/prometheus/prometheus.yml`\n"
    "asks for it, `conf/prometheus/alerts.yml` says when somebody should know, and "
    "`conf/grafana/smartimg.json` is a "
    "dashboard.\n"
    "\n"
    "![Prometheus, with the alerts loaded and one of them fired](screenshots/alerts.webp)\n"
    "\n"
    "- **Where numbers come from**: nginx counts what goes through it, in memory that its "
    "processes share, so a reload "
    "keeps the numbers and a\n"
    "  restart of `smartimg serve` begins anew, as Prometheus expects. The pool tells of renderers "
    "in a page of memory "
    "that it alone writes and nginx\n"
    "  only reads: no renderer spends time on it, the numbers are there when none answers, and "
    "they outlive a pool that "
    "dies. A renderer cannot\n"
    "  write it, whatever a picture has made of it. A configuration of nginx of one's own "
    "that has no `smartimg_pool_status` lacks that part.\n"
    "- **What a hit costs**: labels and histograms take 460 of the 51,000 instructions that nginx "
    "and the module\n"
    "  spend on a reply from memory (callgrind), and no lock.\n"
    "- **How many rows there are**: at most 255 companies that have a file of their own, all "
    "others count as `other`; "
    "at most 3072 combinations of\n"
    "  labels of requests, what comes after that has `other` in all labels. Sums are right either "
    "way.\n"
    "\n"
    "| metric | type | labels | meaning |\n"
    "|---|---|---|---|\n";

typedef struct label_row {
    si_metric family;
    const char *label;
    const char *help; /* "" = the label says it */
} label_row;

/* All rows with a fixed label. */
static const label_row rows[] = {
#define X(field, family, label) {SI_METRIC_##family, label, ""},
    SI_METRIC_ROWS(X)
#undef X
#define X(field, family, label, bounds) {SI_METRIC_##family, label, ""},
        SI_METRIC_HISTOGRAMS(X)
#undef X
#define X(id, label, help) {SI_METRIC_ENDS, label, help},
            SI_RENDERER_ENDS(X)
#undef X
#define X(id, label, help) {SI_METRIC_SPARED, label, help},
                SI_RENDERER_SPARED(X)
#undef X
#define X(id, label, help) {SI_METRIC_HELPERS, label, help},
                    SI_POOL_HELPERS(X)
#undef X
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* "`a`, `b`" of "a,b". */
static void print_names(const char *names) {
    putchar('`');
    for (; *names != '\0'; names++) {
        if (*names == ',') {
            fputs("`, `", stdout);
        } else {
            putchar(*names);
        }
    }
    putchar('`');
}

/* The labels of a family, with their values where they are fixed. */
static void print_labels(si_metric family) {
    const char *before = ": ";
    if (si_metric_families[family].labels[0] == '\0') {
        return;
    }
    print_names(si_metric_families[family].labels);
    for (int i = 0; i < ROW_COUNT; i++) {
        if (rows[i].family == family) {
            printf("%s%s", before, rows[i].label);
            before = ", ";
        }
    }
}

static void print_bounds(void) {
    puts("\nUpper bounds of the histograms' buckets:\n\n| of | bounds |\n|---|---|");
    for (int i = 0; i < SI_BOUNDS_COUNT; i++) {
        const si_metric_scale *s = &si_metric_scales[i];
        printf("| %s | ", s->words);
        for (int k = 0; k < s->count; k++) {
            printf("%s%g", k > 0 ? ", " : "", (double)s->bounds[k] / (double)s->unit);
        }
        puts(" |");
    }
}

static void print_meanings(si_metric family) {
    const si_metric_family *f = &si_metric_families[family];
    printf("\n## `%s`\n\n| `%s` | meaning |\n|---|---|\n", f->name, f->labels);
    for (int i = 0; i < ROW_COUNT; i++) {
        if (rows[i].family == family) {
            printf("| `%s` | %s |\n", rows[i].label, rows[i].help);
        }
    }
}

void si_metrics_page(void) {
    fputs(head, stdout);
    for (si_metric i = 0; i < SI_METRIC_COUNT; i++) {
        const si_metric_family *f = &si_metric_families[i];
        printf("| `%s` | %s | ", f->name, f->type);
        print_labels(i);
        printf(" | %s |\n", f->help);
    }
    print_bounds();
    print_meanings(SI_METRIC_ENDS);
    print_meanings(SI_METRIC_SPARED);
    print_meanings(SI_METRIC_HELPERS);
}
