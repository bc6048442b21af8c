/* What a first answer may cost, by how busy the renderers are.
 *
 * What an answer did wait, those behind it will wait, too, unless answers get quicker: so the wait
 * of the one in hand is the forecast for the queue. A queue that shortens gives everything back, in
 * order. */
#ifndef SI_RENDERER_LOAD_H
#define SI_RENDERER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/load.h"
#include "base/tier.h"

enum {
    /* A free worker takes a request within a millisecond or two. Who waited for longer than a busy
     * system's hiccup stood behind another one, and a quick answer, which takes about as long,
     * keeps the queue from growing. */
    SI_LOAD_BUSY_MS = 50,
    /* People see a second: from there on, bytes are worth less than time. */
    SI_LOAD_LONG_MS = 1000,
    /* A refinement ends for first answers that have waited for so long: less, and two requests that
     * come together would end it, though another worker is about to be free. */
    SI_LOAD_YIELD_MS = 200
};

typedef struct si_load_facts {
    bool others_wait;  /* first answers stand in the queue now */
    int64_t waited_ms; /* how long this one did; 0 = not known */
    int queue_ms;      /* how long one may (si_pool_options.queue_ms) */
} si_load_facts;

/* The step for a first answer: SI_LOAD_IDLE or from SI_LOAD_QUICK on. */
si_load si_load_level(const si_load_facts *f);

/* The tier of a first answer at that step, which is none of SI_LOAD_REFUSED. */
si_tier si_load_tier(si_load load);

#endif
