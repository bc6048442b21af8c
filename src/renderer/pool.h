/* The renderer pool: one small process that forks workers, opens originals for them, and sees to it
 * that there is always a full set of them.
 *
 * The pool never touches a request or a pixel. Workers share its listening sockets, serve one
 * request at a time and may die at any moment: a dead one is replaced at once, one that overruns
 * its time is killed. Workers that keep dying right after their start are replaced more and more
 * slowly.
 *
 * Originals that are in origins come from the origins process (source/origins.h), which runs while
 * there are questions for it. Foreign images come from one more process, the fetcher
 * (source/fetcher.h), which runs while there are questions for it; and requests wait for them in
 * another, the downloads process (downloads.h), which runs while there are such requests. */
#ifndef SI_RENDERER_POOL_H
#define SI_RENDERER_POOL_H

#include "base/lane.h"
#include "base/result.h"
#include "picture/seal.h"
#include "process/sandbox.h"
#include "render/render.h"
#include "source/fetch.h"

enum {
    SI_POOL_WORKERS_MAX = 256,
    SI_POOL_NO_WORKERS = -1,  /* of si_pool_options.workers: it asks origins, and renders nothing */
    SI_POOL_WALL_MS = 8000,   /* default of si_pool_options.wall_ms */
    SI_POOL_QUEUE_MS = 10000, /* default of si_pool_options.queue_ms */
    SI_POOL_CPU_SECONDS = 20, /* default of si_pool_options.cpu_seconds */
    /* least of si_pool_options.memory, MiB: with this much a renderer starts (its libraries and
     * their tables alone take half of it) and answers for small pictures, the requested encoding at
     * least; measured, and held by tests/http/test_memory_limit.py */
    SI_POOL_MEMORY_LEAST = 200,
    SI_POOL_DRAIN_MS = 10000 /* how long running requests may take once the pool has to stop */
};
#define SI_POOL_MEMORY (INT64_C(2) << 30) /* default of si_pool_options.memory */
/* default of si_pool_options.reply_bytes: the largest picture that is rendered without compression,
 * 67 million pixels of four bytes, with some room for profiles */
#define SI_POOL_REPLY_BYTES (INT64_C(320) << 20)

/* What to run. Zero-initialize, then set listen_fds, seal_key, origins_fd,
 * keys and root; each other field 0 =
 * default. */
typedef struct si_pool_options {
    int listen_fds[SI_LANE_COUNT]; /* SCGI sockets of si_pool_listen_lanes(), or −1 each; the
                                      caller's to close */
    const char *root;              /* folder of the originals */
    const char *uploads;           /* folder of uploads (base/uploads.h); NULL = there are none */
    const char *socket_path; /* of the cheap lane: all lanes' are unlinked when the pool stops; NULL
                                = somebody else's to unlink */
    bool shared_listener;    /* others go on listening when this pool stops */
    int workers;             /* 1…SI_POOL_WORKERS_MAX, or SI_POOL_NO_WORKERS; default: processors
                                this process may use */
    int64_t memory;          /* address space of a worker, bytes (RLIMIT_AS) */
    int cpu_seconds;         /* processor time of one request */
    int wall_ms;             /* wall time of one request */
    si_sandbox_mode sandbox; /* of renderers, fetcher and downloads process */
    int64_t reply_bytes;     /* of a reply; a larger one is refused */
    int queue_ms;            /* how long a request may wait for a worker; then it gets 503 */
    si_render_limits limits; /* max_ms and max_bytes follow from those above */
    int seal_key;     /* descriptor of a file with the key of picture/seal.h, without which no
                         foreign image is downloaded for a recipe; −1 = for any; the caller's
                         to close */
    bool check_seals; /* render what has the right seal only (seal_key is there); for TCP */
    uint8_t render_key[SI_SEAL_KEY]; /* that this is told by; the pool's to make */
    struct si_pool_status
        *status;            /* where the pool tells of its renderers
                               (base/pool_status.h), shared with who reads it; NULL = nowhere */
    si_fetch_options fetch; /* of foreign images; its time counts on top of wall_ms */
    const char *config;     /* folder whose origins (base/origin.h) may be asked; NULL = none */
    const char
        *originals; /* folder of a cache of originals (source/original_cache.h); NULL = none */
    int64_t originals_bytes; /* its size; 0 = none */
    int64_t originals_free;  /* that are to be left free on its disk */
    int origins_fd;          /* socket of si_origins_listen(), or −1; the caller's to close */
    int keys;      /* file of si_origin_keys_take_environment(), or −1; the caller's to close */
    int origin_ms; /* the pool's own: for which originals in origins are waited for */
} si_pool_options;

/* Opens a listening socket: "ADDR:PORT" or "[ADDR]:PORT" is TCP, a text with a slash in it the path
 * of a Unix socket (mode 0600; a left-over that nobody listens on is replaced). Returns the
 * descriptor, or −1 with `diag` set (SI_ERR_IO, SI_ERR_SYNTAX). Anyone who can connect is served:
 * TCP belongs into networks where every machine is trusted. */
int si_pool_listen(const char *address, si_diag *diag);

/* Whether a text is an "ADDR:PORT" or "[ADDR]:PORT" with a port of 1 to 65535. */
bool si_pool_is_address(const char *address);

/* Opens the sockets of all lanes: of a Unix socket's path and what lanes add to it, or of a TCP
 * port and those behind it. False with `diag` set as above, and all are −1. */
bool si_pool_listen_lanes(const char *address, int fds[SI_LANE_COUNT], si_diag *diag);

void si_pool_close_lanes(const int fds[SI_LANE_COUNT]);

/* The path of a lane's socket, or its address, SI_LANE_PATH_MAX bytes at most with its NUL. */
enum { SI_LANE_PATH_MAX = 4096 };
const char *si_pool_lane_path(const char *socket_path, si_lane lane, char out[SI_LANE_PATH_MAX]);

/* Runs a pool in this process until SIGTERM, SIGINT or SIGQUIT, then lets running requests
 * end. Returns the
 * exit status: 0 after an orderly stop, 1 if it could not start. Log lines go to stderr. Must be
 * called while the process has a single thread. */
int si_pool_run(const si_pool_options *options);

#endif
