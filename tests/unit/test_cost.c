/* What requests are foreseen to cost: a row for each kind, from the cheapest to what nobody should
 * stand behind. */
#include "shared_catalog.h"

#include "plan/cost.h"

/* A file of so many bytes, with nothing in them. */
static void write_hole(const char *name, long bytes) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), bytes), 0);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_hole("root/acme/shoe.jpg", 10000000);
    write_hole("root/acme/label.png", 100000);
    write_hole("root/acme/moves.gif", 5000000);
    write_file("conf/companies/acme.ini",
        "Bfc = true\nDpr = true\nMaxPix = 5000,5000\nAllowDirectUrls = "
        "true\nForeignHosts = example.org\n");
    return share_catalog();
}

static double cost(const char *url) {
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    if (plan_url(catalog, url, chrome, &arena, &plan, &diag) != SI_OK) {
        fail_msg("%s: %s", url, diag.text);
    }
    double foreseen = si_cost_foresee(&plan.recipe);
    assert_true(foreseen > 0);
    assert_true(si_cost_is_dear(&plan.recipe) == (foreseen >= SI_COST_DEAR));
    si_arena_free(&arena);
    return foreseen;
}

static void test_cheap_and_dear(void **state) {
    (void)state;
    static const struct {
        const char *url;
        bool dear;
    } rows[] = {
        {"acme/shoe?wid=500", false},
        {"acme/shoe", false},                   /* DefaultPix */
        {"acme/shoe?wid=1600&hei=1200", false}, /* a large photo */
        {"acme/shoe?req=imageprops", false},
        {"acme/shoe?req=userdata", false},
        {"acme/shoe?wid=500&layer=1&src=label&layer=2&src=label", false},
        {"acme/shoe?wid=500&op_blur=8", false},
        {"acme/shoe?scl=1&rect=4096,4096,256,256", false}, /* a tile */
        {"acme/moves?wid=200", false},                     /* its first frame, as JPEG */
        {"acme/shoe?wid=4096&hei=4096", true},
        {"acme/shoe?wid=3000", true}, /* of unknown height */
        {"acme/shoe?wid=1600&hei=1600&dpr=on,2", true},
        {"acme/moves?wid=200&fmt=gif", true},
        {"acme/shoe?wid=2000&hei=1000&layer=1&src=label&layer=2&src=label&layer=3&src=label", true},
        {"acme/shoe?wid=2000&hei=1000&op_blur=100", true},
        {"acme/shoe?wid=50&layer=1&src=(http://example.org/a.jpg)", true},
        {"acme/shoe?wid=500&layer=1&src=is(acme/shoe?wid=4000&hei=4000&op_invert=1)", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double foreseen = cost(rows[i].url);
        if ((foreseen >= SI_COST_DEAR) != rows[i].dear) {
            fail_msg("%s costs %g", rows[i].url, foreseen);
        }
    }
}

/* More of anything never costs less. */
static void test_what_is_more_costs_more(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"acme/shoe?wid=500", "acme/shoe?wid=600"},
        {"acme/shoe?wid=500&bfc=off", "acme/shoe?wid=500"},
        {"acme/shoe?wid=500", "acme/shoe?wid=500&layer=1&src=label"},
        {"acme/shoe?wid=500", "acme/shoe?wid=500&op_blur=3"},
        {"acme/shoe?wid=500&op_blur=3", "acme/shoe?wid=500&op_blur=30"},
        {"acme/shoe?wid=500&layer=1&src=label", "acme/shoe?wid=500&layer=1&src=label&rotate=30"},
        {"acme/shoe?wid=500&layer=1&src=label",
            "acme/shoe?wid=500&layer=1&src=is(acme/shoe?wid=500)"},
        {"acme/label?wid=500&fmt=png", "acme/label?wid=700&fmt=png"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        double less = cost(pairs[i][0]), more = cost(pairs[i][1]);
        if (less >= more) {
            fail_msg("%s costs %g, %s costs %g", pairs[i][0], less, pairs[i][1], more);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheap_and_dear),
        cmocka_unit_test(test_what_is_more_costs_more),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
