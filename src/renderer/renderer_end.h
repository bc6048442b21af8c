/* Why a renderer ended, told by its wait status, for what the pool counts (base/pool_status.h). */
#ifndef SI_RENDERER_RENDERER_END_H
#define SI_RENDERER_RENDERER_END_H

#include <stdbool.h>

#include "base/pool_status.h"

/* `status` is of waitpid(); `killed`: the pool did it. */
si_renderer_end si_renderer_end_of(int status, bool killed);

#endif
