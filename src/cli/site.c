#include "cli/site.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pool_status.h"
#include "cli/renderers_at.h"
#include "cli/site_parts.h"
#include "renderer/pool.h"

bool si_site_readable(const char *path) {
    return path != NULL && access(path, R_OK) == 0;
}

const char *si_site_text(si_site *s, const char *fmt, ...) {
    char text[PATH_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *copy =
        len >= 0 && len < PATH_MAX ? si_arena_copy(&s->arena, text, (size_t)len) : NULL;
    if (copy == NULL) {
        si_complain("path too long");
        exit(SI_EXIT_FAILED);
    }
    return copy;
}

const char *si_site_absolute(si_site *s, const char *name) {
    char here[PATH_MAX];
    if (name == NULL || name[0] == '/' || getcwd(here, sizeof here) == NULL) {
        return name;
    }
    return si_site_text(s, "%s/%s", here, name);
}

const char *si_switch_parse(const char *value, void *to) {
    bool on;
    if (!si_str_switch(si_str_of(value), &on)) {
        return "is neither on nor off";
    }
    *(si_switch *)to = on ? SI_SWITCH_ON : SI_SWITCH_OFF;
    return NULL;
}

bool si_site_has_playground(const si_site_options *o) {
    return o->playground != SI_SWITCH_UNSET ? o->playground == SI_SWITCH_ON : o->config == NULL;
}

bool si_site_has_uploads(const si_site_options *o) {
    return si_site_has_playground(o) && o->playground_uploads == SI_SWITCH_ON;
}

static bool port_is_free(const char *address) {
    si_diag diag = {0};
    if (address == NULL) {
        return true;
    }
    int fd = si_pool_listen(address, &diag);
    if (fd < 0) {
        si_complain_diag(&diag);
        return false;
    }
    close(fd);
    return true;
}

bool si_site_has_json_log(const si_site_options *o) {
    return strcmp(o->log_format, SI_LOG_JSON) == 0;
}

static bool renderers_are_right(const si_site_options *o) {
    if (o->renderers_at == NULL) {
        return true;
    }
    if (si_renderers_at_count(o->renderers_at) == 0) {
        si_complain(
            "--renderers-at takes up to %d addresses ADDR:PORT, parted by commas", SI_MACHINES_MAX);
        return false;
    }
    if (o->seal_key == NULL) {
        si_complain("--renderers-at wants --seal-key, the one of the renderers");
        return false;
    }
    if (si_site_has_uploads(o)) {
        si_complain("--playground-uploads: what visitors upload is here, and renderers are not");
        return false;
    }
    return true;
}

bool si_site_prepare(const si_site_options *o, si_site *s) {
    s->root = si_site_absolute(s, o->root);
    s->config = si_site_absolute(s, o->config);
    s->cache = si_site_absolute(s, o->cache != NULL ? o->cache : si_default_cache(&s->arena));
    if (s->cache == NULL) {
        return false;
    }
    s->generations = si_site_text(s, "%s/generations", s->cache);
    s->position = si_site_text(s, "%s/invalidations", s->cache);
    if (o->line.poor_loss < o->line.good_loss) {
        si_complain("--network-poor-loss is less than --network-good-loss");
        return false;
    }
    if (!renderers_are_right(o)) {
        return false;
    }
    return si_site_find_parts(s) && si_site_find_nginx(s) && si_site_find_user(o, s) &&
           port_is_free(o->listen) && port_is_free(o->tls_listen) &&
           port_is_free(o->admin_listen) &&
           (!si_site_has_playground(o) || si_site_find_playground(s)) &&
           si_site_prepare_cache(o, s) && si_site_prepare_uploads(o, s) &&
           si_site_prepare_originals(o, s) && si_site_prepare_logs(o, s) &&
           si_site_prepare_run_folder(s) && si_site_prepare_status(s) &&
           si_site_prepare_seal_key(o, s) && si_site_prepare_tls(o, s) &&
           si_site_write_playground(s) && si_site_write_configuration(o, s);
}

void si_site_clear(si_site *s) {
    si_site_remove_run_folder(s);
    if (s->seal_key != NULL && s->seal_key_file >= 0) {
        close(s->seal_key_file);
    }
    if (s->status != NULL) {
        munmap(s->status, sizeof *s->status);
    }
    if (s->claim > 0) {
        close(s->claim);
    }
    si_arena_free(&s->arena);
    *s = (si_site){0};
}
