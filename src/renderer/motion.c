#include "renderer/motion.h"

#include <unistd.h>

#include "codec/animation.h"
#include "quality/choose.h"
#include "render/frames.h"
#include "render/embeds.h"

/* The encoder begins with the first frame, which tells it what there is to encode. */
typedef struct motion {
    const si_recipe *r;
    const si_encode_params *embeds;
    int plays;
    si_animation *file;
} motion;

static si_result on_frame(void *context, const si_image *frame, int delay_ms, si_diag *diag) {
    motion *m = context;
    if (m->file == NULL) {
        si_encode_params p = si_choose_requested(m->r, frame, m->embeds);
        SI_TRY(si_animation_begin(m->r->format, &p, m->plays, &m->file, diag));
    }
    return si_animation_add(m->file, frame, delay_ms, diag);
}

static si_result read_facts(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, si_animation_facts *facts, si_diag *diag) {
    int fd;
    SI_TRY(si_files_open(files, &r->picture.layers[0].source, &fd, diag));
    si_result result = si_animation_look(fd, limits, facts, diag);
    close(fd);
    return result;
}

si_result si_motion_answer(const si_recipe *r, const si_files *files,
    const si_render_limits *limits, bool *moved, si_bytes *out, si_diag *diag) {
    si_animation_facts facts = {.frames = 1};
    si_output_embeds embeds = {0};
    *moved = false;
    if (!si_animation_wanted(r)) {
        return SI_OK;
    }
    si_result result = read_facts(r, files, limits, &facts, diag);
    if (result != SI_OK || facts.frames < 2) {
        return result;
    }
    *moved = true;
    SI_TRY(si_animation_foresee(r, &facts, limits, diag));
    result = si_output_embeds_load(r, files, limits, &embeds, diag);
    motion m = {.r = r, .embeds = &embeds.params, .plays = facts.plays};
    if (result == SI_OK) {
        result = si_animation_render(r, files, limits, on_frame, &m, diag);
    }
    if (result == SI_OK) {
        result = m.file != NULL
                     ? si_animation_end(m.file, out, diag)
                     : si_fail(diag, SI_ERR_SOURCE, "the source animation has no frames");
    }
    si_animation_free(m.file);
    si_output_embeds_free(&embeds);
    return result;
}
