#include "cli/renderers_at.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "renderer/pool.h"

/* ADDR:PORT or [ADDR]:PORT, of a port that three more follow. */
static bool is_address(si_str text) {
    const char *colon = memrchr(text.p, ':', text.len);
    long port;
    if (colon == NULL || colon == text.p || text.len > 300 ||
        !si_str_int((si_str){colon + 1, text.len - (size_t)(colon + 1 - text.p)}, &port) ||
        port < 1 || port + SI_LANE_COUNT > 65536) {
        return false;
    }
    for (const char *c = text.p; c < text.p + text.len; c++) {
        if (!isalnum((unsigned char)*c) && strchr(".-:[]", *c) == NULL) {
            return false;
        }
    }
    return true;
}

int si_renderers_at_count(const char *list) {
    si_str rest = si_str_of(list), address;
    int count = 0;
    while (si_str_next(&rest, ',', &address)) {
        if (!is_address(si_str_trim(address)) || ++count > SI_MACHINES_MAX) {
            return 0;
        }
    }
    return count;
}

const char *si_renderers_at_lines(si_arena *arena, const char *list, si_lane lane, bool any) {
    si_str rest = si_str_of(list), address;
    static const char *const names[] = {
#define X(name, suffix, text) #name,
        SI_LANES(X)
#undef X
    };
    /* what one worker of nginx has found out of a machine, the others know */
    const char *lines = si_arena_printf(arena, "zone smartimg_at_%s 1m;%s",
        any ? "ANY" : names[lane], any ? "" : " hash $smartimg_shard consistent;");
    while (lines != NULL && si_str_next(&rest, ',', &address)) {
        char name[400], of_lane[SI_LANE_PATH_MAX];
        address = si_str_trim(address);
        snprintf(name, sizeof name, "%.*s", SI_STR_ARG(address));
        lines = si_arena_printf(arena, "%s server %s max_fails=%d fail_timeout=%ds;", lines,
            si_pool_lane_path(name, lane, of_lane), SI_MACHINE_FAILS, SI_MACHINE_REST_S);
    }
    return lines;
}
