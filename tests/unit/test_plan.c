/* Catalog, query, recipe and plan: from a URL and a configuration folder to the canonical line.
 * Numbers are of docs/decisions.md. */
#include "command_samples.h"
#include "plans.h"

#include "request/command.h"

static int set_up(void **state) {
    (void)state;
    make_folders();
    write_file("root/acme/shoe.jpg", "shoe");
    write_file("root/acme/shoe.png", "later in the order of extensions");
    write_file("root/acme/none.jpg", "no image");
    write_file("root/acme/deep/hat.tif", "hat");
    write_file("root/acme/two words.png", "blank");
    write_file("root/plain/pic.webp", "pic");
    write_file("root/top.jpg", "top");
    write_file("secret.jpg", "outside");
    char from[300], to[300];
    snprintf(from, sizeof from, "%s/secret.jpg", folder);
    snprintf(to, sizeof to, "%s/root/acme/link.jpg", folder);
    assert_int_equal(symlink(from, to), 0);
    snprintf(to, sizeof to, "%s/root/acme/up.jpg", folder);
    assert_int_equal(symlink("../../secret.jpg", to), 0);
    snprintf(to, sizeof to, "%s/root/acme/inside.jpg", folder);
    assert_int_equal(symlink("deep/hat.tif", to), 0);
    write_file("conf/companies/default.ini",
        "# defaults for all\nJpegQuality = 82\nFolderCompanies = true\nCacheCommandAddresses = "
        "127.0.0.0/8\n"
        "[presets]\nshared = qlt=70\n");
    write_file("conf/companies/nobody.ini", "RootPath = plain\nCacheCommandAddresses =\n");
    write_file(
        "conf/companies/remote.ini", "RootPath = plain\nCacheCommandAddresses = 192.0.2.0/24\n");
    write_file("conf/companies/coarse.ini",
        "RootPath = acme\nDpr = true\nDprSteps = 1,2\nWidthHints = true\n");
    write_file("conf/companies/acme.ini",
        "Bfc = true\nMaxPix = 3000,3000\nExpiration = 24\n"
        "[presets]\nthumb = wid=100&hei=100&fit=crop\nzoom = $thumb$&wid=300\nsmart = "
        "bfc=off&dpr=on,2\n"
        "long = wid=10&op_usm=1.75,0.3,2,0&resMode=bisharp&\n  fmt=pjpeg&hei=20\n"
        "[objects]\nhero = deep/hat.tif?qlt=33&bgc=ff0000\n"
        "[object card]\nModifier = size=9,9&color=1,2,3\n[fonts]\nF = f.ttf\n");
    return 0;
}

/* ---- what a URL means: url, key of the recipe, expected value ---- */

static const meaning meanings[] = {
    {"acme/shoe", "pic.layer#0.src.file", "acme/shoe.jpg"},
    {"acme/shoe.png", "pic.layer#0.src.file", "acme/shoe.png"},
    {"acme/deep/hat", "pic.layer#0.src.file", "acme/deep/hat.tif"},
    {"acme/two%20words", "pic.layer#0.src.file", "acme/two%20words.png"},
    {"plain/pic", "pic.layer#0.src.file", "plain/pic.webp"},
    {"plain/pic", "qlt", "82"}, /* the default company's attribute */
    {"top", "pic.layer#0.src.file", "top.jpg"},
    {"acme/inside", "pic.layer#0.src.file", "acme/inside.jpg"}, /* a link that stays inside */
    {"acme/hero", "pic.layer#0.src.file", "acme/deep/hat.tif"}, /* a record of [objects] */
    {"acme/hero", "qlt", "33"},
    {"acme/hero?qlt=50", "qlt", "50"}, /* the query beats the Modifier */
    {"acme/hero", "bgc", "FF0000"},
    /* lexical rules */
    {"acme/shoe?WID=300", "pic.view.wid", "300"},
    {"acme/shoe?wid=300.6", "pic.view.wid", "301"},
    {"acme/shoe?&wid=1&&wid=300&", "pic.view.wid", "300"},
    {"acme/shoe?wid=300&ts=12&color_id=9&.comment=wid=4", "pic.view.wid", "300"},
    {"acme/shoe?wid=", "pic.view.wid", "0"},
    {"acme/shoe?crop=0%2C0%2C10%2C20", "pic.layer#0.crop", "0,0,10,20"},
    {"acme/shoe?cropN=.1,0,.8,1", "pic.layer#0.crop", "0.1,0,0.8,1"},
    {"acme/shoe?cropN=0,0,0,0", "pic.layer#0.crop", ""},
    {"acme/shoe?crop=1,2,3,4&cropN=0,0,1,1", "pic.layer#0.crop", ""}, /* one slot: last wins */
    /* presets */
    {"acme/shoe?$thumb$", "pic.view.wid", "100"},
    {"acme/shoe?$THUMB$", "pic.view.fit", "crop"},
    {"acme/shoe?%24thumb%24", "pic.view.wid", "100"},
    {"acme/shoe?$thumb$&wid=480", "pic.view.wid", "480"},
    {"acme/shoe?wid=480&$thumb$", "pic.view.wid", "100"},
    {"acme/shoe?$zoom$", "pic.view.wid", "300"},
    {"acme/shoe?$shared$", "qlt", "70"},
    {"acme/shoe?$long$", "pic.view.hei", "20"},
    {"acme/shoe?$long$", "pic.view.usm.amount", "1.75"},
    {"acme/shoe?$smart$", "dpr", "2"},
    {"acme/shoe?$smart$", "smart", "0"},
    /* view, 3 */
    {"acme/shoe?wid=10&hei=10&fit=wrap", "pic.view.fit", "wrap"},
    {"acme/shoe?wid=10&hei=10&fit=crop,1", "pic.view.upscale", "1"},
    {"acme/shoe?wid=10&hei=10&scl=2&fit=crop", "pic.view.fit", ""}, /* ignored with scl */
    {"acme/shoe?wid=9&hei=9&align=3,-.5", "pic.view.align", "1,-0.5"},
    {"acme/shoe?scl=.5", "pic.view.scl", "0.5"},
    {"acme/shoe?scl=1", "pic.view.defpix", ""}, /* DefaultPix counts only without a size */
    {"acme/shoe", "pic.view.defpix", "1280,1280"},
    {"acme/shoe", "pic.view.maxpix", "3000,3000"},
    {"acme/shoe?rect=1,2,3,4,.5", "pic.view.rect", "1,2,3,4"},
    {"acme/shoe?rect=1,2,3,4,.5", "pic.view.rectscale", "0.5"},
    {"acme/shoe?bgc=0,100,200", "bgc", "0064C8"},
    {"acme/shoe?bgc=50", "bgc", "808080"},
    /* segments */
    {"acme/shoe?layer=0&op_usm=1,2", "pic.layer#0.adjust.ops.usm.amount", "1"},
    {"acme/shoe?layer=0&op_usm=1,2&layer=comp&op_usm=3,4", "pic.view.usm.amount", "3"},
    {"acme/shoe?layer=0,base&wid=5&layer=comp&layer=base&op_sharpen=1",
        "pic.layer#0.adjust.ops.sharpen", "1"},
    {"acme/shoe?layer=comp&op_sharpen=1", "pic.view.sharpen", "1"},
    {"acme/shoe?op_sharpen=1&layer=comp&op_sharpen=0", "pic.view.sharpen", ""},
    {"acme/shoe?op_usm=9,300,999,1", "pic.view.usm.amount", "5"}, /* clamped, P5 */
    {"acme/shoe?op_usm=9,300,999,1", "pic.view.usm.radius", "250"},
    {"acme/shoe?op_usm=5,0.125,5,0", "pic.view.usm.radius", "0.125"},
    /* output, 6 */
    {"acme/shoe", "fmt", "jpeg"},
    {"acme/shoe?fmt=pjpg", "progressive", "1"},
    {"acme/shoe?fmt=png-alpha", "alpha", "1"},
    {"acme/shoe?fmt=web-alpha", "fmt", "webp"},
    {"acme/shoe?fmt=jpeg,gray&qlt=60&wid=200", "pixel", "gray"},
    {"acme/shoe?fmt=webp-alpha,,lossless", "lossless", "1"},
    {"acme/shoe?fmt=jpeg,,lossless", "lossless", ""}, /* P22 */
    {"acme/shoe?fmt=tif,,lzw", "compression", "lzw"},
    {"acme/shoe?qlt=750", "qlt", "100"},
    {"acme/shoe?qlt=85,1", "chroma", "1"},
    {"acme/shoe?qlt=90,1&qlt=80", "chroma", "0"}, /* an option list is replaced as a whole */
    {"acme/shoe?resmode=bisharp", "pic.view.resmode", "bisharp"},
    {"acme/shoe?resMode=sharp4", "pic.view.resmode", "sharp2"}, /* P25 */
    {"acme/shoe?printRes=300", "dpi", "300"},
    {"acme/shoe?iccEmbed=true", "iccembed", "1"},
    /* smart imaging: which formats */
    {"acme/shoe", "ladder", "avif,webp"},
    {"acme/shoe?bfc=off", "ladder", ""},
    {"acme/shoe?fmt=webp", "ladder", ""},
    {"acme/shoe?iccEmbed=1", "smart", "0"}, /* D-10 */
    {"acme/shoe?fmt=png", "ladder", "avif,webp"},
    {"plain/pic", "smart", "0"}, /* SI-1 */
    {"plain/pic?bfc=on", "ladder", "avif,webp"},
    /* pixel ratio */
    {"acme/shoe?dpr=on,1.25", "dpr", "1.25"},
    {"acme/shoe?dpr=off", "dpr", "1"},
    {"acme/shoe?dpr=on", "dpr", "1"}, /* D-1, nothing detected */
    {"acme/shoe?dpr=on,2&dpr=off", "dpr", "1"},
    /* default image, mode 0: only wid hei fmt qlt survive */
    {"acme/gone?defaultImage=none&wid=9&crop=1,2,3,4&qlt=7", "pic.layer#0.src.file",
        "acme/none.jpg"},
    {"acme/gone?defaultImage=none&wid=9&crop=1,2,3,4&qlt=7", "pic.view.wid", "9"},
    {"acme/gone?defaultImage=none&wid=9&crop=1,2,3,4&qlt=7", "pic.layer#0.crop", ""},
    {"acme/gone?defaultImage=/plain/pic", "pic.layer#0.src.file", "plain/pic.webp"},
    /* properties stand alone */
    {"acme/shoe?req=exists&wid=0", "body", ""}, /* alone: other commands are ignored */
    {"acme/gone?req=exists", "pic.layer#0.src.file", ""},
    {"acme/shoe?req=imageprops,json&handler=cb&id=7&wid=3", "pic.view.wid", "0"},
    {"acme/shoe?req=imageprops,json&handler=cb&id=7", "handler", "cb"},
    {"acme/shoe?req=imageprops&handler=cb&id=7", "handler", ""},
    {"acme/shoe?req=tile&rect=0,0,1,1", "req", ""},
};

static void test_meanings(void **state) {
    (void)state;
    si_catalog *catalog = load();
    check_meanings(catalog, ROWS(meanings));
    si_catalog_free(catalog);
}

/* ---- errors ---- */

static const refusal refusals[] = {
    {"acme/gone", SI_ERR_NOT_FOUND, NULL},
    {"acme/gone?defaultImage=", SI_ERR_NOT_FOUND, NULL},
    {"acme/gone?defaultImage=gone-too", SI_ERR_NOT_FOUND, NULL},
    {"acme/", SI_ERR_SYNTAX, NULL},
    {"?wid=3", SI_ERR_SYNTAX, NULL},
    {"acme/../../secret", SI_ERR_FORBIDDEN, NULL},
    {"acme/%2e%2e/%2e%2e/secret", SI_ERR_FORBIDDEN, NULL},
    {"acme/..%2f..%2fsecret", SI_ERR_FORBIDDEN, NULL},
    {"acme/shoe%00.jpg", SI_ERR_FORBIDDEN, NULL},
    {"acme/shoe%0a.jpg", SI_ERR_FORBIDDEN, NULL},
    {"acme/a%2cb", SI_ERR_FORBIDDEN, NULL},
    {"%2fetc/passwd", SI_ERR_FORBIDDEN, NULL},
    {"acme/link", SI_ERR_NOT_FOUND, NULL}, /* an absolute link */
    {"acme/up", SI_ERR_NOT_FOUND, NULL},   /* a relative one that leads out */
    {"acme/deep", SI_ERR_NOT_FOUND, NULL}, /* a folder */
    {"acme/shoe?wid=0", SI_ERR_RANGE, NULL},
    {"acme/shoe?wid=-5", SI_ERR_RANGE, NULL},
    {"acme/shoe?wid=$number$", SI_ERR_RANGE, NULL},
    {"acme/shoe?wid=1e3", SI_ERR_RANGE, NULL},
    {"acme/shoe?wid=99999999999999999999", SI_ERR_RANGE, NULL},
    {"acme/shoe?scl=0", SI_ERR_RANGE, NULL},
    {"acme/shoe?scl=nan", SI_ERR_RANGE, NULL},
    {"acme/shoe?wid=10&fit=squash", SI_ERR_RANGE, NULL},
    {"acme/shoe?bgc=fff", SI_ERR_RANGE, NULL},
    {"acme/shoe?crop=1,2,3", SI_ERR_RANGE, NULL},
    {"acme/shoe?rect=0,0,0,5", SI_ERR_RANGE, NULL},
    {"acme/shoe?dpr=on,0", SI_ERR_RANGE, NULL},
    {"acme/shoe?dpr=on,big", SI_ERR_RANGE, NULL},
    {"acme/shoe?dpr=yes", SI_ERR_RANGE, NULL},
    {"acme/shoe?bfc=maybe", SI_ERR_RANGE, NULL},
    {"acme/shoe?fmt=jpge", SI_ERR_SYNTAX, NULL},
    {"acme/shoe?fmt=swf", SI_ERR_UNSUPPORTED, NULL},
    {"acme/shoe?qlt=best", SI_ERR_RANGE, NULL},
    {"acme/shoe?$nothing$", SI_ERR_NOT_FOUND, NULL},
    {"acme/shoe?layer=nobody", SI_ERR_SYNTAX, NULL},
    {"acme/shoe?layer=0,comp", SI_ERR_SYNTAX, NULL},
    {"acme/shoe?rotate=wide", SI_ERR_RANGE, NULL},
    {"acme/shoe?icc=NoSuchProfile", SI_ERR_NOT_FOUND, NULL},
    {"acme/shoe?req=loadcache", SI_ERR_UNSUPPORTED, NULL},
    {"acme/shoe?req=nonsense", SI_ERR_RANGE, NULL},
    {"acme/shoe?req=exists,json&handler=a(b", SI_ERR_RANGE, NULL},
};

static void test_refusals(void **state) {
    (void)state;
    si_catalog *catalog = load();
    check_refusals(catalog, ROWS(refusals));
    si_catalog_free(catalog);
}

/* ---- every command, and random ones ---- */

/* One row a command, so that none is forgotten. */
static void test_every_command(void **state) {
    (void)state;
    si_catalog *catalog = load();
    assert_int_equal(SAMPLE_COUNT, si_command_count);
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        char url[400];
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        assert_non_null(si_command_find(si_str_of(samples[i].name)));
        snprintf(url, sizeof url, "acme/shoe?wid=50&layer=1&src=none&%s=%s", samples[i].name,
            samples[i].value);
        if (plan_url(catalog, url, chrome, &arena, &plan, &diag) != SI_OK) {
            fail_msg("%s: %s", url, diag.text);
        }
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static uint32_t seed = 20;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* Commands of one slot are left to the first that is drawn. */
static int draw_commands(int *out, int most) {
    int count = 0;
    for (int tries = 0; tries < 3 * most && count < most; tries++) {
        int i = (int)draw(SAMPLE_COUNT);
        bool fresh = samples[i].loose;
        for (int k = 0; k < count; k++) {
            fresh = fresh && out[k] != i;
        }
        if (fresh) {
            out[count++] = i;
        }
    }
    return count;
}

static void shuffle(int *list, int count) {
    for (int i = count - 1; i > 0; i--) {
        int k = (int)draw((uint32_t)i + 1), swap = list[i];
        list[i] = list[k];
        list[k] = swap;
    }
}

static void write_url(const char *segment, const int *list, int count, char url[4000]) {
    size_t n = (size_t)snprintf(url, 4000, "acme/shoe?wid=50&layer=1&src=none&%s", segment);
    for (int i = 0; i < count; i++) {
        n += (size_t)snprintf(
            url + n, 4000 - n, "&%s=%s", samples[list[i]].name, samples[list[i]].value);
    }
}

/* Any queries of commands for different slots: their order does not matter, and their recipe reads
 * back as itself. */
static void test_random_queries(void **state) {
    (void)state;
    static const char *const segments[] = {"layer=comp", "layer=0", "layer=1"};
    si_catalog *catalog = load();
    int planned = 0;
    for (int round = 0; round < 4000; round++) {
        int list[20], count = draw_commands(list, 1 + (int)draw(19));
        const char *segment = segments[draw(3)];
        char url[4000], other[4000];
        si_arena arena = {0};
        si_plan plan, again;
        si_diag diag = {0}, quiet = {0};
        write_url(segment, list, count, url);
        shuffle(list, count);
        write_url(segment, list, count, other);
        si_result result = plan_url(catalog, url, chrome, &arena, &plan, &diag);
        if (plan_url(catalog, other, chrome, &arena, &again, &quiet) != result) {
            fail_msg("%s: %s\n%s: %s", url, diag.text, other, quiet.text);
        }
        if (result == SI_OK) {
            si_recipe read;
            const char *text;
            assert_string_equal(plan.recipe_text, again.recipe_text);
            assert_int_equal(
                si_recipe_scan(si_str_of(plan.recipe_text), &arena, &read, &diag), SI_OK);
            assert_int_equal(si_recipe_print(&read, &arena, &text, &diag), SI_OK);
            assert_string_equal(text, plan.recipe_text);
            planned++;
        }
        si_arena_free(&arena);
    }
    assert_true(planned > 3000); /* few such sets of commands exclude each other */
    si_catalog_free(catalog);
}

/* ---- recipes ---- */

static void test_round_trip(void **state) {
    (void)state;
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        if (plan_url(catalog, meanings[i].url, chrome, &arena, &plan, &diag) == SI_OK &&
            plan.body == NULL) {
            si_recipe again;
            const char *text;
            si_str first = si_str_of(plan.recipe_text);
            assert_int_equal(si_recipe_scan(first, &arena, &again, &diag), SI_OK);
            assert_int_equal(si_recipe_print(&again, &arena, &text, &diag), SI_OK);
            assert_string_equal(text, plan.recipe_text);
            /* any cut or flipped byte is refused or reads as another recipe, never crashes */
            for (size_t cut = 0; cut < first.len; cut++) {
                char *copy = si_arena_copy(&arena, first.p, first.len);
                copy[cut] ^= 0x11;
                (void)!si_recipe_scan((si_str){first.p, cut}, &arena, &again, NULL);
                (void)!si_recipe_scan((si_str){copy, first.len}, &arena, &again, NULL);
            }
        }
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static void assert_same_recipe(const char *a, const char *b, const char *accept_b) {
    si_catalog *catalog = load();
    if (!same_recipe(catalog, a, b, accept_b)) {
        fail_msg("%s is not %s", a, b);
    }
    si_catalog_free(catalog);
}

static void test_what_changes_nothing_stays_out(void **state) {
    (void)state;
    assert_same_recipe("acme/shoe?wid=5&hei=6", "acme/shoe?hei=6.0&x=1&.c&wid=5", chrome);
    assert_same_recipe("acme/shoe", "acme/shoe.jpg?cache=update", chrome);
    assert_same_recipe("acme/shoe?wid=5", "acme/shoe?wid=5&id=77", chrome);
    assert_same_recipe("acme/shoe", "acme/shoe", "image/webp;q=0.1, image/avif");
    assert_same_recipe("acme/shoe?bfc=off", "acme/shoe?bfc=off", "*/*");
    assert_same_recipe("acme/shoe?fmt=webp", "acme/shoe?fmt=webp", "");
    /* fit without a size */
    assert_same_recipe("acme/shoe", "acme/shoe?fit=crop,0", chrome);
    assert_same_recipe("acme/shoe", "acme/shoe?fit=constrain,1", chrome);
    assert_same_recipe("acme/shoe?wid=9", "acme/shoe?wid=9&fit=stretch", chrome);
    /* a preset with "=" and nothing behind it */
    assert_same_recipe("acme/shoe?$thumb$", "acme/shoe?$thumb$=", chrome);
    assert_same_recipe("acme/shoe?$zoom$&hei=4", "acme/shoe?%24zoom%24=&hei=4", chrome);
    assert_same_recipe("acme/shoe", "acme/shoe?$thumb$=1", chrome); /* unknown: ignored */
    /* slashes that add nothing */
    assert_same_recipe("acme/deep/hat?wid=5", "/acme//deep///hat/?wid=5", chrome);
    assert_same_recipe("acme/hero", "acme/hero//", chrome);
    assert_same_recipe("top", "top/", chrome); /* of the default company */
    assert_same_recipe("acme?layer=0&src=shoe", "acme//?layer=0&src=shoe", chrome);
    assert_same_recipe("plain/?src=pic", "/plain//?src=pic", chrome); /* only a folder */
}

/* The context has its slashes, too; purges and the lock's owner see one object. */
static void test_slashes_of_the_context(void **state) {
    (void)state;
    static const char *const paths[] = {"/is/image/acme/deep/hat", "//is/image/acme/deep/hat",
        "/is//image///acme//deep/hat/", "//is/image/acme/deep/hat//"};
    si_catalog *catalog = load();
    si_arena arena = {0};
    si_diag diag = {0};
    si_plan plan;
    const char *first = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        si_request request = {.path = si_str_of(paths[i]), .headers.accept = si_str_of(chrome)};
        assert_int_equal(si_plan_make(catalog, NULL, &request, &arena, &plan, &diag), SI_OK);
        first = first != NULL ? first : plan.recipe_text;
        assert_string_equal(plan.recipe_text, first);
        assert_string_equal(plan.dependencies->company, "acme");
        assert_string_equal(plan.dependencies->object, "deep/hat");
    }
    static const char *const others[] = {"/is/imagery/acme/deep/hat", "/x//is/image/acme/deep/hat"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        si_request request = {.path = si_str_of(others[i])};
        assert_int_equal(
            si_plan_make(catalog, NULL, &request, &arena, &plan, &diag), SI_ERR_CONTEXT);
    }
    si_arena_free(&arena);
    si_catalog_free(catalog);
}

/* A ratio that is asked for is obeyed, one that is detected is held to the original. */
static void test_held_ratio(void **state) {
    (void)state;
    static const struct {
        const char *query, *dpr, *held, *recipe_dpr;
    } rows[] = {{"dpr=on,2", "3", "", "2"}, {"$smart$", "3", "", "2"}, {"dpr=on", "3", "1", "3"},
        {"dpr=on", NULL, "", "1"}, {"dpr=off", "3", "", "1"}, {"dpr=on", "0.5", "", "1"},
        {"dpr=on", "2.7", "1", "2.5"}, {"dpr=on,2.7", "3", "", "2.7"},
        {"dpr=on,0.5", "3", "", "0.5"}};
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_diag diag = {0};
        si_plan plan;
        char have[4096];
        si_request request = {.path = SI_STR("/is/image/acme/shoe"),
            .query = si_str_of(rows[i].query),
            .headers.dpr = si_str_of(rows[i].dpr)};
        assert_int_equal(si_plan_make(catalog, NULL, &request, &arena, &plan, &diag), SI_OK);
        assert_string_equal(recipe_field(plan.recipe_text, "dprheld", have), rows[i].held);
        assert_string_equal(recipe_field(plan.recipe_text, "dpr", have), rows[i].recipe_dpr);
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

/* Steps of the company's own, also where widths lower the ratio. */
static void test_own_steps(void **state) {
    (void)state;
    static const struct {
        const char *query, *dpr, *width, *recipe_dpr;
    } rows[] = {{"wid=100", "1.25", NULL, "1"}, {"wid=100", "1.5", NULL, "2"},
        {"wid=100", "4", NULL, "2"}, {"wid=100", "4", "100", "1"}, {"wid=100", "4", "101", "2"},
        {"wid=100&dpr=on,4", "1", "100", "4"}, {"hei=100", "4", "100", "2"}};
    si_catalog *catalog = load();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_diag diag = {0};
        si_plan plan;
        char have[4096];
        si_request request = {.path = SI_STR("/is/image/coarse/shoe"),
            .query = si_str_of(rows[i].query),
            .headers = {.dpr = si_str_of(rows[i].dpr), .width = si_str_of(rows[i].width)}};
        assert_int_equal(si_plan_make(catalog, NULL, &request, &arena, &plan, &diag), SI_OK);
        assert_string_equal(recipe_field(plan.recipe_text, "dpr", have), rows[i].recipe_dpr);
        si_arena_free(&arena);
    }
    si_catalog_free(catalog);
}

static void test_cache_and_ttl(void **state) {
    (void)state;
    si_catalog *catalog = load();
    si_arena arena = {0};
    si_plan plan;
    si_diag diag = {0};
    assert_int_equal(plan_url(catalog, "acme/shoe", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.ttl, 24 * 3600);
    assert_int_equal(plan.vary, SI_USED_ACCEPT);
    assert_true(plan.client_cache && plan.server_cache && !plan.update);
    assert_true(plan.last_modified > 1000000000);
    assert_int_equal(plan_url(catalog, "plain/pic", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.ttl, 10 * 3600);
    assert_int_equal(plan.vary, 0);
    assert_int_equal(
        plan_url(catalog, "acme/shoe?cache=update", chrome, &arena, &plan, &diag), SI_OK);
    assert_true(plan.update && plan.server_cache);
    assert_int_equal(
        plan_url(catalog, "acme/shoe?cache=on,off", chrome, &arena, &plan, &diag), SI_OK);
    assert_true(plan.client_cache && !plan.server_cache);
    assert_true(plan.caching_by_address && !plan.by_address && !plan.cache_command_ignored);
    static const char *const ignored[] = {"nobody/pic?cache=off", "remote/pic?cache=update"};
    for (int i = 0; i < 2; i++) { /* docs/decisions.md, P43 */
        assert_int_equal(plan_url(catalog, ignored[i], chrome, &arena, &plan, &diag), SI_OK);
        assert_true(plan.server_cache && !plan.update && plan.cache_command_ignored);
        assert_int_equal(plan.client_cache, i == 1);
        assert_int_equal(plan.caching_by_address, i == 1);
    }
    assert_int_equal(
        plan_url(catalog, "acme/gone?defaultImage=none", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.ttl, 3600);
    assert_int_equal(
        plan_url(catalog, "acme/gone?req=exists", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.ttl, 360);
    assert_int_equal(plan_url(catalog, "acme/shoe?dpr=on", chrome, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.vary, SI_USED_ACCEPT | SI_USED_DPR);
    si_arena_free(&arena);
    si_catalog_free(catalog);
}

/* ---- configuration mistakes, each with its line ---- */

static void test_config_mistakes(void **state) {
    (void)state;
    static const mistake rows[] = {
        {"Bfc = true\nMaxPix = 30\n", 2, "MaxPix"},
        {"Bfc = perhaps\n", 1, "Bfc"},
        {"\n\nJpegQuality = 101\n", 3, "JpegQuality"},
        {"BkgColor = fff\n", 1, "BkgColor"},
        {"DprSteps = 1,2,2\n", 1, "DprSteps"},
        {"DprSteps = 2,1\n", 1, "DprSteps"},
        {"DprSteps = 0.5,1\n", 1, "DprSteps"},
        {"DprSteps = 1,2,\n", 1, "DprSteps"},
        {"DprSteps = 1,2,3,4,5,6,7,8,9\n", 1, "DprSteps"},
        {"DprHeader = X Density\n", 1, "DprHeader"},
        {"Bcf = true\n", 1, "unknown attribute"},
        {"[preset]\na = wid=1\n", 2, "unknown section"},
        {"[presets]\na b = wid=1\n", 2, "preset names"},
        {"[presets]\na = $a$\n", 2, "not defined above"},
        {"[presets]\na = $b$\nb = wid=1\n", 2, "not defined above"},
        {"[presets\n", 1, "]"},
        {"just words\n", 1, "name = value"},
        {"RootPath = /etc\n", 1, "RootPath"},
        {"RootId = other\n", 1, "RootId"},
        {"ResMode = nearest\n", 1, "ResMode"},
    };
    check_mistakes("bad.ini", ROWS(rows));
    assert_int_equal(unlink(in_folder("conf/companies/bad.ini")), 0);
}

/* ---- generations ---- */

static void test_generations(void **state) {
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/generations", folder);
    si_generations *g = NULL, *other = NULL;
    si_diag diag = {0};
    assert_int_equal(si_generations_open(path, &g, &diag), SI_OK);
    assert_int_equal(si_generations_open(path, &other, &diag), SI_OK);
    si_str acme = SI_STR("acme"), plain = SI_STR("plain"), shoe = SI_STR("shoe");
    uint64_t base = si_generation_of(g, acme, shoe);
    assert_true(base > 0 && si_generation_of(other, acme, shoe) == base);
    assert_int_equal(si_generation_purge_object(other, acme, SI_STR("shoe.jpg"), &diag), SI_OK);
    assert_true(si_generation_of(g, acme, shoe) == base);
    (void)si_generations_refresh(g);
    assert_true(si_generation_of(g, acme, shoe) == base + 1); /* extension or not, any process */
    assert_true(si_generation_of(g, plain, shoe) == base);
    assert_int_equal(si_generation_purge_company(g, plain, &diag), SI_OK);
    si_generations_refresh(other);
    assert_true(si_generation_of(other, plain, shoe) == base + 1);
    assert_int_equal(si_generation_purge_all(g, &diag), SI_OK);
    assert_true(si_generation_of(g, acme, shoe) == base + 2);
    assert_true(si_generation_of(NULL, acme, shoe) == 0);
    si_generations_close(g);
    si_generations_close(other);
    write_file("generations", "something else");
    assert_int_equal(si_generations_open(path, &g, &diag), SI_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_command),
        cmocka_unit_test(test_random_queries),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_changes_nothing_stays_out),
        cmocka_unit_test(test_slashes_of_the_context),
        cmocka_unit_test(test_held_ratio),
        cmocka_unit_test(test_own_steps),
        cmocka_unit_test(test_cache_and_ttl),
        cmocka_unit_test(test_config_mistakes),
        cmocka_unit_test(test_generations),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
