/* A page of metrics in Prometheus' text format (version 0.0.4), as numbers. */
#ifndef SI_CLI_TOP_SAMPLES_H
#define SI_CLI_TOP_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/str.h"

typedef enum si_sample_kind {
    SI_SAMPLE_OTHER,
    SI_SAMPLE_COUNTER,
    SI_SAMPLE_GAUGE,
    SI_SAMPLE_HISTOGRAM
} si_sample_kind;

typedef struct si_sample {
    si_str name;
    si_str family; /* what # TYPE calls it: of a bucket, without _bucket; else the name */
    si_str labels; /* between the braces, as it stands; may be empty */
    double value;
    si_sample_kind kind;
} si_sample;

/* Zero-initialize; release with si_samples_free(). Texts are in `page`. */
typedef struct si_samples {
    si_bytes page;
    si_sample *items;
    int count, room;
    int64_t at_ns; /* when the page came, CLOCK_MONOTONIC */
} si_samples;

/* Reads a page, which it takes over, leaving an empty one; `s` is empty before. Lines that are none
 * are left out. False if memory runs out, or if there is no sample at all. */
bool si_samples_read(si_samples *s, si_bytes *page);
void si_samples_free(si_samples *s);

/* The value of a label, as it stands between the quotes; {NULL, 0} if there is none. */
si_str si_sample_label(const si_sample *sample, si_str name);

/* The sum of all samples of a name that have the label `label` (with a value, such as
 * class="4xx"; NULL = all); NAN if there are none. */
double si_samples_sum(const si_samples *s, const char *name, const char *label);

/* The same series in an earlier page; NULL if it has none. */
const si_sample *si_samples_same(const si_samples *s, const si_sample *sample);

#endif
