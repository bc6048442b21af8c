/* How dense a client's screen is: from what requests tell to a pixel ratio, and to one that is no
 * larger than what will be shown. Who is asked in which order is in client.h; docs/density.md has
 * it for people. */
#ifndef SI_CLIENT_DENSITY_H
#define SI_CLIENT_DENSITY_H

#include "base/str.h"

/* Ratios that replies are made for unless a request names one, in order. Screens and zoom have
 * hundreds of ratios; each would be a derivative of every picture. */
#define SI_DENSITY_STEPS(X) X(1) X(1.25) X(1.5) X(2) X(2.5) X(3) X(4)

/* Steps in use, in order, at least one; borrowed. */
typedef struct si_density_steps {
    const double *at;
    int count;
} si_density_steps;

extern const si_density_steps si_density_all_steps; /* SI_DENSITY_STEPS */

/* The nearest step; halfway between two the larger, since a screen hides a few pixels too many
 * better than a few too few. `ratio` is above 0. */
double si_density_snap(double ratio, si_density_steps steps);

/* The number of a header that is one, such as Sec-CH-DPR, DPR, Sec-CH-Width, or a header in which
 * an edge tells a ratio; 0 if it is none, or not above 0, or above a million, which tells nothing.
 * Of more than 64 bytes none is. */
double si_density_number(si_str value);

/* What names a header in which an edge tells the ratio: its name, or the word `akamai`, in any
 * case, for SI_DENSITY_AKAMAI_HEADER. */
#define SI_DENSITY_AKAMAI "akamai"
#define SI_DENSITY_AKAMAI_HEADER "X-Akamai-Device-Characteristics"
/* The header's name. */
si_str si_density_header(si_str setting);

/* The ratio that the value of this header tells, not snapped; 0 = nothing. A named header is a
 * plain number. Akamai's has the form of a cookie, `is_mobile=true;resolution_width=1170;…`, of
 * those characteristics that the property forwards ("Device Characterization" of Akamai's
 * documentation). There is no ratio among them, so it is that of the screen's pixels to those that
 * a page is laid out in, resolution_width ÷ max_image_width, of devices for which is_mobile,
 * is_tablet or is_wireless_device is true: of others the two mean nothing. A property that adds
 * device_pixel_ratio=N by itself is believed. Names in any case; linear in the length of the
 * value. */
double si_density_edge(si_str setting, si_str value);

/* The smallest step that gives `shown` pixels of the screen a pixel each, for a view of `width`
 * pixels at ratio 1; never above `ratio`, which is one of `steps`. `width` and `shown` are above 0.
 */
double si_density_enough(double ratio, si_density_steps steps, double width, double shown);

#endif
