#include "client/network.h"

#include <math.h>

/* A header longer than any number that a browser sends tells nothing. */
enum { NUMBER_LENGTH = 32 };

/* NAN unless it is a number from 0 to `most`. */
static double read_number(si_str header, double most) {
    double value;
    si_str text = si_str_trim(header);
    bool fits = text.len <= NUMBER_LENGTH && si_str_real(text, &value) && value >= 0;
    return fits && value <= most ? value : NAN;
}

static si_network read_effective_type(si_str header) {
    si_str name = si_str_trim(header);
#define X(word, network)                                                                           \
    if (si_str_eq_nocase(name, SI_STR(word))) {                                                    \
        return SI_NETWORK_##network;                                                               \
    }
    SI_NETWORK_EFFECTIVE_TYPES(X)
#undef X
    return SI_NETWORK_UNKNOWN;
}

/* Classes are numbered from the best on, and what is not known comes before all. */
static si_network worse(si_network a, si_network b) {
    return a > b ? a : b;
}

bool si_network_read_limit(si_str text, si_network_limit *out) {
    si_str downlink;
    if (!si_str_next(&text, ',', &downlink) || text.p == NULL) {
        return false;
    }
    si_network_limit limit = {.downlink = read_number(downlink, SI_NETWORK_DOWNLINK_MAX),
        .rtt = read_number(text, SI_NETWORK_RTT_MAX)};
    bool right = !isnan(limit.downlink) && !isnan(limit.rtt);
    *out = right ? limit : *out;
    return right;
}

si_network si_network_of_line(const si_network_limits *limits, double downlink, double rtt) {
    if (isnan(downlink) && isnan(rtt)) {
        return SI_NETWORK_UNKNOWN;
    }
    for (int class = SI_NETWORK_POOR; class >= SI_NETWORK_GOOD; class --) {
        const si_network_limit *limit = &limits->of[class];
        if (downlink < limit->downlink || rtt > limit->rtt) { /* NAN is neither */
            return (si_network) class;
        }
    }
    return SI_NETWORK_EXCELLENT;
}

bool si_network_saves_data(const si_network_hints *hints) {
    si_str rest = hints->save_data, word;
    return si_str_next(&rest, ';', &word) && si_str_eq_nocase(si_str_trim(word), SI_STR("on"));
}

si_network si_network_of_hints(const si_network_limits *limits, const si_network_hints *hints) {
    double downlink = read_number(hints->downlink, SI_NETWORK_DOWNLINK_MAX);
    double rtt = read_number(hints->rtt, SI_NETWORK_RTT_MAX);
    si_network type = read_effective_type(hints->ect);
    if (type == SI_NETWORK_EXCELLENT && !(downlink < limits->of[SI_NETWORK_POOR].downlink)) {
        downlink = NAN;
    }
    return worse(si_network_of_line(limits, downlink, rtt), type);
}

/* The first that tells. */
static si_network first_told(const si_network_told *told, si_network measured, si_network script) {
    const si_network words[] = {
        told->saves_data ? SI_NETWORK_POOR : SI_NETWORK_UNKNOWN,
        measured,
        told->hinted,
        script,
        told->edge,
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i] != SI_NETWORK_UNKNOWN) {
            return words[i];
        }
    }
    return SI_NETWORK_EXCELLENT;
}

si_network si_network_decide(const si_network_told *told, si_network script, bool *measured_alone) {
    si_network network = first_told(told, told->measured, script);
    *measured_alone = network != first_told(told, SI_NETWORK_UNKNOWN, script);
    return network;
}
