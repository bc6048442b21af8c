/* The pixel ratio of a client: who tells it, in which order, which step is taken, and what a width
 * makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/wire.h"
#include "client/client.h"
#include "client/user_agent.h"

#define IPHONE                                                                                     \
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "    \
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
#define CHROMIUM_ACCEPT "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
#define SAFARI_ACCEPT                                                                              \
    "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,"      \
    "image/svg+xml,image/*;q=0.8,*/*;q=0.5"

/* ---- steps ---- */

static void nearest_step_is_taken(void **state) {
    (void)state;
    static const struct {
        double ratio, step;
    } rows[] = {{0.001, 1}, {0.9, 1}, {1, 1}, {1.1, 1}, {1.1249, 1}, {1.125, 1.25}, {1.25, 1.25},
        {1.3333, 1.25}, {1.375, 1.5}, {1.5, 1.5}, {1.7499, 1.5}, {1.75, 2}, {2, 2}, {2.2, 2},
        {2.25, 2.5}, {2.5, 2.5}, {2.625, 2.5}, {2.75, 3}, {3, 3}, {3.4999, 3}, {3.5, 4}, {4, 4},
        {5, 4}, {1e9, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double step = si_density_snap(rows[i].ratio, si_density_all_steps);
        if (step != rows[i].step) {
            fail_msg("%g becomes %g, not %g", rows[i].ratio, step, rows[i].step);
        }
    }
}

static void fewer_steps_may_be_in_use(void **state) {
    (void)state;
    static const double at[] = {1, 2}, high[] = {1.5};
    const si_density_steps two = {at, 2}, one = {high, 1};
    assert_true(si_density_snap(1.25, two) == 1);
    assert_true(si_density_snap(1.5, two) == 2);
    assert_true(si_density_snap(4, two) == 2);
    assert_true(si_density_snap(1, one) == 1.5);
    assert_true(si_density_enough(2, two, 400, 500) == 2);
    assert_true(si_density_enough(2, two, 400, 400) == 1);
    assert_true(si_density_enough(1.5, one, 400, 1) == 1.5);
}

static void steps_stay_what_they_are_and_grow(void **state) {
    (void)state;
    static const double steps[] = {
#define X(ratio) ratio,
        SI_DENSITY_STEPS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_true(si_density_snap(steps[i], si_density_all_steps) == steps[i]);
        assert_true(i == 0 ? steps[i] == 1 : steps[i] > steps[i - 1]);
    }
}

/* ---- what an edge tells ---- */

static double edge(const char *setting, const char *value) {
    return si_density_edge(si_str_of(setting), si_str_of(value));
}

static void akamai_is_read(void **state) {
    (void)state;
    static const struct {
        const char *value;
        double ratio;
    } rows[] = {
        {"brand_name=Apple;is_mobile=true;resolution_width=640;max_image_width=320", 2},
        {"max_image_width=360; resolution_width=1080 ;is_mobile=true; device_os=Android", 3},
        {"IS_TABLET=TRUE;RESOLUTION_WIDTH=1536;MAX_IMAGE_WIDTH=768", 2},
        {"is_wireless_device=true;resolution_width=1440;max_image_width=360", 4},
        {"device_pixel_ratio=2.625;is_mobile=false", 2.625},
        /* a page is not laid out in max_image_width on a desktop */
        {"is_mobile=false;is_tablet=false;resolution_width=800;max_image_width=600", 0},
        {"resolution_width=800;max_image_width=400", 0},
        /* nothing that tells */
        {"brand_name=Google;is_tablet=false; device_os=Android", 0},
        {"is_mobile=true;resolution_width=640", 0},
        {"is_mobile=true;max_image_width=320", 0},
        {"is_mobile=true;resolution_width=640;max_image_width=0", 0},
        {"is_mobile=true;resolution_width=;max_image_width=320", 0},
        {"is_mobile=true;resolution_width=wide;max_image_width=320", 0},
        {"is_mobile=true;resolution_width=9000;max_image_width=320", 0}, /* no such screen */
        {"2", 0},
        {"", 0},
        {";;=;", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (edge("akamai", rows[i].value) != rows[i].ratio) {
            fail_msg("\"%s\" tells %g", rows[i].value, edge("akamai", rows[i].value));
        }
        assert_true(edge(SI_DENSITY_AKAMAI_HEADER, rows[i].value) == rows[i].ratio);
    }
    assert_true(edge("Akamai", "device_pixel_ratio=3") == 3);
    assert_true(si_density_edge(SI_STR("akamai"), (si_str){NULL, 0}) == 0);
}

static void named_header_is_a_number(void **state) {
    (void)state;
    assert_true(edge("X-Density", "2.5") == 2.5);
    assert_true(edge("X-Density", " 3 ") == 3);
    static const char *const nothing[] = {"", "0", "-1", "2x", "dpr=2", "6", "1e1", "two"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        assert_true(edge("X-Density", nothing[i]) == 0);
    }
    assert_true(si_density_edge(SI_STR("X-Density"), (si_str){NULL, 0}) == 0);
}

static void numbers_are_bounded(void **state) {
    (void)state;
    assert_true(si_density_number(SI_STR("1000000")) == 1e6);
    assert_true(si_density_number(SI_STR("1000001")) == 0);
    assert_true(si_density_number(SI_STR("99999999999999999999999999999999")) == 0);
    char long_one[] = "0000000000000000000000000000000000000000000000000000000000000002";
    assert_true(si_density_number(si_str_of(long_one)) == 2);
    assert_true(si_density_number((si_str){long_one, 0}) == 0);
    char longer[] = "00000000000000000000000000000000000000000000000000000000000000002";
    assert_true(si_density_number(si_str_of(longer)) == 0);
}

static void settings_name_headers(void **state) {
    (void)state;
    assert_true(
        si_str_eq(si_density_header(SI_STR("AKAMAI")), SI_STR("X-Akamai-Device-Characteristics")));
    assert_true(si_str_eq(si_density_header(SI_STR("X-Density")), SI_STR("X-Density")));
    assert_true(si_str_is_field_name(SI_STR("X_Density-2")));
    static const char *const wrong[] = {"", "X Density", "X-Density:", "a,b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(si_str_is_field_name(si_str_of(wrong[i])));
    }
}

/* ---- User-Agent ---- */

static void only_apples_handhelds_are_known(void **state) {
    (void)state;
    static const struct {
        const char *agent;
        double ratio;
    } rows[] = {
        {IPHONE, 2},
        /* Chrome, and an app, on an iPhone */
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
         "Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
            2},
        {"Example/1.0 (iPhone; iOS 16.3; Scale/3.00)", 2},
        {"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_0 like Mac OS X) AppleWebKit/604.1.34 (KHTML, "
         "like Gecko) Version/12.0 Mobile/15A5341f Safari/604.1",
            2},
        {"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/12.1.2 Mobile/15E148 Safari/604.1",
            2},
        /* systems that models with fewer pixels run, too: iPhone 3GS, iPad 2 */
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 6_1_3 like Mac OS X) AppleWebKit/536.26 (KHTML, like "
         "Gecko) Version/6.0 Mobile/10B329 Safari/8536.25",
            0},
        {"Mozilla/5.0 (iPad; CPU OS 9_3_5 like Mac OS X) AppleWebKit/601.1.46 (KHTML, like Gecko) "
         "Version/9.0 Mobile/13G36 Safari/601.1",
            0},
        /* an iPad that asks for desktop pages, and a Mac */
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.5 Safari/605.1.15",
            0},
        /* models differ */
        {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/126.0.0.0 Mobile Safari/537.36",
            0},
        /* who borrows the name */
        {"Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; "
         "IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, "
         "like Gecko) Mobile Safari/537",
            0},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 8_3 like Mac OS X) AppleWebKit/600.1.4 (KHTML, like "
         "Gecko) Version/8.0 Mobile/12F70 Safari/600.1.4 (compatible; Googlebot-Mobile/2.1; "
         "+http://www.google.com/bot.html)",
            0},
        {"curl/8.7.1", 0},
        {"iP", 0},
        {"i", 0},
        {"iPhone", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (si_user_agent_ratio(si_str_of(rows[i].agent)) != rows[i].ratio) {
            fail_msg("%s: %g", rows[i].agent, si_user_agent_ratio(si_str_of(rows[i].agent)));
        }
    }
    assert_true(si_user_agent_ratio((si_str){NULL, 0}) == 0);
}

/* ---- order of trust, and what Vary names ---- */

typedef struct sent {
    const char *hint, *edge, *accept, *agent;
} sent;

static si_str find(void *context, si_str name) {
    const sent *s = context;
    return si_str_eq_nocase(name, SI_STR("X-Density")) ? si_str_of(s->edge) : (si_str){NULL, 0};
}

static si_client_headers headers_of(const sent *s) {
    return (si_client_headers){.accept = si_str_of(s->accept),
        .user_agent = si_str_of(s->agent),
        .dpr = si_str_of(s->hint),
        .find = find,
        .context = (void *)s};
}

static void first_that_tells_wins(void **state) {
    (void)state;
    enum { HINT = SI_USED_DPR, ACCEPT = SI_USED_ACCEPT, AGENT = SI_USED_USER_AGENT };
    static const struct {
        sent is;
        double dpr;
        si_ratio_source source;
        unsigned used;
        bool looked; /* at the edge's header */
    } rows[] = {
        {{"3", "1.5", SAFARI_ACCEPT, IPHONE}, 3, SI_RATIO_OF_HINT, HINT, false},
        {{"1", "3", SAFARI_ACCEPT, IPHONE}, 1, SI_RATIO_OF_HINT, HINT, false},
        {{"x", "1.5", SAFARI_ACCEPT, IPHONE}, 1.5, SI_RATIO_OF_EDGE, HINT, true},
        {{NULL, "2.6", SAFARI_ACCEPT, IPHONE}, 2.5, SI_RATIO_OF_EDGE, HINT, true},
        {{NULL, NULL, SAFARI_ACCEPT, IPHONE}, 2, SI_RATIO_OF_AGENT, HINT | ACCEPT | AGENT, true},
        {{NULL, "?", NULL, IPHONE}, 2, SI_RATIO_OF_AGENT, HINT | ACCEPT | AGENT, true},
        {{NULL, NULL, SAFARI_ACCEPT, "Firefox"}, 1, SI_RATIO_OF_NOBODY, HINT | ACCEPT | AGENT,
            true},
        {{NULL, NULL, NULL, NULL}, 1, SI_RATIO_OF_NOBODY, HINT | ACCEPT | AGENT, true},
        /* Chromium runs on no device that its User-Agent would tell */
        {{NULL, NULL, CHROMIUM_ACCEPT, "Chrome"}, 1, SI_RATIO_OF_NOBODY, HINT | ACCEPT, true},
        {{NULL, NULL, "image/apng;q=0", IPHONE}, 2, SI_RATIO_OF_AGENT, HINT | ACCEPT | AGENT, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_client_headers h = headers_of(&rows[i].is);
        si_client c;
        si_client_classify(&h, &c);
        si_str looked = si_client_ratio(&h, SI_STR("X-Density"), &c);
        if (c.dpr != rows[i].dpr || c.dpr_source != rows[i].source || c.dpr_used != rows[i].used ||
            (looked.p != NULL) != rows[i].looked) {
            fail_msg("row %zu: %g by %s, used %u, %.*s", i, c.dpr,
                si_ratio_source_text(c.dpr_source), c.dpr_used, (int)looked.len, looked.p);
        }
    }
}

static void edge_header_is_not_looked_at_unless_named(void **state) {
    (void)state;
    const sent s = {NULL, "3", NULL, IPHONE};
    si_client_headers h = headers_of(&s);
    si_client c;
    si_client_classify(&h, &c);
    assert_true(c.dpr == 2);
    assert_null(si_client_ratio(&h, (si_str){NULL, 0}, &c).p);
    assert_true(c.dpr == 2);
    h.find = NULL;
    assert_non_null(si_client_ratio(&h, SI_STR("X-Density"), &c).p);
    assert_true(c.dpr == 2);
}

static void told_class_ends_the_search(void **state) {
    (void)state;
    const sent s = {"3", "4", NULL, IPHONE};
    si_client_headers h = headers_of(&s);
    h.trusted_edge = true;
    h.edge_class = SI_STR("avif;dpr=1.6");
    si_client c;
    si_client_classify(&h, &c);
    assert_null(si_client_ratio(&h, SI_STR("X-Density"), &c).p);
    assert_true(c.dpr == 1.5 && c.dpr_source == SI_RATIO_OF_CLASS && c.dpr_used == SI_USED_CLASS);
    h.edge_class = (si_str){NULL, 0}; /* none told: others of its requests may */
    h.dpr = (si_str){NULL, 0};
    si_client_classify(&h, &c);
    assert_non_null(si_client_ratio(&h, SI_STR("X-Density"), &c).p);
    assert_true(c.dpr == 4 && c.dpr_used == (SI_USED_DPR | SI_USED_CLASS));
}

/* ---- widths ---- */

static void width_lowers_to_the_step_that_is_enough(void **state) {
    (void)state;
    static const struct {
        double ratio, width, shown, step;
    } rows[] = {{2, 400, 800, 2}, {2, 400, 801, 2}, {2, 400, 600, 1.5}, {2, 400, 601, 2},
        {4, 400, 999, 2.5}, {3, 400, 10, 1}, {3, 400, 400, 1}, {3, 400, 401, 1.25},
        {2, 400, 9999, 2}, {1, 400, 10, 1}, {1.25, 1, 1e9, 1.25}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double step =
            si_density_enough(rows[i].ratio, si_density_all_steps, rows[i].width, rows[i].shown);
        if (step != rows[i].step) {
            fail_msg("row %zu: %g", i, step);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_step_is_taken),
        cmocka_unit_test(fewer_steps_may_be_in_use),
        cmocka_unit_test(steps_stay_what_they_are_and_grow),
        cmocka_unit_test(akamai_is_read),
        cmocka_unit_test(named_header_is_a_number),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(settings_name_headers),
        cmocka_unit_test(only_apples_handhelds_are_known),
        cmocka_unit_test(first_that_tells_wins),
        cmocka_unit_test(edge_header_is_not_looked_at_unless_named),
        cmocka_unit_test(told_class_ends_the_search),
        cmocka_unit_test(width_lowers_to_the_step_that_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
