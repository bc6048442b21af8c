#include "client/line.h"

#include <assert.h>

enum {
    STEP = 8192,       /* bytes acknowledged between two readings that count */
    SEGMENTS = 100,    /* before their loss is looked at ... */
    SEGMENTS_MAX = 400 /* ... and when older ones begin to fade */
};
static const double CLEAR = 1.5;        /* distance from a limit that is clear */
static const double QUEUED = 1.25;      /* times the shortest round trip */
static const uint32_t QUEUED_US = 5000; /* and at least so much longer */
static const double PACED = 1.6;        /* times the rate: no longer speeding up */

const si_line_limits si_line_limits_initial = {
#define X(x, limits, field, name, argument, initial, ...) .field = initial,
    SI_LINE_LIMITS(X, , )
#undef X
};

/* The classes that a reading leaves possible; larger is worse. */
typedef struct range {
    si_network best, worst;
} range;

static si_network worse_of(si_network a, si_network b) {
    return a > b ? a : b;
}

static bool at_limit(const si_line_facts *f) {
    if (f->app_limited || f->rate == 0) {
        return false;
    }
    uint32_t certain = f->rtt > f->rtt_var ? f->rtt - f->rtt_var : 0;
    bool queued =
        f->min_rtt > 0 && certain >= f->min_rtt + QUEUED_US && certain >= QUEUED * f->min_rtt;
    bool paced = f->pacing_rate < PACED * (double)f->rate;
    return queued || paced || f->threshold <= f->window;
}

/* A value that is bad if small. */
static si_network by_rate(double kbits, const si_line_limits *l) {
    return kbits >= l->good_rate   ? SI_NETWORK_EXCELLENT
           : kbits >= l->poor_rate ? SI_NETWORK_GOOD
                                   : SI_NETWORK_POOR;
}

/* One that is bad if large. */
static si_network by_size(double value, int good, int poor) {
    return value >= poor ? SI_NETWORK_POOR : value >= good ? SI_NETWORK_GOOD : SI_NETWORK_EXCELLENT;
}

/* `bonus` makes everything look so many times better. */
static range judge(const si_line *line, const si_line_facts *f, const si_line_others *others,
    const si_line_limits *l, double bonus) {
    double least = (double)line->rate + others->rate,
           most = least + (double)others->silent * line->rate;
    range r = {
        at_limit(f) ? by_rate(most * bonus, l) : SI_NETWORK_EXCELLENT, by_rate(least * bonus, l)};

    double shortest = f->rtt > f->rtt_var ? f->rtt - f->rtt_var : 0;
    shortest = shortest > f->min_rtt ? shortest : f->min_rtt;
    double longest = (double)f->rtt + f->rtt_var;
    r.best = worse_of(r.best, by_size(shortest / 1000 / bonus, l->good_rtt, l->poor_rtt));
    r.worst = worse_of(r.worst, by_size(longest / 1000 / bonus, l->good_rtt, l->poor_rtt));

    if (line->recent >= SEGMENTS) {
        double loss = 100.0 * line->recent_resent / line->recent;
        r.best = worse_of(r.best, by_size(loss / bonus, l->good_loss, l->poor_loss));
    }
    r.worst = worse_of(r.worst, r.best);
    return r;
}

/* The class of the range that is nearest. */
static si_network nearest(range r, si_network n) {
    return n < r.best ? r.best : n > r.worst ? r.worst : n;
}

/* kbit/s. Both are at most what the line can carry. */
static uint32_t rate_of(const si_line *line, const si_line_facts *f) {
    double sample = (double)f->rate / 125, average = 0;
    if (f->busy > line->busy) {
        average = (double)(f->acked - line->acked) * 8000 / (double)(f->busy - line->busy);
    }
    double kbits = sample > average ? sample : average;
    return kbits < UINT32_MAX / 2 ? (uint32_t)kbits : UINT32_MAX / 2;
}

/* The last few hundred segments. */
static void count_segments(si_line *line, const si_line_facts *f) {
    line->recent += f->segments - line->segments;
    line->recent_resent += f->resent - line->resent;
    line->segments = f->segments;
    line->resent = f->resent;
    while (line->recent > SEGMENTS_MAX) {
        line->recent /= 2;
        line->recent_resent /= 2;
    }
}

/* Before anything is known, excellent has to be proven, and poor to be clear. */
static si_network first_class(range r, range at_best) {
    if (r.best == SI_NETWORK_EXCELLENT) {
        return r.worst == SI_NETWORK_EXCELLENT ? SI_NETWORK_EXCELLENT : SI_NETWORK_UNKNOWN;
    }
    return at_best.best == SI_NETWORK_POOR ? SI_NETWORK_POOR : SI_NETWORK_GOOD;
}

/* ---- public ---- */

bool si_line_set_limit(si_line_limits *limits, si_str name, si_str value) {
    long number;
    if (!si_str_int(value, &number)) {
        return false;
    }
#define X(x, l, field, word, argument, initial, minimum, maximum, ...)                             \
    if (si_str_eq(name, SI_STR(word))) {                                                           \
        bool fits = number >= minimum && number <= maximum;                                        \
        limits->field = fits ? (int)number : limits->field;                                        \
        return fits;                                                                               \
    }
    SI_LINE_LIMITS(X, , )
#undef X
    return false;
}

bool si_line_judge(si_line *line, const si_line_facts *f, const si_line_others *others,
    const si_line_limits *limits) {
    if (f->acked < (uint64_t)limits->bytes) {
        line->rate = rate_of(line, f); /* for other connections */
        return false;
    }
    if (f->acked < line->acked + STEP) {
        return false;
    }
    line->rate = rate_of(line, f);
    line->acked = f->acked;
    line->busy = f->busy;
    count_segments(line, f);

    range r = judge(line, f, others, limits, 1);
    if (line->network == SI_NETWORK_UNKNOWN) {
        line->network = first_class(r, judge(line, f, others, limits, CLEAR));
        return true;
    }
    si_network wanted = nearest(r, line->network);
    if (wanted == line->network) {
        line->agreeing = 0;
        return true;
    }
    bool worse = wanted > line->network;
    range certain = judge(line, f, others, limits, worse ? CLEAR : 1 / CLEAR);
    si_network clear = nearest(certain, line->network);
    bool is_clear = clear != line->network && worse == (clear > line->network);
    int weight = !is_clear ? 1 : worse ? 2 : limits->readings;
    line->agreeing = (worse == line->worse ? line->agreeing : 0) + weight;
    line->worse = worse;
    if (line->agreeing >= limits->readings) {
        line->network = is_clear ? clear : wanted;
        line->agreeing = 0;
    }
    return true;
}
