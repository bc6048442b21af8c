/* What good and poor lines cost in looks: steps by which the target falls, so that files have about
 * three quarters and half of the bytes (docs/network.md; src/quality/network_tables.h has the
 * fit). */
#ifndef SI_QUALITY_NETWORK_STEPS_H
#define SI_QUALITY_NETWORK_STEPS_H

#include "base/format.h"
#include "base/network.h"

/* No target is lowered further than this, a medium quality on SSIMULACRA2's scale; what is below it
 * as it was asked for stays. */
#define SI_SCORE_NETWORK_LEAST 50.0

/* The score to reach for somebody who asked for `target`, on such a line. The target itself where
 * the class is not GOOD or POOR. */
double si_network_target(si_network network, double target);

/* What of a JPEG is left whose score falls by `points` from `target`: its bytes, as a share. */
double si_network_share(si_network network, double target, double points);

/* The quality at which a format of SI_FORMATS_LOSSY looks `points` of score worse than at `quality`
 * (1…100): the mean of the pictures of the fit. Never more than `quality`. */
float si_network_quality_below(si_format format, int quality, double points);

/* The same where the target would be the mean score at `quality`: for encodings that are not
 * scored. */
float si_network_quality(si_network network, si_format format, int quality);

#endif
