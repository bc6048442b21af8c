/* What a node keeps on its disk of how far it has come, beside its generation table.
 *
 * It is written after the table, so after a crash at any moment a node applies some invalidations
 * once more, which does no harm, and never misses one. */
#ifndef SI_FLEET_POSITION_H
#define SI_FLEET_POSITION_H

#include "fleet/stream.h"

typedef struct si_position {
    char node[SI_NODE_NAME]; /* a name that was made for this folder */
    si_stream_place place;
    bool left; /* the node has left in order, so purges do not wait for it */
} si_position;

/* Reads the file; what is not there or damaged is as if nothing were known, with a new name: that
 * of this machine and a random number. */
void si_position_read(const char *path, si_position *out);

/* Writes it; on return it is on the disk. SI_ERR_IO. */
SI_NODISCARD si_result si_position_write(const char *path, const si_position *p, si_diag *diag);

#endif
