/* smartimg renderer: the pool alone, for systemd or a second machine. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/fetch_options.h"
#include "cli/originals.h"
#include "quality/calibration.h"
#include "renderer/pool.h"

static const char *socket_path, *listen_address, *root = ".";
static si_pool_options pool;
static si_option_parsed originals = {si_originals_parse, &pool.limits.refused};

static int run(char **operands, int count) {
    (void)operands;
    (void)count;
    if ((socket_path != NULL) == (listen_address != NULL)) {
        si_complain("renderer: name either --socket or --listen");
        return SI_EXIT_USAGE;
    }
    if (socket_path != NULL && strchr(socket_path, '/') == NULL) {
        si_complain(
            "renderer: --socket wants a path with a slash in it, such as ./%s", socket_path);
        return SI_EXIT_USAGE;
    }
    if (listen_address != NULL && strchr(listen_address, '/') != NULL) {
        si_complain("renderer: --listen wants ADDR:PORT; a path is for --socket");
        return SI_EXIT_USAGE;
    }
    si_diag diag = {0};
    pool.root = root;
    pool.socket_path = socket_path;
    pool.listen_fd = si_pool_listen(socket_path != NULL ? socket_path : listen_address, &diag);
    if (pool.listen_fd < 0) {
        return si_complain_diag(&diag);
    }
    si_originals_warn(pool.limits.refused);
    si_calibration_current(); /* before there are workers */
    int status = si_pool_run(&pool);
    close(pool.listen_fd);
    return status;
}

static const si_option options[] = {
    {"socket", 0, "PATH", SI_OPTION_TEXT, &socket_path,
        "Listens on a Unix socket at PATH, which only this user may connect to.", 0, 0},
    {"listen", 0, "ADDR:PORT", SI_OPTION_TEXT, &listen_address,
        "Listens on TCP. There is no authentication: whoever reaches this port can have any image "
        "below the root rendered, so use it only between machines that trust each other.",
        0, 0},
    {"root", 0, "DIR", SI_OPTION_TEXT, &root,
        "Folder of the original images; must be the one the edge sees. Default: the current "
        "folder.",
        0, 0},
    {"workers", 0, "N", SI_OPTION_COUNT, &pool.workers,
        "Number of renderer processes. Default: one per processor.", 1, SI_POOL_WORKERS_MAX},
    {"memory", 0, "SIZE", SI_OPTION_BYTES, &pool.memory,
        "Address space of one renderer. Default: 2g.", 0, 0},
    {"cpu-seconds", 0, "N", SI_OPTION_COUNT, &pool.cpu_seconds,
        "Processor time one request may take. Default: 20.", 1, 3600},
    {"wall-ms", 0, "N", SI_OPTION_COUNT, &pool.wall_ms,
        "Wall time one request may take, in milliseconds. Default: 8000.", 100, 3600000},
    {"queue-ms", 0, "N", SI_OPTION_COUNT, &pool.queue_ms,
        "How long a request may wait for a renderer, in milliseconds, then it gets 503. Counted on "
        "Unix sockets only. Default: 10000.",
        100, 3600000},
    SI_ORIGINALS_OPTION(originals),
    SI_FETCH_OPTIONS(pool.fetch),
    {0},
};

const si_command si_command_renderer = {
    .name = "renderer",
    .summary = "runs a renderer pool alone",
    .synopsis = "(--socket PATH | --listen ADDR:PORT) [--root DIR] [OPTION]...",
    .description =
        "Runs the part of smartimg that touches pixels, without the web server: a pool of worker "
        "processes that take SCGI requests, each of which carries a recipe, and reply with images. "
        "`smartimg serve` does this by itself; use this command where a service manager watches "
        "over the parts, or to render on a second machine.\n"
        "\n"
        "A worker serves one request at a time, under limits of memory, processor time and wall "
        "time, and may be killed at any moment: the pool replaces it at once. A request that runs "
        "out of time or crashes a codec is answered with a clear error.\n"
        "\n"
        "SIGTERM and SIGINT stop the pool after the running requests, within 10 seconds.",
    .exit_status = " 0  stopped by a signal\n 1  could not start\n 2  wrong usage",
    .examples = " smartimg renderer --socket /run/smartimg/renderer.sock --root /srv/images\n"
                " smartimg renderer --listen 10.0.0.7:4000 --root /srv/images --workers 16",
    .options = options,
    .run = run,
};
