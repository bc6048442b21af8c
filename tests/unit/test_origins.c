/* Origins: their sections, finding objects in them, the paths of recipes, keys (docs/sources.md).
 */
#include "catalog_fixture.h"

#include "catalog/origins.h"
#include "source/origin_keys.h"

/* ---- what is told ---- */

typedef struct told {
    const char *origin, *key;
    si_origin_state state;
} told;

static const told *told_rows;
static size_t told_count;
static char asked[2000]; /* "NAME@OWNER:KEY,EXTENSION " each */

static si_origin_state look(void *context, const si_origin_question *q, si_origin_answer *out) {
    size_t n = strlen(asked);
    (void)context;
    snprintf(asked + n, sizeof asked - n, "%s@%s:%s,%s ", q->origin->name, q->origin->owner, q->key,
        q->extension);
    for (size_t i = 0; i < told_count; i++) {
        if (strcmp(told_rows[i].origin, q->origin->name) == 0 &&
            strcmp(told_rows[i].key, q->key) == 0) {
            *out =
                (si_origin_answer){.size = 77, .time = 1000, .version = 0xabc, .extension = ".png"};
            return told_rows[i].state;
        }
    }
    return SI_ORIGIN_MISSING;
}

static void find(const si_catalog *c, const char *company, const char *object, si_result result,
    const char *path, const char *questions) {
    si_arena arena = {0};
    si_file file = {0};
    si_diag diag = {0};
    asked[0] = '\0';
    assert_int_equal(
        si_catalog_find(c, company_of(c, company), si_str_of(object), &arena, &file, &diag),
        result);
    if (result == SI_OK) {
        assert_string_equal(file.path, path);
    } else {
        assert_int_equal(diag.code, result);
    }
    assert_string_equal(asked, questions);
    si_arena_free(&arena);
}

static si_catalog *load_with(const told *rows, size_t count) {
    si_catalog *c = load();
    told_rows = rows;
    told_count = count;
    si_catalog_on_origins(c, look, NULL);
    return c;
}

static void test_order(void **state) {
    (void)state;
    static const told rows[] = {{"one", "shop/a", SI_ORIGIN_FOUND},
        {"two", "shop/b", SI_ORIGIN_FOUND}, {"one", "shop/down", SI_ORIGIN_FAILED},
        {"two", "shop/down", SI_ORIGIN_FOUND}, {"one", "shop/new", SI_ORIGIN_UNKNOWN},
        {"two", "deep/x.tif", SI_ORIGIN_FOUND}};
    write_company(
        "default", "[source two]\nBucket = b\n[source one]\nUrl = http://default.example\n");
    write_company("shop", "Sources = folder, one, two\nDefaultExt = .tif\n"
                          "[source one]\nUrl = https://one.example/\n");
    write_company("deep", "Sources = two\n");
    make_dir("root/shop");
    write_file("root/shop/local.png", "x");
    si_catalog *c = load_with(ROWS(rows));
    find(c, "shop", "local", SI_OK, "shop/local.png", "");
    find(c, "shop", "a", SI_OK, "/origin/one@shop/0000000000000abc/shop/a.png",
        "one@shop:shop/a,.tif ");
    find(c, "shop", "b", SI_OK, "/origin/two@/0000000000000abc/shop/b.png",
        "one@shop:shop/b,.tif two@:shop/b,.tif ");
    find(c, "shop", "none", SI_ERR_NOT_FOUND, NULL, "one@shop:shop/none,.tif two@:shop/none,.tif ");
    /* the next may have another picture of that name */
    find(c, "shop", "down", SI_ERR_IO, NULL, "one@shop:shop/down,.tif ");
    /* until it is known it is as if it were there */
    find(c, "shop", "new", SI_OK, "/origin/one@shop/0000000000000000/shop/new",
        "one@shop:shop/new,.tif ");
    find(c, "deep", "x.tif", SI_OK, "/origin/two@/0000000000000abc/deep/x.tif.png",
        "two@:deep/x.tif, ");
    find(c, "shop", "../up", SI_ERR_FORBIDDEN, NULL, "");
    find(c, "shop", ".hidden/a", SI_ERR_NOT_FOUND, NULL, "");
    si_catalog_free(c);
}

static void test_nobody_to_ask(void **state) {
    (void)state;
    write_company("shop", "Sources = one\n[source one]\nUrl = https://one.example/\n");
    si_catalog *c = load();
    find(c, "shop", "a", SI_ERR_IO, NULL, "");
    si_catalog_free(c);
}

/* ---- sections ---- */

static void test_settings(void **state) {
    (void)state;
    write_company("shop",
        "Sources = one\n[source one]\nurl = https://one.example/a//\nFresh = 5\n"
        "Private = true\nExtensions = .jpg, .png\n[source two]\nBucket = 'b.c'\n");
    si_catalog *c = load(), *only = NULL;
    si_origins all = si_catalog_origins(c);
    assert_int_equal(all.count, 2);
    const si_origin *one = si_origins_find(&all, SI_STR("one@shop"));
    assert_non_null(one);
    assert_string_equal(one->url, "https://one.example/a");
    assert_int_equal(one->fresh, 5);
    assert_int_equal(one->missing, 10);
    assert_true(one->may_be_private);
    assert_null(si_origins_find(&all, SI_STR("one@")));
    assert_null(si_origins_find(&all, SI_STR("one")));
    char candidates[SI_ORIGIN_CANDIDATES][SI_ORIGIN_EXTENSION];
    assert_int_equal(si_origin_candidates(one, SI_STR("a/b"), SI_STR(".png"), candidates), 3);
    assert_string_equal(candidates[0], "");
    assert_string_equal(candidates[1], ".png");
    assert_string_equal(candidates[2], ".jpg");
    assert_int_equal(si_origin_candidates(one, SI_STR("a/b.TIF"), SI_STR(".png"), candidates), 1);
    /* the same without the rest of the configuration, and another number after a change */
    assert_int_equal(si_catalog_load_origins(in_folder("conf"), NULL, NULL, &only, NULL), SI_OK);
    si_origins same = si_catalog_origins(only);
    assert_int_equal(same.count, 2);
    assert_true(si_origins_find(&same, SI_STR("one@shop"))->id == one->id);
    si_catalog_free(only);
    write_company("shop", "[source one]\nUrl = https://one.example/b\n");
    assert_int_equal(si_catalog_load_origins(in_folder("conf"), NULL, NULL, &only, NULL), SI_OK);
    same = si_catalog_origins(only);
    assert_true(si_origins_find(&same, SI_STR("one@shop"))->id != one->id);
    si_catalog_free(only);
    si_catalog_free(c);
}

static void test_mistakes(void **state) {
    (void)state;
    static const mistake rows[] = {
        {"Sources = nowhere\n", 1, "[source nowhere]"},
        {"[source a]\nFresh = 1\n", 2, "either Url or Bucket"},
        {"[source a]\nUrl = http://x\nBucket = b\n", 2, "either Url or Bucket"},
        {"[source a]\nUrl = ftp://x\n", 2, "Url is"},
        {"[source a]\nUrl = http://user:word@x\n", 2, "Url is"},
        {"[source a]\nUrl = http://x?y\n", 2, "Url is"},
        {"[source a]\nUrl = http:///x\n", 2, "Url is"},
        {"[source a]\nBucket = b/c\n", 2, "Bucket"},
        {"[source a]\nBucket = b\nRegion = a:b\n", 2, "Region"},
        {"[source a]\nBucket = b\nEndpoint = s3.example\n", 2, "Endpoint"},
        {"[source a]\nBucket = b\nPrefix = /x\n", 2, "Prefix"},
        {"[source a]\nBucket = b\nPrefix = ../x\n", 2, "Prefix"},
        {"[source a]\nBucket = b\nCredentials = KEY:SECRET\n", 2, "Credentials are"},
        {"[source a]\nBucket = b\nCredentials = file:keys\n", 2, "Credentials are"},
        {"[source a]\nUrl = http://x\nCredentials = environment\n", 2, "Credentials are"},
        {"[source a]\nUrl = http://x\nExtensions = jpg\n", 2, "Extensions"},
        {"[source a]\nUrl = http://x\nExtensions = .a,.b,.c,.d,.e,.f,.g\n", 2, "Extensions"},
        {"[source a]\nUrl = http://x\nFresh = -1\n", 3, "Fresh"},
        {"[source a]\nUrl = http://x\nColour = red\n", 3, "unknown setting"},
        {"[source folder]\nUrl = http://x\n", 2, "names of sources"},
        {"[source a/b]\nUrl = http://x\n", 2, "names of sources"},
    };
    check_mistakes("acme.ini", ROWS(rows));
}

/* ---- paths ---- */

static void test_paths(void **state) {
    (void)state;
    si_origin_path parts;
    assert_true(si_origin_path_read("/origin/one@shop/00000000000000ff/a/b c.png", &parts));
    assert_int_equal(parts.version, 255);
    assert_string_equal(parts.key, "a/b c.png");
    assert_true(si_str_eq(parts.origin, SI_STR("one@shop")));
    static const char *const wrong[] = {"/origin/", "/origin/one@shop", "/origin/one@shop/ff/a",
        "/origin/one@shop/00000000000000ff", "/origin/one@shop/00000000000000ff/",
        "/origin/one@shop/00000000000000FF/a", "/uploads/a/b",
        "origin/one@shop/00000000000000ff/a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(si_origin_path_read(wrong[i], &parts));
    }
}

/* ---- keys ---- */

static void test_keys(void **state) {
    (void)state;
    si_origin_keys k;
    assert_int_equal(si_origin_keys_read(
                         SI_STR("# x\n[default]\naws_access_key_id=A\n"
                                "AWS_Secret_Access_Key = b/c+d=\r\nSessionToken = t\nregion = x\n"),
                         &k, NULL),
        SI_OK);
    assert_string_equal(k.id, "A");
    assert_string_equal(k.secret, "b/c+d=");
    assert_string_equal(k.token, "t");
    static const char *const wrong[] = {"", "AccessKeyId = A\n", "SecretAccessKey = b\n",
        "AccessKeyId = A B\nSecretAccessKey = b\n", "AccessKeyId = A\nSecretAccessKey =\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        si_diag diag = {0};
        assert_int_equal(si_origin_keys_read(si_str_of(wrong[i]), &k, &diag), SI_ERR_CONFIG);
        assert_null(strchr(diag.text, '='));
    }
    assert_int_equal(si_origin_keys_read_json(
                         SI_STR("{\"Code\" : \"Success\", \"n\": 7, \"AccessKeyId\":\"A\",\n"
                                "\"SecretAccessKey\" : \"b\", \"Token\" : \"t\",\n"
                                "\"Expiration\" : \"1970-01-02T00:00:00Z\"}"),
                         &k, NULL),
        SI_OK);
    assert_string_equal(k.secret, "b");
    assert_string_equal(k.token, "t");
    assert_int_equal(k.expires, 86400);
    static const char *const broken[] = {"{}", "\"AccessKeyId\"", "{\"AccessKeyId\":\"A",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\\u0000\"}", "{\"AccessKeyId\":"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_int_not_equal(si_origin_keys_read_json(si_str_of(broken[i]), &k, NULL), SI_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, clean),
        cmocka_unit_test_setup(test_nobody_to_ask, clean),
        cmocka_unit_test_setup(test_settings, clean),
        cmocka_unit_test_setup(test_mistakes, clean),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, set_up, remove_config_folder);
}
