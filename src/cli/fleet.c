/* smartimg fleet: who follows the stream of invalidations, and how far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/server_options.h"
#include "fleet/stream.h"

static si_fleet_options fleet;
static const char *config, *forgotten;

/* How far a node is, in words. */
static const char *state_of(const si_node *n, const si_stream_end *end) {
    if (strcmp(n->place.epoch, end->place.epoch) != 0) {
        return "of another epoch";
    }
    return si_stream_id_compare(n->place.id, end->place.id) < 0 ? "behind" : "up to date";
}

static int list(redisContext *c) {
    si_nodes nodes;
    si_diag diag = {0};
    if (si_stream_nodes(c, (si_stream_id){0}, &nodes, &diag) != SI_OK) {
        return si_complain_diag(&diag);
    }
    bool all = true;
    for (int i = 0; i < nodes.count; i++) {
        const si_node *n = &nodes.nodes[i];
        char id[SI_STREAM_ID_TEXT];
        const char *state = state_of(n, &nodes.end);
        all = all && strcmp(state, "up to date") == 0;
        printf("%s: %s, at %s, heard of %.1f seconds ago\n", n->name, state,
            si_stream_id_print(n->place.id, id), (double)n->silent_ms / 1000);
    }
    printf("%d nodes\n", nodes.count);
    free(nodes.nodes);
    return all ? SI_EXIT_OK : SI_EXIT_FAILED;
}

static int forget(redisContext *c) {
    si_diag diag = {0};
    bool known;
    if (!si_node_name_is_good(forgotten)) {
        si_complain("%s is not the name of a node", forgotten);
        return SI_EXIT_USAGE;
    }
    if (si_stream_forget(c, forgotten, &known, &diag) != SI_OK) {
        return si_complain_diag(&diag);
    }
    if (!known) {
        si_complain("there is no node %s", forgotten);
        return SI_EXIT_FAILED;
    }
    printf("%s is forgotten\n", forgotten);
    return SI_EXIT_OK;
}

static int run(char **operands, int count) {
    si_redis_address address;
    si_diag diag = {0};
    redisContext *c;
    (void)operands;
    (void)count;
    if (fleet.redis == NULL) {
        si_complain("fleet: name Redis with --redis, or the folder of smartimg.ini with --config");
        return SI_EXIT_USAGE;
    }
    if (si_redis_address_read(fleet.redis, fleet.redis_auth, &address, &diag) != SI_OK ||
        si_redis_connect(&address, 0, &c, &diag) != SI_OK) {
        return si_complain_diag(&diag);
    }
    int status = forgotten != NULL ? forget(c) : list(c);
    redisFree(c);
    return status;
}

#define ROWS(X)                                                                                    \
    X("config", TEXT, "DIR", config, NULL, "none", 0, 0, "",                                       \
        "Configuration folder, whose smartimg.ini may have the options below.")                    \
    SI_REDIS_OPTIONS(X, fleet)                                                                     \
    X("forget", TEXT, "NODE", forgotten, NULL, "none", 0, 0, "",                                   \
        "Forgets a node that is gone for good, so that purges no longer wait for it.")

static const si_option options[] = {ROWS(SI_OPTION_ROW){0}};
static const si_initial initial[] = {ROWS(SI_INITIAL_ROW)};

const si_command si_command_fleet = {
    .name = "fleet",
    .summary = "lists the nodes of a fleet",
    .synopsis = "(--redis URL | --config DIR) [--forget NODE]",
    .description =
        "Lists the nodes that get purges through Redis, with how far each has come. A node leaves "
        "when its server is stopped in order; one that is gone without that stays, and purges wait "
        "for it, until it is forgotten here or its time is over (--node-expire of `smartimg "
        "serve`). A node that comes back gets what it has missed, forgotten or not.",
    .exit_status = " 0  all nodes are up to date; the node is forgotten\n"
                   " 1  some are not; Redis cannot be reached; there is no such node\n"
                   " 2  wrong usage",
    .examples = " smartimg fleet --redis redis://10.0.0.5\n"
                " smartimg fleet --config /etc/smartimg --forget edge-3",
    .options = options,
    .initial = initial,
    .run = run,
};
