/* ICC profiles made from numbers: for `iccEmbed` and as output spaces. */
#ifndef SI_CODEC_PROFILE_H
#define SI_CODEC_PROFILE_H

#include "base/bytes.h"
#include "base/icc.h"
#include "base/result.h"

/* Makes the profile of a standard space (version 4, some 600 bytes), the same at any time. `out`
 * (zero-initialized) is owned by the caller. Fails only for lack of memory. */
SI_NODISCARD si_result si_profile_make(const si_icc_space *space, si_bytes *out, si_diag *diag);

/* Writes the description of a profile, printable ASCII; "" if it is broken or has none. */
void si_profile_describe(si_icc profile, char *name, size_t size);

/* True if the profile is sRGB by name, so that nothing need be converted. */
bool si_profile_is_srgb(si_icc profile);

#endif
