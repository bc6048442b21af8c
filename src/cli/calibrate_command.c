/* smartimg calibrate: fits the predictor to the codec builds of this machine. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "catalog/extensions.h"
#include "cli/cli.h"
#include "quality/calibrate.h"
#include "render/render.h"

enum { HEIGHT = 500 /* pixels */ };

static const char *output, *root;
static si_option_list only;

/* A calibration in the making. */
struct calibration {
    bool wanted[SI_SETTING_COUNT];
    si_calibrate_trials trials[SI_SETTING_COUNT];
    int pictures;
    bool failed; /* something that spoils the rest, too */
};

/* ---- pictures ---- */

static si_result measure(struct calibration *c, const char *path, si_diag *diag) {
    si_recipe r;
    si_layer layer;
    si_image image = {0};
    si_render_limits limits = {0};
    si_layer_init(&layer, 0);
    layer.source.kind = SI_SOURCE_FILE;
    layer.source.file.path = path;
    si_recipe_init(&r);
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    r.picture.view.hei = HEIGHT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return si_fail(diag, SI_ERR_IO, "%s", strerror(errno));
    }
    si_files files = si_files_of_fd(&fd);
    si_result result = si_render(&r, &files, &limits, &image, diag);
    if (result == SI_OK) {
        result = si_calibrate_picture(&image, c->pictures++, c->wanted, c->trials, diag);
    }
    si_image_free(&image);
    close(fd);
    return result;
}

/* A picture that cannot be read costs itself only. */
static void add_picture(struct calibration *c, const char *path) {
    si_diag diag = {0};
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "%s\n", path);
    }
    if (measure(c, path, &diag) != SI_OK) {
        si_complain("%s: %s", path, diag.text);
        c->failed = c->failed || diag.code == SI_ERR_MEMORY;
    }
}

static bool is_picture(const FTSENT *entry) {
    si_str name = {entry->fts_name, entry->fts_namelen};
    return entry->fts_info == FTS_F && name.p[0] != '.' && si_extension_strip(name).len < name.len;
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Adds every picture below a folder, apart from hidden ones. */
static bool add_folder(struct calibration *c, const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s", folder);
    FTS *tree = fts_open((char *[]){path, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    bool ok = tree != NULL;
    for (FTSENT *e; ok && !c->failed && (e = fts_read(tree)) != NULL;) {
        if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
            errno = e->fts_errno;
            ok = e->fts_level > 0;
            si_complain("%s: %s", e->fts_path, strerror(e->fts_errno));
        } else if (e->fts_info == FTS_D && e->fts_level > 0 && e->fts_name[0] == '.') {
            fts_set(tree, e, FTS_SKIP);
        } else if (is_picture(e)) {
            add_picture(c, e->fts_path);
        }
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    return ok;
}

/* ---- results ---- */

/* AVIF_QUICK as avif_quick, as the file has it; `out` has room for 32 characters. */
static const char *name_of(si_encoder_setting k, char *out) {
    const char *name = si_encoder_setting_get(k)->name;
    size_t n = 0;
    for (; name[n] != '\0' && n < 31; n++) {
        out[n] = (char)tolower((unsigned char)name[n]);
    }
    out[n] = '\0';
    return out;
}

static const char *percent(double share, char *out) {
    snprintf(out, 16, isnan(share) ? "-" : "%.0f %%", 100 * share);
    return out;
}

/* Prints the table and fills in what is worth keeping. Returns how many settings were measured. */
static int sum_up(const struct calibration *c, si_calibration *out) {
    int measured = 0;
    printf("%-16s  %6s  %6s  %6s  %6s  %8s  %8s\n", "setting", "trials", "bias", "spread", "cost",
        "within 1", "then");
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        char name[32], before[16], after[16];
        si_calibrate_fit fit;
        if (c->trials[k].count == 0) {
            continue;
        }
        si_calibrate_fit_trials(&c->trials[k], &fit);
        si_calibrate_keep(&fit, (si_encoder_setting)k, out);
        printf("%-16s  %6d  %+6.2f  %6.2f  %6.2f  %8s  %8s%s\n",
            name_of((si_encoder_setting)k, name), c->trials[k].count, fit.bias, fit.spread,
            fit.cost, percent(fit.before, before), percent(fit.after, after),
            fit.helps ? "" : "  bias left out");
        measured++;
    }
    return measured;
}

static bool write_file(const char *path, const si_calibration *values) {
    FILE *to = fopen(path, "we");
    if (to != NULL) {
        si_calibration_write(to, values);
    }
    bool ok = to != NULL && !ferror(to);
    ok = (to == NULL || fclose(to) == 0) && ok;
    if (!ok) {
        si_complain("cannot write %s: %s", path, strerror(errno));
    }
    return ok;
}

/* ---- the command ---- */

static bool choose_settings(struct calibration *c) {
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        c->wanted[k] = only.count == 0;
    }
    for (int i = 0; i < only.count; i++) {
        bool known = false;
        for (int k = 0; k < SI_SETTING_COUNT; k++) {
            char name[32];
            bool same = strcmp(name_of((si_encoder_setting)k, name), only.items[i]) == 0;
            c->wanted[k] = c->wanted[k] || same;
            known = known || same;
        }
        if (!known) {
            si_complain("calibrate: there is no setting %s", only.items[i]);
            return false;
        }
    }
    return true;
}

static int finish(const struct calibration *c) {
    si_calibration values = {0};
    if (c->failed) {
        return SI_EXIT_FAILED;
    }
    if (sum_up(c, &values) == 0) {
        si_complain("nothing could be measured on these pictures");
        return SI_EXIT_FAILED;
    }
    return output == NULL || write_file(output, &values) ? SI_EXIT_OK : SI_EXIT_FAILED;
}

static int run(char **operands, int count) {
    struct calibration c = {0};
    si_diag diag = {0};
    if ((count == 0) == (root == NULL)) {
        si_complain("calibrate: name either pictures or a folder of them with --root");
        return SI_EXIT_USAGE;
    }
    if (!choose_settings(&c)) {
        return SI_EXIT_USAGE;
    }
    if (si_render_start(&diag) != SI_OK) {
        return si_complain_diag(&diag);
    }
    si_calibration_use(&(si_calibration){0});
    for (int i = 0; i < count && !c.failed; i++) {
        add_picture(&c, operands[i]);
    }
    c.failed = c.failed || (root != NULL && !add_folder(&c, root));
    int status = finish(&c);
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        si_calibrate_free(&c.trials[k]);
    }
    return status;
}

static const si_option options[] = {
    {"output", 'o', "FILE", SI_OPTION_TEXT, &output,
        "Writes what was measured to FILE. Default: it is only shown.", 0, 0},
    {"root", 0, "DIR", SI_OPTION_TEXT, &root,
        "Measures every image file below DIR, apart from hidden ones.", 0, 0},
    {"setting", 0, "NAME", SI_OPTION_LIST, &only,
        "Measures this setting, such as webp_quick, and no others but those that are named "
        "likewise. Default: all.",
        0, 0},
    {0},
};

const si_command si_command_calibrate = {
    .name = "calibrate",
    .summary = "fits the predictor to this machine's codecs",
    .synopsis = "[-o FILE] [--setting NAME]... (PICTURE... | --root DIR)",
    .description =
        "Which encoder quality will look as good as a given JPEG, and how long encoding takes, is "
        "predicted by tables that were made with certain builds of the codecs. Others may differ. "
        "This measures by how much, on pictures like those that will be served, 500 pixels high, "
        "against JPEGs of quality 70 and 85; about ten seconds each, and twenty pictures say much "
        "more than three.\n"
        "\n"
        "For each encoder setting it shows the number of trials; the mean of what the prediction "
        "lacks (bias, in steps of the encoder's quality), and how far trials scatter about that "
        "(spread, in points of score); the CPU time as a multiple of the foreseen; and the share "
        "of trials within one point of score of the prediction, as it is and then with the bias, "
        "which for each picture is that of all the others. A bias that may be "
        "an accident of these pictures, or makes that share or the mean square error worse, is "
        "left out of the file.\n"
        "\n"
        "All commands go by the file that the environment variable " SI_ENV_CALIBRATION
        " names when "
        "they start. One that was measured with other versions of the libraries, or is damaged, "
        "is ignored, with a message.",
    .exit_status = " 0  measured\n 1  nothing could be measured, or FILE not written\n"
                   " 2  wrong usage",
    .examples = " smartimg calibrate -o calibration.ini --root pictures\n"
                " " SI_ENV_CALIBRATION "=$PWD/calibration.ini smartimg serve",
    .options = options,
    .operands_min = 0,
    .operands_max = 10000,
    .run = run,
};
