/* Replies that are no images: properties, maps, sets, metadata (docs/protocol.md, Facts). */
#ifndef SI_RENDERER_ANSWER_FACTS_H
#define SI_RENDERER_ANSWER_FACTS_H

#include "renderer/answer.h"

/* Fills in status, content type and body for every req but img and mask. What the front side knows
 * comes in r->facts, which take the place of properties of the same name. */
SI_NODISCARD si_result si_answer_facts(const si_recipe *r, const si_files *files,
    const si_answer_options *options, si_answer *out, si_diag *diag);

#endif
