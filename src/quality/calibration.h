/* How the codec builds of this machine differ from those that the predictor's tables were made
 * with: a small file, written by `smartimg calibrate`, named by SMARTIMG_CALIBRATION.
 *
 * An ini file (base/ini.h). `[libraries]` has a row for each codec that was measured, such as
 * `webp = libwebp 1.2.4`. Each measured setting (encoder_settings.h) has a section of its name, in
 * which
 *
 *     bias = 1.25     levels that the setting needs above the table's prediction, −20…20
 *     cost = 1.8      its encodings' CPU time as a multiple of the table's, 0.05…20
 *
 * may stand. Other versions may behave otherwise, so a file that was measured with them counts as
 * none. */
#ifndef SI_QUALITY_CALIBRATION_H
#define SI_QUALITY_CALIBRATION_H

#include <stdio.h>

#include "quality/encoder_settings.h"

#define SI_CALIBRATION_BIAS_MAX 20.0 /* levels, either way */
#define SI_CALIBRATION_COST_MIN 0.05
#define SI_CALIBRATION_COST_MAX 20.0

/* Zero-initialized: nothing is known, and the tables count as they are. */
typedef struct si_calibration {
    double bias[SI_SETTING_COUNT]; /* levels */
    double cost[SI_SETTING_COUNT]; /* multiple of the table's; 0 = not measured */
} si_calibration;

/* Reads a file. On failure `*out` is all zero: SI_ERR_IO if it cannot be read, SI_ERR_CONFIG if
 * there is anything in it that is no calibration, SI_ERR_RANGE for a value outside the above,
 * SI_ERR_UNSUPPORTED if it was measured with other libraries. */
SI_NODISCARD si_result si_calibration_read(const char *path, si_calibration *out, si_diag *diag);

/* Writes such a file: those settings with a cost, and today's libraries. The caller checks `to` for
 * errors. */
void si_calibration_write(FILE *to, const si_calibration *c);

/* What the predictor goes by. Read on first use; a file that is of no use is told of on stderr, in
 * one line, and ignored. Processes that fork call this before, so that they tell it once. */
const si_calibration *si_calibration_current(void);

/* Has the predictor go by `c` from now on (copied), whatever the environment says. */
void si_calibration_use(const si_calibration *c);

#endif
