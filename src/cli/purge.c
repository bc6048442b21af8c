/* smartimg purge: makes cached derivatives unreachable in one step. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/server_options.h"
#include "fleet/job.h"

enum { EXIT_BEHIND = 3 };

static const char *config, *company, *cache;
static si_fleet_options fleet;
static int wait_seconds, nodes;
static bool all;

/* What is to be done. False, with a complaint. */
static bool prepare(si_purge_job *job, si_arena *arena) {
    si_diag diag = {0};
    si_result result = SI_OK;
    job->fleet = fleet.redis != NULL;
    if (job->fleet) {
        job->nodes.wait_ms = wait_seconds * 1000;
        job->nodes.nodes = nodes;
        result = si_redis_address_read(fleet.redis, fleet.redis_auth, &job->nodes.redis, &diag);
    } else {
        const char *folder = cache != NULL ? cache : si_default_cache(arena);
        job->generations = folder != NULL ? si_arena_printf(arena, "%s/generations", folder) : NULL;
        if (job->generations == NULL) {
            return false;
        }
        if (access(job->generations, F_OK) != 0) {
            si_complain("there is no cache in %s: name the server's with --cache", folder);
            return false;
        }
    }
    if (result == SI_OK && fleet.purge_hooks != NULL) {
        result = si_purge_job_hooks(job, fleet.purge_hooks, &diag);
    }
    if (result != SI_OK) {
        si_complain_diag(&diag);
    }
    return result == SI_OK;
}

static int purge(const si_purge_job *job, const si_invalidation *what) {
    char text[SI_PURGE_TEXT];
    switch (si_purge_job_run(job, what, text)) {
    case SI_PURGED:
        puts(text);
        return SI_EXIT_OK;
    case SI_PURGED_BEHIND:
        si_complain("%s", text);
        return EXIT_BEHIND;
    default:
        si_complain("%s", text);
        return SI_EXIT_FAILED;
    }
}

static int run(char **operands, int count) {
    si_invalidation what;
    si_diag diag = {0};
    if (count + (company != NULL) + all != 1) {
        si_complain("purge: name one of OBJECT, --company and --all");
        return SI_EXIT_USAGE;
    }
    si_invalidation_kind kind = all               ? SI_INVALIDATION_ALL
                                : company != NULL ? SI_INVALIDATION_COMPANY
                                                  : SI_INVALIDATION_OBJECT;
    if (si_invalidation_read(kind, company != NULL ? company : operands[0], &what, &diag) !=
        SI_OK) {
        si_complain_diag(&diag);
        return SI_EXIT_USAGE;
    }
    signal(SIGXFSZ, SIG_IGN); /* a limit of size is an error like a full disk */
    signal(SIGPIPE, SIG_IGN);
    si_arena arena = {0};
    si_purge_job job = {0};
    int status = prepare(&job, &arena) ? purge(&job, &what) : SI_EXIT_FAILED;
    si_purge_job_clear(&job);
    si_arena_free(&arena);
    return status;
}

#define ROWS(X)                                                                                    \
    X("company", TEXT, "C", company, NULL, "none", 0, 0, "", "Purges every object of company C.")  \
    X("all", FLAG, NULL, all, NULL, "off", 0, 0, "", "Purges everything.")                         \
    X("config", TEXT, "DIR", config, NULL, "none", 0, 0, "",                                       \
        "Configuration folder, whose smartimg.ini may have the options below.")                    \
    X("cache", TEXT, "DIR", cache, NULL, "where `smartimg serve` keeps it", 0, 0, "",              \
        "Cache folder of the server, unless there is a Redis.")                                    \
    SI_REDIS_OPTIONS(X, fleet)                                                                     \
    SI_HOOKS_OPTION(X, fleet)                                                                      \
    X("wait", COUNT, "SECONDS", wait_seconds, SI_FLEET_WAIT_S, NULL, 0, 3600, "seconds",           \
        "How long to wait for all nodes of the fleet.")                                            \
    X("nodes", COUNT, "N", nodes, 1, NULL, 0, SI_NODES_MAX, "",                                    \
        "So many nodes must have applied it, at least, or it counts as behind.")

static const si_option options[] = {ROWS(SI_OPTION_ROW){0}};
static const si_initial initial[] = {ROWS(SI_INITIAL_ROW)};

const si_command si_command_purge = {
    .name = "purge",
    .summary = "makes cached derivatives unreachable at once",
    .synopsis = "(OBJECT | --company C | --all) [--config DIR] [--cache DIR | --redis URL]",
    .description =
        "Makes every cached derivative of an object, a company, or everything unreachable, in one "
        "step that takes no longer for a million of them than for one. The server need not be "
        "told, and the next request renders anew. OBJECT is company/name, with or without its "
        "file extension, or a path or URL path as in requests; a query behind it is ignored.\n"
        "\n"
        "With --redis, every node of the fleet does so. The command ends once all nodes that are "
        "known have said that they have; from then on none sends what was purged. If some have "
        "not in time, it names them: they will as soon as they can.\n"
        "\n"
        "A replaced original is noticed without this. Copies that browsers and content delivery "
        "networks keep live on until they expire, but for those of a CDN that --purge-hooks has a "
        "command for.",
    .exit_status = " 0  purged, on all nodes that are known\n"
                   " 1  nothing was purged: there is no such cache, it is not writable, or Redis "
                   "cannot be reached\n"
                   " 2  wrong usage\n"
                   " 3  purged, but some node is behind, or a hook failed",
    .examples = " smartimg purge demo/shoe\n smartimg purge --company demo\n smartimg purge --all\n"
                " smartimg purge demo/shoe --redis redis://10.0.0.5 --wait 30",
    .options = options,
    .initial = initial,
    .operands_max = 1,
    .run = run,
};
