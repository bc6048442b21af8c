/* Time for deadlines. */
#ifndef SI_BASE_CLOCK_H
#define SI_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SI_SECOND INT64_C(1000000000) /* in nanoseconds */
#define SI_MILLISECOND INT64_C(1000000)

/* CLOCK_MONOTONIC, nanoseconds. Async-signal-safe. */
static inline int64_t si_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SI_SECOND + t.tv_nsec;
}

/* Milliseconds until `deadline_ns`, rounded up, 0 once it has passed: what poll() wants. */
static inline int si_until_ms(int64_t deadline_ns) {
    int64_t left = deadline_ns - si_now_ns();
    if (left <= 0) {
        return 0;
    }
    left = (left + SI_MILLISECOND - 1) / SI_MILLISECOND;
    return left < 1000000 ? (int)left : 1000000;
}

#endif
