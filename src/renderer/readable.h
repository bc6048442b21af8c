/* Whether files could be read at all. What a library says of a file that it cannot decode is the
 * same whether the file is broken or the disk, or file server, below it failed; for whoever asked
 * it is not: one is a mistake that stays, the other one that passes. */
#ifndef SI_RENDERER_READABLE_H
#define SI_RENDERER_READABLE_H

#include "picture/recipe.h"
#include "render/render.h"

/* Reads the recipe's files of the folder, as a whole, one after the other: for answers that failed
 * with SI_ERR_SOURCE. SI_OK, or SI_ERR_IO with the system's word for the first that cannot be read
 * (EIO, ESTALE …); files that cannot be opened are passed over. */
SI_NODISCARD si_result si_files_readable(const si_recipe *r, const si_files *files, si_diag *diag);

#endif
