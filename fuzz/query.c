/* Fuzz target: queries, company files, data files and image sets from anyone.
 *
 * The first byte of an input says what the rest is:
 *   q  path and query behind /is/image/, planned with a fixed configuration. A plan's recipe must
 *      read back as itself.
 *   i  a company's ini file   d  a data file of records   m  a macro file   s  an ImageSet
 *
 * As a libFuzzer target: fuzz/run. As a program of its own (fuzz/replay.c) it runs the inputs that
 * it is given, which is what the tests do with the corpus. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/imageset.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[200];
static si_catalog *catalog;

static void write_file(const char *name, const void *data, size_t len) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        abort();
    }
}

static void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

static void make_dir(const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0755) != 0) {
        abort();
    }
}

static si_result load(const char *conf, si_catalog **out) {
    char root[300], config[300];
    si_diag diag = {0};
    snprintf(root, sizeof root, "%s/root", folder);
    snprintf(config, sizeof config, "%s/%s", folder, conf);
    return si_catalog_load(config, root, NULL, NULL, out, &diag);
}

static void clean_up(void) {
    char command[300];
    si_catalog_free(catalog);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", folder);
    }
}

static void start(void) {
    snprintf(folder, sizeof folder, "%s/smartimg-fuzz-XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) {
        abort();
    }
    make_dir("root");
    make_dir("root/c");
    make_dir("conf");
    make_dir("conf/companies");
    make_dir("try");
    make_dir("try/companies");
    write_text("root/c/a.jpg", "a");
    write_text("root/c/b.png", "b");
    write_text("root/c/f.ttf", "f");
    write_text("conf/companies/c.ini",
        "AllowDirectUrls = 1\nForeignHosts = h\nDefaultFont = F\nErrorImage = e\nWatermark = w\n"
        "RuleSetFile = r.xml\nLocaleMap = fr,_F,|,,\nDefaultImage = a\n"
        "[presets]\np = wid=5&$q=7\nl = layer=1&src=b\n[fonts]\nF = f.ttf\n[crops]\nC = 4x3\n"
        "[object t]\nModifier = size=9,9&color=1,1,1&layer=1&src=$object$&rotate=$v$&$v=3\n"
        "PostModifier = op_blur=3\n[object w]\nPath = b.png\nModifier = sizeN=.1,.1&opac=50\n"
        "[object e]\nPath = b.png\n[object m]\nPath = a.jpg\nMaskPath = b.png\nAnchor = 1,2\n"
        "Modifier = op_hue=3&$v=4\nMap = <AREA>\nImageSet = a,b;b\nUserData = k=v\n");
    write_text("conf/companies/r.xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ruleset><rule OnMatch=\"continue\">"
        "<expression>(x+)y</expression><substitution>$1wid=3</substitution></rule></ruleset>\n");
    if (load("conf", &catalog) != SI_OK) {
        abort();
    }
    atexit(clean_up);
}

static void check_recipe(const si_plan *plan, si_arena *arena) {
    si_recipe again;
    const char *text;
    si_diag diag = {0};
    if (si_recipe_scan(si_str_of(plan->recipe_text), arena, &again, &diag) != SI_OK ||
        si_recipe_print(&again, arena, &text, &diag) != SI_OK ||
        strcmp(text, plan->recipe_text) != 0) {
        fprintf(stderr, "%s\nbecomes\n%s\n%s\n", plan->recipe_text, text, diag.text);
        abort();
    }
}

static void try_query(si_str text) {
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    si_steps steps = {.arena = &arena}; /* of every other text */
    const char *type;
    const char *path = si_arena_printf(&arena, "/is/image/%.*s", SI_STR_ARG(text));
    if (path == NULL) {
        return;
    }
    size_t len = strcspn(path, "?");
    const char *query = path[len] == '?' ? path + len + 1 : NULL;
    si_request request = {.path = {path, len},
        .query = {query, query != NULL ? strlen(query) : 0},
        .address = SI_STR("127.0.0.1"),
        .headers.accept = SI_STR("image/avif,image/webp"),
        .steps = text.len % 2 == 1 ? &steps : NULL};
    if (si_plan_make(catalog, NULL, &request, &arena, &plan, &diag) != SI_OK) {
        if (diag.code == SI_OK || diag.text[0] == '\0') {
            abort(); /* an error without a word */
        }
        (void)si_plan_error(&plan, &diag, &arena, &type);
    } else if (plan.kind == SI_PLAN_RECIPE) {
        check_recipe(&plan, &arena);
    }
    si_arena_free(&arena);
}

static void try_files(const char *company, const char *name, si_str text) {
    si_catalog *c = NULL;
    write_text("try/companies/c.ini", company);
    write_file(name, text.p, text.len);
    if (load("try", &c) == SI_OK) {
        si_catalog_free(c);
    }
}

static void try_image_set(si_str text) {
    si_arena arena = {0};
    si_diag diag = {0};
    const si_image_set *set;
    (void)!si_image_set_parse(
        text, SI_ASSET_UNKNOWN, 0, (si_set_locale){NULL, {NULL, 0}}, &arena, &set, &diag);
    si_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (catalog == NULL) {
        start();
    }
    if (size == 0) {
        return 0;
    }
    si_str rest = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 'q':
        try_query(rest);
        break;
    case 'i':
        try_files("", "try/companies/c.ini", rest);
        break;
    case 'd':
        try_files("CatalogFile = d.txt\n", "try/companies/d.txt", rest);
        break;
    case 'm':
        try_files("MacroFile = m.txt\n", "try/companies/m.txt", rest);
        break;
    case 's':
        try_image_set(rest);
        break;
    default:
        break;
    }
    return 0;
}
