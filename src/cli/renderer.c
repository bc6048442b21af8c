/* smartimg renderer: the pool alone, for systemd or a second machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/sandbox_option.h"
#include "cli/server_options.h"
#include "quality/calibration.h"
#include "source/origin_keys.h"

static const char *listen_address, *seal_key;
static si_pool_options pool;
static si_option_parsed sandbox = {si_sandbox_parse, &pool.sandbox};
static si_option_parsed originals = {si_originals_parse, &pool.limits.refused};

static int run(char **operands, int count) {
    (void)operands;
    (void)count;
    if ((pool.socket_path != NULL) == (listen_address != NULL)) {
        si_complain("renderer: name either --socket or --listen");
        return SI_EXIT_USAGE;
    }
    if (pool.socket_path != NULL && strchr(pool.socket_path, '/') == NULL) {
        si_complain(
            "renderer: --socket wants a path with a slash in it, such as ./%s", pool.socket_path);
        return SI_EXIT_USAGE;
    }
    if (listen_address != NULL && seal_key == NULL) {
        si_complain(
            "renderer: --listen wants --seal-key, the one of the servers, as it renders what "
            "has their seal only");
        return SI_EXIT_USAGE;
    }
    pool.check_seals = listen_address != NULL;
    si_diag diag = {0};
    const char *address = pool.socket_path != NULL ? pool.socket_path : listen_address;
    if (!si_pool_listen_lanes(address, pool.listen_fds, &diag)) {
        return si_complain_diag(&diag);
    }
    si_originals_warn(pool.limits.refused);
    if (!si_sandbox_announce(pool.sandbox)) {
        return SI_EXIT_FAILED;
    }
    si_calibration_current(); /* before there are workers */
    pool.origins_fd = -1;
    pool.keys = si_origin_keys_take_environment();
    pool.seal_key = seal_key != NULL ? open(seal_key, O_RDONLY | O_CLOEXEC) : -1;
    if (seal_key != NULL && pool.seal_key < 0) {
        si_complain("cannot read %s: %s", seal_key, strerror(errno));
        return SI_EXIT_FAILED;
    }
    int status = si_pool_run(&pool);
    si_pool_close_lanes(pool.listen_fds);
    if (pool.seal_key >= 0) {
        close(pool.seal_key);
    }
    return status;
}

#define ROWS(X)                                                                                    \
    SI_ROOT_OPTION(X, pool)                                                                        \
    SI_RENDERER_OPTIONS(X, pool, listen_address)                                                   \
    SI_POOL_OPTIONS(X, pool, originals, sandbox, seal_key)

static const si_option options[] = {ROWS(SI_OPTION_ROW){0}};
static const si_initial initial[] = {ROWS(SI_INITIAL_ROW)};

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
                " smartimg renderer --listen 10.0.0.7:4000 --seal-key /etc/smartimg/seal.key "
                "--root /srv/images",
    .options = options,
    .initial = initial,
    .run = run,
};
