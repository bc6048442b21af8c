/* smartimg purge: makes cached derivatives unreachable in one step. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/percent.h"
#include "catalog/catalog.h"
#include "cli/cache_claim.h"
#include "cli/cli.h"
#include "cli/purge/known.h"

enum { NAME_MAX_BYTES = 4096, EXIT_NOT_THERE = 3 };

static const char *company, *cache, *root, *config;
static bool all, unchecked;

/* A purge on its way. */
typedef struct purge {
    si_arena arena;
    const char *folder; /* of the cache */
    si_generations *generations;
    si_catalog *catalog; /* NULL = what there is is not known */
} purge;

/* ---- names ---- */

/* `company/name` of what was typed, which may be an address. `room` has NAME_MAX_BYTES. */
static si_str name_of(const char *text, char *room) {
    size_t len = strcspn(text, "?#");
    si_str name = {text, len < NAME_MAX_BYTES ? len : NAME_MAX_BYTES};
    name = (si_str){room, si_percent_decode(name, false, room)};
    name.len = si_str_merge_slashes(name, room);
    name.len -= name.len > 0 && name.p[name.len - 1] == '/';
    if (si_str_starts(name, SI_STR("/is/image/")) || si_str_starts(name, SI_STR("/is/content/"))) {
        size_t prefix = (size_t)((char *)memchr(name.p + 4, '/', name.len - 4) - name.p);
        name = (si_str){name.p + prefix, name.len - prefix};
    }
    while (name.len > 0 && name.p[0] == '/') {
        name = (si_str){name.p + 1, name.len - 1};
    }
    return name;
}

/* ---- whether there is such a thing ---- */

/* Knows what the server of the cache serves, unless told otherwise; without either nothing can be
 * looked up. A configuration with mistakes must not be in the way of a purge. */
static void load_catalog(purge *p) {
    si_cache_server server = {0};
    si_diag diag = {0};
    (void)si_cache_server_read(p->folder, &p->arena, &server);
    if (root != NULL) {
        server = (si_cache_server){.root = root, .config = config};
    } else if (config != NULL) {
        server.config = config;
    }
    if (unchecked || all || server.root == NULL) {
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
    char hint[NAME_MAX_BYTES] = "";
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

/* Purges "company/name" under both readings: which of them is right may have changed since the
 * derivatives were made, and purging too much costs a render at most. */
static si_result purge_object(si_generations *g, si_str name, si_diag *diag) {
    si_str rest = name, first;
    if (si_str_next(&rest, '/', &first) && rest.p != NULL) {
        SI_TRY(si_generation_purge_object(g, first, rest, diag));
    }
    return si_generation_purge_object(g, SI_STR(""), name, diag);
}

static int purge_named(purge *p, const char *text) {
    char room[NAME_MAX_BYTES];
    const char *nearest;
    si_diag diag = {0};
    si_str name = company != NULL ? si_str_of(company) : name_of(text, room);
    si_known known = look_up(p, name, &nearest);
    if (known == SI_KNOWN_NOT) {
        return refuse(p, name, nearest);
    }
    si_result result = company != NULL ? si_generation_purge_company(p->generations, name, &diag)
                                       : purge_object(p->generations, name, &diag);
    if (result != SI_OK) {
        return si_complain_diag(&diag);
    }
    printf("purged %s%s%s\n", company != NULL ? "all of company " : "",
        company != NULL ? company : text,
        known == SI_KNOWN_CACHED ? ", which is not there any more but was cached" : "");
    return SI_EXIT_OK;
}

static int purge_all(purge *p) {
    si_diag diag = {0};
    if (si_generation_purge_all(p->generations, &diag) != SI_OK) {
        return si_complain_diag(&diag);
    }
    printf("purged everything\n");
    return SI_EXIT_OK;
}

/* All objects, whatever became of those before; the first failure counts. */
static int purge_objects(purge *p, char **objects, int count) {
    int status = SI_EXIT_OK;
    for (int i = 0; i < count; i++) {
        int one = purge_named(p, objects[i]);
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
    si_diag diag = {0};
    signal(SIGXFSZ, SIG_IGN); /* a limit of size is an error like a full disk */
    p.folder = cache != NULL ? cache : si_default_cache(&p.arena);
    const char *path =
        p.folder != NULL ? si_arena_printf(&p.arena, "%s/generations", p.folder) : NULL;
    int status = SI_EXIT_FAILED;
    if (path != NULL && access(path, F_OK) != 0) {
        si_complain("there is no cache in %s: name the server's with --cache", p.folder);
    } else if (path != NULL && si_generations_open(path, &p.generations, &diag) != SI_OK) {
        si_complain_diag(&diag);
    } else if (path != NULL) {
        load_catalog(&p);
        status = all               ? purge_all(&p)
                 : company != NULL ? purge_named(&p, company)
                                   : purge_objects(&p, operands, count);
        si_generations_close(p.generations);
    }
    si_catalog_free(p.catalog);
    si_arena_free(&p.arena);
    return status;
}

static const si_option options[] = {
    {"company", 0, "C", SI_OPTION_TEXT, &company, "Purges every object of company C.", 0, 0},
    {"all", 0, NULL, SI_OPTION_FLAG, &all, "Purges everything.", 0, 0},
    {"cache", 0, "DIR", SI_OPTION_TEXT, &cache,
        "Cache folder of the server. Default: where `smartimg serve` keeps it.", 0, 0},
    {"root", 0, "DIR", SI_OPTION_TEXT, &root,
        "Folder of the original images, to see whether there is such an object. Default: that of "
        "the server which has the cache, or had it last.",
        0, 0},
    {"config", 0, "DIR", SI_OPTION_TEXT, &config,
        "Configuration folder that belongs to --root. Default: none.", 0, 0},
    {"unchecked", 0, NULL, SI_OPTION_FLAG, &unchecked,
        "Purges without a look whether there is such a thing.", 0, 0},
    {0},
};

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
        "A replaced original is noticed without this. Copies that browsers and content delivery "
        "networks keep live on until they expire.",
    .exit_status = " 0  purged\n 1  there is no such cache, or it is not writable\n 2  wrong "
                   "usage\n 3  there is no such object or company, and nothing was purged of it",
    .examples = " smartimg purge demo/shoe\n smartimg purge --company demo\n smartimg purge --all",
    .options = options,
    .operands_max = 10000,
    .run = run,
};
