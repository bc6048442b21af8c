#include "renderer/load.h"

#include <assert.h>

si_load si_load_level(const si_load_facts *f) {
    assert(f->queue_ms > 0);
    if (f->waited_ms > f->queue_ms) {
        return SI_LOAD_REFUSED;
    }
    if (f->waited_ms > f->queue_ms / 2) {
        return SI_LOAD_REQUESTED;
    }
    if (f->waited_ms > SI_LOAD_LONG_MS) {
        return SI_LOAD_QUICK_FORMAT;
    }
    return f->others_wait || f->waited_ms > SI_LOAD_BUSY_MS ? SI_LOAD_QUICK : SI_LOAD_IDLE;
}

si_tier si_load_tier(si_load load) {
    assert(load != SI_LOAD_REFUSED);
    return load == SI_LOAD_REQUESTED ? SI_TIER_REQUESTED
           : load >= SI_LOAD_QUICK   ? SI_TIER_QUICK
                                     : SI_TIER_FAST;
}
