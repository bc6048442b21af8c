#include "plan/lifetime.h"

#include <assert.h>
#include <stdio.h>

enum { YEAR = 31536000 }; /* seconds; RFC 9111 knows no longer life than caches care for */

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* When the reply ends, by itself or with its address; SI_FRESH_FOR_EVER = by neither. */
static int64_t end_of(const si_plan *plan, const si_lifetime_of *of) {
    if (plan->expires == 0) {
        return of->fresh_until;
    }
    return of->fresh_until != SI_FRESH_FOR_EVER ? at_most(of->fresh_until, plan->expires)
                                                : plan->expires;
}

/* Seconds that a client may keep it. */
static int64_t time_to_live(const si_plan *plan, const si_lifetime_of *of) {
    int64_t ttl = plan->ttl >= 0 ? plan->ttl : YEAR;
    if (end_of(plan, of) != SI_FRESH_FOR_EVER) {
        int64_t left = end_of(plan, of) - of->now;
        ttl = at_most(ttl, left > 0 ? left : 0);
    }
    return ttl;
}

/* Whether other clients, who may get another reply, are not to have it. */
static bool is_private(const si_plan *plan) {
    return plan->by_address || plan->network_private;
}

/* Foreign images end when they end, and so do addresses; of others only a better version is late.
 */
static void set_first_answer(
    const si_plan *plan, const si_lifetime_of *of, int64_t ttl, si_lifetime *out) {
    int64_t fresh = at_most(of->first_seconds, ttl);
    int64_t stale = end_of(plan, of) == SI_FRESH_FOR_EVER ? ttl : ttl - fresh;
    snprintf(out->cache_control, sizeof out->cache_control,
        "public, max-age=%lld, s-maxage=%lld, stale-while-revalidate=%lld", (long long)ttl,
        (long long)fresh, (long long)stale);
    snprintf(out->cdn, sizeof out->cdn, "max-age=%lld, stale-while-revalidate=%lld",
        (long long)fresh, (long long)stale);
}

void si_lifetime_make(const si_plan *plan, const si_lifetime_of *of, si_lifetime *out) {
    assert(of->first_seconds >= 0 && of->fresh_until >= SI_FRESH_FOR_EVER);
    *out = (si_lifetime){.expires = -1, .first = of->first && plan->server_cache};
    if (!plan->client_cache || of->fresh_until == 0) {
        snprintf(out->cache_control, sizeof out->cache_control, "no-store");
        return;
    }
    int64_t ttl = time_to_live(plan, of);
    out->expires = of->now + ttl;
    if (ttl == 0) {
        snprintf(out->cache_control, sizeof out->cache_control, "no-cache");
        return;
    }
    if (out->first && !is_private(plan)) {
        set_first_answer(plan, of, ttl, out);
        return;
    }
    bool immutable = plan->ttl < 0 && end_of(plan, of) == SI_FRESH_FOR_EVER && !out->first;
    snprintf(out->cache_control, sizeof out->cache_control, "%s, max-age=%lld%s",
        is_private(plan) ? "private" : "public", (long long)ttl, immutable ? ", immutable" : "");
    if (!is_private(plan)) {
        snprintf(out->cdn, sizeof out->cdn, "max-age=%lld", (long long)ttl);
    }
}

bool si_lifetime_always_unmodified(
    const si_plan *plan, const si_lifetime_of *of, bool has_if_none_match) {
    bool replaced = of->first || (plan->recipe.smart && has_if_none_match);
    return plan->always_unmodified && of->fresh_until == SI_FRESH_FOR_EVER && !replaced;
}
