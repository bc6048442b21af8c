#include "cli/originals.h"

#include "base/str.h"
#include "render/libraries.h"

const char *si_originals_parse(const char *value, void *refused) {
    si_str rest = si_str_of(value), word;
    uint32_t served = 0;
    while (si_str_next(&rest, ',', &word)) {
        si_kind kind = si_kind_by_name(si_str_trim(word));
        if (kind == SI_KIND_NONE) {
            return "names a kind that there is not";
        }
        served |= SI_KIND_BIT(kind);
    }
    if (served == 0) {
        return "names no kind";
    }
    *(uint32_t *)refused = ~served;
    return NULL;
}

static void warn(void *context, const char *text) {
    (void)context;
    si_complain("warning: %s", text);
}

void si_originals_warn(uint32_t refused) {
    (void)si_libraries_unsafe(refused, warn, NULL);
}
