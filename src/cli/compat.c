/* smartimg compat: can a company move here with its URLs? */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/compat.h"
#include "cli/report/report_list.h"
#include "render/render.h"

static const char *root, *config, *against, *json_path;
static bool verbose;

/* What became of one URL. */
typedef enum outcome { WORKS, MISSING, REFUSED, OUTCOMES } outcome;

static const char *const outcome_names[] = {"works", "no such image here", "refused"};

typedef struct tally {
    long urls[OUTCOMES], requests[OUTCOMES];
    long compared, equal_size;
    double our_bytes, their_bytes; /* of the compared */
    double *scores;
    long score_count;
} tally;

typedef struct run_state {
    si_catalog *catalog;
    si_compat_commands commands;
    si_compat_peer *peer;
    FILE *json;
    tally sums;
    bool first_row;
} run_state;

/* ---- one URL ---- */

static void split(const char *url, si_request *request) {
    size_t path = strcspn(url, "?");
    request->path = (si_str){url, path};
    request->query = si_str_of(url[path] == '?' ? url + path + 1 : "");
}

static void put_text(FILE *to, const char *name, const char *text) {
    fputs(", ", to);
    si_json_text(to, name, text);
}

static void put_number(FILE *to, const char *name, double v, int decimals) {
    fputs(", ", to);
    si_json_number(to, name, v, decimals);
}

static void write_pair(FILE *to, const si_compat_pair *p) {
    put_number(to, "our_status", p->our_status, 0);
    put_number(to, "their_status", p->their_status, 0);
    put_text(to, "our_type", p->our_type);
    put_text(to, "their_type", p->their_type);
    put_number(to, "our_width", p->our_size[0], 0);
    put_number(to, "our_height", p->our_size[1], 0);
    put_number(to, "their_width", p->their_size[0], 0);
    put_number(to, "their_height", p->their_size[1], 0);
    put_number(to, "our_bytes", (double)p->our_bytes, 0);
    put_number(to, "their_bytes", (double)p->their_bytes, 0);
    if (!isnan(p->score)) {
        put_number(to, "score", p->score, 2);
    }
    if (p->error[0] != '\0') {
        put_text(to, "error", p->error);
    }
}

static void write_row(run_state *s, const si_report_row *row, outcome what, const char *text,
    const si_compat_pair *pair) {
    if (s->json == NULL) {
        return;
    }
    fprintf(s->json, "%s\n    {\"url\": ", s->first_row ? "" : ",");
    s->first_row = false;
    si_json_string(s->json, row->url);
    put_number(s->json, "requests", (double)row->requests, 0);
    put_text(s->json, "outcome", outcome_names[what]);
    if (text[0] != '\0') {
        put_text(s->json, "message", text);
    }
    if (pair != NULL) {
        write_pair(s->json, pair);
    }
    putc('}', s->json);
}

static void print_pair(const si_compat_pair *p) {
    if (p->our_status != 200 || p->their_status != 200 || p->error[0] != '\0') {
        printf("    ours %d, theirs %d%s%s\n", p->our_status, p->their_status,
            p->error[0] != '\0' ? ": " : "", p->error);
    } else if (p->our_size[0] == 0) {
        printf("    ours %s, theirs %s\n", p->our_type, p->their_type);
    } else {
        printf("    ours %d×%d %ld bytes, theirs %d×%d %ld bytes", p->our_size[0], p->our_size[1],
            p->our_bytes, p->their_size[0], p->their_size[1], p->their_bytes);
        if (isnan(p->score)) {
            printf(", sizes differ\n");
        } else {
            printf(", score %.1f\n", p->score);
        }
    }
}

static void add_pair(tally *t, const si_compat_pair *p) {
    if (p->our_size[0] == 0) {
        return;
    }
    t->compared++;
    t->our_bytes += (double)p->our_bytes;
    t->their_bytes += (double)p->their_bytes;
    if (!isnan(p->score)) {
        t->equal_size++;
        t->scores[t->score_count++] = p->score;
    }
}

static bool check_url(run_state *s, const si_report_row *row) {
    si_arena arena = {0};
    si_request request = {0};
    si_plan plan;
    si_diag diag = {0};
    split(row->url, &request);
    bool ok = si_compat_count(&s->commands, &request, row->requests);
    si_result result = si_plan_make(s->catalog, NULL, &request, &arena, &plan, &diag);
    if (result != SI_OK && result != SI_ERR_NOT_FOUND) {
        si_compat_refuse(&s->commands, diag.text, row->requests);
    }
    outcome what = result == SI_OK ? WORKS : result == SI_ERR_NOT_FOUND ? MISSING : REFUSED;
    s->sums.urls[what]++;
    s->sums.requests[what] += row->requests;
    if (what == REFUSED || (verbose && what == MISSING) || (what == WORKS && s->peer != NULL)) {
        printf("%-8s %s\n",
            what == WORKS     ? "works"
            : what == MISSING ? "missing"
                              : "refused",
            row->url);
    }
    if (what != WORKS && (verbose || what == REFUSED)) {
        printf("    %s\n", diag.text);
    }
    si_compat_pair pair;
    bool compared = what == WORKS && s->peer != NULL;
    if (compared) {
        si_compat_compare(s->peer, row->url, &plan, root, &pair);
        print_pair(&pair);
        add_pair(&s->sums, &pair);
    }
    write_row(s, row, what, what == WORKS ? "" : diag.text, compared ? &pair : NULL);
    si_arena_free(&arena);
    fflush(stdout);
    return ok;
}

/* ---- the summary ---- */

static const char *verdict_text(si_compat_verdict v) {
    static const char *const texts[] = {"supported", "ignored", "refused"};
    return texts[v];
}

static bool print_commands(run_state *s) {
    si_compat_command **list;
    int count = si_compat_list(&s->commands, &list);
    if (count < 0) {
        return false;
    }
    printf("\n%-24s %-10s %9s %9s  %s\n", "command", "", "URLs", "requests", "docs/protocol.md");
    for (int i = 0; i < count; i++) {
        printf("  %-22s %-10s %9ld %9ld  %s", list[i]->name, verdict_text(list[i]->verdict),
            list[i]->urls, list[i]->requests, list[i]->section);
        if (list[i]->refused > 0) {
            printf(" (%ld refused)", list[i]->refused);
        }
        putchar('\n');
    }
    if (s->commands.overflow) {
        printf("  … and more unknown names, which are ignored\n");
    }
    return true;
}

static bool write_commands(run_state *s) {
    si_compat_command **list;
    int count = si_compat_list(&s->commands, &list);
    fprintf(s->json, "\n  ],\n  \"commands\": [");
    for (int i = 0; i < count; i++) {
        fprintf(s->json, "%s\n    {\"name\": ", i == 0 ? "" : ",");
        si_json_string(s->json, list[i]->name);
        put_text(s->json, "verdict", verdict_text(list[i]->verdict));
        put_number(s->json, "urls", (double)list[i]->urls, 0);
        put_number(s->json, "requests", (double)list[i]->requests, 0);
        put_number(s->json, "refused", (double)list[i]->refused, 0);
        put_text(s->json, "section", list[i]->section);
        putc('}', s->json);
    }
    fprintf(s->json, "\n  ]\n}\n");
    return count >= 0 && fclose(s->json) == 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_comparison(tally *t) {
    printf("\ncompared     %ld images, %ld of them of equal size\n", t->compared, t->equal_size);
    if (t->compared > 0) {
        printf("bytes        ours %.0f, theirs %.0f (%.2f of theirs)\n", t->our_bytes,
            t->their_bytes, t->our_bytes / t->their_bytes);
    }
    if (t->score_count > 0) {
        qsort(t->scores, (size_t)t->score_count, sizeof *t->scores, by_value);
        printf("score        median %.1f, lowest %.1f (SSIMULACRA2 of ours against theirs)\n",
            t->scores[t->score_count / 2], t->scores[0]);
    }
}

static void print_summary(run_state *s, const si_report_list *list) {
    putchar('\n');
    for (int i = 0; i < OUTCOMES; i++) {
        printf("%-20s %7ld URLs, %ld requests\n", outcome_names[i], s->sums.urls[i],
            s->sums.requests[i]);
    }
    if (list->not_images + list->unreadable > 0) {
        printf("%-20s %7ld lines about something else, %ld that are no request\n", "left out",
            list->not_images, list->unreadable);
    }
    if (s->peer != NULL) {
        print_comparison(&s->sums);
    }
}

/* ---- the command ---- */

static bool check_all(run_state *s, const si_report_list *list) {
    bool ok = true;
    s->sums.scores = calloc((size_t)list->count + 1, sizeof *s->sums.scores);
    if (s->sums.scores == NULL) {
        si_complain("out of memory");
        return false;
    }
    for (int i = 0; i < list->count && ok; i++) {
        s->commands.url = i;
        ok = check_url(s, &list->rows[i]);
        if (isatty(STDERR_FILENO) && (s->peer != NULL || i % 1000 == 999)) {
            fprintf(stderr, "\r%d of %d ", i + 1, list->count);
        }
    }
    print_summary(s, list);
    ok = ok && print_commands(s) && (s->json == NULL || write_commands(s));
    free(s->sums.scores);
    return ok;
}

static bool start(run_state *s) {
    si_diag diag = {0};
    si_result result =
        si_catalog_load(config, root, si_complain_mistake, (void *)config, &s->catalog, &diag);
    if (result != SI_OK) {
        if (result != SI_ERR_CONFIG) { /* whose mistakes have been told one by one */
            si_complain_diag(&diag);
        }
        return false;
    }
    if (json_path != NULL && (s->json = fopen(json_path, "w")) == NULL) {
        si_complain("cannot write %s: %s", json_path, strerror(errno));
        return false;
    }
    if (s->json != NULL) {
        fprintf(s->json, "{\n  \"urls\": [");
        s->first_row = true;
    }
    if (against != NULL) {
        s->peer = si_compat_peer_new(against);
        if (s->peer != NULL && si_render_start(&diag) != SI_OK) {
            si_complain_diag(&diag);
            return false;
        }
    }
    return against == NULL || s->peer != NULL;
}

static int run(char **operands, int count) {
    si_report_list list = {0};
    si_arena arena = {.limit = (size_t)64 << 20};
    run_state s = {.commands = {.arena = &arena}};
    si_diag diag = {0};
    bool ok = true;
    root = root != NULL ? root : ".";
    for (int i = 0; i < count && ok; i++) {
        ok = si_report_list_read(&list, operands[i], "", &diag) == SI_OK;
    }
    if (!ok) {
        si_complain_diag(&diag);
    }
    ok = ok && start(&s);
    s.commands.catalog = s.catalog;
    ok = ok && check_all(&s, &list);
    si_compat_peer_free(s.peer);
    si_catalog_free(s.catalog);
    si_report_list_free(&list);
    si_arena_free(&arena);
    return ok && s.sums.urls[REFUSED] == 0 ? SI_EXIT_OK : SI_EXIT_FAILED;
}

static const si_option options[] = {
    {"root", 0, "DIR", SI_OPTION_TEXT, &root,
        "Folder of the original images. Default: the current folder. Images that are not there are "
        "told apart from requests that are refused.",
        0, 0},
    {"config", 0, "DIR", SI_OPTION_TEXT, &config,
        "Configuration folder, for presets, records and rules. Default: none.", 0, 0},
    {"against", 0, "BASE", SI_OPTION_TEXT, &against,
        "Asks the server at BASE, such as https://images.example.com, the same requests, one after "
        "the other, and compares size, bytes and looks of both answers.",
        0, 0},
    {"json", 0, "FILE", SI_OPTION_TEXT, &json_path, "Writes everything to FILE as JSON, too.", 0,
        0},
    {"verbose", 'v', NULL, SI_OPTION_FLAG, &verbose, "Lists the URLs of missing images as well.", 0,
        0},
    {0},
};

const si_command si_command_compat = {
    .name = "compat",
    .summary = "tells what another server's URLs would do here",
    .synopsis = "URL-FILE... [OPTION]...",
    .description =
        "Reads URLs, one a line, or access logs, and tells for each request whether it would be "
        "answered, and for each command whether it is supported, ignored or refused. Commands of "
        "presets, templates and nested requests count where they are used.\n"
        "\n"
        "With --against, both servers answer each request as a browser's that knows only JPEG and "
        "PNG; SSIMULACRA2 scores ours against theirs: 100 is equal, above 90 cannot be told apart, "
        "below 50 is plainly different.",
    .exit_status = " 0  no request is refused\n"
                   " 1  some are, or something failed\n"
                   " 2  wrong usage",
    .examples = " smartimg compat access.log --root pictures --config conf/sample\n"
                " smartimg compat urls.txt --root pictures --against https://images.example.com",
    .options = options,
    .operands_min = 1,
    .operands_max = 1000,
    .run = run,
};
