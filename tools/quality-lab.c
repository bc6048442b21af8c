/* Encodes pictures over and over and prints what came of it; the hands of tools/train and
 * bench/quality, which do the arithmetic.
 *
 *   quality-lab curves [-h HEIGHT]… [-a] -c CONFIG… PICTURE…
 *   quality-lab data [-h HEIGHT]… [-s SETTING] PICTURE…
 *   quality-lab answers [-h HEIGHT] [-q QLT] [-t TIER]… [-p] [-a] [-f] [-v] [-b MS]
 *       -l LADDER… PICTURE…
 *   quality-lab optimum [-h HEIGHT] [-q QLT] [-t TIER] -l LADDER… PICTURE…
 *   quality-lab pixels HEIGHT PICTURE OUT.png
 *   quality-lab versions
 *
 * `data` prints what tools/train fits the predictor to: the features of each rendered picture, and
 * for each setting of quality/encoder_settings.h (whose name begins with SETTING) how bytes and
 * score follow its quality. `curves` is for trying things out. `answers` lets the engine choose for
 * each LADDER (formats with commas; "none" for a client that knows only JPEG) and prints picture,
 * width, height, ladder, requested bytes, target, format sent, bytes, score of the decoded body,
 * encodings beyond the requested one and trials, CPU ms of the choice, CPU ms of rendering, header
 * value, encodings with trials, tier; -p asks for a PNG, -f for the refinement (tier best), -t for
 * a tier of base/tier.h (fast by default; each of several in turn), -n for a class of
 * base/network.h, -b for another budget; -v adds lines with K for all candidates: picture, format,
 * settings, bytes, score, ms to encode. `optimum` compares first answers with all of their
 * setting's grid: O, picture, ladder, requested bytes, bytes, least bytes, and by how much the
 * first try's score missed the threshold. `pixels` writes a rendered picture. `curves` renders each
 * picture to each HEIGHT (pixels; 0 = as it is), as a request with hei=HEIGHT would, and encodes
 * that with each CONFIG at each of its qualities. One line per encoding, columns separated by tabs:
 * C, picture, width, height, config, quality, bytes, score, CPU milliseconds to encode, to decode.
 * -a keeps transparency.
 *
 * CONFIG is FORMAT@FIRST:LAST:COUNT (qualities) followed by words: effort=N full (chroma) depth=N
 * tune=N progressive lossless, webp.sns= webp.filter= webp.sharpness= webp.type= webp.segments=
 * webp.passes= webp.near=, avif.sharpness= avif.deltaq= avif.cdef= avif.ssim=. */
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codec/codec.h"
#include "quality/choose.h"
#include "quality/features.h"
#include "quality/jpeg_fit.h"
#include "quality/trial_tiles.h"
#include "quality/search.h"
#include "quality/encoder_settings.h"
#include "quality/ssimulacra2.h"
#include "render/render.h"

enum { CONFIGS_MAX = 40, HEIGHTS_MAX = 8, POINTS = 9, TIERS_MAX = 5 };

static bool verbose;  /* list candidates, too */
static int budget_ms; /* of answers; 0 = the usual one */

static const double PROBE_SHARE = 0.2; /* as first_answer.c has it */

typedef struct config {
    const char *text;
    si_format format;
    float first, last;
    int count;
    si_encode_params params;
} config;

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what, const si_diag *diag) {
    fprintf(stderr, "quality-lab: %s: %s\n", what, diag != NULL ? diag->text : "what is this?");
    exit(1);
}

static void read_word(si_encode_params *p, const char *word, const char *text) {
    struct {
        const char *name;
        int *field;
        bool *set;
    } numbers[] = {
        {"effort", &p->effort, NULL},
        {"depth", &p->bit_depth, NULL},
        {"tune", &p->tune, NULL},
        {"webp.sns", &p->webp.sns_strength, &p->webp.set},
        {"webp.filter", &p->webp.filter_strength, &p->webp.set},
        {"webp.sharpness", &p->webp.filter_sharpness, &p->webp.set},
        {"webp.type", &p->webp.filter_type, &p->webp.set},
        {"webp.segments", &p->webp.segments, &p->webp.set},
        {"webp.passes", &p->webp.passes, &p->webp.set},
        {"webp.near", &p->webp.near_lossless, &p->webp.set},
        {"avif.sharpness", &p->avif.sharpness, &p->avif.set},
        {"avif.deltaq", &p->avif.deltaq_mode, &p->avif.set},
        {"avif.cdef", &p->avif.enable_cdef, &p->avif.set},
        {"avif.ssim", &p->avif.tune_ssim, &p->avif.set},
    };
    struct {
        const char *name;
        bool *field;
    } flags[] = {
        {"full", &p->chroma_full},
        {"progressive", &p->progressive},
        {"lossless", &p->lossless},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(word, flags[i].name) == 0) {
            *flags[i].field = true;
            return;
        }
    }
    const char *equals = strchr(word, '=');
    for (size_t i = 0; equals != NULL && i < sizeof numbers / sizeof *numbers; i++) {
        size_t n = strlen(numbers[i].name);
        if (n == (size_t)(equals - word) && memcmp(word, numbers[i].name, n) == 0) {
            *numbers[i].field = (int)strtol(equals + 1, NULL, 10);
            if (numbers[i].set != NULL) {
                *numbers[i].set = true;
            }
            return;
        }
    }
    die(text, NULL);
}

static config read_config(const char *text) {
    config c = {.text = text, .count = 1};
    char copy[256], name[16];
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = NULL, *word = strtok_r(copy, " ", &rest);
    if (word == NULL ||
        sscanf(word, "%15[a-z0-9]@%f:%f:%d", name, &c.first, &c.last, &c.count) < 1 ||
        !si_format_by_name(name, strlen(name), &c.format)) {
        die(text, NULL);
    }
    c.params = (si_encode_params){.effort = 6,
        .bit_depth = 10,
        .optimize = true,
        .webp = {false, -1, -1, -1, -1, -1, -1, -1},
        .avif = {false, -1, -1, -1, 0}};
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        read_word(&c.params, word, text);
    }
    return c;
}

static si_image render(const char *path, int height, bool alpha) {
    si_recipe r;
    si_layer layer;
    si_image image = {0};
    si_diag diag = {0};
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) != 0) {
        die(path, NULL);
    }
    si_layer_init(&layer, 0);
    layer.source.kind = SI_SOURCE_FILE;
    layer.source.file.path = path;
    si_recipe_init(&r);
    r.picture.layers = &layer;
    r.picture.layer_count = 1;
    r.picture.view.hei = height;
    r.alpha = alpha;
    si_render_limits limits = {0};
    si_files files = si_files_of_fd(&fd);
    if (si_render(&r, &files, &limits, &image, &diag) != SI_OK) {
        die(path, &diag);
    }
    close(fd);
    return image;
}

/* Tells what one encoding came to; false if the codec refused. */
static bool print_one(const char *path, const si_image *image, const si_score_ref *ref,
    const config *c, float quality) {
    si_encode_params p = c->params;
    p.quality = quality;
    si_bytes file = {0};
    si_image decoded = {0};
    si_diag diag = {0};
    double score = 0, start = cpu_ms();
    bool fitted = c->format == SI_FORMAT_JPEG && p.tune != 0;
    if ((fitted ? si_jpeg_fit_encode(image, &p, &file, &diag)
                : si_codec_encode(c->format, image, &p, &file, &diag)) != SI_OK) {
        fprintf(stderr, "quality-lab: %s: %s\n", path, diag.text);
        return false;
    }
    double encoded = cpu_ms();
    bool whole = si_codec_decode(c->format, file.data, file.len, &decoded, &diag) == SI_OK;
    double done = cpu_ms();
    if (whole && si_score_against(ref, &decoded, &score, &diag) == SI_OK) {
        printf("C\t%s\t%d\t%d\t%s\t%.5g\t%zu\t%.4f\t%.3f\t%.3f\n", path, image->width,
            image->height, c->text, (double)quality, file.len, score, encoded - start,
            done - encoded);
    }
    si_image_free(&decoded);
    si_bytes_free(&file);
    return whole;
}

/* ---- data for the predictor ---- */

static void print_features(const char *path, const si_image *image, const si_score_ref *ref) {
    static const int qualities[] = {30, 50, 65, 75, 80, 85, 90, 95};
    si_diag diag = {0};
    for (size_t i = 0; i < 2 * sizeof qualities / sizeof *qualities; i++) {
        si_encode_params p = si_codec_defaults(SI_FORMAT_JPEG, image);
        p.quality = (float)qualities[i / 2];
        p.chroma_full = i % 2 == 1;
        si_bytes file = {0};
        si_image decoded = {0};
        double score = 0;
        si_features f;
        if (si_codec_encode(SI_FORMAT_JPEG, image, &p, &file, &diag) != SI_OK ||
            si_codec_decode(SI_FORMAT_JPEG, file.data, file.len, &decoded, &diag) != SI_OK ||
            si_score_against(ref, &decoded, &score, &diag) != SI_OK) {
            die(path, &diag);
        }
        si_features_measure(image, file.len, (double)p.quality, p.chroma_full, &f);
        printf("F\t%s\t%d\t%d\t%zu\t%.4f", path, image->width, image->height, file.len, score);
        for (int k = 0; k < SI_FEATURE_COUNT; k++) {
            printf("\t%.6g", f.v[k]);
        }
        printf("\n");
        si_image_free(&decoded);
        si_bytes_free(&file);
    }
}

static bool is_wanted(const si_encoder_setting_info *info, const char *only) {
    return only == NULL || strncmp(info->name, only, strlen(only)) == 0;
}

/* The same on the part of the picture that trials are made on: scores of JPEGs, and curves. */
static void print_probes(const char *path, const si_image *image, const char *only) {
    static const int qualities[] = {30, 50, 65, 75, 80, 85, 90, 95};
    si_trial_tiles probe = {0};
    for (size_t j = 0; j < sizeof qualities / sizeof *qualities; j++) {
        si_encode_params jpeg = si_codec_defaults(SI_FORMAT_JPEG, image);
        jpeg.quality = (float)qualities[j];
        jpeg.chroma_full = false;
        si_trial_tiles_end(&probe);
        if (!si_trial_tiles_start(&probe, image, PROBE_SHARE, &jpeg)) {
            return;
        }
        printf("J\t%s\t%d\t%d\t%d\t%.4f\n", path, image->width, image->height, qualities[j],
            probe.target);
    }
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (!is_wanted(info, only)) {
            continue;
        }
        si_encode_params p = si_encoder_setting_params((si_encoder_setting)k, image);
        for (int i = 0; i < POINTS; i++) {
            p.quality = info->first + (info->last - info->first) * (float)i / (POINTS - 1);
            printf("P\t%s\t%d\t%d\t%s\t%.5g\t%.4f\n", path, image->width, image->height, info->name,
                (double)p.quality, si_trial_tiles_margin(&probe, info->format, &p) + probe.target);
        }
    }
    si_trial_tiles_end(&probe);
    fflush(stdout);
}

static void print_data(const char *path, const si_image *image, const char *only) {
    si_score_ref *ref = NULL;
    si_diag diag = {0};
    if (si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &ref, &diag) != SI_OK) {
        die(path, &diag);
    }
    print_features(path, image, ref);
    print_probes(path, image, only);
    for (int k = 0; k < SI_SETTING_COUNT; k++) {
        const si_encoder_setting_info *info = si_encoder_setting_get((si_encoder_setting)k);
        if (!is_wanted(info, only)) {
            continue;
        }
        config c = {.text = info->name,
            .format = info->format,
            .params = si_encoder_setting_params((si_encoder_setting)k, image)};
        for (int i = 0; i < POINTS; i++) {
            float q = info->first + (info->last - info->first) * (float)i / (POINTS - 1);
            print_one(path, image, ref, &c, q);
        }
        fflush(stdout);
    }
    si_score_ref_free(ref);
}

/* ---- curves ---- */

static void print_curves(
    const char *path, const si_image *image, const config *configs, int count) {
    si_score_ref *ref = NULL;
    si_diag diag = {0};
    if (si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &ref, &diag) != SI_OK) {
        die(path, &diag);
    }
    for (int i = 0; i < count; i++) {
        const config *c = &configs[i];
        for (int k = 0; k < c->count; k++) {
            float part = c->count > 1 ? (float)k / (float)(c->count - 1) : 0;
            if (!print_one(path, image, ref, c, c->first + (c->last - c->first) * part)) {
                break;
            }
        }
    }
    si_score_ref_free(ref);
    fflush(stdout);
}

/* ---- answers ---- */

/* Decodes and scores the body anew, with nothing of what the search knew. */
static double score_of(const si_image *image, si_format format, const si_bytes *body) {
    si_score_ref *ref = NULL;
    si_image decoded = {0};
    si_diag diag = {0};
    double score = 0;
    if (si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &ref, &diag) != SI_OK ||
        si_codec_decode(format, body->data, body->len, &decoded, &diag) != SI_OK ||
        si_score_against(ref, &decoded, &score, &diag) != SI_OK) {
        die("body", &diag);
    }
    si_image_free(&decoded);
    si_score_ref_free(ref);
    return score;
}

static void read_ladder(const char *text, si_recipe *r) {
    char copy[80], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *w = strtok_r(copy, ",", &rest); w != NULL; w = strtok_r(NULL, ",", &rest)) {
        if (strcmp(w, "none") != 0 &&
            (r->ladder_len == SI_LADDER_MAX ||
                !si_format_by_name(w, strlen(w), &r->ladder[r->ladder_len++]))) {
            die(text, NULL);
        }
    }
}

static void print_answer(const char *path, const si_image *image, const char *ladder,
    const si_recipe *like, si_tier tier, double render_ms) {
    si_recipe r = *like;
    si_choice choice = {0};
    si_diag diag = {0};
    si_choose_options how = {.tier = tier, .budget_ms = budget_ms};
    r.smart = true;
    read_ladder(ladder, &r);
    double start = cpu_ms();
    if (si_choose(&r, image, &how, &choice, &diag) != SI_OK) {
        die(path, &diag);
    }
    double spent = cpu_ms() - start;
    int encodes = 0;
    for (int i = 0; i < choice.candidate_count; i++) {
        encodes += !choice.candidates[i].requested && !choice.candidates[i].trial;
    }
    printf("A\t%s\t%d\t%d\t%s\t%zu\t%.4f\t%s\t%zu\t%.4f\t%d\t%.2f\t%.2f\t%ld\t%d\t%s\n", path,
        image->width, image->height, ladder, choice.candidates[choice.requested].bytes,
        choice.target, si_format_name(choice.format), choice.body.len,
        score_of(image, choice.format, &choice.body), encodes, spent, render_ms, choice.saved,
        choice.candidate_count - 1, si_tier_name(tier));
    for (int i = 0; verbose && i < choice.candidate_count; i++) {
        const si_candidate *c = &choice.candidates[i];
        printf("K\t%s\t%s\t%s\t%zu\t%.4f\t%.1f\n", path, si_format_name(c->format), c->settings,
            c->bytes, c->score, c->encode_ms);
    }
    fflush(stdout);
    si_choice_free(&choice);
}

/* The smallest file of the first answer's own setting that reaches the threshold, by trying its
 * whole grid downwards from what was sent, until scores are hopeless. */
static void print_optimum(const char *path, const si_image *image, const char *ladder,
    const si_recipe *like, si_tier tier) {
    const double hopeless = 1.5;
    si_recipe r = *like;
    si_choice choice = {0};
    si_diag diag = {0};
    r.smart = true;
    read_ladder(ladder, &r);
    si_choose_options how = {.tier = tier};
    if (si_choose(&r, image, &how, &choice, &diag) != SI_OK) {
        die(path, &diag);
    }
    double threshold = choice.target - SI_SCORE_SLACK;
    size_t best = choice.body.len;
    si_choice tried = {.candidate_count = 0};
    si_search s = {.image = image, .choice = &tried};
    if (si_score_ref_new(image, SI_SCORE_ON_BLACK_AND_WHITE, &s.reference, &diag) != SI_OK) {
        die(path, &diag);
    }
    si_encode_params p = choice.candidates[choice.winner].params;
    double score = choice.score;
    while (choice.winner != choice.requested && !p.lossless && score > threshold - hopeless) {
        float next = p.quality - si_search_step(choice.format);
        if (next < si_codec_get(choice.format)->quality_min) {
            break;
        }
        p.quality = next;
        tried.candidate_count = 1; /* 0 would be the requested encoding */
        const si_candidate *c = si_search_try(&s, choice.format, &p, &diag);
        if (c == NULL || isnan(c->score)) {
            break;
        }
        score = c->score;
        best = score >= threshold && c->bytes < best ? c->bytes : best;
    }
    int first = 1;
    while (first < choice.candidate_count && choice.candidates[first].trial) {
        first++;
    }
    printf("O\t%s\t%s\t%zu\t%zu\t%zu\t%.4f\n", path, ladder, choice.candidates[0].bytes,
        choice.body.len, best,
        first < choice.candidate_count ? choice.candidates[first].score - threshold : NAN);
    fflush(stdout);
    si_bytes_free(&s.file);
    si_score_ref_free(s.reference);
    si_choice_free(&choice);
}

static int answers(int argc, char **argv, bool optimum) {
    const char *ladders[CONFIGS_MAX];
    int height = 500, ladder_count = 0, option;
    si_tier tiers[TIERS_MAX] = {SI_TIER_FAST};
    int tier_count = 0;
    si_recipe like;
    si_recipe_init(&like);
    like.quality = 85;
    static const struct option words[] = {{"tier", required_argument, NULL, 't'}, {0}};
    while ((option = getopt_long(argc, argv, "h:q:n:l:b:t:pafv", words, NULL)) != -1) {
        if (option == 'h') {
            height = (int)strtol(optarg, NULL, 10);
        } else if (option == 'q') {
            like.quality = (int)strtol(optarg, NULL, 10);
        } else if (option == 'n') {
            like.network = si_network_by_name(si_str_of(optarg));
        } else if (option == 'l' && ladder_count < CONFIGS_MAX) {
            ladders[ladder_count++] = optarg;
        } else if (option == 'p') {
            like.format = SI_FORMAT_PNG;
        } else if (option == 'a') {
            like.alpha = true;
        } else if (option == 'f') {
            tiers[0] = SI_TIER_BEST;
        } else if (option == 't' && tier_count < TIERS_MAX) {
            tiers[tier_count] = si_tier_by_name(optarg, strlen(optarg));
            if (tiers[tier_count++] == SI_TIER_DEFAULT) {
                die(optarg, NULL);
            }
        } else if (option == 'b') {
            budget_ms = (int)strtol(optarg, NULL, 10);
        } else if (option == 'v') {
            verbose = true;
        } else {
            die(argv[optind - 1], NULL);
        }
    }
    for (int i = optind; i < argc; i++) {
        double start = cpu_ms();
        si_image image = render(argv[i], height, like.alpha);
        double render_ms = cpu_ms() - start;
        for (int k = 0; k < ladder_count; k++) {
            for (int t = 0; t == 0 || t < tier_count; t++) {
                if (optimum) {
                    print_optimum(argv[i], &image, ladders[k], &like, tiers[t]);
                } else {
                    print_answer(argv[i], &image, ladders[k], &like, tiers[t], render_ms);
                }
            }
        }
        si_image_free(&image);
    }
    return 0;
}

/* Writes the rendered pixels as PNG, for other encoders. */
static int pixels(int argc, char **argv) {
    si_bytes file = {0};
    si_diag diag = {0};
    if (argc != 4) {
        die("pixels", NULL);
    }
    si_image image = render(argv[2], (int)strtol(argv[1], NULL, 10), false);
    si_encode_params p = si_codec_defaults(SI_FORMAT_PNG, &image);
    FILE *out = fopen(argv[3], "wb");
    if (out == NULL || si_codec_encode(SI_FORMAT_PNG, &image, &p, &file, &diag) != SI_OK ||
        fwrite(file.data, 1, file.len, out) != file.len || fclose(out) != 0) {
        die(argv[3], &diag);
    }
    si_bytes_free(&file);
    si_image_free(&image);
    return 0;
}

static int versions(void) {
    for (int f = 0; f < SI_FORMAT_COUNT; f++) {
        printf("%s\t%s\n", si_format_name((si_format)f), si_codec_get((si_format)f)->library);
    }
    return 0;
}

/* ---- curves and data ---- */

static int work(int argc, char **argv, bool data) {
    config configs[CONFIGS_MAX];
    int heights[HEIGHTS_MAX], config_count = 0, height_count = 0, option;
    bool alpha = false;
    const char *only = NULL;
    while ((option = getopt(argc, argv, "h:c:as:")) != -1) {
        if (option == 'h' && height_count < HEIGHTS_MAX) {
            heights[height_count++] = (int)strtol(optarg, NULL, 10);
        } else if (option == 'c' && config_count < CONFIGS_MAX) {
            configs[config_count++] = read_config(optarg);
        } else if (option == 'a') {
            alpha = true;
        } else if (option == 's') {
            only = optarg;
        } else {
            die(argv[optind - 1], NULL);
        }
    }
    if (height_count == 0) {
        heights[height_count++] = 0;
    }
    for (int i = optind; i < argc; i++) {
        for (int h = 0; h < height_count; h++) {
            si_image image = render(argv[i], heights[h], alpha);
            if (data) {
                print_data(argv[i], &image, only);
            } else {
                print_curves(argv[i], &image, configs, config_count);
            }
            si_image_free(&image);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    si_diag diag = {0};
    if (si_render_start(&diag) != SI_OK) {
        die("start", &diag);
    }
    if (argc > 1 && (strcmp(argv[1], "curves") == 0 || strcmp(argv[1], "data") == 0)) {
        return work(argc - 1, argv + 1, argv[1][0] == 'd');
    }
    if (argc > 1 && (strcmp(argv[1], "answers") == 0 || strcmp(argv[1], "optimum") == 0)) {
        return answers(argc - 1, argv + 1, argv[1][0] == 'o');
    }
    if (argc > 1 && strcmp(argv[1], "pixels") == 0) {
        return pixels(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "versions") == 0) {
        return versions();
    }
    fprintf(stderr, "usage: quality-lab curves|data [-h HEIGHT]… [-a] [-c CONFIG]… PICTURE…\n");
    return 2;
}
