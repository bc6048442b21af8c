#include "fleet/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { FIRST_PAUSE_MS = 2, MOST_PAUSE_MS = 100 };

/* A purge on its way. */
typedef struct purge {
    const si_fleet_purge_options *options;
    const si_invalidation *what;
    si_fleet_purge *out;
    redisContext *c;       /* NULL = no connection */
    si_stream_place place; /* of the entry; counts once it is added on this connection */
    bool added;            /* on this connection, and not lost since */
} purge;

/* Sleeps, longer each time; not beyond `until`. */
static void pause_until(int64_t until, int *ms) {
    int left = si_until_ms(until);
    usleep((useconds_t)(*ms < left ? *ms : left) * 1000);
    *ms = *ms * 2 < MOST_PAUSE_MS ? *ms * 2 : MOST_PAUSE_MS;
}

static bool has_applied(const purge *p, const si_node *n) {
    return strcmp(n->place.epoch, p->place.epoch) == 0 &&
           si_stream_id_compare(n->place.id, p->place.id) >= 0;
}

static void count(const purge *p, const si_nodes *nodes) {
    si_fleet_purge *out = p->out;
    size_t len = 0;
    out->acknowledged = out->behind = 0;
    out->names[0] = '\0';
    out->settled = nodes->epoch_ms >= SI_FLEET_SETTLE_MS;
    for (int i = 0; i < nodes->count; i++) {
        const char *name = nodes->nodes[i].name;
        if (has_applied(p, &nodes->nodes[i])) {
            out->acknowledged++;
        } else {
            int n = snprintf(out->names + len, sizeof out->names - len, "%s%s",
                out->behind > 0 ? ", " : "", name);
            if (n > 0 && len + (size_t)n < sizeof out->names) {
                len += (size_t)n;
            } else {
                out->names[len] = '\0';
            }
            out->behind++;
        }
    }
}

/* One look. *done: all have applied it. An entry that is gone, or whose epoch is, has to be added
 * once more: some node may never see it. */
static si_result look(purge *p, bool *done, si_diag *diag) {
    si_nodes nodes;
    *done = false;
    SI_TRY(si_stream_nodes(p->c, p->place.id, &nodes, diag));
    if (!nodes.there || strcmp(nodes.end.place.epoch, p->place.epoch) != 0) {
        p->added = false;
    } else {
        count(p, &nodes);
        *done = p->out->settled && p->out->behind == 0 && p->out->acknowledged >= p->options->nodes;
    }
    free(nodes.nodes);
    return SI_OK;
}

/* Does what comes next. */
static si_result step(purge *p, bool *done, si_diag *diag) {
    *done = false;
    if (p->c == NULL) {
        p->added = false;
        SI_TRY(si_redis_connect(&p->options->redis, 0, &p->c, diag));
    }
    if (!p->added) {
        SI_TRY(si_stream_add(p->c, p->what, &p->place, diag));
        p->added = p->out->added = true;
    }
    return look(p, done, diag);
}

static si_result late(const purge *p, const si_diag *last, si_diag *diag) {
    const si_fleet_purge *out = p->out;
    if (!out->added || last->code != SI_OK) {
        return si_fail(diag, out->added ? SI_ERR_TIMEOUT : SI_ERR_IO, "%s", last->text);
    }
    if (out->behind > 0) {
        return si_fail(diag, SI_ERR_TIMEOUT,
            "%d of %d nodes have not applied it yet, and will as soon as they can: %s", out->behind,
            out->behind + out->acknowledged, out->names);
    }
    return out->acknowledged < p->options->nodes
               ? si_fail(diag, SI_ERR_TIMEOUT, "%d nodes have applied it, of at least %d",
                     out->acknowledged, p->options->nodes)
               : si_fail(diag, SI_ERR_TIMEOUT,
                     "%d nodes have applied it; others may not have told yet that they are there",
                     out->acknowledged);
}

si_result si_fleet_purge_run(const si_fleet_purge_options *options, const si_invalidation *what,
    si_fleet_purge *out, si_diag *diag) {
    int64_t until = si_now_ns() + options->wait_ms * SI_MILLISECOND;
    purge p = {.options = options, .what = what, .out = out};
    int pause_ms = FIRST_PAUSE_MS;
    si_diag last;
    bool done = false;
    *out = (si_fleet_purge){0};
    do {
        last = (si_diag){0};
        if (step(&p, &done, &last) != SI_OK && p.c != NULL) {
            redisFree(p.c);
            p.c = NULL;
        }
        if (!done) {
            pause_until(until, &pause_ms);
        }
    } while (!done && si_now_ns() < until);
    if (p.c != NULL) {
        redisFree(p.c);
    }
    return done ? SI_OK : late(&p, &last, diag);
}
