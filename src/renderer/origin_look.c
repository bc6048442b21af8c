#include "renderer/origin_look.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/origin_request.h"

si_origin_state si_look_at_origin(
    void *context, const si_origin_question *q, si_origin_answer *out) {
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];
    int fd, count = si_origin_candidates(
                q->origin, si_str_of(q->key), si_str_of(q->extension), candidates);
    si_origin_keys keys;
    si_diag diag = {0};
    (void)context;
    if (si_origin_keys_of(q->origin, -1, &keys, &diag) != SI_OK) {
        dprintf(STDERR_FILENO, "smartimg: source %s: %s\n", q->origin->name, diag.text);
        return SI_ORIGIN_FAILED;
    }
    const si_origin_wanted wanted = {
        q->origin, q->key, (const char(*)[SI_ORIGIN_EXTENSION])candidates, count, false};
    si_origin_outcome told = si_origin_request_run(&wanted, &keys, &fd);
    if (told.result == SI_ERR_NOT_FOUND) {
        return SI_ORIGIN_MISSING;
    }
    if (told.result != SI_OK) {
        dprintf(STDERR_FILENO, "smartimg: source %s: %s (%s)\n", q->origin->name, told.diag.text,
            told.detail);
        return SI_ORIGIN_FAILED;
    }
    *out = (si_origin_answer){.size = told.size, .time = told.time, .version = told.version};
    memcpy(out->extension, told.extension, sizeof out->extension);
    return SI_ORIGIN_FOUND;
}
