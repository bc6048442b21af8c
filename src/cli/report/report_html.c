#include "cli/report/report_html.h"

#include <string.h>

#include "quality/choose.h"

/* ---- text ---- */

/* Writes text for element content and quoted attributes. Bytes that are not ASCII come from our own
 * texts only, and go out as they are. A text that was cut inside a character does no harm: the page
 * is UTF-8, and browsers replace a malformed character without what follows it. */
static void put(FILE *to, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            putc(*c < 0x20 || *c == 0x7f ? ' ' : *c, to);
        }
    }
}

/* RFC 4648, with padding. */
static void put_base64(FILE *to, const si_bytes *b) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b->len; i += 3) {
        size_t left = b->len - i;
        uint32_t v = (uint32_t)b->data[i] << 16 | (left > 1 ? (uint32_t)b->data[i + 1] << 8 : 0) |
                     (left > 2 ? b->data[i + 2] : 0);
        putc(digits[v >> 18], to);
        putc(digits[v >> 12 & 63], to);
        putc(left > 1 ? digits[v >> 6 & 63] : '=', to);
        putc(left > 2 ? digits[v & 63] : '=', to);
    }
}

/* ---- summary ---- */

static void put_tile(FILE *to, const char *value, const char *text, bool bad) {
    fprintf(to, "<div class=tile><b%s>%s</b><span>%s</span></div>\n", bad ? " class=bad" : "",
        value, text);
}

static void put_tiles(FILE *to, const si_report_totals *t) {
    char value[80], text[160], a[32], b[32];
    fputs("<div class=tiles>\n", to);
    snprintf(
        value, sizeof value, "%.1f&nbsp;%%", si_report_percent(t->requested_bytes, t->sent_bytes));
    snprintf(text, sizeof text, "saved: %s sent instead of %s", si_report_bytes(t->sent_bytes, a),
        si_report_bytes(t->requested_bytes, b));
    put_tile(to, value, text, false);
    snprintf(value, sizeof value, "%.1f&nbsp;%%", t->median_saving);
    snprintf(text, sizeof text, "median per request; mean %.1f&nbsp;%%", t->mean_saving);
    put_tile(to, value, text, false);
    snprintf(value, sizeof value, "%ld", t->requests - t->unanswered);
    snprintf(text, sizeof text, "requests answered, for %ld different URLs%s", t->urls,
        t->unanswered > 0 ? "; the report is not complete" : "");
    put_tile(to, value, text, t->unanswered > 0);
    snprintf(value, sizeof value, "%ld", t->converted);
    snprintf(text, sizeof text, "converted; %ld of them below target − %.1f, %ld larger",
        t->below_target, SI_SCORE_SLACK, t->larger);
    put_tile(to, value, text, t->below_target + t->larger > 0);
    snprintf(value, sizeof value, "%ld", t->errors);
    put_tile(to, value, "errors", t->errors > 0);
    fputs("</div>\n", to);
}

static void put_bins(FILE *to, const char *title, const si_report_bin *bins, int count) {
    enum { ROW = 22, LEFT = 112, BAR = 340, WIDTH = LEFT + BAR + 68 };
    long most = 1;
    for (int i = 0; i < count; i++) {
        most = bins[i].requests > most ? bins[i].requests : most;
    }
    fprintf(to, "<section><h2>%s</h2>\n<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\">\n",
        title, WIDTH, ROW * count, title);
    for (int i = 0; i < count; i++) {
        const si_report_bin *b = &bins[i];
        double length = (double)b->requests * BAR / (double)most;
        double shown = b->requests > 0 && length < 1 ? 1 : length;
        fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=end>", LEFT - 8, i * ROW + 15);
        put(to, b->name);
        fprintf(to,
            "</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"%s></rect>"
            "<text class=n x=\"%.1f\" y=\"%d\">%ld</text>\n",
            LEFT, i * ROW + 3, shown, ROW - 6, b->bad ? " class=bad" : "", LEFT + shown + 6,
            i * ROW + 15, b->requests);
    }
    fputs("</svg></section>\n", to);
}

static void put_shares(
    FILE *to, const char *title, const char *what, const si_report_share *s, int count) {
    fprintf(to,
        "<section><h2>%s</h2><div class=wide><table><thead><tr><th scope=col class=t>%s</th>"
        "<th scope=col>requests</th><th scope=col>requested</th><th scope=col>sent</th>"
        "<th scope=col>saved</th></tr></thead><tbody>\n",
        title, what);
    for (int i = 0; i < count; i++) {
        char a[32], b[32];
        if (s[i].requests > 0) {
            fprintf(to,
                "<tr><th scope=row "
                "class=t>%s</th><td>%ld</td><td>%s</td><td>%s</td><td>%.1f&nbsp;%%</td>"
                "</tr>\n",
                s[i].name, s[i].requests, si_report_bytes(s[i].requested_bytes, a),
                si_report_bytes(s[i].sent_bytes, b),
                si_report_percent(s[i].requested_bytes, s[i].sent_bytes));
        }
    }
    fputs("</tbody></table></div></section>\n", to);
}

/* ---- rows ---- */

static void put_image(FILE *to, const si_report_picture *p, const char *alt) {
    fprintf(to, "<img alt=\"%s\" src=\"data:%s;base64,", alt, si_format_mime(p->format));
    put_base64(to, &p->file);
    fputs("\">", to);
}

/* How a picture of the page differs from the file it stands for. */
static void put_changes(FILE *to, const si_report_picture *p) {
    if (p->reduced > 1) {
        fprintf(to, "; shown here at 1/%d of its size", p->reduced);
    } else if (p->reencoded) {
        fprintf(to, "; shown here as %s", si_format_name(p->format));
    }
}

static void put_pair(FILE *to, const si_report_row *row) {
    const si_report_result *r = &row->result;
    if (row->pictures[SI_REPORT_REQUESTED].file.len == 0 ||
        row->pictures[SI_REPORT_SENT].file.len == 0) {
        fputs("<td class=t></td>", to);
        return;
    }
    fprintf(to,
        "<td class=t><button class=pair title=\"compare\" data-left=\"requested: %s|%lld bytes",
        si_format_name(r->requested), (long long)r->requested_bytes);
    if (!isnan(r->target)) {
        fprintf(to, ", target %.2f", r->target);
    }
    put_changes(to, &row->pictures[SI_REPORT_REQUESTED]);
    fprintf(to, "\" data-right=\"sent: %s|%lld bytes", si_format_name(r->sent),
        (long long)r->sent_bytes);
    if (!isnan(r->score)) {
        fprintf(to, ", score %.2f", r->score);
    }
    put_changes(to, &row->pictures[SI_REPORT_SENT]);
    fputs("\">", to);
    put_image(to, &row->pictures[SI_REPORT_REQUESTED], "requested");
    put_image(to, &row->pictures[SI_REPORT_SENT], "sent");
    fputs("</button></td>", to);
}

static void put_number(FILE *to, double v, int decimals, bool bad) {
    if (isnan(v)) {
        fputs("<td></td>", to);
    } else {
        fprintf(to, "<td data-v=\"%.*f\"%s>%.*f</td>", decimals, v, bad ? " class=bad" : "",
            decimals, v);
    }
}

static void put_count(FILE *to, int64_t v) {
    fprintf(to, "<td data-v=\"%lld\">%lld</td>", (long long)v, (long long)v);
}

static void put_url(FILE *to, const si_report_row *row) {
    fputs("<td class=url data-v=\"", to);
    put(to, row->url);
    fputs("\">", to);
    put(to, row->url);
    if (row->result.status != 200) {
        fprintf(to, "<small class=bad>%d ", row->result.status);
        put(to, row->result.error);
        fputs("</small>", to);
    } else if (row->result.image) {
        fprintf(to, "<small>%d×%d, %s", row->result.width, row->result.height,
            si_report_kind_name(row->result.graphics));
        fputs(row->result.settings[0] != '\0' ? ", " : "", to);
        put(to, row->result.settings);
        fprintf(to, "%s</small>", row->result.smart ? "" : ", not open to conversion");
    }
    fputs("</td>", to);
}

static void put_row(FILE *to, const si_report_row *row) {
    const si_report_result *r = &row->result;
    double margin = si_report_margin(r);
    fputs("<tr>", to);
    put_pair(to, row);
    put_url(to, row);
    put_count(to, row->requests);
    if (r->image) {
        fprintf(to, "<td class=t data-v=\"%s\">%s</td><td class=t data-v=\"%s\">%s</td>",
            si_format_name(r->requested), si_format_name(r->requested), si_format_name(r->sent),
            si_format_name(r->sent));
        put_count(to, r->requested_bytes);
        put_count(to, r->sent_bytes);
        put_number(to, si_report_saving(r), 1, r->sent_bytes > r->requested_bytes);
        put_number(to, r->target, 2, false);
        put_number(to, r->score, 2, false);
        put_number(to, margin, 2, margin < -SI_SCORE_SLACK);
    } else {
        fputs("<td></td><td></td><td></td><td></td><td></td><td></td><td></td><td></td>", to);
    }
    put_number(to, r->ms, 0, false);
    fputs("</tr>\n", to);
}

static void put_rows(FILE *to, const si_report_row *rows, int count) {
    static const struct {
        const char *name;
        bool text, sortable;
    } heads[] = {{"requested | sent", true, false}, {"request", true, true}, {"times", false, true},
        {"asked", true, true}, {"sent", true, true}, {"bytes asked", false, true},
        {"bytes sent", false, true}, {"saved %", false, true}, {"target", false, true},
        {"score", false, true}, {"margin", false, true}, {"ms", false, true}};
    fputs("<h2 id=requests>Requests</h2>\n<div class=wide role=region tabindex=0 "
          "aria-labelledby=requests><table id=rows><thead><tr>",
        to);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        fprintf(to, "<th scope=col%s>", heads[i].text ? " class=t" : "");
        fprintf(to, heads[i].sortable ? "<button>%s</button></th>" : "%s</th>", heads[i].name);
    }
    fputs("</tr></thead><tbody>\n", to);
    for (int i = 0; i < count; i++) {
        if (rows[i].result.status != 0) {
            put_row(to, &rows[i]);
        }
    }
    fputs("</tbody></table></div>\n", to);
}

/* ---- page ---- */

static void put_head(FILE *to, const si_report_settings *s) {
    fprintf(to,
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        "<title>smartimg report</title><link rel=icon href=\"data:,\">\n"
        "<style>\n%s</style></head><body><main>\n<h1>What smartimg saves</h1>\n<p class=about>",
        si_report_page_style);
    fprintf(to,
        "%s answers of smartimg %s to clients that send <code>Accept: ", s->fast ? "First" : "Best",
        SMARTIMG_VERSION);
    put(to, s->accept);
    fputs("</code>", to);
    if (s->user_agent[0] != '\0') {
        fputs(" and <code>User-Agent: ", to);
        put(to, s->user_agent);
        fputs("</code>", to);
    }
    if (s->query[0] != '\0') {
        fputs(", with <code>", to);
        put(to, s->query);
        fputs("</code>", to);
    }
    fprintf(to,
        ". Every reply is compared with the encoding that was requested: the target is its "
        "SSIMULACRA2 score, and what is sent may score %.1f less.</p>\n",
        SI_SCORE_SLACK);
}

void si_report_html(FILE *to, const si_report_settings *settings, const si_report_row *rows,
    int count, const si_report_totals *t) {
    put_head(to, settings);
    put_tiles(to, t);
    fputs("<div class=parts>\n", to);
    put_bins(to, "Saving, requests", t->savings, SI_REPORT_SAVING_BINS);
    put_bins(
        to, "Score − target of what was converted, requests", t->margins, SI_REPORT_MARGIN_BINS);
    fputs("</div>\n<div class=parts>\n", to);
    put_shares(to, "By format sent", "format", t->by_format, SI_FORMAT_COUNT);
    put_shares(to, "By format requested", "format", t->by_request, SI_FORMAT_COUNT);
    put_shares(to, "By kind of image", "kind", t->by_kind, 2);
    fputs("</div>\n", to);
    put_rows(to, rows, count);
    fprintf(to,
        "</main>\n<dialog id=compare aria-labelledby=name><button class=shut "
        "aria-label=close>✕</button><p id=name></p>\n"
        "<div class=stage><img alt=requested src=\"data:,\"><img alt=sent src=\"data:,\"><i></i>"
        "<input type=range min=0 max=100 step=any value=50 aria-label=\"requested or "
        "sent\"></div>\n"
        "<div class=ends><div id=left><b></b><small></small></div><div id=right><b></b>"
        "<small></small></div></div></dialog>\n<script>\n%s</script></body></html>\n",
        si_report_page_script);
}
