#include "client/density.h"

#include <stdbool.h>

enum { NUMBER_LIMIT = 64 }; /* bytes; longer ones are no numbers that anybody sends */

static const double NUMBER_MAX = 1e6;

/* Screens have at most 5 pixels a CSS pixel; what a database says beyond that is a mistake. */
static const double EDGE_MAX = 5;

static const double all[] = {
#define X(ratio) ratio,
    SI_DENSITY_STEPS(X)
#undef X
};

const si_density_steps si_density_all_steps = {all, sizeof all / sizeof *all};

double si_density_snap(double ratio, si_density_steps steps) {
    int i = 0;
    while (i + 1 < steps.count && ratio >= (steps.at[i] + steps.at[i + 1]) / 2) {
        i++;
    }
    return steps.at[i];
}

double si_density_number(si_str value) {
    double number;
    value = si_str_trim(value);
    bool is_one = value.len <= NUMBER_LIMIT && si_str_real(value, &number);
    return is_one && number > 0 && number <= NUMBER_MAX ? number : 0;
}

si_str si_density_header(si_str setting) {
    bool akamai = si_str_eq_nocase(setting, SI_STR(SI_DENSITY_AKAMAI));
    return akamai ? SI_STR(SI_DENSITY_AKAMAI_HEADER) : setting;
}

static bool is_akamai(si_str setting) {
    return si_str_eq_nocase(si_density_header(setting), SI_STR(SI_DENSITY_AKAMAI_HEADER));
}

/* Of the value of SI_DENSITY_AKAMAI_HEADER. */
static double read_characteristics(si_str value) {
    double told = 0, screen = 0, layout = 0;
    bool handheld = false;
    si_str part, name;
    while (si_str_next(&value, ';', &part)) {
        si_str is = part;
        si_str_next(&is, '=', &name);
        name = si_str_trim(name);
        is = si_str_trim(is);
        if (si_str_eq_nocase(name, SI_STR("device_pixel_ratio"))) {
            told = si_density_number(is);
        } else if (si_str_eq_nocase(name, SI_STR("resolution_width"))) {
            screen = si_density_number(is);
        } else if (si_str_eq_nocase(name, SI_STR("max_image_width"))) {
            layout = si_density_number(is);
        } else if (si_str_eq_nocase(name, SI_STR("is_mobile")) ||
                   si_str_eq_nocase(name, SI_STR("is_tablet")) ||
                   si_str_eq_nocase(name, SI_STR("is_wireless_device"))) {
            handheld |= si_str_eq_nocase(is, SI_STR("true"));
        }
    }
    if (told == 0 && handheld && layout > 0) {
        told = screen / layout;
    }
    return told;
}

double si_density_edge(si_str setting, si_str value) {
    double ratio = is_akamai(setting) ? read_characteristics(value) : si_density_number(value);
    return ratio <= EDGE_MAX ? ratio : 0;
}

double si_density_enough(double ratio, si_density_steps steps, double width, double shown) {
    for (int i = 0; i < steps.count && steps.at[i] < ratio; i++) {
        if (width * steps.at[i] >= shown) {
            return steps.at[i];
        }
    }
    return ratio;
}
