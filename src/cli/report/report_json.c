#include "cli/report/report_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/result.h"
#include "base/str.h"

/* ---- writing ---- */

static void put_count(FILE *to, const char *name, int64_t v) {
    fprintf(to, ",\"%s\":%lld", name, (long long)v);
}

static void put_number(FILE *to, const char *name, double v, int decimals) {
    putc(',', to);
    si_json_number(to, name, v, decimals);
}

static void put_text(FILE *to, const char *name, const char *text) {
    putc(',', to);
    si_json_text(to, name, text);
}

void si_report_json_row(FILE *to, const si_report_row *row) {
    const si_report_result *r = &row->result;
    putc('{', to);
    si_json_text(to, "url", row->url);
    put_count(to, "requests", row->requests);
    put_count(to, "status", r->status);
    put_text(to, "error", r->error);
    if (r->image) {
        put_text(to, "requested", si_format_name(r->requested));
        put_text(to, "sent", si_format_name(r->sent));
        put_text(to, "kind", si_report_kind_name(r->graphics));
        put_count(to, "width", r->width);
        put_count(to, "height", r->height);
        put_count(to, "requested_bytes", r->requested_bytes);
        put_count(to, "sent_bytes", r->sent_bytes);
        put_number(to, "saved_percent", si_report_saving(r), 2);
        put_number(to, "target", r->target, 6);
        put_number(to, "score", r->score, 6);
        put_number(to, "margin", si_report_margin(r), 4);
        put_text(to, "settings", r->settings);
        fprintf(to, ",\"smart\":%s,\"full\":%s,\"lossless\":%s", r->smart ? "true" : "false",
            r->full ? "true" : "false", r->lossless ? "true" : "false");
    }
    put_number(to, "ms", r->ms, 1);
    putc('}', to);
}

void si_report_json_settings(FILE *to, const si_report_settings *s) {
    putc('{', to);
    si_json_text(to, "root", s->root);
    put_text(to, "config", s->config);
    put_text(to, "accept", s->accept);
    put_text(to, "user_agent", s->user_agent);
    put_text(to, "query", s->query);
    put_text(to, "effort", s->fast ? "fast" : "full");
    putc('}', to);
}

static void put_shares(FILE *to, const char *name, const si_report_share *shares, int count) {
    const char *before = "";
    fprintf(to, ",\n\"%s\":[", name);
    for (int i = 0; i < count; i++) {
        if (shares[i].requests > 0) {
            fprintf(to, "%s\n{", before);
            si_json_text(to, "name", shares[i].name);
            put_count(to, "requests", shares[i].requests);
            put_count(to, "requested_bytes", shares[i].requested_bytes);
            put_count(to, "sent_bytes", shares[i].sent_bytes);
            put_number(to, "saved_percent",
                si_report_percent(shares[i].requested_bytes, shares[i].sent_bytes), 2);
            putc('}', to);
            before = ",";
        }
    }
    putc(']', to);
}

static void put_bins(FILE *to, const char *name, const si_report_bin *bins, int count) {
    fprintf(to, ",\n\"%s\":[", name);
    for (int i = 0; i < count; i++) {
        fprintf(to, "%s\n{", i > 0 ? "," : "");
        si_json_text(to, "name", bins[i].name);
        put_number(to, "from", bins[i].from, 2);
        put_number(to, "to", bins[i].to, 2);
        put_count(to, "requests", bins[i].requests);
        putc('}', to);
    }
    putc(']', to);
}

static void put_urls(FILE *to, const char *name, const si_report_totals *t, bool best) {
    const si_report_row *const *shown = best ? t->best : t->worst;
    fprintf(to, ",\n\"%s\":[", name);
    for (int i = 0; i < t->shown; i++) {
        fputs(i > 0 ? ",\n" : "\n", to);
        si_json_string(to, shown[i]->url);
    }
    putc(']', to);
}

static void put_totals(FILE *to, const si_report_totals *t) {
    fprintf(to, ",\n\"totals\":{\"requests\":%ld", t->requests);
    put_count(to, "urls", t->urls);
    put_count(to, "unanswered", t->unanswered);
    put_count(to, "ok", t->ok);
    put_count(to, "errors", t->errors);
    put_count(to, "images", t->images);
    put_count(to, "converted", t->converted);
    put_count(to, "below_target", t->below_target);
    put_count(to, "larger", t->larger);
    put_count(to, "not_images", t->not_images);
    put_count(to, "unreadable_lines", t->unreadable);
    put_count(to, "requested_bytes", t->requested_bytes);
    put_count(to, "sent_bytes", t->sent_bytes);
    put_number(to, "saved_percent", si_report_percent(t->requested_bytes, t->sent_bytes), 2);
    put_number(to, "mean_saved_percent", t->mean_saving, 2);
    put_number(to, "median_saved_percent", t->median_saving, 2);
    putc('}', to);
}

void si_report_json(FILE *to, const si_report_settings *settings, const si_report_row *rows,
    int count, const si_report_totals *t) {
    fprintf(to, "{\"smartimg\":\"%s\",\"complete\":%s,\n\"settings\":", SMARTIMG_VERSION,
        t->unanswered == 0 ? "true" : "false");
    si_report_json_settings(to, settings);
    put_totals(to, t);
    put_shares(to, "by_format", t->by_format, SI_FORMAT_COUNT);
    put_shares(to, "by_request", t->by_request, SI_FORMAT_COUNT);
    put_shares(to, "by_kind", t->by_kind, 2);
    put_bins(to, "savings", t->savings, SI_REPORT_SAVING_BINS);
    put_bins(to, "margins", t->margins, SI_REPORT_MARGIN_BINS);
    put_urls(to, "best", t, true);
    put_urls(to, "worst", t, false);
    fputs(",\n\"rows\":[", to);
    const char *before = "\n";
    for (int i = 0; i < count; i++) {
        if (rows[i].result.status != 0) {
            fputs(before, to);
            si_report_json_row(to, &rows[i]);
            before = ",\n";
        }
    }
    fputs("]}\n", to);
}

/* ---- reading ---- */

/* A place in text that is taken apart. */
struct reading {
    char *at;
};

static bool skip(struct reading *in, char c) {
    bool there = *in->at == c;
    in->at += there;
    return there;
}

/* Reads a string and decodes it in place; of \u only what put_string() writes. */
static char *read_string(struct reading *in) {
    if (!skip(in, '"')) {
        return NULL;
    }
    char *start = in->at, *out = in->at;
    while (*in->at != '"') {
        unsigned code;
        if (*in->at == '\0') {
            return NULL;
        }
        if (*in->at != '\\') {
            *out++ = *in->at++;
        } else if (in->at[1] == '"' || in->at[1] == '\\') {
            *out++ = in->at[1];
            in->at += 2;
        } else if (sscanf(in->at, "\\u%4x", &code) == 1 && strnlen(in->at, 6) == 6) {
            *out++ = code > 0 && code < 0x80 ? (char)code : '?';
            in->at += 6;
        } else {
            return NULL;
        }
    }
    in->at++;
    *out = '\0';
    return start;
}

/* Files a value under its name. Names of no use are ignored. */
static bool file_text(si_report_result *r, const char *name, const char *text, const char **url) {
    size_t len = strlen(text);
    if (strcmp(name, "url") == 0) {
        *url = text;
    } else if (strcmp(name, "error") == 0) {
        snprintf(r->error, sizeof r->error, "%s", text);
    } else if (strcmp(name, "settings") == 0) {
        snprintf(r->settings, sizeof r->settings, "%s", text);
    } else if (strcmp(name, "kind") == 0) {
        r->graphics = strcmp(text, si_report_kind_name(true)) == 0;
    } else if (strcmp(name, "requested") == 0) {
        r->image = true;
        return si_format_by_name(text, len, &r->requested);
    } else if (strcmp(name, "sent") == 0) {
        return si_format_by_name(text, len, &r->sent);
    }
    return true;
}

static void file_number(si_report_result *r, const char *name, double v) {
    if (strcmp(name, "status") == 0) {
        r->status = (int)v;
    } else if (strcmp(name, "width") == 0) {
        r->width = (int)v;
    } else if (strcmp(name, "height") == 0) {
        r->height = (int)v;
    } else if (strcmp(name, "requested_bytes") == 0) {
        r->requested_bytes = (int64_t)v;
    } else if (strcmp(name, "sent_bytes") == 0) {
        r->sent_bytes = (int64_t)v;
    } else if (strcmp(name, "target") == 0) {
        r->target = v;
    } else if (strcmp(name, "score") == 0) {
        r->score = v;
    } else if (strcmp(name, "ms") == 0) {
        r->ms = v;
    }
}

static void file_flag(si_report_result *r, const char *name, bool v) {
    if (strcmp(name, "smart") == 0) {
        r->smart = v;
    } else if (strcmp(name, "full") == 0) {
        r->full = v;
    } else if (strcmp(name, "lossless") == 0) {
        r->lossless = v;
    }
}

static bool read_value(
    struct reading *in, si_report_result *r, const char *name, const char **url) {
    static const si_str yes = {"true", 4}, no = {"false", 5}, null = {"null", 4};
    if (*in->at == '"') {
        const char *text = read_string(in);
        return text != NULL && file_text(r, name, text, url);
    }
    si_str value = {in->at, strcspn(in->at, ",}")};
    double v;
    in->at += value.len;
    if (si_str_eq(value, yes) || si_str_eq(value, no)) {
        file_flag(r, name, value.len == yes.len);
    } else if (!si_str_eq(value, null)) {
        if (!si_str_real(value, &v) || fabs(v) > 1e15) {
            return false;
        }
        file_number(r, name, v);
    }
    return true;
}

bool si_report_json_read(char *line, const char **url, si_report_result *result) {
    struct reading in = {line};
    *result = (si_report_result){.target = NAN, .score = NAN};
    *url = NULL;
    bool more = skip(&in, '{');
    while (more) {
        const char *name = read_string(&in);
        if (name == NULL || !skip(&in, ':') || !read_value(&in, result, name, url)) {
            return false;
        }
        more = skip(&in, ',');
    }
    return skip(&in, '}') && *in.at == '\0' && *url != NULL && result->status >= 100 &&
           result->status < 600;
}
