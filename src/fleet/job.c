#include "fleet/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends a line, as far as there is room. */
static void tell(char text[SI_PURGE_TEXT], const char *fmt, ...) SI_PRINTF(2, 3);

static void tell(char text[SI_PURGE_TEXT], const char *fmt, ...) {
    size_t len = strlen(text);
    va_list args;
    if (len > 0 && len + 1 < SI_PURGE_TEXT) {
        text[len++] = '\n';
        text[len] = '\0';
    }
    va_start(args, fmt);
    (void)vsnprintf(text + len, SI_PURGE_TEXT - len, fmt, args);
    va_end(args);
}

si_result si_purge_job_hooks(si_purge_job *job, const char *files, si_diag *diag) {
    si_str rest = si_str_of(files), file;
    while (si_str_next(&rest, ',', &file)) {
        char name[4096];
        file = si_str_trim(file);
        if (file.len == 0) {
            continue;
        }
        if (job->hook_count == SI_HOOKS_MAX || file.len >= sizeof name) {
            return si_fail(diag, SI_ERR_CONFIG, "more than %d hooks", SI_HOOKS_MAX);
        }
        snprintf(name, sizeof name, "%.*s", SI_STR_ARG(file));
        SI_TRY(si_hook_read(name, &job->hooks[job->hook_count], diag));
        job->hook_count++;
    }
    return SI_OK;
}

void si_purge_job_clear(si_purge_job *job) {
    for (int i = 0; i < job->hook_count; i++) {
        si_hook_free(job->hooks[i]);
    }
    *job = (si_purge_job){0};
}

static si_purge_outcome purge_here(
    const si_purge_job *job, const si_invalidation *what, char text[SI_PURGE_TEXT]) {
    char name[SI_INVALIDATION_TEXT];
    si_generations *g = NULL;
    si_diag diag = {0};
    bool good = si_generations_open(job->generations, &g, &diag) == SI_OK &&
                si_invalidation_apply(what, g, &diag) == SI_OK;
    si_generations_close(g);
    if (good) {
        tell(text, "purged %s", si_invalidation_text(what, name));
    } else {
        tell(text, "%s", diag.text);
    }
    return good ? SI_PURGED : SI_NOT_PURGED;
}

static si_purge_outcome purge_nodes(
    const si_purge_job *job, const si_invalidation *what, char text[SI_PURGE_TEXT]) {
    char name[SI_INVALIDATION_TEXT];
    si_fleet_purge done;
    si_diag diag = {0};
    if (si_fleet_purge_run(&job->nodes, what, &done, &diag) == SI_OK) {
        tell(text, "purged %s on %d nodes", si_invalidation_text(what, name), done.acknowledged);
        return SI_PURGED;
    }
    tell(text, "%s%s", done.added ? "" : "nothing was purged: ", diag.text);
    return done.added ? SI_PURGED_BEHIND : SI_NOT_PURGED;
}

si_purge_outcome si_purge_job_run(
    const si_purge_job *job, const si_invalidation *what, char text[SI_PURGE_TEXT]) {
    text[0] = '\0';
    si_purge_outcome outcome =
        job->fleet ? purge_nodes(job, what, text) : purge_here(job, what, text);
    for (int i = 0; i < job->hook_count && outcome != SI_NOT_PURGED; i++) {
        si_diag diag = {0};
        if (si_hook_run(job->hooks[i], what, &diag) != SI_OK) {
            tell(text, "%s", diag.text);
            outcome = SI_PURGED_BEHIND;
        }
    }
    return outcome;
}
