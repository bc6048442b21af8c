/* Replies that need no pixels: property data, encodings, errors, media sets (docs/protocol.md,
 * Facts instead of pixels). */
#include "config_folder.h"

#include "reply/media_set.h"
#include "reply/replies.h"
#include "request/values.h"

static const si_shape text_shape = {SI_BODY_TEXT, "UTF-8", "s7jsonResponse", ""};

static si_shape shape_of(si_body body) {
    si_shape s = text_shape;
    s.body = body;
    s.request_id = "7";
    return s;
}

static void assert_reply(bool ok, si_reply *reply, const char *expected) {
    assert_true(ok);
    assert_int_equal(reply->body.len, strlen(expected));
    assert_memory_equal(reply->body.data, expected, reply->body.len);
    si_bytes_free(&reply->body);
}

static void test_raw_fields_end_with_one_line_end(void **unused) {
    (void)unused;
    si_reply r = {0};
    si_shape json = shape_of(SI_BODY_JSON);
    assert_reply(si_reply_field(&text_shape, "IMAGE_SET", "a,b;c", &r), &r, "a,b;c\r\n");
    assert_reply(si_reply_field(&text_shape, "IMAGE_SET", "", &r), &r, "\r\n");
    assert_reply(si_reply_field(&json, "IMAGE_SET", "a,b", &r), &r,
        "/*jsonp*/s7jsonResponse({\"IMAGE_SET\":\"a,b\"},\"7\");");
}

static void test_property_data(void **unused) {
    (void)unused;
    si_reply r = {0};
    si_shape json = shape_of(SI_BODY_JSON), xml = shape_of(SI_BODY_XML);
    const char *data = "a=1\r\nnot a property\r\nb=x=y <z>";
    assert_reply(
        si_reply_lines(&text_shape, data, &r), &r, "a=1\r\nnot a property\r\nb=x=y <z>\r\n");
    assert_reply(si_reply_lines(&json, data, &r), &r,
        "/*jsonp*/s7jsonResponse({\"a\":\"1\",\"b\":\"x=y \\u003cz\\u003e\"},\"7\");");
    assert_reply(si_reply_lines(&xml, data, &r), &r,
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<prop-group>\r\n"
        "<property name=\"a\" value=\"1\" />\r\n"
        "<property name=\"b\" value=\"x=y &lt;z&gt;\" />\r\n</prop-group>\r\n");
    assert_reply(si_reply_lines(&json, "", &r), &r, "/*jsonp*/s7jsonResponse({},\"7\");");
}

/* The function's name is fixed, whatever handler= says. */
static void test_errors_in_the_requested_encoding(void **unused) {
    (void)unused;
    si_reply r = {0};
    si_shape json = shape_of(SI_BODY_JSON);
    json.handler = "mine";
    assert_reply(si_reply_error(&json, "T", "m \"q\"", &r), &r,
        "/*jsonp*/s7jsonError({\"message\":\"m \\u0022q\\u0022\",\"title\":\"T\"},\"7\");");
    assert_reply(si_reply_error(&text_shape, "T", "m", &r), &r, "T: m\n");
    assert_reply(si_reply_error(&text_shape, "T", "", &r), &r, "T\n");
}

static void assert_encoded(const char *encoding, const char *expected, size_t len) {
    si_bytes b = {0};
    assert_true(si_bytes_append(&b, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF", 11));
    assert_true(si_reply_encode(&b, encoding));
    assert_int_equal(b.len, len);
    assert_memory_equal(b.data, expected, len);
    si_bytes_free(&b);
}

static void test_encodings_of_xml(void **unused) {
    (void)unused;
    assert_encoded("ISO-8859-1", "a\xE9&#8364;&#128512;\xFF", 19);
    assert_encoded("UTF-16BE", "\0a\0\xE9\x20\xAC\xD8\x3D\xDE\0\0\xFF", 12);
    assert_encoded("UTF-16LE", "a\0\xE9\0\xAC\x20\x3D\xD8\0\xDE\xFF\0", 12);
    assert_encoded("UTF-16", "\xFE\xFF\0a\0\xE9\x20\xAC\xD8\x3D\xDE\0\0\xFF", 14);
    assert_encoded("UTF-8", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xFF", 11);
    si_shape xml = shape_of(SI_BODY_XML);
    xml.encoding = "ISO-8859-1";
    si_reply r = {0};
    assert_true(si_reply_field(&xml, "n", "\xC3\xA9", &r));
    assert_string_equal(r.content_type, "text/xml; charset=ISO-8859-1");
    assert_non_null(memmem(r.body.data, r.body.len, "encoding=\"ISO-8859-1\"", 21));
    assert_non_null(memmem(r.body.data, r.body.len, "value=\"\xE9\"", 9));
    si_bytes_free(&r.body);
}

/* ---- media sets ---- */

static int set_up(void **state) {
    make_config_folder();
    make_dir("root/co");
    make_dir("root/crops");
    write_file("root/co/a.jpg", "a");
    write_file("root/co/b.jpg", "b");
    write_file("root/crops/a.jpg", "a");
    write_file("root/crops/b.jpg", "b");
    write_file("conf/companies/crops.ini",
        "[crops]\nLarge = 800x400\n[crop b]\nLarge = 0.1,0.2,0.5,0.5\n");
    write_file("conf/companies/co.ini",
        "[object swatches]\nImageSet = a;sw,b;{0xff0000 Red}\n"
        "[object spin]\nAssetType = SPINSET\nImageSet = a,b\n"
        "[object media]\nImageSet = a;;advanced_image,spin;a;spin,clip.mp4;;video\n"
        "[object one]\nImageSet = a;b\n"
        "[object sw]\nPath = b.jpg\n"
        "[object labelled]\nPath = a.jpg\nUserData = Name=A <1>??other=2\n"
        "[object labels]\nImageSet = labelled;sw\n"
        "[object plain]\nImageSet = a,b\n"
        "[object mixed]\nImageSet = plain;a;img_set,spin;b;img_set\n"
        "[object written]\nImageSet = plain;;spin,{a,b};;advanced_image_set\n"
        "[object media in media]\nImageSet = media;;,a;;img\n"
        "[object pages]\nImageSet = a:b,b\n");
    *state = load();
    return 0;
}

static int tear_down(void **state) {
    si_catalog_free(*state);
    return remove_config_folder(state);
}

static const char *media_set(
    si_catalog *c, si_arena *arena, const char *object, const char *label, si_body body) {
    si_recipe r;
    si_diag diag = {0};
    si_bytes out = {0};
    int sizes[SI_MEDIA_SET_IMAGES][2];
    si_set_crop crops[4] = {{.known = false}};
    bool cropped = strncmp(object, "crops/", 6) == 0;
    si_access access = {.catalog = c};
    const si_media_set_request request = {.catalog = c,
        .access = &access,
        .main = si_catalog_find_company(c, cropped ? SI_STR("crops") : SI_STR("co"), arena),
        .object = si_str_of(object + 6 * cropped),
        .label_key = label != NULL ? si_str_of(label) : (si_str){NULL, 0}};
    si_recipe_init(&r);
    r.req = SI_REQ_SET;
    r.body = body;
    r.request_id = "x";
    if (si_media_set_plan(&request, arena, &r, &diag) != SI_OK) {
        return si_arena_printf(arena, "error: %s", diag.text);
    }
    /* what a renderer gets is the recipe's text */
    const char *text;
    si_recipe back;
    assert_int_equal(si_recipe_print(&r, arena, &text, &diag), SI_OK);
    assert_int_equal(si_recipe_scan(si_str_of(text), arena, &back, &diag), SI_OK);
    for (int i = 0; i < back.picture.layer_count; i++) {
        bool a = strstr(back.picture.layers[i].source.file.path, "a.jpg") != NULL;
        sizes[i][0] = a ? 640 : 64;
        sizes[i][1] = a ? 480 : 48;
        crops[0] =
            (si_set_crop){.known = a && i == 0, .rect = {0.25, 0, 0.5, 1}, .colour = 0xA56DB2};
    }
    assert_true(si_media_set_crop_count(&back) <= 4);
    assert_int_equal(si_media_set_fill(&back, (const int(*)[2])sizes, crops, &out, &diag), SI_OK);
    char *copy = si_arena_copy(arena, (const char *)out.data, out.len);
    si_bytes_free(&out);
    for (char *iv = copy; (iv = strstr(iv, "\"iv\":\"")) != NULL;) { /* it depends on the time */
        memcpy(iv + 6, "........", 8);
        iv += 6;
    }
    return copy;
}

static void test_image_sets_and_swatches(void **state) {
    si_arena a = {0};
    assert_string_equal(media_set(*state, &a, "swatches", NULL, SI_BODY_JSON),
        "/*jsonp*/s7jsonResponse({\"set\":{\"pv\":\"1.0\",\"type\":\"img_set\",\"n\":\"co/"
        "swatches\","
        "\"item\":[{\"i\":{\"n\":\"co/a\"},\"s\":{\"n\":\"co/sw\"},\"dx\":\"640\",\"dy\":\"480\","
        "\"iv\":\"........\"},{\"i\":{\"n\":\"co/b\"},\"s\":{\"c\":\"0xff0000\",\"l\":\"Red\"},"
        "\"dx\":\"64\",\"dy\":\"48\",\"iv\":\"........\"}]}},\"x\");");
    si_arena_free(&a);
}

/* Clients test for both. */
static void test_a_single_item_is_an_object(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "one", NULL, SI_BODY_JSON);
    assert_non_null(strstr(text, "\"item\":{\"i\":{\"n\":\"co/a\"}"));
    assert_null(strstr(text, "["));
    si_arena_free(&a);
}

static void test_media_sets_hold_sets_and_videos(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "media", NULL, SI_BODY_JSON);
    assert_non_null(strstr(text, "\"type\":\"media_set\",\"n\":\"co/media\",\"item\":[{\"i\":{"));
    assert_non_null(strstr(text, "\"type\":\"img\",\"dx\":\"640\""));
    assert_non_null(
        strstr(text, "{\"set\":{\"pv\":\"1.0\",\"type\":\"spin\",\"n\":\"co/spin\",\"item\":[{"));
    assert_non_null(strstr(text, "}]},\"s\":{\"n\":\"co/a\"},\"type\":\"spin\"}"));
    assert_non_null(
        strstr(text, "{\"v\":{\"n\":\"co/clip.mp4\",\"path\":\"clip.mp4\"},\"type\":\"video\"}"));
    si_arena_free(&a);
}

/* The item of a media set says what it holds, by the type of the set: its record's AssetType, what
 * is written beside it, its shape. */
static void test_items_of_sets_have_the_type_of_their_set(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "mixed", NULL, SI_BODY_JSON);
    assert_non_null(strstr(text, "\"type\":\"img_set\",\"n\":\"co/plain\""));
    assert_non_null(strstr(text, "\"s\":{\"n\":\"co/a\"},\"type\":\"img_set\"}"));
    assert_non_null(strstr(text, "\"type\":\"spin\",\"n\":\"co/spin\""));
    assert_non_null(strstr(text, "\"s\":{\"n\":\"co/b\"},\"type\":\"spin\"}"));
    text = media_set(*state, &a, "written", NULL, SI_BODY_JSON);
    assert_non_null(strstr(text, "\"type\":\"spin\",\"n\":\"co/plain\""));
    assert_non_null(strstr(text, "\"type\":\"img_set\",\"item\":[{\"i\":{\"n\":\"co/a\"}"));
    text = media_set(*state, &a, "media in media", NULL, SI_BODY_JSON);
    assert_string_equal(text, "error: a media set in a media set");
    si_arena_free(&a);
}

/* How page components find smart crops: an array even of one, with the values of req=userdata. */
static void test_sets_of_images_name_their_smart_crops(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "crops/a", NULL, SI_BODY_JSON);
    assert_string_equal(text,
        "/*jsonp*/s7jsonResponse({\"set\":{\"pv\":\"1.0\",\"type\":\"img\",\"n\":\"crops/a\","
        "\"item\":{\"i\":{\"n\":\"crops/a\"},\"dx\":\"640\",\"dy\":\"480\",\"iv\":\"........\"},"
        "\"relation\":[{\"n\":\"crops/a:Large\",\"userdata\":{\"SmartCropDef\":\"Large\","
        "\"SmartCropType\":\"smart\",\"SmartCropWidth\":\"800.0\",\"SmartCropHeight\":\"400.0\","
        "\"SmartCropRect\":\"0.25,0,0.5,1,800,400\",\"SmartSwatchColor\":\"0xA56DB2\"}}]}},\"x\")"
        ";");
    text = media_set(*state, &a, "crops/b", NULL, SI_BODY_XML); /* whose original is unreadable */
    assert_non_null(strstr(text,
        "<relation n=\"crops/b:Large\"><userdata SmartCropDef=\"Large\" SmartCropType=\"manual\" "
        "SmartCropWidth=\"800.0\" SmartCropHeight=\"400.0\" SmartCropRect=\"\" "
        "SmartSwatchColor=\"\"/></relation>"));
    text = media_set(*state, &a, "a", NULL, SI_BODY_JSON); /* a company without crops */
    assert_null(strstr(text, "relation"));
    si_arena_free(&a);
}

static void test_types_of_smart_crops(void **unused) {
    (void)unused;
    const si_source found = {.smart_crop = {200, 200}};
    const si_source by_hand = {.smart_crop = {200, 200}, .crop_rect = {0, 0, 0.5, 0.5}};
    assert_string_equal(si_crop_type(&found, "Large"), "smart");
    assert_string_equal(si_crop_type(&by_hand, "Large"), "manual");
    assert_string_equal(si_crop_type(&found, "Swatch"), "Swatch");
}

static void test_names_of_jsonp_functions(void **unused) {
    (void)unused;
    static const char *const good[] = {
        "s7R", "altset_123", "ng_jsonp_callback_0", "a.b", "$x", "_", "a.$.c9", "jQuery17_1"};
    static const char *const bad[] = {"", "9a", "a.", ".a", "a..b", "a.9", "a b", "a(b", "a-b",
        "a;b", "a/*", "a[0]", "\xC3\xA9", "a\nb", "a'b", "a\"b", "<a>", "a,b", "a=b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(si_value_handler(si_str_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(si_value_handler(si_str_of(bad[i])));
    }
}

static void test_xml_and_pages(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "pages", NULL, SI_BODY_XML);
    assert_non_null(strstr(text, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n<set pv=\"1.0\" "
                                 "type=\"ecat\" n=\"co/pages\"><item dx=\"640\" dy=\"480\" iv=\""));
    assert_non_null(strstr(text, "\"><i n=\"co/a\"/><i n=\"co/b\"/></item>"));
    si_arena_free(&a);
}

static void test_labels_come_from_user_data(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "labels", "name", SI_BODY_XML);
    assert_non_null(strstr(text, "l=\"A &lt;1&gt;\""));
    text = media_set(*state, &a, "labels", "name", SI_BODY_JSON); /* no line end at its end */
    assert_non_null(strstr(text, "\"l\":\"A \\u003c1\\u003e\"}"));
    si_arena_free(&a);
}

static void test_images_are_sets_of_one(void **state) {
    si_arena a = {0};
    const char *text = media_set(*state, &a, "a", NULL, SI_BODY_JSON);
    assert_non_null(
        strstr(text, "{\"set\":{\"pv\":\"1.0\",\"type\":\"img\",\"n\":\"co/a\",\"item\":{"));
    text = media_set(*state, &a, "nothing", NULL, SI_BODY_JSON);
    assert_memory_equal(text, "error:", 6);
    si_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_fields_end_with_one_line_end),
        cmocka_unit_test(test_property_data),
        cmocka_unit_test(test_errors_in_the_requested_encoding),
        cmocka_unit_test(test_encodings_of_xml),
        cmocka_unit_test(test_image_sets_and_swatches),
        cmocka_unit_test(test_a_single_item_is_an_object),
        cmocka_unit_test(test_media_sets_hold_sets_and_videos),
        cmocka_unit_test(test_items_of_sets_have_the_type_of_their_set),
        cmocka_unit_test(test_sets_of_images_name_their_smart_crops),
        cmocka_unit_test(test_types_of_smart_crops),
        cmocka_unit_test(test_names_of_jsonp_functions),
        cmocka_unit_test(test_xml_and_pages),
        cmocka_unit_test(test_labels_come_from_user_data),
        cmocka_unit_test(test_images_are_sets_of_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
