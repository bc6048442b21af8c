/* Plans of URLs, for tests of the parser: a scratch folder with originals and a configuration. */
#ifndef SI_TESTS_PLANS_H
#define SI_TESTS_PLANS_H

#include "config_folder.h"
#include "plan/plan.h"
#include "recipe_text.h"

static const char chrome[] = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8";

/* An empty root with the folders of two companies, and an empty configuration. */
static inline void make_folders(void) {
    make_config_folder();
    make_dir("root/acme");
    make_dir("root/acme/deep");
    make_dir("root/plain");
}

/* Plans a URL without its /is/image/ and gives the canonical text, or the error. */
static inline si_result plan_url(const si_catalog *catalog, const char *url, const char *accept,
    si_arena *arena, si_plan *plan, si_diag *diag) {
    const char *path = si_arena_printf(arena, "/is/image/%s", url);
    size_t len = strcspn(path, "?");
    si_request request = {.path = {path, len},
        .query = {path[len] == '?' ? path + len + 1 : NULL,
            path[len] == '?' ? strlen(path + len + 1) : 0},
        .address = SI_STR("127.0.0.1"),
        .headers.accept = si_str_of(accept)};
    return si_plan_make(catalog, NULL, &request, arena, plan, diag);
}

/* What a URL means: a path into its recipe (recipe_text.h), and the value there. */
typedef struct meaning {
    const char *url, *key, *value;
} meaning;

/* A URL that is refused, and how. */
typedef struct refusal {
    const char *url;
    si_result result;
    const char *says; /* part of the message, or NULL */
} refusal;

/* Keys may leave out what most begin with. */
static inline const char *full_key(const char *key, char out[200]) {
    static const char *const starts[][2] = {{"L0.", "pic.layer#0."}, {"L1.", "pic.layer#1."},
        {"L2.", "pic.layer#2."}, {"V.", "pic.view."}, {"C.", "pic.comp."}};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t len = strlen(starts[i][0]);
        if (strncmp(key, starts[i][0], len) == 0) {
            snprintf(out, 200, "%s%s", starts[i][1], key + len);
            return out;
        }
    }
    snprintf(out, 200, "%s", key);
    return out;
}

static inline void check_meanings(const si_catalog *catalog, const meaning *rows, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        char have[4096], key[200];
        if (plan_url(catalog, rows[i].url, chrome, &arena, &plan, &diag) != SI_OK) {
            print_error("%s: %s\n", rows[i].url, diag.text);
            failed++;
        } else if (strcmp(recipe_field(plan.recipe_text, full_key(rows[i].key, key), have),
                       rows[i].value) != 0) {
            print_error(
                "%s: %s is \"%s\", not \"%s\"\n", rows[i].url, rows[i].key, have, rows[i].value);
            failed++;
        }
        si_arena_free(&arena);
    }
    assert_int_equal(failed, 0);
}

static inline void check_refusals(const si_catalog *catalog, const refusal *rows, size_t count) {
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        si_result result = plan_url(catalog, rows[i].url, chrome, &arena, &plan, &diag);
        bool leaks = strstr(diag.text, folder) != NULL;
        bool says = rows[i].says == NULL || strstr(diag.text, rows[i].says) != NULL;
        if (result != rows[i].result || diag.code != result || diag.text[0] == '\0' || leaks ||
            !says) {
            print_error(
                "%s: result %d, not %d: %s\n", rows[i].url, result, rows[i].result, diag.text);
            failed++;
        }
        si_arena_free(&arena);
    }
    assert_int_equal(failed, 0);
}

/* Whether two URLs, the second of a client with this Accept, have the same recipe. */
static inline bool same_recipe(
    const si_catalog *catalog, const char *a, const char *b, const char *accept_b) {
    si_arena arena = {0};
    si_plan plans[2];
    si_diag diag = {0};
    if (plan_url(catalog, a, chrome, &arena, &plans[0], &diag) != SI_OK ||
        plan_url(catalog, b, accept_b, &arena, &plans[1], &diag) != SI_OK) {
        fail_msg("%s or %s: %s", a, b, diag.text);
    }
    bool same = strcmp(plans[0].recipe_text, plans[1].recipe_text) == 0;
    si_arena_free(&arena);
    return same;
}

/* Two URLs whose replies are the same bytes have the same recipe. */
static inline void assert_same(const si_catalog *catalog, const char *a, const char *b) {
    if (!same_recipe(catalog, a, b, chrome)) {
        fail_msg("%s is not %s", a, b);
    }
}

static inline void assert_different(const si_catalog *catalog, const char *a, const char *b) {
    if (same_recipe(catalog, a, b, chrome)) {
        fail_msg("%s is %s", a, b);
    }
}

#endif
