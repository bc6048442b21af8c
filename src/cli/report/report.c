/* smartimg report: what smartimg saves, over many requests. */
#include "cli/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/report/report_html.h"
#include "cli/report/report_json.h"
#include "cli/report/report_pool.h"
#include "cli/report/report_progress.h"
#include "cli/report/report_state.h"
#include "cli/report/report_totals.h"
#include "cli/request.h"
#include "process/supervise.h"
#include "quality/calibration.h"
#include "renderer/origin_look.h"
#include "renderer/pool.h"

#define SPOOL_MAX (INT64_C(1) << 30) /* bytes; what does not fit is made again for the page */

static const char default_query[] = "wid=1000&qlt=85&bfc=on";

static si_request_options request = {
    .accept = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"};
static const char *html_path, *json_path, *state_path, *query;
static int children, pictures = 60, timeout = 60;
static int64_t memory = SI_POOL_MEMORY;

/* A report in the making. */
struct report {
    si_catalog *catalog;
    si_report_list list;
    si_report_totals totals;
    si_report_settings settings;
    si_report_work work;
    FILE *state; /* NULL = none */
    bool state_failed;
    int spool;       /* −1 = none */
    int64_t spooled; /* bytes in the spool */
    si_report_progress progress;
};

/* ---- what is asked for ---- */

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool any_folder(char **operands, int count) {
    for (int i = 0; i < count; i++) {
        if (is_folder(operands[i])) {
            return true;
        }
    }
    return false;
}

static const char *query_of(bool folder) {
    return query != NULL ? query : folder ? default_query : "";
}

/* Without --root a folder is its own root; lists are of the current folder. */
static bool choose_root(char **operands, int count) {
    if (request.root != NULL) {
        return true;
    }
    request.root = ".";
    for (int i = 0; i < count; i++) {
        if (is_folder(operands[i])) {
            if (count > 1) {
                si_complain("name the root of all of them with --root");
                return false;
            }
            request.root = operands[i];
        }
    }
    return true;
}

/* The catalog that all requests are planned with, and the root folder for the broker. Mistakes of
 * the configuration are told once, here. */
static bool open_site(struct report *r) {
    si_diag diag = {0};
    si_result result = si_catalog_load(request.config, request.root, si_complain_mistake,
        (void *)(uintptr_t)request.config, &r->catalog, &diag);
    request.catalog = r->catalog;
    if (r->catalog != NULL) {
        si_catalog_on_origins(r->catalog, si_look_at_origin, NULL);
    }
    if (result != SI_OK && result != SI_ERR_CONFIG) {
        si_complain_diag(&diag);
    }
    r->work.root = result == SI_OK ? open(request.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (result == SI_OK && r->work.root < 0) {
        si_complain("cannot open folder %s: %s", request.root, strerror(errno));
    }
    return r->work.root >= 0;
}

static bool read_operands(char **operands, int count, si_report_list *list) {
    si_diag diag = {0};
    for (int i = 0; i < count && diag.code == SI_OK; i++) {
        if (is_folder(operands[i])) {
            (void)!si_report_list_folder(list, request.root, operands[i], query_of(true), &diag);
        } else {
            (void)!si_report_list_read(list, operands[i], query_of(false), &diag);
        }
    }
    if (diag.code != SI_OK) {
        si_complain_diag(&diag);
        return false;
    }
    if (list->count == 0) {
        si_complain("there is no request for an image in what was named");
    }
    return list->count > 0;
}

/* A file without a name, for what was sent: written here, while children read only. Without one the
 * page has its pictures made anew. */
static void open_spool(struct report *r) {
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/smartimg-report-XXXXXX",
        folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    r->spool = n > 0 && n < (int)sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (r->spool >= 0) {
        r->work.spool = open(path, O_RDONLY | O_CLOEXEC);
        unlink(path);
    }
}

/* ---- answers ---- */

static void spool(struct report *r, si_report_row *row, const si_bytes *file) {
    if (r->spool >= 0 && file->len > 0 && r->spooled + (int64_t)file->len <= SPOOL_MAX &&
        pwrite(r->spool, file->data, file->len, r->spooled) == (ssize_t)file->len) {
        row->spool_at = r->spooled;
        row->spool_len = (int64_t)file->len;
        r->spooled += row->spool_len;
    }
}

static void answered(void *context, const si_report_job *job, const si_report_result *result,
    si_report_picture files[2]) {
    struct report *r = context;
    si_report_row *row = &r->list.rows[job->row];
    row->result = *result;
    spool(r, row, &files[SI_REPORT_SENT].file);
    if (r->state != NULL && !r->state_failed && !si_report_state_add(r->state, row)) {
        si_complain("cannot write %s: %s", state_path, strerror(errno));
        r->state_failed = true;
    }
    si_report_progress_add(&r->progress, result);
}

static void tick(void *context) {
    struct report *r = context;
    si_report_progress_show(&r->progress);
}

/* Answers what the state file has no answer for. False if that was broken off. */
static bool answer_all(struct report *r) {
    si_diag diag = {0};
    int count = 0;
    si_report_job *jobs = malloc(((size_t)r->list.count + 1) * sizeof *jobs);
    if (jobs == NULL) {
        si_complain("out of memory");
        return false;
    }
    for (int i = 0; i < r->list.count; i++) {
        if (r->list.rows[i].result.status == 0) {
            jobs[count++] = (si_report_job){SI_REPORT_ANSWER, i};
        }
    }
    si_report_progress_start(&r->progress, "report", &r->list, count);
    bool all = si_report_pool_run(&r->work, jobs, count, children, answered, tick, r, &diag);
    si_report_progress_end(&r->progress);
    free(jobs);
    if (diag.code != SI_OK) {
        si_complain_diag(&diag);
    } else if (!all && state_path != NULL) {
        si_complain("interrupted; the same command goes on from here");
    } else if (!all) {
        si_complain("interrupted; with --resume FILE a report can go on later");
    }
    return all;
}

/* ---- pictures ---- */

static void pictured(void *context, const si_report_job *job, const si_report_result *result,
    si_report_picture files[2]) {
    struct report *r = context;
    si_report_row *row = &r->list.rows[job->row];
    for (int i = 0; i < 2; i++) {
        row->pictures[i] = files[i];
        files[i].file = (si_bytes){0};
    }
    si_report_progress_add(&r->progress, result);
}

/* Picks the rows to show: a third of those that saved most, a third that saved least, and the rest
 * evenly from between. */
static int pick(const struct report *r, si_report_job *jobs) {
    const si_report_totals *t = &r->totals;
    int wanted = pictures < t->order_count ? pictures : t->order_count;
    int first = (wanted + 2) / 3, last = (wanted + 1) / 3, middle = wanted - first - last;
    int between = t->order_count - first - last;
    for (int i = 0; i < wanted; i++) {
        int at = i < first            ? i
                 : i < first + middle ? first + (int)((int64_t)(i - first) * between / middle)
                                      : t->order_count - (wanted - i);
        jobs[i] = (si_report_job){SI_REPORT_PICTURES, (int)(t->order[at] - r->list.rows)};
    }
    return wanted;
}

static void make_pictures(struct report *r) {
    si_diag diag = {0};
    si_report_job *jobs = malloc(((size_t)pictures + 1) * sizeof *jobs);
    if (jobs == NULL) {
        return;
    }
    int count = pick(r, jobs);
    si_report_progress_start(&r->progress, "pictures", NULL, count);
    if (!si_report_pool_run(&r->work, jobs, count, children, pictured, tick, r, &diag)) {
        si_complain("the page lacks some of its pictures");
    }
    si_report_progress_end(&r->progress);
    free(jobs);
}

/* ---- output ---- */

/* Opens a file to write to; "-" is standard output. */
static FILE *open_output(const char *path) {
    FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (to == NULL) {
        si_complain("cannot write %s: %s", path, strerror(errno));
    }
    return to;
}

static bool close_output(FILE *to, const char *path) {
    bool ok = fflush(to) == 0 && !ferror(to);
    ok = (to == stdout || fclose(to) == 0) && ok;
    if (!ok) {
        si_complain("cannot write %s: %s", path, strerror(errno));
    }
    return ok;
}

static bool write_outputs(const struct report *r) {
    const si_report_row *rows = r->list.rows;
    int count = r->list.count;
    bool ok = true, text = true;
    FILE *to;
    if (json_path != NULL) {
        text = strcmp(json_path, "-") != 0;
        ok = (to = open_output(json_path)) != NULL;
        if (to != NULL) {
            si_report_json(to, &r->settings, rows, count, &r->totals);
            ok = close_output(to, json_path);
        }
    }
    if (html_path != NULL) {
        text = text && strcmp(html_path, "-") != 0;
        to = open_output(html_path);
        if (to != NULL) {
            si_report_html(to, &r->settings, rows, count, &r->totals);
        }
        ok = to != NULL && close_output(to, html_path) && ok;
    }
    if (text) {
        si_report_print(stdout, rows, count, &r->totals);
        ok = close_output(stdout, "the report") && ok;
    }
    return ok;
}

/* ---- the command ---- */

static int make_report(struct report *r) {
    bool all = answer_all(r);
    if (!si_report_sum_up(&r->list, &r->totals)) {
        si_complain("out of memory");
        return SI_EXIT_FAILED;
    }
    if (all && html_path != NULL) {
        make_pictures(r);
    }
    bool ok = write_outputs(r);
    return ok && all && !r->state_failed && si_report_passed(&r->totals) ? SI_EXIT_OK
                                                                         : SI_EXIT_FAILED;
}

static const char *or_empty(const char *text) {
    return text != NULL ? text : "";
}

/* All but the state file, whose end may fail. */
static void clear_report(struct report *r) {
    const int opened[] = {r->spool, r->work.spool, r->work.root};
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) {
        if (opened[i] >= 0) {
            close(opened[i]);
        }
    }
    si_catalog_free(r->catalog);
    si_report_totals_free(&r->totals);
    si_report_list_free(&r->list);
}

static int run(char **operands, int count) {
    struct report r = {.spool = -1};
    si_diag diag = {0};
    int status = SI_EXIT_FAILED, known;
    if (!choose_root(operands, count)) {
        return SI_EXIT_USAGE;
    }
    children = children > 0 ? children : si_processor_count();
    r.settings = (si_report_settings){request.root, or_empty(request.config), request.accept,
        or_empty(request.user_agent), query_of(any_folder(operands, count)), request.fast};
    r.work = (si_report_work){.list = &r.list,
        .request = &request,
        .timeout = timeout,
        .memory = memory,
        .want_sent = html_path != NULL,
        .root = -1,
        .spool = -1};
    si_calibration_current(); /* before there are children */
    if (!open_site(&r) || !read_operands(operands, count, &r.list)) {
        goto done;
    }
    if (state_path != NULL) {
        r.state = si_report_state_open(state_path, &r.settings, &r.list, &known, &diag);
        if (r.state == NULL) {
            si_complain_diag(&diag);
            goto done;
        }
        if (known > 0) {
            fprintf(stderr, "smartimg: %d of %d URLs are answered in %s already\n", known,
                r.list.count, state_path);
        }
    }
    if (html_path != NULL) {
        open_spool(&r);
    }
    status = make_report(&r);
done:
    if (r.state != NULL && fclose(r.state) != 0) {
        status = SI_EXIT_FAILED;
    }
    clear_report(&r);
    return status;
}

static const si_option options[] = {
    {"html", 0, "FILE", SI_OPTION_TEXT, &html_path,
        "Writes an HTML page that needs nothing else: totals, histograms, a sortable table, and "
        "pictures to compare. - is standard output.",
        0, 0},
    {"json", 0, "FILE", SI_OPTION_TEXT, &json_path,
        "Writes everything as JSON, for programs. - is standard output, instead of the text.", 0,
        0},
    {"root", 0, "DIR", SI_OPTION_TEXT, &request.root,
        "Folder of the original images. Default: the folder that is named, for lists the current "
        "one.",
        0, 0},
    {"config", 0, "DIR", SI_OPTION_TEXT, &request.config,
        "Configuration folder. Default: none, and each first-level folder below the root is a "
        "company with default settings, which convert nothing unless a request says bfc=on.",
        0, 0},
    {"accept", 0, "S", SI_OPTION_TEXT, &request.accept,
        "The Accept header of the clients. Default: that of a browser which shows AVIF and WebP.",
        0, 0},
    {"user-agent", 0, "S", SI_OPTION_TEXT, &request.user_agent,
        "Their User-Agent header. Default: none.", 0, 0},
    {"query", 0, "COMMANDS", SI_OPTION_TEXT, &query,
        "Of a folder: what each image is asked for with; default wid=1000&qlt=85&bfc=on. Of a "
        "list: what is added to the query of each URL; default nothing.",
        0, 0},
    {"fast", 0, NULL, SI_OPTION_FLAG, &request.fast,
        "Answers as the server does at first, within a fraction of a second, instead of with the "
        "best answer, which it has once an image is asked for again.",
        0, 0},
    {"jobs", 'j', "N", SI_OPTION_COUNT, &children,
        "How many requests are worked on at the same time. Default: one per processor.", 1, 256},
    {"resume", 0, "FILE", SI_OPTION_TEXT, &state_path,
        "Keeps each row in FILE as it is done, and skips what FILE holds already, so that a report "
        "that was broken off goes on where it was. Rows with errors are kept, too; delete their "
        "lines to have them tried again.",
        0, 0},
    {"pictures", 0, "N", SI_OPTION_COUNT, &pictures,
        "How many rows of the page have pictures: a third of them saved most, a third least, the "
        "others are from between. Default: 60.",
        0, 5000},
    {"timeout", 0, "SECONDS", SI_OPTION_COUNT, &timeout,
        "How long a request may take; then it counts as an error. Default: 60.", 1, 3600},
    {"memory", 0, "SIZE", SI_OPTION_BYTES, &memory,
        "How much memory a request may take; default 2g.", 0, 0},
    {0},
};

const si_command si_command_report = {
    .name = "report",
    .summary = "shows what is saved over many requests",
    .synopsis = "[--html FILE] [--json FILE] [OPTION]... URL-FILE or DIR...",
    .description =
        "Answers many requests as the server would, without one, and sums up what was saved: in "
        "all, by format, by kind of image, with histograms of the savings and of how far the "
        "scores are from their targets, the best and the worst.\n"
        "\n"
        "URL-FILE has one request a line: a URL, its path and query (/is/image/...), or a line of "
        "an access log, of which requests for images that were answered are taken; - is standard "
        "input. A URL that is listed often is answered once and counts as often as it is listed. "
        "Of a DIR each image file below it is asked for; DIR may hold images, companies or both.\n"
        "\n"
        "Images are made in child processes, under limits of time and memory, which give root up "
        "if "
        "it is root who asks: a damaged or hostile file costs nothing but its own row. Ctrl-C lets "
        "what was begun be "
        "finished and sums up what is there; a second one does not wait.\n"
        "\n"
        "The JSON object has: smartimg (version), complete, settings; totals: requests, urls, "
        "unanswered, ok, errors, images, converted, below_target, larger, not_images and "
        "unreadable_lines (lines left out), requested_bytes, sent_bytes, saved_percent, "
        "mean_saved_percent, median_saved_percent; by_format, by_request, by_kind: name, requests, "
        "requested_bytes, sent_bytes, saved_percent; savings, margins: name, from, to, requests; "
        "best, worst: URLs; rows: url, requests (how often it is listed), status, error, ms, and "
        "for images requested and sent (formats), kind, width, height, requested_bytes, "
        "sent_bytes, saved_percent, target, score, margin (score - target of a converted reply, "
        "else null), settings (of what was sent), smart (open to conversion), full (the best "
        "answer), lossless.",
    .exit_status = " 0  all were answered, every converted reply scores at least target - 0.5, "
                   "none is larger\n 1  some were not\n 2  wrong usage",
    .examples = " smartimg report pictures --html report.html\n"
                " smartimg report access.log --root pictures --config conf --resume state.jsonl\n"
                " smartimg report urls.txt --query bfc=on --accept image/webp --json -",
    .options = options,
    .operands_min = 1,
    .operands_max = 1000,
    .run = run,
};
