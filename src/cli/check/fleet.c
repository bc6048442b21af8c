#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/check/parts.h"
#include "cli/purge_service.h"
#include "cli/renderers_at.h"
#include "fleet/job.h"
#include "fleet/redis.h"

static void check_renderers(const si_looking *l) {
    const si_check_setting *at = si_looking_of(l, "renderers-at");
    if (at->value == NULL) {
        return;
    }
    if (si_renderers_at_count(at->value) == 0) {
        si_messages_mistake(l->messages, at, "takes up to %d addresses ADDR:PORT, parted by commas",
            SI_MACHINES_MAX);
    } else if (si_looking_of(l, "seal-key")->value == NULL) {
        si_messages_mistake(l->messages, at, "wants seal-key, the one of the renderers");
    }
}

/* Opens a file that the server reads at its start; −1 and a mistake, or, of what whoever starts it
 * may read and this user may not, −1 alone. */
static int open_file(const si_looking *l, const si_check_setting *s) {
    int fd = open(s->value, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno != EACCES || l->starter)) {
        si_messages_mistake(l->messages, s, "cannot read %s: %s", s->value, strerror(errno));
    }
    return fd;
}

static void check_redis(const si_looking *l) {
    const si_check_setting *redis = si_looking_of(l, "redis"),
                           *auth = si_looking_of(l, "redis-auth"), *node = si_looking_of(l, "node");
    si_redis_address address;
    si_diag diag = {0};
    int fd = auth->value != NULL ? open_file(l, auth) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (redis->value != NULL && si_redis_address_read(redis->value, fd >= 0 ? auth->value : NULL,
                                    &address, &diag) != SI_OK) {
        const bool of_file = si_diag_result(&diag, SI_ERR_IO) == SI_ERR_IO;
        si_messages_mistake(l->messages, of_file ? auth : redis, "%s", diag.text);
    }
    explicit_bzero(&address, sizeof address);
    if (node->value != NULL && !si_node_name_is_good(node->value)) {
        si_messages_mistake(
            l->messages, node, "takes up to 128 letters, digits, dots, dashes and underscores");
    }
}

static void check_purges(const si_looking *l) {
    const si_check_setting *token = si_looking_of(l, "purge-token"),
                           *hooks = si_looking_of(l, "purge-hooks");
    si_purge_job job = {0};
    si_diag diag = {0};
    int fd = token->value != NULL ? open_file(l, token) : -1;
    if (fd >= 0 && !si_purge_token_is_good(fd)) {
        si_messages_mistake(l->messages, token, "%s is to begin with a line of %d to %d bytes",
            token->value, SI_PURGE_TOKEN_LEAST, SI_PURGE_TOKEN_MOST);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (token->value != NULL && si_looking_of(l, "admin-listen")->value == NULL) {
        si_messages_mistake(l->messages, token, "PURGE over HTTP takes admin-listen");
    }
    if (hooks->value != NULL && si_purge_job_hooks(&job, hooks->value, &diag) != SI_OK) {
        si_messages_mistake(l->messages, hooks, "%s", diag.text);
    }
    si_purge_job_clear(&job);
}

void si_check_fleet(const si_looking *l) {
    check_renderers(l);
    check_redis(l);
    check_purges(l);
}
