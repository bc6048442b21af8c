#include "catalog/extensions.h"

static const si_str extensions[] = {
#define X(e) {e, sizeof(e) - 1},
    SI_EXTENSIONS(X)
#undef X
};

si_str si_extension_strip(si_str name) {
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        si_str e = extensions[i];
        if (name.len > e.len && si_str_eq_nocase((si_str){name.p + name.len - e.len, e.len}, e)) {
            return (si_str){name.p, name.len - e.len};
        }
    }
    return name;
}
