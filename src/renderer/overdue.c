#include "renderer/overdue.h"

#include "base/clock.h"
#include "renderer/worker.h"
#include "source/fetcher.h"

enum { LOOK_MS = 1000 /* between two looks, at most */ };

int64_t si_longest_request_ns(const si_pool_options *o) {
    int64_t ms = SI_WORKER_READ_MS + (int64_t)SI_WORKER_REFINE_PATIENCE * o->wall_ms +
                 o->fetch.timeout_ms + SI_FETCHER_SLACK_MS + SI_WORKER_WRITE_MS +
                 SI_WORKER_KILL_SLACK_MS + LOOK_MS;
    return ms * SI_MILLISECOND;
}

si_overdue si_worker_overdue(
    si_worker_watch *w, const si_pool_options *o, int64_t kill_at_ns, int64_t now_ns) {
    int64_t age = now_ns - w->started_ns, longest = si_longest_request_ns(o);
    if (kill_at_ns == 0) {
        w->busy_since_ns = 0;
    } else if (w->busy_since_ns == 0) {
        w->busy_since_ns = now_ns;
    }
    if (kill_at_ns != 0 && now_ns > kill_at_ns) {
        return SI_OVERDUE_KILL;
    }
    if (w->busy_since_ns != 0 && now_ns - w->busy_since_ns > longest) {
        return SI_OVERDUE_HELD;
    }
    if (age > SI_WORKER_AGE_NS && !w->told) {
        w->told = true;
        return SI_OVERDUE_OLD;
    }
    return age > SI_WORKER_AGE_NS + longest ? SI_OVERDUE_STAYS : SI_OVERDUE_NOT;
}
