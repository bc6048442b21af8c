/* smartimg purge: makes cached derivatives unreachable in one step. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "cli/cache_claim.h"
#include "cli/purge/known.h"
#include "cli/server_options.h"
#include "fleet/job.h"

enum { EXIT_NOT_THERE = 3, EXIT_BEHIND = 4 };

static const char *company, *cache, *root, *config;
static si_fleet_options fleet;
static int wait_seconds, nodes;
static bool all, unchecked;

/* A purge on its way. */
typedef struct purge {
    si_arena arena;
    const char *folder; /* of the cache; NULL = the fleet's */
    si_purge_job job;
    si_catalog *catalog; /* NULL = what there is is not known */
} purge;

/* ---- whether there is such a thing ---- */

/* Knows what the server of the cache serves, unless told otherwise; without either nothing can be
 * looked up, nor is it for a fleet, whose caches are on other machines. A configuration with
 * mistakes must not be in the way of a purge. */
static void load_catalog(purge *p) {
    si_cache_server server = {0};
    si_diag diag = {0};
    if (unchecked || all || p->folder == NULL) {
        return;
    }
    (void)si_cache_server_read(p->folder, &p->arena, &server);
    if (root != NULL) {
        server = (si_cache_server){.root = root, .config = config};
    } else if (config != NULL) {
        server.config = config;
    }
    if (server.root == NULL) {
        return;
    }
    if (si_catalog_load(server.config, server.root, NULL, NULL, &p->catalog, &diag) != SI_OK) {
        si_complain("cannot tell what is in %s: %s", server.root, diag.text);
        si_catalog_free(p->catalog);
        p->catalog = NULL;
    }
}

/* Says that there is no such thing. */
static int refuse(const purge *p, si_str name, const char *nearest) {
    bool is_company = company == NULL && memchr(name.p, '/', name.len) == NULL &&
                      si_catalog_find_company(p->catalog, name, (si_arena *)&p->arena) != NULL;
    char hint[SI_INVALIDATION_TEXT] = "";
    if (is_company) {
        snprintf(hint, sizeof hint, "; of a company: --company %.*s", SI_STR_ARG(name));
    } else if (nearest != NULL) {
        snprintf(hint, sizeof hint, "; did you mean \"%s\"?", nearest);
    }
    si_complain("nothing was purged: there is no %s \"%.*s\", and nothing of one in the cache%s",
        company != NULL ? "company" : "object", SI_STR_ARG(name), hint);
    return EXIT_NOT_THERE;
}

static si_known look_up(purge *p, si_str name, const char **nearest) {
    *nearest = NULL;
    if (p->catalog == NULL) {
        return SI_KNOWN_THERE;
    }
    return company != NULL ? si_known_company(p->catalog, name, p->folder, &p->arena, nearest)
                           : si_known_object(p->catalog, name, p->folder, &p->arena, nearest);
}

/* ---- purging ---- */

/* What is to be done. False, with a complaint. */
static bool prepare(purge *p) {
    si_purge_job *job = &p->job;
    si_diag diag = {0};
    si_result result = SI_OK;
    job->fleet = fleet.redis != NULL;
    if (job->fleet) {
        job->nodes.wait_ms = wait_seconds * 1000;
        job->nodes.nodes = nodes;
        result = si_redis_address_read(fleet.redis, fleet.redis_auth, &job->nodes.redis, &diag);
    } else {
        p->folder = cache != NULL ? cache : si_default_cache(&p->arena);
        job->generations =
            p->folder != NULL ? si_arena_printf(&p->arena, "%s/generations", p->folder) : NULL;
        if (job->generations == NULL) {
            return false;
        }
        if (access(job->generations, F_OK) != 0) {
            si_complain("there is no cache in %s: name the server's with --cache", p->folder);
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

static int purge_one(purge *p, si_invalidation_kind kind, const char *text) {
    si_invalidation what;
    si_diag diag = {0};
    const char *nearest;
    char told[SI_PURGE_TEXT];
    if (si_invalidation_read(kind, text, &what, &diag) != SI_OK) {
        si_complain_diag(&diag);
        return SI_EXIT_USAGE;
    }
    si_str name = si_str_of(what.name);
    si_known known = look_up(p, name, &nearest);
    if (known == SI_KNOWN_NOT) {
        return refuse(p, name, nearest);
    }
    switch (si_purge_job_run(&p->job, &what, told)) {
    case SI_PURGED:
        printf("%s%s\n", told,
            known == SI_KNOWN_CACHED ? ", which is not there any more but was cached" : "");
        return SI_EXIT_OK;
    case SI_PURGED_BEHIND:
        si_complain("%s", told);
        return EXIT_BEHIND;
    default:
        si_complain("%s", told);
        return SI_EXIT_FAILED;
    }
}

/* All objects, whatever became of those before; the first failure counts. */
static int purge_objects(purge *p, char **objects, int count) {
    int status = SI_EXIT_OK;
    for (int i = 0; i < count; i++) {
        int one = purge_one(p, SI_INVALIDATION_OBJECT, objects[i]);
        status = status == SI_EXIT_OK ? one : status;
    }
    return status;
}

static int run(char **operands, int count) {
    if ((count > 0) + (company != NULL) + all != 1) {
        si_complain("purge: name one of OBJECT, --company and --all");
        return SI_EXIT_USAGE;
    }
    purge p = {.catalog = NULL};
    int status = SI_EXIT_FAILED;
    signal(SIGXFSZ, SIG_IGN); /* a limit of size is an error like a full disk */
    signal(SIGPIPE, SIG_IGN);
    if (prepare(&p)) {
        load_catalog(&p);
        status = all               ? purge_one(&p, SI_INVALIDATION_ALL, "")
                 : company != NULL ? purge_one(&p, SI_INVALIDATION_COMPANY, company)
                                   : purge_objects(&p, operands, count);
    }
    si_purge_job_clear(&p.job);
    si_catalog_free(p.catalog);
    si_arena_free(&p.arena);
    return status;
}

#define ROWS(X)                                                                                    \
    X("company", TEXT, "C", company, NULL, "none", 0, 0, "", "Purges every object of company C.")  \
    X("all", FLAG, NULL, all, NULL, "off", 0, 0, "", "Purges everything.")                         \
    X("cache", TEXT, "DIR", cache, NULL, "where `smartimg serve` keeps it", 0, 0, "",              \
        "Cache folder of the server, unless there is a Redis.")                                    \
    X("root", TEXT, "DIR", root, NULL, "that of the server which has the cache, or had it last",   \
        0, 0, "", "Folder of the original images, to see whether there is such an object.")        \
    X("config", TEXT, "DIR", config, NULL, "none", 0, 0, "",                                       \
        "Configuration folder that belongs to --root, whose smartimg.ini may have the options of " \
        "this command that `smartimg serve` has, too.")                                            \
    X("unchecked", FLAG, NULL, unchecked, NULL, "off", 0, 0, "",                                   \
        "Purges without a look whether there is such a thing.")                                    \
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
    .synopsis = "(OBJECT... | --company C | --all) [OPTION]...",
    .description =
        "Makes every cached derivative of an object, a company, or everything unreachable, in one "
        "step that takes no longer for a million of them than for one. The server need not be "
        "told, and the next request renders anew. OBJECT is company/name, with or without its "
        "file extension, or a path or URL path as in requests; a query behind it is ignored.\n"
        "\n"
        "What is not there is told, with the nearest name of something that is, and nothing is "
        "purged then: what is neither a record nor a file, nor part of anything in the cache. So "
        "an original that was deleted can be purged as long as the cache has derivatives of it; "
        "to find that out takes a look at all files of the cache.\n"
        "\n"
        "With --redis, every node of the fleet does so, and nothing is looked up. The command ends "
        "once all nodes that are known have said that they have; from then on none sends what was "
        "purged. If some have not in time, it names them: they will as soon as they can.\n"
        "\n"
        "A replaced original is noticed without this. Copies that browsers and content delivery "
        "networks keep live on until they expire, but for those of a CDN that --purge-hooks has a "
        "command for.",
    .exit_status = " 0  purged, on all nodes that are known\n"
                   " 1  nothing was purged: there is no such cache, it is not writable, or Redis "
                   "cannot be reached\n"
                   " 2  wrong usage\n"
                   " 3  there is no such object or company, and nothing was purged of it\n"
                   " 4  purged, but some node is behind, or a hook failed",
    .examples = " smartimg purge demo/shoe\n smartimg purge --company demo\n smartimg purge --all\n"
                " smartimg purge demo/shoe --redis redis://10.0.0.5 --wait 30",
    .options = options,
    .initial = initial,
    .operands_max = 10000,
    .run = run,
};
