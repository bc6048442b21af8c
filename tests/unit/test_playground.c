/* What the playground is told and tells: queries of views, names and kinds of uploads, sessions,
 * the list of pictures, explanations. */
#include <math.h>
#include <utime.h>
#include <time.h>

#include <fcntl.h>

#include "base/json.h"
#include "base/uploads.h"
#include "plan/picture_list.h"
#include "plan/shown.h"
#include "render/read/original.h"
#include "renderer/explanation.h"
#include "shared_catalog.h"

static const char key[] = "0123456789abcdef0123456789abcdef";
static const char other[] = "0123456789abcdef0123456789abcdee";
static int uploads_fd;

static int set_up(void **state) {
    (void)state;
    char session[100];
    make_folders();
    make_dir("uploads");
    snprintf(session, sizeof session, "uploads/%s", key);
    make_dir(session);
    snprintf(session, sizeof session, "uploads/%s/mine.jpg", key);
    write_file(session, "a picture");
    write_file("root/acme/shoe.jpg", "a picture");
    write_file("root/acme/hat.png", "a picture");
    write_file("root/acme/hat.jpg", "another");
    write_file("root/acme/deep/sock.webp", "a picture");
    write_file("root/acme/.hidden.jpg", "a picture");
    write_file("root/acme/list.txt", "no picture");
    write_file("root/plain/x,y.jpg", "a picture");
    write_file("root/alone.tif", "a picture");
    write_file("conf/companies/default.ini", "FolderCompanies = true\n");
    write_file("conf/companies/acme.ini", "Bfc = true\n");
    write_file("conf/companies/twin.ini", "RootPath = acme\n");
    write_file("conf/companies/plain.ini", "ClientAddressFilter = 192.0.2.1\n");
    int result = share_catalog();
    uploads_fd = open(in_folder("uploads"), O_PATH | O_DIRECTORY);
    assert_true(uploads_fd >= 0);
    si_catalog_set_uploads(catalog, uploads_fd);
    return result;
}

static int clear_up(void **state) {
    close(uploads_fd);
    return tear_down(state);
}

/* ---- queries ---- */

static void test_queries(void **state) {
    (void)state;
    static const struct {
        const char *query, *path, *rest, *class; /* path NULL = refused */
        bool requested, png;
    } rows[] = {
        {"url=/is/image/a/b", "/is/image/a/b", NULL, "", false, false},
        {"url=%2Fis%2Fimage%2Fa%2Fb%3Fwid%3D1%26x%3D%2520", "/is/image/a/b", "wid=1&x=%20", "",
            false, false},
        {"url=/is/image/a%3F", "/is/image/a", "", "", false, false},
        {"class=avif%2Bwebp;dpr=2&url=/is/image/a", "/is/image/a", NULL, "avif+webp;dpr=2", false,
            false},
        {"url=/is/image/a&which=requested&as=png", "/is/image/a", NULL, "", true, true},
        {"url=/is/image/a&which=sent&class=", "/is/image/a", NULL, "", false, false},
        {"url=/is/image/%C3%BC", "/is/image/\xc3\xbc", NULL, "", false, false},
        {"", NULL, NULL, NULL, false, false},
        {"url=", NULL, NULL, NULL, false, false},
        {"url", NULL, NULL, NULL, false, false},
        {"class=webp", NULL, NULL, NULL, false, false},
        {"url=/is/image/a&url=/is/image/b", NULL, NULL, NULL, false, false},
        {"url=/is/image/a&other=1", NULL, NULL, NULL, false, false},
        {"url=/is/image/a&", NULL, NULL, NULL, false, false},
        {"url=/is/image/a&which=both", NULL, NULL, NULL, false, false},
        {"url=/is/image/a&as=jpg", NULL, NULL, NULL, false, false},
        {"url=/is/image", NULL, NULL, NULL, false, false},
        {"url=/is/imagea", NULL, NULL, NULL, false, false},
        {"url=is/image/a", NULL, NULL, NULL, false, false},
        {"url=//is/image/a", NULL, NULL, NULL, false, false},
        {"url=http://x/is/image/a", NULL, NULL, NULL, false, false},
        {"url=/is/content/a", NULL, NULL, NULL, false, false},
        {"url=/is/image/a%00", NULL, NULL, NULL, false, false},
        {"url=/is/image/a%20b", NULL, NULL, NULL, false, false},
        {"url=/is/image/a%0d%0aX:y", NULL, NULL, NULL, false, false},
        {"url=/is/image/a%23b", NULL, NULL, NULL, false, false},
        {"url=/is/image/a%5Cb", NULL, NULL, NULL, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_shown shown;
        si_diag diag = {0};
        si_result result = si_shown_read(si_str_of(rows[i].query), &arena, &shown, &diag);
        bool good = rows[i].path != NULL;
        if (result != (good ? SI_OK : SI_ERR_SYNTAX) || (good != (diag.code == SI_OK))) {
            fail_msg("%s: %d %s", rows[i].query, result, diag.text);
        }
        if (good && (!si_str_eq(shown.path, si_str_of(rows[i].path)) ||
                        (rows[i].rest == NULL) != (shown.query.p == NULL) ||
                        !si_str_eq(shown.query, si_str_of(rows[i].rest)) ||
                        !si_str_eq(shown.class, si_str_of(rows[i].class)) ||
                        shown.requested != rows[i].requested || shown.png != rows[i].png)) {
            fail_msg("%s is read wrongly", rows[i].query);
        }
        si_arena_free(&arena);
    }
}

static si_result plan_shown(
    const char *query, bool explanation, si_arena *arena, si_plan *plan, si_diag *diag) {
    si_request request = {.path = SI_STR("/.smartimg/view"),
        .query = si_str_of(query),
        .address = SI_STR("127.0.0.1"),
        .headers.accept = si_str_of(chrome)};
    return si_shown_plan(catalog, NULL, &request, explanation, arena, plan, diag);
}

static void test_plans(void **state) {
    (void)state;
    si_arena arena = {0};
    si_plan plan, plain;
    si_diag diag = {0};
    assert_int_equal(
        plan_shown("url=/is/image/acme/shoe?wid=9", false, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan_url(catalog, "acme/shoe?wid=9", chrome, &arena, &plain, &diag), SI_OK);
    assert_string_equal(plan.recipe_text, plain.recipe_text);
    assert_true(plan.by_address && plan.server_cache && plan.client_cache);
    assert_int_equal(plan.show, SI_SHOW_REPLY);
    assert_in_range(plan.ttl, 1, SI_SHOWN_SECONDS);
    assert_int_equal(
        plan_shown("url=/is/image/acme/shoe&as=png", false, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.show, SI_SHOW_PNG);
    assert_false(plan.server_cache);
    assert_int_equal(
        plan_shown("url=/is/image/acme/shoe&which=requested", true, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.show, SI_SHOW_EXPLANATION);
    assert_false(plan.server_cache || plan.client_cache);
    assert_true(plan.recipe.smart); /* it explains both */
    assert_int_equal(
        plan_shown("url=/is/image/acme/shoe&which=requested", false, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan_url(catalog, "acme/shoe?bfc=off", chrome, &arena, &plain, &diag), SI_OK);
    assert_string_equal(plan.recipe_text, plain.recipe_text);
    assert_int_equal(
        plan_shown("url=/is/image/acme/shoe&class=jp2;dpr=3", false, &arena, &plan, &diag), SI_OK);
    assert_int_equal(plan.client.formats, SI_FORMAT_BIT(SI_FORMAT_JP2));
    assert_true(plan.client.dpr == 3);
    si_arena_free(&arena);
}

static void test_refused_plans(void **state) {
    (void)state;
    static const struct {
        const char *query;
        si_result result;
    } rows[] = {
        {"url=/is/image/acme/none", SI_ERR_NOT_FOUND},
        {"url=/is/image/plain/x", SI_ERR_FORBIDDEN}, /* for another address */
        {"url=/is/image/acme/shoe?req=exists", SI_ERR_UNSUPPORTED},
        {"url=/is/image/acme/shoe?req=props", SI_ERR_UNSUPPORTED},
        {"url=/is/image/~uploads/0123456789abcdef0123456789abcdef/mine.jpg", SI_ERR_CONTEXT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        si_arena arena = {0};
        si_plan plan;
        si_diag diag = {0};
        si_result result = plan_shown(rows[i].query, true, &arena, &plan, &diag);
        if (result != rows[i].result || diag.code != result || plan.show != SI_SHOW_EXPLANATION ||
            plan.shape.body != SI_BODY_TEXT) {
            fail_msg("%s: %d %s", rows[i].query, result, diag.text);
        }
        si_arena_free(&arena);
    }
}

static void test_errors(void **state) {
    (void)state;
    si_arena arena = {0};
    si_str text = si_shown_error(SI_STR("no \"such\" thing\n"), 404, &arena);
    assert_true(
        si_str_eq(text, SI_STR("{\"error\":\"no \\u0022such\\u0022 thing\",\"status\":404}\n")));
    si_arena_free(&arena);
}

/* ---- uploads ---- */

static void test_kinds_of_uploads(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *extension;
    } rows[] = {{"\xff\xd8\xff\xe0", 4, "jpg"}, {"\xff\xd8", 2, NULL},
        {"\x89PNG\r\n\x1a\n", 8, "png"}, {"GIF89a", 6, "gif"}, {"GIF90a", 6, NULL},
        {"RIFF\0\0\0\0WEBPVP8 ", 16, "webp"}, {"RIFF\0\0\0\0WAVEfmt ", 16, NULL},
        {"xxxxWEBPWEBP", 12, NULL},
        {"\0\0\0\x20"
         "ftypavif",
            12, "avif"},
        {"\0\0\0\x20"
         "ftypmp42",
            12, NULL},
        {"II*\0", 4, "tif"}, {"MM\0*", 4, "tif"}, {"<svg xmlns", 10, "svg"}, {"<?xml ", 6, "svg"},
        {"<html>", 6, NULL}, {"%PDF-1.4", 8, NULL}, {"", 0, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *have = si_upload_kind(rows[i].bytes, rows[i].len);
        if ((have == NULL) != (rows[i].extension == NULL) ||
            (have != NULL && strcmp(have, rows[i].extension) != 0)) {
            fail_msg("row %zu: %s", i, have != NULL ? have : "none");
        }
        if (have != NULL) {
            assert_non_null(si_kind_of_extension(si_str_of(have)));
        }
    }
}

/* The list's kinds are those that renderers know. */
static void test_kinds_of_extensions(void **state) {
    (void)state;
    static const char *const extensions[] = {"jpg", ".JPEG", "png", "gif", "webp", "avif", "heic",
        "heif", "tif", "tiff", "jp2", "j2k", "svg", "jxl"};
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const char *kind = si_kind_of_extension(si_str_of(extensions[i]));
        assert_non_null(kind);
        assert_int_not_equal(si_kind_by_name(si_str_of(kind)), SI_KIND_NONE);
        seen |= 1u << si_kind_by_name(si_str_of(kind));
    }
    for (int i = SI_KIND_NONE + 1; i < SI_KIND_COUNT; i++) {
        assert_true(seen & 1u << i);
    }
    assert_null(si_kind_of_extension(SI_STR("txt")));
    assert_null(si_kind_of_extension(SI_STR("")));
}

static void test_names_of_uploads(void **state) {
    (void)state;
    static const struct {
        const char *wanted;
        int number;
        const char *name;
    } rows[] = {{"night.jpg", 1, "night.png"}, {"night.jpg", 2, "night-2.png"},
        {"night", 1, "night.png"}, {"a%20b.x.jpg", 1, "a-b-x.png"},
        {"../../etc/passwd", 1, "passwd.png"}, {"C:\\x\\y.bmp", 1, "y.png"}, {"", 1, "picture.png"},
        {"...", 3, "picture-3.png"}, {"%2e%2e%2f", 1, "picture.png"}, {"%00%0a", 1, "picture.png"},
        {"\xc3\xbc-", 1, "picture.png"}, {"--x--", 1, "--x.png"},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 200,
            "abcdefghijklmnopqrstuvwxyzabcdefghij-200.png"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[SI_UPLOAD_NAME + 1], path[100];
        assert_string_equal(
            si_upload_make_name(si_str_of(rows[i].wanted), rows[i].number, "png", name),
            rows[i].name);
        snprintf(path, sizeof path, "%s/%s", key, name);
        assert_true(si_upload_is_of(si_str_of(path), si_str_of(key)));
        assert_false(si_upload_is_of(si_str_of(path), si_str_of(other)));
    }
}

static void test_paths_of_uploads(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "/", "x", "/../x.jpg", "/.x", "/a.b.c", "/a",
        "/a/b.jpg", "//a.jpg", "/a b.jpg", "/a%2e.jpg",
        "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.jpg"};
    char path[200];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(path, sizeof path, "%s%s", key, wrong[i]);
        if (si_upload_is_of(si_str_of(path), si_str_of(key))) {
            fail_msg("%s", path);
        }
    }
    snprintf(path, sizeof path, "%s/a.jpg", key);
    assert_true(si_upload_is_of(si_str_of(path), si_str_of(key)));
    assert_false(si_upload_is_of(si_str_of("/a.jpg"), SI_STR("")));
    assert_false(si_upload_is_token(SI_STR("0123456789ABCDEF0123456789ABCDEF")));
    assert_false(si_upload_is_token(SI_STR("0123456789abcdef0123456789abcde")));
    assert_string_equal(si_upload_name("/uploads/k/n.jpg"), "k/n.jpg");
    assert_null(si_upload_name("uploads/k/n.jpg"));
    assert_null(si_upload_name("/upload"));
}

static void test_finding_uploads(void **state) {
    (void)state;
    si_arena arena = {0};
    si_file file;
    char path[100];
    snprintf(path, sizeof path, "%s/mine.jpg", key);
    si_str object = si_str_of(path);
    assert_int_equal(
        si_catalog_find_upload(catalog, object, si_str_of(key), &arena, &file, NULL), SI_OK);
    assert_int_equal(file.size, 9);
    assert_string_equal(si_upload_name(file.path), path);
    assert_int_equal(si_catalog_find_upload(catalog, object, si_str_of(other), &arena, &file, NULL),
        SI_ERR_CONTEXT);
    assert_int_equal(
        si_catalog_find_upload(catalog, object, SI_STR(""), &arena, &file, NULL), SI_ERR_CONTEXT);
    char name[200];
    snprintf(name, sizeof name, "uploads/%s", path);
    struct utimbuf old = {time(NULL) - SI_UPLOAD_SECONDS - 1, time(NULL) - SI_UPLOAD_SECONDS - 1};
    assert_int_equal(utime(in_folder(name), &old), 0);
    assert_int_equal(si_catalog_find_upload(catalog, object, si_str_of(key), &arena, &file, NULL),
        SI_ERR_CONTEXT);
    assert_int_equal(utime(in_folder(name), NULL), 0);
    /* not by the functions that look below the root, whatever the company */
    const si_company *company =
        si_catalog_find_company(catalog, SI_STR(SI_UPLOADS_COMPANY), &arena);
    assert_true(company != NULL && si_company_has_uploads(company));
    assert_int_not_equal(si_catalog_find(catalog, company, object, &arena, &file, NULL), SI_OK);
    si_arena_free(&arena);
}

/* What is made of an upload is for its client, and not kept. */
static void test_plans_of_uploads(void **state) {
    (void)state;
    static const char *const urls[] = {"/is/image/~uploads/%s/mine.jpg", "/is/image/acme/shoe"};
    static const char *const queries[] = {"wid=5", "layer=1&src=~uploads/%s/mine.jpg"};
    for (int i = 0; i < 2; i++) {
        for (int own = 0; own < 2; own++) {
            si_arena arena = {0};
            si_plan plan;
            si_diag diag = {0};
            char path[200], query[200];
            snprintf(path, sizeof path, urls[i], key);
            snprintf(query, sizeof query, queries[i], key);
            si_request request = {.path = si_str_of(path),
                .query = si_str_of(query),
                .address = SI_STR("127.0.0.1"),
                .session = own ? si_str_of(key) : si_str_of(other)};
            si_result result = si_plan_make(catalog, NULL, &request, &arena, &plan, &diag);
            assert_int_equal(result, own ? SI_OK : SI_ERR_CONTEXT);
            assert_true(!own || (plan.by_address && !plan.server_cache && plan.last_modified == 0));
            si_arena_free(&arena);
        }
    }
}

/* ---- the list ---- */

static void check_list(const char *session, const char *kinds, const char *want) {
    si_bytes out = {0};
    si_request request = {.address = SI_STR("127.0.0.1"), .session = si_str_of(session)};
    assert_true(si_picture_list(catalog, &request, si_str_of(kinds), &out));
    assert_true(si_bytes_append(&out, "", 1));
    if (strcmp((const char *)out.data, want) != 0) {
        fail_msg("%s\nis not\n%s", (const char *)out.data, want);
    }
    si_bytes_free(&out);
}

#define END "\"uploads\":{\"on\":true,\"max_bytes\":20971520,\"seconds\":3600}}\n"

static void test_list(void **state) {
    (void)state;
    static const char rest[] = "\n{\"id\":\"alone\",\"bytes\":9,\"kind\":\"tiff\"},"
                               "\n{\"id\":\"acme/hat\",\"bytes\":7,\"kind\":\"jpeg\"},"
                               "\n{\"id\":\"acme/hat.png\",\"bytes\":9,\"kind\":\"png\"},"
                               "\n{\"id\":\"acme/shoe\",\"bytes\":9,\"kind\":\"jpeg\"},"
                               "\n{\"id\":\"acme/deep/sock\",\"bytes\":9,\"kind\":\"webp\"}],"
                               "\"truncated\":false,\"companies\":[\"acme\"]," END;
    char want[2000];
    snprintf(want, sizeof want, "{\"pictures\":[%s", rest);
    check_list("", "", want);
    check_list(other, "", want);
    snprintf(want, sizeof want,
        "{\"pictures\":[\n{\"id\":\"~uploads/%s/mine.jpg\",\"bytes\":9,\"kind\":\"jpeg\"},%s", key,
        rest);
    check_list(key, "", want);
    check_list("", "png,webp",
        "{\"pictures\":[\n{\"id\":\"acme/hat.png\",\"bytes\":9,\"kind\":\"png\"},"
        "\n{\"id\":\"acme/deep/sock\",\"bytes\":9,\"kind\":\"webp\"}],"
        "\"truncated\":false,\"companies\":[\"acme\"]," END);
}

static void test_long_lists(void **state) {
    (void)state;
    make_dir("root/many");
    make_dir("root/more");
    for (int i = 0; i < SI_PICTURE_LIST_OF_COMPANY + 5; i++) {
        char name[100];
        snprintf(name, sizeof name, "root/many/%03d.jpg", i);
        write_file(name, "");
        snprintf(name, sizeof name, "root/more/%03d.jpg", i);
        write_file(name, "");
    }
    si_bytes out = {0};
    si_request request = {.address = SI_STR("127.0.0.1")};
    assert_true(si_picture_list(catalog, &request, SI_STR(""), &out));
    assert_true(si_bytes_append(&out, "", 1));
    const char *text = (const char *)out.data;
    int count = 0;
    for (const char *at = text; (at = strstr(at, "\"id\":")) != NULL; at++) {
        count++;
    }
    assert_true(count > SI_PICTURE_LIST_OF_COMPANY && count <= SI_PICTURE_LIST_MAX);
    assert_non_null(strstr(text, "\"truncated\":true"));
    assert_non_null(strstr(text, "\"companies\":[\"acme\",\"many\",\"more\"]"));
    assert_non_null(strstr(text, "\"many/099\""));
    assert_null(strstr(text, "\"many/100\""));
    si_bytes_free(&out);
}

/* Companies that refuse everybody, or this client, do not use up what the others have. */
static void test_lists_past_closed_companies(void **state) {
    (void)state;
    si_bytes out = {0};
    si_request request = {.address = SI_STR("192.0.2.1")};
    char name[100];
    make_dir("root/barred");
    for (int i = 0; i < SI_PICTURE_LIST_PLANS; i++) {
        snprintf(name, sizeof name, "root/barred/%03d.jpg", i);
        write_file(name, "");
    }
    write_file("conf/companies/barred.ini", "ClientAddressFilter = 192.0.2.9\n");
    si_catalog *again = load();
    assert_true(si_picture_list(again, &request, SI_STR(""), &out));
    assert_true(si_bytes_append(&out, "", 1));
    assert_null(strstr((const char *)out.data, "barred"));
    assert_non_null(strstr((const char *)out.data, "\"companies\":[\"acme\",\"many\",\"more\"]"));
    assert_non_null(strstr((const char *)out.data, "\"uploads\":{\"on\":false"));
    si_bytes_free(&out);
    si_catalog_free(again);
}

/* ---- explanations ---- */

static void test_explanations(void **state) {
    (void)state;
    si_answer a = {.status = 200, .width = 4, .height = 3};
    a.choice =
        (si_choice){.format = SI_FORMAT_WEBP, .candidate_count = 2, .winner = 1, .target = 80};
    a.choice.candidates[0] = (si_candidate){.format = SI_FORMAT_JPEG,
        .settings = "quality \"80\"",
        .bytes = 100,
        .score = 80,
        .requested = true};
    a.choice.candidates[1] = (si_candidate){.format = SI_FORMAT_WEBP,
        .bytes = 50,
        .score = NAN,
        .encode_ms = 1.5,
        .verdict = SI_VERDICT_WINNER};
    si_explained x = {
        .client = SI_STR("webp"), .recipe = SI_STR("smartimg/1.1"), .answer = &a, .total_ms = 2.25};
    si_bytes out = {0};
    assert_true(si_explanation_json(&x, &out) && si_bytes_append(&out, "", 1));
#define ASKED                                                                                      \
    "{\"format\":\"jpeg\",\"settings\":\"quality "                                                 \
    "\\u002280\\u0022\",\"bytes\":100,\"score\":80.0000"
#define SENT "{\"format\":\"webp\",\"settings\":\"\",\"bytes\":50,\"score\":null"
    assert_string_equal(out.data,
        "{\"client\":\"webp\",\"recipe\":\"smartimg/1.1\",\"target\":80.0000,\"requested\":" ASKED
        "},\"sent\":" SENT "},\"candidates\":[\n" ASKED
        ",\"encode_ms\":0.000,\"score_ms\":0.000,\"verdict\":\"requested\"},\n" SENT
        ",\"encode_ms\":1.500,\"score_ms\":0.000,\"verdict\":\"winner\"}],\"width\":4,\"height\":3,"
        "\"total_ms\":2.2}\n");
    si_bytes_free(&out);
    si_diag diag = {0};
    (void)si_fail(&diag, SI_ERR_RANGE, "wid: too \"large\"");
    si_answer_error(&diag, &a);
    a.retry_after = 1;
    si_answer_show(&a, SI_SHOW_EXPLANATION, &x, 0);
    assert_true(si_bytes_append(&a.body, "", 1));
    assert_string_equal(a.body.data,
        "{\"error\":\"value out of range: wid: too \\u0022large\\u0022\",\"status\":403}\n");
    assert_string_equal(a.content_type, "application/json");
    assert_int_equal(a.status, 403);
    assert_int_equal(a.retry_after, 1);
    si_answer_free(&a);
}

static void test_pixels_that_cannot_be_shown(void **state) {
    (void)state;
    si_answer a = {.status = 200};
    a.choice.format = SI_FORMAT_PDF;
    assert_true(si_bytes_append(&a.body, "%PDF-1.4", 8));
    si_answer_show(&a, SI_SHOW_PNG, NULL, 0);
    assert_int_equal(a.status, 403);
    si_answer_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_refused_plans),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_kinds_of_uploads),
        cmocka_unit_test(test_kinds_of_extensions),
        cmocka_unit_test(test_names_of_uploads),
        cmocka_unit_test(test_paths_of_uploads),
        cmocka_unit_test(test_finding_uploads),
        cmocka_unit_test(test_plans_of_uploads),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_lists_past_closed_companies),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_pixels_that_cannot_be_shown),
    };
    return cmocka_run_group_tests(tests, set_up, clear_up);
}
