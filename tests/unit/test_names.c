/* Names of originals: letters of extensions, what is hidden, links that lead out, and suggestions
 * (catalog.h, listing.h, plan/suggest.c); and what holds without a configuration folder. */
#include "base/clock.h"
#include "catalog/listing.h"
#include "plans.h"

#include <stdbool.h>

static void remove_all(void) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'/conf/companies/* '%s'/root/*", folder, folder);
    assert_int_equal(system(command), 0);
    make_dir("root/acme");
    write_file("conf/companies/default.ini", "FolderCompanies = true\n");
}

/* The file that a URL of the company acme means, "" if there is none. */
static const char *file_of(const si_catalog *c, const char *object) {
    static char found[400];
    si_arena arena = {0};
    si_file file;
    found[0] = '\0';
    const si_company *acme = si_catalog_find_company(c, SI_STR("acme"), &arena);
    assert_non_null(acme);
    if (si_catalog_find(c, acme, si_str_of(object), &arena, &file, NULL) == SI_OK) {
        snprintf(found, sizeof found, "%s", file.path);
    }
    si_arena_free(&arena);
    return found;
}

typedef struct name {
    const char *object, *file;
} name;

static void check_names(const si_catalog *c, const name *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *have = file_of(c, rows[i].object);
        if (strcmp(have, rows[i].file) != 0) {
            fail_msg("%s is \"%s\", not \"%s\"", rows[i].object, have, rows[i].file);
        }
    }
}

static void letters_of_extensions_may_be_of_either_case(void **state) {
    (void)state;
    remove_all();
    make_dir("root/acme/deep.JPG");
    static const char *const files[] = {"shoe.JPG", "sock.Png", "hat.jpg", "hat.JPG", "both.png",
        "both.JPG", "deep.JPG/x.Tiff", "plain"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[100];
        snprintf(path, sizeof path, "root/acme/%s", files[i]);
        write_file(path, "x");
    }
    si_catalog *c = load();
    static const name rows[] = {{"shoe", "acme/shoe.JPG"}, {"shoe.jpg", "acme/shoe.JPG"},
        {"shoe.JPG", "acme/shoe.JPG"}, {"shoe.Jpg", "acme/shoe.JPG"}, {"sock", "acme/sock.Png"},
        {"sock.PNG", "acme/sock.Png"}, {"sock.jpg", ""}, {"shoe.png", ""}, {"SHOE.JPG", ""},
        {"hat", "acme/hat.jpg"}, {"hat.JPG", "acme/hat.JPG"}, {"hat.Jpg", "acme/hat.jpg"},
        {"both", "acme/both.png"}, {"both.jpg", "acme/both.JPG"},
        {"deep.JPG/x", "acme/deep.JPG/x.Tiff"}, {"deep.jpg/x", ""}, {"plain", "acme/plain"},
        {"deep", ""}};
    check_names(c, ROWS(rows));
    si_catalog_free(c);
}

static void hidden_files_are_not_served(void **state) {
    (void)state;
    remove_all();
    make_dir("root/acme/.deep");
    make_dir("root/.secret");
    write_file("root/acme/.shoe.jpg", "x");
    write_file("root/acme/.deep/shoe.jpg", "x");
    write_file("root/.secret/shoe.jpg", "x");
    write_file("root/acme/shoe.jpg", "x");
    write_file("conf/companies/acme.ini",
        "StaticContentRootPath = acme\n[objects]\nhidden = .shoe.jpg\nplain = shoe.jpg\n");
    si_catalog *c = load();
    static const name rows[] = {
        {".shoe", ""}, {".shoe.jpg", ""}, {".deep/shoe", ""}, {"shoe", "acme/shoe.jpg"}};
    check_names(c, ROWS(rows));
    static const refusal requests[] = {{"acme/.shoe", SI_ERR_NOT_FOUND, NULL},
        {"acme/hidden", SI_ERR_NOT_FOUND, NULL}, {"acme/plain", SI_OK, NULL},
        {".secret/shoe", SI_ERR_NOT_FOUND, NULL}, {"acme/plain?src=.shoe", SI_ERR_NOT_FOUND, NULL},
        {"acme/plain?mask=.deep/shoe", SI_ERR_NOT_FOUND, NULL}};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        si_result result = plan_url(c, requests[i].url, chrome, &arena, &plan, &diag);
        if (result != requests[i].result || strstr(diag.text, "did you mean \".") != NULL) {
            fail_msg("%s: %d, %s", requests[i].url, result, diag.text);
        }
        si_arena_free(&arena);
    }
    si_arena arena = {0};
    si_file file;
    const si_company *acme = si_catalog_find_company(c, SI_STR("acme"), &arena);
    assert_int_equal(si_catalog_find_static(c, acme, SI_STR(".shoe.jpg"), &arena, &file, NULL),
        SI_ERR_NOT_FOUND);
    assert_int_equal(
        si_catalog_find_static(c, acme, SI_STR("shoe.jpg"), &arena, &file, NULL), SI_OK);
    assert_int_equal(
        si_catalog_find_exact(c, acme, SI_STR(".shoe.jpg"), &arena, &file, NULL), SI_ERR_NOT_FOUND);
    si_arena_free(&arena);
    si_catalog_free(c);
}

/* ---- links ---- */

static int told;
static char last_told[200];

static void tell(void *context, const char *path) {
    assert_ptr_equal(context, &told);
    told++;
    snprintf(last_told, sizeof last_told, "%s", path);
}

static void links_that_lead_out_are_told_once(void **state) {
    (void)state;
    remove_all();
    write_file("outside.jpg", "x");
    write_file("root/acme/inside.jpg", "x");
    assert_int_equal(symlink("../../outside.jpg", in_folder("root/acme/out.jpg")), 0);
    assert_int_equal(symlink(in_folder("outside.jpg"), in_folder("root/acme/absolute.jpg")), 0);
    assert_int_equal(symlink("inside.jpg", in_folder("root/acme/in.jpg")), 0);
    assert_int_equal(symlink("nowhere.jpg", in_folder("root/acme/dangling.jpg")), 0);
    si_catalog *c = load();
    static const name rows[] = {{"out", ""}, {"in", "acme/in.jpg"}, {"dangling", ""}};
    check_names(c, ROWS(rows)); /* nobody listens */
    si_catalog_on_outside(c, tell, &told);
    check_names(c, ROWS(rows));
    assert_int_equal(told, 1);
    assert_string_equal(last_told, "acme/out.jpg");
    check_names(c, ROWS(rows));
    assert_string_equal(file_of(c, "out.jpg"), "");
    assert_int_equal(told, 1);
    assert_string_equal(file_of(c, "absolute"), "");
    assert_int_equal(told, 2);
    assert_string_equal(last_told, "acme/absolute.jpg");
    assert_int_equal(symlink("..", in_folder("root/acme/in")), 0);
    assert_int_equal(symlink("../..", in_folder("root/acme/up")), 0);
    assert_string_equal(file_of(c, "in/acme/inside"), "acme/in/acme/inside.jpg");
    assert_string_equal(file_of(c, "up/outside"), ""); /* the link, whatever is behind it */
    assert_string_equal(file_of(c, "up/root/acme/inside"), "");
    assert_int_equal(told, 3);
    assert_string_equal(last_told, "acme/up");
    si_catalog_free(c);
}

/* ---- suggestions ---- */

typedef struct hint {
    const char *url, *name; /* NULL = none */
    const char *address;    /* plan->nearest, or NULL */
} hint;

static void check_hints(const si_catalog *c, const hint *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        char wanted[200] = "not found";
        if (rows[i].name != NULL) {
            snprintf(wanted, sizeof wanted, "; did you mean \"%s\"?", rows[i].name);
        }
        si_result result = plan_url(c, rows[i].url, chrome, &arena, &plan, &diag);
        const bool hinted = strstr(diag.text, "did you mean") != NULL;
        const bool address =
            rows[i].address == NULL
                ? plan.nearest == NULL
                : plan.nearest != NULL && strcmp(plan.nearest, rows[i].address) == 0;
        if (result == SI_OK || hinted != (rows[i].name != NULL) || !address ||
            (hinted && strstr(diag.text, wanted) == NULL)) {
            fail_msg("%s: %s, %s", rows[i].url, diag.text,
                plan.nearest != NULL ? plan.nearest : "no address");
        }
        si_arena_free(&arena);
    }
}

static void make_shop(void) {
    remove_all();
    make_dir("root/acme/deep");
    write_file("root/acme/shoe.jpg", "x");
    write_file("root/acme/deep/red hat.png", "x");
    write_file("root/acme/notes.txt", "x");
    write_file("root/acme/.hidden.jpg", "x");
    write_file("root/top-level.jpg", "x");
}

static void the_nearest_name_is_suggested(void **state) {
    (void)state;
    make_shop();
    si_catalog *c = load();
    static const hint rows[] = {{"acme/shoo", "shoe", "/is/image/acme/shoe"},
        {"acme/SHOE.png?wid=5", "shoe", "/is/image/acme/shoe?wid=5"},
        {"acm/shoo?wid=5", "acme/shoe", "/is/image/acme/shoe?wid=5"},
        {"acme/depe/red%20hut", "deep/red hat", "/is/image/acme/deep/red%20hat"},
        {"top-levels", "top-level", "/is/image/top-level"}, {"acme/shirt", NULL, NULL},
        {"acme/note", NULL, NULL}, {"acme/hidden", NULL, NULL}, {"acme/shoe/shoe", NULL, NULL},
        {"acme/shoe?layer=1&src=shoo", "shoe", NULL}, {"acme/shoe?$shadwo$", "$shadow$", NULL},
        {"acme/shoe?$nothing$", NULL, NULL}, {"acme/..", NULL, NULL}};
    check_hints(c, ROWS(rows));
    si_catalog_free(c);
}

static void what_is_protected_is_not_suggested(void **state) {
    (void)state;
    static const char *const protections[] = {"RequestLock = true\n", "RequestObfuscation = 1\n",
        "ClientAddressFilter = 127.0.0.1\n", "ErrorDetail = 1\n", "AllowDirectAccess =\n"};
    static const hint rows[] = {{"acme/shoo", NULL, NULL}, {"acme/shoe?$secrit$", NULL, NULL}};
    static const hint from_outside[] = {{"acm/shoe", NULL, NULL}, {"acm/shoo", NULL, NULL}};
    for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
        char text[200];
        make_shop();
        snprintf(text, sizeof text, "%s[presets]\nhidden = wid=5\n", protections[i]);
        write_file("conf/companies/acme.ini", text);
        si_catalog *c = load();
        check_hints(c, rows, i == 4 ? 1 : 2);
        check_hints(c, from_outside, i == 3 ? 0 : 2);
        si_catalog_free(c);
    }
}

static void records_are_suggested(void **state) {
    (void)state;
    make_shop();
    write_file("conf/companies/acme.ini", "[objects]\nsummer-sale = shoe.jpg\nlost = gone.jpg\n");
    si_catalog *c = load();
    static const hint rows[] = {{"acme/sumer-sale", "summer-sale", "/is/image/acme/summer-sale"},
        {"acme/lots", NULL, NULL}, {"acme/lost", NULL, NULL}};
    check_hints(c, ROWS(rows));
    si_catalog_free(c);
}

/* Huge folders are not read to their end, and nothing is made of their beginning. */
static void huge_folders_give_no_suggestion(void **state) {
    (void)state;
    make_shop();
    for (int i = 0; i < 1000; i++) {
        char path[100];
        snprintf(path, sizeof path, "root/acme/n%d.jpg", i);
        write_file(path, "");
    }
    si_catalog *c = load();
    static const hint rows[] = {{"acme/shoo", NULL, NULL},
        {"acme/deep/red%20hut", "deep/red hat", "/is/image/acme/deep/red%20hat"}};
    check_hints(c, ROWS(rows));
    si_catalog_free(c);
}

/* Who asks for what is not there all the time costs no more than a hundred listings a second. */
static void suggestions_are_rationed(void **state) {
    (void)state;
    enum { ASKED = 2000 };
    make_shop();
    si_catalog *c = load();
    int told_times = 0;
    const int64_t start = si_now_ns();
    for (int asked = 0; asked < ASKED; asked++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        assert_int_equal(plan_url(c, "acme/shoo", chrome, &arena, &plan, &diag), SI_ERR_NOT_FOUND);
        told_times += plan.nearest != NULL;
        si_arena_free(&arena);
    }
    /* within any second there are two hundred at most: the end of one count, and another one */
    const int64_t seconds = (si_now_ns() - start) / SI_SECOND + 1;
    assert_true(told_times <= (seconds + 1) * SI_LISTINGS_PER_SECOND);
    assert_true(told_times >= SI_LISTINGS_PER_SECOND);
    si_catalog_free(c);
}

/* ---- without a configuration folder ---- */

static void a_folder_alone_converts_and_adapts(void **state) {
    (void)state;
    make_shop();
    si_catalog *alone = NULL, *configured = load();
    assert_int_equal(si_catalog_load(NULL, in_folder("root"), NULL, NULL, &alone, NULL), SI_OK);
    const si_catalog *both[] = {configured, alone};
    for (int i = 0; i < 2; i++) {
        si_arena arena = {0};
        const si_company *acme = si_catalog_find_company(both[i], SI_STR("acme"), &arena);
        assert_int_equal(acme->attributes.bfc, i);
        assert_int_equal(acme->attributes.dpr, i);
        assert_int_equal(si_catalog_default(both[i])->attributes.bfc, i);
        si_plan plan;
        si_diag diag = {0};
        assert_int_equal(plan_url(both[i], "acme/shoe", chrome, &arena, &plan, &diag), SI_OK);
        assert_int_equal(plan.recipe.ladder_len > 0, i);
        assert_int_equal(plan.accept_ch != 0, i);
        si_arena_free(&arena);
    }
    si_catalog_free(alone);
    si_catalog_free(configured);
}

static int set_up(void **state) {
    (void)state;
    make_config_folder();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_extensions_may_be_of_either_case),
        cmocka_unit_test(hidden_files_are_not_served),
        cmocka_unit_test(links_that_lead_out_are_told_once),
        cmocka_unit_test(the_nearest_name_is_suggested),
        cmocka_unit_test(what_is_protected_is_not_suggested),
        cmocka_unit_test(records_are_suggested),
        cmocka_unit_test(huge_folders_give_no_suggestion),
        cmocka_unit_test(suggestions_are_rationed),
        cmocka_unit_test(a_folder_alone_converts_and_adapts),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
