#include "cli/warm/warm_queue.h"

#include <stdlib.h>

#include "base/clock.h"

void si_warm_queue_init(
    si_warm_queue *q, const char *const *urls, int url_count, int class_count, double rate) {
    *q = (si_warm_queue){.urls = urls,
        .url_count = url_count,
        .class_count = class_count,
        .interval_ns = rate > 0 ? (int64_t)((double)SI_SECOND / rate) : 0};
}

static bool has_fresh(const si_warm_queue *q) {
    return q->url < q->url_count && q->class_count > 0;
}

/* ---- the heap ---- */

static void swap(si_warm_queue *q, int i, int k) {
    si_warm_job *job = q->again[i];
    q->again[i] = q->again[k];
    q->again[k] = job;
}

bool si_warm_queue_again(si_warm_queue *q, si_warm_job *job) {
    if (q->again_count == q->again_room) {
        int room = q->again_room * 2 + 64;
        si_warm_job **more = realloc(q->again, (size_t)room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        q->again = more;
        q->again_room = room;
    }
    int i = q->again_count++;
    q->again[i] = job;
    while (i > 0 && q->again[(i - 1) / 2]->at_ns > q->again[i]->at_ns) {
        swap(q, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
    return true;
}

static si_warm_job *take_again(si_warm_queue *q) {
    si_warm_job *job = q->again[0];
    q->again[0] = q->again[--q->again_count];
    for (int i = 0;;) {
        int least = i;
        for (int k = 2 * i + 1; k <= 2 * i + 2; k++) {
            if (k < q->again_count && q->again[k]->at_ns < q->again[least]->at_ns) {
                least = k;
            }
        }
        if (least == i) {
            return job;
        }
        swap(q, i, least);
        i = least;
    }
}

/* ---- taking ---- */

int64_t si_warm_queue_when(const si_warm_queue *q) {
    if (has_fresh(q)) {
        return q->next_ns;
    }
    if (q->again_count == 0) {
        return INT64_MAX;
    }
    return q->again[0]->at_ns > q->next_ns ? q->again[0]->at_ns : q->next_ns;
}

static si_warm_job *take_fresh(si_warm_queue *q) {
    si_warm_job *job = calloc(1, sizeof *job);
    if (job != NULL) {
        *job = (si_warm_job){.url = q->urls[q->url], .class = q->class};
        q->class = (q->class + 1) % q->class_count;
        q->url += q->class == 0;
    }
    return job;
}

si_warm_job *si_warm_queue_take(si_warm_queue *q, int64_t now_ns, bool *failed) {
    *failed = false;
    int64_t when = si_warm_queue_when(q);
    if (when == INT64_MAX || when > now_ns) {
        return NULL;
    }
    bool due = q->again_count > 0 && q->again[0]->at_ns <= now_ns;
    si_warm_job *job = due ? take_again(q) : take_fresh(q);
    *failed = job == NULL;
    q->next_ns = now_ns + q->interval_ns;
    return job;
}

void si_warm_queue_free(si_warm_queue *q) {
    for (int i = 0; i < q->again_count; i++) {
        free(q->again[i]);
    }
    free(q->again);
    *q = (si_warm_queue){0};
}
