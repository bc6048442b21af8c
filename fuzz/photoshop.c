/* Fuzz target: Photoshop's image resource blocks in originals, read as outlines (pathName) and
 * moved (pathEmbed). What was moved must be readable, and hold no more paths than there were. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/photoshop_write.h"
#include "render/read/photoshop_paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const double moves[][6] = {
        {1, 0, 0, 0, 1, 0}, {2, 0.5, -0.25, 0, -3, 1e6}, {0, 0, 0, 0, 0, 0}};
    si_arena arena = {0};
    si_photoshop paths, moved;
    si_diag diag = {0};
    if (si_photoshop_read(data, size, &arena, &paths, &diag) != SI_OK ||
        paths.count > SI_PHOTOSHOP_MAX_PATHS) {
        abort(); /* damage is no error */
    }
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        si_bytes out = {0};
        if (si_photoshop_transform(data, size, moves[i], &out, &diag) != SI_OK ||
            si_photoshop_read(out.data, out.len, &arena, &moved, &diag) != SI_OK) {
            abort();
        }
        si_bytes_free(&out);
    }
    si_arena_free(&arena);
    return 0;
}
