#include "fleet/follower.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "fleet/position.h"

enum { REPORT_MS = 1000, PAUSE_MS = 20 };

typedef struct follower {
    const si_follower_options *options;
    const volatile sig_atomic_t *stop;
    void (*say)(const char *fmt, ...);
    si_generations *table;
    si_position position;
    const char *node;
    redisContext *c;      /* NULL = no connection */
    bool told;            /* that there is none */
    bool begun;           /* the node may serve */
    int failures;         /* in a row */
    int64_t start_by_ns;  /* when it serves even without a connection */
    int64_t caught_up_ns; /* when all that was in the stream had been applied, at last; 0 = never */
    int64_t reported_ns;
    uint64_t applied, all; /* invalidations; how often everything was purged for safety */
} follower;

/* ---- what is told ---- */

static void tell_family(FILE *out, si_metric family, double value) {
    const si_metric_family *m = &si_metric_families[family];
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.16g\n", m->name, m->help, m->name, m->type,
        m->name, value);
}

/* Writes the report, for the first time when the node may serve. */
static void report(follower *f, bool now) {
    char name[4096];
    int64_t at = si_now_ns();
    if (!f->begun || (!now && at - f->reported_ns < REPORT_MS * SI_MILLISECOND)) {
        return;
    }
    f->reported_ns = at;
    double lag =
        f->caught_up_ns != 0 ? (double)((at - f->caught_up_ns) / SI_MILLISECOND) / 1000 : -1;
    snprintf(name, sizeof name, "%s.new", f->options->report);
    FILE *out = fopen(name, "we");
    if (out == NULL) {
        return;
    }
    tell_family(out, SI_METRIC_STREAM, f->c != NULL);
    tell_family(out, SI_METRIC_LAG, lag);
    tell_family(out, SI_METRIC_APPLIED, (double)f->applied);
    tell_family(out, SI_METRIC_ALL_PURGED, (double)f->all);
    if (fclose(out) == 0) {
        (void)!rename(name, f->options->report);
    }
}

static void begin(follower *f) {
    if (!f->begun) {
        f->begun = true;
        report(f, true);
    }
}

/* ---- the work ---- */

static si_result save(follower *f, si_diag *diag) {
    return si_position_write(f->options->position, &f->position, diag);
}

/* Purges everything, as of the end of the stream; what is before it counts as applied then. */
static si_result purge_all(
    follower *f, const char *why, const si_stream_place *end, si_diag *diag) {
    SI_TRY(si_generation_purge_all(f->table, diag));
    f->all++;
    f->position.place = *end;
    SI_TRY(save(f, diag));
    f->say("everything is purged here: %s", why);
    return SI_OK;
}

/* Tells how far this node has come, and looks whether the server is still the one that it was. */
static si_result tell(follower *f, si_diag *diag) {
    si_stream_end end;
    si_stream_place *here = &f->position.place;
    SI_TRY(si_stream_tell(f->c, f->node, here, f->options->expire_s, &end, diag));
    if (strcmp(here->epoch, end.place.epoch) == 0 &&
        si_stream_id_compare(end.place.id, here->id) < 0) {
        SI_TRY(si_stream_renew(f->c, here->epoch, &end, diag));
    }
    if (strcmp(here->epoch, end.place.epoch) != 0) {
        SI_TRY(purge_all(f,
            here->epoch[0] == '\0' ? "this node follows the fleet for the first time"
                                   : "the stream of invalidations has lost some",
            &end.place, diag));
        SI_TRY(si_stream_tell(f->c, f->node, here, f->options->expire_s, &end, diag));
    }
    if (si_stream_id_compare(end.place.id, here->id) == 0) {
        f->caught_up_ns = si_now_ns();
        begin(f);
    }
    return SI_OK;
}

/* Applies the entries from `at` on that follow on what this node has, up to the first that does
 * not. *at is moved behind them. */
static si_result apply(
    follower *f, const si_stream_entry *entries, int count, int *at, si_diag *diag) {
    uint32_t places[SI_STREAM_BATCH * SI_INVALIDATION_PLACES];
    _Static_assert(sizeof places / sizeof *places <= SI_GENERATION_PLACES, "a batch is one purge");
    si_stream_id here = f->position.place.id;
    int n = 0, first = *at, i = first;
    while (i < count && entries[i].good && si_stream_id_compare(entries[i].before, here) == 0) {
        n += si_invalidation_places(&entries[i].what, places + n);
        here = entries[i++].id;
    }
    if (n > 0) {
        SI_TRY(si_generation_purge_places(f->table, places, n, diag));
    }
    f->position.place.id = here;
    f->applied += (uint64_t)(i - first);
    *at = i;
    return SI_OK;
}

/* An entry that cannot be understood, or does not follow on the last one: it, or what was before
 * it, may have been anything. */
static si_result apply_all(follower *f, const si_stream_entry *e, si_diag *diag) {
    si_stream_place here = f->position.place;
    bool follows = si_stream_id_compare(e->before, here.id) == 0;
    here.id = e->id;
    return purge_all(f,
        follows ? "an invalidation is of a kind that this version does not know"
                : "invalidations were removed from the stream before they were seen",
        &here, diag);
}

/* Reads what there is, applies it, and tells so. */
static si_result follow(follower *f, si_diag *diag) {
    static si_stream_entry entries[SI_STREAM_BATCH];
    int count, at = 0;
    SI_TRY(si_stream_read(f->c, f->position.place.id, entries, &count, diag));
    while (at < count) {
        SI_TRY(apply(f, entries, count, &at, diag));
        if (at < count) {
            SI_TRY(apply_all(f, &entries[at++], diag));
        }
    }
    if (count > 0) {
        SI_TRY(save(f, diag));
    }
    return tell(f, diag);
}

static si_result connect_anew(follower *f, si_diag *diag) {
    SI_TRY(si_redis_connect(&f->options->redis, SI_STREAM_BLOCK_MS, &f->c, diag));
    SI_TRY(tell(f, diag));
    if (f->position.left) {
        f->position.left = false;
        SI_TRY(save(f, diag));
    }
    if (f->told) {
        f->say("Redis is there again");
        f->told = false;
    }
    return SI_OK;
}

static void disconnect(follower *f) {
    if (f->c != NULL) {
        redisFree(f->c);
        f->c = NULL;
    }
}

/* ---- without a connection ---- */

/* The node has to serve without knowing what was purged. It has been waited for, unless it had left
 * in order, or knows nothing of itself any more. */
static void begin_alone(follower *f) {
    si_diag diag = {0};
    bool known = f->position.place.epoch[0] != '\0' && !f->position.left;
    if (f->begun || si_now_ns() < f->start_by_ns) {
        return;
    }
    if (!known) {
        if (si_generation_purge_all(f->table, &diag) != SI_OK) {
            f->say("%s", diag.text);
            return;
        }
        f->all++;
    }
    f->say("serving without Redis, %s", known
                                            ? "as purges wait for this node"
                                            : "with an empty cache, as purges were not waited for");
    begin(f);
}

/* Waits after a failure, longer each time, and not for as long as other nodes do. */
static void pause_for_a_while(follower *f) {
    unsigned short random = 0;
    int shift = f->failures < 5 ? f->failures : 5;
    int64_t ms = (int64_t)SI_FOLLOWER_RETRY_MS << shift;
    ms = ms < SI_FOLLOWER_RETRY_MOST_MS ? ms : SI_FOLLOWER_RETRY_MOST_MS;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    int64_t until =
        si_now_ns() + ms * SI_MILLISECOND / 2 + ms * SI_MILLISECOND / 2 * random / 65536;
    f->failures++;
    while (si_now_ns() < until && !*f->stop) {
        begin_alone(f);
        report(f, false);
        usleep(PAUSE_MS * 1000);
    }
}

/* Leaves the fleet, so that no purge waits for this node until it is back. The disk knows first:
 * who has left and forgets it would trust its cache later. */
static void leave(follower *f) {
    si_diag diag = {0};
    bool known;
    if (f->c == NULL) {
        return;
    }
    f->position.left = true;
    if (save(f, &diag) == SI_OK && si_stream_forget(f->c, f->node, &known, &diag) != SI_OK) {
        f->position.left = false;
        (void)!save(f, &diag);
    }
}

bool si_follower_run(const si_follower_options *options, const volatile sig_atomic_t *stop,
    void (*say)(const char *fmt, ...)) {
    follower f = {.options = options, .stop = stop, .say = say};
    si_diag diag = {0};
    if (si_generations_open(options->generations, &f.table, &diag) != SI_OK) {
        say("%s", diag.text);
        return false;
    }
    si_position_read(options->position, &f.position);
    f.node = options->node != NULL ? options->node : f.position.node;
    f.start_by_ns = si_now_ns() + SI_FOLLOWER_START_MS * SI_MILLISECOND;
    while (!*stop) {
        si_diag why = {0};
        si_result result = f.c == NULL ? connect_anew(&f, &why) : follow(&f, &why);
        if (result == SI_OK) {
            f.failures = 0;
            report(&f, false);
            continue;
        }
        disconnect(&f);
        if (!f.told) {
            say("%s", why.text);
            f.told = true;
        }
        report(&f, true);
        pause_for_a_while(&f);
    }
    leave(&f);
    disconnect(&f);
    si_generations_close(f.table);
    return true;
}
