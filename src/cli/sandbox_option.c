#include "cli/sandbox_option.h"

#include "base/sanitize.h"
#include "cli/cli.h"

const char *si_sandbox_parse(const char *value, void *mode) {
    return si_sandbox_mode_by_name(value, mode) ? NULL : "is none of best, required and off";
}

bool si_sandbox_announce(si_sandbox_mode mode) {
    char names[SI_SANDBOX_NAMES_MAX];
    if (mode == SI_SANDBOX_OFF || SI_SANITIZED) {
        si_complain("warning: renderers have no sandbox%s", SI_SANITIZED ? " in this build" : "");
        return true;
    }
    unsigned layers = si_sandbox_probe();
    if (layers == SI_SANDBOX_ALL) {
        return true;
    }
    bool enough = si_sandbox_suffices(mode, SI_SANDBOX_RENDERER, layers);
#define X(name, words, needs)                                                                      \
    if (!(layers & SI_SANDBOX_##name)) {                                                           \
        si_complain("%s: the sandbox of renderers is without " words                               \
                    ", for which it takes " needs,                                                 \
            enough ? "warning" : "error");                                                         \
    }
    SI_SANDBOX_LAYERS(X)
#undef X
    si_complain("what it has: %s", si_sandbox_names(layers, names));
    return enough;
}
