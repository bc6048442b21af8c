/* How long the front side takes from a URL to a recipe, in microseconds of one core: all of it, and
 * of that looking for files (which asks the kernel) and writing the canonical text. The goals are
 * 10 µs for a preset of five commands and 50 µs for a template of 20 layers, files aside.
 *
 *     bench-recipe [SECONDS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plan/plan.h"

enum { LAYERS = 20, ROUNDS = 7 };

static char folder[] = "/tmp/smartimg-bench-XXXXXX";

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what) {
    fprintf(stderr, "bench-recipe: %s\n", what);
    exit(1);
}

static void write_file(const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        die(path);
    }
}

static void make_dir(const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mkdir(path, 0755) != 0) {
        die(path);
    }
}

/* A card of 20 layers, each with its image, place and looks, and a variable. */
static void write_company(void) {
    static char text[20000];
    size_t n = (size_t)snprintf(text, sizeof text,
        "Bfc = true\n[presets]\n"
        "detail = wid=600&hei=600&fmt=jpeg&qlt=85,1&op_usm=0.9,1,8,0\n"
        "[object card]\nModifier = size=2000,2000&color=250,250,250&$tint=30");
    for (int i = 1; i < LAYERS; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
            "&layer=%d&src=part%d&size=300,300&posN=.%d,-.1&opac=80&op_hue=$tint$&rotate=%d", i,
            i % 4, i % 9, i * 7);
    }
    (void)snprintf(text + n, sizeof text - n, "\n");
    write_file("conf/companies/acme.ini", text);
}

static si_catalog *load(void) {
    char root[300], conf[300];
    si_catalog *catalog = NULL;
    si_diag diag = {0};
    if (mkdtemp(folder) == NULL) {
        die(folder);
    }
    make_dir("root");
    make_dir("root/acme");
    make_dir("conf");
    make_dir("conf/companies");
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/part0.jpg", "0");
    write_file("root/acme/part1.jpg", "1");
    write_file("root/acme/part2.jpg", "2");
    write_file("root/acme/part3.jpg", "3");
    write_company();
    snprintf(root, sizeof root, "%s/root", folder);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    if (si_catalog_load(conf, root, NULL, NULL, &catalog, &diag) != SI_OK) {
        die(diag.text);
    }
    return catalog;
}

static void plan(const si_catalog *catalog, const char *url, si_arena *arena, si_plan *out) {
    size_t len = strcspn(url, "?");
    const char *query = url[len] == '?' ? url + len + 1 : NULL;
    si_request request = {.path = {url, len},
        .query = {query, query != NULL ? strlen(query) : 0},
        .headers.accept = SI_STR("image/avif,image/webp,image/*;q=0.8")};
    si_diag diag = {0};
    if (si_plan_make(catalog, NULL, &request, arena, out, &diag) != SI_OK) {
        die(diag.text);
    }
}

static double time_all(const si_catalog *catalog, const char *url, int count) {
    double start = now_us();
    for (int i = 0; i < count; i++) {
        si_arena arena = {0};
        si_plan p;
        plan(catalog, url, &arena, &p);
        si_arena_free(&arena);
    }
    return (now_us() - start) / count;
}

static double time_print(const si_recipe *r, int count) {
    double start = now_us();
    for (int i = 0; i < count; i++) {
        si_arena arena = {0};
        const char *text;
        if (si_recipe_print(r, &arena, &text, NULL) != SI_OK) {
            die("a recipe cannot be printed");
        }
        si_arena_free(&arena);
    }
    return (now_us() - start) / count;
}

typedef struct lookup {
    const si_catalog *catalog;
    const si_company *company;
    int files;
} lookup;

static bool find(void *context, const si_file_ref *ref) {
    lookup *l = context;
    si_arena arena = {0};
    si_file file;
    /* as it was asked for: without the extension */
    si_str name = {ref->path + 5, strcspn(ref->path + 5, ".")};
    bool found = si_catalog_find(l->catalog, l->company, name, &arena, &file, NULL) == SI_OK;
    si_arena_free(&arena);
    l->files++;
    return found;
}

static double time_files(lookup *l, const si_recipe *r, int count) {
    double start = now_us();
    for (int i = 0; i < count; i++) {
        l->files = 0;
        if (!si_recipe_files(r, find, l)) {
            die("a file is gone");
        }
    }
    return (now_us() - start) / count;
}

static double best(double a, double b) {
    return a == 0 || b < a ? b : a;
}

static void measure(const si_catalog *catalog, const char *name, const char *url, double seconds) {
    si_arena arena = {0};
    si_plan p;
    plan(catalog, url, &arena, &p);
    lookup l = {catalog, si_catalog_find_company(catalog, SI_STR("acme"), &arena), 0};
    double once = time_all(catalog, url, 200), all = 0, print = 0, files = 0;
    int count = (int)(seconds * 1e6 / ROUNDS / 3 / once) + 1;
    for (int i = 0; i < ROUNDS; i++) {
        all = best(all, time_all(catalog, url, count));
        print = best(print, time_print(&p.recipe, count));
        files = best(files, time_files(&l, &p.recipe, count));
    }
    printf("%-34s %8.2f %8.2f %8.2f %8.2f %8.2f %6zu\n", name, all, files, all - files - print,
        print, all - files, strlen(p.recipe_text));
    si_arena_free(&arena);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    si_catalog *catalog = load();
    printf("%-34s %8s %8s %8s %8s %8s %6s\n", "microseconds", "all", "files", "parse", "print",
        "p+p", "bytes");
    measure(catalog, "bare image", "/is/image/acme/shoe", seconds);
    measure(catalog, "preset of 5 commands", "/is/image/acme/shoe?$detail$", seconds);
    measure(catalog, "preset and 5 commands",
        "/is/image/acme/shoe?$detail$&wid=300&hei=200&crop=1,2,3,4&rotate=30&flip=lr", seconds);
    measure(catalog, "template of 20 layers", "/is/image/acme/shoe?template=card&$tint=40&wid=500",
        seconds);
    measure(catalog, "5 nested requests",
        "/is/image/acme/shoe?layer=1&src=is(acme/shoe?layer=1&src=is(acme/part1?wid=9)&layer=2&"
        "src=is(acme/part2?wid=9))&layer=2&src=is(acme/part3?wid=8)&layer=3&src=is(acme/part1)",
        seconds);
    si_catalog_free(catalog);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
