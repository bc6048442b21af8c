/* Network classes: what headers tell, whose word counts, and which requests adapt. */
#include <math.h>

#include "plans.h"

#include "base/wire.h"

/* ---- headers ---- */

static si_network of_line(double downlink, double rtt) {
    return si_network_of_line(&si_client_usual_settings.limits, downlink, rtt);
}

static void limits_part_the_classes(void **state) {
    (void)state;
    static const struct {
        double downlink, rtt;
        si_network network;
    } rows[] = {
        {10, 20, SI_NETWORK_EXCELLENT},
        {4, 270, SI_NETWORK_EXCELLENT},
        {3.99, 270, SI_NETWORK_GOOD},
        {4, 270.5, SI_NETWORK_GOOD},
        {0.7, 600, SI_NETWORK_GOOD},
        {0.69, 600, SI_NETWORK_POOR},
        {0.7, 601, SI_NETWORK_POOR},
        {10, 601, SI_NETWORK_POOR},
        {0, 0, SI_NETWORK_POOR},
        {NAN, 20, SI_NETWORK_EXCELLENT},
        {NAN, 300, SI_NETWORK_GOOD},
        {1.6, NAN, SI_NETWORK_GOOD},
        {0.4, NAN, SI_NETWORK_POOR},
        {NAN, NAN, SI_NETWORK_UNKNOWN},
        {20, 20, SI_NETWORK_EXCELLENT}, /* the lines of docs/network.md */
        {1.6, 150, SI_NETWORK_GOOD},
        {0.4, 400, SI_NETWORK_POOR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(of_line(rows[i].downlink, rows[i].rtt), rows[i].network);
    }
}

static void limits_are_read(void **state) {
    (void)state;
    static const char *const bad[] = {"", "4", ",", "4,", ",270", "4,270,1", "4;270", "a,b", "-1,2",
        "4,-2", "nan,1", "1e3,1", "4 270", "1000001,1", "1,3600001"};
    si_network_limit limit = {1, 2};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(si_network_read_limit(si_str_of(bad[i]), &limit));
        assert_true(limit.downlink == 1 && limit.rtt == 2);
    }
    assert_true(si_network_read_limit(SI_STR(" 2.5 , 90 "), &limit));
    assert_true(limit.downlink == 2.5 && limit.rtt == 90);
    /* the defaults as options tell them */
    const si_network_limit *usual = si_client_usual_settings.limits.of;
    assert_true(
        si_network_read_limit(si_str_of(SI_NETWORK_LIMIT_TEXT(SI_NETWORK_LIMIT_GOOD)), &limit));
    assert_memory_equal(&limit, &usual[SI_NETWORK_GOOD], sizeof limit);
    assert_true(
        si_network_read_limit(si_str_of(SI_NETWORK_LIMIT_TEXT(SI_NETWORK_LIMIT_POOR)), &limit));
    assert_memory_equal(&limit, &usual[SI_NETWORK_POOR], sizeof limit);
}

static void hints_tell_the_worst(void **state) {
    (void)state;
    static const struct {
        const char *downlink, *rtt, *ect;
        si_network network;
    } rows[] = {
        {NULL, NULL, NULL, SI_NETWORK_UNKNOWN},
        {"10", NULL, NULL, SI_NETWORK_EXCELLENT},
        {"1.6", NULL, NULL, SI_NETWORK_GOOD},
        {".4", NULL, NULL, SI_NETWORK_POOR},
        {NULL, "50", NULL, SI_NETWORK_EXCELLENT},
        {NULL, "300", NULL, SI_NETWORK_GOOD},
        {NULL, "650", NULL, SI_NETWORK_POOR},
        {NULL, NULL, "4g", SI_NETWORK_EXCELLENT},
        {NULL, NULL, "3g", SI_NETWORK_GOOD},
        {NULL, NULL, " 2G ", SI_NETWORK_POOR},
        {NULL, NULL, "slow-2g", SI_NETWORK_POOR},
        {"10", "50", "3g", SI_NETWORK_GOOD},
        {"10", "650", "4g", SI_NETWORK_POOR},
        {"0.4", "50", "4g", SI_NETWORK_POOR},
        /* what a browser guesses that has seen little traffic */
        {"1.4", "100", "4g", SI_NETWORK_EXCELLENT},
        {"1.4", "300", "4g", SI_NETWORK_GOOD},
        {"1.4", "100", "3g", SI_NETWORK_GOOD},
        {"1.4", "100", "5g", SI_NETWORK_GOOD},
        /* what is no such value tells nothing */
        {"fast", NULL, NULL, SI_NETWORK_UNKNOWN},
        {"-1", "-1", "5g", SI_NETWORK_UNKNOWN},
        {"", "", "", SI_NETWORK_UNKNOWN},
        {"1,6", "50ms", "3g;q=1", SI_NETWORK_UNKNOWN},
        {"1e1", "nan", "good", SI_NETWORK_UNKNOWN},
        {"00000000000000000000000000000000001", NULL, NULL, SI_NETWORK_UNKNOWN},
        {"1000001", "3600001", NULL, SI_NETWORK_UNKNOWN},
        {"x", "50", NULL, SI_NETWORK_EXCELLENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_network_hints hints = {.downlink = si_str_of(rows[i].downlink),
            .rtt = si_str_of(rows[i].rtt),
            .ect = si_str_of(rows[i].ect)};
        si_network have = si_network_of_hints(&si_client_usual_settings.limits, &hints);
        if (have != rows[i].network) {
            fail_msg("row %zu is %s", i, si_network_name(have));
        }
    }
}

static void limits_of_the_server_count(void **state) {
    (void)state;
    si_client_settings settings = si_client_usual_settings;
    settings.limits.of[SI_NETWORK_POOR] = (si_network_limit){20, 5000};
    si_client_headers headers = {.network.downlink = SI_STR("10")};
    si_client client;
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_EXCELLENT);
    headers.settings = &settings;
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_POOR);
}

static void saving_data_is_a_word(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool saves;
    } rows[] = {{NULL, false}, {"", false}, {"on", true}, {" ON ", true}, {"on; a=b", true},
        {"off", false}, {"1", false}, {"on,on", false}, {";on", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_network_hints hints = {.save_data = si_str_of(rows[i].value)};
        assert_int_equal(si_network_saves_data(&hints), rows[i].saves);
    }
}

/* ---- whose word counts ---- */

#define U SI_NETWORK_UNKNOWN
#define E SI_NETWORK_EXCELLENT
#define G SI_NETWORK_GOOD
#define P SI_NETWORK_POOR

static void first_that_tells_counts(void **state) {
    (void)state;
    static const struct {
        bool saves;
        si_network measured, hinted, script, edge, network;
        bool alone;
    } rows[] = {
        {false, U, U, U, U, E, false},
        {false, U, U, U, P, P, false},
        {false, U, U, G, P, G, false},
        {false, U, E, G, P, E, false},
        {false, U, P, G, E, P, false},
        {true, U, E, G, E, P, false},
        {true, E, E, E, E, P, false},
        {false, G, U, U, U, G, true},
        {false, P, U, U, U, P, true},
        {false, E, U, U, U, E, false},
        {false, P, P, U, U, P, false}, /* others with these headers get the same */
        {false, G, P, U, U, G, true},
        {false, E, P, U, U, E, true},
        {false, P, U, P, U, P, false},
        {true, P, U, U, U, P, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_network_told told = {.saves_data = rows[i].saves,
            .measured = rows[i].measured,
            .hinted = rows[i].hinted,
            .edge = rows[i].edge};
        bool alone = !rows[i].alone;
        si_network have = si_network_decide(&told, rows[i].script, &alone);
        if (have != rows[i].network || alone != rows[i].alone) {
            fail_msg("row %zu is %s, %d", i, si_network_name(have), alone);
        }
    }
}

static void line_to_an_edge_tells_nothing(void **state) {
    (void)state;
    si_client client;
    si_client_headers headers = {.measured = SI_NETWORK_POOR, .network.ect = SI_STR("3g")};
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_POOR);
    assert_int_equal(client.network_used, SI_USED_NETWORK);
    headers.trusted_edge = true;
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_GOOD);
    assert_int_equal(client.network_used, SI_USED_NETWORK | SI_USED_CLASS);
    headers.edge_class = SI_STR("avif;net=poor"); /* takes the place of all headers */
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_POOR);
    headers.edge_class = SI_STR("avif");
    si_client_classify(&headers, &client);
    assert_int_equal(client.network, SI_NETWORK_EXCELLENT);
    assert_int_equal(client.network_used, SI_USED_CLASS);
}

/* ---- requests ---- */

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/plain/shoe.jpg", "shoe");
    write_file("conf/companies/acme.ini",
        "Bfc = true\n[presets]\noff = network=off\non = network=on\nbad = network=on,poor\n");
    write_file("conf/companies/plain.ini",
        "Network = true\nNetworkHeader = X-Line\n[presets]\noff = network=off\n");
    return 0;
}

static si_str find(void *context, si_str name) {
    return si_str_eq_nocase(name, SI_STR("x-line")) ? si_str_of(context) : (si_str){NULL, 0};
}

static si_result plan_for(const si_catalog *catalog, const char *url,
    const si_client_headers *headers, si_arena *arena, si_plan *plan) {
    si_diag diag = {0};
    const char *path = si_arena_printf(arena, "/is/image/%s", url);
    size_t len = strcspn(path, "?");
    si_request request = {.path = {path, len},
        .query = si_str_of(path[len] == '?' ? path + len + 1 : NULL),
        .address = SI_STR("127.0.0.1"),
        .headers = *headers};
    return si_plan_make(catalog, NULL, &request, arena, plan, &diag);
}

/* A request over a line that is measured, or not; whether it adapts and what it comes to. */
static void requests_adapt(void **state) {
    (void)state;
    static const struct {
        const char *url;
        si_network measured;
        bool adapts;
        si_network network; /* in the recipe */
        const char *ratio;
    } rows[] = {
        {"acme/shoe?qlt=85&dpr=on,3", P, false, U, "3"}, /* off, unless it is said */
        {"acme/shoe?network=on&dpr=on,3", P, true, P, "1"},
        {"acme/shoe?network=on&dpr=on,3", G, true, G, "3"},
        {"acme/shoe?network=on&dpr=on,3", E, true, U, "3"},
        {"acme/shoe?network=on&dpr=on,3", U, true, U, "3"},
        {"acme/shoe?$on$&dpr=on,3", P, true, P, "1"},
        {"acme/shoe?$bad$&dpr=on,3", U, true, P, "1"},
        {"acme/shoe?$on$&network=off&dpr=on,3", P, false, U, "3"},
        {"plain/shoe?dpr=on,3", P, true, P, "1"}, /* the company's switch */
        {"plain/shoe?network=off&dpr=on,3", P, false, U, "3"},
        {"plain/shoe?$off$&dpr=on,3", P, false, U, "3"},
        /* the script's word counts where nobody else tells, and is no switch */
        {"acme/shoe?network=poor", U, false, U, "1"},
        {"plain/shoe?network=poor&dpr=on,2", U, true, P, "1"},
        {"plain/shoe?network=POOR", U, true, P, "1"},
        {"plain/shoe?network=on,good", U, true, G, "1"},
        {"acme/shoe?network=on,good", U, true, G, "1"},
        {"plain/shoe?network=poor", G, true, G, "1"},
        {"plain/shoe?network=excellent", P, true, P, "1"},
        /* what has no quality to lower; the ratio is lowered nevertheless */
        {"plain/shoe?fmt=png&dpr=on,3", P, true, U, "1"},
        {"plain/shoe?fmt=tif", P, true, U, "1"},
        {"plain/shoe?fmt=tif,rgb,jpeg", P, true, U, "1"},
        {"plain/shoe?fmt=gif", P, true, U, "1"},
        {"plain/shoe?fmt=webp,,lossless", P, true, U, "1"},
        {"plain/shoe?fmt=webp&qlt=100", P, true, U, "1"},
        {"plain/shoe?req=mask", P, true, U, "1"},
        {"plain/shoe?req=props&dpr=on,3", P, true, U, "1"},
        {"acme/shoe?fmt=png&qlt=100&network=on", P, true, U, "1"},
        {"acme/shoe?fmt=png&qlt=90&network=on", P, true, P, "1"},
        {"plain/shoe?qlt=100", P, true, P, "1"},
        {"plain/shoe?fmt=webp", P, true, P, "1"},
        {"plain/shoe?fmt=avif&qlt=70", G, true, G, "1"},
        {"plain/shoe?iccEmbed=1&bfc=on", G, true, G, "1"},
        {"plain/shoe?jpegSize=40", G, true, G, "1"},
    };
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_plan plan;
        char net[200], ratio[200];
        si_client_headers headers = {.accept = si_str_of(chrome), .measured = rows[i].measured};
        assert_int_equal(plan_for(catalog, rows[i].url, &headers, &arena, &plan), SI_OK);
        recipe_field(plan.recipe_text, "net", net);
        recipe_field(plan.recipe_text, "dpr", ratio);
        const char *expected = rows[i].network == U ? "" : si_network_name(rows[i].network);
        if (plan.network_adapts != rows[i].adapts || strcmp(net, expected) != 0 ||
            strcmp(ratio, rows[i].ratio) != 0) {
            fail_msg("%s, %s: %d, net=%s, dpr=%s", rows[i].url, si_network_name(rows[i].measured),
                plan.network_adapts, net, ratio);
        }
        bool varies = (plan.vary & SI_USED_NETWORK) != 0;
        assert_int_equal(varies, rows[i].adapts);
        assert_null(plan.asked);
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static void values_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"yes", "off,good", "good,poor", "good,good", "on,fast",
        "on,on", "on,good,poor", "unknown", "on,unknown"};
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_client_headers headers = {0};
        const char *url = si_arena_printf(&arena, "acme/shoe?network=%s", bad[i]);
        if (plan_for(catalog, url, &headers, &arena, &plan) != SI_ERR_RANGE) {
            fail_msg("network=%s is accepted", bad[i]);
        }
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static void excellent_has_the_recipe_of_off(void **state) {
    (void)state;
    si_catalog *catalog = load();
    si_arena arena = {0};
    si_plan off, on;
    si_client_headers headers = {.accept = si_str_of(chrome), .measured = SI_NETWORK_EXCELLENT};
    const char *url = "acme/shoe?wid=300&dpr=on,2&network=";
    assert_int_equal(
        plan_for(catalog, si_arena_printf(&arena, "%soff", url), &headers, &arena, &off), SI_OK);
    assert_int_equal(
        plan_for(catalog, si_arena_printf(&arena, "%son", url), &headers, &arena, &on), SI_OK);
    assert_string_equal(on.recipe_text, off.recipe_text);
    si_arena_free(&arena);
    si_catalog_free(catalog);
}

/* What others are told: Vary, Accept-CH, and whether a shared cache may keep it. */
static void others_are_told(void **state) {
    (void)state;
    static const struct {
        const char *url, *ect, *line, *edge_class;
        si_network measured;
        const char *vary, *hints;
        bool is_private;
        si_network network;
    } rows[] = {
        {"acme/shoe", "3g", NULL, NULL, P, "Accept", "", false, P},
        {"acme/shoe?network=on", NULL, NULL, NULL, P, "Accept, " SI_NETWORK_HINTS, SI_NETWORK_HINTS,
            true, P},
        {"acme/shoe?network=on", "3g", NULL, NULL, U, "Accept, " SI_NETWORK_HINTS, SI_NETWORK_HINTS,
            false, G},
        {"acme/shoe?network=on", NULL, NULL, NULL, E, "Accept, " SI_NETWORK_HINTS, SI_NETWORK_HINTS,
            false, E},
        {"acme/shoe?network=on&dpr=on", NULL, NULL, NULL, U,
            "Accept, Sec-CH-DPR, DPR, " SI_NETWORK_HINTS, "Sec-CH-DPR, DPR, " SI_NETWORK_HINTS,
            false, E},
        /* the company's header */
        {"plain/shoe", NULL, "poor", NULL, U, SI_NETWORK_HINTS ", X-Line", SI_NETWORK_HINTS, false,
            P},
        {"plain/shoe", NULL, "nonsense", NULL, U, SI_NETWORK_HINTS ", X-Line", SI_NETWORK_HINTS,
            false, E},
        {"plain/shoe", "3g", "poor", NULL, U, SI_NETWORK_HINTS ", X-Line", SI_NETWORK_HINTS, false,
            G},
        {"plain/shoe?network=off", NULL, "poor", NULL, U, "", "", false, E},
        /* a trusted edge's class is all there is */
        {"plain/shoe", "3g", "poor", "avif;net=good", U, SI_HEADER_CLASS, SI_NETWORK_HINTS, false,
            G},
        {"plain/shoe", "3g", "poor", "avif", P, SI_HEADER_CLASS, SI_NETWORK_HINTS, false, E},
        {"plain/shoe?network=poor", "3g", NULL, "avif;net=good", U, SI_HEADER_CLASS,
            SI_NETWORK_HINTS, false, P},
    };
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_plan plan;
        char vary[SI_PLAN_VARY_SIZE], hints[SI_CLIENT_VARY_SIZE];
        si_client_headers headers = {.accept = si_str_of(chrome),
            .network.ect = si_str_of(rows[i].ect),
            .measured = rows[i].measured,
            .trusted_edge = rows[i].edge_class != NULL,
            .edge_class = si_str_of(rows[i].edge_class),
            .find = find,
            .context = (void *)rows[i].line};
        assert_int_equal(plan_for(catalog, rows[i].url, &headers, &arena, &plan), SI_OK);
        assert_string_equal(si_plan_vary(&plan, 0, vary), rows[i].vary);
        assert_string_equal(si_client_vary(plan.accept_ch, hints), rows[i].hints);
        assert_int_equal(plan.network_private, rows[i].is_private);
        assert_int_equal(plan.client.network, rows[i].network);
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static void header_of_the_server_counts(void **state) {
    (void)state;
    si_catalog *catalog = load();
    si_arena arena = {0};
    si_plan plan;
    si_client_settings settings = si_client_usual_settings;
    settings.network_header = "X-Line";
    si_client_headers headers = {.find = find, .context = (void *)"good", .settings = &settings};
    assert_int_equal(plan_for(catalog, "acme/shoe?network=on", &headers, &arena, &plan), SI_OK);
    assert_int_equal(plan.client.network, SI_NETWORK_GOOD);
    assert_string_equal(plan.network_header, "X-Line");
    si_arena_free(&arena);
    si_catalog_free(catalog);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_part_the_classes),
        cmocka_unit_test(limits_are_read),
        cmocka_unit_test(hints_tell_the_worst),
        cmocka_unit_test(limits_of_the_server_count),
        cmocka_unit_test(saving_data_is_a_word),
        cmocka_unit_test(first_that_tells_counts),
        cmocka_unit_test(line_to_an_edge_tells_nothing),
        cmocka_unit_test(requests_adapt),
        cmocka_unit_test(values_are_refused),
        cmocka_unit_test(excellent_has_the_recipe_of_off),
        cmocka_unit_test(others_are_told),
        cmocka_unit_test(header_of_the_server_counts),
    };
    return cmocka_run_group_tests_name("network", tests, set_up, remove_config_folder);
}
