#include "base/metrics.h"

#include <assert.h>

#define TYPE_COUNTER "counter"
#define TYPE_GAUGE "gauge"
#define TYPE_HISTOGRAM "histogram"

const si_metric_family si_metric_families[SI_METRIC_COUNT] = {
#define X(id, name, type, labels, help) [SI_METRIC_##id] = {name, TYPE_##type, labels, help},
    SI_METRICS(X)
#undef X
};

#define NUMBERS(...) (sizeof((long[]){__VA_ARGS__}) / sizeof(long))

const si_metric_scale si_metric_scales[SI_BOUNDS_COUNT] = {
#define X(id, words, unit, ...)                                                                    \
    [SI_BOUNDS_##id] = {words, unit, NUMBERS(__VA_ARGS__), {__VA_ARGS__}},
    SI_METRIC_BOUNDS(X)
#undef X
};

int si_metric_bucket(si_metric_bounds bounds, long value) {
    const si_metric_scale *s = &si_metric_scales[bounds];
    assert(bounds < SI_BOUNDS_COUNT);
    int i = 0;
    while (i < s->count && value > s->bounds[i]) {
        i++;
    }
    return i;
}
