/* What a server counts, for Prometheus: /metrics is printed from these tables, docs/metrics.md is
 * made from them (`smartimg config metrics`), and the alert rules and the dashboard of conf/ are
 * held against them.
 *
 * A *family* is a name with a type, labels and a meaning. Its rows come from one of
 *
 *   SI_METRIC_ROWS        numbers whose labels are fixed: one in each process of nginx, added up
 *   SI_METRIC_HISTOGRAMS  the same of histograms
 *   SI_RENDERER_…         numbers of the pool (base/pool_status.h)
 *   labels of requests    company, class, format and such: in the edge's table of series
 *   the stream            what a node of a fleet knows of purges (fleet/follower.h), in a file
 *   the moment            what is found out when somebody asks: sizes, states */
#ifndef SI_BASE_METRICS_H
#define SI_BASE_METRICS_H

#include <stddef.h>

/* id, name, type, labels (parted by commas, in the order of their values), meaning */
#define SI_METRICS(X)                                                                              \
    X(BUILD, "smartimg_build_info", GAUGE, "version,revision,nginx",                               \
        "1; the labels tell what runs: version, revision of the renderers, version of nginx")      \
    /* requests */                                                                                 \
    X(REQUESTS, "smartimg_requests_total", COUNTER, "company,class,format,status",                 \
        "Requests for images and their properties. company: of the path, other for one without "   \
        "a file of its own; class: the formats that the client shows; format: of the reply, "      \
        "none for one that is no image; status: 499 of a client that went before it was answered") \
    X(SENT, "smartimg_sent_bytes_total", COUNTER, "company",                                       \
        "Bytes sent to clients, headers included")                                                 \
    X(SAVED, "smartimg_saved_bytes_total", COUNTER, "company,format",                              \
        "Bytes that whole images sent were smaller than the ones asked for")                       \
    X(ERRORS, "smartimg_errors_total", COUNTER, "class", "Requests answered with an error")        \
    X(REQUEST_TIME, "smartimg_request_seconds", HISTOGRAM, "result",                               \
        "Time from the first byte of a request to the last one of its reply, by what the cache "   \
        "had for it; none: it was not asked")                                                      \
    X(ACTIVE, "smartimg_requests_active", GAUGE, "", "Requests being answered now")                \
    X(LIMITED, "smartimg_client_limited_total", COUNTER, "",                                       \
        "Requests refused as their client asked for too much that was new")                        \
    X(NETWORK, "smartimg_network_total", COUNTER, "class",                                         \
        "Requests that adapt to the network, by the class of their line")                          \
    X(JUDGED, "smartimg_connections_judged_total", COUNTER, "class",                               \
        "Connections by what they were found to be, again when that changed")                      \
    /* origins */                                                                                  \
    X(ORIGIN_ANSWERS, "smartimg_origin_answers_total", COUNTER, "result",                          \
        "What origins told of originals, or that they told nothing")                               \
    X(ORIGIN_WAITS, "smartimg_origin_waits_total", COUNTER, "",                                    \
        "Requests that waited for what an origin tells of an original")                            \
    /* the cache */                                                                                \
    X(CACHE, "smartimg_cache_total", COUNTER, "result", "Requests by what the cache had for them") \
    X(MEMORY, "smartimg_memory_hits_total", COUNTER, "", "Hits that did not need nginx's cache")   \
    X(IGNORED, "smartimg_cache_commands_ignored_total", COUNTER, "",                               \
        "Requests with cache=off or update of clients that may not")                               \
    X(DAMAGED, "smartimg_cache_damaged_total", COUNTER, "",                                        \
        "Files of the cache that were cut short or changed, and dropped")                          \
    X(CACHE_BYTES, "smartimg_cache_bytes", GAUGE, "",                                              \
        "Bytes that the cache takes on its disk; it grows as nginx reads the folder at the start") \
    X(CACHE_LIMIT, "smartimg_cache_limit_bytes", GAUGE, "", "Bytes that it may take (cache-size)") \
    X(CACHE_FULL, "smartimg_cache_disk_full", GAUGE, "",                                           \
        "1 while replies are not stored, as the disk takes nothing, else 0")                       \
    /* renders and their answers */                                                                \
    X(RENDERS, "smartimg_renders_total", COUNTER, "kind", "Requests passed to the renderers")      \
    X(LANES, "smartimg_lane_total", COUNTER, "lane",                                               \
        "The same by the lane in which they wait for a renderer")                                  \
    X(ANSWERS, "smartimg_answers_total", COUNTER, "tier,format",                                   \
        "Images that were chosen among encodings, by the tier that the choice has reached")        \
    X(ENCODINGS, "smartimg_answer_encodings", HISTOGRAM, "", "Encodings made for such an image")   \
    X(TARGET, "smartimg_target_score", HISTOGRAM, "",                                              \
        "SSIMULACRA2 of the requested encoding, which is to be reached")                           \
    X(SCORE, "smartimg_reached_score", HISTOGRAM, "", "SSIMULACRA2 of what was sent instead")      \
    X(RENDER_TIME, "smartimg_render_seconds", HISTOGRAM, "",                                       \
        "Time from a question to a renderer to the end of its reply, waiting included")            \
    X(STAGE_TIME, "smartimg_stage_seconds", HISTOGRAM, "stage",                                    \
        "What that time went into, of answers of renderers (picture/stages.h)")                    \
    /* the queue before the renderers */                                                           \
    X(ASKED, "smartimg_requests_asked", GAUGE, "",                                                 \
        "Requests of all kinds that renderers have now, at work or in their queue")                \
    X(LANE_NOW, "smartimg_lane_requests", GAUGE, "lane", "The same by lane")                       \
    X(RENDERING, "smartimg_requests_rendering", GAUGE, "",                                         \
        "First answers that renderers are asked for now")                                          \
    X(DEAR, "smartimg_requests_rendering_dear", GAUGE, "",                                         \
        "Those of them that are foreseen to be dear")                                              \
    X(WAITING, "smartimg_requests_waiting", GAUGE, "",                                             \
        "Requests waiting now for the render of another one")                                      \
    X(WAITS, "smartimg_waits_total", COUNTER, "",                                                  \
        "Requests that waited for the render of another one")                                      \
    X(FORESEEN, "smartimg_queue_foreseen_seconds", GAUGE, "",                                      \
        "What a dear first answer would wait for now, by what answers took lately")                \
    X(FULL, "smartimg_queue_full_total", COUNTER, "",                                              \
        "Requests refused as they would have waited too long for a renderer")                      \
    X(LOAD, "smartimg_load_total", COUNTER, "step",                                                \
        "Answers made with less effort as others waited, by step")                                 \
    X(REMEMBERED, "smartimg_remembered_total", COUNTER, "",                                        \
        "Requests refused as the same one was not ready in time shortly before")                   \
    X(CANCELLED, "smartimg_cancelled_total", COUNTER, "stage",                                     \
        "Requests ended because their clients had gone")                                           \
    /* refinements */                                                                              \
    X(REFINING, "smartimg_refinements_waiting", GAUGE, "", "First answers that are to be refined") \
    X(REFINED, "smartimg_refinements_total", COUNTER, "result",                                    \
        "Refinements of first answers: smaller, not smaller, put off, in vain")                    \
    X(GAINED, "smartimg_refinement_saved_bytes_total", COUNTER, "",                                \
        "Bytes that refined images are smaller than the ones they replaced")                       \
    /* the pool: without renderers where those are on another machine */                           \
    X(WANTED, "smartimg_renderers_wanted", GAUGE, "", "Renderers that there are to be")            \
    X(UP, "smartimg_renderers_up", GAUGE, "", "Renderers that run")                                \
    X(BUSY, "smartimg_renderers_busy", GAUGE, "", "Renderers that are at work on a request")       \
    X(ENDS, "smartimg_renderer_ends_total", COUNTER, "reason",                                     \
        "Renderers that ended, each of which was replaced")                                        \
    X(HELPERS, "smartimg_helper_ends_total", COUNTER, "process",                                   \
        "Other processes of the pool that ended by a fault: of foreign images")                    \
    X(SPARED, "smartimg_renderer_spared_total", COUNTER, "reason",                                 \
        "Requests that renderers ended without an image")                                          \
    X(POOL_STARTS, "smartimg_pool_starts_total", COUNTER, "",                                      \
        "Starts of the pool: more than one if it died")                                            \
    X(POOL_SEEN, "smartimg_pool_seen_seconds", GAUGE, "",                                          \
        "Time since the pool last looked after its renderers, which it does four times a second")  \
    /* a node of a fleet: not there elsewhere */                                                   \
    X(STREAM, "smartimg_invalidations_connected", GAUGE, "",                                       \
        "1 while the stream of the fleet's purges is there, else 0 (--redis alone has these)")     \
    X(LAG, "smartimg_invalidations_lag_seconds", GAUGE, "",                                        \
        "Since when all purges of the fleet were applied here at last; -1: never since the start") \
    X(APPLIED, "smartimg_invalidations_applied_total", COUNTER, "",                                \
        "Purges of the fleet that were applied")                                                   \
    X(ALL_PURGED, "smartimg_invalidations_all_total", COUNTER, "",                                 \
        "How often everything was purged, as some purges may have been missed")

typedef enum si_metric {
#define X(id, ...) SI_METRIC_##id,
    SI_METRICS(X)
#undef X
        SI_METRIC_COUNT
} si_metric;

/* Numbers with fixed labels: field of the edge's counters, family, value of its label ("" = it has
 * none). Rows of a family stand together. */
#define SI_METRIC_ROWS(X)                                                                          \
    X(refused, ERRORS, "4xx")                                                                      \
    X(failed, ERRORS, "5xx")                                                                       \
    X(active, ACTIVE, "")                                                                          \
    X(limited, LIMITED, "")                                                                        \
    X(network_excellent, NETWORK, "excellent")                                                     \
    X(network_good, NETWORK, "good")                                                               \
    X(network_poor, NETWORK, "poor")                                                               \
    X(judged_excellent, JUDGED, "excellent")                                                       \
    X(judged_good, JUDGED, "good")                                                                 \
    X(judged_poor, JUDGED, "poor")                                                                 \
    X(origin_found, ORIGIN_ANSWERS, "found")                                                       \
    X(origin_missing, ORIGIN_ANSWERS, "missing")                                                   \
    X(origin_failed, ORIGIN_ANSWERS, "failed")                                                     \
    X(origin_waits, ORIGIN_WAITS, "")                                                              \
    X(hits, CACHE, "hit")                                                                          \
    X(misses, CACHE, "miss")                                                                       \
    X(refreshes, CACHE, "refresh")                                                                 \
    X(bypasses, CACHE, "bypass")                                                                   \
    X(memory, MEMORY, "")                                                                          \
    X(ignored, IGNORED, "")                                                                        \
    X(damaged, DAMAGED, "")                                                                        \
    X(renders, RENDERS, "first")                                                                   \
    X(updates, RENDERS, "refresh")                                                                 \
    X(refinements, RENDERS, "refinement")                                                          \
    X(lane_cheap, LANES, "cheap")                                                                  \
    X(lane_dear, LANES, "dear")                                                                    \
    X(lane_foreign, LANES, "foreign")                                                              \
    X(lane_refine, LANES, "refine")                                                                \
    X(asked, ASKED, "")                                                                            \
    X(now_cheap, LANE_NOW, "cheap")                                                                \
    X(now_dear, LANE_NOW, "dear")                                                                  \
    X(now_foreign, LANE_NOW, "foreign")                                                            \
    X(now_refine, LANE_NOW, "refine")                                                              \
    X(rendering, RENDERING, "")                                                                    \
    X(rendering_dear, DEAR, "")                                                                    \
    X(waiting, WAITING, "")                                                                        \
    X(waits, WAITS, "")                                                                            \
    X(full, FULL, "")                                                                              \
    X(load_refinement, LOAD, "refinement")                                                         \
    X(load_quick, LOAD, "quick")                                                                   \
    X(load_quick_format, LOAD, "quick-format")                                                     \
    X(load_requested, LOAD, "requested")                                                           \
    X(remembered, REMEMBERED, "")                                                                  \
    X(cancelled, CANCELLED, "render")                                                              \
    X(left, CANCELLED, "wait")                                                                     \
    X(refine_improved, REFINED, "improved")                                                        \
    X(refine_kept, REFINED, "kept")                                                                \
    X(refine_deferred, REFINED, "deferred")                                                        \
    X(refine_failed, REFINED, "failed")                                                            \
    X(refine_saved, GAINED, "")

/* Histograms: field, family, value of its label, upper bounds (SI_BOUNDS_…). Those of a family
 * stand together. */
#define SI_METRIC_HISTOGRAMS(X)                                                                    \
    X(time_hit, REQUEST_TIME, "hit", TIME)                                                         \
    X(time_miss, REQUEST_TIME, "miss", TIME)                                                       \
    X(time_refresh, REQUEST_TIME, "refresh", TIME)                                                 \
    X(time_bypass, REQUEST_TIME, "bypass", TIME)                                                   \
    X(time_none, REQUEST_TIME, "none", TIME)                                                       \
    X(encodings, ENCODINGS, "", ENCODINGS)                                                         \
    X(target, TARGET, "", SCORE)                                                                   \
    X(score, SCORE, "", SCORE)                                                                     \
    X(render_time, RENDER_TIME, "", TIME)                                                          \
    X(stage_QUEUE, STAGE_TIME, "queue", TIME)                                                      \
    X(stage_SOURCE, STAGE_TIME, "source", TIME)                                                    \
    X(stage_RENDER, STAGE_TIME, "render", TIME)                                                    \
    X(stage_ENCODE, STAGE_TIME, "encode", TIME)                                                    \
    X(stage_SCORE, STAGE_TIME, "score", TIME)

/* What a histogram observes, in whole numbers: id, words, unit (how many make 1 on the page), and
 * upper bounds in that unit, rising; an observation belongs to the first that it does not exceed.
 */
#define SI_METRIC_BOUNDS(X)                                                                        \
    X(TIME, "seconds", 1000000, 1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,  \
        2500000, 5000000, 10000000, 30000000)                                                      \
    X(SCORE, "scores", 100, 0, 3000, 5000, 6000, 6500, 7000, 7500, 8000, 8500, 9000, 9500)         \
    X(ENCODINGS, "encodings", 1, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)

enum { SI_METRIC_BOUNDS_MAX = 13 }; /* of a histogram; one more bucket takes the rest */

typedef enum si_metric_bounds {
#define X(id, ...) SI_BOUNDS_##id,
    SI_METRIC_BOUNDS(X)
#undef X
        SI_BOUNDS_COUNT
} si_metric_bounds;

typedef struct si_metric_family {
    const char *name, *type, *labels, *help; /* labels "" = none */
} si_metric_family;

extern const si_metric_family si_metric_families[SI_METRIC_COUNT];

/* A row with a fixed label. */
typedef struct si_metric_row {
    si_metric family;
    const char *label; /* "" = it has none */
} si_metric_row;

typedef struct si_metric_scale {
    const char *words;
    long unit;
    int count;
    long bounds[SI_METRIC_BOUNDS_MAX];
} si_metric_scale;

extern const si_metric_scale si_metric_scales[SI_BOUNDS_COUNT];

/* Which bucket an observation belongs to: 0…count, of which the last is for what exceeds all
 * bounds. */
int si_metric_bucket(si_metric_bounds bounds, long value);

#endif
