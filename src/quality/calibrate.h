/* Measuring a calibration (calibration.h): what the settings' encodings of some pictures really
 * score and cost, against what the predictor says of them. */
#ifndef SI_QUALITY_CALIBRATE_H
#define SI_QUALITY_CALIBRATE_H

#include "quality/calibration.h"

/* One picture, one setting, one JPEG quality: how many levels the setting needs above the
 * prediction to score what is to be reached, and the same in points of score. */
typedef struct si_calibrate_trial {
    int picture;
    double levels, points;
} si_calibrate_trial;

/* All trials of a setting, those of a picture together. Zero-initialize; release with
 * si_calibrate_free(). */
typedef struct si_calibrate_trials {
    si_calibrate_trial *items;
    int count, room;
    double cost_logs; /* sum over encodings, log of CPU time ÷ the table's */
    int cost_count;
} si_calibrate_trials;

/* What the trials of a setting come to. */
typedef struct si_calibrate_fit {
    double bias;          /* mean of the trials, levels */
    double spread;        /* standard deviation of the trials about it, points */
    double cost;          /* geometric mean of CPU time ÷ the table's; 0 = no encoding was long
                             enough to tell */
    double before, after; /* share of trials within a point of what is predicted without the bias,
                             and with that of all other pictures (NAN if there are none) */
    bool helps; /* the bias is no accident of these pictures (2.5 standard errors), and that of
                   the others makes the mean square error smaller, and the share no smaller */
} si_calibrate_fit;

/* Adds trials of each wanted setting, with JPEGs of quality 70 and 85 as what is to be equalled
 * less SI_SCORE_SLACK. `picture` is a number of the caller's. Trials are left out where the codec
 * is not built in or does not get there. The predictor has to go by its tables alone.
 * SI_ERR_MEMORY, or what the JPEG codec failed with. */
SI_NODISCARD si_result si_calibrate_picture(const si_image *image, int picture,
    const bool wanted[SI_SETTING_COUNT], si_calibrate_trials trials[SI_SETTING_COUNT],
    si_diag *diag);

void si_calibrate_fit_trials(const si_calibrate_trials *trials, si_calibrate_fit *out);

/* The fit as rows of a calibration: a bias only where it helps pictures that it was not made from;
 * values out of range are cut off. */
void si_calibrate_keep(const si_calibrate_fit *fit, si_encoder_setting k, si_calibration *out);

void si_calibrate_free(si_calibrate_trials *trials);

#endif
