/* What `smartimg top` shows, line by line, of two pages of metrics. */
#ifndef SI_CLI_TOP_LINES_H
#define SI_CLI_TOP_LINES_H

#include "cli/top/samples.h"

/* How a row is shown: RATE and BYTES of counters, a second and in all; NOW and SIZE (bytes) of
 * gauges. */
typedef enum si_top_kind { SI_TOP_RATE, SI_TOP_BYTES, SI_TOP_NOW, SI_TOP_SIZE } si_top_kind;

/* Rows in their order, by section: X(section, text, metric, label or NULL, kind). Rows whose metric
 * is not there are left out. With a label that has no value, such as "status", there is a row for
 * each value, of which the text is part; of many values, those that are most lately. Families that
 * no row names follow behind these. */
#define SI_TOP_ROWS(X)                                                                             \
    X("Requests", "all", "smartimg_requests_total", NULL, RATE)                                    \
    X("Requests", "refused", "smartimg_errors_total", "class=\"4xx\"", RATE)                       \
    X("Requests", "failed", "smartimg_errors_total", "class=\"5xx\"", RATE)                        \
    X("Requests", "status", "smartimg_requests_total", "status", RATE)                             \
    X("Requests", "format", "smartimg_requests_total", "format", RATE)                             \
    X("Requests", "class", "smartimg_requests_total", "class", RATE)                               \
    X("Requests", "company", "smartimg_requests_total", "company", RATE)                           \
    X("Requests", "being answered", "smartimg_requests_active", NULL, NOW)                         \
    X("Requests", "sent", "smartimg_sent_bytes_total", NULL, BYTES)                                \
    X("Requests", "saved", "smartimg_saved_bytes_total", NULL, BYTES)                              \
    X("Cache", "hits", "smartimg_cache_total", "result=\"hit\"", RATE)                             \
    X("Cache", "misses", "smartimg_cache_total", "result=\"miss\"", RATE)                          \
    X("Cache", "refreshes", "smartimg_cache_total", "result=\"refresh\"", RATE)                    \
    X("Cache", "bypasses", "smartimg_cache_total", "result=\"bypass\"", RATE)                      \
    X("Cache", "hits from memory", "smartimg_memory_hits_total", NULL, RATE)                       \
    X("Cache", "waits for another", "smartimg_waits_total", NULL, RATE)                            \
    X("Cache", "waiting for another now", "smartimg_requests_waiting", NULL, NOW)                  \
    X("Cache", "damaged files", "smartimg_cache_damaged_total", NULL, RATE)                        \
    X("Cache", "on disk", "smartimg_cache_bytes", NULL, SIZE)                                      \
    X("Cache", "at most", "smartimg_cache_limit_bytes", NULL, SIZE)                                \
    X("Cache", "disk is full", "smartimg_cache_disk_full", NULL, NOW)                              \
    X("Renderers", "first answers", "smartimg_renders_total", "kind=\"first\"", RATE)              \
    X("Renderers", "refreshes", "smartimg_renders_total", "kind=\"refresh\"", RATE)                \
    X("Renderers", "refinements", "smartimg_renders_total", "kind=\"refinement\"", RATE)           \
    X("Renderers", "running", "smartimg_renderers_up", NULL, NOW)                                  \
    X("Renderers", "at work", "smartimg_renderers_busy", NULL, NOW)                                \
    X("Renderers", "asked for now", "smartimg_requests_asked", NULL, NOW)                          \
    X("Renderers", "lane", "smartimg_lane_requests", "lane", NOW)                                  \
    X("Renderers", "rendering", "smartimg_requests_rendering", NULL, NOW)                          \
    X("Renderers", "dear ones of them", "smartimg_requests_rendering_dear", NULL, NOW)             \
    X("Renderers", "less effort", "smartimg_load_total", "step", RATE)                             \
    X("Renderers", "queue full", "smartimg_queue_full_total", NULL, RATE)                          \
    X("Renderers", "failed before", "smartimg_remembered_total", NULL, RATE)                       \
    X("Renderers", "client too fast", "smartimg_client_limited_total", NULL, RATE)                 \
    X("Renderers", "client gone", "smartimg_cancelled_total", "stage", RATE)                       \
    X("Renderers", "tier", "smartimg_answers_total", "tier", RATE)                                 \
    X("Renderers", "ended", "smartimg_renderer_ends_total", "reason", RATE)                        \
    X("Renderers", "ended", "smartimg_helper_ends_total", "process", RATE)                         \
    X("Renderers", "starts of the pool", "smartimg_pool_starts_total", NULL, RATE)                 \
    X("Refinements", "waiting", "smartimg_refinements_waiting", NULL, NOW)                         \
    X("Refinements", "result", "smartimg_refinements_total", "result", RATE)                       \
    X("Refinements", "saved", "smartimg_refinement_saved_bytes_total", NULL, BYTES)                \
    X("Lines", "requests that adapt", "smartimg_network_total", "class", RATE)                     \
    X("Lines", "connections judged", "smartimg_connections_judged_total", "class", RATE)

typedef struct si_top_line {
    char text[160]; /* printable ASCII */
    bool heading;
} si_top_line;

/* Zero-initialize; release with si_top_lines_free(). */
typedef struct si_top_lines {
    si_top_line *items;
    int count, room;
    double requests; /* a second, for a graph; NAN if not known */
} si_top_lines;

/* Lines of `now`, with rates since `before`, or without any if that is empty. A counter that has
 * become less began anew, and so did the server. Latencies are quantiles of the histograms, of what
 * was observed since `before`, if anything was, else in all. False if memory runs out. */
bool si_top_lines_make(const si_samples *before, const si_samples *now, si_top_lines *out);
void si_top_lines_free(si_top_lines *lines);

/* The value below which a share `q` of the observations is, by buckets of a histogram: `upper` are
 * their bounds in ascending order, the last one infinite, `below` the observations up to each. NAN
 * without observations; the last finite bound if it is beyond that. */
double si_top_quantile(const double *upper, const double *below, int count, double q);

#endif
