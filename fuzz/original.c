/* Fuzz target: an original of one kind through the whole of rendering, as a plain image at another
 * size, and what is read of its metadata. fuzz/run compiles it once for each kind: KIND is its name
 * of original.h. Files of other kinds are not decoded. Mutations are those of mutate.h, every
 * fourth time libFuzzer's own. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mutate.h"
#include "picture/recipe.h"
#include "render/read/metadata.h"
#include "render/read/original.h"
#include "render/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    return seed % 4 == 0 ? LLVMFuzzerMutate(data, size, most) : si_mutate(data, size, most, seed);
}

/* Pictures that are larger are only slow here, and memory is for AddressSanitizer, too. */
static si_render_limits limits = {.max_source_pixels = 4 << 20, .max_view_pixels = 1 << 20};

static si_recipe recipe;
static si_arena arena;

static void start(void) {
    static bool started;
    si_diag diag = {0};
    static const char text[] =
        "smartimg/" SI_RECIPE_VERSION "&co=c&gen=0&pic=(layer=(n=0&src=(kind=file&file=a,1,1))&"
        "view=(wid=60&hei=0&maxpix=4096,4096"
        "&resmode=sharp2))&bgc=FFFFFF&dpr=1&fmt=png&alpha=1&qlt=80&chroma=0&dpi=-1&smart=0&ladder=";
    if (started) {
        return;
    }
    if (si_render_start(&diag) != SI_OK ||
        si_recipe_scan((si_str){text, sizeof text - 1}, &arena, &recipe, &diag) != SI_OK) {
        abort();
    }
    limits.refused = ~SI_KIND_BIT(si_kind_by_name(si_str_of(FUZZ_KIND)));
    started = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    si_diag diag = {0};
    si_image image = {0};
    si_metadata metadata = {0};
    start();
    int fd = memfd_create("original", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    si_files files = si_files_of_fd(&fd);
    if (si_render(&recipe, &files, &limits, &image, &diag) != SI_OK && diag.text[0] == '\0') {
        abort(); /* an error without a word */
    }
    si_image_free(&image);
    diag = (si_diag){0};
    if (si_metadata_read(fd, &limits, &metadata, &diag) == SI_OK) {
        si_metadata_free(&metadata);
    }
    close(fd);
    return 0;
}
