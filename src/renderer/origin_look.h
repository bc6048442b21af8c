/* Originals in origins, for commands without a server: asked for in this process, and waited for.
 */
#ifndef SI_RENDERER_ORIGIN_LOOK_H
#define SI_RENDERER_ORIGIN_LOOK_H

#include "catalog/origins.h"

/* An si_origin_look; no context. What an origin does not tell is complained of. */
si_origin_state si_look_at_origin(
    void *context, const si_origin_question *q, si_origin_answer *out);

#endif
