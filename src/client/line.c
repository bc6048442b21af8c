#include "client/line.h"

#include <math.h>

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

/* The kernel keeps the last sample of a full line while there is less to send. */
static bool at_limit(const si_line *line, const si_line_facts *f) {
    if (f->app_limited || f->rate == 0 || f->rate == line->sample) {
        return false;
    }
    uint32_t certain = f->rtt > f->rtt_var ? f->rtt - f->rtt_var : 0;
    bool queued =
        f->min_rtt > 0 && certain >= f->min_rtt + QUEUED_US && certain >= QUEUED * f->min_rtt;
    bool paced = f->pacing_rate < PACED * (double)f->rate;
    return queued || paced || f->threshold <= f->window;
}

static si_network by_rate(double kbits, const si_network_limits *classes) {
    return si_network_of_line(classes, kbits / 1000, NAN);
}

static si_network by_rtt(double us, const si_network_limits *classes) {
    return si_network_of_line(classes, NAN, us / 1000);
}

static si_network by_loss(double percent, const si_line_limits *l) {
    return percent >= l->poor_loss   ? SI_NETWORK_POOR
           : percent >= l->good_loss ? SI_NETWORK_GOOD
                                     : SI_NETWORK_EXCELLENT;
}

/* What a reading is held against. */
typedef struct measure {
    const si_line_others *others;
    const si_network_limits *classes;
    const si_line_limits *limits;
} measure;

/* `bonus` makes everything look so many times better. */
static range judge(const si_line *line, const si_line_facts *f, const measure *m, double bonus) {
    double least = (double)line->rate + m->others->rate;
    double most = least + (double)m->others->silent * line->rate;
    bool full = at_limit(line, f);
    range r = {full ? by_rate(most * bonus, m->classes) : SI_NETWORK_EXCELLENT,
        by_rate(least * bonus, m->classes)};

    double shortest = f->rtt > f->rtt_var ? f->rtt - f->rtt_var : 0;
    shortest = shortest < f->min_rtt || full ? f->min_rtt : shortest;
    double longest = (double)f->rtt + f->rtt_var;
    r.best = worse_of(r.best, by_rtt(shortest / bonus, m->classes));
    r.worst = worse_of(r.worst, by_rtt(longest / bonus, m->classes));

    if (line->recent >= SEGMENTS) {
        double loss = 100.0 * line->recent_resent / line->recent;
        r.best = worse_of(r.best, by_loss(loss / bonus, m->limits));
    }
    r.worst = worse_of(r.worst, r.best);
    return r;
}

/* The class of the range that is nearest. */
static si_network nearest(range r, si_network n) {
    return n < r.best ? r.best : n > r.worst ? r.worst : n;
}

/* kbit/s. Samples and averages are at most what the line can carry; that it carries much less than
 * a moment ago has to be seen more than once. */
static uint32_t rate_of(const si_line *line, const si_line_facts *f) {
    double sample = (double)f->rate / 125, average = 0;
    if (f->busy > line->busy) {
        average = (double)(f->acked - line->acked) * 8000 / (double)(f->busy - line->busy);
    }
    double kbits = sample > average ? sample : average,
           before = line->acked > 0 ? line->rate / 2 : 0;
    kbits = kbits > before ? kbits : before;
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

/* Before anything is known, excellent has to be proven, and good and poor to be clear or said
 * often.
 */
static void judge_first(si_line *line, const si_line_facts *f, const measure *m) {
    range r = judge(line, f, m, 1), clear = judge(line, f, m, CLEAR);
    if (r.best == SI_NETWORK_EXCELLENT) {
        line->agreeing = 0;
        line->network = r.worst == SI_NETWORK_EXCELLENT ? r.worst : SI_NETWORK_UNKNOWN;
    } else if (clear.best > SI_NETWORK_EXCELLENT) {
        line->network = clear.best;
    } else if (++line->agreeing >= m->limits->readings) {
        line->network = SI_NETWORK_GOOD;
    }
    line->agreeing = line->network != SI_NETWORK_UNKNOWN ? 0 : line->agreeing;
}

/* Whether, by this reading, the line has left its class. */
static void judge_again(si_line *line, const si_line_facts *f, const measure *m) {
    range r = judge(line, f, m, 1);
    si_network wanted = nearest(r, line->network);
    if (wanted == line->network) {
        line->agreeing = 0;
        return;
    }
    bool worse = wanted > line->network;
    range certain = judge(line, f, m, worse ? CLEAR : 1 / CLEAR);
    si_network clear = nearest(certain, line->network);
    bool is_clear = clear != line->network && worse == (clear > line->network);
    int weight = !is_clear ? 1 : worse ? 2 : m->limits->readings;
    line->agreeing = (worse == line->worse ? line->agreeing : 0) + weight;
    line->worse = worse;
    if (line->agreeing >= m->limits->readings) {
        line->network = is_clear ? clear : wanted;
        line->agreeing = 0;
    }
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
    const si_network_limits *classes, const si_line_limits *limits) {
    measure m = {others, classes, limits};
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

    if (line->network == SI_NETWORK_UNKNOWN) {
        judge_first(line, f, &m);
    } else {
        judge_again(line, f, &m);
    }
    line->sample = f->rate;
    return true;
}
