/* From cheap features to encoder parameters: tables fitted by tools/train.
 *
 * For each setting, quality is a polynomial of the wanted score and the features; so is the size of
 * the file, as a share of the requested JPEG. What the machine's own codecs differ by is added
 * (calibration.h). */
#ifndef SI_QUALITY_PREDICT_H
#define SI_QUALITY_PREDICT_H

#include "quality/features.h"
#include "quality/encoder_settings.h"

/* The level (si_encoder_setting_level()) by which this setting should reach `score`, the requested
 * encoding's or somewhat less; it may be off the codec's grid and range. */
double si_predict_level(si_encoder_setting k, const si_features *f, double score);

/* Levels per point of score, around `score`. */
double si_predict_slope(si_encoder_setting k, double score);

/* The size of a file that reaches `score`, as a share of the requested JPEG's. */
double si_predict_share(si_encoder_setting k, const si_features *f, double score);

/* How far, in points of score, first tries scatter about what was wanted (standard deviation of
 * images the tables were not fitted on). */
double si_predict_spread(si_encoder_setting k);

/* The same after a trial on part of the picture (trial_tiles.h), and how many points higher the
 * whole scores than such a trial says. */
double si_predict_probe_spread(si_encoder_setting k);
double si_predict_probe_bias(si_encoder_setting k);

/* What a trial of the whole picture with the format's quickest setting says: how many points higher
 * this setting scores at equal level, around `score`, and the spread of that. False if it was not
 * measured. */
bool si_predict_trial(
    si_encoder_setting k, const si_features *f, double score, double *bias, double *spread);

/* Milliseconds of CPU time that encoding takes by the table, scaled by calibration.h. It does not
 * depend on what was measured since, so that equal requests are answered alike whatever else the
 * machine does. */
double si_predict_cost(si_format format, int effort, const si_features *f);

/* Multiplier by which encodings have lately taken longer than si_predict_cost() says, at least 1:
 * for deadlines, which are in real time. */
double si_predict_slowness(void);

/* Tells what an encoding really took, for si_predict_slowness(). */
void si_predict_cost_learn(si_format format, int effort, const si_features *f, double ms);

#endif
