#include "picture/stages.h"

#include <stdio.h>

static const char *const words[] = {
#define X(name, word, text) [SI_STAGE_##name] = (word),
    SI_STAGES(X)
#undef X
};

#define X(name, word, text)                                                                        \
    _Static_assert(sizeof(word) + sizeof "=1000000000000;" - 1 <= SI_STAGES_TEXT / SI_STAGE_COUNT, \
        "the text of a stage has room");
SI_STAGES(X)
#undef X

const char *si_stage_word(si_stage stage) {
    return words[stage];
}

const char *si_stages_print(const si_stage_times *times, char out[SI_STAGES_TEXT]) {
    int n = 0;
    for (int i = 0; i < SI_STAGE_COUNT; i++) {
        int64_t us = times->us[i];
        us = us < 0 ? 0 : us > SI_STAGE_MAX ? SI_STAGE_MAX : us;
        n += snprintf(out + n, SI_STAGES_TEXT - (size_t)n, "%s%s=%lld", i > 0 ? ";" : "", words[i],
            (long long)us);
    }
    return out;
}

bool si_stages_read(si_str text, si_stage_times *out) {
    si_str part, name;
    bool told = false;
    *out = (si_stage_times){0};
    while (si_str_next(&text, ';', &part)) {
        long us;
        if (!si_str_next(&part, '=', &name) || part.p == NULL || !si_str_int(part, &us) || us < 0 ||
            us > SI_STAGE_MAX) {
            continue;
        }
        for (int i = 0; i < SI_STAGE_COUNT; i++) {
            if (si_str_eq(name, si_str_of(words[i]))) {
                out->us[i] = us;
                told = true;
            }
        }
    }
    return told;
}
