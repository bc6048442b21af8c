/* smartimg purge: makes cached derivatives unreachable in one step. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/generations.h"
#include "base/percent.h"
#include "cli/cli.h"

static const char *company, *cache;
static bool all;

/* Purges "company/name" under both readings: whether the first element is a company, only the
 * running server's catalog knows, and purging too much costs a render at most. */
static si_result purge_object(si_generations *g, const char *text, si_diag *diag) {
    char decoded[4096];
    si_str object = si_str_of(text);
    size_t len = strcspn(text, "?#");
    object.len = len < sizeof decoded ? len : sizeof decoded;
    object = (si_str){decoded, si_percent_decode(object, false, decoded)};
    object.len = si_str_merge_slashes(object, decoded);
    object.len -= object.len > 0 && decoded[object.len - 1] == '/';
    if (si_str_starts(object, SI_STR("/is/image/")) ||
        si_str_starts(object, SI_STR("/is/content/"))) {
        size_t prefix = (size_t)((char *)memchr(object.p + 4, '/', object.len - 4) - object.p);
        object = (si_str){object.p + prefix, object.len - prefix};
    }
    while (object.len > 0 && object.p[0] == '/') {
        object = (si_str){object.p + 1, object.len - 1};
    }
    si_str rest = object, first;
    if (si_str_next(&rest, '/', &first) && rest.p != NULL) {
        SI_TRY(si_generation_purge_object(g, first, rest, diag));
    }
    return si_generation_purge_object(g, SI_STR(""), object, diag);
}

static int purge(si_generations *g, const char *object) {
    si_diag diag = {0};
    si_result result = all               ? si_generation_purge_all(g, &diag)
                       : company != NULL ? si_generation_purge_company(g, si_str_of(company), &diag)
                                         : purge_object(g, object, &diag);
    if (result != SI_OK) {
        return si_complain_diag(&diag);
    }
    printf("purged %s%s\n",
        all               ? "everything"
        : company != NULL ? "all of company "
                          : "",
        all               ? ""
        : company != NULL ? company
                          : object);
    return SI_EXIT_OK;
}

static int run(char **operands, int count) {
    if (count + (company != NULL) + all != 1) {
        si_complain("purge: name one of OBJECT, --company and --all");
        return SI_EXIT_USAGE;
    }
    si_arena arena = {0};
    si_diag diag = {0};
    signal(SIGXFSZ, SIG_IGN); /* a limit of size is an error like a full disk */
    const char *folder = cache != NULL ? cache : si_default_cache(&arena);
    const char *path = folder != NULL ? si_arena_printf(&arena, "%s/generations", folder) : NULL;
    int status = SI_EXIT_FAILED;
    si_generations *g = NULL;
    if (path != NULL && access(path, F_OK) != 0) {
        si_complain("there is no cache in %s: name the server's with --cache", folder);
    } else if (path != NULL && si_generations_open(path, &g, &diag) != SI_OK) {
        si_complain_diag(&diag);
    } else if (path != NULL) {
        status = purge(g, operands[0]);
        si_generations_close(g);
    }
    si_arena_free(&arena);
    return status;
}

static const si_option options[] = {
    {"company", 0, "C", SI_OPTION_TEXT, &company, "Purges every object of company C.", 0, 0},
    {"all", 0, NULL, SI_OPTION_FLAG, &all, "Purges everything.", 0, 0},
    {"cache", 0, "DIR", SI_OPTION_TEXT, &cache,
        "Cache folder of the server. Default: where `smartimg serve` keeps it.", 0, 0},
    {0},
};

const si_command si_command_purge = {
    .name = "purge",
    .summary = "makes cached derivatives unreachable at once",
    .synopsis = "(OBJECT | --company C | --all) [--cache DIR]",
    .description =
        "Makes every cached derivative of an object, a company, or everything unreachable, in one "
        "step that takes no longer for a million of them than for one. The server need not be "
        "told, and the next request renders anew. OBJECT is company/name, with or without its "
        "file extension, or a path or URL path as in requests; a query behind it is ignored.\n"
        "\n"
        "A replaced original is noticed without this. Copies that browsers and content delivery "
        "networks keep live on until they expire.",
    .exit_status = " 0  purged\n 1  there is no such cache, or it is not writable\n 2  wrong usage",
    .examples = " smartimg purge demo/shoe\n smartimg purge --company demo\n smartimg purge --all",
    .options = options,
    .operands_max = 1,
    .run = run,
};
