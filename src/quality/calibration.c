#include "quality/calibration.h"

#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "base/wire.h"

static struct {
    bool known;
    si_calibration values;
} current;

/* ---- reading ---- */

struct reading {
    si_calibration *out;
    si_diag *diag;
    si_result result;            /* of the first mistake */
    bool named[SI_FORMAT_COUNT]; /* formats whose library is named */
};

static void refuse(struct reading *r, si_result code, int line, const char *what) {
    if (r->result == SI_OK) {
        r->result = si_fail(r->diag, code, "line %d: %s", line, what);
    }
}

static bool find_setting(si_str name, si_encoder_setting *out) {
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        if (si_str_eq_nocase(
                name, si_str_of(si_encoder_setting_get((si_encoder_setting)k)->name))) {
            *out = (si_encoder_setting)k;
            return true;
        }
    }
    return false;
}

static void read_library(struct reading *r, si_str name, si_str value, int line) {
    si_format format;
    if (!si_format_by_name(name.p, name.len, &format)) {
        refuse(r, SI_ERR_CONFIG, line, "unknown format");
    } else if (!si_str_eq(value, si_str_of(si_codec_get(format)->library))) {
        refuse(r, SI_ERR_UNSUPPORTED, line,
            "measured with another version of this library; run smartimg calibrate again");
    } else {
        r->named[format] = true;
    }
}

static void read_setting(void *context, si_str section, si_str name, si_str value, int line) {
    struct reading *r = context;
    si_encoder_setting k;
    double v;
    if (si_str_eq(section, SI_STR("libraries"))) {
        read_library(r, name, value, line);
    } else if (!find_setting(section, &k)) {
        refuse(r, SI_ERR_CONFIG, line, "unknown section");
    } else if (!r->named[si_encoder_setting_get(k)->format]) {
        refuse(r, SI_ERR_CONFIG, line, "its library is not named above");
    } else if (!si_str_real(value, &v)) {
        refuse(r, SI_ERR_CONFIG, line, "not a number");
    } else if (si_str_eq(name, SI_STR("bias"))) {
        r->out->bias[k] = v;
        if (!(fabs(v) <= SI_CALIBRATION_BIAS_MAX)) {
            refuse(r, SI_ERR_RANGE, line, "a bias is between -20 and 20 levels");
        }
    } else if (si_str_eq(name, SI_STR("cost"))) {
        r->out->cost[k] = v;
        if (!(v >= SI_CALIBRATION_COST_MIN && v <= SI_CALIBRATION_COST_MAX)) {
            refuse(r, SI_ERR_RANGE, line, "a cost is between 0.05 and 20 times the table's");
        }
    } else {
        refuse(r, SI_ERR_CONFIG, line, "neither bias nor cost");
    }
}

static void read_mistake(void *context, int line, const char *text) {
    (void)text;
    refuse(context, SI_ERR_CONFIG, line, "neither a section nor a setting");
}

si_result si_calibration_read(const char *path, si_calibration *out, si_diag *diag) {
    *out = (si_calibration){0};
    struct reading r = {.out = out, .diag = diag};
    si_result result = si_ini_read(AT_FDCWD, path, read_setting, read_mistake, &r, diag);
    result = result != SI_OK ? result : r.result;
    if (result != SI_OK) {
        *out = (si_calibration){0};
    }
    return result;
}

/* ---- writing ---- */

static void write_name(FILE *to, const char *name) {
    for (; *name != '\0'; name++) {
        fputc(tolower((unsigned char)*name), to);
    }
}

void si_calibration_write(FILE *to, const si_calibration *c) {
    bool named[SI_FORMAT_COUNT] = {false};
    fprintf(to, "# Measured by smartimg calibrate; counts where " SI_ENV_CALIBRATION " names it.\n"
                "[libraries]\n");
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        si_format format = si_encoder_setting_get((si_encoder_setting)k)->format;
        if (c->cost[k] > 0 && !named[format]) {
            fprintf(to, "%s = %s\n", si_format_name(format), si_codec_get(format)->library);
            named[format] = true;
        }
    }
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        if (c->cost[k] > 0) {
            char bias[32], cost[32];
            fputc('[', to);
            write_name(to, si_encoder_setting_get((si_encoder_setting)k)->name);
            fprintf(to, "]\nbias = %s\ncost = %s\n", si_real_print(c->bias[k], bias),
                si_real_print(c->cost[k], cost));
        }
    }
}

/* ---- what counts ---- */

const si_calibration *si_calibration_current(void) {
    if (!current.known) {
        const char *path = getenv(SI_ENV_CALIBRATION);
        si_diag diag = {0};
        current.known = true;
        if (path != NULL && path[0] != '\0' &&
            si_calibration_read(path, &current.values, &diag) != SI_OK) {
            fprintf(stderr, "smartimg: " SI_ENV_CALIBRATION " is ignored: %s\n", diag.text);
        }
    }
    return &current.values;
}

void si_calibration_use(const si_calibration *c) {
    current.known = true;
    current.values = *c;
}
