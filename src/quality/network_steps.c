#include "quality/network_steps.h"

#include <assert.h>
#include <math.h>

/* points = slope · (zero − target) */
struct network_step {
    double slope, zero;
};

#include "quality/network_tables.h"

/* By how much a target falls if nothing holds it. */
static double free_fall(si_network network, double target) {
    assert(network >= SI_NETWORK_UNKNOWN && network < SI_NETWORK_COUNT);
    return fmax(steps[network].slope * (steps[network].zero - target), 0);
}

double si_network_target(si_network network, double target) {
    return fmax(target - free_fall(network, target), fmin(target, SI_SCORE_NETWORK_LEAST));
}

double si_network_share(si_network network, double target, double points) {
    double whole = free_fall(network, target);
    return whole > 0 ? pow(shares[network], points / whole) : 1;
}

/* The mean score at a quality. */
static double score_at(const double *scores, double quality) {
    double at = (quality - FIRST_QUALITY) / QUALITY_STEP;
    int i = (int)fmin(fmax(at, 0), QUALITIES - 2);
    return scores[i] + (scores[i + 1] - scores[i]) * (at - i);
}

static double quality_at(const double *scores, double score) {
    int i = 0;
    while (i < QUALITIES - 2 && scores[i + 1] < score) {
        i++;
    }
    double at = i + (score - scores[i]) / (scores[i + 1] - scores[i]);
    return FIRST_QUALITY + QUALITY_STEP * fmax(at, 0);
}

float si_network_quality_below(si_format format, int quality, double points) {
    const double *scores = mean_scores[format];
    assert((SI_FORMATS_LOSSY & SI_FORMAT_BIT(format)) != 0);
    if (quality <= FIRST_QUALITY || points <= 0) {
        return (float)quality;
    }
    return (float)fmin(quality, round(quality_at(scores, score_at(scores, quality) - points)));
}

float si_network_quality(si_network network, si_format format, int quality) {
    double target = score_at(mean_scores[format], quality);
    return si_network_quality_below(format, quality, target - si_network_target(network, target));
}
