#include "cli/report/report_progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/report/report_totals.h"

enum { BAR = 24, BAR_MS = 200, LINE_MS = 15000 };

static void count(si_report_progress *p, const si_report_result *r) {
    p->done++;
    p->requested_bytes += r->image ? r->requested_bytes : 0;
    p->sent_bytes += r->image ? r->sent_bytes : 0;
}

void si_report_progress_start(
    si_report_progress *p, const char *title, const si_report_list *list, int todo) {
    *p = (si_report_progress){.title = title, .start_ns = si_now_ns()};
    p->terminal = isatty(STDERR_FILENO);
    p->shown_ns = p->terminal ? 0 : p->start_ns; /* short work needs no line */
    for (int i = 0; list != NULL && i < list->count; i++) {
        if (list->rows[i].result.status != 0) {
            count(p, &list->rows[i].result);
        }
    }
    p->known = p->done;
    p->total = p->done + todo;
}

void si_report_progress_add(si_report_progress *p, const si_report_result *result) {
    count(p, result);
}

/* "2:05" or "1:02:05" left at the pace so far; "" as long as there is none. */
static void time_left(const si_report_progress *p, int64_t now, char *out, size_t room) {
    int fresh = p->done - p->known;
    out[0] = '\0';
    if (fresh > 0 && p->done < p->total) {
        double seconds =
            (double)(now - p->start_ns) / 1e9 / fresh * (double)(p->total - p->done) + 0.5;
        long s = seconds < 1e7 ? (long)seconds : 10000000;
        if (s >= 3600) {
            snprintf(out, room, ", %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
        } else {
            snprintf(out, room, ", %ld:%02ld left", s / 60, s % 60);
        }
    }
}

void si_report_progress_show(si_report_progress *p) {
    int64_t now = si_now_ns();
    if (p->total == 0 || now - p->shown_ns < (p->terminal ? BAR_MS : LINE_MS) * SI_MILLISECOND) {
        return;
    }
    char left[48], saved[48] = "", bar[BAR + 1];
    p->shown_ns = now;
    time_left(p, now, left, sizeof left);
    if (p->requested_bytes > 0) {
        snprintf(saved, sizeof saved, ", %.1f %% saved",
            si_report_percent(p->requested_bytes, p->sent_bytes));
    }
    if (!p->terminal) {
        fprintf(stderr, "smartimg: %s: %d/%d%s%s\n", p->title, p->done, p->total, saved, left);
        return;
    }
    int full = (int)((int64_t)BAR * p->done / p->total);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(BAR - full));
    bar[BAR] = '\0';
    fprintf(stderr, "\r%s [%s] %d/%d%s%s\033[K", p->title, bar, p->done, p->total, saved, left);
}

void si_report_progress_clear(const si_report_progress *p) {
    if (p->terminal && p->shown_ns != 0) {
        fprintf(stderr, "\r\033[K");
    }
}

void si_report_progress_end(si_report_progress *p) {
    si_report_progress_clear(p);
    p->total = 0;
}
