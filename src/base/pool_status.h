/* What the pool tells of its renderers, for /metrics: a page of memory in a file of the run folder.
 *
 * `smartimg serve` makes it, the pool alone writes it, nginx maps it for reading. So the numbers
 * outlive a pool that dies, they are there when no renderer answers, and asking for them costs no
 * renderer any time; a renderer, which a hostile image may have taken over, has no way to it (the
 * pool's children do not inherit it). */
#ifndef SI_BASE_POOL_STATUS_H
#define SI_BASE_POOL_STATUS_H

#include <stdatomic.h>
#include <stdint.h>

/* How a renderer ended: id, label, meaning */
#define SI_RENDERER_ENDS(X)                                                                        \
    X(ORDERLY, "orderly", "after 500 requests or an hour, or as it held much memory")              \
    X(MEMORY, "memory", "crashed with no address space left (memory)")                             \
    X(CPU, "cpu", "its request took too much processor time (cpu-seconds)")                        \
    X(WALL, "wall", "its request was not ready in time (wall-ms)")                                 \
    X(OVERDUE, "overdue", "killed by the pool, as it did not end when it had to")                  \
    X(SECCOMP, "seccomp", "killed by the kernel for a system call that its sandbox forbids")       \
    X(CRASH, "crash", "crashed: a wild pointer, a failed assertion")                               \
    X(SIGNAL, "signal", "killed from outside, as the kernel does where memory runs out")           \
    X(START, "start", "could not start, by its libraries or its sandbox")                          \
    X(STATUS, "status", "ended with any other status")

typedef enum si_renderer_end {
#define X(id, ...) SI_RENDERER_END_##id,
    SI_RENDERER_ENDS(X)
#undef X
        SI_RENDERER_END_COUNT
} si_renderer_end;

/* Requests that renderers ended without an image: id, label, meaning */
#define SI_RENDERER_SPARED(X)                                                                      \
    X(DROPPED, "dropped", "its client had gone")                                                   \
    X(LATE, "late", "it had waited too long for a renderer")                                       \
    X(DEFERRED, "deferred", "a refinement that found no slot")

typedef enum si_renderer_spared {
#define X(id, ...) SI_RENDERER_SPARED_##id,
    SI_RENDERER_SPARED(X)
#undef X
        SI_RENDERER_SPARED_COUNT
} si_renderer_spared;

/* The other processes of the pool: id, label, meaning */
#define SI_POOL_HELPERS(X)                                                                         \
    X(FETCHER, "fetcher", "downloads foreign images")                                              \
    X(DOWNLOADS, "downloads", "holds the requests that wait for them")                             \
    X(ORIGINS, "origins", "asks origins, and downloads originals")

typedef enum si_pool_helper {
#define X(id, ...) SI_POOL_HELPER_##id,
    SI_POOL_HELPERS(X)
#undef X
        SI_POOL_HELPER_COUNT
} si_pool_helper;

/* All zero at first. Counters grow as long as `smartimg serve` lives. */
typedef struct si_pool_status {
    _Atomic uint64_t starts; /* of the pool */
    _Atomic int64_t seen_ns; /* CLOCK_MONOTONIC, when it last looked after its renderers */
    _Atomic uint64_t wanted, up, busy; /* renderers, as of then */
    _Atomic uint64_t ends[SI_RENDERER_END_COUNT];
    _Atomic uint64_t spared[SI_RENDERER_SPARED_COUNT];
    _Atomic uint64_t helper_ends[SI_POOL_HELPER_COUNT];
} si_pool_status;

#endif
