/* smartimg edge-config: what a CDN or proxy in front needs. */
#include "cli/edge/edge_config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/edge/dialects.h"

#define X(edge, name, text, dialect, use) extern const char si_edge_template_##text[];
SI_EDGE_FILES(X)
#undef X
extern const char si_edge_template_classify_js[];

const si_edge_file si_edge_files[] = {
#define X(edge, name, text, dialect, use)                                                          \
    {edge, name, si_edge_template_##text, use, SI_EDGE_##dialect},
    SI_EDGE_FILES(X)
#undef X
        {NULL, NULL, NULL, NULL, SI_EDGE_VCL},
};

/* ---- writing ---- */

enum { VALUES_MAX = SI_EDGE_VALUES_MAX + 16 };

/* Adds what the user says; false if out of memory. */
static bool add_options(si_arena *arena, const si_edge_options *o, si_template_value *values) {
    const char *colon = strrchr(o->origin, ':');
    assert(colon != NULL);
    si_str host = {o->origin, (size_t)(colon - o->origin)};
    if (host.p[0] == '[' && host.p[host.len - 1] == ']') {
        host = (si_str){host.p + 1, host.len - 2};
    }
    const si_template_value own[] = {
        {"HOST", si_arena_printf(arena, "%.*s", SI_STR_ARG(host))},
        {"PORT", si_arena_printf(arena, "%s", colon + 1)},
        {"ORIGIN", si_nginx_word(arena, o->origin)},
        {"LISTEN", si_nginx_word(arena, o->listen)},
        {"CACHE", si_nginx_word(arena, o->cache)},
        {"PURGED", si_arena_printf(arena, "%s.purged", o->cache)},
        {"EDGEWORKER_ID", "0"},
    };
    int n = 0;
    while (values[n].name != NULL) {
        n++;
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i].value == NULL) {
            return false;
        }
        assert(n < VALUES_MAX - 2);
        values[n++] = own[i];
    }
    values[n] = (si_template_value){NULL, NULL};
    return true;
}

/* The JavaScript that all edges with JavaScript share, filled in. */
static si_result add_classifier(si_arena *arena, si_template_value *values, si_diag *diag) {
    si_bytes text = {0};
    SI_TRY(si_template_fill(si_str_of(si_edge_template_classify_js), values, &text, diag));
    int n = 0;
    while (values[n].name != NULL) {
        n++;
    }
    assert(n < VALUES_MAX - 1);
    const char *copy = si_arena_printf(arena, "%.*s", (int)text.len, (const char *)text.data);
    si_bytes_free(&text);
    values[n] = (si_template_value){"CLASSIFY", copy};
    values[n + 1] = (si_template_value){NULL, NULL};
    return copy != NULL ? SI_OK : si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
}

si_result si_edge_write(
    const si_edge_file *file, const si_edge_options *options, si_bytes *out, si_diag *diag) {
    si_edge_rules rules;
    si_arena arena = {0};
    si_template_value values[VALUES_MAX];
    si_result result = SI_OK;
    si_edge_rules_make(options->ratios, options->ratio_count, options->network, &rules);
    if (!si_edge_values(&arena, file->dialect, &rules, values) ||
        !add_options(&arena, options, values)) {
        result = si_fail(diag, SI_ERR_MEMORY, "no memory for a configuration");
    } else if (file->dialect == SI_EDGE_JAVASCRIPT) {
        result = add_classifier(&arena, values, diag);
    }
    if (result == SI_OK) {
        result = si_template_fill(si_str_of(file->text), values, out, diag);
    }
    si_arena_free(&arena);
    return result;
}

/* ---- the command ---- */

static si_edge_options options = {
    .origin = "127.0.0.1:8080",
    .listen = "80",
    .cache = "/var/cache/nginx/smartimg",
    .ratios = {1, 1.5, 2, 3},
    .ratio_count = 4,
};
static const char *into;

static const char *parse_ratios(const char *value, void *to) {
    si_edge_options *o = to;
    si_str rest = si_str_of(value), item;
    o->ratio_count = 0;
    while (si_str_next(&rest, ',', &item)) {
        double ratio;
        if (o->ratio_count == SI_EDGE_RATIOS_MAX || !si_str_real(si_str_trim(item), &ratio) ||
            ratio > 16 ||
            (o->ratio_count == 0 ? ratio != 1 : ratio <= o->ratios[o->ratio_count - 1])) {
            return "is no list of ratios such as 1,1.5,2,3: it begins with 1 and ascends to 16";
        }
        o->ratios[o->ratio_count++] = ratio;
    }
    return NULL;
}

/* A host, be it an IPv6 address in brackets, and a port, and nothing that a configuration would
 * read otherwise. */
static const char *parse_origin(const char *value, void *to) {
    long port;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || !si_str_int(si_str_of(colon + 1), &port) || port < 1 ||
        port > 65535 ||
        value[strspn(value,
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]")] != '\0') {
        return "is no HOST:PORT";
    }
    *(const char **)to = value;
    return NULL;
}

static si_result save(const si_edge_file *file, const si_bytes *text, si_diag *diag) {
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/%s", into, file->name);
    FILE *f = len < (int)sizeof path ? fopen(path, "wb") : NULL;
    bool ok = f != NULL && fwrite(text->data, 1, text->len, f) == text->len;
    if (f != NULL) {
        ok &= fclose(f) == 0;
    }
    if (!ok) {
        return si_fail(diag, SI_ERR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    printf("%s: %s\n", path, file->use);
    return SI_OK;
}

static int count_files(const char *edge) {
    int n = 0;
    for (const si_edge_file *f = si_edge_files; f->edge != NULL; f++) {
        n += strcmp(f->edge, edge) == 0;
    }
    return n;
}

static int complain_edge(const char *edge) {
    const char *last = "";
    si_complain("edge-config: %s is not known; known are", edge);
    for (const si_edge_file *f = si_edge_files; f->edge != NULL; f++) {
        if (strcmp(f->edge, last) != 0) {
            fprintf(stderr, "  %s\n", f->edge);
        }
        last = f->edge;
    }
    return SI_EXIT_USAGE;
}

static int run(char **operands, int count) {
    si_diag diag = {0};
    int files = count_files(operands[0]), written = 0;
    if (files == 0) {
        return complain_edge(operands[0]);
    }
    if (into != NULL && mkdir(into, 0777) != 0 && errno != EEXIST) {
        si_complain("cannot make folder %s: %s", into, strerror(errno));
        return SI_EXIT_FAILED;
    }
    for (const si_edge_file *f = si_edge_files; f->edge != NULL; f++) {
        if (strcmp(f->edge, operands[0]) != 0 || (count > 1 && strcmp(f->name, operands[1]) != 0)) {
            continue;
        }
        si_bytes text = {0};
        si_result result = si_edge_write(f, &options, &text, &diag);
        if (result == SI_OK && into != NULL) {
            result = save(f, &text, &diag);
        } else if (result == SI_OK) {
            if (files > 1 && count == 1) {
                printf("%s==> %s: %s <==\n", written > 0 ? "\n" : "", f->name, f->use);
            }
            fwrite(text.data, 1, text.len, stdout);
        }
        si_bytes_free(&text);
        if (result != SI_OK) {
            return si_complain_diag(&diag);
        }
        written++;
    }
    if (written == 0) {
        si_complain("edge-config: %s has no file %s", operands[0], operands[1]);
        return SI_EXIT_USAGE;
    }
    return SI_EXIT_OK;
}

static si_option_parsed ratios_option = {parse_ratios, &options};
static si_option_parsed origin_option = {parse_origin, &options.origin};

static const si_option option_table[] = {
    {"origin", 0, "HOST:PORT", SI_OPTION_PARSED, &origin_option,
        "Where the edge reaches smartimg. Clouds are told that elsewhere. Default: 127.0.0.1:8080.",
        0, 0},
    {"ratios", 0, "LIST", SI_OPTION_PARSED, &ratios_option,
        "The pixel ratios that are told; what a client has is rounded up to one of them, and more "
        "than the last is the last. 1 alone: none is told, which is best where no company uses "
        "Dpr. Default: 1,1.5,2,3.",
        0, 0},
    {"network", 0, NULL, SI_OPTION_FLAG, &options.network,
        "Tells poor and good lines, too, by Save-Data and the other client hints, where the server "
        "uses them.",
        0, 0},
    {"listen", 0, "ADDR:PORT", SI_OPTION_TEXT, &options.listen, "Where nginx listens. Default: 80.",
        0, 0},
    {"cache", 0, "DIR", SI_OPTION_TEXT, &options.cache,
        "Where nginx keeps its cache; what is purged stands beside it, in files whose names begin "
        "with DIR.purged. Default: /var/cache/nginx/smartimg.",
        0, 0},
    {"into", 0, "DIR", SI_OPTION_TEXT, &into,
        "Writes the files into this folder and says what each is for, instead of printing them.", 0,
        0},
    {0},
};

const si_command si_command_edge_config = {
    .name = "edge-config",
    .summary = "prints what a CDN or proxy in front needs",
    .synopsis = "(varnish | nginx | fastly | cloudfront | cloudflare | akamai) [FILE] [OPTION]...",
    .description =
        "Prints the configuration with which an edge tells smartimg the class of each client, in "
        "X-Smartimg-Class, and keeps one reply for each class, for as long as smartimg says. All "
        "edges follow the same rules, which are smartimg's own. Edges that need several files get "
        "them one after the other, each below its name; FILE prints that one alone.\n"
        "\n"
        "The server has to believe the edge: smartimg serve --trusted-edges. docs/cdn.md tells for "
        "each edge what it does by default, how to set it up, and how to purge it; smartimg "
        "verify-cdn looks at the result.",
    .examples = " smartimg edge-config varnish --origin 10.0.0.5:8080 > smartimg.vcl\n"
                " smartimg edge-config cloudfront --ratios 1,2 --into cloudfront\n"
                " smartimg edge-config cloudflare worker.js",
    .exit_status = " 0  printed\n 1  a file could not be written\n 2  wrong usage",
    .options = option_table,
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
